//! Everything about a run apart from its arithmetic: seeds, the run folder and its records, configurations,
//! and atomic file writes. Depends on neither libtorch nor any model.
//!
//! All randomness comes from streams named by (seed, purpose, step), so a resumed run draws the same numbers
//! as an uninterrupted one:
//!
//! ```
//! use ae_records::seed::stream_seed;
//!
//! assert_eq!(stream_seed(0, "shuffle", 3), stream_seed(0, "shuffle", 3));
//! assert_ne!(stream_seed(0, "shuffle", 3), stream_seed(0, "shuffle", 4));
//! ```
//!
//! A configuration is TOML with overrides; an error names the line and what was probably meant:
//!
//! ```
//! use ae_records::config;
//!
//! #[derive(Default, serde::Serialize, serde::Deserialize)]
//! #[serde(default, deny_unknown_fields)]
//! struct Training {
//!     epochs: u64,
//! }
//!
//! let training: Training = config::load("mine.toml", "epochs = 10", &["epochs=50".into()])?;
//! assert_eq!(training.epochs, 50);
//! let error = config::load::<Training>("mine.toml", "epoch = 10", &[]).err().unwrap();
//! assert_eq!(error.to_string(), "mine.toml:1: unknown key `epoch`; did you mean `epochs`?");
//! # Ok::<(), config::ConfigError>(())
//! ```

pub mod arrays;
pub mod blame;
pub mod checkpoint;
pub mod config;
pub mod digest;
pub mod files;
pub mod metrics;
pub mod names;
pub mod record;
pub mod run_dir;
pub mod seed;
pub mod text;
pub mod world;
