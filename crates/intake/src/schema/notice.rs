//! Notices: oddities in the data that are reported but not refused.

use crate::decode::reading::ReadAs;
use crate::error::counted;
use crate::groups::GroupNotice;
use crate::schema::ignored::IgnoredBecause;
use crate::schema::reading::ReadingNotice;
use crate::schema::time_notice::TimeNotice;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something about the data that the user should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Notice {
    /// A column has the same value in all training rows.
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
    /// A column holds times, so it is not a feature.
    Times {
        /// The column.
        column: String,
    },
    /// How the times of the file are read, and what follows for the order of its rows.
    Time(TimeNotice),
    /// A feature column is named like a label, or holds few distinct whole numbers in the first or last
    /// column of a series.
    LooksLikeLabel {
        /// The column.
        column: String,
    },
    /// The window length was chosen automatically.
    WindowChosen {
        /// Steps in a window.
        length: usize,
        /// Whether it is a period of the series.
        is_period: bool,
    },
    /// A column has heavy tails and is mapped by `asinh`.
    HeavyTails {
        /// The column.
        column: String,
    },
    /// A category has too many values; the rare ones are treated as one.
    RareValues {
        /// The column.
        column: String,
        /// Number of values that are told apart.
        kept: usize,
        /// Number of values that are treated as one.
        joined: usize,
    },
    /// Only some of the rows or windows of a part are used, evenly spaced, because all would take too much memory.
    Thinned {
        /// The part: `training`.
        part: String,
        /// How many are used.
        used: usize,
        /// Of how many.
        of: usize,
    },
    /// A column has missing values in the training rows.
    PartlyObserved {
        /// The column.
        column: String,
        /// Share of the training rows that have a value.
        share: f64,
    },
    /// Timestamps are not evenly spaced.
    IrregularTimes {
        /// Median step, in seconds for dates, otherwise in the unit of the column.
        step: f64,
        /// Steps that differ from it by more than 1 %.
        differing: u64,
        /// All steps.
        steps: u64,
        /// Whether the times are dates, so that the unit is seconds.
        #[serde(default)]
        dates: bool,
    },
    /// Timestamps that equal the previous one.
    RepeatedTimes {
        /// How many.
        count: u64,
    },
    /// Timestamps that are earlier than the previous one.
    BackwardTimes {
        /// How many.
        count: u64,
    },
    /// A time of a stream that does not follow the previous one at the learned step.
    IrregularTime {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// Time since the previous one, in seconds for dates, otherwise in the unit of the column.
        step: f64,
        /// The learned step.
        usual: f64,
        /// Whether the times are dates, so that the unit is seconds.
        #[serde(default)]
        dates: bool,
    },
    /// A time of a stream that equals the previous one.
    RepeatedTime {
        /// The line.
        line: u64,
        /// The column.
        column: String,
    },
    /// A time of a stream that is earlier than the previous one.
    BackwardTime {
        /// The line.
        line: u64,
        /// The column.
        column: String,
    },
    /// Many rows are equal, so the parts of a split share rows.
    Duplicates {
        /// Share of the rows that equal an earlier row.
        share: f64,
    },
    /// A category value that occurred in no training row.
    UnseenCategory {
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// The value, shortened.
        value: String,
    },
    /// A value far outside the training range: an outlier, or a value in another unit.
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
    /// Something about a group of a stream.
    Group {
        /// The line.
        line: u64,
        /// The column of groups.
        column: String,
        /// The group.
        group: String,
        /// What there is to tell about it.
        what: GroupNotice,
    },
    /// A feature column is missing from the file; all its values count as not observed.
    MissingColumn {
        /// The column.
        column: String,
    },
    /// The file has a column that was not in the training data; it is left out.
    ExtraColumn {
        /// The column.
        column: String,
    },
    /// A column that training rows had has been without a value for some rows.
    EmptyColumn {
        /// The last of these rows.
        line: u64,
        /// The column.
        column: String,
        /// Number of these rows.
        rows: u64,
    },
    /// The columns of the file are in a different order; they are matched by name.
    Reordered,
    /// Something about how the file is written was recognised.
    ReadAs {
        /// What.
        how: ReadAs,
    },
    /// How the cells of some columns are read.
    #[serde(untagged)]
    Reading(ReadingNotice),
}

