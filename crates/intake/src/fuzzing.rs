//! Parsers of single cells, for the fuzz targets only: no part of the public interface.

pub use crate::columns::stamps::parse as parse_stamp;
pub use crate::text::cells::{Cell, parse as parse_cell};
