//! What is done to a running program, and when: drawn from the seed before the run begins.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ae_records::seed::stream_rng;
use anyhow::Context;
use rand::RngExt;

use super::disk::Disk;

/// How the names of files begin that are being written.
const TEMPORARY: &str = ".writing-";

/// Fewest and most troubles of one run.
const TROUBLES: std::ops::Range<usize> = 4..13;

/// Longest time that a program is stopped, or its disk full, in milliseconds.
const MAX_HOLD_MS: u64 = 1500;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) moment: Moment,
    pub(super) blow: Blow,
    /// Signals go to the program's children as well, as those of a terminal do.
    pub(super) group: bool,
}

/// When it happens, counted from the start of the program or the last trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before the program has read its arguments.
    AtOnce,
    /// After this time.
    After(Duration),
    /// As soon as a file is being written, or after this time.
    Writing(Duration),
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    /// SIGKILL.
    Kill,
    /// SIGTERM: asks it to save and end.
    Terminate,
    /// SIGSTOP, and SIGCONT after this time.
    Stop(Duration),
    /// The disk is full for this time.
    FillDisk(Duration, Relief),
}

/// How a full disk gets room again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relief {
    /// A file is removed.
    Remove,
    /// The disk is mounted again with twice its size.
    Remount,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.moment {
            Moment::AtOnce => write!(f, "at once: ")?,
            Moment::After(time) => write!(f, "after {} ms: ", time.as_millis())?,
            Moment::Writing(time) => write!(f, "at a write or after {} ms: ", time.as_millis())?,
        }
        let whom = if self.group { " to all its processes" } else { "" };
        match self.blow {
            Blow::Kill => write!(f, "SIGKILL{whom}"),
            Blow::Terminate => write!(f, "SIGTERM{whom}"),
            Blow::Stop(time) => write!(f, "SIGSTOP{whom} for {} ms", time.as_millis()),
            Blow::FillDisk(time, relief) => {
                let then = if relief == Relief::Remove { "freed" } else { "mounted again, larger" };
                write!(f, "disk full for {} ms, then {then}", time.as_millis())
            }
        }
    }
}

/// The troubles of one run, a function of the seed, what is run and the number of the run. `usual` is the
/// time that an undisturbed run takes.
pub(super) fn plan(seed: u64, subject: &str, run: u64, usual: Duration, may_fill: bool) -> Vec<Trouble> {
    let mut rng = stream_rng(seed, &format!("soak {subject}"), run);
    let n = rng.random_range(TROUBLES);
    // Half of it, so that most moments come before the work is done.
    let most = u64::try_from(usual.as_millis() / 2).unwrap_or(u64::MAX).clamp(1, 60_000);
    let trouble = |_| {
        let time = Duration::from_millis(rng.random_range(0..most));
        let moment = match rng.random_range(0..8) {
            0 => Moment::AtOnce,
            1..=3 => Moment::Writing(time),
            _ => Moment::After(time),
        };
        let hold = Duration::from_millis(rng.random_range(0..MAX_HOLD_MS));
        let relief = if rng.random_bool(0.5) { Relief::Remove } else { Relief::Remount };
        let blow = match rng.random_range(0..8) {
            0 | 1 if may_fill => Blow::FillDisk(hold, relief),
            2 => Blow::Stop(hold),
            3 => Blow::Terminate,
            _ => Blow::Kill,
        };
        Trouble { moment, blow, group: rng.random_bool(0.5) }
    };
    (0..n).map(trouble).collect()
}

impl Moment {
    /// Waits for the moment; `false` if the program ended before. `place` is where it works.
    pub(super) fn wait(self, child: &mut Child, place: &Path) -> anyhow::Result<bool> {
        let begun = Instant::now();
        let before = if matches!(self, Moment::Writing(_)) { temporary_files(place) } else { Vec::new() };
        loop {
            let come = match self {
                Moment::AtOnce => true,
                Moment::After(time) => begun.elapsed() >= time,
                Moment::Writing(time) => {
                    begun.elapsed() >= time
                        || temporary_files(place).iter().any(|name| !before.contains(name))
                }
            };
            if child.try_wait().context("cannot look after the program")?.is_some() {
                return Ok(false);
            }
            if come {
                return Ok(true);
            }
            sleep(Duration::from_micros(500));
        }
    }
}