impl Notice {
    /// The same notice with `lines` added to its line number, for a stream that continues where another
    /// reader stopped.
    pub fn shifted(mut self, lines: u64) -> Self {
        match &mut self {
            Notice::IrregularTime { line, .. }
            | Notice::RepeatedTime { line, .. }
            | Notice::BackwardTime { line, .. }
            | Notice::UnseenCategory { line, .. }
            | Notice::Group { line, .. }
            | Notice::EmptyColumn { line, .. }
            | Notice::OutOfRange { line, .. } => *line += lines,
            _ => {}
        }
        self
    }

    /// The line that the notice is about, if it is about one.
    pub fn line(&self) -> Option<u64> {
        match self {
            Notice::UnseenCategory { line, .. }
            | Notice::Group { line, .. }
            | Notice::EmptyColumn { line, .. }
            | Notice::OutOfRange { line, .. }
            | Notice::IrregularTime { line, .. }
            | Notice::RepeatedTime { line, .. }
            | Notice::BackwardTime { line, .. } => Some(*line),
            _ => None,
        }
    }

    /// The column that the notice is about, if it is about one.
    pub fn column(&self) -> Option<&str> {
        match self {
            Notice::Constant { column, .. }
            | Notice::Ignored { column, .. }
            | Notice::Times { column }
            | Notice::LooksLikeLabel { column }
            | Notice::HeavyTails { column }
            | Notice::RareValues { column, .. }
            | Notice::PartlyObserved { column, .. }
            | Notice::UnseenCategory { column, .. }
            | Notice::Group { column, .. }
            | Notice::OutOfRange { column, .. }
            | Notice::IrregularTime { column, .. }
            | Notice::RepeatedTime { column, .. }
            | Notice::BackwardTime { column, .. }
            | Notice::MissingColumn { column }
            | Notice::EmptyColumn { column, .. }
            | Notice::ExtraColumn { column } => Some(column),
            Notice::Time(time) => time.column(),
            Notice::WindowChosen { .. }
            | Notice::Reading(_)
            | Notice::Thinned { .. }
            | Notice::IrregularTimes { .. }
            | Notice::RepeatedTimes { .. }
            | Notice::BackwardTimes { .. }
            | Notice::Duplicates { .. }
            | Notice::Reordered
            | Notice::ReadAs { .. } => None,
        }
    }

    /// The name of its kind in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Notice::Constant { .. } => "constant",
            Notice::Ignored { .. } => "ignored",
            Notice::Times { .. } => "times",
            Notice::Time(_) => "time",
            Notice::LooksLikeLabel { .. } => "looks_like_label",
            Notice::WindowChosen { .. } => "window_chosen",
            Notice::HeavyTails { .. } => "heavy_tails",
            Notice::RareValues { .. } => "rare_values",
            Notice::Thinned { .. } => "thinned",
            Notice::PartlyObserved { .. } => "partly_observed",
            Notice::IrregularTimes { .. } => "irregular_times",
            Notice::RepeatedTimes { .. } => "repeated_times",
            Notice::BackwardTimes { .. } => "backward_times",
            Notice::IrregularTime { .. } => "irregular_time",
            Notice::RepeatedTime { .. } => "repeated_time",
            Notice::BackwardTime { .. } => "backward_time",
            Notice::Duplicates { .. } => "duplicates",
            Notice::UnseenCategory { .. } => "unseen_category",
            Notice::Group { .. } => "group",
            Notice::OutOfRange { .. } => "out_of_range",
            Notice::MissingColumn { .. } => "missing_column",
            Notice::EmptyColumn { .. } => "empty_column",
            Notice::ExtraColumn { .. } => "extra_column",
            Notice::Reordered => "reordered",
            Notice::ReadAs { .. } => "read_as",
            Notice::Reading(reading) => reading.kind(),
        }
    }
}

