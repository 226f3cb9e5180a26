//! Bytes to lines, lines to cells: how a file is written, and what stands in it.

pub(crate) mod cells;
pub mod content;
pub(crate) mod head;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod parse;
pub(crate) mod pieces;
pub(crate) mod recognise;
