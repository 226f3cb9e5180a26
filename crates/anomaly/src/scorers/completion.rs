//! Fills the gaps of a row before a network sees it: with their mean given the observed values, under a Gaussian with
//! the Ledoit-Wolf shrunk covariance of the training rows, `E[x_m | x_o] = μ_m - Λ_mm⁻¹ Λ_mo (x_o - μ_o)` with
//! `Λ = Σ⁻¹` (Bishop, 2006, "Pattern Recognition and Machine Learning", equation 2.75).
//!
//! A network that is given a constant for a gap reconstructs the other values as if that constant had been measured,
//! and what is odd about them drowns in the error. What is filled in lies within the range of the training rows, so
//! an odd value cannot make another one impossible. Scores compare observed values only, as ever.

use super::covariance::ledoit_wolf;
use super::rows;
use super::stored::Arrays;
use crate::error::ScorerError;
use ae_intake::Samples;
use ae_records::arrays::StoredArray;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use std::collections::HashMap;

/// Widest row whose gaps are filled; a wider one has 0 in them, the middle of each column.
const MAX_WIDTH: usize = 1024;
/// Most training rows that the covariance is computed from.
const MAX_ROWS: usize = 8192;
/// Patterns of gaps that are remembered while rows are filled, and about how many numbers these may have.
const MAX_PATTERNS: usize = 64;
const MAX_NUMBERS: usize = 1 << 22;
/// Rows that may lend their deviations.
const MAX_DONORS: usize = 1024;

/// A Gaussian of rows, to fill gaps with.
#[derive(Debug)]
pub(crate) struct Completion {
    /// `[D]`.
    mean: Vec<f64>,
    /// `[D, D]`, `Λ`; in single precision, as stored.
    precision: Array2<f32>,
    /// `[2, D]`, the least and the greatest value of each column.
    range: Array2<f32>,
}

/// Rows `start..start + n` of checked rows as model input `[n, D]`: gaps are filled or, without a completion, 0.
pub(crate) fn inputs(completion: Option<&Completion>, rows: &Samples, start: usize, n: usize) -> Array2<f32> {
    let mut values = rows::inputs(rows, start, n);
    if let (Some(completion), Some(observed)) = (completion, &rows.observed) {
        completion.fill(&mut values, observed.slice(s![start..start + n, ..]));
    }
    values
}

/// The missing places of a pattern, and the factor of their block of `Λ`.
struct Block {
    missing: Vec<usize>,
    /// `None` if the block is singular, which only that of a damaged file is.
    factor: Option<Cholesky<f64, Dyn>>,
}

impl Completion {
    /// Learns from checked training rows; `None` if there are fewer than 2, or they have too many values. Of many rows,
    /// some are drawn by the seed.
    pub(crate) fn fit(train: &Samples, seed: u64) -> Option<Self> {
        let width = train.values.ncols();
        if train.len() < 2 || !(2..=MAX_WIDTH).contains(&width) {
            return None;
        }
        let drawn = rows::at_most(train, MAX_ROWS, seed, "rows for completion");
        let mut centred = rows::inputs(&drawn, 0, drawn.len()).mapv(f64::from);
        let (mut mean, mut range) = (vec![0.0; width], Array2::<f32>::zeros((2, width)));
        for feature in 0..width {
            let seen: Vec<usize> = (0..drawn.len()).filter(|&row| drawn.is_observed(row, feature)).collect();
            let of = |row: &usize| drawn.values[[*row, feature]];
            let sum: f64 = seen.iter().map(|row| f64::from(of(row))).sum();
            // Rounded, so that a detector that was loaded fills in the same.
            mean[feature] = f64::from((sum / seen.len().max(1) as f64) as f32);
            range[[0, feature]] = seen.iter().map(of).reduce(f32::min).unwrap_or(0.0);
            range[[1, feature]] = seen.iter().map(of).reduce(f32::max).unwrap_or(0.0);
            for row in seen {
                centred[[row, feature]] -= mean[feature];
            }
        }
        let known = |(row, feature)| f64::from(u8::from(drawn.is_observed(row, feature)));
        let observed = drawn.observed.as_ref().map(|_| Array2::from_shape_fn((drawn.len(), width), known));
        let covariance = ledoit_wolf(&centred, observed.as_ref()).covariance;
        let covariance = DMatrix::from_fn(width, width, |i, j| covariance[[i, j]]);
        let precision = covariance.cholesky()?.inverse();
        let precision = Array2::from_shape_fn((width, width), |(i, j)| precision[(i, j)] as f32);
        precision.iter().all(|value| value.is_finite()).then_some(Completion { mean, precision, range })
    }

