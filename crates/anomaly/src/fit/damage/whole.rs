//! Damage to an entire series: early or late, stretched, widened, inverted and so on.
//!
//! The damage follows textbook descriptions of abnormal heartbeats, not any data set: an ectopic beat comes
//! early, and its waves are wide, high or inverted. [`super::local`] damage is small and mild, and tests
//! something else: whether the reconstruction is close enough for small differences to show.

use ae_records::seed::stream_rng;
use ndarray::{Array2, ArrayView1};
use rand::RngExt;

/// The kind of damage.
#[derive(Clone, Copy, Debug)]
pub enum Damage {
    /// It comes early or late by 6 to 22 % of its length; the end values are extended.
    Shift,
    /// Time is warped by a power of 0.5 to 0.75, or 1.35 to 2.
    Warp,
    /// A part is mirrored about the line between its ends.
    TurnOver,
    /// It is smoothed over 8 to 22 % of its length, with Hann weights.
    Widen,
    /// A part is scaled about the line between its ends, by 1.5 to 3 or by less than 0.4.
    Scale,
    /// It is averaged with another beat, reversed.
    Mix,
    /// The halves of a part are swapped.
    Swap,
    /// A part is shifted up or down by 1 to 2 standard deviations.
    Level,
}

/// Every kind of damage, in a fixed order.
pub const ALL: [Damage; 8] = [
    Damage::Shift,
    Damage::Warp,
    Damage::TurnOver,
    Damage::Widen,
    Damage::Scale,
    Damage::Mix,
    Damage::Swap,
    Damage::Level,
];

/// Makes a damaged copy of each row `[N, T]`, normalised again to mean 0 and standard deviation 1; `T` is 8
/// or more. A pure function of its arguments.
pub fn copies(beats: &Array2<f32>, damage: Damage, seed: u64) -> Array2<f32> {
    let mut rng = stream_rng(seed, "damaged beats", damage as u64);
    let (n, length) = beats.dim();
    let mut draw = move |low: f64, high: f64| low + (high - low) * rng.random::<f64>();
    let mut damaged = Vec::with_capacity(n * length);
    for row in 0..n {
        let beat: Vec<f64> = beats.row(row).iter().map(|&value| f64::from(value)).collect();
        let other = beats.row((draw(0.0, n as f64) as usize).min(n - 1));
        damaged.extend(one(&beat, other, damage, &mut draw).into_iter().map(|value| value as f32));
    }
    let damaged = Array2::from_shape_vec((n, length), damaged).expect("a beat for each beat");
    normalised(damaged)
}

/// Normalises each row to mean 0 and standard deviation 1; constant rows stay as they are.
pub fn normalised(mut rows: Array2<f32>) -> Array2<f32> {
    for mut row in rows.rows_mut() {
        let (mean, std) = (row.mean().unwrap_or(0.0), row.std(1.0));
        if std > 0.0 {
            row.mapv_inplace(|value| (value - mean) / std);
        }
    }
    rows
}

fn one(
    beat: &[f64],
    other: ArrayView1<'_, f32>,
    damage: Damage,
    draw: &mut dyn FnMut(f64, f64) -> f64,
) -> Vec<f64> {
    let length = beat.len();
    let last = (length - 1) as f64;
    let size = ((length as f64 * draw(0.25, 0.5)) as usize).clamp(2, length);
    let start = (draw(0.0, (length - size + 1) as f64) as usize).min(length - size);
    let part = start..start + size;
    let line = |at: usize| {
        let share = (at - part.start) as f64 / (size - 1) as f64;
        beat[part.start] + share * (beat[part.end - 1] - beat[part.start])
    };
    let is_first = draw(0.0, 1.0) < 0.5;
    let sign = if is_first { 1.0 } else { -1.0 };
    // Changes the points within the part.
    let in_part = |change: &dyn Fn(usize) -> f64| -> Vec<f64> {
        (0..length).map(|at| if part.contains(&at) { change(at) } else { beat[at] }).collect()
    };
    match damage {
        Damage::Shift => {
            let by = sign * draw(0.06, 0.22) * last;
            (0..length).map(|at| between(beat, at as f64 - by)).collect()
        }
        Damage::Warp => {
            let power = if is_first { draw(0.5, 0.75) } else { draw(1.35, 2.0) };
            (0..length).map(|at| between(beat, (at as f64 / last).powf(power) * last)).collect()
        }
        Damage::TurnOver => in_part(&|at| 2.0 * line(at) - beat[at]),
        Damage::Widen => {
            let width = (draw(0.08, 0.22) * length as f64) as i64;
            let reach = (width / 2).max(1);
            let weight = |by: i64| 1.0 + (std::f64::consts::PI * by as f64 / (reach + 1) as f64).cos();
            let total: f64 = (-reach..=reach).map(weight).sum();
            let mean = |at: usize| {
                let sum: f64 =
                    (-reach..=reach).map(|by| weight(by) * between(beat, (at as i64 + by) as f64)).sum();
                sum / total
            };
            (0..length).map(mean).collect()
        }
        Damage::Scale => {
            let factor = if is_first { draw(1.5, 3.0) } else { draw(0.0, 0.4) };
            in_part(&|at| line(at) + factor * (beat[at] - line(at)))
        }
        Damage::Mix => (0..length).map(|at| 0.5 * (beat[at] + f64::from(other[length - 1 - at]))).collect(),
        Damage::Swap => {
            let half = size / 2;
            let from = |at: usize| match at - part.start {
                place if place < half => at + half,
                place if place < 2 * half => at - half,
                _ => at,
            };
            in_part(&|at| beat[from(at)])
        }
        Damage::Level => {
            let by = sign * draw(1.0, 2.0);
            in_part(&|at| beat[at] + by)
        }
    }
}

/// Interpolates the beat between its points; beyond the ends, the end values continue.
fn between(beat: &[f64], place: f64) -> f64 {
    let place = place.clamp(0.0, (beat.len() - 1) as f64);
    let left = place as usize;
    let right = (left + 1).min(beat.len() - 1);
    beat[left] + place.fract() * (beat[right] - beat[left])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_damage_changes_every_beat_and_keeps_it_normalised() {
        let beats = Array2::from_shape_fn((20, 60), |(row, at)| {
            (at as f32 * 0.2).sin() + (at as f32 * 0.05 + row as f32).cos()
        });
        let beats = normalised(beats);
        for damage in ALL {
            let damaged = copies(&beats, damage, 1);
            assert_eq!(damaged, copies(&beats, damage, 1), "{damage:?}");
            assert_ne!(damaged, copies(&beats, damage, 2), "{damage:?}");
            for (row, before) in damaged.rows().into_iter().zip(beats.rows()) {
                assert!((row.std(1.0) - 1.0).abs() < 1e-5 && row.mean().unwrap().abs() < 1e-5, "{damage:?}");
                let most = (&row - &before).iter().fold(0f32, |most, by| most.max(by.abs()));
                assert!(most > 0.01, "{damage:?} changes nothing");
            }
        }
    }

    #[test]
    fn copies_are_normalised() {
        let rows = normalised(Array2::from_shape_fn((3, 10), |(row, at)| (row * at) as f32 * 3.0 + 1.0));
        for row in rows.rows().into_iter().skip(1) {
            assert!(row.mean().unwrap().abs() < 1e-6 && (row.std(1.0) - 1.0).abs() < 1e-6);
        }
        assert!(rows.row(0).iter().all(|value| *value == 1.0), "a constant row stays");
    }
}
