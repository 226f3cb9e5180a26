//! Encodes raw rows for a model, with the same code and numbers for files, streams and single rows.

use crate::Samples;
use crate::columns::layout::Layout;
use crate::error::IntakeError;
use crate::schema::log::NoticeLog;
use crate::schema::notice::Notice;
use crate::schema::{Curve, FieldKind, Schema};
use crate::stream::windower::Clock;
use crate::table::Table;
use crate::text::missing::MissingWords;
use crate::text::parse::UNSEEN;
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Rows encoded for a model.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedRows {
    /// `[N, D]`.
    pub samples: Samples,
    /// `[N]`, where each sample comes from and whether it can be judged.
    pub rows: Vec<RowNote>,
    /// Notices about single values, in line order; the first 64 of each column. Empty for windows.
    pub notices: Vec<Notice>,
}

/// Where a sample comes from, and whether it can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowNote {
    /// Line of its file or stream, from 1; for a window, the line of its last step.
    pub line: u64,
    /// Share of its columns that were observed; for a window, over all its steps.
    pub observed: f32,
    /// Whether it can be judged.
    pub state: State,
    /// The place of its group in [`Group::names`](crate::Group::names); `None` without groups, and for a group that
    /// training did not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
}

/// Whether a sample can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It can.
    Ready,
    /// The observed share is below `min_observed`: its verdict is unknown.
    TooLittleObserved,
    /// There are fewer steps so far than in a window: its verdict is unknown.
    WarmingUp,
}

/// Largest magnitude of a scaled value: its square, summed over a sample, stays finite in 32 bits.
pub const MAX_SCALED_VALUE: f32 = 1e6;
/// Most notices per column and kind in a block or table; all are counted.
pub(crate) const MAX_NOTICES_PER_COLUMN: u64 = 64;
/// A value is out of range if it lies beyond the training range by more than this many times its width.
const FAR: f64 = 3.0;

/// A schema prepared for encoding many rows.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    fields: Vec<Coder>,
    pub(crate) row_width: usize,
    pub(crate) min_observed: f64,
    /// Largest magnitude of an encoded number.
    limit: f32,
}

#[derive(Clone, Debug)]
enum Coder {
    Number { curve: Curve, mean: f64, scale: f64, low: f32, high: f32 },
    Category { levels: usize },
}

impl Encoder {
    pub(crate) fn new(schema: &Schema) -> Self {
        let coder = |kind: &FieldKind, width: usize| match kind {
            FieldKind::Category { .. } => Coder::Category { levels: width },
            FieldKind::Number { curve, mean, std, min, max, .. } => {
                let (min, max) = (f64::from(*min), f64::from(*max));
                let (low, high) = (curve.apply(min), curve.apply(max));
                // In a constant column, every value that differs by more than rounding is out of range.
                let far = (FAR * (high - low)).max(1e-5 * min.abs());
                let (low, high) = (curve.invert(low - far) as f32, curve.invert(high + far) as f32);
                Coder::Number { curve: *curve, mean: *mean, scale: 1.0 / std, low, high }
            }
        };
        let fields = schema.fields.iter().map(|field| coder(&field.kind, field.width())).collect();
        let (row_width, min_observed) = (schema.row_width(), schema.min_observed);
        Encoder { fields, row_width, min_observed, limit: MAX_SCALED_VALUE }
    }

    /// Leaves numbers as they are, in the units of their columns.
    pub(super) fn in_units(schema: &Schema) -> Self {
        let mut encoder = Encoder { limit: f32::INFINITY, ..Encoder::new(schema) };
        for coder in &mut encoder.fields {
            if let Coder::Number { curve, mean, scale, .. } = coder {
                (*curve, *mean, *scale) = (Curve::Linear, 0.0, 1.0);
            }
        }
        encoder
    }

    /// Encodes a raw row `[C]` into `values`, `[row_width]`. Returns the number of unobserved columns.
    pub(crate) fn encode(&self, raw: &[f32], values: &mut [f32]) -> usize {
        let (mut at, mut missing) = (0, 0);
        for (coder, &value) in self.fields.iter().zip(raw) {
            match coder {
                Coder::Number { curve, mean, scale, .. } => {
                    let scaled = ((curve.apply(f64::from(value)) - mean) * scale) as f32;
                    missing += usize::from(value.is_nan());
                    values[at] = if value.is_nan() { 0.0 } else { scaled.clamp(-self.limit, self.limit) };
                    at += 1;
                }
                Coder::Category { levels } => {
                    let slots = &mut values[at..at + levels];
                    slots.fill(0.0);
                    if value.is_nan() {
                        missing += 1;
                    } else if value != UNSEEN {
                        slots[value as usize] = 1.0;
                    }
                    at += levels;
                }
            }
        }
        missing
    }

