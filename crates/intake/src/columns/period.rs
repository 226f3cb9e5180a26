//! Finds the period of a series, which becomes the length of its windows.

use ndarray::{ArrayView1, ArrayView2, Axis};

/// Longest period searched for, in steps: a window holds a period, and must stay short enough to learn from.
const LONGEST: usize = 400;
/// Shortest period searched for, in steps.
const SHORTEST: usize = 8;
/// Fewest periods in the steps that are used: in fewer, any slow wave looks like one.
const PERIODS: usize = 3;
/// Most steps that are used.
pub(crate) const STEPS: usize = 20_000;
/// Most channels that are used.
const CHANNELS: usize = 8;
/// How much lower than the highest peak the peak of a period may be, so that it is taken instead of its multiples.
const NEARLY: f64 = 0.05;
/// How much clearer the period of a single channel must be than one that the channels share.
const ALONE: f64 = 0.1;
/// Window length for a series without a period.
const PLAIN: usize = 64;

/// The period of a series `values`, `[N, C]`, in steps: 8 to 400, and at most a third of the steps. `None` without a
/// clear one.
///
/// A period is a lag at which the autocorrelation has a peak, of the lags with nearly the highest peaks the shortest.
/// The autocorrelation is the mean over the channels, or that of a single channel that has a clearer peak. It must be
/// as clear as `clear` asks in the whole and in both halves, because a random walk, or any noise whose values follow from
/// the ones before, has waves as well, but other ones in each half. In simulations of such processes, of 200 to 6,000
/// steps, 1 to 1.5 % were taken for periodic.
pub(crate) fn period(values: ArrayView2<'_, f32>) -> Option<usize> {
    let n = values.nrows().min(STEPS);
    let longest = LONGEST.min(n / PERIODS);
    if longest <= SHORTEST {
        return None;
    }
    // Enough lags to see whether the correlation falls again behind a peak.
    let lags = longest + longest / 2 + 1;
    let halves = [0..n, 0..n / 2, n / 2..n];
    let [whole, first, second] = halves.map(|steps| {
        let of_channel =
            |channel: ArrayView1<'_, f32>| autocorrelation(channel.slice(ndarray::s![steps.clone()]), lags);
        values.axis_iter(Axis(1)).take(CHANNELS).map(of_channel).collect::<Vec<_>>()
    });
    let clear = clear(n);
    let mut best = None;
    let shared = Correlations { whole: mean(&whole), first: mean(&first), second: mean(&second) };
    let channels = (0..whole.len()).map(|channel| {
        let of = |all: &[Option<Vec<f64>>]| all[channel].clone();
        (ALONE, Correlations { whole: of(&whole), first: of(&first), second: of(&second) })
    });
    let alone = channels.filter(|_| whole.len() > 1);
    for (more, correlations) in std::iter::once((0.0, shared)).chain(alone) {
        if let Some((lag, height)) = correlations.period(longest)
            && height >= clear + more
            && best.is_none_or(|(_, highest)| height - more > highest)
        {
            best = Some((lag, height - more));
        }
    }
    best.map(|(lag, _)| lag)
}

/// The window length for a series of `n` steps without a period.
pub(crate) fn plain(n: usize) -> usize {
    PLAIN.min(n / 7).max(2)
}

/// How clear a period of `n` steps must be: in short series, chance makes higher peaks.
fn clear(n: usize) -> f64 {
    0.2 + 5.0 / (n as f64).sqrt()
}

/// Autocorrelations of a channel, or means over several, by lag; `None` if nothing varies.
struct Correlations {
    whole: Option<Vec<f64>>,
    first: Option<Vec<f64>>,
    second: Option<Vec<f64>>,
}

impl Correlations {
    /// The most likely period and how clear it is: the least of its peak, of its rise above the valleys before and
    /// behind it, and of half its rise in either half.
    fn period(&self, longest: usize) -> Option<(usize, f64)> {
        let whole = self.whole.as_ref()?;
        let is_peak = |&lag: &usize| whole[lag] > whole[lag - 1] && whole[lag] >= whole[lag + 1];
        let peaks: Vec<usize> =
            (SHORTEST..=longest).filter(is_peak).filter(|&lag| rise(whole, lag) > 0.1).collect();
        let highest = peaks.iter().map(|&lag| whole[lag]).fold(f64::NEG_INFINITY, f64::max);
        let first = peaks.iter().copied().find(|&lag| whole[lag] >= highest - NEARLY)?;
        // Noise makes several peaks on one hill.
        let hill = peaks.into_iter().filter(|lag| (first..first + first / 4 + 1).contains(lag));
        let lag = hill.max_by(|&a, &b| whole[a].total_cmp(&whole[b]).then(b.cmp(&a)))?;
        let halves = [self.first.as_ref()?, self.second.as_ref()?].map(|half| rise_near(half, lag) / 2.0);
        Some((lag, whole[lag].min(rise(whole, lag)).min(halves[0]).min(halves[1])))
    }
}

/// How far the value at a lag lies above the lowest before it and above the lowest behind it, up to half as far again.
fn rise(correlations: &[f64], lag: usize) -> f64 {
    let lowest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let end = correlations.len().min(lag + lag / 2 + 1);
    correlations[lag] - lowest(&correlations[..lag]).max(lowest(&correlations[lag..end]))
}

/// How far the highest value near a lag, within a twentieth, lies above the lowest before it.
fn rise_near(correlations: &[f64], lag: usize) -> f64 {
    let near = (lag / 20).max(1);
    let (from, end) = (lag - near, (lag + near + 1).min(correlations.len()));
    let highest = correlations[from..end].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    highest - correlations[..from].iter().copied().fold(f64::INFINITY, f64::min)
}

fn mean(channels: &[Option<Vec<f64>>]) -> Option<Vec<f64>> {
    let known: Vec<&Vec<f64>> = channels.iter().flatten().collect();
    let first = known.first()?;
    let at = |lag: usize| known.iter().map(|channel| channel[lag]).sum::<f64>() / known.len() as f64;
    Some((0..first.len()).map(at).collect())
}

/// Autocorrelation at lags 0 to `longest`, or to two below the number of steps: for each lag, the mean product of the
/// deviations of two values that are both observed, divided by the variance. `None` for a constant channel.
pub(super) fn autocorrelation(channel: ArrayView1<'_, f32>, longest: usize) -> Option<Vec<f64>> {
    let known = channel.iter().filter(|value| !value.is_nan());
    let (sum, n) = known.fold((0.0, 0.0), |(sum, n), &value| (sum + f64::from(value), n + 1.0_f64));
    let mean = sum / n;
    let is_complete = n as usize == channel.len();
    let centered: Vec<f64> =
        channel.iter().map(|&value| if value.is_nan() { 0.0 } else { f64::from(value) - mean }).collect();
    let observed: Vec<f64> = channel.iter().map(|value| if value.is_nan() { 0.0 } else { 1.0 }).collect();
    let at = |lag: usize| {
        let product = |values: &[f64]| values.iter().zip(&values[lag..]).map(|(a, b)| a * b).sum::<f64>();
        let pairs = if is_complete { (channel.len() - lag) as f64 } else { product(&observed) };
        product(&centered) / pairs.max(1.0)
    };
    let longest = longest.min(channel.len().checked_sub(2)?);
    let variance = at(0);
    (variance > 0.0).then(|| (0..=longest).map(|lag| at(lag) / variance).collect())
}

#[cfg(test)]
#[path = "period_tests.rs"]
mod tests;
