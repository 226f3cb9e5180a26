//! Pictures of forecasts of series.

use super::Entrant;
use super::problem::Problem;
use crate::error::EvaluationError;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, Axis, Line, Panel};
use ae_tensor::{Kind, Tensor, array};

/// Panels of a picture.
const SHOWN: usize = 6;
/// Given steps in a picture of a series.
const PAST: i64 = 48;

/// Beats of different classes with the forecasts of the linear model and of the network, and its interval.
pub(super) fn beats(
    gallery: &Gallery,
    problem: &Problem,
    entrants: &[Entrant],
    labels: Option<&Tensor>,
    names: &[String],
) -> Result<(), EvaluationError> {
    let labels = labels.map(array::to_vec).unwrap_or_default();
    let mut rows: Vec<(usize, String)> = Vec::new();
    for (label, name) in names.iter().enumerate() {
        if let Some(row) = labels.iter().position(|&other| other as usize == label) {
            rows.push((row, name.clone()));
        }
    }
    if rows.is_empty() {
        rows = (0..SHOWN.min(problem.test.given.size()[0] as usize))
            .map(|row| (row, format!("row {}", row + 1)))
            .collect();
    }
    rows.truncate(SHOWN);
    let caption = "The first held-out beat of each class: what is given and what follows, the forecasts, and the interval \
                   of the network, which promises to hold nine values in ten.";
    let entry =
        Entry { file: "forecasts.png".into(), order: 10, title: "Forecasts".into(), caption: caption.into() };
    panels(gallery, entry, problem, entrants, &rows, problem.test.given.size()[1])
}

/// Evenly spaced windows of a series.
pub(super) fn series(
    gallery: &Gallery,
    name: &str,
    problem: &Problem,
    entrants: &[Entrant],
) -> Result<(), EvaluationError> {
    let n = problem.test.given.size()[0] as usize;
    let count = SHOWN.min(n);
    let rows: Vec<(usize, String)> =
        (0..count).map(|at| at * n / count).map(|row| (row, format!("window {}", row + 1))).collect();
    let caption = format!("Held-out windows of {name}, evenly spaced, and the interval of the network.");
    let entry = Entry { file: format!("{name}.png"), order: 20, title: name.into(), caption };
    panels(gallery, entry, problem, entrants, &rows, PAST)
}

/// A panel for each of these test rows, with the last `past` given steps.
fn panels(
    gallery: &Gallery,
    entry: Entry,
    problem: &Problem,
    entrants: &[Entrant],
    rows: &[(usize, String)],
    past: i64,
) -> Result<(), EvaluationError> {
    let network = entrants.last().expect("the network is the last");
    let radii = problem.judge(&network.forecasts)?.radii;
    let given = problem.test.given.size()[1];
    let row = |tensor: &Tensor, row: usize| array::to_vec(&tensor.get(row as i64));
    let panel = |(at, title): &(usize, String)| {
        let all = row(&problem.test.given, *at);
        let before: Vec<(f64, f64)> =
            (0..).map(f64::from).zip(all.iter().copied()).skip((given - past) as usize).collect();
        let join = |values: Vec<f64>| -> Vec<(f64, f64)> {
            let after = (given..).map(|step| step as f64).zip(values);
            before.last().copied().into_iter().chain(after).collect()
        };
        let mut truth = before.clone();
        truth.extend(join(row(&problem.test.future, *at)).into_iter().skip(1));
        let mut lines = vec![("true".to_owned(), truth)];
        for entrant in entrants.iter().filter(|entrant| ["linear", "composite"].contains(&entrant.name)) {
            lines.push((entrant.title.to_owned(), join(row(&entrant.forecasts.test, *at))));
        }
        let said = row(&network.forecasts.test, *at);
        for (name, sign) in [("its interval, above", 1.0), ("its interval, below", -1.0)] {
            let edge: Vec<f64> =
                said.iter().zip(&radii).map(|(value, radius)| value + sign * radius).collect();
            lines.push((name.to_owned(), join(edge).into_iter().skip(1).collect()));
        }
        Panel {
            title: title.clone(),
            x: Axis { name: "step".into(), logarithmic: false },
            y: Axis::default(),
            lines,
        }
    };
    let panels: Vec<Panel> = rows.iter().map(panel).collect();
    Ok(gallery.add(entry, |path| picture::panels(path, &panels))?)
}

/// The mean squared error at each step.
pub(super) fn errors(
    gallery: &Gallery,
    problem: &Problem,
    entrants: &[Entrant],
) -> Result<(), EvaluationError> {
    let line = |entrant: &Entrant| {
        let squares = (&entrant.forecasts.test - &problem.test.future).square();
        let means = array::to_vec(&squares.mean_dim([0i64].as_slice(), false, None::<Kind>));
        Line {
            name: entrant.title.into(),
            points: (1..).map(f64::from).zip(means).collect(),
            labels: Vec::new(),
        }
    };
    let lines: Vec<Line> = entrants.iter().map(line).collect();
    let caption = "Mean squared error of the held-out rows at each step to forecast.";
    let entry = Entry {
        file: "errors.png".into(),
        order: 15,
        title: "Errors by step".into(),
        caption: caption.into(),
    };
    Ok(gallery
        .add(entry, |path| picture::lines(path, "step after the given ones", "mean squared error", &lines))?)
}
