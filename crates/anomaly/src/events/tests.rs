//! Tests runs and the tracker on judgements without a detector; `tests/events.rs` tests them with one.

use super::profile::MAX_BINS;
use super::*;
use crate::calibration::Verdict;
use crate::judgement::{Judgement, Unknown};
use ae_intake::{Group, InputConfig, LayoutChoice, Schema, Table};
use ae_records::seed::stream_rng;
use rand::RngExt;

/// A schema of windows of `length` steps, or of a table; `dates` adds a column of times, 60 s apart.
fn schema(length: Option<usize>, dates: bool) -> Schema {
    let mut text = String::from(if dates { "time,a\n" } else { "a\n" });
    for row in 0..200 {
        let value = f64::from(row % 7) + 0.5;
        text.push_str(&if dates { format!("{},{value}\n", 60 * row) } else { format!("{value}\n") });
    }
    let config = InputConfig {
        layout: if length.is_some() { LayoutChoice::Windows } else { LayoutChoice::Table },
        window: length,
        timestamp: dates.then(|| "time".into()),
        ..InputConfig::default()
    };
    let table = Table::parse(text.as_bytes(), "series.csv", &config).unwrap();
    Schema::learn(&table, &(0..200).collect::<Vec<_>>()).unwrap().schema
}

fn verdict(score: f64) -> Judgement {
    let is_anomalous = score > 1.0;
    Judgement::of(Verdict { score, p_value: 0.01, threshold: 1.0, severity: 0.6, is_anomalous })
}

fn line(line: u64) -> Moment {
    Moment { line, time: None }
}

/// The events of rows that are flagged or not; line `n` is position `n - 1`.
fn events(length: Option<usize>, flagged: &[bool]) -> Vec<Event> {
    let mut tracker = EventTracker::new(&schema(length, false));
    let mut events = Vec::new();
    for (at, &flagged) in flagged.iter().enumerate() {
        let judgement = verdict(if flagged { 2.0 } else { 0.5 });
        let change = tracker.row(line(at as u64 + 1), &judgement, None);
        events.extend(change.and_then(|change| change.closed));
    }
    events.extend(tracker.finish());
    events
}

#[test]
fn runs_join_across_gaps_and_only_across_them() {
    let check = |flagged: &str, gap, expected: &[(usize, usize)]| {
        let flagged: Vec<bool> = flagged.chars().map(|c| c == '#').collect();
        let found: Vec<_> = runs(&flagged, gap).into_iter().map(|run| (run.start, run.end)).collect();
        assert_eq!(found, expected, "{flagged:?} {gap}");
    };
    check("", 3, &[]);
    check("....", 3, &[]);
    check("####", 0, &[(0, 4)]);
    check("#.#..#", 0, &[(0, 1), (2, 3), (5, 6)]);
    check("#.#..#", 1, &[(0, 3), (5, 6)]);
    check("#.#..#", 2, &[(0, 6)]);
    check("..#..", usize::MAX, &[(2, 3)]);
    check("#...#", usize::MAX, &[(0, 5)]);
}

#[test]
fn a_tracker_finds_the_events_of_runs() {
    let mut rng = stream_rng(1, "runs", 0);
    for (length, rate) in [(2, 0.3), (5, 0.1), (16, 0.05), (16, 0.5)] {
        let flagged: Vec<bool> = (0..4000).map(|_| rng.random_range(0.0..1.0) < rate).collect();
        let expected: Vec<(u64, u64)> =
            runs(&flagged, length).into_iter().map(|run| (run.start as u64 + 1, run.end as u64)).collect();
        let got = events(Some(length), &flagged);
        let ends: Vec<(u64, u64)> =
            got.iter().map(|event| (event.first_alarm.line, event.last_alarm.line)).collect();
        assert_eq!(ends, expected, "{length} {rate}");
        let alarms: u64 = got.iter().map(|event| event.alarms).sum();
        assert_eq!(alarms, flagged.iter().filter(|flagged| **flagged).count() as u64);
        assert!(got.iter().zip(1..).all(|(event, number)| event.number == number));
        for event in &got {
            assert!(event.start.line <= event.peak.line && event.peak.line <= event.end.line, "{event:?}");
        }
    }
}

#[test]
fn each_alarm_of_a_table_is_an_event() {
    let got = events(None, &[true, true, false, true]);
    let lines: Vec<u64> = got.iter().map(|event| event.peak.line).collect();
    assert_eq!(lines, [1, 2, 4]);
    assert!(got.iter().all(|event| event.alarms == 1 && event.start == event.end));
}

