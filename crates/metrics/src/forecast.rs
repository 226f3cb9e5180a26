//! Intervals of forecasts, and how often they hold.

use crate::error::MetricError;

/// Half the width of an interval around a forecast that holds the true value with at least the probability
/// `coverage`, from the absolute errors of forecasts of calibration rows: the `⌈(n + 1) · coverage⌉`-th smallest
/// (split conformal prediction; Lei et al.: "Distribution-free predictive inference for regression", 2018, section
/// 2.2). The promise is for rows that are exchangeable with the calibration rows, on average over both; no method may
/// have been fitted to the calibration rows. Run time is that of sorting.
///
/// ```
/// let errors = [0.3, 0.1, 0.9, 0.5, 0.2, 0.4, 0.7, 0.8, 0.6];
/// assert_eq!(ae_metrics::conformal_radius(&errors, 0.9)?, 0.9);
/// assert_eq!(ae_metrics::conformal_radius(&errors, 0.5)?, 0.5);
/// # Ok::<(), ae_metrics::MetricError>(())
/// ```
///
/// # Errors
/// A coverage outside (0, 1), an error that is not finite, or too few rows: at least `coverage / (1 - coverage)`.
pub fn conformal_radius(errors: &[f64], coverage: f64) -> Result<f64, MetricError> {
    if !(coverage > 0.0 && coverage < 1.0) {
        return Err(MetricError::Level(coverage));
    }
    let what = "errors";
    if let Some((index, &value)) = errors.iter().enumerate().find(|(_, error)| !error.is_finite()) {
        return Err(MetricError::NotFinite { what, index, value });
    }
    // The product may be a whole number that rounding leaves a little above.
    let rank = |n: usize| ((n + 1) as f64 * coverage - 1e-9).ceil() as usize;
    if rank(errors.len()) > errors.len() {
        let needed = (coverage / (1.0 - coverage) - 1e-9).ceil() as usize;
        return Err(MetricError::TooFew { what, needed, got: errors.len() });
    }
    let mut sorted = errors.to_vec();
    sorted.sort_by(f64::total_cmp);
    Ok(sorted[rank(errors.len()).max(1) - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promise_is_kept_on_average_and_not_by_much_more() {
        // Of n + 1 exchangeable errors, each is the last with the same probability.
        for (n, coverage) in [(9, 0.9), (19, 0.9), (20, 0.9), (99, 0.95), (50, 0.5)] {
            let all: Vec<f64> = (0..=n).map(f64::from).collect();
            let held = (0..=n).filter(|&last| {
                let others: Vec<f64> = all.iter().copied().filter(|&e| e != f64::from(last)).collect();
                f64::from(last) <= conformal_radius(&others, coverage).unwrap()
            });
            let share = held.count() as f64 / f64::from(n + 1);
            assert!(share >= coverage - 1e-12 && share < coverage + 1.0 / f64::from(n + 1), "{n}: {share}");
        }
    }

    #[test]
    fn what_cannot_be_promised_is_refused() {
        assert!(matches!(
            conformal_radius(&[1.0; 8], 0.9),
            Err(MetricError::TooFew { needed: 9, got: 8, .. })
        ));
        assert!(conformal_radius(&[1.0; 9], 0.9).is_ok());
        assert!(matches!(conformal_radius(&[], 0.5), Err(MetricError::TooFew { .. })));
        for coverage in [0.0, 1.0, f64::NAN] {
            assert!(matches!(conformal_radius(&[1.0], coverage), Err(MetricError::Level(_))));
        }
        assert!(matches!(conformal_radius(&[1.0, f64::NAN], 0.5), Err(MetricError::NotFinite { .. })));
    }
}
