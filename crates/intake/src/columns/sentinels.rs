//! Finds numbers that stand for a missing value, such as -999: repeated values far outside all others.

use crate::columns::kinds::{Columns, DataColumn, Kind};
use crate::error::counted;
use crate::input::InputConfig;
use crate::schema::notice::Notice;
use crate::schema::reading::ReadingNotice;
use crate::text::cells::number_text;
use crate::text::parse::RawBlock;
use ndarray::{ArrayView1, ArrayViewMut2};
use rayon::prelude::*;

/// What stands apart at the ends of a column of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ends {
    /// Values that stand for a missing one, each with its number of rows.
    pub sentinels: Vec<(f32, u64)>,
    /// A repeated value at an end that may stand for a missing one, with its number of rows.
    pub mass: Option<(f32, u64)>,
    /// The smallest and the largest of the other values; `NaN` if there are none.
    pub rest: [f32; 2],
}

/// Fewest rows that a sentinel has, and their smallest share.
const FEWEST: u64 = 3;
const SMALLEST_SHARE: f64 = 0.001;
/// Most sentinels at each end.
const MAX_AT_AN_END: usize = 3;
/// A sentinel lies beyond the other values by at least this many times their whole range, if its digits are those
/// of a sentinel.
const FAR: f64 = 3.0;
/// The same for any other digits: far more than the heaviest tails give.
const VERY_FAR: f64 = 100.0;
/// Fewest distinct values besides sentinels, by its digits; a flag with two values has none.
const FEW_OTHERS: usize = 3;
const MANY_OTHERS: usize = 20;
/// Smallest share of the rows with the value at an end that is told.
const TOLD_SHARE: f64 = 0.05;
/// Most values that are looked at to tell whether a column is continuous.
const SAMPLE: usize = 1000;

/// A value at an end of a column.
#[derive(Clone, Copy, Debug)]
struct Mass {
    value: f32,
    count: u64,
}

impl Columns {
    /// Looks at the ends of all columns of numbers. What stands for a missing value becomes `NaN` in the rows, and
    /// is kept with its column.
    pub(crate) fn look_at_ends(&mut self, block: &mut RawBlock, config: &InputConfig) {
        let width = self.data.len() + usize::from(self.label.is_some());
        let rows = block.lines.len();
        let mut values =
            ArrayViewMut2::from_shape((rows, width), &mut block.values).expect("every row has every column");
        let look = |(index, column): (usize, &DataColumn)| {
            let of_number = column.kind == Kind::Number;
            // A copy, because it is gone through several times, and lies far apart in the rows.
            of_number.then(|| look_at(values.column(index).to_owned().view()))
        };
        let found: Vec<Option<Ends>> = self.data.par_iter().enumerate().map(look).collect();
        let (mut taken, mut told) = (Vec::new(), Vec::new());
        for (index, ends) in found.into_iter().enumerate() {
            let (Some(mut ends), column) = (ends, &mut self.data[index]) else { continue };
            let named = |value: f32| format!("{value} in `{}`", column.name);
            if !config.sentinels {
                ends.mass = ends.mass.or(ends.sentinels.pop());
                ends.sentinels.clear();
            }
            if let Some((value, count)) = ends.mass {
                let share = 100.0 * count as f64 / rows.max(1) as f64;
                told.push(format!("{} ({share:.1} % of the rows)", named(value)));
            }
            for &(sentinel, count) in &ends.sentinels {
                taken.push(format!("{} ({})", named(sentinel), counted(count, "row", "rows")));
                column.sentinels.push(sentinel);
                values
                    .column_mut(index)
                    .iter_mut()
                    .filter(|value| **value == sentinel)
                    .for_each(|value| *value = f32::NAN);
            }
            // Plain numbers were looked at before; the range of the others is known only now.
            if !column.format.is_plain() || !ends.sentinels.is_empty() {
                (column.least, column.most) = (f64::from(ends.rest[0]), f64::from(ends.rest[1]));
            }
        }
        if !taken.is_empty() {
            self.notices.push(Notice::Reading(ReadingNotice::Sentinels { columns: taken }));
        }
        if !told.is_empty() {
            self.notices.push(Notice::Reading(ReadingNotice::RepeatedEnds { columns: told }));
        }
    }
}

/// Looks at the ends of a column of numbers, `NaN` where nothing was observed.
pub(crate) fn look_at(values: ArrayView1<'_, f32>) -> Ends {
    let observed = values.iter().filter(|value| !value.is_nan()).count() as u64;
    let low = masses(values, observed, f32::NEG_INFINITY, |value, end| value > end);
    let high = masses(values, observed, f32::INFINITY, |value, end| value < end);
    let mut ends = Ends { rest: range(values, &[]), ..Default::default() };
    // As many as possible: of two sentinels at one end, each alone may hide the other.
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for below in 0..=low.len() {
        pairs.extend((0..=high.len()).map(|above| (below, above)));
    }
    pairs.sort_by_key(|&(below, above)| std::cmp::Reverse(below + above));
    for (below, above) in pairs {
        let masses: Vec<Mass> = low[..below].iter().chain(&high[..above]).copied().collect();
        if let Some(rest) = are_sentinels(values, observed, &masses) {
            ends.sentinels = masses.iter().map(|mass| (mass.value, mass.count)).collect();
            ends.rest = rest;
            break;
        }
    }
    let left = observed - ends.sentinels.iter().map(|(_, count)| count).sum::<u64>();
    let at = |end: f32| [&low, &high].into_iter().flatten().find(|mass| mass.value == end).copied();
    ends.mass = ends
        .rest
        .into_iter()
        .filter_map(at)
        .find(|&mass| is_told(values, left, mass))
        .map(|mass| (mass.value, mass.count));
    ends
}

