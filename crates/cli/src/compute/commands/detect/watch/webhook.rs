//! `watch --webhook`: tells a web service of alarms.
//!
//! Alarms wait in a bounded queue in memory, from which a thread of its own sends them, so that judging never waits for
//! the network. The first alarm is sent at once; those that follow within the interval are sent together when it is
//! over. A try that fails is repeated after an exponentially growing wait with jitter, until the service accepts the
//! message or says that it never will. What is promised: as long as the process lives, every alarm is sent, or counted
//! in `dropped` of the next message. Alarms that wait when the process is killed are lost, and one whose
//! acknowledgement was lost is sent again.

use super::metrics::Gauges;
use crate::failure::Failure;
use crate::output;
use ae_fetch::{PostError, Poster};
use ae_records::record::now;
use ae_records::seed::stream_seed;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Alarms that wait, at most; the oldest make way.
const MAX_QUEUED: usize = 1000;
/// Length of the JSON of all alarms that wait, at most.
const MAX_QUEUED_BYTES: usize = 8 << 20;
/// A longer alarm goes without its explanation.
const MAX_ALARM_BYTES: usize = 64 << 10;
/// Alarms written out in a message; the others are counted.
const MAX_LISTED: usize = 20;
/// The wait after the first failed try, and the longest one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(60);
/// How long the end of a watch waits for alarms to be sent, and the wait between two tries then.
const FLUSH: Duration = Duration::from_secs(5);
const FLUSH_WAIT: Duration = Duration::from_millis(500);

/// Sends alarms to an address.
pub(super) struct Notifier {
    shared: Arc<Shared>,
}

struct Shared {
    poster: Poster,
    gauges: Arc<Gauges>,
    host: String,
    interval: Duration,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    alarms: VecDeque<Alarm>,
    bytes: usize,
    /// Alarms being sent.
    under_way: usize,
    /// Alarms given up since the last accepted message.
    dropped: u64,
    closing: bool,
    done: bool,
}

struct Alarm {
    value: Value,
    bytes: usize,
}

impl Alarm {
    fn severity(&self) -> f64 {
        self.value["severity"].as_f64().unwrap_or(0.0)
    }

    /// `line 17, score 4.5, threshold 1.3, cause "press"`, as far as they are there.
    fn to_text(&self) -> String {
        let mut parts = Vec::new();
        let state = self.value.get("state").and_then(Value::as_str);
        parts
            .extend(state.map(|state| {
                if state == "open" { "an event began" } else { "an event is over" }.to_string()
            }));
        for key in ["line", "score", "threshold", "cause"] {
            if let Some(value) = self.value.get(key).filter(|value| !value.is_null()) {
                parts.push(format!("{key} {value}"));
            }
        }
        parts.join(", ")
    }
}

impl Queue {
    /// Adds an alarm, and returns the number of old ones that made way.
    fn push(&mut self, alarm: Alarm) -> u64 {
        self.bytes += alarm.bytes;
        self.alarms.push_back(alarm);
        let mut dropped = 0;
        while self.alarms.len() > MAX_QUEUED || (self.bytes > MAX_QUEUED_BYTES && self.alarms.len() > 1) {
            let Some(oldest) = self.alarms.pop_front() else { break };
            self.bytes -= oldest.bytes;
            dropped += 1;
        }
        self.dropped += dropped;
        dropped
    }

    fn take(&mut self) -> Vec<Alarm> {
        self.bytes = 0;
        let taken: Vec<Alarm> = self.alarms.drain(..).collect();
        self.under_way = taken.len();
        taken
    }

    /// Puts back what could not be sent, before what has come since.
    fn put_back(&mut self, alarms: Vec<Alarm>) -> u64 {
        let since = std::mem::take(&mut self.alarms);
        self.bytes = 0;
        self.under_way = 0;
        alarms.into_iter().chain(since).map(|alarm| self.push(alarm)).sum()
    }
}

