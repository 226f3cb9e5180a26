//! How probable the latents of a picture are, and storing them.

use crate::density::Density;
use crate::error::CodingError;
use crate::hyper::{HyperCoder, HyperPrior};
use crate::range::{Decoder, Encoder};
use crate::table::{Table, quantised};

/// How probable latents `[M, h, w]` are.
#[derive(Clone, Debug, PartialEq)]
pub enum Prior {
    /// Each by the density of its channel alone (Ballé, Laparra & Simoncelli, ICLR 2017): `M` densities.
    Factorised(Vec<Density>),
    /// Each given what is stored before it.
    Hyper(Box<HyperPrior>),
}

/// Stores latents that are rounded to multiples of a step, by a prior.
#[derive(Debug)]
pub struct LatentCoder<'p> {
    step: f64,
    method: Method<'p>,
}

#[derive(Debug)]
enum Method<'p> {
    Factorised(Vec<Table>),
    Hyper(Box<HyperCoder<'p>>),
}

impl Prior {
    /// For latents that are rounded to multiples of `step`, which is above 0.
    pub fn at(&self, step: f64) -> LatentCoder<'_> {
        let method = match self {
            Prior::Factorised(densities) => {
                let table = |density: &Density| Table::of_cdf(|x| density.cdf(x * step));
                Method::Factorised(densities.iter().map(table).collect())
            }
            Prior::Hyper(prior) => Method::Hyper(Box::new(HyperCoder::new(prior, step))),
        };
        LatentCoder { step, method }
    }
}

impl LatentCoder<'_> {
    /// Stores latents `[M, h, w]` of this height and width; `side` are the side latents `[N, ⌈h/2⌉, ⌈w/2⌉]`, none for a prior
    /// that has none.
    ///
    /// # Panics
    /// If there are fewer values than the sizes say.
    pub fn encode(&self, encoder: &mut Encoder, latents: &[f32], side: &[f32], size: [usize; 2]) {
        self.visit(latents, side, size, &mut |value, table| encoder.put(value, table));
    }

    /// What [`Self::encode`] takes, as the prior sees it: the sum of `-log₂ P`.
    ///
    /// # Panics
    /// As there.
    pub fn bits(&self, latents: &[f32], side: &[f32], size: [usize; 2]) -> f64 {
        let mut bits = 0.0;
        self.visit(latents, side, size, &mut |value, table| bits += table.bits(value));
        bits
    }

    /// The latents `[M, h, w]` that were stored, rounded.
    ///
    /// # Errors
    /// If the bytes cannot come from the same prior and step.
    pub fn decode(&self, decoder: &mut Decoder, size: [usize; 2]) -> Result<Vec<f32>, CodingError> {
        match &self.method {
            Method::Factorised(tables) => {
                let mut latents = Vec::with_capacity(tables.len() * size[0] * size[1]);
                for table in tables {
                    for _ in 0..size[0] * size[1] {
                        latents.push((f64::from(decoder.get(table)?) * self.step) as f32);
                    }
                }
                Ok(latents)
            }
            Method::Hyper(coder) => coder.decode(size, &mut |table| decoder.get(table)),
        }
    }

    fn visit(&self, latents: &[f32], side: &[f32], size: [usize; 2], put: &mut dyn FnMut(i32, &Table)) {
        match &self.method {
            Method::Factorised(tables) => {
                for (channel, table) in latents.chunks((size[0] * size[1]).max(1)).zip(tables) {
                    channel.iter().for_each(|&latent| put(quantised(f64::from(latent) / self.step), table));
                }
            }
            Method::Hyper(coder) => coder.visit(latents, side, size, put),
        }
    }
}

#[cfg(test)]
#[path = "prior_tests.rs"]
mod tests;
