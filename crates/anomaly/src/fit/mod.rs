//! From a table to a detector, in five stages with a type between each two:
//!
//! 1. [`TableSplit`]: which rows do what. The normal rows fall into disjoint parts: the model learns from the first, stops
//!    early by the second, on which scores are also scaled and detectors compared, and the threshold comes from the third,
//!    which nothing was chosen by. Where there are labels, a fourth part and every anomalous row are locked away and
//!    looked at once, when all is decided.
//! 2. [`EncodedSplit`]: the columns, learned from training rows alone, and the encoded rows, [`PreparedRows`].
//! 3. [`Trained`]: the network.
//! 4. [`Selected`]: its score, and what it has to beat.
//! 5. [`CalibratedScorer`]: the one that is stored, with its threshold.
//!
//! No label and no guess of contamination is needed. The stages behind encoding take [`PreparedRows`], so that rows that
//! never were a table, such as images or the beats of a data set, are fitted in the same way.

mod model;
mod prepared;
mod robust;

pub mod damage;
pub mod report;
pub mod select;
pub mod split;
pub mod train;

pub use prepared::PreparedRows;
pub use report::{FitReport, Sizes, Suspect, TestFigures};
pub use select::{Candidate, Contender, Judged, Role, Selected};
pub use split::{EncodedSplit, TableSplit};
pub use train::Trained;

use crate::calibrated::CalibratedScorer;
use crate::calibration::{BudgetError, Calibration, FalseAlarmBudget, NormalScores, Rule, ThresholdError};
use crate::detector::Detector;
use crate::error::ScorerError;
use crate::file::golden::Golden;
use crate::scorers::{Score, Scorer};
use ae_intake::Samples;
use ae_intake::{InputConfig, IntakeError, Layout, Shares, Table, duplicate_share};
use ae_models::{ModelConfig, ModelError};
use ae_training::{EmptyData, Observer, TrainError, TrainingConfig};
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
    /// What is measured of a reconstruction; absent: what tells most damaged copies of validation rows from them.
    pub score: Option<Score>,
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
    /// The median of the training rows, expected in place of every row.
    Median,
    /// The mean of the training rows, expected in place of every row.
    Mean,
    /// Principal components, as many as the code has numbers.
    Pca,
    /// The distance to the nearest training rows.
    Neighbours,
    /// Isolation forest.
    IsolationForest,
    /// The one that tells most damaged copies of validation rows from them.
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

/// What stands around a fit beside its configuration.
#[derive(Default)]
pub struct FitOptions<'a> {
    /// Who watches the training.
    pub observer: Option<&'a mut dyn Observer>,
    /// The fit stops at the next step of training when this is set.
    pub stop: Option<&'a AtomicBool>,
}

impl std::fmt::Debug for FitOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FitOptions").field("stop", &self.stop).finish_non_exhaustive()
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
    /// No rows to train on.
    #[error(transparent)]
    Empty(#[from] EmptyData),
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
    /// Stopped from outside.
    #[error("interrupted before the detector was done; nothing was written")]
    Interrupted,
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
    pub detector: Detector,
    /// For people.
    pub report: FitReport,
}

impl Detector {
    /// Makes a detector of a table. A pure function of the table and the configuration, on one kind of machine and with
    /// one number of threads.
    ///
    /// # Errors
    /// See [`FitError`].
    pub fn fit(table: &Table, config: &FitConfig) -> Result<Self, FitError> {
        Ok(Self::fit_with(table, config, FitOptions::default())?.detector)
    }

