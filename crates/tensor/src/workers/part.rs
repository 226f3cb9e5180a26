//! A worker's part of a batch, and sums over the parts of all workers.

use super::{Workers, WorkersError};
use crate::native;
use ae_records::world::{Share, share};
use std::sync::{Arc, Mutex, PoisonError};
use tch::{Kind, Tensor};

/// One worker's part of a batch whose other rows other workers compute.
///
/// A sum that fails leaves its tensor as it is, so that a forward pass needs no errors; [`Part::check`] says
/// afterwards whether all went well.
#[derive(Clone, Debug)]
pub struct Part {
    workers: Arc<dyn Workers>,
    /// Rows of the batch.
    batch: usize,
    failure: Arc<Mutex<Option<WorkersError>>>,
}

impl Part {
    /// This worker's part of a batch of so many rows, see [`share`]; there are at least as many rows as workers.
    pub fn new(workers: Arc<dyn Workers>, batch: usize) -> Self {
        assert!(
            batch >= workers.size(),
            "a batch of {batch} rows has no parts for {} workers",
            workers.size()
        );
        Part { workers, batch, failure: Arc::default() }
    }

    /// This worker, from 0.
    pub fn rank(&self) -> usize {
        self.workers.rank()
    }

    /// Number of workers.
    pub fn size(&self) -> usize {
        self.workers.size()
    }

    /// The share of this part in the batch's rows. The total of a worker's losses is multiplied by it, so that gradients
    /// are added up.
    pub fn weight(&self) -> f64 {
        self.share_of(self.rank()).weight
    }

    /// The share of worker `rank` in the batch.
    pub fn share_of(&self, rank: usize) -> Share {
        share(self.batch, rank, self.size())
    }

    /// How many rows there are in the whole batch if `rows` `[N, …]` is what this part has: a fixed number for each sample.
    pub fn rows_of_batch(&self, rows: &Tensor) -> i64 {
        rows.size()[0] / self.share_of(self.rank()).rows.len() as i64 * self.batch as i64
    }

    /// Rows of the whole batch, from those of this part and the others, `[N, …]`, a fixed number for each sample: `[K, …]`
    /// for `chosen`, int64 `[K]`, below [`Self::rows_of_batch`] and the same for all workers. Without a gradient.
    pub fn select(&self, rows: &Tensor, chosen: &Tensor) -> Tensor {
        let (n, own) = (rows.size()[0], self.share_of(self.rank()).rows);
        let first = n / own.len() as i64 * own.start as i64;
        let place = chosen - first;
        let mine = place.ge(0).logical_and(&place.lt(n));
        let mut taken = rows.detach().index_select(0, &place.clamp(0, n - 1));
        let others = mine.logical_not().view([&[-1], vec![1; rows.dim() - 1].as_slice()].concat().as_slice());
        let _ = taken.masked_fill_(&others, 0.0);
        self.sum(&taken)
    }

    /// The sum of a tensor over all workers, in its shape. The gradient of the sum is in turn the sum of what all workers'
    /// losses give, so the tensor gets the gradient of the whole batch's loss.
    pub fn sum(&self, x: &Tensor) -> Tensor {
        let mut total = x.detach().contiguous().copy();
        self.sum_in_place(&mut total);
        if !x.requires_grad() {
            return total;
        }
        // The difference is exactly zero: it carries the gradient and no rounding.
        let sum = total + (x - x.detach());
        let part = self.clone();
        native::on_gradient(&sum, Box::new(move |gradient| part.sum_in_place(gradient)))
            .unwrap_or_else(|error| panic!("cannot follow the gradient of a sum over workers: {error}"));
        sum
    }

    /// The mean over the rows of the whole batch, from the mean over the rows of this part, of any shape.
    pub fn mean(&self, mean_of_part: &Tensor) -> Tensor {
        self.sum(&(mean_of_part * self.weight()))
    }

    /// A loss that is the mean over the observed values of this part, as one whose weighted sum over the workers is the mean
    /// over all observed values of the batch; `observed` is 1 where a value counts.
    pub fn reweighted(&self, loss: &Tensor, observed: &Tensor) -> Tensor {
        let count = observed.sum(Kind::Float);
        let all = self.sum(&count).clamp_min(1.0);
        loss * (count / all / self.weight())
    }

