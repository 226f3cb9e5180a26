//! Verified downloads from several sources: a mirror folder, URLs, and packages of public registries.
//!
//! An [`Artifact`] says what a file must be (its SHA-256), where it goes, and where it may come from.
//! [`fetch`] tries the sources in order and gives the file its name only if the checksum is right:
//!
//! ```
//! use ae_fetch::{Artifact, Digest, Silent, Source};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (cache, mirror) = (folder.path().join("cache"), folder.path().join("mirror"));
//! # std::fs::create_dir(&mirror)?;
//! # std::fs::write(mirror.join("numbers.csv"), "1,2\n")?;
//! let artifact = Artifact {
//!     name: "the numbers".into(),
//!     destination: cache.join("numbers.csv"),
//!     accepted: vec![Digest::new("52186c933993da4082b3cdc7c40bb4bf735b391ff54a2ef78c037dda6c38a680")],
//!     sources: vec![
//!         Source::File(mirror.join("numbers.csv")),
//!         Source::Url("https://example.org/numbers.csv".into()),
//!     ],
//! };
//! let fetched = ae_fetch::fetch(&artifact, &mut Silent)?;
//! assert_eq!(fetched.path, cache.join("numbers.csv"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A fetch may be interrupted at any moment and repeated, or run by several processes at once. The outcome is
//! the same: the whole file or no file, and nothing else beside it. A download by URL continues where it
//! stopped.
//!
//! [`Poster`] uses the same HTTP client in the other direction: it sends JSON to an address.

mod archive;
mod artifact;
#[cfg(feature = "bar")]
mod bar;
mod digest;
mod error;
mod fetcher;
mod fields;
mod http;
mod lock;
mod package;
mod post;
mod progress;
mod sink;
mod tool;

pub use archive::unpack_zip;
pub use artifact::{Artifact, Digest, Fetched, Fields, Source};
#[cfg(feature = "bar")]
pub use bar::Bar;
pub use digest::{is_accepted, sha256_file};
pub use error::{Failure, FetchError, SourceError};
pub use fetcher::{Fetcher, fetch};
pub use lock::Lock;
pub use post::{AddressError, PostError, Poster};
pub use progress::{Progress, Silent};
pub use tool::{ToolError, pip};
