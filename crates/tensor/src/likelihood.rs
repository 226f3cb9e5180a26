//! Likelihoods `p(x|z)`: what a decoder's output means.

use crate::activation::Activate;
use crate::kernels::Kernels;
use crate::operation;
use crate::tape::Tape;
use ae_kernels::{Reduction, ValueLoss};
use ae_network::{Activation, Range, channel_axis};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use tch::{Kind, Tensor};

/// The distribution of a sample given the decoder's output. It determines the output's activation, the legal
/// data, and the output's initial bias.
///
/// `output` is the output of the decoder's last layer before any activation, `[B, …]`, in the shape that
/// [`Likelihood::output_shape`] says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Each value is the probability of a 1; the output is its logit. Grey values in between are legal
    /// targets: the figure is then a cross-entropy (Kingma & Welling, 2014, appendix C.1), not a likelihood
    /// of bits.
    #[default]
    Bernoulli,
    /// N(output, σ²) with the same σ for every value.
    Gaussian {
        /// The standard deviation, in the unit of the data; above zero.
        sigma: f64,
    },
    /// N(mean, exp(log-variance)), both from the decoder, for every value (Kingma & Welling, 2014, appendix
    /// C.2).
    GaussianLearned,
    /// Laplace(output, scale): heavier tails, so a few large errors count less.
    Laplace {
        /// The scale `b`, in the unit of the data; above zero.
        scale: f64,
    },
    /// Each row is counts: `-Σ x log π`, `π` the softmax of the output over all values of a sample (Salakhutdinov &
    /// Hinton, 2009; Liang et al., 2018, equation 2). The coefficient, which no parameter changes, is left out. A
    /// value that was not observed is taken for a count of 0.
    Multinomial,
    /// Each value is one of 256 levels, 0 to 255 over 255: the number of successes in 255 trials whose probability is drawn
    /// from Beta(α, β) for each value, `p(k) = C(255, k) B(k + α, 255 - k + β) / B(α, β)`, with α and β from the decoder
    /// (Townsend, Bird & Barber, ICLR 2019, section 3). A likelihood of whole images without loss: see
    /// [`Likelihood::is_of_levels`].
    BetaBinomial,
}

/// Trials of [`Likelihood::BetaBinomial`]: the highest of the 256 levels of a byte.
const TRIALS: f64 = 255.0;
/// `log α` and `log β` of [`Likelihood::BetaBinomial`] lie within plus and minus this: single precision has no room for
/// the logarithms of the gamma function of larger ones.
pub const LOG_SHAPE: f64 = 7.0;

/// Log-variances of [`Likelihood::GaussianLearned`] stay above this, softly: without a floor the likelihood
/// of a value that never changes grows without bound (Rybkin et al., 2021, section 3.3).
const LOG_VARIANCE_FLOOR: f64 = -12.0;

/// Data or parameters that a likelihood does not accept.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum LikelihoodError {
    /// Values outside the legal range.
    #[error(
        "the data span [{low}, {high}], but {likelihood} only takes values in [{legal_low}, {legal_high}]; \
         set data.scale = \"min-max\" or \"min-max-channels\", or choose another likelihood"
    )]
    OutOfRange {
        /// Least value seen.
        low: f64,
        /// Greatest value seen.
        high: f64,
        /// Which likelihood.
        likelihood: &'static str,
        /// Least legal value.
        legal_low: f64,
        /// Greatest legal value.
        legal_high: f64,
    },
    /// A scale that is not above zero.
    #[error("{likelihood} needs a scale above zero, got {got}")]
    Scale {
        /// Which likelihood.
        likelihood: &'static str,
        /// The value given.
        got: f64,
    },
}