    /// Whether all sums so far went well.
    ///
    /// # Errors
    /// The first error.
    pub fn check(&self) -> Result<(), WorkersError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }

    fn sum_in_place(&self, tensor: &mut Tensor) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            *failure = on_cpu(tensor, |tensor| self.workers.sum(tensor)).err();
        }
    }
}

/// Exchanges a tensor of any device: workers exchange tensors on the CPU.
pub(crate) fn on_cpu<E>(
    tensor: &mut Tensor,
    exchange: impl FnOnce(&mut Tensor) -> Result<(), E>,
) -> Result<(), E> {
    if tensor.device() == tch::Device::Cpu {
        return exchange(tensor);
    }
    let mut here = tensor.to_device(tch::Device::Cpu);
    exchange(&mut here)?;
    tch::no_grad(|| tensor.copy_(&here));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::thread_workers;
    use super::*;
    use crate::array::to_vec;
    use std::thread;

    /// What each of `size` workers computes.
    fn each<T: Send>(size: usize, of: impl Fn(Arc<dyn Workers>) -> T + Sync) -> Vec<T> {
        thread::scope(|scope| {
            let start = |worker| {
                let of = &of;
                scope.spawn(move || of(Arc::new(worker)))
            };
            let running: Vec<_> = thread_workers(size).into_iter().map(start).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn gradients_flow_through_a_sum_to_every_worker() {
        // Of the loss Σ w_r · r · (Σ x)², the gradient with respect to every x is 2 · Σ x · Σ w_r · r.
        let gradients = each(3, |workers| {
            let part = Part::new(Arc::clone(&workers), 6);
            let rank = workers.rank() as f64;
            let x = Tensor::from_slice(&[rank as f32 + 1.0, 2.0]).set_requires_grad(true);
            let loss = part.sum(&x).square().sum(Kind::Float) * rank * part.weight();
            loss.backward();
            part.check().unwrap();
            to_vec(&x.grad())
        });
        for gradient in gradients {
            assert_eq!(gradient, [2.0 * 6.0, 2.0 * 6.0]);
        }
    }

    #[test]
    fn means_are_those_of_the_whole_batch() {
        let means = each(2, |workers| {
            // The second worker has two of three rows; three and more were not observed.
            let rows = if workers.rank() == 0 { vec![9f32] } else { vec![1.0, 2.0] };
            let rows = Tensor::from_slice(&rows);
            let part = Part::new(workers, 3);
            assert_eq!(part.rows_of_batch(&rows), 3);
            let chosen = part.select(&rows.view([-1, 1]), &Tensor::from_slice(&[2i64, 0, 2]));
            assert_eq!(to_vec(&chosen), [2.0, 9.0, 2.0]);
            let observed = rows.lt(3.0).to_kind(Kind::Float);
            let loss = (&rows * &observed).sum(Kind::Float) / observed.sum(Kind::Float).clamp_min(1.0);
            let loss = part.reweighted(&loss, &observed) * part.weight();
            (to_vec(&part.mean(&rows.mean(Kind::Float)))[0], to_vec(&part.sum(&loss))[0])
        });
        for (mean, of_observed) in means {
            assert!((mean - 4.0).abs() < 1e-6 && (of_observed - 1.5).abs() < 1e-6, "{mean} {of_observed}");
        }
    }

    #[test]
    fn a_sum_without_the_others_is_an_error_afterwards() {
        let messages = each(3, |workers| {
            if workers.rank() == 1 {
                workers.leave("the disk is full");
                return String::new();
            }
            let part = Part::new(workers, 6);
            let x = Tensor::from_slice(&[1f32]);
            assert_eq!(to_vec(&part.sum(&x)), [1.0]);
            part.check().unwrap_err().to_string()
        });
        assert_eq!(messages[0], "worker 1 of 3 has stopped: the disk is full");
        assert_eq!(messages[2], messages[0]);
    }
}
