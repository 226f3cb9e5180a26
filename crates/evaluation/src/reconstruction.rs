//! `ae eval reconstruction`: how well the autoencoders of one test set rebuild its images, beside principal
//! component analysis at the same code size.

use crate::anomaly::autoencoder;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use crate::spread::{self, Figure};
use ae_anomaly::Pca;
use ae_metrics::{MetricError, mae, mse, psnr_per_sample, ssim};
use ae_models::Batch;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;
use ae_tensor::{Noise, Tensor, array, tch};
use ae_training::Split;
use ae_training::evaluate::BATCH;
use ae_training::experiment::Run;
use ndarray::{Array4, Axis, Ix4, concatenate};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Seeds that the task is run with unless others are given.
pub const SEEDS: &[u64] = &[0];

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
/// Greatest minus least possible value of a pixel.
const DATA_RANGE: f64 = 1.0;
/// Images in the picture.
const SHOWN: usize = 10;

/// A row of a table: who rebuilt the images, and what came out for each seed.
struct Entrant {
    /// In the table.
    title: String,
    /// In the metrics.
    name: String,
    code: Option<i64>,
    parameters: Option<i64>,
    seeds: Vec<(u64, Vec<Figure>)>,
    /// The first images, of the first seed.
    shown: Array4<f32>,
}

/// The images of one table, and who rebuilt them.
#[derive(Default)]
struct Contest {
    entrants: Vec<Entrant>,
    originals: Option<Array4<f32>>,
}

/// Trains what is missing, evaluates each variant with each seed, and writes tables, picture and report. Returns
/// the results and the report's path, `runs/eval-reconstruction/<id>/report.html`.
///
/// # Errors
/// Where a model cannot be trained, or a file not written; see [`EvaluationError`].
pub fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    evaluate(context, PRESETS, |name, seed| Wanted::preset(name, &[], seed))
}

fn evaluate(
    context: &mut Context<'_>,
    presets: &[&str],
    wanted: impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    context.check_seeds()?;
    let seeds = context.seeds.clone();
    let folder = context.folder("reconstruction");
    let (mut clean, mut damaged) = (Contest::default(), Contest::default());
    let mut axes: BTreeMap<(u64, String), Pca> = BTreeMap::new();
    let mut runs = Vec::new();
    for preset in presets {
        for &seed in &seeds {
            let run = context.trained(&wanted(preset, seed)?)?;
            let images = images(&run)?;
            let key = (seed, format!("{:?}", run.experiment.data));
            let pca = axes.entry(key).or_insert_with(|| Pca::fit(run.splits.train.values()));
            let autoencoder = autoencoder(&run)?;
            let first = images.narrow(0, 0, 1);
            let damages = autoencoder.corrupt(&first, &Noise::new(seed, 0, images.device())).is_some();
            let contest = if damages { &mut damaged } else { &mut clean };
            compete(contest, preset, seed, &run, images, damages, pca)?;
            runs.push(run.dir.root().to_path_buf());
        }
    }
    let mut evaluation = Evaluation {
        task: "reconstruction".into(),
        title: "Reconstruction of held-out images".into(),
        method: "Every figure is computed on test images that had no part in training. PSNR is the mean over images of \
                 10 log10(1 / MSE) in dB, SSIM that of Wang et al. (2004); pixels lie in [0, 1]. PCA is fitted on the \
                 same training images; its reconstructions are not clipped."
            .into(),
        command: context.command("reconstruction"),
        seeds,
        runs,
        ..Evaluation::default()
    };
    let note = "Lower is better for MSE and MAE, higher for PSNR and SSIM.";
    let note_damaged = "Each input is damaged as in training, with draws of its own; the target is the clean image. \
                        PCA gets the same damaged images. A model that is told which part is missing (mae) fills in \
                        that part only.";
    let gallery = Gallery::new(folder.join("images"));
    for (contest, file, title, note) in [
        (&clean, "reconstructions.png", "Reconstruction of clean images", note),
        (&damaged, "denoised.png", "Reconstruction of clean images from damaged ones", note_damaged),
    ] {
        enter(&mut evaluation, contest, &gallery, file, title, note)?;
    }
    evaluation.pictures = gallery.entries()?;
    let report = evaluation.write(&folder)?;
    Ok((evaluation, report))
}

