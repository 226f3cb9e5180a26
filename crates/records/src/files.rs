//! Reads regular files up to a stated size, and writes files atomically: to a temporary name beside the
//! target, which is then renamed.
//!
//! Temporary files have random names and are created exclusively, so that no file of the user's is replaced or
//! written through. Their writer holds a lock on them; the next writer of the same target removes those
//! that a killed process left.

use crate::digest;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// How the temporary names begin.
const TEMPORARY: &str = ".writing-";
/// Largest text file that is read: configurations, records, logs of metrics.
const MAX_TEXT_BYTES: u64 = 1 << 30;

/// A file that could not be read or written, with advice if there is any.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}{}", path.display(), hint(action, source))]
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

fn hint(action: &str, source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied if action == "read" => {
            "; check the permissions of the file and of its folder"
        }
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

/// Opens a regular file for reading, or a link to one. Refuses folders, devices and pipes, which may never
/// end, before opening them.
pub fn open(path: &Path) -> Result<File, FileError> {
    let open = || {
        ensure_regular(&fs::metadata(path)?)?;
        let file = File::open(path)?;
        // Looked at again, because the name may stand for something else by now.
        ensure_regular(&file.metadata()?)?;
        Ok(file)
    };
    open().map_err(FileError::new("read", path))
}

/// The content of a regular file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = open(path)?;
    let read = || {
        let length = file.metadata()?.len();
        ensure_below(length, limit)?;
        let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        // The file may grow meanwhile: one byte more than allowed tells.
        (&file).take(limit.saturating_add(1)).read_to_end(&mut content)?;
        ensure_below(content.len() as u64, limit)?;
        Ok(content)
    };
    read().map_err(FileError::new("read", path))
}

/// The whole text of a regular file of at most 1 GiB.
pub fn read_to_string(path: &Path) -> Result<String, FileError> {
    let text = String::from_utf8(read(path, MAX_TEXT_BYTES)?);
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text");
    text.map_err(|error| FileError::new("read", path)(not_text(error)))
}

fn ensure_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = if metadata.is_dir() { "a folder" } else { "a device or a pipe" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a file")))
}

fn ensure_below(bytes: u64, limit: u64) -> io::Result<()> {
    if bytes <= limit {
        return Ok(());
    }
    let message = format!("it holds more than the {limit} bytes that such a file may have");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
}

/// Locks a file until it is closed, however the process ends; creates it if need be, and leaves its content
/// alone. `None` if another process holds the lock.
pub fn lock(path: &Path) -> Result<Option<File>, FileError> {
    let open = || {
        if let Ok(there) = fs::metadata(path) {
            ensure_regular(&there)?;
        }
        OpenOptions::new().create(true).truncate(false).write(true).open(path)
    };
    let file = open().map_err(FileError::new("write", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(FileError::new("lock", path)(source)),
    }
}

/// Opens a regular file to append to it; creates it if need be. Refuses devices and pipes, where nothing could
/// be taken back.
pub fn append(path: &Path) -> Result<File, FileError> {
    let open = || {
        if let Ok(there) = fs::metadata(path) {
            ensure_regular(&there)?;
        }
        OpenOptions::new().create(true).append(true).open(path)
    };
    open().map_err(FileError::new("write", path))
}

/// Whether `path` still stands for the file that was opened: it was neither removed, nor moved, nor replaced.
pub(crate) fn is_still_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (ours.dev(), ours.ino()) == (there.dev(), there.ino())
    }
    #[cfg(not(unix))]
    {
        ours.len() == there.len()
    }
}

/// Writes a file through `write`: readers see the old content or the new one, never half of it, even if the
/// process is killed or the power fails in between.
pub fn write_atomic(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    let make = || fs::create_dir_all(folder_of(path)).and_then(|()| replace(path, write));
    make().map_err(FileError::new("write", path))
}

/// Writes these bytes as [`write_atomic`] does, but into a folder that is there: one that was removed or moved
/// meanwhile is not made again.
pub fn write_atomic_beside(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let write = || match folder_of(path).is_dir() {
        true => replace(path, |file| file.write_all(bytes)),
        false => Err(io::Error::new(io::ErrorKind::NotFound, "its folder is not there")),
    };
    write().map_err(FileError::new("write", path))
}

/// Writes these bytes as [`write_atomic`] does.
pub fn write_atomic_bytes(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_atomic(path, |file| file.write_all(bytes))
}

