//! From the values that a model sees to those that its data came in, and to what a picture shows of them.

use crate::held_out::strided;
use ae_datasets::{Dataset, Preprocessing, SampleShape};
use ae_tensor::{Tensor, array};
use ae_training::Splits;
use ndarray::{Array2, Array4, Axis, s};

/// Most training rows, and most of their values, that ranges are taken from.
const MAX_ROWS: usize = 1000;
const MAX_VALUES: usize = 4 << 20;
/// Channels that are shown, of a series and of an image that is neither grey nor in colour.
pub(crate) const MAX_CHANNELS: usize = 6;

/// The units that the data of a run came in.
#[derive(Debug)]
pub(crate) struct Units<'a> {
    dataset: &'a Dataset,
    /// `[D]`, the least and the greatest value of each position in training rows.
    pub(super) ranges: Vec<(f32, f32)>,
}

impl<'a> Units<'a> {
    /// Those of dense rows.
    pub(crate) fn of(splits: &'a Splits) -> Self {
        let dataset = &splits.dataset;
        let most = (MAX_VALUES / dataset.shape.numel()).clamp(1, MAX_ROWS);
        let batch = strided(&splits.train, most);
        let mut rows = array::to_rows(&batch.values);
        dataset.preprocessing.invert(&mut rows);
        let observed = batch.observed.map(|observed| array::to_rows(&observed));
        let range = |position: usize| {
            let seen = |row: usize| observed.as_ref().is_none_or(|observed| observed[[row, position]] > 0.0);
            let values = (0..rows.nrows()).filter(|&row| seen(row)).map(|row| rows[[row, position]]);
            values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let ranges =
            (0..rows.ncols()).map(range).map(|range| if range.0 <= range.1 { range } else { (0.0, 1.0) });
        Units { dataset, ranges: ranges.collect() }
    }

    /// Samples `[N, …]` in the units of the data: `[N, D]`.
    pub(crate) fn rows(&self, samples: &Tensor) -> Array2<f32> {
        let mut rows = array::to_rows(samples);
        self.dataset.preprocessing.invert(&mut rows);
        rows
    }

    /// What samples `[N, …]` add to a sample, in the units of the data, up to a factor: `[N, D]`.
    pub(super) fn differences(&self, samples: &Tensor) -> Array2<f32> {
        let mut rows = array::to_rows(samples);
        let unit: Vec<f32> = match &self.dataset.preprocessing {
            Preprocessing::Standardise { std, .. } => std.clone(),
            Preprocessing::MinMaxChannels { min, max, .. } => {
                max.iter().zip(min).map(|(max, min)| max - min).collect()
            }
            Preprocessing::Identity | Preprocessing::Divide { .. } | Preprocessing::MinMax { .. } => {
                return rows;
            }
        };
        rows.outer_iter_mut().for_each(|mut row| row.iter_mut().zip(&unit).for_each(|(x, unit)| *x *= unit));
        rows
    }

    /// Images `[N, C, H, W]`, or the frames of videos, with values in `[0, 1]` for a picture, by the range of the data: that of bytes or `[0, 1]` if
    /// the data keep to it, else that of training rows. Channels of grey and of colour images share a range.
    pub(crate) fn images(&self, samples: &Tensor) -> Array4<f32> {
        let (channels, height, width) = self.sides();
        let rows = self.rows(samples);
        let n = rows.len() / (channels * height * width);
        let values = rows.into_shape_with_order((n, channels, height, width));
        let mut images = values.expect("an image has as many values as its shape");
        for (channel, (low, high)) in self.channel_ranges().into_iter().enumerate() {
            let mut of_channel = images.index_axis_mut(Axis(1), channel);
            of_channel.mapv_inplace(|x| ((x - low) / (high - low)).clamp(0.0, 1.0));
        }
        images
    }

    /// The images of a line of a picture: one of grey or colour images, or one for each channel, with its name.
    pub(super) fn lines(&self, label: &str, samples: &Tensor) -> Vec<(String, Array4<f32>)> {
        let images = self.images(samples);
        if self.is_viewable() {
            return vec![(label.to_owned(), images)];
        }
        let channels = images.len_of(Axis(1)).min(MAX_CHANNELS);
        let line = |channel: usize| {
            let of_channel = images.slice(s![.., channel..=channel, .., ..]).to_owned();
            (format!("{label}, channel {}", channel + 1), of_channel)
        };
        (0..channels).map(line).collect()
    }

    /// The absolute errors of reconstructions, as black for none and white for the greatest of all, for each line of
    /// [`Self::lines`]; and that greatest, as a share of the range from black to white of the images themselves. Of colour
    /// images, the greatest error of the three channels.
    pub(super) fn error_maps(
        &self,
        originals: &Tensor,
        rebuilt: &Tensor,
    ) -> (Vec<(String, Array4<f32>)>, f32) {
        let [originals, rebuilt] = [originals, rebuilt].map(|samples| self.lines("error", samples));
        let of_line = |((label, original), (_, rebuilt)): ((String, Array4<f32>), (String, Array4<f32>))| {
            let mut errors = (original - rebuilt).mapv(f32::abs);
            for mut pixel in errors.lanes_mut(Axis(1)) {
                let greatest = pixel.fold(0.0f32, |greatest, error| greatest.max(*error));
                pixel.fill(greatest);
            }
            (label, errors)
        };
        let mut lines: Vec<_> = originals.into_iter().zip(rebuilt).map(of_line).collect();
        let greatest =
            lines.iter().flat_map(|(_, errors)| errors).fold(0.0f32, |greatest, error| greatest.max(*error));
        if greatest > 0.0 {
            lines.iter_mut().for_each(|(_, errors)| errors.mapv_inplace(|error| error / greatest));
        }
        (lines, greatest)
    }

    /// Images for a grid: grey or colour images as they are, the channels of others beside one another.
    pub(super) fn tiles(&self, samples: &Tensor) -> Array4<f32> {
        self.tiles_of(self.images(samples))
    }

    /// As [`Self::tiles`], of images in `[0, 1]`.
    pub(super) fn tiles_of(&self, images: Array4<f32>) -> Array4<f32> {
        tiles_of(images)
    }

    /// Whether images have one channel or three, which a picture shows as grey or colours.
    pub(super) fn is_viewable(&self) -> bool {
        matches!(self.sides().0, 1 | 3)
    }

    /// Channels, height and width of images.
    pub(super) fn sides(&self) -> (usize, usize, usize) {
        match self.dataset.shape {
            SampleShape::Image { channels, height, width } => (channels, height, width),
            SampleShape::Video { channels, height, width, .. } => (channels, height, width),
            _ => panic!("only images and videos have sides"),
        }
    }

    /// The range of each channel that becomes black to white.
    pub(super) fn channel_ranges(&self) -> Vec<(f32, f32)> {
        let (channels, height, width) = self.sides();
        let size = height * width;
        let is_viewable = self.is_viewable();
        let of = |channel: usize| {
            let positions = self.ranges.iter().enumerate();
            let of_channel = positions.filter(|(at, _)| is_viewable || at / size % channels == channel);
            let range = of_channel.map(|(_, range)| *range);
            let range = range.fold((f32::INFINITY, f32::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)));
            if is_viewable { shown_range(range) } else { own_range(range) }
        };
        (0..channels).map(of).collect()
    }

