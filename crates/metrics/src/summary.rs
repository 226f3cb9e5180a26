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
        if !(level > 0.0 && level < 1.0) {
            return Err(MetricError::Level(level));
        }
        let Some(sample_std) = self.sample_std() else {
            return Err(MetricError::TooFew { what: "a confidence interval", needed: 2, got: self.count });
        };
        let freedom = (self.count - 1) as f64;
        let student = StudentsT::new(0.0, 1.0, freedom).expect("at least one degree of freedom");
        let half = student.inverse_cdf(0.5 + level / 2.0) * sample_std / (self.count as f64).sqrt();
        Ok(Interval { low: self.mean - half, high: self.mean + half })
    }
}
