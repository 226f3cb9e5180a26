//! The interface of all scorers: a score for each row, and a stored form.

use super::stored::Arrays;
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use ndarray::Array2;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Scores new rows after being fitted on normal rows; a higher score is more anomalous.
///
/// A score depends only on its row, not on the other rows of a call or their number. The error of a chain of
/// dense layers is the same to the last bit. Where several rows are computed at once in double precision
/// (other models, codes, principal components), rounding may change it by a few units in the last place, a
/// relative 2e-15 or so. No finite row causes a panic. Missing values do not affect a score.
pub trait Scorer: Send {
    /// The name to display: the measure and the model, such as `mean_absolute of ecg`.
    fn name(&self) -> String;

    /// Number of values in a row, `D`.
    fn width(&self) -> usize;

    /// The score of each row, finite: `[N]`, higher is more anomalous.
    ///
    /// # Errors
    /// Rows of the wrong width, or the first row that cannot be scored; see [`ScorerError::row`].
    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError>;

    /// The scores `[N]` of the rows it was fitted on. A scorer that keeps these rows compares each with the
    /// others.
    ///
    /// # Errors
    /// See [`Scorer::scores`].
    fn scores_of_training_rows(&self, train: &Samples) -> Result<Vec<f64>, ScorerError> {
        self.scores(train)
    }

    /// The scores `[N]` of the rows for calibration, with the place of each among those that the scorer was fitted with. A
    /// scorer that learned from these rows, too, scores each as if it had not learned from this one.
    ///
    /// # Errors
    /// See [`Scorer::scores`].
    fn calibration_scores(&self, rows: &Samples, places: &[usize]) -> Result<Vec<f64>, ScorerError> {
        let _ = places;
        self.scores(rows)
    }

    /// What the scorer expects instead of each row, `[N, D]`; `None` if it has no expectation.
    ///
    /// # Errors
    /// See [`Scorer::scores`].
    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError>;

    /// The share of each value in its row's score, `[N, D]`: 0 or more, 0 for missing values, and each row
    /// sums to 1. If a row has no error, its observed values have equal shares. `None` for a score that does
    /// not split into shares.
    ///
    /// # Errors
    /// See [`Scorer::scores`].
    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError>;

    /// Everything that [`load`](super::load) needs.
    fn save(&self) -> Saved;

    /// The score of each row, or why that row has none. A bad row does not affect the others.
    ///
    /// # Errors
    /// If no row can be scored because the width is wrong.
    fn scores_each(&self, rows: &Samples) -> Result<Vec<Result<f64, ScorerError>>, ScorerError> {
        match self.scores(rows) {
            Ok(scores) => Ok(scores.into_iter().map(Ok).collect()),
            Err(error) if error.row().is_none() => Err(error),
            Err(_) => {
                let one = |row: usize| match self.scores(&rows.select(&[row])) {
                    Ok(scores) => Ok(scores[0]),
                    Err(error) => Err(error.at_row(row)),
                };
                Ok((0..rows.len()).map(one).collect())
            }
        }
    }
}

/// The stored form of a scorer: settings as JSON, numbers as arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// An object whose `kind` names the scorer, with everything that is not an array.
    pub settings: Value,
    /// The learned arrays by name; names are unique.
    pub arrays: Vec<(String, StoredArray)>,
}

impl Saved {
    /// The stored form of a kind, with its settings, which serialise to an object.
    pub(crate) fn new(
        kind: &'static str,
        settings: &impl Serialize,
        arrays: Vec<(String, StoredArray)>,
    ) -> Self {
        let mut all = Map::from_iter([(KIND.to_string(), Value::from(kind))]);
        match serde_json::to_value(settings) {
            Ok(Value::Object(settings)) => all.extend(settings),
            other => unreachable!("settings are an object, not {other:?}"),
        }
        Saved { settings: Value::Object(all), arrays }
    }
}

/// The entry of the settings that names the kind.
const KIND: &str = "kind";

/// A kind of scorer: its name in files, and how it is loaded.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The measure, if several scorers share a name.
    pub(crate) measure: Option<&'static str>,
    pub(crate) load: Load,
}

/// Takes the settings without their kind, the arrays, and the list of kinds for the members of a combined
/// scorer.
pub(crate) type Load = fn(Value, &Arrays<'_>, &[Kind]) -> Result<Box<dyn Scorer>, ScorerError>;

/// Loads a scorer of one of these kinds.
pub(crate) fn load_one_of(
    kinds: &[Kind],
    mut settings: Value,
    arrays: &Arrays<'_>,
) -> Result<Box<dyn Scorer>, ScorerError> {
    let name = settings.as_object_mut().and_then(|settings| settings.remove(KIND));
    let name = name.as_ref().and_then(Value::as_str).unwrap_or_default();
    let measure = settings.get("measure").and_then(Value::as_str);
    let found =
        kinds.iter().find(|kind| kind.name == name && kind.measure.is_none_or(|own| measure == Some(own)));
    let Some(kind) = found else {
        let measure = measure.map(|measure| format!(" with the measure `{measure}`")).unwrap_or_default();
        return Err(ScorerError::Stored(format!("unknown scorer `{name}`{measure}")));
    };
    (kind.load)(settings, arrays, kinds)
}

/// Parses the settings of a scorer strictly.
pub(crate) fn settings<S: DeserializeOwned>(stored: Value) -> Result<S, ScorerError> {
    serde_json::from_value(stored).map_err(|error| ScorerError::Stored(error.to_string()))
}
