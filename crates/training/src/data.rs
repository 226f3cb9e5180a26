//! Data for the training loop: tensors, and the batches of an epoch in a seeded order.

use ae_datasets::{Dataset, SampleShape, Samples, epoch_order};
use ae_models::{Batch, DataSummary};
use ae_records::digest;
use ae_records::record::FileRecord;
use ae_tensor::{Device, Kind, Tensor, array};
use ndarray::Array2;
use std::mem;

/// Data larger than this are sent to a CUDA device batch by batch instead of being kept there.
const RESIDENT_BYTES: usize = 4 << 30;

/// The rows of one split.
#[derive(Debug)]
pub struct Split {
    /// `[N, …]`, float.
    values: Tensor,
    /// `[N]`, int64.
    labels: Option<Tensor>,
    /// `[N, …]`, float: 1 if a value was observed, 0 if it does not count in the losses; `None` if all were
    /// observed.
    observed: Option<Tensor>,
    device: Device,
}

/// Training, validation and test rows, and their summary for a model.
#[derive(Debug)]
pub struct Splits {
    /// Rows that the optimizer sees.
    pub train: Split,
    /// Rows that early stopping sees; may be empty.
    pub validation: Split,
    /// Rows that no choice depends on; may be empty.
    pub test: Split,
    /// Shape, mean and range of the training rows.
    pub summary: DataSummary,
    /// The data set's names, files and preprocessing; its rows have been moved out.
    pub dataset: Dataset,
}

/// A data set without training rows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has no training rows; check data.validation, data.test and data.max_train")]
pub struct EmptyData(pub String);

impl Splits {
    /// Takes over the memory of a data set, without a copy on a CPU.
    ///
    /// # Errors
    /// If there are no training rows.
    pub fn new(mut dataset: Dataset, device: Device) -> Result<Self, EmptyData> {
        let shape: Vec<i64> = dataset.shape.dims().iter().map(|&d| d as i64).collect();
        if dataset.train.values.is_empty() {
            return Err(EmptyData(dataset.name));
        }
        let mut take = |part: fn(&mut Dataset) -> &mut Samples| {
            Split::new(mem::replace(part(&mut dataset), Samples::empty(0)), &shape, device)
        };
        let train = take(|d| &mut d.train);
        let (validation, test) = (take(|d| &mut d.validation), take(|d| &mut d.test));
        let summary = summary(&train, shape, dataset.label_names.len() as i64);
        Ok(Splits { train, validation, test, summary, dataset })
    }

    /// Training and validation rows in memory, without test rows; `validation` may be empty. Each row is a
    /// vector on the CPU; see [`Self::shaped`] and [`Self::on`]. Values that were not observed count neither
    /// in the losses nor in the summary.
    ///
    /// # Errors
    /// If there are no training rows.
    pub fn of(train: Samples, validation: Samples) -> Result<Self, EmptyData> {
        Splits::new(Dataset::of(train, validation), Device::Cpu)
    }

    /// The same rows, each as a sample of this shape. Panics if the shape holds another number of values.
    pub fn shaped(mut self, shape: SampleShape) -> Self {
        let dims: Vec<i64> = shape.dims().iter().map(|&d| d as i64).collect();
        assert_eq!(
            dims.iter().product::<i64>(),
            self.summary.numel(),
            "a row has as many values as its shape"
        );
        for split in [&mut self.train, &mut self.validation, &mut self.test] {
            split.reshape(&dims);
        }
        self.summary.shape = dims;
        self.dataset.shape = shape;
        self
    }

    /// The same rows, for a model on `device`.
    pub fn on(mut self, device: Device) -> Self {
        for split in [&mut self.train, &mut self.validation, &mut self.test] {
            split.move_to(device);
        }
        self
    }

    /// What the rows are made from: the files, or for rows in memory each part with the checksum of its values,
    /// masks and labels.
    pub(crate) fn checksums(&self) -> Vec<FileRecord> {
        if !self.dataset.files.is_empty() {
            return self.dataset.files.clone();
        }
        let parts = [("training rows", &self.train), ("validation rows", &self.validation)];
        let record = |(name, part): (&str, &Split)| FileRecord { name: name.into(), sha256: part.checksum() };
        parts.map(record).into()
    }

