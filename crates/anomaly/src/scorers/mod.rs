//! The ways of scoring rows. Each has one file that starts with its formula; adding one takes a file and a
//! line in the list below.
//!
//! A [`Score`] needs a trained autoencoder, a [`Baseline`] needs no network. Both give a [`Scorer`], which
//! turns any row into a number; higher is more anomalous. [`load`] restores a scorer from a file.

pub mod blend;
pub mod constant;
pub mod crossed;
pub mod ensemble;
pub mod forest;
pub mod latent;
pub mod mahalanobis;
pub mod maximum;
pub mod mean_absolute;
pub mod mean_squared;
pub mod model;
pub mod neighbours;
pub mod pca;
pub mod probability;
pub mod scorer;
pub mod standardised;

pub(crate) mod completion;
mod covariance;
pub(crate) mod references;
mod residual;
pub(crate) mod rows;
pub(crate) mod stored;

pub use blend::Blend;
pub use ensemble::Ensemble;
pub use model::{ModelDescription, TrainedModel};
pub use rows::NormalRows;
pub use scorer::{Saved, Scorer};

use crate::error::ScorerError;
use residual::Residual;
use scorer::Kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stored::Arrays;

/// Restores a scorer. Nothing larger than the stored arrays is built.
///
/// # Errors
/// Settings or arrays that do not fit together or that belong to no scorer, including hostile ones.
pub fn load(saved: &Saved) -> Result<Box<dyn Scorer>, ScorerError> {
    let arrays = Arrays::new(saved.arrays.iter().map(|(name, array)| (name, array)));
    let scorer = load_from(saved.settings.clone(), &arrays)?;
    arrays.check_all_used()?;
    Ok(scorer)
}

pub(crate) fn load_from(settings: Value, arrays: &Arrays<'_>) -> Result<Box<dyn Scorer>, ScorerError> {
    scorer::load_one_of(KINDS, settings, arrays)
}

macro_rules! scorers {
    (
        of a model: $(
            $(#[$score_meta:meta])*
            $score:ident $({ $($(#[$setting_meta:meta])* $setting:ident: $setting_type:ty),* })?: $scorer:ty
        ),* ;
        of rows alone: $(
            $(#[$baseline_meta:meta])*
            $baseline:ident $({ $($(#[$own_meta:meta])* $own:ident: $own_type:ty),* })?: $recipe:ty
        ),* ;
        of scorers: $($combined:ty),* ;
    ) => {
        /// How rows are scored with a trained autoencoder.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum Score {
            $($(#[$score_meta])* $score $({ $($(#[$setting_meta])* $setting: $setting_type),* })?,)*
        }

        impl Score {
            /// Fits a scorer to `model`, which was trained on the training rows.
            ///
            /// # Errors
            /// Rows of the wrong width, too few rows, a setting out of range, or a model that lacks what the
            /// score needs.
            pub fn fit(
                self,
                model: TrainedModel,
                rows: &NormalRows<'_>,
            ) -> Result<Box<dyn Scorer>, ScorerError> {
                Ok(match self {
                    $(Score::$score $({ $($setting),* })? => {
                        Box::new(<$scorer>::fit(model, rows $($(, $setting)*)?)?)
                    })*
                })
            }
        }

        /// A way of scoring without a network, which every network has to beat.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum Baseline {
            $($(#[$baseline_meta])* $baseline $({ $($(#[$own_meta])* $own: $own_type),* })?,)*
        }

        impl Baseline {
            /// Fits the baseline on the rows that the network is trained on.
            ///
            /// # Errors
            /// Too few rows, a setting out of range, or values that are not finite.
            pub fn fit(self, rows: &NormalRows<'_>) -> Result<Box<dyn Scorer>, ScorerError> {
                Ok(match self {
                    $(Baseline::$baseline $({ $($own),* })? => {
                        Box::new(<$recipe>::fit(rows $($(, $own)*)?)?)
                    })*
                })
            }
        }

        /// The kinds of scorers that files may hold.
        const KINDS: &[Kind] = &[
            $(<$scorer>::KIND,)*
            $(<$recipe>::KIND,)*
            $(<$combined>::KIND,)*
        ];
    };
}

scorers! {
    of a model:
        /// See [`mod@mean_absolute`].
        #[default]
        MeanAbsolute: Residual<mean_absolute::MeanAbsolute>,
        /// See [`mod@mean_squared`].
        MeanSquared: Residual<mean_squared::MeanSquared>,
        /// See [`mod@maximum`].
        Maximum: Residual<maximum::Maximum>,
        /// See [`mod@standardised`].
        Standardised: Residual<standardised::Standardised>,
        /// See [`mod@mahalanobis`].
        Mahalanobis: Residual<mahalanobis::Mahalanobis>,
        /// See [`mod@latent`].
        LatentNeighbours {
            /// Number of neighbours; 1 or more, 5 is usual.
            k: usize
        }: latent::LatentNeighbours,
        /// See [`mod@probability`]; variational models only.
        ReconstructionProbability {
            /// Number of draws from the posterior; 1 or more, 16 is usual.
            draws: usize
        }: probability::ReconstructionProbability;
    of rows alone:
        /// The median of the training rows as every reconstruction, see [`mod@constant`].
        Median: constant::Median,
        /// The mean of the training rows as every reconstruction, see [`mod@constant`].
        Mean: constant::Mean,
        /// Mean squared error of the reconstruction from the first principal components, see [`mod@pca`].
        Pca {
            /// Number of components; 1 or more.
            code: usize
        }: pca::Pca,
        /// Mean distance to the nearest training rows, see [`mod@neighbours`].
        Neighbours {
            /// Number of neighbours; 1 or more.
            k: usize
        }: neighbours::Neighbours,
        /// How few random cuts isolate a row, see [`mod@forest`].
        IsolationForest: forest::IsolationForest;
    of scorers:
        Blend, crossed::Crossed, Ensemble;
}
