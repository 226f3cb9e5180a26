//! Rows of a table, in another order.

use crate::slices::Slices;
use crate::threads::{Alone, Threads};

/// Rows of a task.
const PART: usize = 16;
/// Values that are worth waking a thread.
const WORTH: usize = 1 << 14;

/// Copies the rows `places` of a table of rows of `width` values, in this order. Panics for a place that is no row, and if
/// `to` is not of so many rows.
///
/// Rows of a shuffled epoch lie anywhere in memory, so that a thread mostly waits for it: two wait half as long.
pub fn gather(rows: &[f32], width: usize, places: &[usize], to: &mut [f32], threads: &dyn Threads) {
    assert_eq!(to.len(), places.len() * width, "room for {} rows of {width} values", places.len());
    let threads = if to.len() < WORTH { &Alone } else { threads };
    let parts = Slices::new(to, PART * width);
    threads.each(places.len().div_ceil(PART), &|part| {
        let places = &places[part * PART..places.len().min((part + 1) * PART)];
        // SAFETY: each task has its own part.
        let to = unsafe { parts.get(part) };
        for (&place, to) in places.iter().zip(to.chunks_exact_mut(width.max(1))) {
            to.copy_from_slice(&rows[place * width..(place + 1) * width]);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rayon;
    use crate::testing::values;

    #[test]
    fn rows_come_in_the_order_asked_for() {
        for (width, n) in [(1, 5), (3, 40), (700, 50), (0, 3)] {
            let rows = values(60 * width, 1);
            let places: Vec<usize> = (0..n).map(|index| (index * 7 + 59) % 60).collect();
            let expected: Vec<f32> =
                places.iter().flat_map(|&place| &rows[place * width..(place + 1) * width]).copied().collect();
            for threads in [&Alone as &dyn Threads, &Rayon] {
                let mut to = vec![f32::NAN; n * width];
                gather(&rows, width, &places, &mut to, threads);
                assert_eq!(to, expected, "{width}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "range end index 6 out of range")]
    fn a_place_behind_the_last_row_is_a_bug() {
        gather(&[1.0; 4], 2, &[2], &mut [0.0; 2], &Alone);
    }

    #[test]
    #[should_panic(expected = "room for 2 rows of 3 values")]
    fn room_for_other_rows_is_a_bug() {
        gather(&[1.0; 6], 3, &[0, 1], &mut [0.0; 3], &Alone);
    }
}
