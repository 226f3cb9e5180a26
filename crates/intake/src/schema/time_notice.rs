//! Notices about how the times of a file are read, and about the order of its rows.

use crate::error::counted;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How the times of a file are read, and what follows for the order of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimeNotice {
    /// Days and times of day in two columns are read as one time.
    Joined {
        /// The column of the days.
        days: String,
        /// The column of the times of day.
        clock: String,
    },
    /// A column holds times of day; days are counted where they start over.
    Clock {
        /// The column.
        column: String,
    },
    /// A column holds the serial dates of spreadsheets.
    Serial {
        /// The column.
        column: String,
    },
    /// The rows of a series were not in the order of their times, and were sorted.
    Sorted {
        /// Times that were earlier than the one before.
        backward: u64,
    },
    /// The file holds several series.
    Interleaved {
        /// The column whose values tell the series apart.
        column: String,
        /// How many there are.
        series: usize,
    },
}

impl TimeNotice {
    /// The column that the notice is about, if it is about one.
    pub fn column(&self) -> Option<&str> {
        match self {
            TimeNotice::Joined { days: column, .. }
            | TimeNotice::Clock { column }
            | TimeNotice::Serial { column }
            | TimeNotice::Interleaved { column, .. } => Some(column),
            TimeNotice::Sorted { .. } => None,
        }
    }
}

impl fmt::Display for TimeNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeNotice::Joined { days, clock } => write!(
                f,
                "columns `{days}` and `{clock}` are read as one time and are not used as features; to read only one of \
                 them, name it in input.timestamp"
            ),
            TimeNotice::Clock { column } => write!(
                f,
                "column `{column}` holds times of day, which begin another day where they fall by an hour or more, and \
                 is not used as a feature; to ignore its times, set input.recognise_times = false"
            ),
            TimeNotice::Serial { column } => write!(
                f,
                "column `{column}` holds times as serial dates, as in spreadsheets, where 45323.5 is 2024-02-01 12:00, \
                 and is not used as a feature; to read it as numbers, set input.recognise_times = false"
            ),
            TimeNotice::Sorted { backward } => {
                let times = counted(*backward, "time is", "times are");
                write!(
                    f,
                    "{times} earlier than the one before, so the rows are sorted by time; to keep the order of the \
                     file, set input.sort = false"
                )
            }
            TimeNotice::Interleaved { column, series } => write!(
                f,
                "the times are those of {series} series, which column `{column}` tells apart; to learn and judge each \
                 by itself, use --group {column} (input.group)"
            ),
        }
    }
}
