//! `ae eval pretrain`: whether learning without labels first helps where labels are few. The same network is fine-tuned
//! from weights that were pre-trained layer by layer on all rows, and from random ones.

use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use crate::spread::{self, Figure};
use ae_metrics::mean_std;
use ae_models::{Model, ModelConfig};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, Band};
use ae_tensor::{Device, Noise, tch};
use ae_training::evaluate::evaluate as held_out;
use ae_training::experiment::{Run, RunError};
use ae_training::{BatchSize, EarlyStopping, Schedule, Splits, TrainOptions, TrainingConfig, train_with};
use std::path::PathBuf;

/// Seeds that the task is run with unless others are given.
pub const SEEDS: &[u64] = &[0, 1, 2, 3, 4];

/// Labelled rows, beside all of them.
const BUDGETS: [usize; 3] = [100, 1000, 5000];
/// What differs from the preset `stacked`: narrower layers, so that five seeds take minutes; pre-training alone, twenty
/// epochs a layer with half of its input lost, as both long training and much damage pay where labels are few; 1,000
/// validation rows.
const PRETRAINING: [&str; 6] = [
    "model.stacked.hidden=[500, 500, 250]",
    "model.stacked.masking=0.5",
    "model.stacked.pretraining=1",
    "training.epochs=60",
    "training.schedule=constant",
    "data.validation=0.0167",
];
/// Steps that fine-tuning takes at most, within the epochs below.
const STEPS: u64 = 2400;
const EPOCHS: std::ops::RangeInclusive<u64> = 4..=80;

/// Where fine-tuning starts from.
const STARTS: [(&str, &str); 2] = [("random weights", "random"), ("pre-trained weights", "pretrained")];

/// Test errors of one start and budget, for each seed.
type Errors = Vec<(u64, Vec<Figure>)>;

/// Pre-trains once a seed, fine-tunes with each budget of labels from both starts, and writes table, picture and report.
/// Returns the results and the report's path, `runs/eval-pretrain/<id>/report.html`.
///
/// # Errors
/// Where a model cannot be trained, or a file not written; see [`EvaluationError`].
pub fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    evaluate(context, &BUDGETS, |seed| Wanted::preset("stacked", &PRETRAINING, seed))
}