impl Likelihood {
    /// The name used in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Likelihood::Bernoulli => "bernoulli",
            Likelihood::Gaussian { .. } => "gaussian",
            Likelihood::GaussianLearned => "gaussian_learned",
            Likelihood::Laplace { .. } => "laplace",
            Likelihood::Multinomial => "multinomial",
            Likelihood::BetaBinomial => "beta_binomial",
        }
    }

    /// Whether it gives each of the 256 levels of a byte a probability.
    pub fn is_of_levels(self) -> bool {
        self == Likelihood::BetaBinomial
    }

    /// Whether the decoder gives two values for each one of a sample.
    fn is_of_two(self) -> bool {
        matches!(self, Likelihood::GaussianLearned | Likelihood::BetaBinomial)
    }

    /// The decoder's output shape for a sample of this shape: the sample's own, except for
    /// [`Likelihood::GaussianLearned`], which takes the means of all channels (or features, or values)
    /// followed by their log-variances: `[2·D]`, `[2·C, H, W]` or `[T, 2·F]`; and for [`Likelihood::BetaBinomial`], which takes
    /// `log α` and `log β` in the same way, both held within ±[`LOG_SHAPE`] by a hyperbolic tangent.
    pub fn output_shape(self, sample: &[i64]) -> Vec<i64> {
        let mut shape = sample.to_vec();
        if self.is_of_two() {
            shape[channel_axis(sample)] *= 2;
        }
        shape
    }

    /// Initial values of the output, one for each equal part of its channels. The mean starts at `mean`, in
    /// the unit of the data. A log-variance starts at that of a uniform distribution over the data's range
    /// `low..=high`, so that no unit of the data makes the first steps too small or too large; at 0 if the
    /// range is not known.
    pub fn output_start(self, mean: f64, low: f64, high: f64) -> Vec<f64> {
        if self == Likelihood::Multinomial {
            return vec![0.0]; // all values are equally probable
        }
        if self == Likelihood::BetaBinomial {
            // α + β = 1: levels at both ends are more probable than those in between.
            let mean = mean.clamp(1e-3, 1.0 - 1e-3);
            return vec![mean.ln(), (1.0 - mean).ln()];
        }
        let mean = self.activation().link(mean);
        if self != Likelihood::GaussianLearned {
            return vec![mean];
        }
        let log_variance = ((high - low).powi(2) / 12.0).ln();
        vec![mean, if log_variance.is_finite() { log_variance.max(LOG_VARIANCE_FLOOR) } else { 0.0 }]
    }

    /// The activation that turns (the first half of) the output into the mean; that of [`Likelihood::Multinomial`] is
    /// a softmax instead, see [`Self::mean`].
    pub fn activation(self) -> Activation {
        if self == Likelihood::Bernoulli { Activation::Sigmoid } else { Activation::Identity }
    }

    /// The range of legal data.
    pub fn range(self) -> Range {
        match self {
            Likelihood::Bernoulli | Likelihood::BetaBinomial => Range::UNIT,
            Likelihood::Multinomial => Range { low: 0.0, high: f64::INFINITY },
            _ => Range::REALS,
        }
    }

    /// Refuses a scale or data that the likelihood does not accept; `low` and `high` are the least and
    /// greatest values seen.
    pub fn check(self, low: f64, high: f64) -> Result<(), LikelihoodError> {
        let likelihood = self.name();
        if let Likelihood::Gaussian { sigma: got } | Likelihood::Laplace { scale: got } = self {
            // Written so that NaN is refused as well.
            if !(got > 0.0 && got.is_finite()) {
                return Err(LikelihoodError::Scale { likelihood, got });
            }
        }
        let legal = self.range();
        if legal.holds(low, high) {
            return Ok(());
        }
        Err(LikelihoodError::OutOfRange {
            low,
            high,
            likelihood,
            legal_low: legal.low,
            legal_high: legal.high,
        })
    }

    /// `-log p(target | output)` of each sample, summed over its values: `[B]`, in nats.
    pub fn negative_log_prob(self, output: &Tensor, target: &Tensor) -> Tensor {
        self.negative_log_prob_of_observed(output, target, None)
    }

    /// As [`Self::negative_log_prob`], summed over the values that were observed: `observed` is 1 there and 0
    /// elsewhere, `[B, …]`.
    pub fn negative_log_prob_of_observed(
        self,
        output: &Tensor,
        target: &Tensor,
        observed: Option<&Tensor>,
    ) -> Tensor {
        if observed.is_none()
            && let Some(sums) = self.by_kernels(output, target)
        {
            return sums;
        }
        let values = self.negative_log_prob_per_value(output, target);
        let values = match observed {
            Some(observed) => values * observed.flatten(1, -1),
            None => values,
        };
        values.sum_dim_intlist([1i64].as_slice(), false, None::<Kind>)
    }

    /// [`Self::negative_log_prob`] by our own kernels, where they are to compute it.
    fn by_kernels(self, output: &Tensor, target: &Tensor) -> Option<Tensor> {
        let sums = |loss| row_sums(loss, output, target);
        match self {
            Likelihood::Bernoulli => sums(ValueLoss::CrossEntropy),
            Likelihood::Gaussian { sigma } => {
                let of_value = sigma.ln() + 0.5 * (2.0 * PI).ln();
                let width = target.size()[1..].iter().product::<i64>() as f64;
                let squares = sums(ValueLoss::Squared(Activation::Identity))?;
                Some(squares * (0.5 / sigma.powi(2)) + of_value * width)
            }
            _ => None,
        }
    }

    /// Whether [`Self::recorded_mean`] gives a result for batches that our own kernels take.
    pub fn is_recordable(self) -> bool {
        self == Likelihood::Bernoulli && Kernels::chosen().processor().is_some()
    }

    /// The mean of [`Self::negative_log_prob`] over the samples without a graph, as the end of a tape; `None` if libtorch is to
    /// compute it.
    pub fn recorded_mean(self, output: &Tensor, target: &Tensor, tape: &mut Tape) -> Option<Tensor> {
        if self != Likelihood::Bernoulli {
            return None;
        }
        let reduction = Reduction::MeanOfRows(width(target));
        operation::loss(ValueLoss::CrossEntropy, output, target, reduction, Some(tape))
    }

    /// `-log p(target | output)` of each value, given the output: `[B, D]`, each sample's values in one row,
    /// in nats.
    pub fn negative_log_prob_per_value(self, output: &Tensor, target: &Tensor) -> Tensor {
        let target = target.flatten(1, -1);
        match self {
            Likelihood::Bernoulli => output.flatten(1, -1).binary_cross_entropy_with_logits::<Tensor>(
                &target,
                None,
                None,
                tch::Reduction::None,
            ),
            Likelihood::Gaussian { sigma } => {
                ((output.flatten(1, -1) - target) / sigma).square() * 0.5
                    + (sigma.ln() + 0.5 * (2.0 * PI).ln())
            }
            Likelihood::GaussianLearned => {
                let (mean, log_var) = self.moments(output);
                let (mean, log_var) = (mean.flatten(1, -1), log_var.flatten(1, -1));
                ((mean - target).square() * (-&log_var).exp() + log_var + (2.0 * PI).ln()) * 0.5
            }
            Likelihood::Laplace { scale } => {
                (output.flatten(1, -1) - target).abs() / scale + (2.0 * scale).ln()
            }
            Likelihood::Multinomial => -(output.flatten(1, -1).log_softmax(1, None::<Kind>) * target),
            Likelihood::BetaBinomial => {
                let (alpha, beta) = self.shapes(output);
                let (alpha, beta) = (alpha.flatten(1, -1), beta.flatten(1, -1));
                let log_beta = |a: &Tensor, b: &Tensor| a.lgamma() + b.lgamma() - (a + b).lgamma();
                let successes = (target * TRIALS).round();
                let failures = TRIALS - &successes;
                let ways = -log_beta(&(&successes + 1.0), &(&failures + 1.0)) - (TRIALS + 1.0).ln();
                log_beta(&alpha, &beta) - log_beta(&(successes + &alpha), &(failures + &beta)) - ways
            }
        }
    }

    /// The mean of `p(x|z)`: the reconstruction, in the target's shape; for [`Likelihood::Multinomial`], the share of
    /// each value in the sum of all.
    pub fn mean(self, output: &Tensor) -> Tensor {
        match self {
            Likelihood::GaussianLearned => self.moments(output).0,
            Likelihood::BetaBinomial => {
                let (alpha, beta) = self.shapes(output);
                &alpha / (&alpha + beta)
            }
            Likelihood::Multinomial => output.flatten(1, -1).softmax(1, None::<Kind>).view_as(output),
            _ => self.activation().apply(output),
        }
    }

    /// The function of each output value that [`Self::mean`] is; `None` if it takes several of them.
    pub fn mean_activation(self) -> Option<Activation> {
        let is_of_one =
            !matches!(self, Likelihood::GaussianLearned | Likelihood::BetaBinomial | Likelihood::Multinomial);
        is_of_one.then(|| self.activation())
    }

    /// A draw of `p(x|z)` from draws of N(0, 1) in the target's shape; `None` for a likelihood that is not Gaussian.
    pub fn draw(self, output: &Tensor, normal: &Tensor) -> Option<Tensor> {
        match self {
            Likelihood::Gaussian { sigma } => Some(output + normal * sigma),
            Likelihood::GaussianLearned => {
                let (mean, log_var) = self.moments(output);
                Some(mean + (log_var * 0.5).exp() * normal)
            }
            _ => None,
        }
    }

    /// α and β of [`Likelihood::BetaBinomial`].
    fn shapes(self, output: &Tensor) -> (Tensor, Tensor) {
        let halves = output.chunk(2, channel_axis(&output.size()[1..]) as i64 + 1);
        let shape = |half: &Tensor| ((half / LOG_SHAPE).tanh() * LOG_SHAPE).exp();
        (shape(&halves[0]), shape(&halves[1]))
    }

    /// Means and log-variances of [`Likelihood::GaussianLearned`].
    fn moments(self, output: &Tensor) -> (Tensor, Tensor) {
        let halves = output.chunk(2, channel_axis(&output.size()[1..]) as i64 + 1);
        let log_var = (&halves[1] - LOG_VARIANCE_FLOOR).softplus() + LOG_VARIANCE_FLOOR;
        (halves[0].shallow_clone(), log_var)
    }
}
/// The sum of each sample's losses by our own kernels: `[B]`.
fn row_sums(loss: ValueLoss, output: &Tensor, target: &Tensor) -> Option<Tensor> {
    operation::loss(loss, output, target, Reduction::RowSums(width(target)), None)
}

/// Values of each sample.
fn width(samples: &Tensor) -> usize {
    samples.size()[1..].iter().product::<i64>() as usize
}