impl Notifier {
    /// Checks the address and starts the thread; nothing is sent before the first alarm.
    pub(super) fn new(address: &str, interval: Duration, gauges: Arc<Gauges>) -> Result<Self, Failure> {
        let poster = Poster::new(address).map_err(|error| Failure::usage(format!("--webhook is {error}")))?;
        let shared = Arc::new(Shared {
            poster,
            gauges,
            host: sysinfo::System::host_name().unwrap_or_default(),
            interval,
            queue: Mutex::default(),
            changed: Condvar::new(),
        });
        let worker = Arc::clone(&shared);
        let started = thread::Builder::new().name("webhook".into()).spawn(move || worker.work());
        started.map_err(|error| Failure::new(format!("cannot start the thread of the webhook: {error}")))?;
        Ok(Notifier { shared })
    }

    /// Queues an alarm: an object such as the line that `watch` writes. Never waits for the network.
    pub(super) fn alarm(&self, alarm: &Value) {
        let mut value = alarm.clone();
        let mut bytes = value.to_string().len();
        if let Some(entries) = value.as_object_mut() {
            if bytes > MAX_ALARM_BYTES && entries.remove("explanation").is_some() {
                bytes = Value::Object(entries.clone()).to_string().len();
            }
            entries.entry("time").or_insert_with(|| now().into());
        }
        let dropped = self.shared.lock().push(Alarm { value, bytes });
        self.shared.gauges.webhook_dropped.fetch_add(dropped, Relaxed);
        self.shared.changed.notify_all();
    }

    /// Gives the alarms that wait a few seconds to be sent.
    pub(super) fn close(self) {
        let end = Instant::now() + FLUSH;
        let mut queue = self.shared.lock();
        queue.closing = true;
        self.shared.changed.notify_all();
        while !queue.done {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            queue = wait(&self.shared.changed, queue, Some(left));
        }
        let unsent = queue.alarms.len() + queue.under_way;
        drop(queue);
        if unsent > 0 {
            let address = &self.shared.poster;
            output::note(&format!("webhook: alarms that could not be sent to {address} in time: {unsent}"));
        }
    }
}

/// Waits for a change of the queue, or for at most this long.
fn wait<'q>(
    changed: &Condvar,
    queue: MutexGuard<'q, Queue>,
    time: Option<Duration>,
) -> MutexGuard<'q, Queue> {
    match time {
        None => changed.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner()),
        Some(time) => changed.wait_timeout(queue, time).unwrap_or_else(|poisoned| poisoned.into_inner()).0,
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Sends until the watch ends and the queue is empty.
    fn work(&self) {
        let start = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Watches that lost the same service together should not return together.
        let seed = u64::from(start.subsec_nanos()) ^ (u64::from(std::process::id()) << 32);
        let (mut failures, mut next) = (0, Instant::now());
        while let Some((alarms, dropped)) = self.due(next, failures > 0) {
            match self.poster.post(&self.message(&alarms, dropped).to_string()) {
                Ok(()) => {
                    if failures > 0 {
                        output::note(&format!("webhook: {} answers again", self.poster));
                    }
                    self.gauges.webhook_sent.fetch_add(1, Relaxed);
                    let mut queue = self.lock();
                    queue.under_way = 0;
                    queue.dropped -= dropped;
                    (failures, next) = (0, Instant::now() + self.interval);
                }
                Err(error) => {
                    self.gauges.webhook_failed.fetch_add(1, Relaxed);
                    let again = backoff(failures, seed, &error);
                    if failures == 0 || !error.is_temporary {
                        self.tell(&error, alarms.len());
                    }
                    self.failed(alarms, error.is_temporary);
                    (failures, next) = (failures.saturating_add(1), Instant::now() + again);
                }
            }
        }
        self.lock().done = true;
        self.changed.notify_all();
    }

    fn tell(&self, error: &PostError, alarms: usize) {
        output::note(&match error.is_temporary {
            true => format!("webhook: {}: {error}; trying again", self.poster),
            false => format!("webhook: {}: {error}; alarms given up: {alarms}", self.poster),
        });
    }

    fn failed(&self, alarms: Vec<Alarm>, is_temporary: bool) {
        let mut queue = self.lock();
        let dropped = if is_temporary {
            queue.put_back(alarms)
        } else {
            queue.under_way = 0;
            queue.dropped += alarms.len() as u64;
            alarms.len() as u64
        };
        self.gauges.webhook_dropped.fetch_add(dropped, Relaxed);
    }

    /// Waits until there are alarms and it is time to send them. `None` once the watch has ended and all are sent.
    fn due(&self, mut next: Instant, has_failed: bool) -> Option<(Vec<Alarm>, u64)> {
        let mut queue = self.lock();
        loop {
            let now = Instant::now();
            if queue.closing {
                // At the end only a service that has just failed is waited for.
                next = if has_failed { next.min(now + FLUSH_WAIT) } else { now };
            }
            if queue.alarms.is_empty() {
                if queue.closing {
                    return None;
                }
                queue = wait(&self.changed, queue, None);
            } else if next > now {
                queue = wait(&self.changed, queue, Some(next - now));
            } else {
                let dropped = queue.dropped;
                return Some((queue.take(), dropped));
            }
        }
    }

    fn message(&self, alarms: &[Alarm], dropped: u64) -> Value {
        let worst = alarms.iter().max_by(|a, b| a.severity().total_cmp(&b.severity()));
        let about = worst.map(Alarm::to_text).unwrap_or_default();
        let listed: Vec<&Value> = alarms.iter().take(MAX_LISTED).map(|alarm| &alarm.value).collect();
        let detector = &self.gauges.detector;
        let text = match alarms.len() {
            1 => format!("anomaly found by {detector} on {}: {about}", self.host),
            n => format!("{n} anomalies found by {detector} on {}; the most severe: {about}", self.host),
        };
        json!({
            "text": text,
            "detector": detector,
            "host": self.host,
            "program": concat!("ae ", env!("CARGO_PKG_VERSION")),
            "sent": now(),
            "count": alarms.len(),
            "dropped": dropped,
            "alarms": listed,
        })
    }
}

