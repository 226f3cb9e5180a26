//! Reversible maps from raw values to the model's input.

use crate::SampleShape;
use ae_intake::Samples;
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The map to fit; [`Preprocessing`] is the fitted map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// By the source: 8-bit pixels are divided by 255; your own values in `[0, 1]` stay there; other tables are
    /// standardised, other images and sequences are scaled to `[0, 1]` by the minimum and maximum of each channel.
    #[default]
    Auto,
    /// Values unchanged.
    None,
    /// Divided by 255.
    Pixels,
    /// `(x - min) / (max - min)` with one minimum and maximum for all features.
    MinMax,
    /// `(x - min) / (max - min)` with a minimum and maximum for each channel: each column of a table, each measurement of a
    /// sequence, each channel of an image.
    MinMaxChannels,
    /// `(x - mean) / std` of each feature.
    Standard,
}

/// A reversible map from raw values to the model's input. Serialisable, so that it is stored with a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Preprocessing {
    /// Values unchanged.
    Identity,
    /// `x / divisor`.
    Divide {
        /// 255 for 8-bit pixels.
        divisor: f32,
    },
    /// `(x - min) / (max - min)`, the same for every feature. Training rows fall in `[0, 1]`; others may not.
    MinMax {
        /// Smallest value of the training rows.
        min: f32,
        /// Largest value of the training rows; above `min`.
        max: f32,
    },
    /// `(x - min) / (max - min)` of each feature. Training rows fall in `[0, 1]`; others may not.
    MinMaxChannels {
        /// `[D]`, smallest value of the feature's channel in the training rows.
        min: Vec<f32>,
        /// `[D]`, largest value of the feature's channel; another above `min` if the channel is constant.
        max: Vec<f32>,
        /// Indices of the features whose channel is constant in the training rows.
        constant: Vec<usize>,
    },
    /// `(x - mean) / std` of each feature.
    Standardise {
        /// `[D]`.
        mean: Vec<f32>,
        /// `[D]`, population standard deviation; 1 for a feature that is constant in the training rows.
        std: Vec<f32>,
        /// Indices of the features that are constant in the training rows.
        constant: Vec<usize>,
    },
}

/// Every value of the training rows is the same, so that they cannot be scaled to a range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("every value of the training rows is {value}; there is nothing to scale by and nothing to learn")]
pub struct ConstantData {
    /// That value.
    pub value: f32,
}

impl Preprocessing {
    /// Fits `scale` on training rows `[N, D]`; sums are taken in double precision.
    /// The caller must resolve [`Scale::Auto`], which counts as [`Scale::None`] here. Each feature is a channel of its own.
    pub fn fit(scale: Scale, rows: &Array2<f32>) -> Result<Self, ConstantData> {
        let shape = SampleShape::Vector { features: rows.ncols() };
        Self::fit_values(scale, rows, None, &[], &shape)
    }

    /// As [`Self::fit`], on the values of samples of `shape` that were observed. Scales of their own for each feature or
    /// channel leave the features alone that are values of a category, 0 or 1; `is_category` is `[D]`, or empty if none is.
    pub fn fit_observed(
        scale: Scale,
        rows: &Samples,
        is_category: &[bool],
        shape: &SampleShape,
    ) -> Result<Self, ConstantData> {
        Self::fit_values(scale, &rows.values, rows.observed.as_ref(), is_category, shape)
    }

    fn fit_values(
        scale: Scale,
        rows: &Array2<f32>,
        observed: Option<&Array2<bool>>,
        is_category: &[bool],
        shape: &SampleShape,
    ) -> Result<Self, ConstantData> {
        match scale {
            Scale::Auto | Scale::None => Ok(Preprocessing::Identity),
            Scale::Pixels => Ok(Preprocessing::Divide { divisor: 255.0 }),
            Scale::MinMax => {
                let (min, max) = match observed {
                    None => range(rows.iter().copied()),
                    Some(observed) => {
                        range(rows.iter().zip(observed).filter(|(_, seen)| **seen).map(|(&x, _)| x))
                    }
                };
                if min >= max {
                    return Err(ConstantData { value: min });
                }
                Ok(Preprocessing::MinMax { min, max })
            }
            Scale::MinMaxChannels => Ok(fit_channels(rows, observed, is_category, shape)),
            Scale::Standard => Ok(fit_standard(rows, observed, is_category)),
        }
    }

