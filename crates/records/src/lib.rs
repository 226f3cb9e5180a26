//! What a run is, apart from its arithmetic: seeds, the run directory, the records in it, and files that are
//! written whole or not at all. Knows neither libtorch nor any model.

pub mod config;
pub mod files;
pub mod metrics;
pub mod record;
pub mod run_dir;
pub mod seed;
