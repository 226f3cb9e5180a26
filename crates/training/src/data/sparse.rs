//! Dense batches of sparse rows.

use ae_datasets::sparse::{Absent, SparsePart, SparseRows};
use ae_models::{Batch, DataSummary};
use ae_tensor::{Device, Tensor};

/// The rows with these indices as a dense batch, `[B, D]`; `labels` are those of the batch.
pub(super) fn batch(
    part: &SparsePart,
    absent: Absent,
    rows: impl ExactSizeIterator<Item = usize> + Clone,
    labels: Option<Tensor>,
    device: Device,
) -> Batch {
    let of = |from: &SparseRows, value: fn(f32) -> f32| dense(from, rows.clone(), value).to_device(device);
    Batch {
        values: of(&part.rows, |value| value),
        labels,
        observed: (absent == Absent::Unknown).then(|| of(&part.rows, |_| 1.0)),
        given: part.given.as_ref().map(|given| of(given, |value| value)),
    }
}

/// `[B, D]` with `value` of each entry, and 0 where there is none.
fn dense(from: &SparseRows, rows: impl ExactSizeIterator<Item = usize>, value: fn(f32) -> f32) -> Tensor {
    let (n, width) = (rows.len(), from.width());
    let mut values = vec![0f32; n * width];
    for (row, place) in rows.zip((0..).step_by(width.max(1))) {
        let to = &mut values[place..place + width];
        from.row(row).for_each(|(column, entry)| to[column as usize] = value(entry));
    }
    Tensor::from_slice(&values).view([n as i64, width as i64])
}

/// The summary of training rows: mean and range of all values if those without an entry are 0, else of the
/// entries.
pub(super) fn summary(rows: &SparseRows, absent: Absent, classes: i64) -> DataSummary {
    let all = rows.len() * rows.width();
    let counted = if absent == Absent::Zero { all } else { rows.stored() };
    let mut range = if counted > rows.stored() { (0.0, 0.0) } else { (f64::INFINITY, f64::NEG_INFINITY) };
    let mut sum = 0.0;
    for &value in rows.values() {
        let value = f64::from(value);
        sum += value;
        range = (range.0.min(value), range.1.max(value));
    }
    if counted == 0 {
        range = (0.0, 0.0);
    }
    DataSummary {
        shape: vec![rows.width() as i64],
        mean: sum / counted.max(1) as f64,
        low: range.0,
        high: range.1,
        classes,
    }
}
