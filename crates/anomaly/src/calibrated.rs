//! A scorer with a calibrated threshold.

use crate::calibration::Calibration;
use crate::error::ScorerError;
use crate::judgement::{Judgement, Unknown};
use crate::scorers::Scorer;
use ae_intake::Samples;

/// A scorer and its calibration: a detector for rows that are already encoded.
///
/// Any score can be combined with any threshold. The articles' heartbeat protocol, for example, combines the
/// mean absolute error of a network with [`Rule::MeanStd`](crate::Rule::MeanStd) of the scores of its
/// training rows.
pub struct CalibratedScorer {
    scorer: Box<dyn Scorer>,
    calibration: Calibration,
}

impl CalibratedScorer {
    /// Combines both. The calibration must come from this scorer's scores.
    pub fn new(scorer: Box<dyn Scorer>, calibration: Calibration) -> Self {
        CalibratedScorer { scorer, calibration }
    }

    /// The scorer.
    pub fn scorer(&self) -> &dyn Scorer {
        self.scorer.as_ref()
    }

    /// The calibration.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Judges rows. A row without a score is unknown and does not affect the others.
    ///
    /// # Errors
    /// Rows of the wrong width.
    pub fn judge(&self, rows: &Samples) -> Result<Vec<Judgement>, ScorerError> {
        let mut judgements = Vec::with_capacity(rows.len());
        for score in self.scorer.scores_each(rows)? {
            judgements.push(match score {
                Ok(score) => Judgement::of(self.calibration.verdict(score)),
                Err(error) => Judgement::Unknown { reason: Unknown::NoScore { detail: error.to_string() } },
            });
        }
        Ok(judgements)
    }
}

impl std::fmt::Debug for CalibratedScorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CalibratedScorer")
            .field("scorer", &self.scorer.name())
            .field("calibration", &self.calibration)
            .finish()
    }
}
