//! Writes files atomically: to a temporary name beside the target, which is then renamed.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// How the temporary names begin.
const TEMPORARY: &str = ".writing-";

/// A file that could not be read or written, with advice if there is any.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}{}", path.display(), hint(source))]
pub struct FileError {
    /// What was tried: `read`, `write`, `create`.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: attaches the path and what was tried.
    pub fn new(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| FileError { action, path, source }
    }
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space, or choose another folder"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that you may write to"
        }
        _ => "",
    }
}

/// Creates a folder and those above it.
pub fn create_dir(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(FileError::new("create", path))
}

/// Removes what killed writers left behind in a folder; no other process may be writing to it.
pub(crate) fn remove_temporary(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            // A file that cannot be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The whole text of a file.
pub fn read_to_string(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(FileError::new("read", path))
}

/// Writes a file through `write`: readers see the old content or the new one, never half of it, even if the
/// process is killed or the power fails in between.
pub fn write_atomic(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    replace(path, write).map_err(FileError::new("write", path))
}

/// Writes these bytes as [`write_atomic`] does.
pub fn write_atomic_bytes(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_atomic(path, |file| file.write_all(bytes))
}

/// Checks whether [`write_atomic`] could write this file, without touching it.
pub fn check_writable(path: &Path) -> Result<(), FileError> {
    target(path).and_then(|path| beside(&path)).map(drop).map_err(FileError::new("write", path))
}

fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let path = target(path)?;
    let mut file = BufWriter::new(beside(&path)?);
    write(&mut file)?;
    let temporary = file.into_inner().map_err(|e| e.into_error())?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// The file to replace: the target of a link. Refuses devices and pipes, which a rename would replace by a
/// file.
fn target(path: &Path) -> io::Result<PathBuf> {
    let path = if path.is_symlink() { path.canonicalize()? } else { path.to_path_buf() };
    match fs::metadata(&path) {
        Ok(there) if !there.is_file() => {
            let what = if there.is_dir() { "a folder" } else { "a device or a pipe" };
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a file")))
        }
        _ => Ok(path),
    }
}

/// An empty temporary file in the folder of a file.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        // What `File::create` would give, narrowed by the user's umask; temporary files are 0600 otherwise.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_content_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/a.txt");
        write_atomic_bytes(&path, b"old").unwrap();
        let error = write_atomic(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert!(error.to_string().ends_with("free some space, or choose another folder"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_pipes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, socket] = ["file", "link", "socket"].map(|name| folder.path().join(name));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomic_bytes(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for error in [write_atomic_bytes(&socket, b"").unwrap_err(), check_writable(&socket).unwrap_err()] {
            assert!(error.to_string().ends_with("it is a device or a pipe, not a file"), "{error}");
        }
        check_writable(&file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        write_atomic_bytes(&file, b"").unwrap();
        let error = write_atomic_bytes(&file.join("below"), b"").unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
    }
}