    /// Maps raw values `[N, D]` to the model's input, in place. Panics if `D` is not that of the fit.
    pub fn apply(&self, rows: &mut Array2<f32>) {
        self.check_width(rows);
        match self {
            Preprocessing::Identity => {}
            Preprocessing::Divide { divisor } => for_values(rows, |x| x / divisor),
            Preprocessing::MinMax { min, max } => for_values(rows, |x| (x - min) / (max - min)),
            Preprocessing::MinMaxChannels { min, max, .. } => {
                for_features(rows, min, max, |x, min, max| (x - min) / (max - min));
            }
            Preprocessing::Standardise { mean, std, .. } => {
                for_features(rows, mean, std, |x, mean, std| (x - mean) / std);
            }
        }
    }

    /// Maps the model's input back to raw values `[N, D]`, in place: the inverse of [`Preprocessing::apply`],
    /// up to rounding.
    pub fn invert(&self, rows: &mut Array2<f32>) {
        self.check_width(rows);
        match self {
            Preprocessing::Identity => {}
            Preprocessing::Divide { divisor } => for_values(rows, |x| x * divisor),
            Preprocessing::MinMax { min, max } => for_values(rows, |x| x * (max - min) + min),
            Preprocessing::MinMaxChannels { min, max, .. } => {
                for_features(rows, min, max, |x, min, max| x * (max - min) + min);
            }
            Preprocessing::Standardise { mean, std, .. } => {
                for_features(rows, mean, std, |x, mean, std| x * std + mean);
            }
        }
    }

    /// The number of features that it was fitted on; `None` if any number will do.
    pub fn features(&self) -> Option<usize> {
        match self {
            Preprocessing::Standardise { mean, .. } => Some(mean.len()),
            Preprocessing::MinMaxChannels { min, .. } => Some(min.len()),
            _ => None,
        }
    }

    /// Indices of the features that are constant in the training rows and were only shifted, ascending.
    pub fn constant(&self) -> &[usize] {
        match self {
            Preprocessing::Standardise { constant, .. } | Preprocessing::MinMaxChannels { constant, .. } => {
                constant
            }
            _ => &[],
        }
    }

    fn check_width(&self, rows: &Array2<f32>) {
        if let Some(features) = self.features() {
            assert_eq!(rows.ncols(), features, "rows {:?} for a map fitted on {features}", rows.shape());
        }
    }
}

fn range(values: impl Iterator<Item = f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), x| (min.min(x), max.max(x)))
}

fn fit_channels(
    rows: &Array2<f32>,
    observed: Option<&Array2<bool>>,
    is_category: &[bool],
    shape: &SampleShape,
) -> Preprocessing {
    let ranges = rows.axis_iter(Axis(1)).enumerate().map(|(feature, column)| {
        let is_seen = |row: usize| observed.is_none_or(|observed| observed[[row, feature]]);
        range(column.iter().enumerate().filter(|(row, _)| is_seen(*row)).map(|(_, &x)| x))
    });
    let mut channels = vec![(f32::INFINITY, f32::NEG_INFINITY); shape.channels()];
    for (feature, (low, high)) in ranges.enumerate() {
        let (min, max) = &mut channels[shape.channel_of(feature)];
        (*min, *max) = (min.min(low), max.max(high));
    }
    let (mut min, mut max, mut constant) = (Vec::new(), Vec::new(), Vec::new());
    for feature in 0..rows.ncols() {
        let (low, high) = match channels[shape.channel_of(feature)] {
            _ if is_category.get(feature) == Some(&true) => (0.0, 1.0),
            (low, high) if low < high => (low, high),
            // Nothing was observed.
            (low, _) if low == f32::INFINITY => (0.0, 1.0),
            (low, _) => {
                constant.push(feature);
                // Far enough above to differ, also from a large number.
                let low = low.clamp(-f32::MAX / 2.0, f32::MAX / 2.0);
                (low, low + low.abs().max(1.0))
            }
        };
        min.push(low);
        max.push(high);
    }
    Preprocessing::MinMaxChannels { min, max, constant }
}

