//! Names of the values of a sample.

use serde::{Serialize, Serializer};
use std::fmt;

/// What one of the `D` values of a sample stands for. Displayed and serialised as `duration`, `protocol=tcp`
/// or `cpu[t-3]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Feature {
    /// Name of the column.
    pub column: String,
    /// For a category, the value that is encoded as 1; `None` for numbers.
    pub level: Option<String>,
    /// Windows: number of steps before the last step.
    pub steps_ago: Option<usize>,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.column)?;
        if let Some(level) = &self.level {
            write!(f, "={level}")?;
        }
        match self.steps_ago {
            None => Ok(()),
            Some(0) => f.write_str("[t]"),
            Some(steps) => write!(f, "[t-{steps}]"),
        }
    }
}

impl Serialize for Feature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
