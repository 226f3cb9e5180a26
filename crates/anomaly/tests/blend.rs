//! Tests the default detector: it looks at rows in several ways, and learns from all of them.

use ae_anomaly::{Detector, FitConfig, FitOptions, Judgement, Rule, Store};
use ae_intake::{InputConfig, LayoutChoice, Table};
use ae_records::seed::stream_rng;
use ae_training::{BatchSize, TrainingConfig};
use ndarray::{Array2, array};
use rand::RngExt;

fn config(layout: LayoutChoice, window: Option<usize>) -> FitConfig {
    ae_tensor::device::set_threads(1);
    let training = TrainingConfig { epochs: 10, batch: BatchSize::Samples(32), ..TrainingConfig::default() };
    FitConfig {
        input: InputConfig { layout, window, ..InputConfig::default() },
        training: Some(training),
        threshold: Some(Rule::FalseAlarmRate { rate: 0.05 }),
        ..FitConfig::default()
    }
}

fn fitted(values: &Array2<f32>, config: &FitConfig) -> Detector {
    let names: Vec<String> = (0..values.ncols()).map(|column| format!("c{column}")).collect();
    let table = Table::from_array_with(values.view(), &names, &config.input).unwrap();
    Detector::fit_with(&table, config, FitOptions::default()).unwrap().detector
}

/// Two dense groups of rows with a gap between them, in four columns of which the last follows the third.
fn groups(n: usize, seed: u64) -> Array2<f32> {
    let mut rng = stream_rng(seed, "tests of the blend", 0);
    let mut rows = Array2::zeros((n, 4));
    for (at, mut row) in rows.outer_iter_mut().enumerate() {
        let mut off = |width: f32| (rng.random::<f32>() - 0.5) * width;
        let centre = if at % 2 == 0 { -3.0 } else { 3.0 };
        let third = off(4.0);
        row.assign(&array![centre + off(0.4), centre + off(0.4), third, third + off(0.2)]);
    }
    rows
}

fn wave(n: usize, seed: u64) -> Array2<f32> {
    let mut rng = stream_rng(seed, "waves of the blend", 0);
    Array2::from_shape_fn((n, 1), |(step, _)| (step as f32 / 3.0).sin() + 0.1 * (rng.random::<f32>() - 0.5))
}

fn is_anomalous(judgement: &Judgement) -> bool {
    matches!(judgement, Judgement::Anomalous(_))
}

#[test]
fn rows_far_off_between_groups_or_against_a_relation_are_found() {
    let detector = fitted(&groups(600, 1), &config(LayoutChoice::Table, None));
    let odd: Array2<f32> = array![
        [9.0, 9.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [-3.0, 3.0, 0.0, 0.0],
        [3.0, 3.0, 1.5, -1.5],
        [-3.0, -3.0, 9.0, 9.0],
    ];
    let judged = detector.judge(odd.view()).unwrap();
    assert!(judged.iter().all(is_anomalous), "{judged:?}");
    let usual = detector.judge(groups(1000, 2).view()).unwrap();
    let alarms = usual.iter().filter(|judgement| is_anomalous(judgement)).count();
    assert!((10..=80).contains(&alarms), "{alarms} of 1000 usual rows");
}

/// As new rows, those for calibration would have themselves as neighbours, and a threshold from that would flag most
/// other rows.
#[test]
fn calibration_rows_are_not_compared_with_themselves() {
    let values = groups(600, 3);
    let detector = fitted(&values, &config(LayoutChoice::Table, None));
    let median = |mut scores: Vec<f64>| {
        scores.sort_by(f64::total_cmp);
        scores[scores.len() / 2]
    };
    let score = |rows: &Array2<f32>| {
        let judged = detector.judge(rows.view()).unwrap();
        median(judged.iter().filter_map(Judgement::verdict).map(|verdict| verdict.score).collect())
    };
    let calibration = median(detector.calibration().scores().to_vec());
    let (kept, new) = (score(&values), score(&groups(600, 4)));
    assert!(kept < 0.8 * new, "a row that is kept is near to itself: {kept} {new}");
    assert!((0.85..1.18).contains(&(calibration / new)), "{calibration} {new}");
}

#[test]
fn each_kind_of_rows_has_its_looks_and_they_are_stored() {
    let beats = Array2::from_shape_fn((200, 24), |(row, step)| {
        ((step as f32 + (row % 5) as f32 * 0.1) / 4.0).sin() + 0.02 * (row % 7) as f32
    });
    let windows = config(LayoutChoice::Windows, Some(16));
    let windows = FitConfig { threshold: Some(Rule::FalseAlarmRate { rate: 0.1 }), ..windows };
    for (values, config, looks) in [
        (groups(300, 5), config(LayoutChoice::Table, None), 3),
        (beats, config(LayoutChoice::Series, None), 4),
        (wave(900, 6), windows, 4),
    ] {
        let detector = fitted(&values, &config);
        let arrays = detector.scorer().save().arrays;
        let of_look = |look: usize| {
            let whole = |name: &str| name.strip_prefix("whole.").unwrap_or(name).to_owned();
            arrays.iter().any(|(name, _)| whole(name).starts_with(&format!("look.{look}.")))
        };
        assert!((0..looks).all(of_look) && !of_look(looks), "{looks} looks");
        let folder = tempfile::tempdir().unwrap();
        detector.save(folder.path().join("d")).unwrap();
        let again = Detector::load(folder.path().join("d")).unwrap();
        let mut later = values.clone();
        later[[40, 0]] += 5.0;
        let judged = detector.judge(later.view()).unwrap();
        assert_eq!(judged, again.judge(later.view()).unwrap());
        assert!(is_anomalous(&judged[40]), "{looks} looks: {:?}", judged[40]);
    }
}

/// Each of these windows keeps what another look is blind to.
#[test]
fn windows_that_stand_still_shake_or_leave_their_level_are_found() {
    let steps = wave(1500, 7);
    let config = config(LayoutChoice::Windows, Some(16));
    let detector = fitted(&steps, &config);
    let mut later = wave(1500, 8);
    for step in 400..416 {
        later[[step, 0]] = 0.0;
        later[[step + 300, 0]] = if step % 2 == 0 { 0.7 } else { -0.7 };
        later[[step + 600, 0]] += 1.5;
    }
    let judged = detector.judge(later.view()).unwrap();
    for end in [415, 715, 1015] {
        assert!(is_anomalous(&judged[end]), "the window that ends with step {end}: {:?}", judged[end]);
    }
}

#[test]
fn the_network_alone_and_the_blend_are_named_as_what_they_are() {
    let table = config(LayoutChoice::Table, None);
    let name = |store| fitted(&groups(300, 9), &FitConfig { store, ..table.clone() }).scorer().name();
    assert_eq!(name(Store::Blend), "blend of standardised of deep and 3 looks at 300 normal rows");
    assert!(!name(Store::Autoencoder).starts_with("blend"));
}
