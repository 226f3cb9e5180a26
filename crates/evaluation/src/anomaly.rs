//! `ae eval anomaly`: compares anomaly detectors with baselines on ECG5000, NSL-KDD, the series of NAB and of
//! the UCR archive, or the user's own file.
//!
//! ECG5000 is also evaluated by the protocol of the articles (TensorFlow, "Intro to autoencoders", 2020, and
//! those after it). They split all 5,000 beats 80/20 at random and train on the normal beats of the 80 %.
//! They flag a beat if its mean absolute error exceeds the mean plus one standard deviation of the errors of
//! the training beats. The archive's split (UCR, 2018) trains on the 292 normal beats of its training file
//! and tests on 4,500.

mod alarms;
pub(crate) mod articles;
mod drawing;
mod own;
mod pictures;
mod problem;
mod rivals;
mod rows;
mod series;
mod tables;

use self::articles::{Outcome, truth};
use self::rows::Comparison;
use self::series::Case;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::Evaluation;
use crate::presets::Preset;
use crate::tasks::{OptionValues, RunTask};
use ae_anomaly::{Baseline, FitConfig, Score, Store};
pub(crate) use ae_catalogue::tasks::ANOMALY as TASK;
use ae_intake::Layout;
use ae_models::Autoencoder;
use ae_report::gallery::Gallery;
use ae_training::experiment::Run;
use std::path::{Path, PathBuf};

pub(crate) const RUN: RunTask = |context, options| run(context, &Options::of(options));

/// The default data set.
const HEARTBEATS: &str = "ecg5000";

/// Data sets that come with labels.
const SETS: [&str; 4] = [HEARTBEATS, "nsl-kdd", "nab", "ucr-anomaly"];

/// Baselines of the articles' protocol.
const BASELINES: [Baseline; 5] = [
    Baseline::Median,
    Baseline::Mean,
    Baseline::Pca { code: 2 },
    Baseline::Pca { code: 8 },
    Baseline::Neighbours { k: 1 },
];

/// One way to train and test.
struct Protocol {
    /// Used in the names of metrics and files.
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

fn run(context: &mut Context<'_>, options: &Options) -> Result<(Evaluation, PathBuf), EvaluationError> {
    if options.labels.is_some() && SETS.contains(&options.data.as_str()) {
        return Err(EvaluationError::OwnLabels(options.data.clone()));
    }
    if options.data == HEARTBEATS {
        return evaluate(context, &PROTOCOLS, Some(&heartbeats), |protocol, seed| {
            Wanted::preset(protocol.preset, protocol.overrides, seed)
        });
    }
    let mut draft = Evaluation::begin(context, &TASK)?;
    let (evaluation, gallery) = (&mut draft.evaluation, &draft.gallery);
    evaluation.title = format!("Anomalies in {}", options.data);
    evaluation.command = options.command(context);
    match options.data.as_str() {
        "nsl-kdd" => {
            let comparison = Comparison {
                name: "nsl-kdd",
                title: "NSL-KDD",
                note: "Trained on half of the 67,343 normal rows of KDDTrain+, tested on all of KDDTest+. The threshold \
                       promises a false-alarm rate of 1 % on further normal rows of KDDTrain+.",
                config: FitConfig::default(),
                baselines: &[Baseline::Neighbours { k: 1 }],
                problem: &problem::nsl_kdd,
            };
            rows::evaluate(context, &comparison, evaluation, gallery, 0)?;
        }
        "nab" | "ucr-anomaly" => {
            let load =
                if options.data == "nab" { ae_datasets::nab::load } else { ae_datasets::ucr_anomaly::load };
            for (place, one) in (0..).zip(load(context.sources, context.progress)?) {
                series::evaluate(context, &Case::benchmark(&one)?, evaluation, gallery, place)?;
            }
        }
        path if ae_datasets::ucr_anomaly::is_named_like_one(Path::new(path)) => {
            let one = ae_datasets::ucr_anomaly::read(Path::new(path))?;
            series::evaluate(context, &Case::benchmark(&one)?, evaluation, gallery, 0)?;
        }
        path => {
            let table = own::load(options)?;
            let comparison = Comparison {
                name: "own",
                title: path,
                note: "Trained on half of the normal rows. A fifth is kept for the threshold; another fifth and all \
                       anomalies are the test rows. The threshold promises a false-alarm rate of 1 %. With fewer than 99 \
                       rows kept for it, it is the mean of their scores plus 3 standard deviations.",
                config: FitConfig::default(),
                baselines: &[],
                problem: &|_, seed| own::rows(&table, seed),
            };
            match table.layout {
                Layout::Windows => {
                    let case = own::long_series(&table, path)?;
                    series::evaluate(context, &case, evaluation, gallery, 0)?;
                }
                Layout::Table | Layout::Series => {
                    rows::evaluate(context, &comparison, evaluation, gallery, 0)?;
                }
            }
        }
    }
    draft.finish(METHOD)
}

/// The options of [`TASK`], parsed.
#[derive(Clone, Debug)]
struct Options {
    data: String,
    labels: Option<String>,
    /// Empty means `normal`.
    normal: Vec<String>,
    settings: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options::of(&OptionValues::default())
    }
}

