//! Sets that are published as one `.tar.gz`, which is kept packed, and files that are the beginning of one of its
//! members.

use crate::catalogue::{self, ContentEntry, CutEntry, FileEntry};
use crate::{DataError, Sources};
use ae_fetch::Progress;
use ae_records::digest;
use ae_records::files::{self, FileError};
use ae_records::record::FileRecord;
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The first bytes of each member of a `.tar.gz` that is called for, at most `most` of each, in the order of
/// `wanted`. Reads the archive once, up to the last of them.
pub(crate) fn beginnings(archive: &Path, wanted: &[&str], most: u64) -> Result<Vec<Vec<u8>>, DataError> {
    let wrong = |reason| DataError::Format { path: archive.to_owned(), format: "tar.gz", reason };
    let broken = |error: std::io::Error| wrong(error.to_string());
    let mut found: Vec<Option<Vec<u8>>> = vec![None; wanted.len()];
    let mut tar = tar::Archive::new(GzDecoder::new(std::io::BufReader::new(files::open(archive)?)));
    for entry in tar.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.into_owned();
        let path = path.strip_prefix("./").unwrap_or(&path);
        if let Some(at) = wanted.iter().position(|name| Path::new(name) == path) {
            let mut content = Vec::new();
            entry.take(most).read_to_end(&mut content).map_err(broken)?;
            found[at] = Some(content);
        }
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    let mut contents = Vec::new();
    for (name, content) in wanted.iter().zip(found) {
        contents.push(content.ok_or_else(|| wrong(format!("it has no member `{name}`")))?);
    }
    Ok(contents)
}

/// Checks the content of a file that is read packed.
pub(crate) fn verify(file: &FileEntry, path: &Path) -> Result<FileRecord, DataError> {
    let (got, _) = ae_fetch::sha256_file(path).map_err(FileError::new("read", path))?;
    if got != file.sha256 {
        return Err(DataError::WrongContent { path: path.to_owned(), expected: file.sha256.clone(), got });
    }
    Ok(FileRecord { name: file.name.clone(), sha256: got })
}

impl Sources {
    /// Makes a file out of the archive that it is a part of, which is fetched first if necessary. `None` if the
    /// archive is not there and downloads are off.
    pub(crate) fn cut(
        &self,
        file: &FileEntry,
        cut: &CutEntry,
        to: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Option<PathBuf>, DataError> {
        let whole = catalogue::find(&cut.set)?;
        let archive =
            whole.files.first().expect("data/sources.toml is tested to cut from sets of one archive");
        let path = match self.bring_file(whole, archive, &mut false, progress) {
            Err(DataError::Offline { .. }) => return Ok(None),
            path => path?,
        };
        verify(archive, &path)?;
        files::write_atomic_bytes(to, &part(&path, &cut.member, &file.content)?)?;
        Ok(Some(to.to_owned()))
    }
}

/// The beginning of a member, verified.
fn part(archive: &Path, member: &str, content: &ContentEntry) -> Result<Vec<u8>, DataError> {
    let part = beginnings(archive, &[member], content.bytes)?.remove(0);
    let (expected, got) = (content.sha256.clone(), digest::sha256(&part));
    if got == expected {
        return Ok(part);
    }
    Err(DataError::WrongContent { path: archive.to_owned(), expected, got })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};

    /// A `.tar.gz` of these members.
    fn packed(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, content) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, *content).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    #[track_caller]
    fn check(archive: &[u8], wanted: &[&str], most: u64, expected: Result<&[&[u8]], &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        std::fs::write(&path, archive).unwrap();
        match (beginnings(&path, wanted, most), expected) {
            (Ok(contents), Ok(expected)) => assert_eq!(contents, expected),
            (Err(error), Err(expected)) => {
                let error = error.to_string();
                assert!(error.contains("a.tar.gz is not a usable tar.gz file: "), "{error}");
                assert!(error.contains(expected), "{error}");
            }
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn members_are_read_by_name_up_to_a_limit() {
        let archive = packed(&[("a/one", b"11111"), ("a/two", b"22"), ("three", b"3")]);
        check(&archive, &["a/two", "a/one"], 3, Ok(&[b"22", b"111"]));
        check(&archive, &["a/one"], 99, Ok(&[b"11111"]));
        check(&archive, &["two"], 99, Err("it has no member `two`"));
        // Whatever comes behind the last wanted member is not read.
        check(&archive[..archive.len() - 12], &["a/one"], 5, Ok(&[b"11111"]));
    }

    #[test]
    fn damaged_archives_are_errors() {
        let archive = packed(&[("a/one", b"11111")]);
        for length in [0, 1, 9, 20, 40] {
            check(&archive[..length], &["a/two"], 5, Err(""));
        }
        check(b"<html><body>no archive</body></html>", &["a/one"], 5, Err("invalid gzip header"));
    }

    #[test]
    fn a_part_is_verified() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        std::fs::write(&path, packed(&[("one", b"12345")])).unwrap();
        let content = |content: &[u8]| ContentEntry {
            name: "part".into(),
            bytes: content.len() as u64,
            sha256: digest::sha256(content),
        };
        assert_eq!(part(&path, "one", &content(b"123")).unwrap(), b"123");
        for other in [&b"124"[..], b"123456"] {
            let error = part(&path, "one", &content(other)).unwrap_err();
            assert!(matches!(error, DataError::WrongContent { .. }), "{error}");
        }
    }

    #[test]
    fn without_its_archive_a_part_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources { cache: folder.path().join("cache"), mirror: None, offline: true };
        let set = catalogue::find("cifar10-subset").unwrap();
        let (file, place) = (&set.files[0], folder.path().join("part"));
        let cut = file.cut.as_ref().unwrap();
        assert_eq!(sources.cut(file, cut, &place, &mut ae_fetch::Silent).unwrap(), None);
        // One of the right length is verified before anything is read from it.
        let archive = &catalogue::find(&cut.set).unwrap().files[0];
        let path = sources.cache.join(&cut.set).join(&archive.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(&path).unwrap().set_len(archive.bytes).unwrap();
        let error = sources.cut(file, cut, &place, &mut ae_fetch::Silent).unwrap_err();
        assert!(matches!(error, DataError::WrongContent { .. }), "{error}");
        assert!(!place.exists());
    }
}
