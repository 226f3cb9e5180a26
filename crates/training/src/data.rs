//! Data for the training loop: tensors, and the batches of an epoch in a seeded order.

mod augment;
mod moving;
mod sparse;
mod split;

pub use split::{Epoch, Split};

use ae_datasets::augment::{Augment, AugmentError};
use ae_datasets::moving::MovingDataset;
use ae_datasets::sparse::{AnyDataset, SparseDataset};
use ae_datasets::{DataConfig, DataError, Dataset, SampleShape, Samples, Sources};
use ae_fetch::Progress;
use ae_models::DataSummary;
use ae_records::record::FileRecord;
use ae_tensor::{Device, Kind};
use augment::Augmenter;
use std::mem;

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

/// Data that cannot be loaded to train on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// They cannot be fetched, read or used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// They have no training rows.
    #[error(transparent)]
    Empty(#[from] EmptyData),
}

impl Splits {
    /// Loads what `config` names, of any form; see [`ae_datasets::load_any`]. Splits depend only on `seed`.
    ///
    /// # Errors
    /// If the data cannot be fetched, are not valid, or have no training rows.
    pub fn load(
        config: &DataConfig,
        sources: &Sources,
        seed: u64,
        device: Device,
        progress: &mut dyn Progress,
    ) -> Result<Self, LoadError> {
        let splits = match ae_datasets::load_any(config, sources, seed, progress)? {
            AnyDataset::Dense(dataset) => Splits::new(dataset, device)?,
            AnyDataset::Sparse(dataset) => Splits::sparse(dataset, device)?,
            AnyDataset::Moving(dataset) => Splits::moving(dataset, device)?,
        };
        Ok(splits.augmented(config.augment))
    }

    /// The same rows, of which the batches of an epoch are changed at random. Everything else sees the rows as they are.
    /// [`crate::train`] refuses changes that do not suit the samples.
    pub fn augmented(mut self, settings: Augment) -> Self {
        self.train.augment(Augmenter::new(settings, &self.summary));
        self
    }

    /// Refuses changes of training rows that do not suit them.
    ///
    /// # Errors
    /// See [`AugmentError`].
    pub(crate) fn check_augment(&self) -> Result<(), AugmentError> {
        let Some(augmenter) = self.train.augmenter() else { return Ok(()) };
        augmenter.settings().check(&self.dataset.shape, self.train.has_missing())
    }

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

    /// Takes over sparse rows. They stay sparse; only batches are dense.
    ///
    /// # Errors
    /// If there are no training rows.
    pub fn sparse(dataset: SparseDataset, device: Device) -> Result<Self, EmptyData> {
        let SparseDataset { about, absent, train, validation, test } = dataset;
        if train.rows.stored() == 0 {
            return Err(EmptyData(about.name));
        }
        let summary = sparse::summary(&train.rows, absent, about.label_names.len() as i64);
        let [train, validation, test] =
            [train, validation, test].map(|part| Split::sparse(part, absent, device));
        Ok(Splits { train, validation, test, summary, dataset: about })
    }

    /// Sequences of moving digits, which are made batch by batch.
    ///
    /// # Errors
    /// If there are no training sequences.
    pub fn moving(dataset: MovingDataset, device: Device) -> Result<Self, EmptyData> {
        let MovingDataset { about, train, validation, test } = dataset;
        if train.is_empty() {
            return Err(EmptyData(about.name));
        }
        let shape: Vec<i64> = about.shape.dims().iter().map(|&d| d as i64).collect();
        let summary = moving::summary(&train, &shape);
        let [train, validation, test] =
            [train, validation, test].map(|part| Split::moving(part, &shape, device));
        Ok(Splits { train, validation, test, summary, dataset: about })
    }

