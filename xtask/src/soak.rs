//! `cargo xtask soak`: kills, stops and full disks, at random moments, of the commands that promise to go on as
//! if nothing had happened.

mod disk;
mod memory;
mod reproduce;
mod round;
mod train;
mod trouble;
mod watch;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use ae_fetch::Lock;
use anyhow::Context;

use crate::workspace::Workspace;
use crate::{Usage, program};
use disk::Disk;
use round::{Bench, Counts, Subject, Whole};

const HELP: &str = "\
Kill, stop and starve `ae train`, `ae detect watch` and `ae reproduce` at random moments, and continue them

Usage: cargo xtask soak [--minutes N] [--seed N] [--only WHAT] [--lines N] [--program FILE] [-v]

  --minutes N     How long; 0 for a round of each [default: 60]
  --seed N        What happens when [default: 0]
  --only WHAT     train, watch or reproduce; or memory: the memory of a watch over many lines
  --lines N       Lines of --only memory [default: 10000000]
  --program FILE  An `ae` that is already built
  -v              Print each event

Each run is compared with an undisturbed one, byte for byte. The first difference ends the command with exit code
1 and keeps the folders. Full disks need the right to mount a file system; without it they are left out.";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Options {
    minutes: u64,
    seed: u64,
    only: Option<String>,
    lines: u64,
    program: Option<PathBuf>,
    verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { minutes: 60, seed: 0, only: None, lines: 10_000_000, program: None, verbose: false }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    runs: u64,
    counts: Counts,
}

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let Some(options) = parse(args)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let program = match &options.program {
        Some(program) => {
            program.canonicalize().with_context(|| format!("cannot find {}", program.display()))?
        }
        None => program::build(workspace, None)?,
    };
    let folder = workspace.output().join("soak");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // A second soak would unmount the disk of the first.
    let _lock = Lock::acquire(&folder.join("lock"))?;
    let disk = Disk::new(&folder.join("disk"))?;
    if options.only.as_deref() == Some("memory") {
        memory::run(&program, disk.path(), options.lines, options.verbose)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(why) = disk.refused() {
        println!("full disks are left out: no file system can be mounted here ({why})");
    }
    let bench = Bench { program: &program, disk: &disk, folder: &folder, verbose: options.verbose };
    soak(&options, &bench)?;
    Ok(ExitCode::SUCCESS)
}

/// `None` if help is asked for.
fn parse(args: Vec<OsString>) -> anyhow::Result<Option<Options>> {
    use lexopt::Arg::{Long, Short};
    use lexopt::ValueExt as _;
    let usage = |error: lexopt::Error| Usage(format!("{error}; see `cargo xtask soak --help`"));
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(usage)? {
        match arg {
            Long("minutes") => options.minutes = parser.value().and_then(|n| n.parse()).map_err(usage)?,
            Long("seed") => options.seed = parser.value().and_then(|n| n.parse()).map_err(usage)?,
            Long("lines") => options.lines = parser.value().and_then(|n| n.parse()).map_err(usage)?,
            Long("only") => options.only = Some(parser.value().and_then(|n| n.string()).map_err(usage)?),
            Long("program") => options.program = Some(parser.value().map_err(usage)?.into()),
            Long("verbose") | Short('v') => options.verbose = true,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(usage(other.unexpected()).into()),
        }
    }
    if let Some(only) = &options.only
        && !["train", "watch", "reproduce", "memory"].contains(&only.as_str())
    {
        return Err(Usage(format!("--only {only}: expected train, watch, reproduce or memory")).into());
    }
    if options.lines < memory::SETTLED_LINES {
        let needed = memory::SETTLED_LINES;
        return Err(Usage(format!("--lines {}: expected at least {needed}", options.lines)).into());
    }
    Ok(Some(options))
}

/// Runs the subjects in turn until the time is up; each runs at least once. Prints the table whatever happens.
fn soak(options: &Options, bench: &Bench<'_>) -> anyhow::Result<()> {
    let all = train::subjects().chain(watch::subjects()).chain(reproduce::subjects());
    let subjects: Vec<Box<dyn Subject>> =
        all.filter(|subject| options.only.as_deref().is_none_or(|only| only == subject.kind())).collect();
    let mut wholes = Vec::new();
    for subject in &subjects {
        // On the same disk, because its speed decides how long a run takes.
        let place = bench.disk.path().join("whole");
        let whole = round::undisturbed(&**subject, bench.program, &place)
            .with_context(|| format!("the undisturbed run of {} failed", subject.name()))?;
        keep(&place, &whole_of(bench.folder, &**subject))?;
        remove(&place)?;
        println!("{:<16} undisturbed: {:.1} s", subject.name(), whole.took.as_secs_f64());
        // What an earlier call left.
        let _ = fs::remove_file(round::log_of(bench.folder, &**subject));
        wholes.push(whole);
    }
    let begun = Instant::now();
    let minutes = Duration::from_secs(60 * options.minutes);
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut outcome = Ok(());
    'rounds: for run in 0.. {
        for (subject, whole) in subjects.iter().zip(&wholes) {
            if run > 0 && begun.elapsed() >= minutes {
                break 'rounds;
            }
            match one(options.seed, run, &**subject, whole, bench) {
                Ok(counts) => {
                    let tally = tallies.entry(subject.kind()).or_default();
                    tally.runs += 1;
                    tally.counts += counts;
                }
                Err(error) => {
                    outcome = Err(error);
                    break 'rounds;
                }
            }
        }
    }
    println!("{}", table(&tallies));
    if outcome.is_ok() {
        for subject in &subjects {
            remove(&whole_of(bench.folder, &**subject))?;
        }
    }
    outcome
}

