//! `ae eval regimes`: trains one model with different batch sizes, optimizers and learning-rate schedules.

use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::{self, Figures, Quantity};
use crate::tasks::RunTask;
pub(crate) use ae_catalogue::tasks::REGIMES as TASK;
use ae_records::metrics;
use ae_report::gallery::Entry;
use ae_report::picture::{self, Axis, Panel};
use ae_training::experiment::Run;
use std::path::PathBuf;

pub(crate) const RUN: RunTask =
    |context, _| evaluate(context, |regime, seed| Wanted::preset(PRESET, regime.settings, seed));

const PRESET: &str = "vanilla";

/// A comparison, with its own table and picture.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Topic {
    Batches,
    Optimizers,
    Schedules,
}

const TOPICS: [(Topic, &str, &str); 3] = [
    (Topic::Batches, "batches", "Batch sizes"),
    (Topic::Optimizers, "optimizers", "Optimizers: batches of 128, constant learning rate, 10 epochs"),
    (Topic::Schedules, "schedules", "Learning-rate schedules: Adam, batches of 128, 10 epochs"),
];

/// One way to train.
struct Regime {
    name: &'static str,
    title: &'static str,
    topics: &'static [Topic],
    settings: &'static [&'static str],
}

/// Full batches get 60 epochs: more would take longer than all other regimes together. Single samples get one
/// epoch over 20,000 images.
const REGIMES: [Regime; 13] = [
    Regime {
        name: "full-sgd",
        title: "full batch, Nesterov 0.9",
        topics: &[Topic::Batches],
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
        topics: &[Topic::Batches],
        settings: &["training.batch=full", "training.epochs=60", "training.learning_rate=0.01"],
    },
    Regime {
        name: "online-sgd",
        title: "single samples, SGD",
        topics: &[Topic::Batches],
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
        topics: &[Topic::Batches],
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
        topics: &[Topic::Optimizers],
        settings: &[
            "training.optimizer=sgd",
            "training.optimizer.sgd.momentum=0",
            "training.learning_rate=100",
        ],
    },
    Regime {
        name: "momentum",
        title: "SGD, momentum 0.9",
        topics: &[Topic::Optimizers],
        settings: &[
            "training.optimizer=sgd",
            "training.optimizer.sgd.momentum=0.9",
            "training.learning_rate=10",
        ],
    },
    Regime {
        name: "nesterov",
        title: "batches of 128, Nesterov 0.9",
        topics: &[Topic::Batches, Topic::Optimizers],
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
        topics: &[Topic::Optimizers],
        settings: &[
            "training.optimizer=rmsprop",
            "training.optimizer.rmsprop.alpha=0.99",
            "training.learning_rate=0.001",
        ],
    },
    Regime {
        name: "adam",
        title: "batches of 128, Adam, constant",
        topics: &[Topic::Batches, Topic::Optimizers, Topic::Schedules],
        settings: &[],
    },
    Regime {
        name: "adamw",
        title: "AdamW, decay 0.01",
        topics: &[Topic::Optimizers],
        settings: &["training.optimizer=adamw", "training.optimizer.adamw.weight_decay=0.01"],
    },
    Regime {
        name: "cosine",
        title: "cosine, warm-up of 200 steps",
        topics: &[Topic::Schedules],
        settings: &["training.schedule.cosine.warmup=200", "training.learning_rate=0.003"],
    },
    Regime {
        name: "step",
        title: "halved every 2 epochs",
        topics: &[Topic::Schedules],
        settings: &[
            "training.schedule.step.every=2",
            "training.schedule.step.factor=0.5",
            "training.learning_rate=0.003",
        ],
    },
    Regime {
        name: "one-cycle",
        title: "one cycle",
        topics: &[Topic::Schedules],
        settings: &["training.schedule.one_cycle.rise=0.3", "training.learning_rate=0.01"],
    },
];

const MSE: Quantity = Quantity::positive("mse", "test MSE", 5);
const SECONDS: Quantity = Quantity::positive("seconds", "seconds", 1);
const FIGURES: [Quantity; 2] = [MSE, SECONDS];

/// A regime and its results.
struct Trained<'a> {
    regime: &'a Regime,
    /// Batch size, learning rate, steps and samples seen; first seed.
    setup: [String; 4],
    figures: Figures,
    curves: Curves,
}

/// Training loss of the first seed.
struct Curves {
    over_samples: Vec<(f64, f64)>,
    over_seconds: Vec<(f64, f64)>,
}

