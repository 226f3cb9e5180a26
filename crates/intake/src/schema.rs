//! The schema of a detector: what it expects of a row, and how a row becomes numbers.

mod cells;
pub(crate) mod encode;
mod feature;
pub(crate) mod ignored;
mod in_units;
pub(crate) mod learn;
pub(crate) mod log;
pub(crate) mod notice;
pub(crate) mod reading;
pub(crate) mod time_notice;
mod timestamp;
mod windows;

pub use feature::Feature;
pub use timestamp::{ClockColumn, Timestamp};

use crate::columns::layout::Layout;
use crate::columns::profile::MAX_LEVEL;
use crate::columns::stamps::StampFormat;
use crate::decode::reading::Reading;
use crate::groups::Group;
use crate::input::{MAX_CATEGORIES, MAX_WINDOW};
use crate::text::cells::shortest;
use crate::text::recognise::{shorten, splits_cells};
use crate::text::written::NumberFormat;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What a detector expects of a row. Made by [`Schema::learn`] from training rows only, and stored with the
/// detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// What a row is.
    pub layout: Layout,
    /// How the training file was written.
    pub format: Format,
    /// How later files are decoded.
    #[serde(default, skip_serializing_if = "Reading::is_default")]
    pub reading: Reading,
    /// Cells in a line, including those that are not used as features.
    pub cells: usize,
    /// The feature columns.
    pub fields: Vec<Field>,
    /// The column of times.
    pub timestamp: Option<Timestamp>,
    /// The column that names the group of a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// Name of the label column; it may be present and is ignored.
    pub label: Option<String>,
    /// Columns of the training file that are left out.
    pub ignored: Vec<String>,
    /// For [`Layout::Windows`].
    pub windows: Option<Windows>,
    /// Samples with a smaller share of observed values are not judged; in `[0, 1]`.
    pub min_observed: f64,
    /// Values that mean "not observed", besides an empty cell, `NA` and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Number of rows that means, ranges and categories were learned from.
    pub rows: u64,
}

/// How the training file was written; later files may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Format {
    /// Cells split by a delimiter.
    Csv {
        /// The character between two cells.
        delimiter: char,
        /// Whether the first line names the columns.
        header: bool,
    },
    /// One JSON object or array per line.
    Json,
}

/// A feature column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name, or for example `c3` if the file has no header.
    pub name: String,
    /// Its position in the training file, from 0.
    pub position: usize,
    /// Share of the training rows that have a value.
    pub observed: f64,
    /// What it holds.
    pub kind: FieldKind,
    /// How its numbers may be written, besides plainly.
    #[serde(default, skip_serializing_if = "NumberFormat::is_plain")]
    pub format: NumberFormat,
    /// Numbers that stand for a missing value, in units of the column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sentinels: Vec<f32>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FieldKind {
    /// A number, encoded as `(curve(x) - mean) / std`.
    Number {
        /// Applied before the scaling.
        curve: Curve,
        /// Mean of the training rows, after the curve; for series, over all columns.
        mean: f64,
        /// Population standard deviation after the curve, 1 if constant; for series, over all columns.
        std: f64,
        /// Smallest value of the training rows, in units of the column.
        min: f32,
        /// Largest value of the training rows, in units of the column.
        max: f32,
        /// Whether all training rows have the same value.
        constant: bool,
    },
    /// One of `levels`, one-hot encoded; an unseen value becomes all zeros.
    Category {
        /// The values of the training rows that have a place of their own, sorted.
        levels: Vec<String>,
        /// The rare values of the training rows, sorted, which share one more place; empty if all have their own.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rare: Vec<String>,
    },
}

/// What the rare values of a category are called where one has to be named.
pub const RARE: &str = "(rare values)";

/// An increasing map, applied before the scaling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Curve {
    /// The identity.
    Linear,
    /// `asinh((x - center) / width)`: nearly linear within `width` of the centre, logarithmic far out.
    Asinh {
        /// Median of the training rows.
        center: f64,
        /// Width of the nearly linear range; above 0.
        width: f64,
    },
}

impl Curve {
    pub(crate) fn apply(self, value: f64) -> f64 {
        match self {
            Curve::Linear => value,
            Curve::Asinh { center, width } => ((value - center) / width).asinh(),
        }
    }

    pub(crate) fn invert(self, value: f64) -> f64 {
        match self {
            Curve::Linear => value,
            Curve::Asinh { center, width } => value.sinh() * width + center,
        }
    }

    /// How far [`Curve::invert`] is off if `value` is off by `error`.
    fn inverted_error(self, value: f64, error: f64) -> f64 {
        match self {
            Curve::Linear => error,
            Curve::Asinh { width, .. } => value.cosh() * width * error,
        }
    }
}

