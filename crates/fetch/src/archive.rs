//! Extracts members of zip and tar archives. Lengths that an archive states are never trusted.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::artifact::Fields;
use crate::error::{FetchError, SourceError};
use crate::fields::FirstFields;
use crate::progress::Progress;
use crate::sink::{Fault, Sink};

/// Unpacks members of a zip archive, such as a wheel. `place` gives each member its path below `folder`, or
/// `None` to skip it. Returns how many were unpacked.
///
/// # Errors
/// [`FetchError::Local`] if the archive cannot be read, a file cannot be written, or `place` names a path
/// outside `folder`.
pub fn unpack_zip(
    archive: &Path,
    folder: &Path,
    mut place: impl FnMut(&str) -> Option<PathBuf>,
) -> Result<usize, FetchError> {
    let read = |error: ZipError| FetchError::local("unpack", archive)(error.into());
    let file = File::open(archive).map_err(FetchError::local("read", archive))?;
    let mut zip = ZipArchive::new(io::BufReader::new(file)).map_err(read)?;
    let mut unpacked = 0;
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).map_err(read)?;
        if !member.is_file() {
            continue;
        }
        let name = member.name().map_err(read)?.into_owned();
        let Some(relative) = place(&name) else { continue };
        if !relative.components().all(|part| matches!(part, std::path::Component::Normal(_))) {
            let outside = io::Error::other(format!("the member {name} would be written outside the folder"));
            return Err(FetchError::local("unpack", archive)(outside));
        }
        let path = folder.join(relative);
        let above = path.parent().unwrap_or(folder);
        fs::create_dir_all(above).map_err(FetchError::local("create", above))?;
        let mut out = File::create(&path).map_err(FetchError::local("create", &path))?;
        io::copy(&mut member, &mut out).map_err(FetchError::local("write", &path))?;
        unpacked += 1;
    }
    Ok(unpacked)
}

/// Extracts one member of a zip archive into `sink`, or the first fields of its lines.
pub(crate) fn zip_member(
    archive: &Path,
    member: &str,
    fields: Option<&Fields>,
    sink: &mut Sink,
    progress: &mut dyn Progress,
) -> Result<(), Fault> {
    let broken = |reason: String| SourceError::Archive { archive: file_name(archive), reason };
    let file = File::open(archive).map_err(FetchError::local("read", archive))?;
    let mut zip = ZipArchive::new(io::BufReader::new(file)).map_err(|error| broken(error.to_string()))?;
    let mut entry = zip.by_name(member).map_err(|error| match error {
        ZipError::FileNotFound => missing(archive, member),
        other => broken(other.to_string()),
    })?;
    let taken = match fields {
        None => sink.take(&mut entry, progress)?,
        Some(fields) => sink.take(&mut FirstFields::of(fields, entry), progress)?,
    };
    taken.map_err(|error| broken(error.to_string()).into())
}

/// Extracts one member of a tar stream into `sink`. `archive` is only for messages.
pub(crate) fn tar_member(
    archive: &Path,
    stream: impl Read,
    member: &str,
    sink: &mut Sink,
    progress: &mut dyn Progress,
) -> Result<(), Fault> {
    let broken =
        |error: io::Error| SourceError::Archive { archive: file_name(archive), reason: error.to_string() };
    let mut tar = tar::Archive::new(stream);
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?;
        if path.strip_prefix("./").unwrap_or(&path) == Path::new(member) {
            return sink.take(&mut entry, progress)?.map_err(|error| broken(error).into());
        }
    }
    Err(missing(archive, member).into())
}

fn missing(archive: &Path, member: &str) -> SourceError {
    SourceError::NoMember { archive: file_name(archive), member: member.into() }
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::Silent;

    /// Takes `member` of an archive with these bytes.
    fn take(
        bytes: &[u8],
        limit: u64,
        take: impl Fn(&Path, &mut Sink) -> Result<(), Fault>,
    ) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let (archive, part) = (folder.path().join("archive"), folder.path().join("part"));
        fs::write(&archive, bytes).unwrap();
        let mut sink = Sink::create(&part, limit).unwrap();
        match take(&archive, &mut sink) {
            Ok(()) => Ok(fs::read(part).unwrap()),
            Err(Fault::Source(error)) => Err(error.to_string()),
            Err(Fault::Local(error)) => Err(error.to_string()),
        }
    }

    fn from_zip(bytes: &[u8], limit: u64, member: &str) -> Result<Vec<u8>, String> {
        take(bytes, limit, |archive, sink| zip_member(archive, member, None, sink, &mut Silent))
    }

    fn from_tar(bytes: &[u8], limit: u64, member: &str) -> Result<Vec<u8>, String> {
        take(bytes, limit, |archive, sink| {
            tar_member(archive, File::open(archive).unwrap(), member, sink, &mut Silent)
        })
    }

    #[test]
    fn members_of_zips() {
        let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        zip.start_file("a/b.txt", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(&[b'x'; 10_000]).unwrap();
        let zip = zip.finish().unwrap().into_inner();
        assert_eq!(from_zip(&zip, 10_000, "a/b.txt").unwrap(), [b'x'; 10_000]);
        // A small archive that unpacks to more than the file can have.
        assert!(zip.len() < 1000);
        assert!(from_zip(&zip, 9_999, "a/b.txt").unwrap_err().contains("more than the expected 9999 bytes"));
        assert_eq!(from_zip(&zip, 10_000, "b.txt").unwrap_err(), "archive has no member b.txt");
        assert!(from_zip(b"<html>", 10, "b.txt").unwrap_err().starts_with("cannot unpack archive: "));
    }

    #[test]
    fn members_of_tars() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(5);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, "./usr/a.txt", &b"hello"[..]).unwrap();
        let tar = tar.into_inner().unwrap();
        assert_eq!(from_tar(&tar, 5, "usr/a.txt").unwrap(), b"hello");
        assert!(from_tar(&tar, 4, "usr/a.txt").unwrap_err().contains("more than the expected 4 bytes"));
        assert_eq!(from_tar(&tar, 5, "a.txt").unwrap_err(), "archive has no member a.txt");
        // Claims 8 GB and has 5 bytes.
        let mut liar = tar.clone();
        liar[124..136].copy_from_slice(b"77777777777\0");
        let sum: u32 =
            liar[..148].iter().chain(&liar[156..512]).map(|byte| u32::from(*byte)).sum::<u32>() + 256;
        liar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert!(from_tar(&liar, 5, "usr/a.txt").unwrap_err().contains("more than the expected 5 bytes"));
    }
}
