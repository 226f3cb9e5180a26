//! The pictures of a run: reconstructions, codes, samples, the latent space.

mod decoder;
mod events;
mod forecasts;
mod reconstructions;
mod shown;
mod units;

use crate::codes;
use crate::held_out::strided;
use crate::maps;
use ae_datasets::SampleShape;
use ae_models::{Autoencoder, Generator};
use ae_report::ReportError;
use ae_report::gallery::{Entry, Gallery};
use ae_report::{html, picture};
use ae_tensor::{Device, Kind, Noise, Tensor, array};
use ae_training::experiment::Run;
use ndarray::{Array2, Axis};
use reconstructions::{reconstructions, restorations};
use std::path::PathBuf;
pub(crate) use units::{MAX_CHANNELS, Units, own_range, shown_range, tiles_of};

/// Samples shown side by side.
const SHOWN: usize = 10;
/// Side of the grid of new samples and of the latent manifold.
const SIDE: i64 = 10;
pub(crate) const MANIFOLD_SIDE: i64 = 20;

/// Draws the pictures that the run's model and data allow into `images/`, and writes `report.html`.
///
/// # Errors
/// A picture or the report cannot be written.
pub fn write(run: &Run) -> Result<PathBuf, ReportError> {
    let gallery = Gallery::new(run.dir.images());
    let metrics = ae_records::metrics::read(&run.dir.metrics()).unwrap_or_default();
    if !metrics.is_empty() {
        let entry = entry("curves.png", 10, "Loss curves", "Each loss term over the optimizer steps.");
        gallery.add(entry, |path| picture::curves(path, &metrics))?;
    }
    ae_tensor::tch::no_grad(|| {
        if let Some(autoencoder) = run.model.as_autoencoder() {
            reconstructions(run, autoencoder, &gallery)?;
            dictionary(run, autoencoder, &gallery)?;
            maps::draw(run, autoencoder, &gallery)?;
            decoder::decoder(run, autoencoder, &gallery)?;
        }
        if let Some(forecaster) = run.model.as_forecaster() {
            forecasts::forecasts(run, forecaster, &gallery)?;
        }
        if let Some(restorer) = run.model.as_restorer() {
            restorations(run, restorer, &gallery)?;
        }
        if let Some(generator) = run.model.as_generator() {
            samples(run, generator, &gallery)?;
        }
        Ok::<_, ReportError>(())
    })?;
    events::write(run)?;
    html::write(&run.dir)
}

fn entry(file: &str, order: u32, title: &str, caption: &str) -> Entry {
    Entry { file: file.into(), order, title: title.into(), caption: caption.into() }
}

/// What each component of the code adds to an image, for a decoder of one linear layer: the components in use first.
fn dictionary(run: &Run, autoencoder: &dyn Autoencoder, gallery: &Gallery) -> Result<(), ReportError> {
    let SampleShape::Image { .. } = run.splits.dataset.shape else { return Ok(()) };
    let Some(atoms) = autoencoder.dictionary() else { return Ok(()) };
    let size = atoms.size()[0] as usize;
    let (order, dead) = by_use(run, autoencoder, size);
    let order: Vec<i64> =
        order.into_iter().take((SIDE * SIDE) as usize).map(|component| component as i64).collect();
    let atoms = atoms.index_select(0, &Tensor::from_slice(&order).to_device(atoms.device()));
    let units = Units::of(&run.splits);
    let (channels, height, width) = units.sides();
    let mut added = units.differences(&atoms);
    for mut atom in added.outer_iter_mut() {
        let greatest = atom.fold(1e-12f32, |greatest, x| greatest.max(x.abs()));
        atom.mapv_inplace(|x| x / greatest * 0.5 + 0.5);
    }
    let added = added.into_shape_with_order((atoms.size()[0] as usize, channels, height, width));
    let added = units.tiles_of(added.expect("an atom has as many values as an image"));
    let (shown, use_of) = (
        order.len(),
        match dead {
            None => String::new(),
            Some(0) => {
                " The components whose values vary most over held-out samples come first; all of them vary."
                    .into()
            }
            Some(dead) => format!(
                " The components whose values vary most over held-out samples come first; the last {dead} of {size} are dead: they \
             vary less than a thousandth as much as the first."
            ),
        },
    );
    let caption = format!(
        "What a unit of each component of the code adds to an image{}. Grey is zero; white and black are the greatest \
         increase and decrease by that component.{use_of}",
        if size > shown { format!(", for {shown} of {size} components") } else { String::new() }
    );
    let entry = entry("dictionary.png", 25, "Dictionary", &caption);
    gallery.add(entry, |path| picture::image_grid(path, added.view(), SIDE as usize))
}

/// Held-out samples that say how a component of the code is used.
const USES: usize = 1000;
/// A component that varies less than this share of the one that varies most is dead.
const DEAD: f32 = 1e-3;

/// The components of a code from the one that varies most over held-out samples to the one that varies least, and how many
/// are dead; in their own order if nothing is held out.
fn by_use(run: &Run, autoencoder: &dyn Autoencoder, size: usize) -> (Vec<usize>, Option<usize>) {
    let test = &run.splits.test;
    let as_they_are = || ((0..size).collect(), None);
    if test.len() < 2 || !run.splits.is_dense() {
        return as_they_are();
    }
    let codes = array::to_rows(&codes::encode(autoencoder, &strided(test, USES).values));
    if codes.ncols() != size || size == 0 || !codes.iter().all(|value| value.is_finite()) {
        return as_they_are();
    }
    let (order, dead) = ranked(&codes);
    (order, Some(dead))
}

