//! Isolation forest baseline: `s(x) = 2^(-E h(x) / c(ψ))`, where `h` is the number of random cuts that
//! isolate `x` among `ψ` training rows, and `c` its mean over them (Liu, Ting & Zhou, 2008, "Isolation
//! forest", equations 1 and 2). It has 100 trees of 256 rows. Each cut is at a random value between the
//! minimum and maximum of a random column.
//!
//! It is implemented here because existing crates depend on older random generators and cannot be saved to
//! files. If a training row lacks the value of a cut, it goes to a random side; a scored row goes to both
//! sides, weighted by the training rows on each.

mod tree;

use super::references;
use super::rows::{self, NormalRows};
use super::scorer::{self, Kind, Saved, Scorer};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use ae_intake::Samples;
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tree::Tree;

/// How a forest is grown; the defaults are the paper's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForestConfig {
    /// Number of trees; 1 to 10,000.
    pub trees: usize,
    /// Training rows of each tree, `ψ`; 2 or more. If there are fewer rows, all are used.
    pub rows: usize,
}

impl Default for ForestConfig {
    fn default() -> Self {
        ForestConfig { trees: 100, rows: 256 }
    }
}

/// Scores rows by how few cuts isolate them.
#[derive(Debug)]
pub struct IsolationForest {
    width: usize,
    /// Training rows of each tree.
    sample: usize,
    trees: Vec<Tree>,
}

/// The stored form of [`IsolationForest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    width: usize,
    sample: usize,
}

impl IsolationForest {
    pub(super) const KIND: Kind = Kind {
        name: "isolation_forest",
        measure: None,
        load: |settings, arrays, _| Ok(Box::new(Self::load(settings, arrays)?)),
    };

    /// Grows the trees with the paper's settings.
    ///
    /// # Errors
    /// Fewer than 2 rows, or values that are not finite.
    pub fn fit(rows: &NormalRows<'_>) -> Result<Self, ScorerError> {
        Self::grow(rows.train, ForestConfig::default(), rows.seed)
    }

    /// Grows the trees.
    ///
    /// # Errors
    /// Fewer than 2 rows, a setting out of range, or values that are not finite.
    pub fn grow(train: &Samples, config: ForestConfig, seed: u64) -> Result<Self, ScorerError> {
        let width = train.values.ncols();
        rows::check(train, width)?;
        if train.len() < 2 {
            return Err(ScorerError::TooFewRows { what: "an isolation forest", needed: 2, got: train.len() });
        }
        if !(1..=10_000).contains(&config.trees) {
            return Err(ScorerError::setting("the number of trees", config.trees, "1 to 10000"));
        }
        if config.rows < 2 {
            return Err(ScorerError::setting("the rows of a tree", config.rows, "at least 2"));
        }
        let sample = config.rows.min(train.len());
        let grow = |tree: u64| {
            let chosen = ae_records::seed::draw(train.len(), sample, seed, "rows of a tree", tree);
            let values = references::with_gaps(&train.select(&chosen));
            Tree::grow(&values, &mut ae_records::seed::stream_rng(seed, "isolation tree", tree))
        };
        Ok(IsolationForest { width, sample, trees: (0..config.trees as u64).map(grow).collect() })
    }

    fn load(settings: Value, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let Settings { width, sample } = scorer::settings(settings)?;
        if sample < 2 || width == 0 {
            return Err(ScorerError::Stored(
                "the isolation forest has fewer than 2 rows per tree, or no columns".into(),
            ));
        }
        let nodes = arrays.matrix("nodes", None, tree::COLUMNS)?;
        let trees = tree::from_matrix(&nodes, width).map_err(|reason| ScorerError::Stored(reason.into()))?;
        Ok(IsolationForest { width, sample, trees })
    }
}

impl Scorer for IsolationForest {
    fn name(&self) -> String {
        format!("isolation forest of {} trees", self.trees.len())
    }

    fn width(&self) -> usize {
        self.width
    }

    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        rows::check(rows, self.width)?;
        let usual = tree::usual_depth(self.sample as f64);
        let score = |row: ndarray::ArrayView1<'_, f64>| {
            let row = row.to_vec();
            let depth = self.trees.iter().map(|tree| tree.depth(&row)).sum::<f64>() / self.trees.len() as f64;
            (-depth / usual).exp2()
        };
        rows::in_blocks(rows, |rows| {
            let values = references::with_gaps(rows);
            let rows: Vec<_> = values.outer_iter().collect();
            Ok(rows.into_par_iter().map(score).collect())
        })
    }

    /// `None`: a forest has no expectation for a row.
    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        rows::check(rows, self.width)?;
        Ok(None)
    }

    /// `None`: a depth does not split into shares.
    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        rows::check(rows, self.width)?;
        Ok(None)
    }

    fn save(&self) -> Saved {
        let nodes = stored::matrix(&tree::to_matrix(&self.trees));
        let settings = Settings { width: self.width, sample: self.sample };
        Saved::new(Self::KIND.name, &settings, vec![("nodes".into(), nodes)])
    }
}
