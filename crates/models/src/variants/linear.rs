//! The linear autoencoder (Baldi & Hornik, "Neural networks and principal component analysis", Neural
//! Networks 1989).
//!
//! Minimises `mean (x - x̂)²`, `x̂ = W' (W x + b) + b'`: no activation anywhere. Its least error is that of
//! principal component analysis with as many components, and there the columns of `W'` span the same space as
//! the first principal axes (Baldi & Hornik, section 3); `b'` absorbs the mean, so the data need no centring.
//!
//! Use it as a check on everything else, for an error that is known in advance, and for data too large for an
//! eigendecomposition. Otherwise PCA itself is faster, and its axes are ordered.

use crate::blocks::{dense, point::PointAutoencoder};
use crate::model::{DataSummary, Model, ModelError};
use crate::registry::{Variant, at_least_one};
use ae_tensor::{Activation, Noise, ReconstructionLoss};
use serde::{Deserialize, Serialize};

/// Settings of the linear autoencoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Width of the code.
    pub code: i64,
}

impl Default for Config {
    fn default() -> Self {
        Config { code: 30 }
    }
}

impl Variant for Config {
    const NAME: &'static str = "linear";
    const ABOUT: &'static str = "no activations: finds the space of the first principal components";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        at_least_one(Self::NAME, "code", self.code)?;
        let encoder = dense::encoder(&[self.code], Activation::Identity, Activation::Identity);
        let decoder = dense::decoder(&[], Activation::Identity, &data.shape);
        let loss = ReconstructionLoss::MeanSquared;
        Ok(Box::new(PointAutoencoder::new(encoder, decoder, Activation::Identity, loss, data, noise)?))
    }
}
