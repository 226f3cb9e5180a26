//! What a row is: the rule of `layout = "auto"`.

use crate::columns::kinds::{Columns, Kind};
use crate::input::{InputConfig, LayoutChoice};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a row of a file is.
///
/// `auto` takes the first that holds:
/// 1. **Windows**, where the only column holds numbers, or a timestamp column goes along with at most 32 columns,
///    all of numbers, and at least half of its steps are the median step (within 1 %).
/// 2. **Series**, where at least 16 columns, all of numbers, have no names or names that count (`t0`, `t1`, …), and one
///    scale: nine in ten of those that vary span at least a twentieth of what all span together.
/// 3. **Table** otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// A row is a sample of numbers and categories, each scaled for itself.
    Table,
    /// A row is one series of fixed length, a column a time step; all values are scaled alike.
    Series,
    /// A row is a time step of one or more channels; a sample is the window of steps that ends with the row.
    Windows,
}

impl Layout {
    /// As it is written in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Table => "table",
            Layout::Series => "series",
            Layout::Windows => "windows",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Most channels that are recognised as a long series.
const MAX_CHANNELS: usize = 32;
/// Fewest columns that are recognised as a series a row.
const MIN_SERIES_STEPS: usize = 16;

/// The layout, and why.
pub(crate) fn decide(config: &InputConfig, columns: &Columns, stamps: &[f64]) -> (Layout, String) {
    match config.layout {
        LayoutChoice::Table => return (Layout::Table, "as configured".into()),
        LayoutChoice::Series => return (Layout::Series, "as configured".into()),
        LayoutChoice::Windows => return (Layout::Windows, "as configured".into()),
        LayoutChoice::Auto => {}
    }
    let data = &columns.data;
    if data.iter().any(|column| column.kind != Kind::Number) {
        return (Layout::Table, "it has columns of categories".into());
    }
    if let [only] = data.as_slice() {
        return (Layout::Windows, format!("`{}` is the only column of numbers", only.name));
    }
    let mut why_table = "its columns of numbers have scales or names of their own".to_string();
    if let Some(stamp) = &columns.stamp {
        let steps = Steps::of(stamps);
        if data.len() <= MAX_CHANNELS && steps.are_a_series() {
            let channels = data.len();
            return (
                Layout::Windows,
                format!("column `{}` holds times, beside {channels} channels", stamp.name),
            );
        }
        why_table =
            format!("column `{}` holds times, but not of one step, or beside many columns", stamp.name);
    }
    let named = columns.header && !columns.names_count();
    let one_scale = columns.have_one_scale();
    if data.len() >= MIN_SERIES_STEPS && columns.stamp.is_none() && !named && one_scale {
        return (
            Layout::Series,
            format!("it has {} columns of numbers of one scale, without names", data.len()),
        );
    }
    (Layout::Table, why_table)
}

/// How a column of times goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Steps {
    /// Median of the steps forward; `NaN` without one.
    pub median: f64,
    /// Steps that are within 1 % of it.
    pub regular: u64,
    pub repeated: u64,
    pub backward: u64,
    pub all: u64,
}

impl Steps {
    pub(crate) fn of(stamps: &[f64]) -> Self {
        let known: Vec<f64> = stamps.iter().copied().filter(|stamp| stamp.is_finite()).collect();
        let mut steps: Vec<f64> = known.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let all = steps.len() as u64;
        let repeated = steps.iter().filter(|&&step| step == 0.0).count() as u64;
        let backward = steps.iter().filter(|&&step| step < 0.0).count() as u64;
        steps.retain(|&step| step > 0.0);
        steps.sort_unstable_by(f64::total_cmp);
        let median = steps.get(steps.len() / 2).copied().unwrap_or(f64::NAN);
        let regular = steps.iter().filter(|&&step| (step - median).abs() <= 0.01 * median).count() as u64;
        Steps { median, regular, repeated, backward, all }
    }

    fn are_a_series(&self) -> bool {
        self.all > 0 && 2 * self.regular >= self.all
    }

    /// The step, if so many are alike that a longer one is a gap.
    pub(crate) fn step(&self) -> Option<f64> {
        (self.all > 0 && 10 * self.regular >= 9 * self.all).then_some(self.median)
    }
}
