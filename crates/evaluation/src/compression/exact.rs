//! Images without loss: the bits of a variational autoencoder's files, beside its own bound, PNG and WebP.

use super::codecs::lossless;
use super::compressor;
use super::gallery::mosaic;
use crate::compressor::NamedPicture;
use crate::context::{Context, Wanted};
use crate::density::{density, latent_variable};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::held_out;
use crate::outcome::ResultTable;
use crate::spread::{Figures, Quantity};
use ae_models::{Batch, LatentVariable};
use ae_tensor::{Noise, array};
use ae_training::experiment::Run;

/// Test images that are stored, at most.
const IMAGES: usize = 10_000;
/// Draws of the bound for each of them.
const DRAWS: i64 = 16;

/// A model that stores images exactly, and what they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exactly {
    pub(super) preset: &'static str,
    pub(super) title: &'static str,
}

pub(super) const EXACTLY: [Exactly; 2] = [
    Exactly { preset: "vae-nll", title: "MNIST, black and white" },
    Exactly { preset: "vae-levels", title: "MNIST, 256 grey levels" },
];

const BITS: Quantity = Quantity::positive("bits_per_pixel", "bits per pixel", 4);
const BOUND: Quantity = Quantity::new("bound", "the model's bound", 4);
const OVERHEAD: Quantity = Quantity::percentage("overhead", "file above the bound", 2);

/// Test images that were stored, and what they took.
pub(crate) struct Stored {
    images: Vec<NamedPicture>,
    /// Bits a pixel, of the file.
    pub(crate) bits_per_pixel: f64,
    /// What the model says, `-ELBO`.
    pub(crate) bound: f64,
}

impl Stored {
    /// By which share the file is longer than the bound.
    pub(crate) fn overhead(&self) -> f64 {
        self.bits_per_pixel / self.bound - 1.0
    }
}

/// Stores the run's test images, and checks that they come back.
///
/// # Errors
/// The model does not store images exactly.
pub(crate) fn stored(context: &Context<'_>, run: &Run) -> Result<Stored, EvaluationError> {
    let compressor = compressor(run, context)?;
    let model = latent_variable(run)?;
    let rows = held_out::strided(&run.splits.test, IMAGES);
    // Bits are drawn once; drawing them again gives the same.
    let noise = Noise::new(run.experiment.training.seed, 0, rows.values.device()).fork("stored images");
    let values = model.targets().draw(&rows.values, &noise);
    let bytes = array::to_images(&values).mapv(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8);
    let picture =
        |pixels: ndarray::ArrayView3<'_, u8>| NamedPicture { name: String::new(), pixels: pixels.to_owned() };
    let images: Vec<NamedPicture> = bytes.outer_iter().map(picture).collect();
    let file = compressor.compress(&images, None)?;
    if compressor.decompress(&file, "the stored images".as_ref())? != images {
        let reason = "the images did not come back exactly".to_owned();
        return Err(EvaluationError::Codec { codec: "bits-back coding", quality: 100, reason });
    }
    let pixels = f64::from(u32::try_from(bytes.len()).expect("ten thousand small images"));
    Ok(Stored {
        images,
        bits_per_pixel: 8.0 * file.len() as f64 / pixels,
        bound: bound(model, &Batch { values, ..rows }, run.experiment.training.seed) / pixels,
    })
}

/// `-ELBO` of all rows, in bits.
fn bound(model: &dyn LatentVariable, rows: &Batch, seed: u64) -> f64 {
    density(model, rows, DRAWS, seed).negative_elbo * rows.len() as f64 / std::f64::consts::LN_2
}

/// A table for each model.
pub(super) fn report(
    context: &mut Context<'_>,
    draft: &mut Draft,
    all: &[Exactly],
    wanted: impl Fn(&Exactly, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(), EvaluationError> {
    for one in all {
        let mut figures = Figures::default();
        let mut first = None;
        for seed in context.seeds.clone() {
            let run = draft.trained(context, &wanted(one, seed)?)?;
            let stored = stored(context, &run)?;
            figures.push(seed, &BITS, stored.bits_per_pixel);
            figures.push(seed, &BOUND, stored.bound);
            figures.push(seed, &OVERHEAD, stored.overhead());
            first.get_or_insert(stored);
        }
        let Some(first) = first else { continue };
        figures.enter(&mut draft.evaluation.metrics, &format!("{}/exact", one.preset))?;
        let mosaic = mosaic(&first.images);
        let pixels = mosaic.len() as f64;
        let mut rows = vec![(format!("`{}` and bits-back coding", one.preset), first.bits_per_pixel)];
        for rival in lossless(&mosaic)? {
            let rate = 8.0 * rival.bytes as f64 / pixels;
            draft.evaluation.metrics.insert(format!("{}/{}/bits_per_pixel", one.preset, rival.name), rate);
            rows.push((rival.title.to_owned(), rate));
        }
        let winner = rows.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map_or("nobody", |row| row.0.as_str());
        let note = format!(
            "Fewest bits: {winner}. {} test images, each decoded again and compared; the others get them as one mosaic. The bound \
             of the model, -ELBO with {DRAWS} draws of the latents, is {:.4} bits a pixel; its file is {:.2} % {}. PNG has one \
             bit a pixel where there is black and white only. The first seed.",
            first.images.len(),
            first.bound,
            100.0 * first.overhead().abs(),
            if first.overhead() < 0.0 { "shorter" } else { "longer" },
        );
        draft.evaluation.tables.push(ResultTable {
            title: format!("Bits without loss, {}", one.title),
            columns: ["stored by", "bits per pixel"].map(String::from).to_vec(),
            rows: rows.into_iter().map(|(title, rate)| vec![title, format!("{rate:.4}")]).collect(),
            note,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::TASK;
    use crate::outcome::Evaluation;
    use crate::testing::{Bench, wanted};
    use ae_models::ModelConfig;
    use ae_tensor::Likelihood;

    /// Hardly trained, and yet the file is as long as the model's bound says, and the images come back.
    #[test]
    fn a_file_is_as_long_as_the_bound() {
        let bench = Bench::new();
        let data = bench.bars();
        let one = [Exactly { preset: "levels", title: "bars" }];
        let evaluation = bench
            .with(&[2], |context| {
                let mut draft = Evaluation::begin(context, &TASK)?;
                report(context, &mut draft, &one, |one, seed| {
                    let mut wanted = wanted(one.preset, "vae", &data, 3, seed);
                    let ModelConfig::Vae(vae) = &mut wanted.experiment.model else { panic!("it is a vae") };
                    vae.likelihood = Likelihood::BetaBinomial;
                    Ok(wanted)
                })?;
                draft.finish("all")
            })
            .unwrap()
            .0;
        let of = |key: &str| evaluation.metrics[key];
        // Sixteen images of 144 pixels, whose first one takes 20 latents of 12 bits from fixed words, besides what the coder
        // and the file hold.
        let more = (of("levels/exact/bits_per_pixel") - of("levels/exact/bound")) * 16.0 * 144.0;
        assert!((-200.0..240.0 + 8.0 * 30.0 + 400.0).contains(&more), "{more} bits above the bound");
        for rival in ["png", "webp"] {
            assert!(of(&format!("levels/{rival}/bits_per_pixel")) > 0.0);
        }
        assert!(evaluation.tables[0].note.starts_with("Fewest bits: "));
    }
}
