//! Tests of the settings of training: what is refused, and what is read from records.

use super::*;
use crate::schedule::Unit;
use ae_tensor::optimizer::Adam;

fn check(schedule: Schedule, expected: &str) {
    let config = TrainingConfig { schedule, ..TrainingConfig::default() };
    let obtained = config.check().map_or_else(|error| error.to_string(), |()| "fine".into());
    assert_eq!(obtained, expected);
}

#[test]
fn settings_of_a_group_out_of_range_are_refused_by_name() {
    let check = |group: &str, expected: &str| {
        let config: TrainingConfig = toml::from_str(&format!("[groups.critic]\n{group}")).unwrap();
        assert_eq!(config.check().unwrap_err().to_string(), expected);
    };
    check(
        "learning_rate = -1.0",
        "training.groups.critic.learning_rate = -1 is out of range; it must be above 0",
    );
    check(
        "optimizer = { adam = { beta1 = 2.0 } }",
        "training.groups.critic.optimizer = { beta1 = 2 } is out of range; it must be at least 0 and below 1",
    );
}

#[test]
fn short_runs_have_curves() {
    let interval = |epochs, log_every, batches| {
        TrainingConfig { epochs, log_every, ..TrainingConfig::default() }.log_interval(batches)
    };
    assert_eq!((interval(10, 100, 469), interval(3, 100, 5), interval(10, 100, 40)), (100, 1, 20));
    assert_eq!((interval(3, 50, 5), interval(1, 100, 1)), (50, 1), "what is set stays");
}

#[test]
fn schedules_out_of_range_are_refused_by_name() {
    let step = |every, factor| Schedule::Step { every, unit: Unit::Epochs, factor };
    check(step(1, 0.5), "fine");
    check(step(0, 0.5), "training.schedule.step.every = 0 is out of range; it must be at least 1");
    check(
        step(2, 1.5),
        "training.schedule.step.factor = 1.5 is out of range; it must be above 0 and at most 1",
    );
    check(
        step(2, f64::NAN),
        "training.schedule.step.factor = NaN is out of range; it must be above 0 and at most 1",
    );
    let stages = Schedule::Stages { first: 0, growth: 3, factor: 0.5 };
    check(stages, "training.schedule.stages.first = 0 is out of range; it must be at least 1");
    let cycle = |rise, start, end| Schedule::OneCycle(OneCycle { rise, start, end });
    check(cycle(0.3, 25.0, 1e4), "fine");
    check(
        cycle(30.0, 25.0, 1e4),
        "training.schedule.one_cycle.rise = 30 is out of range; it must be between 0 and 1",
    );
    check(
        cycle(0.3, 0.0, 1e4),
        "training.schedule.one_cycle.start = 0 is out of range; it must be at least 1",
    );
    check(
        cycle(0.3, 25.0, f64::INFINITY),
        "training.schedule.one_cycle.end = inf is out of range; it must be at least 1",
    );
    let cosine = Schedule::Cosine { warmup: 0, floor: 2.0 };
    check(cosine, "training.schedule.cosine.floor = 2 is out of range; it must be between 0 and 1");
}

#[test]
fn a_plateau_out_of_range_is_refused_by_name() {
    let settings = ReduceOnPlateau::default();
    check(Schedule::ReduceOnPlateau(settings), "fine");
    check(
        Schedule::ReduceOnPlateau(ReduceOnPlateau { factor: 1.0, ..settings }),
        "training.schedule.reduce_on_plateau.factor = 1 is out of range; it must be above 0 and below 1",
    );
    check(
        Schedule::ReduceOnPlateau(ReduceOnPlateau { patience: 0, ..settings }),
        "training.schedule.reduce_on_plateau.patience = 0 is out of range; it must be at least 1",
    );
    check(
        Schedule::ReduceOnPlateau(ReduceOnPlateau { min: -1.0, ..settings }),
        "training.schedule.reduce_on_plateau.min = -1 is out of range; it must be at least 0",
    );
}

#[test]
fn early_stopping_out_of_range_is_refused_by_name() {
    let check = |patience, min_delta, expected: &str| {
        let early_stopping = Some(EarlyStopping { patience, min_delta });
        let got = TrainingConfig { early_stopping, ..TrainingConfig::default() }.check();
        assert_eq!(got.map_or_else(|error| error.to_string(), |()| "fine".into()), expected);
    };
    check(1, 0.0, "fine");
    check(0, 0.0, "training.early_stopping.patience = 0 is out of range; it must be at least 1");
    check(3, -1.0, "training.early_stopping.min_delta = -1 is out of range; it must be at least 0");
}

/// Runs of before the default decay of AdamW was 0.01 go on as they were, because every record says its decay.
#[test]
fn a_record_says_its_weight_decay() {
    let decay = |text: &str| match toml::from_str::<TrainingConfig>(text).unwrap().optimizer {
        OptimizerConfig::Adamw(adamw) => adamw.weight_decay,
        other => panic!("{other:?}"),
    };
    let recorded = "[optimizer.adamw]\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-8\nweight_decay = 0.0\n";
    assert_eq!(decay(recorded), 0.0);
    assert_eq!(decay("optimizer = { adamw = {} }"), 0.01);
    let read: TrainingConfig = toml::from_str(recorded).unwrap();
    let written = toml::to_string(&read).unwrap();
    assert!(written.contains("[optimizer.adamw]") && written.contains("weight_decay = 0.0"), "{written}");
    let zeros = OptimizerConfig::Adam(Adam::default());
    assert!(
        toml::to_string(&TrainingConfig { optimizer: zeros, ..read }).unwrap().contains("weight_decay = 0.0")
    );
}