/// A time step as text; with its unit if the times are dates.
fn span(step: f64, dates: bool) -> String {
    if dates { format!("{step} s") } else { step.to_string() }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Constant { column, value } => write!(f, "column `{column}` is always {value}"),
            Notice::Ignored { column, because } => write!(f, "column `{column}` is left out: {because}"),
            Notice::Times { column } => {
                write!(f, "column `{column}` holds times and is not used as a feature")
            }
            Notice::Time(time) => write!(f, "{time}"),
            Notice::LooksLikeLabel { column } => write!(
                f,
                "column `{column}` looks like a label but is used as a feature; set input.label if it is one, or leave \
                 it out with input.ignore"
            ),
            Notice::WindowChosen { length, is_period: true } => {
                write!(f, "windows have {length} steps: a period of the series")
            }
            Notice::WindowChosen { length, is_period: false } => {
                write!(
                    f,
                    "windows have {length} steps, because the series has no clear period; set input.window to change this"
                )
            }
            Notice::HeavyTails { column } => {
                write!(f, "column `{column}` has heavy tails; its extremes are compressed")
            }
            Notice::RareValues { column, kept, joined } => write!(
                f,
                "column `{column}` has many values: the {kept} most frequent ones are told apart, the other {joined} \
                 are treated as one"
            ),
            Notice::Thinned { part, used, of } => write!(
                f,
                "only {used} of the {of} {part} rows are used, evenly spaced, because all would take too much memory; \
                 set input.max_memory_mb to allow more"
            ),
            Notice::PartlyObserved { column, share } => {
                write!(f, "column `{column}` has a value in {:.1} % of the rows", share * 100.0)
            }
            Notice::IrregularTimes { step, differing, steps, dates } => {
                let differs = if *differing == 1 { "differs" } else { "differ" };
                let steps = counted(*steps, "time step", "time steps");
                write!(f, "{differing} of {steps} {differs} from the median step of {}", span(*step, *dates))
            }
            Notice::RepeatedTimes { count } => {
                write!(f, "{} the previous one", counted(*count, "timestamp equals", "timestamps equal"))
            }
            Notice::BackwardTimes { count } => {
                let timestamps = counted(*count, "timestamp is", "timestamps are");
                write!(f, "{timestamps} earlier than the previous one")
            }
            Notice::IrregularTime { line, column, step, usual, dates } => {
                write!(
                    f,
                    "line {line}: the time in column `{column}` comes {} after the previous one, not {} as learned",
                    span(*step, *dates),
                    span(*usual, *dates)
                )
            }
            Notice::RepeatedTime { line, column } => {
                write!(f, "line {line}: the time in column `{column}` equals the previous one")
            }
            Notice::BackwardTime { line, column } => {
                write!(f, "line {line}: the time in column `{column}` is earlier than the previous one")
            }
            Notice::Duplicates { share } => {
                write!(f, "{:.1} % of the rows equal an earlier row", share * 100.0)
            }
            Notice::UnseenCategory { line, column, value } => {
                write!(f, "line {line}: column `{column}` has `{value}`, which no training row had")
            }
            Notice::Group { line, column, group, what } => {
                write!(f, "line {line}: {column} `{group}`: {what}")
            }
            Notice::OutOfRange { line, column, value, min, max } => write!(
                f,
                "line {line}: column `{column}` is {value}, far outside the training range {min} to {max}; has its \
                 unit changed?"
            ),
            Notice::EmptyColumn { line, column, rows } => write!(
                f,
                "line {line}: column `{column}` has been empty for {rows} rows, which are judged by the other columns"
            ),
            Notice::MissingColumn { column } => write!(f, "column `{column}` is missing from the file"),
            Notice::ExtraColumn { column } => {
                write!(f, "column `{column}` was not in the training data and is left out")
            }
            Notice::ReadAs { how } => how.fmt(f),
            Notice::Reordered => {
                write!(f, "the columns are in a different order than in training; matched by name")
            }
            Notice::Reading(reading) => reading.fmt(f),
        }
    }
}
