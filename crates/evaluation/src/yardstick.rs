//! Evaluation of generated images by the features and decisions of a classifier of the same data.

use crate::codes::represent;
use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::held_out;
use ae_datasets::DataConfig;
use ae_metrics::frechet_distance;
use ae_models::Classifier;
use ae_records::text::shell_quoted;
use ae_tensor::{Kind, Tensor, array, tch};
use ae_training::experiment::Run;
use ndarray::Array2;
use std::path::PathBuf;

/// The preset of the classifier, always with this seed: distances by two different classifiers are not
/// comparable.
const PRESET: &str = "classifier";
const SEED: u64 = 0;

/// Images in which classes are counted.
pub(crate) const COUNTED: usize = 1000;

/// A trained classifier, and its features of the held-out images.
pub(crate) struct Yardstick {
    run: Run,
    /// Features of the held-out images, `[N, F]`.
    real: Array2<f32>,
}

/// The classifier's view of a set of images.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Look {
    /// Fréchet distance of its features to those of the held-out images.
    pub(crate) distance: f64,
    /// Number of the first [`COUNTED`] images assigned to each class.
    pub(crate) counts: Vec<usize>,
}

impl Look {
    /// Number of classes among the counted images.
    pub(crate) fn classes(&self) -> usize {
        self.counts.iter().filter(|count| **count > 0).count()
    }

    /// Number of images of the rarest class.
    pub(crate) fn rarest(&self) -> usize {
        self.counts.iter().copied().min().unwrap_or(0)
    }
}

impl Yardstick {
    /// The classifier for models of these data, trained on all rows of the same set.
    ///
    /// # Errors
    /// The data have no images, labels or test rows, or the classifier cannot be trained.
    pub(crate) fn of(context: &mut Context<'_>, data: &DataConfig) -> Result<Self, EvaluationError> {
        let data = DataConfig { max_train: None, max_test: None, validation: 0.0, ..data.clone() };
        let mut wanted = Wanted::preset(PRESET, &[], SEED)?;
        if data.set != wanted.experiment.data.set {
            let set = shell_quoted(format!("data.set={}", data.set));
            wanted.command = format!("ae train {PRESET} --set {set} --seed {SEED}");
        }
        wanted.experiment.data = data;
        Yardstick::trained(context, &wanted)
    }

    /// Trains or reuses a given classifier.
    ///
    /// # Errors
    /// As [`Yardstick::of`].
    pub(crate) fn trained(context: &mut Context<'_>, wanted: &Wanted) -> Result<Self, EvaluationError> {
        let run = context.trained(wanted)?;
        let mut this = Yardstick { run, real: Array2::zeros((0, 0)) };
        held_out::test(&this.run)?;
        this.real = this.features(this.held_out());
        Ok(this)
    }

    /// The held-out images, `[N, C, H, W]`.
    pub(crate) fn held_out(&self) -> &Tensor {
        self.run.splits.test.values()
    }

    /// As many evenly spaced training images as there are held-out ones: `[N, C, H, W]`.
    pub(crate) fn training_images(&self) -> Tensor {
        let train = self.run.splits.train.values();
        let (all, wanted) = (train.size()[0], self.held_out().size()[0]);
        let chosen = Tensor::linspace(0.0, (all - 1) as f64, wanted.min(all), (Kind::Double, train.device()));
        train.index_select(0, &chosen.round().to_kind(Kind::Int64))
    }

    /// Share of held-out images that are classified correctly, in [0, 1].
    pub(crate) fn accuracy(&self) -> f64 {
        self.run.record.metrics.get("test/accuracy").copied().unwrap_or(f64::NAN)
    }

    /// Whether its decisions mean something: it errs on held-out images at most half as often as somebody who always names
    /// the most frequent class.
    pub(crate) fn is_trustworthy(&self) -> bool {
        let labels = self.run.splits.test.labels().map(array::to_vec).unwrap_or_default();
        let mut counts = vec![0usize; self.classifier().classes() as usize];
        labels.iter().for_each(|&label| counts[label as usize] += 1);
        let most = counts.into_iter().max().unwrap_or(0) as f64 / labels.len().max(1) as f64;
        1.0 - self.accuracy() <= 0.5 * (1.0 - most)
    }

    /// Names of the classes.
    pub(crate) fn class_names(&self) -> &[String] {
        &self.run.splits.dataset.label_names
    }

    /// The classifier's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.run.dir.root().into()
    }

    /// Evaluates images `[N, C, H, W]` in the unit of the data; `what` names them in errors.
    ///
    /// # Errors
    /// Images of a shape other than the held-out ones, fewer than two images, or a value that is not finite.
    pub(crate) fn judge(&self, what: &str, images: &Tensor) -> Result<Look, EvaluationError> {
        if images.size()[1..] != self.held_out().size()[1..] {
            return Err(EvaluationError::Data {
                set: what.into(),
                missing: "images of the classifier's shape",
                remedy: "choose a model and a classifier of the same data",
            });
        }
        let features = self.features(images);
        let distance = frechet_distance(&features, &self.real).map_err(EvaluationError::metric(what))?;
        let counted = images.narrow(0, 0, images.size()[0].min(COUNTED as i64));
        let classes =
            tch::no_grad(|| self.classifier().predict(&counted.to_device(self.held_out().device())));
        let mut counts = vec![0; self.classifier().classes() as usize];
        for class in array::to_vec(&classes) {
            counts[class as usize] += 1;
        }
        Ok(Look { distance, counts })
    }

    fn classifier(&self) -> &dyn Classifier {
        self.run.model.as_classifier().expect("the variant `classifier` is one")
    }

    fn features(&self, images: &Tensor) -> Array2<f32> {
        let images = images.to_device(self.held_out().device());
        array::to_rows(&represent(&images, |batch| self.classifier().features(batch)))
    }
}

#[cfg(test)]
mod tests;
