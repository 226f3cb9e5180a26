//! Thresholds above which a row is flagged.
//!
//! A threshold is calibrated only on the scores of rows known to be normal. Anomaly is the positive class,
//! and a higher score is more anomalous.

use super::blocks;
use super::error::ThresholdError;
use super::normal::{NormalScores, Provenance};
use super::promise::Promise;
use super::tail::Tail;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a threshold is computed from the scores of normal rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// Mean plus `k` standard deviations (divided by `n`, as numpy's `std`).
    MeanStd {
        /// 0 or more; the articles use 1.
        k: f64,
    },
    /// The `⌈(n + 1) q⌉`-th smallest score. On held-out scores, a new normal row from the same source is
    /// flagged with probability at most `1 - q`, whatever the distribution of the scores (split conformal
    /// prediction; Vovk, Gammerman & Shafer 2005; Lei et al. 2018).
    Quantile {
        /// Above 0 and below 1.
        q: f64,
    },
    /// The lowest threshold at which a new normal row from the same source is flagged with probability at
    /// most `rate`: a row is flagged if its conformal p-value `(1 + #{calibration ≥ s}) / (n + 1)` is at most
    /// `rate` (Vovk, Gammerman & Shafer, 2005, section 2.2; Bates et al., 2023, section 2). Needs
    /// `⌈1 / rate⌉ - 1` held-out rows.
    FalseAlarmRate {
        /// Above 0 and below 1; 0.01 is one normal row in a hundred.
        rate: f64,
    },
    /// The lowest threshold at which windows of a series give at most this many false events for each row. Flagged
    /// rows at most `gap` rows apart are one event; see [`mod@super::blocks`].
    FalseEvents {
        /// Events per row, above 0 and below 1.
        per_row: f64,
        /// Rows, usually a window's length.
        gap: usize,
    },
    /// Extreme value theory: the score that normal rows exceed at `rate`, from a tail fitted above the
    /// quantile `tail`. For rates below what [`Rule::FalseAlarmRate`] can guarantee. This is an
    /// extrapolation, refused if the fit is doubtful; see [`mod@super::tail`].
    Pot {
        /// Above 0 and below `1 - tail`.
        rate: f64,
        /// At least 0.5 and below 1, because the law of the tail holds far out. 0.9 is usual for a few
        /// hundred rows, 0.98 for many thousands.
        tail: f64,
    },
}

impl Default for Rule {
    /// Mean plus one standard deviation.
    fn default() -> Self {
        Rule::MeanStd { k: 1.0 }
    }
}

/// A score above which a row is flagged, and how it was computed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Threshold {
    value: f64,
    rule: Rule,
    source: Provenance,
    n_samples: usize,
    /// How many independent samples these are worth, if they depend on each other.
    blocks: Option<f64>,
}

impl Rule {
    /// Checks that the rule's parameters are in range.
    ///
    /// # Errors
    /// A parameter out of range.
    pub fn validate(self) -> Result<(), ThresholdError> {
        match self {
            Rule::MeanStd { k } if !(k.is_finite() && k >= 0.0) => {
                Err(ThresholdError::DeviationsOutOfRange { k })
            }
            Rule::Quantile { q } if !(q > 0.0 && q < 1.0) => Err(ThresholdError::QuantileOutOfRange { q }),
            Rule::FalseAlarmRate { rate }
            | Rule::Pot { rate, .. }
            | Rule::FalseEvents { per_row: rate, .. }
                if !(rate > 0.0 && rate < 1.0) =>
            {
                Err(ThresholdError::RateOutOfRange { rate })
            }
            Rule::Pot { rate, tail } if !(tail >= 0.5 && tail < 1.0 - rate) => {
                Err(ThresholdError::TailOutOfRange { tail, rate })
            }
            _ => Ok(()),
        }
    }

    /// The rate at which normal rows are flagged, if the rule states one.
    pub fn rate(self) -> Option<f64> {
        match self {
            Rule::FalseAlarmRate { rate } | Rule::Pot { rate, .. } => Some(rate),
            Rule::Quantile { q } => Some(1.0 - q),
            Rule::MeanStd { .. } | Rule::FalseEvents { .. } => None,
        }
    }

    /// The fewest windows of a series that the rule needs, if windows `overlap` rows apart share no step: two that share
    /// none, or as many as of independent rows if these are fewer.
    pub fn windows_needed(self, overlap: usize) -> usize {
        match self {
            Rule::FalseAlarmRate { .. } | Rule::FalseEvents { .. } if overlap > 1 => {
                let blocks = (blocks::MIN_BLOCKS * overlap as f64).ceil() as usize;
                blocks.min(self.samples_needed())
            }
            _ => self.samples_needed(),
        }
    }

