//! Which detector sees more, without a label: normal validation rows against damaged copies of them.

use super::{Encoded, FitConfig, FitError};
use crate::ensemble::Ensemble;
use crate::error::ScorerError;
use crate::kinds::ScoreKind;
use crate::scorer::Scorer;
use crate::synthetic::{Form, anomalies};
use crate::trained::TrainedModel;
use ae_datasets::Samples;
use ae_metrics::auroc;
use ae_tensor::{Device, Noise};
use serde::{Deserialize, Serialize};

/// Damaged copies of each row; more make the comparison less a matter of luck.
const COPIES: u64 = 5;
/// Rows that are compared at most.
const ROWS: usize = 2000;
/// Scores that are compared where none is named.
const SCORES: [ScoreKind; 4] =
    [ScoreKind::MeanSquared, ScoreKind::MeanAbsolute, ScoreKind::Standardised, ScoreKind::Mahalanobis];

/// How well a detector tells damaged rows from normal ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What it is.
    pub name: String,
    /// What it is there for.
    pub role: Role,
    /// Area under the ROC curve on made-up anomalies; 0.5 is chance.
    pub auroc: f64,
    /// Standard error of the area (Hanley & McNeil, 1982, equation 2), normal rows counted once.
    pub standard_error: f64,
}

/// Why a detector was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The model, with the score that was chosen.
    Autoencoder,
    /// The model, with a score that was not.
    OtherScore,
    /// A simpler detector.
    Baseline,
    /// The model before its first step.
    Untrained,
}

/// The score that was chosen.
pub(super) struct Chosen {
    pub(super) kind: ScoreKind,
    pub(super) scorer: Box<dyn Scorer>,
    /// What the others got.
    pub(super) others: Vec<Judged>,
}

pub(super) struct Judge {
    normal: Samples,
    damaged: Vec<Samples>,
    /// The validation rows that scales are fitted on while scores are compared.
    scales: Samples,
}

impl Judge {
    pub(super) fn new(encoded: &Encoded, form: Form, seed: u64) -> Self {
        let n = encoded.validation.len();
        // Every other row to fit scales on, the others to judge by; as soon as there are enough for both.
        let (even, odd): (Vec<usize>, Vec<usize>) =
            (0..n.min(2 * ROWS)).partition(|row| row.is_multiple_of(2));
        let both = n >= 20;
        let normal = encoded.validation.select(if both { &odd } else { &even });
        let scales = encoded.validation.select(&even);
        let noise = Noise::new(seed, 0, Device::Cpu);
        let damaged =
            (0..COPIES).map(|copy| anomalies(&normal, &form, &noise.fork(&format!("copy {copy}")))).collect();
        Judge { normal, damaged, scales }
    }

    pub(super) fn judge(&self, role: Role, scorer: &dyn Scorer) -> Result<Judged, ScorerError> {
        let normal = scorer.scores(&self.normal)?;
        let mut all = normal.clone();
        for damaged in &self.damaged {
            all.extend(scorer.scores(damaged)?);
        }
        let truth: Vec<bool> = (0..all.len()).map(|at| at >= normal.len()).collect();
        let area = auroc(&all, &truth).unwrap_or(0.5);
        let n = normal.len() as f64;
        let (q1, q2) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
        let variance = (area * (1.0 - area) + (n - 1.0) * (q1 + q2 - 2.0 * area * area)) / (n * n);
        Ok(Judged { name: scorer.name(), role, auroc: area, standard_error: variance.max(0.0).sqrt() })
    }

    /// The score that is configured, or the one that tells most; the scorer with it, and what the others got.
    pub(super) fn choose(
        &self,
        config: &FitConfig,
        members: Vec<TrainedModel>,
        encoded: &Encoded,
    ) -> Result<Chosen, FitError> {
        let fit = |kind: ScoreKind, scales: &Samples| -> Result<Box<dyn Scorer>, ScorerError> {
            let mut scorers: Vec<Box<dyn Scorer>> = members
                .iter()
                .map(|member| kind.fit(member.copy()?, &encoded.train, scales, config.seed))
                .collect::<Result<_, _>>()?;
            match scorers.len() {
                1 => Ok(scorers.remove(0)),
                _ => Ok(Box::new(Ensemble::fit(scorers, scales)?)),
            }
        };
        if let Some(kind) = config.score {
            return Ok(Chosen { kind, scorer: fit(kind, &encoded.validation)?, others: Vec::new() });
        }
        let mut tried: Vec<(ScoreKind, Judged)> = Vec::new();
        for kind in SCORES {
            // A score that needs more rows than there are is no candidate.
            match fit(kind, &self.scales).and_then(|scorer| self.judge(Role::OtherScore, scorer.as_ref())) {
                Ok(judged) => tried.push((kind, judged)),
                Err(ScorerError::TooFewRows { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // The first of equals: the plainer one.
        let mut best = 0;
        for (at, (_, judged)) in tried.iter().enumerate() {
            if judged.auroc > tried[best].1.auroc {
                best = at;
            }
        }
        let (kind, _) = tried.remove(best);
        let others = tried.into_iter().map(|(_, judged)| judged).collect();
        Ok(Chosen { kind, scorer: fit(kind, &encoded.validation)?, others })
    }
}
