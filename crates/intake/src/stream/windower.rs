//! Cuts time steps into windows; the same code for files and streams.

use crate::Samples;
use crate::schema::encode::{Encoder, MAX_SCALED_VALUE, RowNote, State};
use crate::schema::{Schema, SchemaError};
use crate::text::parse::RawBlock;
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Counts the steps that are missing before each time; follows one stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    step: Option<f64>,
    longest: usize,
    last: Option<f64>,
    /// Number of steps without a time since the last one with a time.
    without: usize,
}

impl Clock {
    /// Before the first step of a stream with this schema.
    pub fn new(schema: &Schema) -> Self {
        let step = schema.timestamp.as_ref().and_then(|stamp| stamp.step);
        Clock { step, longest: schema.windows.map_or(0, |windows| windows.length), last: None, without: 0 }
    }

    /// Whether a stored clock can be one of a stream with this schema.
    pub fn fits(&self, schema: &Schema) -> bool {
        let Clock { step, longest, last, without } = self;
        let new = Clock::new(schema);
        (*step, *longest) == (new.step, new.longest)
            && last.is_none_or(f64::is_finite)
            && *without <= new.longest
    }

    /// Number of steps missing before this time, at most the length of a window; 0 before a step without a
    /// time, which is NaN or infinite.
    pub fn gap_before(&mut self, stamp: f64) -> usize {
        if !stamp.is_finite() {
            self.without = (self.without + 1).min(self.longest);
            return 0;
        }
        let (before, without) = (self.last.replace(stamp), std::mem::take(&mut self.without));
        let (Some(step), Some(before)) = (self.step, before) else { return 0 };
        let steps = ((stamp - before) / step).round();
        // The cast saturates if the number is negative or too large.
        (steps as usize).saturating_sub(1 + without).min(self.longest)
    }
}

/// Takes encoded time steps, and holds the window that ends with the latest.
#[derive(Clone, Debug)]
pub(crate) struct Windower {
    length: usize,
    width: usize,
    /// Steps, the newest last; more than a window, so that old ones are removed rarely.
    values: Vec<f32>,
    observed: Vec<bool>,
    /// Observed share of the columns in each step.
    shares: Vec<f32>,
    /// Number of steps so far, at most the length of a window.
    filled: usize,
    pub(crate) clock: Clock,
}

/// The steps from which the next window continues: the state needed to resume an interrupted stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowState {
    /// Number of steps so far, at most the length of a window.
    filled: usize,
    /// `[filled, row_width]`, the newest last.
    values: Vec<f32>,
    /// `[filled, row_width]`.
    observed: Vec<bool>,
    /// `[filled]`.
    shares: Vec<f32>,
    /// The last time.
    last: Option<f64>,
    /// Number of steps without a time since then.
    without: usize,
}

impl Windower {
    pub(crate) fn new(schema: &Schema) -> Self {
        let length = schema.windows.map_or(1, |windows| windows.length);
        let width = schema.row_width();
        Windower {
            length,
            width,
            values: vec![0.0; length * width],
            observed: vec![false; length * width],
            shares: vec![0.0; length],
            filled: 0,
            clock: Clock::new(schema),
        }
    }

    /// Number of values of a window.
    pub(crate) fn size(&self) -> usize {
        self.length * self.width
    }

    /// Memory that the steps of one window take at most, in bytes.
    pub(crate) fn most_bytes(schema: &Schema) -> usize {
        let steps = 4 * schema.windows.map_or(1, |windows| windows.length) + 64;
        let step = schema.row_width() * (size_of::<f32>() + size_of::<bool>()) + size_of::<f32>();
        steps.saturating_mul(step)
    }

    pub(crate) fn state(&self) -> WindowState {
        let from = (self.shares.len() - self.filled) * self.width;
        WindowState {
            filled: self.filled,
            values: self.values[from..].to_vec(),
            observed: self.observed[from..].to_vec(),
            shares: self.shares[self.shares.len() - self.filled..].to_vec(),
            last: self.clock.last,
            without: self.clock.without,
        }
    }

    pub(crate) fn restore(schema: &Schema, state: &WindowState) -> Result<Self, SchemaError> {
        let mut windower = Windower::new(schema);
        let size = state.filled.checked_mul(windower.width);
        let fits = state.filled <= windower.length
            && size == Some(state.values.len())
            && size == Some(state.observed.len())
            && state.filled == state.shares.len()
            && state.without <= windower.length
            && state.last.is_none_or(f64::is_finite)
            && state.values.iter().all(|value| value.abs() <= MAX_SCALED_VALUE)
            && state.values.iter().zip(&state.observed).all(|(&value, &observed)| observed || value == 0.0)
            && state.shares.iter().all(|share| (0.0..=1.0).contains(share));
        if !fits {
            let reason = "the saved stream state does not match this schema; start the stream over";
            return Err(SchemaError { reason: reason.into() });
        }
        windower.values.extend_from_slice(&state.values);
        windower.observed.extend_from_slice(&state.observed);
        windower.shares.extend_from_slice(&state.shares);
        windower.filled = state.filled;
        windower.clock.last = state.last;
        windower.clock.without = state.without;
        Ok(windower)
    }

    /// The time of the newest step with a time.
    pub(crate) fn last_time(&self) -> Option<f64> {
        self.clock.last
    }