    /// [`Detector::fit`] with progress, a way to stop, and a report.
    ///
    /// # Errors
    /// See [`FitError`].
    pub fn fit_with(
        table: &Table,
        config: &FitConfig,
        mut options: FitOptions<'_>,
    ) -> Result<Fitted, FitError> {
        let (split, rule) = TableSplit::of(table, config)?;
        let EncodedSplit { schema, rows, left_out, notices } = split.encode()?;
        let failed = |source| FitError::Threshold { source, share: split.share_of_calibration() };
        let (needed, got) = (rule.samples_needed(), rows.calibration.len());
        if got < needed {
            // Said before the training, not after it.
            return Err(failed(ThresholdError::TooFewSamples { rule, needed, got }));
        }
        let trained = Trained::on(&rows, config, &mut options)?;
        let selected = Selected::among(&rows, &trained, config)?;
        let judged = selected.judged();
        // By plain errors: a score whose scale comes from the validation rows makes them look more usual than they are.
        let normal = trained.normal_rows(&rows, config.seed);
        let plain = Score::MeanSquared.fit(trained.members[0].copy()?, &normal)?;
        let of_calibration = held_out(plain.as_ref(), &rows.calibration)?.map_err(failed)?;
        let of_validation = held_out(plain.as_ref(), normal.validation)?.map_err(failed)?;
        of_calibration.check_against(&of_validation).map_err(failed)?;
        let (scorer, stored) = selected.store(config.store);
        let scorer = calibrate(scorer, &rows.calibration, rule)?.map_err(failed)?;
        let suspects = match config.robust {
            None => Vec::new(),
            Some(_) => robust::suspects(&schema, &split, plain.as_ref(), &trained.trimmed)?,
        };
        let table = &split.table;
        let report = FitReport {
            layout: schema.layout,
            layout_because: table.layout_because.clone(),
            sizes: Sizes {
                rows: table.len(),
                bad_lines: table.bad.len(),
                normal: split.normal,
                train: rows.train.len(),
                validation: normal.validation.len(),
                calibration: rows.calibration.len(),
                test: split.test.len(),
                width: schema.width(),
                too_little_observed: left_out,
            },
            notices: table.notices.iter().cloned().chain(notices).collect(),
            bad: table.bad.iter().take(report::MAX_BAD_LINES).cloned().collect(),
            // Steps of a series repeat as a matter of course.
            duplicates: if schema.layout == Layout::Windows { 0.0 } else { duplicate_share(&table.values) },
            model: trained.model.clone(),
            code: trained.code_size(),
            epochs: trained.outcome.epochs,
            stopped_early: trained.outcome.stopped_early,
            seconds: trained.outcome.seconds,
            scorer: scorer.scorer().name(),
            judged,
            stored,
            threshold: scorer.calibration().threshold().to_string(),
            suspects,
            trimmed: trained.trimmed.len(),
            test: split.judge_test(&schema, &scorer)?,
        };
        let golden = Golden::choose(&schema, table, &split.calibration, scorer.scorer())?;
        let about = report::about(config, &report);
        let references = split::references(&rows.train);
        let detector = Detector::new(schema, scorer, &references, golden, about);
        Ok(Fitted { detector, report })
    }
}

/// The last stage: a scorer with the threshold that the rule gives for normal rows that nothing was chosen by.
///
/// # Errors
/// Rows that cannot be scored; inside, a rule that has too few of them.
pub fn calibrate(
    scorer: Box<dyn Scorer>,
    calibration: &Samples,
    rule: Rule,
) -> Result<Result<CalibratedScorer, ThresholdError>, ScorerError> {
    let scores = held_out(scorer.as_ref(), calibration)?;
    let calibrated = scores.and_then(|scores| Calibration::fit(&scores, rule));
    Ok(calibrated.map(|calibration| CalibratedScorer::new(scorer, calibration)))
}

fn held_out(
    scorer: &dyn Scorer,
    rows: &Samples,
) -> Result<Result<NormalScores, ThresholdError>, ScorerError> {
    Ok(NormalScores::of_held_out_rows(scorer.scores(rows)?))
}

impl FitConfig {
    fn check(&self) -> Result<(), FitError> {
        let wrong = |key, got: String, legal: &str| Err(FitError::Setting { key, got, legal: legal.into() });
        match self {
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
    fn rule(&self, table: &Table) -> Result<Rule, FitError> {
        if let Some(rule) = self.threshold {
            return Ok(rule);
        }
        if let Some(budget) = self.false_alarms {
            return Ok(Rule::FalseAlarmRate { rate: budget.rate(table.seconds_per_row())? });
        }
        let rule = |rate| Rule::FalseAlarmRate { rate };
        let most = split::rows_for_calibration(table);
        let possible = RATES.into_iter().find(|&rate| split::rows_to_calibrate(rule(rate)) <= most);
        Ok(rule(possible.unwrap_or(RATES[RATES.len() - 1])))
    }
}

/// Shares of normal rows that may raise an alarm where nothing is said, the lowest that can be promised.
const RATES: [f64; 4] = [0.01, 0.02, 0.05, 0.1];
