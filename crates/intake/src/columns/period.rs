//! Chooses the window length: a period of the series, if it has one.

use ndarray::{ArrayView1, ArrayView2, Axis};

/// Longest period searched for, in steps.
const LONGEST: usize = 400;
/// Shortest period searched for, in steps.
const SHORTEST: usize = 8;
/// Most steps that are used.
const STEPS: usize = 20_000;
/// Most channels that are used.
const CHANNELS: usize = 8;
/// Window length for a series without a period.
const PLAIN: usize = 32;

/// The lag, from 8 to 400 steps, of the highest peak of the autocorrelation, averaged over the channels of
/// `values`, `[N, C]`. The lag is at most a tenth of the steps, so that there are enough windows. `None`
/// without a clear peak: a clear peak reaches 0.2 and rises 0.1 above the lowest value before it.
///
/// The rule of `find_length_rank` in TSB-AD (Liu and Paparrizos, NeurIPS 2024), with a stricter definition of
/// a peak.
pub(crate) fn period(values: ArrayView2<'_, f32>) -> Option<usize> {
    let n = values.nrows().min(STEPS);
    let longest = LONGEST.min(n / 10);
    let mut sum = vec![0.0; longest + 2];
    let mut channels = 0;
    for channel in values.axis_iter(Axis(1)).take(CHANNELS) {
        if let Some(correlations) = autocorrelation(channel.slice(ndarray::s![..n]), longest + 1) {
            sum.iter_mut().zip(correlations).for_each(|(sum, one)| *sum += one);
            channels += 1;
        }
    }
    let mean: Vec<f64> = sum.into_iter().map(|sum| sum / f64::from(channels.max(1))).collect();
    let is_peak = |&lag: &usize| {
        let lowest = mean[..lag].iter().copied().fold(f64::INFINITY, f64::min);
        mean[lag] > mean[lag - 1]
            && mean[lag] >= mean[lag + 1]
            && mean[lag] >= 0.2
            && mean[lag] >= lowest + 0.1
    };
    (SHORTEST..=longest).filter(is_peak).max_by(|&a, &b| mean[a].total_cmp(&mean[b]).then(b.cmp(&a)))
}

/// The window length for a series of `n` steps without a period.
pub(crate) fn plain(n: usize) -> usize {
    PLAIN.min(n / 10).max(2)
}

/// Autocorrelation at lags 0 to `longest`. Values that were not observed count as the mean. `None` for a
/// constant channel.
fn autocorrelation(channel: ArrayView1<'_, f32>, longest: usize) -> Option<Vec<f64>> {
    let known = channel.iter().filter(|value| !value.is_nan());
    let (sum, n) = known.fold((0.0, 0.0), |(sum, n), &value| (sum + f64::from(value), n + 1.0_f64));
    let mean = sum / n;
    let is_complete = n as usize == channel.len();
    let centered: Vec<f64> =
        channel.iter().map(|&value| if value.is_nan() { 0.0 } else { f64::from(value) - mean }).collect();
    let n = centered.len();
    let at = |lag: usize| {
        let later = centered.get(lag..).unwrap_or_default();
        let sum = centered.iter().zip(later).map(|(a, b)| a * b).sum::<f64>();
        if is_complete {
            return sum;
        }
        // Assumes that unobserved pairs are like the observed ones.
        let pairs =
            channel.iter().zip(channel.iter().skip(lag)).filter(|(a, b)| !a.is_nan() && !b.is_nan()).count();
        sum * n.saturating_sub(lag) as f64 / pairs.max(1) as f64
    };
    let variance = at(0);
    (variance > 0.0).then(|| (0..=longest).map(|lag| at(lag) / variance).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_records::seed::stream_rng;
    use ndarray::Array2;
    use rand_chacha::rand_core::Rng;

    fn check(n: usize, value: impl Fn(usize) -> f32, expected: Option<usize>) {
        assert_eq!(period(Array2::from_shape_fn((n, 1), |(step, _)| value(step)).view()), expected);
    }

    #[test]
    fn a_period_is_found_if_there_is_one() {
        let wave = |step: usize, length: f32| (step as f32 / length * std::f32::consts::TAU).sin();
        let noise =
            |step: usize| stream_rng(1, "noise", step as u64).next_u32() as f32 / u32::MAX as f32 - 0.5;
        check(3000, |step| wave(step, 50.0), Some(50));
        check(3000, |step| wave(step, 288.0) + 0.3 * noise(step), Some(288));
        check(
            3000,
            |step| if step % 3 == 0 { f32::NAN } else { wave(step, 50.0) + 0.3 * wave(step, 25.0) },
            Some(50),
        );
        check(3000, noise, None);
        check(3000, |step| step as f32, None);
        check(3000, |_| 5.0, None);
        check(300, |step| wave(step, 50.0), None);
        check(0, |_| 5.0, None);
        assert_eq!((plain(5), plain(100), plain(100_000)), (2, 10, 32));
    }
}
