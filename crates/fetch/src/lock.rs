//! A lock file that admits one process at a time.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::error::FetchError;

/// Holds a lock file until dropped; other processes wait for it. The system frees it when the process dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Waits for the lock file `path`, which is created if it does not exist.
    ///
    /// # Errors
    /// [`FetchError::Local`] if the file cannot be created or locked.
    pub fn acquire(path: &Path) -> Result<Self, FetchError> {
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(FetchError::local("create", path))?;
            file.lock().map_err(FetchError::local("lock", path))?;
            // The previous holder may have removed the file; another process would then lock a new one.
            if still_there(&file, path) {
                return Ok(Lock { file, path: path.to_path_buf() });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Only on Unix, where `acquire` notices the removal; elsewhere an empty file stays.
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}

#[cfg(unix)]
fn still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => ours.dev() == there.dev() && ours.ino() == there.ino(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn still_there(_: &File, _: &Path) -> bool {
    true
}
