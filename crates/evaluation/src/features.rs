//! `ae eval features`: compares codes with raw pixels and principal component analysis of the same size as
//! features for a classifier with few labels.

use crate::anomaly::autoencoder;
use crate::codes;
use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::held_out::strided;
use crate::outcome::{Evaluation, ResultTable};
use crate::probe::Probe;
use crate::spread::{Figure, Quantity, SPREAD};
use crate::subject::Models;
use crate::tasks::RunTask;
pub(crate) use ae_catalogue::tasks::FEATURES as TASK;
use ae_metrics::knn_accuracy;
use ae_report::gallery::Entry;
use ae_report::picture::{self, Axis, Panel};
use ae_tensor::{Device, Noise, Pca, Tensor, array};
use ae_training::Splits;
use indexmap::IndexMap;
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, _| {
    let models = Models::of(context, PRESETS)?;
    evaluate(context, &models.names(), &BUDGETS, |name, seed| models.wanted(name, seed))
};

/// Presets whose codes are evaluated.
const PRESETS: &[&str] = &[
    "linear",
    "vanilla",
    "deep",
    "hinton",
    "sparse",
    "contractive",
    "denoising",
    "conv",
    "vae",
    "beta_vae",
    "aae",
    "mae",
];
/// Numbers of labelled rows.
const BUDGETS: [usize; 3] = [100, 1000, 10_000];
/// Draws of the labelled rows for each seed.
const DRAWS: u64 = 3;
/// Test rows, at most.
const TEST_ROWS: usize = 10_000;
const NEIGHBOURS: usize = 5;

const ACCURACY: Quantity = Quantity::share("accuracy", "accuracy", 4);

/// A classifier of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Judge {
    Probe,
    Neighbours,
}

const JUDGES: [Judge; 2] = [Judge::Probe, Judge::Neighbours];

/// Representations by name in the metrics.
type Entrants = IndexMap<String, Entrant>;

/// A representation and its classification accuracies.
struct Entrant {
    title: String,
    size: i64,
    /// By classifier and number of labels.
    accuracies: IndexMap<(Judge, usize), Figure>,
}

/// The rows for all representations of one seed.
struct Trial {
    seed: u64,
    budgets: Vec<usize>,
    classes: i64,
    /// Labelled rows of each draw, with their labels; a smaller budget takes the first of them.
    draws: Vec<(Tensor, Vec<i64>)>,
    test: Tensor,
    test_labels: Vec<i64>,
    pca: Pca,
}

fn evaluate(
    context: &mut Context<'_>,
    presets: &[&str],
    budgets: &[usize],
    wanted: impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    draft.expect(presets.len() * context.seeds.len());
    // As many of them as other data have labels.
    let mut budgets = budgets.to_vec();
    let mut entrants = Entrants::new();
    for seed in context.seeds.clone() {
        let mut trial: Option<Trial> = None;
        let mut sizes = Vec::new();
        for name in presets {
            let run = draft.trained(context, &wanted(name, seed)?)?;
            let model = autoencoder(&run)?;
            if trial.is_none() {
                if context.subject.is_given() {
                    budgets.retain(|&n| n <= run.splits.train.len() || n == BUDGETS[0]);
                }
                let new = Trial::new(&run.splits, seed, &budgets)?;
                new.judge("pixels", "the raw data", &mut entrants, |rows| rows.flatten(1, -1))?;
                trial = Some(new);
            }
            let Some(trial) = &trial else { continue };
            trial.judge(name, name, &mut entrants, |rows| codes::of_batch(model, rows))?;
            let size = model.code_size().min(trial.pca.components());
            if size < trial.pca.most() && !sizes.contains(&size) {
                sizes.push(size);
                let (name, title) = (format!("pca{size}"), format!("PCA, {size} components"));
                trial.judge(&name, &title, &mut entrants, |rows| trial.pca.codes(rows, size))?;
            }
        }
    }
    for judge in JUDGES {
        report(&mut draft, &entrants, judge, &budgets)?;
    }
    let mut panels = Vec::new();
    for judge in JUDGES {
        panels.push(panel(&entrants, judge, &budgets)?);
    }
    let entry = Entry {
        file: "labels.png".into(),
        title: "Accuracy by number of labels".into(),
        caption: match context.seeds.len() {
            1 => "Means over the draws of the labelled rows.".into(),
            _ => "Means over the seeds and the draws of the labelled rows.".into(),
        },
        order: 0,
    };
    draft.gallery.add(entry, |path| picture::panels(path, &panels))?;
    draft.finish(format!(
        "The models see all training rows without labels. The classifiers see the codes of labelled rows drawn at random \
         ({DRAWS} draws; smaller sets are subsets of larger ones) and are judged on test rows. The linear probe is \
         multinomial logistic regression, fitted to convergence on features that are centred and scaled by a single number. \
         Its L2 penalty is chosen by accuracy on some of the labelled rows, which are held out from that fit and count \
         towards the number of labels. k-NN uses the {NEIGHBOURS} nearest neighbours. PCA is fitted on all training rows. A \
         code that is a distribution is represented by its mean. Models that are trained on damaged input get clean rows."
    ))
}

