//! What a threshold promises, and how far the rate on later rows may lie from that.

use super::blocks::{self, student};
use super::budget::Period;
use super::threshold::four_digits;
use serde::Serialize;
use statrs::distribution::{Beta, ChiSquared, ContinuousCDF, Gamma, Normal};
use std::fmt;

/// Share of the fits whose rate lies in the range of a [`Promise`].
pub const COVERAGE: f64 = 0.95;
/// Steps of the grid over the estimated mean and the estimated spread.
const GRID: usize = 64;

/// A promised false-alarm rate, per row or in events per row, and the range in which the rate of a particular detector
/// lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Promise {
    /// The promised rate.
    pub rate: f64,
    /// In 95 % of the fits, the rate on later normal rows is at least this.
    pub low: f64,
    /// In 95 % of the fits, the rate on later normal rows is at most this.
    pub high: f64,
    /// What it rests on.
    pub basis: Basis,
}

/// What a promise rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The number of independent rows; whatever the distribution of the scores.
    Rows {
        /// Calibration rows.
        rows: usize,
    },
    /// The number of stretches of a series; whatever the distribution of the scores.
    Blocks {
        /// Stretches of a window's length in the calibration part.
        blocks: f64,
    },
    /// Too few stretches for that: scores, or their logarithms, are taken to be normally distributed.
    Normal {
        /// Stretches of a window's length in the calibration part.
        blocks: f64,
    },
    /// The number of events in the calibration part, if events are independent of each other.
    Events {
        /// Calibration rows.
        rows: usize,
    },
    /// Less than one event is allowed in the calibration part: the highest scores of stretches of a window's length, or
    /// their logarithms, are taken to be normally distributed.
    NormalEvents {
        /// Calibration rows.
        rows: usize,
    },
}

impl Promise {
    /// For `allowed` of `n + 1` ranks of independent rows. The rate of a detector then has a beta distribution (Vovk,
    /// 2012, "Conditional validity of inductive conformal predictors", proposition 2a).
    pub(super) fn of_rows(rate: f64, n: usize, allowed: usize) -> Self {
        let (low, high) = beta(allowed as f64, (n + 1).saturating_sub(allowed) as f64);
        Promise { rate, low, high, basis: Basis::Rows { rows: n } }
    }

    /// For scores that are worth `blocks` independent ones.
    pub(super) fn of_blocks(rate: f64, blocks: f64) -> Self {
        if blocks::suffice(blocks, rate) {
            let part = rate * (blocks + 1.0);
            let (low, high) = beta(part, blocks + 1.0 - part);
            return Promise { rate, low, high, basis: Basis::Blocks { blocks } };
        }
        let (low, high) = normal(rate, blocks);
        Promise { rate, low, high, basis: Basis::Normal { blocks } }
    }

    /// For events per row, in `n` rows that are worth `blocks` independent ones. The threshold allows one event less than
    /// expected, so that the rows up to the next event have a gamma distribution (of a Poisson process).
    pub(super) fn of_events(per_row: f64, n: usize, blocks: f64) -> Self {
        let (rows, length) = (n as f64, n as f64 / blocks);
        if let Ok(next) = Gamma::new((per_row * rows).floor(), 1.0) {
            let at = |share: f64| next.inverse_cdf(share) / rows;
            let (low, high) = (at((1.0 - COVERAGE) / 2.0), at((1.0 + COVERAGE) / 2.0));
            return Promise { rate: per_row, low, high, basis: Basis::Events { rows: n } };
        }
        let (low, high) = normal((per_row * length).min(0.5), blocks);
        let basis = Basis::NormalEvents { rows: n };
        Promise { rate: per_row, low: low / length, high: high / length, basis }
    }

    /// The promise of a budget of this many events in a period.
    pub fn of_period(&self, events: f64, period: Period) -> String {
        let Promise { rate, low, high, basis } = *self;
        let per_row = events / rate;
        let (low, high) = (few(low * per_row), few(high * per_row));
        let range = |rows: usize| {
            let periods = few(rows as f64 / per_row);
            let plural = if periods == "1" { "" } else { "s" };
            format!(
                "{low} to {high} for a detector with calibration rows of {periods} {period}{plural}, in 19 of 20 cases"
            )
        };
        let budget = few(events);
        match basis {
            Basis::NormalEvents { rows } => format!(
                "about {budget} false events per {period} on average, if the logarithms of the highest scores are normally \
                 distributed; {}",
                range(rows)
            ),
            Basis::Events { rows } => {
                format!("at most {budget} false events per {period} on average; {}", range(rows))
            }
            Basis::Rows { .. } | Basis::Blocks { .. } | Basis::Normal { .. } => self.to_string(),
        }
    }
}

