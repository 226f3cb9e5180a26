//! Which rows do what.

use super::report::TestFigures;
use super::{Encoded, FitConfig, FitError};
use crate::calibration::Calibration;
use crate::scorer::Scorer;
use crate::threshold::Rule;
use ae_datasets::Samples;
use ae_datasets::intake::{
    Layout, Notice, RawTable, Schema, Shares, State, split_rows, split_time, split_windows, window_ends,
};

/// Share of the steps that the length of windows is chosen by.
const FIRST: f64 = 0.4;
/// Rows of which alarms show the nearest.
const REFERENCES: usize = 1000;
/// Share of the normal rows that is locked away where there are labels and nothing is said.
const TEST: f64 = 0.15;
/// Share of the normal rows that is calibrated on, unless the rule needs more.
const CALIBRATION: f64 = 0.25;
/// Fewest rows of which enough was observed, of training, validation and calibration.
const FEWEST: [usize; 3] = [8, 2, 8];

/// Rows of the table (last steps, for windows) by what they are for.
pub(super) struct Parts {
    /// What scaling is learned from: training rows, or the time steps of training windows.
    pub(super) learn: Vec<usize>,
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    pub(super) calibration: Vec<usize>,
    /// Normal rows that nothing was done with, and every anomalous one, ascending.
    pub(super) test: Vec<usize>,
    /// Normal rows (windows) in all.
    pub(super) normal: usize,
}

/// The usual shares, with as much to calibrate as the rule needs, up to a half of the normal rows.
fn shares_for(table: &RawTable, rule: Rule) -> Shares {
    let rows = rows_to_split(table);
    let needed = rows_to_calibrate(rule) / rows.max(1.0);
    let calibration = if needed > CALIBRATION && needed <= 0.5 { needed } else { CALIBRATION };
    let rest = 1.0 - calibration;
    Shares { train: 0.8 * rest, validation: 0.2 * rest, calibration, test: 0.0 }
}

/// Normal rows that are split, about.
fn rows_to_split(table: &RawTable) -> f64 {
    let window = table.config.window.filter(|_| table.layout == Layout::Windows);
    // Windows lose a gap between two parts, and the first steps of each.
    let lost = window.map_or(0, |window| 6 * window);
    let rows = match window {
        Some(window) if table.labels.is_some() => table.normal_window_ends(0..table.len(), window, 1).len(),
        _ => table.normal_rows().len(),
    };
    let rows = rows.saturating_sub(lost) as f64;
    if table.labels.is_some() { rows * (1.0 - TEST) } else { rows }
}

/// Rows that can be calibrated on at most.
pub(super) fn rows_for_calibration(table: &RawTable) -> f64 {
    0.5 * rows_to_split(table)
}

/// Rows that a rule needs, and a few more for those of which too little is observed.
pub(super) fn rows_to_calibrate(rule: Rule) -> f64 {
    rule.samples_needed() as f64 * 1.05 + 2.0
}

/// What encoding left out.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) left_out: usize,
    pub(super) notices: Vec<Notice>,
}

/// A table whose windows have a length, which the split needs: chosen from steps that are trained on whatever else is
/// configured, and from no later ones.
pub(super) fn with_window(table: &RawTable) -> Result<RawTable, FitError> {
    let mut table = table.clone();
    if table.layout == Layout::Windows && table.config.window.is_none() {
        let mut first = table.normal_rows();
        first.truncate((first.len() as f64 * FIRST) as usize);
        let learned = Schema::learn(&table, &first)?;
        table.config.window = learned.schema.windows.map(|windows| windows.length);
        let chosen =
            learned.notices.into_iter().filter(|notice| matches!(notice, Notice::WindowChosen { .. }));
        table.notices.extend(chosen);
    }
    Ok(table)
}

impl Parts {
    pub(super) fn of(table: &RawTable, config: &FitConfig, rule: Rule) -> Result<Self, FitError> {
        let mut shares = config.shares.unwrap_or_else(|| shares_for(table, rule));
        if table.labels.is_some() && shares.test == 0.0 {
            shares.test = TEST * (shares.train + shares.validation + shares.calibration) / (1.0 - TEST);
        }
        match table.config.window.filter(|_| table.layout == Layout::Windows) {
            Some(window) => Self::by_time(table, window, shares),
            None => Self::at_random(table, shares, config.seed),
        }
    }

