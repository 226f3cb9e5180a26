//! `ae eval denoise`: how much of the damage to images a denoising autoencoder takes away, beside a median filter
//! and principal component analysis.

use crate::anomaly::autoencoder;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use crate::reconstruction::{array4, first, images, in_batches};
use crate::spread::{self, Figure};
use ae_anomaly::Pca;
use ae_metrics::{psnr_per_sample, ssim};
use ae_models::variants::denoising::Corruption;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, Axis, Panel};
use ae_tensor::{Activation, Kind, Noise, Tensor};
use ae_training::experiment::Run;
use ndarray::Array4;
use std::path::PathBuf;

/// Seeds that the task is run with unless others are given.
pub const SEEDS: &[u64] = &[0];

/// Standard deviations of the Gaussian noise, and shares of lost pixels.
const LEVELS: [f64; 5] = [0.1, 0.2, 0.3, 0.4, 0.5];
/// The level of the pictures of images.
const SHOWN_LEVEL: f64 = 0.3;
/// Test images that the figures are means over, from the first on.
const IMAGES: usize = 2000;
/// Training images that the number of components is chosen on.
const CHOOSING: usize = 2000;
const COMPONENTS: [i64; 8] = [4, 8, 16, 32, 64, 128, 256, 512];
/// Greatest minus least possible value of a pixel.
const DATA_RANGE: f64 = 1.0;
/// What an image counts that is rebuilt exactly, in dB; the PSNR is infinite there.
const EXACT: f64 = 100.0;

/// How images are damaged, at a level from 0 to 1.
struct Damage {
    name: &'static str,
    title: &'static str,
    at: fn(f64) -> Corruption,
    /// Trained for this damage, at a level of its own.
    preset: &'static str,
}

const DAMAGES: [Damage; 3] = [
    Damage {
        name: "gaussian",
        title: "Gaussian noise, clipped to [0, 1]; the level is its standard deviation",
        at: |std| Corruption::Gaussian { std },
        preset: GAUSSIAN,
    },
    Damage {
        name: "masking",
        title: "Masking; the level is the share of pixels set to 0",
        at: |rate| Corruption::Masking { rate },
        preset: "denoising-masking",
    },
    Damage {
        name: "salt-and-pepper",
        title: "Salt and pepper; the level is the share of pixels set to 0 or 1",
        at: |rate| Corruption::SaltAndPepper { rate },
        preset: "denoising-salt",
    },
];

/// The preset that is tried on every damage.
const GAUSSIAN: &str = "denoising";

/// Who cleans: name in the metrics, and in tables and pictures. The last is left out where it is the one before.
const CLEANERS: [(&str, &str); 5] = [
    ("damaged", "as it is"),
    ("median", "median 3×3"),
    ("pca", "PCA"),
    ("denoising", "denoising"),
    ("own", "its own"),
];

/// Figures of one kind of damage: for each level and cleaner, those of each seed.
type Outcomes = Vec<Vec<Vec<(u64, Vec<Figure>)>>>;

/// Trains the preset `denoising` where it is missing, and compares. Returns the results and the report's path,
/// `runs/eval-denoise/<id>/report.html`.
///
/// # Errors
/// Where the model cannot be trained, or a file not written; see [`EvaluationError`].
pub fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    evaluate(context, |name, seed| Wanted::preset(name, &[], seed))
}

