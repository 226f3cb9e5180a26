//! The columns of times of a schema.

use crate::columns::stamps::StampFormat;
use serde::{Deserialize, Serialize};

/// The column of times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timestamp {
    /// Its name.
    pub name: String,
    /// Its position in the training file, from 0.
    pub position: usize,
    /// How times are written.
    pub format: StampFormat,
    /// The column of the times of day, if `name` holds only the days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockColumn>,
    /// The usual step between times, if at least nine in ten steps are alike; a longer step is a gap.
    pub step: Option<f64>,
}

/// The column of the times of day that belong to the days in another column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockColumn {
    /// Its name.
    pub name: String,
    /// Its position in the training file, from 0.
    pub position: usize,
}

impl Timestamp {
    /// Name and position of the columns that hold its times.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&String, usize)> {
        let clock = self.clock.as_ref().map(|clock| (&clock.name, clock.position));
        [(&self.name, self.position)].into_iter().chain(clock)
    }
}