    /// The same rows, in the same memory.
    pub(crate) fn share(&self) -> Self {
        let [train, validation, test] = [&self.train, &self.validation, &self.test].map(Split::share);
        Splits { train, validation, test, summary: self.summary.clone(), dataset: self.dataset.clone() }
    }
}

/// The summary of the training rows for a model; mean and range are those of the observed values.
fn summary(train: &Split, shape: Vec<i64>, classes: i64) -> DataSummary {
    let seen = train.observed.as_ref().map(|observed| train.values.masked_select(&observed.gt(0.0)));
    let seen = seen.filter(|values| values.numel() > 0);
    let values = seen.as_ref().unwrap_or(&train.values);
    DataSummary {
        shape,
        mean: values.mean(Kind::Double).double_value(&[]),
        low: values.min().double_value(&[]),
        high: values.max().double_value(&[]),
        classes,
    }
}

impl Split {
    /// All rows on the CPU, each flattened, with their masks and labels.
    pub fn samples(&self) -> Samples {
        let observed = self.observed.as_ref().map(|mask| array::to_rows(mask).mapv(|seen| seen > 0.5));
        let labels = self
            .labels
            .as_ref()
            .map(|labels| array::to_vec(labels).into_iter().map(|label| label as u32).collect::<Vec<u32>>());
        Samples::complete(array::to_rows(&self.values)).with_observed(observed).with_labels(labels)
    }

    fn new(rows: Samples, shape: &[i64], device: Device) -> Self {
        let Samples { values, observed, labels } = rows;
        let index = |labels: Vec<u32>| labels.into_iter().map(i64::from).collect::<Vec<_>>();
        let mask = |observed: Array2<bool>| observed.mapv(|seen| f32::from(u8::from(seen)));
        let mut split = Split {
            values: array::from_array(values),
            labels: labels.map(|labels| Tensor::from_slice(&index(labels))),
            observed: observed.map(|observed| array::from_array(mask(observed))),
            device,
        };
        split.reshape(shape);
        split.move_to(device);
        split
    }

    fn checksum(&self) -> String {
        let tensors = [Some(&self.values), self.observed.as_ref(), self.labels.as_ref()];
        let stored = tensors.into_iter().flatten().map(array::to_stored);
        let digests: Vec<String> = stored.map(|stored| digest::sha256(stored.bytes())).collect();
        digest::sha256(digests.join(" ").as_bytes())
    }

    fn share(&self) -> Self {
        Split {
            values: self.values.shallow_clone(),
            labels: self.labels.as_ref().map(Tensor::shallow_clone),
            observed: self.observed.as_ref().map(Tensor::shallow_clone),
            device: self.device,
        }
    }

    fn reshape(&mut self, shape: &[i64]) {
        let size = [&[self.values.size()[0]], shape].concat();
        for tensor in [Some(&mut self.values), self.observed.as_mut()].into_iter().flatten() {
            *tensor = tensor.view(size.as_slice());
        }
    }

    fn move_to(&mut self, device: Device) {
        let bytes = self.values.numel() * size_of::<f32>();
        let home = if bytes <= RESIDENT_BYTES { device } else { Device::Cpu };
        let tensors = [Some(&mut self.values), self.labels.as_mut(), self.observed.as_mut()];
        for tensor in tensors.into_iter().flatten() {
            *tensor = tensor.to_device(home);
        }
        self.device = device;
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.size()[0] as usize
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values, `[N, …]`, on the device where they are kept.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// All labels, `[N]`, int64.
    pub fn labels(&self) -> Option<&Tensor> {
        self.labels.as_ref()
    }

    /// Which values were observed, `[N, …]`, float, 1 or 0; `None` if all were.
    pub fn observed(&self) -> Option<&Tensor> {
        self.observed.as_ref()
    }

    /// The device on which batches are assembled.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Rows `start..start + n`, in storage order.
    pub fn rows(&self, start: usize, n: usize) -> Batch {
        let narrow = |t: &Tensor| t.narrow(0, start as i64, n as i64).to_device(self.device);
        Batch {
            values: narrow(&self.values),
            labels: self.labels.as_ref().map(narrow),
            observed: self.observed.as_ref().map(narrow),
        }
    }

    /// The batches for held-out figures: `size` rows each; the last may be smaller.
    pub fn in_order(&self, size: usize) -> impl Iterator<Item = Batch> + '_ {
        (0..self.len()).step_by(size).map(move |start| self.rows(start, size.min(self.len() - start)))
    }

