//! The comparisons on small generated data.

use super::rows::{self, Comparison};
use super::series::{self, Case};
use super::{Options, own, problem, run};
use crate::outcome::Evaluation;
use crate::testing::Bench;
use ae_anomaly::{Baseline, Detector, FitConfig, FitOptions};
use ae_datasets::Series;
use ae_records::seed::stream_rng;
use ae_report::gallery::Gallery;
use ae_training::{BatchSize, TrainingConfig};
use ndarray::Array2;
use rand::Rng;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Waves of 8 points with a category. Three in four are normal; the others are inverted. The label comes
/// last.
fn table(bench: &Bench, rows: usize) -> PathBuf {
    let mut rng = stream_rng(0, "table", 0);
    let mut text = String::from("a,b,c,d,e,f,g,h,kind,state\n");
    for row in 0..rows {
        let is_normal = row % 4 != 0;
        for point in 0..8 {
            let wave = (f64::from(point) / 8.0 * std::f64::consts::TAU).sin();
            let noise = f64::from(rng.next_u32()) / f64::from(u32::MAX) * 0.4;
            write!(text, "{:.5},", if is_normal { wave } else { -wave } + noise).unwrap();
        }
        let kind = ["x", "y"][row % 2];
        writeln!(text, "{kind},{}", if is_normal { "normal" } else { ["odd", "bad"][row / 4 % 2] }).unwrap();
    }
    let path = bench.path("table.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn options(path: &Path, labels: &str) -> Options {
    Options { data: path.display().to_string(), labels: Some(labels.into()), ..Options::default() }
}

/// A fit of few steps.
fn quick() -> FitConfig {
    let training = TrainingConfig { epochs: 10, batch: BatchSize::Samples(16), ..TrainingConfig::default() };
    FitConfig { training: Some(training), ..FitConfig::default() }
}

fn compare(bench: &Bench, rows: usize, seeds: &[u64]) -> Evaluation {
    let table = own::load(&options(&table(bench, rows), "state")).unwrap();
    let comparison = Comparison {
        name: "own",
        title: "Own",
        note: "A note.",
        config: quick(),
        baselines: &[Baseline::Neighbours { k: 1 }],
        problem: &|_, seed| own::rows(&table, seed),
    };
    let gallery = Gallery::new(bench.path("images"));
    let mut evaluation = Evaluation::default();
    bench.with(seeds, |context| rows::evaluate(context, &comparison, &mut evaluation, &gallery, 0)).unwrap();
    evaluation
}

/// [`table`] with one cell in seven missing, and nearly all cells of every fiftieth row.
fn table_with_gaps(bench: &Bench, rows: usize) -> PathBuf {
    let whole = std::fs::read_to_string(table(bench, rows)).unwrap();
    let mut text = String::new();
    for (row, line) in whole.lines().enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let is_gap = |at: usize| {
            row > 0 && at < 8 && ((row * 8 + at).is_multiple_of(7) || (row.is_multiple_of(50) && at > 0))
        };
        let cells: Vec<&str> =
            cells.iter().enumerate().map(|(at, cell)| if is_gap(at) { "" } else { cell }).collect();
        writeln!(text, "{}", cells.join(",")).unwrap();
    }
    let path = bench.path("gaps.csv");
    std::fs::write(&path, text).unwrap();
    path
}

/// The evaluation runs the stages of `Detector::fit`: gaps are masked in training, and rows with too few
/// observed values are not judged.
#[test]
fn what_is_measured_is_what_fit_ships() {
    let bench = Bench::new();
    let options = options(&table_with_gaps(&bench, 800), "state");
    let table = own::load(&options).unwrap();
    let config = FitConfig { seed: 3, shares: Some(problem::SHARES), ..quick() };
    let shipped = Detector::fit_with(&table, &config, FitOptions::default()).unwrap().report;
    assert!(shipped.sizes.too_little_observed > 0, "the data have such rows");
    let test = shipped.test.unwrap();

    let comparison = Comparison {
        name: "own",
        title: "Own",
        note: "A note.",
        config: quick(),
        baselines: &[],
        problem: &|_, seed| own::rows(&table, seed),
    };
    let gallery = Gallery::new(bench.path("images"));
    let mut evaluation = Evaluation::default();
    bench.with(&[3], |context| rows::evaluate(context, &comparison, &mut evaluation, &gallery, 0)).unwrap();
    assert_eq!(evaluation.metrics["own/network/auroc"], test.auroc.unwrap());
    assert_eq!(evaluation.metrics["own/network/auprc"], test.auprc.unwrap());
    assert!(
        evaluation.tables[0].note.contains("test rows are left out: too few of their values were observed")
    );
}

