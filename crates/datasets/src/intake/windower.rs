//! Time steps to windows, one at a time.

use super::schema::Schema;
use serde::{Deserialize, Serialize};

/// Tells from times how many steps are missing before each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clock {
    step: Option<f64>,
    longest: usize,
    last: Option<f64>,
}

impl Clock {
    pub(crate) fn new(schema: &Schema) -> Self {
        let step = schema.timestamp.as_ref().and_then(|stamp| stamp.step);
        Clock { step, longest: schema.windows.map_or(0, |windows| windows.length), last: None }
    }

    /// Steps that are missing before this time, at most as many as a window has.
    pub(crate) fn gap_before(&mut self, stamp: f64) -> usize {
        if !stamp.is_finite() {
            return 0;
        }
        let before = self.last.replace(stamp);
        let (Some(step), Some(before)) = (self.step, before) else { return 0 };
        let steps = ((stamp - before) / step).round();
        // A cast of what is negative or too large ends at the bounds of the type.
        (steps as usize).saturating_sub(1).min(self.longest)
    }
}
