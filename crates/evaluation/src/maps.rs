//! Maps of a run's codes in two dimensions, beside the same of PCA, and of which a reader sees the samples.

use crate::codes;
use crate::held_out::strided;
use crate::pictures::Units;
use ae_models::{Autoencoder, Batch, CodeForm};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, About, Map};
use ae_report::{ReportError, Samples};
use ae_tensor::{Kind, Noise, Pca, Tensor, array};
use ae_training::experiment::Run;
use ndarray::{Array1, Array2, Array4};

/// Held-out samples on a map.
const MAPPED: usize = 1000;
/// Training rows that the axes of PCA come from: two of them are well determined by few rows.
const FITTED: usize = 800;
/// Codes of more values are not mapped: finding their axes would take longer than a report should.
const MAX_CODE: i64 = 4096;
/// Rows that are reconstructed at once.
const PART: usize = 250;
/// Longer side in pixels of an image that is shown when a reader points at its sample.
const THUMBNAIL: i64 = 32;

/// Samples as a reader sees them.
#[derive(Debug)]
pub(crate) enum Shown {
    /// `[N, C, H, W]`, in [0, 1].
    Images(Array4<f32>),
    /// `[N, T]`.
    Rows(Array2<f32>),
}

impl Shown {
    /// Of samples `[N, …]`, in the units of the data. Large images are made small. Of an image that is neither grey nor in
    /// colour, the first channel is shown.
    pub(crate) fn of(samples: &Tensor, units: &Units<'_>) -> Self {
        let &[_, channels, height, width] = samples.size().as_slice() else {
            return Shown::Rows(units.rows(samples));
        };
        let images = array::from_array(units.images(samples));
        let images = if [1, 3].contains(&channels) { images } else { images.narrow(1, 0, 1) };
        let longer = height.max(width);
        let small = if longer > THUMBNAIL {
            let side = |length: i64| (length * THUMBNAIL / longer).max(1);
            images.adaptive_avg_pool2d([side(height), side(width)])
        } else {
            images
        };
        Shown::Images(array::to_images(&small))
    }

    pub(crate) fn samples(&self) -> Samples<'_> {
        match self {
            Shown::Images(images) => Samples::Images(images.view()),
            Shown::Rows(rows) => Samples::Rows(rows.view()),
        }
    }
}

/// Draws the codes of held-out samples, or two principal components of longer codes, beside PCA of the data itself. Models
/// whose codes are indices or a single number, and data that are not dense or have no test rows, have no map.
///
/// # Errors
/// The picture cannot be written.
pub(crate) fn draw(run: &Run, autoencoder: &dyn Autoencoder, gallery: &Gallery) -> Result<(), ReportError> {
    let CodeForm::Numbers(2..=MAX_CODE) = autoencoder.code_form() else { return Ok(()) };
    let (train, test) = (&run.splits.train, &run.splits.test);
    if test.is_empty() || !run.splits.is_dense() {
        return Ok(());
    }
    let (fitted, mapped) = (strided(train, FITTED), strided(test, MAPPED));
    let encoded = codes::encode(autoencoder, &mapped.values);
    if encoded.size()[0] < 3 || encoded.size()[1] < 2 || !is_finite(&encoded) {
        return Ok(());
    }
    let noise = Noise::new(run.record.seed, 0, encoded.device()).fork("maps");
    let of_codes = if encoded.size()[1] == 2 {
        Some(map("Codes".into(), ["first latent", "second latent"], &encoded))
    } else {
        let size = encoded.size()[1];
        principal(
            &format!("Codes of {size} numbers"),
            &codes::encode(autoencoder, &fitted.values),
            &encoded,
            &noise,
        )
    };
    let of_data = principal("The data", &fitted.values, &mapped.values, &noise);
    let maps: Vec<Map> = [of_codes, of_data].into_iter().flatten().collect();
    if maps.is_empty() {
        tracing::warn!("no map of the codes: neither the codes nor the data vary in the held-out samples");
        return Ok(());
    }
    let errors = squared_errors(autoencoder, &mapped);
    let names = &run.splits.dataset.label_names;
    let label = |value: f64| names.get(value as usize).cloned().unwrap_or_else(|| value.to_string());
    let labels: Vec<String> = mapped
        .labels
        .as_ref()
        .map(|labels| array::to_vec(labels).into_iter().map(label).collect())
        .unwrap_or_default();
    let shown = Shown::of(&mapped.values, &Units::of(&run.splits));
    let figures = errors.as_ref().map(|errors| ("squared error", errors.view()));
    let about = About { labels: &labels, figures, samples: Some(shown.samples()) };
    let caption = "Held-out samples by their codes, and by principal components of the data, of which the title gives the share of \
                   the variance. A unit is as long on both axes of a map.";
    let entry = Entry { file: "codes.png".into(), order: 30, title: "Codes".into(), caption: caption.into() };
    gallery.add(entry, |path| picture::maps(path, &maps, about))
}

