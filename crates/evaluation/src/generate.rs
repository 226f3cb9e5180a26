//! `ae eval generate`: compares the samples of generative models by their distance from held-out images and
//! by the classes that a classifier of the same data finds among them. Also draws interpolations, and the
//! latent space of models with two latents.

mod figures;

use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use crate::pictures;
use crate::sampling::samples;
use crate::spread::{self, Figures, Quantity};
use crate::subject::{Models, name_of};
use crate::tasks::RunTask;
use crate::yardstick::{COUNTED, Yardstick};
pub(crate) use ae_catalogue::tasks::GENERATE as TASK;
use ae_datasets::DataConfig;
use ae_models::Sampler;
use ae_models::sampler::MAX_FITTED_ROWS;
use ae_records::text::shell_quoted;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;
use ae_tensor::{Noise, Tensor, array, tch};
use ae_training::evaluate::BATCH;
use ae_training::experiment::{Run, RunError};
use figures::{interpolation, manifold};
use indexmap::IndexMap;
use ndarray::Array4;
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, _| run(context);

/// Presets with the samplers that are compared.
const PRESETS: [(&str, &[Sampler]); 8] = [
    ("vae", &[Sampler::Prior, Sampler::Gmm, Sampler::TwoStage]),
    ("cvae-conv", &[Sampler::Prior]),
    ("cvae", &[Sampler::Prior]),
    ("aae", &[Sampler::Prior]),
    ("gan", &[Sampler::Prior]),
    ("vq_vae", &[Sampler::Prior, Sampler::Positions]),
    ("vanilla", &[Sampler::Prior, Sampler::Gaussian, Sampler::Gmm, Sampler::TwoStage]),
    ("conv", &[Sampler::Prior, Sampler::Gaussian, Sampler::Gmm, Sampler::TwoStage]),
];
/// Images in a row of the pictures.
const SHOWN: i64 = 12;

const FID: Quantity = Quantity::positive("fid", "FID", 2);
const RECONSTRUCTION_FID: Quantity = Quantity::positive("reconstruction_fid", "FID, reconstructions", 2);
const CLASSES: Quantity = Quantity::positive("classes", "classes", 0);
const RAREST: Quantity = Quantity::positive("rarest", "rarest", 0);

/// What to evaluate.
struct Plan<'a> {
    /// Without samplers: those that suit the model.
    presets: &'a [(&'a str, &'a [Sampler])],
    /// The classifier.
    judge: Wanted,
    /// Another set of images, for comparison.
    other: Option<DataConfig>,
}

/// The results of a preset's runs by one sampler.
struct Entrant {
    /// In the metrics, and in pictures.
    name: String,
    preset: String,
    sampler: Sampler,
    parameters: u64,
    /// Include figures of reconstructions only if the model reconstructs.
    figures: Figures,
    /// Samples of each class; first seed, like the images below.
    counts: Vec<usize>,
    shown: Array4<f32>,
    /// A walk through the latent space and the whole latent plane, if the model has them.
    walk: Option<Array4<f32>>,
    plane: Option<Array4<f32>>,
}

fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let models = Models::of(context, &[])?;
    let mut judge = context.subject.adapt(&Wanted::preset("classifier", &[], 0)?)?;
    if let Some(run) = models.first_run() {
        // Split alike, so that the held-out images are those of the run.
        judge.experiment.data = run.experiment.data.clone();
        judge.experiment.training.seed = run.experiment.training.seed;
        let (set, seed) =
            (shell_quoted(format!("data.set={}", judge.experiment.data.set)), judge.experiment.training.seed);
        judge.command = format!("ae train classifier --set {set} --seed {seed}");
    }
    if context.subject.is_given() {
        check_labels(context, &judge.experiment.data)?;
    }
    let other = DataConfig { set: "fashion-mnist".into(), ..DataConfig::default() };
    let other = (!context.subject.is_given()).then_some(other);
    let names = models.names();
    let runs: Vec<(&str, &[Sampler])> = names.into_iter().map(|name| (name, &[][..])).collect();
    let plan = Plan { presets: if runs.is_empty() { &PRESETS } else { &runs }, judge, other };
    evaluate(context, &plan, |name, seed| models.wanted(name, seed))
}