    fn at_random(table: &RawTable, shares: Shares, seed: u64) -> Result<Self, FitError> {
        let normal = table.normal_rows();
        let split = split_rows(normal.len(), seed, shares)?;
        let rows = |places: &[usize]| -> Vec<usize> { places.iter().map(|&place| normal[place]).collect() };
        let mut test = rows(&split.test);
        if let Some(labels) = &table.labels {
            test.extend((0..table.len()).filter(|&row| !labels.normal[row]));
            test.sort_unstable();
        }
        let train = rows(&split.train);
        Ok(Parts {
            learn: train.clone(),
            train,
            validation: rows(&split.validation),
            calibration: rows(&split.calibration),
            test,
            normal: normal.len(),
        })
    }

    /// In the order of time. Where there are labels, by the windows of normal steps alone: an anomalous stretch, wherever
    /// it lies, is in no part but the locked one.
    fn by_time(table: &RawTable, window: usize, shares: Shares) -> Result<Self, FitError> {
        let Some(labels) = &table.labels else { return Self::unlabelled(table, window, shares) };
        let normal = &labels.normal;
        let [train, validation, calibration, test] =
            split_windows(normal, window, table.config.stride, shares)?;
        let steps = |ends: &[usize]| match ends {
            [first, .., last] => first + 1 - window..last + 1,
            [only] => only + 1 - window..only + 1,
            [] => table.len()..table.len(),
        };
        let learn = steps(&train).filter(|&row| normal[row]).collect();
        // Behind the calibration steps all is looked at, before them only what ends with an anomalous step.
        let locked = steps(&test).start;
        let test =
            (window - 1..table.len()).filter(|&end| end + 1 - window >= locked || !normal[end]).collect();
        let normal = train.len() + validation.len() + calibration.len();
        Ok(Parts { learn, train, validation, calibration, test, normal })
    }

    fn unlabelled(table: &RawTable, window: usize, shares: Shares) -> Result<Self, FitError> {
        let [train, validation, calibration, _] = split_time(table.len(), window, shares)?;
        let learn = train.clone().collect();
        let train = window_ends(train, window, table.config.stride);
        let (validation, calibration) =
            (window_ends(validation, window, 1), window_ends(calibration, window, 1));
        let normal = train.len() + validation.len() + calibration.len();
        Ok(Parts { learn, train, validation, calibration, test: Vec::new(), normal })
    }

    pub(super) fn share_of_calibration(&self) -> f64 {
        self.calibration.len() as f64 / self.normal.max(1) as f64
    }

    /// The rows of each part of which enough was observed.
    pub(super) fn encode(
        &self,
        schema: &Schema,
        table: &RawTable,
        config: &FitConfig,
    ) -> Result<(Encoded, Kept), FitError> {
        let mut kept = Kept::default();
        let mut part = |rows: &[usize], part, needed| -> Result<Samples, FitError> {
            let encoded = schema.encode(table, rows)?;
            let ready: Vec<usize> =
                (0..rows.len()).filter(|&at| encoded.rows[at].state == State::Ready).collect();
            if ready.len() < needed {
                let min_observed = config.input.min_observed;
                return Err(FitError::TooLittleObserved { part, got: ready.len(), needed, min_observed });
            }
            kept.left_out += rows.len() - ready.len();
            kept.notices.extend(encoded.notices);
            match ready.len() == rows.len() {
                true => Ok(encoded.samples),
                false => Ok(encoded.samples.select(&ready)),
            }
        };
        let encoded = Encoded {
            train: part(&self.train, "the training part", FEWEST[0])?,
            validation: part(&self.validation, "the validation part", FEWEST[1])?,
            calibration: part(&self.calibration, "the calibration part", FEWEST[2])?,
        };
        Ok((encoded, kept))
    }

    /// The locked rows, scored once.
    pub(super) fn judge_test(
        &self,
        schema: &Schema,
        table: &RawTable,
        scorer: &dyn Scorer,
        calibration: &Calibration,
    ) -> Result<Option<TestFigures>, FitError> {
        let Some(labels) = table.labels.as_ref().filter(|_| !self.test.is_empty()) else { return Ok(None) };
        let encoded = schema.encode(table, &self.test)?;
        let ready: Vec<usize> =
            (0..self.test.len()).filter(|&at| encoded.rows[at].state == State::Ready).collect();
        let truth: Vec<bool> = ready.iter().map(|&at| !labels.normal[self.test[at]]).collect();
        let scores = scorer.scores(&encoded.samples.select(&ready))?;
        let flagged: Vec<bool> =
            scores.iter().map(|&score| calibration.threshold().is_anomalous(score)).collect();
        Ok(Some(TestFigures::of(&scores, &flagged, &truth)))
    }
}

/// A bounded set of training rows, spread evenly over them.
pub(super) fn references(train: &Samples) -> Samples {
    let n = train.len();
    let rows: Vec<usize> = (0..n.min(REFERENCES)).map(|at| at * n / n.min(REFERENCES)).collect();
    train.select(&rows)
}
