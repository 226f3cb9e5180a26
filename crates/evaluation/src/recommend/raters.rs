//! What predictions of ratings are compared with: the mean, biases, matrix factorisation, item neighbours.

use super::judge::rating_errors;
use crate::error::EvaluationError;
use ae_datasets::sparse::SparseRows;
use ae_intake::order::permutation;
use ae_records::seed::{stream_rng, stream_seed};
use ndarray::Array2;
use rand::RngExt;

/// Ratings that count as much as the prior in a bias (Koren, ACM TKDD 2010, section 2.1).
const BIAS_PRIOR: [f64; 2] = [25.0, 10.0];
/// Rounds in which the biases of columns and rows are fitted in turn.
const BIAS_ROUNDS: usize = 10;
/// Width of the factors, passes over the ratings, and step size of [`Factors`].
const WIDTH: usize = 40;
const EPOCHS: usize = 40;
const STEP: f64 = 0.01;
/// Penalties on the factors, of which the best on a share of the training ratings is taken.
const PENALTIES: [f64; 4] = [0.02, 0.05, 0.08, 0.12];
const CHOOSING_SHARE: f64 = 0.05;
/// Neighbours that predict a rating, and common ratings that count as much as the prior in their similarity (Koren,
/// 2010, section 2.2).
const NEIGHBOURS: usize = 40;
const SIMILARITY_PRIOR: f64 = 100.0;

/// The mean, and what rows and columns are above it, shrunk towards 0: `μ + b_row + b_column`.
#[derive(Clone, Debug)]
pub(crate) struct Biases {
    pub(crate) mean: f64,
    rows: Vec<f64>,
    columns: Vec<f64>,
}

impl Biases {
    pub(crate) fn fit(train: &SparseRows) -> Self {
        let n = train.stored().max(1) as f64;
        let mean = train.values().iter().map(|&value| f64::from(value)).sum::<f64>() / n;
        let mut all = Biases { mean, rows: vec![0.0; train.len()], columns: vec![0.0; train.width()] };
        let turned = train.transposed();
        for _ in 0..BIAS_ROUNDS {
            all.columns = shrunk(&turned, mean, &all.rows, BIAS_PRIOR[0]);
            all.rows = shrunk(train, mean, &all.columns, BIAS_PRIOR[1]);
        }
        all
    }

    pub(crate) fn predict(&self, row: usize, column: u32) -> f64 {
        self.mean + self.rows[row] + self.columns[column as usize]
    }
}

/// What each row is above the mean and the biases of its columns, shrunk.
fn shrunk(rows: &SparseRows, mean: f64, others: &[f64], prior: f64) -> Vec<f64> {
    let bias = |row: usize| {
        let sum: f64 =
            rows.row(row).map(|(column, value)| f64::from(value) - mean - others[column as usize]).sum();
        sum / (prior + rows.row(row).len() as f64)
    };
    (0..rows.len()).map(bias).collect()
}

/// Biased matrix factorisation, `μ + b_row + b_column + p_row · q_column`, by stochastic gradient descent (Koren, Bell &
/// Volinsky, IEEE Computer 2009, equation 5).
pub(crate) struct Factors {
    biases: Biases,
    rows: Array2<f64>,
    columns: Array2<f64>,
}

impl Factors {
    /// Fits all ratings with the penalty that predicts a held-out share of them best.
    pub(crate) fn fit(train: &SparseRows, stars: (f64, f64), seed: u64) -> Result<Self, EvaluationError> {
        let (kept, chosen_by) = set_aside(train, seed);
        let mut best = (f64::INFINITY, PENALTIES[0]);
        for penalty in PENALTIES {
            let factors = Factors::with_penalty(&kept, penalty, seed);
            let rmse = rating_errors(&chosen_by, stars, |row, column| factors.predict(row, column))?.rmse;
            tracing::debug!("matrix factorisation with the penalty {penalty}: {rmse:.4}");
            if rmse < best.0 {
                best = (rmse, penalty);
            }
        }
        Ok(Factors::with_penalty(train, best.1, seed))
    }