/// One disturbed run; after a failure its folder is kept, off the disk that is about to vanish.
fn one(
    seed: u64,
    run: u64,
    subject: &dyn Subject,
    whole: &Whole,
    bench: &Bench<'_>,
) -> anyhow::Result<Counts> {
    let plan = trouble::plan(seed, &subject.name(), run, whole.took, bench.disk.refused().is_none());
    round::disturbed(subject, bench, whole, &plan).map_err(|error| {
        let kept = bench.folder.join(format!("failed-{}-seed{seed}-run{run}", subject.name()));
        let told = match keep(&bench.disk.path().join(subject.name()), &kept) {
            Ok(()) => format!("its folder is {}", kept.display()),
            Err(error) => format!("its folder could not be kept: {error:#}"),
        };
        let planned: Vec<String> = plan.iter().map(|trouble| format!("\n  {trouble}")).collect();
        error.context(format!(
            "{}, run {run} of seed {seed}; {told}; the undisturbed one is {}; messages are in {}; planned:{}\n\
             what went wrong",
            subject.name(),
            whole_of(bench.folder, subject).display(),
            round::log_of(bench.folder, subject).display(),
            planned.concat()
        ))
    })
}

/// Where the undisturbed run of a subject is kept.
fn whole_of(folder: &Path, subject: &dyn Subject) -> PathBuf {
    folder.join(format!("whole-{}", subject.name()))
}

/// Copies a folder to another place, in place of what is there.
fn keep(place: &Path, kept: &Path) -> anyhow::Result<()> {
    remove(kept)?;
    let status = Command::new("cp").arg("-a").arg(place).arg(kept).status().context("cannot run `cp`")?;
    anyhow::ensure!(status.success(), "`cp` failed: {status}");
    Ok(())
}

/// Removes a folder, if it is there.
fn remove(place: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", place.display()))
        }
        _ => Ok(()),
    }
}

fn table(tallies: &BTreeMap<&str, Tally>) -> String {
    let mut lines = vec![format!(
        "{:<10} {:>6} {:>8} {:>8} {:>8} {:>11} {:>10}",
        "subject", "runs", "SIGKILL", "SIGTERM", "SIGSTOP", "full disks", "identical"
    )];
    for (kind, Tally { runs, counts }) in tallies {
        let Counts { kills, terminations, stops, full_disks } = counts;
        lines.push(format!(
            "{kind:<10} {runs:>6} {kills:>8} {terminations:>8} {stops:>8} {full_disks:>11} {runs:>10}"
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_understood_or_refused() {
        let parse = |words: &str| super::parse(words.split_whitespace().map(OsString::from).collect());
        let check = |words: &str, expected: Options| assert_eq!(parse(words).unwrap(), Some(expected));
        check("", Options::default());
        check(
            "--minutes 5 --seed=7 --only watch -v",
            Options { minutes: 5, seed: 7, only: Some("watch".into()), verbose: true, ..Options::default() },
        );
        let memory = Options { only: Some("memory".into()), lines: 100_000, ..Options::default() };
        check("--only memory --lines 100000", memory);
        assert_eq!(parse("--help").unwrap(), None);
        for wrong in ["--only trian", "--minutes many", "--lines 10", "--speed", "train"] {
            let error = parse(wrong).unwrap_err();
            assert!(error.is::<Usage>(), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_table_counts_what_happened() {
        let counts = Counts { kills: 12, terminations: 3, stops: 4, full_disks: 5 };
        let text = table(&BTreeMap::from([("watch", Tally { runs: 2, counts })]));
        let words: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(words, ["watch", "2", "12", "3", "4", "5", "2"]);
    }

    #[test]
    fn every_subject_has_a_name_of_its_own() {
        let all = train::subjects().chain(watch::subjects()).chain(reproduce::subjects());
        let mut names: Vec<String> = all.map(|subject| subject.name()).collect();
        let n = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), n);
    }
}
