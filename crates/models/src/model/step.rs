//! What a step is computed under, and what it gives.

use ae_tensor::{Noise, Tensor};

/// Under which circumstances losses are computed: the draws of the step, and whether it trains.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// The draws.
    pub noise: Noise,
    /// What the losses are computed for.
    pub phase: Phase,
}

/// What losses are computed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// To train: running statistics move, schedules inside the objective stand at this step.
    Training {
        /// The step, counted from 0.
        step: u64,
        /// Steps of the whole run; at least 1.
        steps: u64,
    },
    /// To measure: nothing in the model changes, and schedules inside the objective stand at their end.
    Evaluation,
}

impl Pass {
    /// Step `step` (counted from 0) of `steps`.
    pub fn training(noise: Noise, step: u64, steps: u64) -> Self {
        Pass { noise, phase: Phase::Training { step, steps } }
    }

    /// A measurement.
    pub fn evaluation(noise: Noise) -> Self {
        Pass { noise, phase: Phase::Evaluation }
    }

    /// Whether the model learns from what is computed.
    pub fn is_training(&self) -> bool {
        self.phase != Phase::Evaluation
    }

    /// How much of the run is done before this step, in [0, 1); 1 for a measurement.
    pub fn progress(&self) -> f64 {
        match self.phase {
            Phase::Training { step, steps } => step as f64 / steps.max(1) as f64,
            Phase::Evaluation => 1.0,
        }
    }
}

/// What one group of parameters minimises, by name. The names appear in logs, plots and records as they are.
#[derive(Debug, Default)]
pub struct Losses {
    /// Name and value of each term: scalars, already weighted, means over the batch. The group minimises their sum;
    /// without any it rests in this step.
    pub terms: Vec<(&'static str, Tensor)>,
    /// What is measured along the way and minimised by nobody: scalars, means over the batch, without a graph.
    pub figures: Vec<(&'static str, Tensor)>,
}

impl Losses {
    /// One term only.
    pub fn single(name: &'static str, value: Tensor) -> Self {
        Losses::new(vec![(name, value)])
    }

    /// Terms and no figures.
    pub fn new(terms: Vec<(&'static str, Tensor)>) -> Self {
        Losses { terms, figures: Vec::new() }
    }

    /// A group that rests in this step: its parameters and its optimizer stay as they are.
    pub fn resting() -> Self {
        Losses::default()
    }

    /// Adds a figure.
    pub fn with_figure(mut self, name: &'static str, value: &Tensor) -> Self {
        self.figures.push((name, value.detach()));
        self
    }

    /// The sum that is minimised, a scalar; none for a group that rests.
    pub fn total(&self) -> Option<Tensor> {
        let mut terms = self.terms.iter().map(|(_, value)| value);
        let first = terms.next()?.shallow_clone();
        Some(terms.fold(first, |sum, term| sum + term))
    }
}