    fn with_penalty(train: &SparseRows, penalty: f64, seed: u64) -> Self {
        let mut rng = stream_rng(seed, "factors", 0);
        let mut draw = |n: usize| {
            let bound = 0.1 * (3.0 / WIDTH as f64).sqrt();
            Array2::from_shape_simple_fn((n, WIDTH), || rng.random_range(-bound..bound))
        };
        let (mut rows, mut columns) = (draw(train.len()), draw(train.width()));
        let mut biases = Biases::fit(train);
        let ratings: Vec<(usize, usize, f64)> = (0..train.len())
            .flat_map(|row| {
                train.row(row).map(move |(column, value)| (row, column as usize, f64::from(value)))
            })
            .collect();
        for epoch in 0..EPOCHS {
            // Steps shrink to 0, so that the result does not depend on the last ratings seen.
            let step = STEP * (1.0 - epoch as f64 / EPOCHS as f64);
            let mut rng = stream_rng(seed, "order of ratings", epoch as u64);
            for place in permutation(ratings.len(), &mut rng) {
                let (row, column, value) = ratings[place as usize];
                let (p, q) = (rows.row_mut(row), columns.row_mut(column));
                let (p, q) =
                    (p.into_slice().expect("rows lie in one piece"), q.into_slice().expect("as above"));
                let product: f64 = p.iter().zip(q.iter()).map(|(p, q)| p * q).sum();
                let error = value - biases.predict(row, column as u32) - product;
                biases.rows[row] += step * (error - penalty * biases.rows[row]);
                biases.columns[column] += step * (error - penalty * biases.columns[column]);
                for (p, q) in p.iter_mut().zip(q.iter_mut()) {
                    (*p, *q) =
                        (*p + step * (error * *q - penalty * *p), *q + step * (error * *p - penalty * *q));
                }
            }
        }
        Factors { biases, rows, columns }
    }

    pub(crate) fn predict(&self, row: usize, column: u32) -> f64 {
        self.biases.predict(row, column) + self.rows.row(row).dot(&self.columns.row(column as usize))
    }
}

/// The training ratings without a share of them, and that share.
fn set_aside(train: &SparseRows, seed: u64) -> (SparseRows, SparseRows) {
    let seed = stream_seed(seed, "ratings to choose by", 0);
    let (mut kept, mut aside) = (vec![Vec::new(); train.len()], vec![Vec::new(); train.len()]);
    let mut rng = stream_rng(seed, "set aside", 0);
    for row in 0..train.len() {
        for entry in train.row(row) {
            let to = if rng.random_bool(CHOOSING_SHARE) { &mut aside } else { &mut kept };
            to[row].push(entry);
        }
    }
    let of = |rows: &[Vec<(u32, f32)>]| SparseRows::of(train.width(), rows).expect("parts of valid rows");
    (of(&kept), of(&aside))
}

/// Neighbours among columns: `b + Σ s (r - b) / Σ s` over the nearest columns that the same row has rated, `s` the
/// shrunk correlation of what both are above their biases (Koren, 2010, section 2.2). Columns must be what is rated.
pub(crate) struct ItemNeighbours<'a> {
    train: &'a SparseRows,
    biases: Biases,
    /// `[D, D]`.
    similarities: Array2<f32>,
}

