//! Detection by reconstruction: what a model trained on normal rows cannot rebuild is not normal.

use crate::normal::NormalScores;
use crate::score::{Score, ScoreError};
use crate::threshold::{Rule, Threshold, ThresholdError};
use ae_models::Autoencoder;
use ae_tensor::{Tensor, array, tch};
use ndarray::{Array2, Ix2};

/// Rows that go through the model at once. A score depends on it by a float's rounding at most.
const BATCH: i64 = 1000;

/// What is measured, and where an alarm begins. The default is that of the articles on ECG5000: mean absolute
/// error, flagged above its mean plus one standard deviation over the normal rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Detector {
    /// How far a reconstruction lies from its original.
    pub score: Score,
    /// How the threshold follows from the scores of normal rows.
    pub rule: Rule,
}

/// Rows `[N, …]` that are known to be normal, in what the model takes (preprocessed), and whether it has seen them.
#[derive(Clone, Copy, Debug)]
pub enum NormalRows<'a> {
    /// The model was trained on them.
    Training(&'a Tensor),
    /// Kept out of training for calibration, and out of the test as well.
    HeldOut(&'a Tensor),
}

/// A trained model with a threshold.
pub struct FittedDetector<'m> {
    autoencoder: &'m dyn Autoencoder,
    score: Score,
    threshold: Threshold,
}

/// Rows that cannot be judged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DetectorError {
    /// The model takes other rows.
    #[error(
        "the rows have the shape {got:?} where the model takes {expected:?}; give what it was trained on"
    )]
    Shape {
        /// Shape of one row.
        got: Vec<i64>,
        /// Shape of a sample of the model.
        expected: Vec<i64>,
    },
    /// A row without a score.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// No threshold.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
}

impl Detector {
    /// Scores normal rows with a trained model, and takes the threshold from these scores.
    ///
    /// # Errors
    /// Rows of another shape, values that are not finite, too few rows for the rule.
    pub fn fit<'m>(
        &self,
        autoencoder: &'m dyn Autoencoder,
        normal: NormalRows<'_>,
    ) -> Result<FittedDetector<'m>, DetectorError> {
        let scores = match normal {
            NormalRows::Training(rows) => {
                NormalScores::of_training_rows(score(autoencoder, self.score, rows)?)?
            }
            NormalRows::HeldOut(rows) => {
                NormalScores::of_held_out_rows(score(autoencoder, self.score, rows)?)?
            }
        };
        Ok(FittedDetector { autoencoder, score: self.score, threshold: Threshold::by(self.rule, &scores)? })
    }
}

impl<'m> FittedDetector<'m> {
    /// A model with a threshold that is known already, such as one read from a file.
    pub fn new(autoencoder: &'m dyn Autoencoder, score: Score, threshold: Threshold) -> Self {
        FittedDetector { autoencoder, score, threshold }
    }

    /// Score of each row `[N, …]`: N numbers, in the (squared) unit of the preprocessed data.
    ///
    /// # Errors
    /// Rows of another shape, values that are not finite.
    pub fn scores(&self, rows: &Tensor) -> Result<Vec<f64>, DetectorError> {
        score(self.autoencoder, self.score, rows)
    }

    /// The model.
    pub fn autoencoder(&self) -> &'m dyn Autoencoder {
        self.autoencoder
    }

    /// What is measured.
    pub fn score(&self) -> Score {
        self.score
    }

    /// Where an alarm begins.
    pub fn threshold(&self) -> &Threshold {
        &self.threshold
    }
}

impl std::fmt::Debug for FittedDetector<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let FittedDetector { score, threshold, .. } = self;
        f.debug_struct("FittedDetector")
            .field("score", score)
            .field("threshold", threshold)
            .finish_non_exhaustive()
    }
}

fn score(autoencoder: &dyn Autoencoder, score: Score, rows: &Tensor) -> Result<Vec<f64>, DetectorError> {
    let expected = autoencoder.networks().first().map(|(_, network)| network.input_shape().to_vec());
    let got = rows.size().get(1..).unwrap_or_default().to_vec();
    if let Some(expected) = expected.filter(|expected| rows.dim() == 0 || *expected != got) {
        return Err(DetectorError::Shape { got, expected });
    }
    let mut scores = Vec::with_capacity(rows.size()[0] as usize);
    for rows in rows.split(BATCH, 0) {
        let rebuilt = tch::no_grad(|| autoencoder.reconstruct(&rows));
        assert_eq!(rebuilt.size(), rows.size(), "a reconstruction has the shape of its original");
        let of_batch = score.of(flat(&rows).view(), flat(&rebuilt).view());
        scores.extend(of_batch.map_err(|error| count_from(scores.len(), error))?);
    }
    Ok(scores)
}

