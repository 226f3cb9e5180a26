//! Gives the rows of a new table the columns that a model was trained on.

use crate::rows::RawRows;
use crate::{DataError, SampleShape};
use ae_intake::{RARE, Samples};
use ndarray::Array2;
use std::collections::BTreeMap;

impl RawRows {
    /// The same rows with the columns that a model was trained on, in its order, to use the model on them. A value of a
    /// category that these rows lack becomes a column of zeros; one that training did not have is left out, or is one of
    /// the rare values where the model has a column for them.
    ///
    /// # Errors
    /// A column of the model that these rows lack.
    pub fn with_features(self, names: &[String]) -> Result<RawRows, DataError> {
        if names.is_empty() || *names == self.feature_names {
            return Ok(self);
        }
        if self.feature_names.is_empty() {
            if self.samples.width() == names.len() {
                tracing::warn!(
                    "{}: has no names of columns; taken in the order of training: {}",
                    self.name,
                    names.join(", ")
                );
            }
            return Ok(self);
        }
        let n = self.samples.len();
        let mut values = Array2::zeros((n, names.len()));
        let mut observed = Array2::from_elem((n, names.len()), true);
        let mut is_category = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let own = self.feature_names.iter().position(|own| own == name);
            let values_of_category = self.values_of_category(name);
            let Some(&any) = own.iter().chain(&values_of_category).next() else {
                return Err(DataError::NoFeature {
                    name: self.name,
                    column: name.clone(),
                    columns: self.feature_names,
                });
            };
            let is_rare = own.is_none() && name.ends_with(&format!("={RARE}"));
            let others = values_of_category.iter().copied();
            let others = others.filter(|&own| is_rare && !names.contains(&self.feature_names[own]));
            for place in own.into_iter().chain(others) {
                values.column_mut(at).zip_mut_with(&self.samples.values.column(place), |sum, x| *sum += x);
            }
            // A gap of a category is one in all its columns.
            if let Some(own) = &self.samples.observed {
                observed.column_mut(at).assign(&own.column(any));
            }
            is_category.push(self.is_category.get(any) == Some(&true));
        }
        self.warn_of_unknown_values(names);
        let observed = self.samples.observed.is_some().then_some(observed);
        let labels = self.samples.labels.clone();
        Ok(RawRows {
            samples: Samples::complete(values).with_observed(observed).with_labels(labels),
            shape: SampleShape::Vector { features: names.len() },
            feature_names: names.to_vec(),
            is_category,
            ..self
        })
    }

    /// The same rows, in which what stood for a missing value in the table that a model was trained on does so, too. `names`
    /// are those of the model's features, whose order the rows have: see [`Self::with_features`].
    pub fn with_sentinels(mut self, names: &[String], sentinels: &BTreeMap<String, Vec<f32>>) -> RawRows {
        let Samples { values, observed, .. } = &mut self.samples;
        for (place, name) in names.iter().enumerate().take(values.ncols()) {
            let Some(marks) = sentinels.get(name) else { continue };
            for row in 0..values.nrows() {
                if marks.contains(&values[[row, place]]) {
                    values[[row, place]] = 0.0;
                    observed.get_or_insert_with(|| Array2::from_elem(values.dim(), true))[[row, place]] =
                        false;
                }
            }
        }
        self
    }

    /// Says which values of categories the model has no column for, not even that of rare values.
    fn warn_of_unknown_values(&self, names: &[String]) {
        for (place, own) in self.feature_names.iter().enumerate() {
            let Some((category, value)) = own.split_once('=') else { continue };
            let of_category = format!("{category}=");
            let is_known = names.contains(own) || names.contains(&format!("{of_category}{RARE}"));
            if is_known || !names.iter().any(|name| name.starts_with(&of_category)) {
                continue;
            }
            let rows = self.samples.values.column(place).iter().filter(|value| **value != 0.0).count();
            if rows > 0 {
                tracing::warn!(
                    "{}: column {category} has {value}, which no training row had ({rows} such values)",
                    self.name
                );
            }
        }
    }

    /// The columns of the values that these rows have of the category of a feature `CATEGORY=VALUE`.
    fn values_of_category(&self, feature: &str) -> Vec<usize> {
        let Some((category, _)) = feature.split_once('=') else { return Vec::new() };
        let category = format!("{category}=");
        let own = self.feature_names.iter().enumerate();
        own.filter(|(_, own)| own.starts_with(&category)).map(|(place, _)| place).collect()
    }
}
