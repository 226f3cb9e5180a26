//! A linear probe: multinomial logistic regression on a code, with an L2 penalty that is chosen by held-out rows.
//!
//! Minimises `mean over rows of -log softmax(x W + b)[label] + penalty / 2 · ‖W‖²` in double precision by L-BFGS (Liu &
//! Nocedal, 1989). The problem is convex, so there is one answer. In scikit-learn's terms `C = 1 / (penalty · rows)`.

use ae_tensor::{Device, Kind, Tensor, array};
use argmin::core::{CostFunction, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use ndarray::Array1;

/// Penalties to choose from, strongest first: each fit starts from the one before. Features are scaled to a mean
/// variance of 1.
const PENALTIES: [f64; 5] = [1.0, 1e-1, 1e-2, 1e-3, 1e-4];
/// Parts for cross-validation.
const FOLDS: i64 = 5;
/// Above so many rows the penalty is chosen on one part.
const MAX_FOLDED_ROWS: i64 = 2000;

const MAX_STEPS: u64 = 300;
/// Norm of the gradient at which a fit ends.
const TOLERANCE: f64 = 1e-4;
/// Pairs of steps and changes of the gradient that L-BFGS remembers.
const MEMORY: usize = 10;

/// A fitted probe.
#[derive(Debug)]
pub(crate) struct Probe {
    /// `[D]` and scalar: features are shifted and scaled as the rows that were fitted.
    mean: Tensor,
    scale: f64,
    /// `[D + 1, K]`, the bias in the last row.
    weights: Tensor,
    /// Of the weights.
    pub(crate) penalty: f64,
}

impl Probe {
    /// Fits features `[N, D]` with labels `[N]`, int64, below `classes`. The penalty is the one that classifies most of the
    /// held-out rows correctly, by cross-validation in five parts, or on one of the parts where there are many rows; the
    /// stronger one of equals. Rows should be in random order. Then all rows are fitted with it.
    pub(crate) fn fit(features: &Tensor, labels: &Tensor, classes: i64) -> Self {
        let n = features.size()[0];
        let folds = FOLDS.min(n);
        let used = if n > MAX_FOLDED_ROWS { 1 } else { folds };
        let mut right = [0.0; PENALTIES.len()];
        for fold in 0..used {
            let (start, end) = (n * fold / folds, n * (fold + 1) / folds);
            let without = |t: &Tensor| Tensor::cat(&[t.narrow(0, 0, start), t.narrow(0, end, n - end)], 0);
            let held_out = |t: &Tensor| t.narrow(0, start, end - start);
            let probes = Self::path(&without(features), &without(labels), classes, &PENALTIES, TOLERANCE);
            for (right, probe) in right.iter_mut().zip(probes) {
                *right += probe.accuracy(&held_out(features), &held_out(labels)) * (end - start) as f64;
            }
        }
        let mut best = 0;
        for (at, value) in right.iter().enumerate() {
            if *value > right[best] {
                best = at;
            }
        }
        let mut probes = Self::path(features, labels, classes, &[PENALTIES[best]], TOLERANCE);
        probes.pop().expect("a penalty was chosen")
    }

    /// One probe for each penalty, each started from the one before.
    fn path(
        features: &Tensor,
        labels: &Tensor,
        classes: i64,
        penalties: &[f64],
        tolerance: f64,
    ) -> Vec<Self> {
        let features = features.to_kind(Kind::Double);
        let mean = features.mean_dim([0i64].as_slice(), false, Kind::Double);
        let variance = (&features - &mean).square().mean(Kind::Double).double_value(&[]);
        let scale = variance.sqrt().max(f64::MIN_POSITIVE);
        let rows = with_ones(&((&features - &mean) / scale));
        let targets = labels.one_hot(classes).to_kind(Kind::Double);
        let mut flat = Array1::zeros((rows.size()[1] * classes) as usize);
        let mut fitted = Vec::new();
        for &penalty in penalties {
            let objective = Objective { rows: &rows, targets: &targets, penalty };
            flat = minimise(objective, flat, tolerance);
            let weights = Objective { rows: &rows, targets: &targets, penalty }.weights(&flat);
            fitted.push(Probe { mean: mean.shallow_clone(), scale, weights, penalty });
        }
        fitted
    }

    /// Logits `[N, K]`.
    fn logits(&self, features: &Tensor) -> Tensor {
        let rows = (features.to_kind(Kind::Double) - &self.mean) / self.scale;
        with_ones(&rows).matmul(&self.weights)
    }

    /// Share of rows whose most probable label is their own, in [0, 1].
    pub(crate) fn accuracy(&self, features: &Tensor, labels: &Tensor) -> f64 {
        let guesses = self.logits(features).argmax(1, false);
        guesses.eq_tensor(labels).to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
    }
}

fn with_ones(rows: &Tensor) -> Tensor {
    let ones = Tensor::ones([rows.size()[0], 1], (Kind::Double, Device::Cpu));
    Tensor::cat(&[rows, &ones], 1)
}

/// The loss of weights, which the optimizer holds as a flat array.
struct Objective<'a> {
    /// `[N, D + 1]`, ones in the last column.
    rows: &'a Tensor,
    /// `[N, K]`, one-hot.
    targets: &'a Tensor,
    penalty: f64,
}

