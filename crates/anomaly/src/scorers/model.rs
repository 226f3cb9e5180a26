//! A scorer's own copy of a trained model, on the CPU.
//!
//! A reconstruction depends on its row alone, not on the other rows of a batch. Models of dense layers sum
//! each output in a fixed order whatever the batch ([`DenseChain`], in single precision), so a row gives the
//! same bits in any. Others are computed in double precision, where libtorch's sums may change with the size
//! of the batch by a few units in the last place: by about 2e-15 of a score.

use super::completion::{self, Completion};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_models::{Autoencoder, Batch, DataSummary, Model, ModelConfig, limits};
use ae_records::arrays::StoredArray;
use ae_tensor::{DenseChain, Device, Kind, Noise, Tensor, array, tch};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most rows per batch; a large forward pass takes fewer.
const MAX_BATCH_ROWS: usize = 1024;
/// Up to this number of rows, other threads are not worth waking.
const FEW_ROWS: usize = 16;

/// Everything needed to rebuild a model, except its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelDescription {
    /// The variant and its settings.
    pub model: ModelConfig,
    /// Shape of one sample.
    pub shape: Vec<i64>,
    /// Mean, minimum and maximum of the training values.
    pub range: [f64; 3],
    /// Number of classes in the training data.
    pub classes: i64,
}

impl ModelDescription {
    /// Describes a model for the data that it was or will be trained on.
    pub fn new(model: &ModelConfig, data: &DataSummary) -> Self {
        let DataSummary { ref shape, mean, low, high, classes } = *data;
        ModelDescription { model: model.clone(), shape: shape.clone(), range: [mean, low, high], classes }
    }

    fn data(&self) -> DataSummary {
        let [mean, low, high] = self.range;
        DataSummary { shape: self.shape.clone(), mean, low, high, classes: self.classes }
    }

    fn build(&self, noise: &Noise) -> Result<Box<dyn Model>, ScorerError> {
        Ok(self.model.initialise(&self.data(), noise)?)
    }
}

/// A model to score with.
pub struct TrainedModel {
    description: ModelDescription,
    model: Box<dyn Model>,
    width: usize,
    /// Rows per batch.
    batch_rows: usize,
    /// Set for a model of dense layers, which reconstructs without libtorch.
    chain: Option<DenseChain>,
    /// Fills gaps; without it, they are 0.
    completion: Option<Arc<Completion>>,
}

impl TrainedModel {
    /// Copies a model, which may be on any device.
    ///
    /// # Errors
    /// If the description does not match the model, or the model does not reconstruct.
    pub fn new(description: &ModelDescription, model: &dyn Model) -> Result<Self, ScorerError> {
        let copy = description.build(&Noise::new(0, 0, Device::Cpu))?;
        let state = model.state();
        Self::with(description, copy, |name| {
            let found = state.iter().find(|(own, _)| own == name).map(|(_, tensor)| tensor);
            let found =
                found.ok_or_else(|| ScorerError::Stored(format!("the model has no weights `{name}`")));
            found.map(Tensor::shallow_clone)
        })
    }

    /// The model before its first training step, with the initial weights given by `seed`; a baseline.
    ///
    /// # Errors
    /// See [`TrainedModel::new`].
    pub fn untrained(description: &ModelDescription, seed: u64) -> Result<Self, ScorerError> {
        let model = description.build(&Noise::new(seed, 0, Device::Cpu))?;
        Self::new(description, model.as_ref())
    }

    /// Another copy.
    ///
    /// # Errors
    /// See [`TrainedModel::new`].
    pub fn copy(&self) -> Result<Self, ScorerError> {
        Ok(Self::new(&self.description, self.model.as_ref())?.with_completion(self.completion.clone()))
    }

    /// The same, with gaps filled in this way before the network sees a row.
    pub(crate) fn with_completion(self, completion: Option<Arc<Completion>>) -> Self {
        TrainedModel { completion, ..self }
    }

