//! Several methods compared over several data sets by their ranks (Demšar, "Statistical comparisons of
//! classifiers over multiple data sets", JMLR 7, 2006, section 3.2).
//!
//! Scores are `[N, K]`: `N` data sets in rows, `K` methods in columns, and a higher score is better. Each data
//! set ranks the methods from 1, the best, to `K`; equal scores share the mean of their ranks. Infinite scores
//! are allowed, such as −∞ for a method that failed.

use crate::error::MetricError;
use ndarray::{ArrayBase, Data, Ix2};
use serde::{Deserialize, Serialize};
use statrs::distribution::{Continuous, ContinuousCDF, FisherSnedecor, Normal};
use std::f64::consts::SQRT_2;
use std::ops::Range;

/// Probability that the Nemenyi test finds a difference among methods that do not differ.
const SIGNIFICANCE: f64 = 0.05;

/// The Friedman test as an F test: do the methods differ at all?
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FriedmanTest {
    /// The F statistic, at least 0. Infinite if all data sets rank the methods alike, and 0 if the methods tie
    /// on every data set.
    pub statistic: f64,
    /// Degrees of freedom of the methods, `K − 1`.
    pub method_freedom: usize,
    /// Degrees of freedom of the residuals, `(K − 1) (N − 1)`.
    pub residual_freedom: usize,
    /// Probability of a statistic at least as large if the methods do not differ, in `[0, 1]`.
    pub p_value: f64,
}

/// Mean rank of each method over the data sets, `[K]`, in `[1, K]`; 1 is a method that is the best on every
/// data set. `scores` is `[N, K]`, higher is better.
///
/// # Errors
/// Fewer than two data sets or methods, or a NaN score.
pub fn mean_ranks<S: Data<Elem = f64>>(scores: &ArrayBase<S, Ix2>) -> Result<Vec<f64>, MetricError> {
    let n_data_sets = scores.nrows() as f64;
    Ok(rank_sums(scores)?.doubled.into_iter().map(|sum| sum / (2.0 * n_data_sets)).collect())
}

/// The Friedman test in the form of Iman & Davenport ("Approximations of the critical region of the Friedman
/// statistic", 1980; Demšar, section 3.2.2), which is less conservative than the one by chi-squared:
/// `F = (N − 1) χ² / (N (K − 1) − χ²)`. `scores` is `[N, K]`, higher is better.
///
/// `χ²` is corrected for ties, as in SciPy, so that `F` is that of an analysis of variance of the ranks. Demšar's
/// formula for `χ²` leaves the correction out, which gives a lower `F` if there are ties.
///
/// # Errors
/// Fewer than two data sets or methods, or a NaN score.
pub fn friedman_test<S: Data<Elem = f64>>(scores: &ArrayBase<S, Ix2>) -> Result<FriedmanTest, MetricError> {
    let sums = rank_sums(scores)?;
    let (n_data_sets, n_methods) = (scores.nrows() as f64, scores.ncols() as f64);
    // All terms are whole numbers, so that equal rankings leave a residual of exactly 0.
    let expected = n_data_sets * (n_methods + 1.0);
    let between: f64 = sums.doubled.iter().map(|sum| (sum - expected).powi(2)).sum();
    let residual = n_data_sets * sums.squares - between;
    let statistic = if between == 0.0 { 0.0 } else { (n_data_sets - 1.0) * between / residual };
    let method_freedom = scores.ncols() - 1;
    let residual_freedom = method_freedom * (scores.nrows() - 1);
    let law = FisherSnedecor::new(method_freedom as f64, residual_freedom as f64)
        .expect("at least one degree of freedom");
    Ok(FriedmanTest { statistic, method_freedom, residual_freedom, p_value: law.sf(statistic) })
}

/// The least difference of two mean ranks that is significant at 5 % by the test of Nemenyi (Demšar, section
/// 3.2.2): `q √(K (K + 1) / (6 N))`, with the 95 % quantile `q` of the studentized range of `K` normal values
/// with infinite degrees of freedom, divided by √2. It accounts for all pairs of methods being compared. `q`
/// is computed and accurate to about 1e-9; Demšar's table 5 rounds it.
///
/// # Errors
/// Fewer than two data sets or methods.
pub fn nemenyi_difference(n_data_sets: usize, n_methods: usize) -> Result<f64, MetricError> {
    check_counts(n_data_sets, n_methods)?;
    let (n, k) = (n_data_sets as f64, n_methods as f64);
    Ok(range_quantile(n_methods) / SQRT_2 * (k * (k + 1.0) / (6.0 * n)).sqrt())
}