impl Options {
    fn of(values: &OptionValues) -> Self {
        Options {
            data: values.one("data").unwrap_or(HEARTBEATS).into(),
            labels: values.one("labels").map(String::from),
            normal: values.all("normal").to_vec(),
            settings: values.all("set").to_vec(),
        }
    }

    fn command(&self, context: &Context<'_>) -> String {
        let labels = self.labels.iter().map(|labels| format!(" --labels {labels}"));
        let normal = self.normal.iter().map(|normal| format!(" --normal {normal}"));
        let settings = self.settings.iter().map(|setting| format!(" --set '{setting}'"));
        let more: String = labels.chain(normal).chain(settings).collect();
        format!("{} --data {}{more}", context.command("anomaly"), self.data)
    }
}

const METHOD: &str = "Detectors are fitted on normal rows only. If a model or score is selected, the criterion is how well it \
    separates held-out normal rows from damaged copies of them. Thresholds are set on other normal rows by split conformal \
    prediction. Labels and test rows play no part in training, scaling, selection or threshold.";

/// The comparisons on ECG5000 beyond the articles' protocol.
fn heartbeats(
    context: &mut Context<'_>,
    evaluation: &mut Evaluation,
    gallery: &Gallery,
) -> Result<(), EvaluationError> {
    let best = Preset::find("ecg-best")?.load::<ae_training::Experiment>(&[])?;
    let config = FitConfig {
        model: Some(best.model),
        training: Some(best.training),
        score: Some(Score::Standardised),
        store: Store::Autoencoder,
        ..FitConfig::default()
    };
    let baselines = [Baseline::Pca { code: 2 }, Baseline::Neighbours { k: 1 }];
    let comparisons = [
        Comparison {
            name: "ecg-best-ucr",
            title: "The preset ecg-best on the UCR split",
            note: "292 normal training beats, 4,500 test beats. No beats are left for calibration: the threshold is the mean \
                   plus 3 standard deviations of the training scores and promises no false-alarm rate.",
            config: config.clone(),
            baselines: &baselines,
            problem: &problem::ecg_ucr,
        },
        Comparison {
            name: "ecg-best-article",
            title: "The preset ecg-best on the articles' split, calibrated",
            note: "All 5,000 beats, split 80/20 at random by the seed. A quarter of the normal training beats is kept for the \
                   threshold, which promises a false-alarm rate of 1 %.",
            config,
            baselines: &baselines,
            problem: &problem::ecg_article,
        },
    ];
    for (place, comparison) in (10..).zip(&comparisons) {
        rows::evaluate(context, comparison, evaluation, gallery, place)?;
    }
    Ok(())
}

/// Adds comparisons to an evaluation.
type Comparisons = dyn Fn(&mut Context<'_>, &mut Evaluation, &Gallery) -> Result<(), EvaluationError>;

fn evaluate(
    context: &mut Context<'_>,
    protocols: &[Protocol],
    more: Option<&Comparisons>,
    wanted: impl Fn(&Protocol, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    let seeds = context.seeds.clone();
    for (place, protocol) in protocols.iter().enumerate() {
        let mut outcomes = Vec::new();
        let mut baselines: Vec<(Baseline, Vec<(u64, Outcome)>)> =
            BASELINES.map(|baseline| (baseline, Vec::new())).into();
        for &seed in &seeds {
            let run = draft.trained(context, &wanted(protocol, seed)?)?;
            let truth = truth(&run)?;
            let detector = articles::detector(&run, Score::MeanAbsolute)?;
            let (scores, outcome) = articles::judged(&detector, &run, &truth, protocol)?;
            if outcomes.is_empty() {
                pictures::draw(&draft.gallery, protocol, place as u32, &run, &detector, &scores, &truth)?;
            }
            outcomes.push((seed, outcome));
            for (baseline, outcomes) in &mut baselines {
                let detector = articles::baseline(&run, *baseline)?;
                outcomes.push((seed, articles::judged(&detector, &run, &truth, protocol)?.1));
            }
        }
        tables::report(&mut draft.evaluation, protocol, &outcomes, &baselines)?;
    }
    if let Some(more) = more {
        more(context, &mut draft.evaluation, &draft.gallery)?;
    }
    draft.finish(
        "A dense autoencoder is trained on normal beats only. A beat's score is the mean absolute error of its \
         reconstruction. A beat is flagged if its score exceeds the mean plus one standard deviation of the scores of the \
         training beats. Test beats play no part in training, scaling or threshold.",
    )
}

pub(crate) fn autoencoder(run: &Run) -> Result<&dyn Autoencoder, EvaluationError> {
    run.model.as_autoencoder().ok_or_else(|| EvaluationError::NoReconstruction {
        variant: run.experiment.model.name().into(),
        folder: run.dir.root().into(),
    })
}

#[cfg(test)]
mod comparison_tests;
#[cfg(test)]
mod tests;
