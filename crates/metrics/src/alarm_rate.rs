//! How far a measured false-alarm rate may deviate from the promised rate by chance.

use crate::error::MetricError;
use crate::summary::Interval;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};
use statrs::function::beta::ln_beta;

/// The band that contains the false-alarm rate on test rows with the given probability, if the promise holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmBand {
    /// The expected rate, at most the promised one: `⌊rate · (n + 1)⌋ / (n + 1)`.
    pub expected: f64,
    /// Least and greatest rate, both inclusive: whole numbers of alarms divided by the number of test rows.
    pub band: Interval,
}

impl AlarmBand {
    /// Whether a measured rate lies in the band.
    pub fn holds(&self, rate: f64) -> bool {
        // The rate is a quotient computed elsewhere, so its last digits may differ.
        rate >= self.band.low - 1e-12 && rate <= self.band.high + 1e-12
    }
}

/// The band that contains, with probability at least `level`, the share of `n_test` normal rows flagged by a
/// threshold from split conformal prediction that was calibrated on `n_calibration` other normal rows and
/// promises `rate`.
///
/// Over calibration sets, the false-alarm probability of such a threshold follows Beta(k, n + 1 − k), with
/// `k = ⌊rate · (n + 1)⌋` (Vovk: "Conditional validity of inductive conformal predictors", ACML 2012,
/// section 4). The number of alarms among `m` test rows therefore follows the beta-binomial distribution
/// BetaBin(m, k, n + 1 − k) (Angelopoulos and Bates: "Conformal prediction: a gentle introduction", 2023,
/// section 3.2 and appendix C). A plain binomial band would be too narrow, because it ignores that the
/// threshold itself is an estimate. The band is central, with at most half of `1 − level` on either side.
/// Rows must be exchangeable and scores must have no ties; ties cause fewer alarms. Run time is proportional
/// to `n_test`.
///
/// # Errors
/// A rate or a level outside (0, 1), no test rows, or fewer calibration rows than `1 / rate − 1`.
pub fn conformal_alarm_band(
    n_calibration: usize,
    n_test: usize,
    rate: f64,
    level: f64,
) -> Result<AlarmBand, MetricError> {
    check_level(level)?;
    if !(rate > 0.0 && rate < 1.0) {
        return Err(MetricError::Rate { what: "false-alarm rate", rate });
    }
    if n_test == 0 {
        return Err(MetricError::Empty { what: "n_test" });
    }
    let ranks = n_calibration as f64 + 1.0;
    // A product that is a whole number up to rounding counts as that number.
    let k = (rate * ranks * (1.0 + 4.0 * f64::EPSILON)).floor();
    if k < 1.0 {
        let needed = (1.0 / rate - 1.0 - 1e-9).ceil() as usize;
        return Err(MetricError::TooFew { what: "this false-alarm rate", needed, got: n_calibration });
    }
    let tail = (1.0 - level) / 2.0;
    let (low, high) = beta_binomial_quantiles(n_test, k, ranks - k, tail);
    let share = |alarms: usize| alarms as f64 / n_test as f64;
    Ok(AlarmBand { expected: k / ranks, band: Interval { low: share(low), high: share(high) } })
}

/// The confidence interval of Clopper and Pearson (1934): contains the true rate behind `successes` out of
/// `trials` independent trials with probability at least `level`.
///
/// # Errors
/// A level outside (0, 1), no trials, or more successes than trials.
pub fn proportion_interval(successes: u64, trials: u64, level: f64) -> Result<Interval, MetricError> {
    check_level(level)?;
    if trials == 0 {
        return Err(MetricError::Empty { what: "trials" });
    }
    if successes > trials {
        return Err(MetricError::Count { successes, trials });
    }
    let tail = (1.0 - level) / 2.0;
    let (hits, misses) = (successes as f64, (trials - successes) as f64);
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).expect("both are 1 or more").inverse_cdf(p);
    let low = if successes == 0 { 0.0 } else { quantile(hits, misses + 1.0, tail) };
    let high = if successes == trials { 1.0 } else { quantile(hits + 1.0, misses, 1.0 - tail) };
    Ok(Interval { low, high })
}

fn check_level(level: f64) -> Result<(), MetricError> {
    if level > 0.0 && level < 1.0 { Ok(()) } else { Err(MetricError::Level(level)) }
}

/// The least counts whose cumulative probability reaches `tail` and `1 − tail`, among `0..=n`.
fn beta_binomial_quantiles(n: usize, a: f64, b: f64, tail: f64) -> (usize, usize) {
    let n_tries = n as f64;
    // P(0), then P(x + 1) / P(x), as logarithms, because the first probabilities would underflow.
    let mut log = ln_beta(a, n_tries + b) - ln_beta(a, b);
    let (mut sum, mut low) = (0.0, None);
    for count in 0..n {
        sum += log.exp();
        if low.is_none() && sum >= tail {
            low = Some(count);
        }
        if sum >= 1.0 - tail {
            return (low.unwrap_or(count), count);
        }
        let x = count as f64;
        log += ((n_tries - x) / (x + 1.0) * (x + a) / (n_tries - x - 1.0 + b)).ln();
    }
    (low.unwrap_or(n), n)
}
