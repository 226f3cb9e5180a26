//! Anomalies made from normal rows: what models, scores and baselines are chosen by where there are no labels.
//!
//! A choice made on these is a choice made on normal data alone. They say which of two detectors sees more of what was
//! done here, not how many real anomalies either finds. There are two kinds: [`local`] damage is to a small part of a row
//! and mild, [`whole`] damage makes a series wrong as a whole.

pub mod local;
pub mod whole;

use ae_intake::{Field, Layout, Schema};
use std::ops::Range;

/// How the values of a row belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Columns; the values of a group (a category's levels) change together. A number is a group of one.
    Table {
        /// Disjoint ranges of values, ascending.
        groups: Vec<Range<usize>>,
    },
    /// A series, its channels side by side within each step: value `step · channels + channel`.
    Series {
        /// Numbers in a step; divides the width of a row.
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
