//! What people forecast with before they train a network: persistence, means, seasons, and a linear model.

use super::problem::Part;
use ae_tensor::{Kind, Tensor};

/// Penalties of the linear model, as multiples of the mean variance along a principal axis.
const PENALTIES: [f64; 9] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0];

/// The last given value, at every step: `[N, H]`.
pub(crate) fn persistence(part: &Part) -> Tensor {
    let [n, given] = part.given.size()[..] else { panic!("rows, got {:?}", part.given) };
    part.given.narrow(1, given - 1, 1).expand([n, part.future.size()[1]], false).contiguous()
}

/// The mean of the training rows at each step: `[N, H]`.
pub(crate) fn mean(train: &Part, part: &Part) -> Tensor {
    let mean = train.future.mean_dim([0i64].as_slice(), true, None::<Kind>);
    mean.expand([part.future.size()[0], mean.size()[1]], false).contiguous()
}

/// Ridge regression of all steps on all given values: the future is a linear function of the given values and of 1,
/// with the least squared error on the training rows plus `λ` times the squared weights. `λ` is the one with the least
/// squared error of each training row when it is left out, which has a closed form: the residual divided by one minus
/// the row's leverage (Golub, Heath & Wahba, 1979).
///
/// It is kept as a product, so that a future of many values takes no matrix of all weights.
#[derive(Debug)]
pub(crate) struct Ridge {
    /// `[1, G]`.
    given_mean: Tensor,
    /// `[1, H]`.
    future_mean: Tensor,
    /// `[G, R]`: principal directions of the given values, scaled.
    directions: Tensor,
    /// `[R, H]`.
    weights: Tensor,
    /// The chosen penalty, as a multiple of the mean variance along an axis.
    pub(crate) penalty: f64,
}

impl Ridge {
    /// Fits given values `[N, G]` and future ones `[N, H]`, in double precision.
    pub(crate) fn fit(given: &Tensor, future: &Tensor) -> Self {
        let centred = |rows: &Tensor| {
            let rows = rows.to_kind(Kind::Double);
            let mean = rows.mean_dim([0i64].as_slice(), true, None::<Kind>);
            (rows - &mean, mean)
        };
        let ((given, given_mean), (future, future_mean)) = (centred(given), centred(future));
        let n = given.size()[0] as f64;
        let (left, singular, right) = given.svd(true, true);
        let (squares, rotated) = (singular.square(), left.tr().matmul(&future));
        let scale = squares.mean(Kind::Double).double_value(&[]).max(f64::MIN_POSITIVE);
        // In the space of the singular vectors, a ridge shrinks each by s² / (s² + λ).
        let shrink = |penalty: f64| &squares / (&squares + penalty * scale);
        let left_out = |penalty: f64| {
            let shrink = shrink(penalty);
            let residuals = &future - (&left * &shrink).matmul(&rotated);
            let leverage =
                (left.square() * &shrink).sum_dim_intlist([1i64].as_slice(), true, None::<Kind>) + 1.0 / n;
            let slack = (-leverage + 1.0).clamp_min(1e-6);
            (residuals / slack).square().mean(Kind::Double).double_value(&[])
        };
        let penalty = PENALTIES
            .into_iter()
            .map(|penalty| (left_out(penalty), penalty))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(1.0, |(_, penalty)| penalty);
        let directions = right * (shrink(penalty) / singular.clamp_min(f64::MIN_POSITIVE));
        let float = |tensor: Tensor| tensor.to_kind(Kind::Float);
        Ridge {
            given_mean: float(given_mean),
            future_mean: float(future_mean),
            directions: float(directions),
            weights: float(rotated),
            penalty,
        }
    }

    /// Forecasts `[N, H]` from given values `[N, G]`.
    pub(crate) fn forecast(&self, given: &Tensor) -> Tensor {
        (given - &self.given_mean).matmul(&self.directions).matmul(&self.weights) + &self.future_mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, Noise, array};

    fn part(rows: [[f32; 4]; 2]) -> Part {
        Part::of(&Tensor::from_slice(&rows.concat()).view([2, 4]), 2)
    }

    #[test]
    fn simple_forecasts_are_those_counted_by_hand() {
        let part = part([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 9.0, 0.0]]);
        assert_eq!(array::to_vec(&persistence(&part)), [2.0, 2.0, 6.0, 6.0]);
        assert_eq!(array::to_vec(&mean(&part, &part)), [6.0, 2.0, 6.0, 2.0]);
    }

    #[test]
    fn a_linear_future_is_found_and_noise_is_shrunk_away() {
        let noise = Noise::new(3, 0, Device::Cpu);
        let given = noise.normal("given", &[60, 5]) * 2.0 + 1.0;
        let weights = noise.normal("weights", &[5, 3]);
        let future = given.matmul(&weights) - 4.0;
        let ridge = Ridge::fit(&given, &future);
        let far = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
        let new = noise.normal("new", &[7, 5]);
        assert!(far(&ridge.forecast(&new), &(new.matmul(&weights) - 4.0)) < 1e-3);
        // Nothing to learn: what is best for rows that are left out is the mean.
        let random = noise.normal("random", &[60, 3]) + 2.0;
        let ridge = Ridge::fit(&noise.normal("others", &[60, 50]), &random);
        assert!(ridge.penalty >= 10.0, "{}", ridge.penalty);
    }

    /// The closed form agrees with leaving rows out one by one.
    #[test]
    fn the_penalty_is_that_of_the_least_error_of_rows_left_out() {
        let noise = Noise::new(5, 0, Device::Cpu);
        let (n, width) = (12, 8);
        let given = noise.normal("given", &[n, width]);
        let future = given.narrow(1, 0, 1) + noise.normal("noise", &[n, 1]) * 0.8;
        let chosen = Ridge::fit(&given, &future).penalty;
        let squares = (&given - given.mean_dim([0i64].as_slice(), true, None::<Kind>)).square();
        let scale = squares.sum(Kind::Double).double_value(&[]) / width as f64;
        let error = |penalty: f64| -> f64 {
            let left_out = (0..n).map(|row| {
                let others: Vec<i64> = (0..n).filter(|&other| other != row).collect();
                let pick = |t: &Tensor| t.index_select(0, &Tensor::from_slice(&others)).to_kind(Kind::Double);
                // The mean is a regressor without a penalty, as in the closed form.
                let (x, y) = (
                    Tensor::cat(&[pick(&given), Tensor::ones([n - 1, 1], (Kind::Double, Device::Cpu))], 1),
                    pick(&future),
                );
                let ridge = Tensor::eye(width + 1, (Kind::Double, Device::Cpu)) * (penalty * scale);
                let _ = ridge.get(width).get(width).fill_(0.0);
                let weights = (x.tr().matmul(&x) + ridge).inverse().matmul(&x.tr()).matmul(&y);
                let own = Tensor::cat(
                    &[given.get(row).to_kind(Kind::Double), Tensor::ones([1], (Kind::Double, Device::Cpu))],
                    0,
                );
                (own.unsqueeze(0).matmul(&weights).double_value(&[0, 0]) - future.double_value(&[row, 0]))
                    .powi(2)
            });
            left_out.sum()
        };
        let best = PENALTIES.into_iter().min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap();
        assert_eq!(chosen, best);
    }
}
