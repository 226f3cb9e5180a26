//! `ae eval anomaly`: heartbeats of ECG5000, as the articles evaluate them and on the archive's own split.
//!
//! The articles (TensorFlow, "Intro to autoencoders", 2020, and those after it) take all 5,000 beats, split them
//! 80/20 at random, train on the normal beats of the 80 % and flag a beat whose mean absolute error is above mean
//! plus one standard deviation of that of the training beats. The archive's split (UCR, 2018) trains on the 292
//! normal beats of its training file, and tests on 4,500.

use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use crate::pca::Pca;
use crate::spread::{self, Figure};
use ae_anomaly::{Detector, FittedDetector, NormalRows};
use ae_metrics::{Confusion, auroc, average_precision, prevalence};
use ae_models::Autoencoder;
use ae_report::gallery::{Entry, Gallery};
use ae_report::{ReportError, picture};
use ae_tensor::{Distance, Tensor, array};
use ae_training::experiment::Run;
use ndarray::{Array2, Ix2};
use std::path::PathBuf;

/// Seeds that the task is run with unless others are given.
pub const SEEDS: &[u64] = &[0, 1, 2, 3, 4];

/// Components of the linear baseline.
const COMPONENTS: [i64; 2] = [2, 8];
/// Beats of each class in the picture.
const SHOWN: usize = 3;

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
struct Outcome {
    threshold: f64,
    confusion: Confusion,
    auroc: f64,
    auprc: f64,
    prevalence: f64,
}

/// Trains what is missing, evaluates every protocol with every seed, and writes tables, pictures and report.
/// Returns the results and their folder, `runs/eval-anomaly/<id>`.
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
                pictures(&gallery, protocol, place as u32, &run, &detector, &scores, &truth)?;
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
        report(&mut evaluation, protocol, &outcomes, &baselines)?;
    }
    evaluation.pictures = gallery.entries()?;
    evaluation.write(&folder)?;
    Ok((evaluation, folder))
}

fn autoencoder(run: &Run) -> Result<&dyn Autoencoder, EvaluationError> {
    run.model.as_autoencoder().ok_or_else(|| EvaluationError::NoReconstruction {
        variant: run.experiment.model.name().into(),
        folder: run.dir.root().into(),
    })
}

/// Whether each test row is an anomaly. Asked for after training; it reaches figures and pictures only.
fn truth(run: &Run) -> Result<Vec<bool>, EvaluationError> {
    let set = || run.splits.dataset.name.clone();
    let lacks = |missing, remedy| EvaluationError::Data { set: set(), missing, remedy };
    let normal = run.splits.dataset.normal_label;
    let normal = normal.ok_or_else(|| lacks("normal label", "name it with data.normal_label"))?;
    let labels = run.splits.test.labels().filter(|_| !run.splits.test.is_empty());
    let labels = labels.ok_or_else(|| lacks("labelled test rows", "see data.test and data.label"))?;
    Ok(array::to_vec(labels).into_iter().map(|label| label != f64::from(normal)).collect())
}

fn judge(
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
    Ok(vec![figure("AUROC", "auroc", area, 4), figure("AUPRC", "auprc", precision, 4)])
}

fn figure(head: &'static str, name: &'static str, value: f64, decimals: usize) -> Figure {
    Figure { head, name, value, decimals }
}

fn figures(outcome: &Outcome) -> Vec<Figure> {
    let Outcome { threshold, confusion, auroc, auprc, .. } = outcome;
    vec![
        figure("threshold", "threshold", *threshold, 5),
        figure("accuracy", "accuracy", confusion.accuracy(), 4),
        figure("precision", "precision", confusion.precision(), 4),
        figure("recall", "recall", confusion.recall(), 4),
        figure("F1", "f1", confusion.f1(), 4),
        figure("AUROC", "auroc", *auroc, 4),
        figure("AUPRC", "auprc", *auprc, 4),
    ]
}

fn normal_figures(outcome: &Outcome) -> Vec<Figure> {
    let normal = outcome.confusion.normal_as_positive();
    vec![
        figure("accuracy", "normal_accuracy", normal.accuracy(), 4),
        figure("precision", "normal_precision", normal.precision(), 4),
        figure("recall", "normal_recall", normal.recall(), 4),
        figure("F1", "normal_f1", normal.f1(), 4),
    ]
}

fn counts(outcome: &Outcome) -> Vec<Figure> {
    let c = &outcome.confusion;
    let count = |head, name, value: u64| figure(head, name, value as f64, 0);
    vec![
        count("anomalies flagged", "true_positives", c.true_positives),
        count("anomalies missed", "false_negatives", c.false_negatives),
        count("normal flagged", "false_positives", c.false_positives),
        count("normal passed", "true_negatives", c.true_negatives),
    ]
}

