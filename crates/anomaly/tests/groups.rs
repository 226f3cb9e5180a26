//! Tests detectors for several machines in one file: one model, a threshold for each, and no window of two.

#[path = "../../training/tests/hostile/alter.rs"]
mod alter;

use ae_anomaly::fit::{GroupThreshold, TableSplit};
use ae_anomaly::{Bar, Detector, FitConfig, FitOptions, Fitted, Judgement, Rule, Store};
use ae_intake::{Block, InputConfig, Layout, ReadOptions, Reader, Shares, Table};
use ae_records::seed::stream_rng;
use ae_training::{BatchSize, TrainingConfig};
use alter::Parts;
use rand::RngExt;
use serde_json::{Value, json};
use std::path::Path;

fn config(input: &str) -> FitConfig {
    ae_tensor::device::set_threads(1);
    let training = TrainingConfig { epochs: 20, batch: BatchSize::Samples(16), ..TrainingConfig::default() };
    let input: InputConfig = ae_records::config::load("a test", input, &[]).unwrap();
    let threshold = Some(Rule::FalseAlarmRate { rate: 0.05 });
    FitConfig { input, training: Some(training), threshold, store: Store::Pca, ..FitConfig::default() }
}

/// Rows of machines that are noisy in different measure, in random order; `counts` rows of each.
fn rows(counts: &[(&str, f64, usize)], seed: u64) -> String {
    let mut rng = stream_rng(seed, "machines", 0);
    let mut left: Vec<usize> = counts.iter().map(|(.., count)| *count).collect();
    let mut text = String::from("machine,a,b,c\n");
    while left.iter().any(|&left| left > 0) {
        let machine = rng.random_range(0..counts.len());
        if left[machine] == 0 {
            continue;
        }
        left[machine] -= 1;
        let (name, noise, _) = counts[machine];
        let x: f64 = rng.random_range(-1.0..1.0);
        let mut cell = |value: f64| value + noise * rng.random_range(-1.0..1.0);
        text.push_str(&format!("{name},{:.4},{:.4},{:.4}\n", cell(x), cell(3.0 * x), cell(-x)));
    }
    text
}

fn fitted(text: &str, config: &FitConfig) -> Fitted {
    let table = Table::parse(text.as_bytes(), "rows.csv", &config.input).unwrap();
    Detector::fit_with(&table, config, FitOptions::default()).unwrap()
}

fn judged(detector: &Detector, text: &str) -> (Block, Vec<Judgement>) {
    let mut reader = Reader::new(text.as_bytes(), detector.schema(), &ReadOptions::default()).unwrap();
    let block = reader.read_all().unwrap();
    let judgements = detector.judge_encoded(&block.samples, &block.rows).unwrap();
    (block, judgements)
}

fn threshold(detector: &Detector, name: &str) -> Option<f64> {
    detector.group_calibrations().get(name).map(|own| own.calibration().threshold().value())
}

/// The rows without some of their numbers: each but the first is left out with this probability.
fn with_gaps(text: &str, probability: f64) -> String {
    let mut rng = stream_rng(9, "gaps", 0);
    let mut all = String::new();
    for (row, line) in text.lines().enumerate() {
        let keep = |(at, cell): (usize, &str)| {
            let gone = row > 0 && at > 1 && rng.random_bool(probability);
            if gone { String::new() } else { cell.to_owned() }
        };
        all.push_str(&(line.split(',').enumerate().map(keep).collect::<Vec<_>>().join(",") + "\n"));
    }
    all
}

/// The alarms of calm and wild rows, and the rows with a gap among them.
fn alarms_with_gaps(detector: &Detector, text: &str) -> [(u32, u32); 2] {
    let (block, judgements) = judged(detector, text);
    let mut counts = [(0, 0); 2];
    for (row, judgement) in judgements.iter().enumerate() {
        let complete = block.samples.observed.as_ref().is_none_or(|all| all.row(row).iter().all(|&own| own));
        if let (Some(verdict), false) = (judgement.verdict(), complete) {
            let own = &mut counts[usize::from(block.groups.name(row) == Some("wild"))];
            *own = (own.0 + u32::from(verdict.is_anomalous), own.1 + 1);
        }
    }
    counts
}

