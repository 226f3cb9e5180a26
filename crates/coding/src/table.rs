//! Probabilities of integers as integers.

use crate::density::Density;
use constriction::stream::model::ContiguousCategoricalEntropyModel;
use std::ops::RangeInclusive;

/// Values that can be stored.
pub const VALUES: RangeInclusive<i32> = -32_768..=32_767;

/// Bits of a probability.
pub(crate) const PRECISION: usize = 24;
/// Values whose cumulative probability is less than this, or more than one minus this, share one symbol.
const TAIL: f64 = 1e-6;
/// Values with a symbol of their own, at most.
const MAX_SYMBOLS: i32 = 4096;

pub(crate) type Model = ContiguousCategoricalEntropyModel<u32, Vec<u32>, PRECISION>;

/// How probable each integer is, in units of `2^-24`; none is impossible. Those far in the tails share one symbol,
/// after which the value itself is stored in 16 bits.
#[derive(Clone, Debug)]
pub struct Table {
    /// The value of the first symbol.
    pub(crate) low: i32,
    /// The symbols of values, then the shared one.
    pub(crate) model: Model,
    /// Number of the shared symbol.
    pub(crate) shared: usize,
    /// Information in each symbol, in bits.
    bits: Vec<f64>,
}

impl Table {
    /// The probability of an integer `k` is that of `[k - 1/2, k + 1/2]`.
    pub fn of(density: &Density) -> Self {
        Table::of_cdf(|x| density.cdf(x))
    }

    /// From a cumulative distribution, which must not fall. For the same table on every machine, it has to be computed
    /// in the same way on each.
    pub fn of_cdf(cdf: impl Fn(f64) -> f64) -> Self {
        let cdf = |x: f64| Some(cdf(x)).filter(|p| p.is_finite()).unwrap_or(0.5).clamp(0.0, 1.0);
        let below = |value: i32| cdf(f64::from(value) - 0.5);
        let median = first(VALUES, |value| below(value + 1) >= 0.5);
        let most = MAX_SYMBOLS / 2 - 1;
        let lowest = (median - most).max(*VALUES.start());
        let highest = (median + most).min(*VALUES.end());
        let low = first(lowest..=median, |value| below(value + 1) >= TAIL);
        let high = first(median..=highest, |value| below(value + 1) > 1.0 - TAIL);
        let masses: Vec<f64> = (low..=high).map(|value| (below(value + 1) - below(value)).max(0.0)).collect();
        let tails = (1.0 - masses.iter().sum::<f64>()).max(0.0);
        Table::of_masses(low, masses.into_iter().chain([tails]).collect())
    }

    /// The last of the masses is that of the shared symbol. They are at least 0 and sum to 1 up to rounding.
    fn of_masses(low: i32, masses: Vec<f64>) -> Self {
        let total = 1u32 << PRECISION;
        let free = f64::from(total) - masses.len() as f64;
        let mut counts: Vec<u32> = masses.iter().map(|mass| 1 + (mass.min(1.0) * free) as u32).collect();
        // What rounding left over goes to the most probable symbol, and what it took too much comes from there.
        let sum: i64 = counts.iter().map(|&count| i64::from(count)).sum();
        let most = (0..counts.len()).max_by_key(|&at| counts[at]).expect("there is the shared symbol");
        counts[most] = u32::try_from(i64::from(counts[most]) + i64::from(total) - sum)
            .ok()
            .filter(|&count| count > 0)
            .expect("the most probable symbol has more than rounding takes");
        let bits = counts.iter().map(|&count| (f64::from(total) / f64::from(count)).log2()).collect();
        let shared = counts.len() - 1;
        let model = Model::from_nonzero_fixed_point_probabilities(&counts, false)
            .expect("the counts are positive and sum to the total");
        Table { low, model, shared, bits }
    }

    /// The symbol of a value.
    pub(crate) fn symbol(&self, value: i32) -> usize {
        usize::try_from(value - self.low).ok().filter(|&at| at < self.shared).unwrap_or(self.shared)
    }

    /// Bits that storing this value takes, up to the coder's rounding.
    pub fn bits(&self, value: i32) -> f64 {
        let symbol = self.symbol(value);
        self.bits[symbol] + if symbol == self.shared { 16.0 } else { 0.0 }
    }
}

/// The value that is stored of a number: the nearest.
pub(crate) fn quantised(x: f64) -> i32 {
    x.round_ties_even().clamp(f64::from(*VALUES.start()), f64::from(*VALUES.end())) as i32
}

/// The first value for which `holds`, which then holds for all greater ones; the last value if there is none.
fn first(values: RangeInclusive<i32>, holds: impl Fn(i32) -> bool) -> i32 {
    let (mut low, mut high) = values.into_inner();
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logistic(centre: f64, scale: f64) -> impl Fn(f64) -> f64 {
        move |x| 1.0 / (1.0 + libm::exp(-(x - centre) / scale))
    }

    #[test]
    fn the_probabilities_are_those_of_the_density() {
        let cdf = logistic(3.2, 1.7);
        let table = Table::of_cdf(&cdf);
        for value in [-4, 0, 3, 4, 11] {
            let exact = cdf(f64::from(value) + 0.5) - cdf(f64::from(value) - 0.5);
            assert!((table.bits(value) + exact.log2()).abs() < 1e-2, "{value}");
        }
        assert!(table.bits(30_000) > 30.0, "far out, the value itself takes 16 bits");
    }

    /// Whatever a network learns or a file says, each value can be stored.
    #[test]
    fn any_distribution_gives_a_table() {
        let shapes: [&dyn Fn(f64) -> f64; 7] = [
            &logistic(0.0, 1e-9),
            &logistic(1e6, 1.0),
            &logistic(-1e6, 1.0),
            &logistic(0.0, 1e5),
            &|_| f64::NAN,
            &|_| 0.0,
            &|_| 1.0,
        ];
        for (at, shape) in shapes.iter().enumerate() {
            let table = Table::of_cdf(shape);
            for value in [*VALUES.start(), -1, 0, 1, *VALUES.end()] {
                assert!(table.bits(value).is_finite(), "shape {at}, value {value}");
            }
            assert!(table.shared < MAX_SYMBOLS as usize, "shape {at}: {}", table.shared);
        }
    }
}
