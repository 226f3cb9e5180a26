//! Losses of a generator against a discriminator (Goodfellow et al., NeurIPS 2014). `real` and `fake` are the
//! discriminator's logits `[B, 1]` for samples of the data and of the model; all results are scalars, in
//! nats.

use tch::{Kind, Tensor};

/// `E[-log D(x)] + E[-log(1 - D(G(z)))]`, what the discriminator minimises (equation 1 with the sign
/// reversed).
pub fn discriminator(real: &Tensor, fake: &Tensor) -> Tensor {
    (-real).softplus().mean(None::<Kind>) + fake.softplus().mean(None::<Kind>)
}

/// `E[-log D(G(z))]`, what the generator minimises: the non-saturating form of section 3, whose gradient is
/// strong when the discriminator is confident.
pub fn generator(fake: &Tensor) -> Tensor {
    (-fake).softplus().mean(None::<Kind>)
}

/// A lower bound on the Jensen-Shannon divergence between data and model, from a discriminator (equations 4
/// to 6). The best discriminator reaches it. At most `ln 2`; below zero only for a discriminator that is
/// worse than guessing.
pub fn jensen_shannon_bound(real: &Tensor, fake: &Tensor) -> Tensor {
    std::f64::consts::LN_2 - discriminator(real, fake) * 0.5
}

/// Shares of the real samples and of the fakes that a discriminator classifies correctly, each in [0, 1].
#[derive(Debug)]
pub struct Accuracy {
    /// Share of real samples with a logit above zero.
    pub real: Tensor,
    /// Share of fakes with a logit of at most zero.
    pub fake: Tensor,
}

impl Accuracy {
    /// Computes both shares; a discriminator that cannot tell them apart gets 0.5 each.
    pub fn of(real: &Tensor, fake: &Tensor) -> Self {
        let share = |right: Tensor| right.to_kind(Kind::Float).mean(None::<Kind>);
        Accuracy { real: share(real.gt(0.0)), fake: share(fake.le(0.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[f64]) -> Tensor {
        Tensor::from_slice(values).unsqueeze(1)
    }

    fn check(obtained: &Tensor, expected: f64) {
        let obtained = obtained.double_value(&[]);
        assert!((obtained - expected).abs() < 1e-12, "{obtained} is not {expected}");
    }

    #[test]
    fn losses_are_those_of_the_probabilities() {
        let logit = |p: f64| (p / (1.0 - p)).ln();
        let (real, fake) = (column(&[logit(0.9), logit(0.6)]), column(&[logit(0.2), logit(0.5)]));
        let expected = -(0.9f64.ln() + 0.6f64.ln()) / 2.0 - (0.8f64.ln() + 0.5f64.ln()) / 2.0;
        check(&discriminator(&real, &fake), expected);
        check(&generator(&fake), -(0.2f64.ln() + 0.5f64.ln()) / 2.0);
    }

    #[test]
    fn certainty_of_any_size_stays_a_number() {
        let (real, fake) = (column(&[200.0]), column(&[-200.0]));
        check(&discriminator(&real, &fake), 0.0);
        check(&generator(&fake), 200.0);
        check(&jensen_shannon_bound(&real, &fake), std::f64::consts::LN_2);
        check(&jensen_shannon_bound(&(&real * 0.0), &(&fake * 0.0)), 0.0);
    }

    #[test]
    fn the_best_discriminator_reaches_the_divergence() {
        // Data are 0 or 1 with probabilities 3/4 and 1/4, the model's samples with 1/4 and 3/4: D = p / (p +
        // q).
        let logit = 3f64.ln();
        let (real, fake) = (column(&[logit, logit, logit, -logit]), column(&[logit, -logit, -logit, -logit]));
        let kl = 0.75 * (0.75f64 / 0.5).ln() + 0.25 * (0.25f64 / 0.5).ln();
        check(&jensen_shannon_bound(&real, &fake), kl);
        let accuracy = Accuracy::of(&real, &fake);
        check(&accuracy.real.to_kind(Kind::Double), 0.75);
        check(&accuracy.fake.to_kind(Kind::Double), 0.75);
    }
}
