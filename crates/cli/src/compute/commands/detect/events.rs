//! Events as lines of JSON.

use super::times::Times;
use super::verdicts::json_line;
use ae_anomaly::events::{Change, Event, Moment, Opening};
use ae_intake::Schema;
use serde::Serialize;
use serde_json::Value;

/// A line of JSON about an event of a stream.
#[derive(Serialize)]
struct Told<'a> {
    line: u64,
    event: State<'a>,
}

#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum State<'a> {
    Open(Opened<'a>),
    Closed(Box<Closed<'a>>),
}

#[derive(Serialize)]
struct Opened<'a> {
    number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    start: At,
    score: f64,
    severity: f64,
    cause: Option<&'a str>,
}

/// An event that is over.
#[derive(Serialize)]
pub(super) struct Closed<'a> {
    number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    start: At,
    end: At,
    peak: At,
    strongest: Strongest,
    alarms: u64,
    first_alarm: At,
    last_alarm: At,
    cause: Option<&'a str>,
}

/// The alarm with the highest score; a window ends at its line, which is not where the anomaly peaks.
#[derive(Serialize)]
struct Strongest {
    #[serde(flatten)]
    at: At,
    score: f64,
    severity: f64,
}

#[derive(Serialize)]
struct At {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Value>,
}

impl<'a> Closed<'a> {
    pub(super) fn new(times: &Times, event: &'a Event) -> Self {
        let at = |moment: Moment| At::new(times, moment);
        let strongest = &event.strongest;
        Closed {
            number: event.number,
            group: event.group.as_deref(),
            start: at(event.start),
            end: at(event.end),
            peak: at(event.peak),
            strongest: Strongest {
                at: at(strongest.at),
                score: strongest.score,
                severity: strongest.severity,
            },
            alarms: event.alarms,
            first_alarm: at(event.first_alarm),
            last_alarm: at(event.last_alarm),
            cause: strongest.cause.as_deref(),
        }
    }
}

impl At {
    fn new(times: &Times, Moment { line, time }: Moment) -> Self {
        At { line: times.line(line), time: time.map(|time| times.value(time)) }
    }
}

/// Lines about what a line of a stream changed. Where rows are independent, an alarm is an event, and its verdict says
/// all there is to say.
pub(super) fn of_change(schema: &Schema, times: &Times, change: &Change, out: &mut Vec<u8>) {
    if schema.windows.is_none() {
        return;
    }
    if let Some(event) = &change.closed {
        json_line(
            &Told { line: change.line, event: State::Closed(Box::new(Closed::new(times, event))) },
            out,
        );
    }
    if let Some(Opening { number, group, first }) = &change.opened {
        let opened = Opened {
            number: *number,
            group: group.as_deref(),
            start: At::new(times, first.at),
            score: first.score,
            severity: first.severity,
            cause: first.cause.as_deref(),
        };
        json_line(&Told { line: change.line, event: State::Open(opened) }, out);
    }
}