fn evaluate(
    context: &mut Context<'_>,
    wanted: impl Fn(&Regime, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    let mut trained: Vec<Trained<'_>> = Vec::new();
    for regime in &REGIMES {
        let mut it: Option<Trained<'_>> = None;
        for seed in context.seeds.clone() {
            let run = draft.trained(context, &wanted(regime, seed)?)?;
            if it.is_none() {
                let (setup, curves) = (setup(&run), curves(&run)?);
                it = Some(Trained { regime, setup, figures: Figures::default(), curves });
            }
            let Some(Trained { figures, .. }) = &mut it else { continue };
            figures.push(seed, &MSE, run.record.metrics.get("test/mse").copied().unwrap_or(f64::NAN));
            figures.push(seed, &SECONDS, run.record.seconds.training);
        }
        trained.extend(it);
    }
    for ((topic, file, title), order) in TOPICS.into_iter().zip(1..) {
        let members = trained.iter().filter(|it| it.regime.topics.contains(&topic));
        let members: Vec<&Trained<'_>> = members.collect();
        draft.evaluation.tables.push(table(title, &members)?);
        let entry = Entry {
            file: format!("{file}.png"),
            title: title.into(),
            caption: "Training loss over samples seen and over seconds, first seed.".into(),
            order,
        };
        draft.gallery.add(entry, |path| picture::panels(path, &panels(&members)))?;
    }
    for Trained { regime, figures, .. } in &trained {
        figures.enter(&mut draft.evaluation.metrics, regime.name)?;
    }
    draft.finish(
        "One model, the preset `vanilla`, is trained in different ways; the test MSE is that of the final weights. Adam and \
         AdamW use the preset's learning rate. All others use the best of a few rates, a factor of three apart, found in \
         shorter runs on training images with another seed. Budgets differ: full batches take 60 epochs over all training \
         images, batches of 128 take 10, and single samples take one epoch over 20,000 images. Seconds are those of the \
         training loop, including logging and checkpoints, and are spread evenly over the steps of a run. Each point of a \
         curve is the mean loss since the previous point.",
    )
}

/// Batch size, learning rate, steps and samples seen.
fn setup(run: &Run) -> [String; 4] {
    let training = &run.experiment.training;
    let batch = training.batch.samples(run.splits.train.len());
    let seen = run.record.epochs * run.splits.train.len() as u64;
    [batch.to_string(), training.learning_rate.to_string(), run.record.steps.to_string(), seen.to_string()]
}

fn curves(run: &Run) -> Result<Curves, EvaluationError> {
    let lines = metrics::read(&run.dir.metrics())?;
    let train = lines.iter().filter(|line| line.split == "train");
    let points: Vec<(u64, f64)> =
        train.filter_map(|line| Some((line.step, *line.terms.get("loss")?))).collect();
    let steps = run.record.steps.max(1) as f64;
    let seen = (run.record.epochs * run.splits.train.len() as u64) as f64;
    let over = |whole: f64| points.iter().map(|&(step, loss)| (step as f64 / steps * whole, loss)).collect();
    Ok(Curves { over_samples: over(seen), over_seconds: over(run.record.seconds.training) })
}

fn table(title: &str, trained: &[&Trained<'_>]) -> Result<ResultTable, EvaluationError> {
    let mut rows = Vec::new();
    for Trained { regime, setup, figures, .. } in trained {
        let mut row = vec![regime.title.to_string()];
        row.extend(setup.clone());
        row.extend(figures.cells(&FIGURES)?);
        rows.push(row);
    }
    let columns = spread::columns(&["regime", "batch", "rate", "steps", "samples seen"], &FIGURES);
    let note = "The rate is the base learning rate of the schedule.".into();
    Ok(ResultTable { title: title.into(), columns, rows, note })
}

fn panels(trained: &[&Trained<'_>]) -> [Panel; 2] {
    let axis = |name: &str| Axis { name: name.into(), logarithmic: true };
    let panel = |over: &str, curve: fn(&Curves) -> &Vec<(f64, f64)>| Panel {
        title: format!("loss over {over}"),
        x: axis(over),
        y: axis("loss"),
        lines: trained.iter().map(|it| (it.regime.title.to_string(), curve(&it.curves).clone())).collect(),
    };
    [panel("samples seen", |curves| &curves.over_samples), panel("seconds", |curves| &curves.over_seconds)]
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
            assert!(!regime.topics.is_empty(), "{} is in no table", regime.name);
        }
    }

    #[test]
    fn every_regime_is_in_its_tables_with_the_right_counts() {
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
        for (_, file, _) in TOPICS {
            assert!(report.with_file_name("images").join(format!("{file}.png")).exists(), "{file}");
        }
    }
}
