//! Kernels that train and use networks on a CPU, without a tensor library.
//!
//! Each is an [`Operation`], forward and backward:
//!
//! - [`ImageChain`]: layers on images one after another: convolutions with any kernel, stride and padding, transposed
//!   convolutions, max poolings, enlargements, crops, and the ReLU or leaky ReLU behind a convolution. A vector of the
//!   processor holds the same pixel of 8 images (AVX2, portable code) or 16 (AVX-512), so that a network of few channels,
//!   which leaves a general library's vectors half empty, uses all of them. An enlargement before a convolution is never
//!   carried out: pixels under a kernel that are the same count once, with the sum of their weights. Without a backward pass,
//!   a few images are taken one by one, with channels in the vectors: one image takes a tenth as long as eight or sixteen.
//! - [`DenseLayers`]: dense layers one after another. Bias, activation and its slope are computed where the sums are still in
//!   the nearest cache. [`DenseChain`] has the same with fixed weights, for single rows and for millions.
//! - [`Recurrence`]: a layer of long short-term memory. A thread takes some rows of the batch through all steps, and an input
//!   that is the same at each step is multiplied once.
//! - [`Transformer`]: a block of a transformer. A thread takes some samples through the whole block.
//! - [`Posterior`]: the draw of a variational autoencoder, and its divergence from the prior.
//! - [`Loss`]: squared and absolute errors and the cross-entropy of logits, with the output's activation, in one walk.
//!
//! [`AdamStep`] changes all parameters of a network with their gradients. [`uniform`] and [`normal`] draw the numbers that
//! libtorch draws.
//!
//! The instruction set is chosen at run time ([`Processor`]), the threads by the caller ([`Threads`]).
//!
//! **The same bits every time**: neither the number of threads nor the other samples of a batch change a result. There is one
//! exception: images that are few enough to be taken one by one differ by rounding from the same ones in a larger batch. On
//! another instruction set, results differ by rounding, too: sums over a batch of images are made of other groups, and portable
//! code rounds a product before it is added.
//!
//! ```
//! use ae_kernels::{Alone, ImageChain, Operation, Processor};
//! use ae_network::{Activation, Layer};
//!
//! let layers = [
//!     Layer::Conv2d { channels: 1, kernel: 1, stride: 1, padding: 0 },
//!     Layer::Activation(Activation::Relu),
//!     Layer::MaxPool2d { kernel: 2, ceil: false },
//! ];
//! let (chain, taken) = ImageChain::starting(&layers, [1, 2, 2], Processor::of_this_machine()).expect("it convolves");
//! assert_eq!((taken, chain.output_shape()), (3, [1, 1, 1]));
//! let (weight, bias, images) = ([2.0], [0.5], [1.0, -3.0, 4.0, 0.0]);
//! let mut result = [0.0];
//! chain.forward(&[&weight, &bias], &images, &mut result, &Alone);
//! assert_eq!(result, [8.5]);
//! ```
//!
//! For whole models use the `autoencoders` crate, which calls these kernels where they are faster than libtorch.

#![expect(unsafe_code, reason = "the processor's vector instructions work on pointers")]

mod adam;
mod attention;
mod dense;
mod images;
mod losses;
mod operation;
mod posterior;
mod random;
mod recurrence;
mod simd;
mod slices;
#[cfg(test)]
mod testing;
mod threads;

pub use adam::{AdamStep, Moments};
pub use attention::{KeptTokens, Transformer};
pub use dense::{DenseChain, DenseLayer, DenseLayers, KeptRows, Scratch};
pub use images::{ImageChain, Kept};
pub use losses::{KeptSlopes, Loss, Reduction, ValueLoss};
pub use operation::{Gradients, Operation};
pub use posterior::{KeptDeviations, Posterior};
pub use random::{normal, uniform};
pub use recurrence::{KeptSteps, Recurrence};
pub use simd::Processor;
pub use threads::{Alone, Rayon, Threads};
