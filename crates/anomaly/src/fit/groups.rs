//! Calibrates each group of rows: one model for all, a threshold for each group with enough calibration rows.

use super::split::{TableSplit, rows_to_calibrate};
use super::{FitConfig, FitError};
use crate::calibrated::RowCalibration;
use crate::calibration::{Rule, ThresholdError};
use crate::error::ScorerError;
use ae_intake::{Layout, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a group is judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupThreshold {
    /// Name of the group.
    pub group: String,
    /// Its rows in the file.
    pub rows: usize,
    /// Its calibration rows.
    pub calibration: usize,
    /// Its own threshold; `None` if it is judged by that of all groups, because it has too few calibration rows.
    pub threshold: Option<f64>,
    /// What that threshold promises, in words; `None` without one, and for a rule without a promise for rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<String>,
    /// Without a threshold of its own: about how many rows of the file it would need for one, if the default shares
    /// are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<usize>,
}

/// The calibrations of the groups that can have one, by name, and a line about each group of the table, in the order
/// of their names. `calibrate` makes the calibration of a group from the places of its rows among the calibration
/// rows, in the way in which that of all groups is made; `calibrated_on` is the row of the table behind each.
pub(super) fn calibrate(
    split: &TableSplit,
    calibrated_on: &[usize],
    config: &FitConfig,
    rule: Rule,
    calibrate: impl Fn(&[usize]) -> Result<Result<RowCalibration, ThresholdError>, ScorerError>,
) -> Result<(BTreeMap<String, RowCalibration>, Vec<GroupThreshold>), FitError> {
    let (mut calibrations, mut lines) = (BTreeMap::new(), Vec::new());
    let Some(groups) = &split.table.groups else { return Ok((calibrations, lines)) };
    let mut places = vec![Vec::new(); groups.names.len()];
    calibrated_on.iter().enumerate().for_each(|(place, &row)| places[groups.of_row(row)].push(place));
    for ((group, places), name) in places.iter().enumerate().zip(&groups.names) {
        // With the margin that is counted on for rows of which too little was observed.
        let enough = places.len() as f64 * 1.05 + 2.0 >= rows_to_calibrate(&split.table, rule);
        let own = match places.is_empty() || !enough {
            true => None,
            // A group whose scores do not carry a threshold is no reason to refuse the others.
            false => calibrate(places)?.ok(),
        };
        lines.push(GroupThreshold {
            group: name.clone(),
            rows: groups.rows(group).len(),
            calibration: places.len(),
            threshold: own.as_ref().map(|own| own.calibration().threshold().value()),
            promise: own.as_ref().and_then(|own| config.promise_of(own.calibration())),
            needed: own.is_none().then(|| rows_needed(&split.table, rule)),
        });
        calibrations.extend(own.map(|own| (name.clone(), own)));
    }
    Ok((calibrations, lines))
}

/// About how many rows of a group suffice for a threshold of its own: half of them calibrate it, and windows lose a
/// gap between parts.
fn rows_needed(table: &Table, rule: Rule) -> usize {
    let window = table.config.window.filter(|_| table.layout == Layout::Windows);
    (2.0 * rows_to_calibrate(table, rule)).ceil() as usize + window.map_or(0, |window| 6 * window)
}
