//! Decides what a row is: the rule of `layout = "auto"`.

use crate::columns::clock;
use crate::columns::kinds::{Columns, DataColumn, Kind};
use crate::columns::stamps::StampFormat;
use crate::error::counted;
use crate::input::{InputConfig, LayoutChoice};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// What a row of a file is.
///
/// `auto` takes the first layout whose condition holds:
/// 1. **Windows**: there is one numeric column and, apart from times, no other that varies; or there are 1 to 32
///    numeric columns besides the times, and the times, in the order of the file or sorted, are those of a
///    series: at least half of the steps equal the median step (within 1 %). If text columns vary, at least three
///    quarters must, so that a table of events, of which many share a time or come at any time, stays a table;
///    otherwise text does not decide. Rows that are independent of each other, of which at least 500 are needed to tell, are
///    no steps of a series, unless a length of windows is set.
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

/// The layout, and why. `stamps` are the times in the order that a series would have.
///
/// `stretches` are the rows of each group, or all rows: a time follows another one of its own group. `independent` says
/// whether no row depends on those before it.
pub(crate) fn decide(
    config: &InputConfig,
    columns: &Columns,
    stamps: &[f64],
    stretches: &[Range<usize>],
    independent: impl FnOnce() -> bool,
) -> (Layout, String) {
    match config.layout {
        LayoutChoice::Table => return (Layout::Table, "as configured".into()),
        LayoutChoice::Series => return (Layout::Series, "as configured".into()),
        LayoutChoice::Windows => return (Layout::Windows, "as configured".into()),
        LayoutChoice::Auto => {}
    }
    let data = &columns.data;
    let numbers: Vec<&DataColumn> = data.iter().filter(|column| column.kind == Kind::Number).collect();
    let texts = data.iter().filter(|column| column.varies_as_text()).count();
    if texts == 0
        && let [only] = numbers.as_slice()
    {
        return (Layout::Windows, format!("`{}` is the only numeric column", only.name));
    }
    let mut why_table = match texts {
        0 => "its numeric columns have names or scales of their own",
        _ => "it has category columns",
    }
    .to_string();
    if let Some(stamp) = &columns.stamp {
        let steps = Steps::within(stamps, stretches, stamp.format);
        let is_regular = if texts == 0 { steps.are_a_series() } else { steps.are_mostly_regular() };
        if (1..=MAX_CHANNELS).contains(&numbers.len()) && is_regular {
            if config.window.is_none() && independent() {
                let why = "holds times, but no column depends on earlier rows; set input.layout = \"windows\" to judge \
                           series of rows";
                return (Layout::Table, format!("column `{}` {why}", stamp.name));
            }
            let mut channels = counted(numbers.len(), "channel", "channels");
            if texts > 0 {
                channels += &format!(" and {}", counted(texts, "text column", "text columns"));
            }
            return (Layout::Windows, format!("column `{}` holds times, next to {channels}", stamp.name));
        }
        let what = if texts == 0 { "" } else { " for a series with text columns" };
        why_table = format!(
            "column `{}` holds times, but with irregular steps{what} or next to many columns",
            stamp.name
        );
    }
    if numbers.len() < data.len() {
        return (Layout::Table, why_table);
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
    /// Steps that are within 1 % of the median, or within the rounding of the format.
    pub regular: u64,
    pub repeated: u64,
    pub backward: u64,
    pub all: u64,
}

impl Steps {
    pub(crate) fn of(stamps: &[f64], format: StampFormat) -> Self {
        Self::within(stamps, std::slice::from_ref(&(0..stamps.len())), format)
    }

    /// The steps within each of these stretches of rows.
    pub(crate) fn within(stamps: &[f64], stretches: &[Range<usize>], format: StampFormat) -> Self {
        let mut steps = Vec::with_capacity(stamps.len());
        for stretch in stretches {
            let of_stretch = stamps[stretch.clone()].iter().copied();
            let known: Vec<f64> = of_stretch.filter(|stamp| stamp.is_finite()).collect();
            steps.extend(known.windows(2).map(|pair| pair[1] - pair[0]));
        }
        Self::between(steps, format)
    }

    /// Of steps between times of this format.
    pub(crate) fn between(mut steps: Vec<f64>, format: StampFormat) -> Self {
        let all = steps.len() as u64;
        let repeated = steps.iter().filter(|&&step| step == 0.0).count() as u64;
        let backward = steps.iter().filter(|&&step| step < 0.0).count() as u64;
        steps.retain(|&step| step > 0.0);
        steps.sort_unstable_by(f64::total_cmp);
        let median = steps.get(steps.len() / 2).copied().unwrap_or(f64::NAN);
        let regular = steps.iter().filter(|&&step| clock::is_usual(step, median, format)).count() as u64;
        Steps { median, regular, repeated, backward, all }
    }

    /// At least half are regular.
    pub(crate) fn are_a_series(&self) -> bool {
        self.all > 0 && 2 * self.regular >= self.all
    }

    /// At least three quarters are regular.
    pub(crate) fn are_mostly_regular(&self) -> bool {
        self.all > 0 && 4 * self.regular >= 3 * self.all
    }

    /// The median step, if at least nine in ten steps are regular, so that a longer one is a gap.
    pub(crate) fn step(&self) -> Option<f64> {
        (self.all > 0 && 10 * self.regular >= 9 * self.all).then_some(self.median)
    }
}
