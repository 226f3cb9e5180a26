//! Comparisons on damaged copies of validation rows. No labels are used.
//!
//! If the network is to be stored alone, its score is the one that best tells the copies from the originals.

use super::contender::{Contender, of_members};
use super::damage::local;
use super::prepared::PreparedRows;
use super::train::Trained;
use super::{FitConfig, FitError};
use crate::error::ScorerError;
use crate::scorers::{NormalRows, Score, Scorer, TrainedModel};
use ae_intake::Samples;
use ae_metrics::auroc;
use ae_tensor::{Device, Noise};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Damaged copies of each row; more copies make the comparison less noisy.
const COPIES: u64 = 5;
/// Most rows in the comparison, and most values in these rows, of which there are several copies.
const MAX_ROWS: usize = 2000;
const MAX_VALUES: usize = 1 << 20;
/// Fewest rows in the comparison, however wide they are.
const MIN_ROWS: usize = 50;
/// Scores that are compared if none is configured. None of them can fail a fit: what the model does not
/// support is skipped, and any other that cannot be computed is left out, with a reason.
const SCORES: [Score; 5] = [
    Score::MeanSquared,
    Score::MeanAbsolute,
    Score::Standardised,
    Score::Mahalanobis,
    Score::ReconstructionProbability { draws: 16 },
];
/// Widest row that the Mahalanobis distance is tried on if it is not configured: its covariance takes memory
/// for the square of the width, and time for the cube.
const MAX_MAHALANOBIS_WIDTH: usize = 1024;
/// The same for rows with gaps, where each pattern of gaps has a covariance of its own.
const MAX_MAHALANOBIS_WIDTH_WITH_GAPS: usize = 256;

/// How well a detector tells damaged rows from normal ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Area under the ROC curve on damaged copies; 0.5 is chance level.
    pub auroc: f64,
    /// Standard error of the area (Hanley & McNeil, 1982, equation 2), counting each normal row once.
    pub standard_error: f64,
}

/// The role of a detector in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The model with the chosen score.
    Autoencoder,
    /// The model and distances to normal rows.
    Blend,
    /// The model with another score.
    OtherScore,
    /// A simpler detector.
    Baseline,
    /// The model before its first training step.
    Untrained,
}

/// A compared detector, ready to be calibrated.
pub struct Candidate {
    /// Which detector.
    pub contender: Contender,
    /// Its scorer.
    pub scorer: Box<dyn Scorer>,
    /// Its result.
    pub judged: Judged,
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Candidate { contender, judged, .. } = self;
        f.debug_struct("Candidate")
            .field("contender", contender)
            .field("judged", judged)
            .finish_non_exhaustive()
    }
}

/// The compared detectors.
#[derive(Debug)]
pub struct Selected {
    /// The chosen score of the network.
    pub score: Score,
    /// One for each [`Contender`], in order.
    pub candidates: Vec<Candidate>,
    /// The network's results with the other scores.
    pub other_scores: Vec<Judged>,
    /// Scores that were not compared, with the reason: one sentence each.
    pub left_out: Vec<String>,
}

/// Every contender, in the order of the comparison.
const CONTENDERS: [Contender; 8] = [
    Contender::Autoencoder,
    Contender::Blend,
    Contender::Untrained,
    Contender::Median,
    Contender::Mean,
    Contender::Pca,
    Contender::Neighbours,
    Contender::IsolationForest,
];

impl Selected {
    /// Makes all detectors, and compares them by damage.
    ///
    /// # Errors
    /// Rows that cannot be scored, too few rows, or a score that the model does not support.
    pub fn among(rows: &PreparedRows, trained: &Trained, config: &FitConfig) -> Result<Self, FitError> {
        let normal = trained.normal_rows(rows, config.seed);
        let comparison = Comparison::new(rows, normal.validation, config.seed);
        let Chosen { score, others: other_scores, left_out } =
            comparison.choose(config, &trained.members, &normal)?;
        let mut candidates = Vec::with_capacity(CONTENDERS.len());
        for contender in CONTENDERS {
            let scorer = contender.fit(rows, trained, config, score)?;
            let judged = comparison.judge(contender.role(), scorer.as_ref())?;
            candidates.push(Candidate { contender, scorer, judged });
        }
        Ok(Selected { score, candidates, other_scores, left_out })
    }

    /// The results of all scores and detectors.
    pub fn judged(&self) -> Vec<Judged> {
        let own = self.candidates.iter().map(|candidate| candidate.judged.clone());
        self.other_scores.iter().cloned().chain(own).collect()
    }

    /// A detector in the comparison.
    pub fn candidate(&self, contender: Contender) -> &Candidate {
        let found = self.candidates.iter().find(|candidate| candidate.contender == contender);
        found.expect("one of each contender")
    }
}

/// The chosen score of the network.
pub(super) struct Chosen {
    pub(super) score: Score,
    /// The results of the other scores.
    others: Vec<Judged>,
    /// Why scores were not compared.
    pub(super) left_out: Vec<String>,
}

