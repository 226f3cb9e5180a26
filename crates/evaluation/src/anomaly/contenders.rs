//! The detectors of a comparison: a network, the same without training, and what every network has to beat.

use super::problem::Problem;
use crate::context::Context;
use crate::error::EvaluationError;
use ae_anomaly::synthetic::{Form, anomalies};
use ae_anomaly::{Baseline, ModelDescription, ScoreKind, Scorer, TrainedModel};
use ae_datasets::{SampleShape, Samples};
use ae_metrics::auroc;
use ae_models::ModelConfig;
use ae_models::variants::deep;
use ae_tensor::{Activation, Device, Noise};
use ae_training::{BatchSize, Splits, TrainOptions, TrainingConfig, train_with};
use std::sync::atomic::Ordering;

/// What the network is.
pub(super) enum Plan {
    /// These settings and this score.
    Fixed(Box<ModelConfig>, TrainingConfig, ScoreKind),
    /// Dense, with the code size and the score that tell validation rows best from damaged copies of them.
    Chosen(TrainingConfig),
}

/// A detector of the comparison.
pub(super) struct Contender {
    pub(super) name: String,
    pub(super) scorer: Box<dyn Scorer>,
    /// What it is where it is no network.
    baseline: Option<Baseline>,
}

impl Contender {
    /// The scores of the rows that it was fitted on. Nearest neighbours know these rows, so each is scored by the others.
    pub(super) fn scores_of_its_own(&self, rows: &Samples, seed: u64) -> Result<Vec<f64>, EvaluationError> {
        let Some(baseline @ Baseline::Neighbours { .. }) = self.baseline else {
            return Ok(self.scorer.scores(rows)?);
        };
        let score = |row: usize| {
            let others: Vec<usize> = (0..rows.len()).filter(|&other| other != row).collect();
            Ok(baseline.fit(&rows.select(&others), seed)?.scores(&rows.select(&[row]))?[0])
        };
        (0..rows.len()).map(score).collect()
    }
}

/// Code sizes that are tried.
const CODES: [i64; 3] = [4, 8, 16];
/// Scores that are tried.
const SCORES: [ScoreKind; 4] =
    [ScoreKind::MeanAbsolute, ScoreKind::MeanSquared, ScoreKind::Standardised, ScoreKind::Mahalanobis];

/// A schedule for `Plan::Chosen`.
pub(super) fn schedule(epochs: u64, batch: usize) -> TrainingConfig {
    TrainingConfig { epochs, batch: BatchSize::Samples(batch), ..Default::default() }
}

/// All detectors, the network first.
pub(super) fn fit(
    context: &mut Context<'_>,
    problem: &Problem,
    plan: &Plan,
    seed: u64,
) -> Result<Vec<Contender>, EvaluationError> {
    let (name, scorer, description, kind) = network(context, problem, &problem.train, plan, seed)?;
    let untrained = TrainedModel::untrained(&description, seed)?;
    let untrained = kind.fit(untrained, &problem.train, &problem.validation, seed)?;
    // As many components as columns rebuild everything.
    let code = code_size(&description.model).min((problem.train.values.ncols() - 1).max(1));
    let components = match plan {
        Plan::Fixed(..) => format!("PCA, {code} components"),
        Plan::Chosen(_) => "PCA, as many components as the code".into(),
    };
    let network = |name, scorer| Contender { name, scorer, baseline: None };
    let mut contenders = vec![network(name, scorer), network("the same, untrained".into(), untrained)];
    for (name, baseline) in [
        (components, Baseline::Pca { code }),
        ("nearest neighbour".into(), Baseline::Neighbours { k: 1 }),
        ("isolation forest".into(), Baseline::IsolationForest),
    ] {
        let scorer = baseline.fit(&problem.train, seed)?;
        contenders.push(Contender { name, scorer, baseline: Some(baseline) });
    }
    Ok(contenders)
}

type Network = (String, Box<dyn Scorer>, ModelDescription, ScoreKind);