impl Trouble {
    /// Inflicts it on a running program.
    pub(super) fn inflict(&self, child: &Child, disk: &Disk) -> anyhow::Result<()> {
        match self.blow {
            Blow::Kill => signal(child, "KILL", self.group),
            Blow::Terminate => signal(child, "TERM", self.group),
            Blow::Stop(time) => {
                signal(child, "STOP", self.group)?;
                sleep(time);
                signal(child, "CONT", self.group)
            }
            Blow::FillDisk(time, relief) => {
                disk.fill()?;
                sleep(time);
                if relief == Relief::Remount {
                    disk.remount(true)?;
                    // Some writes go through before the disk gets its own size back.
                    sleep(time / 2);
                    disk.free()?;
                    return disk.remount(false);
                }
                disk.free()
            }
        }
    }
}

/// Sends a signal to a child that leads a process group and has not been waited for, so that its number is
/// still its own.
pub(super) fn signal(child: &Child, name: &str, group: bool) -> anyhow::Result<()> {
    let whom = format!("{}{}", if group { "-" } else { "" }, child.id());
    let mut kill = Command::new("kill");
    kill.args(["-s", name, "--", &whom]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = kill.status().context("cannot run `kill`, which sends the signals")?;
    anyhow::ensure!(status.success(), "`kill -s {name} -- {whom}` failed: {status}");
    Ok(())
}

/// Names of the files below `place` that are being written, or were left by a killed writer.
fn temporary_files(place: &Path) -> Vec<std::ffi::OsString> {
    let mut found = Vec::new();
    let mut folders = vec![place.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                found.push(entry.file_name());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_a_function_of_the_seed() {
        let usual = Duration::from_secs(2);
        let plan_of = |seed, subject, run| plan(seed, subject, run, usual, true);
        assert_eq!(plan_of(0, "watch", 3), plan_of(0, "watch", 3));
        assert_ne!(plan_of(0, "watch", 3), plan_of(1, "watch", 3));
        assert_ne!(plan_of(0, "watch", 3), plan_of(0, "train", 3));
        assert_ne!(plan_of(0, "watch", 3), plan_of(0, "watch", 4));
    }

    #[test]
    fn everything_is_drawn_and_a_disk_is_filled_only_where_it_may_be() {
        let all = |may_fill| -> Vec<Trouble> {
            (0..50).flat_map(|run| plan(0, "train", run, Duration::from_secs(2), may_fill)).collect()
        };
        let fills = |trouble: &&Trouble| matches!(trouble.blow, Blow::FillDisk(..));
        let (with, without) = (all(true), all(false));
        assert_eq!(without.iter().filter(fills).count(), 0);
        for blow in ["Kill", "Terminate", "Stop", "FillDisk", "Remove", "Remount"] {
            assert!(with.iter().any(|trouble| format!("{trouble:?}").contains(blow)), "{blow}");
        }
        for moment in ["AtOnce", "After", "Writing"] {
            assert!(with.iter().any(|trouble| format!("{trouble:?}").contains(moment)), "{moment}");
        }
        // No shorter than a millisecond, whatever the usual time.
        assert!(!plan(0, "train", 0, Duration::ZERO, true).is_empty());
    }

    #[test]
    fn what_happens_is_said() {
        let blow = Blow::FillDisk(Duration::from_millis(7), Relief::Remount);
        let trouble = Trouble { moment: Moment::After(Duration::from_millis(20)), blow, group: true };
        assert_eq!(trouble.to_string(), "after 20 ms: disk full for 7 ms, then mounted again, larger");
        let trouble = Trouble { moment: Moment::AtOnce, blow: Blow::Kill, group: true };
        assert_eq!(trouble.to_string(), "at once: SIGKILL to all its processes");
    }
}
