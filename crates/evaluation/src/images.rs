//! Helpers of the tasks about images: the held-out images, and the similarity of other images to them.

use crate::error::EvaluationError;
use crate::held_out;
use crate::pictures::tiles_of;
use crate::spread::Quantity;
use ae_metrics::{MetricError, psnr_per_sample, ssim};
use ae_tensor::{Tensor, array, tch};
use ae_training::Split;
use ae_training::evaluate::BATCH;
use ae_training::experiment::Run;
use ndarray::{Array4, Axis};

/// Mean over the images of `10 log10(1 / MSE)`.
pub(crate) const PSNR: Quantity = Quantity::new("psnr", "PSNR (dB)", 2);
/// Mean over the images, of Wang et al. (2004).
pub(crate) const SSIM: Quantity = Quantity::new("ssim", "SSIM", 4);

/// Images in a row of a picture.
const SHOWN: usize = 10;
/// Greatest minus least possible value of a pixel.
const DATA_RANGE: f64 = 1.0;
/// Upper limit of an image's PSNR in dB; that of an exact reconstruction would be infinite.
pub(crate) const MAX_PSNR: f64 = 100.0;

/// The test images of a run, whose pixels lie in [0, 1].
///
/// # Errors
/// There are no test rows, or they are not such images.
pub(crate) fn held_out(run: &Run) -> Result<&Split, EvaluationError> {
    let test = held_out::test(run)?;
    if test.values().dim() != 4 {
        return Err(EvaluationError::Data {
            set: run.splits.dataset.name.clone(),
            missing: "images",
            remedy: "choose a set of images, or declare their shape with data.shape = [C, H, W]",
        });
    }
    let (least, greatest) = test.values().aminmax(None::<i64>, false);
    if least.double_value(&[]) < -MARGIN || greatest.double_value(&[]) > 1.0 + MARGIN {
        return Err(EvaluationError::Data {
            set: run.splits.dataset.name.clone(),
            missing: "pixels between 0 and 1",
            remedy: "leave data.scale out, or train with data.scale = \"min-max\"",
        });
    }
    Ok(test)
}

/// What scaled test images may lie outside of [0, 1]: the scale is that of the training images.
const MARGIN: f64 = 0.25;

/// Applies `rebuild` to images `[N, C, H, W]` in evaluation batches.
pub(crate) fn in_batches(images: &Tensor, rebuild: impl Fn(&Tensor) -> Tensor) -> Array4<f32> {
    let parts: Vec<Tensor> = tch::no_grad(|| images.split(BATCH as i64, 0).iter().map(rebuild).collect());
    array::to_images(&Tensor::cat(&parts, 0))
}

/// The images that pictures show: evenly spaced, so that those of a sorted folder are not all of one kind. Channels that are
/// neither grey nor colours lie side by side.
pub(crate) fn shown(images: &Array4<f32>) -> Array4<f32> {
    tiles_of(images.select(Axis(0), &held_out::places(images.dim().0, SHOWN)))
}

/// Which images pictures show, with this seed.
pub(crate) fn shown_are(seed: u64) -> String {
    format!("Test images at even distances, seed {seed}; not hand-picked.")
}

/// See [`PSNR`].
///
/// # Errors
/// Shapes that differ, or values that are not finite.
pub(crate) fn mean_psnr(originals: &Array4<f32>, images: &Array4<f32>) -> Result<f64, MetricError> {
    Ok(mean(psnr_per_sample(originals, images, DATA_RANGE)?.into_iter().map(|psnr| psnr.min(MAX_PSNR))))
}

/// See [`SSIM`].
///
/// # Errors
/// Shapes that differ, images that are too small, or values that are not finite.
pub(crate) fn mean_ssim(originals: &Array4<f32>, images: &Array4<f32>) -> Result<f64, MetricError> {
    Ok(mean(ssim(originals, images, DATA_RANGE)?.into_iter()))
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_a_known_error() {
        let constant = |value: f32| Array4::from_elem((2, 1, 12, 12), value);
        let psnr = mean_psnr(&constant(0.5), &constant(0.75)).unwrap();
        assert!((psnr - 10.0 * 16f64.log10()).abs() < 1e-6, "{psnr}");
        // Without structure SSIM is its luminance term, with C1 = 1e-4.
        let luminance = (2.0 * 0.375 + 1e-4) / (0.25 + 0.5625 + 1e-4);
        let ssim = mean_ssim(&constant(0.5), &constant(0.75)).unwrap();
        assert!((ssim - luminance).abs() < 1e-6, "{ssim}");
    }

    #[test]
    fn an_exact_image_counts_as_a_hundred_decibels() {
        let originals = Array4::from_shape_fn((2, 1, 12, 12), |(_, _, y, x)| (y * x) as f32 / 121.0);
        let mut rebuilt = originals.clone();
        rebuilt.index_axis_mut(Axis(0), 1).mapv_inplace(|value| value + 0.1);
        let psnr = mean_psnr(&originals, &rebuilt).unwrap();
        assert!((psnr - (MAX_PSNR + 20.0) / 2.0).abs() < 1e-4, "{psnr}");
    }
}
