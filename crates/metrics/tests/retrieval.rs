//! Retrieval metrics against cases computed by hand, all orders of tied items, and `average_precision`, which is
//! tested against scikit-learn.

use ae_metrics::{MetricError, Ranking, average_precision};
use ae_records::seed::stream_rng;
use rand::RngExt;

const TOLERANCE: f64 = 1e-12;

#[track_caller]
fn check(scores: &[f64], relevant: &[u8], precisions: &[f64], expected: f64) {
    let relevant: Vec<bool> = relevant.iter().map(|&r| r == 1).collect();
    let ranking = Ranking::new(scores, &relevant).unwrap();
    for (k, &precision) in (1..).zip(precisions) {
        let got = ranking.precision_at(k).unwrap();
        assert!((got - precision).abs() < TOLERANCE, "precision at {k}: {got}, not {precision}");
    }
    let got = ranking.average_precision();
    assert!((got - expected).abs() < TOLERANCE, "average precision: {got}, not {expected}");
}

#[test]
fn cases_computed_by_hand() {
    check(&[0.9, 0.8, 0.1], &[1, 0, 1], &[1.0, 0.5, 2.0 / 3.0], (1.0 + 2.0 / 3.0) / 2.0);
    check(&[0.1, 0.8, 0.9], &[1, 0, 0], &[0.0, 0.0, 1.0 / 3.0], 1.0 / 3.0);
    check(&[-1.0, f64::NEG_INFINITY], &[1, 0], &[1.0, 0.5], 1.0);
    check(&[3.0], &[1], &[1.0], 1.0);
    // Only relevant items.
    check(&[2.0, 1.0, 1.0], &[1, 1, 1], &[1.0, 1.0, 1.0], 1.0);
}

#[test]
fn tied_items_count_by_their_mean_over_all_orders() {
    // The relevant item first or second: (1 + 1/2) / 2.
    check(&[5.0, 5.0], &[1, 0], &[0.5, 0.5], 0.75);
    // (1 + 2/3) / 2 and (1/2 + 2/3) / 2, each in half of the orders.
    check(&[1.0, 1.0, 0.0], &[1, 0, 1], &[0.5, 0.5, 2.0 / 3.0], 17.0 / 24.0);
    // −0 and 0 are tied.
    check(&[-0.0, 0.0], &[0, 1], &[0.5, 0.5], 0.75);
}

/// All orders of `items`.
fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        all.extend(permutations(&rest).into_iter().map(|rest| [vec![first], rest].concat()));
    }
    all
}

#[test]
fn every_metric_is_the_mean_over_the_orders_that_the_scores_allow() {
    for case in 0..60 {
        let mut rng = stream_rng(3, "retrieval", case);
        let n = rng.random_range(1..7);
        let scores: Vec<f64> = (0..n).map(|_| f64::from(rng.random_range(0..3))).collect();
        let mut relevant: Vec<bool> = (0..n).map(|_| rng.random_bool(0.4)).collect();
        relevant[rng.random_range(0..n)] = true;
        let n_relevant = relevant.iter().filter(|&&r| r).count();
        let (mut precisions, mut average, mut n_orders) = (vec![0.0; n], 0.0, 0.0);
        for order in permutations(&(0..n).collect::<Vec<_>>()) {
            if !order.is_sorted_by(|&a, &b| scores[a] >= scores[b]) {
                continue;
            }
            n_orders += 1.0;
            let mut found = 0.0;
            for (place, &item) in (1..).zip(&order) {
                found += f64::from(relevant[item]);
                precisions[place - 1] += found / place as f64;
                average += f64::from(relevant[item]) * found / place as f64 / n_relevant as f64;
            }
        }
        let relevant: Vec<u8> = relevant.into_iter().map(u8::from).collect();
        let precisions: Vec<f64> = precisions.into_iter().map(|sum| sum / n_orders).collect();
        check(&scores, &relevant, &precisions, average / n_orders);
    }
}

#[test]
fn without_ties_the_average_precision_is_that_of_a_detector() {
    let mut rng = stream_rng(4, "retrieval", 0);
    let scores: Vec<f64> = (0..500).map(|_| rng.random()).collect();
    let relevant: Vec<bool> = (0..500).map(|_| rng.random_bool(0.1)).collect();
    let got = Ranking::new(&scores, &relevant).unwrap().average_precision();
    assert!((got - average_precision(&scores, &relevant).unwrap()).abs() < TOLERANCE);
    // The order of the collection does not matter, with ties either.
    let coarse =
        |scores: &[f64]| scores.iter().map(|score| (score * 9.0).round() as f32).collect::<Vec<f32>>();
    let forwards = Ranking::new(&coarse(&scores), &relevant).unwrap();
    let reversed = |all: &[f64]| all.iter().rev().copied().collect::<Vec<_>>();
    let backwards: Vec<bool> = relevant.iter().rev().copied().collect();
    let backwards = Ranking::new(&coarse(&reversed(&scores)), &backwards).unwrap();
    assert_eq!(forwards.average_precision(), backwards.average_precision());
    assert_eq!((forwards.n_items(), forwards.n_relevant()), (500, backwards.n_relevant()));
}

#[test]
fn rankings_that_are_undefined_are_errors() {
    let new = |scores: &[f64], relevant: &[bool]| Ranking::new(scores, relevant).unwrap_err();
    assert_eq!(new(&[], &[]), MetricError::Empty { what: "scores" });
    assert_eq!(new(&[f64::NAN], &[true]), MetricError::NanScore { index: 0 });
    let message = "scores has 1 values but is_relevant has 2; give one of each per sample";
    assert_eq!(new(&[1.0], &[true, true]).to_string(), message);
    let message = "none of the 2 items is relevant to the query; leave out queries without a relevant item";
    assert_eq!(new(&[1.0, 2.0], &[false, false]).to_string(), message);
    let ranking = Ranking::new(&[1.0, 2.0], &[true, false]).unwrap();
    for k in [0, 3] {
        let message = format!(
            "k = {k} is out of range; with 2 samples, precision among the first k items needs k between 1 and 2"
        );
        assert_eq!(ranking.precision_at(k).unwrap_err().to_string(), message);
    }
}
