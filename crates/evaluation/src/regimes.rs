//! `ae eval regimes`: one model under different regimes of optimisation: how much data a step sees, which optimizer
//! takes it, and how the learning rate moves.

use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use crate::spread::{self, Figure};
use ae_records::metrics;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, Axis, Panel};
use ae_training::experiment::Run;
use std::path::PathBuf;

/// Seeds that the task is run with unless others are given.
pub const SEEDS: &[u64] = &[0];

const PRESET: &str = "vanilla";

/// What is compared with what: a table and a picture each.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Group {
    Batches,
    Optimizers,
    Schedules,
}

const GROUPS: [(Group, &str, &str); 3] = [
    (Group::Batches, "batches", "How much a step sees"),
    (Group::Optimizers, "optimizers", "Who takes the step: batches of 128, constant rate, 10 epochs"),
    (Group::Schedules, "schedules", "How the rate moves: Adam, batches of 128, 10 epochs"),
];

/// One way to train.
struct Regime {
    name: &'static str,
    title: &'static str,
    groups: &'static [Group],
    settings: &'static [&'static str],
}

/// Full batches have 60 passes: more would take longer than all others together. Single samples have one pass
/// over 20,000.
const REGIMES: [Regime; 13] = [
    Regime {
        name: "full-sgd",
        title: "full batch, Nesterov 0.9",
        groups: &[Group::Batches],
        settings: &[
            "training.batch=full",
            "training.epochs=60",
            "training.optimizer=sgd",
            "training.optimizer.sgd.momentum=0.9",
            "training.optimizer.sgd.nesterov=true",
            "training.learning_rate=30",
            "training.checkpoint_every=20",
        ],
    },
    Regime {
        name: "full-adam",
        title: "full batch, Adam",
        groups: &[Group::Batches],
        settings: &["training.batch=full", "training.epochs=60", "training.learning_rate=0.01"],
    },
    Regime {
        name: "online-sgd",
        title: "single samples, SGD",
        groups: &[Group::Batches],
        settings: &[
            "training.batch=1",
            "training.epochs=1",
            "training.optimizer=sgd",
            "training.optimizer.sgd.momentum=0",
            "training.learning_rate=10",
            "training.log_every=250",
            "training.checkpoint_every=100000",
            "data.max_train=20000",
        ],
    },
    Regime {
        name: "online-adam",
        title: "single samples, Adam",
        groups: &[Group::Batches],
        settings: &[
            "training.batch=1",
            "training.epochs=1",
            "training.learning_rate=0.001",
            "training.log_every=250",
            "training.checkpoint_every=100000",
            "data.max_train=20000",
        ],
    },
    Regime {
        name: "sgd",
        title: "SGD",
        groups: &[Group::Optimizers],
        settings: &[
            "training.optimizer=sgd",
            "training.optimizer.sgd.momentum=0",
            "training.learning_rate=100",
        ],
    },
    Regime {
        name: "momentum",
        title: "SGD, momentum 0.9",
        groups: &[Group::Optimizers],
        settings: &[
            "training.optimizer=sgd",
            "training.optimizer.sgd.momentum=0.9",
            "training.learning_rate=10",
        ],
    },
    Regime {
        name: "nesterov",
        title: "128 a step, Nesterov 0.9",
        groups: &[Group::Batches, Group::Optimizers],
        settings: &[
            "training.optimizer=sgd",
            "training.optimizer.sgd.momentum=0.9",
            "training.optimizer.sgd.nesterov=true",
            "training.learning_rate=30",
        ],
    },
    Regime {
        name: "rmsprop",
        title: "RMSprop",
        groups: &[Group::Optimizers],
        settings: &[
            "training.optimizer=rmsprop",
            "training.optimizer.rmsprop.alpha=0.99",
            "training.learning_rate=0.001",
        ],
    },
    Regime {
        name: "adam",
        title: "128 a step, Adam, constant",
        groups: &[Group::Batches, Group::Optimizers, Group::Schedules],
        settings: &[],
    },
    Regime {
        name: "adamw",
        title: "AdamW, decay 0.01",
        groups: &[Group::Optimizers],
        settings: &["training.optimizer=adamw", "training.optimizer.adamw.weight_decay=0.01"],
    },
    Regime {
        name: "cosine",
        title: "cosine, warm-up of 200 steps",
        groups: &[Group::Schedules],
        settings: &["training.schedule.cosine.warmup=200", "training.learning_rate=0.003"],
    },
    Regime {
        name: "step",
        title: "half every 2 epochs",
        groups: &[Group::Schedules],
        settings: &[
            "training.schedule.step.every=2",
            "training.schedule.step.factor=0.5",
            "training.learning_rate=0.003",
        ],
    },
    Regime {
        name: "one-cycle",
        title: "one cycle",
        groups: &[Group::Schedules],
        settings: &["training.schedule.one_cycle.rise=0.3", "training.learning_rate=0.01"],
    },
];

