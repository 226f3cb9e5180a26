//! What the workers of a run exchange: gradients, losses, held-out figures, and at the beginning the state that all go on
//! from. A run of one process has no team, and nothing here is done.

use crate::outcome::TrainError;
use ae_models::Pass;
use ae_records::checkpoint::{Origin, Position, Window};
use ae_records::world::{Share, share};
use ae_tensor::workers::Part;
use ae_tensor::{Device, Kind, Noise, Tensor, Workers, WorkersError, tch};
use std::sync::Arc;

/// The workers of a run, as one of them sees them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Team {
    /// `None` for a single process.
    workers: Option<Arc<dyn Workers>>,
}

/// What this worker computes in a step.
pub(crate) struct Task {
    pub(crate) share: Share,
    pub(crate) pass: Pass,
}

impl Task {
    /// A loss of this worker's rows as its part of the batch's.
    pub(crate) fn weighted(&self, total: &Tensor) -> Tensor {
        if self.share.weight == 1.0 { total.shallow_clone() } else { total * self.share.weight }
    }
}

/// What all workers know after a step.
pub(crate) struct Exchanged {
    /// The loss terms of the whole batch, `[terms]`.
    pub(crate) values: Tensor,
    /// Whether a worker was told to stop.
    pub(crate) stops: bool,
}

impl Team {
    pub(crate) fn new(workers: Option<Arc<dyn Workers>>) -> Self {
        Team { workers: workers.filter(|workers| workers.size() > 1) }
    }

    /// Whether there are other workers.
    pub(crate) fn is_several(&self) -> bool {
        self.workers.is_some()
    }

    /// Whether this is the worker that keeps the run's folder.
    pub(crate) fn is_first(&self) -> bool {
        self.workers.as_ref().is_none_or(|workers| workers.rank() == 0)
    }

    /// The share of a batch of `rows`, and the pass over it.
    pub(crate) fn task(&self, rows: usize, noise: Noise, step: u64, steps: u64) -> Task {
        let pass = |noise, part| Pass { part, takes_tapes: true, ..Pass::training(noise, step, steps) };
        let Some(workers) = &self.workers else {
            return Task { share: share(rows, 0, 1), pass: pass(noise, None) };
        };
        let share = share(rows, workers.rank(), workers.size());
        if !share.is_part {
            return Task { share, pass: pass(noise, None) };
        }
        let noise = noise.of_rows(share.rows.start, share.rows.len(), rows);
        let part = Part::new(Arc::clone(workers), rows);
        Task { share, pass: pass(noise, Some(part)) }
    }

    /// Adds up over all workers, in one exchange, the gradients of `parameters` that have some and the loss terms `[terms]`;
    /// losses and terms are weighted by the workers' shares. Says whether any worker `stops`.
    pub(crate) fn exchange(
        &self,
        task: &Task,
        parameters: &[Tensor],
        values: Tensor,
        stops: bool,
    ) -> Result<Exchanged, WorkersError> {
        let Some(workers) = &self.workers else { return Ok(Exchanged { values, stops: false }) };
        if let Some(part) = &task.pass.part {
            part.check()?;
        }
        tch::no_grad(|| {
            let gradients = parameters.iter().map(Tensor::grad).filter(Tensor::defined);
            let mut gradients: Vec<Tensor> = gradients.collect();
            let mut parts: Vec<Tensor> = gradients.iter().map(|gradient| gradient.reshape([-1])).collect();
            parts.push((&values * task.share.weight).to_kind(Kind::Float));
            parts.push(Tensor::from(if stops { 1f32 } else { 0.0 }).view([1]).to_device(values.device()));
            let mut bucket = Tensor::cat(&parts, 0).to_device(Device::Cpu);
            workers.sum(&mut bucket)?;
            let mut start = 0;
            let mut next = |n: i64| {
                start += n;
                bucket.narrow(0, start - n, n)
            };
            for gradient in &mut gradients {
                let sum = next(gradient.numel() as i64);
                gradient.copy_(&sum.view(gradient.size().as_slice()));
            }
            let values = next(values.numel() as i64).copy().to_device(values.device());
            Ok(Exchanged { values, stops: next(1).double_value(&[0]) > 0.0 })
        })
    }

    /// Lets all workers go on from the state of worker 0: its position, and its `tensors`, in place.
    pub(crate) fn start(&self, position: &mut Position, tensors: &[Tensor]) -> Result<(), WorkersError> {
        let Some(workers) = &self.workers else { return Ok(()) };
        let text = serde_json::to_vec(position).expect("a position is always JSON");
        let text = workers.broadcast_bytes(&text)?;
        *position = serde_json::from_slice(&text)
            .map_err(|error| WorkersError::Connection(format!("worker 0 has sent no position: {error}")))?;
        tch::no_grad(|| {
            for tensor in tensors {
                let mut here = tensor.detach().to_device(Device::Cpu).contiguous();
                workers.broadcast(&mut here)?;
                tensor.shallow_clone().copy_(&here);
            }
            Ok(())
        })
    }

    /// Refuses workers that would train something else than worker 0.
    pub(crate) fn agree(&self, origin: &Origin) -> Result<(), TrainError> {
        let Some(workers) = &self.workers else { return Ok(()) };
        let first =
            workers.broadcast_bytes(&serde_json::to_vec(origin).expect("an origin is always JSON"))?;
        let first: Origin = serde_json::from_slice(&first)
            .map_err(|error| WorkersError::Connection(format!("worker 0 has sent no settings: {error}")))?;
        match origin.changed_since(&first) {
            None => Ok(workers.wait()?),
            Some(changes) => Err(TrainError::Disagreement(changes)),
        }
    }

    /// Which of so many batches of held-out rows this worker evaluates: `None` for all, if there are too few to share.
    pub(crate) fn turns(&self, batches: usize) -> Option<(usize, usize)> {
        let workers = self.workers.as_ref().filter(|workers| batches >= workers.size())?;
        Some((workers.rank(), workers.size()))
    }

    /// The sums over all workers of what each has evaluated; if each has evaluated all (`is_shared` is false), those of worker
    /// 0.
    pub(crate) fn join(&self, window: Window, is_shared: bool) -> Result<Window, WorkersError> {
        let Some(workers) = &self.workers else { return Ok(window) };
        // The names are the same everywhere, and in the same order.
        let numbers: Vec<f64> = window.sums.values().flat_map(|(sum, n)| [*sum, *n as f64]).collect();
        let mut numbers = Tensor::from_slice(&numbers);
        match is_shared {
            true => workers.sum(&mut numbers)?,
            false => workers.broadcast(&mut numbers)?,
        }
        let numbers = Vec::<f64>::try_from(&numbers).expect("doubles on the CPU");
        let both = window.sums.into_keys().zip(numbers.chunks(2));
        Ok(Window { sums: both.map(|(name, pair)| (name, (pair[0], pair[1] as i64))).collect() })
    }

    /// Tells the others how the run has ended here.
    pub(crate) fn end<T>(&self, result: &Result<T, TrainError>) {
        match (&self.workers, result) {
            (Some(workers), Ok(_)) => workers.finish(),
            (Some(workers), Err(error)) => workers.leave(&error.to_string()),
            (None, _) => {}
        }
    }
}
