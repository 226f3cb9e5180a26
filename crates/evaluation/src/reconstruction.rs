//! `ae eval reconstruction`: how well the autoencoders of one test set rebuild its images, beside principal
//! component analysis at the same code size.

use crate::anomaly::autoencoder;
use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::images::{self, PSNR, SSIM};
use crate::outcome::{Evaluation, Table};
use crate::spread::{self, Figures, Quantity};
use crate::tasks::Task;
use ae_metrics::{mae, mse};
use ae_models::Batch;
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

/// The entry of the list.
pub(crate) const TASK: Task = Task {
    name: "reconstruction",
    title: "Reconstruction of held-out images",
    about: "Reconstruction of held-out images, variant by variant, beside PCA at the same code size",
    seeds: &[0],
    options: &[],
    run: |context, _| evaluate(context, PRESETS, |name, seed| Wanted::preset(name, &[], seed)),
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

const MSE: Quantity = Quantity::new("mse", "MSE", 5);
const MAE: Quantity = Quantity::new("mae", "MAE", 4);
const FIGURES: [Quantity; 4] = [MSE, MAE, PSNR, SSIM];

/// The images of one table, and who rebuilt them, by the name in the metrics.
struct Contest {
    title: &'static str,
    note: &'static str,
    /// File of the picture.
    file: &'static str,
    entrants: IndexMap<String, Entrant>,
    /// The first images.
    originals: Option<Array4<f32>>,
}

/// Who rebuilt the images, and how well.
struct Entrant {
    label: Label,
    figures: Figures,
    /// The first images, of the first seed.
    shown: Array4<f32>,
}

/// How an entrant appears in the table.
#[derive(Default)]
struct Label {
    title: String,
    code: Option<i64>,
    parameters: Option<i64>,
}

fn evaluate(
    context: &mut Context<'_>,
    presets: &[&str],
    wanted: impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    let mut clean = Contest {
        title: "Reconstruction of clean images",
        note: "Lower is better for MSE and MAE, higher for PSNR and SSIM.",
        file: "reconstructions.png",
        entrants: IndexMap::new(),
        originals: None,
    };
    let mut damaged = Contest {
        title: "Reconstruction of clean images from damaged ones",
        note: "Each input is damaged as in training, with draws of its own; the target is the clean image. PCA is given the \
               same damaged images. A model that is told which part is missing (mae) fills in that part only.",
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
        "Every figure is computed on all test images, none of which had a part in training. PSNR is the mean over the images \
         of 10 log10(1 / MSE) in dB, {} dB at most; SSIM is that of Wang et al. (2004). Pixels lie in [0, 1]. PCA is fitted \
         on the same training images, and its reconstructions are not clipped.",
        images::MAX_PSNR
    ))
}

impl Contest {
    /// Enters a variant, and where they are missing its damaged input and PCA at its code size.
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
        self.originals.get_or_insert_with(|| images::first(&originals));
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
        let size = autoencoder.code_size();
        let code = Some(size);
        let parameters = Some(run.record.model.parameters as i64);
        let rebuilt = of_split(split, |place, batch| autoencoder.restore(batch, &noise(place)));
        self.add(preset, Label { title: preset.into(), code, parameters }, seed, &originals, &rebuilt)?;
        let name = format!("pca{size}{suffix}");
        let is_done = self.entrants.get(&name).is_some_and(|entrant| entrant.figures.have(seed));
        if size < pca.most() && !is_done {
            let rebuilt = of_split(split, |place, batch| pca.reconstruct(&input(place, batch), size));
            let title = format!("PCA, {size} components{of}");
            let parameters = Some(pca.parameters(size));
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
            shown: images::first(rebuilt),
        });
        for (quantity, value) in values {
            entrant.figures.push(seed, &quantity, value);
        }
        Ok(())
    }

    /// Adds table, metrics and picture; nothing where nobody competed.
    fn report(&self, draft: &mut Draft, order: u32) -> Result<(), EvaluationError> {
        let Some(originals) = &self.originals else { return Ok(()) };
        let number = |value: Option<i64>| value.map_or("–".to_string(), |value| value.to_string());
        let mut rows = Vec::new();
        let mut lines = vec![("original", originals.view())];
        for (name, Entrant { label, figures, shown }) in &self.entrants {
            let mut row = vec![label.title.clone(), number(label.code), number(label.parameters)];
            row.extend(figures.cells(&FIGURES)?);
            rows.push(row);
            lines.push((&label.title, shown.view()));
            figures.enter(&mut draft.evaluation.metrics, name)?;
        }
        let columns = spread::columns(&["model", "code", "parameters"], &FIGURES);
        let (title, note) = (self.title.to_string(), self.note.to_string());
        draft.evaluation.tables.push(Table { title: title.clone(), columns, rows, note });
        let seed = draft.evaluation.seeds.first().copied().unwrap_or(0);
        let caption =
            format!("The first {} test images, seed {seed}; none of them picked.", originals.dim().0);
        let entry = Entry { file: self.file.into(), title, caption, order };
        Ok(draft.gallery.add(entry, |path| picture::image_rows(path, &lines))?)
    }
}

/// Images `[N, C, H, W]` made of the batches of a split; `make` is told the place of the batch.
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
            evaluate(context, &["vanilla", "denoising"], |name, seed| Ok(wanted(name, name, &data, 3, seed)))
        })
    }

    #[test]
    fn every_variant_stands_beside_pca_of_its_code_size() {
        let bench = Bench::new();
        let (evaluation, report) = run(&bench, &[0, 1]).unwrap();
        let titles = |table: usize| -> Vec<&str> {
            evaluation.tables[table].rows.iter().map(|row| row[0].as_str()).collect()
        };
        assert_eq!(titles(0), ["vanilla", "PCA, 64 components"]);
        assert_eq!(
            titles(1),
            ["the input of denoising", "denoising", "PCA, 72 components, the input of denoising"]
        );
        let metric = |name: &str| evaluation.metrics[name];
        // Clipping at both ends of [0, 1] keeps half of noise of variance 0.04.
        assert!((metric("input_denoising/mse") - 0.02).abs() < 0.001, "{}", metric("input_denoising/mse"));
        assert!(metric("pca64/mse") < 1e-6, "24 training images span at most 24 axes, and bars fewer");
        assert!(metric("pca72_denoising/mse") > 1e-4);
        for name in ["vanilla/psnr", "vanilla/seed1/ssim", "denoising/mae", "denoising/mse_std"] {
            assert!(metric(name).is_finite(), "{name}");
        }
        let psnr = -10.0 * metric("vanilla/seed0/mse").log10();
        assert!(
            metric("vanilla/seed0/psnr") >= psnr - 1e-9,
            "the mean over images is at least that of the mean"
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
