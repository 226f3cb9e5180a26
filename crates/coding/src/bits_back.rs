//! Images without loss, by a model with latents: bits-back coding.

use crate::dense::{DenseNetwork, sigmoid};
use crate::error::CodingError;
use crate::stack::{Stack, pattern};
use std::f64::consts::FRAC_1_SQRT_2;

/// Intervals of a latent, equally probable under the prior N(0, 1).
const INTERVALS: u32 = 1 << 12;
/// Log-variances of a posterior lie within these; at e^10, intervals are still told apart.
const LOG_VARIANCES: [f64; 2] = [-20.0, 10.0];
/// Latents of a model, at most.
const MAX_LATENTS: usize = 1 << 16;
/// Levels of a byte.
const LEVELS: u32 = 256;

/// What a decoder's output means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// Each value is 0 or 1, and the output the logit of a 1.
    Bits,
    /// Each value is 0 to 255, beta-binomial: the output is `log α` of all values, then `log β`, both held within plus and
    /// minus `log_shape` by a hyperbolic tangent.
    Levels {
        /// The bound.
        log_shape: f64,
    },
}

/// Stores images exactly, in about as many bits as the negative evidence lower bound of a variational autoencoder says
/// (Townsend, Bird & Barber, "Practical lossless compression with latent variables using bits back coding", ICLR 2019).
///
/// To store an image, latents are taken out of what has been stored already by their posterior given the image; then the
/// image is stored by its probabilities given the latents, and the latents by their prior. A decoder gets the latents, the
/// image, and puts back the bits that chose the latents. Latents are cut into intervals that are equally probable under the
/// prior (section 2.5.1).
///
/// What is taken out must look random, but the latents of the image before lie on top. They follow the posteriors of images, not
/// quite the prior; and a latent that says nothing of its image would be the same in all. A fixed pattern is therefore
/// laid over what comes next before each image, and lifted again.
///
/// The first image has nothing to take from; it gets a few fixed words instead, and those that were used up are stored.
#[derive(Clone, Debug)]
pub struct BitsBack {
    encoder: DenseNetwork,
    decoder: DenseNetwork,
    values: Values,
    latents: usize,
    intervals: Intervals,
}

impl BitsBack {
    /// `encoder` takes an image in [0, 1] and gives means and log-variances of its latents, `decoder` latents and gives what
    /// [`Values`] say. `None` if their sizes do not fit.
    pub fn new(encoder: DenseNetwork, decoder: DenseNetwork, values: Values) -> Option<Self> {
        let latents = decoder.inputs();
        let each = if values == Values::Bits { 1 } else { 2 };
        let fits = encoder.outputs() == 2 * latents && decoder.outputs() == each * encoder.inputs();
        let intervals = Intervals::new();
        (fits && latents <= MAX_LATENTS).then_some(BitsBack { encoder, decoder, values, latents, intervals })
    }

    /// Values of an image.
    pub fn size(&self) -> usize {
        self.encoder.inputs()
    }

    /// What values are.
    pub fn values(&self) -> Values {
        self.values
    }

    /// Stores images, each of [`Self::size`] values: 0 or 1 for [`Values::Bits`].
    ///
    /// # Panics
    /// If an image has another size or illegal values.
    pub fn encode(&self, images: &[&[u8]]) -> Vec<u8> {
        let fixed = self.fixed_words();
        let mut stack = Stack::new(fixed.clone()).expect("the last of the fixed words is not zero");
        for (number, image) in images.iter().enumerate().rev() {
            stack.scramble(number as u64, self.scrambled());
            self.push(image, &mut stack);
        }
        let words = stack.into_words();
        let kept = words.iter().zip(&fixed).take_while(|(word, fixed)| word == fixed).count();
        let stored = words[kept..].iter().flat_map(|word| word.to_be_bytes());
        (kept as u32).to_be_bytes().into_iter().chain(stored).collect()
    }

