//! Mean, standard deviation and confidence interval of a few numbers, such as one result per seed.

use crate::error::MetricError;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Mean and standard deviation of `count` values, in their unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanStd {
    /// Number of values; at least 1.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Population standard deviation (sum of squares divided by `count`), as `numpy.std`. For a spread over
    /// seeds, see [`sample_std`](Self::sample_std).
    pub std: f64,
}

/// An interval with `low ≤ high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Mean and standard deviation.
///
/// # Errors
/// No values, or a value that is not finite.
pub fn mean_std(values: &[f64]) -> Result<MeanStd, MetricError> {
    let what = "values";
    if values.is_empty() {
        return Err(MetricError::Empty { what });
    }
    if let Some((index, &value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(MetricError::NotFinite { what, index, value });
    }
    let count = values.len();
    // Relative to the first value, so that equal values give exactly 0 and a large offset costs no digits.
    let origin = values[0];
    let shift = values.iter().map(|v| v - origin).sum::<f64>() / count as f64;
    let mean = origin + shift;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Ok(MeanStd { count, mean, std: (squares / count as f64).sqrt() })
}

impl MeanStd {
    /// Sample standard deviation (sum of squares divided by `count − 1`), the usual meaning of "± std over
    /// seeds". `None` for a single value.
    pub fn sample_std(&self) -> Option<f64> {
        let count = self.count as f64;
        (self.count > 1).then(|| self.std * (count / (count - 1.0)).sqrt())
    }

    /// Confidence interval of the mean at `level`, such as 0.95, by Student's t-distribution with `count − 1`
    /// degrees of freedom. Assumes independent, roughly normal values.
    ///
    /// # Errors
    /// Fewer than two values, or a level outside (0, 1).
    pub fn confidence_interval(&self, level: f64) -> Result<Interval, MetricError> {
        let half = self.half_width(level)?;
        Ok(Interval { low: self.mean - half, high: self.mean + half })
    }

    /// Confidence interval of the mean at `level` for values that lie in [0, 1], such as recall, precision, AUROC or
    /// average precision for several seeds. It lies in [0, 1] as well and contains the mean.
    ///
    /// Student's interval on the scale of the logit `l(m) = ln(m / (1 − m))` of the mean `m`, transformed back:
    /// `l⁻¹(l(m) ± t · s / (√n · m (1 − m)))`, where the standard error of `l(m)` is that of `m` times `l′(m)` (the
    /// delta method). For a proportion this is the logit interval (Brown, Cai & DasGupta, "Interval estimation for a
    /// binomial proportion", 2001), for an AUROC that of Pepe ("The statistical evaluation of medical tests for
    /// classification and prediction", 2003). For 3 to 10 values from beta distributions it covers the mean as often
    /// as promised to within two percentage points, where Student's interval loses up to seven and leaves [0, 1]. Equal
    /// values give an interval of width 0. Assumes independent values. For a single proportion of counts, use
    /// [`proportion_interval`](crate::proportion_interval).
    ///
    /// # Errors
    /// As [`confidence_interval`](Self::confidence_interval), and a mean outside [0, 1].
    pub fn unit_interval(&self, level: f64) -> Result<Interval, MetricError> {
        /// Rounding errors of a mean of values in [0, 1].
        const ROUNDING: f64 = 1e-9;
        let half = self.half_width(level)?;
        if !(-ROUNDING..=1.0 + ROUNDING).contains(&self.mean) {
            return Err(MetricError::Rate { what: "the mean of shares", rate: self.mean });
        }
        let mean = self.mean.clamp(0.0, 1.0);
        let slope = 1.0 / (mean * (1.0 - mean));
        if half == 0.0 || !slope.is_finite() {
            return Ok(Interval { low: mean, high: mean });
        }
        let (center, half) = ((mean / (1.0 - mean)).ln(), half * slope);
        let share = |logit: f64| 1.0 / (1.0 + (-logit).exp());
        // Rounding must not put the mean outside.
        Ok(Interval { low: share(center - half).min(mean), high: share(center + half).max(mean) })
    }

    /// Confidence interval of the mean at `level` for values that are not negative, such as errors, seconds or counts. It
    /// lies above 0 and contains the mean.
    ///
    /// Student's interval on the scale of the logarithm of the mean `m`, transformed back: `m · exp(± t · s / (√n · m))`, by the
    /// delta method as in [`unit_interval`](Self::unit_interval). Equal values give an interval of width 0. Assumes independent
    /// values.
    ///
    /// # Errors
    /// As [`confidence_interval`](Self::confidence_interval), and a negative mean.
    pub fn positive_interval(&self, level: f64) -> Result<Interval, MetricError> {
        let half = self.half_width(level)?;
        let mean = self.mean;
        if mean < 0.0 {
            return Err(MetricError::Negative {
                what: "the mean of values that are not negative",
                value: mean,
            });
        }
        if half == 0.0 {
            return Ok(Interval { low: mean, high: mean });
        }
        let factor = (half / mean).exp();
        Ok(Interval { low: mean / factor, high: mean * factor })
    }

    /// `t · s / √n`, half the width of Student's interval.
    fn half_width(&self, level: f64) -> Result<f64, MetricError> {
        if !(level > 0.0 && level < 1.0) {
            return Err(MetricError::Level(level));
        }
        let Some(sample_std) = self.sample_std() else {
            return Err(MetricError::TooFew { what: "a confidence interval", needed: 2, got: self.count });
        };
        let freedom = (self.count - 1) as f64;
        let student = StudentsT::new(0.0, 1.0, freedom).expect("at least one degree of freedom");
        Ok(student.inverse_cdf(0.5 + level / 2.0) * sample_std / (self.count as f64).sqrt())
    }
}
