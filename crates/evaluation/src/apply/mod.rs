//! A trained model in use: the codes of rows, their reconstructions, and what lies between two of them.
//!
//! Rows are read and preprocessed as those that the model was trained on: nothing is fitted to them. Results are computed and
//! written in batches, each file as a whole.

mod error;
mod input;
mod interpolate;
pub(crate) mod output;
pub(crate) mod pixels;
pub(crate) mod trained;

pub use ae_models::Interpolation;
pub use error::ApplyError;
pub use input::{Part, Source};
pub use interpolate::{Between, interpolate};

use ae_datasets::Sources;
use ae_fetch::Progress;
use ae_models::{Autoencoder, Batch, Code, limits};
use ae_tensor::{Device, Distance, Kind, Tensor, array};
use ae_training::evaluate::BATCH;
use input::Input;
use output::{Chunk, Form, Sheet, Values};
use serde::Serialize;
use std::path::{Path, PathBuf};
use trained::Trained;

/// Most steps of a path between two rows.
pub const MAX_STEPS: usize = 1000;

/// What to use, on what, and where to write the result.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The folder of a run, or a model file.
    pub model: PathBuf,
    /// The rows.
    pub source: Source,
    /// A file that ends in `.csv` or `.npy`, or a folder.
    pub out: PathBuf,
    /// For a model that is given labels: the label to decode with, and to encode with where rows have none.
    pub label: Option<String>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Applied {
    /// What the rows are: `test rows of mnist`.
    pub input: String,
    /// Number of rows.
    pub rows: usize,
    /// The code of a row: `20 numbers`.
    pub code: String,
    /// Mean over all observed values of the squared error, in the (squared) unit of the model's input, as `test/mse` of a run.
    pub mean_squared_error: f64,
    /// The files that were written, that of the values first; of many pictures the folder alone.
    pub files: Vec<PathBuf>,
}

/// Writes the code of each row: its numbers (for a distribution, the mean) or its indices.
///
/// # Errors
/// A model without codes, rows that it does not take, or a file that cannot be written. See [`ApplyError`].
pub fn encode(
    wish: &Wish,
    sources: &Sources,
    progress: &mut dyn Progress,
    device: Device,
) -> Result<Applied, ApplyError> {
    let form = Form::of(&wish.out, false)?;
    let used = Used::of(wish, sources, progress, device)?;
    let whole = matches!(used.trained.autoencoder()?.code_form(), ae_models::CodeForm::Discrete { .. });
    let shape = used.code_of_first()?.size().split_off(1);
    used.write(Sheet::of_codes(&used.trained, &wish.out, form, shape, whole), |seen| {
        Values::Codes(seen.codes)
    })
}

/// Writes the reconstruction of each row, in the unit of the data.
///
/// # Errors
/// As [`encode`].
pub fn reconstruct(
    wish: &Wish,
    sources: &Sources,
    progress: &mut dyn Progress,
    device: Device,
) -> Result<Applied, ApplyError> {
    let form = Form::of(&wish.out, false)?;
    let used = Used::of(wish, sources, progress, device)?;
    let sheet = Sheet::of_samples(&used.trained, &wish.out, form, "reconstructions");
    used.write(sheet, |seen| Values::Samples(seen.reconstructions))
}

/// A model with the rows that it is used on.
struct Used {
    trained: Trained,
    input: Input,
    /// The label to decode with.
    label: Option<i64>,
    /// For each label of the input, that of the model.
    labels: Option<Tensor>,
}

/// A batch of rows as a model sees them.
struct Seen {
    codes: Tensor,
    reconstructions: Tensor,
    /// Squared error of each row, `[B]`.
    errors: Tensor,
}

impl Used {
    fn of(
        wish: &Wish,
        sources: &Sources,
        progress: &mut dyn Progress,
        device: Device,
    ) -> Result<Self, ApplyError> {
        let trained = Trained::load(&wish.model, device)?;
        trained.autoencoder()?;
        let label = wish.label.as_deref().map(|label| trained.label(label)).transpose()?;
        let input = Input::read(&wish.source, &trained, sources, progress)?;
        let labels = match trained.conditional() {
            None => None,
            Some(_) if input.split.labels().is_none() && label.is_none() => {
                return Err(ApplyError::NeedsLabel { variant: trained.variant(), input: input.name });
            }
            // Labels are numbered by the rows that are there, so the names count.
            Some(_) if input.split.labels().is_some() => {
                let numbers: Vec<i64> =
                    input.label_names.iter().map(|name| trained.label(name)).collect::<Result<_, _>>()?;
                Some(Tensor::from_slice(&numbers).to_device(device))
            }
            Some(_) => None,
        };
        Ok(Used { trained, input, label, labels })
    }

