//! One process at a time.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::error::FetchError;

/// Holds a lock file until dropped; others who want it wait. The system frees it when the process dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Waits for the lock file `path`, which is made if it is not there.
    ///
    /// # Errors
    /// [`FetchError::Local`] where the file cannot be made or locked.
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
            // Whoever had the lock before may have removed the file; then a newcomer would lock another one.
            if still_there(&file, path) {
                return Ok(Lock { file, path: path.to_path_buf() });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Only where the check in `acquire` sees it; elsewhere an empty file stays.
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
