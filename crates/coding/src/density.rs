//! The learned density of one channel.

/// A univariate density with a learned shape: its cumulative distribution is a small network with one input and one
/// output that only rises (Ballé et al., 2018, appendix 6.1):
/// `c = σ ∘ f_K ∘ … ∘ f_1`, `f_k(x) = g_k(softplus(H_k) x + b_k)`, `g_k(x) = x + tanh(a_k) ⊙ tanh(x)`, without `g_K`.
#[derive(Clone, Debug, PartialEq)]
pub struct Density {
    /// `f_1` to `f_K`, with `softplus(H)` and `tanh(a)` computed.
    layers: Vec<DensityLayer>,
}

/// One of the functions `f_k`, with its parameters as they are trained.
#[derive(Clone, Debug, PartialEq)]
pub struct DensityLayer {
    /// `H`, `[outputs, inputs]`, row by row.
    pub matrix: Vec<f64>,
    /// `b`, `[outputs]`.
    pub bias: Vec<f64>,
    /// `a`, `[outputs]`; empty in the last layer.
    pub factor: Vec<f64>,
}

impl Density {
    /// # Panics
    /// If the layers do not lead from one number to one number.
    pub fn new(mut layers: Vec<DensityLayer>) -> Self {
        let mut width = 1;
        for layer in &mut layers {
            let outputs = layer.bias.len();
            assert_eq!(layer.matrix.len(), outputs * width, "a matrix has a row for each output");
            assert!([0, outputs].contains(&layer.factor.len()), "a factor for each output, or none");
            layer.matrix.iter_mut().for_each(|value| *value = softplus(*value));
            layer.factor.iter_mut().for_each(|value| *value = libm::tanh(*value));
            width = outputs;
        }
        assert_eq!(width, 1, "a density has one value");
        Density { layers }
    }

    /// The logit of the cumulative distribution: `log(P(X < x) / P(X > x))`; it does not fall.
    pub fn logit(&self, x: f64) -> f64 {
        let mut values = vec![x];
        for layer in &self.layers {
            let width = values.len();
            let row = |at: usize| {
                let products = layer.matrix[at * width..][..width].iter().zip(&values).map(|(w, x)| w * x);
                let linear = products.fold(layer.bias[at], |sum, product| sum + product);
                linear + layer.factor.get(at).map_or(0.0, |factor| factor * libm::tanh(linear))
            };
            values = (0..layer.bias.len()).map(row).collect();
        }
        values[0]
    }

    /// The cumulative distribution `P(X < x)`, in [0, 1].
    pub fn cdf(&self, x: f64) -> f64 {
        1.0 / (1.0 + libm::exp(-self.logit(x)))
    }
}

fn softplus(x: f64) -> f64 {
    // log(1 + e^x), without overflow.
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(matrix: &[f64], bias: &[f64], factor: &[f64]) -> DensityLayer {
        DensityLayer { matrix: matrix.into(), bias: bias.into(), factor: factor.into() }
    }

    #[test]
    fn one_linear_layer_is_a_logistic_density() {
        // softplus(log(e - 1)) = 1
        let density = Density::new(vec![layer(&[1f64.exp_m1().ln()], &[-2.0], &[])]);
        for x in [-30.0, -1.0, 0.0, 2.0, 9.5] {
            assert!((density.logit(x) - (x - 2.0)).abs() < 1e-12, "{x}");
        }
        assert!((density.cdf(2.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn it_rises_whatever_the_parameters_are() {
        let first = layer(&[-3.0, 0.4, 2.0], &[1.0, -1.0, 0.0], &[5.0, -9.0, 0.3]);
        let density = Density::new(vec![first, layer(&[0.1, -2.0, 1.0], &[0.2], &[])]);
        let logits: Vec<f64> = (-400..400).map(|x| density.logit(f64::from(x) / 10.0)).collect();
        assert!(logits.is_sorted());
    }
}
