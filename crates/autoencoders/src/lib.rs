//! Autoencoders in Rust, on libtorch: train, evaluate and use every classic family, reproducibly.
//!
//! This crate gathers the workspace's libraries under one name; [`prelude`] holds what most programs need. The
//! program `ae`, which does the same on the command line, is the package `ae-cli`.
//!
//! An anomaly detector learns from rows that are normal, and judges others:
//!
//! ```
//! # #[cfg(feature = "anomaly")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use autoencoders::anomaly::{Detector, FitConfig, Judgement};
//! use autoencoders::intake::{InputConfig, Table};
//!
//! // Rows of a machine that runs as it should: pressure and temperature follow the speed.
//! let speeds = (0..400).map(|row| (f64::from(row) * 0.618).fract());
//! let rows: String = speeds.map(|v| format!("{v},{},{}\n", 2.0 * v * v, 20.0 + 30.0 * v)).collect();
//! let input = InputConfig::default();
//! let normal = Table::parse(format!("speed,pressure,temperature\n{rows}").as_bytes(), "normal.csv", &input)?;
//! let detector = Detector::fit(&normal, &FitConfig::default())?;
//!
//! // Each value of the second row is usual by itself; full speed without pressure is not.
//! let new = Table::parse(b"speed,pressure,temperature\n0.5,0.5,35\n0.9,0.1,47\n", "new.csv", &input)?;
//! let judgements = detector.judge_table(&new)?;
//! assert!(matches!(judgements[..], [Judgement::Normal(_), Judgement::Anomalous(_)]), "{judgements:?}");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "anomaly"))]
//! # fn main() {}
//! ```
//!
//! # Map
//!
//! | module | what it is for | feature |
//! |---|---|---|
//! | `anomaly` | detectors: fit, judge, explain, save and load | `anomaly` (default) |
//! | `training` | the loop: batches, losses, optimizers, checkpoints, records | `training` |
//! | `models` | every variant, and the forward pass of its networks | `models` |
//! | `network` | a network as data: layers, shapes, parameters, FLOPs | `network` |
//! | `tensor` | devices, seeded noise, likelihoods, divergences, the `ndarray` bridge | `models` |
//! | `datasets` | real data sets: fetch, verify, parse, split, scale | `datasets` |
//! | `intake` | your own file or stream as rows, in bounded memory | `intake` |
//! | `fetch` | verified downloads | `datasets` |
//! | `metrics` | AUROC, AUPRC, PSNR, SSIM, FID, … | `metrics` |
//! | `report` | pictures and the one-file report | `report` |
//! | `evaluation` | presets, and the tasks of `ae eval` and `ae reproduce` | `evaluation` |
//! | `records` | seeds, the run folder, records, configurations | always |
//!
//! A feature brings what it is built on: `anomaly` brings `training` and `metrics`, `training` brings `models` and `datasets`.
//! Without `default-features`, and with no more than `datasets`, `intake`, `metrics`, `network` and `report`, nothing links libtorch.

#[cfg(feature = "anomaly")]
pub use ae_anomaly as anomaly;
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
#[cfg(feature = "training")]
pub use ae_training as training;

pub mod prelude;
