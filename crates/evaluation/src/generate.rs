//! `ae eval generate`: compares the samples of generative models by their distance from held-out images and
//! by the classes that a classifier of the same data finds among them. Also draws interpolations, and the
//! latent space of models with two latents.

mod figures;

use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use crate::pictures;
use crate::spread::{self, Figures, Quantity};
use crate::tasks::Task;
use crate::yardstick::{COUNTED, Yardstick, samples};
use ae_datasets::DataConfig;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;
use ae_tensor::{Noise, Tensor, array, tch};
use ae_training::evaluate::BATCH;
use ae_training::experiment::{Run, RunError};
use figures::{interpolation, manifold};
use ndarray::Array4;
use std::path::PathBuf;

/// The entry of the list.
pub(crate) const TASK: Task = Task {
    name: "generate",
    title: "New samples",
    about: "New samples: distance from held-out images, classes, interpolations, latent spaces",
    seeds: &[0],
    options: &[],
    run: |context, _| run(context),
};

const PRESETS: [&str; 6] = ["vae", "cvae-conv", "cvae", "aae", "gan", "vq_vae"];
/// Images in a row of the pictures.
const SHOWN: i64 = 12;

const FID: Quantity = Quantity::new("fid", "FID", 2);
const RECONSTRUCTION_FID: Quantity = Quantity::new("reconstruction_fid", "FID, reconstructions", 2);
const CLASSES: Quantity = Quantity::new("classes", "classes", 0);
const RAREST: Quantity = Quantity::new("rarest", "rarest", 0);

/// What to evaluate.
struct Plan<'a> {
    presets: &'a [&'a str],
    /// The classifier.
    judge: Wanted,
    /// Another set of images, for comparison.
    other: Option<DataConfig>,
}

/// The results of a preset's runs.
struct Entrant {
    name: String,
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
    let other = DataConfig { set: "fashion-mnist".into(), ..DataConfig::default() };
    let judge = Wanted::preset("classifier", &[], 0)?;
    let plan = Plan { presets: &PRESETS, judge, other: Some(other) };
    evaluate(context, &plan, |name, seed| Wanted::preset(name, &[], seed))
}

fn evaluate(
    context: &mut Context<'_>,
    plan: &Plan<'_>,
    wanted: impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    let yardstick = Yardstick::trained(context, &plan.judge)?;
    draft.evaluation.runs.push(yardstick.folder());
    draft.evaluation.metrics.insert("classifier/accuracy".into(), yardstick.accuracy());
    let mut entrants = Vec::new();
    for preset in plan.presets {
        entrants.push(entrant(context, &yardstick, preset, &wanted, &mut draft)?);
    }
    let scale = for_scale(context, plan, &yardstick, &mut draft.evaluation)?;
    for entrant in &entrants {
        entrant.figures.enter(&mut draft.evaluation.metrics, &entrant.name)?;
    }
    draft.evaluation.tables = vec![distances(&entrants)?, scale, census(&entrants, &yardstick)];
    draw(&draft.gallery, &entrants, &yardstick)?;
    let n = yardstick.held_out().size()[0];
    let accuracy = 100.0 * yardstick.accuracy();
    draft.finish(format!(
        "Samples are judged by the preset `classifier`, whose accuracy on held-out images is {accuracy:.2} %. FID is the \
         Fréchet distance (Heusel et al., 2017) between the classifier's features of {n} samples and of the {n} held-out \
         images. It is comparable within this report, but not with an FID of Inception's features. Classes are counted by \
         the classifier's decisions on {COUNTED} samples. Samples are decoded from draws of N(0, I); cvae cycles through its \
         labels. vq_vae has no prior: the positions of its codes are drawn independently, with their frequencies in the \
         training images. The FID of its reconstructions is what a better prior could achieve."
    ))
}

