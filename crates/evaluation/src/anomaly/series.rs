//! The comparison on long series. Windows are scored; each point gets the score of the window that ends with
//! it, as in a stream.

use super::own::steps;
use super::problem::{Judgeable, Problem, encode};
use super::rivals::{self, NETWORK};
use super::rows::{MEAN_PLUS_STD, promised};
use crate::context::Context;
use crate::error::EvaluationError;
use crate::outcome::{self, Evaluation};
use crate::spread::{Figures, Quantity, SPREAD, columns};
use ae_anomaly::fit::split::steps_for_window;
use ae_anomaly::fit::{EncodedSplit, TableSplit};
use ae_anomaly::{FitConfig, RowCalibration, Rule};
use ae_datasets::Series;
use ae_intake::{InputConfig, LayoutChoice, Shares, Table};
use ae_metrics::{DEFAULT_VUS_WINDOW, auroc, average_precision, best_f1, detect_events, sliding_window, vus};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;
use std::fmt::Write;
use std::ops::Range;

/// Window length on a benchmark's series, in steps.
const WINDOW: usize = 32;
/// False-alarm rates over points. The threshold promises the first that the calibration rows allow.
const BUDGETS: [f64; 2] = [0.01, 0.05];
/// Shares of the training part; in time order, a window apart.
const SHARES: Shares = Shares { train: 0.6, validation: 0.1, calibration: 0.3, test: 0.0 };
/// Points of a drawn series, at most.
const DRAWN_POINTS: usize = 1500;

const VUS_PR: Quantity = Quantity::share("vus_pr", "VUS-PR", 3);
const VUS_ROC: Quantity = Quantity::share("vus_roc", "VUS-ROC", 3);
const AUPRC: Quantity = Quantity::share("auprc", "AUPRC", 3);
const AUROC: Quantity = Quantity::share("auroc", "AUROC", 3);
const ORACLE_F1: Quantity = Quantity::share("oracle_f1", "oracle F1", 3);
const EVENT_RECALL: Quantity = Quantity::share("event_recall", "event recall", 2);
const DELAY_POINTS: Quantity = Quantity::positive("delay_points", "delay, points", 1);
const DELAY_HOURS: Quantity = Quantity::positive("delay_hours", "delay, hours", 2);
const FALSE_ALARMS: Quantity = Quantity::share("false_alarm_rate", "false-alarm rate", 3);
const QUANTITIES: [Quantity; 9] =
    [VUS_PR, VUS_ROC, AUPRC, AUROC, ORACLE_F1, EVENT_RECALL, DELAY_POINTS, DELAY_HOURS, FALSE_ALARMS];

/// A series, cut into windows, and the points that are judged.
pub(super) struct Case {
    /// Used in the names of metrics and files.
    name: String,
    title: String,
    /// Length of the series.
    points: usize,
    /// Window length in steps.
    window: usize,
    /// Width of the buffer around events, in points (Paparrizos et al., VLDB 2022).
    vus_window: usize,
    /// The judged points, ascending. `values`, `times` and the test rows are in this order.
    judged: Vec<usize>,
    /// The first channel, for the picture.
    values: Vec<f64>,
    /// In seconds.
    times: Option<Vec<f64>>,
    /// Its test rows are the windows that end with the judged points.
    problem: Problem,
    /// A sentence about the training part.
    source: String,
}

