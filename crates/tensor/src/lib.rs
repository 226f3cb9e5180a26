//! Numerical building blocks on libtorch: devices and threads, seeded noise, conversions to and from
//! `ndarray`, likelihoods, divergences and penalties (each formula is defined only here), initialisers, and
//! optimizers whose state can be saved.
//!
//! Letters in shapes: `B` batch, `C H W` image, `T F` sequence, `D` features or latents, `K` codes.
//!
//! ```
//! use ae_tensor::{Device, Kind, Likelihood, Noise, Tensor, array, divergence::DiagonalGaussian};
//!
//! // A draw is a function of seed, step and purpose; no other state is read or changed.
//! let noise = Noise::new(7, 0, Device::Cpu);
//! assert_eq!(noise.normal("latents", &[4, 2]), noise.normal("latents", &[4, 2]));
//!
//! // Two terms of a variational bound, in nats for each of four samples.
//! let (logits, targets) = (Tensor::zeros([4, 3], (Kind::Float, Device::Cpu)), noise.mask("bits", &[4, 3], 0.5));
//! let missed = Likelihood::Bernoulli.negative_log_prob(&logits, &targets);
//! assert!(array::to_vec(&missed).iter().all(|nats| (nats - 3.0 * 2f64.ln()).abs() < 1e-6));
//! let posterior = DiagonalGaussian::from_output(&Tensor::zeros([4, 4], (Kind::Float, Device::Cpu)));
//! assert_eq!(array::to_vec(&posterior.kl_to_standard()), [0.0; 4]);
//! ```

#![expect(
    unsafe_code,
    reason = "only this crate calls libtorch's C++, through `native/`, and lends it kernels and threads"
)]

pub mod activation;
pub mod adversarial;
pub mod array;
pub mod chain;
pub mod colour;
pub mod device;
pub mod distance;
#[cfg(all(feature = "distributed", not(feature = "doc-only")))]
pub mod distributed;
pub mod divergence;
pub mod init;
pub mod kernels;
pub mod likelihood;
pub mod loss;
pub mod mixture;
pub mod noise;
pub mod operation;
pub mod optimizer;
pub mod pca;
pub mod penalty;
pub mod tape;
pub mod workers;

mod adam;
mod native;
mod threads;

pub use activation::Activate;
pub use chain::DenseChain;
pub use device::DeviceChoice;
pub use distance::Distance;
pub use kernels::Kernels;
pub use likelihood::Likelihood;
pub use loss::ReconstructionLoss;
pub use mixture::{GaussianMixture, MixtureConfig, MixtureError};
pub use native::TorchError;
pub use noise::Noise;
pub use optimizer::{Optimizer, OptimizerConfig};
pub use pca::{Pca, Projection};
pub use tape::Tape;
pub use threads::Libtorch;
pub use workers::{Workers, WorkersError};
// Used by likelihoods and dense chains.
pub use ae_network::Activation;
// Users of this crate need the same `tch` that it was built with.
pub use tch;
pub use tch::{Device, Kind, Tensor};
