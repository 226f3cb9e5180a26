//! What people use to find documents by their words: tf-idf with the cosine, BM25, and latent semantic analysis.

use ae_datasets::sparse::SparseRows;
use ae_tensor::{Device, Kind, Tensor, array};

/// BM25's saturation of counts and correction for length, at the values that most systems use (Robertson & Zaragoza,
/// 2009, "The probabilistic relevance framework: BM25 and beyond", section 3.4).
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// How many of some documents have each word: what makes rare words weigh more.
#[derive(Debug)]
pub(crate) struct Frequencies {
    documents: f64,
    /// `[D]`.
    with_word: Vec<f64>,
    /// Words in a document, the mean.
    length: f64,
}

impl Frequencies {
    /// Of at least one document.
    pub(crate) fn of(documents: &SparseRows) -> Self {
        let mut with_word = vec![0.0; documents.width()];
        let mut words = 0.0;
        for row in 0..documents.len() {
            for (column, count) in documents.row(row) {
                with_word[column as usize] += 1.0;
                words += f64::from(count);
            }
        }
        let n = documents.len() as f64;
        Frequencies { documents: n, with_word, length: words / n }
    }

    /// `ln(1 + tf) · ln(N / df)`, each document at length one, so that products are cosines; a word that no document had
    /// counts as if one had it (Salton & Buckley, 1988, "Term-weighting approaches in automatic text retrieval").
    pub(crate) fn tf_idf(&self, documents: &SparseRows) -> SparseRows {
        let of_row = |row: usize| {
            let idf = |column: u32| (self.documents / self.with_word[column as usize].max(1.0)).ln();
            let weights: Vec<(u32, f64)> = documents
                .row(row)
                .map(|(column, count)| (column, f64::from(count).ln_1p() * idf(column)))
                .collect();
            let length = weights.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
            weights.iter().map(|(column, weight)| (*column, (weight / length.max(1e-12)) as f32)).collect()
        };
        weighted(documents, of_row)
    }

    /// The part of BM25's sum that each word of a document adds when a query has it (Robertson & Zaragoza, 2009,
    /// equation 3.15), with the inverse document frequency `ln(1 + (N - df + ½) / (df + ½))`, which is never negative.
    pub(crate) fn bm25(&self, documents: &SparseRows) -> SparseRows {
        let of_row = |row: usize| {
            let own: f64 = documents.row(row).map(|(_, count)| f64::from(count)).sum();
            let longer = K1 * (1.0 - B + B * own / self.length);
            let weight = |(column, count): (u32, f32)| {
                let (count, with_word) = (f64::from(count), self.with_word[column as usize]);
                let idf = ((self.documents - with_word + 0.5) / (with_word + 0.5)).ln_1p();
                (column, (idf * count * (K1 + 1.0) / (count + longer)) as f32)
            };
            documents.row(row).map(weight).collect()
        };
        weighted(documents, of_row)
    }
}

/// `ln(1 + tf)`: the weights without the frequencies.
pub(crate) fn logarithms(documents: &SparseRows) -> SparseRows {
    weighted(documents, |row| documents.row(row).map(|(column, count)| (column, count.ln_1p())).collect())
}

fn weighted(documents: &SparseRows, of_row: impl Fn(usize) -> Vec<(u32, f32)>) -> SparseRows {
    let rows: Vec<Vec<(u32, f32)>> = (0..documents.len()).map(of_row).collect();
    SparseRows::of(documents.width(), &rows).expect("as many entries as there were, all of them finite")
}

/// Documents by word, so that a query touches only those that share a word with it.
#[derive(Debug)]
pub(crate) struct Postings {
    /// `[D, N]`.
    by_word: SparseRows,
}

impl Postings {
    /// Of documents with weighted words, `[N, D]`.
    pub(crate) fn of(documents: &SparseRows) -> Self {
        Postings { by_word: documents.transposed() }
    }

    /// The product of a query with every document, `[N]`.
    pub(crate) fn scores(&self, query: impl Iterator<Item = (u32, f32)>) -> Vec<f32> {
        let mut scores = vec![0.0; self.by_word.width()];
        for (word, weight) in query {
            for (document, own) in self.by_word.row(word as usize) {
                scores[document as usize] += weight * own;
            }
        }
        scores
    }
}

/// Latent semantic analysis (Deerwester et al., 1990): documents along the directions in which the documents that it was
/// fitted on are longest, the leading right singular vectors of their matrix, which is not centred.
#[derive(Debug)]
pub(crate) struct Lsa {
    /// `[D, K]`, one direction in each column, the longest first.
    directions: Tensor,
}

