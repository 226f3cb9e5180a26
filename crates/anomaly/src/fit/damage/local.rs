//! Mild damage to a small part of a row, which a poor detector misses.

use super::Form;
use ae_intake::Samples;
use ae_tensor::{Noise, array};
use ndarray::{Array2, ArrayViewMut1};
use std::ops::Range;

/// Damage to a row of a table.
const TABLE: [Damage; 3] = [Damage::Exchange, Damage::Shift, Damage::Spike];
/// Damage to a series.
const SERIES: [Damage; 7] = [
    Damage::Exchange,
    Damage::Shift,
    Damage::Spike,
    Damage::Stretch,
    Damage::Flatten,
    Damage::Reverse,
    Damage::Jitter,
];

#[derive(Clone, Copy, Debug)]
enum Damage {
    /// A part is taken from another row: each value is usual, but not the combination.
    Exchange,
    /// A part is shifted up or down by 0.5 to 2 standard deviations.
    Shift,
    /// One value is shifted by 3 to 6 standard deviations.
    Spike,
    /// A part of a series runs faster or slower by up to a third of its length.
    Stretch,
    /// A part of a series is pulled towards its mean by half or more.
    Flatten,
    /// A part of a series runs backwards.
    Reverse,
    /// Noise of 0.3 to 1 standard deviations is added to a part of a series.
    Jitter,
}

/// Makes a damaged copy of each row, `[N, D]`. The kind, place and size of the damage depend on `noise` and
/// the row's position. Missing values stay missing. Panics if `form` does not match the width of the rows.
pub fn copies(normal: &Samples, form: &Form, noise: &Noise) -> Samples {
    let (n, width) = normal.values.dim();
    let noise = noise.fork("synthetic anomalies");
    let draws = |purpose: &str, columns: usize| -> Array2<f32> {
        let drawn = noise.uniform(purpose, &[n as i64, columns as i64]);
        array::to_array(&drawn).into_dimensionality().expect("two dimensions were asked for")
    };
    let (choices, tremble) = (draws("choices", CHOICES), draws("tremble", width));
    let std = deviations(normal);
    let mut damaged = normal.clone();
    for (row, mut values) in damaged.values.rows_mut().into_iter().enumerate() {
        let mut draw = Draws { numbers: choices.row(row).to_vec(), next: 0 };
        let other = normal.values.row((row + 1 + draw.below(n.max(2) - 1)) % n);
        match form {
            Form::Table { groups } => {
                let damage = TABLE[draw.below(TABLE.len())];
                let share = if matches!(damage, Damage::Exchange) { 0.1 + 0.2 * draw.unit() } else { 0.0 };
                let least = usize::from(!groups.is_empty());
                let parts = ((groups.len() as f64 * share).ceil() as usize).clamp(least, MAX_PARTS);
                for _ in 0..parts {
                    let group = groups[draw.below(groups.len())].clone();
                    match damage {
                        Damage::Exchange => group.for_each(|at| values[at] = other[at]),
                        _ if group.len() > 1 => turn(&mut values, group, &mut draw),
                        _ => move_by(&mut values, group, damage, &std, &mut draw),
                    }
                }
            }
            Form::Series { channels } => {
                assert!(
                    *channels > 0 && width.is_multiple_of(*channels),
                    "{channels} channels in {width} values"
                );
                let damage = SERIES[draw.below(SERIES.len())];
                let series = Series { steps: width / channels, channels: *channels };
                let (part, channel) = (series.part(&mut draw), draw.below(*channels));
                let place = |step: usize| step * channels + channel;
                match damage {
                    Damage::Exchange => part.for_each(|step| values[place(step)] = other[place(step)]),
                    Damage::Spike => {
                        let at = place(part.start);
                        move_by(&mut values, at..at + 1, damage, &std, &mut draw);
                    }
                    Damage::Shift => {
                        let by = draw.signed(0.5, 2.0);
                        part.for_each(|step| values[place(step)] += by * std[place(step)]);
                    }
                    Damage::Jitter => {
                        let size = draw.between(0.3, 1.0) * 12f32.sqrt();
                        part.for_each(|step| {
                            let at = place(step);
                            values[at] += size * std[at] * (tremble[[row, at]] - 0.5);
                        });
                    }
                    Damage::Stretch | Damage::Flatten | Damage::Reverse => {
                        let before: Vec<f32> = part.clone().map(|step| values[place(step)]).collect();
                        for (step, value) in part.zip(bent(&before, damage, &mut draw)) {
                            values[place(step)] = value;
                        }
                    }
                }
            }
        }
    }
    if let Some(observed) = &damaged.observed {
        damaged.values.zip_mut_with(observed, |value, &seen| *value = if seen { *value } else { 0.0 });
    }
    damaged
}

/// Random draws per row, and the most groups that are changed: a row never runs out of draws.
const CHOICES: usize = 48;
const MAX_PARTS: usize = 12;

/// Numbers in [0, 1), handed out one by one.
struct Draws {
    numbers: Vec<f32>,
    next: usize,
}

impl Draws {
    fn unit(&mut self) -> f64 {
        self.next += 1;
        f64::from(self.numbers[self.next - 1])
    }

    fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    fn between(&mut self, low: f64, high: f64) -> f32 {
        (low + (high - low) * self.unit()) as f32
    }

    fn signed(&mut self, low: f64, high: f64) -> f32 {
        let sign = if self.unit() < 0.5 { -1.0 } else { 1.0 };
        sign * self.between(low, high)
    }
}

struct Series {
    steps: usize,
    channels: usize,
}

impl Series {
    /// An eighth to a half of the steps; at least two, if there are two.
    fn part(&self, draw: &mut Draws) -> Range<usize> {
        let share = draw.between(0.125, 0.5);
        let length = ((self.steps as f32 * share) as usize).max(2).min(self.steps);
        let start = draw.below(self.steps - length + 1);
        debug_assert!(self.channels > 0);
        start..start + length
    }
}

