//! The tensors of a run: those that it begins with, those that stay as they are, and those that it ends with.

use super::Loop;
use crate::checkpoint::RunTensors;
use crate::options::Start;
use crate::outcome::TrainError;
use crate::start;
use crate::tensors::copy;
use ae_models::{Group, Model};
use ae_tensor::Tensor;

/// Those of each group's parameters that are trained, under the group's name.
pub(super) fn trained(model: &dyn Model, freeze: &[String]) -> Vec<(&'static str, Vec<Tensor>)> {
    let of_group = |group: Group| {
        let trained = group.parameters.into_iter().filter(|(name, _)| !start::is_frozen(name, freeze));
        (group.name, trained.map(|(_, parameter)| parameter).collect())
    };
    model.groups().into_iter().map(of_group).collect()
}

/// Buffers of frozen networks, which training passes would change.
pub(super) struct Frozen {
    buffers: Vec<Tensor>,
    values: Vec<Tensor>,
}

impl Frozen {
    pub(super) fn of(model: &dyn Model, freeze: &[String]) -> Self {
        let buffers: Vec<Tensor> = model
            .buffers()
            .into_iter()
            .filter(|(name, _)| start::is_frozen(name, freeze))
            .map(|(_, buffer)| buffer)
            .collect();
        Frozen { buffers, values: Vec::new() }
    }

    /// Takes the values of now for those that stay.
    pub(super) fn keep(&mut self) {
        self.values = self.buffers.iter().map(|buffer| buffer.detach().copy()).collect();
    }

    /// Undoes what a training pass has changed.
    pub(super) fn restore(&self) {
        copy(&self.buffers, &self.values);
    }
}

impl Loop<'_> {
    /// Begins with the weights of another model, if the configuration names one and there is no checkpoint to go on from.
    pub(super) fn take_weights_of_another(&mut self, start: &Start<'_>) -> Result<(), TrainError> {
        let Some(path) = &self.config.init_from else { return Ok(()) };
        let has_checkpoint = start.resume && start.run.is_some_and(|run| run.checkpoint().exists());
        // Only worker 0 has a folder, and sends its weights to the others.
        let is_sent = self.team.is_several() && start.run.is_none();
        if !has_checkpoint && !is_sent {
            start::take_weights(self.model, path)?;
            copy(&self.averages, &self.parameters);
            copy(&self.best, &self.state);
        }
        Ok(())
    }

    pub(super) fn take_final_weights(&self) {
        if self.position.best.is_some() {
            copy(&self.state, &self.best);
        } else if !self.averages.is_empty() {
            copy(&self.parameters, &self.averages);
        }
    }

    pub(super) fn tensors(&mut self) -> RunTensors<'_> {
        RunTensors {
            model: self.model,
            optimizers: &mut self.optimizers,
            averages: &self.averages,
            best: &self.best,
        }
    }
}
