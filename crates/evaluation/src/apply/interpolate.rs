//! What a decoder makes of the codes between those of two rows.

use super::error::ApplyError;
use super::output::{Chunk, Form, Sheet, Values};
use super::{Applied, MAX_STEPS, Used, Wish};
use ae_datasets::Sources;
use ae_fetch::Progress;
use ae_models::{Code, Interpolation, limits};
use ae_tensor::{Device, Tensor, array};

/// Two rows, and the path between their codes.
#[derive(Clone, Copy, Debug)]
pub struct Between {
    /// The rows, counted from 0.
    pub rows: [usize; 2],
    /// Number of samples, with those of both rows: from 2 to [`MAX_STEPS`].
    pub steps: usize,
    /// The path; `None`: along the great circle for a model whose prior is N(0, I), else straight.
    pub path: Option<Interpolation>,
}

/// Decodes codes at even steps from that of one row to that of another, and writes what comes out; returns the path that was
/// taken as well.
///
/// # Errors
/// As [`super::encode`]; rows that do not exist, or codes of indices.
pub fn interpolate(
    wish: &Wish,
    between: &Between,
    sources: &Sources,
    progress: &mut dyn Progress,
    device: Device,
) -> Result<(Applied, Interpolation), ApplyError> {
    if !(2..=MAX_STEPS).contains(&between.steps) {
        return Err(ApplyError::Steps { got: between.steps });
    }
    let form = Form::of(&wish.out, true)?;
    let used = Used::of(wish, sources, progress, device)?;
    let (input, trained) = (&used.input, &used.trained);
    let last = input.split.len() - 1;
    if let Some(&row) = between.rows.iter().find(|&&row| row > last) {
        return Err(ApplyError::NoRow { input: input.name.clone(), row, last });
    }
    let label = label(&used, between.rows)?;
    let autoencoder = trained.autoencoder()?;
    let path = between.path.unwrap_or(match trained.model.as_generator() {
        Some(_) => Interpolation::Spherical,
        None => Interpolation::Linear,
    });
    let steps = between.steps;
    let (ends, codes, samples) = limits::guarded(|| {
        let ends = between.rows.map(|row| used.batch(row, 1));
        let [from, to] = [&ends[0], &ends[1]].map(|end| match autoencoder.encode_batch(end) {
            Code::Discrete { .. } => None,
            code => Some(code.point().shallow_clone()),
        });
        let codes = from.zip(to).map(|(from, to)| path.path(&from, &to, steps as i64));
        let samples = codes.as_ref().map(|codes| {
            let size = limits::rows_per_batch(&*trained.model, steps, limits::MAX_BATCH_VALUES) as i64;
            let decoded = |codes: &Tensor| match (trained.conditional(), label) {
                (Some(generator), Some(label)) => {
                    generator.generate_labelled(codes, &used.filled(label, codes.size()[0] as usize))
                }
                _ => autoencoder.decode(codes),
            };
            Tensor::cat(&codes.split(size, 0).iter().map(decoded).collect::<Vec<_>>(), 0)
        });
        (ends, codes, samples)
    })?;
    let (Some(_), Some(samples)) = (codes, samples) else {
        return Err(ApplyError::Indices { variant: trained.variant() });
    };
    let errors: f64 = [0, steps - 1]
        .into_iter()
        .zip(&ends)
        .map(|(at, end)| array::to_vec(&super::errors(&samples.narrow(0, at as i64, 1), end))[0])
        .sum();
    let mut sheet = Sheet::of_samples(trained, &wish.out, form, "interpolation");
    sheet.rows = steps;
    sheet.about = vec!["step", "share"];
    let share = |step: usize| (step as f32 / (steps - 1) as f32).to_string();
    let about = (0..steps).map(|step| vec![step.to_string(), share(step)]).collect();
    let files = sheet.write(std::iter::once(Ok(Chunk { about, values: Values::Samples(samples) })))?;
    let applied = Applied {
        input: input.name.clone(),
        rows: steps,
        code: autoencoder.code_form().to_string(),
        mean_squared_error: errors / 2.0,
        files,
    };
    Ok((applied, path))
}

/// The label to decode with: the one that was asked for, or that of both rows.
fn label(used: &Used, rows: [usize; 2]) -> Result<Option<i64>, ApplyError> {
    if used.label.is_some() || used.trained.conditional().is_none() {
        return Ok(used.label);
    }
    let [from, to] = rows.map(|row| used.batch(row, 1).labels.map_or(0, |labels| labels.int64_value(&[0])));
    if from == to {
        return Ok(Some(from));
    }
    let name = |label: i64| used.trained.model.metadata.label_names[label as usize].clone();
    Err(ApplyError::TwoLabels { from: name(from), to: name(to) })
}
