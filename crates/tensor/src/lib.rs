//! The numerical ground of the workspace, on libtorch: devices and threads, seeded noise, conversions to and
//! from `ndarray`, likelihoods, divergences and penalties (each formula has its one home here), initialisers,
//! and optimizers whose state lies in our hands.
//!
//! Letters in shapes: `B` batch, `C H W` image, `T F` sequence, `D` features or latents, `K` codes.

#![expect(unsafe_code, reason = "this crate alone speaks to libtorch's C++ through `native/`")]

pub mod activation;
pub mod adversarial;
pub mod array;
pub mod chain;
pub mod device;
pub mod distance;
pub mod divergence;
pub mod init;
pub mod likelihood;
pub mod noise;
pub mod optimizer;
pub mod penalty;

mod native;

pub use activation::Activate;
pub use chain::DenseChain;
pub use device::DeviceChoice;
pub use distance::Distance;
pub use likelihood::Likelihood;
pub use native::TorchError;
pub use noise::Noise;
pub use optimizer::{Optimizer, OptimizerConfig};
// Likelihoods and chains of dense layers speak of it.
pub use ae_network::Activation;
// Whoever uses this crate needs the very `tch` that it was built with.
pub use tch;
pub use tch::{Device, Kind, Tensor};