impl Judge {
    /// Name in the metrics.
    fn name(self) -> &'static str {
        match self {
            Judge::Probe => "probe",
            Judge::Neighbours => "knn",
        }
    }

    /// Name in tables and pictures.
    fn title(self) -> &'static str {
        match self {
            Judge::Probe => "Linear probe",
            Judge::Neighbours => "k nearest neighbours",
        }
    }
}

impl Trial {
    fn new(splits: &Splits, seed: u64, budgets: &[usize]) -> Result<Self, EvaluationError> {
        let labels = codes::labels(splits, &splits.train.rows(0, splits.train.len()))?;
        let test = strided(&splits.test, TEST_ROWS);
        let test_labels = codes::labels(splits, &test)?;
        let largest = budgets.iter().copied().max().unwrap_or(0);
        if labels.len() < largest {
            let set = splits.dataset.name.clone();
            let remedy = "use more of its rows: raise data.max_train or lower data.validation";
            let few = largest == BUDGETS[0];
            let missing = if few { "100 labelled training rows" } else { "10,000 labelled training rows" };
            return Err(EvaluationError::Data { set, missing, remedy });
        }
        let draw = |draw: u64| {
            let noise = Noise::new(seed, draw, Device::Cpu).fork("labelled rows");
            let order = noise.permutation("rows", labels.len() as i64).narrow(0, 0, largest as i64);
            let chosen = Vec::<i64>::try_from(&order).expect("a flat tensor of int64");
            let values = splits.train.values();
            let rows = values.index_select(0, &order.to_device(values.device()));
            (rows, chosen.into_iter().map(|row| labels[row as usize]).collect())
        };
        Ok(Trial {
            seed,
            budgets: budgets.into(),
            classes: labels.iter().chain(&test_labels).max().map_or(0, |greatest| greatest + 1),
            draws: (0..DRAWS).map(draw).collect(),
            test: test.values,
            test_labels,
            pca: Pca::fit(splits.train.values()),
        })
    }

    /// Adds the accuracies of a representation; `by` maps a batch of rows to `[B, D]`.
    fn judge(
        &self,
        name: &str,
        title: &str,
        entrants: &mut Entrants,
        by: impl Fn(&Tensor) -> Tensor,
    ) -> Result<(), EvaluationError> {
        let test = codes::represent(&self.test, &by);
        let (test_rows, test_labels) = (array::to_rows(&test), Tensor::from_slice(&self.test_labels));
        let entrant = entrants.entry(name.into()).or_insert_with(|| Entrant {
            title: title.into(),
            size: test.size()[1],
            accuracies: IndexMap::new(),
        });
        for (rows, labels) in &self.draws {
            let train = codes::represent(rows, &by);
            for &n in &self.budgets {
                let (few, labels) = (train.narrow(0, 0, n as i64), &labels[..n]);
                let probe = Probe::fit(&few, &Tensor::from_slice(labels), self.classes);
                let by_probe = probe.accuracy(&test, &test_labels);
                tracing::info!(
                    "{title}, {n} labels, seed {}: probe {by_probe:.4} (penalty {:e})",
                    self.seed,
                    probe.penalty
                );
                let (few, k) = (array::to_rows(&few), NEIGHBOURS.min(n));
                let by_neighbours = knn_accuracy(&few, labels, &test_rows, &self.test_labels, k)
                    .map_err(EvaluationError::metric(title))?;
                for (judge, accuracy) in [(Judge::Probe, by_probe), (Judge::Neighbours, by_neighbours)] {
                    let figure = entrant.accuracies.entry((judge, n));
                    figure.or_insert_with(|| Figure::new(ACCURACY)).push(self.seed, accuracy);
                }
            }
        }
        Ok(())
    }
}

