//! Documents by their scores, and the words that speak for each.

use super::found::WordWeight;
use ae_datasets::sparse::SparseRows;
use std::collections::HashMap;

/// Words that are named for each document, at most.
const NAMED_WORDS: usize = 5;

/// A query as counts.
pub(super) struct Counted {
    pub(super) counts: Vec<(u32, f32)>,
    /// How the query writes each word.
    pub(super) written: HashMap<u32, String>,
    pub(super) unknown: Vec<String>,
}

/// All documents by their scores, and what they are made of.
pub(super) struct Ranked {
    /// `[N]`.
    pub(super) scores: Vec<f32>,
    /// Words of the query whose parts are known.
    pub(super) columns: Vec<u32>,
    pub(super) parts: Parts,
}

pub(super) enum Parts {
    /// Weights of words in the documents `[N, D]` and in the query, which are multiplied.
    Products { weights: SparseRows, own: SparseRows },
    /// Scores without each of the words, `[W][N]`.
    Without(Vec<Vec<f32>>),
}

impl Ranked {
    /// The words that speak for a document.
    pub(super) fn because(&self, query: &Counted, row: usize) -> Vec<WordWeight> {
        let weights: Vec<(u32, f32)> = match &self.parts {
            Parts::Products { weights, own } => {
                let own: HashMap<u32, f32> = own.row(0).collect();
                let product = |(column, weight): (u32, f32)| Some((column, weight * own.get(&column)?));
                weights.row(row).filter_map(product).collect()
            }
            Parts::Without(without) => {
                let falls = without.iter().map(|scores| self.scores[row] - scores[row]);
                self.columns.iter().copied().zip(falls).collect()
            }
        };
        let mut because: Vec<WordWeight> = weights
            .into_iter()
            .filter(|(_, weight)| *weight > 0.0)
            .map(|(column, weight)| WordWeight {
                word: query.written.get(&column).cloned().unwrap_or_default(),
                weight: weight.into(),
            })
            .collect();
        because.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.word.cmp(&b.word)));
        because.truncate(NAMED_WORDS);
        because
    }
}
