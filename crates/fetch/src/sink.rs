//! Writes the bytes of a source to a file while hashing them, never more than the file can have.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::digest::hex;
use crate::error::{FetchError, SourceError};
use crate::progress::Progress;

/// Why a source was given up: its own error, or a local one that every source would meet.
#[derive(Debug)]
pub(crate) enum Fault {
    Source(SourceError),
    Local(FetchError),
}

impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        Fault::Source(error)
    }
}

impl From<FetchError> for Fault {
    fn from(error: FetchError) -> Self {
        Fault::Local(error)
    }
}

pub(crate) struct Sink {
    file: File,
    path: PathBuf,
    hasher: Sha256,
    pub(crate) bytes: u64,
    /// Maximum number of bytes written.
    limit: u64,
}

impl Sink {
    /// An empty file.
    pub(crate) fn create(path: &Path, limit: u64) -> Result<Self, FetchError> {
        let file = File::create(path).map_err(FetchError::local("create", path))?;
        Ok(Sink { file, path: path.to_path_buf(), hasher: Sha256::new(), bytes: 0, limit })
    }

    /// What an interrupted download left, to continue it; empty if there is nothing or too much.
    pub(crate) fn resume(path: &Path, limit: u64) -> Result<Self, FetchError> {
        let local = FetchError::local("open", path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(local)?;
        let mut sink = Sink { file, path: path.to_path_buf(), hasher: Sha256::new(), bytes: 0, limit };
        let mut buffer = vec![0; 1 << 16];
        loop {
            match sink.file.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    sink.hasher.update(&buffer[..n]);
                    sink.bytes += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FetchError::local("read", path)(error)),
            }
        }
        if sink.bytes > limit {
            sink.restart()?;
        }
        Ok(sink)
    }

    /// Discards what has been written.
    pub(crate) fn restart(&mut self) -> Result<(), FetchError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(FetchError::local("write", &self.path))?;
        self.hasher = Sha256::new();
        self.bytes = 0;
        Ok(())
    }

    /// Writes everything from `reader`. The inner result is the reader's own.
    pub(crate) fn take(
        &mut self,
        reader: &mut dyn Read,
        progress: &mut dyn Progress,
    ) -> Result<io::Result<()>, Fault> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = match reader.read(&mut buffer) {
                Ok(0) => return Ok(Ok(())),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Err(error)),
            };
            if self.bytes + n as u64 > self.limit {
                return Err(SourceError::TooLong { limit: self.limit }.into());
            }
            self.file.write_all(&buffer[..n]).map_err(FetchError::local("write", &self.path))?;
            self.hasher.update(&buffer[..n]);
            self.bytes += n as u64;
            progress.advance(self.bytes);
        }
    }

    /// Flushes the file to disk; returns its checksum and length.
    pub(crate) fn finish(self) -> Result<(String, u64), FetchError> {
        self.file.sync_all().map_err(FetchError::local("write", &self.path))?;
        Ok((hex(self.hasher), self.bytes))
    }
}
