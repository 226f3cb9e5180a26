//! Time steps to windows, one at a time, in bounded memory.

use crate::schema::encode::{Encoder, RowNote, State};
use crate::schema::{Schema, SchemaError};
use serde::{Deserialize, Serialize};

/// Tells from times how many steps are missing before each.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    step: Option<f64>,
    longest: usize,
    last: Option<f64>,
    /// Steps without a time since the last that has one.
    without: usize,
}

impl Clock {
    pub(crate) fn new(schema: &Schema) -> Self {
        let step = schema.timestamp.as_ref().and_then(|stamp| stamp.step);
        Clock { step, longest: schema.windows.map_or(0, |windows| windows.length), last: None, without: 0 }
    }

    /// Steps that are missing before this time, at most as many as a window has.
    pub(crate) fn gap_before(&mut self, stamp: f64) -> usize {
        if !stamp.is_finite() {
            self.without = (self.without + 1).min(self.longest);
            return 0;
        }
        let (before, without) = (self.last.replace(stamp), std::mem::take(&mut self.without));
        let (Some(step), Some(before)) = (self.step, before) else { return 0 };
        let steps = ((stamp - before) / step).round();
        // A cast of what is negative or too large ends at the bounds of the type.
        (steps as usize).saturating_sub(1 + without).min(self.longest)
    }
}

/// Takes encoded time steps and holds the window that ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Windower {
    length: usize,
    width: usize,
    /// Steps, the newest last; more than a window, so that they are moved rarely.
    values: Vec<f32>,
    observed: Vec<bool>,
    /// Share of the columns that were observed, of each step.
    shares: Vec<f32>,
    /// Steps that came, up to a window.
    filled: usize,
    clock: Clock,
}

/// The steps that the next window goes on from: what a stream needs to be gone on with after an interruption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowState {
    /// Steps that came, up to a window.
    filled: usize,
    /// `[filled, row_width]`, the newest last.
    values: Vec<f32>,
    /// `[filled, row_width]`.
    observed: Vec<bool>,
    /// `[filled]`.
    shares: Vec<f32>,
    /// The last time.
    last: Option<f64>,
    /// Steps without a time since.
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
            && state.values.iter().all(|value| value.is_finite())
            && state.shares.iter().all(|share| (0.0..=1.0).contains(share));
        if !fits {
            let reason = "the saved steps of the stream are not those of this schema; start the stream anew";
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

    /// The time of the newest step that has one.
    pub(crate) fn last_time(&self) -> Option<f64> {
        self.clock.last
    }

    /// A line that was no row: a step of which nothing was observed.
    pub(crate) fn push_nothing(&mut self) {
        self.clock.gap_before(f64::NAN);
        self.push_gap(1);
    }

    /// The next step, `[row_width]`, `None` for `observed` where all of it was; and steps that are missing before it.
    pub(crate) fn push(&mut self, values: &[f32], observed: Option<&[bool]>, share: f32, stamp: f64) {
        let gap = self.clock.gap_before(stamp);
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

    /// The window that ends with the last step, `[length * row_width]`, and which of its values were observed.
    pub(crate) fn window(&self) -> (&[f32], &[bool]) {
        let from = (self.shares.len() - self.length) * self.width;
        (&self.values[from..], &self.observed[from..])
    }

    /// What is to be said of that window.
    pub(crate) fn note(&self, encoder: &Encoder, line: u64) -> RowNote {
        // From the newest to the oldest, as where a whole file is cut, so that rounding is the same.
        let shares = self.shares.iter().rev().take(self.length);
        let observed = (shares.map(|&share| f64::from(share)).sum::<f64>() / self.length as f64) as f32;
        let state = if self.filled < self.length { State::WarmingUp } else { encoder.state(observed) };
        RowNote { line, observed, state }
    }
}
