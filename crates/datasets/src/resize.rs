//! Resizes the images of an array, which a folder of images does when it decodes them.

use crate::{DataConfig, DataError, SampleShape};
use ae_intake::{MemoryLimit, Samples};
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};
use ndarray::Array2;
use rayon::prelude::*;

/// Resizes images to `data.resize`, if that is set and they have another size.
pub(crate) fn resized(
    config: &DataConfig,
    name: &str,
    shape: SampleShape,
    parts: &mut [&mut Samples],
) -> Result<SampleShape, DataError> {
    let Some([height, width]) = config.resize else { return Ok(shape) };
    let SampleShape::Image { channels, height: from_height, width: from_width } = shape else {
        let value = format!("[{height}, {width}]");
        let right = "it for images only, or say that samples are images: data.shape = [C, H, W]";
        return Err(DataError::OutOfRange { key: "resize", value, right });
    };
    if (from_height, from_width) == (height, width) {
        return Ok(shape);
    }
    let to = SampleShape::Image { channels, height, width };
    for part in parts {
        let bytes = 4 * part.values.len();
        let memory = MemoryLimit::for_input(bytes as u64, config.max_memory_mb);
        memory.check_rows(name, bytes, part.len() as u64, to.numel())?;
        part.values = images(&part.values, channels, [from_height, from_width], [height, width]);
        part.observed = None;
    }
    Ok(to)
}

/// Rows `[N, C·H·W]` as rows `[N, C·height·width]`.
fn images(rows: &Array2<f32>, channels: usize, from: [usize; 2], to: [usize; 2]) -> Array2<f32> {
    let (size, new_size) = (from[0] * from[1], to[0] * to[1]);
    let width = channels * new_size;
    let mut values = vec![0.0; rows.nrows() * width];
    values.par_chunks_exact_mut(width).enumerate().for_each(|(row, image)| {
        let old = rows.row(row);
        for (channel, plane) in image.chunks_exact_mut(new_size).enumerate() {
            let values = old.iter().skip(channel * size).take(size).copied().collect();
            plane.copy_from_slice(&one(values, from, to));
        }
    });
    Array2::from_shape_vec((rows.nrows(), width), values).expect("every image has the new size")
}

/// One channel of one image, by the same filter as pictures in files.
fn one(mut plane: Vec<f32>, [height, width]: [usize; 2], [new_height, new_width]: [usize; 2]) -> Vec<f32> {
    let bounds = |(low, high): (f32, f32), &x: &f32| (low.min(x), high.max(x));
    let (low, high) = plane.iter().fold((f32::INFINITY, f32::NEG_INFINITY), bounds);
    let width_of_range = high - low;
    if width_of_range <= 0.0 || !width_of_range.is_finite() {
        return vec![low; new_height * new_width];
    }
    // The filter clips floats to [0, 1].
    plane.iter_mut().for_each(|x| *x = (*x - low) / width_of_range);
    let image = ImageBuffer::<Luma<f32>, _>::from_raw(width as u32, height as u32, plane);
    let image = image.expect("a channel has as many values as its shape");
    let image = imageops::resize(&image, new_width as u32, new_height as u32, FilterType::Triangle);
    image.into_raw().into_iter().map(|x| x * width_of_range + low).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_resized_apart_and_keep_their_range() {
        // A ramp down in one channel, a constant in the other.
        let row: Vec<f32> = (0..16).map(|at| -300.0 * (at / 4) as f32).chain([7.0; 16]).collect();
        let mut samples = Samples::complete(Array2::from_shape_vec((1, 32), row).unwrap());
        let config = DataConfig { resize: Some([2, 8]), ..Default::default() };
        let shape = SampleShape::Image { channels: 2, height: 4, width: 4 };
        let shape = resized(&config, "x", shape, &mut [&mut samples]).unwrap();
        assert_eq!((shape.dims(), samples.width()), (vec![2, 2, 8], 32));
        let values = samples.values.row(0).to_vec();
        // A triangle of width 4 around 1, of rows at 0.5, 1.5 and 2.5: (0.75 · 0 + 0.75 · 300 + 0.25 · 600) / 1.75.
        let first = -375.0 / 1.75;
        for at in 0..8 {
            assert!((values[at] - first).abs() < 0.01, "{values:?}");
            assert!((values[8 + at] + 900.0 + first).abs() < 0.01, "{values:?}");
        }
        assert_eq!(values[16..], [7.0; 16]);
    }

    #[test]
    fn only_images_have_a_height_and_a_width() {
        let config = DataConfig { resize: Some([2, 8]), ..Default::default() };
        let shape = SampleShape::Vector { features: 4 };
        let error = resized(&config, "x", shape.clone(), &mut []).unwrap_err().to_string();
        assert!(
            error.starts_with("data.resize = [2, 8] is out of range: give it for images only"),
            "{error}"
        );
        assert_eq!(resized(&DataConfig::default(), "x", shape.clone(), &mut []).unwrap(), shape);
    }
}
