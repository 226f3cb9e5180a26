//! The rows of one split, dense, sparse or made on demand, and their batches.

use super::augment::Augmenter;
use super::{moving, sparse};
use ae_datasets::moving::MovingDigits;
use ae_datasets::sparse::{Absent, SparsePart};
use ae_datasets::{Samples, epoch_order};
use ae_models::Batch;
use ae_records::digest;
use ae_tensor::{Device, Noise, Tensor, array};
use ndarray::Array2;
use std::ops::Range;
use std::sync::Arc;

/// Data larger than this are sent to a CUDA device batch by batch instead of being kept there.
const RESIDENT_BYTES: usize = 4 << 30;

/// The rows of one split. Sparse rows become dense, and sequences are made, batch by batch, never as a whole.
#[derive(Debug)]
pub struct Split {
    rows: Rows,
    /// `[N]`, int64.
    labels: Option<Tensor>,
    device: Device,
    /// Changes the batches of an epoch, and nothing else.
    augmenter: Option<Augmenter>,
}

#[derive(Debug)]
enum Rows {
    Dense {
        /// `[N, …]`, float.
        values: Tensor,
        /// `[N, …]`, float: 1 if a value was observed, 0 if it does not count in the losses; `None` if all were
        /// observed.
        observed: Option<Tensor>,
    },
    Sparse(Arc<SparsePart>, Absent),
    /// Made on demand, in this shape; in training, new ones in every epoch.
    Moving(Arc<MovingDigits>, Vec<i64>),
}

impl Split {
    pub(super) fn new(rows: Samples, shape: &[i64], device: Device) -> Self {
        let Samples { values, observed, labels } = rows;
        let mask = |observed: Array2<bool>| observed.mapv(|seen| f32::from(u8::from(seen)));
        let values = array::from_array(values);
        let observed = observed.map(|observed| array::from_array(mask(observed)));
        let rows = Rows::Dense { values, observed };
        let mut split = Split { rows, labels: labels.as_deref().map(indices), device, augmenter: None };
        split.reshape(shape);
        split.move_to(device);
        split
    }

    pub(super) fn sparse(part: SparsePart, absent: Absent, device: Device) -> Self {
        let labels = part.rows.labels().map(indices);
        Split { rows: Rows::Sparse(Arc::new(part), absent), labels, device, augmenter: None }
    }

    pub(super) fn moving(part: MovingDigits, shape: &[i64], device: Device) -> Self {
        Split { rows: Rows::Moving(Arc::new(part), shape.to_vec()), labels: None, device, augmenter: None }
    }

    /// All rows on the CPU, each flattened, with their masks and labels. Panics if they are not dense.
    pub fn samples(&self) -> Samples {
        let observed = self.observed().map(|mask| array::to_rows(mask).mapv(|seen| seen > 0.5));
        let labels = self
            .labels
            .as_ref()
            .map(|labels| array::to_vec(labels).into_iter().map(|label| label as u32).collect::<Vec<u32>>());
        Samples::complete(array::to_rows(self.values())).with_observed(observed).with_labels(labels)
    }

    pub(super) fn checksum(&self) -> String {
        let (values, observed) = match &self.rows {
            Rows::Sparse(part, _) => {
                let all = [Some(&part.rows), part.given.as_ref()];
                let digests: Vec<String> = all.into_iter().flatten().map(|rows| rows.checksum()).collect();
                return digest::sha256(digests.join(" ").as_bytes());
            }
            Rows::Moving(part, _) => return part.checksum(),
            Rows::Dense { values, observed } => (values, observed.as_ref()),
        };
        let tensors = [Some(values), observed, self.labels.as_ref()];
        let stored = tensors.into_iter().flatten().map(array::to_stored);
        let digests: Vec<String> = stored.map(|stored| digest::sha256(stored.bytes())).collect();
        digest::sha256(digests.join(" ").as_bytes())
    }

    pub(super) fn share(&self) -> Self {
        let rows = match &self.rows {
            Rows::Dense { values, observed } => Rows::Dense {
                values: values.shallow_clone(),
                observed: observed.as_ref().map(Tensor::shallow_clone),
            },
            Rows::Sparse(part, absent) => Rows::Sparse(Arc::clone(part), *absent),
            Rows::Moving(part, shape) => Rows::Moving(Arc::clone(part), shape.clone()),
        };
        let labels = self.labels.as_ref().map(Tensor::shallow_clone);
        Split { rows, labels, device: self.device, augmenter: self.augmenter }
    }