    /// Restores what was stored for rows of `width` values; `None` if nothing was.
    pub(crate) fn load(width: usize, arrays: &Arrays<'_>) -> Result<Option<Self>, ScorerError> {
        if !arrays.has("precision") {
            return Ok(None);
        }
        let precision = arrays.matrix("precision", Some(width), width)?.mapv(|value| value as f32);
        let range = arrays.matrix("range", Some(2), width)?.mapv(|value| value as f32);
        if range.row(0).iter().zip(range.row(1)).any(|(low, high)| low > high) {
            return Err(ScorerError::Stored("`range` has a least value above the greatest".into()));
        }
        Ok(Some(Completion { mean: arrays.vector("mean", Some(width))?, precision, range }))
    }

    /// The arrays that [`Completion::load`] needs.
    pub(crate) fn arrays(&self) -> Vec<(String, StoredArray)> {
        let mean = self.mean.iter().map(|&value| value as f32);
        vec![
            ("mean".into(), StoredArray::of_f32(&[self.mean.len()], mean)),
            ("precision".into(), StoredArray::of_f32(self.precision.shape(), self.precision.iter().copied())),
            ("range".into(), StoredArray::of_f32(self.range.shape(), self.range.iter().copied())),
        ]
    }

    /// The rows with their gaps filled and still marked; a row is filled alike whatever the others are.
    pub(crate) fn filled(&self, rows: &Samples) -> Samples {
        match &rows.observed {
            None => rows.clone(),
            Some(observed) => Samples {
                values: inputs(Some(self), rows, 0, rows.len()),
                observed: Some(observed.clone()),
                labels: rows.labels.clone(),
            },
        }
    }

    /// Fills the gaps of rows `[N, D]`, in which they hold any number.
    fn fill(&self, values: &mut Array2<f32>, observed: ArrayView2<'_, bool>) {
        let (mut blocks, mut numbers) = (HashMap::<Vec<bool>, Block>::new(), 0);
        for (mut row, seen) in values.outer_iter_mut().zip(observed.outer_iter()) {
            if seen.iter().all(|&seen| seen) {
                continue;
            }
            let pattern = seen.to_vec();
            if !blocks.contains_key(&pattern) {
                if blocks.len() >= MAX_PATTERNS || numbers > MAX_NUMBERS {
                    (blocks, numbers) = (HashMap::new(), 0);
                }
                let block = self.block(seen);
                numbers += block.missing.len().pow(2);
                blocks.insert(pattern.clone(), block);
            }
            let block = &blocks[&pattern];
            let filled = self.expected(block, row.view(), seen);
            for (&feature, value) in block.missing.iter().zip(filled) {
                row[feature] = self.within(feature, value);
            }
        }
    }

    /// Complete rows like `rows`: each gap has what the other values suggest, and the deviation from that of a donor in
    /// the same place, so that they vary as much as complete rows do. Of the donors that have most of the missing values,
    /// the one that is nearest in the observed values lends its deviations, because deviations from a line depend on the
    /// place; what it does not have either is lent by others in the same way. Nothing is added to a value that no donor
    /// has. Of many donors, some are drawn by the seed.
    pub(crate) fn drawn(&self, rows: &Samples, donors: &Samples, seed: u64) -> Array2<f32> {
        let filled = self.filled(rows).values;
        let Some(observed) = &rows.observed else { return filled };
        let donors = rows::at_most(donors, MAX_DONORS, seed, "donor pool");
        let lent = self.filled(&donors).values;
        let mut complete = filled.clone();
        for row in 0..rows.len() {
            let seen = observed.row(row);
            let block = self.block(seen);
            if block.missing.is_empty() || block.missing.len() == seen.len() {
                continue;
            }
            let own = self.expected(&block, filled.row(row), seen);
            let distance = |donor: usize| -> f32 {
                let pairs = filled.row(row).into_iter().zip(lent.row(donor)).zip(seen);
                pairs.filter(|(_, seen)| **seen).map(|((a, b), _)| (a - b) * (a - b)).sum()
            };
            let mut left: Vec<usize> = (0..block.missing.len()).collect();
            let lends = |donor: usize, place: usize| donors.is_observed(donor, block.missing[place]);
            while let Some(able) =
                most_able(donors.len(), |donor| left.iter().filter(|&&at| lends(donor, at)).count())
            {
                let of_donor = |donor: usize| (distance(donor), donor);
                let nearest = able.into_iter().map(of_donor).min_by(|a, b| a.0.total_cmp(&b.0));
                let (_, donor) = nearest.expect("at least one is able");
                let expected = self.expected(&block, lent.row(donor), seen);
                for &place in left.iter().filter(|&&place| lends(donor, place)) {
                    let feature = block.missing[place];
                    let deviation = f64::from(lent[[donor, feature]]) - expected[place];
                    complete[[row, feature]] = self.within(feature, own[place] + deviation);
                }
                left.retain(|&place| !lends(donor, place));
            }
        }
        complete
    }

