//! Adam's step: our own kernel's for parameters on the CPU, libtorch's fused one elsewhere.

use crate::kernels::Kernels;
use crate::native::{self, TorchError};
use crate::threads::Libtorch;
use ae_kernels::{AdamStep, Moments, Processor};
use tch::Tensor;

/// The tensors of a group: parameters, the means of their gradients and of the squares of these, and each one's steps, a
/// scalar. Parameters without a gradient are left alone.
pub(crate) struct Group<'a> {
    pub(crate) parameters: &'a [Tensor],
    pub(crate) first: &'a [Tensor],
    pub(crate) second: &'a [Tensor],
    pub(crate) steps: &'a [Tensor],
}

impl Group<'_> {
    pub(crate) fn step(&self, how: &AdamStep) -> Result<(), TorchError> {
        if let Some(processor) = Kernels::chosen().processor()
            && self.step_by(how, processor)?
        {
            return Ok(());
        }
        let Group { parameters, first, second, steps } = *self;
        native::fused_adam(parameters, first, second, steps, how)
    }

    /// The step by our own kernel; `false` if it cannot take these tensors.
    fn step_by(&self, how: &AdamStep, processor: Processor) -> Result<bool, TorchError> {
        let Group { parameters, first, second, steps } = *self;
        let n = parameters.len();
        assert!(first.len() == n && second.len() == n && steps.len() == n, "one state for each parameter");
        let of = |tensors| native::values(tensors, false);
        let (Some(places), Some(gradients)) = (of(parameters)?, native::values(parameters, true)?) else {
            return Ok(false);
        };
        let (Some(first), Some(second), Some(steps)) = (of(first)?, of(second)?, of(steps)?) else {
            return Ok(false);
        };
        let mut all = Vec::with_capacity(n);
        for (index, parameter) in parameters.iter().enumerate() {
            let len = parameter.numel();
            if gradients[index].is_null() || len == 0 {
                continue;
            }
            // SAFETY: the tensors are contiguous 32-bit numbers on the CPU. A gradient has as many values as its parameter,
            // and the means were made with as many. What is written shares no memory, and nothing else uses it meanwhile.
            let moments = unsafe {
                let of = |place: *mut f32| std::slice::from_raw_parts_mut(place, len);
                let taken = steps[index];
                *taken += 1.0;
                Moments {
                    parameter: of(places[index]),
                    gradient: std::slice::from_raw_parts(gradients[index], len),
                    first: of(first[index]),
                    second: of(second[index]),
                    steps: f64::from(*taken),
                }
            };
            all.push(moments);
        }
        how.take(&mut all, processor, &Libtorch);
        Ok(true)
    }
}