    /// Has the batches of an epoch changed at random.
    pub(super) fn augment(&mut self, augmenter: Option<Augmenter>) {
        self.augmenter = augmenter;
    }

    /// How the batches of an epoch are changed.
    pub(super) fn augmenter(&self) -> Option<&Augmenter> {
        self.augmenter.as_ref()
    }

    pub(super) fn reshape(&mut self, shape: &[i64]) {
        match &mut self.rows {
            Rows::Dense { values, observed } => {
                let size = [&[values.size()[0]], shape].concat();
                for tensor in [Some(values), observed.as_mut()].into_iter().flatten() {
                    *tensor = tensor.view(size.as_slice());
                }
            }
            Rows::Sparse(..) => assert_eq!(shape.len(), 1, "a sparse row is a vector"),
            Rows::Moving(_, own) => *own = shape.to_vec(),
        }
    }

    pub(super) fn move_to(&mut self, device: Device) {
        self.device = device;
        let Rows::Dense { values, observed } = &mut self.rows else { return };
        let bytes = values.numel() * size_of::<f32>();
        let home = if bytes <= RESIDENT_BYTES { device } else { Device::Cpu };
        let tensors = [Some(values), self.labels.as_mut(), observed.as_mut()];
        for tensor in tensors.into_iter().flatten() {
            *tensor = tensor.to_device(home);
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Dense { values, .. } => values.size()[0] as usize,
            Rows::Sparse(part, _) => part.rows.len(),
            Rows::Moving(part, _) => part.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every value is stored.
    pub fn is_dense(&self) -> bool {
        matches!(self.rows, Rows::Dense { .. })
    }

    /// All values, `[N, …]`, on the device where they are kept. Panics if the rows are not dense, as a matrix of
    /// all of them may not fit into memory; see [`Self::is_dense`].
    pub fn values(&self) -> &Tensor {
        match &self.rows {
            Rows::Dense { values, .. } => values,
            Rows::Sparse(..) => panic!("sparse rows have no matrix of all values"),
            Rows::Moving(..) => panic!("sequences that are made on demand have no matrix of all values"),
        }
    }

    /// The sparse rows, and what a missing entry means; `None` if the rows are of another form.
    pub fn as_sparse(&self) -> Option<(&SparsePart, Absent)> {
        match &self.rows {
            Rows::Sparse(part, absent) => Some((part, *absent)),
            Rows::Dense { .. } | Rows::Moving(..) => None,
        }
    }

    /// All labels, `[N]`, int64.
    pub fn labels(&self) -> Option<&Tensor> {
        self.labels.as_ref()
    }

    /// Which values of dense rows were observed, `[N, …]`, float, 1 or 0; `None` if all were. Panics if the rows
    /// are not dense; see [`Self::has_missing`].
    pub fn observed(&self) -> Option<&Tensor> {
        match &self.rows {
            Rows::Dense { observed, .. } => observed.as_ref(),
            Rows::Sparse(..) | Rows::Moving(..) => panic!("only dense rows have a mask of all values"),
        }
    }

    /// Whether the rows may have values that were not observed.
    pub fn has_missing(&self) -> bool {
        match &self.rows {
            Rows::Dense { observed, .. } => observed.is_some(),
            Rows::Sparse(_, absent) => *absent == Absent::Unknown,
            Rows::Moving(..) => false,
        }
    }

    /// Whether a model is to predict the rows from other values than theirs; see [`Batch::given`].
    pub fn is_predicted(&self) -> bool {
        matches!(&self.rows, Rows::Sparse(part, _) if part.given.is_some())
    }

    /// The device on which batches are assembled.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Rows `start..start + n`, in storage order.
    pub fn rows(&self, start: usize, n: usize) -> Batch {
        let narrow = |t: &Tensor| t.narrow(0, start as i64, n as i64).to_device(self.device);
        match &self.rows {
            Rows::Dense { values, observed } => self.dense(values, observed.as_ref(), narrow),
            Rows::Sparse(part, absent) => {
                sparse::batch(part, *absent, start..start + n, self.labels.as_ref().map(narrow), self.device)
            }
            Rows::Moving(part, shape) => moving::batch(part, shape, 0, start..start + n, self.device),
        }
    }

    /// The rows with these indices, in this order.
    pub fn select(&self, places: &[usize]) -> Batch {
        let index = Tensor::from_slice(&places.iter().map(|&place| place as i64).collect::<Vec<_>>());
        let take = |t: &Tensor| t.index_select(0, &index.to_device(t.device())).to_device(self.device);
        match &self.rows {
            Rows::Dense { values, observed } => self.dense(values, observed.as_ref(), take),
            Rows::Sparse(part, absent) => {
                let labels = self.labels.as_ref().map(take);
                sparse::batch(part, *absent, places.iter().copied(), labels, self.device)
            }
            Rows::Moving(part, shape) => moving::batch(part, shape, 0, places.iter().copied(), self.device),
        }
    }

    /// The batch of what `take` makes of all rows.
    fn dense(&self, values: &Tensor, observed: Option<&Tensor>, take: impl Fn(&Tensor) -> Tensor) -> Batch {
        let labels = self.labels.as_ref().map(&take);
        Batch { values: take(values), labels, observed: observed.map(take), given: None }
    }

    /// The batches for held-out figures: `size` rows each; the last may be smaller.
    pub fn in_order(&self, size: usize) -> impl Iterator<Item = Batch> + '_ {
        (0..self.len()).step_by(size).map(move |start| self.rows(start, size.min(self.len() - start)))
    }

    /// An epoch in its seeded order, to take batches from.
    pub fn epoch(&self, seed: u64, epoch: u64, batch: usize) -> Epoch<'_> {
        let order = epoch_order(self.len(), seed, epoch);
        let home = match &self.rows {
            Rows::Dense { values, .. } => values.device(),
            Rows::Sparse(..) | Rows::Moving(..) => Device::Cpu,
        };
        Epoch { split: self, order: indices(&order).to_device(home), batch, number: epoch, seed }
    }
}

