//! `ae eval denoise`: measures how much damage denoising autoencoders remove from images, compared with a
//! median filter and principal component analysis.

mod cleaners;

use crate::anomaly::autoencoder;
use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::held_out;
use crate::images::{self, PSNR, SSIM, in_batches};
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::Figures;
use crate::subject::Models;
use crate::tasks::RunTask;
pub(crate) use ae_catalogue::tasks::DENOISE as TASK;
use ae_models::damage::gaussian::Gaussian;
use ae_models::damage::masking::Masking;
use ae_models::damage::salt_and_pepper::SaltAndPepper;
use ae_models::damage::{Corruption, Range};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, Axis, Panel};
use ae_tensor::{Noise, Pca, Tensor, array};
use ae_training::experiment::Run;
pub(crate) use cleaners::median;
use cleaners::{Cleaner, best_components};
use indexmap::IndexMap;
use ndarray::Array4;
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, _| {
    let models = Models::of(context, &[])?;
    evaluate(context, models.runs(), |name, seed| Wanted::preset(name, &[], seed))
};

/// Standard deviations of the Gaussian noise, and shares of damaged pixels.
const LEVELS: [f64; 5] = [0.1, 0.2, 0.3, 0.4, 0.5];
/// The level shown in the pictures.
const SHOWN_LEVEL: f64 = 0.3;
/// Test images to average over.
const IMAGES: usize = 2000;
/// Training images for choosing the number of components.
const CHOOSING: usize = 2000;
/// A kind of damage, at a level from 0 to 1.
struct Damage {
    name: &'static str,
    title: &'static str,
    at: fn(f64) -> Corruption,
    /// Trained on this damage at one level.
    preset: &'static str,
}

const DAMAGES: [Damage; 3] = [
    Damage {
        name: "gaussian",
        title: "Gaussian noise, clipped to [0, 1]; the level is its standard deviation",
        at: |std| Corruption::Gaussian(Gaussian { std }),
        preset: GAUSSIAN,
    },
    Damage {
        name: "masking",
        title: "Masking; the level is the share of pixels set to 0",
        at: |rate| Corruption::Masking(Masking { rate }),
        preset: "denoising-masking",
    },
    Damage {
        name: "salt-and-pepper",
        title: "Salt and pepper; the level is the share of pixels set to 0 or 1",
        at: |rate| Corruption::SaltAndPepper(SaltAndPepper { rate }),
        preset: "denoising-salt",
    },
];

/// The preset that is tried on every kind of damage.
const GAUSSIAN: &str = "denoising";
/// The figures of the cleaners for one kind of damage at one level.
struct AtLevel {
    level: f64,
    cleaners: IndexMap<Cleaner, Figures>,
}

/// The models and images of one seed, for all kinds of damage.
struct Trial {
    seed: u64,
    /// By the name of the preset, or those that the user gave by their names; not empty.
    runs: IndexMap<String, Run>,
    cleaners: Cleaners,
    pca: Pca,
    /// Held-out images `[N, C, H, W]`.
    images: Tensor,
}

fn evaluate(
    context: &mut Context<'_>,
    given: &[(String, Wanted)],
    wanted: impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    draft.expect(if given.is_empty() { DAMAGES.len() * context.seeds.len() } else { given.len() });
    let cleaners = match given {
        [] => Cleaners::Presets,
        runs => Cleaners::Given(runs.iter().map(|(name, _)| name.clone()).collect()),
    };
    let mut trials = Vec::new();
    for seed in context.seeds.clone() {
        let mut runs = IndexMap::new();
        for (name, run) in given {
            runs.insert(name.clone(), draft.trained(context, run)?);
        }
        for Damage { preset, .. } in DAMAGES.iter().filter(|_| given.is_empty()) {
            runs.insert((*preset).to_string(), draft.trained(context, &wanted(preset, seed)?)?);
        }
        trials.push(Trial::new(seed, runs, cleaners.clone())?);
    }
    let mut panels = Vec::new();
    for (damage, order) in DAMAGES.iter().zip(1..) {
        let levels = compare(damage, order, &trials, &draft.gallery)?;
        report(&mut draft, damage, &levels, &cleaners)?;
        panels.push(panel(damage, &levels, &cleaners));
    }
    let entry = Entry {
        file: "levels.png".into(),
        title: "PSNR by level of damage".into(),
        caption: "Higher is better; first seed.".into(),
        order: 0,
    };
    draft.gallery.add(entry, |path| picture::panels(path, &panels))?;
    draft.finish(format!(
        "At most {IMAGES} test images, evenly spaced over the test set, are damaged and cleaned. PSNR is the mean over the images of \
         10 log10(1 / MSE) in dB against the undamaged image, at most {} dB per image; SSIM is that of Wang et al. (2004). \
         {} The configurations: {}. The \
         median filter covers 3×3 pixels and repeats the border. PCA is fitted on undamaged training images. Its number of \
         components is chosen for each kind and level of damage by the MSE on at most {CHOOSING} damaged training images. All \
         results are clipped to [0, 1].",
        images::MAX_PSNR,
        match given.len() {
            0 =>
                "The autoencoder `denoising` was trained on Gaussian noise of one level and is tried on every kind of damage. \
                 `matched` is the same network trained on the kind of damage at hand, also at one level.",
            1 => "The model of the run is tried on every kind of damage, whatever it was trained on.",
            _ => "The model of each run is tried on every kind of damage, whatever it was trained on.",
        },
        settings(&trials)
    ))
}

