//! Faults injected into a series, as events of a detector: one fault, one event, in its place.

use ae_anomaly::events::{Event, EventTracker};
use ae_anomaly::{Detector, FitConfig, FitOptions, Rule, Store, WatchState};
use ae_intake::{InputConfig, ReadOptions, Reader, Table};
use ae_records::seed::stream_rng;
use ae_training::{BatchSize, TrainingConfig};
use rand::RngExt;
use std::fmt::Write as _;
use std::ops::Range;

const STEP: usize = 900;
/// Line of step 0, after the header.
const FIRST: u64 = 2;

/// Two channels of a daily rhythm in steps of 15 minutes; the second one is offset during the faults.
fn series(n: usize, seed: u64, noise: f64, faults: &[Range<usize>]) -> String {
    let mut rng = stream_rng(seed, "series", 0);
    let mut text = String::from("time,flow,pressure\n");
    for step in 0..n {
        let phase = step as f64 * std::f64::consts::TAU / 96.0;
        let mut draw = || noise * rng.random_range(-1.0..1.0);
        let (flow, mut pressure) = (phase.sin() + draw(), 3.0 * phase.cos() + draw());
        if faults.iter().any(|fault| fault.contains(&step)) {
            pressure += 2.0;
        }
        writeln!(text, "{},{flow:.4},{pressure:.4}", 1_700_000_000 + STEP * step).unwrap();
    }
    text
}

fn detector(store: Store) -> Detector {
    ae_tensor::device::set_threads(1);
    let training = TrainingConfig { epochs: 5, batch: BatchSize::Samples(64), ..TrainingConfig::default() };
    let config = FitConfig {
        input: InputConfig { window: Some(96), ..InputConfig::default() },
        training: Some(training),
        threshold: Some(Rule::FalseAlarmRate { rate: 0.01 }),
        store,
        ..FitConfig::default()
    };
    let table = Table::parse(series(4000, 1, 0.1, &[]).as_bytes(), "series.csv", &config.input).unwrap();
    Detector::fit_with(&table, &config, FitOptions::default()).unwrap().detector
}

/// The events of a series, read in blocks or line by line.
fn events(detector: &Detector, text: &str, by_line: bool) -> Vec<Event> {
    let mut reader = Reader::new(text.as_bytes(), detector.schema(), &ReadOptions::default()).unwrap();
    let mut tracker = EventTracker::new(detector.schema());
    let mut events = Vec::new();
    loop {
        let block = if by_line { reader.next_line() } else { reader.next_block() };
        let Some(block) = block.unwrap() else { break };
        let judgements = detector.judge_encoded(&block.samples, &block.rows).unwrap();
        let followed = tracker.follow(detector, &block, &judgements, 0).unwrap();
        events.extend(followed.changes.into_iter().filter_map(|change| change.closed));
    }
    events.extend(tracker.finish());
    events
}

#[test]
fn a_fault_is_one_event_with_its_peak_in_the_fault() {
    for store in [Store::Pca, Store::Neighbours] {
        let detector = detector(store);
        let fault = 700..731;
        let text = series(1200, 2, 0.05, std::slice::from_ref(&fault));
        let events_of_blocks = events(&detector, &text, false);
        assert_eq!(events(&detector, &text, true), events_of_blocks, "a stream has the events of a file");
        let near: Vec<&Event> = events_of_blocks.iter().filter(|event| event.alarms > 20).collect();
        let [event] = near[..] else { panic!("{store:?}: {events_of_blocks:?}") };
        let step = |line: u64| (line - FIRST) as usize;
        let about = format!("{store:?}: {event:?}");
        assert_eq!(event.strongest.cause.as_deref(), Some("pressure"), "{about}");
        assert!(fault.contains(&step(event.peak.line)), "{about}");
        assert!(step(event.start.line).abs_diff(fault.start) <= 6, "{about}");
        assert!(step(event.end.line).abs_diff(fault.end - 1) <= 6, "{about}");
        let time = (1_700_000_000 + STEP * step(event.peak.line)) as f64;
        assert_eq!(event.peak.time, Some(time));
    }
}

#[test]
fn two_faults_are_two_events_and_a_state_stores_the_open_one() {
    let detector = detector(Store::Pca);
    let text = series(1600, 3, 0.05, &[600..631, 1200..1231]);
    let whole = events(&detector, &text, true);
    assert_eq!(whole.iter().filter(|event| event.alarms > 20).count(), 2, "{whole:?}");

    // The state is written and read again after every line.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let mut reader = Reader::new(text.as_bytes(), detector.schema(), &ReadOptions::default()).unwrap();
    let mut state = WatchState::new(&detector);
    let mut resumed = Vec::new();
    while let Some(block) = reader.next_line().unwrap() {
        let judgements = detector.judge_encoded(&block.samples, &block.rows).unwrap();
        let followed = state.events.follow(&detector, &block, &judgements, 0).unwrap();
        resumed.extend(followed.changes.into_iter().filter_map(|change| change.closed));
        if state.events.is_open() {
            state.write(&path).unwrap();
            let read = WatchState::read(&path, &detector).unwrap();
            assert_eq!(read.events, state.events);
            state = read;
        }
    }
    resumed.extend(state.events.finish());
    assert_eq!(resumed, whole);
}
