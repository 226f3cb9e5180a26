//! Layers on images.

mod chain;
mod correlate;
mod gradient;
mod layout;
mod map;
mod memory;
mod plane;
mod pooled;
mod resize;
mod steps;
mod taps;
#[cfg(test)]
mod tests;

pub use chain::{ImageChain, Kept};