fn evaluate(
    context: &mut Context<'_>,
    wanted: impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    context.check_seeds()?;
    let seeds = context.seeds.clone();
    // For each seed, the run of each damage's preset.
    let mut runs: Vec<Vec<Run>> = Vec::new();
    for &seed in &seeds {
        let of = |damage: &Damage| context.trained(&wanted(damage.preset, seed)?);
        runs.push(DAMAGES.iter().map(of).collect::<Result<_, _>>()?);
    }
    let folder = context.folder("denoise");
    let gallery = Gallery::new(folder.join("images"));
    let mut evaluation = Evaluation {
        task: "denoise".into(),
        title: "Damaged images made clean".into(),
        method: format!(
            "The first {IMAGES} test images are damaged and cleaned; PSNR is the mean over images of 10 log10(1 / MSE) \
             against the undamaged image in dB (100 where they are equal), SSIM that of Wang et al. (2004). The \
             autoencoder `denoising` was trained for Gaussian noise of one level and is tried on all damage; `its own` \
             is the same network trained for that kind of damage, at one level, too. As configured: {}. The median \
             filter takes 3×3 pixels, the border repeated. PCA is fitted on undamaged training images; how many \
             components it keeps is chosen for each damage and level on {CHOOSING} damaged training images, by MSE. \
             Results of all are clipped to [0, 1].",
            settings(&runs)
        ),
        command: context.command("denoise"),
        seeds,
        runs: runs.iter().flatten().map(|run| run.dir.root().to_path_buf()).collect(),
        ..Evaluation::default()
    };
    let axes: Vec<Pca> = runs.iter().map(|of_seed| Pca::fit(of_seed[0].splits.train.values())).collect();
    let mut panels = Vec::new();
    for (place, damage) in DAMAGES.iter().enumerate() {
        let mut outcomes: Outcomes =
            LEVELS.iter().map(|_| damage.cleaners().iter().map(|_| vec![]).collect()).collect();
        for ((of_seed, pca), &seed) in runs.iter().zip(&axes).zip(&evaluation.seeds) {
            let (run, own) = (&of_seed[0], &of_seed[place]);
            let originals = array4(&shown(images(run)?, IMAGES));
            for (of_level, level) in outcomes.iter_mut().zip(LEVELS) {
                let cleaned = clean(damage, level, run, own, pca)?;
                if seed == evaluation.seeds[0] && level == SHOWN_LEVEL {
                    show(&gallery, damage, place as u32 + 1, run, &cleaned)?;
                }
                for (of_cleaner, (cleaned, (_, title))) in
                    of_level.iter_mut().zip(cleaned.iter().zip(damage.cleaners()))
                {
                    of_cleaner.push((seed, figures(title, &originals, cleaned)?));
                }
            }
        }
        report(&mut evaluation, damage, &outcomes)?;
        panels.push(panel(damage, &outcomes));
    }
    let entry = Entry {
        file: "levels.png".into(),
        title: "PSNR over the level of damage".into(),
        caption: "Higher is better; first seed.".into(),
        order: 0,
    };
    gallery.add(entry, |path| picture::panels(path, &panels))?;
    evaluation.pictures = gallery.entries()?;
    let report = evaluation.write(&folder)?;
    Ok((evaluation, report))
}

impl Damage {
    fn cleaners(&self) -> &'static [(&'static str, &'static str)] {
        if self.preset == GAUSSIAN { &CLEANERS[..CLEANERS.len() - 1] } else { &CLEANERS }
    }
}

/// How the models of the first seed are configured.
fn settings(runs: &[Vec<Run>]) -> String {
    let models = runs.iter().take(1).flatten().map(|run| serde_json::to_string(&run.experiment.model));
    models.map(Result::unwrap_or_default).collect::<Vec<_>>().join(", ")
}

/// The damaged test images and what each cleaner makes of them, in the order of [`Damage::cleaners`].
fn clean(
    damage: &Damage,
    level: f64,
    run: &Run,
    own: &Run,
    pca: &Pca,
) -> Result<Vec<Array4<f32>>, EvaluationError> {
    let corruption = (damage.at)(level);
    let images = shown(images(run)?, IMAGES);
    let noise = Noise::new(run.record.seed, 0, images.device());
    let apply =
        |rows: &Tensor, purpose: &str| corruption.apply(rows, Activation::Sigmoid, &noise.fork(purpose));
    let choosing = shown(run.splits.train.values(), CHOOSING);
    let components = best_components(pca, &choosing, &apply(&choosing, "choosing components"));
    let damaged = apply(&images, "evaluation");
    let mut cleaned = vec![
        array4(&damaged),
        in_batches(&damaged, median),
        in_batches(&damaged, |rows| pca.reconstruct(rows, components).clamp(0.0, 1.0)),
    ];
    let models = if damage.preset == GAUSSIAN { vec![run] } else { vec![run, own] };
    for model in models {
        let autoencoder = autoencoder(model)?;
        cleaned.push(in_batches(&damaged, |rows| autoencoder.reconstruct(rows).clamp(0.0, 1.0)));
    }
    Ok(cleaned)
}

