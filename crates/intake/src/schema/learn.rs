//! Learns a schema: scaling, ranges and categories of training rows.

use crate::columns::layout::{Layout, Steps};
use crate::columns::period;
use crate::columns::stamps::StampFormat;
use crate::decode::reading::Reading;
use crate::error::IntakeError;
use crate::groups::Group;
use crate::input::{HeavyTails, SeriesScale};
use crate::schema::notice::Notice;
use crate::schema::{Curve, Field, FieldKind, Schema, Timestamp, Windows};
use crate::table::{Table, TableColumn};
use rayon::prelude::*;

/// A learned schema, and notices about the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// The schema.
    pub schema: Schema,
    /// Notices by column. Those from reading the file are in [`Table::notices`].
    pub notices: Vec<Notice>,
}

/// What becomes of the rare values of categories that have too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rare {
    /// They share one place, so that an encoded row is not too wide.
    Joined,
    /// Each has a place of its own.
    Apart,
}

/// A tail is heavy if it extends beyond this many standard deviations.
const HEAVY: f64 = 20.0;
/// Most places that all categories together may take in an encoded row. More would make a small file wide: each
/// row takes memory for each place.
const MAX_CATEGORY_PLACES: usize = 4096;
/// The same for a step of windows, which hold many steps.
const MAX_STEP_PLACES: usize = 64;
/// Columns with a smaller share of observed values are reported.
const NEARLY_ALL: f64 = 0.999;

impl Schema {
    /// Learns from the given `rows` of a table (for windows, time steps). Pass training rows only, so that
    /// the scaling does not depend on held-out rows. Sums are in double precision; values that were not
    /// observed do not count.
    ///
    /// # Errors
    /// [`IntakeError::TooFewRows`] with fewer than two rows, [`IntakeError::NothingVaries`] if all columns
    /// are constant.
    pub fn learn(table: &Table, rows: &[usize]) -> Result<Learned, IntakeError> {
        if rows.len() < 2 {
            let what = "learn the scaling".to_string();
            return Err(IntakeError::TooFewRows { got: rows.len(), needed: 2, what });
        }
        let learned = Self::describe(table, rows, Rare::Joined)?;
        if learned.schema.fields.iter().all(is_constant) {
            let what = learned.notices.iter().find(|notice| matches!(notice, Notice::Constant { .. }));
            return Err(IntakeError::NothingVaries { what: what.map(Notice::to_string).unwrap_or_default() });
        }
        Ok(learned)
    }

    /// As [`Schema::learn`], of any number of rows and whether or not they vary: for
    /// [`Schema::encode_in_units`], which needs no scaling.
    ///
    /// # Errors
    /// [`IntakeError::Schema`] if a row would be too wide.
    pub fn describe(table: &Table, rows: &[usize], rare: Rare) -> Result<Learned, IntakeError> {
        let mut notices = Vec::new();
        let squeezes = table.layout == Layout::Table && table.config.heavy_tails == HeavyTails::Compress;
        let places = match rare {
            Rare::Joined => places_of_categories(table),
            Rare::Apart => usize::MAX,
        };
        let mut fields: Vec<Field> = table
            .columns
            .par_iter()
            .enumerate()
            .map(|(index, column)| learn_field(table, index, column, rows, squeezes, places))
            .collect();
        if table.layout == Layout::Series {
            scale_alike(table, rows, &mut fields);
        }
        for field in &fields {
            remark(field, table.layout, &mut notices);
        }
        let timestamp = table.timestamp.as_ref().map(|stamp| {
            let steps = Steps::within(&table.stamps, &table.stretches(), stamp.format);
            // The rows of a table need no order, and the reason for the layout tells that its steps are irregular.
            if table.layout != Layout::Table {
                remark_times(&steps, stamp.format, &mut notices);
            }
            Timestamp { step: steps.step(), ..stamp.clone() }
        });
        let windows = (table.layout == Layout::Windows).then(|| Windows {
            length: table.config.window.unwrap_or_else(|| choose_window(table, rows, &mut notices)),
            stride: table.config.stride,
        });
        let schema = Schema {
            layout: table.layout,
            format: table.format,
            reading: Reading::of(&table.config),
            cells: table.cells,
            fields,
            timestamp,
            group: learn_groups(table, rows),
            label: table.labels.as_ref().map(|labels| labels.column.clone()),
            ignored: table.ignored.clone(),
            windows,
            min_observed: table.config.min_observed,
            missing: table.config.missing.clone(),
            rows: rows.len() as u64,
        };
        schema
            .validate()
            .map_err(|error| IntakeError::Schema { name: table.name.clone(), reason: error.reason })?;
        Ok(Learned { schema, notices })
    }
}

