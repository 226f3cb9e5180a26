//! Structural similarity (Wang, Bovik, Sheikh & Simoncelli, IEEE Transactions on Image Processing
//! 13(4), 2004), and the same at several scales (Wang, Simoncelli & Bovik, Asilomar 2003).
//!
//! Around each pixel, with a Gaussian window:
//! `SSIM = (2 μₓ μᵧ + C₁)(2 σₓᵧ + C₂) / ((μₓ² + μᵧ² + C₁)(σₓ² + σᵧ² + C₂))`, `Cᵢ = (Kᵢ · data_range)²`.

use crate::error::MetricError;
use crate::reconstruction::{check_data_range, check_finite, check_pair};
use ndarray::{Array2, ArrayBase, ArrayView2, Axis, Data, Ix4, Zip, s};
use rayon::prelude::*;

/// Side of the sliding window, in pixels; smaller images have no SSIM.
pub const SSIM_WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
const K1: f64 = 0.01;
const K2: f64 = 0.03;
/// Exponents of the scales, finest first (Wang et al., 2003, section 3.2).
const SCALES: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// SSIM of each image, `[N]`, of images `[N, C, H, W]`; in `[-1, 1]`, where 1 means equal.
///
/// The mean over all positions of the window within the image, then over channels. The Gaussian window is
/// 11 x 11 with sigma 1.5; K₁ = 0.01 and K₂ = 0.03; variances are divided by n. This agrees with the paper
/// and with scikit-image with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`. `data_range`
/// is the greatest minus the least *possible* value: 1, or 255 for bytes.
///
/// # Errors
/// Different shapes, no images, an image smaller than the window, a value that is not finite, or a data range
/// that is not positive and finite.
pub fn ssim<A, B, L, R>(
    originals: &ArrayBase<L, Ix4>,
    reconstructions: &ArrayBase<R, Ix4>,
    data_range: f64,
) -> Result<Vec<f64>, MetricError>
where
    A: Copy + Into<f64> + Sync,
    B: Copy + Into<f64> + Sync,
    L: Data<Elem = A> + Sync,
    R: Data<Elem = B> + Sync,
{
    check_data_range(data_range)?;
    check_pair(originals.shape(), reconstructions.shape())?;
    let (n_images, channels, height, width) = originals.dim();
    if height.min(width) < SSIM_WINDOW {
        return Err(MetricError::ImageTooSmall { height, width, window: SSIM_WINDOW });
    }
    check_finite("originals", originals)?;
    check_finite("reconstructions", reconstructions)?;
    let window = gaussian();
    let of_image = |index: usize| {
        let left = originals.index_axis(Axis(0), index);
        let right = reconstructions.index_axis(Axis(0), index);
        let planes = left.outer_iter().zip(right.outer_iter());
        let sum: f64 = planes
            .map(|(x, y)| plane(&x.mapv(Into::into), &y.mapv(Into::into), data_range, &window).similarity)
            .sum();
        sum / channels as f64
    };
    Ok((0..n_images).into_par_iter().map(of_image).collect())
}

