//! For tests.

use crate::{Gradients, Operation, Threads};

/// Values between -1 and 1 from a simple generator.
pub(crate) fn values(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// What an operation computes: results and all gradients.
#[derive(Debug, PartialEq)]
pub(crate) struct Results {
    pub(crate) to: Vec<f32>,
    pub(crate) samples: Vec<f32>,
    pub(crate) parameters: Vec<Vec<f32>>,
}

impl Results {
    /// Forward, in both ways, and backward; every value must be written.
    pub(crate) fn of(
        operation: &impl Operation,
        parameters: &[&[f32]],
        samples: &[f32],
        gradient: &[f32],
        threads: &dyn Threads,
    ) -> Self {
        let nan = |len: usize| vec![f32::NAN; len];
        let mut results = Results {
            to: nan(gradient.len()),
            samples: nan(samples.len()),
            parameters: parameters.iter().map(|parameter| nan(parameter.len())).collect(),
        };
        let kept = operation.forward_kept(parameters, samples, &mut results.to, threads);
        let mut alone = nan(results.to.len());
        operation.forward(parameters, samples, &mut alone, threads);
        assert_eq!(alone, results.to, "with and without what is kept");
        let gradients = Gradients {
            samples: Some(&mut results.samples),
            parameters: Some(results.parameters.iter_mut().map(Vec::as_mut_slice).collect()),
        };
        operation.backward(parameters, &kept, Some(samples), gradient, gradients, threads);
        results
    }
}
