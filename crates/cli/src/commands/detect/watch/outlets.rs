//! What a watch tells besides its verdicts: figures to scrape, and messages about alarms.

use super::metrics::{self, Gauges};
use super::webhook::Notifier;
use crate::cli::WatchArgs;
use crate::failure::Failure;
use crate::output;
use ae_anomaly::{Detector, Drift, Judgement};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The outlets that were asked for. None of them makes the watch wait.
pub(super) struct Outlets {
    gauges: Arc<Gauges>,
    /// Whether the figures can be scraped.
    is_scraped: bool,
    notifier: Option<Notifier>,
}

impl Outlets {
    /// Takes the port and checks the address, before a line is read.
    pub(super) fn open(args: &WatchArgs) -> Result<Self, Failure> {
        let name = args.model.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let gauges = Arc::new(Gauges::new(name));
        let interval = Duration::from_secs(args.webhook_interval);
        let address = args.webhook.as_deref();
        let notifier = address.map(|address| Notifier::new(address, interval, Arc::clone(&gauges)));
        let notifier = notifier.transpose()?;
        if let Some(address) = &args.metrics {
            let bound = metrics::serve(address, Arc::clone(&gauges))?;
            output::note(&format!("metrics: http://{bound}/metrics"));
        }
        Ok(Outlets { gauges, is_scraped: args.metrics.is_some(), notifier })
    }

    /// What is known before the first line.
    pub(super) fn begin(&self, detector: &Detector, drift: Option<&Drift>) {
        self.gauges.threshold.set(detector.calibration().threshold().value());
        drift.into_iter().for_each(|drift| self.drift(drift));
    }

    /// A line was judged (`None`: it was bad), and `written`, its verdict as a line of JSON, is out.
    pub(super) fn line(&self, line: u64, judgement: Option<&Judgement>, written: &[u8]) {
        let gauges = &self.gauges;
        gauges.line.store(line, Relaxed);
        let Some(judgement) = judgement else {
            gauges.bad_lines.fetch_add(1, Relaxed);
            return;
        };
        gauges.row();
        if let Some(verdict) = judgement.verdict() {
            gauges.score.set(verdict.score);
            gauges.threshold.set(verdict.threshold);
        }
        match judgement {
            Judgement::Normal(_) => {}
            Judgement::Unknown { .. } => {
                gauges.unknown.fetch_add(1, Relaxed);
            }
            Judgement::Anomalous(_) => {
                gauges.alarms.fetch_add(1, Relaxed);
                let first = written.split(|&byte| byte == b'\n').next().unwrap_or_default();
                if let (Some(notifier), Ok(alarm)) = (&self.notifier, serde_json::from_slice(first)) {
                    notifier.alarm(&alarm);
                }
            }
        }
    }

    /// The drift monitor has seen a score.
    pub(super) fn drift(&self, drift: &Drift) {
        if self.is_scraped {
            self.gauges.drift_evidence.set(drift.status().evidence);
            self.gauges.drifting.store(u64::from(drift.is_drifting()), Relaxed);
        }
    }

    /// Gives alarms that wait a few seconds to be sent.
    pub(super) fn close(self) {
        self.notifier.into_iter().for_each(Notifier::close);
    }
}
