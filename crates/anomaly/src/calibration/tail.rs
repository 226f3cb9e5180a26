//! Fits the tail of normal scores by extreme value theory (peaks over a threshold).
//!
//! This reaches alarm rates below what the number of calibration rows can show (Siffer, Fouque, Termier &
//! Largouet, 2017, "Anomaly detection in streams with extreme value theory", sections 2 and 4; Pickands,
//! 1975; Balkema & de Haan, 1974).
//!
//! Excesses `y` over a high quantile `t` follow a generalised Pareto distribution:
//! `P(Y > y) = (1 + ξ y / σ)^(-1/ξ)`. With `k` excesses among `n` scores, the score exceeded at rate `q` is
//! `t + σ / ξ · ((q n / k)^(-ξ) - 1)`.
//!
//! Such a threshold is an extrapolation, so a fit is refused unless it has enough excesses, a shape in (-0.5,
//! 0.5), the same shape further out in the tail, and excesses that look like draws from the fit.

use ae_records::seed::stream_rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Fewest excesses for a fit.
pub const EXCESSES: usize = 30;
/// A fit is refused unless its absolute shape is below this. Above, the variance is infinite; below the
/// negative, maximum likelihood is not regular (Smith, 1985).
const SHAPE: f64 = 0.5;
/// Most standard errors by which the shapes of two tails may differ.
const STABLE: f64 = 3.0;
/// Bootstrap samples, the p-value at or below which a fit is refused, and the most excesses that are checked.
const SAMPLES: u64 = 199;
const REFUSED: f64 = 0.01;
const LOOKED_AT: usize = 1000;

/// A generalised Pareto distribution of excesses, starting at 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pareto {
    /// `ξ`: 0 for the exponential distribution, above 0 for a heavier tail, below 0 for a bounded one.
    pub shape: f64,
    /// `σ`, above 0, in the unit of the scores.
    pub scale: f64,
}

/// A tail that passed the checks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tail {
    /// Where the tail starts: the score at the configured quantile.
    pub start: f64,
    /// The fitted distribution of the excesses.
    pub pareto: Pareto,
    /// Number of excesses.
    pub excesses: usize,
    /// Number of scores, including the excesses.
    pub scores: usize,
    /// Bootstrap probability of a worse fit.
    pub p_value: f64,
}

/// Why a tail cannot be extrapolated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TailError {
    /// Too few excesses to fit.
    #[error(
        "{got} scores lie above the quantile {tail}, but fitting a tail takes at least {EXCESSES}; provide more normal \
         rows, or start the tail at a lower quantile"
    )]
    TooFewExcesses {
        /// Excesses found.
        got: usize,
        /// The quantile at which the tail starts.
        tail: f64,
    },
    /// A shape that cannot be extrapolated.
    #[error(
        "the tail has shape {shape:.2}, but only a shape between -0.5 and 0.5 can be extrapolated; use a \
         false-alarm rate instead"
    )]
    Shape {
        /// `ξ`.
        shape: f64,
    },
    /// A different shape further out.
    #[error(
        "the tail has shape {shape:.2}, but its outer {excesses} scores have shape {further:.2}, so it is not stable; \
         use a false-alarm rate instead"
    )]
    Unstable {
        /// The shape of all excesses.
        shape: f64,
        /// The shape of the outer ones.
        further: f64,
        /// The number of outer ones.
        excesses: usize,
    },
    /// Excesses that do not follow the distribution.
    #[error(
        "the scores above the quantile do not follow a generalised Pareto distribution (p = {p_value:.3}); use a \
         false-alarm rate instead"
    )]
    Misfit {
        /// Bootstrap probability of a worse fit.
        p_value: f64,
    },
}

impl Tail {
    /// Fits the tail of ascending scores above their quantile `tail`, and checks the fit.
    pub(crate) fn fit(sorted: &[f64], tail: f64) -> Result<Self, TailError> {
        let n = sorted.len();
        let place = ((n as f64 * tail).floor() as usize).min(n.saturating_sub(1));
        let Some(&start) = sorted.get(place) else {
            return Err(TailError::TooFewExcesses { got: 0, tail });
        };
        let excesses: Vec<f64> = sorted[place..].iter().map(|s| s - start).filter(|&y| y > 0.0).collect();
        let got = excesses.len();
        let pareto = fit_if_enough(&excesses).ok_or(TailError::TooFewExcesses { got, tail })?;
        if !(-SHAPE < pareto.shape && pareto.shape < SHAPE) {
            return Err(TailError::Shape { shape: pareto.shape });
        }
        for part in [2, 4] {
            let first = got - got / part;
            let further: Vec<f64> =
                excesses[first..].iter().map(|y| y - excesses[first - 1]).filter(|&y| y > 0.0).collect();
            let k = further.len();
            let Some(outer) = fit_if_enough(&further) else { continue };
            // Var ξ = (1 + ξ)² / k; the outer excesses are a subset of all.
            let error =
                (1.0 + pareto.shape.max(outer.shape)) * (1.0 / k as f64 - 1.0 / got as f64).max(0.0).sqrt();
            if (outer.shape - pareto.shape).abs() > STABLE * error {
                let (shape, further) = (pareto.shape, outer.shape);
                return Err(TailError::Unstable { shape, further, excesses: k });
            }
        }
        let p_value = goodness(&excesses);
        if p_value <= REFUSED {
            return Err(TailError::Misfit { p_value });
        }
        Ok(Tail { start, pareto, excesses: got, scores: n, p_value })
    }

    /// The score that normal rows exceed at `rate`, which must be below the share of excesses.
    pub fn exceeded_at(&self, rate: f64) -> f64 {
        let share = rate * self.scores as f64 / self.excesses as f64;
        self.start + self.pareto.quantile(share)
    }
}