/// The test images, `[N, C, H, W]`.
pub(crate) fn images(run: &Run) -> Result<&Tensor, EvaluationError> {
    let lacks = |missing, remedy| {
        Err(EvaluationError::Data { set: run.splits.dataset.name.clone(), missing, remedy })
    };
    let values = run.splits.test.values();
    match values.dim() {
        4 if run.splits.test.is_empty() => lacks("test rows", "see data.test"),
        4 => Ok(values),
        _ => lacks("images", "choose a set of images, or give them as such with data.shape = [C, H, W]"),
    }
}

/// Enters a variant's figures, and where they are missing those of its damaged input and of PCA at its code size.
fn compete(
    contest: &mut Contest,
    preset: &str,
    seed: u64,
    run: &Run,
    images: &Tensor,
    damages: bool,
    pca: &Pca,
) -> Result<(), EvaluationError> {
    let autoencoder = autoencoder(run)?;
    let code = autoencoder.code_size();
    let originals = array4(images);
    if contest.originals.is_none() {
        contest.originals = Some(first(&originals));
    }
    let noise = |place: usize| Noise::new(seed, place as u64, images.device()).fork("evaluation");
    let input = |place: usize, batch: &Batch| {
        let damaged = autoencoder.corrupt(&batch.values, &noise(place));
        damaged.unwrap_or_else(|| batch.values.shallow_clone())
    };
    let split = &run.splits.test;
    let (of, suffix) = match damages {
        true => (format!(", the input of {preset}"), format!("_{preset}")),
        false => Default::default(),
    };
    if damages {
        let who = (format!("the input of {preset}"), format!("input_{preset}"));
        add(contest, who, seed, None, None, &originals, &of_split(split, input))?;
    }
    let parameters = run.record.model.parameters as i64;
    let who = (preset.to_string(), preset.to_string());
    let rebuilt = of_split(split, |place, batch| autoencoder.restore(batch, &noise(place)));
    add(contest, who, seed, Some(code), Some(parameters), &originals, &rebuilt)?;
    let name = format!("pca{code}{suffix}");
    let done = contest.entrants.iter().any(|e| e.name == name && e.seeds.iter().any(|(s, _)| *s == seed));
    if code < pca.most() && !done {
        let rebuilt = of_split(split, |place, batch| pca.reconstruct(&input(place, batch), code));
        let who = (format!("PCA, {code} components{of}"), name);
        add(contest, who, seed, Some(code), Some(pca.parameters(code)), &originals, &rebuilt)?;
    }
    Ok(())
}

fn add(
    contest: &mut Contest,
    (title, name): (String, String),
    seed: u64,
    code: Option<i64>,
    parameters: Option<i64>,
    originals: &Array4<f32>,
    rebuilt: &Array4<f32>,
) -> Result<(), EvaluationError> {
    let figures = figures(originals, rebuilt).map_err(EvaluationError::metric(&title))?;
    if let Some(entrant) = contest.entrants.iter_mut().find(|entrant| entrant.name == name) {
        entrant.seeds.push((seed, figures));
        return Ok(());
    }
    let shown = first(rebuilt);
    contest.entrants.push(Entrant { title, name, code, parameters, seeds: vec![(seed, figures)], shown });
    Ok(())
}

/// Means over the images.
fn figures(originals: &Array4<f32>, rebuilt: &Array4<f32>) -> Result<Vec<Figure>, MetricError> {
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let figure = |head, name, value, decimals| Figure { head, name, value, decimals };
    Ok(vec![
        figure("MSE", "mse", mse(originals, rebuilt)?, 5),
        figure("MAE", "mae", mae(originals, rebuilt)?, 4),
        figure("PSNR (dB)", "psnr", mean(psnr_per_sample(originals, rebuilt, DATA_RANGE)?), 2),
        figure("SSIM", "ssim", mean(ssim(originals, rebuilt, DATA_RANGE)?), 4),
    ])
}

