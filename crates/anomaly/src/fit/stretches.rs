//! Splits the rows of each group of a table: no part of one group depends on the rows of another.

use super::FitError;
use ae_intake::{IntakeError, Shares, Table, split_rows, split_time, split_windows, window_ends};
use std::ops::Range;

/// Rows by purpose; see [`TableSplit`](super::TableSplit).
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub learn: Vec<usize>,
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub calibration: Vec<usize>,
    pub test: Vec<usize>,
}

impl Parts {
    fn each(&mut self) -> [&mut Vec<usize>; 5] {
        [&mut self.learn, &mut self.train, &mut self.validation, &mut self.calibration, &mut self.test]
    }

    fn append(&mut self, mut more: Parts) {
        self.each().into_iter().zip(more.each()).for_each(|(own, more)| own.append(more));
    }

    /// Puts the parts of each stretch together. A stretch that is too short to be split is for training only: it is
    /// calibrated by the others.
    fn of(
        table: &Table,
        split: impl Fn(Range<usize>) -> Result<Parts, IntakeError>,
        whole: impl Fn(Range<usize>) -> Parts,
    ) -> Result<Self, FitError> {
        let (mut all, mut longest) = (Parts::default(), None);
        let mut stretches = table.stretches();
        // The error is that of the longest, which is closest to being long enough.
        stretches.sort_by_key(|own| std::cmp::Reverse(own.len()));
        for own in stretches {
            match split(own.clone()) {
                Ok(parts) => {
                    longest = Some(Ok(()));
                    all.append(parts);
                }
                Err(error @ (IntakeError::TooFewRows { .. } | IntakeError::TooFewWindows { .. })) => {
                    longest = longest.or(Some(Err(error)));
                    all.append(whole(own));
                }
                Err(error) => return Err(error.into()),
            }
        }
        longest.unwrap_or(Ok(()))?;
        all.each().into_iter().for_each(|part| part.sort_unstable());
        Ok(all)
    }
}

/// Splits the rows of each group at random. The rows of groups that are too small for that are split as if they were
/// one group.
pub(super) fn at_random(
    table: &Table,
    shares: impl Fn(Range<usize>) -> Shares,
    seed: u64,
) -> Result<Parts, FitError> {
    let is_normal = |row: usize| table.labels.as_ref().is_none_or(|labels| labels.normal[row]);
    let split = |rows: &[usize], shares| -> Result<Parts, IntakeError> {
        let split = split_rows(rows.len(), seed, shares)?;
        let of = |places: &[usize]| -> Vec<usize> { places.iter().map(|&place| rows[place]).collect() };
        let train = of(&split.train);
        Ok(Parts {
            learn: train.clone(),
            train,
            validation: of(&split.validation),
            calibration: of(&split.calibration),
            test: of(&split.test),
        })
    };
    let (mut all, mut others) = (Parts::default(), Vec::new());
    for own in table.stretches() {
        let rows: Vec<usize> = own.clone().filter(|&row| is_normal(row)).collect();
        match split(&rows, shares(own)) {
            Ok(parts) => all.append(parts),
            Err(IntakeError::TooFewRows { .. }) => others.extend(rows),
            Err(error) => return Err(error.into()),
        }
    }
    if all.train.is_empty() || !others.is_empty() {
        match split(&others, shares(0..table.len())) {
            Ok(parts) => all.append(parts),
            Err(error) if all.train.is_empty() => return Err(error.into()),
            Err(_) => {
                all.learn.extend(&others);
                all.train.append(&mut others);
            }
        }
    }
    if table.labels.is_some() {
        all.test.extend((0..table.len()).filter(|&row| !is_normal(row)));
    }
    all.each().into_iter().for_each(|part| part.sort_unstable());
    Ok(all)
}

/// Splits the windows of each group in order of time.
pub(super) fn by_time(
    table: &Table,
    window: usize,
    shares: impl Fn(Range<usize>) -> Shares,
) -> Result<Parts, FitError> {
    let stride = table.config.stride;
    let split = |own: Range<usize>| -> Result<Parts, IntakeError> {
        let (first, shares) = (own.start, shares(own.clone()));
        let mut parts = match &table.labels {
            Some(labels) => labelled(&labels.normal[own], window, stride, shares)?,
            None => unlabelled(own.len(), window, stride, shares)?,
        };
        parts.each().into_iter().flatten().for_each(|row| *row += first);
        Ok(parts)
    };
    let whole = |own: Range<usize>| {
        let normal = |row: &usize| table.labels.as_ref().is_none_or(|labels| labels.normal[*row]);
        let train = table.normal_window_ends(own.clone(), window, stride);
        let ends = window_ends(own.clone(), window, 1);
        Parts {
            learn: if train.is_empty() { Vec::new() } else { own.filter(normal).collect() },
            train,
            test: ends.into_iter().filter(|end| !normal(end)).collect(),
            ..Parts::default()
        }
    };
    Parts::of(table, split, whole)
}

/// All windows of a single stretch, to learn from and for calibration.
pub(super) fn crossed(table: &Table, window: usize) -> Parts {
    let calibration = window_ends(0..table.len(), window, 1);
    let (train, validation) = super::crossed::parts(&calibration, window, |end| end);
    Parts { learn: (0..table.len()).collect(), train, validation, calibration, test: Vec::new() }
}

/// Splits windows of normal steps in order of time. Anomalous stretches, wherever they lie, go only into the locked
/// part.
fn labelled(normal: &[bool], window: usize, stride: usize, shares: Shares) -> Result<Parts, IntakeError> {
    let [train, validation, calibration, test] = split_windows(normal, window, stride, shares)?;
    let steps = |ends: &[usize]| match ends {
        [first, .., last] => first + 1 - window..last + 1,
        [only] => only + 1 - window..only + 1,
        [] => normal.len()..normal.len(),
    };
    let learn = steps(&train).filter(|&row| normal[row]).collect();
    // The test takes every window after the calibration steps, and earlier ones only if they end in an anomalous step.
    let locked = steps(&test).start;
    let test = (window - 1..normal.len()).filter(|&end| end + 1 - window >= locked || !normal[end]).collect();
    Ok(Parts { learn, train, validation, calibration, test })
}

fn unlabelled(steps: usize, window: usize, stride: usize, shares: Shares) -> Result<Parts, IntakeError> {
    let [train, validation, calibration, _] = split_time(steps, window, shares)?;
    Ok(Parts {
        learn: train.clone().collect(),
        train: window_ends(train, window, stride),
        validation: window_ends(validation, window, 1),
        calibration: window_ends(calibration, window, 1),
        test: Vec::new(),
    })
}