/// How many components bring damaged images nearest to what they were.
fn best_components(pca: &Pca, clean: &Tensor, damaged: &Tensor) -> i64 {
    let error = |components: i64| {
        let cleaned = pca.reconstruct(damaged, components).clamp(0.0, 1.0);
        (cleaned - clean).square().mean(Kind::Double).double_value(&[])
    };
    let candidates = COMPONENTS.into_iter().filter(|&components| components <= pca.most());
    let errors = candidates.map(|components| (error(components), components));
    errors.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(1, |(_, components)| components)
}

/// The median of each pixel and its neighbours, 3×3, of images `[B, C, H, W]`; the border is repeated, as with
/// `scipy.ndimage.median_filter`.
fn median(images: &Tensor) -> Tensor {
    let (height, width) = (images.size()[2], images.size()[3]);
    let padded = images.replication_pad2d([1, 1, 1, 1]);
    let shifted: Vec<Tensor> =
        (0..9).map(|i| padded.narrow(2, i / 3, height).narrow(3, i % 3, width)).collect();
    Tensor::stack(&shifted, 0).median_dim(0, false).0
}

fn shown(images: &Tensor, n: usize) -> Tensor {
    images.narrow(0, 0, (n as i64).min(images.size()[0]))
}

/// Means over the images.
fn figures(
    who: &str,
    originals: &Array4<f32>,
    cleaned: &Array4<f32>,
) -> Result<Vec<Figure>, EvaluationError> {
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let failed = || EvaluationError::metric(who);
    let psnr = psnr_per_sample(originals, cleaned, DATA_RANGE).map_err(failed())?;
    let psnr = mean(psnr.into_iter().map(|psnr| psnr.min(EXACT)).collect());
    let ssim = mean(ssim(originals, cleaned, DATA_RANGE).map_err(failed())?);
    Ok(vec![
        Figure { head: "PSNR", name: "psnr", value: psnr, decimals: 2 },
        Figure { head: "SSIM", name: "ssim", value: ssim, decimals: 3 },
    ])
}

fn report(evaluation: &mut Evaluation, damage: &Damage, outcomes: &Outcomes) -> Result<(), EvaluationError> {
    let heads = damage.cleaners().iter().flat_map(|(_, title)| [title.to_string(), "SSIM".into()]);
    let columns = std::iter::once("level".to_string()).chain(heads).collect();
    let mut rows = Vec::new();
    for (of_level, level) in outcomes.iter().zip(LEVELS) {
        let mut row = vec![level.to_string()];
        for (seeds, (name, _)) in of_level.iter().zip(damage.cleaners()) {
            for at in 0..2 {
                row.push(spread::over_seeds(seeds.iter().map(|(_, figures)| &figures[at]))?);
            }
            spread::enter(evaluation, &format!("{}/{level}/{name}", damage.name), seeds)?;
        }
        rows.push(row);
    }
    let note = "Under each name: PSNR in dB, then SSIM. Higher is better.".into();
    evaluation.tables.push(Table { title: damage.title.into(), columns, rows, note });
    Ok(())
}

/// PSNR over the level, first seed.
fn panel(damage: &Damage, outcomes: &Outcomes) -> Panel {
    let points = |cleaner: usize| {
        let psnr = |of_level: &Vec<Vec<(u64, Vec<Figure>)>>| of_level[cleaner][0].1[0].value;
        LEVELS.into_iter().zip(outcomes.iter().map(psnr)).collect()
    };
    let axis = |name: &str| Axis { name: name.into(), logarithmic: false };
    Panel {
        title: damage.name.into(),
        x: axis("level of damage"),
        y: axis("PSNR (dB)"),
        lines: damage
            .cleaners()
            .iter()
            .enumerate()
            .map(|(i, (_, title))| (title.to_string(), points(i)))
            .collect(),
    }
}