/// Standard deviation of each value over the rows. For a constant value, that of all values; if all are
/// constant, 1.
fn deviations(normal: &Samples) -> Vec<f32> {
    let values = normal.values.mapv(f64::from);
    let all = values.std(0.0);
    let usual = if all.is_finite() && all > 0.0 { all } else { 1.0 };
    let of_column = |column: ndarray::ArrayView1<'_, f64>| column.std(0.0);
    let or_usual = |std: f64| if std.is_finite() && std > 1e-6 * usual { std } else { usual };
    values.columns().into_iter().map(|column| or_usual(of_column(column)) as f32).collect()
}

fn move_by(
    values: &mut ArrayViewMut1<'_, f32>,
    part: Range<usize>,
    damage: Damage,
    std: &[f32],
    draw: &mut Draws,
) {
    let by = if matches!(damage, Damage::Spike) { draw.signed(3.0, 6.0) } else { draw.signed(0.5, 2.0) };
    part.for_each(|at| values[at] += by * std[at]);
}

/// Changes the level of a category by rotating its values.
fn turn(values: &mut ArrayViewMut1<'_, f32>, group: Range<usize>, draw: &mut Draws) {
    let mut levels: Vec<f32> = group.clone().map(|at| values[at]).collect();
    levels.rotate_right(1 + draw.below(group.len() - 1));
    group.zip(levels).for_each(|(at, level)| values[at] = level);
}

/// A part of a series, distorted in time or in height.
fn bent(part: &[f32], damage: Damage, draw: &mut Draws) -> Vec<f32> {
    match damage {
        Damage::Reverse => part.iter().rev().copied().collect(),
        Damage::Flatten => {
            let mean = part.iter().sum::<f32>() / part.len() as f32;
            let kept = draw.between(0.0, 0.5);
            part.iter().map(|value| mean + kept * (value - mean)).collect()
        }
        _ => {
            // Both ends stay in place; the middle moves by up to a third of the length.
            let (last, by) = ((part.len() - 1) as f32, draw.signed(0.1, 0.33));
            let place = |at: usize| {
                let t = at as f32 / last.max(1.0);
                (t + by * (t * (1.0 - t)) * 2.0).clamp(0.0, 1.0) * last
            };
            let value = |place: f32| {
                let (left, share) = (place.floor() as usize, place.fract());
                let right = (left + 1).min(part.len() - 1);
                part[left] + share * (part[right] - part[left])
            };
            (0..part.len()).map(|at| value(place(at))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::Device;

    fn waves(n: usize, width: usize) -> Samples {
        Samples::complete(Array2::from_shape_fn((n, width), |(row, at)| {
            ((at as f32 * 0.3) + row as f32 * 0.2).sin() + 0.01 * row as f32
        }))
    }

    fn noise(seed: u64) -> Noise {
        Noise::new(seed, 0, Device::Cpu)
    }

    fn forms() -> [(Form, usize); 4] {
        let groups = vec![0..1, 1..2, 2..6, 6..7, 7..9, 9..10];
        [
            (Form::Table { groups }, 10),
            (Form::Series { channels: 1 }, 40),
            (Form::Series { channels: 3 }, 60),
            (Form::Series { channels: 1 }, 1),
        ]
    }

    #[test]
    fn nearly_every_row_is_changed_the_same_way_for_the_same_seed() {
        for (form, width) in forms() {
            let normal = waves(200, width);
            let damaged = copies(&normal, &form, &noise(1));
            assert_eq!(damaged, copies(&normal, &form, &noise(1)));
            assert_ne!(damaged, copies(&normal, &form, &noise(2)));
            let changed = (0..200).filter(|&row| damaged.values.row(row) != normal.values.row(row)).count();
            let enough = if width > 1 { 190 } else { 80 };
            assert!(changed >= enough, "{form:?}: {changed} of 200");
            assert!(damaged.values.iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn damage_is_local_and_missing_values_stay_missing() {
        let (form, width) = (Form::Series { channels: 1 }, 40);
        let mut normal = waves(100, width);
        let observed = Array2::from_shape_fn((100, width), |(row, at)| (row + at) % 3 != 0);
        normal.values.zip_mut_with(&observed, |value, &seen| *value = if seen { *value } else { 0.0 });
        normal.observed = Some(observed.clone());
        let damaged = copies(&normal, &form, &noise(3));
        assert_eq!(damaged.observed, normal.observed);
        for row in 0..100 {
            let changed = |at: &usize| damaged.values[[row, *at]] != normal.values[[row, *at]];
            assert!((0..width).filter(changed).count() <= width / 2 + 1, "at most half of a series changes");
            assert!((0..width).filter(|at| !observed[[row, *at]]).all(|at| damaged.values[[row, at]] == 0.0));
        }
    }

    #[test]
    fn a_category_keeps_one_level() {
        let groups = vec![0..1, 1..5];
        let normal = Samples::complete(Array2::from_shape_fn((300, 5), |(row, at)| match at {
            0 => row as f32,
            _ => f32::from(u8::from(at - 1 == row % 4)),
        }));
        let damaged = copies(&normal, &Form::Table { groups }, &noise(0));
        for row in damaged.values.rows() {
            assert_eq!(row.iter().skip(1).sum::<f32>(), 1.0, "{row}");
        }
    }

    #[test]
    fn one_row_and_constant_rows_do_no_harm() {
        for (form, width) in forms() {
            for n in [1, 2] {
                let constant = Samples::complete(Array2::zeros((n, width)));
                assert_eq!(copies(&constant, &form, &noise(0)).len(), n);
            }
        }
    }
}