#[test]
fn lines_that_are_not_judged_count_as_steps_and_split_nothing_within_the_gap() {
    let mut tracker = EventTracker::new(&schema(Some(4), false));
    let unknown = Judgement::Unknown { reason: Unknown::TooLittleObserved { observed: 0.0 } };
    assert!(tracker.row(line(1), &verdict(2.0), None).unwrap().opened.is_some());
    assert_eq!(tracker.bad_line(2), None);
    assert_eq!(tracker.row(line(3), &unknown, None), None);
    assert_eq!(tracker.row(line(4), &verdict(0.5), None), None);
    assert_eq!(tracker.bad_line(5), None);
    assert_eq!(tracker.row(line(6), &verdict(3.0), None), None, "four steps between");
    for line in 7..=10 {
        assert_eq!(tracker.bad_line(line), None);
    }
    let closed = tracker.bad_line(11).and_then(|change| change.closed).expect("the fifth step ends it");
    assert_eq!((closed.first_alarm.line, closed.last_alarm.line, closed.alarms), (1, 6, 2));
    assert_eq!((closed.strongest.at.line, closed.strongest.score), (6, 3.0));
    assert!(!tracker.is_open() && tracker.finish().is_none());
}

#[test]
fn missing_steps_separate_events_as_lines_do() {
    let at = |line: u64, minute: u32| Moment::new(line, f64::from(60 * minute));
    for (minutes, joined) in [(4, true), (5, false), (6, false), (600, false)] {
        let mut tracker = EventTracker::new(&schema(Some(4), true));
        tracker.row(at(1, 0), &verdict(2.0), None).unwrap();
        let change = tracker.row(at(2, minutes), &verdict(2.0), None);
        assert_eq!(change.is_none(), joined, "{minutes} minutes");
        if let Some(change) = change {
            assert!(change.closed.is_some() && change.opened.is_some(), "{change:?}");
        }
        assert_eq!(tracker.events(), if joined { 1 } else { 2 });
    }
}

/// Follows a fault of 31 steps from line 501 in windows of 100, up to line `until`, whose scores grow with the part of
/// the fault they contain; `spread` is the part of the error that the window spreads over all of its steps.
fn faulty(shares: bool, spread: f64, needed: usize, until: usize) -> Event {
    let (length, fault) = (100usize, 501..532usize);
    let mut tracker = EventTracker::new(&schema(Some(length), false));
    let mut closed = Vec::new();
    for end in 1..=until {
        let window = (end + 1).saturating_sub(length)..end + 1;
        let inside = window.clone().filter(|step| fault.contains(step)).count();
        let mut parts = Parts { cause: Some("a".into()), steps: None };
        if shares && inside > 0 {
            let own = |step: usize| f64::from(fault.contains(&step)) / inside as f64;
            let share = |step| (1.0 - spread) * own(step) + spread / length as f64;
            parts.steps = Some((end + 1 - length..end + 1).map(share).collect());
        }
        let judgement = verdict(if inside >= needed { 1.0 + inside as f64 } else { 0.1 });
        let change = tracker.row(line(end as u64), &judgement, Some(&parts));
        closed.extend(change.and_then(|change| change.closed));
    }
    closed.extend(tracker.finish());
    assert_eq!(closed.len(), 1, "one fault is one event");
    closed.remove(0)
}

#[test]
fn the_peak_lies_in_the_fault_and_the_ends_beside_its_ends() {
    // Flagged from the first step on, after half of the fault, and only where all of it is in the window.
    for needed in [1, 4, 16, 28, 31] {
        for (shares, spread) in [(true, 0.0), (true, 0.3), (true, 0.6), (false, 0.0)] {
            let event = faulty(shares, spread, needed, 900);
            let about = format!("{shares} {spread} {needed}: {event:?}");
            assert!((501..=531).contains(&event.peak.line), "{about}");
            // Windows with half of the fault or more are flagged: the middle of the fault is all that is known.
            assert!(event.start.line.abs_diff(501) <= 4 || needed == 16, "{about}");
            assert!(
                (497..=535).contains(&event.start.line) && (497..=535).contains(&event.end.line),
                "{about}"
            );
            assert!(event.last_alarm.line > 590, "the alarms go on after the fault");
        }
    }
}

#[test]
fn an_event_that_the_input_ends_reaches_to_where_the_fault_was_seen() {
    // In the fault, at its end, and while windows that contain it go on to be flagged.
    for (until, end) in [(511, 511), (531, 531), (560, 531), (590, 531), (640, 531)] {
        let event = faulty(true, 0.3, 1, until);
        assert_eq!((event.start.line, event.end.line), (501, end), "{until}: {event:?}");
        assert!((501..=end).contains(&event.peak.line), "{until}: {event:?}");
    }
    let event = faulty(false, 0.0, 1, 511);
    assert_eq!((event.start.line, event.end.line), (501, 511), "without shares: {event:?}");
}

