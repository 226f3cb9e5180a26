//! Recommendations for one user, by a trained model: what the user may like, and which of the user's ratings speak
//! for it.

use crate::recommend::judge::best;
use ae_datasets::LIKED;
use ae_intake::content::{self, ContentError};
use ae_intake::{Column, InputConfig, IntakeError, NumberTable};
use ae_models::{Autoencoder, ModelConfig, ModelError, limits};
use ae_records::names::{did_you_mean, nearest};
use ae_records::run_dir::RunDir;
use ae_tensor::{Device, Tensor, array, tch};
use ae_training::{ModelFileError, PortableModel};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Largest file of a user's ratings, in bytes.
const MAX_BYTES: u64 = 16 << 20;
/// Rows that the model computes at once.
const BATCH: usize = 256;
/// Ratings that are named for each recommendation, at most.
const REASONS: usize = 3;

/// A model that was trained on rows of users, and the names of what they rate.
#[derive(Debug)]
pub struct Recommender {
    model: PortableModel,
    /// Columns by lower-case name.
    columns: HashMap<String, u32>,
    device: Device,
}

/// What a user has rated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserRatings {
    /// Column and stars, by columns.
    ratings: Vec<(u32, f32)>,
}

/// One recommendation.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Recommendation {
    /// Its name.
    pub title: String,
    /// What the model says: stars, or for a model of likes the share of the probability of being liked next.
    pub score: f64,
    /// The ratings that speak for it most, strongest first; at most three.
    pub because: Vec<Reason>,
}

/// A rating that speaks for a recommendation.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Reason {
    /// What the user has rated.
    pub title: String,
    /// By how much the score falls without this rating; above 0.
    pub weight: f64,
}

