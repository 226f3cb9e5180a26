//! What each component of a code does, for decoders of dense layers: in a picture, and with sliders in the page.

use super::reconstructions::MAX_UNNAMED;
use super::units::Units;
use super::{USES, entry, ranked};
use crate::held_out::{places, strided};
use ae_datasets::SampleShape;
use ae_models::{Autoencoder, Batch, CodeForm};
use ae_report::gallery::Gallery;
use ae_report::picture::{self, Line};
use ae_report::{Component, Decoded, Decoder, DecoderLayer, ReportError};
use ae_tensor::{Device, Kind, Tensor, array};
use ae_training::experiment::Run;
use ndarray::{Array2, Axis};
use std::path::Path;

/// Weights that a page holds: 4 MB of Base64.
const MAX_WEIGHTS: usize = 1_500_000;
/// Components with a slider, and with a row of the picture.
const SLIDERS: usize = 16;
const ROWS: usize = 8;
/// Codes of a row of the picture, and lines of a picture of series.
const STEPS: usize = 9;
const LINES: usize = 5;
/// Samples that a reader may start from.
const STARTS: usize = 12;
/// Values of a sample that a page draws.
const MAX_VALUES: usize = 1 << 14;
/// A slider goes from this share of the held-out codes to all but this share.
const TAIL: f64 = 0.02;

/// Draws how a held-out sample changes with each component of its code, and gives the page the decoder itself. Other decoders
/// than those of dense layers, and data other than images and series of one channel, have no such picture.
///
/// # Errors
/// The picture cannot be written.
pub(super) fn decoder(
    run: &Run,
    autoencoder: &dyn Autoencoder,
    gallery: &Gallery,
) -> Result<(), ReportError> {
    let (test, shape) = (&run.splits.test, &run.splits.dataset.shape);
    let decoded = match *shape {
        SampleShape::Image { channels: channels @ (1 | 3), height, width } => {
            Decoded::Images { channels, height, width }
        }
        SampleShape::Sequence { features: 1, .. } => Decoded::Series,
        SampleShape::Vector { features }
            if run.splits.dataset.feature_names.is_empty() && features > MAX_UNNAMED =>
        {
            Decoded::Series
        }
        _ => return Ok(()),
    };
    let is_small = shape.numel() <= MAX_VALUES && run.model.numel() as usize <= 8 * MAX_WEIGHTS;
    let CodeForm::Numbers(code) = autoencoder.code_form() else { return Ok(()) };
    if test.len() < 2 || !run.splits.is_dense() || !is_small {
        return Ok(());
    }
    let Some(network) = autoencoder.dense_decoder() else { return Ok(()) };
    let weights = network.layers().iter().map(|layer| layer.weights.len()).sum::<usize>();
    let classes = network.inputs().saturating_sub(code as usize);
    if weights > MAX_WEIGHTS || network.outputs() != shape.numel() {
        return Ok(());
    }

    let codes = of_batch(autoencoder, &strided(test, USES));
    if codes.ncols() != code as usize || !codes.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    let components = components(&codes);
    let start = strided(test, STARTS);
    let start_codes = of_batch(autoencoder, &start);
    let units = Units::of(&run.splits);
    let class: Vec<usize> = match (&start.labels, classes) {
        (_, 0) => Vec::new(),
        (Some(labels), _) => array::to_vec(labels).into_iter().map(|label| label as usize).collect(),
        (None, _) => vec![0; start_codes.nrows()],
    };
    if components.is_empty() {
        return Ok(());
    }
    let named = |label: usize| {
        run.splits.dataset.label_names.get(label).cloned().unwrap_or_else(|| label.to_string())
    };
    let names = names(run, &start, named);
    let changed = changed(&start_codes, &components);
    let changed = Decoding { autoencoder, run, class: class.first().copied() }.of(&changed);
    let caption = format!(
        "How a held-out sample ({}) changes when a component of its code goes from the {:.0} % to the {:.0} % quantile of held-out \
         samples, and all others stay. The components that vary most come first. With scripts, sliders change the code, and \
         the page decodes it with the weights of the model, rounded to 16 bits.",
        names[0],
        100.0 * TAIL,
        100.0 - 100.0 * TAIL
    );
    let (scale, shift) = affine(&units, shape.numel(), decoded);
    let mut originals = array::to_rows(&start.values);
    originals.outer_iter_mut().for_each(|mut row| {
        row.iter_mut().zip(scale.iter().zip(&shift)).for_each(|(x, (scale, shift))| *x = *x * scale + shift);
    });
    let layers = network.layers().iter().map(|own| DecoderLayer {
        weights: &own.weights,
        bias: &own.bias,
        activation: own.activation.name(),
    });
    let class_names: Vec<String> = (0..classes).map(named).collect();
    let page = Decoder {
        layers: layers.collect(),
        decoded,
        scale: &scale,
        shift: &shift,
        components: &components,
        codes: start_codes.view(),
        originals: originals.view(),
        names: &names,
        classes: &class_names,
        class: &class,
        has_prior: run.model.as_generator().is_some(),
    };
    gallery.add(entry("decoder.png", 35, "Components of the code", &caption), |path| {
        draw(path, decoded, &components, &units, &changed)?;
        page.write(path)
    })
}