/// Indices or labels, int64.
fn indices(numbers: &[u32]) -> Tensor {
    Tensor::from_slice(&numbers.iter().map(|&number| i64::from(number)).collect::<Vec<_>>())
}

/// The rows of one epoch in their order.
#[derive(Debug)]
pub struct Epoch<'a> {
    split: &'a Split,
    order: Tensor,
    batch: usize,
    number: u64,
    seed: u64,
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

    /// Number of rows in batch `index`.
    pub fn rows_of(&self, index: usize) -> usize {
        self.batch.min(self.split.len() - index * self.batch)
    }

    /// Batch `index` of the epoch.
    pub fn get(&self, index: usize) -> Batch {
        self.part(index, 0..self.rows_of(index))
    }

    /// These rows of batch `index`.
    pub fn part(&self, index: usize, part: Range<usize>) -> Batch {
        let Split { rows, labels, device, augmenter } = self.split;
        let start = index * self.batch + part.start;
        let order = self.order.narrow(0, start as i64, part.len() as i64);
        let take = |t: &Tensor| t.index_select(0, &order).to_device(*device);
        let batch = match rows {
            Rows::Dense { values, observed } => self.split.dense(values, observed.as_ref(), take),
            Rows::Sparse(part, absent) => {
                sparse::batch(part, *absent, places(&order), labels.as_ref().map(take), *device)
            }
            Rows::Moving(part, shape) => moving::batch(part, shape, self.number, places(&order), *device),
        };
        let Some(augmenter) = augmenter.as_ref().filter(|_| !part.is_empty()) else { return batch };
        let step = self.number * self.len() as u64 + index as u64;
        let noise = Noise::new(self.seed, step, *device).fork("augmentation");
        augmenter.apply(batch, &noise.of_rows(part.start, part.len(), self.rows_of(index)))
    }
}

/// The numbers of an int64 vector on the CPU.
fn places(order: &Tensor) -> impl ExactSizeIterator<Item = usize> + Clone + use<> {
    let order = Vec::<i64>::try_from(order).expect("int64 on the CPU");
    order.into_iter().map(|row| row as usize)
}
