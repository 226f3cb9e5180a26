//! Synthetic anomalies made from normal rows, for choosing models, scores and baselines without labels.
//!
//! A choice based on them is based on normal data alone. They show which of two detectors detects more of
//! this damage, not how many real anomalies either finds. There are two kinds: [`local`] damage is mild and
//! changes a small part of a row; [`whole`] damage changes an entire series.

pub mod local;
pub mod whole;

use ae_intake::{Field, Layout, Schema};
use std::ops::Range;

/// How the values of a row are structured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Columns. The values of a group, such as the levels of a category, change together; a number is a group
    /// of one.
    Table {
        /// Disjoint ranges of values, ascending.
        groups: Vec<Range<usize>>,
    },
    /// A series with its channels side by side within each step: value `step · channels + channel`.
    Series {
        /// Values per step; divides the width of a row.
        channels: usize,
    },
}

impl Form {
    /// The form of the rows that a schema encodes.
    pub fn of(schema: &Schema) -> Self {
        if schema.layout != Layout::Table {
            return Form::Series { channels: schema.windows.map_or(1, |_| schema.row_width()) };
        }
        let mut start = 0;
        let group = |field: &Field| {
            start += field.width();
            start - field.width()..start
        };
        Form::Table { groups: schema.fields.iter().map(group).filter(|group| !group.is_empty()).collect() }
    }
}