/// Rows with gaps are ranked among those of their own machine: by the rows of all, calm rows would all be usual and
/// wild ones flagged twice as often as promised.
#[test]
fn each_machine_keeps_its_promise_for_rows_with_gaps() {
    let config = config("group = 'machine'\nlayout = 'table'");
    let text = rows(&[("calm", 0.05, 1200), ("wild", 0.5, 1200)], 1);
    let new = with_gaps(&rows(&[("calm", 0.05, 2000), ("wild", 0.5, 2000)], 2), 0.3);
    let detector = fitted(&text, &config).detector;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector");
    detector.save(&path).unwrap();
    for detector in [detector, Detector::load(&path).unwrap()] {
        for (alarms, rows) in alarms_with_gaps(&detector, &new) {
            let share = f64::from(alarms) / f64::from(rows);
            // 5 % promised, by 300 calibration rows of each.
            assert!(rows > 800 && (0.02..=0.085).contains(&share), "{alarms} of {rows}");
        }
    }
}

#[test]
fn each_machine_keeps_its_own_promise_and_small_ones_share_one() {
    let config = config("group = 'machine'\nlayout = 'table'");
    let text = rows(&[("calm", 0.05, 800), ("small", 0.05, 20), ("wild", 0.5, 800)], 1);
    let Fitted { detector, report } = fitted(&text, &config);
    let own = |name: &str| threshold(&detector, name);
    let (calm, wild) = (own("calm").unwrap(), own("wild").unwrap());
    let pooled = detector.calibration().threshold().value();
    assert!(wild > 3.0 * calm && calm < pooled && pooled < wild, "{calm} {pooled} {wild}");
    assert_eq!(own("small"), None);
    let lines: Vec<(&str, usize, bool)> =
        report.groups.iter().map(|line| (line.group.as_str(), line.rows, line.threshold.is_some())).collect();
    assert_eq!(lines, [("calm", 800, true), ("small", 20, false), ("wild", 800, true)]);
    let GroupThreshold { calibration, needed, .. } = &report.groups[1];
    assert!(
        *calibration < 19 && needed.is_some_and(|needed| (38..60).contains(&needed)),
        "{:?}",
        report.groups
    );

    let (block, new) =
        judged(&detector, &rows(&[("calm", 0.05, 1000), ("wild", 0.5, 1000), ("new", 0.05, 9)], 2));
    let mut alarms = [0, 0];
    for (row, judgement) in new.iter().enumerate() {
        let verdict = judgement.verdict().unwrap();
        let (threshold, machine) = match block.groups.name(row).unwrap() {
            "calm" => (calm, Some(0)),
            "wild" => (wild, Some(1)),
            _ => (pooled, None),
        };
        assert_eq!(verdict.threshold, threshold);
        alarms[machine.unwrap_or(0)] += u32::from(machine.is_some() && verdict.is_anomalous);
    }
    // 5 % of 1,000 rows promised, by 200 calibration rows each; by one threshold it would be about 0 and 10 %.
    assert!(alarms.iter().all(|alarms| (15..=90).contains(alarms)), "{alarms:?}");
    assert!(block.notices.iter().any(|notice| notice.to_string().contains("machine `new`: no training row")));

    // A table is judged like a stream.
    let text = rows(&[("calm", 0.05, 30), ("wild", 0.5, 30)], 3);
    let table = Table::parse(text.as_bytes(), "new.csv", &config.input).unwrap();
    let mut of_table: Vec<_> = table.lines.iter().zip(detector.judge_table(&table).unwrap()).collect();
    of_table.sort_by_key(|(line, _)| **line);
    let of_table: Vec<Judgement> = of_table.into_iter().map(|(_, judgement)| judgement).collect();
    assert_eq!(of_table, judged(&detector, &text).1);
}