/// A number of events to two digits.
fn few(number: f64) -> String {
    match number {
        number if number >= 10.0 => format!("{number:.0}"),
        number if number >= 1.0 => format!("{}", (number * 10.0).round() / 10.0),
        number => format!("{}", (number * 100.0).round() / 100.0),
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.2}", 100.0 * share);
        let (low, high) = (percent(self.low), percent(self.high));
        let rate = four_digits(100.0 * self.rate);
        match self.basis {
            Basis::Rows { rows } => write!(
                f,
                "at most {rate} % of normal rows on average; {low} to {high} % for a detector with {rows} calibration \
                 rows, in 19 of 20 cases"
            ),
            Basis::Blocks { blocks } => write!(
                f,
                "at most {rate} % of normal windows on average; {low} to {high} % for a detector with calibration \
                 windows worth {blocks:.1} independent ones, in 19 of 20 cases"
            ),
            Basis::Normal { blocks } => write!(
                f,
                "about {rate} % of normal windows on average, if the logarithms of scores are normally distributed; \
                 {low} to {high} % for a detector with calibration windows worth {blocks:.1} independent ones, in 19 of 20 \
                 cases"
            ),
            Basis::Events { rows } | Basis::NormalEvents { rows } => write!(
                f,
                "{:.3e} false events per row on average; {:.3e} to {:.3e} for a detector with {rows} calibration rows, in \
                 19 of 20 cases",
                self.rate, self.low, self.high
            ),
        }
    }
}

/// The middle 95 % of a beta distribution.
fn beta(a: f64, b: f64) -> (f64, f64) {
    match Beta::new(a, b) {
        Ok(beta) => (beta.inverse_cdf((1.0 - COVERAGE) / 2.0), beta.inverse_cdf((1.0 + COVERAGE) / 2.0)),
        // No rank is allowed, or all are.
        Err(_) => (0.0, 1.0),
    }
}

/// The middle 95 % of the rates that a prediction limit reaches for normal scores, over the distribution of the mean
/// and the spread that are estimated from `blocks` of them.
fn normal(rate: f64, blocks: f64) -> (f64, f64) {
    let (gauss, freedom) = (Normal::standard(), blocks - 1.0);
    let spread = ChiSquared::new(freedom).expect("at least one degree of freedom");
    let factor = student(freedom, rate) * (1.0 + 1.0 / blocks).sqrt();
    let middle = |at: usize| (at as f64 + 0.5) / GRID as f64;
    let means: Vec<f64> = (0..GRID).map(|at| gauss.inverse_cdf(middle(at)) / blocks.sqrt()).collect();
    let mut rates = Vec::with_capacity(GRID * GRID);
    for at in 0..GRID {
        let estimated = (spread.inverse_cdf(middle(at)) / freedom).sqrt();
        rates.extend(means.iter().map(|mean| gauss.sf(mean + factor * estimated)));
    }
    rates.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| rates[((rates.len() - 1) as f64 * share).round() as usize];
    (at((1.0 - COVERAGE) / 2.0), at((1.0 + COVERAGE) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.beta.ppf([0.025, 0.975], k, n + 1 - k)`.
    #[test]
    fn the_range_for_rows_is_that_of_the_beta_distribution() {
        let check = |n: usize, allowed: usize, low: f64, high: f64| {
            let promise = Promise::of_rows(0.01, n, allowed);
            assert!((promise.low - low).abs() < 1e-6 && (promise.high - high).abs() < 1e-6, "{promise:?}");
        };
        check(99, 1, 0.0002557, 0.03657574);
        check(999, 10, 0.00481033, 0.01703275);
    }

    #[test]
    fn more_blocks_narrow_the_range_around_the_promise() {
        let mut width = f64::INFINITY;
        for blocks in [2.0, 5.5, 12.0, 40.0, 98.0] {
            let Promise { rate, low, high, basis } = Promise::of_blocks(0.01, blocks);
            assert!(low < rate && rate < high && high - low < width, "{blocks}: {low} to {high}");
            assert_eq!(basis, Basis::Normal { blocks });
            width = high - low;
        }
        let exact = Promise::of_blocks(0.01, 200.0);
        assert!(matches!(exact.basis, Basis::Blocks { .. }) && exact.low < 0.01 && exact.high > 0.01);
    }
    /// `scipy.stats.gamma.ppf([0.025, 0.975], k) / n`.
    #[test]
    fn the_range_for_events_is_that_of_the_time_to_the_next_one() {
        // Two a week of 672 rows, in 3360 rows: 10 are expected.
        let promise = Promise::of_events(2.0 / 672.0, 3360, 35.0);
        assert_eq!(promise.basis, Basis::Events { rows: 3360 });
        assert!((promise.low - 4.795389 / 3360.0).abs() < 1e-8, "{promise:?}");
        assert!((promise.high - 17.084803 / 3360.0).abs() < 1e-8, "{promise:?}");
        assert_eq!(
            promise.of_period(2.0, Period::Week),
            "at most 2 false events per week on average; 0.96 to 3.4 for a detector with calibration rows of 5 weeks, in 19 \
             of 20 cases"
        );
        // With a day of rows, there is not even one to be expected.
        let promise = Promise::of_events(2.0 / 672.0, 96, 4.0);
        assert_eq!(promise.basis, Basis::NormalEvents { rows: 96 });
        assert!(promise.low < promise.rate && promise.rate < promise.high, "{promise:?}");
        let text = promise.of_period(2.0, Period::Week);
        assert!(text.starts_with("about 2 false events per week") && text.contains("0.14 weeks"), "{text}");
    }
}
