//! What is odd about data but does not refuse them: typed, and with the column's name.

use crate::error::counted;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that a person should know about the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Notice {
    /// A column has one value in all training rows.
    Constant {
        /// The column.
        column: String,
        /// Its value.
        value: String,
    },
    /// A column is not learned from.
    Ignored {
        /// The column.
        column: String,
        /// Why.
        because: IgnoredBecause,
    },
    /// A column holds times, and so is not learned from.
    Times {
        /// The column.
        column: String,
    },
    /// A column that is learned from has the name of a label, or holds few whole numbers at the end of a series.
    LooksLikeLabel {
        /// The column.
        column: String,
    },
    /// The length of windows was chosen.
    WindowChosen {
        /// Steps in a window.
        length: usize,
        /// Whether it is a period of the series.
        is_period: bool,
    },
    /// A column has heavy tails, and is seen through `asinh`.
    HeavyTails {
        /// The column.
        column: String,
    },
    /// A column lacks values in the training rows.
    PartlyObserved {
        /// The column.
        column: String,
        /// Share of the training rows that have a value.
        share: f64,
    },
    /// Stamps do not come at one step.
    IrregularTimes {
        /// Median step: seconds, or the unit of the column where it holds numbers.
        step: f64,
        /// Steps that differ from it by more than 1 %.
        differing: u64,
        /// All steps.
        steps: u64,
        /// Whether the times are dates, so that the unit is known.
        #[serde(default)]
        dates: bool,
    },
    /// Stamps that are equal to the one before.
    RepeatedTimes {
        /// How many.
        count: u64,
    },
    /// Stamps that lie before the one before.
    BackwardTimes {
        /// How many.
        count: u64,
    },
    /// A time of a stream that does not come at the learned step.
    IrregularTime {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// From the time before: seconds, or the unit of the column where it holds numbers.
        step: f64,
        /// The learned step.
        usual: f64,
        /// Whether the times are dates, so that the unit is known.
        #[serde(default)]
        dates: bool,
    },
    /// A time of a stream that is equal to the one before.
    RepeatedTime {
        /// The line.
        line: u64,
        /// The column.
        column: String,
    },
    /// A time of a stream that lies before the one before.
    BackwardTime {
        /// The line.
        line: u64,
        /// The column.
        column: String,
    },
    /// Many rows are equal, so parts of a split share rows.
    Duplicates {
        /// Share of the rows that are equal to an earlier one.
        share: f64,
    },
    /// A value that no training row had.
    UnseenCategory {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// The value, shortened.
        value: String,
    },
    /// A value far outside the training range: an outlier, or another unit.
    OutOfRange {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// The value.
        value: f32,
        /// Smallest value of the training rows.
        min: f32,
        /// Largest value of the training rows.
        max: f32,
    },
    /// A column that was learned from is not in the file: nothing of it is observed.
    MissingColumn {
        /// The column.
        column: String,
    },
    /// A column that was not learned from is in the file: it is left out.
    ExtraColumn {
        /// The column.
        column: String,
    },
    /// The columns of the file have another order; they are matched by name.
    Reordered,
}

impl Notice {
    /// The same with its line so many lines further on, for a stream that goes on where another reader stopped.
    pub fn shifted(mut self, lines: u64) -> Self {
        match &mut self {
            Notice::IrregularTime { line, .. }
            | Notice::RepeatedTime { line, .. }
            | Notice::BackwardTime { line, .. }
            | Notice::UnseenCategory { line, .. }
            | Notice::OutOfRange { line, .. } => *line += lines,
            _ => {}
        }
        self
    }
}

/// Why a column is not learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IgnoredBecause {
    /// No row has a value.
    NothingObserved,
    /// Texts with more different values than a category may have: an identifier, or free text.
    TooManyValues,
    /// It numbers the rows.
    NumbersRows,
    /// A table's whole numbers that rise with every row, with gaps between them.
    CountsUp,
    /// It holds times, and another column is the timestamp.
    Times,
    /// Numbers with a sign of per cent.
    Percents,
    /// Numbers with separated thousands.
    Thousands,
}

impl Notice {
    /// The line that it is about, for what is about one.
    pub fn line(&self) -> Option<u64> {
        match self {
            Notice::UnseenCategory { line, .. }
            | Notice::OutOfRange { line, .. }
            | Notice::IrregularTime { line, .. }
            | Notice::RepeatedTime { line, .. }
            | Notice::BackwardTime { line, .. } => Some(*line),
            _ => None,
        }
    }
}

impl Notice {
    /// The column that it is about, for what is about one.
    pub fn column(&self) -> Option<&str> {
        match self {
            Notice::Constant { column, .. }
            | Notice::Ignored { column, .. }
            | Notice::Times { column }
            | Notice::LooksLikeLabel { column }
            | Notice::HeavyTails { column }
            | Notice::PartlyObserved { column, .. }
            | Notice::UnseenCategory { column, .. }
            | Notice::OutOfRange { column, .. }
            | Notice::IrregularTime { column, .. }
            | Notice::RepeatedTime { column, .. }
            | Notice::BackwardTime { column, .. }
            | Notice::MissingColumn { column }
            | Notice::ExtraColumn { column } => Some(column),
            Notice::WindowChosen { .. }
            | Notice::IrregularTimes { .. }
            | Notice::RepeatedTimes { .. }
            | Notice::BackwardTimes { .. }
            | Notice::Duplicates { .. }
            | Notice::Reordered => None,
        }
    }