/// SSIM at five scales (MS-SSIM) of each image, `[N]`, of images `[N, C, H, W]`; in `[0, 1]`, where 1 means equal.
///
/// `Πⱼ csⱼ^βⱼ · l₅^β₅` with contrast and structure `cs` at each scale and luminance `l` at the last one (equation 7), each the
/// mean over all positions of the window; the next scale averages 2×2 pixels of the one before (an odd last row or column is
/// dropped). Means that are below 0, which have no real power, count as 0. The mean over channels is taken last.
/// `data_range` is as in [`ssim`].
///
/// # Errors
/// As [`ssim`]; an image must be at least 11·2⁴ = 176 pixels high and wide.
pub fn ms_ssim<A, B, L, R>(
    originals: &ArrayBase<L, Ix4>,
    reconstructions: &ArrayBase<R, Ix4>,
    data_range: f64,
) -> Result<Vec<f64>, MetricError>
where
    A: Copy + Into<f64> + Sync,
    B: Copy + Into<f64> + Sync,
    L: Data<Elem = A> + Sync,
    R: Data<Elem = B> + Sync,
{
    check_data_range(data_range)?;
    check_pair(originals.shape(), reconstructions.shape())?;
    let (n_images, channels, height, width) = originals.dim();
    let side = SSIM_WINDOW << (SCALES.len() - 1);
    if height.min(width) < side {
        return Err(MetricError::ImageTooSmall { height, width, window: side });
    }
    check_finite("originals", originals)?;
    check_finite("reconstructions", reconstructions)?;
    let window = gaussian();
    let of_plane = |mut x: Array2<f64>, mut y: Array2<f64>| {
        let mut product = 1.0;
        for (scale, exponent) in SCALES.iter().enumerate() {
            let it = plane(&x, &y, data_range, &window);
            let last = scale + 1 == SCALES.len();
            product *= if last { it.similarity } else { it.structure }.max(0.0).powf(*exponent);
            if !last {
                (x, y) = (halved(&x), halved(&y));
            }
        }
        product
    };
    let of_image = |index: usize| {
        let left = originals.index_axis(Axis(0), index);
        let right = reconstructions.index_axis(Axis(0), index);
        let planes = left.outer_iter().zip(right.outer_iter());
        let sum: f64 = planes.map(|(x, y)| of_plane(x.mapv(Into::into), y.mapv(Into::into))).sum();
        sum / channels as f64
    };
    Ok((0..n_images).into_par_iter().map(of_image).collect())
}

/// The mean of each 2×2 square.
fn halved(values: &Array2<f64>) -> Array2<f64> {
    let (height, width) = (values.nrows() / 2 * 2, values.ncols() / 2 * 2);
    let part = |row: usize, column: usize| values.slice(s![row..height; 2, column..width; 2]);
    (&part(0, 0) + &part(0, 1) + part(1, 0) + part(1, 1)) / 4.0
}

/// Means over a channel.
struct Similarity {
    /// SSIM.
    similarity: f64,
    /// Its part without the luminance.
    structure: f64,
}

/// Means over one channel `[H, W]`.
fn plane(x: &Array2<f64>, y: &Array2<f64>, data_range: f64, window: &[f64; SSIM_WINDOW]) -> Similarity {
    let c1 = (K1 * data_range).powi(2);
    let c2 = (K2 * data_range).powi(2);
    let smooth = |values: &Array2<f64>| blur(values.view(), window);
    let (mean_x, mean_y) = (smooth(x), smooth(y));
    let (square_x, square_y, product) = (smooth(&(x * x)), smooth(&(y * y)), smooth(&(x * y)));
    let (mut similarity, mut of_structure) = (0.0, 0.0);
    Zip::from(&mean_x).and(&mean_y).and(&square_x).and(&square_y).and(&product).for_each(
        |&mx, &my, &xx, &yy, &xy| {
            let luminance = (2.0 * mx * my + c1) / (mx * mx + my * my + c1);
            let structure = (2.0 * (xy - mx * my) + c2) / (xx - mx * mx + yy - my * my + c2);
            similarity += luminance * structure;
            of_structure += structure;
        },
    );
    let n = mean_x.len() as f64;
    Similarity { similarity: similarity / n, structure: of_structure / n }
}

/// Convolves `[H, W]` with the window at all positions where it fits: `[H - 10, W - 10]`; rows first, then
/// columns.
fn blur(values: ArrayView2<f64>, window: &[f64; SSIM_WINDOW]) -> Array2<f64> {
    let (height, width) = values.dim();
    let (rows, columns) = (height - SSIM_WINDOW + 1, width - SSIM_WINDOW + 1);
    let mut across = Array2::zeros((height, columns));
    for (offset, &weight) in window.iter().enumerate() {
        across.scaled_add(weight, &values.slice(s![.., offset..offset + columns]));
    }
    let mut blurred = Array2::zeros((rows, columns));
    for (offset, &weight) in window.iter().enumerate() {
        blurred.scaled_add(weight, &across.slice(s![offset..offset + rows, ..]));
    }
    blurred
}

fn gaussian() -> [f64; SSIM_WINDOW] {
    let centre = (SSIM_WINDOW / 2) as f64;
    let weights: [f64; SSIM_WINDOW] =
        std::array::from_fn(|i| (-0.5 * ((i as f64 - centre) / SIGMA).powi(2)).exp());
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}
