//! How a batch is cut among workers.

use std::ops::Range;

/// What one worker computes of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Its rows of the batch.
    pub rows: Range<usize>,
    /// The weight of its mean in that of the whole batch, in [0, 1]; the weights of all workers add up to 1.
    pub weight: f64,
    /// Whether the others compute other rows. If not, each computes the whole batch, and what worker 0 computes counts.
    pub is_part: bool,
}

/// The share of worker `rank` of `size` in a batch of `rows`: consecutive rows, as many for each worker as for any other or
/// one more. A batch with fewer rows than workers, such as the last one of an epoch, is computed by each of them.
///
/// Which rows a batch consists of is a function of (seed, epoch, batch), so this is all that the number of workers
/// changes.
///
/// ```
/// use ae_records::world::share;
///
/// let parts = [0, 1, 2].map(|rank| share(8, rank, 3).rows);
/// assert_eq!(parts, [0..2, 2..5, 5..8]);
/// ```
pub fn share(rows: usize, rank: usize, size: usize) -> Share {
    assert!(rank < size, "worker {rank} is none of {size}");
    if rows < size {
        return Share { rows: 0..rows, weight: if rank == 0 { 1.0 } else { 0.0 }, is_part: false };
    }
    let edge = |rank: usize| rank * rows / size;
    let part = edge(rank)..edge(rank + 1);
    Share { weight: part.len() as f64 / rows as f64, is_part: size > 1, rows: part }
}
