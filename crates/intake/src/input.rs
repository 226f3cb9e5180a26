//! The `[input]` table of a detector's configuration.

use crate::Column;
use crate::columns::profile::MAX_LEVEL;
use crate::decode::joined::QUOTED_LINES;
use crate::error::IntakeError;
use crate::lists::{one_or_many, one_or_many_texts};
use crate::text::recognise::{shorten, splits_cells};
use serde::{Deserialize, Serialize};

/// How a user's file becomes samples. Settings that are left out are recognised from the file, and reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InputConfig {
    /// Cells split by a delimiter, or one JSON object (or array) per line.
    pub format: FormatChoice,
    /// How characters are stored.
    pub encoding: Encoding,
    /// Lines to skip before the header, or before the first row. Absent: comments, a line such as `sep=;` and a few lines
    /// with fewer cells are recognised and skipped.
    pub skip: Option<u64>,
    /// Whether lines that begin with `#` are comments; absent: if the file begins with some.
    pub comments: Option<bool>,
    /// Most lines of a record with line breaks in quoted cells.
    pub quoted_lines: usize,
    /// The sheet of a workbook (xlsx, ods); absent: the first that holds a table.
    pub sheet: Option<String>,
    /// What a row is.
    pub layout: LayoutChoice,
    /// The columns to read; empty for all columns without another role.
    #[serde(deserialize_with = "one_or_many")]
    pub columns: Vec<Column>,
    /// Columns to leave out, such as an identifier.
    #[serde(deserialize_with = "one_or_many")]
    pub ignore: Vec<Column>,
    /// Columns of codes: numbers that stand for names, such as a port or a protocol.
    #[serde(deserialize_with = "one_or_many")]
    pub categories: Vec<Column>,
    /// The column that tells whether a row is normal; never a feature.
    pub label: Option<Column>,
    /// The values of `label` that are normal; only rows with these labels are learned from.
    #[serde(deserialize_with = "one_or_many_texts")]
    pub normal: Vec<String>,
    /// Whether rows of every label are wanted, so that `normal` need not be given: for programs that learn classes.
    #[serde(skip)]
    pub any_label: bool,
    /// The column of times; never a feature.
    pub timestamp: Option<Column>,
    /// The column of times of day, if `timestamp` holds only the days; never a feature.
    pub clock: Option<Column>,
    /// Whether columns of times are recognised if `timestamp` is not given.
    pub recognise_times: bool,
    /// Whether the rows of a series are sorted by time.
    pub sort: bool,
    /// The column that names the machine, site or patient of a row; never a feature. Windows never mix the steps of
    /// two groups, and each group with enough calibration rows has its own threshold.
    pub group: Option<Column>,
    /// The character between two cells.
    pub delimiter: Option<char>,
    /// Whether the first line names the columns.
    pub header: Option<bool>,
    /// Windows: time steps in a window; chosen from the data if not given.
    pub window: Option<usize>,
    /// Windows: steps from one training window to the next.
    pub stride: usize,
    /// Samples with a smaller share of observed values are not judged; in `[0, 1]`.
    pub min_observed: f64,
    /// A text column with more distinct values than this (an identifier, free text) is not a category.
    pub max_categories: usize,
    /// How numbers may be written.
    pub numbers: NumbersChoice,
    /// Whether a unit or currency beside the numbers of a column, such as `21.8 °C`, is taken off.
    pub units: bool,
    /// Values that mean "not observed", besides an empty cell, `NA` and the like: `["-999", "n.v."]`.
    #[serde(deserialize_with = "one_or_many_texts")]
    pub missing: Vec<String>,
    /// Whether a repeated value far outside all others of its column, such as -999, counts as missing.
    pub sentinels: bool,
    /// Largest share of bad lines in a file to learn from.
    pub max_bad: f64,
    /// Memory that reading a file, and learning from it, may take, in millions of bytes; absent: 200 and 64 bytes
    /// for each byte of the file.
    pub max_memory_mb: Option<u64>,
    /// How series are scaled; all their values share one map.
    pub scale: SeriesScale,
    /// How heavy-tailed columns of a table, such as bytes or amounts, are treated.
    pub heavy_tails: HeavyTails,
}

impl Default for InputConfig {
    fn default() -> Self {
        InputConfig {
            format: FormatChoice::Auto,
            encoding: Encoding::Auto,
            skip: None,
            comments: None,
            quoted_lines: QUOTED_LINES,
            sheet: None,
            layout: LayoutChoice::Auto,
            columns: Vec::new(),
            ignore: Vec::new(),
            categories: Vec::new(),
            label: None,
            normal: Vec::new(),
            any_label: false,
            timestamp: None,
            clock: None,
            recognise_times: true,
            sort: true,
            group: None,
            delimiter: None,
            header: None,
            window: None,
            stride: 1,
            min_observed: 0.5,
            max_categories: 256,
            numbers: NumbersChoice::Auto,
            units: true,
            missing: Vec::new(),
            sentinels: true,
            max_bad: 0.05,
            max_memory_mb: None,
            scale: SeriesScale::Standard,
            heavy_tails: HeavyTails::Compress,
        }
    }
}

