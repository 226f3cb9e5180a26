//! `cargo xtask bench --against-pytorch`: the speed of presets beside PyTorch doing the same work, on one machine,
//! interleaved in one run. Measures the program that ships, `ae train`, or calls of the models that it saves, and
//! `benches/pytorch/peers.py`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that shows what it measures")]

mod calls;
mod options;
mod peaks;
mod python;
mod results;
mod sides;
mod table;
mod work;

use ae_evaluation::presets::Given;
use ae_models::DataSummary;
use ae_records::record::Record;
use ae_tensor::{Device, Noise};
use anyhow::{Context, ensure};
use options::{Options, Subject, What};
use peaks::Peaks;
use results::Results;
use sides::{Bench, Length};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use table::{Measured, Runs};

/// Steps of PyTorch's first run, which shows how fast it is and how much memory it takes.
const FIRST_STEPS: usize = 20;
/// How often the length of a run is guessed anew.
const MAX_GUESSES: usize = 3;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if words.first().is_some_and(|word| word == calls::FLAG) {
        return ended(calls::make(&words[1..]).map(|samples_per_s| {
            println!("{}", serde_json::json!(sides::Answer { samples_per_s }));
        }));
    }
    let options = match options::parse(words) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error:#}; see `cargo xtask bench --against-pytorch --help`");
            return ExitCode::from(2);
        }
    };
    ended(run(&options))
}

fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    ae_tensor::device::tune_allocator();
    let target = target()?;
    let bench = Bench {
        ae: sides::program(&target)?,
        python: python::find(options.python.as_deref(), &target, &options.device)?,
        scripts: Path::new(env!("CARGO_MANIFEST_DIR")).join("pytorch"),
        data: data(options)?,
        threads: options.threads,
        device: options.device.clone(),
    };
    let out = options.out.clone().unwrap_or_else(|| target.join(options.what.folder()));
    let mut results = Results::new(options, out);
    let begun = Instant::now();
    for (index, subject) in options.subjects.iter().enumerate() {
        eprintln!("[{}/{}] {subject}", index + 1, options.subjects.len());
        results.peaks(Peaks::measure(options.threads));
        match options.what {
            What::Training => measure(&bench, options, subject, &mut results)?,
            What::Inference => calls::measure(&bench, options, subject, &mut results)?,
        }
    }
    print!("{}", results.markdown());
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    eprintln!("{minutes:.0} minutes; everything is in {}", results.folder().display());
    Ok(())
}

/// Cargo's output folder, which this program lies in.
fn target() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe().context("cannot find this program's own file")?;
    let target = here.parent().and_then(Path::parent);
    Ok(target.context("this program does not lie in cargo's output folder")?.into())
}

/// The folder of the data sets that the subjects need, after fetching them.
fn data(options: &Options) -> anyhow::Result<PathBuf> {
    let sources = ae_datasets::Sources::from_env();
    let mut sets = Vec::new();
    for subject in &options.subjects {
        let set = experiment(subject)?.data.set;
        if !sets.contains(&set) {
            ae_datasets::fetch_set(&set, &sources, &mut ae_fetch::Bar::new())?;
            sets.push(set);
        }
    }
    Ok(sources.cache)
}

fn experiment(subject: &Subject) -> anyhow::Result<ae_training::Experiment> {
    Ok(Given::open(&subject.preset)?.load(&[])?)
}

/// Measures one preset, round by round.
fn measure(bench: &Bench, options: &Options, subject: &Subject, results: &mut Results) -> anyhow::Result<()> {
    // The first runs hold the whole data set, as the memory that they take should be that of a real run.
    let whole = Length { epochs: 1, rows: options.quick.then_some(4 * subject.batch) };
    let (first, record) = bench.ours(subject, whole)?;
    let all = record.data.train;
    ensure!(
        subject.batch <= all,
        "{subject} has {all} training rows; give a batch of at most that, such as {}@{all}",
        subject.preset
    );
    let length = guess_length(bench, options, subject, record.seconds.training, &first, all)?;
    let mut measured = Measured {
        preset: subject.preset.clone(),
        batch: subject.batch,
        work: work(subject, &record)?,
        ours: Runs { name: "ours".into(), samples_per_second: Vec::new(), peak_mib: first.peak_mib },
        pytorch: Vec::new(),
    };
    let mut steps = Vec::new();
    for &mode in &options.modes {
        let first = bench.theirs(subject, mode, FIRST_STEPS)?;
        steps.push(steps_in(options.seconds, first.samples_per_second, subject.batch));
        let name = mode.name().into();
        measured.pytorch.push(Runs { name, samples_per_second: Vec::new(), peak_mib: first.peak_mib });
    }
    let ours = || Ok(bench.ours(subject, length)?.0);
    let theirs = |index: usize| bench.theirs(subject, options.modes[index], steps[index]);
    rounds(options, &record, measured, results, ours, theirs)
}

/// Measures both sides in turn; `theirs` is given the position of PyTorch's mode.
fn rounds(
    options: &Options,
    record: &Record,
    mut measured: Measured,
    results: &mut Results,
    ours: impl Fn() -> anyhow::Result<sides::Sample>,
    theirs: impl Fn(usize) -> anyhow::Result<sides::Sample>,
) -> anyhow::Result<()> {
    for round in 1..=options.rounds {
        let ours = ours()?;
        measured.ours.add(&ours);
        let mut line = format!("  round {round}/{}: ours {:.0}", options.rounds, ours.samples_per_second);
        for (index, (mode, runs)) in options.modes.iter().zip(&mut measured.pytorch).enumerate() {
            let theirs = theirs(index)?;
            runs.add(&theirs);
            line.push_str(&format!(", {} {:.0}", mode.name(), theirs.samples_per_second));
        }
        eprintln!("{line} samples/s");
        results.record(record, measured.clone())?;
    }
    Ok(())
}

/// The length of our runs that takes about as long as asked for. A short run says little about a long one, because its
/// start counts, so the guess is repeated.
fn guess_length(
    bench: &Bench,
    options: &Options,
    subject: &Subject,
    mut seconds: f64,
    first: &sides::Sample,
    all: usize,
) -> anyhow::Result<Length> {
    let mut speed = first.samples_per_second;
    for guess in 1.. {
        let steps = steps_in(options.seconds, speed, subject.batch);
        let length = Length::of_steps(steps, subject.batch, all);
        if options.quick || guess == MAX_GUESSES || seconds > options.seconds / 3.0 {
            return Ok(length);
        }
        let (sample, record) = bench.ours(subject, length)?;
        (speed, seconds) = (sample.samples_per_second, record.seconds.training);
    }
    unreachable!("the last guess is taken")
}

/// Steps that take about this long.
fn steps_in(seconds: f64, samples_per_second: f64, batch: usize) -> usize {
    ((seconds * samples_per_second / batch as f64) as usize).max(1)
}

/// What a step has to do, counted from the networks that the run was made with.
fn work(subject: &Subject, record: &Record) -> anyhow::Result<work::Work> {
    let config = experiment(subject)?.model;
    let shape = record.data.shape.iter().map(|&size| size as i64).collect();
    let data = DataSummary { shape, mean: 0.1, low: 0.0, high: 1.0, classes: 10 };
    let model = config.initialise(&data, &Noise::new(0, 0, Device::Cpu))?;
    Ok(work::of_step(&config, model.as_ref(), subject.batch)?)
}
