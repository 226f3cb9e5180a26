//! Tests the importance-weighted bound against PyTorch's.

use super::*;
use crate::testing::*;

fn built(samples: i64) -> Iwae {
    let config = VariationalConfig {
        variant: Config::NAME,
        encoder: Body::dense([HIDDEN]),
        decoder: None,
        latent: LATENT,
        activation: Activation::Tanh,
        likelihood: Likelihood::Bernoulli,
        targets: Targets::Stochastic,
        kl: Kl::default(),
    };
    let inner = Variational::new(&config, &data(), &noise()).unwrap();
    set_weights(&inner);
    Iwae { inner, samples }
}

#[test]
fn bound_and_gradients_are_pytorchs() {
    let model = built(DRAWS);
    let log_weights =
        model.log_weights(&bits(), None, &draws(&[DRAWS, ROWS, LATENT]), &Pass::evaluation(noise()));
    assert_eq!(log_weights.size(), [DRAWS, ROWS]);
    check_reference("iwae", &model, &model.losses_from(&log_weights));
}

/// Equation 8: the bound rises with `K`; with one draw it is the ELBO.
#[test]
fn more_draws_give_a_tighter_bound() {
    let batch = Batch { values: bits().repeat([400, 1]), labels: None, observed: None, given: None };
    let figures = |samples| {
        let losses = built(samples).losses(&batch, &Pass::evaluation(noise())).remove(0);
        [losses.terms[0].1.double_value(&[]), losses.figures[0].1.double_value(&[])]
    };
    let [one, five, fifty] = [1, 5, 50].map(figures);
    assert!((one[0] - one[1]).abs() < 1e-5);
    assert!(five[0] < one[0] - 0.05 && fifty[0] < five[0] - 0.01, "{one:?} {five:?} {fifty:?}");
    assert!((fifty[1] - one[1]).abs() < 0.1, "the ELBO does not depend on the number of draws");
}
