//! The context of a step, and its losses.

use super::Batch;
use ae_tensor::workers::Part;
use ae_tensor::{Noise, Tape, Tensor};

/// The context in which losses are computed: the draws of the step, and whether it trains.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The draws.
    pub noise: Noise,
    /// What the losses are computed for.
    pub phase: Phase,
    /// The part of the batch that the rows are, if other workers compute the rest; see [`Self::over_batch`].
    pub part: Option<Part>,
    /// Whether losses may come with a [`Tape`] instead of a graph, which is faster.
    pub takes_tapes: bool,
}

/// What losses are computed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Training: running statistics move, and schedules inside the objective are at this step.
    Training {
        /// The step, counted from 0.
        step: u64,
        /// Steps of the whole run; at least 1.
        steps: u64,
    },
    /// Evaluation: nothing in the model changes, and schedules inside the objective are at their end.
    Evaluation,
}

impl Pass {
    /// Step `step` (counted from 0) of `steps`.
    pub fn training(noise: Noise, step: u64, steps: u64) -> Self {
        Pass { noise, phase: Phase::Training { step, steps }, part: None, takes_tapes: false }
    }

    /// An evaluation.
    pub fn evaluation(noise: Noise) -> Self {
        Pass { noise, phase: Phase::Evaluation, part: None, takes_tapes: false }
    }

    /// Whether this is a training pass.
    pub fn is_training(&self) -> bool {
        self.phase != Phase::Evaluation
    }

    /// Whether the losses of this batch may come with a [`Tape`]: they are asked for, and are plain means over its rows.
    pub fn may_record(&self, batch: &Batch) -> bool {
        self.takes_tapes && batch.observed.is_none()
    }

    /// The mean over the rows of the whole batch, from the mean over the rows that this process computes, of any shape.
    ///
    /// The mean of a loss over rows needs no such call: the loop adds up the losses of all workers. A loss that is not
    /// a mean over rows does, such as the absolute value of a mean.
    pub fn over_batch(&self, mean_of_rows: Tensor) -> Tensor {
        self.part.as_ref().map_or_else(|| mean_of_rows.shallow_clone(), |part| part.mean(&mean_of_rows))
    }

    /// A loss that is a mean over the observed values of the rows that this process computes, such that the mean over all
    /// workers is that over the observed values of the whole batch; `observed` is 1 where a value counts.
    pub fn over_observed(&self, loss: Tensor, observed: Option<&Tensor>) -> Tensor {
        match (&self.part, observed) {
            (Some(part), Some(observed)) => part.reweighted(&loss, observed),
            _ => loss,
        }
    }

    /// How much of the run is done before this step, in [0, 1); 1 in an evaluation.
    pub fn progress(&self) -> f64 {
        match self.phase {
            Phase::Training { step, steps } => step as f64 / steps.max(1) as f64,
            Phase::Evaluation => 1.0,
        }
    }
}

/// What one group of parameters minimises, by name. The names appear unchanged in logs, plots and records.
#[derive(Debug, Default)]
pub struct Losses {
    /// Name and value of each term: scalars, already weighted, means over the batch. The group minimises
    /// their sum; without terms it rests in this step.
    pub terms: Vec<(&'static str, Tensor)>,
    /// Figures that are measured but not minimised: scalars, means over the batch, without a graph.
    pub figures: Vec<(&'static str, Tensor)>,
    /// The way back from the terms to the parameters, if they are in no graph.
    tape: Option<Tape>,
}

impl Losses {
    /// One term only.
    pub fn single(name: &'static str, value: Tensor) -> Self {
        Losses::new(vec![(name, value)])
    }

    /// Terms and no figures.
    pub fn new(terms: Vec<(&'static str, Tensor)>) -> Self {
        Losses { terms, ..Losses::default() }
    }

    /// With terms that are in no graph: `tape` is the way back from their sum.
    pub fn recorded(self, tape: Tape) -> Self {
        Losses { tape: Some(tape), ..self }
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

    /// The way back from the terms to the parameters, if they are in no graph. Panics if a term that is in a graph was added
    /// to them, because its gradients would be lost.
    pub fn take_tape(&mut self) -> Option<Tape> {
        let tape = self.tape.take()?;
        let lost = self.terms.iter().find(|(_, value)| value.requires_grad());
        if let Some((name, _)) = lost {
            panic!("the term {name} was added to losses that have a tape; compute them without takes_tapes");
        }
        Some(tape)
    }

    /// The sum that is minimised, a scalar; `None` for a group that rests.
    pub fn total(&self) -> Option<Tensor> {
        let mut terms = self.terms.iter().map(|(_, value)| value);
        let first = terms.next()?.shallow_clone();
        Some(terms.fold(first, |sum, term| sum + term))
    }
}
