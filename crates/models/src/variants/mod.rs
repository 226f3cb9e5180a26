//! One file for each variant. A new one is listed here and in [`crate::registry`].

pub mod beta_vae;
pub mod cvae;
pub mod deep;
pub mod denoising;
pub mod ecg;
pub mod iwae;
pub mod lstm;
pub mod mae;
pub mod tcn;
pub mod vae;
pub mod vanilla;