#[test]
fn all_detectors_stand_in_one_table_and_results_repeat() {
    let bench = Bench::new();
    let evaluation = compare(&bench, 800, &[0, 1]);
    let table = &evaluation.tables[0];
    assert_eq!(
        table.rows.len(),
        9,
        "network, blend, untrained, two constants, PCA, neighbours twice, forest"
    );
    assert!(evaluation.tables.iter().all(|t| t.rows.iter().all(|row| row.len() == t.columns.len())));
    for who in ["network", "blend", "median", "mean", "pca", "neighbours", "neighbours1", "forest"] {
        let area = evaluation.metrics[&format!("own/{who}/auroc")];
        assert!(area > 0.95, "inverted waves are easy for {who}: {area}");
    }
    // 600 normal rows, a fifth of them held out; 200 anomalies of two classes.
    let classes: Vec<&str> = evaluation.tables[2].rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(classes.iter().filter(|class| ["odd", "bad", "normal"].contains(class)).count(), 3);
    // 120 calibration rows can promise 1 %, but not 0.5 %.
    let alarms: Vec<&str> = evaluation.tables[1].rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(alarms, ["1 %", "2 %", "5 %"]);
    for picture in ["scores", "roc", "precision", "classes"] {
        assert!(bench.path("images").join(format!("own-{picture}.png")).exists(), "{picture}");
    }
    assert_eq!(compare(&bench, 800, &[0, 1]).metrics, evaluation.metrics);
}

/// 12 calibration rows cannot promise even 5 %.
#[test]
fn few_rows_are_judged_without_a_promise() {
    let bench = Bench::new();
    let evaluation = compare(&bench, 80, &[0]);
    assert!(evaluation.tables.iter().all(|table| !table.title.contains("promised")));
    assert!(evaluation.metrics.contains_key("own/network/f1"));
}

#[test]
fn series_are_judged_by_volumes_and_events() {
    let bench = Bench::new();
    let n_points = 1400;
    let mut values: Vec<f64> = (0..n_points).map(|at| (f64::from(at) * 0.2).sin()).collect();
    let mut rng = stream_rng(0, "series", 0);
    values.iter_mut().for_each(|value| *value += f64::from(rng.next_u32()) / f64::from(u32::MAX) * 0.2);
    values[1000..1040].iter_mut().for_each(|value| *value = 0.0);
    let one = Series {
        name: "made-up".into(),
        values: Array2::from_shape_vec((values.len(), 1), values).unwrap(),
        times: Some((0..n_points).map(|at| f64::from(at) * 3600.0).collect()),
        n_train: 700,
        anomalies: std::iter::once(1000..1040).collect(),
        files: Vec::new(),
    };
    let gallery = Gallery::new(bench.path("images"));
    let mut evaluation = Evaluation::default();
    bench
        .with(&[0, 1], |context| {
            series::evaluate(context, &Case::benchmark(&one)?, &mut evaluation, &gallery, 0)
        })
        .unwrap();
    let metric = |name: &str| evaluation.metrics[&format!("made-up/{name}")];
    assert_eq!(metric("network/event_recall"), 1.0);
    assert!(metric("network/vus_pr") > 0.7, "{}", metric("network/vus_pr"));
    assert_eq!(metric("network/delay_points"), metric("network/delay_hours"), "a point an hour");
    // The period is 10 π points.
    assert_eq!(metric("vus_window"), 31.0);
    assert!(evaluation.tables[0].title.contains("VUS window 31"));
    assert!(bench.path("images/made-up.png").exists());
}

