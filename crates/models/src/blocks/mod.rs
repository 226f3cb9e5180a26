//! Building blocks that variants share.

pub mod adversarial;
pub mod body;
pub mod classify;
pub mod code_prior;
pub mod codebook;
pub mod dead_units;
pub mod dense;
pub mod handover;
pub mod hyperprior;
pub mod patches;
pub mod point;
pub(crate) mod preferences;
pub mod recurrent;
pub mod strided;
pub mod unet;
pub mod variational;
