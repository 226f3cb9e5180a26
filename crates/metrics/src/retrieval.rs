//! Metrics of retrieval: a query ranks the items of a collection by score, and some of them are relevant.
//!
//! Items with equal scores, of which binary codes have many, have no order. Each metric is therefore its mean
//! over all orders of tied items (McSherry & Najork, "Computing information retrieval performance measures
//! efficiently in the presence of tied scores", ECIR 2008), so that neither the order of the collection nor
//! chance affects it.

use crate::error::{MetricError, check_scores};
use crate::ranking::{Counts, counts_by_score};

/// The items of a collection, ranked for one query, highest score first. The mean of
/// [`Ranking::average_precision`] over queries is the mean average precision.
///
/// ```
/// use ae_metrics::Ranking;
///
/// // The second item is the best match, and the query should have found the second and the third.
/// let ranking = Ranking::new(&[0.3, 0.9, 0.1], &[false, true, true])?;
/// assert_eq!(ranking.precision_at(1)?, 1.0);
/// assert_eq!(ranking.precision_at(2)?, 0.5);
/// assert_eq!(ranking.average_precision(), (1.0 + 2.0 / 3.0) / 2.0);
/// # Ok::<(), ae_metrics::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ranking {
    /// Numbers of relevant ("anomalous") and other items down to each distinct score; never empty.
    down_to: Vec<Counts>,
}

/// Items with equal scores.
struct Tied {
    /// Items above them, and how many of those are relevant.
    above: f64,
    relevant_above: f64,
    /// The items, and how many of them are relevant.
    items: f64,
    relevant: f64,
}

impl Ranking {
    /// Ranks items by `scores`, `[N]`: higher is nearer to the query (for distances, give their negatives).
    /// Infinite scores are allowed. Sorts the items once, for all metrics.
    ///
    /// # Errors
    /// No items, no relevant item, a NaN score, or different lengths.
    pub fn new<A: Copy + Into<f64>>(scores: &[A], is_relevant: &[bool]) -> Result<Self, MetricError> {
        let scores: Vec<f64> = scores.iter().map(|&score| score.into()).collect();
        check_scores(&scores, ("is_relevant", is_relevant.len()))?;
        if !is_relevant.contains(&true) {
            return Err(MetricError::NothingRelevant { n_items: scores.len() });
        }
        Ok(Ranking { down_to: counts_by_score(&scores, is_relevant) })
    }

    /// Number of items, `N`.
    pub fn n_items(&self) -> usize {
        let all = self.down_to[self.down_to.len() - 1];
        (all.anomalous + all.normal) as usize
    }

    /// Number of relevant items, at least 1.
    pub fn n_relevant(&self) -> usize {
        self.down_to[self.down_to.len() - 1].anomalous as usize
    }

    /// Share of relevant items among the first `k`, in `[0, 1]`. Of tied items that `k` divides, each is among
    /// the first `k` with the same probability.
    ///
    /// # Errors
    /// A `k` that is not between 1 and the number of items.
    pub fn precision_at(&self, k: usize) -> Result<f64, MetricError> {
        let n_samples = self.n_items();
        if !(1..=n_samples).contains(&k) {
            let what = "precision among the first k items";
            return Err(MetricError::Neighbours { what, k, n_samples, most: n_samples });
        }
        let first = k as f64;
        let dividing = self.ties().find(|tied| tied.above + tied.items >= first);
        let tied = dividing.expect("k is at most the number of items");
        let found = tied.relevant_above + tied.relevant * (first - tied.above) / tied.items;
        Ok(found / first)
    }

    /// Average precision, in `(0, 1]`: the mean, over the relevant items, of the precision among the items
    /// from the first to that one. A random ranking has about the share of relevant items.
    ///
    /// Without ties this is [`average_precision`](crate::average_precision). That one counts tied items as
    /// found together, as fits a threshold that flags all or none of them; here one follows the other.
    pub fn average_precision(&self) -> f64 {
        let mut sum = 0.0;
        for tied in self.ties() {
            // The item in place `i` of the tied ones is relevant with probability `relevant / items`; if it is,
            // each of the `i` before it is with probability `(relevant − 1) / (items − 1)`.
            let others = if tied.items > 1.0 { (tied.relevant - 1.0) / (tied.items - 1.0) } else { 0.0 };
            if tied.relevant > 0.0 {
                let precisions = (0..tied.items as u64).map(|i| {
                    let i = i as f64;
                    (tied.relevant_above + 1.0 + i * others) / (tied.above + 1.0 + i)
                });
                sum += tied.relevant / tied.items * precisions.sum::<f64>();
            }
        }
        sum / self.n_relevant() as f64
    }

    /// The groups of items with equal scores, highest first.
    fn ties(&self) -> impl Iterator<Item = Tied> + '_ {
        let mut before = Counts::default();
        self.down_to.iter().map(move |&down_to| {
            let tied = Tied {
                above: (before.anomalous + before.normal) as f64,
                relevant_above: before.anomalous as f64,
                items: (down_to.anomalous + down_to.normal - before.anomalous - before.normal) as f64,
                relevant: (down_to.anomalous - before.anomalous) as f64,
            };
            before = down_to;
            tied
        })
    }
}