/// The mean squared error of each row's reconstruction; `None` if that is not of the row's shape, or not finite.
fn squared_errors(autoencoder: &dyn Autoencoder, rows: &Batch) -> Option<Array1<f32>> {
    let n = rows.values.size()[0];
    let mut errors = Vec::new();
    for start in (0..n).step_by(PART) {
        let part = |tensor: &Tensor| tensor.narrow(0, start, (PART as i64).min(n - start));
        let of = |tensor: &Option<Tensor>| tensor.as_ref().map(part);
        let values = part(&rows.values);
        let (labels, observed, given) = (of(&rows.labels), of(&rows.observed), of(&rows.given));
        let batch = Batch { values, labels, observed, given };
        let rebuilt = autoencoder.reconstruct_batch(&batch);
        if rebuilt.size() != batch.values.size() {
            return None;
        }
        let squares = (rebuilt - &batch.values).square().flatten(1, -1);
        errors.extend(array::to_vec(&squares.mean_dim([1i64].as_slice(), false, Kind::Float)));
    }
    let are_finite = errors.iter().all(|error| error.is_finite());
    are_finite.then(|| errors.into_iter().map(|error| error as f32).collect())
}

fn map(title: String, axes: [&str; 2], points: &Tensor) -> Map {
    Map { title, axes: axes.map(String::from), points: array::to_rows(points) }
}

/// Rows by the first two principal components of other rows; `None` for rows of fewer than two values, or without variance.
fn principal(what: &str, fitted: &Tensor, rows: &Tensor, noise: &Noise) -> Option<Map> {
    let fitted = fitted.to_device(ae_tensor::Device::Cpu);
    if fitted.size()[0] < 3 || fitted.numel() < 2 * fitted.size()[0] as usize || !is_finite(&fitted) {
        return None;
    }
    let pca = Pca::leading(&fitted, 2, noise);
    if pca.components() < 2 || pca.total_variance() <= 0.0 {
        return None;
    }
    let explained = 100.0 * (1.0 - pca.variance_beyond(2) / pca.total_variance());
    let points = pca.codes(&rows.to_device(ae_tensor::Device::Cpu), 2);
    let title = format!("{what}: PCA, {explained:.0} % of the variance");
    is_finite(&points).then(|| map(title, ["first component", "second component"], &points))
}

fn is_finite(tensor: &Tensor) -> bool {
    tensor.isfinite().all().int64_value(&[]) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_datasets::{Dataset, SampleShape, Scale};
    use ae_training::Splits;

    #[test]
    fn images_are_shown_small_and_in_their_own_range() {
        let of = |shape: SampleShape| {
            let data =
                Array2::from_shape_fn((30, shape.numel()), |(row, at)| 50.0 + ((row + at) % 10) as f32);
            let data =
                Dataset::from_rows(data).unwrap().scaled(Scale::Standard).unwrap().shaped(shape).unwrap();
            let splits = Splits::new(data, ae_tensor::Device::Cpu).unwrap();
            Shown::of(&splits.train.values().narrow(0, 0, 2), &Units::of(&splits))
        };
        let image = |channels, height, width| match of(SampleShape::Image { channels, height, width }) {
            Shown::Images(images) => images,
            Shown::Rows(_) => panic!("they are images"),
        };
        // Bytes that were standardised.
        let small = image(1, 2, 2);
        for (value, expected) in small.iter().zip([50f32, 51.0, 52.0, 53.0]) {
            assert!((value * 255.0 - expected).abs() < 0.1, "{value}");
        }
        assert_eq!(image(3, 64, 32).dim(), (2, 3, 32, 16));
        assert_eq!(image(4, 8, 8).dim(), (2, 1, 8, 8));
        let Shown::Rows(rows) = of(SampleShape::Vector { features: 8 }) else { panic!("they are rows") };
        assert!((rows[[0, 3]] - 53.0).abs() < 0.01, "{rows}");
    }
}
