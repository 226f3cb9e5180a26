//! Properties that hold for any input, and the errors of invalid input.

use ae_metrics::*;
use ae_records::seed::stream_rng;
use ndarray::{Array1, Array4, Axis, concatenate};
use rand::RngExt;

/// Random samples of both classes, scores on a coarse grid so that many tie.
fn samples(case: u64) -> (Vec<f64>, Vec<bool>) {
    let mut rng = stream_rng(7, "samples", case);
    let n_samples = rng.random_range(2..60);
    let scores = (0..n_samples).map(|_| f64::from(rng.random_range(-20..20)) / 4.0).collect();
    let mut is_anomaly: Vec<bool> = (0..n_samples).map(|_| rng.random_bool(0.3)).collect();
    is_anomaly[0] = true;
    is_anomaly[1] = false;
    (scores, is_anomaly)
}

fn for_each_sample(check: impl Fn(&[f64], &[bool])) {
    for case in 0..200 {
        let (scores, is_anomaly) = samples(case);
        check(&scores, &is_anomaly);
    }
}

fn images(case: u64) -> Array4<f32> {
    let mut rng = stream_rng(7, "images", case);
    Array4::from_shape_simple_fn((3, 2, 14, 12), || rng.random::<f32>())
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, MetricError>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn auroc_is_the_share_of_ordered_pairs() {
    for_each_sample(|scores, is_anomaly| {
        let (mut won, mut pairs) = (0.0, 0.0);
        for (anomalous, _) in scores.iter().zip(is_anomaly).filter(|(_, a)| **a) {
            for (normal, _) in scores.iter().zip(is_anomaly).filter(|(_, a)| !**a) {
                won += if anomalous > normal { 1.0 } else { f64::from(anomalous == normal) * 0.5 };
                pairs += 1.0;
            }
        }
        assert!((auroc(scores, is_anomaly).unwrap() - won / pairs).abs() < 1e-14);
    });
}

#[test]
fn only_ranks_matter() {
    for_each_sample(|scores, is_anomaly| {
        let maps: [fn(f64) -> f64; 3] = [|s| s.exp(), |s| 3.0 * s - 100.0, |s| s.powi(3)];
        for map in maps {
            let mapped: Vec<f64> = scores.iter().map(|&s| map(s)).collect();
            assert_eq!(auroc(&mapped, is_anomaly), auroc(scores, is_anomaly));
            assert_eq!(average_precision(&mapped, is_anomaly), average_precision(scores, is_anomaly));
        }
    });
}

#[test]
fn order_of_samples_does_not_matter() {
    for_each_sample(|scores, is_anomaly| {
        let (mut backwards, mut truth) = (scores.to_vec(), is_anomaly.to_vec());
        backwards.reverse();
        truth.reverse();
        assert_eq!(roc_curve(&backwards, &truth), roc_curve(scores, is_anomaly));
        assert_eq!(average_precision(&backwards, &truth), average_precision(scores, is_anomaly));
    });
}

#[test]
fn negated_scores_mirror_the_auroc() {
    for_each_sample(|scores, is_anomaly| {
        let negated: Vec<f64> = scores.iter().map(|s| -s).collect();
        let sum = auroc(scores, is_anomaly).unwrap() + auroc(&negated, is_anomaly).unwrap();
        assert!((sum - 1.0).abs() < 1e-14);
    });
}

#[test]
fn auroc_is_the_area_under_its_curve() {
    for_each_sample(|scores, is_anomaly| {
        let curve = roc_curve(scores, is_anomaly).unwrap();
        let area: f64 = curve
            .windows(2)
            .map(|pair| {
                let width = pair[1].false_positive_rate - pair[0].false_positive_rate;
                width * (pair[0].true_positive_rate + pair[1].true_positive_rate) / 2.0
            })
            .sum();
        assert!((auroc(scores, is_anomaly).unwrap() - area).abs() < 1e-13);
    });
}

#[test]
fn each_point_of_a_curve_is_the_confusion_at_its_threshold() {
    for_each_sample(|scores, is_anomaly| {
        let roc = roc_curve(scores, is_anomaly).unwrap();
        let curve = precision_recall_curve(scores, is_anomaly).unwrap();
        for (roc, point) in roc.iter().zip(&curve).skip(1) {
            assert_eq!(roc.threshold, point.threshold);
            let flagged: Vec<bool> = scores.iter().map(|&s| s >= point.threshold).collect();
            let counts = Confusion::count(&flagged, is_anomaly).unwrap();
            assert_eq!((point.precision, point.recall), (counts.precision(), counts.recall()));
            assert_eq!(roc.true_positive_rate, counts.recall());
            assert!((roc.false_positive_rate - (1.0 - counts.specificity())).abs() < 1e-15);
        }
        let end = curve[curve.len() - 1];
        assert_eq!((end.precision, end.recall), (prevalence(is_anomaly).unwrap(), 1.0));
    });
}

#[test]
fn infinite_scores_and_both_zeros_are_ranked() {
    let scores = [f64::NEG_INFINITY, -0.0, 0.0, f64::INFINITY];
    assert_eq!(auroc(&scores, &[false, true, false, true]), Ok(0.875));
    assert_eq!(roc_curve(&scores, &[false, true, false, true]).unwrap().len(), 4);
}

#[test]
fn undefined_rankings_are_refused() {
    check_error(auroc(&[], &[]), "scores has no values; give at least one");
    check_error(prevalence(&[]), "is_anomaly has no values; give at least one");
    check_error(
        auroc(&[1.0, 2.0], &[true]),
        "scores has 2 values but is_anomaly has 1; give one of each per sample",
    );
    check_error(
        average_precision(&[1.0, f64::NAN], &[true, false]),
        "score 1 is NaN; remove that sample or fix the model that scored it",
    );
    check_error(
        roc_curve(&[1.0, 2.0], &[false, false]),
        "all 2 samples are normal; give at least one normal and one anomalous sample",
    );
    check_error(
        precision_recall_curve(&[1.0], &[true]),
        "all 1 samples are anomalous; give at least one normal and one anomalous sample",
    );
}

#[test]
fn equal_images_are_perfect() {
    let images = images(0);
    assert_eq!(mse(&images, &images), Ok(0.0));
    assert_eq!(mae(&images, &images), Ok(0.0));
    assert_eq!(psnr(&images, &images, 1.0), Ok(f64::INFINITY));
    for similarity in ssim(&images, &images, 1.0).unwrap() {
        assert!((similarity - 1.0).abs() < 1e-12);
    }
}

#[test]
fn ssim_is_symmetric_and_scales_with_the_data_range() {
    let (left, right) = (images(1), images(2));
    let there = ssim(&left, &right, 1.0).unwrap();
    let back = ssim(&right, &left, 1.0).unwrap();
    let scaled = ssim(&left.mapv(|v| v * 8.0), &right.mapv(|v| v * 8.0), 8.0).unwrap();
    for ((there, back), scaled) in there.iter().zip(back).zip(scaled) {
        assert!((there - back).abs() < 1e-12 && (there - scaled).abs() < 1e-12);
        assert!(*there < 0.5);
    }
}

#[test]
fn an_image_is_measured_independently_of_the_others() {
    let (left, right) = (images(3), images(4));
    let together = concatenate![Axis(0), left, right];
    let reversed = concatenate![Axis(0), right, left];
    let similarities = ssim(&together, &reversed, 1.0).unwrap();
    assert_eq!(similarities[..3], ssim(&left, &right, 1.0).unwrap());
    assert_eq!(
        psnr_per_sample(&together, &reversed, 1.0).unwrap()[3..],
        psnr_per_sample(&right, &left, 1.0).unwrap()
    );
}

#[test]
fn invalid_reconstructions_are_refused() {
    let good = images(5);
    let mut bad = good.clone();
    bad[[1, 0, 0, 3]] = f32::INFINITY;
    let not_finite = "value 339 of reconstruction is inf; give finite values";
    check_error(mse(&good, &bad), not_finite);
    check_error(psnr(&good, &bad, 1.0), not_finite);
    check_error(ssim(&good, &bad, 1.0), "value 339 of reconstructions is inf; give finite values");
    let narrow = good.slice(ndarray::s![.., .., .., ..10]).to_owned();
    check_error(
        ssim(&narrow, &narrow, 1.0),
        "an image of 14 x 10 pixels is smaller than the 11 x 11 window of SSIM",
    );
    check_error(
        mae(&good, &narrow),
        "cannot compare shape [3, 2, 14, 12] with shape [3, 2, 14, 10]; the shapes must be equal",
    );
    for range in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(psnr(&good, &good, range), Err(MetricError::DataRange(_))));
        assert!(matches!(ssim(&good, &good, range), Err(MetricError::DataRange(_))));
    }
    let empty = Array1::<f32>::zeros(0);
    check_error(mse(&empty, &empty), "original has no values; give at least one");
}