/// A shift that lasts is strongest where it begins, because the windows there have the largest steps.
#[test]
fn a_shift_that_lasts_ends_where_the_input_does() {
    let (length, until) = (100usize, 1500usize);
    let mut tracker = EventTracker::new(&schema(Some(length), false));
    for end in 1..=until {
        let inside = end.saturating_sub(500).min(length);
        let share = |at: usize| if at + inside >= length { 1.0 / inside.max(1) as f64 } else { 0.0 };
        let parts = Parts { cause: None, steps: Some((0..length).map(share).collect()) };
        let score = if (520..600).contains(&end) { 90.0 } else { 4.0 + (end % 7) as f64 };
        let judgement = verdict(if inside == 0 { 0.1 } else { score });
        assert_eq!(tracker.row(line(end as u64), &judgement, Some(&parts)).is_some(), end == 501);
    }
    let event = tracker.finish().expect("an event");
    assert_eq!((event.start.line, event.end.line), (501, until as u64), "{event:?}");
}

#[test]
fn negative_scores_have_a_peak() {
    let mut tracker = EventTracker::new(&schema(Some(10), false));
    let judgement = |score: f64| {
        let is_anomalous = score > -50.0;
        Judgement::of(Verdict { score, p_value: 0.01, threshold: -50.0, severity: 0.6, is_anomalous })
    };
    for at in 1..=60u64 {
        // The window that ends at line 34 is the strongest.
        tracker.row(line(at), &judgement(if at < 25 { -90.0 } else { -1.0 - at.abs_diff(34) as f64 }), None);
    }
    let event = tracker.finish().expect("an event");
    assert_eq!(event.strongest.at.line, 34);
    assert!((25..=51).contains(&event.peak.line), "{event:?}");
}

#[test]
fn a_tracker_goes_on_from_its_state_at_any_line() {
    let mut rng = stream_rng(2, "resume", 0);
    let schema = schema(Some(12), true);
    let mut lines = Vec::new();
    for at in 1..400u64 {
        let score = if rng.random_range(0.0..1.0) < 0.06 { rng.random_range(1.5..9.0) } else { 0.5 };
        let mut shares: Vec<f64> = (0..12).map(|_| rng.random_range(0.0..1.0)).collect();
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
        let parts = Parts { cause: Some(format!("column {}", at % 3)), steps: Some(shares) };
        let time = (at % 11 != 0).then(|| 60.0 * (at + 20 * (at / 100)) as f64);
        lines.push((Moment { line: at, time }, verdict(score), parts, at % 17 == 0));
    }
    let follow = |tracker: &mut EventTracker,
                  (at, judgement, parts, is_bad): &(Moment, Judgement, Parts, bool)| {
        if *is_bad { tracker.bad_line(at.line) } else { tracker.row(*at, judgement, Some(parts)) }
    };
    let mut whole = EventTracker::new(&schema);
    let mut killed = whole.clone();
    let mut open = 0;
    for line in &lines {
        let stored = serde_json::to_vec(&killed).unwrap();
        killed = serde_json::from_slice(&stored).unwrap();
        assert!(killed.fits(&schema), "{killed:?}");
        assert_eq!(follow(&mut killed, line), follow(&mut whole, line));
        open += u32::from(whole.is_open());
    }
    assert!(open > 50 && whole.events() > 3, "{open} {}", whole.events());
    assert_eq!(killed.finish(), whole.finish());
}

#[test]
fn a_state_that_no_stream_leads_to_is_refused() {
    let schema = schema(Some(12), true);
    let mut tracker = EventTracker::new(&schema);
    for at in 1..40 {
        tracker.row(Moment::new(at, 60.0 * at as f64), &verdict(2.0), None);
    }
    assert!(tracker.fits(&schema));
    let stored = serde_json::to_value(&tracker).unwrap();
    let refused = |pointer: &str, value: serde_json::Value| {
        let mut stored = stored.clone();
        *stored.pointer_mut(pointer).expect(pointer) = value;
        let refused =
            serde_json::from_value::<EventTracker>(stored).map_or(true, |state| !state.fits(&schema));
        assert!(refused, "{pointer}");
    };
    refused("/length", serde_json::json!(1_000_000_000));
    refused("/length", serde_json::json!(null));
    refused("/streams//clock/longest", serde_json::json!(1_000_000_000));
    refused("/beginning/clock/step", serde_json::json!(0.0));
    refused("/streams//clock/without", serde_json::json!(u64::MAX));
    refused("/streams//open/since", serde_json::json!(u64::MAX));
    refused("/streams//open/strongest/severity", serde_json::json!(7));
    refused("/streams//profile/steps/0/windows", serde_json::json!(u64::MAX));
    refused("/streams//profile/steps/0/score", serde_json::json!(-1.0));
    refused("/streams//profile/bins/0/score", serde_json::json!(-1.0));
    refused("/streams//profile/bin_width", serde_json::json!(u64::MAX));
    refused(
        "/streams//profile/bins",
        serde_json::json!(vec![&stored["streams"][""]["profile"]["bins"][0]; MAX_BINS + 1]),
    );
    refused("/grouped", serde_json::json!(true));
    let mut two = stored.clone();
    two["streams"]["another"] = stored["streams"][""].clone();
    assert!(
        !serde_json::from_value::<EventTracker>(two).unwrap().fits(&schema),
        "two streams without groups"
    );
    assert!(!tracker.fits(&self::schema(Some(13), true)), "another detector");
    assert!(!tracker.fits(&self::schema(None, true)), "a table");
}