/// How a long series is cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// Steps in a window.
    pub length: usize,
    /// Steps from one training window to the next.
    pub stride: usize,
}

/// An invalid schema, or a stream state that does not belong to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a usable schema: {reason}")]
pub struct SchemaError {
    /// What is wrong.
    pub reason: String,
}

/// Most values in a sample.
const MAX_WIDTH: usize = 1 << 22;
/// Most columns in a file.
pub(crate) const MAX_COLUMNS: usize = 1 << 18;
/// Longest name of a feature column, in bytes.
pub(crate) const MAX_NAME: usize = 4096;

impl Field {
    /// Number of values of the column in an encoded row.
    pub fn width(&self) -> usize {
        match &self.kind {
            FieldKind::Number { .. } => 1,
            FieldKind::Category { levels, rare } => levels.len() + usize::from(!rare.is_empty()),
        }
    }
}

impl FieldKind {
    /// The code of each value of a category, which is its place in an encoded row; rare values share one.
    pub fn codes(&self) -> impl Iterator<Item = (&str, u32)> {
        let (levels, rare): (&[String], &[String]) = match self {
            FieldKind::Number { .. } => (&[], &[]),
            FieldKind::Category { levels, rare } => (levels, rare),
        };
        let shared = levels.len() as u32;
        let own = levels.iter().map(String::as_str).zip(0..);
        own.chain(rare.iter().map(move |value| (value.as_str(), shared)))
    }

    /// A name for each place of a category in an encoded row; empty for numbers.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        let (levels, rare): (&[String], &[String]) = match self {
            FieldKind::Number { .. } => (&[], &[]),
            FieldKind::Category { levels, rare } => (levels, rare),
        };
        levels.iter().map(String::as_str).chain((!rare.is_empty()).then_some(RARE))
    }
}

impl Schema {
    /// Number of values of an encoded row: of a sample, or of one time step of a window.
    pub fn row_width(&self) -> usize {
        self.fields.iter().map(Field::width).sum()
    }

    /// Number of values of a sample, `D`. A window of `W` steps is `[W, row_width]`, flattened with the
    /// oldest step first.
    pub fn width(&self) -> usize {
        self.row_width() * self.windows.map_or(1, |windows| windows.length)
    }

    /// What each of the `D` values of a sample stands for, in order.
    pub fn features(&self) -> Vec<Feature> {
        let of_step = |steps_ago: Option<usize>| {
            self.fields.iter().flat_map(move |field| features_of(field, steps_ago))
        };
        match self.windows {
            None => of_step(None).collect(),
            Some(windows) => (0..windows.length).rev().flat_map(|steps| of_step(Some(steps))).collect(),
        }
    }

    /// A name for each of the `D` values: `duration`, `protocol=tcp`, `t17`, `cpu[t-3]`.
    pub fn feature_names(&self) -> Vec<String> {
        self.features().iter().map(Feature::to_string).collect()
    }

    /// The column of value `index` of a sample. Panics if `index` is not below [`Schema::width`].
    pub fn field_of(&self, index: usize) -> &Field {
        assert!(index < self.width(), "value {index} of {}", self.width());
        let mut rest = index % self.row_width();
        for field in &self.fields {
            if rest < field.width() {
                return field;
            }
            rest -= field.width();
        }
        unreachable!("widths of the fields add up to the width of a row")
    }

    /// A scaled value in the unit of its column: the shortest decimal number within what 32 bits lose, so that what was
    /// read as 40.98 is that again, not 40.97999947. Values of categories are returned unchanged.
    pub fn in_units(&self, index: usize, value: f32) -> f64 {
        match &self.field_of(index).kind {
            FieldKind::Number { curve, mean, std, .. } => {
                let place = f64::from(value) * std + mean;
                let exact = curve.invert(place);
                let lost = f64::from(f32::EPSILON) * (place.abs() + mean.abs());
                let error = curve.inverted_error(place, lost).max(f64::from(f32::EPSILON) * exact.abs());
                shortest(exact, error)
            }
            FieldKind::Category { .. } => f64::from(value),
        }
    }