/// The column of groups, with those that have one of the rows.
fn learn_groups(table: &Table, rows: &[usize]) -> Option<Group> {
    let groups = table.groups.as_ref()?;
    let mut has_rows = vec![false; groups.names.len()];
    rows.iter().for_each(|&row| has_rows[groups.of_row(row)] = true);
    let names = groups.names.iter().zip(has_rows).filter(|(_, has_rows)| *has_rows);
    let names = names.map(|(name, _)| name.clone()).collect();
    Some(Group { name: groups.column.clone(), position: groups.position, names })
}

/// Those of the rows that belong to one group, the one with the most of them: the steps of two groups do not follow
/// each other.
fn of_one_group(table: &Table, rows: &[usize]) -> Vec<usize> {
    let parts = table.stretches().into_iter();
    let parts = parts.map(|own| rows.iter().copied().filter(|row| own.contains(row)).collect::<Vec<_>>());
    parts.max_by_key(Vec::len).unwrap_or_default()
}

fn choose_window(table: &Table, rows: &[usize], notices: &mut Vec<Notice>) -> usize {
    let rows = &of_one_group(table, rows)[..];
    let found = table.period(rows);
    let length = found.unwrap_or_else(|| period::plain(rows.len()));
    notices.push(Notice::WindowChosen { length, is_period: found.is_some() });
    length
}

/// At most `places` values have a place of their own or, if there are more, one fewer: the most frequent ones, the
/// first in order of equally frequent ones. The others share a place.
fn learn_category(values: &[String], counts: &[u64], places: usize) -> FieldKind {
    let mut seen: Vec<usize> = (0..values.len()).filter(|&code| counts[code] > 0).collect();
    // Without any value it is still a column of later files, and needs a level.
    if seen.is_empty() {
        seen.push(0);
    }
    let mut rare = Vec::new();
    if seen.len() > places.max(2) {
        seen.sort_by_key(|&code| (std::cmp::Reverse(counts[code]), code));
        rare = seen.split_off(places.max(2) - 1);
        seen.sort_unstable();
        rare.sort_unstable();
    }
    let names = |codes: &[usize]| codes.iter().map(|&code| values[code].clone()).collect();
    FieldKind::Category { levels: names(&seen), rare: names(&rare) }
}

/// How many places of an encoded row each category may take, so that all together take at most
/// [`MAX_CATEGORY_PLACES`] or [`MAX_STEP_PLACES`].
fn places_of_categories(table: &Table) -> usize {
    let all = if table.layout == Layout::Windows { MAX_STEP_PLACES } else { MAX_CATEGORY_PLACES };
    let levels: Vec<usize> =
        table.columns.iter().filter_map(|column| Some(column.levels.as_ref()?.len())).collect();
    if levels.iter().sum::<usize>() <= all {
        return usize::MAX;
    }
    // The largest number that fits if columns with fewer values take only what they need.
    let fits = |most: usize| levels.iter().map(|&n| n.min(most)).sum::<usize>() <= all;
    (1..=all).rev().find(|&most| fits(most)).unwrap_or(1)
}

fn learn_field(
    table: &Table,
    index: usize,
    column: &TableColumn,
    rows: &[usize],
    squeezes: bool,
    places: usize,
) -> Field {
    let values: Vec<f32> =
        rows.iter().map(|&row| table.values[[row, index]]).filter(|x| !x.is_nan()).collect();
    let kind = match &column.levels {
        Some(levels) => {
            let mut counts = vec![0u64; levels.len()];
            values.iter().for_each(|&code| counts[code as usize] += 1);
            learn_category(levels, &counts, places)
        }
        None => learn_number(values.clone(), squeezes),
    };
    let observed = values.len() as f64 / rows.len().max(1) as f64;
    let (format, sentinels) = (column.format.clone(), column.sentinels.clone());
    Field { name: column.name.clone(), position: column.position, observed, kind, format, sentinels }
}

