//! A data set as the loop sees it: tensors, and batches of an epoch in a seeded order.

use ae_datasets::{Dataset, Samples, epoch_order};
use ae_models::{Batch, DataSummary};
use ae_tensor::{Device, Kind, Tensor, array};
use std::mem;

/// Data above this are sent to a CUDA device batch by batch instead of being kept there.
const RESIDENT_BYTES: usize = 4 << 30;

/// The rows of one part.
#[derive(Debug)]
pub struct Split {
    /// `[N, …]`, float.
    values: Tensor,
    /// `[N]`, int64.
    labels: Option<Tensor>,
    /// `[N, …]`, float: 1 where a value was observed, 0 where it does not count in the losses; `None` where every value was.
    observed: Option<Tensor>,
    device: Device,
}

/// Training, validation and test rows, and what a model is told of them.
#[derive(Debug)]
pub struct Splits {
    /// What the optimizer sees.
    pub train: Split,
    /// What early stopping sees; may be empty.
    pub validation: Split,
    /// What nothing is chosen on; may be empty.
    pub test: Split,
    /// Shape, mean and range of the training rows.
    pub summary: DataSummary,
    /// The data set's names, files and preprocessing; its parts have been taken out.
    pub dataset: Dataset,
}

/// A data set that cannot be trained on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has no training rows; check data.validation, data.test and data.max_train")]
pub struct EmptyData(pub String);

impl Splits {
    /// Takes over the memory of a data set, without a copy on a CPU.
    ///
    /// # Errors
    /// Where there are no training rows.
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
        let values = &train.values;
        let summary = DataSummary {
            shape: shape.clone(),
            mean: values.mean(Kind::Double).double_value(&[]),
            low: values.min().double_value(&[]),
            high: values.max().double_value(&[]),
            classes: dataset.label_names.len() as i64,
        };
        Ok(Splits { train, validation, test, summary, dataset })
    }
}

impl Split {
    fn new(rows: Samples, shape: &[i64], device: Device) -> Self {
        let Samples { values, observed, labels } = rows;
        let shape = [&[values.nrows() as i64], shape].concat();
        let bytes = values.len() * size_of::<f32>();
        let home = if bytes <= RESIDENT_BYTES { device } else { Device::Cpu };
        let labels =
            labels.map(|labels| Tensor::from_slice(&labels.into_iter().map(i64::from).collect::<Vec<_>>()));
        let observed = observed.map(|mask| array::from_array(mask.mapv(|seen| f32::from(u8::from(seen)))));
        Split {
            values: array::from_array(values).view(shape.as_slice()).to_device(home),
            labels: labels.map(|labels| labels.to_device(home)),
            observed: observed.map(|mask| mask.view(shape.as_slice()).to_device(home)),
            device,
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.size()[0] as usize
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values, `[N, …]`, where they are kept.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// All labels, `[N]`, int64.
    pub fn labels(&self) -> Option<&Tensor> {
        self.labels.as_ref()
    }

    /// Rows `start..start + n`, in their own order.
    pub fn rows(&self, start: usize, n: usize) -> Batch {
        let narrow = |t: &Tensor| t.narrow(0, start as i64, n as i64).to_device(self.device);
        Batch {
            values: narrow(&self.values),
            labels: self.labels.as_ref().map(narrow),
            observed: self.observed.as_ref().map(narrow),
        }
    }

    /// The batches that the held-out figures are computed in: `size` rows each, the last may be smaller.
    pub fn in_order(&self, size: usize) -> impl Iterator<Item = Batch> + '_ {
        (0..self.len()).step_by(size).map(move |start| self.rows(start, size.min(self.len() - start)))
    }

    /// The order of an epoch, to take batches from.
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

    /// Whether there is no batch.
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
