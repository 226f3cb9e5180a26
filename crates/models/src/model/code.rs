//! The output of an encoder, and how much it can hold.

use ae_tensor::Tensor;
use ae_tensor::divergence::DiagonalGaussian;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// The output of an encoder.
#[derive(Debug)]
pub enum Code {
    /// One point for each sample: `[B, …]`.
    Point(Tensor),
    /// A distribution for each sample.
    Gaussian(DiagonalGaussian),
    /// One of `K` entries of a codebook at each position.
    Discrete {
        /// Which entries: int64 `[B, …]`.
        indices: Tensor,
        /// The entries themselves, as the decoder takes them.
        embedded: Tensor,
    },
}

impl Code {
    /// One point for each sample: the point itself, the mean, or the codebook's entries.
    pub fn point(&self) -> &Tensor {
        match self {
            Code::Point(point) => point,
            Code::Gaussian(gaussian) => &gaussian.mean,
            Code::Discrete { embedded, .. } => embedded,
        }
    }
}

/// What the code of one sample consists of.
///
/// ```
/// use ae_models::CodeForm;
///
/// let discrete = CodeForm::Discrete { positions: 49, choices: 64 };
/// assert_eq!((discrete.to_string().as_str(), discrete.bits()), ("49 × 6 bits", 294));
/// let numbers = CodeForm::Numbers(64);
/// assert_eq!((numbers.to_string().as_str(), numbers.bits()), ("64 numbers", 2048));
/// assert_eq!(discrete.numbers_of_equal_bits(), 9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeForm {
    /// So many real numbers in single precision.
    Numbers(i64),
    /// At each of `positions`, one of `choices` entries of a codebook. The decoder knows the entries, so that
    /// only their indices have to be stored.
    Discrete {
        /// Positions in the code of one sample.
        positions: i64,
        /// Entries of the codebook, `K`.
        choices: i64,
    },
}

impl CodeForm {
    /// Bits of a number in single precision.
    const NUMBER: i64 = 32;

    /// Bits that the code of one sample takes without an entropy coder: 32 for each number, and `⌈log₂ K⌉`
    /// for each index; saturates at `i64::MAX`.
    pub fn bits(self) -> i64 {
        match self {
            CodeForm::Numbers(numbers) => numbers.saturating_mul(Self::NUMBER),
            CodeForm::Discrete { positions, choices } => positions.saturating_mul(bits_of(choices)),
        }
    }

    /// How many numbers take as many bits, rounded down, and at least 1: the code size at which a method with
    /// numbers, such as principal component analysis, is compared fairly.
    pub fn numbers_of_equal_bits(self) -> i64 {
        (self.bits() / Self::NUMBER).max(1)
    }
}

/// `64 numbers`, `49 × 6 bits`.
impl Display for CodeForm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            CodeForm::Numbers(1) => f.write_str("1 number"),
            CodeForm::Numbers(numbers) => write!(f, "{numbers} numbers"),
            CodeForm::Discrete { positions, choices } => match bits_of(choices) {
                1 => write!(f, "{positions} × 1 bit"),
                bits => write!(f, "{positions} × {bits} bits"),
            },
        }
    }
}

/// `⌈log₂ choices⌉`: bits of an index below `choices`.
fn bits_of(choices: i64) -> i64 {
    i64::from(choices.max(1).ilog2()) + i64::from(choices > 1 && !choices.unsigned_abs().is_power_of_two())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_takes_as_many_bits_as_tell_all_entries_apart() {
        let expected = [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (64, 6), (65, 7), (512, 9)];
        for (choices, bits) in expected {
            let form = CodeForm::Discrete { positions: 10, choices };
            assert_eq!(form.bits(), 10 * bits, "{choices} entries");
        }
    }

    #[test]
    fn sizes_of_hostile_settings_saturate() {
        assert_eq!(CodeForm::Numbers(i64::MAX).bits(), i64::MAX);
        assert_eq!(CodeForm::Discrete { positions: i64::MAX, choices: i64::MAX }.bits(), i64::MAX);
        assert_eq!(CodeForm::Discrete { positions: 4, choices: 0 }.bits(), 0);
        assert_eq!(CodeForm::Discrete { positions: 4, choices: 2 }.numbers_of_equal_bits(), 1);
    }

    #[test]
    fn forms_read_as_text() {
        let discrete = |positions, choices| CodeForm::Discrete { positions, choices }.to_string();
        assert_eq!(CodeForm::Numbers(1).to_string(), "1 number");
        assert_eq!((discrete(16, 2), discrete(16, 100)), ("16 × 1 bit".into(), "16 × 7 bits".into()));
    }
}
