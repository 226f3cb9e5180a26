//! What recommenders of likes are compared with: popularity, item neighbours, and EASE.

use ae_datasets::sparse::SparseRows;
use ae_tensor::{Device, Kind, Tensor, array};
use ndarray::Array2;

/// Neighbours of each film that [`Neighbours`] keeps.
const NEIGHBOURS: usize = 100;

/// Ranks columns for a row from what is given of it.
pub(crate) trait Ranker {
    /// Adds to each of `scores` what the given entries say for its column.
    fn score(&self, given: &[(u32, f32)], scores: &mut [f32]);
}

/// How many liked each film: the same ranking for everyone.
pub(crate) struct Popularity(Vec<f32>);

impl Popularity {
    pub(crate) fn fit(train: &SparseRows) -> Self {
        let mut counts = vec![0.0; train.width()];
        for row in 0..train.len() {
            train.row(row).for_each(|(column, _)| counts[column as usize] += 1.0);
        }
        Popularity(counts)
    }
}

impl Ranker for Popularity {
    fn score(&self, _given: &[(u32, f32)], scores: &mut [f32]) {
        scores.iter_mut().zip(&self.0).for_each(|(score, count)| *score += count);
    }
}

/// A weight for each pair of columns; a score is the sum of the weights from what is given.
pub(crate) struct Weights(Array2<f32>);

impl Ranker for Weights {
    fn score(&self, given: &[(u32, f32)], scores: &mut [f32]) {
        for &(column, value) in given {
            let weights = self.0.row(column as usize);
            scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += value * weight);
        }
    }
}

/// `XᵀX` of the rows, `[D, D]`, in double precision.
pub(crate) fn gram(train: &SparseRows) -> Array2<f64> {
    let mut gram = Array2::zeros((train.width(), train.width()));
    for row in 0..train.len() {
        let entries: Vec<(u32, f32)> = train.row(row).collect();
        for &(a, value) in &entries {
            let mut line = gram.row_mut(a as usize);
            entries.iter().for_each(|&(b, other)| line[b as usize] += f64::from(value * other));
        }
    }
    gram
}

/// Item neighbours: weights are the cosines between columns, of each film's hundred nearest (Sarwar et al., WWW 2001;
/// Deshpande & Karypis, 2004).
pub(crate) fn neighbours(gram: &Array2<f64>) -> Weights {
    let lengths: Vec<f64> = gram.diag().iter().map(|square| square.sqrt().max(1e-12)).collect();
    // A row holds the weights from one film to all others; only those among the others' nearest stay.
    let mut weights = Array2::from_shape_fn(gram.dim(), |(from, to)| match from == to {
        true => 0.0,
        false => (gram[[from, to]] / (lengths[from] * lengths[to])) as f32,
    });
    for mut to in weights.columns_mut() {
        let cosines = to.to_vec();
        let nearest = super::judge::best(&cosines, NEIGHBOURS, |_| true);
        to.fill(0.0);
        nearest.into_iter().for_each(|from| to[from as usize] = cosines[from as usize]);
    }
    Weights(weights)
}

/// EASE^R (Steck, WWW 2019, equation 8): the linear autoencoder without a diagonal that minimises
/// `‖X - XB‖² + λ‖B‖²`, in closed form: `B = I - P / diag(P)`, `P = (XᵀX + λI)⁻¹`.
pub(crate) fn ease(gram: &Array2<f64>, lambda: f64) -> Weights {
    let n = gram.nrows() as i64;
    let values = gram.as_slice().expect("a gram matrix is stored by rows");
    let eye = Tensor::eye(n, (Kind::Double, Device::Cpu));
    let regularised = Tensor::from_slice(values).view([n, n]) + eye * lambda;
    let (factor, _) = regularised.linalg_cholesky_ex(false, false);
    let inverse = factor.cholesky_inverse(false);
    let mut weights = -(&inverse / inverse.diagonal(0, 0, 1).unsqueeze(0));
    let _ = weights.fill_diagonal_(0.0, false);
    Weights(array::to_rows(&weights.to_kind(Kind::Float)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train() -> SparseRows {
        let rows =
            [vec![(0, 1.0), (1, 1.0)], vec![(0, 1.0), (1, 1.0), (2, 1.0)], vec![(2, 1.0)], vec![(0, 1.0)]];
        SparseRows::of(3, &rows).unwrap()
    }

    fn scores(ranker: &dyn Ranker, given: &[(u32, f32)]) -> Vec<f32> {
        let mut scores = vec![0.0; 3];
        ranker.score(given, &mut scores);
        scores
    }

    #[test]
    fn popularity_and_cosines_are_those_counted_by_hand() {
        assert_eq!(scores(&Popularity::fit(&train()), &[(2, 1.0)]), [3.0, 2.0, 2.0]);
        let gram = gram(&train());
        assert_eq!(gram, ndarray::array![[3.0, 2.0, 1.0], [2.0, 2.0, 1.0], [1.0, 1.0, 2.0]]);
        let cosines = scores(&neighbours(&gram), &[(0, 1.0)]);
        let expected = [0.0, 2.0 / 6f32.sqrt(), 1.0 / 6f32.sqrt()];
        assert!(cosines.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{cosines:?}");
    }

    /// The solution has no smaller loss in its neighbourhood: the gradient of the paper's loss vanishes off the diagonal.
    #[test]
    fn ease_minimises_its_loss() {
        let (gram, lambda) = (gram(&train()), 0.7);
        let Weights(weights) = ease(&gram, lambda);
        let weights = weights.mapv(f64::from);
        let gradient = gram.dot(&weights) - &gram + &weights * lambda;
        for ((row, column), value) in gradient.indexed_iter() {
            assert!(row == column || value.abs() < 1e-5, "{gradient}");
        }
        assert!(weights.diag().iter().all(|weight| *weight == 0.0));
    }
}
