//! The first two stages: splits the rows of a table by purpose, and encodes them.

use super::damage::Form;
use super::prepared::PreparedRows;
use super::report::TestFigures;
use super::stretches::{self, Parts};
use super::{FitConfig, FitError, Store, crossed};
use crate::calibrated::CalibratedScorer;
use crate::calibration::Rule;
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_intake::{EncodedRows, Layout, Notice, Schema, Shares, State, Table, evenly_spaced};
use std::ops::Range;

/// Share of the steps from which the window length is chosen, and the same if all windows are learned from. A plain window
/// has a seventh of them.
const WINDOW_SHARE: f64 = 0.4;
const CROSSED_WINDOW_SHARE: f64 = 0.7;
/// Most reference rows; an alarm shows the nearest one.
const MAX_REFERENCES: usize = 1000;
/// Default share of the normal rows that is locked away if there are labels.
const TEST_SHARE: f64 = 0.15;
/// Share of the normal rows used for calibration, unless the rule needs more.
const CALIBRATION_SHARE: f64 = 0.25;
/// Fewest rows with enough observed values in training, validation and calibration.
pub(super) const MIN_ROWS: [usize; 3] = [8, 2, 8];

/// Rows of a table, split by purpose. A window is represented by its last step.
#[derive(Clone, Debug)]
pub struct TableSplit {
    /// The table; the length of windows is set.
    pub table: Table,
    /// Rows from which scaling is learned: training rows, or the time steps of training windows.
    pub learn: Vec<usize>,
    /// Rows that the model learns from.
    pub train: Vec<usize>,
    /// Rows for early stopping and for comparing detectors.
    pub validation: Vec<usize>,
    /// Rows for the threshold.
    pub calibration: Vec<usize>,
    /// Locked rows, ascending: held-out normal rows and every anomalous row. Empty without labels.
    pub test: Vec<usize>,
    /// Number of normal rows or windows that were split.
    pub normal: usize,
    /// Whether the calibration rows are all rows, those to learn from as well.
    pub is_crossed: bool,
}

/// The rows of a split, encoded.
#[derive(Debug)]
pub struct EncodedSplit {
    /// The columns, learned from training rows alone.
    pub schema: Schema,
    /// The rows with enough observed values.
    pub rows: PreparedRows,
    /// The row of the table behind each training row.
    pub trained_on: Vec<usize>,
    /// The row of the table behind each calibration row.
    pub calibrated_on: Vec<usize>,
    /// Number of rows that were left out because too little of them was observed.
    pub left_out: usize,
    /// Peculiarities of the data.
    pub notices: Vec<Notice>,
}

/// The default shares of a stretch of rows, with as many calibration rows as the rule needs, up to half of the normal
/// rows. If a group has too few, all groups together, which have `all` rows, get as many.
fn shares_for(table: &Table, rule: Rule, own: Range<usize>, all: f64) -> Shares {
    let needed = [rows_of_stretch(table, own), all]
        .map(|rows| rows_to_calibrate(table, rule) / rows.max(1.0))
        .into_iter()
        .find(|needed| *needed <= 0.5);
    let calibration = needed.unwrap_or(CALIBRATION_SHARE).max(CALIBRATION_SHARE);
    let rest = 1.0 - calibration;
    Shares { train: 0.8 * rest, validation: 0.2 * rest, calibration, test: 0.0 }
}

/// Approximate number of normal rows to split.
fn rows_to_split(table: &Table) -> f64 {
    table.stretches().into_iter().map(|own| rows_of_stretch(table, own)).sum()
}

/// Approximate number of normal rows to split in a stretch of rows, such as those of a group.
fn rows_of_stretch(table: &Table, own: Range<usize>) -> f64 {
    let window = table.config.window.filter(|_| table.layout == Layout::Windows);
    // Windows lose a gap between parts, and the first steps of each part.
    let lost = window.map_or(0, |window| 6 * window);
    let rows = match window {
        Some(window) if table.labels.is_some() => table.normal_window_ends(own, window, 1).len(),
        _ => table
            .labels
            .as_ref()
            .map_or(own.len(), |labels| labels.normal[own.clone()].iter().filter(|&&normal| normal).count()),
    };
    let rows = rows.saturating_sub(lost) as f64;
    if table.labels.is_some() { rows * (1.0 - TEST_SHARE) } else { rows }
}