fn learn_number(mut values: Vec<f32>, squeezes: bool) -> FieldKind {
    if values.is_empty() {
        return FieldKind::Number {
            curve: Curve::Linear,
            mean: 0.0,
            std: 1.0,
            min: 0.0,
            max: 0.0,
            constant: true,
        };
    }
    let (min, max) = range(&values);
    // Compares the range, not the variance: rounding gives a constant 0.1 a variance above 0.
    if min >= max {
        return FieldKind::Number {
            curve: Curve::Linear,
            mean: f64::from(min),
            std: 1.0,
            min,
            max,
            constant: true,
        };
    }
    let mut curve = Curve::Linear;
    let (mut mean, mut std) = moments(&values, curve);
    let farthest = (f64::from(max) - mean).max(mean - f64::from(min)) / std;
    if squeezes && farthest > HEAVY {
        values.sort_unstable_by(f32::total_cmp);
        let squeezed = squeeze(&values);
        let (center, spread) = moments(&values, squeezed);
        let ends = [min, max].map(|end| ((squeezed.apply(f64::from(end)) - center) / spread).abs());
        // For a rare flag, no curve brings the extremes closer.
        if ends[0].max(ends[1]) < 0.8 * farthest {
            (curve, mean, std) = (squeezed, center, spread);
        }
    }
    FieldKind::Number { curve, mean, std, min, max, constant: false }
}

/// An `asinh` curve around the median. Its width follows from the middle half of the sorted values or, if
/// these are equal, from the typical distance of the other values from the median.
fn squeeze(sorted: &[f32]) -> Curve {
    let at = |share: f64| f64::from(sorted[((sorted.len() - 1) as f64 * share).round() as usize]);
    let center = at(0.5);
    let mut width = (at(0.75) - at(0.25)) / 1.349;
    if width <= 0.0 {
        let mut others: Vec<f64> =
            sorted.iter().map(|&x| (f64::from(x) - center).abs()).filter(|&far| far > 0.0).collect();
        others.sort_unstable_by(f64::total_cmp);
        width = others[others.len() / 2];
    }
    Curve::Asinh { center, width }
}

fn moments(values: &[f32], curve: Curve) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|&x| curve.apply(f64::from(x))).sum::<f64>() / n;
    let variance = values.iter().map(|&x| (curve.apply(f64::from(x)) - mean).powi(2)).sum::<f64>() / n;
    // Avoids dividing by zero if the spread is subnormal.
    (mean, variance.sqrt().max(f64::from(f32::MIN_POSITIVE)))
}

fn range(values: &[f32]) -> (f32, f32) {
    values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &x| (min.min(x), max.max(x)))
}

/// Gives all columns of a series the same scaling.
fn scale_alike(table: &Table, rows: &[usize], fields: &mut [Field]) {
    let values: Vec<f32> =
        rows.iter().flat_map(|&row| table.values.row(row).to_vec()).filter(|x| !x.is_nan()).collect();
    let FieldKind::Number { mut mean, mut std, min, max, constant, .. } = learn_number(values, false) else {
        return;
    };
    if table.config.scale == SeriesScale::MinMax && !constant {
        (mean, std) = (f64::from(min), f64::from(max) - f64::from(min));
    }
    for field in fields {
        field.kind = FieldKind::Number { curve: Curve::Linear, mean, std, min, max, constant };
    }
}

fn is_constant(field: &Field) -> bool {
    match &field.kind {
        FieldKind::Number { constant, .. } => *constant,
        FieldKind::Category { levels, rare } => levels.len() == 1 && rare.is_empty(),
    }
}

fn remark(field: &Field, layout: Layout, notices: &mut Vec<Notice>) {
    let column = || field.name.clone();
    match &field.kind {
        FieldKind::Number { constant: true, min, .. } if layout != Layout::Series || field.position == 0 => {
            notices.push(Notice::Constant { column: column(), value: min.to_string() });
        }
        FieldKind::Category { levels, rare } if !rare.is_empty() => {
            let (kept, joined) = (levels.len(), rare.len());
            notices.push(Notice::RareValues { column: column(), kept, joined });
        }
        FieldKind::Category { levels, .. } if levels.len() == 1 => {
            notices.push(Notice::Constant { column: column(), value: format!("`{}`", levels[0]) });
        }
        FieldKind::Number { curve: Curve::Asinh { .. }, .. } => {
            notices.push(Notice::HeavyTails { column: column() });
        }
        _ => {}
    }
    if field.observed < NEARLY_ALL {
        notices.push(Notice::PartlyObserved { column: column(), share: field.observed });
    }
}

fn remark_times(steps: &Steps, format: StampFormat, notices: &mut Vec<Notice>) {
    let differing = steps.all - steps.regular;
    if differing > 0 {
        let dates = format != StampFormat::Number;
        notices.push(Notice::IrregularTimes { step: steps.median, differing, steps: steps.all, dates });
    }
    if steps.repeated > 0 {
        notices.push(Notice::RepeatedTimes { count: steps.repeated });
    }
    if steps.backward > 0 {
        notices.push(Notice::BackwardTimes { count: steps.backward });
    }
}