    /// Adds the steps of some lines of a stream, and returns the window that ends with each. A bad line is a
    /// step without observed values.
    pub(crate) fn cut(
        &mut self,
        encoder: &Encoder,
        raw: &RawBlock,
        encoded: &Samples,
        shares: &[f32],
    ) -> (Samples, Vec<RowNote>) {
        let (n, size) = (raw.lines.len(), self.length * self.width);
        let mut values = vec![0.0; n * size];
        let mut observed = vec![false; n * size];
        let windows = values.chunks_exact_mut(size).zip(observed.chunks_exact_mut(size));
        let mut rows = Vec::with_capacity(n);
        let mut bad = raw.bad.iter().map(|bad| bad.line).peekable();
        for (row, (values, observed)) in windows.enumerate() {
            let line = raw.lines[row];
            while bad.next_if(|&bad| bad < line).is_some() {
                self.push_nothing();
            }
            let (step, mask) = step_of(encoded, row);
            let gap = self.clock.gap_before(raw.stamps[row]);
            self.push(step, mask, shares[row], gap);
            rows.push(self.write(values, observed, encoder, line));
        }
        bad.for_each(|_| self.push_nothing());
        (samples(values, observed, n, size), rows)
    }

    fn push_nothing(&mut self) {
        self.clock.gap_before(f64::NAN);
        self.push_gap(1);
    }

    /// Adds the next step, `[row_width]`, after `gap` missing steps. `observed` is `None` if all of it was
    /// observed.
    pub(crate) fn push(&mut self, values: &[f32], observed: Option<&[bool]>, share: f32, gap: usize) {
        self.push_gap(gap);
        self.values.extend_from_slice(values);
        match observed {
            Some(observed) => self.observed.extend_from_slice(observed),
            None => self.observed.resize(self.observed.len() + self.width, true),
        }
        self.shares.push(share);
        self.filled = (self.filled + 1).min(self.length);
        self.forget();
    }

    fn push_gap(&mut self, steps: usize) {
        self.values.resize(self.values.len() + steps * self.width, 0.0);
        self.observed.resize(self.observed.len() + steps * self.width, false);
        self.shares.resize(self.shares.len() + steps, 0.0);
        self.filled = (self.filled + steps).min(self.length);
        self.forget();
    }

    fn forget(&mut self) {
        if self.shares.len() > 4 * self.length + 64 {
            let old = self.shares.len() - self.length;
            self.values.drain(..old * self.width);
            self.observed.drain(..old * self.width);
            self.shares.drain(..old);
        }
    }

    /// Writes the window that ends with the last step, `[length * row_width]`, and returns its note.
    pub(crate) fn write(
        &self,
        values: &mut [f32],
        observed: &mut [bool],
        encoder: &Encoder,
        line: u64,
    ) -> RowNote {
        let from = (self.shares.len() - self.length) * self.width;
        values.copy_from_slice(&self.values[from..]);
        observed.copy_from_slice(&self.observed[from..]);
        // Always summed from newest to oldest: a detector's file fixes the results, including their rounding.
        let shares = self.shares.iter().rev().take(self.length);
        let observed = (shares.map(|&share| f64::from(share)).sum::<f64>() / self.length as f64) as f32;
        let state = if self.filled < self.length { State::WarmingUp } else { encoder.state(observed) };
        RowNote { line, observed, state, group: None }
    }
}

/// Some consecutive time steps of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps<'a> {
    /// Position of the first step in the file.
    pub first: usize,
    /// `[N, row_width]`.
    pub encoded: &'a Samples,
    /// `[N]`, observed share of the columns.
    pub shares: &'a [f32],
    /// `[N]`, number of steps missing before each step.
    pub gaps: &'a [usize],
    /// `[N]`, line of each step.
    pub lines: &'a [u64],
    /// The first step of each group, ascending. No window has steps of two groups.
    pub starts: &'a [usize],
}

impl Steps<'_> {
    /// Writes the windows that end with these steps of the file into `values` and `observed`, `[n, D]`.
    pub(crate) fn cut(
        &self,
        schema: &Schema,
        encoder: &Encoder,
        ends: &[usize],
        values: &mut [f32],
        observed: &mut [bool],
    ) -> Vec<RowNote> {
        let size = schema.width();
        let mut windower = Windower::new(schema);
        let mut next = 0;
        let mut rows = Vec::with_capacity(ends.len());
        let windows = values.chunks_exact_mut(size).zip(observed.chunks_exact_mut(size));
        for (&end, (values, observed)) in ends.iter().zip(windows) {
            let start = self.starts[..self.starts.partition_point(|&start| start <= end)].last();
            let from = (end + 1).saturating_sub(windower.length).max(start.copied().unwrap_or(0));
            if end < next || next <= from {
                // All steps of the window are read anew, so no earlier state is needed.
                windower = Windower::new(schema);
                next = from;
            }
            for step in next - self.first..=end - self.first {
                let (values, mask) = step_of(self.encoded, step);
                windower.push(values, mask, self.shares[step], self.gaps[step]);
            }
            next = end + 1;
            rows.push(windower.write(values, observed, encoder, self.lines[end - self.first]));
        }
        rows
    }
}

/// Values and mask of a step.
pub(crate) fn step_of(encoded: &Samples, step: usize) -> (&[f32], Option<&[bool]>) {
    let values = encoded.values.row(step).to_slice().expect("encoded rows are contiguous");
    let mask = encoded.observed.as_ref();
    (values, mask.map(|mask| mask.row(step).to_slice().expect("masks are contiguous")))
}

/// `n` windows of `size` values; without a mask if all were observed.
pub(crate) fn samples(values: Vec<f32>, observed: Vec<bool>, n: usize, size: usize) -> Samples {
    let is_complete = observed.par_iter().all(|&observed| observed);
    let mask = || Array2::from_shape_vec((n, size), observed).expect("a window a row");
    let mask = (!is_complete).then(mask);
    Samples::complete(Array2::from_shape_vec((n, size), values).expect("a window a row")).with_observed(mask)
}
