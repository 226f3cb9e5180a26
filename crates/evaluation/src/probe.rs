//! A linear probe: multinomial logistic regression on a code, with a cross-validated L2 penalty.
//!
//! Minimises `mean over rows of -log softmax(x W + b)[label] + penalty / 2 · ‖W‖²` in double precision by
//! L-BFGS (Liu & Nocedal, 1989; Nocedal & Wright, 2006, algorithm 7.4). The problem is convex, so it has a
//! single minimum. In scikit-learn's terms, `C = 1 / (penalty · rows)`.

use ae_tensor::{Device, Kind, Tensor};
use std::collections::VecDeque;

/// Candidate penalties, strongest first: each fit starts from the previous one. Features are scaled to a mean
/// variance of 1.
const PENALTIES: [f64; 5] = [1.0, 1e-1, 1e-2, 1e-3, 1e-4];
/// Folds of the cross-validation.
const FOLDS: i64 = 5;
/// With more rows than this, only one fold is held out.
const MAX_FOLDED_ROWS: i64 = 2000;

const MAX_STEPS: usize = 300;
/// A fit ends when no entry of the gradient exceeds this; scikit-learn's default.
const TOLERANCE: f64 = 1e-4;
/// Pairs that L-BFGS remembers.
const MEMORY: usize = 10;
/// A step is accepted if it lowers the loss by at least this share of the linear prediction (Armijo).
const SUFFICIENT: f64 = 1e-4;

/// A fitted probe.
#[derive(Debug)]
pub(crate) struct Probe {
    /// Shift `[D]` and scale of the features, from the fitted rows.
    mean: Tensor,
    scale: f64,
    /// `[D + 1, K]`, the bias in the last row.
    weights: Tensor,
    /// L2 penalty on the weights.
    pub(crate) penalty: f64,
}

impl Probe {
    /// Fits features `[N, D]` with labels `[N]`, int64, below `classes`. Chooses the penalty with the highest
    /// accuracy in five-fold cross-validation, or on a single fold if there are many rows; ties go to the
    /// stronger penalty. Then fits all rows with it. Rows should be in random order.
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

    /// One probe for each penalty, each started from the previous one.
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
        let mut weights = Tensor::zeros([rows.size()[1], classes], (Kind::Double, rows.device()));
        let mut fitted = Vec::new();
        for &penalty in penalties {
            weights = minimise(weights, tolerance, |at| loss(&rows, &targets, at, penalty));
            let (mean, weights) = (mean.shallow_clone(), weights.shallow_clone());
            fitted.push(Probe { mean, scale, weights, penalty });
        }
        fitted
    }

    /// Logits `[N, K]`.
    fn logits(&self, features: &Tensor) -> Tensor {
        let rows = (features.to_kind(Kind::Double) - &self.mean) / self.scale;
        with_ones(&rows).matmul(&self.weights)
    }

    /// Share of rows whose most probable label is correct, in [0, 1].
    pub(crate) fn accuracy(&self, features: &Tensor, labels: &Tensor) -> f64 {
        let guesses = self.logits(features).argmax(1, false);
        guesses.eq_tensor(labels).to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
    }
}

fn with_ones(rows: &Tensor) -> Tensor {
    let ones = Tensor::ones([rows.size()[0], 1], (Kind::Double, Device::Cpu));
    Tensor::cat(&[rows, &ones], 1)
}

/// The objective and its gradient with respect to the weights.
fn loss(rows: &Tensor, targets: &Tensor, weights: &Tensor, penalty: f64) -> (f64, Tensor) {
    let n = rows.size()[0] as f64;
    let log_probabilities = rows.matmul(weights).log_softmax(1, Kind::Double);
    let likelihood = (targets * &log_probabilities).sum(Kind::Double).double_value(&[]) / n;
    let penalised = weights.copy();
    // The bias is not penalised.
    let _ = penalised.get(-1).fill_(0.0);
    let value = -likelihood + 0.5 * penalty * penalised.square().sum(Kind::Double).double_value(&[]);
    let gradient = rows.tr().matmul(&(log_probabilities.exp() - targets)) / n + penalised * penalty;
    (value, gradient)
}

/// Descends from `at` until the gradient is small or no step lowers the objective.
fn minimise(mut at: Tensor, tolerance: f64, objective: impl Fn(&Tensor) -> (f64, Tensor)) -> Tensor {
    let dot = |a: &Tensor, b: &Tensor| (a * b).sum(Kind::Double).double_value(&[]);
    let mut memory: VecDeque<(Tensor, Tensor, f64)> = VecDeque::new();
    let (mut value, mut gradient) = objective(&at);
    for _ in 0..MAX_STEPS {
        if gradient.abs().max().double_value(&[]) < tolerance {
            return at;
        }
        // The two-loop recursion: the product of the approximate inverse Hessian with the gradient.
        let mut direction = -&gradient;
        let mut shares = Vec::new();
        for (step, change, product) in memory.iter().rev() {
            let share = dot(step, &direction) / product;
            direction -= change * share;
            shares.push(share);
        }
        match memory.back() {
            Some((_, change, product)) => direction *= *product / dot(change, change),
            None => direction *= 1.0 / gradient.norm().double_value(&[]),
        }
        for ((step, change, product), share) in memory.iter().zip(shares.into_iter().rev()) {
            let other = dot(change, &direction) / product;
            direction += step * (share - other);
        }
        let slope = dot(&gradient, &direction);
        let mut length = 1.0;
        let (next, next_value, next_gradient) = loop {
            let next = &at + &direction * length;
            let (value_there, gradient_there) = objective(&next);
            if value_there <= value + SUFFICIENT * length * slope {
                break (next, value_there, gradient_there);
            }
            length *= 0.5;
            if length < 1e-10 {
                return at;
            }
        };
        let (step, change) = (&next - &at, &next_gradient - &gradient);
        let product = dot(&step, &change);
        if product > 1e-12 {
            memory.push_back((step, change, product));
            if memory.len() > MEMORY {
                memory.pop_front();
            }
        }
        (at, value, gradient) = (next, next_value, next_gradient);
    }
    tracing::debug!("a linear probe did not converge in {MAX_STEPS} steps");
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Noise, array};

    /// Agrees with scikit-learn's `LogisticRegression(C=1/(0.05·30), tol=1e-10)` on the same rows; see
    /// `tests/golden/probe.py`.
    #[test]
    fn probabilities_agree_with_scikit_learn() {
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
            // Both stop when the gradient is small, not zero.
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
