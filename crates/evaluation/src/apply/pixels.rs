//! Values as they were before the preprocessing, and images in a range that a picture can show.

use crate::pictures::{own_range, shown_range, tiles_of};
use ae_datasets::Preprocessing;
use ae_tensor::{Tensor, array};
use ae_training::Metadata;
use ndarray::{Array2, Array4, Axis};

/// Maps samples of a model back to the unit of the data that it was trained on.
#[derive(Debug)]
pub(crate) struct Raw<'m> {
    metadata: &'m Metadata,
}

impl<'m> Raw<'m> {
    pub(crate) fn of(metadata: &'m Metadata) -> Self {
        Raw { metadata }
    }

    /// Rows `[B, numel]` in the unit of the data, from samples `[B, …]` in that of the model.
    pub(crate) fn rows(&self, samples: &Tensor) -> Array2<f32> {
        let mut rows = array::to_rows(samples);
        self.metadata.preprocessing.invert(&mut rows);
        rows
    }

    /// Images `[B, C, H, W]` with values in [0, 1], from images in the unit of the model: those of the data, of which
    /// [`Self::black_and_white`] become 0 and 1. Each channel of images that are neither grey nor in colour has a range of
    /// its own, as in reports.
    fn images(&self, samples: &Tensor) -> Array4<f32> {
        let shape = samples.size();
        let [b, c, h, w] = shape[..] else { panic!("images are [B, C, H, W], not {shape:?}") };
        let shape = [b, c, h, w].map(|size| size as usize);
        let rows = self.rows(samples).into_raw_vec_and_offset().0;
        let mut images = Array4::from_shape_vec(shape, rows).expect("a row is an image");
        let own = &self.metadata.channel_ranges;
        let shared = self.black_and_white();
        for (channel, mut values) in images.axis_iter_mut(Axis(1)).enumerate() {
            let range = own.get(channel).map(|&[low, high]| own_range((low, high)).into());
            let [black, white]: [f32; 2] = range.unwrap_or(shared);
            values.mapv_inplace(|value| ((value - black) / (white - black)).clamp(0.0, 1.0));
        }
        images
    }

    /// The same as a picture holds them: channels that are neither grey nor colours side by side.
    pub(crate) fn tiles(&self, samples: &Tensor) -> Array4<f32> {
        tiles_of(self.images(samples))
    }

    /// The values that are black and white: 0 and 1, or 0 and 255, if all training values may lie between them, else the least
    /// and the greatest training value.
    fn black_and_white(&self) -> [f32; 2] {
        let [_, low, high] = self.metadata.range.map(|value| value as f32);
        let [low, high] = match &self.metadata.preprocessing {
            Preprocessing::Identity => [low, high],
            Preprocessing::Divide { divisor } => [0.0, *divisor],
            Preprocessing::MinMax { min, max } => [*min, *max],
            Preprocessing::MinMaxChannels { min, max, .. } => [
                min.iter().copied().fold(f32::INFINITY, f32::min),
                max.iter().copied().fold(f32::NEG_INFINITY, f32::max),
            ],
            Preprocessing::Standardise { mean, std, constant } => {
                // Values in [0, M] have a variance of at most mean · (M - mean) (Bhatia & Davis, 2000).
                let lie_within = |most: f32| {
                    mean.iter().zip(std).enumerate().all(|(feature, (mean, std))| {
                        let variance = if constant.contains(&feature) { 0.0 } else { std * std };
                        variance <= mean * (most - mean) + 1e-6 * most * most
                    })
                };
                if let Some(most) = [1.0, 255.0].into_iter().find(|&most| lie_within(most)) {
                    return [0.0, most];
                }
                let bound = |extreme: f32| mean.iter().zip(std).map(move |(mean, std)| mean + extreme * std);
                [bound(low).fold(f32::INFINITY, f32::min), bound(high).fold(f32::NEG_INFINITY, f32::max)]
            }
        };
        shown_range((low, high)).into()
    }
}
