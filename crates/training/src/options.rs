//! Options of a training run besides its configuration: where it is kept, who observes it, how it is stopped.

use crate::observer::Observer;
use ae_records::run_dir::RunDir;
use ae_tensor::Workers;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Options of a training run besides its configuration.
#[derive(Default)]
pub struct TrainOptions<'a> {
    /// A folder that gets `metrics.jsonl`, TensorBoard events and checkpoints.
    pub run: Option<&'a RunDir>,
    /// Whether training continues from the checkpoint in that folder, if there is one. The configuration, the
    /// other `settings` and the data must be those that the run began with.
    pub resume: bool,
    /// What determines the run besides its configuration and data, such as the settings of the model, by name.
    pub settings: Map<String, Value>,
    /// The observer.
    pub observer: Option<&'a mut dyn Observer>,
    /// Training stops at the next step when this is set.
    pub stop: Option<&'a AtomicBool>,
    /// The workers that train together, if they are several: each calls [`train_with`](crate::train_with) with the same
    /// model, data, configuration and `settings`, and worker 0 alone with a folder. A batch is shared among them; the loss
    /// curves, the figures and the trained model are the same for all, and those of a single process within the rounding of
    /// sums. A worker that is told to stop stops all.
    pub workers: Option<Arc<dyn Workers>>,
}

impl std::fmt::Debug for TrainOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainOptions")
            .field("run", &self.run)
            .field("resume", &self.resume)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

/// What a run begins with.
pub(crate) struct Start<'r> {
    /// Where it is kept.
    pub(crate) run: Option<&'r RunDir>,
    pub(crate) resume: bool,
    pub(crate) settings: Map<String, Value>,
}