impl<'a> ItemNeighbours<'a> {
    pub(crate) fn fit(train: &'a SparseRows) -> Self {
        let biases = Biases::fit(train);
        let width = train.width();
        let mut products = Array2::<f32>::zeros((width, width));
        let mut squares = Array2::<f32>::zeros((width, width));
        let mut counts = Array2::<f32>::zeros((width, width));
        for row in 0..train.len() {
            let residual = |(column, value): (u32, f32)| {
                (column as usize, (f64::from(value) - biases.predict(row, column)) as f32)
            };
            let entries: Vec<(usize, f32)> = train.row(row).map(residual).collect();
            for &(a, x) in &entries {
                let (mut xy, mut xx, mut n) = (products.row_mut(a), squares.row_mut(a), counts.row_mut(a));
                for &(b, y) in &entries {
                    xy[b] += x * y;
                    xx[b] += x * x;
                    n[b] += 1.0;
                }
            }
        }
        let similarities = Array2::from_shape_fn((width, width), |(a, b)| {
            let lengths = f64::from(squares[[a, b]]) * f64::from(squares[[b, a]]);
            let n = f64::from(counts[[a, b]]);
            if a == b || lengths <= 0.0 {
                return 0.0;
            }
            (f64::from(products[[a, b]]) / lengths.sqrt() * n / (n + SIMILARITY_PRIOR)) as f32
        });
        ItemNeighbours { train, biases, similarities }
    }

    pub(crate) fn predict(&self, row: usize, column: u32) -> f64 {
        let base = self.biases.predict(row, column);
        let similarities = self.similarities.row(column as usize);
        let mut known: Vec<(f32, f64)> = self
            .train
            .row(row)
            .map(|(other, value)| {
                (similarities[other as usize], f64::from(value) - self.biases.predict(row, other))
            })
            .filter(|(similarity, _)| *similarity > 0.0)
            .collect();
        known.sort_by(|a, b| b.0.total_cmp(&a.0));
        known.truncate(NEIGHBOURS);
        let weight: f64 = known.iter().map(|(similarity, _)| f64::from(*similarity)).sum();
        let sum: f64 = known.iter().map(|(similarity, above)| f64::from(*similarity) * above).sum();
        if weight > 0.0 { base + sum / weight } else { base }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ratings `3 + a_row + b_column + p_row · q_column` of 60 rows and 30 columns, of which two in three are known.
    fn made() -> (SparseRows, SparseRows) {
        let value = |row: usize, column: usize| {
            let biases = (row % 5) as f32 * 0.2 + (column % 3) as f32 * 0.3;
            let taste = if (row / 5 + column / 3).is_multiple_of(2) { 0.8 } else { -0.8 };
            2.5 + biases + taste
        };
        let part = |known: bool| {
            let row = |row: usize| {
                let columns = (0..30usize)
                    .filter(|column| (row * 7 + column * 5 + row * column).is_multiple_of(3) != known);
                columns.map(|column| (column as u32, value(row, column))).collect::<Vec<_>>()
            };
            SparseRows::of(30, &(0..60).map(row).collect::<Vec<_>>()).unwrap()
        };
        (part(true), part(false))
    }

    #[test]
    fn each_knows_more_than_the_one_before() {
        let (train, test) = made();
        let stars = (1.0, 5.0);
        let rmse =
            |predicted: &dyn Fn(usize, u32) -> f64| rating_errors(&test, stars, predicted).unwrap().rmse;
        let biases = Biases::fit(&train);
        let mean = rmse(&|_, _| biases.mean);
        let by_bias = rmse(&|row, column| biases.predict(row, column));
        let factors = Factors::fit(&train, stars, 0).unwrap();
        let by_factors = rmse(&|row, column| factors.predict(row, column));
        let neighbours = ItemNeighbours::fit(&train);
        let by_neighbours = rmse(&|row, column| neighbours.predict(row, column));
        assert!(by_bias < 0.97 * mean, "{by_bias} of {mean}");
        assert!(by_factors < 0.5 * by_bias, "{by_factors} of {by_bias}");
        assert!(by_neighbours < 0.5 * by_bias, "{by_neighbours} of {by_bias}");
    }

    #[test]
    fn a_bias_is_shrunk_by_its_prior() {
        let train = SparseRows::of(1, &[vec![(0, 5.0)], vec![(0, 3.0)]]).unwrap();
        let biases = Biases::fit(&train);
        assert_eq!(biases.mean, 4.0);
        // The column's bias stays 0 by symmetry; a row's is its deviation over one rating and a prior of ten.
        assert!((biases.predict(0, 0) - (4.0 + 1.0 / 11.0)).abs() < 1e-9, "{}", biases.predict(0, 0));
    }
}
