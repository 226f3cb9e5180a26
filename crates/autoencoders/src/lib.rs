//! Autoencoders in Rust, on libtorch: train, evaluate and use every classic family, reproducibly.
//!
//! This crate gathers the workspace's libraries under one name; [`prelude`] holds what most programs need. The
//! program `ae`, which does the same on the command line, is the package `ae-cli`.
//!
//! An anomaly detector learns from normal rows and judges new ones:
//!
//! ```
//! # #[cfg(feature = "anomaly")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use autoencoders::ndarray::{Array2, array};
//! use autoencoders::prelude::*;
//!
//! // Rows from a machine in normal operation: pressure and temperature follow the speed.
//! let speed = |row: usize| (row as f32 * 0.618).fract();
//! let rows = Array2::from_shape_fn((400, 3), |(row, column)| match column {
//!     0 => speed(row),
//!     1 => 2.0 * speed(row).powi(2),
//!     _ => 20.0 + 30.0 * speed(row),
//! });
//! let table = Table::from_array(rows.view(), &["speed", "pressure", "temperature"])?; // or from_csv, from_reader
//! let detector = Detector::fit(&table, &FitConfig::default())?;
//!
//! // Each value of the second row is normal by itself; high speed without pressure is not.
//! let new = array![[0.5, 0.5, 35.0], [0.9, 0.1, 47.0]];
//! let judgements = detector.judge(new.view())?;
//! assert!(matches!(judgements[..], [Judgement::Normal(_), Judgement::Anomalous(_)]), "{judgements:?}");
//!
//! let path = std::env::temp_dir().join(format!("detector-{}.safetensors", std::process::id()));
//! detector.save(&path)?;
//! assert_eq!(Detector::load(&path)?.judge(new.view())?, judgements);
//! # std::fs::remove_file(&path)?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "anomaly"))]
//! # fn main() {}
//! ```
//!
//! A model is trained on rows in a few named steps:
//!
//! ```
//! # #[cfg(feature = "training")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use autoencoders::models::variants::vae;
//! use autoencoders::ndarray::Array2;
//! use autoencoders::prelude::*;
//!
//! // 60 rows of 8 numbers: bumps at different places.
//! let rows = Array2::from_shape_fn((60, 8), |(row, i)| (-((i as f32 - (row % 8) as f32) / 2.0).powi(2)).exp());
//!
//! let data = Dataset::from_rows(rows)?.hold_out(0.1, 0.2, 0)?.scaled(Scale::MinMax)?;
//! let model = vae::Config { latent: 2, ..Default::default() }.build(&data.summary(), 0)?;
//! let outcome = train(&model, &data, &TrainingConfig { epochs: 2, ..Default::default() })?;
//! assert_eq!(outcome.epochs, 2);
//!
//! let path = std::env::temp_dir().join(format!("model-{}.safetensors", std::process::id()));
//! model.save(&path)?;
//! # std::fs::remove_file(&path)?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "training"))]
//! # fn main() {}
//! ```
//!
//! # In a crate of your own
//!
//! This crate can be the only dependency. To build it, set `LIBTORCH` to the folder of libtorch (`cargo xtask setup` puts
//! one into `.libtorch/libtorch` of the checkout), or `LIBTORCH_USE_PYTORCH=1` to take that of an installed PyTorch.
//! `cargo run` and `cargo test` need nothing else. A program that you start without cargo finds libtorch if your crate
//! has this `build.rs`:
//!
//! ```ignore
//! fn main() {
//!     println!("cargo:rustc-link-arg=-Wl,-rpath,{}", std::env::var("DEP_AUTOENCODERS_LIBTORCH").unwrap());
//! }
//! ```
//!
//! # Map
//!
//! | module | purpose | feature |
//! |---|---|---|
//! | `anomaly` | detectors: fit, judge, explain, save and load | `anomaly` (default) |
//! | `training` | the loop: batches, losses, optimizers, checkpoints, records | `training` |
//! | `models` | every variant, and the forward pass of its networks | `models` |
//! | `network` | a network as data: layers, shapes, parameters, FLOPs | `network` |
//! | `coding` | learned densities, range coding, the file of compressed pictures | `coding` |
//! | `tensor` | devices, seeded noise, likelihoods, divergences, the `ndarray` bridge | `models` |
//! | `datasets` | real data sets: fetch, verify, parse, split, scale | `datasets` |
//! | `intake` | your own file or stream as rows, in bounded memory | `intake` |
//! | `fetch` | verified downloads | `datasets` |
//! | `metrics` | AUROC, AUPRC, PSNR, SSIM, FID, … | `metrics` |
//! | `report` | pictures and the one-file report | `report` |
//! | `evaluation` | presets, and the tasks of `ae eval` and `ae reproduce` | `evaluation` |
//! | `records` | seeds, the run folder, records, configurations | always |
//! | `ndarray`, `tch`, `serde`, `serde_json` | the crates whose types appear in public functions, in the version that fits | those that need them |
//!
//! A feature enables those it is built on: `anomaly` enables `training` and `metrics`, `training` enables
//! `models` and `datasets`. Without default features, and with only `coding`, `datasets`, `intake`,
//! `metrics`, `network` and `report`, nothing links libtorch.

#[cfg(feature = "anomaly")]
pub use ae_anomaly as anomaly;
#[cfg(feature = "coding")]
pub use ae_coding as coding;
#[cfg(feature = "datasets")]
pub use ae_datasets as datasets;
#[cfg(feature = "evaluation")]
pub use ae_evaluation as evaluation;
#[cfg(feature = "datasets")]
pub use ae_fetch as fetch;
#[cfg(feature = "intake")]
pub use ae_intake as intake;
#[cfg(feature = "metrics")]
pub use ae_metrics as metrics;
#[cfg(feature = "models")]
pub use ae_models as models;
#[cfg(feature = "network")]
pub use ae_network as network;
pub use ae_records as records;
#[cfg(feature = "report")]
pub use ae_report as report;
#[cfg(feature = "models")]
pub use ae_tensor as tensor;
#[cfg(feature = "models")]
pub use ae_tensor::tch;
#[cfg(feature = "training")]
pub use ae_training as training;
#[cfg(any(feature = "intake", feature = "metrics", feature = "models", feature = "report"))]
pub use ndarray;
pub use serde;
pub use serde_json;

pub mod prelude;
