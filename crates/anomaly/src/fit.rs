//! From a user's table to a detector: split, learn, train, choose, calibrate.
//!
//! No label and no guess of contamination is needed. The normal rows fall into disjoint parts: the model learns from
//! the first, stops early by the second, on which also scores are scaled and detectors are compared, and the threshold
//! comes from the third, which nothing was chosen by. Where there are labels, a fourth part and every anomalous row are
//! locked away and looked at once, when all is decided.

mod judge;
mod model;
mod parts;
mod report;
mod robust;
mod training;

pub use judge::{Judged, Role};
pub use report::{FitReport, Sizes, Suspect, TestFigures};

use crate::budget::{BudgetError, FalseAlarmBudget};
use crate::calibration::Calibration;
use crate::error::ScorerError;
use crate::golden::Golden;
use crate::kinds::{Baseline, ScoreKind};
use crate::normal::NormalScores;
use crate::package::TrainedDetector;
use crate::scorer::Scorer;
use crate::synthetic::Form;
use crate::threshold::{Rule, ThresholdError};
use ae_datasets::Samples;
use ae_datasets::intake::{InputConfig, IntakeError, Layout, RawTable, Schema, Shares, duplicate_share};
use ae_models::{ModelConfig, ModelError};
use ae_training::{Observer, TrainError, TrainingConfig};
use parts::Parts;
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicBool;

/// How a detector is made. All that is not said follows from the data, by rules that the report names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitConfig {
    /// The seed of splits, weights and draws.
    pub seed: u64,
    /// How the file becomes samples.
    pub input: InputConfig,
    /// How large the parts are; absent: 60 % to train, 15 % to validate, 25 % to calibrate, or as much more to calibrate
    /// as the promised rate needs, up to a half.
    pub shares: Option<Shares>,
    /// The variant and its settings, such as `[model.vae]`; absent: a dense autoencoder that suits the rows.
    pub model: Option<ModelConfig>,
    /// A variant by name, with settings that suit the rows; not beside `model`.
    pub variant: Option<String>,
    /// What is measured of a reconstruction; absent: what sees most of the made-up anomalies.
    pub score: Option<ScoreKind>,
    /// Models of different seeds that vote; 1 for a single one.
    pub members: usize,
    /// How many false alarms are allowed, such as `"1 %"` or `"2 per day"`; not beside `threshold`. Without either 1 %.
    pub false_alarms: Option<FalseAlarmBudget>,
    /// Another rule for where an alarm begins.
    pub threshold: Option<Rule>,
    /// The largest share of training rows that may be anomalous; these are left out of the loss. Absent: none.
    pub robust: Option<f64>,
    /// What is stored.
    pub store: Store,
    /// How the model is trained; absent: what suits the number of rows.
    pub training: Option<TrainingConfig>,
}

/// Which of the detectors that were compared is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// The autoencoder.
    #[default]
    Autoencoder,
    /// Principal components, as many as the code has numbers.
    Pca,
    /// The distance to the nearest training rows.
    Neighbours,
    /// Isolation forest.
    IsolationForest,
    /// The one that sees most of the made-up anomalies.
    Best,
}

impl Default for FitConfig {
    fn default() -> Self {
        FitConfig {
            seed: 0,
            input: InputConfig::default(),
            shares: None,
            model: None,
            variant: None,
            score: None,
            members: 1,
            false_alarms: None,
            threshold: None,
            robust: None,
            store: Store::Autoencoder,
            training: None,
        }
    }
}

/// Why there is no detector.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The data.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A score or a baseline.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// The budget of false alarms.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The threshold.
    #[error("{source}{}", more_rows(source, *share))]
    Threshold {
        /// What the rule says.
        source: ThresholdError,
        /// Share of the normal rows that the threshold is calibrated on.
        share: f64,
    },
    /// A setting out of its range.
    #[error("{key} = {got} is out of range; it is {legal}")]
    Setting {
        /// As in the configuration.
        key: &'static str,
        /// What it is.
        got: String,
        /// What would be right.
        legal: String,
    },
    /// A model that cannot leave out what is missing.
    #[error(
        "{share:.1} % of the values are missing, and {variant} cannot leave them out of its loss; choose another \
         variant, such as `deep` or `vae`, or fill them in"
    )]
    Missing {
        /// The variant.
        variant: &'static str,
        /// In per cent.
        share: f64,
    },
    /// Too few rows of which enough was observed.
    #[error(
        "{part} has {got} rows of which at least {min_observed} was observed, and {needed} are needed; lower \
         input.min_observed, or bring more rows"
    )]
    TooLittleObserved {
        /// The part.
        part: &'static str,
        /// Such rows there are.
        got: usize,
        /// Rows that are needed.
        needed: usize,
        /// The share.
        min_observed: f64,
    },
    /// The person said stop.
    #[error("stopped before the detector was done; nothing was written")]
    Stopped,
}