/// Refuses data without labels before a classifier is trained on them.
fn check_labels(context: &mut Context<'_>, data: &DataConfig) -> Result<(), EvaluationError> {
    let loaded = ae_datasets::load(data, context.sources, 0, context.progress).map_err(RunError::from)?;
    match loaded.train.labels {
        Some(_) => Ok(()),
        None => Err(EvaluationError::Data {
            set: loaded.name,
            missing: "labels",
            remedy: "samples are judged by a classifier of the same images: sort these into a folder for each class, or name \
                     their labels by data.labels, and train again; `ae sample RUN` draws samples without judging them",
        }),
    }
}

fn evaluate(
    context: &mut Context<'_>,
    plan: &Plan<'_>,
    wanted: impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    draft.expect(plan.presets.len() * context.seeds.len());
    let yardstick = Yardstick::trained(context, &plan.judge)?;
    draft.evaluation.runs.push(yardstick.folder());
    draft.evaluation.metrics.insert("classifier/accuracy".into(), yardstick.accuracy());
    let mut entrants = Vec::new();
    for (preset, samplers) in plan.presets {
        entrants.extend(of_preset(context, &yardstick, preset, samplers, &wanted, &mut draft)?);
    }
    let scale = for_scale(context, plan, &yardstick, &mut draft.evaluation)?;
    for entrant in &entrants {
        entrant.figures.enter(&mut draft.evaluation.metrics, &entrant.name)?;
    }
    draft.evaluation.tables = vec![distances(&entrants)?, scale, census(&entrants, &yardstick)];
    draw(&draft.gallery, &entrants, &yardstick)?;
    let n = yardstick.held_out().size()[0];
    let accuracy = 100.0 * yardstick.accuracy();
    let caution = match yardstick.is_trustworthy() {
        true => "",
        false => {
            "The classifier hardly knows the classes, so FID and classes mean little here: train it on more images, or for \
             more epochs. "
        }
    };
    draft.finish(format!(
        "{caution}Samples are judged by the preset `classifier`, whose accuracy on held-out images is {accuracy:.2} %. FID is the \
         Fréchet distance (Heusel et al., 2017) between the classifier's features of {n} samples and of the {n} held-out \
         images. It is comparable within this report, but not with an FID of Inception's features. Classes are counted by \
         the classifier's decisions on at most {COUNTED} samples. The sampler says where codes come from. prior: draws of N(0, I), \
         which is not where the codes of vanilla and conv lie; cvae cycles through its labels. gaussian and gmm: one \
         Gaussian and a mixture of ten with full covariances, fitted to the codes of at most {MAX_FITTED_ROWS} training \
         images (Ghosh et al., 2020). positions: the positions of a code are drawn independently, with their frequencies \
         in the training images. The FID of a model's reconstructions is about what a perfect sampler could achieve."
    ))
}