/// Alarms of machines that take turns in a file are no event together.
#[test]
fn each_group_has_events_of_its_own() {
    let mut schema = schema(Some(5), false);
    schema.group =
        Some(Group { name: "pump".into(), position: 1, names: ["a", "b"].map(String::from).into() });
    let mut tracker = EventTracker::new(&schema);
    let mut events = Vec::new();
    for at in 1..=120u64 {
        let group = if at % 2 == 0 { "a" } else { "b" };
        // Of `a` lines 20 to 30, of `b` lines 25 to 35 and 80 to 90.
        let flagged = match group {
            "a" => (20..=30).contains(&at),
            _ => (25..=35).contains(&at) || (80..=90).contains(&at),
        };
        let change = tracker.row_of(group, line(at), &verdict(if flagged { 2.0 } else { 0.5 }), None);
        events.extend(change.and_then(|change| change.closed));
        assert_eq!(tracker.bad_line(1000 + at), None, "a line that cannot be read belongs to no group");
        assert!(tracker.fits(&schema));
    }
    while let Some(event) = tracker.finish() {
        events.push(event);
    }
    let found: Vec<(Option<&str>, u64, u64)> = events
        .iter()
        .map(|event| (event.group.as_deref(), event.first_alarm.line, event.last_alarm.line))
        .collect();
    assert_eq!(found, [(Some("a"), 20, 30), (Some("b"), 25, 35), (Some("b"), 81, 89)]);
    let mut numbers: Vec<u64> = events.iter().map(|event| event.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3]);
}

/// Of windows this long, two groups are followed. The one without a row for longest makes room, whatever its name is, and
/// its event is not lost.
#[test]
fn of_too_many_groups_the_idle_one_is_forgotten_and_its_event_ends() {
    let mut schema = schema(Some(5), false);
    schema.group = Some(Group { name: "pump".into(), position: 1, names: vec!["a".into()] });
    schema.windows.as_mut().unwrap().length = 1 << 19;
    let mut tracker = EventTracker::new(&schema);
    let mut changes = Vec::new();
    for (at, group) in (1..).zip(["a", "b", "a", "c", "a"]) {
        let score = if group == "a" { 0.5 } else { 2.0 };
        changes.extend(tracker.row_of(group, line(at), &verdict(score), None));
        assert!(tracker.fits(&schema));
    }
    let told: Vec<(u64, Option<&str>, Option<&str>)> = changes
        .iter()
        .map(|Change { line, closed, opened }| {
            let closed = closed.as_ref().and_then(|event| event.group.as_deref());
            (*line, closed, opened.as_ref().and_then(|opening| opening.group.as_deref()))
        })
        .collect();
    assert_eq!(told, [(2, None, Some("b")), (4, Some("b"), Some("c"))]);
    assert_eq!(tracker.finish().and_then(|event| event.group), Some("c".into()));
}

#[test]
fn a_million_alarms_take_no_more_memory_than_a_thousand() {
    let schema = schema(Some(16), false);
    let mut tracker = EventTracker::new(&schema);
    let size = |tracker: &EventTracker| serde_json::to_vec(tracker).unwrap().len();
    let mut at_a_thousand = 0;
    for at in 1..=1_000_000u64 {
        // One step in the third quarter is far stronger than the others.
        let score = if (700_000..700_040).contains(&at) { 50.0 } else { 2.0 };
        tracker.row(line(at), &verdict(score), None);
        if at == 1000 {
            at_a_thousand = size(&tracker);
        }
    }
    assert!(size(&tracker) < 2 * at_a_thousand + 1000, "{} {at_a_thousand}", size(&tracker));
    let event = tracker.finish().expect("an event");
    assert_eq!(event.alarms, 1_000_000);
    assert!((699_985..700_040).contains(&event.peak.line), "{event:?}");
}
