//! How far a measured rate of alarms may lie from the promised one by chance alone.

use crate::error::MetricError;
use crate::summary::Interval;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};
use statrs::function::beta::ln_beta;

/// Where the false-alarm rate on test rows lies with the stated probability, if the promise is kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmBand {
    /// The rate to be expected on average, at most what was promised: `⌊rate · (n + 1)⌋ / (n + 1)`.
    pub expected: f64,
    /// Least and greatest rate, both in the band: whole numbers of alarms over the number of test rows.
    pub band: Interval,
}

impl AlarmBand {
    /// Whether a measured rate lies in the band.
    pub fn holds(&self, rate: f64) -> bool {
        // A quotient of whole numbers, made elsewhere: the last digits may differ.
        rate >= self.band.low - 1e-12 && rate <= self.band.high + 1e-12
    }
}

/// The band that holds, with probability `level` or a little more, the share of `n_test` normal rows that a threshold by
/// split conformal prediction flags, where it was calibrated on `n_calibration` other normal rows and promises `rate`.
///
/// Over calibration sets, the false-alarm probability of such a threshold follows Beta(k, n + 1 − k), with
/// `k = ⌊rate · (n + 1)⌋` (Vovk: "Conditional validity of inductive conformal predictors", ACML 2012, section 4), so that
/// the alarms among `m` test rows follow the beta-binomial law BetaBin(m, k, n + 1 − k) (Angelopoulos and Bates: "Conformal
/// prediction: a gentle introduction", 2023, section 3.2 and appendix C). A plain binomial band would be too narrow: it
/// leaves out that the threshold itself is an estimate. The band is central, with at most half of `1 − level` on either
/// side. Rows must be exchangeable and scores without ties; ties make fewer alarms. Takes time in proportion to `n_test`.
///
/// # Errors
/// A rate or a level outside (0, 1), no test rows, fewer calibration rows than `1 / rate − 1`.
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
        return Err(MetricError::Empty { what: "test rows" });
    }
    let ranks = n_calibration as f64 + 1.0;
    // A product that is a whole number but for the float's last digits counts as that number.
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

/// The interval of Clopper and Pearson (1934): holds the true rate behind `successes` out of `trials` independent tries
/// with probability `level` at least.
///
/// # Errors
/// A level outside (0, 1), no tries, more successes than tries.
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
    // P(0), then P(x + 1) / P(x), as logarithms: the first ones are far below what a float holds.
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