impl Case {
    /// A series with a training part before step `first`, judged from there on. `is_normal` and `times` (in
    /// seconds) have an entry for each step. `vus_window` is that of TSB-AD if it is not given.
    fn new(
        table: &Table,
        (first, is_normal): (usize, &[bool]),
        times: Option<Vec<f64>>,
        vus_window: Option<usize>,
        (name, title): (&str, &str),
        mut source: String,
    ) -> Result<Self, EvaluationError> {
        let split = TableSplit::by_shares(table.head(first), SHARES, 0)?;
        let EncodedSplit { schema, rows, notices, .. } = split.encode()?;
        notices.iter().for_each(|notice| tracing::warn!("{title}: {notice}"));
        let later: Vec<usize> = (first..table.len()).collect();
        let Judgeable { samples: test, places } = encode(&schema, table, &later)?;
        let judged: Vec<usize> = places.iter().map(|&place| later[place]).collect();
        let not_judged = later.len() - judged.len();
        if not_judged > 0 {
            write!(
                source,
                " {not_judged} of the later points are left out: too few of their values were observed."
            )
            .expect("text has room");
        }
        let values = filled(table.values.column(0).iter().map(|&value| f64::from(value)));
        let times = times.map(|times| filled(times.into_iter()));
        let none = test.select(&[]);
        let vus_window = match vus_window {
            Some(window) => window,
            None => sliding_window(&values).map_err(EvaluationError::metric(title))?,
        };
        Ok(Case {
            name: name.into(),
            title: title.into(),
            points: table.len(),
            window: schema.windows.map_or(WINDOW, |windows| windows.length),
            vus_window,
            values: judged.iter().map(|&step| values[step]).collect(),
            times: times.map(|times| judged.iter().map(|&step| times[step]).collect()),
            problem: Problem {
                held_out: none.clone(),
                classes: judged.iter().map(|&step| u32::from(!is_normal[step])).collect(),
                class_names: ["normal", "anomalous"].map(String::from).into(),
                not_judged,
                contaminants: none,
                uncontaminated: Vec::new(),
                test,
                rows,
            },
            judged,
            source,
        })
    }

    /// A series from a user's file, with a column that says which steps are normal. The buffer around events is as wide
    /// as the period that `fit` finds in it.
    pub(super) fn own(
        table: &Table,
        first: usize,
        title: &str,
        source: String,
    ) -> Result<Self, EvaluationError> {
        let head = table.head(first);
        let window = head.period(&steps_for_window(&head)).unwrap_or(DEFAULT_VUS_WINDOW);
        Case::new(table, (first, &steps(table)), table.seconds(), Some(window), ("own", title), source)
    }

    /// A series of a benchmark, with its own training part.
    pub(super) fn benchmark(series: &Series) -> Result<Self, EvaluationError> {
        let config =
            InputConfig { layout: LayoutChoice::Windows, window: Some(WINDOW), ..InputConfig::default() };
        let values = series.values.mapv(|value| value as f32);
        let table = Table::from_array_with(values.view(), &["value"], &config)?;
        let is_normal: Vec<bool> = series.labels().into_iter().map(|is_anomaly| !is_anomaly).collect();
        let source = format!("Trained on the first {} points.", series.n_train);
        let names = (series.name.as_str(), series.name.as_str());
        Case::new(&table, (series.n_train, &is_normal), series.times.clone(), None, names, source)
    }
}

