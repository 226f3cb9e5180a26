//! Recognises a file that holds several series, by the column whose values tell them apart.

use crate::columns::kinds::{Columns, Kind};
use crate::columns::layout::Steps;
use crate::columns::stamps::StampFormat;
use crate::schema::time_notice::TimeNotice;
use crate::table::sort::TimeOrder;
use crate::text::parse::RawBlock;
use std::collections::HashMap;

/// Most different whole numbers of a column that may tell series apart.
const MAX_NUMBERS: usize = 64;

/// The column whose values divide the rows into series that each have regular times, if the rows together have not: each
/// time several times, times that start over, or steps of several clocks. `None` if there is no such column.
///
/// The clocks of two machines that differ by seconds make two steps in turn, so that half of them are alike. Rows whose
/// steps are that regular are several series only if nine in ten steps within these are regular.
///
/// `order` puts the rows of `block` in the order of a series.
pub(super) fn interleaved(columns: &Columns, block: &RawBlock, order: &TimeOrder) -> Option<TimeNotice> {
    let format = columns.stamp.as_ref()?.format;
    let width = columns.data.len() + usize::from(columns.label.is_some());
    let rows: Vec<usize> = (0..block.lines.len()).map(|place| order.row(place)).collect();
    let stamps = order.apply(&block.stamps);
    let together = Steps::of(&stamps, format);
    let in_order = together.backward == 0 && 3 * together.repeated < together.all;
    if in_order && together.are_mostly_regular() {
        return None;
    }
    let are_several = |steps: &Steps| match in_order && together.are_a_series() {
        true => 10 * steps.regular >= 9 * steps.all,
        false => steps.are_mostly_regular(),
    };
    let mut best: Option<(Steps, usize, &str)> = None;
    for (index, column) in columns.data.iter().enumerate() {
        let most = match &column.kind {
            Kind::Category(levels) => levels.len(),
            Kind::Number => MAX_NUMBERS,
        };
        let values = rows.iter().map(|&row| block.values[row * width + index]);
        let Some((steps, series)) = apart(values.zip(&stamps), most, format) else { continue };
        let is_better = best.as_ref().is_none_or(|(known, fewest, _)| {
            let (one, other) = (steps.regular * known.all, known.regular * steps.all);
            one > other || (one == other && series < *fewest)
        });
        if are_several(&steps) && is_better {
            best = Some((steps, series, &column.name));
        }
    }
    best.map(|(_, series, column)| TimeNotice::Interleaved { column: column.to_owned(), series })
}

/// The steps between rows with equal values, each compared with those of its own value, and how many values there are.
/// `None` if there are more than `most`, or any that is no whole number, or too few steps for each value to tell.
fn apart<'a>(
    rows: impl Iterator<Item = (f32, &'a f64)>,
    most: usize,
    format: StampFormat,
) -> Option<(Steps, usize)> {
    let mut last = HashMap::<u32, (f64, Vec<f64>)>::new();
    for (value, &stamp) in rows.filter(|(value, stamp)| !value.is_nan() && stamp.is_finite()) {
        if value.fract() != 0.0 {
            return None;
        }
        // 0 is added because -0 and 0 are one value of two patterns.
        let (before, steps) = last.entry((value + 0.0).to_bits()).or_insert((f64::NAN, Vec::new()));
        if before.is_finite() {
            steps.push(stamp - *before);
        }
        *before = stamp;
        if last.len() > most {
            return None;
        }
    }
    let series = last.len();
    let mut all = Steps::default();
    for (_, steps) in last.into_values() {
        let own = Steps::between(steps, format);
        all.all += own.all;
        // One of the steps is the median, and regular in any case.
        all.regular += own.regular.saturating_sub(1);
    }
    (series > 1 && all.all >= 2 * series as u64).then_some((all, series))
}
