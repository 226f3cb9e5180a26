//! Detectors of every kind, and what holds for every explanation.

use ae_anomaly::{Detector, Explanation, FitConfig, FitOptions, Judgement, Rule, Score, Store};
use ae_intake::{FieldKind, InputConfig, LayoutChoice, ReadOptions, Reader, Samples, Table};
use ae_training::{BatchSize, TrainingConfig};

pub(crate) fn fit(text: &str, config: &FitConfig) -> Detector {
    ae_tensor::device::set_threads(1); // tests run in parallel; libtorch's threads would only compete
    let table = Table::parse(text.as_bytes(), "rows.csv", &config.input).unwrap();
    Detector::fit_with(&table, config, FitOptions::default()).unwrap().detector
}

pub(crate) fn encode(detector: &Detector, text: &str) -> (Samples, Vec<Judgement>) {
    let mut reader = Reader::new(text.as_bytes(), detector.schema(), &ReadOptions::default()).unwrap();
    let block = reader.read_all().unwrap();
    assert!(block.bad.is_empty(), "{:?}", block.bad);
    let judgements = detector.judge_encoded(&block.samples, &block.rows).unwrap();
    (block.samples, judgements)
}

/// One detector of each kind, with its name.
pub(crate) fn kinds() -> Vec<(String, FitConfig)> {
    let training = TrainingConfig {
        epochs: 60,
        batch: BatchSize::Samples(32),
        learning_rate: 5e-3,
        ..TrainingConfig::default()
    };
    let threshold = Some(Rule::FalseAlarmRate { rate: 0.05 });
    let input = InputConfig { layout: LayoutChoice::Table, ..InputConfig::default() };
    let store = Store::Autoencoder;
    let base = FitConfig { input, training: Some(training), threshold, store, ..FitConfig::default() };
    let mut kinds = Vec::new();
    for score in [
        Score::MeanSquared,
        Score::MeanAbsolute,
        Score::Maximum,
        Score::Standardised,
        Score::Mahalanobis,
        Score::LatentNeighbours { k: 5 },
    ] {
        kinds.push((format!("{score:?}"), FitConfig { score: Some(score), ..base.clone() }));
    }
    let score = Some(Score::ReconstructionProbability { draws: 8 });
    let variant = Some("vae".into());
    kinds.push(("probability".into(), FitConfig { variant, score, ..base.clone() }));
    for store in
        [Store::Blend, Store::Median, Store::Mean, Store::Pca, Store::Neighbours, Store::IsolationForest]
    {
        kinds.push((
            format!("{store:?}"),
            FitConfig { store, score: Some(Score::MeanSquared), ..base.clone() },
        ));
    }
    let score = Some(Score::MeanSquared);
    kinds.push(("ensemble".into(), FitConfig { members: 2, score, ..base }));
    kinds
}

/// A few kinds, quickly fitted.
pub(crate) fn some_kinds() -> Vec<(String, FitConfig)> {
    let wanted = ["Blend", "MeanSquared", "Mahalanobis", "Pca", "Neighbours", "IsolationForest"];
    kinds().into_iter().filter(|(name, _)| wanted.contains(&name.as_str())).collect()
}

/// Shares sum to 1, the largest is the first, and what is expected lies within the training range.
pub(crate) fn check_explanation(detector: &Detector, explanation: &Explanation) {
    let shares = &explanation.shares;
    assert!((shares.iter().map(|share| share.share).sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
    assert!(shares.is_sorted_by(|a, b| a.share >= b.share), "{shares:?}");
    assert!(shares.iter().filter(|share| share.share > 0.0).count() <= 5, "{shares:?}");
    for share in shares {
        let expected = share.expected.unwrap();
        match &detector.schema().field_of(share.index).kind {
            FieldKind::Number { min, max, .. } => {
                assert!((f64::from(*min)..=f64::from(*max)).contains(&expected), "{share:?}");
            }
            FieldKind::Category { levels, .. } => {
                assert!([0.0, 1.0].contains(&expected), "{share:?}");
                let level = share.expected_level.as_ref();
                assert!(level.is_some_and(|level| levels.contains(level)), "{share:?}");
            }
        }
    }
}
