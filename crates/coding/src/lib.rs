//! The lean half of learned compression: from quantised numbers and their probabilities to bytes and back.
//!
//! A neural network decides what is stored; this crate stores it. [`Density`] is the learned density of one channel
//! (Ballé, Minnen, Singh, Hwang & Johnston, "Variational image compression with a scale hyperprior", ICLR 2018, appendix
//! 6.1), [`Table`] its probabilities as integers, [`Encoder`] and [`Decoder`] the range coder, and [`Container`] the file.
//! [`Prior`] says how probable the latents of a picture are: each by itself, or given those before it ([`HyperPrior`]).
//! [`BitsBack`] stores images without loss by a variational autoencoder.
//!
//! A decoder needs the very probabilities of the encoder: a difference in the last bit would garble all that follows.
//! Densities are therefore computed here in double precision, in a fixed order and with the functions of `libm`, so that
//! the tables are the same on every machine. No libtorch is linked.
//!
//! ```
//! use ae_coding::{Decoder, Encoder, Table};
//!
//! let table = Table::of_cdf(|x| 1.0 / (1.0 + (-x).exp())); // a logistic density
//! let mut encoder = Encoder::default();
//! for value in [0, -1, 3, 900] {
//!     encoder.put(value, &table);
//! }
//! let bytes = encoder.into_bytes();
//! let mut decoder = Decoder::new(&bytes);
//! let values: Vec<_> = (0..4).map(|_| decoder.get(&table)).collect::<Result<_, _>>()?;
//! assert_eq!(values, [0, -1, 3, 900]);
//! # Ok::<(), ae_coding::CodingError>(())
//! ```

mod bits_back;
mod container;
mod dense;
mod density;
mod error;
mod hyper;
mod prior;
mod range;
mod stack;
mod table;

pub use bits_back::{BitsBack, Values};
pub use container::{Container, MAX_PICTURES, MAX_PIXELS, Picture};
pub use dense::{DenseLayer, DenseNetwork};
pub use density::{Density, DensityLayer};
pub use error::CodingError;
pub use hyper::{HyperPrior, KNOWN, SIDE_STRIDE, side_size};
pub use prior::{LatentCoder, Prior};
pub use range::{Decoder, Encoder};
pub use table::{Table, VALUES};