/// Whose models clean the images.
#[derive(Clone, Debug)]
enum Cleaners {
    Presets,
    /// Those of the runs that the user gave, by their names.
    Given(Vec<String>),
}

impl Cleaners {
    /// The methods that clean this damage, in the order of the tables.
    fn of(&self, damage: &Damage) -> Vec<Cleaner> {
        let mut cleaners = vec![Cleaner::Nothing, Cleaner::Median, Cleaner::Pca];
        match self {
            Cleaners::Given(names) => cleaners.extend(names.iter().cloned().map(Cleaner::Given)),
            Cleaners::Presets => {
                cleaners.push(Cleaner::Gaussian);
                cleaners.extend((damage.preset != GAUSSIAN).then_some(Cleaner::Own));
            }
        }
        cleaners
    }
}

impl Trial {
    fn new(seed: u64, runs: IndexMap<String, Run>, cleaners: Cleaners) -> Result<Self, EvaluationError> {
        // All have the same rows.
        let run = &runs[0];
        let images = held_out::strided(images::held_out(run)?, IMAGES).values;
        let pca = Pca::fit(run.splits.train.values());
        Ok(Trial { seed, runs, cleaners, pca, images })
    }

    /// Images to choose the number of components by.
    fn training_images(&self) -> Tensor {
        held_out::strided(&self.runs[0].splits.train, CHOOSING).values
    }

    /// The damaged images, cleaned by each cleaner.
    fn clean(&self, damage: &Damage, level: f64) -> Result<IndexMap<Cleaner, Array4<f32>>, EvaluationError> {
        let corruption = (damage.at)(level);
        let noise = Noise::new(self.seed, 0, self.images.device());
        let apply = |images: &Tensor, purpose: &str| {
            corruption.apply(images, Range::UNIT, &noise.fork(purpose)).images
        };
        let choosing = self.training_images();
        let components = best_components(&self.pca, &choosing, &apply(&choosing, "choosing components"));
        let damaged = apply(&self.images, "evaluation");
        let mut cleaned = IndexMap::new();
        for cleaner in self.cleaners.of(damage) {
            let images = match &cleaner {
                Cleaner::Nothing => array::to_images(&damaged),
                Cleaner::Median => in_batches(&damaged, median),
                Cleaner::Pca => {
                    in_batches(&damaged, |images| self.pca.reconstruct(images, components).clamp(0.0, 1.0))
                }
                Cleaner::Gaussian => rebuilt(&self.runs[GAUSSIAN], &damaged)?,
                Cleaner::Own => rebuilt(&self.runs[damage.preset], &damaged)?,
                Cleaner::Given(name) => rebuilt(&self.runs[name], &damaged)?,
            };
            cleaned.insert(cleaner, images);
        }
        Ok(cleaned)
    }
}

/// All levels of one kind of damage, with every seed; draws the picture of the first seed.
fn compare(
    damage: &Damage,
    order: u32,
    trials: &[Trial],
    gallery: &Gallery,
) -> Result<Vec<AtLevel>, EvaluationError> {
    let mut levels = LEVELS.map(|level| AtLevel { level, cleaners: IndexMap::new() });
    for (place, trial) in trials.iter().enumerate() {
        let originals = array::to_images(&trial.images);
        for AtLevel { level, cleaners } in &mut levels {
            let cleaned = trial.clean(damage, *level)?;
            if place == 0 && *level == SHOWN_LEVEL {
                show(gallery, damage, order, trial.seed, &originals, &cleaned)?;
            }
            for (cleaner, images) in cleaned {
                let failed = || EvaluationError::metric(cleaner.title());
                let psnr = images::mean_psnr(&originals, &images).map_err(failed())?;
                let ssim = images::mean_ssim(&originals, &images).map_err(failed())?;
                let figures = cleaners.entry(cleaner).or_default();
                figures.push(trial.seed, &PSNR, psnr);
                figures.push(trial.seed, &SSIM, ssim);
            }
        }
    }
    Ok(levels.into())
}

/// The configurations of the first seed's models.
fn settings(trials: &[Trial]) -> String {
    let runs = trials.iter().take(1).flat_map(|trial| &trial.runs);
    let models: Vec<String> = runs
        .map(|(preset, run)| {
            let model = serde_json::to_value(&run.experiment.model).expect("a configuration is always JSON");
            format!("`{preset}` ({})", words(&model))
        })
        .collect();
    models.join(", ")
}

