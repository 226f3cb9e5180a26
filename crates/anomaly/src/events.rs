//! Alarms as events: flagged rows that follow each other.

use std::ops::Range;

/// Runs of flagged rows; runs that are at most `gap` other rows apart are one. Each ends after its last flagged row.
pub fn runs(flagged: &[bool], gap: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for at in (0..flagged.len()).filter(|&at| flagged[at]) {
        match runs.last_mut() {
            Some(last) if at - last.end <= gap => last.end = at + 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}
