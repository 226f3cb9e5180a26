//! `ae train`: trains an experiment, or resumes a run, alone or with other workers.

mod launch;
mod team;

use super::{compute, downloads, of_run, sources, stop_flag};
use crate::cli::{Cli, TrainArgs};
use crate::failure::Failure;
use crate::output::{self, counted, figure};
use crate::progress::Training;
use ae_datasets::Sources;
use ae_evaluation::pictures;
use ae_evaluation::presets::Given;
use ae_evaluation::{Context, measures};
use ae_records::config;
use ae_records::files;
use ae_records::record::{ModelRecord, Record, Status};
use ae_records::run_dir::{RunDir, RunDirError};
use ae_records::text::shell_quoted;
use ae_records::world::World;
use ae_tensor::Kernels;
use ae_training::Experiment;
use ae_training::experiment::{self, Request, Run, in_a_free_folder, new_run_dir};
use std::path::Path;
use std::time::Duration;
use team::Plan;

pub(crate) fn run(args: &TrainArgs, cli: &Cli) -> Result<(), Failure> {
    let world = team::world()?;
    match (&world, args.workers) {
        (Some(world), Some(_)) => Err(team::launched_already(world)),
        (None, Some(workers @ 2..)) => launch::run(workers as usize, args),
        (Some(world), None) if !world.is_first() => {
            output::silence();
            train(args, cli, Some(world)).map_err(|failure| failure.of_worker(world.rank))
        }
        _ => train(args, cli, world.as_ref()),
    }
}

fn train(args: &TrainArgs, cli: &Cli, world: Option<&World>) -> Result<(), Failure> {
    let mut device = compute(&args.compute)?;
    let workers = match world {
        Some(world) => {
            device = team::own_device(device, world);
            launch::stop_with_parent();
            Some(team::join(world, Duration::from_secs(args.worker_timeout))?)
        }
        None => None,
    };
    let plan = team::agreed(workers.as_deref(), || match &args.resume {
        Some(folder) => earlier(folder, &args.overrides),
        None => fresh(args),
    })?;
    let Plan { name, experiment, run, resume, threads, kernels } = plan;
    // What a resumed run began with: another order of summation would change the bits.
    if args.compute.threads == 0 && resume {
        ae_tensor::device::set_threads(threads);
    }
    let given = super::kernels(cli);
    if let (None, Some(kernels)) = (given, kernels) {
        kernels.choose();
    }
    for measure in experiment.measures.iter().filter(|_| args.measure) {
        measures::find(measure).map_err(Failure::usage)?;
    }
    let sources = sources(&args.sources);
    let run_in = |run: RunDir| {
        let verb = if resume { "resuming" } else { "training" };
        let headline = format!("{verb} {name} in {}", run.root().display());
        let request = Request {
            command: command(&name, &experiment, args, given),
            name: name.clone(),
            experiment: experiment.clone(),
            run,
            resume,
            device,
            sources: sources.clone(),
            workers: workers.clone(),
        };
        experiment::run(request, downloads().as_mut(), &mut Training::new(Some(headline)), stop_flag())
    };
    // Workers have agreed on a folder already.
    let done = match args.out.is_none() && !resume && workers.is_none() {
        true => in_a_free_folder(|| new_run_dir(&args.compute.runs, &name, experiment.training.seed), run_in),
        false => run_in(run),
    };
    let mut done = done.map_err(of_run)?;
    if workers.is_some_and(|workers| workers.rank() > 0) {
        return if done.interrupted { Err(Failure::told()) } else { Ok(()) };
    }
    if done.interrupted {
        let folder = shell_quoted(done.dir.root());
        output::note(&format!("interrupted and saved; continue with: ae train --resume {folder}"));
        return Err(Failure::told());
    }
    let report = pictures::write(&done).map_err(Failure::new)?;
    if args.measure {
        measure(&mut done, &sources, args)?;
    }
    if cli.json {
        output::json(&done.record);
        return Ok(());
    }
    summary(&done.record, &report);
    Ok(())
}