/// Replaces a file that changes many times a second by these bytes: as [`write_atomic_bytes`], but a crash of
/// the system, not of the process, may lose the last changes. Leftovers are not looked for; call
/// [`check_writable`] first, which does.
pub fn replace_often(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let replace = || {
        let path = target(path)?;
        let mut temporary = beside(&path)?;
        temporary.write_all(bytes)?;
        temporary.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    replace().map_err(FileError::new("write", path))
}

/// Checks whether [`write_atomic`] could write this file, without touching it. Removes what killed writers of
/// this file left.
pub fn check_writable(path: &Path) -> Result<(), FileError> {
    let check = || {
        let path = target(path)?;
        fs::create_dir_all(folder_of(&path))?;
        clear_leftovers(&folder_of(&path), &prefix_for(&path));
        beside(&path).map(drop)
    };
    check().map_err(FileError::new("write", path))
}

/// Removes what killed writers left in a folder, whatever they were writing.
pub(crate) fn clear_temporary(folder: &Path) {
    clear_leftovers(folder, TEMPORARY);
}

fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let path = target(path)?;
    clear_leftovers(&folder_of(&path), &prefix_for(&path));
    let mut file = BufWriter::new(beside(&path)?);
    write(&mut file)?;
    let temporary = file.into_inner().map_err(|e| e.into_error())?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// The file to replace: the target of a link. Refuses folders, devices and pipes, which a rename would replace
/// by a file.
fn target(path: &Path) -> io::Result<PathBuf> {
    let path = if path.is_symlink() { path.canonicalize()? } else { path.to_path_buf() };
    match fs::metadata(&path) {
        Ok(there) => ensure_regular(&there).map(|()| path),
        Err(_) => Ok(path),
    }
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf()
}

/// How the temporary names of writers of this file begin. The name itself may be too long to add to.
fn prefix_for(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    format!("{TEMPORARY}{}-", &digest::sha256(name)[..8])
}

/// An empty temporary file in the folder of a file, locked for as long as it is open.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = folder_of(path);
    let prefix = prefix_for(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        // What `File::create` would give, narrowed by the user's umask; temporary files are 0600 otherwise.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    loop {
        let temporary = builder.tempfile_in(&folder)?;
        // A file system without locks has no second writer that would clear this one either.
        let _ = temporary.as_file().lock();
        // Another writer may have taken it for a leftover before it was locked.
        if is_still_at(temporary.as_file(), temporary.path()) {
            return Ok(temporary);
        }
    }
}

/// Removes temporary files with this prefix that nobody is writing to.
fn clear_leftovers(folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(prefix);
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_ok() {
            // A file that cannot be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
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
    fn only_regular_files_up_to_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        let check = |error: FileError, expected: &str| {
            assert!(error.to_string().contains(expected), "{error}");
        };
        check(read(&file, 4).unwrap_err(), "more than the 4 bytes");
        check(read(folder.path(), 5).unwrap_err(), "a folder, not a file");
        #[cfg(target_os = "linux")]
        check(read_to_string(Path::new("/dev/zero")).unwrap_err(), "a device or a pipe, not a file");
        fs::write(&file, b"\xff\xfe").unwrap();
        check(read_to_string(&file).unwrap_err(), "not UTF-8 text");
    }

    #[test]
    fn leftovers_are_cleared_and_files_in_use_or_of_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let leftover = folder.path().join(format!("{}abcdef", prefix_for(&path)));
        let others = [format!("{TEMPORARY}notes"), "state.json.new".into()].map(|n| folder.path().join(n));
        for file in others.iter().chain([&leftover]) {
            fs::write(file, "half").unwrap();
        }
        let live = beside(&path).unwrap();
        write_atomic_bytes(&path, b"whole").unwrap();
        assert!(!leftover.exists() && live.path().exists());
        assert!(others.iter().all(|file| fs::read(file).unwrap() == b"half"));
        drop(live);
        replace_often(&path, b"again").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"again");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_file_is_recognised_until_it_is_moved_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["file", "other"].map(|name| folder.path().join(name));
        let file = File::create(&path).unwrap();
        assert!(is_still_at(&file, &path));
        fs::rename(&path, &other).unwrap();
        assert!(!is_still_at(&file, &path));
        #[cfg(unix)]
        {
            fs::write(&path, "").unwrap();
            assert!(!is_still_at(&file, &path));
        }
    }

    #[test]
    fn advice_fits_what_was_tried() {
        let check = |action, kind: io::ErrorKind, expected: &str| {
            let error = FileError::new(action, "a.txt")(io::Error::from(kind)).to_string();
            assert!(error.starts_with(&format!("cannot {action} a.txt: ")), "{error}");
            assert!(error.ends_with(expected), "{error}");
        };
        let denied = io::ErrorKind::PermissionDenied;
        check("read", denied, "; check the permissions of the file and of its folder");
        for action in ["write", "create", "remove"] {
            check(action, denied, "; choose a folder that you may write to");
        }
        check("write", io::ErrorKind::ReadOnlyFilesystem, "; choose a folder that you may write to");
        check("write", io::ErrorKind::StorageFull, "; free some space, or choose another folder");
        check("read", io::ErrorKind::NotFound, &io::Error::from(io::ErrorKind::NotFound).to_string());
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