/// The columns of `codes` `[N, D]` from the one that varies most, and how many are dead.
fn ranked(codes: &Array2<f32>) -> (Vec<usize>, usize) {
    let spread = codes.std_axis(Axis(0), 0.0);
    let mut order: Vec<usize> = (0..spread.len()).collect();
    order.sort_by(|&a, &b| spread[b].total_cmp(&spread[a]));
    let dead = spread.iter().filter(|own| **own <= DEAD * spread[order[0]]).count();
    (order, dead)
}

/// New samples, and a walk through the latent space.
fn samples(run: &Run, generator: &dyn Generator, gallery: &Gallery) -> Result<(), ReportError> {
    if !matches!(run.splits.dataset.shape, SampleShape::Image { .. }) {
        return Ok(());
    }
    let device = run.splits.train.rows(0, 1).values.device();
    let noise = Noise::new(run.record.seed, 0, device).fork("pictures");
    let classes = generator.classes();
    let (new, caption) = if classes == 0 {
        (generator.sample(SIDE * SIDE, &noise), "Decoded from draws of the prior, not hand-picked.")
    } else {
        // The same draws in each row, so that a column shows one style in every class.
        let latents = noise.normal("sample", &[SIDE, generator.latent_size()]).repeat([classes, 1]);
        let caption = "A row for each class, a column for each draw of the prior, not hand-picked.";
        (generator.generate_labelled(&latents, &labels(classes, SIDE, device)), caption)
    };
    let units = Units::of(&run.splits);
    let new = units.tiles(&new);
    // A row of each class has its name.
    let name = |class: i64| {
        run.splits.dataset.label_names.get(class as usize).cloned().unwrap_or_else(|| class.to_string())
    };
    let rows: Vec<(String, _)> = (0..classes)
        .zip(new.axis_chunks_iter(Axis(0), SIDE as usize))
        .map(|(class, images)| (name(class), images))
        .collect();
    gallery.add(entry("samples.png", 40, "New samples", caption), |path| match rows.is_empty() {
        true => picture::image_grid(path, new.view(), SIDE as usize),
        false => picture::image_rows(path, &rows),
    })?;
    let points = plane(generator.latent_size(), &noise);
    // One class only, to show the effect of the latents.
    let walk = units.tiles(&generator.generate_labelled(&points, &labels(1, points.size()[0], device)));
    let caption = match generator.latent_size() {
        2 => "The whole latent space: both latents from their 5 % to their 95 % quantile.",
        _ => {
            "A plane through the latent space, along two random directions from the 5 % to the 95 % quantile of the \
             prior. Neighbouring images change smoothly if the space is well used."
        }
    };
    gallery.add(entry("manifold.png", 50, "Latent manifold", caption), |path| match generator.latent_size() {
        1 => picture::latent_manifold(path, walk.view(), MANIFOLD_SIDE as usize),
        2 => picture::latent_plane(path, walk.view(), ["first latent", "second latent"], &steps()),
        _ => picture::latent_plane(path, walk.view(), ["first direction", "second direction"], &steps()),
    })
}

/// `each` of every label below `classes`, in their order: `[classes · each]`.
fn labels(classes: i64, each: i64, device: Device) -> Tensor {
    Tensor::arange(classes, (Kind::Int64, device)).repeat_interleave_self_int(each, 0, None::<i64>)
}

/// The values of a latent along one side of the manifold: from the 5 % to the 95 % quantile of N(0, 1).
fn steps() -> Vec<f32> {
    array::to_vec(&quantiles(Device::Cpu)).into_iter().map(|step| step as f32).collect()
}

fn quantiles(device: Device) -> Tensor {
    const QUANTILE: f64 = 1.6449; // of N(0, 1) at 95 %
    Tensor::linspace(-QUANTILE, QUANTILE, MANIFOLD_SIDE, (Kind::Float, device))
}

/// Points of a square grid in a plane through the origin, `[MANIFOLD_SIDE², D]`. The plane is spanned by the
/// axes for two latents, otherwise by two random orthogonal directions of length √D/√2, so that points are as
/// far from the origin as draws of the prior.
pub(crate) fn plane(latent: i64, noise: &Noise) -> Tensor {
    let device = noise.device();
    let steps = quantiles(device);
    let down = (-&steps).repeat_interleave_self_int(MANIFOLD_SIDE, 0, None::<i64>).unsqueeze(1);
    let across = steps.repeat([MANIFOLD_SIDE]).unsqueeze(1);
    if latent == 1 {
        return across;
    }
    let first = Tensor::zeros([latent], (Kind::Float, device));
    let second = first.copy();
    if latent == 2 {
        let (_, _) = (first.get(0).fill_(1.0), second.get(1).fill_(1.0));
        return across * first.unsqueeze(0) + down * second.unsqueeze(0);
    }
    let unit = |t: Tensor| &t / t.norm();
    let first = unit(noise.normal("manifold across", &[latent]));
    let second = noise.normal("manifold down", &[latent]);
    let second = unit(&second - &first * first.dot(&second));
    let scale = (latent as f64 / 2.0).sqrt();
    (across * first.unsqueeze(0) + down * second.unsqueeze(0)) * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_in_use_come_first_and_dead_ones_are_counted() {
        let codes = ndarray::array![[5.0, 0.0, 0.1, 2.0], [5.0, 1.0, 0.2, 2.0001], [5.0, 0.0, 0.1, 2.0]];
        assert_eq!(ranked(&codes), (vec![1, 2, 3, 0], 2));
        // A model that collapsed.
        assert_eq!(ranked(&Array2::zeros((3, 2))), (vec![0, 1], 2));
    }
}
