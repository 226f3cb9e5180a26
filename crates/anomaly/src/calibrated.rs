//! A scorer that knows where an alarm begins.

use crate::calibration::Calibration;
use crate::error::ScorerError;
use crate::judgement::{Judgement, Unknown};
use crate::scorers::Scorer;
use ae_intake::Samples;

/// A scorer and its calibration: a detector of rows that are encoded already.
///
/// Any score goes with any threshold. The articles' protocol on heartbeats, for one, is the mean absolute error of a network
/// with [`Rule::MeanStd`](crate::Rule::MeanStd) of the scores of its training rows.
pub struct CalibratedScorer {
    scorer: Box<dyn Scorer>,
    calibration: Calibration,
}

impl CalibratedScorer {
    /// Puts both together; the calibration is of this scorer's scores.
    pub fn new(scorer: Box<dyn Scorer>, calibration: Calibration) -> Self {
        CalibratedScorer { scorer, calibration }
    }

    /// How it scores.
    pub fn scorer(&self) -> &dyn Scorer {
        self.scorer.as_ref()
    }

    /// Where an alarm begins.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Judges rows; one that has no score is unknown and does not spoil the others.
    ///
    /// # Errors
    /// Rows of another width.
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
