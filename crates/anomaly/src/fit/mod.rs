//! Fits a detector to a table, in five stages with one type per stage:
//!
//! 1. [`TableSplit`]: splits the normal rows into disjoint parts. The model learns from the first. The second
//!    is for early stopping, scaling scores and comparing detectors. The threshold comes from the third,
//!    which no other choice depends on. If there are labels, a fourth part and every anomalous row are locked
//!    away and used once, after all decisions. A short series is not split: all its windows are learned from and calibrated
//!    on, see `crossed.rs`.
//! 2. [`EncodedSplit`]: the columns, learned from training rows alone, and the encoded rows
//!    ([`PreparedRows`]).
//! 3. [`Trained`]: the trained network.
//! 4. [`Store`]: the detector to store; [`Selected`] has all that it is compared with.
//! 5. [`CalibratedScorer`]: the stored scorer, with its threshold, and those of the groups if the rows have groups.
//!
//! Neither labels nor an estimate of the contamination are needed. The stages after encoding take
//! [`PreparedRows`], so rows that never were a table, such as images or the beats of a data set, are fitted
//! in the same way.

mod contender;
mod crossed;
mod error;
mod groups;
mod model;
mod prepared;
mod robust;
mod stretches;

pub mod damage;
pub mod report;
pub mod select;
pub mod split;
pub mod train;

pub use contender::Contender;
pub use error::FitError;
pub use groups::GroupThreshold;
pub use prepared::PreparedRows;
pub use report::{FitReport, Sizes, Suspect, TestFigures};
pub use select::{Candidate, Judged, Role, Selected};
pub use split::{EncodedSplit, TableSplit};
pub use train::Trained;

use self::crossed::Windows;
use crate::calibrated::{CalibratedScorer, CalibrationRows, RowCalibration};
use crate::calibration::{Calibration, FalseAlarmBudget, NormalScores, Rule, ThresholdError};
use crate::detector::Detector;
use crate::file::golden::Golden;
use crate::scorers::Score;
use ae_intake::Samples;
use ae_intake::{InputConfig, Layout, Shares, Table, duplicate_share};
use ae_models::ModelConfig;
use ae_training::{Observer, TrainingConfig};
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicBool;

/// How a detector is made. Settings that are absent follow from the data, by rules that the report names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitConfig {
    /// The seed of splits, weights and random draws.
    pub seed: u64,
    /// How the file is turned into samples.
    pub input: InputConfig,
    /// Sizes of the parts. Default: 60 % training, 15 % validation and 25 % calibration, or more calibration
    /// rows (up to half) if the false-alarm rate needs them. A short series has no parts by default: it is learned from
    /// and calibrated on as a whole.
    pub shares: Option<Shares>,
    /// The variant and its settings, such as `[model.vae]`. Default: a dense autoencoder that suits the rows.
    pub model: Option<ModelConfig>,
    /// A variant by name, with settings that suit the rows; not together with `model`.
    pub variant: Option<String>,
    /// How a reconstruction is scored. Default: `standardised` in the blend; for the autoencoder alone, the score that
    /// best tells damaged copies of validation rows from the originals.
    pub score: Option<Score>,
    /// Number of models, trained with different seeds, that vote; 1 for a single model.
    pub members: usize,
    /// How many false alarms are allowed, such as `"1 %"` or `"2 per day"`; not together with `threshold`.
    /// Default, without either: 1 %.
    pub false_alarms: Option<FalseAlarmBudget>,
    /// A different rule for the threshold.
    pub threshold: Option<Rule>,
    /// The largest share of training rows that may be anomalous; that share is left out of the loss. Default:
    /// none.
    pub robust: Option<f64>,
    /// Whether to calibrate on rows that score much higher than the other normal rows; by default that is an error.
    pub accept_drift: bool,
    /// Which detector is stored.
    pub store: Store,
    /// How the model is trained. Default: settings that suit the number of rows.
    pub training: Option<TrainingConfig>,
}