/// What a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormatChoice {
    /// Decided by the first character: `{` and `[` begin JSON.
    #[default]
    Auto,
    /// Cells split by a delimiter.
    Csv,
    /// A JSON object or array.
    Json,
}

/// How the characters of a text are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// UTF-8, or UTF-16 if the file begins with its byte order mark or every other byte of its first line is zero. A file to
    /// learn from is windows-1252 if most of its lines that are not ASCII are not valid UTF-8, and read as text in windows-1252.
    /// Later files are then read with that setting.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16 with the less significant byte first, as Windows writes it.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16 with the more significant byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// Windows-1252, also called "ANSI", of which ISO-8859-1 is a part. Bytes that are UTF-8 for one of its characters are
    /// read as that, and UTF-16 is recognised as in `auto`.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// What a row is; see [`crate::Layout`] for the layouts and for the rule of `auto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayoutChoice {
    /// Decided by the columns.
    #[default]
    Auto,
    /// A row is a sample of numbers and categories; each column is scaled separately.
    Table,
    /// A row is one series of fixed length.
    Series,
    /// A row is a time step of a long series.
    Windows,
}

/// How numbers may be written besides plainly, as in `-1234.5` or `1e3`. Plain numbers always count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumbersChoice {
    /// Decimal commas, thousands separators and units are recognised, for each column by itself. Where `1,234` may
    /// be either, the other columns decide, then the delimiter: with semicolons it is a decimal comma.
    #[default]
    Auto,
    /// Plainly only; everything else is text.
    Plain,
    /// As `auto`, but `1,234` is 1234.
    Point,
    /// As `auto`, but `1,234` is 1.234.
    Comma,
}

/// How the values of series are scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeriesScale {
    /// One mean and standard deviation for all values.
    #[default]
    Standard,
    /// One minimum and maximum for all values.
    MinMax,
}

/// How columns are treated whose extremes lie more than 20 standard deviations from the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeavyTails {
    /// They are mapped by `asinh`: nearly linear around the median, logarithmic far out.
    #[default]
    Compress,
    /// They are left unchanged.
    Keep,
}

/// Longest window, in steps.
pub(crate) const MAX_WINDOW: usize = 1 << 16;
/// Most lines of a record.
const MAX_QUOTED_LINES: usize = 4096;
/// Most values that mean "not observed".
pub(crate) const MAX_MISSING: usize = 64;
/// Most distinct values of a category column.
pub const MAX_CATEGORIES: usize = 1 << 16;

impl InputConfig {
    /// Checks that all values are in range.
    ///
    /// # Errors
    /// [`IntakeError::OutOfRange`] with the allowed values.
    pub fn validate(&self) -> Result<(), IntakeError> {
        let wrong = |key, value: String, right| Err(IntakeError::OutOfRange { key, value, right });
        for (key, share) in [("input.min_observed", self.min_observed), ("input.max_bad", self.max_bad)] {
            // Negated, so that NaN is refused too.
            if !(0.0..=1.0).contains(&share) {
                return wrong(key, share.to_string(), "a share from 0 to 1");
            }
        }
        if let Some(window) = self.window
            && !(2..=MAX_WINDOW).contains(&window)
        {
            return wrong("input.window", window.to_string(), "2 to 65536 steps");
        }
        if self.stride == 0 {
            return wrong("input.stride", "0".into(), "at least 1 step");
        }
        if !(1..=MAX_CATEGORIES).contains(&self.max_categories) {
            return wrong("input.max_categories", self.max_categories.to_string(), "1 to 65536");
        }
        if !(1..=MAX_QUOTED_LINES).contains(&self.quoted_lines) {
            return wrong("input.quoted_lines", self.quoted_lines.to_string(), "1 to 4096");
        }
        if let Some(delimiter) = self.delimiter.filter(|&delimiter| !splits_cells(delimiter)) {
            let right = "one ASCII character other than a quote or a line end";
            return wrong("input.delimiter", format!("{delimiter:?}"), right);
        }
        if self.timestamp.is_none()
            && let Some(clock) = &self.clock
        {
            let right = "it only together with input.timestamp, the column of the days";
            return wrong("input.clock", clock.to_string(), right);
        }
        if self.missing.len() > MAX_MISSING {
            return wrong("input.missing", format!("{} values", self.missing.len()), "at most 64 values");
        }
        let odd = |word: &&String| word.trim().is_empty() || word.len() > MAX_LEVEL;
        if let Some(word) = self.missing.iter().find(odd) {
            return wrong("input.missing", format!("{:?}", shorten(word)), "values of 1 to 256 bytes");
        }
        if self.label.is_none() && !self.normal.is_empty() {
            return wrong("input.normal", format!("{:?}", self.normal), "it only together with input.label");
        }
        Ok(())
    }

    /// Whether this value of the label column is normal: the same text, or the same number (`0` and `0.0`).
    pub fn is_normal(&self, label: &str) -> bool {
        // `true` and `false` in JSON are read as 1 and 0.
        let number = |text: &str| match text.trim() {
            "true" => Some(1.0),
            "false" => Some(0.0),
            number => number.parse::<f64>().ok(),
        };
        self.normal.iter().any(|normal| {
            normal.trim() == label || number(normal).is_some_and(|value| number(label) == Some(value))
        })
    }
}