impl Lsa {
    /// Fits documents with weighted words, at least one.
    pub(crate) fn of(documents: &SparseRows) -> Self {
        let width = documents.width();
        let mut products = vec![0f64; width * width];
        for row in 0..documents.len() {
            for (a, weight) in documents.row(row) {
                for (b, other) in documents.row(row) {
                    products[a as usize * width + b as usize] += f64::from(weight) * f64::from(other);
                }
            }
        }
        let gram = Tensor::from_slice(&products).view([width as i64, width as i64]);
        // Eigenvalues come in ascending order.
        Lsa { directions: gram.linalg_eigh("L").1.flip([1]) }
    }

    /// Directions `[D, K]` that were found before, the longest first.
    pub(crate) fn of_directions(directions: Tensor) -> Self {
        Lsa { directions }
    }

    /// The longest directions, `[D, size]`.
    pub(crate) fn leading(&self, size: i64) -> Tensor {
        self.directions.narrow(1, 0, size).contiguous()
    }

    /// Coordinates `[N, size]` of documents, longest direction first.
    pub(crate) fn codes(&self, documents: &SparseRows, size: i64) -> Tensor {
        let leading: Vec<f64> = array::to_vec(&self.leading(size));
        let size = size as usize;
        let mut codes = vec![0f32; documents.len() * size];
        for row in 0..documents.len() {
            let mut code = vec![0f64; size];
            for (column, weight) in documents.row(row) {
                let direction = &leading[column as usize * size..][..size];
                code.iter_mut().zip(direction).for_each(|(sum, part)| *sum += f64::from(weight) * part);
            }
            let own = &mut codes[row * size..][..size];
            own.iter_mut().zip(code).for_each(|(to, value)| *to = value as f32);
        }
        Tensor::from_slice(&codes).view([documents.len() as i64, size as i64])
    }
}

/// Rows `[N, D]` at length one, so that the nearest by Euclid are the nearest by the cosine. A row of zeros stays.
pub(crate) fn directions(rows: &Tensor) -> Tensor {
    let squares = rows.square().sum_dim_intlist([1i64].as_slice(), true, Kind::Float);
    (rows / squares.sqrt().clamp_min(1e-12)).to_device(Device::Cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four documents of three words; the last word is in one, the first in all.
    fn documents() -> SparseRows {
        let rows =
            [vec![(0, 1.0), (1, 2.0)], vec![(0, 3.0)], vec![(0, 1.0), (1, 1.0)], vec![(0, 2.0), (2, 2.0)]];
        SparseRows::of(3, &rows).unwrap()
    }

    #[test]
    fn a_word_that_all_documents_have_weighs_nothing_in_tf_idf() {
        let weights = Frequencies::of(&documents()).tf_idf(&documents());
        assert_eq!(weights.row(0).collect::<Vec<_>>(), [(0, 0.0), (1, 1.0)]);
        assert_eq!(weights.row(1).collect::<Vec<_>>(), [(0, 0.0)], "nothing to divide by");
        let scores = Postings::of(&weights).scores(weights.row(2));
        assert_eq!(scores, [1.0, 0.0, 1.0, 0.0]);
    }

    /// Documents of 3 words in the mean; the first has 3: 1.2 · (1 − 0.75 + 0.75) = 1.2.
    #[test]
    fn bm25_is_the_published_sum() {
        let frequencies = Frequencies::of(&documents());
        assert_eq!(frequencies.length, 3.0);
        let weights: Vec<(u32, f32)> = frequencies.bm25(&documents()).row(0).collect();
        let idf = [(0.5f64 / 4.5).ln_1p(), (2.5f64 / 2.5).ln_1p()];
        let expected = [idf[0] * 2.2 / 2.2, idf[1] * 2.0 * 2.2 / 3.2];
        for ((_, got), expected) in weights.iter().zip(expected) {
            assert!((f64::from(*got) - expected).abs() < 1e-6, "{got} {expected}");
        }
    }

    #[test]
    fn all_directions_of_lsa_keep_the_products_and_the_first_most_of_them() {
        let lsa = Lsa::of(&documents());
        let all = array::to_rows(&lsa.codes(&documents(), 3));
        let dense = ndarray::array![[1f32, 2.0, 0.0], [3.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 0.0, 2.0]];
        let difference = &all.dot(&all.t()) - &dense.dot(&dense.t());
        assert!(difference.iter().all(|value| value.abs() < 1e-4), "{difference}");
        let lengths: Vec<f32> = all.columns().into_iter().map(|column| column.dot(&column)).collect();
        assert!(lengths.is_sorted_by(|a, b| a > b), "{lengths:?}");
        let first = array::to_rows(&lsa.codes(&documents(), 1));
        assert!((first.column(0).dot(&first.column(0)) - lengths[0]).abs() < 1e-4);
    }
}
