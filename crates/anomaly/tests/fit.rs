//! Tests fits from a table to a detector: guarantees hold, and what cannot be done is refused before
//! training.

use ae_anomaly::{
    Detector, FitConfig, FitError, FitOptions, FitReport, Fitted, Judgement, Rule, Score, Store, Unknown,
};
use ae_intake::{InputConfig, Layout, ReadOptions, Reader, Table};
use ae_records::seed::stream_rng;
use ae_training::{BatchSize, TrainingConfig};
use rand::RngExt;
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

fn config() -> FitConfig {
    ae_tensor::device::set_threads(1); // tests run in parallel; libtorch's threads would only compete
    let training = TrainingConfig { epochs: 20, batch: BatchSize::Samples(16), ..TrainingConfig::default() };
    FitConfig { training: Some(training), ..FitConfig::default() }
}

fn table(text: &str, config: &FitConfig) -> Table {
    Table::parse(text.as_bytes(), "rows.csv", &config.input).unwrap()
}

fn fitted(text: &str, config: &FitConfig) -> Result<Fitted, FitError> {
    Detector::fit_with(&table(text, config), config, FitOptions::default())
}

/// Three columns, of which the others follow the first. One cell in `gaps` is missing; 0 for none.
fn rows(n: usize, seed: u64, gaps: usize) -> String {
    let mut rng = stream_rng(seed, "rows", 0);
    let mut text = String::from("a,b,c\n");
    for row in 0..n {
        let x: f64 = rng.random_range(-1.0..1.0);
        for (column, value) in [x, 3.0 * x, -x].into_iter().enumerate() {
            let noise: f64 = rng.random_range(-0.1..0.1);
            let is_gap = gaps > 0 && (row * 3 + column) % gaps == 0;
            let cell = if is_gap { String::new() } else { format!("{:.4}", value + noise) };
            text.push_str(&cell);
            text.push(if column == 2 { '\n' } else { ',' });
        }
    }
    text
}

fn judged(detector: &Detector, text: &str) -> Vec<Judgement> {
    let mut reader = Reader::new(text.as_bytes(), detector.schema(), &ReadOptions::default()).unwrap();
    let block = reader.read_all().unwrap();
    assert!(block.bad.is_empty(), "{:?}", block.bad);
    detector.judge_encoded(&block.samples, &block.rows).unwrap()
}

#[test]
fn a_promised_rate_is_kept_on_new_rows_and_parts_are_disjoint() {
    let config = FitConfig { threshold: Some(Rule::FalseAlarmRate { rate: 0.05 }), ..config() };
    let Fitted { detector, report } = fitted(&rows(1200, 1, 0), &config).unwrap();
    let sizes = &report.sizes;
    assert_eq!((sizes.normal, sizes.train + sizes.validation + sizes.calibration), (1200, 1200));
    assert_eq!((sizes.test, report.test), (0, None));
    let new = judged(&detector, &rows(2000, 2, 0));
    let alarms = new.iter().filter(|judgement| matches!(judgement, Judgement::Anomalous(_))).count();
    // 300 calibration rows and 2,000 new ones: 95 % of such draws lie between 2.7 % and 8 %.
    assert!((54..=160).contains(&alarms), "{alarms} alarms among 2,000 rows, 5 % promised");
    let broken = judged(&detector, "a,b,c\n1,-3,1\n");
    assert!(matches!(broken[0], Judgement::Anomalous(_)), "{broken:?}");
    assert!(report.scorer.starts_with("blend of standardised of"), "{}", report.scorer);
}