/// A quantile needs calibration rows, which are only a share of what was given.
fn more_rows(error: &ThresholdError, share: f64) -> String {
    match error {
        ThresholdError::TooFewSamples { needed, .. } => format!(
            "; calibration takes {:.0} % of the normal rows, so bring about {} of them, give shares.calibration more, \
             or promise less",
            share * 100.0,
            (*needed as f64 / share).ceil()
        ),
        _ => String::new(),
    }
}

/// A detector, and how it came about.
#[derive(Debug)]
pub struct Fitted {
    /// Ready to be used and saved.
    pub detector: TrainedDetector,
    /// For people.
    pub report: FitReport,
}

/// Rows that are ready for a model, by part.
pub(crate) struct Encoded {
    pub(crate) train: Samples,
    pub(crate) validation: Samples,
    pub(crate) calibration: Samples,
}

/// Makes a detector of a table. A pure function of the table and the configuration, on one kind of machine and with
/// one number of threads. Stops between two steps when `stop` is set.
///
/// # Errors
/// See [`FitError`].
pub fn fit(
    table: &RawTable,
    config: &FitConfig,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Fitted, FitError> {
    check(config)?;
    let table = &parts::with_window(table)?;
    let rule = rule(table, config)?;
    let parts = Parts::of(table, config, rule)?;
    let learned = Schema::learn(table, &parts.learn)?;
    let schema = learned.schema;
    let (mut encoded, kept) = parts.encode(&schema, table, config)?;
    let failed = |source| FitError::Threshold { source, share: parts.share_of_calibration() };
    let (needed, got) = (rule.samples_needed(), encoded.calibration.len());
    if got < needed {
        // Said before the training, not after it.
        return Err(failed(ThresholdError::TooFewSamples { rule, needed, got }));
    }
    let form = Form::of(&schema);
    let code = model::code_size(&encoded.train);
    let wanted = model::choose(config, &schema, &encoded.train, code)?;

    let mut trainer = training::Trainer { config, schema: &schema, wanted: &wanted, observer, stop };
    let (members, trained, trimmed) = trainer.members(&encoded)?;
    if let Some(share) = config.robust {
        // What may be anomalous must not say how large a usual error is.
        encoded.validation = robust::usual(&members[0], &encoded.validation, share, config.seed)?;
    }
    let untrained = trainer.untrained(&members[0])?;
    let plain =
        ScoreKind::MeanSquared.fit(members[0].copy()?, &encoded.train, &encoded.validation, config.seed)?;
    let judge = judge::Judge::new(&encoded, form, config.seed);
    let judge::Chosen { kind: score, scorer: autoencoder, others } =
        judge.choose(config, members, &encoded)?;
    let mut judged = others;
    judged.push(judge.judge(Role::Autoencoder, autoencoder.as_ref())?);
    let mut baselines: Vec<(Store, Box<dyn Scorer>)> = Vec::new();
    for (store, baseline) in [
        (Store::Pca, Baseline::Pca { code }),
        (Store::Neighbours, Baseline::Neighbours { k: 5.min(encoded.train.len()) }),
        (Store::IsolationForest, Baseline::IsolationForest),
    ] {
        let scorer = baseline.fit(&encoded.train, config.seed)?;
        judged.push(judge.judge(Role::Baseline, scorer.as_ref())?);
        baselines.push((store, scorer));
    }
    let untrained = score.fit(untrained, &encoded.train, &encoded.validation, config.seed)?;
    judged.push(judge.judge(Role::Untrained, untrained.as_ref())?);

    let (stored, scorer) = report::stored(config.store, autoencoder, baselines, &judged);
    let held_out = |scorer: &dyn Scorer, rows| -> Result<NormalScores, FitError> {
        NormalScores::of_held_out_rows(scorer.scores(rows)?).map_err(failed)
    };
    // By plain errors: a score whose scale comes from the validation rows makes them look more usual than they are.
    let suspect = held_out(plain.as_ref(), &encoded.calibration)?;
    suspect.check_against(&held_out(plain.as_ref(), &encoded.validation)?).map_err(failed)?;
    let scores = held_out(scorer.as_ref(), &encoded.calibration)?;
    let calibration = Calibration::fit(&scores, rule).map_err(failed)?;
    let mut report = FitReport {
        layout: schema.layout,
        layout_because: table.layout_because.clone(),
        sizes: Sizes {
            rows: table.len(),
            bad_lines: table.bad.len(),
            normal: parts.normal,
            train: encoded.train.len(),
            validation: encoded.validation.len(),
            calibration: encoded.calibration.len(),
            test: parts.test.len(),
            width: schema.width(),
            too_little_observed: kept.left_out,
        },
        notices: table.notices.iter().cloned().chain(learned.notices).chain(kept.notices).collect(),
        bad: table.bad.iter().take(report::SHOWN).cloned().collect(),
        // Steps of a series repeat as a matter of course.
        duplicates: if schema.layout == Layout::Windows { 0.0 } else { duplicate_share(&table.values) },
        model: wanted.clone(),
        code,
        epochs: trained.epochs,
        stopped_early: trained.stopped_early,
        seconds: trained.seconds,
        scorer: scorer.name(),
        judged,
        stored,
        threshold: calibration.threshold().to_string(),
        suspects: Vec::new(),
        trimmed: trimmed.len(),
        test: None,
    };
    if config.robust.is_some() {
        report.suspects = robust::suspects(table, &schema, &parts, plain.as_ref(), &trimmed)?;
    }
    report.test = parts.judge_test(&schema, table, scorer.as_ref(), &calibration)?;
    let golden = Golden::choose(&schema, table, &parts.calibration, scorer.as_ref())?;
    let references = parts::references(&encoded.train);
    let detector = TrainedDetector::new(schema, scorer, calibration, &references, golden, config, &report);
    Ok(Fitted { detector, report })
}

fn check(config: &FitConfig) -> Result<(), FitError> {
    let wrong = |key, got: String, legal: &str| Err(FitError::Setting { key, got, legal: legal.into() });
    match config {
        FitConfig { members: 0, .. } => wrong("members", "0".into(), "at least 1"),
        FitConfig { robust: Some(share), .. } if !(*share > 0.0 && *share <= 0.5) => {
            wrong("robust", share.to_string(), "a share above 0 and at most 0.5")
        }
        FitConfig { model: Some(model), variant: Some(variant), .. } => {
            let got = format!("\"{variant}\" beside [model.{}]", model.name());
            wrong("variant", got, "one of the two: a name, or a variant's settings")
        }
        FitConfig { threshold: Some(rule), false_alarms: Some(budget), .. } => {
            let got = format!("\"{budget}\" beside threshold = {rule}");
            wrong("false_alarms", got, "one of the two: a budget, or a rule")
        }
        FitConfig { threshold: Some(rule), .. } => {
            rule.validate().map_err(|source| FitError::Threshold { source, share: 1.0 })
        }
        _ => Ok(()),
    }
}

/// The rule that is configured. A budget in time needs the mean step between two rows. Where nothing is said, the
/// lowest usual rate that half of the normal rows can promise.
fn rule(table: &RawTable, config: &FitConfig) -> Result<Rule, FitError> {
    if let Some(rule) = config.threshold {
        return Ok(rule);
    }
    if let Some(budget) = config.false_alarms {
        return Ok(Rule::FalseAlarmRate { rate: budget.rate(table.seconds_per_row())? });
    }
    let rule = |rate| Rule::FalseAlarmRate { rate };
    let most = parts::rows_for_calibration(table);
    let possible = RATES.into_iter().find(|&rate| parts::rows_to_calibrate(rule(rate)) <= most);
    Ok(rule(possible.unwrap_or(RATES[RATES.len() - 1])))
}

/// Shares of normal rows that may raise an alarm where nothing is said, the lowest that can be promised.
const RATES: [f64; 4] = [0.01, 0.02, 0.05, 0.1];
