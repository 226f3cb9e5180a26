//! Learning rates over time.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// How the learning rate moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The same throughout.
    #[default]
    Constant,
    /// Rises in a straight line from zero over `warmup` steps, then falls along half a cosine to `floor` times the
    /// base rate at the last step (Loshchilov & Hutter, 2017, equation 5, without restarts).
    Cosine {
        /// Steps of the rise.
        warmup: u64,
        /// Last rate, as a share of the base rate.
        #[serde(default)]
        floor: f64,
    },
}

impl Schedule {
    /// The rate of step `step` (counted from 0) of `total`.
    pub fn rate(self, base: f64, step: u64, total: u64) -> f64 {
        match self {
            Schedule::Constant => base,
            Schedule::Cosine { warmup, .. } if step < warmup => base * (step + 1) as f64 / warmup as f64,
            Schedule::Cosine { warmup, floor } => {
                let length = total.saturating_sub(warmup + 1).max(1);
                let done = ((step - warmup) as f64 / length as f64).min(1.0);
                base * (floor + (1.0 - floor) * 0.5 * (1.0 + (PI * done).cos()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schedule: Schedule, step: u64, expected: f64) {
        let rate = schedule.rate(0.1, step, 101);
        assert!((rate - expected).abs() < 1e-12, "step {step}: {rate}");
    }

    #[test]
    fn the_cosine_passes_through_its_corners() {
        let cosine = Schedule::Cosine { warmup: 10, floor: 0.1 };
        check(cosine, 0, 0.01);
        check(cosine, 9, 0.1);
        check(cosine, 10, 0.1);
        check(cosine, 55, 0.1 * 0.55);
        check(cosine, 100, 0.01);
        check(cosine, 500, 0.01);
        check(Schedule::Cosine { warmup: 0, floor: 0.0 }, 0, 0.1);
        check(Schedule::Constant, 77, 0.1);
    }
}
