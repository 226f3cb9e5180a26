//! Real data sets and your own files: downloaded, verified, parsed, split, scaled, shuffled, batched.
//!
//! [`load`] does it all for what a [`DataConfig`] says; [`Batches`] hands the rows out. Knows nothing of libtorch
//! and of models. All that is random is a pure function of a seed.
//!
//! ```no_run
//! use ae_datasets::{Batches, DataConfig, Sources, epoch_order, load};
//!
//! let config = DataConfig { set: "mnist".into(), validation: 0.1, ..Default::default() };
//! let mnist = load(&config, &Sources::from_env(), 1, &mut ae_fetch::Silent)?;
//! let train = std::sync::Arc::new(mnist.train);
//! for batch in Batches::new(train.clone(), epoch_order(train.len(), 1, 0), 100, 0) {
//!     assert_eq!(batch.values.ncols(), 784);
//! }
//! # Ok::<(), ae_datasets::DataError>(())
//! ```

mod batches;
mod catalogue;
mod config;
mod dataset;
mod ecg5000;
mod error;
mod idx;
mod images;
mod mnist;
pub mod nab;
mod npy;
pub mod nsl_kdd;
mod own;
mod preprocessing;
mod rows;
mod series;
mod sets;
mod shape;
mod sources;
mod split;
mod table;
pub mod ucr_anomaly;

pub use ae_intake as intake;
pub use ae_intake::order::epoch_order;
pub use ae_intake::{Column, Samples, TableError};
pub use ae_records::record::FileRecord;
pub use batches::{Batch, Batches};
pub use config::{Color, DataConfig, Protocol};
pub use dataset::{Dataset, Part};
pub use error::DataError;
pub use preprocessing::{ConstantData, Preprocessing, Scale};
pub use rows::Rows;
pub use series::Series;
pub use sets::{FileVerdict, SetInfo, Verdict, fetch_set, list, verify_set};
pub use shape::SampleShape;
pub use sources::Sources;

use ae_fetch::Progress;

/// Loads what `config` says: a set by name, fetched first if it has to be, or your own file or folder. Splits and
/// limits depend on `seed` and on nothing else.
///
/// # Errors
/// [`DataError`]: a configured value out of range, data that could not be had, are not what they claim to be, or
/// cannot be used; each says what would be right.
pub fn load(
    config: &DataConfig,
    sources: &Sources,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<Dataset, DataError> {
    config.validate()?;
    match catalogue::find(&config.set) {
        Ok(set) if set.name == "ecg5000" => ecg5000::load(set, config, sources, seed, progress),
        Ok(set) if ["mnist", "fashion-mnist"].contains(&set.name.as_str()) => {
            mnist::load(set, config, sources, seed, progress)
        }
        Ok(set) => Err(DataError::NotDense(set.name.clone())),
        Err(_) => own::read(config)?.split(config, seed)?.finish(config, seed),
    }
}

/// Reads all rows of your own file or folder, unsplit and unscaled: what a trained model is to be used on.
///
/// # Errors
/// As [`load`]. The sets of [`list`] have no path and are not read by this.
pub fn read(config: &DataConfig) -> Result<Rows, DataError> {
    config.validate()?;
    own::read(config)
}
