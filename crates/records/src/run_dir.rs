//! The folder of a run, and the lock that keeps a second run out of it.

use crate::files::{self, FileError};
use crate::record::{Record, Status};
use crate::text::shell_quoted;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Paths inside `runs/<preset>/<id>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    root: PathBuf,
}

/// Why a folder cannot be used for a run.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// Another process is writing there.
    #[error(
        "another run is writing to {}; wait for it, or choose another folder with --out", .0.display()
    )]
    Busy(PathBuf),
    /// The folder already holds a run.
    #[error(
        "{} already holds a run; continue it with --resume {}, or choose another folder with --out",
        .0.display(), shell_quoted(.0)
    )]
    Occupied(PathBuf),
    /// The folder holds files of a run, but not its configuration.
    #[error(
        "{} holds {name} of a run, but no config.toml; choose another folder with --out, or remove that file",
        path.display()
    )]
    Remains {
        /// The folder.
        path: PathBuf,
        /// The file.
        name: String,
    },
    /// The folder is no longer the one that was claimed.
    #[error("{} was moved, removed or replaced during the run, so its results could not be kept", .0.display())]
    Moved(PathBuf),
    /// There is no run to resume.
    #[error("{} holds no run; a run's folder has a config.toml (look in runs/)", .0.display())]
    NotARun(PathBuf),
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Held while a run writes; dropping it frees the folder. A killed process frees it as well.
#[derive(Debug)]
pub struct RunLock {
    file: File,
    path: PathBuf,
}

impl RunLock {
    /// Checks that the folder is still the one that was claimed.
    ///
    /// # Errors
    /// [`RunDirError::Moved`].
    pub fn check(&self) -> Result<(), RunDirError> {
        if files::is_still_at(&self.file, &self.path) {
            return Ok(());
        }
        Err(RunDirError::Moved(self.path.parent().unwrap_or(&self.path).to_path_buf()))
    }
}

impl RunDir {
    /// The folder, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        RunDir { root: root.into() }
    }

    /// The model that a path means: that of a run if it is a folder, else the file itself.
    pub fn model_at(path: &Path) -> PathBuf {
        if path.is_dir() { RunDir::new(path).model() } else { path.to_owned() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The resolved, complete configuration.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// See [`crate::record::Record`].
    pub fn record(&self) -> PathBuf {
        self.root.join("record.json")
    }

    /// See [`crate::metrics::MetricLine`].
    pub fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// TensorBoard's event files.
    pub fn events(&self) -> PathBuf {
        self.root.join("events")
    }

    /// The weights, and everything needed to use them.
    pub fn model(&self) -> PathBuf {
        self.root.join("model.safetensors")
    }

    /// The state that a resumed run starts from: weights, optimizer moments, step.
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint").join("state.safetensors")
    }

    /// Figures computed after training, with the checksum of their model.
    pub fn measures(&self) -> PathBuf {
        self.root.join("measures.json")
    }

    /// Pictures, and `index.json` that says what they show.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// The report, one file.
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// Claims the folder for a new run: creates it, and refuses one that already holds a run. The configuration makes it one
    /// and is written after the record, so that no run lacks a record; a record that was written when a run began which
    /// then was killed is in nobody's way.
    pub fn create(&self) -> Result<RunLock, RunDirError> {
        files::create_dir(&self.root)?;
        let lock = self.lock()?;
        if self.config().exists() {
            return Err(RunDirError::Occupied(self.root.clone()));
        }
        let remains = [self.model(), self.checkpoint(), self.metrics(), self.record()];
        let is_of_beginning = |path: &PathBuf| {
            *path == self.record()
                && Record::read(path).is_ok_and(|it| it.status == Status::Running && it.steps == 0)
        };
        match remains.into_iter().find(|path| path.exists() && !is_of_beginning(path)) {
            Some(path) => {
                let name = path.strip_prefix(&self.root).unwrap_or(&path).display().to_string();
                Err(RunDirError::Remains { path: self.root.clone(), name })
            }
            None => {
                files::clear_temporary(&self.root);
                Ok(lock)
            }
        }
    }

    /// Claims the folder of an earlier run, to resume it.
    pub fn reopen(&self) -> Result<RunLock, RunDirError> {
        if !self.config().exists() {
            return Err(RunDirError::NotARun(self.root.clone()));
        }
        let lock = self.lock()?;
        for folder in [self.root.clone(), self.root.join("checkpoint"), self.events(), self.images()] {
            files::clear_temporary(&folder);
        }
        Ok(lock)
    }

    fn lock(&self) -> Result<RunLock, RunDirError> {
        let path = self.root.join(".lock");
        match files::lock(&path)? {
            Some(file) => Ok(RunLock { file, path }),
            None => Err(RunDirError::Busy(self.root.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_cannot_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path().join("my run"));
        assert!(matches!(run.reopen(), Err(RunDirError::NotARun(_))));
        let lock = run.create().unwrap();
        assert!(matches!(run.create(), Err(RunDirError::Busy(_))));
        files::write_atomic_bytes(&run.config(), b"").unwrap();
        drop(lock);
        let error = run.create().unwrap_err().to_string();
        assert!(error.contains(&format!("--resume '{}', or", run.root().display())), "{error}");
        let folders =
            [run.root().into(), run.checkpoint().parent().unwrap().into(), run.events(), run.images()];
        let litter = folders.map(|folder: PathBuf| {
            files::create_dir(&folder).unwrap();
            std::fs::write(folder.join(".writing-x"), b"half").unwrap();
            folder.join(".writing-x")
        });
        let _lock = run.reopen().unwrap();
        assert!(litter.iter().all(|litter| !litter.exists()), "what a killed writer left is removed");
        assert!(matches!(run.reopen(), Err(RunDirError::Busy(_))));
    }

    #[test]
    fn what_is_left_of_a_run_is_not_adopted() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path().join("run"));
        files::write_atomic_bytes(&run.checkpoint(), b"weights").unwrap();
        let error = run.create().unwrap_err().to_string();
        assert!(error.contains("state.safetensors of a run, but no config.toml"), "{error}");
        std::fs::remove_file(run.checkpoint()).unwrap();
        run.create().unwrap();
    }

    #[test]
    fn a_record_without_a_step_is_no_run() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path().join("run"));
        let began = Record { format: 1, status: Status::Running, ..Record::default() };
        run.create().unwrap();
        began.write(&run.record()).unwrap();
        run.create().unwrap();
        for record in
            [Record { steps: 1, ..began.clone() }, Record { status: Status::Finished, ..began.clone() }]
        {
            record.write(&run.record()).unwrap();
            assert!(matches!(run.create(), Err(RunDirError::Remains { .. })));
        }
    }

    #[test]
    fn a_folder_that_is_moved_removed_or_reused_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path().join("run"));
        let lock = run.create().unwrap();
        lock.check().unwrap();
        std::fs::rename(run.root(), folder.path().join("moved")).unwrap();
        let error = lock.check().unwrap_err();
        assert!(error.to_string().contains("was moved, removed or replaced"), "{error}");
        let _other = run.create().unwrap();
        assert!(cfg!(not(unix)) || matches!(lock.check(), Err(RunDirError::Moved(_))));
    }
}
