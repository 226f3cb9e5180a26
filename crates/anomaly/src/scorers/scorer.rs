//! What every way of scoring is: a number for each row, higher for more anomalous, and how it is kept in a file.

use super::stored::Arrays;
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use ndarray::Array2;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Something that was fitted on normal rows and gives each new row a score.
///
/// A score depends on the row and on nothing else: neither on the other rows of a call nor on their number, but for
/// 1e-6 of it by rounding. Any finite row is taken without a panic. What was not observed has no part in a score.
pub trait Scorer: Send {
    /// For people: what is measured, and of what, such as `mean_absolute of ecg`.
    fn name(&self) -> String;

    /// Values of a row, `D`.
    fn width(&self) -> usize;

    /// The score of each row, finite: `[N]`, higher is more anomalous.
    ///
    /// # Errors
    /// Rows of another width; the first row that cannot be scored, see [`ScorerError::row`].
    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError>;

    /// The scores of the rows that it was fitted on: `[N]`. A scorer that has kept these rows scores each by the others.
    ///
    /// # Errors
    /// As [`Scorer::scores`].
    fn scores_of_training_rows(&self, train: &Samples) -> Result<Vec<f64>, ScorerError> {
        self.scores(train)
    }

    /// What the scorer expects in place of each row, `[N, D]`; `None` where it expects nothing in particular.
    ///
    /// # Errors
    /// As [`Scorer::scores`].
    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError>;

    /// The share of each value in its row's score, `[N, D]`: 0 or more, each row sums to 1, 0 for what was not
    /// observed. A row without an error shares evenly among what was observed. `None` for a score that is not made of
    /// shares.
    ///
    /// # Errors
    /// As [`Scorer::scores`].
    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError>;

    /// All that [`load`](super::load) needs.
    fn save(&self) -> Saved;

    /// The score of each row, or why this row has none; one bad row does not spoil the others.
    ///
    /// # Errors
    /// Where no row can be scored: another width.
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

/// A scorer as files hold it: settings as JSON, numbers as arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// What it is: an object whose `kind` says which scorer, and all else what is no array.
    pub settings: Value,
    /// What it has learned, by name; names are unique.
    pub arrays: Vec<(String, StoredArray)>,
}

impl Saved {
    /// Of a kind by name, with its settings, which serialise to an object.
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

/// A kind of scorer as the list knows it: by the name that files have for it, and how it is brought back.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What is measured, where several scorers share a name.
    pub(crate) measure: Option<&'static str>,
    pub(crate) load: Load,
}

/// Settings without their kind, arrays, and the list for the parts of a combined scorer.
pub(crate) type Load = fn(Value, &Arrays<'_>, &[Kind]) -> Result<Box<dyn Scorer>, ScorerError>;

/// Brings a scorer of one of these kinds back.
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
        return Err(ScorerError::Stored(format!("there is no scorer `{name}`{measure}")));
    };
    (kind.load)(settings, arrays, kinds)
}

/// Settings of a scorer, read strictly.
pub(crate) fn settings<S: DeserializeOwned>(stored: Value) -> Result<S, ScorerError> {
    serde_json::from_value(stored).map_err(|error| ScorerError::Stored(error.to_string()))
}