/// Trains and evaluates a preset with each seed.
fn entrant(
    context: &mut Context<'_>,
    yardstick: &Yardstick,
    preset: &str,
    wanted: &impl Fn(&str, u64) -> Result<Wanted, EvaluationError>,
    draft: &mut Draft,
) -> Result<Entrant, EvaluationError> {
    let n = yardstick.held_out().size()[0] as usize;
    let mut entrant: Option<Entrant> = None;
    for seed in context.seeds.clone() {
        let run = draft.trained(context, &wanted(preset, seed)?)?;
        tracing::info!("judging {n} samples of {preset}");
        let generated = samples(&run, n).ok_or_else(|| EvaluationError::Unsuited {
            measure: "generate",
            variant: run.experiment.model.name().into(),
            missing: "samples",
        })?;
        let look = yardstick.judge(preset, &generated)?;
        let generator = run.model.as_generator();
        let entrant = entrant.get_or_insert_with(|| Entrant {
            name: preset.into(),
            parameters: run.record.model.parameters,
            figures: Figures::default(),
            counts: look.counts.clone(),
            shown: array::to_images(&generated.narrow(0, 0, SHOWN.min(n as i64))),
            walk: generator.map(|generator| array::to_images(&interpolation(generator, SHOWN, &run))),
            plane: generator.and_then(|generator| manifold(generator, &run)).as_ref().map(array::to_images),
        });
        entrant.figures.push(seed, &FID, look.distance);
        entrant.figures.push(seed, &CLASSES, look.classes() as f64);
        entrant.figures.push(seed, &RAREST, look.rarest() as f64);
        if let Some(rebuilt) = reconstructions(&run) {
            entrant.figures.push(seed, &RECONSTRUCTION_FID, yardstick.judge(preset, &rebuilt)?.distance);
        }
    }
    entrant.ok_or(EvaluationError::NoSeeds)
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
    for Entrant { name, parameters, figures, .. } in entrants {
        let mut row = vec![name.clone(), parameters.to_string()];
        row.extend(figures.cells(&FIGURES)?);
        rows.push(row);
    }
    Ok(ResultTable {
        title: "Distance from held-out images".into(),
        columns: spread::columns(&["model", "parameters"], &FIGURES),
        rows,
        note: format!(
            "Lower is better for FID. classes: number of classes among {COUNTED} samples; rarest: samples of the rarest class."
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

/// The name of a set, or of a file without its folder.
fn name_of(set: &str) -> &str {
    set.rsplit(['/', '\\']).next().unwrap_or(set)
}

fn census(entrants: &[Entrant], yardstick: &Yardstick) -> ResultTable {
    let row = |entrant: &Entrant| {
        let counts = entrant.counts.iter().map(usize::to_string);
        std::iter::once(entrant.name.clone()).chain(counts).collect()
    };
    ResultTable {
        title: format!("Classes of {COUNTED} samples"),
        columns: std::iter::once("model".to_string())
            .chain(yardstick.class_names().iter().cloned())
            .collect(),
        rows: entrants.iter().map(row).collect(),
        note: "By the classifier's decisions, for the first seed. A missing class means mode collapse."
            .into(),
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
mod tests {
    use super::*;
    use crate::testing::{Bench, stripes, wanted};
    use ae_training::Experiment;

    fn on(data: &DataConfig, name: &str, epochs: u64, seed: u64) -> Wanted {
        let mut wanted = wanted(name, name, "stripes.csv".as_ref(), epochs, seed);
        wanted.experiment = Experiment { data: data.clone(), ..wanted.experiment };
        wanted
    }

    fn run(bench: &Bench, presets: &[&str]) -> Result<(Evaluation, PathBuf), EvaluationError> {
        let data = stripes(bench);
        let other = Some(DataConfig { set: bench.bars_of(8).display().to_string(), ..DataConfig::default() });
        let plan = Plan { presets, judge: on(&data, "classifier", 6, 0), other };
        bench.with(&[0, 1], |context| evaluate(context, &plan, |name, seed| Ok(on(&data, name, 3, seed))))
    }

    #[test]
    fn every_model_is_compared_with_real_images_and_noise() {
        let bench = Bench::new();
        let (evaluation, report) = run(&bench, &["vae", "gan", "vq_vae"]).unwrap();
        let [distances, scale, census] = &evaluation.tables[..] else { panic!("three tables") };
        assert_eq!(
            distances.rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(),
            ["vae", "gan", "vq_vae"]
        );
        assert_eq!(distances.rows[1][3], "–", "a gan does not reconstruct");
        assert_eq!(scale.rows.len(), 3);
        assert_eq!(census.columns, ["model", "across", "down"]);
        let count = |cell: &String| cell.parse::<usize>().unwrap();
        assert!(census.rows.iter().all(|row| row[1..].iter().map(count).sum::<usize>() == 80));
        let metric = |name: &str| evaluation.metrics[name];
        assert!(metric("classifier/accuracy") > 0.9);
        assert!(metric("training/fid") < metric("noise/fid"));
        assert!(metric("training/fid") < metric("other/fid"));
        for name in ["vae/seed1/fid", "gan/fid_std", "vq_vae/reconstruction_fid", "vae/classes", "gan/rarest"]
        {
            assert!(metric(name).is_finite(), "{name}");
        }
        assert!(evaluation.method.contains("accuracy on held-out images is"));
        for file in ["report.html", "images/samples.png", "images/interpolations.png"] {
            assert!(report.with_file_name(file).exists(), "{file}");
        }
        assert_eq!(run(&bench, &["vae", "gan", "vq_vae"]).unwrap().0, evaluation);
    }

    #[test]
    fn a_model_without_samples_is_refused() {
        let error = run(&Bench::new(), &["vanilla"]).unwrap_err().to_string();
        assert!(error.contains("`vanilla`") && error.contains("no samples"), "{error}");
    }
}
