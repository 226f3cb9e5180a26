//! An exact search: every query is compared with every item.
//!
//! There is no approximate index beside it: among a million items of 64 numbers a query takes a fraction of the time that
//! reading their file does (`cargo bench --bench search`), and a graph would have to be read as well.

use crate::error::EvaluationError;
use ae_tensor::{Device, Kind, Tensor, tch};

/// Maximum number of scores in memory at once, 16 MB of them, unless there are more items than that.
const MAX_SCORES: usize = 4 << 20;

/// A gallery of items to search.
#[derive(Debug)]
pub struct Gallery {
    /// `[N, D]`, float. Centred unless they are bits.
    items: Tensor,
    distance: Distance,
    /// Queries that are compared at once.
    batch: usize,
}

#[derive(Debug)]
enum Distance {
    Euclid {
        /// What was subtracted from the items, `[D]`.
        centre: Tensor,
        /// Squared length of each item, `[N]`.
        squares: Tensor,
    },
    Hamming,
}

impl Gallery {
    /// Items `[N, …]`, to be compared by the Euclidean distance.
    pub fn euclid(items: &Tensor) -> Self {
        let items = flat(items);
        // A common offset would cost digits in the product below.
        let centre = items.mean_dim([0i64].as_slice(), false, Kind::Float);
        let items = items - &centre;
        let squares = items.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
        Self::new(items, Distance::Euclid { centre, squares })
    }

    /// Items `[N, D]` of bits, each −1 or 1, to be compared by the Hamming distance.
    pub fn hamming(bits: &Tensor) -> Self {
        Self::new(flat(bits), Distance::Hamming)
    }

    fn new(items: Tensor, distance: Distance) -> Self {
        let batch = (MAX_SCORES / items.size()[0].max(1) as usize).max(1);
        Gallery { items, distance, batch }
    }

    /// Calls `of_query` with the index of each query `[Q, …]` in turn and the scores of all items, `[N]`: higher
    /// is nearer. A score is the negative squared distance, or for bits their number less twice the Hamming
    /// distance, which is exact, so that equal distances are ties.
    ///
    /// # Errors
    /// Those of `of_query`.
    pub fn search(
        &self,
        queries: &Tensor,
        mut of_query: impl FnMut(usize, &[f32]) -> Result<(), EvaluationError>,
    ) -> Result<(), EvaluationError> {
        let queries = flat(queries);
        let mut scores = vec![0.0; self.items.size()[0] as usize];
        let mut index = 0;
        for batch in queries.split(self.batch as i64, 0) {
            let of_batch = tch::no_grad(|| self.scores(&batch)).to_device(Device::Cpu).contiguous();
            for row in 0..of_batch.size()[0] {
                let n = scores.len();
                of_batch.get(row).copy_data(&mut scores, n);
                of_query(index, &scores)?;
                index += 1;
            }
        }
        Ok(())
    }

    /// `[B, N]`.
    fn scores(&self, queries: &Tensor) -> Tensor {
        match &self.distance {
            Distance::Hamming => queries.matmul(&self.items.tr()),
            Distance::Euclid { centre, squares } => {
                let queries = queries - centre;
                let own = queries.square().sum_dim_intlist([1i64].as_slice(), true, Kind::Float);
                // −‖q − g‖² = 2 q·g − ‖g‖² − ‖q‖².
                queries.matmul(&self.items.tr()) * 2.0 - squares - own
            }
        }
    }
}

/// The indices of the `count` items with the highest scores, best first; of equal scores the first.
pub fn best(scores: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    let nearer = |&a: &usize, &b: &usize| scores[b].total_cmp(&scores[a]).then(a.cmp(&b));
    let count = count.min(order.len());
    if count < order.len() {
        order.select_nth_unstable_by(count, nearer);
    }
    order.truncate(count);
    order.sort_unstable_by(nearer);
    order
}

fn flat(rows: &Tensor) -> Tensor {
    rows.flatten(1, -1).to_kind(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Noise, array};

    fn all(gallery: &Gallery, queries: &Tensor) -> Vec<Vec<f32>> {
        let mut all = Vec::new();
        gallery
            .search(queries, |index, scores| {
                assert_eq!(index, all.len(), "queries come in their order");
                all.push(scores.to_vec());
                Ok(())
            })
            .unwrap();
        all
    }

    #[test]
    fn scores_are_the_distances_in_batches_of_any_size() {
        let noise = Noise::new(0, 0, Device::Cpu);
        // Far from the origin, where a product without centring would lose the distances.
        let items = noise.normal("items", &[23, 2, 3]) + 1000.0;
        let queries = noise.normal("queries", &[9, 2, 3]) + 1000.0;
        let [rows, wanted] = [&items, &queries].map(array::to_rows);
        for batch in [1, 4, 9, 100] {
            let gallery = Gallery { batch, ..Gallery::euclid(&items) };
            let got = all(&gallery, &queries);
            assert_eq!(got.len(), 9);
            for (query, scores) in wanted.outer_iter().zip(got) {
                for (item, score) in rows.outer_iter().zip(scores) {
                    let distance: f32 = query.iter().zip(item).map(|(a, b)| (a - b) * (a - b)).sum();
                    assert!((score + distance).abs() < 1e-3, "{score} for {distance}");
                }
            }
        }
    }

    #[test]
    fn hamming_distances_are_exact() {
        let noise = Noise::new(1, 0, Device::Cpu);
        let bits = |name, n| noise.normal(name, &[n, 256]).sign();
        let (items, queries) = (bits("items", 40), bits("queries", 5));
        let [rows, wanted] = [&items, &queries].map(array::to_rows);
        for (query, scores) in wanted.outer_iter().zip(all(&Gallery::hamming(&items), &queries)) {
            for (item, score) in rows.outer_iter().zip(scores) {
                let differing = query.iter().zip(item).filter(|(a, b)| a != b).count();
                assert_eq!(score, (256 - 2 * differing as i32) as f32);
            }
        }
    }

    #[test]
    fn memory_is_bounded() {
        let wide = Gallery::hamming(&Tensor::ones([MAX_SCORES as i64 / 3, 1], (Kind::Float, Device::Cpu)));
        assert_eq!(wide.batch, 3);
        let few = Gallery::hamming(&Tensor::ones([MAX_SCORES as i64 + 1, 1], (Kind::Float, Device::Cpu)));
        assert_eq!(few.batch, 1, "one query at a time, however many items");
    }

    #[test]
    fn the_best_come_first_and_ties_in_order() {
        assert_eq!(best(&[0.5, 2.0, -1.0, 2.0, f32::NEG_INFINITY], 3), [1, 3, 0]);
        assert_eq!(best(&[1.0, 1.0], 9), [0, 1]);
        assert_eq!(best(&[1.0], 0), [0usize; 0]);
    }
}