/// Codes `[N, D]` of a batch by its own classes, on the CPU.
fn of_batch(autoencoder: &dyn Autoencoder, batch: &Batch) -> Array2<f32> {
    array::to_rows(&autoencoder.encode_batch(batch).point().flatten(1, -1))
}

/// The components that vary, from the one that varies most, and their ranges over codes `[N, D]`.
fn components(codes: &Array2<f32>) -> Vec<Component> {
    let (order, dead) = ranked(codes);
    let alive = order.len() - dead;
    let component = |place: usize| {
        let mut values = codes.column(place).to_vec();
        values.sort_by(f32::total_cmp);
        let tail = (TAIL * (values.len() - 1) as f64) as usize;
        Component { place, low: values[tail], high: values[values.len() - 1 - tail] }
    };
    let ranges = order.into_iter().take(alive).map(component);
    ranges.filter(|component| component.low < component.high).take(SLIDERS).collect()
}

/// The first of codes `[N, D]` with one component changed: the codes of the first component from low to high, then those of the
/// second, `[min(components, ROWS) · STEPS, D]`.
fn changed(codes: &Array2<f32>, components: &[Component]) -> Array2<f32> {
    let rows = components.len().min(ROWS);
    let mut changed = Array2::zeros((rows * STEPS, codes.ncols()));
    for (place, mut row) in changed.outer_iter_mut().enumerate() {
        let Component { place: component, low, high } = components[place / STEPS];
        row.assign(&codes.row(0));
        row[component] = low + (high - low) * (place % STEPS) as f32 / (STEPS - 1) as f32;
    }
    changed
}

struct Decoding<'a> {
    autoencoder: &'a dyn Autoencoder,
    run: &'a Run,
    /// Of a conditional model.
    class: Option<usize>,
}

impl Decoding<'_> {
    /// What the model makes of codes `[N, D]`.
    fn of(&self, codes: &Array2<f32>) -> Tensor {
        let device = self.run.splits.train.rows(0, 1).values.device();
        let codes = array::from_array(codes.clone()).to_device(device);
        match (self.class, self.run.model.as_generator()) {
            (Some(class), Some(generator)) => {
                let labels = Tensor::full([codes.size()[0]], class as i64, (Kind::Int64, device));
                generator.generate_labelled(&codes, &labels)
            }
            _ => self.autoencoder.decode(&codes),
        }
    }
}

/// Factors and offsets `[D]` from the values that a model sees to those that are shown.
fn affine(units: &Units<'_>, values: usize, decoded: Decoded) -> (Vec<f32>, Vec<f32>) {
    let at = |value: f64| units.rows(&Tensor::full([1, values as i64], value, (Kind::Float, Device::Cpu)));
    let (zeros, ones) = (at(0.0), at(1.0));
    let ranges = match decoded {
        Decoded::Images { .. } => units.channel_ranges(),
        Decoded::Series => vec![(0.0, 1.0)],
    };
    let size = values / ranges.len();
    let of = |place: usize| {
        let (low, high) = ranges[place / size];
        let (zero, one) = (zeros[[0, place]], ones[[0, place]]);
        ((one - zero) / (high - low), (zero - low) / (high - low))
    };
    (0..values).map(of).unzip()
}

/// Names of rows: their class if they have one, and their number among the test rows.
fn names(run: &Run, rows: &Batch, named: impl Fn(usize) -> String) -> Vec<String> {
    let labels = rows.labels.as_ref().map(array::to_vec);
    let numbers = places(run.splits.test.len(), STARTS);
    let name = |(place, number): (usize, usize)| match &labels {
        Some(labels) => format!("{}, test row {number}", named(labels[place] as usize)),
        None => format!("test row {number}"),
    };
    numbers.into_iter().enumerate().map(name).collect()
}

