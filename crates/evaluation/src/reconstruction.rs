//! `ae eval reconstruction`: compares how well autoencoders reconstruct held-out images, next to principal
//! component analysis at the same code size.

use crate::anomaly::autoencoder;
use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::images::{self, PSNR, SSIM};
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::{self, Figures, Quantity};
use crate::subject::Models;
use crate::tasks::RunTask;
pub(crate) use ae_catalogue::tasks::RECONSTRUCTION as TASK;
use ae_metrics::{mae, mse};
use ae_models::{Batch, CodeForm};
use ae_report::gallery::Entry;
use ae_report::picture;
use ae_tensor::{Noise, Pca, Tensor, array, tch};
use ae_training::Split;
use ae_training::evaluate::BATCH;
use ae_training::experiment::Run;
use indexmap::IndexMap;
use ndarray::Array4;
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, _| {
    let models = Models::of(context, PRESETS)?;
    evaluate(context, &models.names(), |name, seed| models.wanted(name, seed))
};

const PRESETS: &[&str] = &[
    "linear",
    "vanilla",
    "deep",
    "hinton",
    "sparse",
    "contractive",
    "conv",
    "vae",
    "beta_vae",
    "cvae",
    "aae",
    "vq_vae",
    "denoising",
    "mae",
];

const MSE: Quantity = Quantity::positive("mse", "MSE", 5);
const MAE: Quantity = Quantity::positive("mae", "MAE", 4);
const FIGURES: [Quantity; 4] = [MSE, MAE, PSNR, SSIM];

/// The images of one table, and the models that reconstructed them, by their names in the metrics.
struct Contest {
    title: &'static str,
    note: &'static str,
    /// File name of the picture.
    file: &'static str,
    entrants: IndexMap<String, Entrant>,
    /// The original images that are shown.
    originals: Option<Array4<f32>>,
}

/// A model, and how well it reconstructs the images.
struct Entrant {
    label: Label,
    figures: Figures,
    /// Their reconstructions by the first seed.
    shown: Array4<f32>,
}

/// The first cells of an entrant's row in the table.
#[derive(Default)]
struct Label {
    title: String,
    code: Option<CodeForm>,
    parameters: Option<i64>,
}

fn evaluate(
    context: &mut Context<'_>,
    presets: &[&str],
    wanted: impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    draft.expect(presets.len() * context.seeds.len());
    let mut clean = Contest {
        title: "Reconstruction of clean images",
        note: "Lower is better for MSE and MAE, higher for PSNR and SSIM. A number takes 32 bits; a code of indices is \
               compared with as many components as take no more bits.",
        file: "reconstructions.png",
        entrants: IndexMap::new(),
        originals: None,
    };
    let mut damaged = Contest {
        title: "Reconstruction of clean images from damaged ones",
        note: "Inputs are damaged as in training, with new random draws; the target is the clean image. PCA gets the same \
               damaged images. A model that is told which part is missing (mae) only fills in that part.",
        file: "denoised.png",
        entrants: IndexMap::new(),
        originals: None,
    };
    let mut axes: BTreeMap<(u64, String), Pca> = BTreeMap::new();
    for preset in presets {
        for seed in context.seeds.clone() {
            let run = draft.trained(context, &wanted(preset, seed)?)?;
            let key = (seed, format!("{:?}", run.experiment.data));
            let pca = axes.entry(key).or_insert_with(|| Pca::fit(run.splits.train.values()));
            let example = images::held_out(&run)?.values().narrow(0, 0, 1);
            let noise = Noise::new(seed, 0, example.device());
            let damages = autoencoder(&run)?.corrupt(&example, &noise).is_some();
            let contest = if damages { &mut damaged } else { &mut clean };
            contest.compete(preset, seed, &run, damages, pca)?;
        }
    }
    for (contest, order) in [clean, damaged].iter().zip(1..) {
        contest.report(&mut draft, order)?;
    }
    draft.finish(format!(
        "All figures are computed on all test images, none of which were used in training. PSNR is the mean over the images \
         of 10 log10(1 / MSE) in dB, at most {} dB per image; SSIM is that of Wang et al. (2004). Pixels lie in [0, 1]. PCA \
         is fitted on the same training images, and its reconstructions are not clipped.",
        images::MAX_PSNR
    ))
}