/// What makes a row normal depends on what it is judged by.
#[test]
fn an_alarm_is_explained_by_the_threshold_of_its_machine() {
    let config = config("group = 'machine'\nlayout = 'table'");
    let detector = fitted(&rows(&[("calm", 0.05, 800), ("wild", 0.5, 800)], 1), &config).detector;
    // Two numbers are off by more than the noise of the one machine, and less than that of the other.
    let (block, judgements) = judged(&detector, "machine,a,b,c\ncalm,0.4,0,0.3\nwild,0.4,0,0.3\n");
    assert!(matches!(judgements[..], [Judgement::Anomalous(_), Judgement::Normal(_)]), "{judgements:?}");
    let explained = |group: &str| {
        let threshold = threshold(&detector, group).unwrap();
        detector.explain_by(&block.samples, 0, Bar { group: Some(group), threshold }, 9).unwrap()
    };
    let named = |group: &str| explained(group).shares.iter().filter(|share| share.share > 0.0).count();
    assert_eq!((named("calm"), named("wild")), (2, 1));
}

#[test]
fn a_detector_of_groups_is_saved_with_their_thresholds_and_hostile_ones_are_refused() {
    let config = config("group = 'machine'\nlayout = 'table'");
    let text = rows(&[("calm", 0.05, 300), ("wild", 0.5, 300)], 1);
    let Fitted { detector, .. } = fitted(&text, &config);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector");
    detector.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let again = Detector::load(&path).unwrap();
    for name in ["calm", "wild"] {
        assert_eq!(threshold(&again, name), threshold(&detector, name));
    }
    assert_eq!(again.group_calibrations().len(), 2);
    again.save(&path).unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes, "the same bytes");
    let new = rows(&[("calm", 0.05, 50), ("wild", 0.5, 50), ("new", 0.1, 9)], 2);
    assert_eq!(judged(&again, &new).1, judged(&detector, &new).1);

    let load = |change: &dyn Fn(&mut Value)| {
        let mut parts = Parts::of(&bytes);
        change(&mut parts.content);
        std::fs::write(&path, parts.bytes()).unwrap();
        Detector::load(Path::new(&path)).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(load(&|_| ()), Ok(()));
    let calibration = Parts::of(&bytes).content["groups"]["calm"].clone();
    let refused = |change: &dyn Fn(&mut Value), expected: &str| {
        let error = load(change).unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    };
    refused(&|content| content["groups"]["other"] = calibration.clone(), "calibrates a group `other`");
    refused(&|content| content["schema"]["group"] = Value::Null, "calibrates a group `calm`");
    refused(&|content| content["groups"]["calm"]["scores"] = json!([]), "number differs");
    refused(
        &|content| content["groups"]["calm"]["scores"][0] = json!(1e300),
        "do not match the stored threshold",
    );
    // So near that the scores give the same threshold.
    let other = json!({"false_alarm_rate": {"rate": 0.0501}});
    refused(&|content| content["groups"]["calm"]["threshold"]["rule"] = other.clone(), "by another rule");
    refused(&|content| content["groups"] = json!(["calm"]), "cannot read its metadata");
    // Its rows for gaps would be those of the next one.
    let without = |content: &mut Value| drop(content["groups"].as_object_mut().unwrap().remove("calm"));
    refused(&without, "`groups.1.gaps.places` belongs to nothing");
    refused(&|content| content["schema"]["group"]["names"] = json!(["wild", "calm"]), "sorted names");
}

/// Steps of some machines in turn, with a column of times.
fn series(counts: &[(&str, usize)]) -> String {
    let mut text = String::from("time,machine,value\n");
    for step in 0..counts.iter().map(|(_, count)| *count).max().unwrap_or(0) {
        for (machine, (name, count)) in counts.iter().enumerate() {
            if step < *count {
                let value = (step as f64 * 0.4).sin() + 10.0 * machine as f64;
                text.push_str(&format!("{},{name},{value:.4}\n", 1_700_000_000 + 60 * step));
            }
        }
    }
    text
}

