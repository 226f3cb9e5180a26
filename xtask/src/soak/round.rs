//! One run of a subject: undisturbed, or with troubles until they are used up, then on to its end.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::disk::Disk;
use super::remove;
use super::trouble::{Blow, Trouble, signal};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Longest time from SIGTERM to the end, on a busy machine.
const MAX_FAREWELL: Duration = Duration::from_secs(30);

/// The exit code of a Rust program that panicked.
const PANICKED: i32 = 101;

/// Contents of the files that trouble must not change, by name.
pub(super) type Results = BTreeMap<String, Vec<u8>>;

/// Work of the program that may be cut short at any moment, and continued.
pub(super) trait Subject {
    /// What it is a case of, as `--only` names it.
    fn kind(&self) -> &'static str;

    /// A name of its own among all subjects, fit for a folder.
    fn name(&self) -> String;

    /// Writes what the work needs into a new folder, with the program's help.
    fn prepare(&self, program: &Path, place: &Path) -> anyhow::Result<()>;

    /// The command that begins the work in `place`, or continues it there.
    fn command(&self, program: &Path, place: &Path) -> anyhow::Result<Command>;

    /// What finished work left in `place`; fails if that contradicts itself.
    fn results(&self, place: &Path) -> anyhow::Result<Results>;
}

/// Where disturbed runs take place, and with which program.
pub(super) struct Bench<'a> {
    pub(super) program: &'a Path,
    pub(super) disk: &'a Disk,
    /// For what outlives a run: the program's messages.
    pub(super) folder: &'a Path,
    pub(super) verbose: bool,
}

/// An undisturbed run.
pub(super) struct Whole {
    pub(super) results: Results,
    pub(super) took: Duration,
}

/// What was inflicted on runs under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) kills: u64,
    pub(super) terminations: u64,
    pub(super) stops: u64,
    pub(super) full_disks: u64,
}

impl Counts {
    fn count(&mut self, blow: Blow) {
        *match blow {
            Blow::Kill => &mut self.kills,
            Blow::Terminate => &mut self.terminations,
            Blow::Stop(_) => &mut self.stops,
            Blow::FillDisk(..) => &mut self.full_disks,
        } += 1;
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.terminations += other.terminations;
        self.stops += other.stops;
        self.full_disks += other.full_disks;
    }
}

/// The program with `words` as arguments, in `place`, without the user's settings and input.
pub(super) fn program_in(program: &Path, place: &Path, words: &str) -> Command {
    let mut command = Command::new(program);
    command.args(words.split_whitespace()).current_dir(place).stdin(Stdio::null());
    for name in ["AE_DATA_MIRROR", "AE_RUNS", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.env("AE_DATA_CACHE", place.join("cache"));
    command
}

/// Runs the program to its end; its messages are part of the error if it fails.
pub(super) fn succeed(mut command: Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{command:?} failed, {}:\n{said}", output.status);
    Ok(())
}

/// Does the work in `place` once and without trouble.
pub(super) fn undisturbed(subject: &dyn Subject, program: &Path, place: &Path) -> anyhow::Result<Whole> {
    create(place)?;
    subject.prepare(program, place)?;
    let begun = Instant::now();
    succeed(subject.command(program, place)?)?;
    Ok(Whole { took: begun.elapsed(), results: subject.results(place)? })
}

/// Does the work on the bench's disk with these troubles, and compares what it left with `whole`.
pub(super) fn disturbed(
    subject: &dyn Subject,
    bench: &Bench<'_>,
    whole: &Whole,
    plan: &[Trouble],
) -> anyhow::Result<Counts> {
    let place = bench.disk.path().join(subject.name());
    create(&place)?;
    subject.prepare(bench.program, &place)?;
    let mut counts = Counts::default();
    let mut plan = plan.iter();
    loop {
        let mut child = start(subject, bench, &place)?;
        let mut suffered: Vec<Blow> = Vec::new();
        for trouble in plan.by_ref() {
            if !trouble.moment.wait(&mut child, &place)? {
                break;
            }
            trouble.inflict(&child, bench.disk)?;
            counts.count(trouble.blow);
            suffered.push(trouble.blow);
            if bench.verbose {
                println!("  {:<24} {trouble}", subject.name());
            }
            if matches!(trouble.blow, Blow::Kill | Blow::Terminate) {
                break;
            }
        }
        let patience = if suffered.contains(&Blow::Terminate) { MAX_FAREWELL } else { PATIENCE };
        let status = wait(&mut child, patience)?;
        wait_for_children(child.id())?;
        if is_finished(status, &suffered)? {
            break;
        }
    }
    compare(&whole.results, &subject.results(&place)?)?;
    remove(&place)?;
    Ok(counts)
}

/// Makes an empty folder.
fn create(place: &Path) -> anyhow::Result<()> {
    remove(place)?;
    fs::create_dir_all(place).with_context(|| format!("cannot create {}", place.display()))
}

/// The file with the messages of a subject's runs; not on the disk that is filled.
pub(super) fn log_of(folder: &Path, subject: &dyn Subject) -> PathBuf {
    folder.join(format!("{}.log", subject.name()))
}

/// Starts the program as the leader of a process group.
fn start(subject: &dyn Subject, bench: &Bench<'_>, place: &Path) -> anyhow::Result<Child> {
    let path = log_of(bench.folder, subject);
    let open = || fs::File::options().create(true).append(true).open(&path);
    let log = open().and_then(|log| Ok((log.try_clone()?, log)));
    let (out, err) = log.with_context(|| format!("cannot write {}", path.display()))?;
    let mut command = subject.command(bench.program, place)?;
    command.stdout(out).stderr(err).process_group(0);
    command.spawn().with_context(|| format!("cannot run {}", bench.program.display()))
}

fn wait(child: &mut Child, patience: Duration) -> anyhow::Result<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for the program")? {
            return Ok(status);
        }
        if begun.elapsed() > patience {
            signal(child, "KILL", true)?;
            child.wait().context("cannot wait for the program")?;
            bail!("the program did not end within {} s", patience.as_secs());
        }
        sleep(Duration::from_millis(2));
    }
}

