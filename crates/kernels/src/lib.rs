//! Kernels that train and use convolutional networks on a CPU, without a tensor library.
//!
//! [`ImageChain`] computes layers one after another on a batch of images, forward and backward: convolutions with any
//! kernel, stride and padding, transposed convolutions, max poolings, enlargements, crops, and the ReLU or leaky ReLU
//! behind a convolution. An enlargement before a convolution is never carried out: pixels under a kernel that are the same
//! count once, with the sum of their weights.
//!
//! A vector of the processor holds the same pixel of 8 images (AVX2, portable code) or 16 (AVX-512), so that a network of
//! few channels, which leaves a general library's vectors half empty, uses all of them. The instruction set is chosen at
//! run time ([`Processor`]), the threads by the caller ([`Threads`]).
//!
//! **The same bits every time**: neither the number of threads nor the other images of a batch change a result. On another
//! instruction set, gradients of parameters differ by rounding, because the images of a batch are added in other groups.
//!
//! ```
//! use ae_kernels::{Alone, ImageChain, Processor};
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

mod images;
mod simd;
mod threads;

pub use images::{Gradients, ImageChain, Kept};
pub use simd::Processor;
pub use threads::{Alone, Rayon, Threads};