/// Most rows available for calibration.
pub(super) fn rows_for_calibration(table: &Table, config: &FitConfig) -> f64 {
    match table.config.window.filter(|window| is_crossed(table, config, *window)) {
        Some(window) => (table.len() + 1 - window) as f64,
        None => 0.5 * rows_to_split(table),
    }
}

/// Whether all windows of this length are to learn from and for calibration.
fn is_crossed(table: &Table, config: &FitConfig, window: usize) -> bool {
    may_be_crossed(table, config) && crossed::is_possible(table.len(), window)
}

/// The same for windows of some length.
fn may_be_crossed(table: &Table, config: &FitConfig) -> bool {
    let is_plain = config.store == Store::Blend && config.shares.is_none() && config.robust.is_none();
    let is_one = table.labels.is_none() && table.groups.is_none() && table.stretches().len() == 1;
    let are_windows = table.layout == Layout::Windows && table.config.stride <= 1;
    is_plain && is_one && are_windows && table.len() <= crossed::MAX_STEPS
}

/// Rows that a rule needs, plus a margin for rows with too little observed. From windows that share steps, a low rate
/// needs several that do not: with fewer, the threshold would lie far above every score.
pub(super) fn rows_to_calibrate(table: &Table, rule: Rule) -> f64 {
    let window = table.config.window.filter(|_| table.layout == Layout::Windows);
    let rows = match (window, rule) {
        (Some(window), Rule::FalseAlarmRate { rate }) => {
            window as f64
                * FEWEST_BLOCKS.iter().find(|(from, _)| rate >= *from).map_or(5.0, |(_, blocks)| *blocks)
        }
        (Some(window), _) => rule.windows_needed(window) as f64,
        (None, _) => rule.samples_needed() as f64,
    };
    rows * 1.05 + 2.0
}

/// From a rate on, the fewest windows without a common step that a series is calibrated on by default.
const FEWEST_BLOCKS: [(f64, f64); 3] = [(0.05, 2.0), (0.02, 4.0), (0.0, 5.0)];

/// The table with a window length, which the split needs. It is chosen only from the first steps, which belong to the
/// training part under any configuration of this share.
fn with_window(table: &Table, share: f64) -> Result<Table, FitError> {
    let mut table = table.clone();
    if table.layout == Layout::Windows && table.config.window.is_none() {
        let learned = Schema::learn(&table, &first_steps(&table, share))?;
        table.config.window = learned.schema.windows.map(|windows| windows.length);
        let chosen =
            learned.notices.into_iter().filter(|notice| matches!(notice, Notice::WindowChosen { .. }));
        table.notices.extend(chosen);
    }
    Ok(table)
}

/// The normal time steps of a series from which the length of its windows is chosen: early ones, which belong to the
/// training part under any configuration.
pub fn steps_for_window(table: &Table) -> Vec<usize> {
    first_steps(table, WINDOW_SHARE)
}

fn first_steps(table: &Table, share: f64) -> Vec<usize> {
    let mut first = table.normal_rows();
    first.truncate((first.len() as f64 * share) as usize);
    first
}

