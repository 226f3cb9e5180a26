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
/// `order` puts the rows of `block` in the order of a series.
pub(super) fn interleaved(columns: &Columns, block: &RawBlock, order: &TimeOrder) -> Option<TimeNotice> {
    let format = columns.stamp.as_ref()?.format;
    let width = columns.data.len() + usize::from(columns.label.is_some());
    let rows: Vec<usize> = (0..block.lines.len()).map(|place| order.row(place)).collect();
    let stamps = order.apply(&block.stamps);
    let together = Steps::of(&stamps, format);
    if together.backward == 0 && 3 * together.repeated < together.all && together.are_a_series() {
        return None;
    }
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
        if steps.are_mostly_regular() && is_better {
            best = Some((steps, series, &column.name));
        }
    }
    best.map(|(_, series, column)| TimeNotice::Interleaved { column: column.to_owned(), series })
}

/// The steps between rows with equal values, and how many values there are. `None` if there are more than `most`, or
/// any that is no whole number, or too few steps for each value to tell.
fn apart<'a>(
    rows: impl Iterator<Item = (f32, &'a f64)>,
    most: usize,
    format: StampFormat,
) -> Option<(Steps, usize)> {
    let mut last = HashMap::<u32, f64>::new();
    let mut steps = Vec::new();
    for (value, &stamp) in rows.filter(|(value, stamp)| !value.is_nan() && stamp.is_finite()) {
        if value.fract() != 0.0 {
            return None;
        }
        // 0 is added because -0 and 0 are one value of two patterns.
        match last.insert((value + 0.0).to_bits(), stamp) {
            Some(before) => steps.push(stamp - before),
            None if last.len() > most => return None,
            None => {}
        }
    }
    let series = last.len();
    (series > 1 && steps.len() >= 2 * series).then(|| (Steps::between(steps, format), series))
}