fn evaluate(
    context: &mut Context<'_>,
    budgets: &[usize],
    wanted: impl Fn(u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    context.check_seeds()?;
    let seeds = context.seeds.clone();
    let budgets: Vec<Option<usize>> = budgets.iter().copied().map(Some).chain([None]).collect();
    let mut errors: Vec<[Errors; 2]> = budgets.iter().map(|_| Default::default()).collect();
    let (mut runs, mut rows) = (Vec::new(), 0);
    for &seed in &seeds {
        let pretrained = context.trained(&wanted(seed)?)?;
        rows = pretrained.splits.train.len();
        for (budget, errors) in budgets.iter().zip(&mut errors) {
            let splits = labelled(context, &pretrained, *budget)?;
            for (errors, start) in errors.iter_mut().zip([None, Some(pretrained.model.as_ref())]) {
                let value = 100.0 * fine_tuned(context, &pretrained, &splits, start)?;
                errors.push((seed, vec![Figure { head: "error (%)", name: "error", value, decimals: 2 }]));
            }
        }
        runs.push(pretrained.dir.root().to_path_buf());
    }
    let folder = context.folder("pretrain");
    let mut evaluation = Evaluation {
        task: "pretrain".into(),
        title: "Pre-training without labels, then few labels".into(),
        method: format!(
            "The stacked denoising autoencoder is pre-trained layer by layer on {rows} rows without their labels, once a \
             seed. Then the same network is fine-tuned with a budget of labelled rows, chosen by the seed: from the \
             pre-trained weights, and from the random weights that these started from. Everything else is the same, too: \
             Adam, early stopping by the error on validation rows (both starts see the same ones), the test rows, which \
             are looked at once."
        ),
        command: context.command("pretrain"),
        seeds,
        runs,
        ..Evaluation::default()
    };
    let mut table = Table {
        title: "Test error in %, by the number of labels".into(),
        columns: ["labels", STARTS[0].0, STARTS[1].0, "less by"].map(String::from).to_vec(),
        note: "Mean ± standard deviation over the seeds; `less by` is the difference seed by seed.".into(),
        ..Table::default()
    };
    let mut bands = STARTS.map(|(title, _)| Band { name: title.into(), points: Vec::new() });
    for (budget, errors) in budgets.iter().zip(&errors) {
        let labels = budget.unwrap_or(rows);
        let less: Vec<Figure> =
            errors[0].iter().zip(&errors[1]).map(|((_, a), (_, b))| gain(&a[0], &b[0])).collect();
        let mut row = vec![labels.to_string()];
        for errors in errors {
            row.push(spread::over_seeds(errors.iter().map(|(_, figures)| &figures[0]))?);
        }
        row.push(spread::over_seeds(less.iter())?);
        table.rows.push(row);
        for ((errors, band), (_, name)) in errors.iter().zip(&mut bands).zip(STARTS) {
            let group = budget.map_or("all".to_string(), |budget| budget.to_string());
            spread::enter(&mut evaluation, &format!("{name}/{group}"), errors)?;
            let values: Vec<f64> = errors.iter().map(|(_, figures)| figures[0].value).collect();
            let summary = mean_std(&values).map_err(EvaluationError::metric("the test error"))?;
            band.points.push((labels as f64, summary.mean, summary.sample_std().unwrap_or(0.0)));
        }
    }
    evaluation.tables.push(table);
    let gallery = Gallery::new(folder.join("images"));
    let entry = Entry {
        file: "error.png".into(),
        title: "Test error over labels".into(),
        caption: "Means over the seeds; the bands are one standard deviation to either side.".into(),
        order: 1,
    };
    gallery.add(entry, |path| picture::bands(path, "labelled rows", "test error in %", &bands))?;
    evaluation.pictures = gallery.entries()?;
    let report = evaluation.write(&folder)?;
    Ok((evaluation, report))
}

fn gain(random: &Figure, pretrained: &Figure) -> Figure {
    Figure { head: "less by", name: "less", value: random.value - pretrained.value, decimals: 2 }
}

/// The data of the pre-training run with so many labelled training rows.
fn labelled(context: &mut Context<'_>, run: &Run, budget: Option<usize>) -> Result<Splits, EvaluationError> {
    let data = ae_datasets::DataConfig { max_train: budget, ..run.experiment.data.clone() };
    let seed = run.experiment.training.seed;
    let dataset =
        ae_datasets::load(&data, context.sources, seed, context.progress).map_err(RunError::from)?;
    let device = context.device.resolve().map_err(RunError::from)?;
    Ok(Splits::new(dataset, device).map_err(RunError::from)?)
}

/// The share of test rows that the network gets wrong after fine-tuning; from random weights where there is no `start`.
fn fine_tuned(
    context: &mut Context<'_>,
    run: &Run,
    splits: &Splits,
    start: Option<&dyn Model>,
) -> Result<f64, EvaluationError> {
    let seed = run.experiment.training.seed;
    let device: Device = context.device.resolve().map_err(RunError::from)?;
    let ModelConfig::Stacked(mut config) = run.experiment.model.clone() else {
        let variant = run.experiment.model.name().into();
        return Err(EvaluationError::Unsuited {
            measure: "pretrain",
            variant,
            missing: "layers to pre-train",
        });
    };
    config.pretraining = 0.0;
    let model = ModelConfig::Stacked(config).initialise(&splits.summary, &Noise::new(seed, 0, device));
    let model = model.map_err(RunError::from)?;
    if let Some(start) = start {
        for ((_, mut to), (_, from)) in model.state().into_iter().zip(start.state()) {
            tch::no_grad(|| to.copy_(&from));
        }
    }
    let n = splits.train.len();
    // A fifth of a small budget, so that an epoch has a few steps.
    let batch = (n / 5).clamp(1, 128);
    let epochs = (STEPS / n.div_ceil(batch) as u64).clamp(*EPOCHS.start(), *EPOCHS.end());
    let training = TrainingConfig {
        seed,
        epochs,
        batch: BatchSize::Samples(batch),
        schedule: Schedule::Constant,
        early_stopping: Some(EarlyStopping { patience: (epochs / 4).max(2), min_delta: 0.0 }),
        ..run.experiment.training.clone()
    };
    let options = TrainOptions {
        observer: Some(context.observer),
        stop: Some(context.stop),
        ..TrainOptions::default()
    };
    let outcome = train_with(&model, splits, &training, options);
    if outcome.map_err(RunError::from)?.interrupted {
        return Err(EvaluationError::Interrupted(run.dir.root().into()));
    }
    let figures = held_out(model.as_ref(), &splits.test, seed, "test");
    figures.get(model.objective()).copied().ok_or_else(|| EvaluationError::Data {
        set: splits.dataset.name.clone(),
        missing: "test rows",
        remedy: "see data.test",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, wanted};
    use ae_models::variants::stacked;

    #[test]
    fn both_starts_are_compared_for_every_budget() {
        let bench = Bench::new();
        let data = bench.waves(true);
        let of = |seed| {
            let mut wanted = wanted("toy", "stacked", &data, 3, seed);
            let config =
                stacked::Config { hidden: vec![8, 6], pretraining: 1.0, ..stacked::Config::default() };
            wanted.experiment.model = ModelConfig::Stacked(config);
            wanted.experiment.data.normal_label = None;
            wanted.experiment.data.validation = 0.25;
            Ok(wanted)
        };
        let run = || bench.with(&[0, 1], |context| evaluate(context, &[10], of)).unwrap();
        let (evaluation, report) = run();
        assert_eq!(evaluation.tables[0].rows.len(), 2);
        assert_eq!(evaluation.tables[0].rows[0][0], "10");
        for name in
            ["random/10/error", "pretrained/10/error_std", "random/all/seed1/error", "pretrained/all/error"]
        {
            assert!((0.0..=100.0).contains(&evaluation.metrics[name]), "{name}");
        }
        assert!(report.with_file_name("images").join("error.png").exists());
        assert_eq!(run().0.metrics, evaluation.metrics, "the same seeds give the same errors");
    }
}