#[test]
fn a_file_gives_back_the_same_verdicts_and_explanations() {
    for store in [
        Store::Blend,
        Store::Autoencoder,
        Store::Median,
        Store::Mean,
        Store::Pca,
        Store::Neighbours,
        Store::IsolationForest,
    ] {
        let config = FitConfig { store, ..config() };
        let Fitted { detector, report } = fitted(&rows(500, 1, 7), &config).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("detector");
        detector.save(&path).unwrap();
        let again = Detector::load(&path).unwrap();
        let new = rows(60, 3, 5);
        assert_eq!(judged(&detector, &new), judged(&again, &new), "{store:?}");
        assert_eq!(detector.about(), again.about());
        assert_eq!(FitReport::of(&again).unwrap(), FitReport { seconds: 0.0, ..report });
        assert_eq!(serde_json::from_value::<FitConfig>(again.about().config.clone()).unwrap(), config);
        let table = Table::parse(new.as_bytes(), "new.csv", &InputConfig::default()).unwrap();
        let encoded = detector.schema().encode(&table, &[1]).unwrap();
        let explained = detector.explain(&encoded.samples, 0, 3).unwrap();
        assert_eq!(explained, again.explain(&encoded.samples, 0, 3).unwrap());
        assert!(explained.nearest.is_some_and(|nearest| nearest.distance < 3.0));
    }
}

#[test]
fn rows_with_gaps_are_learned_from_and_judged_by_what_is_there() {
    let Fitted { detector, report } = fitted(&rows(600, 1, 5), &config()).unwrap();
    assert!(report.notices.iter().any(|notice| notice.kind() == "partly_observed"), "{:?}", report.notices);
    let verdicts = judged(&detector, "a,b,c\n0.5,1.5,\n0.5,-1.5,\n0.5,,\n");
    assert!(matches!(verdicts[0], Judgement::Normal(_)), "{:?}", verdicts[0]);
    assert!(matches!(verdicts[1], Judgement::Anomalous(_)), "{:?}", verdicts[1]);
    let Judgement::Unknown { reason: Unknown::TooLittleObserved { observed } } = verdicts[2] else {
        panic!("{:?}", verdicts[2])
    };
    assert!((observed - 1.0 / 3.0).abs() < 1e-6);
    let lstm = FitConfig { variant: Some("vq_vae".into()), ..config() };
    let error = fitted(&rows(600, 1, 5), &lstm).unwrap_err().to_string();
    assert!(error.contains("cannot leave them out"), "{error}");
}

#[test]
fn planted_anomalies_are_found_by_a_robust_fit() {
    let mut text = rows(400, 1, 0);
    for _ in 0..12 {
        text.push_str("0.9,-2.7,0.9\n");
    }
    let mut config = FitConfig { robust: Some(0.1), ..config() };
    config.training.as_mut().unwrap().epochs = 80;
    let Fitted { detector, report } = fitted(&text, &config).unwrap();
    assert!(report.trimmed > 0);
    let found = report.suspects.iter().filter(|suspect| suspect.line > 401).count();
    assert!(found >= 10, "{found} of 12 planted rows: {:?}", report.suspects);
    assert!(report.suspects.len() <= 20, "{} suspects", report.suspects.len());
    // Those among the calibration rows must not raise the threshold above all others of their kind.
    let trim = report.trim.unwrap();
    assert!((1..=6).contains(&trim.left_out) && trim.of == report.sizes.calibration, "{trim:?}");
    assert!(trim.threshold < 0.5 * trim.threshold_of_all, "{trim:?}");
    let planted = |detector: &Detector| judged(detector, "a,b,c\n0.9,-2.7,0.9\n");
    assert!(matches!(planted(&detector)[..], [Judgement::Anomalous(_)]));
    let plain = fitted(&text, &FitConfig { robust: None, ..config }).unwrap();
    assert!(matches!(planted(&plain.detector)[..], [Judgement::Normal(_)]), "robust or not is the same");
    assert_eq!(plain.report.trim, None);
}

#[test]
fn suspects_left_out_of_training_are_marked_even_if_other_rows_cannot_be_judged() {
    let mut text = rows(400, 1, 0);
    for _ in 0..12 {
        text.push_str("0.9,-2.7,0.9\n");
    }
    for _ in 0..200 {
        text.push_str("0.5,,\n");
    }
    let mut config = FitConfig { robust: Some(0.1), ..config() };
    config.training.as_mut().unwrap().epochs = 80;
    let Fitted { report, .. } = fitted(&text, &config).unwrap();
    let planted: Vec<_> =
        report.suspects.iter().filter(|suspect| (402..414).contains(&suspect.line)).collect();
    assert!(planted.len() >= 10, "{:?}", report.suspects);
    // Three fifths of the rows are for training.
    let left_out = planted.iter().filter(|suspect| suspect.left_out).count();
    assert!((4..=10).contains(&left_out), "{left_out} of {planted:?}");
}

