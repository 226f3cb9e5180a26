//! Metrics of a code based on nearest neighbours. All pairs are compared in double precision. Of rows at
//! equal distance, the first counts as nearer.

use crate::error::{MetricError, same_length};
use crate::matrix::{doubles, map_distances, same_width};
use ndarray::{ArrayBase, ArrayView1, Data, Ix2};
use std::collections::BTreeMap;

/// Trustworthiness of an embedding (Venna & Kaski, 2001, equation 1), in `[0, 1]`: to what extent the `k`
/// nearest neighbours in `embedding`, `[N, E]`, are also neighbours in `x`, `[N, D]`. It is 1 if they are the
/// same; every false neighbour lowers it according to its rank in `x`. Computes `N²` distances in each space:
/// some seconds for 10,000 samples.
///
/// # Errors
/// Different numbers of rows, no values, a value that is not finite, or a `k` that is not at least 1 and less
/// than half of `N` (the normalisation does not hold above that).
pub fn trustworthiness<A, B, L, R>(
    x: &ArrayBase<L, Ix2>,
    embedding: &ArrayBase<R, Ix2>,
    k: usize,
) -> Result<f64, MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
{
    same_length(("x", x.nrows()), ("embedding", embedding.nrows()))?;
    let (x, embedding) = (doubles("x", x)?, doubles("embedding", embedding)?);
    let n = x.nrows();
    let most = (n - 1) / 2;
    if !(1..=most).contains(&k) {
        return Err(MetricError::Neighbours { what: "trustworthiness", k, n_samples: n, most });
    }
    let near = map_distances(&embedding, &embedding, |own, row| nearest(row, k, Some(own)));
    let costs = map_distances(&x, &x, |own, row| -> u64 {
        let cost = |&other: &usize| {
            let of_other = (row[other], other);
            let closer = row.iter().zip(0..).filter(|&(&d, i)| i != own && (d, i) < of_other).count();
            // Its rank is `closer + 1`.
            (closer + 1).saturating_sub(k) as u64
        };
        near[own].iter().map(cost).sum()
    });
    let (total, n, k) = (costs.iter().sum::<u64>() as f64, n as f64, k as f64);
    Ok(1.0 - 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0)) * total)
}

/// Share of the test samples, in `[0, 1]`, whose label is the most frequent one among their `k` nearest
/// training samples (Euclidean). Codes are `[N, D]` and `[M, D]`. Of equally frequent labels the least wins,
/// as in scikit-learn.
///
/// # Errors
/// Different numbers of rows and labels or of columns, no values, a value that is not finite, or a `k` that
/// is not between 1 and the number of training samples.
pub fn knn_accuracy<A, B, L, R, T>(
    train_codes: &ArrayBase<L, Ix2>,
    train_labels: &[T],
    test_codes: &ArrayBase<R, Ix2>,
    test_labels: &[T],
    k: usize,
) -> Result<f64, MetricError>
where
    A: Copy + Into<f64>,
    B: Copy + Into<f64>,
    L: Data<Elem = A>,
    R: Data<Elem = B>,
    T: Copy + Ord + Sync,
{
    same_length(("train_codes", train_codes.nrows()), ("train_labels", train_labels.len()))?;
    same_length(("test_codes", test_codes.nrows()), ("test_labels", test_labels.len()))?;
    let (train, test) = (doubles("train_codes", train_codes)?, doubles("test_codes", test_codes)?);
    same_width(("train_codes", train.ncols()), ("test_codes", test.ncols()))?;
    let most = train.nrows();
    if !(1..=most).contains(&k) {
        return Err(MetricError::Neighbours { what: "k-NN accuracy", k, n_samples: most, most });
    }
    let is_right = map_distances(&test, &train, |index, row| {
        let mut votes = BTreeMap::new();
        for other in nearest(row, k, None) {
            *votes.entry(train_labels[other]).or_insert(0) += 1;
        }
        // `max_by_key` returns the last of equal maxima, so the labels are in descending order.
        let winner = votes.into_iter().rev().max_by_key(|&(_, votes)| votes).map(|(label, _)| label);
        winner == Some(test_labels[index])
    });
    Ok(is_right.iter().filter(|&&right| right).count() as f64 / is_right.len() as f64)
}

/// Indices of the `k` nearest, unsorted.
fn nearest(distances: ArrayView1<f64>, k: usize, without: Option<usize>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..distances.len()).filter(|&i| Some(i) != without).collect();
    order.select_nth_unstable_by(k - 1, |&a, &b| distances[a].total_cmp(&distances[b]).then(a.cmp(&b)));
    order.truncate(k);
    order
}
