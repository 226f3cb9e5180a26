//! Descriptions of data for models and their files, and the trait of data that can be trained on.

use crate::data::{EmptyData, Splits};
use ae_datasets::sparse::SparseDataset;
use ae_datasets::{Dataset, Preprocessing, Samples};
use ae_models::DataSummary;
use ae_tensor::Device;
use std::collections::BTreeMap;

/// The description of the data that a model and its file hold.
#[derive(Clone, Debug, PartialEq)]
pub struct DataDescription {
    /// Name of the data set.
    pub name: String,
    /// Shape, mean and range of the training rows: what the model is built for.
    pub summary: DataSummary,
    /// The preprocessing from raw values to those of the training rows.
    pub preprocessing: Preprocessing,
    /// Names of the labels, if the data have any.
    pub label_names: Vec<String>,
    /// Names of the values of a row, if they have any: columns, words, titles of films.
    pub feature_names: Vec<String>,
    /// By the name of a feature, the numbers that stood for a missing value in the table.
    pub sentinels: BTreeMap<String, Vec<f32>>,
}

/// Data that can be trained on.
pub trait TrainingData {
    /// The rows as tensors, for a model on `device`. A [`Dataset`] is copied; [`Splits`] stay where they are
    /// and are shared.
    ///
    /// # Errors
    /// If there are no training rows.
    fn splits(&self, device: Device) -> Result<Splits, EmptyData>;

    /// What a model is built from: `config.build(&data.summary(), seed)`. Panics if there are no training
    /// rows.
    fn summary(&self) -> DataDescription;
}

impl TrainingData for Splits {
    fn splits(&self, _device: Device) -> Result<Splits, EmptyData> {
        Ok(self.share())
    }

    fn summary(&self) -> DataDescription {
        DataDescription {
            name: self.dataset.name.clone(),
            summary: self.summary.clone(),
            preprocessing: self.dataset.preprocessing.clone(),
            label_names: self.dataset.label_names.clone(),
            feature_names: self.dataset.feature_names.clone(),
            sentinels: self.dataset.sentinels.clone(),
        }
    }
}

impl TrainingData for SparseDataset {
    fn splits(&self, device: Device) -> Result<Splits, EmptyData> {
        Splits::sparse(self.clone(), device)
    }

    fn summary(&self) -> DataDescription {
        let splits = Splits::sparse(self.clone(), Device::Cpu);
        splits.unwrap_or_else(|empty| panic!("{empty}")).summary()
    }
}

impl TrainingData for Dataset {
    fn splits(&self, device: Device) -> Result<Splits, EmptyData> {
        Splits::new(self.clone(), device)
    }

    fn summary(&self) -> DataDescription {
        let train = Splits::of(self.train.clone(), Samples::empty(self.train.width()));
        let train = train.unwrap_or_else(|empty| panic!("{empty}")).shaped(self.shape.clone());
        let classes = self.label_names.len() as i64;
        DataDescription {
            name: self.name.clone(),
            summary: DataSummary { classes, ..train.summary },
            preprocessing: self.preprocessing.clone(),
            label_names: self.label_names.clone(),
            feature_names: self.feature_names.clone(),
            sentinels: self.sentinels.clone(),
        }
    }
}
