//! The size of a batch.

use serde::{Deserialize, Serialize};

/// Samples per step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BatchText", into = "BatchText")]
pub enum BatchSize {
    /// All of the training data: batch gradient descent.
    Full,
    /// This many; the last batch of an epoch may be smaller.
    Samples(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum BatchText {
    Number(i64),
    Word(String),
}

impl TryFrom<BatchText> for BatchSize {
    type Error = String;

    fn try_from(text: BatchText) -> Result<Self, String> {
        match text {
            BatchText::Number(n) if n >= 1 => Ok(BatchSize::Samples(n as usize)),
            BatchText::Number(n) => Err(format!("a batch must hold at least 1 sample, got {n}")),
            BatchText::Word(word) if word == "full" => Ok(BatchSize::Full),
            BatchText::Word(word) => {
                Err(format!("a batch size must be a number or \"full\", got \"{word}\""))
            }
        }
    }
}

impl From<BatchSize> for BatchText {
    fn from(size: BatchSize) -> Self {
        match size {
            BatchSize::Full => BatchText::Word("full".into()),
            BatchSize::Samples(n) => BatchText::Number(n as i64),
        }
    }
}

impl From<usize> for BatchSize {
    fn from(samples: usize) -> Self {
        BatchSize::Samples(samples)
    }
}

impl BatchSize {
    /// The number of samples for training data of `n` rows.
    pub fn samples(self, n: usize) -> usize {
        match self {
            BatchSize::Full => n,
            BatchSize::Samples(samples) => samples.min(n),
        }
    }
}
