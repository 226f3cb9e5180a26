//! What recommenders of likes have in common: a user's likes as the input of an encoder.

use crate::model::Pass;
use ae_tensor::{Kind, Tensor};

/// Each row divided by its Euclidean length, so that users with many likes do not look louder than others: `[B, …]`
/// (Liang et al., 2018, in their published code). A row of zeros stays as it is.
pub(crate) fn normalised(x: &Tensor) -> Tensor {
    let sums = x.square().flatten(1, -1).sum_dim_intlist([1i64].as_slice(), false, None::<Kind>);
    let lengths = sums.sqrt().clamp_min(1e-12);
    let size: Vec<i64> = (0..x.dim()).map(|axis| if axis == 0 { x.size()[0] } else { 1 }).collect();
    x / lengths.view(size.as_slice())
}

/// [`normalised`] rows; in training, a share `dropout` of the values is dropped and the others are raised to make up
/// for it, so that a row has to be completed, not copied.
pub(crate) fn shown(x: &Tensor, dropout: f64, pass: &Pass) -> Tensor {
    let rows = normalised(x);
    if !pass.is_training() || dropout == 0.0 {
        return rows;
    }
    let kept = 1.0 - dropout;
    let mask = pass.noise.mask("dropout", &rows.size(), kept);
    rows * mask / kept
}

/// The sum of each row, `[B, 1, …]` with as many axes as `x`.
pub(crate) fn totals(x: &Tensor) -> Tensor {
    let size: Vec<i64> = (0..x.dim()).map(|axis| if axis == 0 { x.size()[0] } else { 1 }).collect();
    x.flatten(1, -1).sum_dim_intlist([1i64].as_slice(), false, None::<Kind>).view(size.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::{Device, Noise, array};

    #[test]
    fn rows_have_length_one_and_lose_their_share_in_training_only() {
        let x = Tensor::from_slice(&[3f32, 4.0, 0.0, 0.0]).view([2, 2]);
        assert_eq!(array::to_vec(&normalised(&x)), [f64::from(0.6f32), f64::from(0.8f32), 0.0, 0.0]);
        assert_eq!(array::to_vec(&totals(&x)), [7.0, 0.0]);
        let noise = Noise::new(0, 0, Device::Cpu);
        let x = Tensor::ones([100, 100], (Kind::Float, Device::Cpu));
        let measured = shown(&x, 0.5, &Pass::evaluation(noise));
        assert_eq!(measured, normalised(&x));
        let trained = shown(&x, 0.25, &Pass::training(noise, 0, 1));
        let share = trained.eq(0.0).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
        assert!((share - 0.25).abs() < 0.02, "{share}");
        assert!((trained.mean(Kind::Double).double_value(&[]) - 0.1).abs() < 0.002, "the mean stays");
    }
}
