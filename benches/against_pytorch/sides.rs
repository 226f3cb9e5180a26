//! Runs the two sides: `ae train`, and `peers.py`. Each in its own process, as a user would.

use crate::calls;
use crate::options::{Mode, Subject};
use crate::python::last_line;
use ae_records::record::Record;
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Test rows of our shorter runs, on which the model is judged after training; this is not timed.
const TEST_ROWS: usize = 1000;

/// Programs and folders.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) ae: PathBuf,
    pub(crate) python: PathBuf,
    /// The folder of `peers.py`.
    pub(crate) scripts: PathBuf,
    /// Holds `mnist/` and `ecg5000/`.
    pub(crate) data: PathBuf,
    /// 0: as each side chooses.
    pub(crate) threads: usize,
    pub(crate) device: String,
}

/// What one run gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) samples_per_second: f64,
    /// The most memory that the process held, where the system says so.
    pub(crate) peak_mib: Option<f64>,
}

/// How long a run of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) epochs: usize,
    /// Training rows, chosen by the seed; `None` for all.
    pub(crate) rows: Option<usize>,
}

impl Length {
    /// About `steps` whole batches of `batch` out of `all` rows, which are at least one batch.
    pub(crate) fn of_steps(steps: usize, batch: usize, all: usize) -> Self {
        let whole = all / batch;
        let in_epoch = steps.clamp(1, whole.max(1));
        Length { epochs: (steps / in_epoch).max(1), rows: Some(in_epoch * batch) }
    }
}

/// The last line of `peers.py`, and of the calls of ours.
#[derive(Deserialize, Serialize)]
pub(crate) struct Answer {
    pub(crate) samples_per_s: f64,
}

impl Bench {
    /// One run of `ae train`, and its record.
    pub(crate) fn ours(&self, subject: &Subject, length: Length) -> anyhow::Result<(Sample, Record)> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        self.train(subject, length, &folder.path().join("run"))
    }

    /// One run of `ae train` into the folder `out`, and its record.
    pub(crate) fn train(
        &self,
        subject: &Subject,
        length: Length,
        out: &Path,
    ) -> anyhow::Result<(Sample, Record)> {
        let mut words: Vec<OsString> = vec![self.ae.clone().into(), "train".into(), (&subject.preset).into()];
        words.extend(["--quiet".into(), "--out".into(), out.into()]);
        words.extend(["--device".into(), (&self.device).into()]);
        words.extend(["--threads".into(), self.threads.to_string().into()]);
        let mut settings =
            vec![format!("training.batch={}", subject.batch), format!("training.epochs={}", length.epochs)];
        if let Some(rows) = length.rows {
            settings.extend([format!("data.max_train={rows}"), format!("data.max_test={TEST_ROWS}")]);
        }
        for setting in settings {
            words.extend(["--set".into(), setting.into()]);
        }
        let (peak_mib, _) = self.watched(&words)?;
        let record = Record::read(&out.join("record.json"))?;
        let samples_per_second = record.seconds.samples_per_second;
        Ok((Sample { samples_per_second, peak_mib }, record))
    }

    /// One run of `peers.py`, of so many training steps.
    pub(crate) fn theirs(&self, subject: &Subject, mode: Mode, steps: usize) -> anyhow::Result<Sample> {
        self.peers(subject, mode, ["--steps".into(), steps.to_string().into()])
    }

    /// One run of `peers.py`, of calls for so many seconds.
    pub(crate) fn their_calls(&self, subject: &Subject, mode: Mode, seconds: f64) -> anyhow::Result<Sample> {
        self.peers(subject, mode, ["--calls".into(), seconds.to_string().into()])
    }

    fn peers(&self, subject: &Subject, mode: Mode, what: [OsString; 2]) -> anyhow::Result<Sample> {
        let mut words: Vec<OsString> = vec![self.python.clone().into(), self.scripts.join("peers.py").into()];
        words.extend([(&subject.preset).into(), "--mode".into(), mode.name().into()]);
        words.extend(["--data".into(), self.data.clone().into(), "--device".into(), (&self.device).into()]);
        for (name, number) in [("--batch", subject.batch), ("--threads", self.threads)] {
            words.extend([name.into(), number.to_string().into()]);
        }
        words.extend(what);
        self.sample(&words)
    }

    /// Calls of the model in `file` for so many seconds, by this program in a process of its own.
    pub(crate) fn our_calls(&self, file: &Path, samples: usize, seconds: f64) -> anyhow::Result<Sample> {
        let this = std::env::current_exe().context("cannot find this program's own file")?;
        let mut words: Vec<OsString> = vec![this.into(), calls::FLAG.into(), file.into()];
        words
            .extend([samples.to_string(), seconds.to_string(), self.threads.to_string()].map(OsString::from));
        self.sample(&words)
    }

    /// Runs a command that ends with an [`Answer`].
    fn sample(&self, words: &[OsString]) -> anyhow::Result<Sample> {
        let (peak_mib, said) = self.watched(words)?;
        let answer: Answer = serde_json::from_str(&said)
            .with_context(|| format!("what was measured ended with a line that is not JSON: {said}"))?;
        Ok(Sample { samples_per_second: answer.samples_per_s, peak_mib })
    }

    /// Runs a command under `peak.py`: its peak in MiB, and the last line of its standard output.
    fn watched(&self, words: &[OsString]) -> anyhow::Result<(Option<f64>, String)> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let file = folder.path().join("peak");
        let mut command = Command::new(&self.python);
        command.arg(self.scripts.join("peak.py")).arg(&file).args(words).stdin(Stdio::null());
        let output = command.output().with_context(|| format!("cannot run {}", self.python.display()))?;
        ensure!(
            output.status.success(),
            "{} failed: {}",
            words.join(&OsString::from(" ")).display(),
            last_line(&output.stderr)
        );
        let peak = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        Ok((peak, last_line(&output.stdout)))
    }
}

/// The program beside this one, which the task runner has just built.
pub(crate) fn program(output: &Path) -> anyhow::Result<PathBuf> {
    let ae = output.join("release").join(format!("ae{}", std::env::consts::EXE_SUFFIX));
    ensure!(ae.is_file(), "{} is missing; start with `cargo xtask bench --against-pytorch`", ae.display());
    Ok(ae)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_whole_batches_only() {
        let check = |steps, batch, all, epochs, rows| {
            assert_eq!(Length::of_steps(steps, batch, all), Length { epochs, rows: Some(rows) });
        };
        check(20, 128, 60_000, 1, 2560);
        check(468, 128, 60_000, 1, 59_904);
        check(1000, 128, 60_000, 2, 59_904);
        check(50, 128, 292, 25, 256);
        check(1, 292, 292, 1, 292);
        check(0, 128, 60_000, 1, 128);
    }
}
