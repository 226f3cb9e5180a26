//! Pictures and the one-file HTML report of a run. Reads records and plain arrays; knows neither libtorch nor
//! any model.
//!
//! A picture is drawn by a function of [`picture`] and entered in the [`gallery`] of the run, so that
//! [`html::write`] can build `report.html` at any time from the run's folder alone. Charts are drawn by
//! `plotters` as SVG and turned into PNG by `resvg` with a font of their own (DejaVu Sans): the same numbers
//! give the same bytes on every machine, whatever fonts it has.
//!
//! ```
//! use ae_report::picture::{self, Bar};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("errors.png");
//! let bar = |name: &str, share| Bar { name: name.into(), share, spread: 0.02 };
//! picture::bars(&path, &[bar("pressure", 0.7), bar("temperature", 0.3)])?;
//! assert!(path.exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod gallery;
pub mod html;
pub mod picture;

mod chart;
mod error;
mod number;

pub use error::ReportError;
