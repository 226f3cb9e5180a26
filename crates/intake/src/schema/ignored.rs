//! Why columns are left out.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a column is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IgnoredBecause {
    /// No row has a value.
    NothingObserved,
    /// Text with more distinct values than a category may have: an identifier, or free text.
    TooManyValues,
    /// It holds row numbers.
    NumbersRows,
    /// Whole numbers that rise with every row of a table, with gaps.
    CountsUp,
    /// It holds times, but another column is the timestamp.
    Times,
    /// A text beside a series that is the same in every row.
    SameText,
    /// Numbers with a percent sign, which the settings say to leave as text.
    Percents,
    /// Numbers with thousands separators, which the settings say to leave as text.
    Thousands,
    /// Numbers with different units.
    MixedUnits,
}

impl fmt::Display for IgnoredBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IgnoredBecause::NothingObserved => "no row has a value",
            IgnoredBecause::TooManyValues => {
                "it has too many distinct values, like an identifier or free text"
            }
            IgnoredBecause::NumbersRows => "it holds row numbers",
            IgnoredBecause::CountsUp => {
                "its whole numbers rise with every row, like a counter or an identifier; to keep it, list it in \
                 input.columns, together with all other columns to learn from"
            }
            IgnoredBecause::Times => "it holds times",
            IgnoredBecause::SameText => {
                "it has the same text in every row, which tells nothing of a series; to keep it, list it in \
                 input.categories"
            }
            IgnoredBecause::Percents => {
                "its numbers end in `%`, which the settings say not to read; set input.numbers = \"auto\" and \
                 input.units = true to learn from it, or list it in input.categories"
            }
            IgnoredBecause::Thousands => {
                "its numbers have thousands separators, as in `1,234.5`, which the settings say not to read; set \
                 input.numbers = \"auto\" to learn from it, or list it in input.categories"
            }
            IgnoredBecause::MixedUnits => {
                "its numbers have different units, as in `5 kB` and `3 MB`; convert them to one unit, or list it in \
                 input.categories"
            }
        })
    }
}