/// Trains a preset with each seed, and evaluates it by each sampler.
fn of_preset(
    context: &mut Context<'_>,
    yardstick: &Yardstick,
    preset: &str,
    samplers: &[Sampler],
    wanted: &impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
    draft: &mut Draft,
) -> Result<Vec<Entrant>, EvaluationError> {
    let n = yardstick.held_out().size()[0] as usize;
    let mut entrants: IndexMap<Sampler, Entrant> = IndexMap::new();
    for seed in context.seeds.clone() {
        let run = draft.trained(context, &wanted(preset, seed)?)?;
        let rebuilt = reconstructions(&run);
        let rebuilt = rebuilt.map(|rebuilt| yardstick.judge(preset, &rebuilt)).transpose()?;
        let suited = if samplers.is_empty() { suited(&run) } else { samplers };
        for &sampler in suited {
            tracing::info!("judging {n} samples of {preset}, {sampler}");
            let generated = samples(&run, sampler, n)?;
            let look = yardstick.judge(preset, &generated)?;
            let generator = run.model.as_generator().filter(|_| sampler == Sampler::Prior);
            let entrant = entrants.entry(sampler).or_insert_with(|| Entrant {
                name: name_of_entrant(preset, sampler, &run),
                preset: preset.into(),
                sampler,
                parameters: run.record.model.parameters,
                figures: Figures::default(),
                counts: look.counts.clone(),
                shown: array::to_images(&generated.narrow(0, 0, SHOWN.min(n as i64))),
                walk: generator.map(|generator| array::to_images(&interpolation(generator, SHOWN, &run))),
                plane: generator
                    .and_then(|generator| manifold(generator, &run))
                    .as_ref()
                    .map(array::to_images),
            });
            entrant.figures.push(seed, &FID, look.distance);
            entrant.figures.push(seed, &CLASSES, look.classes() as f64);
            entrant.figures.push(seed, &RAREST, look.rarest() as f64);
            if let Some(rebuilt) = &rebuilt {
                entrant.figures.push(seed, &RECONSTRUCTION_FID, rebuilt.distance);
            }
        }
    }
    if entrants.is_empty() { Err(EvaluationError::NoSeeds) } else { Ok(entrants.into_values().collect()) }
}

/// The samplers of a run that the user gave.
fn suited(run: &Run) -> &'static [Sampler] {
    match run.model.as_generator() {
        Some(_) => &[Sampler::Prior],
        None => &[Sampler::Gaussian, Sampler::Gmm],
    }
}

/// The preset's name, for what the model draws by itself, which is the positions of a codebook without a prior; otherwise
/// with the sampler.
fn name_of_entrant(preset: &str, sampler: Sampler, run: &Run) -> String {
    let has_prior = run.model.as_generator().is_some();
    let is_own = sampler == if has_prior { Sampler::Prior } else { Sampler::Positions };
    if is_own { preset.into() } else { format!("{preset}_{sampler}") }
}

/// Reconstructions of the test images; `None` if the model does not reconstruct.
fn reconstructions(run: &Run) -> Option<Tensor> {
    let autoencoder = run.model.as_autoencoder()?;
    let batches = run.splits.test.in_order(BATCH);
    let parts: Vec<Tensor> =
        tch::no_grad(|| batches.map(|batch| autoencoder.reconstruct_batch(&batch)).collect());
    Some(Tensor::cat(&parts, 0))
}

fn distances(entrants: &[Entrant]) -> Result<ResultTable, EvaluationError> {
    const FIGURES: [Quantity; 4] = [FID, RECONSTRUCTION_FID, CLASSES, RAREST];
    let mut rows = Vec::new();
    for Entrant { preset, sampler, parameters, figures, .. } in entrants {
        let mut row = vec![preset.clone(), sampler.to_string(), parameters.to_string()];
        row.extend(figures.cells(&FIGURES)?);
        rows.push(row);
    }
    Ok(ResultTable {
        title: "Distance from held-out images".into(),
        columns: spread::columns(&["model", "sampler", "parameters"], &FIGURES),
        rows,
        note: format!(
            "Lower is better for FID. classes: number of classes among at most {COUNTED} samples; rarest: samples of the rarest class."
        ),
    })
}