fn fit_standard(rows: &Array2<f32>, observed: Option<&Array2<bool>>, is_category: &[bool]) -> Preprocessing {
    let (mut mean, mut std, mut constant) = (Vec::new(), Vec::new(), Vec::new());
    for (feature, column) in rows.axis_iter(Axis(1)).enumerate() {
        let is_seen = |row: usize| observed.is_none_or(|observed| observed[[row, feature]]);
        let values = || column.iter().enumerate().filter(|(row, _)| is_seen(*row)).map(|(_, &x)| x);
        let n = values().count();
        if is_category.get(feature) == Some(&true) || n == 0 {
            mean.push(0.0);
            std.push(1.0);
            continue;
        }
        // Decided by the range, not by the variance: rounding leaves a constant 0.1 a variance above 0.
        let (min, max) = range(values());
        if min >= max {
            constant.push(feature);
            mean.push(min.min(f32::MAX));
            std.push(1.0);
            continue;
        }
        let average = values().map(f64::from).sum::<f64>() / n as f64;
        let variance = values().map(|x| (f64::from(x) - average).powi(2)).sum::<f64>() / n as f64;
        mean.push(average as f32);
        // Avoids a division by zero for subnormal spreads.
        std.push((variance.sqrt() as f32).max(f32::MIN_POSITIVE));
    }
    Preprocessing::Standardise { mean, std, constant }
}

fn for_values(rows: &mut Array2<f32>, map: impl Fn(f32) -> f32 + Send + Sync) {
    for_rows(rows, |row| row.iter_mut().for_each(|x| *x = map(*x)));
}

fn for_features(
    rows: &mut Array2<f32>,
    mean: &[f32],
    std: &[f32],
    map: impl Fn(f32, f32, f32) -> f32 + Send + Sync,
) {
    for_rows(rows, |row| {
        for ((x, &mean), &std) in row.iter_mut().zip(mean).zip(std) {
            *x = map(*x, mean, std);
        }
    });
}

fn for_rows(rows: &mut Array2<f32>, map: impl Fn(&mut [f32]) + Send + Sync) {
    let width = rows.ncols().max(1);
    if !rows.is_standard_layout() {
        *rows = rows.as_standard_layout().into_owned();
    }
    let values = rows.as_slice_mut().expect("rows are contiguous in the standard layout");
    values.par_chunks_mut(width).with_min_len(64).for_each(map);
}

impl fmt::Display for Preprocessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Preprocessing::Identity => write!(f, "values as they are"),
            Preprocessing::Divide { divisor } => write!(f, "divided by {divisor}"),
            Preprocessing::MinMax { min, max } => write!(f, "[{min}, {max}] to [0, 1]"),
            Preprocessing::MinMaxChannels { constant, .. } => {
                write!(f, "the range of each channel to [0, 1]")?;
                write_constant(f, constant)
            }
            Preprocessing::Standardise { mean, std, constant } => {
                // Columns of 0 and 1 for the values of a category stay as they are.
                let scaled = mean.iter().zip(std).filter(|&(mean, std)| *mean != 0.0 || *std != 1.0).count();
                match scaled {
                    all if all == mean.len() => write!(f, "each of {all} features")?,
                    some => write!(f, "{some} of {} features", mean.len())?,
                }
                write!(f, " to mean 0 and standard deviation 1")?;
                write_constant(f, constant)
            }
        }
    }
}