    /// The fewest normal rows that the rule needs. With fewer rows, a quantile's alarm rate could not be told
    /// from 0.
    pub fn samples_needed(self) -> usize {
        match self {
            Rule::MeanStd { .. } | Rule::FalseEvents { .. } => 2,
            Rule::Quantile { q } => {
                // ⌈(n + 1) q⌉ ≤ n holds from n = q / (1 - q) on. The float may be off by one, so search
                // around it.
                let guess = (q / (1.0 - q)) as usize;
                (guess.saturating_sub(2).max(1)..).find(|&n| rank(n, q) <= n).unwrap_or(usize::MAX)
            }
            Rule::FalseAlarmRate { rate } => {
                let guess = (1.0 / rate) as usize;
                (guess.saturating_sub(2).max(1)..).find(|&n| allowed(n, rate) >= 1).unwrap_or(usize::MAX)
            }
            Rule::Pot { tail, .. } => (super::tail::EXCESSES as f64 / (1.0 - tail)).ceil() as usize,
        }
    }
}

impl Threshold {
    /// Mean plus `k` standard deviations of the normal scores: see [`Rule::MeanStd`].
    ///
    /// # Errors
    /// If `k` is out of range, or there are fewer than 2 scores.
    pub fn mean_std(scores: &NormalScores, k: f64) -> Result<Self, ThresholdError> {
        Self::by(Rule::MeanStd { k }, scores)
    }

    /// The quantile `q` of the normal scores: see [`Rule::Quantile`].
    ///
    /// # Errors
    /// If `q` is out of range, or there are too few scores for it; the error says how many are needed.
    pub fn at_quantile(scores: &NormalScores, q: f64) -> Result<Self, ThresholdError> {
        Self::by(Rule::Quantile { q }, scores)
    }

    /// The threshold computed by a rule.
    ///
    /// # Errors
    /// See [`mean_std`](Self::mean_std) and [`at_quantile`](Self::at_quantile).
    pub fn by(rule: Rule, normal: &NormalScores) -> Result<Self, ThresholdError> {
        rule.validate()?;
        let (needed, got) = (rule.windows_needed(normal.overlap()), normal.as_slice().len());
        if got < needed {
            return Err(ThresholdError::TooFewSamples { rule, needed, got });
        }
        let promises =
            matches!(rule, Rule::FalseAlarmRate { .. } | Rule::FalseEvents { .. } | Rule::Pot { .. });
        if promises && normal.source() == Provenance::Training {
            return Err(ThresholdError::NeedsHeldOut { rule });
        }
        let nth = |place: usize| *normal.as_slice().to_vec().select_nth_unstable_by(place, f64::total_cmp).1;
        let value = match rule {
            Rule::MeanStd { k } => {
                let n = got as f64;
                let mean = normal.as_slice().iter().sum::<f64>() / n;
                let variance = normal.as_slice().iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n;
                mean + k * variance.sqrt()
            }
            Rule::Quantile { q } => nth(rank(got, q) - 1),
            Rule::FalseAlarmRate { rate } if normal.overlap() > 1 => {
                blocks::rate_threshold(normal.as_slice(), normal.overlap(), rate)
            }
            Rule::FalseEvents { per_row, gap } => {
                blocks::event_threshold(normal.as_slice(), normal.overlap(), per_row, gap)
            }
            // At most `allowed - 1` calibration scores may be as high as that of an alarm.
            Rule::FalseAlarmRate { rate } => nth(got - allowed(got, rate).min(got)),
            Rule::Pot { rate, tail } => {
                let mut sorted = normal.as_slice().to_vec();
                sorted.sort_by(f64::total_cmp);
                let tail = Tail::fit(&sorted, tail)?;
                // Ties at the start of the tail leave fewer excesses. A rate at or above their share needs no
                // extrapolation.
                if rate >= tail.excesses as f64 / got as f64 { tail.start } else { tail.exceeded_at(rate) }
            }
        };
        if !value.is_finite() {
            return Err(ThresholdError::Overflow);
        }
        let (source, blocks) = (normal.source(), normal.blocks());
        Ok(Threshold { value, rule, source, n_samples: got, blocks })
    }

    /// Flags rows whose score lies above the threshold; a score equal to it is still normal. NaN is flagged,
    /// because a row that could not be scored must not pass silently.
    pub fn flag(&self, scores: &[f64]) -> Vec<bool> {
        scores.iter().map(|&score| self.is_anomalous(score)).collect()
    }

