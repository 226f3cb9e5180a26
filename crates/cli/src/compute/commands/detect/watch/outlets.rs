//! What a watch tells besides its verdicts: figures to scrape, and messages about alarms.

use super::metrics::{self, Gauges};
use super::webhook::Notifier;
use crate::cli::WatchArgs;
use crate::failure::Failure;
use crate::output;
use ae_anomaly::{Detector, Drift, Judgement};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The outlets that were asked for. None of them makes the watch wait.
pub(super) struct Outlets {
    gauges: Arc<Gauges>,
    /// Whether the figures can be scraped.
    is_scraped: bool,
    notifier: Option<Notifier>,
    /// Whether alarms that follow each other are one event, so that its beginning and its end are told.
    has_events: bool,
}

impl Outlets {
    /// Takes the port and checks the address, before a line is read.
    pub(super) fn open(args: &WatchArgs, detector: &Detector) -> Result<Self, Failure> {
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
        let has_events = detector.schema().windows.is_some();
        Ok(Outlets { gauges, is_scraped: args.metrics.is_some(), notifier, has_events })
    }

    /// What is known before the first line.
    pub(super) fn begin(&self, detector: &Detector, drift: Option<&Drift>) {
        self.gauges.threshold.set(detector.calibration().threshold().value());
        drift.into_iter().for_each(|drift| self.drift(drift));
    }

    /// A line was judged (`None`: it was bad), and `written`, its verdict as a line of JSON, is out; lines about events
    /// follow it.
    pub(super) fn line(&self, line: u64, judgement: Option<&Judgement>, written: &[u8]) {
        let gauges = &self.gauges;
        gauges.line.store(line, Relaxed);
        if self.has_events {
            let verdict = written.iter().position(|&byte| byte == b'\n').map_or(written.len(), |end| end + 1);
            self.events(&written[verdict..]);
        }
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
                if let (Some(notifier), false) = (&self.notifier, self.has_events)
                    && let Ok(alarm) = serde_json::from_slice(first)
                {
                    notifier.alarm(&alarm);
                }
            }
        }
    }

    /// Tells of the events that began or ended; `written` are lines of JSON.
    pub(super) fn events(&self, written: &[u8]) {
        for line in written.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok(Value::Object(mut line)) = serde_json::from_slice(line) else { continue };
            let Some(Value::Object(mut event)) = line.remove("event") else { continue };
            if event.get("state").is_some_and(|state| state == "open") {
                self.gauges.events.fetch_add(1, Relaxed);
            }
            // The entries of an alarm, as far as an event has them.
            event.extend(line);
            for key in ["score", "severity"] {
                let own = event.get("strongest").and_then(|strongest| strongest.get(key)).cloned();
                event.extend(own.map(|value| (key.to_string(), value)));
            }
            self.notifier.iter().for_each(|notifier| notifier.alarm(&Value::Object(event.clone())));
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
