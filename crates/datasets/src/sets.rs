//! Lists, fetches and verifies data sets, for `ae data`.

use crate::catalogue::{self, SetEntry};
use crate::{DataError, Sources};
use ae_fetch::Progress;
use ae_records::files::FileError;
use std::path::PathBuf;

/// A set that can be loaded by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetInfo {
    /// Name for `data.set`.
    pub name: String,
    /// Title, one line.
    pub title: String,
    /// The terms under which the data may be used.
    pub licence: String,
    /// What to cite.
    pub citation: String,
    /// Where to read more.
    pub homepage: String,
    /// Where its files are, or would be, in the cache; a set that extends another one shares its folder.
    pub folder: PathBuf,
    /// Names of its files.
    pub files: Vec<String>,
    /// Bytes to download.
    pub bytes: u64,
    /// Whether all its files are in the cache (not verified; [`verify_set`] does that).
    pub cached: bool,
}

/// What [`verify_set`] found about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedFile {
    /// The file.
    pub name: String,
    /// Where it is, or would be.
    pub path: PathBuf,
    /// What was found.
    pub state: FileState,
}

/// Whether a file is what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Its checksum is right.
    Ok,
    /// It is not in the cache.
    Missing,
    /// Its checksum is wrong; [`fetch_set`] replaces it.
    Wrong {
        /// The right sha256: of the published file or of its content, whichever is there.
        expected: String,
        /// The actual sha256.
        got: String,
    },
}

/// All sets, in the catalogue's order.
pub fn list(sources: &Sources) -> Vec<SetInfo> {
    catalogue::sets().iter().map(|set| info(set, sources)).collect()
}

/// Fetches all files of a set into the cache, verified. Returns the information about the set.
pub fn fetch_set(name: &str, sources: &Sources, progress: &mut dyn Progress) -> Result<SetInfo, DataError> {
    let set = catalogue::find(name)?;
    // Otherwise a file under the content's name is checked only by its length until it is read.
    for (file, entry) in verify_set(name, sources)?.into_iter().zip(&set.files) {
        if matches!(file.state, FileState::Wrong { .. }) && sources.can_replace(set, entry) {
            tracing::warn!("{} is damaged; fetching it again", file.path.display());
            std::fs::remove_file(&file.path).map_err(FileError::new("remove", &file.path))?;
        }
    }
    sources.bring(set, progress)?;
    Ok(info(set, sources))
}

/// Checks the checksum of every cached file of a set.
pub fn verify_set(name: &str, sources: &Sources) -> Result<Vec<CheckedFile>, DataError> {
    let set = catalogue::find(name)?;
    let mut files = Vec::new();
    for file in &set.files {
        let Some(path) = sources.cached(set, file) else {
            let path = sources.cache.join(set.folder()).join(&file.name);
            files.push(CheckedFile { name: file.name.clone(), path, state: FileState::Missing });
            continue;
        };
        let (got, bytes) = ae_fetch::sha256_file(&path).map_err(FileError::new("read", &path))?;
        let state = if ae_fetch::is_accepted(&file.accepted(), &got, bytes) {
            FileState::Ok
        } else {
            let unpacked = path.file_name().is_some_and(|name| *name == *file.content.name);
            let expected = if unpacked { &file.content.sha256 } else { &file.sha256 };
            FileState::Wrong { expected: expected.clone(), got }
        };
        files.push(CheckedFile { name: file.name.clone(), path, state });
    }
    Ok(files)
}

fn info(set: &SetEntry, sources: &Sources) -> SetInfo {
    SetInfo {
        name: set.name.clone(),
        title: set.title.clone(),
        licence: set.licence.clone(),
        citation: set.citation.clone(),
        homepage: set.homepage.clone(),
        folder: sources.cache.join(set.folder()),
        files: set.files.iter().map(|file| file.name.clone()).collect(),
        bytes: set.files.iter().map(|file| file.bytes).sum(),
        cached: set.files.iter().all(|file| sources.cached(set, file).is_some()),
    }
}