/// `changed` `[rows · STEPS, …]`: images as a row for each component, series as lines for the first.
fn draw(
    path: &Path,
    decoded: Decoded,
    components: &[Component],
    units: &Units<'_>,
    changed: &Tensor,
) -> Result<(), ReportError> {
    if let Decoded::Images { .. } = decoded {
        let images = units.images(changed);
        let rows = components.iter().zip(images.axis_chunks_iter(Axis(0), STEPS));
        let rows: Vec<_> =
            rows.map(|(component, images)| (format!("component {}", component.place), images)).collect();
        return picture::image_rows(path, &rows);
    }
    let rows = units.rows(changed);
    let Component { place, low, high } = components[0];
    let line = |at: usize| {
        let step = at * (STEPS - 1) / (LINES - 1);
        let value = low + (high - low) * step as f32 / (STEPS - 1) as f32;
        Line {
            name: format!("component {place} = {value:.2}"),
            points: rows.row(step).iter().enumerate().map(|(x, &y)| (x as f64, f64::from(y))).collect(),
            labels: Vec::new(),
        }
    };
    picture::lines(path, "step", "value", &(0..LINES).map(line).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, wanted};
    use ndarray::array;

    #[test]
    fn only_components_that_vary_have_a_slider() {
        let codes = array![[0.0, 1.0, 5.0], [1.0, 1.0, 9.0], [2.0, 1.0, 1.0]];
        let found = components(&codes);
        let expected =
            [Component { place: 2, low: 1.0, high: 9.0 }, Component { place: 0, low: 0.0, high: 2.0 }];
        assert_eq!(found, expected);
        let changed = changed(&codes, &found);
        assert_eq!(changed.dim(), (2 * STEPS, 3));
        assert_eq!(
            changed.row(STEPS - 1).to_vec(),
            [0.0, 1.0, 9.0],
            "the first sample but for one component"
        );
        assert_eq!(changed.row(STEPS).to_vec(), [0.0, 1.0, 5.0]);
        assert!(components(&Array2::zeros((3, 2))).is_empty(), "a collapsed model has no sliders");
    }

    #[test]
    fn dense_decoders_of_images_and_series_are_in_the_page() {
        let bench = Bench::new();
        let (images, series) = (bench.bars(), bench.waves(false));
        let has_sliders = |name: &str, variant: &str, data: &Path, shape: Option<Vec<usize>>| {
            let mut wanted = wanted(name, variant, data, 1, 0);
            wanted.experiment.data.shape = shape;
            let run = bench.with(&[0], |context| context.trained(&wanted).unwrap());
            let files =
                ["decoder.png", "decoder.explore.json"].map(|file| run.dir.images().join(file).is_file());
            assert_eq!(files[0], files[1], "{name}");
            let report = std::fs::read_to_string(run.dir.report()).unwrap();
            assert_eq!(report.contains("data-for=\"decoder\""), files[0], "{name}");
            files[0]
        };
        assert!(has_sliders("vae", "vae", &images, None));
        assert!(has_sliders("deep", "deep", &series, Some(vec![17, 1])));
        assert!(!has_sliders("table", "deep", &series, None), "columns of a table are no series");
        assert!(!has_sliders("conv", "conv", &images, None));
    }

    #[test]
    fn originals_are_what_the_model_sees_in_the_units_of_the_data() {
        let rows = Array2::from_shape_fn((20, 3), |(row, at)| (row * (at + 2) % 7) as f32 * 10.0);
        let data =
            ae_datasets::Dataset::from_rows(rows).unwrap().scaled(ae_datasets::Scale::Standard).unwrap();
        let splits = ae_training::Splits::new(data, Device::Cpu).unwrap();
        let units = Units::of(&splits);
        let seen = array::to_rows(splits.train.values());
        let (scale, shift) = affine(&units, seen.ncols(), Decoded::Series);
        let expected = units.rows(splits.train.values());
        for ((place, x), want) in seen.indexed_iter().zip(&expected) {
            assert!((x * scale[place.1] + shift[place.1] - want).abs() < 1e-3);
        }
        assert!(scale.iter().all(|scale| *scale > 2.0), "the data are standardised");
    }
}