impl Contest {
    /// Adds a variant and, if they are not there yet, its damaged input and PCA at its code size.
    fn compete(
        &mut self,
        preset: &str,
        seed: u64,
        run: &Run,
        damages: bool,
        pca: &Pca,
    ) -> Result<(), EvaluationError> {
        let autoencoder = autoencoder(run)?;
        let split = images::held_out(run)?;
        let originals = array::to_images(split.values());
        self.originals.get_or_insert_with(|| images::shown(&originals));
        let noise = |place: usize| Noise::new(seed, place as u64, split.values().device()).fork("evaluation");
        let input = |place: usize, batch: &Batch| {
            let damaged = autoencoder.corrupt(&batch.values, &noise(place));
            damaged.unwrap_or_else(|| batch.values.shallow_clone())
        };
        let (of, suffix) = match damages {
            true => (format!(", the input of {preset}"), format!("_{preset}")),
            false => Default::default(),
        };
        if damages {
            let label = Label { title: format!("the input of {preset}"), ..Label::default() };
            self.add(&format!("input_{preset}"), label, seed, &originals, &of_split(split, input))?;
        }
        let form = autoencoder.code_form();
        // Few training images have no more components.
        let (size, code) = (form.numbers_of_equal_bits().min(pca.components()), Some(form));
        let parameters = Some(run.record.model.parameters as i64);
        let rebuilt = of_split(split, |place, batch| autoencoder.restore(batch, &noise(place)));
        self.add(preset, Label { title: preset.into(), code, parameters }, seed, &originals, &rebuilt)?;
        let name = format!("pca{size}{suffix}");
        let is_done = self.entrants.get(&name).is_some_and(|entrant| entrant.figures.have(seed));
        if size < pca.most() && !is_done {
            let rebuilt = of_split(split, |place, batch| pca.reconstruct(&input(place, batch), size));
            let plural = if size == 1 { "" } else { "s" };
            let title = format!("PCA, {size} component{plural}{of}");
            let (code, parameters) = (Some(CodeForm::Numbers(size)), Some(pca.parameters(size)));
            self.add(&name, Label { title, code, parameters }, seed, &originals, &rebuilt)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        name: &str,
        label: Label,
        seed: u64,
        originals: &Array4<f32>,
        rebuilt: &Array4<f32>,
    ) -> Result<(), EvaluationError> {
        let failed = || EvaluationError::metric(&label.title);
        let values = [
            (MSE, mse(originals, rebuilt).map_err(failed())?),
            (MAE, mae(originals, rebuilt).map_err(failed())?),
            (PSNR, images::mean_psnr(originals, rebuilt).map_err(failed())?),
            (SSIM, images::mean_ssim(originals, rebuilt).map_err(failed())?),
        ];
        let entrant = self.entrants.entry(name.into()).or_insert_with(|| Entrant {
            label,
            figures: Figures::default(),
            shown: images::shown(rebuilt),
        });
        for (quantity, value) in values {
            entrant.figures.push(seed, &quantity, value);
        }
        Ok(())
    }

    /// Adds the table, the metrics and the picture, unless there are no entrants.
    fn report(&self, draft: &mut Draft, order: u32) -> Result<(), EvaluationError> {
        let Some(originals) = &self.originals else { return Ok(()) };
        let absent = || "–".to_string();
        let mut rows = Vec::new();
        let mut lines = vec![("original", originals.view())];
        for (name, Entrant { label, figures, shown }) in &self.entrants {
            let mut row = vec![
                label.title.clone(),
                label.code.map_or_else(absent, |code| code.to_string()),
                label.parameters.map_or_else(absent, |parameters| parameters.to_string()),
            ];
            row.extend(figures.cells(&FIGURES)?);
            rows.push(row);
            lines.push((&label.title, shown.view()));
            figures.enter(&mut draft.evaluation.metrics, name)?;
        }
        let columns = spread::columns(&["model", "code", "parameters"], &FIGURES);
        let (title, note) = (self.title.to_string(), self.note.to_string());
        draft.evaluation.tables.push(ResultTable { title: title.clone(), columns, rows, note });
        let seed = draft.evaluation.seeds.first().copied().unwrap_or(0);
        let caption = images::shown_are(seed);
        let entry = Entry { file: self.file.into(), title, caption, order };
        Ok(draft.gallery.add(entry, |path| picture::image_rows(path, &lines))?)
    }
}

/// Images `[N, C, H, W]` that `make` computes from each batch of a split; it also gets the index of the
/// batch.
fn of_split(split: &Split, make: impl Fn(usize, &Batch) -> Tensor) -> Array4<f32> {
    let batches = split.in_order(BATCH).enumerate();
    let parts: Vec<Tensor> = tch::no_grad(|| batches.map(|(place, batch)| make(place, &batch)).collect());
    array::to_images(&Tensor::cat(&parts, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, wanted};

    fn run(bench: &Bench, seeds: &[u64]) -> Result<(Evaluation, PathBuf), EvaluationError> {
        let data = bench.bars();
        bench.with(seeds, |context| {
            evaluate(context, &["vanilla", "vq_vae", "denoising"], |name, seed| {
                Ok(wanted(name, name, &data, 3, seed))
            })
        })
    }

    #[test]
    fn every_variant_is_compared_with_pca_of_its_code_size() {
        let bench = Bench::new();
        let (evaluation, report) = run(&bench, &[0, 1]).unwrap();
        let titles = |table: usize| -> Vec<&str> {
            evaluation.tables[table].rows.iter().map(|row| row[0].as_str()).collect()
        };
        assert_eq!(titles(0), ["vanilla", "PCA, 9 components", "vq_vae", "PCA, 1 component"]);
        let codes: Vec<&str> = evaluation.tables[0].rows.iter().map(|row| row[1].as_str()).collect();
        assert_eq!(codes, ["64 numbers", "9 numbers", "9 × 6 bits", "1 number"], "indices are not numbers");
        assert_eq!(
            titles(1),
            ["the input of denoising", "denoising", "PCA, 9 components, the input of denoising"]
        );
        let metric = |name: &str| evaluation.metrics[name];
        // Clipping at 0 or 1 keeps half of the noise's variance of 0.04.
        assert!((metric("input_denoising/mse") - 0.02).abs() < 0.001, "{}", metric("input_denoising/mse"));
        assert!(metric("pca9/mse") < 1e-6, "24 training images span at most 24 axes, and bars 9");
        assert!(metric("pca9_denoising/mse") > 1e-4);
        for name in ["vanilla/psnr", "vanilla/seed1/ssim", "denoising/mae", "denoising/mse_std"] {
            assert!(metric(name).is_finite(), "{name}");
        }
        let psnr = -10.0 * metric("vanilla/seed0/mse").log10();
        assert!(
            metric("vanilla/seed0/psnr") >= psnr - 1e-9,
            "the mean PSNR is at least the PSNR of the mean error"
        );
        for file in ["report.html", "images/reconstructions.png", "images/denoised.png"] {
            assert!(report.with_file_name(file).exists(), "{file}");
        }
        assert_eq!(run(&bench, &[0, 1]).unwrap().0, evaluation);
    }

    #[test]
    fn data_without_images_are_refused() {
        let bench = Bench::new();
        let data = bench.waves(true);
        let of = |name: &str, seed| Ok(wanted(name, name, &data, 1, seed));
        let error = bench.with(&[0], |context| evaluate(context, &["vanilla"], of)).unwrap_err().to_string();
        assert!(error.contains("has no images, which this task needs"), "{error}");
    }
}