    /// The name of its kind, as it is written in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Notice::Constant { .. } => "constant",
            Notice::Ignored { .. } => "ignored",
            Notice::Times { .. } => "times",
            Notice::LooksLikeLabel { .. } => "looks_like_label",
            Notice::WindowChosen { .. } => "window_chosen",
            Notice::HeavyTails { .. } => "heavy_tails",
            Notice::PartlyObserved { .. } => "partly_observed",
            Notice::IrregularTimes { .. } => "irregular_times",
            Notice::RepeatedTimes { .. } => "repeated_times",
            Notice::BackwardTimes { .. } => "backward_times",
            Notice::IrregularTime { .. } => "irregular_time",
            Notice::RepeatedTime { .. } => "repeated_time",
            Notice::BackwardTime { .. } => "backward_time",
            Notice::Duplicates { .. } => "duplicates",
            Notice::UnseenCategory { .. } => "unseen_category",
            Notice::OutOfRange { .. } => "out_of_range",
            Notice::MissingColumn { .. } => "missing_column",
            Notice::ExtraColumn { .. } => "extra_column",
            Notice::Reordered => "reordered",
        }
    }
}

impl fmt::Display for IgnoredBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IgnoredBecause::NothingObserved => "no row has a value",
            IgnoredBecause::TooManyValues => {
                "it has too many different values, as an identifier or free text has"
            }
            IgnoredBecause::NumbersRows => "it numbers the rows",
            IgnoredBecause::CountsUp => {
                "it holds whole numbers that rise with every row, as a counter or an identifier does; to keep it, name \
                 it in input.columns, with all others to learn from"
            }
            IgnoredBecause::Times => "it holds times",
            IgnoredBecause::Percents => {
                "its numbers end in `%`; remove the signs to learn from it, or name it in input.categories"
            }
            IgnoredBecause::Thousands => {
                "its numbers have separated thousands, as in `1,234.5`; remove the separators to learn from it, or name \
                 it in input.categories"
            }
        })
    }
}

/// A step of time, in seconds where its times are dates.
fn span(step: f64, dates: bool) -> String {
    if dates { format!("{step} s") } else { step.to_string() }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Constant { column, value } => write!(f, "column `{column}` is always {value}"),
            Notice::Ignored { column, because } => write!(f, "column `{column}` is left out: {because}"),
            Notice::Times { column } => write!(f, "column `{column}` holds times and is not learned from"),
            Notice::LooksLikeLabel { column } => write!(
                f,
                "column `{column}` looks like a label, but is learned from; name it as the `label`, or `ignore` it"
            ),
            Notice::WindowChosen { length, is_period: true } => {
                write!(f, "windows have {length} steps: a period of the series")
            }
            Notice::WindowChosen { length, is_period: false } => {
                write!(
                    f,
                    "windows have {length} steps, as the series has no clear period; set `window` to choose"
                )
            }
            Notice::HeavyTails { column } => {
                write!(f, "column `{column}` has heavy tails; its extremes are compressed")
            }
            Notice::PartlyObserved { column, share } => {
                write!(f, "column `{column}` has a value in {:.1} % of the rows", share * 100.0)
            }
            Notice::IrregularTimes { step, differing, steps, dates } => {
                let differs = if *differing == 1 { "differs" } else { "differ" };
                let steps = counted(*steps, "time step", "time steps");
                write!(f, "{differing} of {steps} {differs} from the median step of {}", span(*step, *dates))
            }
            Notice::RepeatedTimes { count } => {
                let times = counted(*count, "time is", "times are");
                write!(f, "{times} equal to the one before")
            }
            Notice::BackwardTimes { count } => {
                write!(f, "{} before the one before", counted(*count, "time lies", "times lie"))
            }
            Notice::IrregularTime { line, column, step, usual, dates } => {
                write!(
                    f,
                    "line {line}: the time in column `{column}` comes {} after the one before, not {} as learned",
                    span(*step, *dates),
                    span(*usual, *dates)
                )
            }
            Notice::RepeatedTime { line, column } => {
                write!(f, "line {line}: the time in column `{column}` is equal to the one before")
            }
            Notice::BackwardTime { line, column } => {
                write!(f, "line {line}: the time in column `{column}` lies before the one before")
            }
            Notice::Duplicates { share } => {
                write!(f, "{:.1} % of the rows are equal to an earlier row", share * 100.0)
            }
            Notice::UnseenCategory { line, column, value } => {
                write!(f, "line {line}: column `{column}` has `{value}`, which no training row had")
            }
            Notice::OutOfRange { line, column, value, min, max } => write!(
                f,
                "line {line}: column `{column}` is {value}, far outside the training range {min} to {max}; has its \
                 unit changed?"
            ),
            Notice::MissingColumn { column } => write!(f, "column `{column}` is not in the file"),
            Notice::ExtraColumn { column } => {
                write!(f, "column `{column}` was not learned from and is left out")
            }
            Notice::Reordered => {
                write!(f, "the columns have another order than when learned; matched by name")
            }
        }
    }
}