impl TableSplit {
    /// Splits as configured, by default with as many calibration rows as the rule needs, in each group if there are
    /// groups. If there are labels, part of the normal rows is always locked away.
    ///
    /// # Errors
    /// Too few rows, or a budget per period without timestamps.
    pub fn of(table: &Table, config: &FitConfig) -> Result<(Self, Rule), FitError> {
        config.check()?;
        // Only a short series is copied and looked at for this.
        if may_be_crossed(table, config) {
            let crossed = with_window(table, CROSSED_WINDOW_SHARE)?;
            if let Some(window) = crossed.config.window.filter(|window| is_crossed(&crossed, config, *window))
            {
                let parts = stretches::crossed(&crossed, window);
                let rule = config.rule(&crossed)?;
                let normal = parts.calibration.len();
                return Ok((TableSplit { is_crossed: true, normal, ..Self::new(crossed, parts) }, rule));
            }
        }
        let table = with_window(table, WINDOW_SHARE)?;
        let rule = config.rule(&table)?;
        let all = rows_to_split(&table);
        let shares = |own: Range<usize>| {
            let mut shares = config.shares.unwrap_or_else(|| shares_for(&table, rule, own, all));
            if table.labels.is_some() && shares.test == 0.0 {
                shares.test =
                    TEST_SHARE * (shares.train + shares.validation + shares.calibration) / (1.0 - TEST_SHARE);
            }
            shares
        };
        let parts = Self::parts(&table, shares, config.seed)?;
        Ok((Self::new(table, parts), rule))
    }

    /// Splits by these shares: rows at random by the seed, windows in order of time; each group by itself.
    ///
    /// # Errors
    /// Too few rows.
    pub fn by_shares(table: Table, shares: Shares, seed: u64) -> Result<Self, FitError> {
        let table = with_window(&table, WINDOW_SHARE)?;
        let parts = Self::parts(&table, |_| shares, seed)?;
        Ok(Self::new(table, parts))
    }

    /// Splits by the shares of each stretch of rows; the length of windows must be set.
    fn parts(table: &Table, shares: impl Fn(Range<usize>) -> Shares, seed: u64) -> Result<Parts, FitError> {
        match table.config.window.filter(|_| table.layout == Layout::Windows) {
            Some(window) => stretches::by_time(table, window, shares),
            None => stretches::at_random(table, shares, seed),
        }
    }

    fn new(table: Table, parts: Parts) -> Self {
        let Parts { learn, train, validation, calibration, test } = parts;
        let normal = match table.layout {
            Layout::Windows => train.len() + validation.len() + calibration.len(),
            _ => table.normal_rows().len(),
        };
        TableSplit { table, learn, train, validation, calibration, test, normal, is_crossed: false }
    }

    /// Share of the normal rows used for calibration.
    pub(super) fn share_of_calibration(&self) -> f64 {
        self.calibration.len() as f64 / self.normal.max(1) as f64
    }

