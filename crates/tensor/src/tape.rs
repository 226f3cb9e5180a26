//! Gradients without libtorch's graph, where our own kernels compute everything from the samples to the loss.
//!
//! A graph costs some microseconds for each operation, which is most of a step on small batches. A [`Tape`] keeps what
//! [`crate::operation`] has computed, one operation after another, and goes back through it. The gradients have the bits that
//! a graph of the same operations gives.

use crate::array::{values, values_mut};
use crate::native::{self, TorchError};
use crate::threads::Libtorch;
use ae_kernels::{Gradients, Operation};
use std::fmt;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// What a forward pass without a graph leaves for the way back: each operation uses the result of the one before, and the last
/// gives the loss, a scalar.
#[derive(Default)]
pub struct Tape {
    ways: Vec<Box<dyn Way>>,
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("operations", &self.ways.len()).finish_non_exhaustive()
    }
}

impl Tape {
    /// Computes an operation of samples and parameters, all of 32-bit numbers on the CPU, and keeps the way back.
    pub(crate) fn record<O: Operation>(
        &mut self,
        operation: &Arc<O>,
        x: &Tensor,
        parameters: &[&Tensor],
        dims: &[i64],
    ) -> Tensor {
        let x = x.detach().contiguous();
        let parameters: Vec<Tensor> = parameters.iter().map(|parameter| parameter.shallow_clone()).collect();
        let result = Tensor::empty(dims, (Kind::Float, Device::Cpu));
        // SAFETY: the result is new, so nothing else uses it.
        let to = unsafe { values_mut(&result) };
        let kept = operation.forward_kept(&all_values(&parameters), values(&x), to, &Libtorch);
        let samples = if O::NEEDS_SAMPLES { x.shallow_clone() } else { Tensor::new() };
        let operation = Arc::clone(operation);
        self.ways.push(Box::new(Recorded { operation, kept, shape: x.size(), samples, parameters }));
        result
    }

    /// `x` `[B, …]` with samples of another shape, of as many values.
    pub fn reshape(&mut self, x: &Tensor, sample: &[i64]) -> Tensor {
        self.ways.push(Box::new(Reshaped(x.size())));
        x.reshape([&[-1], sample].concat())
    }

    /// The next operation takes all values of the last result but one, the last: that is a loss of its own, and the total
    /// contains it `weight` times.
    pub(crate) fn append(&mut self, weight: f64) {
        self.ways.push(Box::new(Appended(weight)));
    }

    /// Goes back from the loss: each parameter that is trained gets its gradient, in place of any that it had.
    ///
    /// # Errors
    /// An error from libtorch.
    pub fn back(self) -> Result<(), TorchError> {
        // Nothing before the first of them is trained.
        let Some(first) = self.ways.iter().position(|way| way.is_trained()) else { return Ok(()) };
        let mut gradient = Tensor::ones([0i64; 0], (Kind::Float, Device::Cpu));
        for (index, way) in self.ways.into_iter().enumerate().skip(first).rev() {
            let before = way.back(gradient, index > first)?;
            let Some(before) = before else { break };
            gradient = before;
        }
        Ok(())
    }
}

/// The way back through one operation.
trait Way {
    /// Whether it has parameters that get gradients.
    fn is_trained(&self) -> bool;

    /// From the gradient of the result to those of the parameters, and to that of what it was computed from, if it is wanted.
    fn back(self: Box<Self>, gradient: Tensor, wants_samples: bool) -> Result<Option<Tensor>, TorchError>;
}

struct Reshaped(Vec<i64>);

impl Way for Reshaped {
    fn is_trained(&self) -> bool {
        false
    }

    fn back(self: Box<Self>, gradient: Tensor, _wants_samples: bool) -> Result<Option<Tensor>, TorchError> {
        Ok(Some(gradient.reshape(self.0)))
    }
}

struct Appended(f64);

impl Way for Appended {
    fn is_trained(&self) -> bool {
        false
    }

    fn back(self: Box<Self>, gradient: Tensor, _wants_samples: bool) -> Result<Option<Tensor>, TorchError> {
        Ok(Some(Tensor::cat(&[gradient.reshape([-1]), Tensor::from_slice(&[self.0 as f32])], 0)))
    }
}

struct Recorded<O: Operation> {
    operation: Arc<O>,
    kept: O::Kept,
    /// Of the samples.
    shape: Vec<i64>,
    /// Undefined where the way back does not need them.
    samples: Tensor,
    parameters: Vec<Tensor>,
}

impl<O: Operation> Way for Recorded<O> {
    fn is_trained(&self) -> bool {
        self.parameters.iter().any(Tensor::requires_grad)
    }

    fn back(
        mut self: Box<Self>,
        gradient: Tensor,
        wants_samples: bool,
    ) -> Result<Option<Tensor>, TorchError> {
        let gradient = gradient.contiguous();
        if wants_samples
            && !self.is_trained()
            && self.operation.gradient_in(&mut self.kept, values(&gradient)).is_some()
        {
            let Recorded { operation, kept, shape, .. } = *self;
            let found = "as it was a moment ago";
            let adopted = native::adopt(
                kept,
                |kept| operation.gradient_in(kept, values(&gradient)).expect(found),
                &shape,
            );
            return adopted.map(Some);
        }
        let samples = wants_samples.then(|| Tensor::empty(&self.shape, (Kind::Float, Device::Cpu)));
        let wanted = self.is_trained().then(|| {
            let made = |parameter: &Tensor| Tensor::empty(parameter.size(), (Kind::Float, Device::Cpu));
            self.parameters.iter().map(made).collect::<Vec<Tensor>>()
        });
        // SAFETY: all were made above, so nothing else uses them.
        let gradients = unsafe {
            Gradients {
                samples: samples.as_ref().map(|samples| values_mut(samples)),
                parameters: wanted.as_ref().map(|wanted| wanted.iter().map(|to| values_mut(to)).collect()),
            }
        };
        let x = O::NEEDS_SAMPLES.then(|| values(&self.samples));
        let parameters = all_values(&self.parameters);
        self.operation.backward(&parameters, &self.kept, x, values(&gradient), gradients, &Libtorch);
        if let Some(wanted) = &wanted {
            native::set_gradients(&self.parameters, wanted)?;
        }
        Ok(samples)
    }
}

fn all_values(tensors: &[Tensor]) -> Vec<&[f32]> {
    tensors.iter().map(values).collect()
}