fn enter(
    evaluation: &mut Evaluation,
    contest: &Contest,
    gallery: &Gallery,
    file: &str,
    title: &str,
    note: &str,
) -> Result<(), EvaluationError> {
    let (Some(originals), Some(first)) = (&contest.originals, contest.entrants.first()) else {
        return Ok(());
    };
    let heads = first.seeds.iter().take(1).flat_map(|(_, figures)| figures.iter().map(|f| f.head));
    let columns = ["model", "code", "parameters"].into_iter().chain(heads).map(String::from).collect();
    let number = |value: Option<i64>| value.map_or("–".to_string(), |value| value.to_string());
    let mut rows = Vec::new();
    for entrant in &contest.entrants {
        let mut row = vec![entrant.title.clone(), number(entrant.code), number(entrant.parameters)];
        for at in 0..columns_of(entrant) {
            row.push(spread::over_seeds(entrant.seeds.iter().map(|(_, figures)| &figures[at]))?);
        }
        rows.push(row);
        spread::enter(evaluation, &entrant.name, &entrant.seeds)?;
    }
    evaluation.tables.push(Table { title: title.into(), columns, rows, note: note.into() });
    let mut lines = vec![("original", originals.view())];
    lines.extend(contest.entrants.iter().map(|entrant| (entrant.title.as_str(), entrant.shown.view())));
    let order = evaluation.tables.len() as u32;
    let seed = evaluation.seeds.first().copied().unwrap_or(0);
    let caption = format!("The first {} test images, seed {seed}; none of them picked.", originals.dim().0);
    let entry = Entry { file: file.into(), title: title.into(), caption, order };
    Ok(gallery.add(entry, |path| picture::image_rows(path, &lines))?)
}

fn columns_of(entrant: &Entrant) -> usize {
    entrant.seeds.first().map_or(0, |(_, figures)| figures.len())
}

/// Reconstructions `[N, C, H, W]`, of so many rows at a time as the held-out figures are computed with.
pub(crate) fn in_batches(rows: &Tensor, rebuild: impl Fn(&Tensor) -> Tensor) -> Array4<f32> {
    tch::no_grad(|| stack(rows.split(BATCH as i64, 0).iter().map(rebuild)))
}

/// Images `[N, C, H, W]` made of the batches of a split; `make` is told the place of the batch.
fn of_split(split: &Split, make: impl Fn(usize, &Batch) -> Tensor) -> Array4<f32> {
    tch::no_grad(|| stack(split.in_order(BATCH).enumerate().map(|(place, batch)| make(place, &batch))))
}

fn stack(parts: impl Iterator<Item = Tensor>) -> Array4<f32> {
    let parts: Vec<Array4<f32>> = parts.map(|part| array4(&part)).collect();
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(Axis(0), &views).expect("the batches have one shape")
}

pub(crate) fn array4(tensor: &Tensor) -> Array4<f32> {
    array::to_array(tensor).into_dimensionality::<Ix4>().expect("images have four dimensions")
}

pub(crate) fn first(images: &Array4<f32>) -> Array4<f32> {
    images.slice(ndarray::s![..SHOWN.min(images.dim().0), .., .., ..]).to_owned()
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
    fn figures_are_those_of_a_known_error() {
        let originals = Array4::from_elem((2, 1, 12, 12), 0.5f32);
        let rebuilt = Array4::from_elem((2, 1, 12, 12), 0.75f32);
        let got: Vec<f64> = figures(&originals, &rebuilt).unwrap().iter().map(|f| f.value).collect();
        // Without structure SSIM is its luminance term, with C1 = 1e-4.
        let luminance = (2.0 * 0.375 + 1e-4) / (0.25 + 0.5625 + 1e-4);
        for (got, expected) in got.iter().zip([0.0625, 0.25, 10.0 * 16f64.log10(), luminance]) {
            assert!((got - expected).abs() < 1e-6, "{got} is not {expected}");
        }
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
