//! `ae eval features`: what a code is worth to a classifier that gets few labels, beside raw pixels and principal
//! component analysis of the same size.

use crate::anomaly::autoencoder;
use crate::codes;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use crate::probe::Probe;
use ae_anomaly::Pca;
use ae_metrics::{knn_accuracy, mean_std};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, Axis, Panel};
use ae_tensor::{Device, Kind, Noise, Tensor};
use ae_training::{Split, Splits};
use std::path::PathBuf;

/// Seeds that the task is run with unless others are given.
pub const SEEDS: &[u64] = &[0];

/// Presets whose codes are judged.
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
/// Labelled rows.
const BUDGETS: [usize; 3] = [100, 1000, 10_000];
/// Draws of the labelled rows, for each seed of the models.
const SUBSETS: u64 = 3;
/// Test rows, from the first on.
const TEST_ROWS: usize = 10_000;
const NEIGHBOURS: usize = 5;
const JUDGES: [(&str, &str); 2] = [("probe", "Linear probe"), ("knn", "k nearest neighbours")];

/// A representation and its accuracies, `[judge][budget]`, one for each seed and subset.
struct Entrant {
    title: String,
    name: String,
    size: i64,
    accuracies: Vec<Vec<Vec<f64>>>,
}

/// The rows that all representations of one seed are judged on.
struct Trial {
    seed: u64,
    classes: i64,
    /// Labelled rows of each subset, in the order in which budgets take them, and their labels.
    subsets: Vec<(Tensor, Vec<i64>)>,
    test: Tensor,
    test_labels: Vec<i64>,
}

/// Trains what is missing, and compares. Returns the results and the report's path,
/// `runs/eval-features/<id>/report.html`.
///
/// # Errors
/// Where a model cannot be trained, or a file not written; see [`EvaluationError`].
pub fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    evaluate(context, PRESETS, &BUDGETS, |name, seed| Wanted::preset(name, &[], seed))
}

fn evaluate(
    context: &mut Context<'_>,
    presets: &[&str],
    budgets: &[usize],
    wanted: impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    context.check_seeds()?;
    let seeds = context.seeds.clone();
    let folder = context.folder("features");
    let mut evaluation = Evaluation {
        task: "features".into(),
        title: "What a code is worth to a classifier".into(),
        method: format!(
            "The models see all training rows without labels; the classifiers see the codes of a few labelled ones, \
             drawn at random ({SUBSETS} draws; the smaller sets are parts of the larger ones), and are judged on test \
             rows. The linear probe is multinomial logistic regression, fitted until it converges on features that are \
             centred and scaled by one number; its L2 penalty is chosen among labelled rows held out from the fit, \
             which count as labels. k-NN takes the {NEIGHBOURS} nearest. PCA is fitted on all training rows. A code \
             that is a distribution stands for its mean; models that train on damaged input are shown clean rows."
        ),
        command: context.command("features"),
        seeds: seeds.clone(),
        ..Evaluation::default()
    };
    let mut entrants: Vec<Entrant> = Vec::new();
    for &seed in &seeds {
        let mut baseline: Option<(Trial, Pca)> = None;
        let mut sizes = Vec::new();
        for name in presets {
            let run = context.trained(&wanted(name, seed)?)?;
            let model = autoencoder(&run)?;
            if baseline.is_none() {
                let trial = Trial::new(&run.splits, seed, budgets)?;
                judge(
                    &mut entrants,
                    ("pixels".into(), "the data themselves".into()),
                    &trial,
                    budgets,
                    |rows| rows.flatten(1, -1),
                )?;
                baseline = Some((trial, Pca::fit(run.splits.train.values())));
            }
            let Some((trial, pca)) = &baseline else { continue };
            let who = (name.to_string(), name.to_string());
            judge(&mut entrants, who, trial, budgets, |rows| codes::encode_rows(model, rows))?;
            let size = model.code_size();
            if size < pca.most() && !sizes.contains(&size) {
                sizes.push(size);
                let who = (format!("pca{size}"), format!("PCA, {size} components"));
                judge(&mut entrants, who, trial, budgets, |rows| pca.codes(rows, size))?;
            }
            evaluation.runs.push(run.dir.root().to_path_buf());
        }
    }
    let gallery = Gallery::new(folder.join("images"));
    for (judge, (name, title)) in JUDGES.iter().enumerate() {
        enter(&mut evaluation, &entrants, budgets, judge, name, title)?;
    }
    let entry = Entry {
        file: "labels.png".into(),
        title: "Accuracy over labels".into(),
        caption: "Means over the draws of the labelled rows.".into(),
        order: 0,
    };
    gallery.add(entry, |path| picture::panels(path, &panels(&entrants, budgets)))?;
    evaluation.pictures = gallery.entries()?;
    let report = evaluation.write(&folder)?;
    Ok((evaluation, report))
}