/// A regime with what came out.
struct Outcome<'a> {
    regime: &'a Regime,
    /// Batch, epochs, rate: as the run's configuration has them.
    setup: [String; 4],
    seeds: Vec<(u64, Vec<Figure>)>,
    /// Loss over samples seen and over seconds, of the first seed.
    curves: [Vec<(f64, f64)>; 2],
}

/// Trains what is missing, and compares. Returns the results and the report's path,
/// `runs/eval-regimes/<id>/report.html`.
///
/// # Errors
/// Where a model cannot be trained, or a file not written; see [`EvaluationError`].
pub fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    evaluate(context, |regime, seed| Wanted::preset(PRESET, regime.settings, seed))
}

fn evaluate(
    context: &mut Context<'_>,
    wanted: impl Fn(&Regime, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    context.check_seeds()?;
    let seeds = context.seeds.clone();
    let folder = context.folder("regimes");
    let mut evaluation = Evaluation {
        task: "regimes".into(),
        title: "Regimes of optimisation".into(),
        method: "One model, the preset `vanilla`, is trained in different ways; the test MSE is that of the weights at \
                 the end. Adam and AdamW have the preset's learning rate; all others have the best of a few rates, a factor of \
                 three apart, in shorter runs on training images with another seed. Budgets differ: full batches take 60 passes \
                 over all training images, batches of 128 take 10, single samples one pass over 20,000 images. Seconds \
                 are those of the training loop with its log and checkpoints; over the steps of a run they are taken as \
                 evenly spread. Curves show the mean loss of the steps since the point before."
            .into(),
        command: context.command("regimes"),
        seeds: seeds.clone(),
        ..Evaluation::default()
    };
    let mut outcomes: Vec<Outcome<'_>> = Vec::new();
    for regime in &REGIMES {
        let mut seeds_of = Vec::new();
        let mut first = None;
        for &seed in &seeds {
            let run = context.trained(&wanted(regime, seed)?)?;
            seeds_of.push((seed, figures(&run)));
            evaluation.runs.push(run.dir.root().to_path_buf());
            if first.is_none() {
                first = Some((setup(&run), curves(&run)?));
            }
        }
        if let Some((setup, curves)) = first {
            outcomes.push(Outcome { regime, setup, seeds: seeds_of, curves });
        }
    }
    let gallery = Gallery::new(folder.join("images"));
    for ((group, file, title), order) in GROUPS.into_iter().zip(1..) {
        let of_group: Vec<&Outcome<'_>> =
            outcomes.iter().filter(|outcome| outcome.regime.groups.contains(&group)).collect();
        evaluation.tables.push(table(title, &of_group)?);
        let entry = Entry {
            file: format!("{file}.png"),
            title: title.into(),
            caption: "Training loss over samples seen, and over seconds; first seed.".into(),
            order,
        };
        gallery.add(entry, |path| picture::panels(path, &panels(&of_group)))?;
    }
    for outcome in &outcomes {
        spread::enter(&mut evaluation, outcome.regime.name, &outcome.seeds)?;
    }
    evaluation.pictures = gallery.entries()?;
    let report = evaluation.write(&folder)?;
    Ok((evaluation, report))
}

fn figures(run: &Run) -> Vec<Figure> {
    let objective = run.record.metrics.get("test/mse").copied().unwrap_or(f64::NAN);
    vec![
        Figure { head: "test MSE", name: "mse", value: objective, decimals: 5 },
        Figure { head: "seconds", name: "seconds", value: run.record.seconds.training, decimals: 1 },
    ]
}

/// Batch, rate, steps, samples seen.
fn setup(run: &Run) -> [String; 4] {
    let training = &run.experiment.training;
    let batch = training.batch.samples(run.splits.train.len());
    let seen = run.record.epochs * run.splits.train.len() as u64;
    [batch.to_string(), training.learning_rate.to_string(), run.record.steps.to_string(), seen.to_string()]
}

/// Loss over samples seen and over seconds.
fn curves(run: &Run) -> Result<[Vec<(f64, f64)>; 2], EvaluationError> {
    let lines = metrics::read(&run.dir.metrics())?;
    let train = lines.iter().filter(|line| line.split == "train");
    let points: Vec<(u64, f64)> =
        train.filter_map(|line| Some((line.step, *line.terms.get("loss")?))).collect();
    let steps = run.record.steps.max(1) as f64;
    let seen = (run.record.epochs * run.splits.train.len() as u64) as f64;
    let over = |whole: f64| points.iter().map(|&(step, loss)| (step as f64 / steps * whole, loss)).collect();
    Ok([over(seen), over(run.record.seconds.training)])
}

fn table(title: &str, outcomes: &[&Outcome<'_>]) -> Result<Table, EvaluationError> {
    let heads = ["regime", "batch", "rate", "steps", "samples seen", "test MSE", "seconds"];
    let mut rows = Vec::new();
    for outcome in outcomes {
        let mut row = vec![outcome.regime.title.to_string()];
        row.extend(outcome.setup.clone());
        for at in 0..2 {
            row.push(spread::over_seeds(outcome.seeds.iter().map(|(_, figures)| &figures[at]))?);
        }
        rows.push(row);
    }
    let note = "The rate is the base rate of its schedule.".into();
    Ok(Table { title: title.into(), columns: heads.map(String::from).into(), rows, note })
}

fn panels(outcomes: &[&Outcome<'_>]) -> Vec<Panel> {
    let axis = |name: &str| Axis { name: name.into(), logarithmic: true };
    let panel = |(at, name): (usize, &str)| Panel {
        title: format!("loss over {name}"),
        x: axis(name),
        y: axis("loss"),
        lines: outcomes.iter().map(|it| (it.regime.title.to_string(), it.curves[at].clone())).collect(),
    };
    ["samples seen", "seconds"].into_iter().enumerate().map(panel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, wanted};
    use ae_training::BatchSize;

    #[test]
    fn presets_take_every_setting() {
        for regime in &REGIMES {
            let wanted = Wanted::preset(PRESET, regime.settings, 0).unwrap();
            assert!(wanted.experiment.training.check().is_ok(), "{}", regime.name);
            assert!(!regime.groups.is_empty(), "{} is in no table", regime.name);
        }
    }

    #[test]
    fn every_regime_is_in_its_tables_with_its_own_counts() {
        let bench = Bench::new();
        let data = bench.bars();
        let of = |regime: &Regime, seed| {
            let mut toy = wanted("toy", "vanilla", &data, 2, seed);
            let real = Wanted::preset(PRESET, regime.settings, seed)?.experiment.training;
            let batch =
                if real.batch == BatchSize::Samples(128) { BatchSize::Samples(8) } else { real.batch };
            toy.experiment.training = ae_training::TrainingConfig { batch, epochs: 2, log_every: 1, ..real };
            Ok(toy)
        };
        let (evaluation, report) = bench.with(&[0], |context| evaluate(context, of)).unwrap();
        let counts: Vec<usize> = evaluation.tables.iter().map(|table| table.rows.len()).collect();
        assert_eq!(counts, [6, 6, 4]);
        assert!(evaluation.tables.iter().all(|t| t.rows.iter().all(|row| row.len() == t.columns.len())));
        // 24 training rows, two epochs.
        let steps: Vec<&str> = evaluation.tables[0].rows.iter().map(|row| row[3].as_str()).collect();
        assert_eq!(steps, ["2", "2", "48", "48", "6", "6"]);
        assert!(evaluation.tables[0].rows.iter().all(|row| row[4] == "48"), "samples seen");
        assert_eq!(evaluation.metrics.len(), 4 * REGIMES.len());
        for (_, file, _) in GROUPS {
            assert!(report.with_file_name("images").join(format!("{file}.png")).exists(), "{file}");
        }
    }
}