#[test]
fn labels_are_locked_away_until_the_end() {
    let mut text = rows(500, 1, 0).replace('\n', ",ok\n").replacen(",ok", ",label", 1);
    for _ in 0..40 {
        text.push_str("1,-3,1,bad\n");
    }
    let mut config = config();
    config.input.label = Some(ae_intake::Column::Name("label".into()));
    config.input.normal = vec!["ok".into()];
    let Fitted { report, .. } = fitted(&text, &config).unwrap();
    let test = report.test.unwrap();
    assert_eq!(test.anomalous, 40);
    assert!((60..=90).contains(&test.normal), "{test:?}");
    assert!(test.auroc.unwrap() > 0.98 && test.recall.unwrap() > 0.9, "{test:?}");
    // The anomalous rows do not affect the model: it is the same without them.
    let without: String =
        text.lines().filter(|line| !line.ends_with("bad")).fold(String::new(), |mut text, line| {
            writeln!(text, "{line}").unwrap();
            text
        });
    let alone = fitted(&without, &config).unwrap().report;
    assert_eq!(alone.threshold, report.threshold);
}

/// A series whose steps in `anomalous` are anomalous and labelled as such.
fn labelled_series(n: usize, anomalous: std::ops::Range<usize>) -> String {
    let mut text = String::from("time,x,bad\n");
    for step in 0..n {
        let bad = anomalous.contains(&step);
        let x = (step as f64 * std::f64::consts::TAU / 20.0).sin() + ((step * 37) % 11) as f64 / 100.0;
        let x = if bad { 3.0 - 2.0 * x } else { x };
        writeln!(text, "{},{x:.3},{}", 1_600_000_000 + 60 * step, u8::from(bad)).unwrap();
    }
    text
}

