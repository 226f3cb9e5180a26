//! Event files that TensorBoard reads: records framed as TFRecord, each a protobuf message `Event`.
//!
//! A record is its length (`u64`, little-endian), the masked CRC-32C of these eight bytes, the message, and
//! the masked CRC-32C of the message. The messages hold the few fields of TensorFlow's `event.proto` and
//! `summary.proto` that are needed, so no schema compiler is. Values are 32-bit floats; `metrics.jsonl` holds
//! the exact numbers.
//!
//! A run writes `events/train`, `events/validation` and `events/test`, so that TensorBoard draws a term of several
//! splits into one chart, and settings, pictures and histograms into `events` itself.

mod messages;

use ae_records::files::{self, FileError};
use messages::Event;
use prost::Message;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Part of the file name by which TensorBoard recognises an event file.
const MARK: &str = "tfevents";
/// Bytes of a record besides its message.
const FRAME: u64 = 16;

/// An event file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EventError(#[from] FileError);

impl From<EventError> for FileError {
    fn from(EventError(error): EventError) -> Self {
        error
    }
}

/// Writes scalars, images, histograms and settings for TensorBoard.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventWriter {
    /// Starts a new event file in a folder, which is created if need be. `start_wall_time` is in seconds
    /// since 1970, and in the file's name.
    ///
    /// # Errors
    /// If the folder cannot be written to, or already holds a file of that name.
    pub fn create(folder: &Path, start_wall_time: f64) -> Result<Self, EventError> {
        files::create_dir(folder)?;
        let path = folder.join(format!("events.out.{MARK}.{:010}.ae", start_wall_time.max(0.0) as u64));
        let open = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = BufWriter::new(open.map_err(FileError::new("create", &path))?);
        let mut writer = EventWriter { path, file };
        writer.write(&Event::version(start_wall_time))?;
        writer.flush()?;
        Ok(writer)
    }

    /// Whether a folder holds event files.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn has_begun(folder: &Path) -> Result<bool, EventError> {
        event_files(folder).map(|files| !files.is_empty())
    }

    /// Continues the event files of a folder as they were at `step`: drops later events and a truncated last
    /// record, so that a resumed run draws no point twice. A folder without event files gets a new one.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn append_after(folder: &Path, step: u64) -> Result<Self, EventError> {
        let now = now();
        let paths = event_files(folder)?;
        for path in &paths {
            let kept = kept_records(path, to_i64(step)).map_err(FileError::new("read", path))?;
            let kept = if kept.is_empty() { frame(&Event::version(now)) } else { kept };
            files::write_atomic_bytes(path, &kept)?;
        }
        let Some(path) = paths.into_iter().next_back() else { return Self::create(folder, now) };
        let file = OpenOptions::new().append(true).open(&path).map_err(FileError::new("continue", &path))?;
        Ok(EventWriter { path, file: BufWriter::new(file) })
    }

    /// Adds a point to the curve `tag`, such as `loss`: `value` after `step` steps, at `wall_time`
    /// seconds since 1970. It is on disk after the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scalar(&mut self, step: u64, tag: &str, value: f64, wall_time: f64) -> Result<(), EventError> {
        self.write(&Event::scalar(to_i64(step), tag, value, wall_time))
    }

    /// Adds an image, such as the bytes of a PNG file, `size[0]` pixels wide and `size[1]` high, to the row `tag`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn image(&mut self, step: u64, tag: &str, encoded: &[u8], size: [u32; 2]) -> Result<(), EventError> {
        self.write(&Event::image(to_i64(step), tag, encoded, size, now()))
    }

    /// Adds how `values` are distributed to the histograms `tag`; nothing if there is none, or one is not finite.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn histogram(&mut self, step: u64, tag: &str, values: &[f64]) -> Result<(), EventError> {
        if values.is_empty() || !values.iter().all(|value| value.is_finite()) {
            return Ok(());
        }
        self.write(&Event::histogram(to_i64(step), tag, values, now()))
    }

    /// Names the settings of a run, a tree of tables, for TensorBoard's tab HPARAMS.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn settings(&mut self, settings: &serde_json::Value) -> Result<(), EventError> {
        self.write(&Event::settings(messages::flattened(settings), now()))
    }

    /// Hands all points to the operating system; from then on TensorBoard shows them, and none are lost if
    /// the process is killed.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn flush(&mut self) -> Result<(), EventError> {
        self.file.flush().map_err(FileError::new("write", &self.path)).map_err(EventError)
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&mut self, event: &Event) -> Result<(), EventError> {
        self.file.write_all(&frame(event)).map_err(FileError::new("write", &self.path)).map_err(EventError)
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

fn to_i64(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

/// TFRecord's checksum: CRC-32C, rotated and shifted, so that a checksum over checksums stays reliable.
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn frame(event: &Event) -> Vec<u8> {
    let message = event.encode_to_vec();
    let length = (message.len() as u64).to_le_bytes();
    [&length[..], &masked_crc(&length), &message, &masked_crc(&message)].concat()
}

/// Event files, oldest first; empty if there is no folder.
fn event_files(folder: &Path) -> Result<Vec<PathBuf>, EventError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let paths: io::Result<Vec<_>> = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect();
        let is_ours = |path: &PathBuf| {
            path.is_file() && path.file_name().is_some_and(|name| name.to_string_lossy().contains(MARK))
        };
        let mut paths: Vec<PathBuf> = paths?.into_iter().filter(is_ours).collect();
        paths.sort();
        Ok(paths)
    };
    match list() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => Ok(other.map_err(FileError::new("read", folder))?),
    }
}

/// The intact records up to the first broken one, unchanged, without those after `step`.
fn kept_records(path: &Path, step: i64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut left = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let mut kept = Vec::new();
    while let Some(record) = read_record(&mut reader, left)? {
        left -= record.len() as u64;
        let message = &record[12..record.len() - 4];
        let Ok(event) = Event::decode(message) else { break };
        if event.file_version.is_some() || event.step <= step {
            kept.extend_from_slice(&record);
        }
    }
    Ok(kept)
}

/// One record with its frame; `None` at the end of the file or if the record is broken. `left` is the number
/// of bytes left in the file; a longer record is not read.
fn read_record(reader: &mut impl Read, left: u64) -> io::Result<Option<Vec<u8>>> {
    if left < FRAME {
        return Ok(None);
    }
    let mut record = vec![0; 12];
    reader.read_exact(&mut record)?;
    let length = u64::from_le_bytes(std::array::from_fn(|i| record[i]));
    if record[8..] != masked_crc(&record[..8]) || length > left - FRAME {
        return Ok(None);
    }
    let message_end = 12 + length as usize;
    record.resize(message_end + 4, 0);
    reader.read_exact(&mut record[12..])?;
    let whole = record[message_end..] == masked_crc(&record[12..message_end]);
    Ok(whole.then_some(record))
}

#[cfg(test)]
#[path = "tensorboard_tests.rs"]
mod tests;