    /// An epoch in its seeded order, to take batches from.
    pub fn epoch(&self, seed: u64, epoch: u64, batch: usize) -> Epoch<'_> {
        let order: Vec<i64> = epoch_order(self.len(), seed, epoch).into_iter().map(i64::from).collect();
        let order = Tensor::from_slice(&order).to_device(self.values.device());
        Epoch { split: self, order, batch }
    }
}

/// The rows of one epoch in their order.
#[derive(Debug)]
pub struct Epoch<'a> {
    split: &'a Split,
    order: Tensor,
    batch: usize,
}

impl Epoch<'_> {
    /// Number of batches.
    pub fn len(&self) -> usize {
        self.split.len().div_ceil(self.batch)
    }

    /// Whether there are no batches.
    pub fn is_empty(&self) -> bool {
        self.split.is_empty()
    }

    /// Batch `index` of the epoch.
    pub fn get(&self, index: usize) -> Batch {
        let start = index * self.batch;
        let rows = self.order.narrow(0, start as i64, self.batch.min(self.split.len() - start) as i64);
        let take = |t: &Tensor| t.index_select(0, &rows).to_device(self.split.device);
        Batch {
            values: take(&self.split.values),
            labels: self.split.labels.as_ref().map(take),
            observed: self.split.observed.as_ref().map(take),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Samples {
        let values = ndarray::array![[1.0f32, 2.0, 0.0, 4.0], [5.0, 0.0, 7.0, 8.0]];
        let observed = values.mapv(|x| x != 0.0);
        Samples::complete(values).with_observed(observed)
    }

    #[test]
    fn what_is_missing_is_masked_and_not_taken_for_zeros() {
        let splits = Splits::of(samples(), Samples::empty(4)).unwrap();
        let DataSummary { shape, mean, low, high, classes } = splits.summary;
        assert_eq!((shape, mean, low, high, classes), (vec![4], 4.5, 1.0, 8.0, 0));
        let batch = splits.train.rows(1, 1);
        assert_eq!(array::to_vec(&batch.observed.unwrap()), [1.0, 0.0, 1.0, 1.0]);
        assert!(splits.train.epoch(0, 0, 2).get(0).observed.is_some());
        assert!(splits.validation.is_empty() && splits.test.is_empty());
        let complete = Splits::of(Samples::complete(samples().values), samples()).unwrap();
        assert!(complete.train.observed().is_none() && complete.validation.observed().is_some());
        assert_eq!((complete.summary.low, complete.validation.len()), (0.0, 2));
    }

    #[test]
    fn rows_take_a_shape_with_their_mask() {
        let splits = Splits::of(samples(), Samples::empty(4)).unwrap();
        let splits = splits.shaped(SampleShape::Sequence { steps: 2, features: 2 }).on(Device::Cpu);
        assert_eq!(splits.summary.shape, [2, 2]);
        let batch = splits.train.rows(0, 2);
        assert_eq!((batch.values.size(), batch.observed.unwrap().size()), (vec![2, 2, 2], vec![2, 2, 2]));
        assert_eq!(splits.validation.values().size(), [0, 2, 2]);
    }

    #[test]
    fn labels_are_classes() {
        let splits = Splits::of(samples().with_labels(vec![2, 0]), Samples::empty(4)).unwrap();
        assert_eq!((splits.summary.classes, splits.dataset.label_names.len()), (3, 3));
        assert_eq!(array::to_vec(splits.train.labels().unwrap()), [2.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "as many values as its shape")]
    fn another_number_of_values_is_a_bug() {
        let _ = Splits::of(samples(), Samples::empty(4)).unwrap().shaped(SampleShape::Vector { features: 5 });
    }

    #[test]
    fn no_rows_are_an_error() {
        let error = Splits::of(Samples::empty(4), samples()).unwrap_err();
        assert!(error.to_string().contains("has no training rows"), "{error}");
    }
}
