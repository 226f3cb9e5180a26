//! Which alarms are looked at for their cause: many, but not so many that a file of alarms takes minutes.

use ae_anomaly::events::{EventTracker, Followed};
use ae_anomaly::{Detector, FitConfig, FitOptions, Rule, Store};
use ae_intake::{InputConfig, LayoutChoice, ReadOptions, Reader, Table};
use ae_records::seed::stream_rng;
use ae_training::{BatchSize, TrainingConfig};
use rand::RngExt;
use std::fmt::Write as _;

/// Columns of the rows.
const COLUMNS: usize = 12;

/// Rows whose columns are near 1, and from row `fault` on that of `column` is off by more with each.
fn rows(n: usize, fault: usize, column: usize) -> String {
    let mut rng = stream_rng(4, "causes", n as u64);
    let mut text = (0..COLUMNS).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",") + "\n";
    for row in 0..n {
        let off = |at: usize| if at == column && row >= fault { 5.0 + row as f64 / 100.0 } else { 0.0 };
        let cells = (0..COLUMNS).map(|at| 1.0 + rng.random_range(-0.1..0.1) + off(at));
        let cells: Vec<String> = cells.map(|cell: f64| format!("{cell:.3}")).collect();
        writeln!(text, "{}", cells.join(",")).unwrap();
    }
    text
}

fn detector(layout: LayoutChoice) -> Detector {
    ae_tensor::device::set_threads(1);
    let training = TrainingConfig { epochs: 3, batch: BatchSize::Samples(64), ..TrainingConfig::default() };
    let config = FitConfig {
        input: InputConfig {
            layout,
            window: (layout == LayoutChoice::Windows).then_some(8),
            ..InputConfig::default()
        },
        training: Some(training),
        threshold: Some(Rule::FalseAlarmRate { rate: 0.01 }),
        store: Store::Pca,
        ..FitConfig::default()
    };
    let table = Table::parse(rows(1200, usize::MAX, 0).as_bytes(), "normal.csv", &config.input).unwrap();
    Detector::fit_with(&table, &config, FitOptions::default()).unwrap().detector
}

/// What follows from the rows, read in blocks or line by line.
fn followed(detector: &Detector, text: &str, by_line: bool) -> (Vec<Option<String>>, Followed) {
    let mut reader = Reader::new(text.as_bytes(), detector.schema(), &ReadOptions::default()).unwrap();
    let mut tracker = EventTracker::new(detector.schema());
    let (mut causes, mut all) = (Vec::new(), Followed::default());
    loop {
        let block = if by_line { reader.next_line() } else { reader.next_block() };
        let Some(block) = block.unwrap() else { break };
        let judgements = detector.judge_encoded(&block.samples, &block.rows).unwrap();
        let own = tracker.follow(detector, &block, &judgements, 0).unwrap();
        causes.extend(own.parts.into_iter().map(|(_, parts)| parts.cause));
        all.without_cause += own.without_cause;
        all.changes.extend(own.changes);
    }
    (causes, all)
}

#[test]
fn of_a_table_of_alarms_so_many_have_a_cause_as_its_length_allows() {
    let detector = detector(LayoutChoice::Table);
    let text = rows(2400, 200, 7);
    let (causes, all) = followed(&detector, &text, false);
    // Every row of the fault is flagged, and about one in a hundred before it.
    let before = causes.len() - 2200;
    assert!(before < 10, "{before}");
    let known = causes.iter().filter(|cause| cause.is_some()).count();
    // A look takes 13 scores, of which there are 16,000, and 2 for each of the 2,200 rows of the fault: 1,569 looks.
    assert!((1565..1575).contains(&known), "{known}");
    assert_eq!(all.without_cause as usize, causes.len() - known);
    assert!(causes[before..].iter().flatten().all(|cause| cause == "c7"));
    assert_eq!(followed(&detector, &text, true), (causes, all), "a stream has the causes of a file");
}

#[test]
fn the_alarms_of_an_event_of_windows_share_the_causes_of_a_few() {
    let detector = detector(LayoutChoice::Windows);
    let text = rows(1500, 200, 4);
    let (causes, all) = followed(&detector, &text, false);
    assert!(causes.len() >= 1300, "{}", causes.len());
    let of_fault = causes.iter().filter(|cause| cause.as_deref() == Some("c4")).count();
    assert!(of_fault >= 1290 && causes.iter().all(Option::is_some), "{of_fault} of {}", causes.len());
    assert_eq!(all.without_cause, 0);
    assert_eq!(followed(&detector, &text, true), (causes, all), "a stream has the causes of a file");
}
