//! Decides what a row is: the rule of `layout = "auto"`.

use crate::columns::kinds::{Columns, Kind};
use crate::error::counted;
use crate::input::{InputConfig, LayoutChoice};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a row of a file is.
///
/// `auto` takes the first layout whose condition holds:
/// 1. **Windows**: the only column is numeric; or there are at most 32 columns, all numeric, besides a
///    timestamp column, and at least half of its steps equal the median step (within 1 %).
/// 2. **Series**: there are at least 16 columns, all numeric, without names or with names that count (`t0`,
///    `t1`, …), and on one scale: nine in ten of the varying columns each span at least a twentieth of the
///    overall range.
/// 3. **Table** otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// A row is a sample of numbers and categories; each column is scaled separately.
    Table,
    /// A row is one series of fixed length, with a time step per column; all values are scaled alike.
    Series,
    /// A row is a time step of one or more channels; a sample is the window of steps that ends with the row.
    Windows,
}

impl Layout {
    /// Its name in a configuration.
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

/// Most channels of a file that is recognised as a long series.
const MAX_CHANNELS: usize = 32;
/// Fewest columns of a file that is recognised as one series per row.
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
        return (Layout::Table, "it has category columns".into());
    }
    if let [only] = data.as_slice() {
        return (Layout::Windows, format!("`{}` is the only numeric column", only.name));
    }
    let mut why_table = "its numeric columns have names or scales of their own".to_string();
    if let Some(stamp) = &columns.stamp {
        let steps = Steps::of(stamps);
        if data.len() <= MAX_CHANNELS && steps.are_a_series() {
            let channels = counted(data.len(), "channel", "channels");
            return (Layout::Windows, format!("column `{}` holds times, next to {channels}", stamp.name));
        }
        why_table =
            format!("column `{}` holds times, but with irregular steps or next to many columns", stamp.name);
    }
    let named = columns.header && !columns.names_count();
    let one_scale = columns.have_one_scale();
    if data.len() >= MIN_SERIES_STEPS && columns.stamp.is_none() && !named && one_scale {
        return (
            Layout::Series,
            format!("it has {} numeric columns on one scale, without names of their own", data.len()),
        );
    }
    (Layout::Table, why_table)
}

/// The steps between the times of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Steps {
    /// Median of the forward steps; `NaN` if there are none.
    pub median: f64,
    /// Steps within 1 % of the median.
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

    /// The median step, if at least nine in ten steps are regular, so that a longer one is a gap.
    pub(crate) fn step(&self) -> Option<f64> {
        (self.all > 0 && 10 * self.regular >= 9 * self.all).then_some(self.median)
    }
}