    /// [`flag`](Self::flag) of one score.
    pub fn is_anomalous(&self, score: f64) -> bool {
        score.is_nan() || score > self.value
    }

    /// The score above which a row is flagged.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The rule that computed it.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Which normal rows it was calibrated on.
    pub fn source(&self) -> Provenance {
        self.source
    }

    /// The number of these rows.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// How many independent rows they are worth; `None` if all of them are independent.
    pub fn blocks(&self) -> Option<f64> {
        self.blocks
    }

    /// What is promised, and the range of the rate; `None` for a rule without a promise for rows.
    pub fn promise(&self) -> Option<Promise> {
        match (self.rule, self.blocks) {
            (Rule::FalseAlarmRate { rate }, None) => {
                Some(Promise::of_rows(rate, self.n_samples, allowed(self.n_samples, rate)))
            }
            (Rule::FalseAlarmRate { rate }, Some(blocks)) => Some(Promise::of_blocks(rate, blocks)),
            (Rule::FalseEvents { per_row, .. }, blocks) => {
                Some(Promise::of_events(per_row, self.n_samples, blocks.unwrap_or(self.n_samples as f64)))
            }
            _ => None,
        }
    }

    /// Whether it may lie beyond all scores that it was computed from.
    pub(crate) fn extrapolated(&self) -> bool {
        matches!(self.rule, Rule::Pot { .. }) || self.blocks.is_some()
    }
}

/// `⌈(n + 1) q⌉`, at least 1. A product that is a whole number up to rounding counts as that number.
fn rank(n: usize, q: f64) -> usize {
    let exact = (n as f64 + 1.0) * q;
    ((exact * (1.0 - 4.0 * f64::EPSILON)).ceil() as usize).max(1)
}

/// `⌊(n + 1) rate⌋`: how many of the top ranks among `n + 1` scores are flagged.
pub(super) fn allowed(n: usize, rate: f64) -> usize {
    ((n as f64 + 1.0) * rate * (1.0 + 4.0 * f64::EPSILON)).floor() as usize
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    value: f64,
    rule: Rule,
    source: Provenance,
    n_samples: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blocks: Option<f64>,
}

impl From<Threshold> for Stored {
    fn from(t: Threshold) -> Self {
        let Threshold { value, rule, source, n_samples, blocks } = t;
        Stored { value, rule, source, n_samples, blocks }
    }
}

impl TryFrom<Stored> for Threshold {
    type Error = ThresholdError;

    fn try_from(stored: Stored) -> Result<Self, ThresholdError> {
        let Stored { value, rule, source, n_samples, blocks } = stored;
        rule.validate()?;
        let most = (n_samples as f64).max(blocks::MIN_BLOCKS);
        if blocks.is_some_and(|blocks| !(blocks::MIN_BLOCKS..=most).contains(&blocks)) {
            return Err(ThresholdError::Stored("their number of blocks is impossible"));
        }
        if !value.is_finite() {
            return Err(ThresholdError::Overflow);
        }
        let needed = if blocks.is_some() { 2 } else { rule.samples_needed() };
        if n_samples < needed {
            return Err(ThresholdError::TooFewSamples { rule, needed, got: n_samples });
        }
        Ok(Threshold { value, rule, source, n_samples, blocks })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::MeanStd { k } => write!(f, "mean + {k} std"),
            Rule::Quantile { q } => write!(f, "quantile {q}"),
            Rule::FalseAlarmRate { rate } => write!(f, "false-alarm rate {}", four_digits(*rate)),
            Rule::FalseEvents { per_row, .. } => write!(f, "{per_row:.3e} false events per row"),
            Rule::Pot { rate, tail } => write!(f, "rate {rate} of the tail above quantile {tail}"),
        }
    }
}

/// A number rounded to four significant digits; those of `1 per day` would not end. What is not above 0 stays as it is.
pub(super) fn four_digits(value: f64) -> f64 {
    // Also for NaN.
    if !(value > 0.0 && value.is_finite()) {
        return value;
    }
    let unit = 10f64.powi(3 - value.log10().floor() as i32);
    if unit.is_finite() { (value * unit).round() / unit } else { value }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Threshold { value, rule, source, n_samples, blocks } = self;
        write!(f, "{value:.6} ({rule} of {n_samples} {source} scores of normal rows")?;
        match blocks {
            None => f.write_str(")"),
            Some(blocks) => write!(f, ", worth {blocks:.1} independent ones)"),
        }
    }
}

#[cfg(test)]
#[path = "threshold_tests.rs"]
mod tests;
