//! Test helpers: every scorer, on small synthetic data.

#![allow(dead_code, reason = "each test file uses only some helpers")]

use ae_anomaly::scorers::Ensemble;
use ae_anomaly::{Baseline, ModelDescription, NormalRows, Score, Scorer, TrainedModel};
use ae_intake::Samples;
use ae_models::{DataSummary, ModelConfig};
use ae_tensor::{Device, Noise, array};
use serde_json::Value;

/// Number of values in a row.
pub(crate) const WIDTH: usize = 11;

/// Rows near a plane, within [0, 1].
pub(crate) fn rows(n: i64, purpose: &str) -> Samples {
    let noise = Noise::new(3, 0, Device::Cpu);
    let axes = noise.normal("axes", &[2, WIDTH as i64]);
    let off = noise.normal(&format!("{purpose} off"), &[n, WIDTH as i64]) * 0.2;
    let values = (noise.normal(purpose, &[n, 2]).matmul(&axes) + off).sigmoid();
    Samples::complete(array::to_array(&values).into_dimensionality().unwrap())
}

/// The same with one value in five missing; each row has at least one.
pub(crate) fn rows_with_gaps(n: i64, purpose: &str) -> Samples {
    let mut rows = rows(n, purpose);
    let draws = Noise::new(4, 0, Device::Cpu).uniform(purpose, &[n, WIDTH as i64]);
    let mut observed =
        array::to_array(&draws).into_dimensionality::<ndarray::Ix2>().unwrap().mapv(|draw| draw > 0.2);
    observed.column_mut(3).fill(true);
    rows.values.zip_mut_with(&observed, |value, observed| *value = if *observed { *value } else { 0.0 });
    rows.observed = Some(observed);
    rows
}

pub(crate) fn model(config: ModelConfig, seed: u64) -> TrainedModel {
    let data = DataSummary { shape: vec![WIDTH as i64], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
    TrainedModel::untrained(&ModelDescription::new(&config, &data), seed).unwrap()
}

pub(crate) fn small() -> ModelConfig {
    ModelConfig::Ecg(ae_models::variants::ecg::Config { hidden: vec![8], code: 3, ..Default::default() })
}

pub(crate) fn vae() -> ModelConfig {
    ModelConfig::Vae(ae_models::variants::vae::Config { latent: 3, ..Default::default() })
}

/// Calls `check` with one scorer of each kind, fitted on rows without gaps and on rows with gaps.
pub(crate) fn each(check: impl Fn(&dyn Scorer)) {
    ae_tensor::device::set_threads(1);
    for (train, validation) in [
        (rows(60, "train"), rows(40, "validation")),
        (rows_with_gaps(60, "train"), rows_with_gaps(40, "validation")),
    ] {
        let normal = NormalRows { train: &train, validation: &validation, seed: 0 };
        for score in [
            Score::MeanAbsolute,
            Score::MeanSquared,
            Score::Maximum,
            Score::Standardised,
            Score::Mahalanobis,
            Score::LatentNeighbours { k: 3 },
        ] {
            check(score.fit(model(small(), 0), &normal).unwrap().as_ref());
        }
        let score = Score::ReconstructionProbability { draws: 4 };
        check(score.fit(model(vae(), 0), &normal).unwrap().as_ref());
        for baseline in [
            Baseline::Median,
            Baseline::Mean,
            Baseline::Pca { code: 2 },
            Baseline::Neighbours { k: 2 },
            Baseline::IsolationForest,
        ] {
            check(baseline.fit(&normal).unwrap().as_ref());
        }
        let member = |seed| Score::MeanAbsolute.fit(model(small(), seed), &normal).unwrap();
        check(&Ensemble::fit(vec![member(0), member(1)], &validation).unwrap());
    }
}

/// How many numbers the settings contain.
pub(crate) fn numbers(value: &Value) -> usize {
    match value {
        Value::Number(_) => 1,
        Value::Array(values) => values.iter().map(numbers).sum(),
        Value::Object(values) => values.values().map(numbers).sum(),
        _ => 0,
    }
}

/// Replaces the number at position `place` of the settings.
pub(crate) fn set_number(value: &mut Value, place: usize, to: &Value) {
    fn visit(value: &mut Value, left: &mut usize, to: &Value) {
        match value {
            Value::Number(_) => {
                if *left == 0 {
                    *value = to.clone();
                }
                *left = left.wrapping_sub(1);
            }
            Value::Array(values) => values.iter_mut().for_each(|value| visit(value, left, to)),
            Value::Object(values) => values.values_mut().for_each(|value| visit(value, left, to)),
            _ => {}
        }
    }
    let mut left = place;
    visit(value, &mut left, to);
}