    /// Learns the columns from the training rows, and encodes the rows of each part with enough observed
    /// values.
    ///
    /// # Errors
    /// Too few such rows, or columns that nothing can be learned from.
    pub fn encode(&self) -> Result<EncodedSplit, FitError> {
        let learned = Schema::learn(&self.table, &self.learn)?;
        let schema = learned.schema;
        let (mut left_out, mut notices) = (0, learned.notices);
        let most = self.rows_in_memory(&schema);
        let mut spacing = 1;
        let mut part =
            |rows: &[usize], part: &'static str, needed| -> Result<(Samples, Vec<usize>), FitError> {
                let thinned = evenly_spaced(rows, most);
                spacing = rows.len() / thinned.len().max(1);
                if thinned.len() < rows.len() {
                    let (used, of) = (thinned.len(), rows.len());
                    notices.push(Notice::Thinned { part: part.into(), used, of });
                }
                let rows = thinned.as_slice();
                let encoded = schema.encode(&self.table, rows)?;
                let ready = ready(&encoded);
                if ready.len() < needed {
                    let (part, min_observed) = (format!("the {part} part"), self.table.config.min_observed);
                    return Err(FitError::TooLittleObserved { part, got: ready.len(), needed, min_observed });
                }
                left_out += rows.len() - ready.len();
                notices.extend(encoded.notices);
                let all = ready.len() == rows.len();
                let samples = if all { encoded.samples } else { encoded.samples.select(&ready) };
                Ok((samples, ready.iter().map(|&at| rows[at]).collect()))
            };
        let (train, trained_on) = part(&self.train, "training", MIN_ROWS[0])?;
        let (validation, _) = part(&self.validation, "validation", MIN_ROWS[1])?;
        // Last, because its spacing is what remains.
        let (calibration, calibrated_on) = part(&self.calibration, "calibration", MIN_ROWS[2])?;
        let overlap = schema.windows.map_or(1, |windows| windows.length.div_ceil(spacing.max(1)));
        let (shape, form) = (shape(&schema), Form::of(&schema));
        let rows = PreparedRows { train, validation, calibration, overlap, shape, form };
        Ok(EncodedSplit { schema, rows, trained_on, calibrated_on, left_out, notices })
    }

    /// How many encoded rows of a part may be held in memory. Overlapping windows, and categories with many values,
    /// take many times what the table takes.
    fn rows_in_memory(&self, schema: &Schema) -> usize {
        self.table.memory.encoded_rows(schema.width()).max(MIN_ROWS[0])
    }

    /// Scores those of these rows of the table that have enough observed values, and returns them with their scores. Only a few
    /// encoded rows are held at a time.
    pub(super) fn score(
        &self,
        schema: &Schema,
        score: impl Fn(&Samples, &[usize]) -> Result<Vec<f64>, ScorerError>,
        rows: &[usize],
    ) -> Result<(Vec<usize>, Vec<f64>), FitError> {
        let (mut judged, mut scores) = (Vec::new(), Vec::new());
        for rows in rows.chunks(self.rows_in_memory(schema)) {
            let encoded = schema.encode(&self.table, rows)?;
            let ready = ready(&encoded);
            let rows: Vec<usize> = ready.iter().map(|&at| rows[at]).collect();
            scores.extend(score(&encoded.samples.select(&ready), &rows)?);
            judged.extend(rows);
        }
        Ok((judged, scores))
    }

    /// The lines of two rows of the table in words, with their times if these are dates.
    pub(super) fn place(&self, first: usize, last: usize) -> String {
        let table = &self.table;
        let line = |row: usize| match table.date(row) {
            Some(date) => format!("line {} ({date})", table.lines[row]),
            None => format!("line {}", table.lines[row]),
        };
        match table.layout {
            Layout::Windows => format!("from {} to {}", line(first), line(last)),
            _ => format!("such as that of {}", line(first)),
        }
    }

    /// Scores the locked rows, once.
    pub(super) fn judge_test(
        &self,
        schema: &Schema,
        scorer: &CalibratedScorer,
    ) -> Result<Option<TestFigures>, FitError> {
        let Some(labels) = self.table.labels.as_ref().filter(|_| !self.test.is_empty()) else {
            return Ok(None);
        };
        let of_rows =
            |samples: &Samples, rows: &[usize]| scorer.scores(samples, |at| self.table.group_of(rows[at]));
        let (rows, scores) = self.score(schema, of_rows, &self.test)?;
        let truth: Vec<bool> = rows.iter().map(|&row| !labels.normal[row]).collect();
        let is_anomalous = |(&row, &score): (&usize, &f64)| {
            scorer.calibration_of(self.table.group_of(row)).threshold().is_anomalous(score)
        };
        let flagged: Vec<bool> = rows.iter().zip(&scores).map(is_anomalous).collect();
        Ok(Some(TestFigures::of(&scores, &flagged, &truth)))
    }
}

/// Positions of the rows with enough observed values; the others cannot be judged.
pub fn ready(encoded: &EncodedRows) -> Vec<usize> {
    (0..encoded.rows.len()).filter(|&at| encoded.rows[at].state == State::Ready).collect()
}

/// Shape of a sample: `[D]`, or `[T, F]` for windows of several channels.
fn shape(schema: &Schema) -> Vec<usize> {
    match schema.windows.filter(|_| schema.row_width() > 1) {
        Some(windows) => vec![windows.length, schema.row_width()],
        None => vec![schema.width()],
    }
}

/// A bounded number of training rows, evenly spaced.
pub(super) fn references(train: &Samples) -> Samples {
    train.select(&evenly_spaced(&(0..train.len()).collect::<Vec<_>>(), MAX_REFERENCES))
}
