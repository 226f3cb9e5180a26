//! Sorts the rows of a series by time, if that is what they need.

use crate::columns::layout::Steps;
use crate::columns::stamps::StampFormat;
use crate::schema::notice::Notice;
use crate::schema::time_notice::TimeNotice;
use crate::text::parse::RawBlock;
use std::ops::Range;

/// The rows of a file in the order in which a series has them.
#[derive(Debug)]
pub(crate) struct TimeOrder {
    /// The place in the file of each row; `None` for the order of the file.
    order: Option<Vec<usize>>,
    /// Times that are earlier than the one before, in the order of the file.
    backward: u64,
}

impl TimeOrder {
    /// Sorted by time if that makes more steps regular, or if more than one in ten steps go back: rows in reverse or in
    /// any order. Otherwise the order of the file, such as that of series one after another, whose times start over.
    pub(crate) fn of(stamps: &[f64], format: StampFormat) -> Self {
        let file = Steps::of(stamps, format);
        if file.backward == 0 {
            return TimeOrder { order: None, backward: 0 };
        }
        let order = by_time(stamps);
        let sorted = Steps::of(&order.iter().map(|&row| stamps[row]).collect::<Vec<_>>(), format);
        let is_better = sorted.regular >= file.regular || 10 * file.backward > file.all;
        TimeOrder { order: is_better.then_some(order), backward: file.backward }
    }

    /// The same within each of these stretches, which keep their places.
    pub(super) fn within(stamps: &[f64], stretches: &[Range<usize>], format: StampFormat) -> Self {
        let mut all = TimeOrder { order: None, backward: 0 };
        for stretch in stretches {
            let own = Self::of(&stamps[stretch.clone()], format);
            all.backward += own.backward;
            if let Some(order) = own.order {
                let places = all.order.get_or_insert_with(|| (0..stamps.len()).collect());
                places[stretch.clone()]
                    .iter_mut()
                    .zip(order)
                    .for_each(|(place, row)| *place = stretch.start + row);
            }
        }
        all
    }

    /// Keeps the order of the file.
    pub(super) fn keep(&mut self) {
        self.order = None;
    }

    /// The place in the file of each row, if it is another order than that of the file.
    pub(crate) fn places(&self) -> Option<&[usize]> {
        self.order.as_deref()
    }

    /// Counts the times of other rows as well.
    pub(crate) fn add(&mut self, other: &TimeOrder) {
        self.backward += other.backward;
    }

    /// Says that the rows were sorted.
    pub(crate) fn notice(&self) -> Notice {
        Notice::Time(TimeNotice::Sorted { backward: self.backward })
    }

    /// The row of the file at this place.
    pub(super) fn row(&self, place: usize) -> usize {
        self.order.as_ref().map_or(place, |order| order[place])
    }

    /// The times in this order.
    pub(super) fn apply(&self, stamps: &[f64]) -> Vec<f64> {
        (0..stamps.len()).map(|place| stamps[self.row(place)]).collect()
    }
}

/// The order of rows by time. Rows with equal times keep their order, and a row without a time, such as a bad line,
/// stays behind the row before it.
pub(crate) fn by_time(stamps: &[f64]) -> Vec<usize> {
    let mut last = f64::NEG_INFINITY;
    let mut key = |&stamp: &f64| {
        // 0 is added because -0 sorts before 0.
        last = if stamp.is_finite() { stamp + 0.0 } else { last };
        last
    };
    let keys: Vec<f64> = stamps.iter().map(&mut key).collect();
    let mut order: Vec<usize> = (0..stamps.len()).collect();
    order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
    order
}

impl RawBlock {
    /// Puts the rows, of `width` values each, into this order. Their lines keep the numbers of the file.
    pub(super) fn put_in_order(&mut self, order: &[usize], width: usize) {
        let mut values = Vec::with_capacity(self.values.len());
        order.iter().for_each(|&row| values.extend_from_slice(&self.values[row * width..(row + 1) * width]));
        self.values = values;
        self.stamps = order.iter().map(|&row| self.stamps[row]).collect();
        self.lines = order.iter().map(|&row| self.lines[row]).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_records::seed::stream_rng;
    use rand_chacha::rand_core::Rng;

    /// Rows by time, equal ones as they were, and whatever has no time behind its predecessor.
    #[test]
    fn rows_are_sorted_stably_and_rows_without_a_time_stay_behind_their_row() {
        assert_eq!(
            by_time(&[f64::NAN, 3.0, f64::NAN, 1.0, f64::NAN, 3.0, -0.0, 0.0]),
            [0, 6, 7, 3, 4, 1, 2, 5]
        );
        let mut rng = stream_rng(1, "sorting", 0);
        for round in 0..300 {
            let n = rng.next_u32() as usize % 40;
            let stamps: Vec<f64> = (0..n)
                .map(|_| match rng.next_u32() % 9 {
                    0 => f64::NAN,
                    _ => f64::from(rng.next_u32() % (1 + round)),
                })
                .collect();
            let order = by_time(&stamps);
            let mut all = order.clone();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..n), "each row once: {stamps:?}");
            let known: Vec<usize> = order.iter().copied().filter(|&row| !stamps[row].is_nan()).collect();
            let in_order = |pair: &[usize]| {
                let (one, next) = (stamps[pair[0]], stamps[pair[1]]);
                one < next || (one == next && pair[0] < pair[1])
            };
            assert!(known.windows(2).all(in_order), "{stamps:?} in {order:?}");
            for (place, &row) in order.iter().enumerate().filter(|(_, row)| stamps[**row].is_nan()) {
                let before = if row == 0 { None } else { Some(row - 1) };
                assert_eq!(place.checked_sub(1).map(|place| order[place]), before, "{stamps:?} in {order:?}");
            }
        }
    }

    #[test]
    fn a_series_is_sorted_only_if_that_helps() {
        let check = |stamps: Vec<f64>, sorted: bool, backward: u64| {
            let order = TimeOrder::of(&stamps, StampFormat::Number);
            assert_eq!((order.order.is_some(), order.backward), (sorted, backward), "{stamps:?}");
            if sorted {
                assert!(order.apply(&stamps).is_sorted());
            }
        };
        let steps = || (0..100).map(f64::from);
        check(steps().collect(), false, 0);
        check(steps().rev().collect(), true, 99);
        check(steps().map(|step| (37.0 * step) % 101.0).collect(), true, 36);
        // Two lines that were written late.
        check(
            [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0].into_iter().chain((8..40).map(f64::from)).collect(),
            true,
            2,
        );
        // Runs one after another: sorting would mix them.
        check(steps().chain(steps()).chain(steps()).collect(), false, 2);
        // Clocks set back by an hour in autumn, at steps of 15 minutes.
        let autumn = (0..60).map(|step| 900.0 * f64::from(step) - if step < 30 { 0.0 } else { 3600.0 });
        check(autumn.collect(), false, 1);
    }
}
