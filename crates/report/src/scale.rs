//! The scale of an axis, for any finite numbers.
//!
//! The ranges of `plotters` compute with widths and multiples that overflow near 1e308, and then look for labels
//! without end.

use crate::clock;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// Space on either side of the values, as a share of their range.
const ROOM: f64 = 0.05;
/// Differences smaller than this share of the values are errors of rounding.
const ROUNDING: f64 = 1e-12;
/// Values nearer to zero are errors of rounding, such as the -5.551e-17 of a term that is zero.
pub(crate) const NOTHING: f64 = 1e-14;
/// Space on either side of the values of a logarithmic scale, as a factor.
const FACTOR: f64 = 1.2;

/// From `start` to `end`, which are finite; `start` is less than `end`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    start: f64,
    end: f64,
    /// If so, both ends are above zero.
    logarithmic: bool,
    /// Whether the values are seconds since 1970, with labels at round times of the clock.
    dates: bool,
}

impl Scale {
    /// From `start` to `end`. An infinite end becomes the nearest finite number, NaN becomes zero, and an empty range
    /// is widened.
    pub(crate) fn between(start: f64, end: f64) -> Self {
        let finite = |end: f64| if end.is_nan() { 0.0 } else { end.clamp(f64::MIN, f64::MAX) };
        let (start, end) = (finite(start), finite(end));
        if start < end {
            Scale { start, end, logarithmic: false, dates: false }
        } else {
            Scale::around([start])
        }
    }

    /// Around these values with some room; those that are not finite are left out.
    pub(crate) fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let Some((low, high)) = bounds(values) else { return Scale::between(0.0, 1.0) };
        // What only rounding errors tell apart is one value, and so small a one is zero.
        let size = low.abs().max(high.abs());
        let (low, high) = if size < NOTHING { (0.0, 0.0) } else { (low, high) };
        let is_range = part(low, high, 1.0) > size * ROUNDING;
        let room = if is_range { part(low, high, ROOM) } else { high.abs().max(1.0) * ROOM };
        Scale {
            start: (low - room).max(f64::MIN),
            end: (high + room).min(f64::MAX),
            logarithmic: false,
            dates: false,
        }
    }

    /// Logarithmic, around these values with some room; those that are not finite or not above zero are left out.
    pub(crate) fn logarithmic(values: impl IntoIterator<Item = f64>) -> Self {
        let above_zero = values.into_iter().filter(|value| *value > 0.0);
        let (low, high) = bounds(above_zero).unwrap_or((1.0, 1.0));
        let smallest = f64::from_bits(1);
        let start = (low / FACTOR).max(smallest);
        Scale {
            start,
            end: (high * FACTOR).min(f64::MAX).max(start.next_up()),
            logarithmic: true,
            dates: false,
        }
    }

    /// The same scale, of seconds since 1970.
    pub(crate) fn of_dates(self) -> Self {
        Scale { dates: true, ..self }
    }

    /// With this share of its length added at the end.
    pub(crate) fn extended(self, share: f64) -> Self {
        Scale { end: (self.end + part(self.start, self.end, share)).min(f64::MAX), ..self }
    }

    /// The position of a value: 0 at the start and 1 at the end, and between -1 and 2 for values outside.
    pub(crate) fn share(&self, value: f64) -> f64 {
        // Halves of numbers so large are exact, and their differences finite.
        let unit = if (self.end - self.start).is_finite() { 1.0 } else { 0.5 };
        let place = |value: f64| if self.logarithmic { value.ln() } else { value * unit };
        let (start, end) = (place(self.start), place(self.end));
        ((place(value) - start) / (end - start)).clamp(-1.0, 2.0)
    }

    /// The value at a share of a linear scale.
    pub(crate) fn at(&self, share: f64) -> f64 {
        self.start * (1.0 - share) + self.end * share
    }

    /// At most `most` round numbers within a linear scale, evenly spaced: multiples of 1, 2 or 5 times a power of ten.
    fn round_numbers(&self, most: usize) -> Vec<f64> {
        let (start, end) = (self.start, self.end);
        let width = end - start;
        let magnitude = if width.is_finite() { width.log10() } else { (end / 2.0 - start / 2.0).log10() };
        let exponent = magnitude.floor() as i32;
        let mut found = Vec::new();
        // From the coarsest step to the finest that is not too fine. A step of 1e309 is infinite, which fits: its
        // only multiple is zero.
        let exponents = (exponent - 20..=exponent + 2).rev();
        for (mantissa, exponent) in exponents.flat_map(|exponent| [5, 2, 1].map(|m| (m, exponent))) {
            let step = decimal(mantissa, exponent);
            let (first, last) = ((start / step).ceil(), (end / step).floor());
            let is_coarse_enough = last - first < most as f64;
            if !is_coarse_enough {
                break;
            }
            let multiples = first as i128..=last as i128;
            found = multiples.map(|multiple| decimal(multiple * mantissa, exponent)).collect();
        }
        found.retain(|value| (start..=end).contains(value));
        // Labels closer than the nearest numbers.
        found.dedup();
        found
    }

    /// About as many powers of ten within a logarithmic scale; round numbers if there is at most one.
    fn powers_of_ten(&self, most: usize) -> Vec<f64> {
        let (low, high) = (self.start.log10(), self.end.log10());
        let stride = (high - low) as usize / most.saturating_add(1) + 1;
        let exponents = (low.ceil() as i32..=high.floor() as i32).step_by(stride);
        let mut powers: Vec<f64> = exponents.map(|exponent| decimal(1, exponent)).collect();
        powers.retain(|value| (self.start..=self.end).contains(value));
        if powers.len() > 1 { powers } else { self.round_numbers(most) }
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let length = f64::from(to - from);
        let place = length * self.share(*value);
        // Rounded towards the start, with the tolerance of the ranges of `plotters`.
        let place = if length > 0.0 { (place + 1e-3).floor() } else { (place - 1e-3).ceil() };
        from + place as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.max_num_points() {
            0 => Vec::new(),
            most if self.logarithmic => self.powers_of_ten(most),
            most if self.dates => match clock::round_times(self.start, self.end, most) {
                times if times.is_empty() => self.round_numbers(most),
                times => times,
            },
            most => self.round_numbers(most),
        }
    }

    fn range(&self) -> Range<f64> {
        self.start..self.end
    }
}