    /// The images that [`Self::encode`] stored, which are `count`.
    ///
    /// # Errors
    /// If the bytes are not those of so many images by this model.
    pub fn decode(&self, bytes: &[u8], count: usize) -> Result<Vec<Vec<u8>>, CodingError> {
        let damaged = || CodingError::Damaged("its images cannot be decoded");
        let fixed = self.fixed_words();
        let (kept, rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let kept = fixed.get(..u32::from_be_bytes(*kept) as usize).ok_or_else(damaged)?;
        let (words, []) = rest.as_chunks() else { return Err(damaged()) };
        let words = kept.iter().copied().chain(words.iter().map(|word| u32::from_be_bytes(*word)));
        let mut stack = Stack::new(words.collect()).ok_or_else(damaged)?;
        let images = (0..count).map(|number| {
            let image = self.pop(&mut stack);
            stack.scramble(number as u64, self.scrambled());
            image
        });
        let images = images.collect();
        // All that was taken has been put back.
        if stack.into_words() == fixed { Ok(images) } else { Err(damaged()) }
    }

    fn push(&self, image: &[u8], stack: &mut Stack) {
        let posterior = self.posterior(image);
        let taken = posterior.iter().map(|part| stack.pop(INTERVALS, |at| self.intervals.below(part, at)));
        let latents: Vec<u32> = taken.collect();
        let output = self.output(&latents);
        match self.values {
            Values::Bits => {
                for (&value, logit) in image.iter().zip(&output).rev() {
                    assert!(value < 2, "the model stores bits, got {value}");
                    stack.push(value.into(), 2, |_| sigmoid(-logit));
                }
            }
            Values::Levels { log_shape } => {
                for (place, &value) in image.iter().enumerate().rev() {
                    let below = levels(&output, place, self.size(), log_shape);
                    stack.push(value.into(), LEVELS, |level| below[level as usize]);
                }
            }
        }
        latents.iter().rev().for_each(|&latent| stack.push(latent, INTERVALS, prior));
    }

    fn pop(&self, stack: &mut Stack) -> Vec<u8> {
        let latents: Vec<u32> = (0..self.latents).map(|_| stack.pop(INTERVALS, prior)).collect();
        let output = self.output(&latents);
        let value = |place: usize| match self.values {
            Values::Bits => stack.pop(2, |_| sigmoid(-output[place])) as u8,
            Values::Levels { log_shape } => {
                let below = levels(&output, place, self.size(), log_shape);
                stack.pop(LEVELS, |level| below[level as usize]) as u8
            }
        };
        let image: Vec<u8> = (0..self.size()).map(value).collect();
        let posterior = self.posterior(&image);
        for (&latent, part) in latents.iter().zip(&posterior).rev() {
            stack.push(latent, INTERVALS, |at| self.intervals.below(part, at));
        }
        image
    }

    /// Mean and standard deviation of each latent.
    fn posterior(&self, image: &[u8]) -> Vec<[f64; 2]> {
        let scale = if self.values == Values::Bits { 1.0 } else { f64::from(LEVELS - 1) };
        let image: Vec<f64> = image.iter().map(|&value| f64::from(value) / scale).collect();
        let output = self.encoder.forward(&image);
        let (means, log_variances) = output.split_at(self.latents);
        let [low, high] = LOG_VARIANCES;
        let deviation = |log_variance: &f64| libm::exp(0.5 * log_variance.max(low).min(high));
        means.iter().zip(log_variances).map(|(mean, it)| [*mean, deviation(it)]).collect()
    }

    fn output(&self, latents: &[u32]) -> Vec<f64> {
        let centres: Vec<f64> =
            latents.iter().map(|&latent| self.intervals.centres[latent as usize]).collect();
        self.decoder.forward(&centres)
    }

    /// Words that latents are taken from, roughly.
    fn scrambled(&self) -> usize {
        (INTERVALS.ilog2() as usize * self.latents).div_ceil(32)
    }

    /// Enough for the latents of one image, and some to spare; what they are is of no importance.
    fn fixed_words(&self) -> Vec<u32> {
        pattern(u64::MAX).map(|word| word | 1).take(2 * self.latents + 8).collect()
    }
}

/// How probable the intervals before this one are under the prior.
fn prior(interval: u32) -> f64 {
    f64::from(interval) / f64::from(INTERVALS)
}

/// How probable all levels before each are, `[LEVELS]`, for the value at this place.
fn levels(output: &[f64], place: usize, size: usize, log_shape: f64) -> Vec<f64> {
    let shape = |output: f64| libm::exp(log_shape * libm::tanh(output / log_shape));
    let (alpha, beta) = (shape(output[place]), shape(output[size + place]));
    let trials = f64::from(LEVELS - 1);
    // p(k + 1) / p(k) = (n - k) / (k + 1) · (k + α) / (n - k - 1 + β); only ratios count.
    let mut before = Vec::with_capacity(LEVELS as usize);
    let (mut weight, mut sum) = (1.0, 0.0);
    for level in 0..LEVELS {
        before.push(sum);
        sum += weight;
        if weight > HUGE {
            before.iter_mut().for_each(|before| *before /= HUGE);
            (weight, sum) = (weight / HUGE, sum / HUGE);
        }
        let k = f64::from(level);
        weight *= (trials - k) * (k + alpha) / ((k + 1.0) * (trials - k - 1.0 + beta));
    }
    before.iter_mut().for_each(|before| *before /= sum);
    before
}

/// Far below the greatest number there is.
const HUGE: f64 = 1e200;

/// The intervals of N(0, 1).
#[derive(Clone, Debug)]
struct Intervals {
    /// Lower edges; the first is not used.
    edges: Vec<f64>,
    /// What stands for a latent in each.
    centres: Vec<f64>,
}

impl Intervals {
    fn new() -> Self {
        let at = |place: f64| quantile(place / f64::from(INTERVALS));
        Intervals {
            edges: (0..INTERVALS).map(|edge| at(f64::from(edge).max(0.25))).collect(),
            centres: (0..INTERVALS).map(|interval| at(f64::from(interval) + 0.5)).collect(),
        }
    }

    /// How probable the intervals before this one are under N(mean, deviation²).
    fn below(&self, [mean, deviation]: &[f64; 2], interval: u32) -> f64 {
        normal_cdf((self.edges[interval as usize] - mean) / deviation)
    }
}

/// Φ.
fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// Its inverse, by bisection, for shares that are not in the farthest tails.
fn quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-8.0, 8.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if normal_cdf(middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
#[path = "bits_back_tests.rs"]
mod tests;