/// Adds the figures of the preset's measures to the record, and compares all of them with what is expected.
fn measure(run: &mut Run, sources: &Sources, args: &TrainArgs) -> Result<(), Failure> {
    let mut downloads = downloads();
    let mut context = Context {
        sources,
        device: compute(&args.compute)?,
        runs: &args.compute.runs,
        seeds: vec![run.record.seed],
        progress: downloads.as_mut(),
        observer: &mut Training::new(None),
        stop: stop_flag(),
        subject: ae_evaluation::Subject::default(),
    };
    let names = &run.experiment.measures.clone();
    let begin = &mut |name: &str| output::note(&format!("measuring {name}"));
    let is_own = ae_datasets::is_own(&run.experiment.data);
    for name in names {
        match measures::of_run(&mut context, run, std::slice::from_ref(name), true, begin) {
            Ok(metrics) => run.record.metrics.extend(metrics),
            // The preset has chosen it for its own data.
            Err(error) if is_own && error.is_usage() => {
                tracing::warn!("the measure {name} is left out: {error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let expected = run.experiment.expected.iter();
    run.record.expected = expected.map(|it| it.compare(&run.record.metrics)).collect();
    Ok(())
}

/// A preset or a file, with overrides.
fn fresh(args: &TrainArgs) -> Result<Plan, Failure> {
    let given = args.experiment.as_deref().expect("clap asks for it");
    let mut overrides = args.overrides.clone();
    overrides.extend(args.seed.map(|seed| format!("training.seed={seed}")));
    if let Some(path) = &args.init_from {
        overrides.push(format!("training.init_from={}", toml::Value::from(path.display().to_string())));
    }
    if !args.freeze.is_empty() {
        overrides.push(format!("training.freeze={}", toml::Value::from(args.freeze.clone())));
    }
    let given = Given::open(given).map_err(Failure::usage)?;
    let experiment = given.load(&overrides).map_err(Failure::usage)?;
    if experiment.expected.is_empty() && !given.load(&[]).map_err(Failure::usage)?.expected.is_empty() {
        output::note(&format!(
            "the results that {} expects are those of its own settings, so this run is not compared with them",
            given.name
        ));
    }
    let name = given.name;
    let run = match &args.out {
        Some(folder) => RunDir::new(folder),
        None => new_run_dir(&args.compute.runs, &name, experiment.training.seed),
    };
    if args.go_on && run.config().exists() {
        let Plan { run, threads, kernels, .. } = earlier(run.root(), &[])?;
        return Ok(Plan { name, experiment, run, resume: true, threads, kernels });
    }
    Ok(Plan { name, experiment, run, resume: false, threads: 0, kernels: None })
}

/// An existing run, to resume; it may be told to train for longer.
fn earlier(folder: &Path, overrides: &[String]) -> Result<Plan, Failure> {
    let run = RunDir::new(folder);
    if !run.config().exists() {
        return Err(Failure::usage(RunDirError::NotARun(folder.into())));
    }
    let path = run.config();
    let text = files::read_to_string(&path).map_err(Failure::new)?;
    let began: Experiment = config::load(&path.display().to_string(), &text, &[]).map_err(Failure::new)?;
    let record = Record::read(&run.record()).ok();
    let name = record.as_ref().map_or_else(|| "run".into(), |record| record.preset.clone());
    let experiment = match overrides {
        [] => began,
        overrides => {
            let experiment: Experiment =
                config::load(&path.display().to_string(), &text, overrides).map_err(Failure::usage)?;
            check_longer(&began, &experiment, record.as_ref(), folder)?;
            // What is claimed of the shorter run says nothing about the longer one.
            experiment.without_claims_of(&began, &name, overrides)
        }
    };
    let threads = record.as_ref().map_or(0, |record| record.machine.threads);
    let kernels = record.as_ref().map(|record| Kernels::of_record(&record.machine.kernels));
    Ok(Plan { name, experiment, run, resume: true, threads, kernels })
}

/// Refuses all changes of a run that is resumed but more epochs, and these where they would change nothing.
fn check_longer(
    began: &Experiment,
    experiment: &Experiment,
    record: Option<&Record>,
    folder: &Path,
) -> Result<(), Failure> {
    let epochs = experiment.training.epochs;
    let mut same = began.clone();
    same.training.epochs = epochs;
    if same != *experiment {
        let (name, run) = (record.map_or("PRESET", |record| &record.preset), shell_quoted(folder));
        return Err(Failure::usage(format!(
            "of a run that is resumed only training.epochs can be changed; for other settings begin a new run with its \
             weights: ae train {name} --init-from {run}"
        )));
    }
    let Some(record) = record else { return Ok(()) };
    let taken = record.epochs;
    if record.status == Status::Finished && taken < began.training.epochs {
        return Err(Failure::usage(format!(
            "early stopping ended the run in {} after {taken} epochs, so more of them change nothing; begin a new run with its \
             weights: --init-from {}",
            folder.display(),
            shell_quoted(folder)
        )));
    }
    if epochs < taken || record.status == Status::Finished && epochs == taken {
        return Err(Failure::usage(format!(
            "the run in {} has taken {taken} epochs already; give more with --set training.epochs=N",
            folder.display()
        )));
    }
    if experiment.training.schedule.depends_on_epochs() && epochs != began.training.epochs {
        output::note(
            "the learning rate depends on the number of epochs, so the result is not that of a run that had this many from the \
             beginning",
        );
    }
    Ok(())
}

/// The command that repeats this run.
fn command(name: &str, experiment: &Experiment, args: &TrainArgs, kernels: Option<Kernels>) -> String {
    let given = args.experiment.as_deref().unwrap_or(name);
    let mut words = vec!["ae train".to_string(), shell_quoted(given)];
    words.extend(args.overrides.iter().map(|setting| format!("--set {}", shell_quoted(setting))));
    words.extend(args.init_from.iter().map(|path| format!("--init-from {}", shell_quoted(path))));
    words.extend(
        (!args.freeze.is_empty()).then(|| format!("--freeze {}", shell_quoted(args.freeze.join(",")))),
    );
    words.push(format!("--seed {}", experiment.training.seed));
    if args.compute.threads > 0 {
        words.push(format!("--threads {}", args.compute.threads));
    }
    words.extend(kernels.map(|kernels| format!("--kernels {kernels}")));
    words.join(" ")
}

fn summary(record: &Record, report: &Path) {
    let ModelRecord { parameters, flops, .. } = record.model;
    let variant = match record.preset == record.variant {
        true => record.variant.clone(),
        false => format!("{} ({})", record.preset, record.variant),
    };
    output::result(&format!(
        "{variant} · {parameters} parameters · {:.2} MFLOP per sample · {} in {:.1} s ({:.1} s each) on {}",
        flops as f64 / 1e6,
        counted(record.epochs, "epoch"),
        record.seconds.training,
        record.seconds.per_epoch,
        record.machine.device
    ));
    output::columns(record.metrics.iter().map(|(name, value)| [name.clone(), figure(*value)]));
    for expected in &record.expected {
        let verdict = if expected.met { "reached" } else { "NOT reached" };
        output::result(&format!(
            "{} {}: {verdict}  [{}]",
            expected.metric, expected.expected, expected.source
        ));
    }
    output::summary(&format!("report: {}", report.display()));
}