/// Runs the comparison on one series with every seed, and adds its table, metrics and picture.
pub(super) fn evaluate(
    context: &mut Context<'_>,
    case: &Case,
    evaluation: &mut Evaluation,
    gallery: &Gallery,
    place: u32,
) -> Result<(), EvaluationError> {
    let metric = || EvaluationError::metric(case.name.clone());
    let problem = &case.problem;
    let truth = problem.truth();
    let events = ae_metrics::events(&truth);
    let rule = promised(&BUDGETS, problem.rows.calibration.len()).unwrap_or(MEAN_PLUS_STD);
    let mut lines: Vec<(String, String, Figures)> = Vec::new();
    let seeds = context.seeds.clone();
    for (at, &seed) in seeds.iter().enumerate() {
        context.observer.on_note(&format!("{}: seed {seed}, {} of {}", case.title, at + 1, seeds.len()));
        let config = FitConfig { seed, ..FitConfig::default() };
        for rival in rivals::fit(context, &problem.rows, &config, &[])? {
            let scorer = rival.scorer.as_ref();
            let rows = RowCalibration::fit(scorer, &problem.rows, rule, seed, None)??;
            let (threshold, scores) = (*rows.calibration().threshold(), rows.scores(scorer, &problem.test)?);
            let volumes = vus(&scores, &truth, case.vus_window).map_err(metric())?;
            let found = detect_events(&threshold.flag(&scores), &events).map_err(metric())?;
            let times = case.times.as_ref();
            let hours = times.map(|times| found.delays_in_time(times)).transpose().map_err(metric())?;
            let hours =
                hours.and_then(|delays| mean(delays.into_iter().flatten().map(|delay| delay / 3600.0)));
            let line = match lines.iter().position(|(key, ..)| *key == rival.key) {
                Some(line) => line,
                None => {
                    lines.push((rival.key.clone(), rival.name.clone(), Figures::default()));
                    lines.len() - 1
                }
            };
            for (quantity, value) in [
                (VUS_PR, Some(volumes.pr)),
                (VUS_ROC, Some(volumes.roc)),
                (AUPRC, Some(average_precision(&scores, &truth).map_err(metric())?)),
                (AUROC, Some(auroc(&scores, &truth).map_err(metric())?)),
                (ORACLE_F1, Some(best_f1(&scores, &truth).map_err(metric())?.f1)),
                (EVENT_RECALL, Some(found.recall().map_err(metric())?)),
                (DELAY_POINTS, found.mean_delay()),
                (DELAY_HOURS, hours),
                (FALSE_ALARMS, Some(found.false_point_rate())),
            ] {
                if let Some(value) = value {
                    lines[line].2.push(seed, &quantity, value);
                }
            }
            if at == 0 && rival.key == NETWORK {
                draw(gallery, case, &scores, &truth, threshold.value(), (place, seed))?;
            }
        }
    }
    let mut rows = Vec::new();
    for (key, name, figures) in &lines {
        let mut row = vec![name.clone()];
        row.extend(figures.cells(&QUANTITIES)?);
        rows.push(row);
        figures.enter(&mut evaluation.metrics, &format!("{}/{key}", case.name))?;
    }
    evaluation.metrics.insert(format!("{}/vus_window", case.name), case.vus_window as f64);
    let events = match events.len() {
        1 => "1 event".to_string(),
        n => format!("{n} events"),
    };
    let threshold = match rule {
        Rule::FalseAlarmRate { rate } => {
            format!("promises to flag at most {:.0} % of normal points", 100.0 * rate)
        }
        _ => format!(
            "is the mean of the scores of {} normal points plus 3 standard deviations, as that is too few to promise a rate",
            problem.rows.calibration.len()
        ),
    };
    evaluation.tables.push(outcome::ResultTable {
        title: format!("{}: {} points, {events}, VUS window {}", case.title, case.points, case.vus_window),
        columns: columns(&["detector"], &QUANTITIES),
        rows,
        note: format!(
            "{} Judged in windows of {} points, each point by the window that ends with it. {SPREAD} \
             The threshold {threshold}. Delays are averaged over the detected events. A point counts as normal as \
             soon as its event is over, although the windows of the next {} points still contain part of the event.",
            case.source,
            case.window,
            case.window - 1
        ),
    });
    Ok(())
}
fn draw(
    gallery: &Gallery,
    case: &Case,
    scores: &[f64],
    truth: &[bool],
    threshold: f64,
    (place, seed): (u32, u64),
) -> Result<(), EvaluationError> {
    let values = &case.values;
    let step = values.len().div_ceil(DRAWN_POINTS).max(1);
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let span = if high > low { high - low } else { 1.0 };
    let most = scores.iter().copied().fold(threshold, f64::max).max(f64::MIN_POSITIVE);
    let line = |name: &str, at: &dyn Fn(Range<usize>) -> f64| {
        let blocks = (0..values.len()).step_by(step).map(|start| start..(start + step).min(values.len()));
        let points = blocks.map(|block| (case.judged[block.start] as f64, at(block))).collect();
        picture::Line { name: name.into(), points, labels: Vec::new() }
    };
    let greatest = |block: Range<usize>| scores[block].iter().copied().fold(0.0, f64::max);
    let lines = [
        line("series, scaled", &|block| 1.2 + (values[block.start] - low) / span),
        line("score", &|block| greatest(block) / most),
        line("threshold", &|_| threshold / most),
        line("labelled", &|block| if truth[block].contains(&true) { -0.1 } else { -0.2 }),
    ];
    let entry = Entry {
        file: format!("{}.png", case.name),
        order: place * 10,
        title: format!("{}: series, score and labels", case.title),
        caption: format!(
            "Top: the series. Below it: the network's score and the threshold, seed {seed}. The lowest line steps up where \
             points are labelled anomalous."
        ),
    };
    gallery.add(entry, |path| picture::lines(path, "point", "scaled", &lines))?;
    Ok(())
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
/// The values with each gap filled by the value before it, or by 0 before the first value.
fn filled(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut before = 0.0;
    let fill = |value: f64| {
        before = if value.is_finite() { value } else { before };
        before
    };
    values.map(fill).collect()
}