/// The least and the greatest of the finite values, if there are any.
pub(crate) fn bounds(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|value| value.is_finite()).map(|value| (value, value));
    finite.reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))
}

/// A share of the distance from `low` to `high`, which may be too large for a number.
pub(crate) fn part(low: f64, high: f64, share: f64) -> f64 {
    let distance = high - low;
    if distance.is_finite() { distance * share } else { high * share - low * share }
}

/// `mantissa` times ten to the power of `exponent`, correctly rounded; infinite if that is too large.
fn decimal(mantissa: i128, exponent: i32) -> f64 {
    format!("{mantissa}e{exponent}").parse().expect("it is a decimal number")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: f64 = f64::from_bits(1);

    /// Pairs of ends, from the ordinary to the extreme.
    fn ranges() -> Vec<(f64, f64)> {
        let ends = [
            f64::MIN,
            -1e308,
            -1e300,
            -7.0,
            -1e-300,
            -SMALLEST,
            0.0,
            SMALLEST,
            3.0 * SMALLEST,
            f64::MIN_POSITIVE,
            1e-300,
            0.3,
            7.0,
            7.0_f64.next_up(),
            1e15,
            1e15 + 0.125,
            1e300,
            1e308,
            f64::MAX.next_down(),
            f64::MAX,
        ];
        let pairs = ends.iter().flat_map(|&start| ends.iter().map(move |&end| (start, end)));
        pairs.filter(|(start, end)| start <= end).collect()
    }

    fn check(scale: Scale, about: &str) {
        let Range { start, end } = scale.range();
        assert!(start.is_finite() && end.is_finite() && start < end, "{about}: {scale:?}");
        for limits in [(100, 900), (900, 100), (5, 5)] {
            let (first, last) = (scale.map(&start, limits), scale.map(&end, limits));
            assert_eq!((first, last), limits, "{about}: {scale:?}");
            for value in
                [f64::MIN, -1.0, 0.0, SMALLEST, 1.0, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]
            {
                let place = scale.map(&value, limits);
                assert!((-1000..=2000).contains(&place), "{about}: {value} at {place} of {scale:?}");
            }
        }
        for most in [0, 1, 2, 5, 12, 500] {
            let labels = scale.key_points(most);
            assert!(labels.len() <= most + 1, "{about}: {} labels of {most}: {scale:?}", labels.len());
            assert!(labels.iter().all(|label| (start..=end).contains(label)), "{about}: {labels:?}");
            assert!(labels.is_sorted_by(|a, b| a < b), "{about}: {labels:?}");
        }
    }

    #[test]
    fn any_finite_range_has_a_scale_and_few_labels() {
        for (start, end) in ranges() {
            check(Scale::between(start, end), "between");
            check(Scale::between(end, start), "reversed");
            check(Scale::around([start, end, f64::NAN, f64::INFINITY]), "around");
            check(Scale::around([start, end]).extended(0.08), "extended");
            check(Scale::logarithmic([start, end]), "logarithmic");
            check(Scale::around([start, end]).of_dates(), "dates");
        }
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            check(Scale::between(odd, odd), "odd ends");
            check(Scale::between(0.0, odd), "odd end");
            check(Scale::around([odd]), "nothing finite");
            check(Scale::logarithmic([odd]), "nothing finite");
        }
        check(Scale::around([]), "nothing");
        check(Scale::logarithmic([-1.0, 0.0]), "nothing above zero");
    }

    #[test]
    fn labels_are_round_numbers() {
        let check = |scale: Scale, most: usize, expected: &[f64]| {
            assert_eq!(scale.key_points(most), expected, "{scale:?}");
        };
        check(Scale::between(0.0, 1.0), 5, &[0.0, 0.5, 1.0]);
        check(Scale::between(0.0, 1.0), 6, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        check(Scale::between(-1.2, 1.2), 5, &[-1.0, -0.5, 0.0, 0.5, 1.0]);
        check(Scale::between(-1e308, 1e308), 5, &[-1e308, -5e307, 0.0, 5e307, 1e308]);
        check(Scale::between(0.0, 5.0 * SMALLEST), 8, &[0.0, 5e-324, 1e-323, 1.5e-323, 2e-323, 2.5e-323]);
        check(Scale::between(1e15, 1e15 + 10.0), 5, &[1e15, 1e15 + 5.0, 1e15 + 10.0]);
        check(Scale::logarithmic([1.0, 900.0]), 5, &[1.0, 10.0, 100.0, 1000.0]);
        check(Scale::logarithmic([2.0, 9.0]), 5, &[2.0, 4.0, 6.0, 8.0, 10.0]);
        check(
            Scale::between(86_300.0, 90_100.0).of_dates(),
            5,
            &[86_400.0, 87_300.0, 88_200.0, 89_100.0, 90_000.0],
        );
        check(Scale::logarithmic([1e-200, 1e200]), 4, &[1e-200, 1e-119, 1e-38, 1e43, 1e124]);
    }

    #[test]
    fn errors_of_rounding_are_no_range() {
        let check = |values: [f64; 2], expected: &[f64]| {
            assert_eq!(Scale::around(values).key_points(5), expected, "{values:?}");
        };
        check([-5.551e-17, 6.939e-18], &[-0.04, -0.02, 0.0, 0.02, 0.04]);
        check([0.5, 0.5 + 1e-15], &[0.46, 0.48, 0.5, 0.52, 0.54]);
        check([1e-12, 5e-12], &[1e-12, 2e-12, 3e-12, 4e-12, 5e-12]);
    }

    #[test]
    fn values_lie_where_their_share_says() {
        let wide = Scale::between(-1e308, 1e308);
        assert_eq!([-1e308, -5e307, 0.0, 1e308].map(|value| wide.share(value)), [0.0, 0.25, 0.5, 1.0]);
        assert_eq!([0.0, 0.25, 1.0].map(|share| wide.at(share)), [-1e308, -5e307, 1e308]);
        let tall = Scale { start: 1.0, end: 1e4, logarithmic: true, dates: false };
        assert!((tall.share(100.0) - 0.5).abs() < 1e-12);
        assert_eq!(tall.share(0.0), -1.0);
    }
}