fn show(
    gallery: &Gallery,
    damage: &Damage,
    order: u32,
    run: &Run,
    cleaned: &[Array4<f32>],
) -> Result<(), EvaluationError> {
    let originals = first(&array4(images(run)?));
    let few: Vec<Array4<f32>> = cleaned.iter().map(first).collect();
    let mut rows = vec![("clean", originals.view())];
    let titles =
        damage.cleaners().iter().map(|(name, title)| if *name == "damaged" { *name } else { *title });
    rows.extend(titles.zip(few.iter().map(|images| images.view())));
    let entry = Entry {
        file: format!("{}.png", damage.name),
        title: format!("{}, level {SHOWN_LEVEL}", damage.title),
        caption: format!("The first test images, seed {}; none of them picked.", run.record.seed),
        order,
    };
    Ok(gallery.add(entry, |path| picture::image_rows(path, &rows))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, wanted};
    use ae_tensor::array;

    #[test]
    fn the_median_is_that_of_the_neighbourhood() {
        let image = Tensor::from_slice(&[1f32, 2.0, 9.0, 4.0, 5.0, 6.0, 7.0, 8.0, 3.0]).view([1, 1, 3, 3]);
        // scipy.ndimage.median_filter(image, size=3), mode "reflect", which repeats the border once.
        let expected = [2.0, 4.0, 6.0, 4.0, 5.0, 6.0, 7.0, 6.0, 5.0];
        assert_eq!(array::to_vec(&median(&image)), expected);
    }

    #[test]
    fn more_noise_leaves_fewer_components() {
        let noise = Noise::new(0, 0, ae_tensor::Device::Cpu);
        let rows = noise.normal("plane", &[200, 3]).matmul(&noise.normal("axes", &[3, 40])) * 0.02 + 0.5;
        let rows = (rows + noise.normal("fine", &[200, 40]) * 0.01).view([200, 1, 5, 8]);
        let pca = Pca::fit(&rows);
        let best =
            |std: f64| best_components(&pca, &rows, &(&rows + noise.normal("damage", &rows.size()) * std));
        assert_eq!(best(0.0), 32, "the most there are to choose from");
        assert_eq!(best(0.05), 4);
    }

    #[test]
    fn every_damage_and_level_is_told() {
        let bench = Bench::new();
        let data = bench.bars();
        let of = |name: &str, seed| {
            let mut toy = wanted(name, "denoising", &data, 3, seed);
            toy.experiment.model = Wanted::preset(name, &[], seed)?.experiment.model;
            Ok(toy)
        };
        let (evaluation, report) = bench.with(&[0, 1], |context| evaluate(context, of)).unwrap();
        assert_eq!(evaluation.tables.len(), 3);
        let widths: Vec<usize> = evaluation.tables.iter().map(|table| table.columns.len()).collect();
        assert_eq!(widths, [9, 11, 11], "Gaussian noise is what `denoising` was trained for");
        assert!(evaluation.tables.iter().all(|t| t.rows.iter().all(|row| row.len() == t.columns.len())));
        let metric = |name: &str| evaluation.metrics[name];
        for damage in &DAMAGES {
            for (cleaner, _) in damage.cleaners() {
                let psnr = |level: f64| metric(&format!("{}/{level}/{cleaner}/psnr", damage.name));
                assert!(psnr(0.1) > psnr(0.5), "{} {cleaner}", damage.name);
            }
        }
        // About three of twelve columns are white, so that of the pixels masked a quarter becomes wrong by 1; the mean
        // of logarithms is somewhat above the logarithm of the mean.
        let expected = -10.0 * (0.2f64 / 4.0).log10();
        let obtained = metric("masking/0.2/damaged/psnr");
        assert!(obtained > expected && obtained < expected + 1.5, "{obtained} against {expected}");
        assert!(
            metric("gaussian/0.3/pca/psnr") > metric("gaussian/0.3/damaged/psnr") + 3.0,
            "bars span few axes"
        );
        assert_ne!(metric("gaussian/0.3/pca/seed0/psnr"), metric("gaussian/0.3/pca/seed1/psnr"));
        for file in ["levels.png", "gaussian.png", "masking.png", "salt-and-pepper.png"] {
            assert!(report.with_file_name("images").join(file).exists(), "{file}");
        }
    }
}
