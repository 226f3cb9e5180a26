//! Pictures and the single-file HTML report of a run. Reads records and plain arrays; does not depend on
//! libtorch or on any model.
//!
//! A function of [`picture`] draws a picture, and the [`gallery`] of the run lists it. [`html::write`] can
//! therefore build `report.html` at any time from the run's folder alone. `plotters` draws charts as SVG, and
//! `resvg` converts them to PNG with a bundled font (DejaVu Sans): the same numbers give the same bytes on
//! every machine, whatever fonts are installed. The page reacts to its reader by small scripts of this crate, embedded in it;
//! without them it shows the same pictures, still.
//!
//! ```
//! use ae_report::picture::{self, Bar};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("errors.png");
//! let bar = |name: &str, share| Bar { name: name.into(), share, interval: None };
//! picture::bars(&path, &[bar("pressure", 0.7), bar("temperature", 0.3)])?;
//! assert!(path.exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod gallery;
pub mod html;
pub mod picture;

mod chart;
mod clock;
mod decoder;
mod error;
mod explore;
mod number;
mod scale;

pub use decoder::{Component, Decoded, Decoder, DecoderLayer};
pub use error::ReportError;
pub use explore::Samples;
