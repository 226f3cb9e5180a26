//! Orders rows at random, as pure functions of a seed.

use ae_records::seed::stream_rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// The order in which an epoch visits `n` rows: a permutation of `0..n` that is a pure function of
/// (`n`, `seed`, `epoch`).
pub fn epoch_order(n: usize, seed: u64, epoch: u64) -> Vec<u32> {
    permutation(n, &mut stream_rng(seed, "shuffle", epoch))
}

/// A uniformly random permutation of `0..n`.
pub fn permutation(n: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let n = u32::try_from(n).expect("readers refuse more than u32::MAX rows");
    let mut order: Vec<u32> = (0..n).collect();
    shuffle(&mut order, rng);
    order
}

/// Fisher-Yates shuffle. Implemented here because every published result depends on it, and `rand` may change
/// its own between versions. The index is the high word of a 64 x 64 bit product; its bias is below 2^-32.
pub fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        let index = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
        items.swap(last, index as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers come from `tests/golden/orders.py`, which has its own ChaCha8.
    #[test]
    fn orders_match_the_golden_ones() {
        assert_eq!(epoch_order(10, 7, 0), GOLDEN[0]);
        assert_eq!(epoch_order(10, 7, 1), GOLDEN[1]);
        assert_eq!(epoch_order(10, 8, 0), GOLDEN[2]);
        let sum =
            (0u64..).zip(epoch_order(60_000, 7, 3)).map(|(i, row)| (i + 1) * u64::from(row)).sum::<u64>();
        assert_eq!(sum, GOLDEN_SUM);
    }
    const GOLDEN: [[u32; 10]; 3] =
        [[3, 6, 8, 9, 5, 1, 2, 0, 7, 4], [8, 2, 5, 6, 4, 1, 9, 7, 3, 0], [2, 3, 4, 8, 0, 7, 6, 9, 1, 5]];
    const GOLDEN_SUM: u64 = 53_972_383_636_209;

    #[test]
    fn every_row_is_visited_once() {
        for n in [0, 1, 2, 1000] {
            let mut order = epoch_order(n, 1, 2);
            order.sort_unstable();
            assert!(order.iter().copied().eq(0..n as u32));
        }
    }

    /// Chi-squared over the 24 orders of 4 rows: 23 degrees of freedom, 0.1 % point 49.7.
    #[test]
    fn orders_are_uniform() {
        let mut counts = std::collections::HashMap::<Vec<u32>, f64>::new();
        for epoch in 0..4800 {
            *counts.entry(epoch_order(4, 0, epoch)).or_default() += 1.0;
        }
        assert_eq!(counts.len(), 24);
        let chi: f64 = counts.values().map(|c| (c - 200.0).powi(2) / 200.0).sum();
        assert!(chi < 49.7, "{chi}");
    }
}