    /// Rows from `start` on as the model takes them: with its own numbers of labels.
    fn batch(&self, start: usize, rows: usize) -> Batch {
        let batch = self.input.split.rows(start, rows);
        let own = match (&batch.labels, &self.labels, self.label) {
            (Some(labels), Some(numbers), _) => Some(numbers.index_select(0, labels)),
            (None, _, Some(label)) => Some(self.filled(label, rows)),
            _ => None,
        };
        Batch { labels: own, ..batch }
    }

    fn filled(&self, label: i64, rows: usize) -> Tensor {
        Tensor::full([rows as i64], label, (Kind::Int64, self.trained.device))
    }

    fn see(&self, batch: &Batch) -> Result<Seen, ApplyError> {
        let autoencoder = self.trained.autoencoder()?;
        Ok(limits::guarded(|| {
            let codes = numbers(autoencoder, batch);
            let reconstructions = match (self.trained.conditional(), self.label) {
                (Some(generator), Some(label)) => {
                    generator.generate_labelled(&codes, &self.filled(label, batch.len() as usize))
                }
                _ => autoencoder.reconstruct_batch(batch),
            };
            let errors = errors(&reconstructions, batch);
            Seen { codes, reconstructions, errors }
        })?)
    }

    fn code_of_first(&self) -> Result<Tensor, ApplyError> {
        let autoencoder = self.trained.autoencoder()?;
        Ok(limits::guarded(|| numbers(autoencoder, &self.batch(0, 1)))?)
    }

    /// Fills a sheet with what `take` takes of each batch.
    fn write<'s>(
        &'s self,
        mut sheet: Sheet<'s>,
        take: impl Fn(Seen) -> Values,
    ) -> Result<Applied, ApplyError> {
        let Input { split, label_names, row_names, name } = &self.input;
        sheet.rows = split.len();
        sheet.row_names = row_names;
        let labels = split.labels().map(array::to_vec);
        sheet.about.extend((!row_names.is_empty()).then_some("file"));
        sheet.about.extend(labels.is_some().then_some("label"));
        sheet.about.push("squared_error");
        let size = limits::rows_per_batch(&*self.trained.model, BATCH, limits::MAX_BATCH_VALUES);
        let (mut sum, mut values) = (0.0, 0.0);
        let chunk = |start: usize| {
            let batch = self.batch(start, size.min(split.len() - start));
            let seen = self.see(&batch)?;
            let errors = array::to_vec(&seen.errors);
            let weights = weights(&batch);
            sum += errors.iter().zip(&weights).map(|(error, weight)| error * weight).sum::<f64>();
            values += weights.iter().sum::<f64>();
            let about = (start..).zip(errors).map(|(row, error)| {
                let mut cells = vec![row.to_string()];
                cells.extend(row_names.get(row).cloned());
                cells.extend(labels.as_ref().map(|labels| {
                    let label = labels[row] as usize;
                    label_names.get(label).cloned().unwrap_or_else(|| label.to_string())
                }));
                cells.push((error as f32).to_string());
                cells
            });
            Ok(Chunk { about: about.collect(), values: take(seen) })
        };
        let files = sheet.write((0..split.len()).step_by(size).map(chunk))?;
        Ok(Applied {
            input: name.clone(),
            rows: split.len(),
            code: self.trained.autoencoder()?.code_form().to_string(),
            mean_squared_error: sum / values,
            files,
        })
    }
}

/// How many values of each row were observed.
fn weights(batch: &Batch) -> Vec<f64> {
    match &batch.observed {
        None => vec![batch.values.numel() as f64 / batch.len() as f64; batch.len() as usize],
        Some(observed) => {
            let seen = observed.flatten(1, -1);
            array::to_vec(&seen.sum_dim_intlist([1i64].as_slice(), false, None::<Kind>))
        }
    }
}

/// The codes of a batch: numbers, the means of distributions, or indices.
fn numbers(autoencoder: &dyn Autoencoder, batch: &Batch) -> Tensor {
    match autoencoder.encode_batch(batch) {
        Code::Discrete { indices, .. } => indices,
        code => code.point().shallow_clone(),
    }
}

/// Mean over the values of each row that were observed: `[B]`.
fn errors(reconstructions: &Tensor, batch: &Batch) -> Tensor {
    let Some(observed) = &batch.observed else {
        return Distance::MeanSquared.per_sample(reconstructions, &batch.values);
    };
    let all = (Distance::MeanSquared.per_value(reconstructions, &batch.values) * observed).flatten(1, -1);
    let sum = |values: &Tensor| values.sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
    sum(&all) / sum(&observed.flatten(1, -1)).clamp_min(1.0)
}

/// The folder of the pictures, or the files, to tell the user of.
pub fn shown(files: &[PathBuf]) -> Option<&Path> {
    match files {
        [first, _, _, ..] => first.parent(),
        _ => files.first().map(PathBuf::as_path),
    }
}

#[cfg(test)]
mod tests;