    /// Whether every value of the rows is stored; if not, [`Split::values`] must not be called.
    pub fn is_dense(&self) -> bool {
        self.train.is_dense()
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
    let seen = train.observed().map(|observed| train.values().masked_select(&observed.gt(0.0)));
    let seen = seen.filter(|values| values.numel() > 0);
    let values = seen.as_ref().unwrap_or(train.values());
    DataSummary {
        shape,
        mean: values.mean(Kind::Double).double_value(&[]),
        low: values.min().double_value(&[]),
        high: values.max().double_value(&[]),
        classes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_datasets::sparse::{Absent, SparsePart, SparseRows};
    use ae_tensor::array;

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

    /// Two rows of three columns: [5, -, 1] and [-, -, 3].
    fn ratings(absent: Absent) -> SparseDataset {
        let width = 3;
        let train = SparseRows::of(width, &[vec![(0, 5.0), (2, 1.0)], vec![(2, 3.0)]]).unwrap();
        let held_out = SparseRows::of(width, &[vec![(1, 4.0)], vec![]]).unwrap();
        SparseDataset {
            about: Dataset::of(Samples::empty(width), Samples::empty(width)),
            absent,
            validation: SparsePart::of(SparseRows::empty(width)),
            test: SparsePart::from_given(train.clone(), held_out),
            train: SparsePart::of(train),
        }
    }

    #[test]
    fn a_batch_of_sparse_rows_is_dense() {
        let splits = Splits::sparse(ratings(Absent::Unknown), Device::Cpu).unwrap();
        let DataSummary { shape, mean, low, high, classes } = &splits.summary;
        assert_eq!((shape.as_slice(), *mean, *low, *high, *classes), (&[3][..], 3.0, 1.0, 5.0, 0));
        let batch = splits.train.rows(0, 2);
        assert_eq!(array::to_vec(&batch.values), [5.0, 0.0, 1.0, 0.0, 0.0, 3.0]);
        assert_eq!(array::to_vec(&batch.observed.unwrap()), [1.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        assert!(batch.given.is_none() && splits.train.has_missing() && !splits.train.is_predicted());
        let batch = splits.test.rows(0, 1);
        assert_eq!(array::to_vec(batch.input()), [5.0, 0.0, 1.0]);
        assert_eq!(array::to_vec(&batch.values), [0.0, 4.0, 0.0]);
        assert_eq!(array::to_vec(&batch.observed.unwrap()), [0.0, 1.0, 0.0]);
        assert!(splits.test.is_predicted() && splits.validation.is_empty());
        // An epoch has the same rows in the order that dense rows would have.
        let dense = Splits::of(
            Samples::complete(ndarray::array![[5.0, 0.0, 1.0], [0.0, 0.0, 3.0]]),
            Samples::empty(3),
        );
        let dense = dense.unwrap();
        for epoch in 0..4 {
            let [sparse, dense] = [&splits, &dense].map(|s| s.train.epoch(7, epoch, 1).get(1).values);
            assert_eq!(sparse, dense);
        }
    }

    #[test]
    fn what_is_absent_is_zero_or_unknown() {
        let splits = Splits::sparse(ratings(Absent::Zero), Device::Cpu).unwrap();
        assert_eq!((splits.summary.mean, splits.summary.low, splits.summary.high), (1.5, 0.0, 5.0));
        assert!(splits.train.rows(0, 1).observed.is_none() && !splits.train.has_missing());
        let none = SparseDataset { train: SparsePart::of(SparseRows::empty(3)), ..ratings(Absent::Zero) };
        assert!(Splits::sparse(none, Device::Cpu).is_err());
    }

    #[test]
    fn sparse_rows_are_told_apart_by_what_they_hold() {
        let splits = Splits::sparse(ratings(Absent::Unknown), Device::Cpu).unwrap();
        let sums =
            |splits: &Splits| splits.checksums().into_iter().map(|file| file.sha256).collect::<Vec<_>>();
        assert_eq!(sums(&splits), sums(&splits.share()));
        let other = SparseRows::of(3, &[vec![(0, 5.0), (2, 2.0)], vec![(2, 3.0)]]).unwrap();
        let other = SparseDataset { train: SparsePart::of(other), ..ratings(Absent::Unknown) };
        assert_ne!(sums(&splits), sums(&Splits::sparse(other, Device::Cpu).unwrap()));
    }

    #[test]
    #[should_panic(expected = "sparse rows have no matrix of all values")]
    fn sparse_rows_never_become_one_matrix() {
        let _ = Splits::sparse(ratings(Absent::Zero), Device::Cpu).unwrap().train.values().size();
    }
}