fn fit_if_enough(excesses: &[f64]) -> Option<Pareto> {
    if excesses.len() < EXCESSES { None } else { Pareto::fit(excesses) }
}

impl Pareto {
    /// Fits positive excesses by maximum likelihood, a one-dimensional search (Grimshaw, 1993): with
    /// `θ = ξ / σ`, the best `ξ` is `mean ln(1 + θ y)`. `None` if there are fewer than 2 excesses, or all are
    /// equal.
    pub fn fit(excesses: &[f64]) -> Option<Self> {
        let n = excesses.len() as f64;
        let mean = excesses.iter().sum::<f64>() / n;
        let least = excesses.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = excesses.iter().copied().fold(0.0, f64::max) / mean;
        if excesses.len() < 2 || !mean.is_finite() || least <= 0.0 || least / mean >= greatest {
            return None;
        }
        // In units of their mean.
        let shape = |theta: f64| excesses.iter().map(|y| (theta * y / mean).ln_1p()).sum::<f64>() / n;
        let likelihood = |theta: f64| {
            let shape = shape(theta);
            let log_scale = if theta.abs() < 1e-9 { 0.0 } else { (shape / theta).ln() };
            -log_scale - shape
        };
        // Below a shape of -1, the likelihood grows without bound and has no maximum.
        let (mut below, mut low) = (-1.0 / greatest, 0.0);
        for _ in 0..60 {
            let middle = (below + low) / 2.0;
            if shape(middle) > -1.0 { low = middle } else { below = middle }
        }
        let mut high = 1.0;
        while shape(high) < 1.5 && high < 1e9 {
            high *= 2.0;
        }
        // A coarse grid brackets the maximum; a golden-section search finds it.
        let steps = 48;
        let place = |i: usize| {
            let part = i as f64 / steps as f64;
            if i <= steps { low * (1.0 - part) * (1.0 - part) } else { high * (part - 1.0) * (part - 1.0) }
        };
        let best = (0..=2 * steps).max_by(|&a, &b| likelihood(place(a)).total_cmp(&likelihood(place(b))))?;
        let (mut a, mut b) = (place(best.saturating_sub(1)), place((best + 1).min(2 * steps)));
        let golden = (5f64.sqrt() - 1.0) / 2.0;
        let (mut c, mut d) = (b - golden * (b - a), a + golden * (b - a));
        let (mut at_c, mut at_d) = (likelihood(c), likelihood(d));
        for _ in 0..60 {
            if at_c >= at_d {
                (b, d, at_d) = (d, c, at_c);
                c = b - golden * (b - a);
                at_c = likelihood(c);
            } else {
                (a, c, at_c) = (c, d, at_d);
                d = a + golden * (b - a);
                at_d = likelihood(d);
            }
        }
        let theta = (a + b) / 2.0;
        let shape = shape(theta);
        let scale = if theta.abs() < 1e-9 { mean } else { shape / theta * mean };
        Some(Pareto { shape, scale })
    }

    /// The excess that is exceeded with probability `above`, in (0, 1].
    pub fn quantile(&self, above: f64) -> f64 {
        let digits = -above.ln();
        if self.shape.abs() < 1e-9 {
            return self.scale * digits;
        }
        self.scale * (self.shape * digits).exp_m1() / self.shape
    }

    /// `ln P(Y > y)`, at most 0; minus infinity beyond the end of the distribution.
    pub fn log_above(&self, y: f64) -> f64 {
        if self.shape.abs() < 1e-9 {
            return -y / self.scale;
        }
        let inside = self.shape * y / self.scale;
        if inside <= -1.0 { f64::NEG_INFINITY } else { -inside.ln_1p() / self.shape }
    }

    /// Anderson-Darling statistic `A²` of ascending excesses: their distance from the distribution, weighted
    /// towards its ends.
    fn anderson_darling(&self, sorted: &[f64]) -> f64 {
        let n = sorted.len();
        let term = |i: usize| {
            let below = (-self.log_above(sorted[i]).exp_m1()).max(f64::MIN_POSITIVE).ln();
            let above = self.log_above(sorted[n - 1 - i]).max(-700.0);
            (2 * i + 1) as f64 * (below + above)
        };
        -(n as f64) - (0..n).map(term).sum::<f64>() / n as f64
    }
}

/// Probability of a worse `A²` for samples drawn from the fit, each refitted (Choulakian & Stephens, 2001,
/// use tables for this). The random numbers depend only on the number of excesses. Of many excesses, a random
/// subset is checked.
fn goodness(sorted: &[f64]) -> f64 {
    let mut rng = stream_rng(0, "goodness of a tail", sorted.len() as u64);
    let some: Vec<f64> = if sorted.len() > LOOKED_AT {
        let chosen = ae_records::seed::draw(sorted.len(), LOOKED_AT, 0, "excesses looked at", 0);
        chosen.into_iter().map(|index| sorted[index]).collect()
    } else {
        sorted.to_vec()
    };
    let Some(fitted) = Pareto::fit(&some) else { return 0.0 };
    let observed = fitted.anderson_darling(&some);
    let mut worse = 0;
    for _ in 0..SAMPLES {
        let draw = |_| fitted.quantile(1.0 - rng.random::<f64>()).max(f64::MIN_POSITIVE);
        let mut sample: Vec<f64> = (0..some.len()).map(draw).collect();
        sample.sort_by(f64::total_cmp);
        let statistic = Pareto::fit(&sample).map(|fit| fit.anderson_darling(&sample));
        worse += u64::from(statistic.is_some_and(|statistic| statistic >= observed));
    }
    (worse + 1) as f64 / (SAMPLES + 1) as f64
}

#[cfg(test)]
#[path = "tail_tests.rs"]
mod tests;
