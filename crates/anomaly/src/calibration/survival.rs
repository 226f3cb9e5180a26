//! How improbable a score is among normal rows, in decimal digits: `a(s) = -log10 P(normal score ≥ s)`.

/// The survival function of normal scores, from a sample of them.
///
/// At the scores of the sample, `P` is `(1 + #{sample ≥ s}) / (n + 1)`; between them its logarithm is linear.
/// Beyond the largest, `P` is an exponential tail.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Survival {
    /// Ascending; at least one.
    scores: Vec<f64>,
    /// Digits per unit of score beyond the largest; above 0.
    slope: f64,
}

impl Survival {
    /// Takes at least one score, ascending. `beyond` is a score above the largest one and the rate at which normal
    /// rows exceed it, if that is known; otherwise the tail has the mean excess of the highest tenth.
    pub(crate) fn of(scores: Vec<f64>, beyond: Option<(f64, f64)>) -> Self {
        let slope = slope(&scores, beyond);
        Survival { scores, slope }
    }

    /// `(1 + #{sample ≥ s}) / (n + 1)`, in (0, 1]; for NaN, the smallest possible value.
    pub(crate) fn p_value(&self, score: f64) -> f64 {
        let n = self.scores.len();
        let below = if score.is_nan() { n } else { self.scores.partition_point(|&own| own < score) };
        (1 + n - below) as f64 / (n + 1) as f64
    }

    /// `a(s)`: 0 or more, increasing in `s`.
    pub(crate) fn digits(&self, score: f64) -> f64 {
        let n = self.scores.len();
        let below = self.scores.partition_point(|&own| own < score);
        if below == n {
            let last = self.scores[n - 1];
            return digits_at(self.first(last), n) + (score - last) * self.slope;
        }
        let next = self.scores[below];
        if below == 0 || next == score {
            return digits_at(below, n);
        }
        let last = self.scores[below - 1];
        let first = self.first(last);
        let width = next - last;
        // Use halves if the difference of the two overflows.
        let part = if width.is_finite() {
            (score - last) / width
        } else {
            (score / 2.0 - last / 2.0) / (next / 2.0 - last / 2.0)
        };
        digits_at(first, n) + part.clamp(0.0, 1.0) * (digits_at(below, n) - digits_at(first, n))
    }

    /// The inverse of [`Survival::digits`]: the score that is improbable by that many digits, at least the
    /// lowest of the sample.
    pub(crate) fn score_at(&self, digits: f64) -> f64 {
        let n = self.scores.len();
        // How many places have at most these digits; the digits rise with the place.
        let (mut low, mut high) = (0, n);
        while low < high {
            let middle = low + (high - low) / 2;
            if digits_at(middle, n) <= digits { low = middle + 1 } else { high = middle }
        }
        let value = self.scores[low.saturating_sub(1)];
        let first = self.first(value);
        let next = self.scores.partition_point(|&own| own <= value);
        let over = (digits - digits_at(first, n)).max(0.0);
        if next == n {
            return value + over / self.slope;
        }
        let part = over / (digits_at(next, n) - digits_at(first, n));
        value * (1.0 - part) + self.scores[next] * part
    }

    pub(crate) fn scores(&self) -> &[f64] {
        &self.scores
    }

    pub(crate) fn into_scores(self) -> Vec<f64> {
        self.scores
    }

    /// The first place of a score of the sample.
    fn first(&self, score: f64) -> usize {
        self.scores.partition_point(|&own| own < score)
    }
}

/// Digits of a score with `place` of `n` below it.
fn digits_at(place: usize, n: usize) -> f64 {
    // 0 is added because the logarithm of 1 is turned into -0.
    -((1 + n - place) as f64 / (n + 1) as f64).log10() + 0.0
}

/// Digits per unit of score beyond the largest score.
fn slope(scores: &[f64], beyond: Option<(f64, f64)>) -> f64 {
    let n = scores.len();
    let last = scores[n - 1];
    if let Some((score, rate)) = beyond
        && score > last
    {
        let first = scores.partition_point(|&own| own < last);
        let digits = -rate.log10() - digits_at(first, n);
        let above = score - last;
        if digits > 0.0 && (digits / above).is_finite() {
            return digits / above;
        }
    }
    let start = scores[(n - n.div_ceil(10)).saturating_sub(1)];
    let excesses = scores.iter().filter(|&&score| score > start).map(|score| score - start);
    let (sum, k) = excesses.fold((0.0, 0.0), |(sum, k), excess| (sum + excess, k + 1.0));
    // Equal scores have no spread; use a hundredth of their magnitude instead.
    let spread = if sum > 0.0 { sum / k } else { (last.abs() / 100.0).max(f64::MIN_POSITIVE) };
    (std::f64::consts::LOG10_E / spread).clamp(f64::MIN_POSITIVE, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_found_again_from_its_digits() {
        let scores = vec![-2.0, 0.5, 0.5, 0.5, 1.0, 4.0, 4.0, 9.0];
        let survival = Survival::of(scores, None);
        for at in 0..400 {
            let score = -2.0 + f64::from(at) * 0.05;
            let back = survival.score_at(survival.digits(score));
            assert!((back - score).abs() < 1e-9, "{score}: {back}");
        }
        assert_eq!(survival.score_at(survival.digits(-100.0)), -2.0);
    }

    /// By hand: 2 of 3 + 1 ranks lie at or above 2.0, and the tail is the line to the given rate.
    #[test]
    fn digits_are_those_of_the_rank() {
        let survival = Survival::of(vec![1.0, 2.0, 3.0], Some((5.0, 0.025)));
        assert!((survival.digits(2.0) - -(3.0f64 / 4.0).log10()).abs() < 1e-12);
        assert!((survival.digits(5.0) - -(0.025f64).log10()).abs() < 1e-12);
        assert_eq!(survival.p_value(3.5), 0.25);
    }
}
