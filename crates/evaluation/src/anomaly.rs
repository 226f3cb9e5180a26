//! `ae eval anomaly`: heartbeats of ECG5000, as the articles evaluate them and on the archive's own split.
//!
//! The articles (TensorFlow, "Intro to autoencoders", 2020, and those after it) take all 5,000 beats, split them
//! 80/20 at random, train on the normal beats of the 80 % and flag a beat whose mean absolute error is above mean
//! plus one standard deviation of that of the training beats. The archive's split (UCR, 2018) trains on the 292
//! normal beats of its training file, and tests on 4,500.

mod pictures;
mod tables;

use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::Evaluation;
use crate::spread::Figure;
use ae_anomaly::Pca;
use ae_anomaly::{Detector, FittedDetector, NormalRows};
use ae_metrics::{Confusion, auroc, average_precision, prevalence};
use ae_models::Autoencoder;
use ae_report::gallery::Gallery;
use ae_tensor::{Distance, array};
use ae_training::experiment::Run;
use std::path::PathBuf;

/// Seeds that the task is run with unless others are given.
pub const SEEDS: &[u64] = &[0, 1, 2, 3, 4];

/// Components of the linear baseline.
const COMPONENTS: [i64; 2] = [2, 8];

/// One way to train and test.
struct Protocol {
    /// In names of metrics and files.
    name: &'static str,
    title: &'static str,
    note: &'static str,
    preset: &'static str,
    overrides: &'static [&'static str],
}

const PROTOCOLS: [Protocol; 3] = [
    Protocol {
        name: "article",
        title: "The articles' protocol",
        note: "All 5,000 beats, split 80/20 at random by the seed; 20 epochs of batch 512, as published.",
        preset: "ecg",
        overrides: &[],
    },
    Protocol {
        name: "ucr",
        title: "The UCR split, trained as published",
        note: "292 normal training beats, 4,500 test beats; 20 epochs of batch 512, too few steps for so few beats.",
        preset: "ecg",
        overrides: &["data.protocol=ucr"],
    },
    Protocol {
        name: "ucr-long",
        title: "The UCR split, trained until it fits",
        note: "292 normal training beats, 4,500 test beats; 200 epochs of batch 64.",
        preset: "ecg-long",
        overrides: &[],
    },
];

/// What came out for one seed.
pub(crate) struct Outcome {
    pub(crate) threshold: f64,
    pub(crate) confusion: Confusion,
    pub(crate) auroc: f64,
    pub(crate) auprc: f64,
    pub(crate) prevalence: f64,
}

/// Trains what is missing, evaluates every protocol with every seed, and writes tables, pictures and report.
/// Returns the results and the report's path, `runs/eval-anomaly/<id>/report.html`.
///
/// # Errors
/// Where a model cannot be trained, or a file not written; see [`EvaluationError`].
pub fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    evaluate(context, &PROTOCOLS, |protocol, seed| Wanted::preset(protocol.preset, protocol.overrides, seed))
}

fn evaluate(
    context: &mut Context<'_>,
    protocols: &[Protocol],
    wanted: impl Fn(&Protocol, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    context.check_seeds()?;
    let seeds = context.seeds.clone();
    let folder = context.folder("anomaly");
    let gallery = Gallery::new(folder.join("images"));
    let mut evaluation = Evaluation {
        task: "anomaly".into(),
        title: "Anomalous heartbeats by reconstruction error".into(),
        method: "A dense autoencoder is trained on normal beats alone. A beat's score is the mean absolute error of its \
                 reconstruction; it is flagged above the mean plus one standard deviation of the scores of the \
                 training beats. No test beat has a part in training, scaling or threshold."
            .into(),
        command: context.command("anomaly"),
        seeds: seeds.clone(),
        ..Evaluation::default()
    };
    for (place, protocol) in protocols.iter().enumerate() {
        let (mut outcomes, mut baselines) = (Vec::new(), COMPONENTS.map(|_| Vec::new()));
        for &seed in &seeds {
            let run = context.trained(&wanted(protocol, seed)?)?;
            let autoencoder = autoencoder(&run)?;
            let truth = truth(&run)?;
            let detector =
                Detector::default().fit(autoencoder, NormalRows::Training(run.splits.train.values()))?;
            let scores = detector.scores(run.splits.test.values())?;
            if outcomes.is_empty() {
                pictures::draw(&gallery, protocol, place as u32, &run, &detector, &scores, &truth)?;
            }
            outcomes.push((
                seed,
                judge(&detector, &scores, &truth).map_err(EvaluationError::metric(protocol.name))?,
            ));
            for (results, components) in baselines.iter_mut().zip(COMPONENTS) {
                results.push((seed, baseline(&run, components, &truth)?));
            }
            evaluation.runs.push(run.dir.root().into());
        }
        tables::report(&mut evaluation, protocol, &outcomes, &baselines)?;
    }
    evaluation.pictures = gallery.entries()?;
    let report = evaluation.write(&folder)?;
    Ok((evaluation, report))
}

pub(crate) fn autoencoder(run: &Run) -> Result<&dyn Autoencoder, EvaluationError> {
    run.model.as_autoencoder().ok_or_else(|| EvaluationError::NoReconstruction {
        variant: run.experiment.model.name().into(),
        folder: run.dir.root().into(),
    })
}

/// Whether each test row is an anomaly. Asked for after training; it reaches figures and pictures only.
pub(crate) fn truth(run: &Run) -> Result<Vec<bool>, EvaluationError> {
    let set = || run.splits.dataset.name.clone();
    let lacks = |missing, remedy| EvaluationError::Data { set: set(), missing, remedy };
    let normal = run.splits.dataset.normal_label;
    let normal = normal.ok_or_else(|| lacks("normal label", "name it with data.normal_label"))?;
    let labels = run.splits.test.labels().filter(|_| !run.splits.test.is_empty());
    let labels = labels.ok_or_else(|| lacks("labelled test rows", "see data.test and data.label"))?;
    Ok(array::to_vec(labels).into_iter().map(|label| label != f64::from(normal)).collect())
}

pub(crate) fn judge(
    detector: &FittedDetector<'_>,
    scores: &[f64],
    truth: &[bool],
) -> Result<Outcome, ae_metrics::MetricError> {
    Ok(Outcome {
        threshold: detector.threshold().value(),
        confusion: Confusion::count(&detector.threshold().flag(scores), truth)?,
        auroc: auroc(scores, truth)?,
        auprc: average_precision(scores, truth)?,
        prevalence: prevalence(truth)?,
    })
}

/// The same rows, ranked by the squared error of a linear reconstruction.
fn baseline(run: &Run, components: i64, truth: &[bool]) -> Result<Vec<Figure>, EvaluationError> {
    let rows = run.splits.test.values();
    let rebuilt = Pca::fit(run.splits.train.values()).reconstruct(rows, components);
    let scores = array::to_vec(&Distance::MeanSquared.per_sample(&rebuilt, rows));
    let what = || EvaluationError::metric(format!("PCA with {components} components"));
    let area = auroc(&scores, truth).map_err(what())?;
    let precision = average_precision(&scores, truth).map_err(what())?;
    Ok(vec![tables::figure("AUROC", "auroc", area, 4), tables::figure("AUPRC", "auprc", precision, 4)])
}

#[cfg(test)]
mod tests;
