//! Parsers of arrays, for the fuzz targets only: no part of the public interface.

pub use crate::idx::{Idx, parse as parse_idx};
pub use crate::npy::{Npy, parse as parse_npy};

use crate::adbench::{self, LabelledRows};

/// Reads an archive of `X` and `y`.
pub fn parse_labelled_rows(content: &[u8]) -> Result<LabelledRows, String> {
    adbench::parse(content, "", Vec::new())
}
