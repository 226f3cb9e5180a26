//! Combines several scorers, such as one model trained with several seeds:
//! `s(x) = mean_i (s_i(x) - m_i) / σ_i`, with the mean `m_i` and standard deviation `σ_i` of each member's
//! scores over validation rows.
//!
//! Standardised scores are averaged rather than ranks, because all scores above the largest validation score,
//! where the anomalies are, have the same rank. A member whose validation scores are all equal is not scaled.
//!
//! Shares and reconstructions are means over the members that have them.

use super::scorer::{self, Kind, Saved, Scorer};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The mean of several scorers.
pub struct Ensemble {
    members: Vec<Box<dyn Scorer>>,
    /// Mean and standard deviation, above zero, of each member's validation scores.
    scales: Vec<(f64, f64)>,
}

/// The stored form of [`Ensemble`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    members: Vec<Value>,
}

impl Ensemble {
    pub(super) const KIND: Kind = Kind {
        name: "ensemble",
        measure: None,
        load: |settings, arrays, kinds| Ok(Box::new(Self::load(settings, arrays, kinds)?)),
    };

    /// Combines the members; `validation` are normal rows that no member was trained on.
    ///
    /// # Errors
    /// No members, members of different widths, fewer than 2 rows, or rows that a member cannot score.
    pub fn fit(members: Vec<Box<dyn Scorer>>, validation: &Samples) -> Result<Self, ScorerError> {
        if validation.len() < 2 {
            return Err(ScorerError::TooFewRows { what: "an ensemble", needed: 2, got: validation.len() });
        }
        let mut scales = Vec::with_capacity(members.len());
        for member in &members {
            let scores = member.scores(validation)?;
            let n = scores.len() as f64;
            let mean = scores.iter().sum::<f64>() / n;
            let std = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / n).sqrt();
            scales.push((mean, if std > 0.0 && std.is_finite() { std } else { 1.0 }));
        }
        Self::new(members, scales)
    }

    fn new(members: Vec<Box<dyn Scorer>>, scales: Vec<(f64, f64)>) -> Result<Self, ScorerError> {
        let Some(first) = members.first() else {
            return Err(ScorerError::setting("the number of members", 0, "at least 1"));
        };
        let width = first.width();
        if let Some(other) = members.iter().find(|member| member.width() != width) {
            return Err(ScorerError::Width { got: other.width(), expected: width });
        }
        Ok(Ensemble { members, scales })
    }

    fn load(settings: Value, arrays: &Arrays<'_>, kinds: &[Kind]) -> Result<Self, ScorerError> {
        let settings: Settings = scorer::settings(settings)?;
        let n = settings.members.len();
        let (means, stds) = (arrays.vector("means", Some(n))?, arrays.vector("stds", Some(n))?);
        if stds.iter().any(|&std| std <= 0.0) {
            return Err(ScorerError::Stored("`stds` holds values that are not above 0".into()));
        }
        let mut members = Vec::with_capacity(n);
        for (index, settings) in settings.members.into_iter().enumerate() {
            let own = arrays.below(&format!("member.{index}."));
            members.push(scorer::load_one_of(kinds, settings, &own)?);
        }
        Self::new(members, means.into_iter().zip(stds).collect())
    }

    /// The members.
    pub fn members(&self) -> &[Box<dyn Scorer>] {
        &self.members
    }
}

/// The mean of the arrays that are present.
fn mean<T>(arrays: Vec<Option<Array2<T>>>) -> Option<Array2<f64>>
where
    T: Copy + Into<f64>,
{
    let mut arrays = arrays.into_iter().flatten();
    let mut sum = arrays.next()?.mapv(Into::into);
    let mut n = 1.0;
    for array in arrays {
        sum += &array.mapv(Into::into);
        n += 1.0;
    }
    Some(sum / n)
}

impl Scorer for Ensemble {
    fn name(&self) -> String {
        format!("ensemble of {} × {}", self.members.len(), self.members[0].name())
    }

    fn width(&self) -> usize {
        self.members[0].width()
    }

    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        let mut sums = vec![0.0; rows.len()];
        for (member, (mean, std)) in self.members.iter().zip(&self.scales) {
            for (sum, score) in sums.iter_mut().zip(member.scores(rows)?) {
                *sum += (score - mean) / std;
            }
        }
        sums.iter_mut().for_each(|sum| *sum /= self.members.len() as f64);
        match sums.iter().position(|score| !score.is_finite()) {
            Some(row) => Err(ScorerError::Overflow { row }),
            None => Ok(sums),
        }
    }

    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        let all = self.members.iter().map(|member| member.reconstruct(rows));
        Ok(mean(all.collect::<Result<_, _>>()?).map(|mean| mean.mapv(|value| value as f32)))
    }

    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        let all = self.members.iter().map(|member| member.contributions(rows));
        Ok(mean(all.collect::<Result<_, _>>()?))
    }

    fn save(&self) -> Saved {
        let (means, stds): (Vec<f64>, Vec<f64>) = self.scales.iter().copied().unzip();
        let mut arrays =
            vec![("means".into(), stored::vector(&means)), ("stds".into(), stored::vector(&stds))];
        let mut members = Vec::with_capacity(self.members.len());
        for (index, member) in self.members.iter().enumerate() {
            let saved = member.save();
            arrays.extend(stored::prefixed(&format!("member.{index}."), saved.arrays));
            members.push(saved.settings);
        }
        Saved::new(Self::KIND.name, &Settings { members }, arrays)
    }
}

impl std::fmt::Debug for Ensemble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ensemble").field("members", &self.name()).field("scales", &self.scales).finish()
    }
}
