//! Detectors of other projects, run by a Python that the user names.

use super::Suite;
use super::contenders::Outcome;
use crate::error::EvaluationError;
use ae_records::files;
use ndarray::Array2;
use serde::Deserialize;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The script, which says how to talk to it.
const SCRIPT: &str = include_str!("peers.py");

/// Most bytes of a file of scores.
const MAX_SCORES: u64 = 1 << 28;

/// Other detectors.
pub(super) struct Peers {
    python: PathBuf,
    suite: Suite,
    known: Vec<Peer>,
}

/// A detector that the script knows.
#[derive(Clone, Debug, Deserialize)]
struct Peer {
    key: String,
    name: String,
    suite: String,
    is_network: bool,
}

/// What the script prints of one detector.
#[derive(Debug, Deserialize)]
struct Line {
    key: String,
    #[serde(default)]
    fit_seconds: f64,
    #[serde(default)]
    score_seconds: f64,
    peak_mib: Option<f64>,
    failed: Option<String>,
}

impl Peers {
    /// Asks a Python for its detectors.
    ///
    /// # Errors
    /// No such Python, or one that lacks a package.
    pub(super) fn find(python: &str, suite: Suite) -> Result<Self, EvaluationError> {
        let mut peers = Peers { python: python.into(), suite, known: Vec::new() };
        let output = peers.call([OsStr::new("--list")])?;
        peers.known = peers.lines(&output)?;
        peers.known.retain(|peer| peer.suite == suite.name());
        Ok(peers)
    }

    /// The scores of other detectors for rows to learn from and to judge, `[N, D]` or `[T, F]`, and why some have none;
    /// those that are networks are left out unless they are wanted.
    ///
    /// # Errors
    /// A script that cannot be run, or files that cannot be written or read.
    pub(super) fn judge(
        &self,
        numbers: &[Array2<f64>; 2],
        window: Option<usize>,
        seed: u64,
        with_networks: bool,
    ) -> Result<(Vec<Outcome>, Vec<String>), EvaluationError> {
        let folder = tempfile::tempdir().map_err(|error| self.failed(error.to_string()))?;
        for (name, rows) in ["train.npy", "test.npy"].iter().zip(numbers) {
            files::write_atomic_bytes(&folder.path().join(name), &npy(rows))?;
        }
        let seed = seed.to_string();
        let window = window.map(|window| window.to_string());
        let mut arguments: Vec<&OsStr> = vec![folder.path().as_os_str()];
        arguments.extend(["--suite", self.suite.name(), "--seed", &seed].map(OsStr::new));
        if let Some(window) = &window {
            arguments.extend(["--window", window].map(OsStr::new));
        }
        let keys: Vec<&str> = self
            .known
            .iter()
            .filter(|peer| with_networks || !peer.is_network)
            .map(|peer| peer.key.as_str())
            .collect();
        let keys = keys.join(",");
        arguments.extend(["--only", &keys].map(OsStr::new));
        let output = self.call(arguments)?;
        let (mut outcomes, mut failed) = (Vec::new(), Vec::new());
        for Line { key, fit_seconds, score_seconds, peak_mib: memory_mib, failed: why } in
            self.lines(&output)?
        {
            let Some(peer) = self.known.iter().find(|peer| peer.key == key) else { continue };
            if let Some(why) = why {
                failed.push(format!("{} failed: {why}", peer.name));
                continue;
            }
            let path = folder.path().join(format!("{key}.npy"));
            let scores = self.read(&path, numbers[1].nrows())?;
            let (key, name) = (key.clone(), peer.name.clone());
            let verdicts = None;
            outcomes.push(Outcome { key, name, scores, verdicts, fit_seconds, score_seconds, memory_mib });
        }
        Ok((outcomes, failed))
    }

    fn call<'a>(&self, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<Output, EvaluationError> {
        let folder = tempfile::tempdir().map_err(|error| self.failed(error.to_string()))?;
        let script = folder.path().join("peers.py");
        files::write_atomic_bytes(&script, SCRIPT.as_bytes())?;
        let output = Command::new(&self.python).arg(&script).args(arguments).output();
        let output = output.map_err(|error| self.failed(error.to_string()))?;
        match output.status.success() {
            true => Ok(output),
            false => Err(self.failed(last_line(&output.stderr))),
        }
    }

    fn lines<T: for<'de> Deserialize<'de>>(&self, output: &Output) -> Result<Vec<T>, EvaluationError> {
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter(|line| line.starts_with('{'));
        lines
            .map(|line| {
                serde_json::from_str(line).map_err(|error| self.failed(format!("{error} in `{line}`")))
            })
            .collect()
    }

    fn read(&self, path: &Path, n: usize) -> Result<Vec<f64>, EvaluationError> {
        let content = files::read(path, MAX_SCORES)?;
        let scores = npyz::NpyFile::new(&content[..]).and_then(npyz::NpyFile::into_vec::<f64>);
        let scores = scores.map_err(|error| self.failed(format!("{}: {error}", path.display())))?;
        match scores.len() == n && scores.iter().all(|score| score.is_finite()) {
            true => Ok(scores),
            false => Err(self.failed(format!("{} does not hold {n} finite scores", path.display()))),
        }
    }

    fn failed(&self, reason: String) -> EvaluationError {
        EvaluationError::Peers { python: self.python.clone(), reason }
    }
}

/// An array as a `.npy` file of version 1.
fn npy(rows: &Array2<f64>) -> Vec<u8> {
    let (n, width) = rows.dim();
    let head = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({n}, {width}), }}");
    // The data begin at a multiple of 64 bytes.
    let length = (10 + head.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{head:<width$}\n", width = length - 1).bytes());
    bytes.extend(rows.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// What a program said last before it failed.
fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn arrays_are_read_as_they_were_written() {
        let rows = array![[1.5, -2.0, 1e300], [0.0, f64::MIN_POSITIVE, 3.0]];
        let bytes = npy(&rows);
        assert_eq!((bytes.len() - 6 * 8) % 64, 0);
        let file = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(file.shape(), [2, 3]);
        assert_eq!(file.into_vec::<f64>().unwrap(), rows.iter().copied().collect::<Vec<_>>());
    }

    #[test]
    fn a_python_that_is_not_there_is_named() {
        let error = Peers::find("/nowhere/python", Suite::Tabular).err().unwrap().to_string();
        assert!(error.starts_with("cannot run the detectors of PyOD with /nowhere/python: "), "{error}");
        assert!(error.contains("pip install pyod"), "{error}");
    }
}