/// Waits until what the program started has ended, too; it saves its work when the program is gone.
fn wait_for_children(group: u32) -> anyhow::Result<()> {
    let begun = Instant::now();
    while is_alive(group)? {
        anyhow::ensure!(
            begun.elapsed() < MAX_FAREWELL,
            "children of the program were alive {} s after it ended; process group {group}",
            MAX_FAREWELL.as_secs()
        );
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Whether a process of the group is alive. One that has ended and was not waited for is not.
fn is_alive(group: u32) -> anyhow::Result<bool> {
    let output = Command::new("ps").args(["-A", "-o", "pgid=", "-o", "stat="]).stdin(Stdio::null()).output();
    let output = output.context("cannot run `ps`, which lists processes")?;
    anyhow::ensure!(output.status.success(), "`ps` failed: {}", output.status);
    let group = group.to_string();
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some(&group) && words.next().is_some_and(|state| !state.starts_with('Z'))
    }))
}

/// Whether the program has done its work. An error if it ended in a way that what it suffered does not excuse.
fn is_finished(status: ExitStatus, suffered: &[Blow]) -> anyhow::Result<bool> {
    let (killed, terminated) = (suffered.contains(&Blow::Kill), suffered.contains(&Blow::Terminate));
    if killed || terminated {
        let by_us = match status.signal() {
            Some(9) => killed,
            // Before the program could ask to be told.
            Some(15) => terminated,
            Some(_) => false,
            None => status.code() != Some(PANICKED),
        };
        anyhow::ensure!(by_us, "the program ended with {status}");
        return Ok(false);
    }
    let full = suffered.iter().any(|blow| matches!(blow, Blow::FillDisk(..)));
    match status.code() {
        Some(0) => Ok(true),
        Some(code) if full && code != PANICKED => Ok(false),
        _ => bail!("the program ended with {status}, and nothing that was done to it explains that"),
    }
}

/// Fails with the first file that differs.
fn compare(expected: &Results, got: &Results) -> anyhow::Result<()> {
    let names = |results: &Results| results.keys().cloned().collect::<Vec<_>>().join(", ");
    anyhow::ensure!(
        expected.keys().eq(got.keys()),
        "the undisturbed run left {}, this one {}",
        names(expected),
        names(got)
    );
    for (name, expected) in expected {
        let got = &got[name];
        if expected != got {
            let same = expected.iter().zip(got).take_while(|(one, other)| one == other).count();
            bail!(
                "{name} differs from byte {same} on; it has {} bytes, {} in the undisturbed run",
                got.len(),
                expected.len()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "round_tests.rs"]
mod tests;