    /// Restores a stored model; [`limits`] says what its description may ask for.
    pub(crate) fn load(description: &ModelDescription, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let completion = arrays.below("completion.");
        let arrays = arrays.below("model.");
        let noise = Noise::new(0, 0, Device::Cpu);
        let model = limits::build_stored(&description.model, &description.data(), &noise, &arrays.shapes())?;
        let model = limits::guarded(|| {
            Self::with(description, model, |name| {
                array::from_stored(arrays.get(name)?)
                    .map_err(|error| ScorerError::Stored(format!("`{name}`: {error}")))
            })
        })??;
        let completion = Completion::load(model.width, &completion)?.map(Arc::new);
        Ok(model.with_completion(completion))
    }

    fn with(
        description: &ModelDescription,
        model: Box<dyn Model>,
        weights: impl Fn(&str) -> Result<Tensor, ScorerError>,
    ) -> Result<Self, ScorerError> {
        let variant = description.model.name();
        if model.as_autoencoder().is_none() {
            let (score, needs) = ("a reconstruction score", "a reconstruction");
            return Err(ScorerError::Model { score, needs, variant, such_as: "`deep`" });
        }
        for (name, mut tensor) in model.state() {
            let from = weights(&name)?;
            if from.size() != tensor.size() {
                let (got, needed) = (from.size(), tensor.size());
                let reason = format!("the weights `{name}` have shape {got:?}, expected {needed:?}");
                return Err(ScorerError::Stored(reason));
            }
            let kind = if tensor.is_floating_point() { Kind::Double } else { tensor.kind() };
            // A copy, from any kind and device.
            let values = Tensor::zeros_like(&tensor).to_kind(kind);
            tch::no_grad(|| values.shallow_clone().copy_(&from));
            let _ = tensor.set_requires_grad(false);
            tensor.set_data(&values);
        }
        let width = usize::try_from(description.data().numel()).unwrap_or(0);
        let chain = model.as_autoencoder().and_then(|autoencoder| autoencoder.dense_chain());
        let chain = chain.filter(|chain| chain.widths() == (width, width));
        let batch_rows = limits::rows_per_batch(model.as_ref(), MAX_BATCH_ROWS, limits::MAX_BATCH_VALUES);
        let description = description.clone();
        Ok(TrainedModel { description, model, width, batch_rows, chain, completion: None })
    }

    /// The description that rebuilds it.
    pub fn description(&self) -> &ModelDescription {
        &self.description
    }

