//! Splits rows by label, with a seed.

use ae_intake::order::shuffle;
use ae_records::seed::stream_rng;
use std::collections::BTreeMap;

/// Splits rows with these labels in two: the rows that stay, and about `share` of all rows that are taken away.
/// Each label gives its share (rounded so that the total is right); both lists are ascending. A share above 0
/// takes at least one row and leaves at least one.
pub(crate) fn stratified(labels: &[u32], share: f64, seed: u64, purpose: &str) -> (Vec<usize>, Vec<usize>) {
    let mut strata = BTreeMap::<u32, Vec<usize>>::new();
    for (row, &label) in labels.iter().enumerate() {
        strata.entry(label).or_default().push(row);
    }
    let counts: Vec<usize> = strata.values().map(Vec::len).collect();
    let mut rng = stream_rng(seed, purpose, 0);
    let (mut kept, mut taken) = (Vec::new(), Vec::new());
    for (rows, take) in strata.values_mut().zip(allocate(&counts, share)) {
        shuffle(rows, &mut rng);
        taken.extend_from_slice(&rows[..take]);
        kept.extend_from_slice(&rows[take..]);
    }
    kept.sort_unstable();
    taken.sort_unstable();
    (kept, taken)
}

/// How many rows each stratum gives: the whole part of its share, and one more for those with the largest
/// remainders until the total is right.
fn allocate(counts: &[usize], share: f64) -> Vec<usize> {
    let n: usize = counts.iter().sum();
    if share <= 0.0 || n < 2 {
        return vec![0; counts.len()];
    }
    let total = ((n as f64 * share).round() as usize).clamp(1, n - 1);
    let exact: Vec<f64> = counts.iter().map(|&count| count as f64 * total as f64 / n as f64).collect();
    let mut take: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    // Stable, so that equal remainders go to the lower label on every machine.
    by_remainder.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    let missing = total - take.iter().sum::<usize>();
    for &stratum in by_remainder.iter().take(missing) {
        take[stratum] += 1;
    }
    take
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(counts: &[usize]) -> Vec<u32> {
        (0u32..).zip(counts).flat_map(|(label, &n)| vec![label; n]).collect()
    }

    fn check(counts: &[usize], share: f64, expected: &[usize]) {
        let labels = labels(counts);
        let (kept, taken) = stratified(&labels, share, 5, "test");
        let mut of_label = vec![0; counts.len()];
        taken.iter().for_each(|&row| of_label[labels[row] as usize] += 1);
        assert_eq!(of_label, expected, "{counts:?} {share}");
        let mut all: Vec<usize> = kept.iter().chain(&taken).copied().collect();
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..labels.len()), "{counts:?}: rows lost or repeated");
    }

    #[test]
    fn every_label_gives_its_share() {
        check(&[100, 50, 10], 0.1, &[10, 5, 1]);
        check(&[5, 5, 5], 0.2, &[1, 1, 1]);
        check(&[3, 3, 3], 0.5, &[2, 2, 1]);
        check(&[1, 99], 0.01, &[0, 1]);
        check(&[10], 0.0, &[0]);
        check(&[2], 0.001, &[1]);
        check(&[2], 0.999, &[1]);
        check(&[1], 0.5, &[0]);
        check(&[], 0.5, &[]);
    }

    #[test]
    fn the_seed_alone_decides() {
        let labels = labels(&[40, 40]);
        let split = stratified(&labels, 0.25, 1, "test");
        assert_eq!(split, stratified(&labels, 0.25, 1, "test"));
        assert_ne!(split, stratified(&labels, 0.25, 2, "test"));
        assert_ne!(split, stratified(&labels, 0.25, 1, "validation"));
    }
}
