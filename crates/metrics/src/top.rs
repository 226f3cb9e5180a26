//! Metrics of the first places of a ranking, as recommenders are judged by: of what was hidden from them, how much
//! stands near the top.

use crate::error::MetricError;

/// Recall among the first `k` places (Liang et al., 2018, section 4.2): the relevant ones among them, divided by how many
/// there could be, `min(k, relevant)`. In `[0, 1]`; 1 if they hold as many relevant ones as they can.
///
/// `ranked` says of each place, best first, whether what stands there is relevant; it may end after `k` places.
/// `relevant` counts all relevant ones, wherever they stand.
///
/// ```
/// use ae_metrics::recall_at;
///
/// // Three films were hidden; two of them stand among the first four.
/// assert_eq!(recall_at(&[true, false, false, true, false], 3, 4)?, 2.0 / 3.0);
/// # Ok::<(), ae_metrics::MetricError>(())
/// ```
///
/// # Errors
/// Nothing is relevant, or `k` is 0.
pub fn recall_at(ranked: &[bool], relevant: usize, k: usize) -> Result<f64, MetricError> {
    let best = best(relevant, k)?;
    Ok(hits(ranked, k).count() as f64 / best as f64)
}

/// Normalised discounted cumulative gain of the first `k` places (Järvelin & Kekäläinen, 2002; with binary relevance, as
/// Liang et al., 2018, section 4.2): `Σ 1 / log₂(place + 1)` over the relevant ones among them, places counted from 1,
/// divided by the sum of the best possible ranking. In `[0, 1]`.
///
/// The arguments are those of [`recall_at`].
///
/// # Errors
/// As [`recall_at`].
pub fn ndcg_at(ranked: &[bool], relevant: usize, k: usize) -> Result<f64, MetricError> {
    let best = best(relevant, k)?;
    let gain = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    Ok(hits(ranked, k).map(gain).sum::<f64>() / (0..best).map(gain).sum::<f64>())
}

/// The most relevant ones that `k` places can hold, at least 1.
fn best(relevant: usize, k: usize) -> Result<usize, MetricError> {
    match relevant.min(k) {
        0 if k == 0 => Err(MetricError::Empty { what: "a ranking of the first 0 places" }),
        0 => Err(MetricError::Empty { what: "the set of what is relevant" }),
        best => Ok(best),
    }
}

/// The relevant places among the first `k`, from 0.
fn hits(ranked: &[bool], k: usize) -> impl Iterator<Item = usize> + '_ {
    ranked.iter().take(k).enumerate().filter(|(_, is_relevant)| **is_relevant).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: gains are 1, 1/log2(3) = 0.63093, 1/2, 1/log2(5) = 0.43068.
    fn check(ranked: &[bool], relevant: usize, k: usize, recall: f64, ndcg: f64) {
        let got = (recall_at(ranked, relevant, k).unwrap(), ndcg_at(ranked, relevant, k).unwrap());
        assert!((got.0 - recall).abs() < 1e-5 && (got.1 - ndcg).abs() < 1e-5, "{got:?}");
    }

    #[test]
    fn places_near_the_top_count_more() {
        check(&[true, false, false, true], 3, 4, 2.0 / 3.0, 1.43068 / 2.13093);
        check(&[false, true], 1, 2, 1.0, 0.63093);
        // What stands behind the first k does not count, and no ranking could hold more than k.
        check(&[true, false, true, true], 5, 2, 0.5, 1.0 / 1.63093);
        check(&[true, true], 9, 2, 1.0, 1.0);
        check(&[false, false, true], 1, 2, 0.0, 0.0);
        check(&[true], 1, 100, 1.0, 1.0);
        check(&[], 2, 10, 0.0, 0.0);
    }

    #[test]
    fn without_anything_relevant_there_is_no_figure() {
        for (relevant, k) in [(0, 5), (3, 0)] {
            assert!(recall_at(&[true], relevant, k).is_err() && ndcg_at(&[true], relevant, k).is_err());
        }
    }
}
