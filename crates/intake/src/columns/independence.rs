//! Tells rows that are independent of each other from the steps of a series.

use crate::columns::period;
use ndarray::Array1;
use std::ops::Range;

/// Fewest rows from which independence is told.
pub(crate) const FEWEST: usize = 500;
/// Rows at the beginning and at the end that are looked at.
const STRETCH: usize = 5_000;
/// Longest lag, and the shortest lags, at which the memory of a series nearly always shows.
const LAGS: usize = 400;
const SHORT_LAGS: usize = 3;
/// How many standard deviations of an independent column's autocorrelation are memory at a short lag.
const SHORT_BAND: f64 = 3.3;
/// The probability that independent rows are taken for a series by the other lags.
const LEVEL: f64 = 0.05;
/// Most columns whose pairs are looked at.
const PAIRED: usize = 8;

/// Whether no column depends on earlier rows, as far as correlations tell: neither its values nor their distances from
/// its mean have an autocorrelation beyond what chance makes, and nor have the sums of two columns at the shortest lags, so
/// that no column follows another one. `false` with fewer than 500 rows, or if no column varies.
///
/// `rows` are places in the order of the times. `value` is that of a place in one of the columns: a number, or the code of
/// a category; `NaN` if nothing was observed.
pub(crate) fn are_independent(
    rows: Range<usize>,
    columns: &[usize],
    value: impl Fn(usize, usize) -> f32,
) -> bool {
    if rows.len() < FEWEST {
        return false;
    }
    let first = rows.start..rows.end.min(rows.start + STRETCH);
    let last = first.end.max(rows.end.saturating_sub(STRETCH))..rows.end;
    [first, last].into_iter().filter(|part| part.len() >= FEWEST).all(|part| {
        let column = |&column: &usize| standardised(part.clone().map(|row| value(row, column)).collect());
        let columns: Vec<Array1<f32>> = columns.iter().filter_map(column).collect();
        let lags = LAGS.min(part.len() / 3);
        let looked_at = (2 * columns.len() * lags).max(1) as f64;
        // The tail of a normal distribution is below `exp(-z² / 2)`.
        let band = (2.0 * (looked_at / LEVEL).ln()).sqrt();
        let forgets = |column: &Array1<f32>, lags: usize| has_no_memory(column, lags, band);
        let alone =
            columns.iter().all(|column| forgets(column, lags) && forgets(&column.mapv(f32::abs), lags));
        let paired = &columns[..columns.len().min(PAIRED)];
        let mut pairs = (0..paired.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
        !columns.is_empty()
            && alone
            && pairs.all(|(one, other)| forgets(&(&paired[one] + &paired[other]), SHORT_LAGS))
    })
}

/// A column with a mean of 0 and a standard deviation of 1; `None` if it does not vary.
fn standardised(column: Array1<f32>) -> Option<Array1<f32>> {
    let known = || column.iter().filter(|value| !value.is_nan()).map(|&value| f64::from(value));
    let n = known().count() as f64;
    let mean = known().sum::<f64>() / n;
    let deviation = (known().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    (deviation > 0.0).then(|| column.mapv(|value| ((f64::from(value) - mean) / deviation) as f32))
}

/// Whether no autocorrelation is beyond `band` standard deviations, or at a short lag beyond [`SHORT_BAND`].
fn has_no_memory(column: &Array1<f32>, lags: usize, band: f64) -> bool {
    let n = column.len() as f64;
    let share = column.iter().filter(|value| !value.is_nan()).count() as f64 / n;
    let Some(correlations) = period::autocorrelation(column.view(), lags) else { return true };
    correlations.iter().enumerate().skip(1).all(|(lag, correlation)| {
        let band = if lag <= SHORT_LAGS { SHORT_BAND } else { band };
        // Of the pairs at this distance, those with two values.
        let pairs = (n - lag as f64) * share * share;
        correlation.abs() * pairs.sqrt() <= band
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_records::seed::stream_rng;
    use rand_chacha::rand_core::Rng;

    /// About normally distributed noise.
    fn noise(name: u64, n: usize) -> Vec<f32> {
        let mut rng = stream_rng(name, "independent rows", 0);
        let mut uniform = || f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5;
        (0..n).map(|_| (0..12).map(|_| uniform()).sum::<f64>() as f32).collect()
    }

    fn told(columns: &[Vec<f32>]) -> bool {
        let all: Vec<usize> = (0..columns.len()).collect();
        are_independent(0..columns[0].len(), &all, |row, column| columns[column][row])
    }

    #[test]
    fn independent_rows_are_told() {
        let runs = 60;
        for n in [500, 2_000, 12_000] {
            let found = (0..runs).filter(|&run| {
                let (x, noise) = (noise(3 * run, n), [noise(3 * run + 1, n), noise(3 * run + 2, n)]);
                let y = x.iter().zip(&noise[0]).map(|(x, e)| 3.0 - 2.0 * x + 0.2 * e).collect();
                // Heavy tails, gaps, and a category.
                let z = noise[1].iter().map(|z| if *z > 0.7 { f32::NAN } else { (3.0 * z).exp() }).collect();
                let kind = noise[1].iter().map(|z| f32::from(*z > 0.3)).collect();
                told(&[x, y, z, kind])
            });
            let found = found.count();
            assert!(10 * found >= 8 * runs as usize, "{found} of {runs} with {n} rows");
        }
    }

    #[test]
    fn a_series_is_told_whatever_its_memory() {
        let n = 2_000;
        let flat = || noise(99, n);
        let check = |what: &str, column: Vec<f32>| {
            assert!(!told(&[flat(), column]), "{what}");
        };
        for seed in 0..20 {
            let noise = noise(seed, n);
            let mut state = 0.0;
            let of_state = |e: &f32| {
                state = 0.3 * state + e;
                state
            };
            check("autoregression", noise.iter().map(of_state).collect());
            let wave = |every: f32| move |(step, e): (usize, &f32)| (step as f32 / every).sin() + e;
            check("a daily wave", noise.iter().enumerate().map(wave(96.0 / std::f32::consts::TAU)).collect());
            check("a trend", noise.iter().zip(0..).map(|(e, step)| e + step as f32 / 1000.0).collect());
            let strike = |(step, e): (usize, &f32)| if step % 24 == 0 { 3.0 } else { *e };
            check("something every day", noise.iter().enumerate().map(strike).collect());
            let bursts = |(step, e): (usize, &f32)| if step / 50 % 4 == 0 { 3.0 * e } else { *e };
            check("bursts", noise.iter().enumerate().map(bursts).collect());
            check("states", (0..n).map(|step| (step / 37 % 3) as f32).collect());
            // A column that follows another one, which itself is noise.
            let follows: Vec<f32> =
                std::iter::once(0.0).chain(flat()).take(n).zip(&noise).map(|(x, e)| x + 0.5 * e).collect();
            check("a reaction", follows);
        }
        assert!(!told(&[noise(1, 499)]) && !told(&[vec![1.0; 1000]]));
    }
}