    /// Checks a schema that comes from a file: refuses values that training cannot produce.
    ///
    /// # Errors
    /// [`SchemaError`] with what is wrong.
    pub fn validate(&self) -> Result<(), SchemaError> {
        let ensure = |right: bool, reason: &str| {
            if right { Ok(()) } else { Err(SchemaError { reason: reason.to_owned() }) }
        };
        ensure(!self.fields.is_empty(), "it has no columns")?;
        ensure(self.cells <= MAX_COLUMNS && self.fields.len() <= self.cells, "it has too many columns")?;
        ensure((0.0..=1.0).contains(&self.min_observed), "min_observed is not between 0 and 1")?;
        if let Format::Csv { delimiter, .. } = self.format {
            ensure(splits_cells(delimiter), "its delimiter cannot split cells")?;
        }
        let is_windows = self.layout == Layout::Windows;
        ensure(self.windows.is_some() == is_windows, "windows and layout do not agree")?;
        if let Some(Windows { length, stride }) = self.windows {
            ensure(
                (2..=MAX_WINDOW).contains(&length) && stride > 0,
                "its window length or stride is out of range",
            )?;
        }
        let mut names = HashSet::new();
        let mut positions = HashSet::new();
        let mut width = 0usize;
        for field in &self.fields {
            let name = |what: &str| format!("column `{}` {what}", shorten(&field.name));
            ensure(field.name.len() <= MAX_NAME, &name("has too long a name"))?;
            ensure(names.insert(&field.name), &name("occurs twice"))?;
            let has_place = field.position < self.cells && positions.insert(field.position);
            ensure(has_place, &name("has an invalid position"))?;
            ensure((0.0..=1.0).contains(&field.observed), &name("has an observed share outside [0, 1]"))?;
            ensure(is_sound(&field.kind, self.layout), &name("has invalid scaling or categories"))?;
            ensure(cells::are_sound(field), &name("has an invalid format of numbers or of missing values"))?;
            width = width.saturating_add(field.width());
        }
        ensure(cells::are_sound_words(&self.missing), "it has invalid words for missing values")?;
        let steps = self.windows.map_or(1, |windows| windows.length);
        ensure(width.saturating_mul(steps) <= MAX_WIDTH, "its samples are too wide")?;
        if let Some(stamp) = &self.timestamp {
            for (name, position) in stamp.columns() {
                let free = position < self.cells && positions.insert(position);
                ensure(free && names.insert(name), "its timestamp is also a column of data")?;
                ensure(name.len() <= MAX_NAME, "its timestamp has too long a name")?;
            }
            let has_days = !matches!(stamp.format, StampFormat::Number | StampFormat::Clock);
            ensure(stamp.clock.is_none() || has_days, "its times of day have no days")?;
            ensure(
                stamp.step.is_none_or(|step| step.is_finite() && step > 0.0),
                "its time step is not above 0",
            )?;
        }
        if let Some(group) = &self.group {
            let free = group.position < self.cells && positions.insert(group.position);
            ensure(free && names.insert(&group.name), "its column of groups is also another column")?;
            ensure(group.name.len() <= MAX_NAME, "its column of groups has too long a name")?;
            let legal = |name: &String| !name.is_empty() && name.len() <= MAX_LEVEL;
            let sorted = group.names.windows(2).all(|pair| pair[0] < pair[1]);
            let count = (1..=MAX_CATEGORIES).contains(&group.names.len());
            ensure(count && sorted && group.names.iter().all(legal), "its groups are not sorted names")?;
        }
        let others = self.ignored.iter().chain(&self.label);
        ensure(self.ignored.len() <= self.cells, "it ignores more columns than there are")?;
        ensure(others.into_iter().all(|name| name.len() <= MAX_NAME), "a column has too long a name")
    }
}

fn is_sound(kind: &FieldKind, layout: Layout) -> bool {
    match kind {
        FieldKind::Number { curve, mean, std, min, max, .. } => {
            let curve = match curve {
                Curve::Linear => true,
                Curve::Asinh { center, width } => center.is_finite() && width.is_finite() && *width > 0.0,
            };
            // Quotients of f32 values and a divisor of at least the smallest normal f32 are finite in f64.
            let scales = mean.is_finite() && std.is_finite() && *std >= f64::from(f32::MIN_POSITIVE);
            curve && scales && min.is_finite() && max.is_finite() && min <= max
        }
        FieldKind::Category { levels, rare } => {
            let all = || levels.iter().chain(rare);
            layout != Layout::Series
                && !levels.is_empty()
                && levels.len().saturating_add(rare.len()) <= MAX_CATEGORIES
                && all().collect::<HashSet<_>>().len() == all().count()
                && all().all(|level| !level.is_empty() && level.len() <= MAX_LEVEL)
        }
    }
}

fn features_of(field: &Field, steps_ago: Option<usize>) -> Vec<Feature> {
    let feature = |level: Option<&str>| Feature {
        column: field.name.clone(),
        level: level.map(str::to_owned),
        steps_ago,
    };
    match &field.kind {
        FieldKind::Number { .. } => vec![feature(None)],
        FieldKind::Category { .. } => field.kind.places().map(|place| feature(Some(place))).collect(),
    }
}

#[cfg(test)]
#[path = "schema/schema_tests.rs"]
mod tests;