    /// Names of the columns or channels, or their numbers from 1; each is called `what`.
    pub(super) fn names(&self, what: &str, n: usize) -> Vec<String> {
        match &self.dataset.feature_names {
            names if names.len() == n => names.clone(),
            _ => (1..=n).map(|number| format!("{what} {number}")).collect(),
        }
    }
}

/// Images `[N, C, H, W]` that a picture can hold: of one or three channels as they are, of others the first six channels beside one
/// another, with a white line between two.
pub(crate) fn tiles_of(images: Array4<f32>) -> Array4<f32> {
    let (n, channels, height, width) = images.dim();
    if matches!(channels, 1 | 3) {
        return images;
    }
    let channels = channels.min(MAX_CHANNELS);
    let mut tiles = Array4::ones((n, 1, height, channels * (width + 1) - 1));
    for channel in 0..channels {
        let start = channel * (width + 1);
        tiles.slice_mut(s![.., 0, .., start..start + width]).assign(&images.index_axis(Axis(1), channel));
    }
    tiles
}

/// The range that a picture shows for data of this one.
pub(crate) fn shown_range((low, high): (f32, f32)) -> (f32, f32) {
    // Rounding on the way to the model's scale and back.
    let within = |from: f32, to: f32| low >= from - to * 1e-3 && high <= to * 1.001;
    if within(0.0, 1.0) {
        (0.0, 1.0)
    } else if within(0.0, 255.0) && high > 16.0 {
        (0.0, 255.0)
    } else {
        own_range((low, high))
    }
}

