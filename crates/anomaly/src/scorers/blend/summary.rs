//! What a window looks like whatever the order of its steps: level, spread, highest and lowest value, roughness.

use crate::error::ScorerError;
use crate::scorers::stored::{self, Arrays};
use ae_records::arrays::StoredArray;
use ndarray::{Array2, ArrayView1};

/// Numbers for each channel.
const NUMBERS: usize = 5;
/// What is added to spread and roughness before their logarithm is taken, in the unit of the channel's spread: a window
/// that stands still is far from one that moves, but not infinitely far.
const FLOOR: f64 = 0.05;

/// The summary of windows with the channels side by side within each step.
#[derive(Debug)]
pub(super) struct Summary {
    /// `[F]`: root mean square difference between a step and the next, above zero.
    steps: Vec<f64>,
    /// `[5 F]`: mean and standard deviation of each number, the latter above zero.
    numbers: Vec<[f64; 2]>,
}

impl Summary {
    /// The summary of windows `[N, T · F]`, at least one, NaN for missing values.
    pub(super) fn of(windows: &Array2<f64>, channels: usize) -> Self {
        let steps = (0..channels).map(|channel| {
            let squares = windows.outer_iter().flat_map(|window| differences(window, channels, channel));
            above_zero(mean(squares.map(|difference| difference * difference)).map_or(0.0, f64::sqrt))
        });
        let plain = vec![[0.0, 1.0]; NUMBERS * channels];
        let mut summary = Summary { steps: steps.collect(), numbers: plain };
        let all = summary.map(windows);
        summary.numbers = all
            .columns()
            .into_iter()
            .map(|column| {
                let known = || column.iter().copied().filter(|value| !value.is_nan());
                let centre = mean(known()).unwrap_or(0.0);
                let variance = mean(known().map(|value| (value - centre).powi(2))).unwrap_or(0.0);
                [centre, above_zero(variance.sqrt())]
            })
            .collect();
        summary
    }

    pub(super) fn load(width: usize, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let steps = arrays.vector("steps", None)?;
        if steps.is_empty() || !width.is_multiple_of(steps.len()) {
            return Err(ScorerError::Stored(
                "`steps` has a length that does not divide that of a row".into(),
            ));
        }
        let numbers = arrays.matrix("numbers", Some(NUMBERS * steps.len()), 2)?;
        let numbers: Vec<[f64; 2]> = numbers.outer_iter().map(|pair| [pair[0], pair[1]]).collect();
        if steps.iter().chain(numbers.iter().map(|[_, spread]| spread)).any(|spread| *spread <= 0.0) {
            return Err(ScorerError::Stored("`steps` or `numbers` has a spread that is not above 0".into()));
        }
        Ok(Summary { steps, numbers })
    }

    pub(super) fn arrays(&self) -> Vec<(String, StoredArray)> {
        let numbers = Array2::from_shape_fn((self.numbers.len(), 2), |(number, at)| self.numbers[number][at]);
        vec![("steps".into(), stored::vector(&self.steps)), ("numbers".into(), stored::matrix(&numbers))]
    }

    /// The numbers of windows `[N, T · F]`, `[N, 5 F]`; NaN for those of a channel of which nothing was observed.
    pub(super) fn map(&self, windows: &Array2<f64>) -> Array2<f64> {
        let channels = self.steps.len();
        let mut all = Array2::zeros((windows.nrows(), NUMBERS * channels));
        for (window, mut out) in windows.outer_iter().zip(all.outer_iter_mut()) {
            for channel in 0..channels {
                for (at, number) in self.numbers_of(window, channel).into_iter().enumerate() {
                    let place = NUMBERS * channel + at;
                    let [centre, spread] = self.numbers[place];
                    out[place] = (number - centre) / spread;
                }
            }
        }
        all
    }

    fn numbers_of(&self, window: ArrayView1<'_, f64>, channel: usize) -> [f64; NUMBERS] {
        let channels = self.steps.len();
        let values = || of_channel(window, channels, channel);
        let Some(level) = mean(values()) else { return [f64::NAN; NUMBERS] };
        let spread = mean(values().map(|value| (value - level).powi(2))).unwrap_or(0.0).sqrt();
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let low = values().fold(f64::INFINITY, f64::min);
        let squares = differences(window, channels, channel).map(|difference| difference * difference);
        // Without two neighbouring steps, it is as usual.
        let rough = mean(squares).map_or(1.0, |square| square.sqrt() / self.steps[channel]);
        [level, (spread + FLOOR).ln(), high, low, (rough + FLOOR).ln()]
    }
}

/// The observed values of a channel.
fn of_channel(window: ArrayView1<'_, f64>, channels: usize, channel: usize) -> impl Iterator<Item = f64> {
    let values = window.into_iter().skip(channel).step_by(channels).copied();
    values.filter(|value| !value.is_nan())
}

/// The observed differences between the steps of a channel.
fn differences(window: ArrayView1<'_, f64>, channels: usize, channel: usize) -> impl Iterator<Item = f64> {
    let later = window.into_iter().skip(channel + channels).step_by(channels);
    let pairs = window.into_iter().skip(channel).step_by(channels).zip(later);
    pairs.map(|(a, b)| b - a).filter(|difference| !difference.is_nan())
}

/// `None` of nothing.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0usize), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / n as f64)
}

fn above_zero(spread: f64) -> f64 {
    if spread > 0.0 { spread } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn waves() -> Array2<f64> {
        Array2::from_shape_fn((60, 32), |(row, place)| {
            let (step, channel) = (place / 2, place % 2);
            ((row + step) as f64 / 3.0).sin()
                + if channel == 1 { 10.0 * (step as f64 / 5.0).cos() } else { 0.0 }
        })
    }

    #[test]
    fn each_number_tells_what_it_is_for() {
        let rows = array![[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]];
        let summary = Summary::of(&rows, 1);
        let usual = summary.map(&rows);
        assert!(usual.column(0).iter().all(|level| level.abs() < 1e-9));
        let [level, spread, high, low, rough] = [0, 1, 2, 3, 4];
        let of = |window: [f64; 4]| summary.map(&array![window]).row(0).to_owned();
        assert!(of([3.0, 4.0, 3.0, 4.0])[level] > 2.0);
        assert!(of([0.5, 0.5, 0.5, 0.5])[spread] < -1.0);
        assert!(of([0.0, 1.0, 9.0, 0.0])[high] > 5.0);
        assert!(of([-9.0, 1.0, 0.0, 1.0])[low] < -5.0);
        assert!(of([0.0, 0.0, 1.0, 1.0])[rough] < -0.9);
    }

    #[test]
    fn the_order_of_what_happens_in_a_window_does_not_matter_and_gaps_are_left_out() {
        let summary = Summary::of(&waves(), 2);
        let mut window = waves().row(7).to_owned();
        let before = summary.map(&window.clone().insert_axis(ndarray::Axis(0)));
        window[5] = f64::NAN;
        let after = summary.map(&window.clone().insert_axis(ndarray::Axis(0)));
        assert_eq!(before.row(0).slice(ndarray::s![..5]), after.row(0).slice(ndarray::s![..5]));
        assert!(after.iter().all(|number| number.is_finite()) && before != after);
        window.iter_mut().skip(1).step_by(2).for_each(|value| *value = f64::NAN);
        let nothing = summary.map(&window.insert_axis(ndarray::Axis(0)));
        assert!(nothing.row(0).iter().skip(5).all(|number| number.is_nan()));
    }
}