/// The wait after a failed try: it doubles with each, and half of it is random. A server may ask for a longer one.
fn backoff(failures: u32, seed: u64, error: &PostError) -> Duration {
    let longest = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures.min(16))).min(MAX_WAIT);
    let random = stream_seed(seed, "webhook", u64::from(failures)) as f64 / u64::MAX as f64;
    longest.mul_f64(0.5 + 0.5 * random).max(error.wait.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(line: usize, bytes: usize) -> Alarm {
        Alarm { value: json!({ "line": line }), bytes }
    }

    fn lines(queue: &Queue) -> Vec<u64> {
        queue.alarms.iter().map(|alarm| alarm.value["line"].as_u64().unwrap()).collect()
    }

    #[test]
    fn the_oldest_alarms_make_way_and_are_counted() {
        let mut queue = Queue::default();
        let dropped: u64 = (0..MAX_QUEUED + 3).map(|line| queue.push(alarm(line, 10))).sum();
        assert_eq!((dropped, queue.dropped, lines(&queue)[0]), (3, 3, 3));
        assert_eq!((queue.alarms.len(), queue.bytes), (MAX_QUEUED, 10 * MAX_QUEUED));
        assert_eq!(queue.push(alarm(9999, MAX_QUEUED_BYTES + 1)), MAX_QUEUED as u64, "a large one");
        assert_eq!(lines(&queue), [9999]);
    }

    #[test]
    fn what_was_not_sent_comes_before_what_came_since() {
        let mut queue = Queue::default();
        (0..3).for_each(|line| assert_eq!(queue.push(alarm(line, 1)), 0));
        let taken = queue.take();
        assert_eq!((taken.len(), queue.under_way, queue.bytes), (3, 3, 0));
        queue.push(alarm(3, 1));
        assert_eq!(queue.put_back(taken), 0);
        assert_eq!((lines(&queue), queue.bytes, queue.under_way), (vec![0, 1, 2, 3], 4, 0));
    }

    #[test]
    fn waits_double_up_to_a_minute_and_differ() {
        let error = |wait| PostError { reason: String::new(), is_temporary: true, wait };
        for failures in [0, 1, 2, 5, 6, 40, u32::MAX] {
            let longest = FIRST_WAIT.saturating_mul(1 << failures.min(6)).min(MAX_WAIT);
            let waited = backoff(failures, 7, &error(None));
            assert!(longest / 2 <= waited && waited <= longest, "{failures}: {waited:?}");
            assert_ne!(waited, backoff(failures, 8, &error(None)));
        }
        assert_eq!(backoff(0, 7, &error(Some(MAX_WAIT))), MAX_WAIT, "what the server asks for");
    }
}
