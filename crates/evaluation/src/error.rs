//! The errors of an evaluation.

use crate::apply::ApplyError;
use crate::compressor::CompressionError;
use crate::measures::UnknownMeasure;
use crate::presets::UnknownPreset;
use ae_anomaly::{FitError, ScorerError, ThresholdError};
use ae_metrics::MetricError;
use ae_records::config::ConfigError;
use ae_records::files::FileError;
use ae_report::ReportError;
use ae_training::experiment::RunError;
use std::path::PathBuf;

/// Why an evaluation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// No seeds were given.
    #[error("no seeds to evaluate with; give at least one, such as --seeds 0")]
    NoSeeds,
    /// A seed that is given twice.
    #[error("seed {0} is given twice; give each seed once, or the spread over seeds comes out too small")]
    SeedTwice(u64),
    /// An option that a task does not have.
    #[error("the task `{task}` has no option `{option}`; `ae eval {task} --help` lists its options")]
    NoSuchOption {
        /// The task.
        task: &'static str,
        /// The option, without its dashes.
        option: String,
    },
    /// Runs for a task that judges none.
    #[error("`ae eval {task}` takes no runs: {why}; --run is for {others}")]
    TakesNoRuns {
        /// The task.
        task: &'static str,
        /// Why.
        why: &'static str,
        /// The tasks that judge runs.
        others: String,
    },
    /// An option for presets that are trained, together with runs.
    #[error(
        "--{option} is for presets that are trained; a run is judged as it is, on the data that it was trained with"
    )]
    ForPresets {
        /// The option, without its dashes.
        option: &'static str,
    },
    /// A setting of a variant that does not exist.
    #[error("--set {setting}: there is no such variant{nearest}")]
    NoSuchVariant {
        /// The setting as given.
        setting: String,
        /// Similar names, as the end of a sentence; may be empty.
        nearest: String,
    },
    /// Runs that cannot be compared.
    #[error(
        "the runs in {} and {} have other data, or the same prepared or split otherwise; judge runs of one set, with the same \
         [data] and seed, or one at a time",
        .0.display(), .1.display()
    )]
    OtherData(PathBuf, PathBuf),
    /// A preset that does not exist.
    #[error(transparent)]
    Preset(#[from] UnknownPreset),
    /// A measure that does not exist.
    #[error(transparent)]
    Measure(#[from] UnknownMeasure),
    /// A measured figure that is not finite.
    #[error(
        "{metric} of the run in {} is {value}; the model has diverged, or the measure does not suit it",
        folder.display()
    )]
    NotFinite {
        /// Name of the metric.
        metric: String,
        /// NaN or an infinity.
        value: f64,
        /// The run.
        folder: PathBuf,
    },
    /// A preset that is not part of a tier.
    #[error("the preset `{preset}` does not run in the tier {tier}; choose another with --tier")]
    NotInTier {
        /// The preset.
        preset: String,
        /// The tier.
        tier: ae_training::Tier,
    },
    /// Two experiments whose runs would share a folder.
    #[error(
        "`{0}` is given twice; give each preset once, and rename a file that shares its name with another"
    )]
    PresetTwice(String),
    /// An invalid setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A run that failed or could not be used.
    #[error(transparent)]
    Run(Box<RunError>),
    /// A run that was interrupted.
    #[error("interrupted while training in {}; the same command resumes from there", .0.display())]
    Interrupted(PathBuf),
    /// A trained model that cannot be used.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Pictures that cannot be compressed.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// A codec that a compressor is compared with.
    #[error("{codec} with its setting {quality} failed: {reason}")]
    Codec {
        /// The codec.
        codec: &'static str,
        /// Its own quality setting.
        quality: u8,
        /// What it says.
        reason: String,
    },
    /// A model that does not reconstruct its input.
    #[error(
        "the variant `{variant}` of the run in {} does not reconstruct its input; choose an autoencoder",
        folder.display()
    )]
    NoReconstruction {
        /// The variant.
        variant: String,
        /// Its run.
        folder: PathBuf,
    },
    /// A measure or task that needs something the model does not have.
    #[error("`{measure}` does not suit the variant `{variant}`, which has no {missing}")]
    Unsuited {
        /// The measure or task.
        measure: &'static str,
        /// The variant.
        variant: String,
        /// What it needs.
        missing: &'static str,
    },
    /// A measure of dense rows for a run on rows of another form.
    #[error(
        "`{measure}` needs rows of which every value is stored, unlike those of {set}; measure {instead} instead"
    )]
    Sparse {
        /// The measure.
        measure: &'static str,
        /// The data set.
        set: String,
        /// The measures of such rows.
        instead: String,
    },
    /// A sampler that does not suit the model.
    #[error(transparent)]
    Sampler(#[from] ae_models::SamplerError),
    /// A sampler that is fitted to codes, for a model file without its data.
    #[error(
        "the sampler {sampler} is fitted to the codes of training rows, which {} does not hold; give the folder of \
         the run with its config.toml instead",
        path.display()
    )]
    NoRowsToFit {
        /// The model file.
        path: PathBuf,
        /// The sampler.
        sampler: ae_models::Sampler,
    },
    /// Too few or too many samples for a picture.
    #[error("{got} samples cannot be drawn; ask for 1 to {} with --n", crate::sampling::MAX_SAMPLES)]
    SampleCount {
        /// What was asked for.
        got: usize,
    },
    /// A run whose model or data cannot be used any more.
    #[error("cannot use the run in {}: {reason}; train it again", folder.display())]
    Unusable {
        /// The run.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// A model without a density.
    #[error(
        "the variant `{variant}` of the run in {} has no density and no posterior; choose a variational one, \
         such as vae",
        folder.display()
    )]
    NoDensity {
        /// The variant.
        variant: String,
        /// Its run.
        folder: PathBuf,
    },
    /// Data that lack what the task needs, such as test rows, labels or a normal label.
    #[error("the data set {set} has no {missing}, which this task needs; {remedy}")]
    Data {
        /// The set.
        set: String,
        /// What is missing.
        missing: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A file without an anomaly.
    #[error("every row of {0} is labelled normal; give data with anomalies, or check --labels and --normal")]
    AllNormal(String),
    /// A label column for a set that has its own.
    #[error("--labels is only for a file of your own; {0} has its own labels, so leave it out")]
    OwnLabels(String),
    /// A series without an anomaly in the part that is judged.
    #[error(
        "{path} has no anomalous step after line {line}, where the training part ends; give a series with a \
         later anomaly"
    )]
    NothingToFind {
        /// The file.
        path: String,
        /// The last line of the training part.
        line: u64,
    },
    /// A table without a named label column.
    #[error("{0} needs a column that says whether a row is normal; name it with --labels")]
    NoLabels(String),
    /// A value that an option does not have.
    #[error("--{option} has no value `{got}`{nearest}; it is {legal}")]
    Choice {
        /// The option, without the dashes.
        option: &'static str,
        /// What was given.
        got: String,
        /// The nearest legal value, as the end of a sentence; may be empty.
        nearest: String,
        /// The legal values.
        legal: String,
    },
    /// A Python that cannot run the detectors of other projects.
    #[error(
        "cannot run the detectors of PyOD with {}: {reason}; they need `pip install pyod torch scikit-learn numpy`",
        python.display()
    )]
    Peers {
        /// The Python.
        python: PathBuf,
        /// Why.
        reason: String,
    },
    /// A detector that cannot be fitted.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A score that cannot be fitted or computed.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// Normal scores that give no threshold.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// A data set that cannot be obtained or read.
    #[error(transparent)]
    Set(#[from] ae_datasets::DataError),
    /// A user's file that cannot be used.
    #[error(transparent)]
    Intake(#[from] ae_intake::IntakeError),
    /// A network that cannot be built.
    #[error(transparent)]
    Model(#[from] ae_models::ModelError),
    /// A network that cannot be trained.
    #[error(transparent)]
    Train(#[from] ae_training::TrainError),
    /// A data set without rows to train on.
    #[error(transparent)]
    Empty(#[from] ae_training::EmptyData),
    /// A figure that is not defined for the data.
    #[error("cannot compute the figures of {what}: {source}")]
    Metric {
        /// What the figures describe.
        what: String,
        /// Why.
        source: MetricError,
    },
    /// A picture or report that cannot be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<RunError> for EvaluationError {
    fn from(error: RunError) -> Self {
        EvaluationError::Run(Box::new(error))
    }
}

impl EvaluationError {
    /// For `map_err`: names the figures that could not be computed.
    pub(crate) fn metric(what: impl Into<String>) -> impl FnOnce(MetricError) -> Self {
        move |source| EvaluationError::Metric { what: what.into(), source }
    }

    /// Whether the user's arguments are at fault rather than the machine.
    pub fn is_usage(&self) -> bool {
        match self {
            EvaluationError::Run(error) => error.is_usage(),
            EvaluationError::Apply(error) => error.is_usage(),
            EvaluationError::NoSeeds
            | EvaluationError::SeedTwice(_)
            | EvaluationError::NoSuchOption { .. }
            | EvaluationError::TakesNoRuns { .. }
            | EvaluationError::ForPresets { .. }
            | EvaluationError::NoSuchVariant { .. }
            | EvaluationError::OtherData(..)
            | EvaluationError::Preset(_)
            | EvaluationError::Measure(_)
            | EvaluationError::NotInTier { .. }
            | EvaluationError::PresetTwice(_)
            | EvaluationError::Config(_)
            | EvaluationError::NoReconstruction { .. }
            | EvaluationError::Unsuited { .. }
            | EvaluationError::Sparse { .. }
            | EvaluationError::Sampler(_)
            | EvaluationError::NoRowsToFit { .. }
            | EvaluationError::SampleCount { .. }
            | EvaluationError::NoDensity { .. }
            | EvaluationError::NoLabels(_)
            | EvaluationError::AllNormal(_)
            | EvaluationError::OwnLabels(_)
            | EvaluationError::Choice { .. }
            | EvaluationError::Peers { .. }
            | EvaluationError::NothingToFind { .. }
            | EvaluationError::Data { .. } => true,
            _ => false,
        }
    }
}

/// The errors of this crate know whose mistake they are.
macro_rules! blame {
    ($($error:ty),*) => {$(
        impl ae_records::blame::Blame for $error {
            fn is_usage(&self) -> bool {
                <$error>::is_usage(self)
            }
        }
    )*};
}

blame!(
    EvaluationError,
    crate::apply::ApplyError,
    crate::compressor::CompressionError,
    crate::finder::FinderError,
    crate::recommender::RecommendError,
    crate::restoring::RestoreError
);
