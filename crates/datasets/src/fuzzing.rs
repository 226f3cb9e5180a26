//! Parsers of arrays, for the fuzz targets only: no part of the public interface.

pub use crate::idx::{Idx, parse as parse_idx};
pub use crate::npy::{Npy, parse as parse_npy};
