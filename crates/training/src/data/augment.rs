//! Random changes of training rows: mirrored, moved, turned or recoloured images; noisy, scaled or masked series.
//!
//! Every draw is a function of the seed, the step and the row's place in the batch, so a resumed run sees the same rows.

use ae_datasets::augment::Augment;
use ae_models::{Batch, DataSummary};
use ae_tensor::{Kind, Noise, Tensor, tch};

/// What is changed, and what the training data are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Augmenter {
    settings: Augment,
    /// Least, mean and greatest value of the training data.
    low: f64,
    mean: f64,
    high: f64,
}

impl Augmenter {
    /// `None` if nothing is changed.
    pub(super) fn new(settings: Augment, summary: &DataSummary) -> Option<Self> {
        let DataSummary { low, mean, high, .. } = *summary;
        (!settings.is_off()).then_some(Augmenter { settings, low, mean, high })
    }

    pub(super) fn settings(&self) -> &Augment {
        &self.settings
    }

    /// A changed batch of images `[B, C, H, W]` or series `[B, T, F]`, with values within the range of the training data. Values
    /// that were not observed stay as they are. `noise` has the draws of the batch's rows.
    pub(super) fn apply(&self, batch: Batch, noise: &Noise) -> Batch {
        let before = &batch.values;
        let changed = tch::no_grad(|| match before.dim() {
            4 => self.images(before.shallow_clone(), noise),
            _ => self.series(before.shallow_clone(), noise),
        });
        let changed = changed.clamp(self.low, self.high);
        let values = match &batch.observed {
            None => changed,
            Some(observed) => before + (changed - before) * observed,
        };
        Batch { values, ..batch }
    }

    fn images(&self, mut images: Tensor, noise: &Noise) -> Tensor {
        let Augment { flip, shift, crop, rotate, brightness, contrast, .. } = self.settings;
        let (b, height, width) = (images.size()[0], images.size()[2], images.size()[3]);
        if flip > 0.0 {
            images = mirrored(&images, &noise.mask("flip", &[b], flip));
        }
        if shift > 0.0 {
            let pixels = |side: i64| (shift * side as f64).floor() as i64;
            let down = whole(&noise.uniform("shift down", &[b]), pixels(height));
            let right = whole(&noise.uniform("shift right", &[b]), pixels(width));
            images = moved(&images, &down, &right, Border::Edge);
        }
        if crop > 0 {
            let [down, right] =
                ["crop down", "crop right"].map(|side| whole(&noise.uniform(side, &[b]), crop as i64));
            images = moved(&images, &down, &right, Border::Mirror);
        }
        if rotate > 0.0 {
            images = turned(&images, &(either_way(noise, "rotate", b) * rotate.to_radians()));
        }
        if contrast > 0.0 {
            let factor = either_way(noise, "contrast", b) * contrast + 1.0;
            let means = images.mean_dim([1i64, 2, 3].as_slice(), true, Kind::Float);
            images = (images - &means) * factor.view([-1, 1, 1, 1]) + means;
        }
        if brightness > 0.0 {
            let added = either_way(noise, "brightness", b) * (brightness * (self.high - self.low));
            images = &images + added.view([-1, 1, 1, 1]);
        }
        images
    }

    fn series(&self, mut series: Tensor, noise: &Noise) -> Tensor {
        let Augment { jitter, scale, mask, .. } = self.settings;
        let (b, steps) = (series.size()[0], series.size()[1]);
        if scale > 0.0 {
            series = &series * (either_way(noise, "scale", b) * scale + 1.0).view([-1, 1, 1]);
        }
        if jitter > 0.0 {
            let size = series.size();
            series = &series + noise.normal("jitter", &size) * (jitter * (self.high - self.low));
        }
        if mask > 0.0 {
            let longest = (mask * steps as f64).floor();
            let length = (noise.uniform("mask length", &[b]) * (longest + 1.0)).floor();
            let start = (noise.uniform("mask start", &[b]) * (-&length + (steps + 1) as f64)).floor();
            series = masked(&series, &start, &length, self.mean);
        }
        series
    }
}

/// Draws from U[-1, 1), one a row.
fn either_way(noise: &Noise, purpose: &str, rows: i64) -> Tensor {
    noise.uniform(purpose, &[rows]) * 2.0 - 1.0
}

/// Draws from U[0, 1) as whole numbers from `-most` to `most`, int64.
fn whole(draws: &Tensor, most: i64) -> Tensor {
    (draws * (2 * most + 1) as f64).floor().to_kind(Kind::Int64) - most
}

/// Images `[B, C, H, W]`, mirrored left to right where `which`, `[B]`, is 1.
fn mirrored(images: &Tensor, which: &Tensor) -> Tensor {
    images.flip([3]).where_self(&which.gt(0.5).view([-1, 1, 1, 1]), images)
}

/// What lies beyond an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Border {
    /// The pixels of the edge, again and again.
    Edge,
    /// The image as in a mirror at the pixels of the edge, which are not repeated.
    Mirror,
}

/// Images `[B, C, H, W]`, moved by so many pixels, `[B]`, int64. With [`Border::Mirror`], by fewer than a side has.
fn moved(images: &Tensor, down: &Tensor, right: &Tensor, border: Border) -> Tensor {
    let size = images.size();
    let taken = |shift: &Tensor, side: i64| {
        let places = Tensor::arange(side, (Kind::Int64, images.device())).view([1, -1]) - shift.view([-1, 1]);
        match border {
            Border::Edge => places.clamp(0, side - 1),
            // Reflected at 0, and then at the last place.
            Border::Mirror => -(places.abs() - (side - 1)).abs() + (side - 1),
        }
    };
    let rows = taken(down, size[2]).view([-1, 1, size[2], 1]).expand(&size, false);
    let columns = taken(right, size[3]).view([-1, 1, 1, size[3]]).expand(&size, false);
    images.gather(2, &rows, false).gather(3, &columns, false)
}

/// Images `[B, C, H, W]`, turned about their centre by `angles`, `[B]`, in radians, counter-clockwise; between pixels bilinear.
fn turned(images: &Tensor, angles: &Tensor) -> Tensor {
    let (height, width) = (images.size()[2] as f64, images.size()[3] as f64);
    let (cos, sin, none) = (angles.cos(), angles.sin(), angles.zeros_like());
    // Rows of the matrix from a place in the new image to that in the old one. Each side runs from -1 to 1, whatever its length.
    let across = Tensor::stack(&[&cos, &(-&sin * (height / width)), &none], 1);
    let down = Tensor::stack(&[&(&sin * (width / height)), &cos, &none], 1);
    let matrices = Tensor::stack(&[across, down], 1);
    let places = Tensor::affine_grid_generator(&matrices, images.size(), false);
    let (bilinear, edge) = (0, 1);
    images.grid_sampler(&places, bilinear, edge, false)
}

/// Series `[B, T, F]` with `value` from step `start` on, for `length` steps, `[B]` each.
fn masked(series: &Tensor, start: &Tensor, length: &Tensor, value: f64) -> Tensor {
    let steps = Tensor::arange(series.size()[1], (Kind::Float, series.device())).view([1, -1]);
    let (start, length) = (start.view([-1, 1]), length.view([-1, 1]));
    let is_lost = steps.ge_tensor(&start).logical_and(&steps.lt_tensor(&(&start + length)));
    series.masked_fill(&is_lost.unsqueeze(-1), value)
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