/// The settings of a model as `latent = 2, beta = 1`.
fn words(model: &serde_json::Value) -> String {
    let variants = model.as_object().into_iter().flatten();
    let settings = variants.flat_map(|(_, settings)| settings.as_object().into_iter().flatten());
    let setting = |(name, value): (&String, &serde_json::Value)| match value.as_object() {
        Some(parts) => {
            let parts: Vec<String> =
                parts.iter().map(|(part, value)| format!("{name}.{part} = {value}")).collect();
            parts.join(", ")
        }
        None => format!("{name} = {value}"),
    };
    settings.map(setting).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}

fn rebuilt(run: &Run, damaged: &Tensor) -> Result<Array4<f32>, EvaluationError> {
    let autoencoder = autoencoder(run)?;
    Ok(in_batches(damaged, |images| autoencoder.reconstruct(images).clamp(0.0, 1.0)))
}

fn report(
    draft: &mut Draft,
    damage: &Damage,
    levels: &[AtLevel],
    cleaners: &Cleaners,
) -> Result<(), EvaluationError> {
    let cleaners = cleaners.of(damage);
    let mut columns = vec!["level".to_string()];
    columns.extend(cleaners.iter().flat_map(|cleaner| [cleaner.title().to_string(), "SSIM".into()]));
    let mut rows = Vec::new();
    for at in levels {
        let mut row = vec![at.level.to_string()];
        for (cleaner, figures) in &at.cleaners {
            row.extend(figures.cells(&[PSNR, SSIM])?);
            let group = format!("{}/{}/{}", damage.name, at.level, cleaner.name());
            figures.enter(&mut draft.evaluation.metrics, &group)?;
        }
        rows.push(row);
    }
    let note =
        "The column under each name is the PSNR in dB, the next one the SSIM. Higher is better.".into();
    draft.evaluation.tables.push(ResultTable { title: damage.title.into(), columns, rows, note });
    Ok(())
}

/// PSNR by level, first seed.
fn panel(damage: &Damage, levels: &[AtLevel], cleaners: &Cleaners) -> Panel {
    let axis = |name: &str| Axis { name: name.into(), logarithmic: false };
    let line = |cleaner: &Cleaner| {
        let psnr = |at: &AtLevel| {
            let figure = at.cleaners.get(cleaner)?.get(&PSNR)?;
            Some((at.level, figure.of_first_seed()?))
        };
        (cleaner.title().to_string(), levels.iter().filter_map(psnr).collect())
    };
    Panel {
        title: damage.name.into(),
        x: axis("level of damage"),
        y: axis("PSNR (dB)"),
        lines: cleaners.of(damage).iter().map(line).collect(),
    }
}

/// Images, damaged and cleaned.
fn show(
    gallery: &Gallery,
    damage: &Damage,
    order: u32,
    seed: u64,
    originals: &Array4<f32>,
    cleaned: &IndexMap<Cleaner, Array4<f32>>,
) -> Result<(), EvaluationError> {
    let few: Vec<(&str, Array4<f32>)> =
        cleaned.iter().map(|(cleaner, images)| (cleaner.title(), images::shown(images))).collect();
    let originals = images::shown(originals);
    let mut lines = vec![("clean", originals.view())];
    lines.extend(few.iter().map(|(title, images)| (*title, images.view())));
    let entry = Entry {
        file: format!("{}.png", damage.name),
        title: format!("{}, level {SHOWN_LEVEL}", damage.title),
        caption: images::shown_are(seed),
        order,
    };
    Ok(gallery.add(entry, |path| picture::image_rows(path, &lines))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, wanted};

    #[test]
    fn every_kind_and_level_of_damage_is_reported() {
        let bench = Bench::new();
        let data = bench.bars();
        let of = |name: &str, seed| {
            let mut toy = wanted(name, "denoising", &data, 3, seed);
            toy.experiment.model = Wanted::preset(name, &[], seed)?.experiment.model;
            Ok(toy)
        };
        let (evaluation, report) = bench.with(&[0, 1], |context| evaluate(context, &[], of)).unwrap();
        assert_eq!(evaluation.tables.len(), 3);
        let widths: Vec<usize> = evaluation.tables.iter().map(|table| table.columns.len()).collect();
        assert_eq!(widths, [9, 11, 11], "for Gaussian noise, `denoising` is already the matched model");
        assert!(evaluation.tables.iter().all(|t| t.rows.iter().all(|row| row.len() == t.columns.len())));
        let metric = |name: &str| evaluation.metrics[name];
        for damage in &DAMAGES {
            for cleaner in Cleaners::Presets.of(damage) {
                let cleaner = cleaner.name();
                let psnr = |level: f64| metric(&format!("{}/{level}/{cleaner}/psnr", damage.name));
                assert!(psnr(0.1) > psnr(0.5), "{} {cleaner}", damage.name);
            }
        }
        // About three of twelve columns are white, so a quarter of the masked pixels is off by 1. The mean
        // PSNR is somewhat above the PSNR of the mean error.
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