    /// Name of the variant.
    pub fn variant(&self) -> &'static str {
        self.description.model.name()
    }

    /// Number of values in a row, `D`.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Size of the code of one row.
    pub fn code_size(&self) -> usize {
        usize::try_from(self.autoencoder().code_size()).unwrap_or(0)
    }

    pub(crate) fn autoencoder(&self) -> &dyn Autoencoder {
        self.model.as_autoencoder().expect("it was one when this was made")
    }

    pub(crate) fn model(&self) -> &dyn Model {
        self.model.as_ref()
    }

    /// The weights, in single precision as trained, and what fills gaps, for [`TrainedModel::load`].
    pub(crate) fn arrays(&self) -> Vec<(String, StoredArray)> {
        let weights = |(name, tensor): (String, Tensor)| {
            let kind = if tensor.is_floating_point() { Kind::Float } else { tensor.kind() };
            (format!("model.{name}"), array::to_stored(&tensor.to_kind(kind)))
        };
        let mut arrays: Vec<_> = self.model.state().into_iter().map(weights).collect();
        if let Some(completion) = &self.completion {
            arrays.extend(stored::prefixed("completion.", completion.arrays()));
        }
        arrays
    }

    /// Rows `start..start + n` of checked rows as the network sees them, `[n, D]`: their gaps are filled.
    fn inputs(&self, rows: &Samples, start: usize, n: usize) -> Array2<f32> {
        completion::inputs(self.completion.as_deref(), rows, start, n)
    }

    /// Reconstructions `[N, D]` of checked rows.
    pub(crate) fn reconstruct(&self, rows: &Samples) -> Result<Array2<f64>, ScorerError> {
        let in_double = |rows: &Samples| self.map(rows, self.width, |x| self.autoencoder().reconstruct(x));
        let mut rebuilt = match &self.chain {
            Some(chain) if rows.len() <= FEW_ROWS => {
                let (values, mut scratch) = (self.inputs(rows, 0, rows.len()), chain.scratch());
                let mut rebuilt = Vec::with_capacity(values.len());
                for row in values.outer_iter() {
                    let row = row.to_slice().expect("standard layout");
                    rebuilt.extend(chain.row(row, &mut scratch).iter().copied().map(f64::from));
                }
                Array2::from_shape_vec(values.dim(), rebuilt).expect("a value for each value")
            }
            Some(chain) => chain.rows(self.inputs(rows, 0, rows.len()).view()).mapv(f64::from),
            None => in_double(rows),
        };
        if self.chain.is_some() {
            // A row far from all training rows may leave the range of single precision in a layer.
            for (row, mut values) in rebuilt.outer_iter_mut().enumerate() {
                if values.iter().any(|value| !value.is_finite()) {
                    values.assign(&in_double(&rows.select(&[row])).row(0));
                }
            }
        }
        check_finite(&rebuilt)?;
        Ok(rebuilt)
    }

    /// The chain that reconstructs without libtorch, on any thread. A reconstruction that overflows it is not
    /// valid.
    pub(crate) fn chain(&self) -> Option<QuickChain<'_>> {
        Some(QuickChain { dense: self.chain.as_ref()?, completion: self.completion.as_deref() })
    }

    /// Codes `[N, code]` of checked rows, each flattened.
    pub(crate) fn codes(&self, rows: &Samples) -> Result<Array2<f64>, ScorerError> {
        let codes =
            self.map(rows, self.code_size(), |x| self.autoencoder().encode(x).point().shallow_clone());
        check_finite(&codes)?;
        Ok(codes)
    }

    /// Applies `of`, which maps a batch `[B, …]` to `[B, width]` numbers, to all rows.
    pub(crate) fn map(&self, rows: &Samples, width: usize, of: impl Fn(&Tensor) -> Tensor) -> Array2<f64> {
        let mut all = Vec::with_capacity(rows.len() * width);
        for start in (0..rows.len()).step_by(self.batch_rows) {
            let n = self.batch_rows.min(rows.len() - start);
            let batch = self.batch(rows, start, n);
            let out = tch::no_grad(|| of(&batch.values));
            assert_eq!(out.numel(), n * width, "a model gives as many numbers as it says");
            all.extend(array::to_vec(&out));
        }
        Array2::from_shape_vec((rows.len(), width), all).expect("as many as were collected")
    }

    /// Rows `start..start + n` as model input.
    pub(crate) fn batch(&self, rows: &Samples, start: usize, n: usize) -> Batch {
        let shape = [&[n as i64], &self.description.shape[..]].concat();
        let values = array::from_array(self.inputs(rows, start, n)).to_kind(Kind::Double);
        Batch { values: values.view(shape.as_slice()), labels: None, observed: None, given: None }
    }
}

/// What reconstructs rows without libtorch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuickChain<'a> {
    pub(crate) dense: &'a DenseChain,
    completion: Option<&'a Completion>,
}

impl QuickChain<'_> {
    /// Rows `start..start + n` of checked rows as the layers take them, `[n, D]`: their gaps are filled.
    pub(crate) fn inputs(&self, rows: &Samples, start: usize, n: usize) -> Array2<f32> {
        completion::inputs(self.completion, rows, start, n)
    }
}

impl std::fmt::Debug for TrainedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainedModel").field("description", &self.description).finish_non_exhaustive()
    }
}

fn check_finite(rows: &Array2<f64>) -> Result<(), ScorerError> {
    match rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, feature), &value)) => Err(ScorerError::NonFiniteReconstruction { row, feature, value }),
        None => Ok(()),
    }
}
