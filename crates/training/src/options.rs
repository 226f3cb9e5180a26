//! Options of a training run besides its configuration: where it is kept, who observes it, how it is stopped.

use crate::observer::Observer;
use ae_records::run_dir::RunDir;
use serde_json::{Map, Value};
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

/// Where a run is kept.
pub(crate) struct Folder<'r> {
    pub(crate) run: &'r RunDir,
    pub(crate) resume: bool,
    pub(crate) settings: Map<String, Value>,
}
