//! Principal component analysis: the linear baseline that every autoencoder has to beat at its code size.

use crate::array;
use tch::{Kind, Tensor};

/// The principal axes of training rows, in double precision.
#[derive(Debug)]
pub struct Pca {
    /// `[D]`.
    mean: Tensor,
    /// `[D, D]`, one axis in each column, greatest variance first.
    axes: Tensor,
    /// `[D]`, variance along each axis.
    variances: Tensor,
}

impl Pca {
    /// Fits rows `[N, …]`, each flattened to `D` values, by the eigenvectors of their covariance.
    pub fn fit(rows: &Tensor) -> Self {
        let rows = flat(rows);
        let n = rows.size()[0] as f64;
        let mean = rows.mean_dim([0i64].as_slice(), false, Kind::Double);
        let centred = &rows - &mean;
        let covariance = centred.tr().matmul(&centred) / n;
        // Eigenvalues come in ascending order.
        let (variances, axes) = covariance.linalg_eigh("L");
        Pca { mean, axes: axes.flip([1]), variances: variances.flip([0]) }
    }

    /// Greatest code size: `D`.
    pub fn most(&self) -> i64 {
        self.axes.size()[1]
    }

    /// Variance along each axis, greatest first: `D` numbers, in the squared unit of the data.
    pub fn variances(&self) -> Vec<f64> {
        array::to_vec(&self.variances)
    }

    /// The first axes, `[D, code]`, one in each column.
    pub fn axes(&self, code: i64) -> Tensor {
        self.axes.narrow(1, 0, code.min(self.most()))
    }

    /// Number of parameters behind codes of `code` values: the axes and the mean.
    pub fn parameters(&self, code: i64) -> i64 {
        (code + 1) * self.most()
    }

    /// Codes `[N, code]` of rows: their first components, centred, in double precision.
    pub fn codes(&self, rows: &Tensor, code: i64) -> Tensor {
        (flat(rows) - &self.mean).matmul(&self.axes(code))
    }

    /// Reconstructions `[N, …]` of rows in the same shape, from their first `code` components; not clipped to
    /// the range of the data.
    pub fn reconstruct(&self, rows: &Tensor, code: i64) -> Tensor {
        let axes = self.axes(code);
        let centred = flat(rows) - &self.mean;
        let rebuilt = centred.matmul(&axes).matmul(&axes.tr()) + &self.mean;
        rebuilt.to_kind(rows.kind()).view_as(rows)
    }
}

fn flat(rows: &Tensor) -> Tensor {
    rows.flatten(1, -1).to_kind(Kind::Double)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Device, Noise};

    /// Rows near a plane in 5 dimensions, of shape `[5, 1]`.
    fn rows() -> Tensor {
        let noise = Noise::new(0, 0, Device::Cpu);
        let plane = noise.normal("plane", &[200, 2]).matmul(&noise.normal("axes", &[2, 5]));
        (plane + noise.normal("off", &[200, 5]) * 0.01 + 3.0).view([200, 5, 1])
    }

    fn error(rows: &Tensor, code: i64) -> f64 {
        let pca = Pca::fit(rows);
        let difference = pca.reconstruct(rows, code) - rows;
        difference.square().mean(Kind::Double).double_value(&[])
    }

    #[test]
    fn error_is_the_variance_that_the_code_leaves_out() {
        let rows = rows();
        let centred = flat(&rows) - flat(&rows).mean_dim([0i64].as_slice(), true, Kind::Double);
        // Eckart and Young: the squares of the singular values that are left out, from another routine.
        let (_, singular, _) = centred.svd(true, true);
        for code in 0..=5 {
            let left = singular.narrow(0, code, 5 - code).square().sum(Kind::Double).double_value(&[]);
            // The rows are floats, and so are their reconstructions.
            assert!((error(&rows, code) - left / 1000.0).abs() < 1e-6, "code {code}");
        }
        assert!(error(&rows, 1) > 100.0 * error(&rows, 2), "two axes hold a plane");
    }

    #[test]
    fn shape_stays_and_a_code_larger_than_the_data_is_the_data() {
        let rows = rows();
        let pca = Pca::fit(&rows);
        assert_eq!(pca.reconstruct(&rows, 2).size(), rows.size());
        assert!(error(&rows, 99) < 1e-10);
        assert_eq!(pca.parameters(2), 15);
    }
}