/// Every window of a part lies in one group and at least one window away from those of the other parts.
#[test]
fn windows_of_each_machine_are_split_in_time_order() {
    let text = series(&[("a", 400), ("b", 300), ("brief", 40)]);
    let config = config("group = 'machine'\nwindow = 10");
    let table = Table::parse(text.as_bytes(), "rows.csv", &config.input).unwrap();
    assert_eq!((table.layout, table.seconds_per_row()), (Layout::Windows, Some(60.0)));
    let split = TableSplit::by_shares(table.clone(), Shares::default(), 0).unwrap();
    let parts = [&split.train, &split.validation, &split.calibration];
    for (group, own) in table.stretches().into_iter().enumerate() {
        let ends = parts.map(|part| part.iter().copied().filter(|end| own.contains(end)).collect::<Vec<_>>());
        for end in ends.iter().flatten() {
            assert!(end + 1 - 10 >= own.start, "the window that ends at {end} lies in {own:?}");
        }
        if group == 2 {
            assert_eq!(ends.each_ref().map(Vec::len), [31, 0, 0], "it is too short to be split");
            continue;
        }
        for pair in ends.windows(2) {
            assert!(pair[0].last().unwrap() + 10 < pair[1][0] + 1 - 9, "{own:?}");
        }
        let learned = split.learn.iter().filter(|row| own.contains(row)).count();
        assert_eq!(learned, ends[0].len() + 9);
    }
    // Labels split the same way, and anomalous steps are locked away in every group.
    let mut labelled = String::new();
    for (row, line) in text.lines().enumerate() {
        let label = if row == 0 {
            "state"
        } else if row % 251 == 250 {
            "bad"
        } else {
            "ok"
        };
        labelled.push_str(&format!("{line},{label}\n"));
    }
    let input =
        InputConfig { label: Some("state".into()), normal: vec!["ok".into()], ..config.input.clone() };
    let table = Table::parse(labelled.as_bytes(), "rows.csv", &input).unwrap();
    let normal = table.labels.clone().unwrap().normal;
    let split = TableSplit::by_shares(table.clone(), Shares { test: 0.1, ..Shares::default() }, 0).unwrap();
    for part in [&split.train, &split.validation, &split.calibration] {
        assert!(part.iter().all(|&end| normal[end - 9..=end].iter().all(|&normal| normal)));
        assert!(part.iter().any(|&end| table.group_of(end) == Some("a")));
        assert!(part.iter().all(|&end| table.group_of(end) == table.group_of(end - 9)));
    }
    assert!((0..table.len()).filter(|&row| !normal[row]).all(|row| split.test.contains(&row)));
}

#[test]
fn rows_of_each_group_go_into_every_part_at_random() {
    let text = rows(&[("large", 0.1, 300), ("medium", 0.1, 60), ("tiny", 0.1, 6)], 4);
    let config = config("group = 'machine'\nlayout = 'table'");
    let table = Table::parse(text.as_bytes(), "rows.csv", &config.input).unwrap();
    let split = TableSplit::by_shares(table.clone(), Shares::default(), 7).unwrap();
    let count =
        |part: &[usize], name: &str| part.iter().filter(|&&row| table.group_of(row) == Some(name)).count();
    let of = |name| [&split.train, &split.validation, &split.calibration].map(|part| count(part, name));
    assert_eq!((of("large"), of("medium")), ([195, 30, 75], [39, 6, 15]));
    assert_eq!(of("tiny"), [6, 0, 0], "too few to be split");
    let mut all = [&split.train[..], &split.validation, &split.calibration].concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..366) && split.normal == 366);
    // Groups that are all too small are split as one.
    let names: Vec<String> = (0..40).map(|group| format!("g{group}")).collect();
    let counts: Vec<(&str, f64, usize)> = names.iter().map(|name| (name.as_str(), 0.1, 5)).collect();
    let table = Table::parse(rows(&counts, 5).as_bytes(), "rows.csv", &config.input).unwrap();
    let split = TableSplit::by_shares(table, Shares::default(), 7).unwrap();
    assert_eq!([split.train.len(), split.validation.len(), split.calibration.len()], [130, 20, 50]);
    // With too few rows in all, the error is that of one group.
    let table = Table::parse(rows(&counts[..2], 5).as_bytes(), "rows.csv", &config.input).unwrap();
    let error = TableSplit::by_shares(table, Shares::default(), 7).unwrap_err().to_string();
    assert_eq!(error, "10 normal rows are too few; at least 18 are needed to split them");
}
