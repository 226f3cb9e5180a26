//! Real data sets and your own files: downloads, verifies, parses, splits, scales and shuffles them.
//!
//! [`load`] does all of this as a [`DataConfig`] says. Depends on neither libtorch nor any model. Everything
//! random is a pure function of a seed.
//!
//! ```
//! use ae_datasets::{DataConfig, Sources, load};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("rows.csv");
//! # let rows = (0..50).map(|row| format!("{},{},{}\n", row * 3 % 50, row % 7, ["good", "bad"][row % 2]));
//! # std::fs::write(&path, format!("x,y,kind\n{}", rows.collect::<String>()))?;
//!
//! // The name of a set, such as "mnist", or the path of your own file.
//! let config = DataConfig {
//!     set: path.display().to_string(),
//!     label: Some("kind".into()),
//!     validation: 0.25,
//!     ..Default::default()
//! };
//! let data = load(&config, &Sources::from_env(), 1, &mut ae_fetch::Silent)?;
//! assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (30, 10, 10));
//! assert_eq!((data.feature_names, data.label_names), (vec!["x".into(), "y".into()], vec!["bad".into(), "good".into()]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod adbench;
mod archive;
pub mod augment;
mod catalogue;
mod cells;
mod cifar10;
mod config;
mod dataset;
pub mod documents;
mod ecg5000;
mod error;
mod features;
mod from_rows;
#[doc(hidden)]
pub mod fuzzing;
mod idx;
mod images;
mod mat;
mod mnist;
mod movielens;
pub mod moving;
pub mod nab;
mod npy;
mod npz;
pub mod nsl_kdd;
mod olivetti;
mod own;
mod preprocessing;
mod resize;
mod rows;
mod series;
mod sets;
mod shape;
pub mod skab;
mod small_images;
mod sources;
pub mod sparse;
mod split;
mod tables;
pub mod ucr_anomaly;

pub use ae_intake::order::epoch_order;
pub use ae_intake::{Column, Samples, TableError};
pub use ae_records::record::FileRecord;
pub use config::{Color, DataConfig, Protocol, RatingRows};
pub use dataset::Dataset;
pub use error::DataError;
pub use images::{picture, pictures_below, pictures_in, read_picture, read_resized};
pub use movielens::LIKED;
pub use preprocessing::{ConstantData, Preprocessing, Scale};
pub use rows::RawRows;
pub use series::Series;
pub use sets::{CheckedFile, FileState, SetInfo, fetch_set, list, verify_set};
pub use shape::SampleShape;
pub use sources::Sources;

use ae_fetch::Progress;
use sparse::AnyDataset;

/// Whether `config` names the user's own data, not a set of [`list`].
pub fn is_own(config: &DataConfig) -> bool {
    catalogue::find(&config.set).is_err()
}

/// Loads what `config` names: a set, which is fetched first if necessary, or your own file or folder. Splits
/// and limits depend only on `seed`.
///
/// # Errors
/// [`DataError`] if a configured value is out of range, or if the data cannot be fetched, are not valid, or
/// cannot be used. Each error says what would be right.
pub fn load(
    config: &DataConfig,
    sources: &Sources,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<Dataset, DataError> {
    config.validate()?;
    let set = catalogue::find(&config.set);
    let is_rated = set.as_ref().is_ok_and(|set| set.sparse_loader().is_some());
    if config.rows != RatingRows::Users && !is_rated {
        let right = "users, or leave it out: only ratings have other rows";
        return Err(DataError::OutOfRange { key: "rows", value: "items".into(), right });
    }
    let Ok(set) = set else {
        return own::load(config, seed);
    };
    match set.loader() {
        Some(loader) => loader(set, config, sources, seed, progress)?.finish(config, seed),
        None => Err(DataError::NotDense { set: set.name.clone(), instead: set.used_with() }),
    }
}

/// As [`load`], for sets of sparse rows and for moving digits as well; see [`sparse`] and [`moving`].
///
/// # Errors
/// As [`load`].
pub fn load_any(
    config: &DataConfig,
    sources: &Sources,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<AnyDataset, DataError> {
    config.validate()?;
    let set = catalogue::find(&config.set).ok();
    if let Some(set) = set.filter(|set| set.name == moving::NAME) {
        return Ok(AnyDataset::Moving(moving::read(set, config, sources, seed, progress)?));
    }
    match set.and_then(|set| Some((set, set.sparse_loader()?))) {
        Some((set, loader)) => Ok(AnyDataset::Sparse(loader(set, config, sources, seed, progress)?)),
        None => Ok(AnyDataset::Dense(load(config, sources, seed, progress)?)),
    }
}

/// Reads all rows of your own file or folder, unsplit and unscaled, to use a trained model on.
///
/// # Errors
/// As [`load`]. The sets of [`list`] have no path, so this does not read them.
pub fn read(config: &DataConfig) -> Result<RawRows, DataError> {
    config.validate()?;
    own::read(config)
}
