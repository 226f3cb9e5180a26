//! Reads a file or stream of any length, line by line or in blocks, in bounded memory.

pub(crate) mod block;
mod empty;
pub(crate) mod grouped;
mod in_order;
pub(crate) mod odd_times;
mod open;
pub(crate) mod reader;
mod recent;
pub(crate) mod windower;