/// Why nothing can be recommended.
#[derive(Debug, thiserror::Error)]
pub enum RecommendError {
    /// The model file.
    #[error(transparent)]
    Model(#[from] ModelFileError),
    /// A model that does not know what its columns are called.
    #[error(
        "the model in {} does not say what is rated, so that it cannot recommend to new users; train one on rows of \
         users, such as `ae train mult_vae` or `ae train autorec-users`",
        .0.display()
    )]
    Nameless(PathBuf),
    /// A model that only reconstructs.
    #[error(
        "the variant `{variant}` in {} does not predict what it is not shown; train one that does, such as \
         `ae train mult_vae`",
        path.display()
    )]
    Unsuited {
        /// The variant.
        variant: String,
        /// The model file.
        path: PathBuf,
    },
    /// The file of ratings cannot be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// It is no table.
    #[error("{0}; give a table with a title and a rating in each line")]
    Table(IntakeError),
    /// It does not have one number besides the title.
    #[error("{} has {columns} numbers in a line besides the title; give a title and a rating", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// How many there are.
        columns: usize,
    },
    /// A title that the model does not know.
    #[error("the model knows nothing called `{title}`{}", did_you_mean(nearest))]
    Unknown {
        /// As the user wrote it.
        title: String,
        /// The most similar titles.
        nearest: Vec<String>,
    },
    /// A title twice.
    #[error("`{0}` is rated twice; keep one of the two ratings")]
    Twice(String),
    /// A rating that the model cannot know.
    #[error("`{title}` has the rating {got}; give one from {low} to {high}")]
    Rating {
        /// The title.
        title: String,
        /// The rating.
        got: f64,
        /// Least legal rating.
        low: f64,
        /// Greatest legal rating.
        high: f64,
    },
    /// No ratings that the model can use.
    #[error("there is no rating to recommend by; {0}")]
    Nothing(&'static str),
    /// The model cannot be computed.
    #[error(transparent)]
    Compute(#[from] ModelError),
}

impl RecommendError {
    /// Whether the user's arguments or files are at fault, rather than the machine.
    pub fn is_usage(&self) -> bool {
        !matches!(self, RecommendError::Model(_) | RecommendError::Compute(_))
    }
}

impl Recommender {
    /// Loads the model of a run's folder, or a model's file.
    ///
    /// # Errors
    /// If it is not a usable model file, or the model cannot recommend.
    pub fn load(path: &Path, device: Device) -> Result<Self, RecommendError> {
        let path = RunDir::model_at(path);
        Recommender::of(PortableModel::load::<ModelConfig>(&path, device)?, &path, device)
    }

    /// A loaded model; `path` is for errors.
    ///
    /// # Errors
    /// If the model cannot recommend.
    pub fn of(model: PortableModel, path: &Path, device: Device) -> Result<Self, RecommendError> {
        if !model.predicts() || model.as_autoencoder().is_none() {
            let variant = model.metadata.model.name().into();
            return Err(RecommendError::Unsuited { variant, path: path.into() });
        }
        let names = &model.metadata.feature_names;
        if names.is_empty() {
            return Err(RecommendError::Nameless(path.into()));
        }
        let columns = (0u32..).zip(names).map(|(column, name)| (name.to_lowercase(), column)).collect();
        Ok(Recommender { model, columns, device })
    }

    /// Whether the model was trained on likes, not on stars.
    pub fn knows_likes_only(&self) -> bool {
        let [_, low, high] = self.model.metadata.range;
        (low, high) == (0.0, 1.0)
    }

    /// Reads a table with a title and a rating in each line, with or without a header.
    ///
    /// # Errors
    /// If it is not such a table, a title is unknown or rated twice, or a rating is not one.
    pub fn read(&self, path: &Path) -> Result<UserRatings, RecommendError> {
        let bytes = content::read(path, MAX_BYTES)?;
        let format = InputConfig { label: Some(Column::Index(0)), ..InputConfig::default() };
        let table = NumberTable::parse(&bytes, &path.display().to_string(), &format)
            .map_err(RecommendError::Table)?;
        if table.values.ncols() != 1 {
            return Err(RecommendError::Columns { path: path.into(), columns: table.values.ncols() });
        }
        let titles = table.labels.unwrap_or_default();
        self.ratings(titles.iter().map(String::as_str).zip(table.values.iter().copied()))
    }

    /// The ratings of a user by title; case does not matter.
    ///
    /// # Errors
    /// If a title is unknown or rated twice, or a rating is not one.
    pub fn ratings<'t>(
        &self,
        given: impl IntoIterator<Item = (&'t str, f32)>,
    ) -> Result<UserRatings, RecommendError> {
        let [_, low, high] = self.model.metadata.range;
        let (low, high) = if self.knows_likes_only() { (0.5, 5.0) } else { (low, high) };
        let mut ratings: Vec<(u32, f32)> = Vec::new();
        for (title, stars) in given {
            let title = title.trim();
            let Some(&column) = self.columns.get(&title.to_lowercase()) else {
                let nearest = nearest(title, &self.model.metadata.feature_names);
                return Err(RecommendError::Unknown { title: title.into(), nearest });
            };
            if !(low..=high).contains(&f64::from(stars)) {
                return Err(RecommendError::Rating { title: title.into(), got: stars.into(), low, high });
            }
            match ratings.binary_search_by_key(&column, |rating| rating.0) {
                Ok(_) => return Err(RecommendError::Twice(title.into())),
                Err(place) => ratings.insert(place, (column, stars)),
            }
        }
        Ok(UserRatings { ratings })
    }

    /// The `top` best of what the user has not rated, each with the ratings that speak for it: those without which its
    /// score would fall most. The model is not trained again.
    ///
    /// # Errors
    /// If there is no rating that the model can use: a model of likes uses those of at least 4 stars.
    pub fn recommend(&self, user: &UserRatings, top: usize) -> Result<Vec<Recommendation>, RecommendError> {
        let likes = self.knows_likes_only();
        let used: Vec<(u32, f32)> = match likes {
            true => user.ratings.iter().filter(|it| it.1 >= LIKED).map(|it| (it.0, 1.0)).collect(),
            false => user.ratings.clone(),
        };
        if used.is_empty() {
            return Err(RecommendError::Nothing(if likes {
                "the model knows likes, so give something with at least 4 stars"
            } else {
                "give at least one"
            }));
        }
        let whole = self.scores(&used, &[None])?.pop().unwrap_or_default();
        let is_new = |column: u32| user.ratings.binary_search_by_key(&column, |rating| rating.0).is_err();
        let chosen = best(&whole, top, is_new);
        // The scores of what is chosen, without each of the ratings.
        let mut without: Vec<Vec<f32>> = Vec::with_capacity(used.len());
        for first in (0..used.len()).step_by(BATCH) {
            let left_out: Vec<Option<usize>> = (first..used.len().min(first + BATCH)).map(Some).collect();
            let scores = self.scores(&used, &left_out)?;
            without
                .extend(scores.iter().map(|row| chosen.iter().map(|&column| row[column as usize]).collect()));
        }
        let names = &self.model.metadata.feature_names;
        let recommendation = |(place, &column): (usize, &u32)| {
            let score = whole[column as usize];
            let mut because: Vec<Reason> = used
                .iter()
                .zip(&without)
                .map(|(rating, scores)| Reason {
                    title: names[rating.0 as usize].clone(),
                    weight: f64::from(score) - f64::from(scores[place]),
                })
                .filter(|reason| reason.weight > 0.0)
                .collect();
            because.sort_by(|a, b| b.weight.total_cmp(&a.weight));
            because.truncate(REASONS);
            Recommendation { title: names[column as usize].clone(), score: score.into(), because }
        };
        Ok(chosen.iter().enumerate().map(recommendation).collect())
    }

    /// The score of each column: a row by all ratings but one for each place in `rows`, or by all for `None`.
    fn scores(
        &self,
        ratings: &[(u32, f32)],
        rows: &[Option<usize>],
    ) -> Result<Vec<Vec<f32>>, RecommendError> {
        let width = self.model.metadata.feature_names.len();
        let mut values = vec![0f32; rows.len() * width];
        for (row, left_out) in rows.iter().enumerate() {
            for (place, &(column, value)) in ratings.iter().enumerate() {
                if Some(place) != *left_out {
                    values[row * width + column as usize] = value;
                }
            }
        }
        let x = Tensor::from_slice(&values).view([rows.len() as i64, width as i64]).to_device(self.device);
        let made = limits::guarded(|| {
            let model: &dyn Autoencoder = self.model.as_autoencoder().expect("checked on loading");
            array::to_rows(&tch::no_grad(|| model.decode(model.encode(&x).point())))
        })?;
        Ok(made.rows().into_iter().map(|row| row.to_vec()).collect())
    }
}

#[cfg(test)]
#[path = "recommender_tests.rs"]
mod tests;
