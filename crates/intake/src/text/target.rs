//! Where the cells of a line go, and what the columns of a row hold.

use crate::columns::stamps::{self, StampFormat};
use crate::text::written::NumberFormat;
use std::collections::HashMap;

/// Where a cell goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Skip,
    /// Into this column of the row.
    Data(usize),
    Stamp,
    /// The time of day, which is added to the day.
    Clock,
    /// The name of the row's group.
    Group,
    /// Kept as text; a missing value counts as no label.
    Label,
    /// Kept as text, also if it reads like a missing value; only an empty cell counts as no label.
    Text,
}

/// What a column of a row holds.
#[derive(Clone, Debug)]
pub(crate) enum ParseKind {
    /// Plain numbers, each of which counts.
    Number,
    /// Numbers in this format; those of `sentinels` stand for a missing value.
    Written { format: NumberFormat, sentinels: Vec<f32> },
    /// Codes by value.
    Category(HashMap<Box<[u8]>, u32>),
    /// Like a category, but a row without one is bad.
    Label(HashMap<Box<[u8]>, u32>),
}

/// The columns of times.
#[derive(Clone, Debug)]
pub(crate) struct StampCells {
    pub name: String,
    pub format: StampFormat,
    /// Name of the column of times of day.
    pub clock: Option<String>,
}

impl StampCells {
    /// The time in a cell of the column with this target, and the name of the column.
    pub(super) fn parse(&self, target: Target, cell: &[u8]) -> (Option<f64>, &str) {
        match &self.clock {
            Some(clock) if target == Target::Clock => (stamps::parse(cell, StampFormat::Clock), clock),
            _ => (stamps::parse(cell, self.format), &self.name),
        }
    }
}

impl ParseKind {
    /// Numbers, with the fast path for plain ones where it gives the same.
    pub(crate) fn number(format: &NumberFormat, sentinels: &[f32]) -> Self {
        if format.is_plain() && sentinels.is_empty() {
            return ParseKind::Number;
        }
        ParseKind::Written { format: format.clone(), sentinels: sentinels.to_vec() }
    }
}