#[test]
fn an_anomalous_stretch_of_a_series_may_lie_anywhere() {
    let mut config = config();
    config.input.label = Some(ae_intake::Column::Name("bad".into()));
    config.input.normal = vec!["0".into()];
    config.input.window = Some(10);
    for from in [0, 300, 500, 700, 850] {
        let Fitted { report, .. } = fitted(&labelled_series(1200, from..from + 350), &config)
            .unwrap_or_else(|error| panic!("anomalies from {from}: {error}"));
        let sizes = &report.sizes;
        // 850 normal steps make at most 841 windows, less up to three gaps, a seam and the 15 % that are
        // locked away.
        let parts = [sizes.train, sizes.validation, sizes.calibration];
        assert!((640..=720).contains(&sizes.normal), "{from}: {parts:?}");
        for (part, share) in parts.into_iter().zip([0.6, 0.15, 0.25]) {
            let got = part as f64 / sizes.normal as f64;
            assert!((got / share - 1.0).abs() < 0.1, "{from}: {parts:?}");
        }
        let test = report.test.unwrap();
        // A window is anomalous if its last step is, but the first nine steps end no window.
        assert_eq!(test.anomalous, if from == 0 { 341 } else { 350 }, "{from}");
        assert!(test.normal >= 100 && test.recall.unwrap() > 0.9, "{from}: {test:?}");
    }
    // If no stretch is long enough, the error names the length that fits.
    let mut text = labelled_series(400, 0..0);
    for step in 0..20 {
        text = text.replacen(&format!("{},", 1_600_000_000 + 60 * (20 * step + 19)), "NEXT,", 1);
    }
    let text: String = text
        .lines()
        .zip(0..)
        .map(|(line, row)| match line.strip_prefix("NEXT,") {
            Some(rest) => format!("{},{}1\n", 1_600_000_000 + 60 * (row - 1), &rest[..rest.len() - 1]),
            None => format!("{line}\n"),
        })
        .collect();
    config.input.window = Some(30);
    let error = fitted(&text, &config).unwrap_err().to_string();
    assert!(error.contains("the longest of 20 normal stretches has 19 steps"), "{error}");
    let fits = error.split("input.window to ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    // That length leaves room for the fewest windows; a threshold needs a few more.
    config.input.window = Some(fits.parse::<usize>().unwrap() - 2);
    fitted(&text, &config).unwrap();
}

#[test]
fn a_budget_in_time_needs_times_and_a_series_is_split_in_their_order() {
    let mut text = String::from("time,x\n");
    for step in 0..3000 {
        let x = (step as f64 * std::f64::consts::TAU / 20.0).sin();
        writeln!(text, "{},{:.3}", 1_600_000_000 + 60 * step, x + ((step * 37) % 11) as f64 / 100.0).unwrap();
    }
    let per_hour = FitConfig { false_alarms: Some("2 per hour".parse().unwrap()), ..config() };
    let Fitted { detector, report } = fitted(&text, &per_hour).unwrap();
    assert_eq!(report.layout, Layout::Windows);
    assert_eq!(detector.schema().windows.unwrap().length, 20);
    assert_eq!(detector.calibration().threshold().rule(), Rule::FalseAlarmRate { rate: 2.0 / 60.0 });
    // Two gaps of one window each and the first steps of each part are lost.
    let sizes = &report.sizes;
    assert_eq!(sizes.train + sizes.validation + sizes.calibration, 3000 - 2 * 20 - 3 * 19);
    let error = fitted(&rows(400, 1, 0), &per_hour).unwrap_err().to_string();
    assert!(error.contains("--set input.timestamp=NAME"), "{error}");
    // Unordered times count by their span.
    let mut odd: Vec<String> = rows(400, 1, 0).lines().map(String::from).collect();
    for (row, line) in odd.iter_mut().enumerate() {
        let time = 1_600_000_000 + 3600 * (row * 7 % 401) - row % 3;
        *line = if row == 0 { format!("time,{line}") } else { format!("{time},{line}") };
    }
    let per_day = FitConfig { false_alarms: Some("2 per day".parse().unwrap()), ..config() };
    let fitted = fitted(&odd.join("\n"), &per_day).unwrap();
    let Rule::FalseAlarmRate { rate } = fitted.detector.calibration().threshold().rule() else {
        panic!("a rate")
    };
    assert!((rate * 12.0 - 1.0).abs() < 0.001, "{rate}: rows are an hour apart");
}

#[test]
fn what_cannot_be_done_is_refused_before_training() {
    let refused = |config: FitConfig, n: usize, expected: &str| {
        let error = fitted(&rows(n, 1, 0), &config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let rate = |rate| FitConfig { threshold: Some(Rule::FalseAlarmRate { rate }), ..config() };
    refused(rate(0.001), 400, "999");
    refused(rate(1.5), 400, "false-alarm");
    refused(FitConfig { members: 0, ..config() }, 400, "members = 0");
    refused(FitConfig { robust: Some(0.7), ..config() }, 400, "robust = 0.7");
    refused(FitConfig { variant: Some("dep".into()), ..config() }, 400, "deep");
    refused(config(), 10, "10 normal rows are too few");
    let stop = AtomicBool::new(true);
    let options = FitOptions { stop: Some(&stop), ..FitOptions::default() };
    let stopped = Detector::fit_with(&table(&rows(100, 1, 0), &config()), &config(), options);
    assert!(matches!(stopped, Err(FitError::Interrupted)), "{stopped:?}");
    // With few rows, the lowest rate that they can guarantee is used.
    let report = fitted(&rows(60, 1, 0), &config()).unwrap().report;
    assert!(report.threshold.contains("false-alarm rate 0.05"), "{}", report.threshold);
}

/// Every variant that can reconstruct such rows makes a detector, with settings that suit them.
#[test]
fn a_variant_can_be_named() {
    for variant in ["linear", "vanilla", "hinton", "sparse", "contractive", "vae", "beta_vae", "aae"] {
        let mut config = FitConfig { variant: Some(variant.into()), ..config() };
        config.training.as_mut().unwrap().epochs = 3;
        let Fitted { report, .. } =
            fitted(&rows(200, 1, 0), &config).unwrap_or_else(|error| panic!("{variant}: {error}"));
        assert_eq!(report.model.name(), variant);
    }
}

/// A score that nobody asked for does not fail a fit.
#[test]
fn rows_too_wide_for_a_covariance_are_fitted_without_it() {
    const WIDTH: usize = 4200;
    let mut rng = stream_rng(5, "wide", 0);
    let names: Vec<String> = (0..WIDTH).map(|column| format!("c{column}")).collect();
    let mut text = names.join(",");
    for _ in 0..60 {
        let x: f64 = rng.random_range(-1.0..1.0);
        for column in 0..WIDTH {
            let noise: f64 = rng.random_range(-0.1..0.1);
            let (start, sign) =
                (if column == 0 { '\n' } else { ',' }, if column % 2 == 0 { 1.0 } else { -1.0 });
            write!(text, "{start}{:.3}", sign * x + noise).unwrap();
        }
    }
    text.push('\n');
    let mut config = config();
    config.training.as_mut().unwrap().epochs = 1;
    config.store = Store::Autoencoder;
    let report = fitted(&text, &config).unwrap().report;
    let said = "the score mahalanobis was not tried: rows have 4200 values, and it is tried up to 1024";
    assert!(matches!(&report.left_out[..], [only] if only.starts_with(said)), "{:?}", report.left_out);
    assert!(!report.scorer.starts_with("mahalanobis"));
    let asked = FitConfig { score: Some(Score::Mahalanobis), ..config };
    let error = fitted(&text, &asked).unwrap_err().to_string();
    assert!(error.contains("4200") && error.contains("at most 4096 for the Mahalanobis distance"), "{error}");
}

#[test]
fn an_array_is_judged_as_the_same_rows_of_a_file_are() {
    let Fitted { detector, .. } = fitted(&rows(500, 1, 7), &config()).unwrap();
    let new = rows(40, 3, 5);
    let table = Table::parse(new.as_bytes(), "new.csv", &InputConfig::default()).unwrap();
    assert_eq!(detector.judge(table.values.view()).unwrap(), judged(&detector, &new));
    let refused = |rows: ndarray::Array2<f32>, expected: &str| {
        let error = detector.judge(rows.view()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(ndarray::array![[1.0, 2.0]], "its rows have 2 values instead of 3");
    refused(ndarray::array![[1.0, f32::INFINITY, 0.0]], "`b`");
    assert_eq!(detector.judge(ndarray::Array2::zeros((0, 3)).view()).unwrap(), []);
}

#[test]
fn windows_that_would_take_too_much_memory_are_thinned_and_that_is_said() {
    let mut rng = stream_rng(7, "series", 0);
    let series: String = (0..30_000).map(|_| format!("{:.3}\n", rng.random_range(-1.0..1.0))).collect();
    let mut config = config();
    config.input =
        InputConfig { layout: ae_intake::LayoutChoice::Windows, window: Some(1000), ..config.input };
    config.training.as_mut().unwrap().epochs = 1;
    config.store = Store::Mean;
    let Fitted { report, .. } = fitted(&series, &config).unwrap();
    let notices: Vec<String> = report.notices.iter().map(ToString::to_string).collect();
    let thinned = notices.iter().find(|notice| notice.contains("training rows are used, evenly spaced"));
    assert!(thinned.is_some_and(|notice| notice.contains("set input.max_memory_mb")), "{notices:?}");
    let most = table(&series, &config).memory.encoded_rows(1000);
    assert!(report.sizes.train <= most && report.sizes.train + 1 >= most, "{:?}", report.sizes);
    // With more memory, every window is used.
    config.input.max_memory_mb = Some(20_000);
    let Fitted { report, .. } = fitted(&series, &config).unwrap();
    assert!(report.sizes.train > 2 * most, "{:?}", report.sizes);
    assert!(!report.notices.iter().any(|notice| matches!(notice, ae_intake::Notice::Thinned { .. })));
}