/// The network of a plan, trained on `rows`.
pub(super) fn network(
    context: &mut Context<'_>,
    problem: &Problem,
    rows: &Samples,
    plan: &Plan,
    seed: u64,
) -> Result<Network, EvaluationError> {
    match plan {
        Plan::Fixed(model, training, kind) => {
            let (trained, description) = train_on(context, rows, &problem.shape, model, training, seed)?;
            let scorer = kind.fit(trained, rows, &problem.validation, seed)?;
            Ok(("autoencoder".into(), scorer, description, *kind))
        }
        Plan::Chosen(training) => {
            let mut best: Option<(f64, Network)> = None;
            for code in codes(rows.values.ncols()) {
                let model = dense(code);
                let (trained, description) = train_on(context, rows, &problem.shape, &model, training, seed)?;
                for kind in SCORES {
                    let scorer = kind.fit(trained.copy()?, rows, &problem.validation, seed)?;
                    let area = sees_damage(scorer.as_ref(), &problem.validation, &problem.form, seed)?;
                    if best.as_ref().is_none_or(|(most, _)| area > *most) {
                        let name = "autoencoder, chosen on normal rows".to_string();
                        best = Some((area, (name, scorer, description.clone(), kind)));
                    }
                }
            }
            let (area, network) = best.expect("there are candidates");
            let code = code_size(&network.2.model);
            tracing::info!(
                "seed {seed}: code {code}, score {:?}, AUROC {area:.4} on damaged rows",
                network.3
            );
            Ok(network)
        }
    }
}

/// How well a scorer tells normal rows from damaged copies: AUROC.
fn sees_damage(
    scorer: &dyn Scorer,
    normal: &Samples,
    form: &Form,
    seed: u64,
) -> Result<f64, EvaluationError> {
    let damaged = anomalies(normal, form, &Noise::new(seed, 0, Device::Cpu));
    let mut scores = scorer.scores(normal)?;
    scores.extend(scorer.scores(&damaged)?);
    let truth: Vec<bool> = (0..scores.len()).map(|row| row >= normal.len()).collect();
    auroc(&scores, &truth).map_err(EvaluationError::metric("damaged rows"))
}

/// Codes that are smaller than a row.
fn codes(width: usize) -> Vec<i64> {
    let narrower = CODES.into_iter().filter(|&code| code < width as i64).collect::<Vec<_>>();
    if narrower.is_empty() { vec![(width as i64 / 2).max(1)] } else { narrower }
}

fn dense(code: i64) -> ModelConfig {
    ModelConfig::Deep(deep::Config {
        hidden: vec![64],
        code,
        activation: Activation::Tanh,
        code_activation: Activation::Identity,
        output: Activation::Identity,
        ..Default::default()
    })
}

fn code_size(model: &ModelConfig) -> usize {
    match model {
        ModelConfig::Deep(deep) => usize::try_from(deep.code).unwrap_or(8),
        _ => 8,
    }
}

/// Trains a network on normal rows, without a run folder.
fn train_on(
    context: &mut Context<'_>,
    rows: &Samples,
    shape: &[i64],
    model: &ModelConfig,
    training: &TrainingConfig,
    seed: u64,
) -> Result<(TrainedModel, ModelDescription), EvaluationError> {
    let device = context.device.resolve().map_err(ae_training::experiment::RunError::from)?;
    let sides: Vec<usize> = shape.iter().map(|&side| side as usize).collect();
    let shape = SampleShape::from_dims(&sides).expect("rows of a vector or a sequence");
    let rows = rows.clone().with_labels(None);
    let splits = Splits::of(rows, Samples::empty(shape.numel()))?.shaped(shape).on(device);
    let training = TrainingConfig { seed, ..training.clone() };
    let built = model.initialise(&splits.summary, &Noise::new(seed, 0, device))?;
    let options = TrainOptions { stop: Some(context.stop), ..TrainOptions::default() };
    train_with(&built, &splits, &training, options)?;
    if context.stop.load(Ordering::Relaxed) {
        return Err(EvaluationError::Interrupted(context.runs.into()));
    }
    let description = ModelDescription::new(model, &splits.summary);
    Ok((TrainedModel::new(&description, built.as_ref())?, description))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn codes_are_smaller_than_rows() {
        assert_eq!(codes(32), [4, 8, 16]);
        assert_eq!(codes(8), [4]);
        assert_eq!(codes(4), [2]);
        assert_eq!(codes(1), [1]);
    }

    #[test]
    fn a_row_is_not_its_own_neighbour() {
        let rows = Samples::complete(array![[0.0_f32], [1.0], [4.0]]);
        let baseline = Baseline::Neighbours { k: 1 };
        let scorer = baseline.fit(&rows, 0).unwrap();
        assert_eq!(scorer.scores(&rows).unwrap(), [0.0; 3]);
        let contender = Contender { name: "1-NN".into(), scorer, baseline: Some(baseline) };
        assert_eq!(contender.scores_of_its_own(&rows, 0).unwrap(), [1.0, 1.0, 3.0]);
    }
}
