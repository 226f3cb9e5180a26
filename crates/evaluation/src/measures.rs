//! Measures: figures of a trained model beyond the held-out loss terms that every run records. Each measure
//! is one file, with an entry in an alphabetical list. A preset names those that its `[[expected]]` needs.
//!
//! A measure is a function from a [`Context`] and a [`Run`] to figures by name. Full names begin with the
//! name of the measure: `pca/ratio`. Figures are saved next to the run in `measures.json` and stay valid as
//! long as the content of the model file does not change.

use crate::context::Context;
use crate::error::EvaluationError;
use ae_records::files::{self, FileError};
use ae_records::names::{did_you_mean, nearest};
use ae_training::experiment::Run;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// Figures by name.
pub type Metrics = BTreeMap<String, f64>;

/// One measure.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name in presets; also the first part of its metrics' names.
    pub name: &'static str,
    /// Computes the figures, named without the name of the measure.
    compute: fn(&mut Context<'_>, &Run) -> Result<Metrics, EvaluationError>,
}

mod active_units;
mod anomaly;
mod compression;
mod fid;
mod forecast;
mod jacobian;
mod likelihood;
mod lossless;
mod pca;
mod posterior;
mod pretraining;
mod probe;
mod ranking;
mod ratings;
mod restoration;
mod retrieval;
mod sampling;
mod sparsity;
mod standardised;
mod subspace;

macro_rules! measures {
    ($($name:ident),* $(,)?) => {
        /// All measures, in alphabetical order.
        pub const MEASURES: &[Measure] = &[
            $(Measure { name: stringify!($name), compute: $name::measure }),*
        ];
    };
}

measures![
    active_units,
    anomaly,
    compression,
    fid,
    forecast,
    jacobian,
    likelihood,
    lossless,
    pca,
    posterior,
    pretraining,
    probe,
    ranking,
    ratings,
    restoration,
    retrieval,
    sampling,
    sparsity,
    standardised,
    subspace
];

/// The measures of models of sparse rows and of sequences that are made on demand; all others need dense rows.
const OF_OTHER_ROWS: [&str; 4] = ["forecast", "ranking", "ratings", "retrieval"];

/// A measure that does not exist.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no measure `{name}`{}; choose one of: {}", did_you_mean(nearest), all())]
pub struct UnknownMeasure {
    /// The name as given.
    pub name: String,
    /// Similar names, nearest first.
    pub nearest: Vec<String>,
}

fn all() -> String {
    MEASURES.iter().map(|measure| measure.name).collect::<Vec<_>>().join(", ")
}

/// Looks up a measure.
///
/// # Errors
/// An unknown name; the error lists the nearest names.
pub fn find(name: &str) -> Result<Measure, UnknownMeasure> {
    let found = MEASURES.iter().find(|measure| measure.name == name).copied();
    found.ok_or_else(|| {
        let nearest = nearest(name, MEASURES.iter().map(|measure| measure.name));
        UnknownMeasure { name: name.into(), nearest }
    })
}

/// The content of `measures.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// SHA-256 of the model file.
    model: String,
    measures: BTreeMap<String, Measured>,
}

/// The figures of one measure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Measured {
    seconds: f64,
    metrics: Metrics,
}

/// The figures of these measures for a finished run, by full name. Saved figures are reused; missing ones are
/// computed and saved. With `again`, all are recomputed. Calls `begin` with the name of each measure before
/// computing it.
///
/// # Errors
/// The name is not a known measure, a measure does not suit the model or the data, a figure is NaN or
/// infinite, or a file cannot be read or written.
pub fn of_run(
    context: &mut Context<'_>,
    run: &Run,
    names: &[String],
    again: bool,
    begin: &mut dyn FnMut(&str),
) -> Result<Metrics, EvaluationError> {
    let wanted = names.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
    if wanted.is_empty() {
        return Ok(Metrics::new());
    }
    if let Some(measure) =
        wanted.iter().find(|it| !run.splits.is_dense() && !OF_OTHER_ROWS.contains(&it.name))
    {
        return Err(EvaluationError::Sparse {
            measure: measure.name,
            set: run.splits.dataset.name.clone(),
            instead: OF_OTHER_ROWS.join(" or "),
        });
    }
    let model = run.dir.model();
    let (sha256, _) = ae_fetch::sha256_file(&model).map_err(FileError::new("read", &model))?;
    let path = run.dir.measures();
    let mut kept = read(&path).filter(|kept| kept.model == sha256).unwrap_or_default();
    kept.model = sha256;
    let mut all = Metrics::new();
    for measure in wanted {
        if again || !kept.measures.contains_key(measure.name) {
            begin(measure.name);
            let started = Instant::now();
            let metrics = (measure.compute)(context, run)?;
            if let Some((name, &value)) = metrics.iter().find(|(_, value)| !value.is_finite()) {
                let (metric, folder) = (format!("{}/{name}", measure.name), run.dir.root().into());
                return Err(EvaluationError::NotFinite { metric, value, folder });
            }
            let measured = Measured { seconds: started.elapsed().as_secs_f64(), metrics };
            kept.measures.insert(measure.name.into(), measured);
            write(&path, &kept)?;
        }
        let metrics = &kept.measures[measure.name].metrics;
        all.extend(metrics.iter().map(|(name, value)| (format!("{}/{name}", measure.name), *value)));
    }
    Ok(all)
}

/// `None` if the file is missing or damaged: its figures are then recomputed.
fn read(path: &Path) -> Option<Kept> {
    serde_json::from_str(&files::read_to_string(path).ok()?).ok()
}

fn write(path: &Path, kept: &Kept) -> Result<(), FileError> {
    let mut text = serde_json::to_string_pretty(kept).expect("finite figures are always JSON");
    text.push('\n');
    files::write_atomic_bytes(path, text.as_bytes())
}

#[cfg(test)]
mod tests;