/// The repeated values that a column begins or ends with, the outermost first.
fn masses(
    values: ArrayView1<'_, f32>,
    observed: u64,
    end: f32,
    is_inside: impl Fn(f32, f32) -> bool,
) -> Vec<Mass> {
    let mut masses: Vec<Mass> = Vec::new();
    let mut end = end;
    while masses.len() < MAX_AT_AN_END {
        let mut next: Option<Mass> = None;
        for &value in values.iter().filter(|&&value| is_inside(value, end)) {
            match &mut next {
                Some(mass) if mass.value == value => mass.count += 1,
                Some(mass) if is_inside(value, mass.value) => {}
                _ => next = Some(Mass { value, count: 1 }),
            }
        }
        let Some(mass) = next else { break };
        if mass.count < FEWEST || (mass.count as f64) < SMALLEST_SHARE * observed as f64 {
            break;
        }
        masses.push(mass);
        end = mass.value;
    }
    masses
}

/// Whether all these values are sentinels of the column: then the range of the other values.
fn are_sentinels(values: ArrayView1<'_, f32>, observed: u64, masses: &[Mass]) -> Option<[f32; 2]> {
    if masses.is_empty() {
        return None;
    }
    let is_typical = masses.iter().all(|mass| has_typical_digits(mass.value));
    let (factor, others) = if is_typical { (FAR, FEW_OTHERS) } else { (VERY_FAR, MANY_OTHERS) };
    let taken: u64 = masses.iter().map(|mass| mass.count).sum();
    if !is_typical && 2 * taken > observed {
        return None;
    }
    let [least, most] = range(values, masses);
    let span = f64::from(most) - f64::from(least);
    // `NaN` if nothing else is there.
    let far = |mass: &Mass| {
        let value = f64::from(mass.value);
        let distance = (f64::from(least) - value).max(value - f64::from(most));
        distance >= factor * span && span > 0.0
    };
    (masses.iter().all(far) && has_others(values, masses, others)).then_some([least, most])
}

fn range(values: ArrayView1<'_, f32>, without: &[Mass]) -> [f32; 2] {
    let others =
        values.iter().filter(|&&value| !value.is_nan() && without.iter().all(|mass| mass.value != value));
    others.fold([f32::NAN; 2], |[least, most], &value| [least.min(value), most.max(value)])
}

/// Whether at least `needed` distinct values are left without these.
fn has_others(values: ArrayView1<'_, f32>, without: &[Mass], needed: usize) -> bool {
    let mut found: Vec<f32> = Vec::with_capacity(needed);
    for &value in values {
        if !value.is_nan() && !found.contains(&value) && without.iter().all(|mass| mass.value != value) {
            found.push(value);
            if found.len() == needed {
                return true;
            }
        }
    }
    false
}

/// Whether people and programs write this number for a missing value: only nines, the ends of whole-number
/// types, large powers of ten, the fill value of netCDF, or the largest float.
fn has_typical_digits(value: f32) -> bool {
    const ENDS: [f32; 9] = [
        -1.0,
        65535.0,
        32767.0,
        -32768.0,
        2_147_483_647.0,
        -2_147_483_648.0,
        4_294_967_295.0,
        9.969_21e36,
        f32::MAX,
    ];
    is_of_nines(value, 2) || ENDS.contains(&value) || value == f32::MIN || is_large_power(value)
}

/// Whether all its digits are nines, at least `least` of them, but for zeros behind the point.
fn is_of_nines(value: f32, least: usize) -> bool {
    let text = number_text(value.abs());
    let digits = text.bytes().filter(|&byte| byte != b'.');
    digits.clone().all(|digit| digit == b'9') && digits.count() >= least
}

fn is_large_power(value: f32) -> bool {
    let text = format!("{:e}", value.abs());
    text.strip_prefix("1e").and_then(|power| power.parse::<i32>().ok()).is_some_and(|power| power >= 9)
}

/// Whether the user should hear of a repeated value at an end: its digits are those of a sentinel, or the column
/// is otherwise continuous and many rows have it.
fn is_told(values: ArrayView1<'_, f32>, observed: u64, mass: Mass) -> bool {
    let is_typical = is_of_nines(mass.value, 3) && mass.value < 0.0;
    is_typical || (mass.count as f64 >= TOLD_SHARE * observed as f64 && is_continuous(values, mass))
}

/// Whether most values besides this one are distinct, judged by some that are evenly spaced.
fn is_continuous(values: ArrayView1<'_, f32>, mass: Mass) -> bool {
    let others = || values.iter().copied().filter(|&value| !value.is_nan() && value != mass.value);
    let count = others().count();
    let mut sample: Vec<f32> = others().step_by((count / SAMPLE).max(1)).collect();
    if sample.len() < MANY_OTHERS {
        return false;
    }
    let looked_at = sample.len();
    sample.sort_unstable_by(f32::total_cmp);
    sample.dedup();
    2 * sample.len() >= looked_at
}

#[cfg(test)]
#[path = "sentinels_tests.rs"]
mod tests;