impl Objective<'_> {
    /// `[D + 1, K]`.
    fn weights(&self, flat: &Array1<f64>) -> Tensor {
        let flat = flat.as_slice().expect("the optimizer's arrays are contiguous");
        Tensor::from_slice(flat).view([self.rows.size()[1], self.targets.size()[1]])
    }

    /// The weights that are penalised: the bias, in the last row, is free.
    fn penalised(weights: &Tensor) -> Tensor {
        let penalised = weights.copy();
        let _ = penalised.get(-1).fill_(0.0);
        penalised
    }

    fn log_probabilities(&self, weights: &Tensor) -> Tensor {
        self.rows.matmul(weights).log_softmax(1, Kind::Double)
    }

    fn n(&self) -> f64 {
        self.rows.size()[0] as f64
    }
}

impl CostFunction for Objective<'_> {
    type Param = Array1<f64>;
    type Output = f64;

    fn cost(&self, flat: &Array1<f64>) -> Result<f64, argmin::core::Error> {
        let weights = self.weights(flat);
        let likelihood =
            (self.targets * self.log_probabilities(&weights)).sum(Kind::Double).double_value(&[]);
        let size = Self::penalised(&weights).square().sum(Kind::Double).double_value(&[]);
        Ok(-likelihood / self.n() + 0.5 * self.penalty * size)
    }
}

impl Gradient for Objective<'_> {
    type Param = Array1<f64>;
    type Gradient = Array1<f64>;

    fn gradient(&self, flat: &Array1<f64>) -> Result<Array1<f64>, argmin::core::Error> {
        let weights = self.weights(flat);
        let excess = self.log_probabilities(&weights).exp() - self.targets;
        let gradient = self.rows.tr().matmul(&excess) / self.n() + Self::penalised(&weights) * self.penalty;
        Ok(array::to_vec(&gradient).into())
    }
}

/// The weights with the least loss, searched from `start` until the norm of the gradient is below `tolerance`, or no step
/// goes down any more.
fn minimise(objective: Objective<'_>, start: Array1<f64>, tolerance: f64) -> Array1<f64> {
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_grad(tolerance);
    let solver = solver.expect("the tolerance is positive");
    let executor = Executor::new(objective, solver);
    let ended = executor.configure(|state| state.param(start).max_iters(MAX_STEPS)).run();
    let mut state = ended.expect("neither loss nor gradient fails").state;
    tracing::debug!("a linear probe took {} steps: {}", state.get_iter(), state.get_termination_status());
    state.take_best_param().expect("the start has a loss")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::Noise;

    /// What scikit-learn's `LogisticRegression(C=1/(0.05·30), tol=1e-10)` gives on these rows; see
    /// `tests/golden/probe.py`.
    #[test]
    fn it_is_scikit_learns_logistic_regression() {
        #[derive(serde::Deserialize)]
        struct Golden {
            features: Vec<f64>,
            labels: Vec<i64>,
            probabilities: Vec<f64>,
        }
        let golden: Golden = serde_json::from_str(include_str!("../tests/golden/probe.json")).unwrap();
        let features = Tensor::from_slice(&golden.features).view([30, 4]);
        let labels = Tensor::from_slice(&golden.labels);
        let probe = Probe::path(&features, &labels, 3, &[0.05], 1e-8).remove(0);
        let obtained = array::to_vec(&probe.logits(&features).softmax(1, Kind::Double));
        for (obtained, expected) in obtained.iter().zip(&golden.probabilities) {
            // Both end where the gradient is small, not where it is zero.
            assert!((obtained - expected).abs() < 1e-6, "{obtained} is not {expected}");
        }
    }

    /// Three classes around centres in the plane, hidden in 20 dimensions of noise.
    fn clouds(n: i64, seed: u64) -> (Tensor, Tensor) {
        let noise = Noise::new(seed, 0, Device::Cpu);
        let labels = (noise.uniform("labels", &[n]) * 3.0).floor().to_kind(Kind::Int64);
        let features = noise.normal("features", &[n, 20]);
        let signal = labels.one_hot(3).to_kind(Kind::Float) * 6.0;
        let plane = features.narrow(1, 0, 3);
        features.narrow(1, 0, 3).copy_(&(plane + signal));
        (features, labels)
    }

    #[test]
    fn separable_classes_are_told_apart_on_new_rows_whatever_the_scale() {
        let ((features, labels), (new, new_labels)) = (clouds(120, 0), clouds(500, 1));
        let probe = Probe::fit(&features, &labels, 3);
        let accuracy = probe.accuracy(&new, &new_labels);
        assert!(accuracy > 0.98, "{accuracy}");
        let scaled = Probe::fit(&(&features * 1e-6 + 3.0).to_kind(Kind::Double), &labels, 3);
        assert_eq!(scaled.penalty, probe.penalty);
    }

    #[test]
    fn noise_asks_for_the_strongest_penalty_or_gains_nothing_and_constants_do_no_harm() {
        let noise = Noise::new(4, 0, Device::Cpu);
        let labels = (noise.uniform("labels", &[60]) * 2.0).floor().to_kind(Kind::Int64);
        let probe = Probe::fit(&noise.normal("features", &[60, 30]), &labels, 2);
        assert!(probe.penalty >= 1e-2, "{}", probe.penalty);
        let constant = Tensor::ones([60, 3], (Kind::Float, Device::Cpu));
        assert!(Probe::fit(&constant, &labels, 2).accuracy(&constant, &labels) >= 0.5);
    }
}