/// Normal rows, and damaged copies of them.
pub(super) struct Comparison {
    normal: Samples,
    damaged: Vec<Samples>,
    /// Validation rows for fitting scales while scores are compared.
    scales: Samples,
}

impl Comparison {
    pub(super) fn new(rows: &PreparedRows, validation: &Samples, seed: u64) -> Self {
        let n = validation.len();
        let most = (MAX_VALUES / rows.width().max(1)).clamp(MIN_ROWS, MAX_ROWS);
        // If there are enough rows, half are for fitting scales and half for judging.
        let (even, odd): (Vec<usize>, Vec<usize>) =
            (0..n.min(2 * most)).partition(|row| row.is_multiple_of(2));
        let both = n >= 20;
        let normal = validation.select(if both { &odd } else { &even });
        let scales = validation.select(&even);
        let noise = Noise::new(seed, 0, Device::Cpu);
        let copy = |copy| local::copies(&normal, &rows.form, &noise.fork(&format!("copy {copy}")));
        let damaged = (0..COPIES).map(copy).collect();
        Comparison { normal, damaged, scales }
    }

    fn judge(&self, role: Role, scorer: &dyn Scorer) -> Result<Judged, ScorerError> {
        judge(role, scorer, &self.normal, &self.damaged)
    }

    /// The configured score, or the best of those tried, with the results of the others.
    pub(super) fn choose(
        &self,
        config: &FitConfig,
        members: &[TrainedModel],
        normal: &NormalRows<'_>,
    ) -> Result<Chosen, FitError> {
        if let Some(score) = config.score {
            return Ok(Chosen { score, others: Vec::new(), left_out: Vec::new() });
        }
        let while_compared = NormalRows { validation: &self.scales, ..*normal };
        let (mut tried, mut left_out) = (Vec::<(Score, Judged)>::new(), Vec::new());
        let mut failed = None;
        for score in SCORES {
            if let Some(reason) = self.too_wide(score) {
                left_out.push(reason);
                continue;
            }
            let judged = of_members(score, members, &while_compared)
                .and_then(|scorer| self.judge(Role::OtherScore, scorer.as_ref()));
            match judged {
                Ok(judged) => tried.push((score, judged)),
                // The score is for other models.
                Err(ScorerError::Model { .. }) => {}
                Err(error) => {
                    left_out.push(format!("the score {} was not tried: {error}", name_of(score)));
                    failed.get_or_insert(error);
                }
            }
        }
        if let (true, Some(error)) = (tried.is_empty(), failed) {
            return Err(error.into());
        }
        // On ties the first, which is the simpler one.
        let mut best = 0;
        for (at, (_, judged)) in tried.iter().enumerate() {
            if judged.auroc > tried[best].1.auroc {
                best = at;
            }
        }
        let (score, _) = tried.remove(best);
        let others = tried.into_iter().map(|(_, judged)| judged).collect();
        Ok(Chosen { score, others, left_out })
    }

    /// Why the score is not tried on rows of this width.
    fn too_wide(&self, score: Score) -> Option<String> {
        let (width, gaps) = (self.normal.values.ncols(), self.normal.observed.is_some());
        let (most, with) = match gaps {
            true => (MAX_MAHALANOBIS_WIDTH_WITH_GAPS, " with gaps"),
            false => (MAX_MAHALANOBIS_WIDTH, ""),
        };
        (score == Score::Mahalanobis && width > most).then(|| {
            format!(
                "the score mahalanobis was not tried: rows{with} have {width} values, and it is tried up to {most}; \
                 score = \"mahalanobis\" asks for it"
            )
        })
    }
}

/// The score's name in a configuration.
fn name_of(score: Score) -> String {
    match serde_json::to_value(score) {
        Ok(Value::String(name)) => name,
        Ok(Value::Object(settings)) => settings.keys().next().cloned().unwrap_or_default(),
        other => unreachable!("a score is a name or a table, not {other:?}"),
    }
}

/// How well a scorer tells normal rows from damaged copies of them.
///
/// # Errors
/// Rows that it cannot score.
pub fn judge(
    role: Role,
    scorer: &dyn Scorer,
    normal: &Samples,
    damaged: &[Samples],
) -> Result<Judged, ScorerError> {
    let mut scores = scorer.scores(normal)?;
    for damaged in damaged {
        scores.extend(scorer.scores(damaged)?);
    }
    let truth: Vec<bool> = (0..scores.len()).map(|at| at >= normal.len()).collect();
    let area = auroc(&scores, &truth).unwrap_or(0.5);
    let n = normal.len() as f64;
    let (q1, q2) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
    let variance = (area * (1.0 - area) + (n - 1.0) * (q1 + q2 - 2.0 * area * area)) / (n * n);
    Ok(Judged { name: scorer.name(), role, auroc: area, standard_error: variance.max(0.0).sqrt() })
}