    /// Writes into `observed`, `[row_width]`, which values of a raw row `[C]` were observed.
    pub(crate) fn mask(&self, raw: &[f32], observed: &mut [bool]) {
        let mut at = 0;
        for (coder, value) in self.fields.iter().zip(raw) {
            let width = if let Coder::Category { levels } = coder { *levels } else { 1 };
            observed[at..at + width].fill(!value.is_nan());
            at += width;
        }
    }

    /// The columns of a raw row whose values lie far outside the training range.
    pub(crate) fn out_of_range<'a>(&'a self, raw: &'a [f32]) -> impl Iterator<Item = usize> + 'a {
        self.fields.iter().zip(raw).enumerate().filter_map(|(index, (coder, value))| match coder {
            Coder::Number { low, high, .. } if value < low || value > high => Some(index),
            _ => None,
        })
    }

    /// Whether a row or window with this observed share can be judged.
    pub(crate) fn state(&self, observed: f32) -> State {
        if f64::from(observed) < self.min_observed || observed == 0.0 {
            State::TooLittleObserved
        } else {
            State::Ready
        }
    }

    /// Encodes raw rows `[N, C]`. Returns the samples and the observed share of each row.
    pub(crate) fn rows(&self, raw: &[f32], n: usize) -> (Samples, Vec<f32>) {
        let columns = self.fields.len();
        let mut values = vec![0.0; n * self.row_width];
        let rows = values.chunks_exact_mut(self.row_width).zip(raw.chunks_exact(columns));
        let shares = rows.map(|(values, raw)| 1.0 - self.encode(raw, values) as f32 / columns as f32);
        let shares: Vec<f32> = shares.collect();
        let observed = shares.iter().any(|&share| share < 1.0).then(|| {
            let mut observed = vec![true; n * self.row_width];
            let rows = observed.chunks_exact_mut(self.row_width).zip(raw.chunks_exact(columns));
            rows.for_each(|(observed, raw)| self.mask(raw, observed));
            Array2::from_shape_vec((n, self.row_width), observed).expect("a row for each row")
        });
        let values = Array2::from_shape_vec((n, self.row_width), values).expect("a row for each row");
        (Samples::complete(values).with_observed(observed), shares)
    }

    /// Like [`Encoder::rows`], in parallel.
    pub(crate) fn many_rows(&self, raw: &[f32]) -> (Samples, Vec<f32>) {
        let columns = self.fields.len();
        let parts: Vec<(Samples, Vec<f32>)> =
            raw.par_chunks(columns * 1024).map(|raw| self.rows(raw, raw.len() / columns)).collect();
        let (samples, shares): (Vec<Samples>, Vec<Vec<f32>>) = parts.into_iter().unzip();
        (Samples::concat(self.row_width, &samples), shares.concat())
    }
}

/// The column of a field in a table, and for categories the schema's code for each code of the table.
pub(super) type Found = (usize, Option<Vec<f32>>);

/// The raw values of a row of a table, `[C]`, for the fields that were found there.
pub(super) fn raw_row<'a>(
    schema: &'a Schema,
    table: &'a Table,
    columns: &'a [Found],
    row: usize,
) -> impl Iterator<Item = f32> + 'a {
    columns.iter().zip(&schema.fields).map(move |((column, codes), field)| {
        let value = table.values[[row, *column]];
        match codes {
            Some(codes) if !value.is_nan() => codes[value as usize],
            _ => field.observed_number(value),
        }
    })
}

impl Schema {
    /// Encodes the given `rows` of a table. For windows, each row gives the window of its group that ends with it.
    ///
    /// # Errors
    /// [`IntakeError::Schema`] if a column is missing, also that of the groups, or its kind has changed.
    pub fn encode(&self, table: &Table, rows: &[usize]) -> Result<EncodedRows, IntakeError> {
        if self.layout == Layout::Windows {
            return self.encode_windows(table, rows);
        }
        let encoder = Encoder::new(self);
        let columns = self.columns_of(table)?;
        let groups = self.groups_of(table)?;
        let raw: Vec<f32> = rows.iter().flat_map(|&row| raw_row(self, table, &columns, row)).collect();
        let (samples, shares) = encoder.many_rows(&raw);
        let note = |(&row, &observed): (&usize, &f32)| RowNote {
            line: table.lines[row],
            observed,
            state: encoder.state(observed),
            group: groups(row),
        };
        let lines = rows.iter().map(|&row| table.lines[row]);
        let notices = self.out_of_range(&encoder, &raw, lines, &mut NoticeLog::default());
        Ok(EncodedRows { samples, rows: rows.iter().zip(&shares).map(note).collect(), notices })
    }

