//! The KL term between posterior and prior, and how it changes during training.

use crate::model::{ModelError, Pass, Phase};
use crate::registry::out_of_range;
use ae_tensor::divergence::{DiagonalGaussian, free_bits};
use ae_tensor::{Kind, Tensor};
use serde::{Deserialize, Serialize};

/// Settings of the KL term. The defaults are those of the evidence lower bound: weight 1 throughout.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kl {
    /// β: 1 is the bound itself, a larger weight presses information out of the latents (Higgins et al.,
    /// 2017), a smaller one lets more in; 0: no KL term.
    pub weight: f64,
    /// How long the weight rises linearly from 0; absent: full weight from the start (Bowman et al., 2016,
    /// section 3.1; Sønderby et al., 2016).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Span>,
    /// Nats, in the mean over a batch, below which reducing a latent dimension gains nothing (Kingma et al.,
    /// 2016, equation 15); 0: none.
    pub free_bits: f64,
    /// Asks for an amount of information instead of as little as possible; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
}

/// `weight · |KL - C|`, `C` rising linearly from 0 to `nats` (Burgess et al., 2018, equation 8).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// The final `C`.
    pub nats: f64,
    /// How long it rises.
    pub rise: Span,
}

/// A part of the run, from its start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Span {
    /// This many steps.
    Steps(u64),
    /// This share of all steps; between 0 and 1.
    Share(f64),
}

impl Default for Kl {
    fn default() -> Self {
        Kl { weight: 1.0, warm_up: None, free_bits: 0.0, capacity: None }
    }
}

impl Span {
    /// The share of the span that is over before this step, in [0, 1]; 1 in an evaluation.
    pub fn done(self, pass: &Pass) -> f64 {
        let done = match (self, pass.phase) {
            (_, Phase::Evaluation) => 1.0,
            (Span::Steps(steps), Phase::Training { step, .. }) => step as f64 / steps.max(1) as f64,
            (Span::Share(share), _) => pass.progress() / share.max(f64::MIN_POSITIVE),
        };
        done.min(1.0)
    }

    fn is_legal(self) -> bool {
        match self {
            Span::Steps(_) => true,
            Span::Share(share) => (0.0..=1.0).contains(&share),
        }
    }
}

impl Kl {
    /// Whether the term is the divergence itself at every step.
    pub fn is_plain(&self) -> bool {
        *self == Kl::default()
    }

    /// The KL term of the batch at this step: a scalar.
    pub fn price(&self, posterior: &DiagonalGaussian, pass: &Pass) -> Tensor {
        let kl = match self.capacity {
            _ if self.free_bits > 0.0 => {
                let each = posterior.kl_to_standard_per_dimension();
                let means = each.mean_dim([0i64].as_slice(), false, None::<Kind>);
                free_bits(&pass.over_batch(means).unsqueeze(0), self.free_bits)
            }
            Some(Capacity { nats, rise }) => {
                let mean = pass.over_batch(posterior.kl_to_standard().mean(None::<Kind>));
                (mean - nats * rise.done(pass)).abs()
            }
            None => posterior.kl_to_standard().mean(None::<Kind>),
        };
        kl * self.factor(pass)
    }

    /// What the divergence is multiplied by at this step, if the term is nothing but a multiple of its mean.
    pub fn multiple(&self, pass: &Pass) -> Option<f64> {
        (self.free_bits <= 0.0 && self.capacity.is_none()).then(|| self.factor(pass))
    }

    fn factor(&self, pass: &Pass) -> f64 {
        self.weight * self.warm_up.map_or(1.0, |span| span.done(pass))
    }

    pub(crate) fn check(&self, variant: &'static str) -> Result<(), ModelError> {
        let Kl { weight, warm_up, free_bits, capacity } = *self;
        let number = |setting, value: f64| {
            let fine = value >= 0.0 && value.is_finite();
            if fine { Ok(()) } else { Err(out_of_range(variant, setting, &value.to_string(), "0 or more")) }
        };
        let span = |setting, span: Option<Span>| {
            let wrong = span.filter(|span| !span.is_legal());
            wrong.map_or(Ok(()), |span| {
                let legal = "a number of steps, or a share of the run between 0 and 1";
                Err(out_of_range(variant, setting, &format!("{span:?}").to_lowercase(), legal))
            })
        };
        number("kl.weight", weight)?;
        number("kl.free_bits", free_bits)?;
        number("kl.capacity.nats", capacity.map_or(0.0, |c| c.nats))?;
        span("kl.warm_up", warm_up)?;
        span("kl.capacity.rise", capacity.map(|c| c.rise))?;
        if free_bits > 0.0 && capacity.is_some() {
            let legal = "0 if a capacity is set, because each of them sets an amount of information";
            return Err(out_of_range(variant, "kl.free_bits", &free_bits.to_string(), legal));
        }
        Ok(())
    }
}
