//! The targets, by what they parse.

pub(crate) mod arrays;
pub(crate) mod cells;
pub(crate) mod content;
pub(crate) mod numbers;
pub(crate) mod schema;
pub(crate) mod settings;
pub(crate) mod tables;
pub(crate) mod tensors;