fn report(
    evaluation: &mut Evaluation,
    protocol: &Protocol,
    outcomes: &[(u64, Outcome)],
    baselines: &[Vec<(u64, Vec<Figure>)>],
) -> Result<(), EvaluationError> {
    let rows =
        |of: fn(&Outcome) -> Vec<Figure>| -> Vec<_> { outcomes.iter().map(|(s, o)| (*s, of(o))).collect() };
    let Protocol { name, title, note, .. } = protocol;
    let shares = || outcomes.iter().map(|(_, o)| o.prevalence);
    let (low, high) = (shares().fold(1.0, f64::min), shares().fold(0.0, f64::max));
    let chance = if high - low < 1e-9 { format!("{low:.3}") } else { format!("{low:.3} to {high:.3}") };
    let note = format!("{note} A random ranking has AUROC 0.5 and AUPRC {chance}, the share of anomalies.");
    for (of, title, note) in [
        (figures as fn(&Outcome) -> Vec<Figure>, format!("{title}: anomaly is the positive class"), note),
        (counts, format!("{title}: confusion matrix"), String::new()),
        (
            normal_figures,
            format!("{title}: normal is the positive class"),
            "The same decisions as the articles count them: precision and recall of the normal beats.".into(),
        ),
    ] {
        let rows = rows(of);
        evaluation.tables.push(spread::by_seed(title, &rows, note)?);
        spread::enter(evaluation, name, &rows)?;
    }
    evaluation.tables.push(comparison(title, &rows(figures), baselines)?);
    for (seeds, components) in baselines.iter().zip(COMPONENTS) {
        spread::enter(evaluation, &format!("{name}/pca{components}"), seeds)?;
    }
    for (seed, outcome) in outcomes {
        evaluation.metrics.insert(format!("{name}/seed{seed}/prevalence"), outcome.prevalence);
    }
    Ok(())
}

fn comparison(
    title: &str,
    outcomes: &[(u64, Vec<Figure>)],
    baselines: &[Vec<(u64, Vec<Figure>)>],
) -> Result<Table, EvaluationError> {
    let line = |who: String, seeds: &[(u64, Vec<Figure>)]| {
        let of = |name: &str| {
            spread::over_seeds(
                seeds.iter().flat_map(|(_, figures)| figures.iter().filter(|f| f.name == name)),
            )
        };
        Ok::<_, EvaluationError>(vec![who, of("auroc")?, of("auprc")?])
    };
    let mut rows = vec![line("autoencoder".into(), outcomes)?];
    for (seeds, components) in baselines.iter().zip(COMPONENTS) {
        rows.push(line(format!("PCA, {components} components"), seeds)?);
    }
    Ok(Table {
        title: format!("{title}: beside a linear model"),
        columns: ["model", "AUROC", "AUPRC"].map(String::from).into(),
        rows,
        note: "Principal components of the same training beats; the score is the squared error.".into(),
    })
}

fn pictures(
    gallery: &Gallery,
    protocol: &Protocol,
    place: u32,
    run: &Run,
    detector: &FittedDetector<'_>,
    scores: &[f64],
    truth: &[bool],
) -> Result<(), EvaluationError> {
    let Protocol { name, title, .. } = protocol;
    let seed = run.record.seed;
    let of = |class: bool| -> Vec<usize> { (0..truth.len()).filter(|&row| truth[row] == class).collect() };
    let scores_of = |class| of(class).into_iter().map(|row| scores[row]).collect::<Vec<_>>();
    let threshold = detector.threshold().value();
    let entry = |what: &str, order: u32, title: String, caption: String| Entry {
        file: format!("{name}-{what}.png"),
        order: place * 10 + order,
        title,
        caption,
    };
    let caption = format!(
        "Errors of the test beats, seed {seed}; the dashed line is the threshold, from training beats alone. Each class \
         is drawn in percent of itself."
    );
    gallery.add(entry("errors", 1, format!("{title}: errors"), caption), |path| {
        picture::score_histograms(path, &scores_of(false), &scores_of(true), threshold)
    })?;

    let shown: Vec<usize> =
        [false, true].into_iter().flat_map(|class| of(class).into_iter().take(SHOWN)).collect();
    let rows: Vec<i64> = shown.iter().map(|&row| row as i64).collect();
    let values = run.splits.test.values();
    let originals = values.index_select(0, &Tensor::from_slice(&rows).to_device(values.device()));
    let rebuilt = ae_tensor::tch::no_grad(|| detector.autoencoder().reconstruct(&originals));
    let verdicts = detector.threshold().flag(scores);
    let titles: Vec<String> = shown
        .iter()
        .map(|&row| {
            let class = if truth[row] { "anomalous" } else { "normal" };
            let verdict = if verdicts[row] { "flagged" } else { "passed" };
            format!("{class}: error {:.3}, {verdict}", scores[row])
        })
        .collect();
    let caption = format!(
        "The first {SHOWN} normal and the first {SHOWN} anomalous test beats, seed {seed}, with their reconstructions; \
         the area between is the error."
    );
    gallery.add(entry("beats", 2, format!("{title}: beats"), caption), |path| {
        let [originals, rebuilt] = [series(&originals)?, series(&rebuilt)?];
        picture::series_pairs(path, originals.view(), rebuilt.view(), &titles)
    })?;
    Ok(())
}

/// `[N, values]`.
fn series(tensor: &Tensor) -> Result<Array2<f32>, ReportError> {
    let array = array::to_array(&tensor.flatten(1, -1));
    Ok(array.into_dimensionality::<Ix2>().expect("two dimensions were made"))
}