/// Which of the compared detectors is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// The error of the autoencoder, blended with distances to normal rows; see [`mod@crate::scorers::blend`].
    #[default]
    Blend,
    /// The error of the autoencoder alone.
    Autoencoder,
    /// The median of the training rows, expected for every row.
    Median,
    /// The mean of the training rows, expected for every row.
    Mean,
    /// Principal components, as many as the size of the code.
    Pca,
    /// The distance to the nearest training rows.
    Neighbours,
    /// Isolation forest.
    IsolationForest,
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
            accept_drift: false,
            store: Store::Blend,
            training: None,
        }
    }
}

/// Options of a fit that are not part of its configuration.
#[derive(Default)]
pub struct FitOptions<'a> {
    /// Observes the training.
    pub observer: Option<&'a mut dyn Observer>,
    /// When set, the fit stops at the next training step.
    pub stop: Option<&'a AtomicBool>,
}

impl std::fmt::Debug for FitOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FitOptions").field("stop", &self.stop).finish_non_exhaustive()
    }
}

/// A detector, and how it was made.
#[derive(Debug)]
pub struct Fitted {
    /// The detector, ready to be used and saved.
    pub detector: Detector,
    /// The report for the user.
    pub report: FitReport,
}

impl Detector {
    /// Makes a detector from a table. On the same kind of machine with the same number of threads, the result
    /// depends only on the table and the configuration.
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
        let EncodedSplit { schema, rows, trained_on, calibrated_on, left_out, notices } = split.encode()?;
        let failed = |source| FitError::Threshold { source, share: split.share_of_calibration() };
        let (needed, got) = (rule.windows_needed(rows.overlap), rows.calibration.len());
        if got < needed {
            // Fail before training, not after it.
            return Err(failed(ThresholdError::TooFewSamples { rule, needed, got }));
        }
        let trained = Trained::on(&rows, config, &mut options)?;
        let windows = schema.windows.filter(|_| split.is_crossed).map(|windows| Windows {
            rows: &rows,
            ends: &calibrated_on,
            length: windows.length,
        });
        let learned = windows.map(|windows| windows.all());
        let (scorer, left_out_scores) =
            config.store.fit(learned.as_ref().unwrap_or(&rows), &trained, config)?;
        // Compare plain errors: a score scaled on the validation rows makes these look more usual than they
        // are.
        let normal = trained.normal_rows(&rows, config.seed);
        let plain = Score::MeanSquared.fit(trained.members[0].copy()?, &normal)?;
        let held_out = |part: &Samples| -> Result<NormalScores, FitError> {
            NormalScores::of_held_out_windows(plain.scores(part)?, rows.overlap).map_err(failed)
        };
        let (scorer, drift) = match windows {
            None => (scorer, held_out(&rows.calibration)?.check_against(&held_out(normal.validation)?)),
            Some(windows) => {
                let crossed = windows.fit(scorer, &trained, config, options.stop)?;
                let drift = crossed.check_drift(rows.overlap);
                (crossed.scorer, drift)
            }
        };
        let mut accepted = None;
        match drift {
            Ok(()) => {}
            Err(ThresholdError::Suspicious { above, n, first, last, .. }) => {
                let place = split.place(calibrated_on[first], calibrated_on[last]);
                let drift = FitError::Drift { above, n, place };
                if !config.accept_drift {
                    return Err(drift);
                }
                accepted = Some(drift.to_string());
            }
            Err(error) => return Err(failed(error)),
        }
        let completion = trained.completion.as_deref();
        let all = CalibrationRows {
            rows: &rows.calibration,
            places: &(0..rows.calibration.len()).collect::<Vec<_>>(),
            overlap: rows.overlap,
            completion,
            seed: config.seed,
            robust: config.robust,
        };
        let (groups, group_lines) = groups::calibrate(&split, &calibrated_on, config, rule, |places| {
            let own = rows.calibration.select(places);
            RowCalibration::fit_to(scorer.as_ref(), &CalibrationRows { rows: &own, places, ..all }, rule)
        })?;
        let calibration = RowCalibration::fit_to(scorer.as_ref(), &all, rule)?.map_err(failed)?;
        let scorer = CalibratedScorer::new(scorer, calibration).with_groups(groups);
        let suspects = match config.robust {
            None => Vec::new(),
            Some(_) => {
                let left_out = trained.trimmed.iter().map(|&at| trained_on[at]).collect();
                robust::suspects(&schema, &split, plain.as_ref(), &left_out)?
            }
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
                folds: split.is_crossed.then_some(crossed::FOLDS),
                width: schema.width(),
                too_little_observed: left_out,
            },
            notices: table.notices.iter().cloned().chain(notices).collect(),
            bad: table.bad.iter().take(report::MAX_BAD_LINES).cloned().collect(),
            // Repeated steps are normal in a series.
            duplicates: if schema.layout == Layout::Windows { 0.0 } else { duplicate_share(&table.values) },
            model: trained.model.clone(),
            code: trained.code_size(),
            code_form: Some(trained.code_form()),
            epochs: trained.outcome.epochs,
            stopped_early: trained.outcome.stopped_early,
            seconds: trained.outcome.seconds,
            scorer: scorer.scorer().name(),
            left_out: left_out_scores,
            threshold: scorer.calibration().threshold().to_string(),
            promise: config.promise_of(scorer.calibration()),
            trim: scorer.rows().trim(),
            accepted_drift: accepted,
            groups: group_lines,
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

impl FitConfig {
    fn check(&self) -> Result<(), FitError> {
        let wrong = |key, got: String, legal: &str| Err(FitError::Setting { key, got, legal: legal.into() });
        match self {
            FitConfig { members: 0, .. } => wrong("members", "0".into(), "at least 1"),
            FitConfig { robust: Some(share), .. } if !(*share > 0.0 && *share <= 0.5) => {
                wrong("robust", share.to_string(), "a share above 0 and at most 0.5")
            }
            FitConfig { model: Some(model), variant: Some(variant), .. } => {
                let got = format!("\"{variant}\" together with [model.{}]", model.name());
                wrong("variant", got, "either a name or a variant's settings")
            }
            FitConfig { threshold: Some(rule), false_alarms: Some(budget), .. } => {
                let got = format!("\"{budget}\" together with threshold = {rule}");
                wrong("false_alarms", got, "either a budget or a rule")
            }
            FitConfig { threshold: Some(rule), .. } => {
                rule.validate().map_err(|source| FitError::Threshold { source, share: 1.0 })
            }
            _ => Ok(()),
        }
    }

