//! Batches of sequences that are made when they are asked for.

use ae_datasets::moving::MovingDigits;
use ae_models::{Batch, DataSummary};
use ae_tensor::{Device, Kind, Tensor};

/// Sequences whose mean stands for that of all.
const MEASURED: usize = 100;

/// These sequences of an epoch, each of this shape: `[B, …]`.
pub(super) fn batch(
    part: &MovingDigits,
    shape: &[i64],
    epoch: u64,
    rows: impl ExactSizeIterator<Item = usize>,
    device: Device,
) -> Batch {
    let (n, width) = (rows.len(), part.numel());
    let mut values = vec![0f32; n * width];
    for (row, to) in rows.zip(values.chunks_exact_mut(width)) {
        part.make(epoch, row, to);
    }
    let values = Tensor::from_slice(&values).view([&[n as i64], shape].concat().as_slice());
    Batch { values: values.to_device(device), labels: None, observed: None, given: None }
}

/// The summary of training sequences; their mean is that of the first ones.
pub(super) fn summary(part: &MovingDigits, shape: &[i64]) -> DataSummary {
    let some = batch(part, shape, 0, 0..part.len().min(MEASURED), Device::Cpu);
    DataSummary {
        shape: shape.to_vec(),
        mean: some.values.mean(Kind::Double).double_value(&[]),
        low: 0.0,
        high: 1.0,
        classes: 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::Splits;
    use ae_datasets::moving::{MovingDataset, MovingDigits};
    use ae_datasets::{Dataset, SampleShape, Samples};
    use ae_tensor::{Device, Tensor, array};

    fn splits(count: usize) -> Result<Splits, crate::EmptyData> {
        let part = |count, purpose| MovingDigits::new(vec![200; 784], 16, count, 3, purpose);
        let shape = SampleShape::Video { steps: 20, channels: 1, height: 16, width: 16 };
        let about = Dataset { shape, ..Dataset::of(Samples::empty(0), Samples::empty(0)) };
        let (train, validation, test) = (part(count, "train"), part(0, "validation"), part(4, "test"));
        Splits::moving(MovingDataset { about, train, validation, test }, Device::Cpu)
    }

    #[test]
    fn sequences_are_made_batch_by_batch_and_new_in_every_epoch() {
        let splits = splits(5).unwrap();
        assert_eq!(splits.summary.shape, [20, 1, 16, 16]);
        assert!(!splits.is_dense() && !splits.train.has_missing() && splits.validation.is_empty());
        let batch = splits.train.epoch(7, 1, 2).get(2);
        assert_eq!((batch.values.size(), splits.train.len()), (vec![1, 20, 1, 16, 16], 5));
        let epoch = |number: u64| -> Vec<Tensor> {
            let epoch = splits.train.epoch(7, number, 2);
            (0..3).map(|index| epoch.get(index).values).collect()
        };
        assert_eq!(epoch(0), epoch(0));
        let rows = |batches: &[Tensor]| -> Vec<Vec<f64>> {
            let all = Tensor::cat(batches, 0);
            (0..5).map(|row| array::to_vec(&all.get(row))).collect()
        };
        let (first, second) = (rows(&epoch(0)), rows(&epoch(1)));
        assert!(first.iter().all(|row| !second.contains(row)));
        // The first epoch has the sequences that the split is asked for without an epoch, in another order.
        let own = splits.train.rows(0, 5).values;
        assert!((0..5).all(|row| first.contains(&array::to_vec(&own.get(row)))));
        assert_eq!(splits.test.select(&[2]).values, splits.test.rows(2, 1).values);
    }

    #[test]
    fn without_training_sequences_there_is_nothing_to_do() {
        assert!(splits(0).is_err());
    }

    #[test]
    #[should_panic(expected = "no matrix of all values")]
    fn they_never_become_one_matrix() {
        let _ = splits(5).unwrap().train.values().size();
    }
}
