//! Layers on images.

mod chain;
mod correlate;
mod gradient;
mod layout;
mod map;
mod memory;
mod mixing;
mod plane;
mod pooled;
mod resize;
mod single;
mod steps;
mod taps;
#[cfg(test)]
mod tests;

pub use chain::{ImageChain, Kept};
