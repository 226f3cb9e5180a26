//! Splits bytes into lines and lines into cells, and recognises how a file is written.

pub(crate) mod cells;
pub mod content;
pub(crate) mod head;
pub(crate) mod json;
pub(crate) mod kept;
pub(crate) mod lines;
pub(crate) mod missing;
pub(crate) mod parse;
pub(crate) mod pieces;
pub(crate) mod quotes;
pub(crate) mod recognise;
pub(crate) mod target;
pub(crate) mod units;
pub(crate) mod written;