/// Groups of methods that do not differ: the largest runs of at least two methods, in order of their mean rank,
/// whose first and last differ by less than `difference`, such as [`nemenyi_difference`]. Groups may overlap.
/// Each is a range of places in that order, from 0, the best method; methods of equal rank keep their order.
pub fn groups_within(mean_ranks: &[f64], difference: f64) -> Vec<Range<usize>> {
    let mut ranks = mean_ranks.to_vec();
    ranks.sort_by(f64::total_cmp);
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (start, first) in ranks.iter().enumerate() {
        let length = ranks[start..].iter().take_while(|&rank| rank - first < difference).count();
        let end = start + length;
        // A run that ends where an earlier one does is part of it.
        let is_new = groups.last().is_none_or(|group| group.end < end);
        if length > 1 && is_new {
            groups.push(start..end);
        }
    }
    groups
}

/// Sums over the ranks of all data sets. A doubled rank is a whole number, also with ties, and so are the sums.
struct RankSums {
    /// Sum of the doubled ranks of each method, `[K]`.
    doubled: Vec<f64>,
    /// Sum of the squared differences of all doubled ranks from their mean, `K + 1`.
    squares: f64,
}

fn rank_sums<S: Data<Elem = f64>>(scores: &ArrayBase<S, Ix2>) -> Result<RankSums, MetricError> {
    check_counts(scores.nrows(), scores.ncols())?;
    if let Some(((data_set, method), _)) = scores.indexed_iter().find(|(_, score)| score.is_nan()) {
        return Err(MetricError::NanResult { data_set, method });
    }
    let n_methods = scores.ncols();
    let mut sums = RankSums { doubled: vec![0.0; n_methods], squares: 0.0 };
    for row in scores.rows() {
        let mut order: Vec<usize> = (0..n_methods).collect();
        order.sort_unstable_by(|&left, &right| row[right].total_cmp(&row[left]));
        let mut before = 0;
        for tied in order.chunk_by(|&left, &right| row[left] == row[right]) {
            // Twice the mean of the ranks `before + 1` to `before + tied.len()`.
            let doubled = (2 * before + tied.len() + 1) as f64;
            for &method in tied {
                sums.doubled[method] += doubled;
            }
            sums.squares += tied.len() as f64 * (doubled - (n_methods + 1) as f64).powi(2);
            before += tied.len();
        }
    }
    Ok(sums)
}

fn check_counts(n_data_sets: usize, n_methods: usize) -> Result<(), MetricError> {
    const NEEDED: usize = 2;
    for (what, got) in [("data sets", n_data_sets), ("methods", n_methods)] {
        if got < NEEDED {
            return Err(MetricError::TooFewCompared { what, needed: NEEDED, got });
        }
    }
    Ok(())
}

/// The quantile at `1 − SIGNIFICANCE` of the range of `count` standard normal values, by bisection.
fn range_quantile(count: usize) -> f64 {
    /// Above the range of any number of values that fits a computer.
    const MAX_RANGE: f64 = 40.0;
    let (mut low, mut high) = (0.0, MAX_RANGE);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if range_probability(middle, count) < 1.0 - SIGNIFICANCE {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Probability that `count` standard normal values span at most `range`, with the greatest at `z`:
/// `K ∫ φ(z) (Φ(z) − Φ(z − range))^(K − 1) dz`, by the trapezoidal rule, which converges exponentially for such
/// smooth functions.
fn range_probability(range: f64, count: usize) -> f64 {
    /// The density is below 1e-36 further out.
    const REACH: i32 = 13;
    const STEPS_PER_UNIT: i32 = 16;
    let normal = Normal::standard();
    let step = 1.0 / f64::from(STEPS_PER_UNIT);
    let at = |place: i32| {
        let z = f64::from(place) * step;
        normal.pdf(z) * (normal.cdf(z) - normal.cdf(z - range)).powf((count - 1) as f64)
    };
    count as f64 * step * (-REACH * STEPS_PER_UNIT..=REACH * STEPS_PER_UNIT).map(at).sum::<f64>()
}
