//! `ae eval pretrain`: measures whether pre-training without labels helps when labels are few. The same
//! network is fine-tuned from random weights and from weights that were pre-trained layer by layer on all
//! rows.

use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::{Figure, Quantity, SPREAD};
use crate::tasks::RunTask;
pub(crate) use ae_catalogue::tasks::PRETRAIN as TASK;
use ae_models::ModelConfig;
use ae_report::gallery::Entry;
use ae_report::picture::{self, Band};
use ae_tensor::{Device, Noise, tch};
use ae_training::evaluate::evaluate as held_out;
use ae_training::experiment::{Run, RunError};
use ae_training::{BatchSize, EarlyStopping, Schedule, Splits, TrainOptions, TrainingConfig, train_with};
use indexmap::IndexMap;
use std::path::PathBuf;

pub(crate) const RUN: RunTask =
    |context, _| evaluate(context, &BUDGETS, |seed| Wanted::preset("stacked-few", &[], seed));

/// Numbers of labelled rows; a last comparison uses all rows.
const BUDGETS: [usize; 3] = [100, 1000, 5000];
/// Target for the steps of fine-tuning, within the limits on epochs below.
const STEPS: u64 = 2400;
const EPOCHS: std::ops::RangeInclusive<u64> = 4..=80;

const ERROR: Quantity = Quantity::percentage("error", "error (%)", 2);
/// The difference of the errors, seed by seed.
const GAIN: Quantity = Quantity::new("error", "reduction", 2);

/// The initial weights of fine-tuning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Start {
    Random,
    Pretrained,
}

const STARTS: [Start; 2] = [Start::Random, Start::Pretrained];

/// The results with one number of labels.
struct AtBudget {
    /// `None` means all rows.
    budget: Option<usize>,
    /// Test errors in percent.
    errors: IndexMap<Start, Figure>,
    gain: Figure,
}

fn evaluate(
    context: &mut Context<'_>,
    budgets: &[usize],
    wanted: impl Fn(u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    let budgets = budgets.iter().copied().map(Some).chain([None]);
    let mut budgets: Vec<AtBudget> = budgets.map(AtBudget::new).collect();
    let mut rows = 0;
    for seed in context.seeds.clone() {
        let pretrained = draft.trained(context, &wanted(seed)?)?;
        rows = pretrained.splits.train.len();
        for at in &mut budgets {
            let splits = labelled(context, &pretrained, at.budget)?;
            let random = 100.0 * fine_tuned(context, &pretrained, &splits, Start::Random)?;
            let warm = 100.0 * fine_tuned(context, &pretrained, &splits, Start::Pretrained)?;
            at.errors[&Start::Random].push(seed, random);
            at.errors[&Start::Pretrained].push(seed, warm);
            at.gain.push(seed, random - warm);
        }
    }
    let mut table = ResultTable {
        title: "Test error in % by number of labels".into(),
        columns: ["labels", Start::Random.title(), Start::Pretrained.title(), GAIN.heading]
            .map(String::from)
            .into(),
        note: format!("{SPREAD} `reduction` is the difference of the errors, seed by seed."),
        ..ResultTable::default()
    };
    for AtBudget { budget, errors, gain } in &budgets {
        let mut row = vec![budget.unwrap_or(rows).to_string()];
        for figure in errors.values().chain([gain]) {
            row.push(figure.to_text()?);
        }
        table.rows.push(row);
        let group = budget.map_or("all".to_string(), |budget| budget.to_string());
        for (start, figure) in errors {
            figure.enter(&mut draft.evaluation.metrics, &format!("{}/{group}", start.name()))?;
        }
        gain.enter(&mut draft.evaluation.metrics, &format!("gain/{group}"))?;
    }
    draft.evaluation.tables.push(table);
    let mut bands = Vec::new();
    for start in STARTS {
        let mut points = Vec::new();
        for AtBudget { budget, errors, .. } in &budgets {
            let summary = errors[&start].summary()?;
            points.push((budget.unwrap_or(rows) as f64, summary.mean, summary.sample_std().unwrap_or(0.0)));
        }
        bands.push(Band { name: start.title().into(), points });
    }
    let entry = Entry {
        file: "error.png".into(),
        title: "Test error by number of labels".into(),
        caption: "Means over the seeds. The bands are one standard deviation to either side.".into(),
        order: 1,
    };
    draft.gallery.add(entry, |path| picture::bands(path, "labelled rows", "test error in %", &bands))?;
    draft.finish(format!(
        "The stacked denoising autoencoder is pre-trained layer by layer on {rows} rows without labels, once for each seed. \
         The same network is then fine-tuned on a few labelled rows, chosen by the seed: from the pre-trained weights, and \
         from the random weights that pre-training started from. Everything else is the same for both: Adam, early stopping \
         by the error on the same validation rows, and the test rows, on which the error is computed once."
    ))
}

impl Start {
    /// Name in the metrics.
    fn name(self) -> &'static str {
        match self {
            Start::Random => "random",
            Start::Pretrained => "pretrained",
        }
    }

    /// Name in tables and pictures.
    fn title(self) -> &'static str {
        match self {
            Start::Random => "random weights",
            Start::Pretrained => "pre-trained weights",
        }
    }
}

impl AtBudget {
    fn new(budget: Option<usize>) -> Self {
        let errors = STARTS.map(|start| (start, Figure::new(ERROR))).into_iter().collect();
        AtBudget { budget, errors, gain: Figure::new(GAIN) }
    }
}

/// The data of the pre-training run with this number of labelled training rows.
pub(crate) fn labelled(
    context: &mut Context<'_>,
    run: &Run,
    budget: Option<usize>,
) -> Result<Splits, EvaluationError> {
    let data = ae_datasets::DataConfig { max_train: budget, ..run.experiment.data.clone() };
    let seed = run.experiment.training.seed;
    let device = context.device.resolve().map_err(RunError::from)?;
    Ok(Splits::load(&data, context.sources, seed, device, context.progress).map_err(RunError::from)?)
}

/// Fine-tunes the network from the weights given by `start`; returns its share of errors on the test rows.
pub(crate) fn fine_tuned(
    context: &mut Context<'_>,
    run: &Run,
    splits: &Splits,
    start: Start,
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
    if start == Start::Pretrained {
        for ((_, mut to), (_, from)) in model.state().into_iter().zip(run.model.state()) {
            tch::no_grad(|| to.copy_(&from));
        }
    }
    let n = splits.train.len();
    // With few rows, a fifth of them, so that an epoch has a few steps.
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
