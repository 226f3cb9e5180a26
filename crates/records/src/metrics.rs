//! `metrics.jsonl`: one line of JSON for each point of the loss curves. It holds no wall-clock time, so two
//! runs of the same preset and seed write the same bytes, interrupted or not.

use crate::files::{self, FileError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// One line: the mean of each loss term over the samples since the previous line of the same split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricLine {
    /// Optimizer steps taken so far.
    pub step: u64,
    /// Epochs finished so far; 0 during the first epoch.
    pub epoch: u64,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// Value of each term; `loss` is the sum that was minimised.
    pub terms: BTreeMap<String, f64>,
}

/// Appends lines to `metrics.jsonl`.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
}

impl MetricsLog {
    /// Opens the log and truncates it to `length` bytes, its length at the checkpoint; 0 starts a new log.
    pub fn open(path: &Path, length: u64) -> Result<Self, FileError> {
        let open = || -> io::Result<File> {
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            if file.metadata()?.len() < length {
                let message = format!("it is shorter than the {length} bytes that the checkpoint recorded");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            file.set_len(length)?;
            Ok(file)
        };
        Ok(MetricsLog { path: path.into(), file: open().map_err(FileError::new("continue", path))? })
    }

    /// Appends one line with a single write, so that a crash cannot interleave two.
    pub fn append(&mut self, line: &MetricLine) -> Result<(), FileError> {
        let mut text = serde_json::to_string(line).expect("a metric line is always JSON");
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(FileError::new("write", &self.path))
    }

    /// Bytes written so far, which a checkpoint records to continue from there. Flushes them to disk first.
    ///
    /// # Errors
    /// If the log cannot be written, or is no longer where it was opened: a checkpoint must not go to a folder
    /// that was removed, or that another run uses by now.
    pub fn length(&mut self) -> Result<u64, FileError> {
        let length = || {
            self.file.sync_data()?;
            if !files::is_still_at(&self.file, &self.path) {
                let message = "it was moved, removed or replaced while the run was writing it";
                return Err(io::Error::new(io::ErrorKind::NotFound, message));
            }
            Ok(self.file.metadata()?.len())
        };
        length().map_err(FileError::new("write", &self.path))
    }
}

/// All lines of a log. A last line without a newline (the process was killed while writing it) is left out.
pub fn read(path: &Path) -> Result<Vec<MetricLine>, FileError> {
    let text = files::read_to_string(path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| {
            let message = format!("line {}: {e}", number + 1);
            FileError::new("read", path)(io::Error::new(io::ErrorKind::InvalidData, message))
        })
    };
    whole.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(step: u64) -> MetricLine {
        let terms = BTreeMap::from([("loss".to_string(), 0.1 + step as f64)]);
        MetricLine { step, epoch: 0, split: "train".into(), terms }
    }

    #[test]
    fn continuing_at_a_length_drops_what_came_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path, 0).unwrap();
        log.append(&line(1)).unwrap();
        let seen = log.length().unwrap();
        log.append(&line(2)).unwrap();
        drop(log);
        let mut log = MetricsLog::open(&path, seen).unwrap();
        log.append(&line(3)).unwrap();
        assert_eq!(read(&path).unwrap(), [line(1), line(3)]);
        let error = MetricsLog::open(&path, 1 << 40).unwrap_err().to_string();
        assert!(error.contains("shorter than"), "{error}");
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_a_bad_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let good = serde_json::to_string(&line(1)).unwrap();
        std::fs::write(&path, format!("{good}\n{{\"step\":")).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
        std::fs::write(&path, format!("{good}\nnonsense\n")).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("line 2"));
    }
}