fn report(
    draft: &mut Draft,
    entrants: &Entrants,
    judge: Judge,
    budgets: &[usize],
) -> Result<(), EvaluationError> {
    let heads = budgets.iter().map(|n| format!("{n} labels"));
    let columns = ["features", "dimensions"].into_iter().map(String::from).chain(heads).collect();
    let mut rows = Vec::new();
    for (name, Entrant { title, size, accuracies }) in entrants {
        let mut row = vec![title.clone(), size.to_string()];
        for &n in budgets {
            let figure = &accuracies[&(judge, n)];
            row.push(figure.to_text()?);
            figure.enter(&mut draft.evaluation.metrics, &format!("{}/{name}/{n}", judge.name()))?;
        }
        rows.push(row);
    }
    let spread = match draft.evaluation.seeds.len() {
        1 => format!(
            "Means over {DRAWS} draws of the labelled rows, in brackets the 95 % interval of the mean (Student's, on the scale \
             of the logit)."
        ),
        _ => format!("{SPREAD} Draws of the labelled rows are averaged for each seed."),
    };
    let note = format!("Share of test rows classified correctly; higher is better. {spread}");
    draft.evaluation.tables.push(ResultTable { title: judge.title().into(), columns, rows, note });
    Ok(())
}

/// Mean accuracy by number of labels.
fn panel(entrants: &Entrants, judge: Judge, budgets: &[usize]) -> Result<Panel, EvaluationError> {
    let axis = |name: &str, logarithmic| Axis { name: name.into(), logarithmic };
    let mut lines = Vec::new();
    for Entrant { title, accuracies, .. } in entrants.values() {
        let mut points = Vec::new();
        for &n in budgets {
            points.push((n as f64, accuracies[&(judge, n)].summary()?.mean));
        }
        lines.push((title.clone(), points));
    }
    Ok(Panel { title: judge.title().into(), x: axis("labels", true), y: axis("accuracy", false), lines })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, labelled, wanted};

    fn run(bench: &Bench, budgets: &[usize]) -> Result<(Evaluation, PathBuf), EvaluationError> {
        let data = bench.waves(true);
        let narrow = |name: &str, seed| {
            let mut wanted = labelled(wanted(name, name, &data, 30, seed));
            let size = if name == "vae" { r#""latent": 3"# } else { r#""code": 3"# };
            wanted.experiment.model = serde_json::from_str(&format!(r#"{{"{name}": {{{size}}}}}"#)).unwrap();
            Ok(wanted)
        };
        bench.with(&[0, 1], |context| evaluate(context, &["vanilla", "vae"], budgets, narrow))
    }

    #[test]
    fn easy_data_are_classified_and_more_labels_help() {
        let bench = Bench::new();
        let (evaluation, report) = run(&bench, &[6, 40]).unwrap();
        for table in &evaluation.tables {
            let titles: Vec<&str> = table.rows.iter().map(|row| row[0].as_str()).collect();
            assert_eq!(titles, ["the raw data", "vanilla", "PCA, 3 components", "vae"]);
            assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
        }
        let metric = |name: &str| evaluation.metrics[name];
        for name in ["probe/pixels", "probe/pca3", "knn/pixels", "knn/pca3"] {
            assert_eq!(metric(&format!("{name}/40/accuracy")), 1.0, "{name}: inverted waves are easy");
            assert!(metric(&format!("{name}/6/accuracy")) <= 1.0);
        }
        assert!(metric("probe/vae/40/accuracy") > 0.7);
        assert!(report.with_file_name("images").join("labels.png").exists());
        assert_eq!(run(&bench, &[6, 40]).unwrap().0, evaluation);
    }

    #[test]
    fn too_few_rows_are_refused() {
        let error = run(&Bench::new(), &[6, 400]).unwrap_err().to_string();
        assert!(error.contains("has no 10,000 labelled training rows"), "{error}");
    }
}