/// `[B, values]`.
fn flat(rows: &Tensor) -> Array2<f32> {
    let array = array::to_array(&rows.flatten(1, -1));
    array.into_dimensionality::<Ix2>().expect("two dimensions were made")
}

/// The row in an error of a batch, counted over all batches.
fn count_from(start: usize, mut error: ScoreError) -> ScoreError {
    match &mut error {
        ScoreError::NonFiniteOriginal { row, .. }
        | ScoreError::NonFiniteReconstruction { row, .. }
        | ScoreError::Overflow { row } => *row += start,
        ScoreError::ShapesDiffer { .. } | ScoreError::NoFeatures { .. } => {}
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_models::{DataSummary, Model, ModelConfig};
    use ae_tensor::{Device, Distance, Kind, Noise};

    fn model() -> Box<dyn Model> {
        let data = DataSummary { shape: vec![4], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
        ModelConfig::Ecg(Default::default()).initialise(&data, &Noise::new(0, 0, Device::Cpu)).unwrap()
    }

    fn rows(n: i64, purpose: &str) -> Tensor {
        Noise::new(1, 0, Device::Cpu).uniform(purpose, &[n, 4])
    }

    /// More rows than a batch, against the formula of the tensors.
    #[test]
    fn scores_are_the_models_errors_row_by_row() {
        let model = model();
        let autoencoder = model.as_autoencoder().unwrap();
        let rows = rows(2 * BATCH + 7, "rows");
        for (score, distance) in
            [(Score::MeanAbsolute, Distance::MeanAbsolute), (Score::MeanSquared, Distance::MeanSquared)]
        {
            let detector = Detector { score, ..Default::default() };
            let detector = detector.fit(autoencoder, NormalRows::Training(&rows)).unwrap();
            let got = detector.scores(&rows).unwrap();
            let expected = array::to_vec(&distance.per_sample(&autoencoder.reconstruct(&rows), &rows));
            assert_eq!(got.len(), expected.len());
            assert!(got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{score:?}");
        }
    }

    #[test]
    fn the_threshold_is_of_the_rows_that_it_was_fitted_on_and_knows_which() {
        let model = model();
        let autoencoder = model.as_autoencoder().unwrap();
        let (normal, other) = (rows(50, "normal"), rows(20, "other") * 9.0);
        let fitted = Detector::default().fit(autoencoder, NormalRows::HeldOut(&normal)).unwrap();
        let scores = NormalScores::of_held_out_rows(fitted.scores(&normal).unwrap()).unwrap();
        assert_eq!(*fitted.threshold(), Threshold::mean_std(&scores, 1.0).unwrap());
        assert_eq!(fitted.scores(&other).unwrap().len(), 20);
        let trained = Detector::default().fit(autoencoder, NormalRows::Training(&normal)).unwrap();
        assert_ne!(trained.threshold(), fitted.threshold(), "it says which rows it was made from");
        let again = FittedDetector::new(autoencoder, fitted.score(), *fitted.threshold());
        assert_eq!(again.scores(&other).unwrap(), fitted.scores(&other).unwrap());
    }

    #[track_caller]
    fn check_error(rows: Tensor, expected: &str) {
        let model = model();
        let detector = Detector::default();
        let error = detector.fit(model.as_autoencoder().unwrap(), NormalRows::Training(&rows)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn rows_that_cannot_be_judged_are_errors_not_panics() {
        check_error(Tensor::zeros([3, 5], (Kind::Float, Device::Cpu)), "shape [5] where the model takes [4]");
        check_error(Tensor::from(0.5), "shape [] where the model takes [4]");
        check_error(rows(1, "one"), "at least 2 normal rows for mean + 1 std, got 1");
        check_error(rows(0, "none"), "at least 2 normal rows");
        let far = rows(BATCH + 5, "far");
        let _ = far.get(BATCH + 2).get(1).fill_(f64::NAN);
        check_error(far, "row 1002, feature 1 is NaN");
    }
}
