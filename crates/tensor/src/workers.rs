//! Several workers that train one model together: what they exchange, and sums over their parts of a batch.
//!
//! Each worker has the whole model and computes its own rows of every batch. What depends on all rows at once, such as
//! the moments of a batch, is a sum over the workers ([`Part::sum`]) that gradients flow through.

mod part;
mod threads;

pub use part::Part;
pub use threads::{ThreadWorker, thread_workers};

use crate::native::TorchError;
use std::fmt::Debug;
use std::time::Duration;
use tch::Tensor;

/// The workers of a run, as one of them sees them. Every worker must make the same calls in the same order.
///
/// Once a call has failed, all later ones fail with the same error.
pub trait Workers: Debug + Send + Sync {
    /// This worker, from 0.
    fn rank(&self) -> usize;

    /// Number of workers.
    fn size(&self) -> usize;

    /// Adds up a tensor over all workers, in place: the same shape and kind everywhere, and the same bits afterwards.
    ///
    /// # Errors
    /// If a worker is gone, or does not take part in time.
    fn sum(&self, tensor: &mut Tensor) -> Result<(), WorkersError>;

    /// Gives every worker the tensor of worker 0, in place: the same shape and kind everywhere.
    ///
    /// # Errors
    /// As [`Self::sum`].
    fn broadcast(&self, tensor: &mut Tensor) -> Result<(), WorkersError>;

    /// Tells the others that this worker takes no further part, and why. Their next call fails with that reason.
    fn leave(&self, reason: &str);

    /// Ends the exchange when all workers have made their last call.
    fn finish(&self) {}

    /// Waits for all workers.
    ///
    /// # Errors
    /// As [`Self::sum`].
    fn wait(&self) -> Result<(), WorkersError> {
        self.sum(&mut Tensor::zeros([1], (tch::Kind::Float, tch::Device::Cpu)))
    }

    /// Gives every worker the bytes of worker 0; what the others pass is ignored.
    ///
    /// # Errors
    /// As [`Self::sum`].
    fn broadcast_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>, WorkersError> {
        let mut length = Tensor::from_slice(&[bytes.len() as i64]);
        self.broadcast(&mut length)?;
        let length = length.int64_value(&[0]);
        let mut all = match self.rank() {
            0 => Tensor::from_slice(bytes),
            _ => Tensor::zeros([length], (tch::Kind::Uint8, tch::Device::Cpu)),
        };
        if length > 0 {
            self.broadcast(&mut all)?;
        }
        Ok(Vec::<u8>::try_from(&all).expect("bytes on the CPU"))
    }
}

/// Why workers cannot go on together.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WorkersError {
    /// Workers that have not come to the meeting place.
    #[error(
        "{} of {size} {} not joined within {} s at {place}; see what they say, or whether they can reach {place}",
        workers(ranks), if ranks.len() == 1 { "has" } else { "have" }, within.as_secs()
    )]
    Absent {
        /// Who.
        ranks: Vec<usize>,
        /// Number of workers.
        size: usize,
        /// How long this worker has waited.
        within: Duration,
        /// The meeting place.
        place: String,
    },
    /// Workers whose process has died, whose machine is down or that cannot be reached.
    #[error(
        "{} of {size} {} died or cannot be reached; the run can be resumed from its last checkpoint",
        workers(ranks), if ranks.len() == 1 { "has" } else { "have" }
    )]
    Lost {
        /// Who.
        ranks: Vec<usize>,
        /// Number of workers.
        size: usize,
    },
    /// A worker that has stopped, and said why.
    #[error("worker {rank} of {size} has stopped: {reason}")]
    Left {
        /// Who.
        rank: usize,
        /// Number of workers.
        size: usize,
        /// Its error.
        reason: String,
    },
    /// The connection, without a worker known to be lost.
    #[error("the workers cannot exchange values: {0}")]
    Connection(String),
}

/// `worker 1`, `workers 1, 2 and 5`.
fn workers(ranks: &[usize]) -> String {
    let names: Vec<String> = ranks.iter().map(usize::to_string).collect();
    match names.as_slice() {
        [one] => format!("worker {one}"),
        [first @ .., last] => format!("workers {} and {last}", first.join(", ")),
        [] => "no worker".into(),
    }
}

impl From<TorchError> for WorkersError {
    fn from(error: TorchError) -> Self {
        WorkersError::Connection(error.to_string())
    }
}