/// The same figures for training images, images of another set, and noise.
fn for_scale(
    context: &mut Context<'_>,
    plan: &Plan<'_>,
    yardstick: &Yardstick,
    evaluation: &mut Evaluation,
) -> Result<ResultTable, EvaluationError> {
    let shape = yardstick.held_out().size();
    let noise = Noise::new(0, 0, yardstick.held_out().device()).fork("scale");
    let mut sets = vec![
        ("training images".to_string(), "training", yardstick.training_images()),
        ("uniform noise".to_string(), "noise", noise.uniform("noise", &shape)),
    ];
    if let Some(other) = &plan.other {
        let loaded = ae_datasets::load(other, context.sources, 0, context.progress);
        let rows = loaded.map_err(RunError::from)?.test.values;
        let n = rows.nrows() as i64;
        let other_images = array::from_array(rows).view([&[n], &shape[1..]].concat().as_slice());
        sets.insert(1, (format!("images of {}", name_of(&other.set)), "other", other_images));
    }
    let mut table = ResultTable {
        title: "Reference values".into(),
        columns: ["images", "FID", "classes"].map(String::from).into(),
        note: "A perfect generator would have the FID of the training images.".into(),
        ..ResultTable::default()
    };
    for (title, name, set) in sets {
        let look = yardstick.judge(&title, &set)?;
        evaluation.metrics.insert(format!("{name}/fid"), look.distance);
        table.rows.push(vec![title, format!("{:.2}", look.distance), look.classes().to_string()]);
    }
    Ok(table)
}

fn census(entrants: &[Entrant], yardstick: &Yardstick) -> ResultTable {
    let row = |entrant: &Entrant| {
        let counts = entrant.counts.iter().map(usize::to_string);
        std::iter::once(entrant.name.clone()).chain(counts).collect()
    };
    let counted = entrants.iter().map(|entrant| entrant.counts.iter().sum()).max().unwrap_or(0usize);
    ResultTable {
        title: format!("Classes of {counted} samples"),
        columns: std::iter::once("model".to_string())
            .chain(yardstick.class_names().iter().cloned())
            .collect(),
        rows: entrants.iter().map(row).collect(),
        note: match yardstick.is_trustworthy() {
            true => "By the classifier's decisions, for the first seed. A missing class means mode collapse."
                .into(),
            false => {
                "By the decisions of a classifier that hardly knows the classes, for the first seed.".into()
            }
        },
    }
}

fn draw(gallery: &Gallery, entrants: &[Entrant], yardstick: &Yardstick) -> Result<(), EvaluationError> {
    let entry = |file: &str, order, title: &str, caption: &str| Entry {
        file: file.into(),
        order,
        title: title.into(),
        caption: caption.into(),
    };
    let shown = entrants.iter().map(|entrant| entrant.shown.len_of(ndarray::Axis(0))).min().unwrap_or(0);
    let real = array::to_images(&yardstick.held_out().narrow(0, 0, shown as i64));
    let mut rows = vec![("held-out", real.view())];
    rows.extend(entrants.iter().map(|entrant| (entrant.name.as_str(), entrant.shown.view())));
    let caption =
        "The first samples of each model, not hand-picked. A conditional model cycles through its labels.";
    gallery.add(entry("samples.png", 10, "Samples", caption), |path| picture::image_rows(path, &rows))?;
    let walks: Vec<_> = entrants
        .iter()
        .filter_map(|entrant| Some((entrant.name.as_str(), entrant.walk.as_ref()?.view())))
        .collect();
    if !walks.is_empty() {
        let caption =
            "From one draw of the prior to another, along a sphere. A conditional model keeps one label.";
        let entry = entry("interpolations.png", 20, "Interpolations", caption);
        gallery.add(entry, |path| picture::image_rows(path, &walks))?;
    }
    for (order, entrant) in entrants.iter().enumerate() {
        if let Some(plane) = &entrant.plane {
            let title = format!("The latent space of {}", entrant.name);
            let caption = "Both latents run from their 5 % to their 95 % quantile.";
            let entry = entry(&format!("manifold-{}.png", entrant.name), 30 + order as u32, &title, caption);
            gallery.add(entry, |path| {
                picture::latent_manifold(path, plane.view(), pictures::MANIFOLD_SIDE as usize)
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