/// Two channels with hourly steps: waves, and forty steps of noise from each step in `from`.
fn long_series(bench: &Bench, from: &[usize]) -> PathBuf {
    let mut rng = stream_rng(0, "series", 0);
    let mut text = String::from("time,a,b,fault\n");
    for step in 0..1500_usize {
        let (day, hour) = (step / 24, step % 24);
        let (month, before) = if day < 31 {
            (1, 0)
        } else if day < 59 {
            (2, 31)
        } else {
            (3, 59)
        };
        let day = day - before + 1;
        let noise = f64::from(rng.next_u32()) / f64::from(u32::MAX);
        let odd = from.iter().any(|&from| (from..from + 40).contains(&step));
        let wave = (step as f64 / 24.0 * std::f64::consts::TAU).sin();
        let (a, b) = if odd { (3.0 * noise, -noise) } else { (wave + 0.1 * noise, 7.0 - wave) };
        let time = format!("2023-{month:02}-{day:02} {hour:02}:00");
        writeln!(text, "{time},{a:.4},{b:.4},{}", u8::from(odd)).unwrap();
    }
    let path = bench.path("series.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_long_series_of_ones_own_is_judged_in_the_order_of_time() {
    let bench = Bench::new();
    let evaluate = |from: &[usize], normal: &[&str], settings: &[&str]| {
        let all = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect();
        let options = Options {
            normal: all(normal),
            settings: all(settings),
            ..options(&long_series(&bench, from), "fault")
        };
        bench.with(&[0], |context| run(context, &options))
    };
    let (evaluation, _) = evaluate(&[1000, 1300], &["0"], &["input.window=24"]).unwrap();
    assert_eq!(evaluation.metrics["own/network/event_recall"], 1.0);
    assert!(evaluation.metrics["own/network/auroc"] > 0.9, "{:?}", evaluation.metrics);
    assert!(evaluation.metrics["own/network/delay_points"] < 24.0);
    let table = &evaluation.tables[0];
    assert!(table.title.contains("1500 points, 2 events"), "{}", table.title);
    let source = "Channels: a, b. Trained on the first 800 points. Judged in windows of 24";
    assert!(table.note.starts_with(source), "{}", table.note);
    assert!(
        evaluation.command.ends_with("--labels fault --normal 0 --set 'input.window=24'"),
        "{}",
        evaluation.command
    );

    // 1,420 normal steps, 852 of them before step 892; the steps before the first anomaly are too few.
    let (evaluation, _) = evaluate(&[100, 1300], &["0"], &["input.window=24"]).unwrap();
    let note = &evaluation.tables[0].note;
    assert!(note.contains("Trained on the first 892 points, except 40 that are anomalous."), "{note}");

    assert!(evaluation.tables[0].note.contains("promises to flag at most 1 % of normal points"));
    // With such long windows too few rows are left to promise even 5 %.
    let (evaluation, _) = evaluate(&[1000], &["0"], &["input.window=150"]).unwrap();
    let note = &evaluation.tables[0].note;
    assert!(note.contains("normal points plus 3 standard deviations"), "{note}");

    let refused = |from: &[usize], normal: &[&str], settings: &[&str], expected: &str| {
        let error = evaluate(from, normal, settings).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    // 1,460 normal steps: 876 of them lie before step 916, and so does the only anomaly.
    refused(&[100], &["0"], &["input.window=24"], "no anomalous step after line 917");
    refused(&[], &["0"], &[], "is labelled normal; give data with anomalies");
    refused(&[1000], &[], &[], "say which values of the label column are normal (--normal VALUE");
    refused(&[1000], &["0"], &["input.windw=24"], "did you mean `input.window`");
    refused(&[1000], &["0"], &["input.window=700"], "window");
}

#[test]
fn a_table_without_a_label_column_is_refused() {
    let bench = Bench::new();
    let data = table(&bench, 80).display().to_string();
    let check = |labels: Option<&str>, expected: &str| {
        let options = Options { data: data.clone(), labels: labels.map(String::from), ..Options::default() };
        let error = bench.with(&[0], |context| run(context, &options)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(None, "name it with --labels");
    let ours = Options { data: "nab".into(), labels: Some("state".into()), ..Options::default() };
    let error = bench.with(&[0], |context| run(context, &ours)).unwrap_err().to_string();
    assert_eq!(error, "--labels is only for a file of your own; nab has its own labels, so leave it out");
    check(Some("stat"), "did you mean `state`");
}
