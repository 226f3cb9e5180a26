//! Dense layers.

pub(crate) mod activate;
mod chain;
mod layers;
mod narrow;
mod pack;
mod product;
mod row;
#[cfg(test)]
mod tests;

pub(crate) use activate::{activate, add, exp, has_slope_from_result, tanh};
pub use chain::{DenseChain, DenseLayer, Scratch};
pub(crate) use layers::of_parameters;
pub use layers::{DenseLayers, KeptRows};
pub(crate) use pack::{Matrix, Packed};
pub(crate) use product::Finish;