    /// Notices about values of raw rows far outside the training range. Counts all of them in `log`, and
    /// returns the first [`MAX_NOTICES_PER_COLUMN`] of each column.
    pub(crate) fn out_of_range(
        &self,
        encoder: &Encoder,
        raw: &[f32],
        lines: impl Iterator<Item = u64>,
        log: &mut NoticeLog,
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut counts = vec![0u64; self.fields.len()];
        for (raw, line) in raw.chunks_exact(self.fields.len()).zip(lines) {
            for index in encoder.out_of_range(raw) {
                counts[index] += 1;
                let field = &self.fields[index];
                if counts[index] > MAX_NOTICES_PER_COLUMN {
                    log.count_value(&field.name, raw[index]);
                }
                if counts[index] <= MAX_NOTICES_PER_COLUMN
                    && let FieldKind::Number { min, max, .. } = field.kind
                {
                    let (column, value) = (field.name.clone(), raw[index]);
                    let notice = Notice::OutOfRange { line, column, value, min, max };
                    log.add(&notice);
                    notices.push(notice);
                }
            }
        }
        notices
    }

    /// Where each field is found in a table.
    pub(super) fn columns_of(&self, table: &Table) -> Result<Vec<Found>, IntakeError> {
        let differs = |reason: String| IntakeError::Schema { name: table.name.clone(), reason };
        let by_name: HashMap<&str, usize> =
            table.columns.iter().enumerate().map(|(index, column)| (column.name.as_str(), index)).collect();
        let missing = MissingWords::of(&self.missing);
        let find = |field: &crate::schema::Field| {
            let found = by_name.get(field.name.as_str()).copied();
            let index = found.ok_or_else(|| differs(format!("column `{}` is missing", field.name)))?;
            match (&field.kind, &table.columns[index].levels) {
                (FieldKind::Number { .. }, None) => Ok((index, None)),
                (FieldKind::Category { .. }, Some(there)) => {
                    let codes: HashMap<&str, u32> = field.kind.codes().collect();
                    let code = |level: &String| match codes.get(level.as_str()) {
                        Some(&code) => code as f32,
                        None if missing.covers(level.as_bytes()) => f32::NAN,
                        None => UNSEEN,
                    };
                    Ok((index, Some(there.iter().map(code).collect())))
                }
                (FieldKind::Number { .. }, Some(_)) => {
                    Err(differs(format!("column `{}` holds text instead of numbers", field.name)))
                }
                (FieldKind::Category { .. }, None) => {
                    Err(differs(format!("column `{}` holds numbers instead of categories", field.name)))
                }
            }
        };
        self.fields.iter().map(find).collect()
    }

    /// The place of each row's group among those of the schema.
    pub(super) fn groups_of<'t>(
        &self,
        table: &'t Table,
    ) -> Result<impl Fn(usize) -> Option<u32> + use<'t>, IntakeError> {
        if let (Some(group), None) = (&self.group, &table.groups) {
            let reason = format!("column `{}`, which names the group of a row, is missing", group.name);
            return Err(IntakeError::Schema { name: table.name.clone(), reason });
        }
        let own = table.groups.as_ref();
        let places: Vec<Option<u32>> = match (&self.group, own) {
            (Some(group), Some(own)) => own.names.iter().map(|name| group.place(name)).collect(),
            _ => Vec::new(),
        };
        Ok(move |row| places.get(own?.of_row(row)).copied().flatten())
    }

    /// Number of steps missing before each row of a table, according to its times; none before the first of a group.
    pub(super) fn gaps(&self, table: &Table) -> Vec<usize> {
        let mut gaps = Vec::with_capacity(table.len());
        for own in table.stretches() {
            let mut clock = Clock::new(self);
            let stamps = own.map(|row| table.stamps.get(row).copied().unwrap_or(f64::NAN));
            gaps.extend(stamps.map(|stamp| clock.gap_before(stamp)));
        }
        gaps
    }
}
