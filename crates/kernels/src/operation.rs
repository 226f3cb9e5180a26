//! What a tensor library has to know of a kernel.

use crate::threads::Threads;
use std::fmt::Debug;

/// A function of samples and parameters that is differentiated once.
///
/// All arrays are in the standard layout, the samples of a batch first. Functions panic for arrays of other sizes.
pub trait Operation: Debug + Send + Sync + 'static {
    /// What a forward pass leaves for the backward pass.
    type Kept: Send + Sync + 'static;

    /// Whether the backward pass needs the samples again.
    const NEEDS_SAMPLES: bool;

    /// From `samples` to `to`.
    fn forward(&self, parameters: &[&[f32]], samples: &[f32], to: &mut [f32], threads: &dyn Threads);

    /// [`Self::forward`], with what [`Self::backward`] needs.
    fn forward_kept(
        &self,
        parameters: &[&[f32]],
        samples: &[f32],
        to: &mut [f32],
        threads: &dyn Threads,
    ) -> Self::Kept;

    /// The gradient of the samples, if it was kept as it is for this gradient of the result, so that nobody has to compute or
    /// copy it; [`Self::backward`] gives the same.
    fn gradient_in<'k>(&self, _kept: &'k mut Self::Kept, _gradient: &[f32]) -> Option<&'k mut [f32]> {
        None
    }

    /// From the gradient of the result to those of samples and parameters, which are overwritten. `kept` is of the forward
    /// pass with the same parameters and samples.
    fn backward(
        &self,
        parameters: &[&[f32]],
        kept: &Self::Kept,
        samples: Option<&[f32]>,
        gradient: &[f32],
        gradients: Gradients<'_>,
        threads: &dyn Threads,
    );
}

/// Where the gradients of a backward pass go; what is `None` is not computed.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// Of the samples.
    pub samples: Option<&'a mut [f32]>,
    /// Of each parameter.
    pub parameters: Option<Vec<&'a mut [f32]>>,
}
