//! Observers of a training run: progress bars, plain lines, anything else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Progress of a run, with means since the previous report.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Optimizer steps taken, of `steps`.
    pub step: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// Epochs finished.
    pub epoch: u64,
    /// Epochs of the whole run.
    pub epochs: u64,
    /// Mean of each loss term since the previous report.
    pub terms: BTreeMap<String, f64>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Training samples per second of this process so far.
    pub samples_per_second: f64,
}

/// Callbacks of the loop; each does nothing by default. They cannot change the run.
pub trait Observer {
    /// Before a run of which there may be several: what is trained, and where.
    fn on_run(&mut self, _text: &str) {}

    /// Before the first step; `step` and `epoch` are above zero in a resumed run.
    fn on_start(&mut self, _progress: &Progress) {}

    /// At each point of the loss curves.
    fn on_log(&mut self, _progress: &Progress) {}

    /// Twice a second, whatever the steps take: means since the last point of the loss curves.
    fn on_pulse(&mut self, _progress: &Progress) {}

    /// After each epoch: means over the epoch's last window, and over the validation rows if there are any.
    fn on_epoch(&mut self, _progress: &Progress, _validation: Option<&BTreeMap<String, f64>>) {}

    /// After the last step, even if the run was interrupted.
    fn on_end(&mut self) {}

    /// What is being done, in a few words, outside training runs.
    fn on_note(&mut self, _text: &str) {}
}

/// Observes nothing.
impl Observer for () {}

/// Beats twice a second.
pub(crate) struct Pulse(Instant);

impl Pulse {
    pub(crate) fn begin() -> Self {
        Pulse(Instant::now())
    }

    /// Whether half a second has passed since this was so.
    pub(crate) fn is_due(&mut self) -> bool {
        let is_due = self.0.elapsed() >= Duration::from_millis(500);
        if is_due {
            self.0 = Instant::now();
        }
        is_due
    }
}