impl Trial {
    fn new(splits: &Splits, seed: u64, budgets: &[usize]) -> Result<Self, EvaluationError> {
        let n_test = splits.test.len().min(TEST_ROWS);
        let labels = codes::labels(splits, &splits.train, splits.train.len())?;
        let test_labels = codes::labels(splits, &splits.test, n_test)?;
        let most = budgets.iter().copied().max().unwrap_or(0);
        if labels.len() < most {
            let set = splits.dataset.name.clone();
            let remedy = "take more of it; see data.max_train and data.validation";
            return Err(EvaluationError::Data { set, missing: "10,000 labelled training rows", remedy });
        }
        let subset = |subset: u64| {
            let noise = Noise::new(seed, subset, Device::Cpu).fork("labelled rows");
            let order = noise.permutation("rows", labels.len() as i64).narrow(0, 0, most as i64);
            let chosen = Vec::<i64>::try_from(&order).expect("a flat tensor of int64");
            let values = splits.train.values();
            let rows = values.index_select(0, &order.to_device(values.device()));
            (rows, chosen.into_iter().map(|row| labels[row as usize]).collect())
        };
        let classes = labels.iter().chain(&test_labels).max().map_or(0, |most| most + 1);
        let test = first(&splits.test, n_test);
        Ok(Trial { seed, classes, subsets: (0..SUBSETS).map(subset).collect(), test, test_labels })
    }
}

fn first(split: &Split, n: usize) -> Tensor {
    split.values().narrow(0, 0, n as i64)
}

/// Accuracies of a representation: `represent` takes a batch of rows to `[B, D]`.
fn judge(
    entrants: &mut Vec<Entrant>,
    (name, title): (String, String),
    trial: &Trial,
    budgets: &[usize],
    represent: impl Fn(&Tensor) -> Tensor,
) -> Result<(), EvaluationError> {
    let of = |rows: &Tensor| -> Tensor {
        let batches = rows.split(ae_training::evaluate::BATCH as i64, 0);
        let codes: Vec<Tensor> = batches.iter().map(&represent).collect();
        Tensor::cat(&codes, 0).to_device(Device::Cpu).to_kind(Kind::Float)
    };
    let test = of(&trial.test);
    let (test_matrix, test_tensor) = (codes::matrix(&test), Tensor::from_slice(&trial.test_labels));
    let at = entrants.iter().position(|entrant| entrant.name == name).unwrap_or(entrants.len());
    if at == entrants.len() {
        let accuracies = vec![vec![Vec::new(); budgets.len()]; JUDGES.len()];
        entrants.push(Entrant { title: title.clone(), name, size: test.size()[1], accuracies });
    }
    for (rows, labels) in &trial.subsets {
        let train = of(rows);
        for (place, &n) in budgets.iter().enumerate() {
            let (few, labels) = (train.narrow(0, 0, n as i64), &labels[..n]);
            let probe = Probe::fit(&few, &Tensor::from_slice(labels), trial.classes);
            let by_probe = probe.accuracy(&test, &test_tensor);
            tracing::info!(
                "{title}, {n} labels, seed {}: probe {by_probe:.4} (penalty {:e})",
                trial.seed,
                probe.penalty
            );
            let k = NEIGHBOURS.min(n);
            let by_neighbours =
                knn_accuracy(&codes::matrix(&few), labels, &test_matrix, &trial.test_labels, k)
                    .map_err(EvaluationError::metric(&title))?;
            for (judge, accuracy) in [by_probe, by_neighbours].into_iter().enumerate() {
                entrants[at].accuracies[judge][place].push(accuracy);
            }
        }
    }
    Ok(())
}

fn enter(
    evaluation: &mut Evaluation,
    entrants: &[Entrant],
    budgets: &[usize],
    judge: usize,
    name: &str,
    title: &str,
) -> Result<(), EvaluationError> {
    let heads = budgets.iter().map(|n| format!("{n} labels"));
    let columns = ["features", "dimensions"].into_iter().map(String::from).chain(heads).collect();
    let mut rows = Vec::new();
    for entrant in entrants {
        let mut row = vec![entrant.title.clone(), entrant.size.to_string()];
        for (accuracies, n) in entrant.accuracies[judge].iter().zip(budgets) {
            let summary = mean_std(accuracies).map_err(EvaluationError::metric(&entrant.title))?;
            let std = summary.sample_std().unwrap_or(0.0);
            row.push(format!("{:.4} ± {std:.4}", summary.mean));
            let key = format!("{name}/{}/{n}/accuracy", entrant.name);
            evaluation.metrics.insert(format!("{key}_std"), std);
            evaluation.metrics.insert(key, summary.mean);
        }
        rows.push(row);
    }
    let note = "Share of the test rows whose label is guessed, higher is better; ± is the sample standard deviation \
                over seeds and draws of the labelled rows."
        .into();
    evaluation.tables.push(Table { title: title.into(), columns, rows, note });
    Ok(())
}

fn panels(entrants: &[Entrant], budgets: &[usize]) -> Vec<Panel> {
    let axis = |name: &str, logarithmic| Axis { name: name.into(), logarithmic };
    let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let line = |entrant: &Entrant, judge: usize| {
        let points = budgets.iter().zip(&entrant.accuracies[judge]);
        (entrant.title.clone(), points.map(|(&n, values)| (n as f64, mean(values))).collect())
    };
    let panel = |(judge, (_, title)): (usize, &(&str, &str))| Panel {
        title: title.to_string(),
        x: axis("labels", true),
        y: axis("accuracy", false),
        lines: entrants.iter().map(|entrant| line(entrant, judge)).collect(),
    };
    JUDGES.iter().enumerate().map(panel).collect()
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
    fn easy_data_are_told_apart_and_more_labels_help() {
        let bench = Bench::new();
        let (evaluation, report) = run(&bench, &[6, 40]).unwrap();
        for table in &evaluation.tables {
            let titles: Vec<&str> = table.rows.iter().map(|row| row[0].as_str()).collect();
            assert_eq!(titles, ["the data themselves", "vanilla", "PCA, 3 components", "vae"]);
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