    fn block(&self, seen: ArrayView1<'_, bool>) -> Block {
        let missing: Vec<usize> = (0..seen.len()).filter(|&feature| !seen[feature]).collect();
        let n = missing.len();
        let own = DMatrix::from_fn(n, n, |i, j| f64::from(self.precision[[missing[i], missing[j]]]));
        Block { missing, factor: own.cholesky() }
    }

    /// `E[x_m | x_o]` for each missing place, before it is limited to the range.
    fn expected(&self, block: &Block, row: ArrayView1<'_, f32>, seen: ArrayView1<'_, bool>) -> Vec<f64> {
        let Some(factor) = &block.factor else { return vec![0.0; block.missing.len()] };
        let centred =
            |feature| if seen[feature] { f64::from(row[feature]) - self.mean[feature] } else { 0.0 };
        let centred = Array1::from_shape_fn(row.len(), centred);
        let pull = |&feature: &usize| -> f64 {
            let weights = self.precision.row(feature);
            weights.iter().zip(&centred).map(|(&weight, value)| f64::from(weight) * value).sum()
        };
        let pulls = DVector::from_iterator(block.missing.len(), block.missing.iter().map(pull));
        let shifts = factor.solve(&pulls);
        block.missing.iter().zip(shifts.iter()).map(|(&feature, shift)| self.mean[feature] - shift).collect()
    }

    fn within(&self, feature: usize, value: f64) -> f32 {
        let (low, high) = (self.range[[0, feature]], self.range[[1, feature]]);
        // A damaged row may be so far off that the expectation overflows.
        if value.is_finite() { (value as f32).clamp(low, high) } else { self.mean[feature] as f32 }
    }
}

