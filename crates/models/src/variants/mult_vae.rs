//! Mult-VAE (Liang, Krishnan, Hoffman & Jebara, WWW 2018): what users like as counts, with a variational autoencoder.
//!
//! Minimises `E_q[-log p(x|z)] + β · KL(q(z|x) ‖ N(0, I))` with the multinomial likelihood `log p = Σ x_i log π_i`,
//! `π = softmax(f(z))` (equations 2 and 6): what a user likes competes for probability, which is close to ranking it.
//! The encoder sees each row at length one, in training without a share of it, and β rises to less than 1: the model
//! need not draw new users, only complete known ones.
//!
//! Use it to rank what a user may like, from likes, clicks or purchases; it knows users that come after training. For
//! the stars that a user would give, train [`super::autorec`].

use crate::blocks::body::Body;
use crate::blocks::preferences::{normalised, shown, totals};
use crate::blocks::variational::{Kl, Span, Targets, Variational, VariationalConfig};
use crate::model::{Autoencoder, Batch, Code, DataSummary, Losses, Model, ModelError, Pass};
use crate::network::Network;
use crate::registry::{Variant, check_dropout, widths};
use ae_tensor::divergence::DiagonalGaussian;
use ae_tensor::{Activation, Likelihood, Noise, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of Mult-VAE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths between likes and latents; the decoder uses them in reverse.
    pub hidden: Vec<i64>,
    /// Width of the latent space, `D`; at least 1.
    pub latent: i64,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Share of a row that the encoder does not see in training, in `[0, 1)`.
    pub dropout: f64,
    /// The KL term: β as its weight, annealed by its `warm_up`.
    pub kl: Kl,
}

impl Default for Config {
    fn default() -> Self {
        let kl = Kl { weight: 0.2, warm_up: Some(Span::Share(0.8)), ..Kl::default() };
        Config { hidden: vec![600], latent: 200, activation: Activation::Tanh, dropout: 0.5, kl }
    }
}

impl Variant for Config {
    const NAME: &'static str = "mult_vae";
    const ABOUT: &'static str = "likes ranked by a variational autoencoder with a multinomial likelihood";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let Config { latent, activation, dropout, kl, .. } = *self;
        widths(Self::NAME, "hidden", &self.hidden)?;
        check_dropout(Self::NAME, "dropout", dropout)?;
        let config = VariationalConfig {
            variant: Self::NAME,
            encoder: Body::dense(self.hidden.clone()),
            decoder: None,
            latent,
            activation,
            likelihood: Likelihood::Multinomial,
            targets: Targets::Grey,
            kl,
        };
        Ok(Box::new(MultVae { inner: Variational::new(&config, data, noise)?, dropout }))
    }
}

#[derive(Debug)]
struct MultVae {
    inner: Variational,
    dropout: f64,
}

impl Model for MultVae {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        self.inner.networks()
    }

    fn objective(&self) -> &'static str {
        self.inner.objective()
    }

    fn predicts(&self) -> bool {
        true
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let input = shown(batch.input(), self.dropout, pass);
        let posterior = DiagonalGaussian::from_output(&self.inner.encoder.forward_in(&input, pass));
        let latents = self.inner.draw(&posterior, &pass.noise);
        let output = self.inner.decoder.forward_in(&latents, pass);
        self.inner.elbo_losses(&output, &batch.values, batch.observed.as_ref(), &posterior, pass)
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for MultVae {
    fn encode(&self, x: &Tensor) -> Code {
        self.inner.encode(&normalised(x))
    }

    /// Shares of each row's total, which sum to 1.
    fn decode(&self, code: &Tensor) -> Tensor {
        self.inner.decode(code)
    }

    fn reconstruct(&self, x: &Tensor) -> Tensor {
        self.decode(self.encode(x).point()) * totals(x)
    }

    fn code_size(&self) -> i64 {
        self.inner.code_size()
    }
}