#[test]
fn spread_of_equal_values_is_exactly_zero() {
    let summary = mean_std(&[0.1; 7]).unwrap();
    assert_eq!((summary.mean, summary.std), (0.1, 0.0));
    assert_eq!(summary.confidence_interval(0.95), Ok(Interval { low: 0.1, high: 0.1 }));
}

#[test]
fn a_wider_level_gives_a_wider_interval() {
    let summary = mean_std(&[1.0, 2.0, 4.0]).unwrap();
    let width = |level| {
        let interval = summary.confidence_interval(level).unwrap();
        interval.high - interval.low
    };
    assert!(width(0.5) < width(0.9) && width(0.9) < width(0.999));
}

#[test]
fn undefined_summaries_are_refused() {
    check_error(mean_std(&[]), "values has no values; give at least one");
    check_error(mean_std(&[1.0, f64::NAN]), "value 1 of values is NaN; give finite values");
    let one = mean_std(&[2.0]).unwrap();
    assert_eq!(one.sample_std(), None);
    check_error(one.confidence_interval(0.95), "a confidence interval needs at least 2 values, got 1");
    let two = mean_std(&[2.0, 3.0]).unwrap();
    for level in [0.0, 1.0, 95.0, f64::NAN] {
        assert!(matches!(two.confidence_interval(level), Err(MetricError::Level(_))));
    }
}

/// By `pytorch_msssim` 1.0, whose window is in single precision.
#[test]
fn ms_ssim_agrees_with_pytorch_msssim() {
    let image = |value: &dyn Fn(f64, f64) -> f64| {
        Array4::from_shape_fn((1, 1, 192, 208), |(_, _, i, j)| value(i as f64, j as f64))
    };
    let wave = |i: f64, j: f64| 0.5 + 0.3 * (i * 0.31).sin() * (j * 0.17).cos() + 0.1 * (i * j * 0.05).sin();
    let other = |i: f64, j: f64| {
        wave(i, j) + 0.25 * (i * 1.7 + j * 2.3).sin() * (i * 0.03).cos() + 0.1 * (i * 0.02).cos()
    };
    let (left, right) = (image(&wave), image(&other));
    let got = ms_ssim(&left, &right, 1.0).unwrap()[0];
    assert!((got - 0.891_403_446).abs() < 1e-6, "{got}");
    assert!((ms_ssim(&left, &left, 1.0).unwrap()[0] - 1.0).abs() < 1e-12);
    let small = Array4::<f64>::zeros((1, 1, 175, 300));
    let error = ms_ssim(&small, &small, 1.0).unwrap_err().to_string();
    assert!(error.contains("176"), "{error}");
}