/// The donors that lend most values; `None` if none lends any.
fn most_able(n: usize, lends: impl Fn(usize) -> usize) -> Option<Vec<usize>> {
    let lent: Vec<usize> = (0..n).map(lends).collect();
    let most = lent.iter().copied().max().filter(|most| *most > 0)?;
    Some((0..n).filter(|&donor| lent[donor] == most).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;

    /// The second column is nearly twice the first, the third is noise.
    fn rows(n: usize) -> Samples {
        let noise = ae_tensor::Noise::new(1, 0, ae_tensor::Device::Cpu);
        let own = ae_tensor::array::to_vec(&noise.normal("own", &[n as i64, 3]));
        let value = |(row, feature): (usize, usize)| match feature {
            1 => 2.0 * own[3 * row] as f32 + 0.01 * own[3 * row + 1] as f32,
            _ => own[3 * row + feature] as f32,
        };
        Samples::complete(Array2::from_shape_fn((n, 3), value))
    }

    fn without(rows: Samples, gap: impl Fn(usize, usize) -> bool) -> Samples {
        let observed = Array2::from_shape_fn(rows.values.dim(), |(row, feature)| !gap(row, feature));
        let mut rows = rows.with_observed(observed.clone());
        rows.values.zip_mut_with(&observed, |value, observed| *value *= f32::from(u8::from(*observed)));
        rows
    }

    #[test]
    fn a_gap_is_filled_with_what_the_other_values_suggest() {
        let complete = rows(400);
        for train in [complete.clone(), without(complete.clone(), |row, feature| (row + feature) % 3 == 0)] {
            let completion = Completion::fit(&train, 0).unwrap();
            let gaps = without(complete.clone(), |_, feature| feature == 1);
            let filled = completion.filled(&gaps);
            for row in 0..filled.len() {
                let (filled, expected) = (filled.values[[row, 1]], 2.0 * complete.values[[row, 0]]);
                assert!((filled - expected).abs() < 0.35, "row {row}: {filled} instead of {expected}");
            }
            assert_eq!(filled.observed, gaps.observed);
            assert_eq!(filled.values.column(0), complete.values.column(0));
        }
    }

    #[test]
    fn what_is_filled_in_stays_within_the_range_of_the_training_rows() {
        let train = rows(400);
        let completion = Completion::fit(&train, 0).unwrap();
        let mut odd = without(rows(1), |_, feature| feature == 1);
        odd.values[[0, 0]] = 1e30;
        let high = train.values.column(1).iter().copied().fold(f32::MIN, f32::max);
        assert_eq!(completion.filled(&odd).values[[0, 1]], high);
        let nothing = without(rows(1), |_, _| true);
        let filled = completion.filled(&nothing).values;
        assert!(filled.iter().all(|value| value.abs() < 0.3), "{filled}");
    }

    /// A mean alone would vary less than what it stands for, and a value of any other row much more.
    #[test]
    fn drawn_values_vary_as_much_as_measured_ones_around_what_is_expected() {
        let complete = rows(600);
        let completion = Completion::fit(&complete, 0).unwrap();
        let gaps = without(complete.clone(), |row, feature| (row + feature) % 3 == 0);
        let drawn = completion.drawn(&gaps, &gaps, 0);
        assert_eq!(drawn, completion.drawn(&gaps, &gaps, 0));
        let spread = |values: &Array2<f32>, of: &dyn Fn(ArrayView1<'_, f32>) -> f32| {
            let own = values.map_axis(Axis(1), of);
            own.std(0.0)
        };
        let (own, drawn_own) = (spread(&complete.values, &|row| row[2]), spread(&drawn, &|row| row[2]));
        assert!((drawn_own / own - 1.0).abs() < 0.1, "{drawn_own} {own}");
        let off = spread(&drawn, &|row| row[1] - 2.0 * row[0]);
        assert!(off < 0.1, "{off}");
    }

    /// No row has all the values that another one misses.
    #[test]
    fn drawn_values_of_wide_rows_with_many_gaps_vary_as_much_as_measured_ones() {
        let noise = ae_tensor::Noise::new(1, 0, ae_tensor::Device::Cpu);
        let own = ae_tensor::array::to_vec(&noise.normal("own", &[400, 64]));
        let gone = ae_tensor::array::to_vec(&noise.uniform("gone", &[400, 64]));
        let value = |(row, feature): (usize, usize)| own[64 * row + feature] as f32;
        let complete = Samples::complete(Array2::from_shape_fn((400, 64), value));
        let gaps = without(complete.clone(), |row, feature| gone[64 * row + feature] < 0.25);
        let drawn = Completion::fit(&complete, 0).unwrap().drawn(&gaps, &gaps, 0);
        let observed = gaps.observed.as_ref().unwrap();
        let places = || observed.indexed_iter().filter(|(_, seen)| !**seen).map(|(place, _)| place);
        let squares = |values: &Array2<f32>| places().map(|place| values[place].powi(2)).sum::<f32>();
        let ratio = squares(&drawn) / squares(&complete.values);
        assert!((0.85..1.15).contains(&ratio), "{ratio}");
    }

    #[test]
    fn rows_are_filled_alike_alone_and_after_a_round_trip() {
        let train = rows(100);
        let completion = Completion::fit(&train, 0).unwrap();
        let gaps = without(rows(40), |row, feature| (row * 7 + feature * 3) % 4 == 0);
        let together = completion.filled(&gaps).values;
        for row in 0..gaps.len() {
            assert_eq!(completion.filled(&gaps.select(&[row])).values.row(0), together.row(row));
        }
        let stored: Vec<(String, StoredArray)> = completion.arrays();
        let arrays = Arrays::new(stored.iter().map(|(name, array)| (name, array)));
        let again = Completion::load(3, &arrays).unwrap().unwrap();
        assert_eq!(again.filled(&gaps).values, together);
        assert!(Completion::load(4, &arrays).is_err());
    }
}
