//! `ae reproduce`: trains presets in parallel child processes, and compares them with their references.

mod child;
mod event;
mod pool;
mod show;

use super::{downloads, sources, stop_flag, tier};
use crate::cli::{Cli, ReproduceArgs};
use crate::failure::Failure;
use crate::output;
use ae_evaluation::reproduce::{self, Job, Reproduction, Standing};
use ae_records::files;
use ae_records::text::shell_quoted;
use ae_tensor::{Device, DeviceChoice, Kernels};
use std::collections::BTreeSet;
use std::path::Path;

pub(crate) fn run(args: &ReproduceArgs, cli: &Cli) -> Result<(), Failure> {
    if let Some(seed) = args.job {
        return child::run(args, seed);
    }
    let tier = tier(args.tier);
    let device: DeviceChoice = args.device.parse().map_err(Failure::usage)?;
    let device = device.resolve().map_err(Failure::usage)?;
    let jobs = reproduce::jobs(&args.presets, tier, &args.seeds)?;
    bring_data(&jobs, args)?;
    let folder = args.runs.join(format!("reproduce-{tier}"));
    let workers = workers(args.jobs, device);
    let done = pool::run(&longest_first(&jobs, &args.runs), workers, args, &folder, stop_flag())?;
    if done.len() < jobs.len() {
        let (done, all) = (done.len(), jobs.len());
        output::note(&format!(
            "interrupted with {done} of {all} runs done; the same command continues from there"
        ));
        return Err(Failure::told());
    }
    let result = Reproduction::new(tier, command(args), &jobs, done)?;
    result.write(&folder).map_err(Failure::new)?;
    if let Some(path) = &args.write {
        files::write_atomic_bytes(path, result.to_markdown().as_bytes()).map_err(Failure::new)?;
    }
    match cli.json {
        true => output::json(&result),
        false => {
            output::result(result.to_text(output::width()).trim_end());
            output::summary(&format!("\ntable: {}", folder.join("results.md").display()));
        }
    }
    verdict(&result, cli)
}

/// Fails if any row falls short, and prints advice on each that does.
fn verdict(result: &Reproduction, cli: &Cli) -> Result<(), Failure> {
    let bad: Vec<_> = result.shortfalls().collect();
    for row in &bad {
        let about = match row.verdict {
            Standing::Failed => format!("{} seed {} failed", row.preset, row.seeds[0]),
            _ => format!("{} {}: {}, expected {}", row.preset, row.metric, row.obtained(), row.reference),
        };
        output::note(&format!("{about}; {}", row.advice));
    }
    match bad.len() {
        0 => Ok(()),
        // One JSON object is enough.
        _ if cli.json => Err(Failure::told()),
        n => Err(Failure::new(format!("{n} of {} rows failed or fell short", result.rows.len()))),
    }
}

/// Downloads the data of all jobs once, with progress bars, before several processes need them.
fn bring_data(jobs: &[Job], args: &ReproduceArgs) -> Result<(), Failure> {
    let sources = sources(&args.sources);
    let known = ae_datasets::list(&sources);
    let sets: BTreeSet<&str> = jobs.iter().map(|job| job.experiment.data.set.as_str()).collect();
    for set in known.iter().filter(|set| sets.contains(set.name.as_str()) && !set.cached) {
        ae_datasets::fetch_set(&set.name, &sources, downloads().as_mut()).map_err(Failure::new)?;
    }
    Ok(())
}

/// The longest jobs first, by the time of earlier runs, so that no long job runs alone at the end. Jobs
/// without an earlier run come before them, the last listed first: presets are listed from the simplest on.
fn longest_first(jobs: &[Job], runs: &Path) -> Vec<Job> {
    let mut timed: Vec<(f64, &Job)> =
        jobs.iter().rev().map(|job| (job.earlier_seconds(runs).unwrap_or(f64::INFINITY), job)).collect();
    timed.sort_by(|a, b| b.0.total_cmp(&a.0));
    timed.into_iter().map(|(_, job)| job.clone()).collect()
}

/// One process per core, or one on a GPU, unless the user says otherwise.
fn workers(asked: usize, device: Device) -> usize {
    match (asked, device) {
        (0, Device::Cpu) => std::thread::available_parallelism().map_or(1, usize::from),
        (0, _) => 1,
        (n, _) => n,
    }
}

/// The command that repeats this call.
fn command(args: &ReproduceArgs) -> String {
    let mut words = vec![format!("cargo xtask reproduce --tier {}", tier(args.tier))];
    if !args.seeds.is_empty() {
        let seeds: Vec<String> = args.seeds.iter().map(u64::to_string).collect();
        words.push(format!("--seeds {}", seeds.join(",")));
    }
    if args.threads != 1 {
        words.push(format!("--threads {}", args.threads));
    }
    if Kernels::chosen() != Kernels::Auto {
        words.push(format!("--kernels {}", Kernels::chosen()));
    }
    words.extend(args.presets.iter().map(shell_quoted));
    words.join(" ")
}
