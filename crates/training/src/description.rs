//! Descriptions of data for models and their files, and the trait of data that can be trained on.

use crate::data::{EmptyData, Split, Splits};
use ae_datasets::sparse::SparseDataset;
use ae_datasets::{Dataset, Preprocessing, SampleShape, Samples};
use ae_models::DataSummary;
use ae_tensor::{Device, Tensor, array};
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
    /// Least and greatest training value of each channel, in the unit of the raw values: `[C]`; empty unless the samples are
    /// images of other channels than grey or red, green and blue, whose ranges may differ.
    pub channel_ranges: Vec<[f32; 2]>,
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
            channel_ranges: channel_ranges(&self.train, &self.dataset),
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
        let channel_ranges = channel_ranges(&train.train, self);
        DataDescription {
            name: self.name.clone(),
            summary: DataSummary { classes, ..train.summary },
            preprocessing: self.preprocessing.clone(),
            label_names: self.label_names.clone(),
            feature_names: self.feature_names.clone(),
            sentinels: self.sentinels.clone(),
            channel_ranges,
        }
    }
}

/// See [`DataDescription::channel_ranges`].
fn channel_ranges(train: &Split, about: &Dataset) -> Vec<[f32; 2]> {
    let SampleShape::Image { channels, height, width } = about.shape else { return Vec::new() };
    if matches!(channels, 1 | 3) || train.is_empty() {
        return Vec::new();
    }
    // Every preprocessing rises with the raw value, so the extremes of a position stay its extremes.
    let raw = |extremes: &Tensor| {
        let mut row = array::to_rows(extremes);
        about.preprocessing.invert(&mut row);
        row.into_raw_vec_and_offset().0
    };
    let low = raw(&train.values().amin([0i64].as_slice(), true));
    let high = raw(&train.values().amax([0i64].as_slice(), true));
    let of_channels = low.chunks_exact(height * width).zip(high.chunks_exact(height * width));
    let least = |values: &[f32]| values.iter().copied().fold(f32::INFINITY, f32::min);
    let greatest = |values: &[f32]| values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    of_channels.map(|(low, high)| [least(low), greatest(high)]).collect()
}
