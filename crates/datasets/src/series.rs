//! Long series with labelled anomalies, from benchmarks of anomaly detection.

use ae_records::record::FileRecord;
use jiff::civil::DateTime;
use ndarray::Array2;
use std::ops::Range;

/// A series, its training points and its anomalies.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in its benchmark.
    pub name: String,
    /// `[T, F]`, in the unit of the source, finite.
    pub values: Array2<f64>,
    /// `[T]`, seconds since 1970 (as if in UTC), not always rising; `None` if the source has no times.
    pub times: Option<Vec<f64>>,
    /// Number of training points from the start. The benchmark trains on them as normal ones; all later points
    /// are for testing.
    pub n_train: usize,
    /// Anomalous stretches: indices of points, ends exclusive, in order and disjoint.
    pub anomalies: Vec<Range<usize>>,
    /// The files that were read.
    pub files: Vec<FileRecord>,
}

impl Series {
    /// Number of points, `T`.
    pub fn len(&self) -> usize {
        self.values.nrows()
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether each point is anomalous, `[T]`.
    pub fn labels(&self) -> Vec<bool> {
        let mut labels = vec![false; self.len()];
        self.anomalies.iter().for_each(|stretch| labels[stretch.clone()].fill(true));
        labels
    }
}

/// The stretches of these labels, which [`Series::labels`] turns back into them.
pub(crate) fn stretches(labels: &[bool]) -> Vec<Range<usize>> {
    let mut stretches: Vec<Range<usize>> = Vec::new();
    for (point, _) in labels.iter().enumerate().filter(|(_, label)| **label) {
        match stretches.last_mut() {
            Some(stretch) if stretch.end == point => stretch.end = point + 1,
            _ => stretches.push(point..point + 1),
        }
    }
    stretches
}

/// Seconds since 1970 of `2014-03-07 03:41:00`, fractions of a second allowed, as if in UTC.
pub(crate) fn seconds_of(stamp: &str) -> Option<f64> {
    let time = stamp.trim().parse::<DateTime>().ok()?;
    let instant = jiff::tz::Offset::UTC.to_timestamp(time).ok()?;
    Some(instant.as_nanosecond() as f64 / 1e9)
}