fn write_constant(f: &mut fmt::Formatter<'_>, constant: &[usize]) -> fmt::Result {
    match constant {
        [] => Ok(()),
        [one] => write!(f, " (feature {one} is constant: only shifted)"),
        many => write!(f, " ({} features are constant: only shifted)", many.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn check(scale: Scale, raw: Array2<f32>, expected: Array2<f32>, words: &str) {
        let map = Preprocessing::fit(scale, &raw).unwrap();
        let mut rows = raw.clone();
        map.apply(&mut rows);
        assert!((&rows - &expected).iter().all(|d| d.abs() < 1e-6), "{scale:?}: {rows}");
        let text = serde_json::to_string(&map).unwrap();
        let back: Preprocessing = serde_json::from_str(&text).unwrap();
        assert_eq!(back, map, "{text}");
        back.invert(&mut rows);
        assert!((&rows - &raw).iter().all(|d| d.abs() < 1e-4), "{scale:?} inverted: {rows}");
        assert_eq!(map.to_string(), words);
    }

    #[test]
    fn each_map_does_what_it_says_and_can_be_undone() {
        let raw = array![[0.0, 255.0], [51.0, 102.0]];
        check(Scale::None, raw.clone(), raw.clone(), "values as they are");
        check(Scale::Pixels, raw.clone(), array![[0.0, 1.0], [0.2, 0.4]], "divided by 255");
        check(
            Scale::MinMax,
            array![[-1.0, 3.0], [0.0, 1.0]],
            array![[0.0, 1.0], [0.25, 0.5]],
            "[-1, 3] to [0, 1]",
        );
        check(
            Scale::Standard,
            array![[1.0, 0.1], [3.0, 0.1], [1.0, 0.1], [3.0, 0.1]],
            array![[-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]],
            "each of 2 features to mean 0 and standard deviation 1 (feature 1 is constant: only shifted)",
        );
    }

    #[test]
    fn each_channel_has_a_range_of_its_own() {
        check(
            Scale::MinMaxChannels,
            array![[0.0, -500.0, 7.0], [1.0, 500.0, 7.0], [0.5, 0.0, 7.0]],
            array![[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.5, 0.5, 0.0]],
            "the range of each channel to [0, 1] (feature 2 is constant: only shifted)",
        );
        let fit = |shape: &[usize], rows| {
            let shape = SampleShape::from_dims(shape).unwrap();
            match Preprocessing::fit_observed(Scale::MinMaxChannels, &rows, &[], &shape).unwrap() {
                Preprocessing::MinMaxChannels { min, max, .. } => (min, max),
                other => panic!("{other}"),
            }
        };
        let rows = |values| Samples::complete(values);
        // Two steps of two measurements; two channels of one by two pixels; two frames of two channels.
        assert_eq!(
            fit(&[2, 2], rows(array![[1.0, 10.0, 3.0, 40.0]])),
            (vec![1.0, 10.0, 1.0, 10.0], vec![3.0, 40.0, 3.0, 40.0])
        );
        assert_eq!(
            fit(&[2, 1, 2], rows(array![[1.0, 3.0, 10.0, 40.0]])),
            (vec![1.0, 1.0, 10.0, 10.0], vec![3.0, 3.0, 40.0, 40.0])
        );
        assert_eq!(
            fit(&[2, 2, 1, 1], rows(array![[1.0, 10.0, 3.0, 40.0]])),
            (vec![1.0, 10.0, 1.0, 10.0], vec![3.0, 40.0, 3.0, 40.0])
        );
        let mut gap = rows(array![[1.0, 9.0], [9.0, 2.0], [3.0, 4.0]]);
        gap.observed = Some(array![[true, false], [false, true], [true, true]]);
        assert_eq!(fit(&[2], gap), (vec![1.0, 2.0], vec![3.0, 4.0]));
        let mut unseen = rows(array![[1.0, 9.0]]);
        unseen.observed = Some(array![[true, false]]);
        assert_eq!(fit(&[2], unseen), (vec![1.0, 0.0], vec![2.0, 1.0]));
    }

    #[test]
    fn constant_data_cannot_be_scaled_to_a_range() {
        let error = Preprocessing::fit(Scale::MinMax, &array![[3.0, 3.0]]).unwrap_err();
        assert_eq!(error, ConstantData { value: 3.0 });
    }

    #[test]
    #[should_panic(expected = "rows [1, 3] for a map fitted on 2")]
    fn another_width_is_a_bug() {
        let map = Preprocessing::fit(Scale::Standard, &array![[1.0, 2.0], [2.0, 1.0]]).unwrap();
        map.apply(&mut Array2::zeros((1, 3)));
    }
}
