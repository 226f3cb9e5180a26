//! One file for each variant. A new one is listed here and in [`crate::registry`].

pub mod aae;
pub mod autorec;
pub mod beta_vae;
pub mod classifier;
pub mod contractive;
pub mod conv;
pub mod cvae;
pub mod deep;
pub mod denoising;
pub mod ecg;
pub mod factorised;
pub mod gan;
pub mod hinton;
pub mod iwae;
pub mod linear;
pub mod lstm;
pub mod mae;
pub mod mult_dae;
pub mod mult_vae;
pub mod sparse;
pub mod stacked;
pub mod tcn;
pub mod text;
pub mod vae;
pub mod vanilla;
pub mod vq_vae;
