//! Networks that variants share.

pub mod adversarial;
pub mod body;
pub mod classify;
pub mod codebook;
pub mod dense;
pub mod point;
pub mod strided;
pub mod variational;