/// The range that a picture shows for a channel of its own: that of its data.
pub(crate) fn own_range((low, high): (f32, f32)) -> (f32, f32) {
    if low < high { (low, high) } else { (low - 1.0, low + 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_datasets::Scale;
    use ae_tensor::Device;

    fn splits(shape: SampleShape, scale: Scale, value: impl Fn(usize, usize) -> f32) -> Splits {
        let rows = Array2::from_shape_fn((30, shape.numel()), |(row, at)| value(row, at));
        let data = Dataset::from_rows(rows).unwrap().scaled(scale).unwrap().shaped(shape).unwrap();
        Splits::new(data, Device::Cpu).unwrap()
    }

    #[test]
    fn standardised_images_are_shown_in_their_own_range() {
        let image = SampleShape::Image { channels: 1, height: 2, width: 2 };
        // In [0, 1], of bytes, and in a range of their own.
        for (low, high, black, white) in
            [(0.2, 0.8, 0.0, 1.0), (10.0, 200.0, 0.0, 255.0), (-3.0, 5.0, -3.0, 5.0)]
        {
            let value = |row: usize, at: usize| low + (high - low) * ((row * 7 + at * 3) % 10) as f32 / 9.0;
            let splits = splits(image.clone(), Scale::Standard, value);
            let shown = Units::of(&splits).images(splits.train.values());
            for row in 0..30 {
                for at in 0..4 {
                    let expected = (value(row, at) - black) / (white - black);
                    let got = shown[[row, 0, at / 2, at % 2]];
                    assert!((got - expected).abs() < 1e-3, "{low} to {high}: {got} for {expected}");
                }
            }
        }
    }

    #[test]
    fn channels_that_are_no_colours_are_panels_with_ranges_of_their_own() {
        for channels in [2, 4] {
            let image = SampleShape::Image { channels, height: 2, width: 3 };
            // The first is small, and lies in [0, 1].
            let value =
                |row: usize, at: usize| ((row % 5) as f32 + 2.0) * 10f32.powi((at / 6) as i32 * 3 - 3);
            let splits = splits(image, Scale::Standard, value);
            let units = Units::of(&splits);
            let lines = units.lines("original", splits.train.values());
            let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!((lines.len(), names[1]), (channels, "original, channel 2"));
            for (name, images) in &lines {
                assert_eq!(images.dim(), (30, 1, 2, 3));
                // Each channel uses its own range, though one is a thousand times the other.
                let (least, most) = (images[[0, 0, 0, 0]], images[[4, 0, 0, 0]]);
                assert!(least < 0.02 && most > 0.98, "{name}: {least} to {most}");
            }
            let tiles = units.tiles(splits.train.values());
            assert_eq!(tiles.dim(), (30, 1, 2, channels * 4 - 1));
            assert_eq!((tiles[[0, 0, 1, 3]], tiles[[4, 0, 1, 4]] > 0.98), (1.0, true));
        }
    }

    #[test]
    fn error_maps_show_where_and_say_how_much() {
        let image = SampleShape::Image { channels: 3, height: 1, width: 2 };
        let splits = splits(image, Scale::None, |row, at| (row % 2) as f32 * if at == 5 { 0.5 } else { 1.0 });
        let units = Units::of(&splits);
        let original = ae_tensor::Tensor::zeros([1, 3, 1, 2], (ae_tensor::Kind::Float, Device::Cpu));
        // Off by 0.25 in one channel of the second pixel, and by 0.1 in all of the first.
        let rebuilt = ae_tensor::Tensor::from_slice(&[0.1f32, 0.0, 0.1, 0.25, 0.1, 0.0]).view([1, 3, 1, 2]);
        let (lines, greatest) = units.error_maps(&original, &rebuilt);
        assert!((greatest - 0.25).abs() < 1e-6, "{greatest}");
        let (label, errors) = &lines[0];
        assert_eq!((label.as_str(), errors.dim()), ("error", (1, 3, 1, 2)));
        for channel in 0..3 {
            assert!(
                (errors[[0, channel, 0, 0]] - 0.4).abs() < 1e-5 && errors[[0, channel, 0, 1]] == 1.0,
                "{errors}"
            );
        }
        let (perfect, greatest) = units.error_maps(&original, &original);
        assert_eq!((greatest, perfect[0].1.sum()), (0.0, 0.0));
    }

    #[test]
    fn colours_share_a_range() {
        let image = SampleShape::Image { channels: 3, height: 1, width: 1 };
        let splits = splits(image, Scale::Standard, |row, at| (row % 4) as f32 * 0.1 * (at + 1) as f32);
        let shown = Units::of(&splits).images(splits.train.values());
        for (channel, expected) in [0.3f32, 0.6, 0.9].into_iter().enumerate() {
            assert!((shown[[3, channel, 0, 0]] - expected).abs() < 1e-3);
        }
    }
}