    /// What a threshold promises, in words.
    fn promise_of(&self, calibration: &Calibration) -> Option<String> {
        calibration.threshold().promise().map(|promise| match self.false_alarms {
            Some(FalseAlarmBudget::Events { events, period }) => promise.of_period(events, period),
            _ => promise.to_string(),
        })
    }

    /// The configured rule. A budget per period needs the mean time between two rows. Default: the lowest of
    /// `RATES` that half of the normal rows can guarantee.
    fn rule(&self, table: &Table) -> Result<Rule, FitError> {
        if let Some(rule) = self.threshold {
            return Ok(rule);
        }
        if let Some(budget) = self.false_alarms {
            let rate = budget.rate(table.seconds_per_row())?;
            let window = table.config.window.filter(|_| table.layout == Layout::Windows);
            return Ok(match (budget, window) {
                (FalseAlarmBudget::Events { .. }, Some(gap)) => Rule::FalseEvents { per_row: rate, gap },
                // Of independent rows, every alarm is an event of its own.
                _ => Rule::FalseAlarmRate { rate },
            });
        }
        let rule = |rate| Rule::FalseAlarmRate { rate };
        let most = split::rows_for_calibration(table, self);
        let possible = RATES.into_iter().find(|&rate| split::rows_to_calibrate(table, rule(rate)) <= most);
        Ok(rule(possible.unwrap_or(RATES[RATES.len() - 1])))
    }
}

/// Default false-alarm rates; the lowest that can be guaranteed is used.
const RATES: [f64; 4] = [0.01, 0.02, 0.05, 0.1];
