//! Tests the guarantees of every scorer: a score per row whatever the batch, shares that sum to 1, gaps that
//! do not count, no panic on any finite row, and the same scores after saving and loading.

mod common;

use ae_anomaly::{Baseline, ModelDescription, NormalRows, Saved, Score, ScorerError, TrainedModel, load};
use ae_intake::Samples;
use ae_models::{DataSummary, ModelConfig};
use ae_records::arrays::StoredArray;
use ae_tensor::{Device, Noise};
use common::{WIDTH, each, rows, rows_with_gaps};
use ndarray::{Array2, s};

#[track_caller]
fn check_close(name: &str, obtained: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(obtained.len(), expected.len(), "{name}");
    for (row, (a, b)) in obtained.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= relative * b.abs().max(1e-12), "{name}, row {row}: {a} {b}");
    }
}

fn part(rows: &Samples, start: usize, n: usize) -> Samples {
    rows.select(&(start..start + n).collect::<Vec<_>>())
}

/// Compares single rows, seven rows, all 2,500, and another order.
#[test]
fn a_score_depends_on_its_row_alone() {
    for rows in [rows(2500, "parity"), rows_with_gaps(2500, "parity")] {
        each(|scorer| {
            let name = scorer.name();
            let all = scorer.scores(&rows).unwrap();
            assert!(all.iter().all(|score| score.is_finite()), "{name}");
            for row in [0, 1, 1023, 1024, 2499] {
                check_close(&name, &scorer.scores(&part(&rows, row, 1)).unwrap(), &all[row..=row], 1e-6);
            }
            check_close(&name, &scorer.scores(&part(&rows, 1020, 7)).unwrap(), &all[1020..1027], 1e-6);
            let order: Vec<usize> = (0..2500).map(|i| i * 1009 % 2500).collect();
            let expected: Vec<f64> = order.iter().map(|&row| all[row]).collect();
            check_close(&name, &scorer.scores(&rows.select(&order)).unwrap(), &expected, 1e-6);
            assert!(scorer.scores(&rows.select(&[])).unwrap().is_empty(), "{name}");
        });
    }
}

/// The errors of dense models are the same to the last bit, however many rows are scored: one, a few, or
/// enough for several threads, with gaps or without.
#[test]
fn a_dense_model_gives_the_same_bits_in_every_batch() {
    ae_tensor::device::set_threads(1);
    let (train, validation) = (rows(60, "train"), rows(40, "validation"));
    let normal = NormalRows { train: &train, validation: &validation, seed: 0 };
    for rows in [rows(300, "bits"), rows_with_gaps(300, "bits")] {
        for score in
            [Score::MeanAbsolute, Score::MeanSquared, Score::Maximum, Score::Standardised, Score::Mahalanobis]
        {
            let scorer = score.fit(common::model(common::small(), 0), &normal).unwrap();
            let all = scorer.scores(&rows).unwrap();
            for n in [1, 7, 16, 17, 256, 257] {
                for start in [0, 20, 300 - n] {
                    let some = scorer.scores(&part(&rows, start, n.min(300 - start))).unwrap();
                    assert_eq!(some, all[start..start + some.len()], "{}, {n} from {start}", scorer.name());
                }
            }
        }
    }
}

/// More components than directions in which a few rows vary, and an array that belongs to nothing.
#[test]
fn few_rows_have_fewer_components_and_junk_is_refused() {
    let (few, new) = (rows(4, "few"), rows(20, "new"));
    let normal = NormalRows { train: &few, validation: &few, seed: 0 };
    let scorer = Baseline::Pca { code: 9 }.fit(&normal).unwrap();
    assert_eq!(scorer.name(), "mean_squared of pca 3", "four rows span three directions");
    assert!(scorer.scores(&few).unwrap().iter().all(|&score| score < 1e-9));
    let mut saved = through_a_file(scorer.save());
    assert_eq!(load(&saved).unwrap().scores(&new).unwrap(), scorer.scores(&new).unwrap());
    saved.arrays.push(("junk".into(), StoredArray::of_f32(&[2], [1.0, 2.0])));
    let error = load(&saved).err().unwrap().to_string();
    assert!(error.contains("the array `junk` belongs to nothing"), "{error}");
    // So are weights that the model does not have, whatever room they would make for a larger one.
    let score = Score::MeanSquared.fit(common::model(common::small(), 0), &normal).unwrap();
    let mut saved = score.save();
    saved.arrays.push(("model.junk".into(), StoredArray::of_f32(&[50_000], vec![0.0; 50_000])));
    let error = load(&saved).err().unwrap().to_string();
    assert!(error.contains("the tensor `junk` does not belong to the model"), "{error}");
}

#[test]
fn shares_sum_to_one_and_gaps_have_none() {
    for rows in [rows(40, "shares"), rows_with_gaps(40, "shares")] {
        each(|scorer| {
            let name = scorer.name();
            let Some(shares) = scorer.contributions(&rows).unwrap() else { return };
            assert_eq!(shares.dim(), rows.values.dim(), "{name}");
            for ((row, feature), &share) in shares.indexed_iter() {
                assert!((0.0..=1.0).contains(&share), "{name}: {share}");
                assert!(rows.is_observed(row, feature) || share == 0.0, "{name}: {share} of a gap");
            }
            for (row, shares) in shares.outer_iter().enumerate() {
                assert!((shares.sum() - 1.0).abs() < 1e-9, "{name}, row {row}: {}", shares.sum());
            }
        });
    }
}

/// The value stored in a gap has no effect.
#[test]
fn the_value_in_a_gap_is_ignored() {
    let rows = rows_with_gaps(30, "gaps");
    let mut other = rows.clone();
    let observed = rows.observed.as_ref().unwrap();
    for (place, value) in other.values.indexed_iter_mut() {
        if !observed[place] {
            *value = if place.1 % 2 == 0 { 1e6 } else { f32::NAN };
        }
    }
    each(|scorer| {
        let name = scorer.name();
        assert_eq!(scorer.scores(&rows).unwrap(), scorer.scores(&other).unwrap(), "{name}");
        assert_eq!(scorer.contributions(&rows).unwrap(), scorer.contributions(&other).unwrap(), "{name}");
        let complete = common::rows(30, "gaps").with_observed(Array2::from_elem((30, WIDTH), true));
        let without = Samples::complete(complete.values.clone());
        check_close(&name, &scorer.scores(&complete).unwrap(), &scorer.scores(&without).unwrap(), 1e-12);
    });
}

/// An anomaly in an observed value stands out, with or without gaps elsewhere.
#[test]
fn what_is_far_off_scores_higher() {
    for normal in [rows(50, "far"), rows_with_gaps(50, "far")] {
        let mut far = normal.clone();
        for (place, value) in far.values.indexed_iter_mut() {
            *value += if place.1 % 3 == 0 { 3.0 } else { -3.0 };
        }
        each(|scorer| {
            let mean = |rows: &Samples| scorer.scores(rows).unwrap().iter().sum::<f64>() / 50.0;
            assert!(mean(&far) > mean(&normal), "{}: {} {}", scorer.name(), mean(&far), mean(&normal));
        });
    }
}

#[test]
fn any_finite_row_is_scored_or_named_in_the_error() {
    let mut extreme = Samples::complete(Array2::zeros((5, WIDTH)));
    extreme.values.row_mut(1).fill(f32::MAX);
    extreme.values.row_mut(2).fill(-f32::MAX);
    extreme.values.row_mut(3).fill(f32::MIN_POSITIVE);
    extreme.values.slice_mut(s![4, ..;2]).fill(f32::MAX);
    each(|scorer| {
        for (row, result) in scorer.scores_each(&extreme).unwrap().into_iter().enumerate() {
            match result {
                Ok(score) => assert!(score.is_finite(), "{}", scorer.name()),
                Err(error) => assert_eq!(error.row(), Some(row), "{}: {error}", scorer.name()),
            }
        }
        let _ = scorer.contributions(&extreme);
        let _ = scorer.reconstruct(&extreme);
    });
}

#[test]
fn rows_that_cannot_be_scored_are_named_in_the_error() {
    let mut bad = rows(3, "bad");
    bad.values[[1, 2]] = f32::NAN;
    let mut blank = rows_with_gaps(3, "blank");
    blank.observed.as_mut().unwrap().row_mut(2).fill(false);
    each(|scorer| {
        let error = scorer.scores(&bad).unwrap_err();
        assert!(error.to_string().starts_with("row 1, feature 2 is NaN"), "{error}");
        let each = scorer.scores_each(&bad).unwrap();
        assert_eq!(each.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(each[1].as_ref().unwrap_err().row(), Some(1));
        let error = scorer.scores(&blank).unwrap_err();
        assert!(matches!(error, ScorerError::NothingObserved { row: 2 }), "{error}");
        let narrow = Samples::complete(Array2::zeros((3, WIDTH - 1)));
        assert!(matches!(scorer.scores(&narrow), Err(ScorerError::Width { .. })));
        assert!(matches!(scorer.scores_each(&narrow), Err(ScorerError::Width { .. })));
        let mask = Samples { observed: Some(Array2::from_elem((2, WIDTH), true)), ..rows(3, "mask") };
        assert!(matches!(scorer.contributions(&mask), Err(ScorerError::Mask { .. })));
    });
}

fn through_a_file(saved: Saved) -> Saved {
    let text = serde_json::to_string(&saved.settings).unwrap();
    Saved { settings: serde_json::from_str(&text).unwrap(), arrays: saved.arrays }
}

#[test]
fn a_file_gives_the_same_scores() {
    let (rows, gaps) = (rows(30, "file"), rows_with_gaps(30, "file"));
    each(|scorer| {
        let name = scorer.name();
        let again = load(&through_a_file(scorer.save())).unwrap();
        assert_eq!(again.name(), name);
        assert_eq!(again.width(), WIDTH);
        for rows in [&rows, &gaps] {
            assert_eq!(again.scores(rows).unwrap(), scorer.scores(rows).unwrap(), "{name}");
            assert_eq!(again.contributions(rows).unwrap(), scorer.contributions(rows).unwrap(), "{name}");
            assert_eq!(again.reconstruct(rows).unwrap(), scorer.reconstruct(rows).unwrap(), "{name}");
        }
    });
}

/// Each tensor missing, empty, of another shape or full of NaN; each number of the settings huge, negative
/// or 0.
#[test]
fn hostile_files_are_refused_or_harmless() {
    let some = rows(3, "hostile");
    let harmless = |saved: &Saved| {
        if let Ok(scorer) = load(saved) {
            let _ = scorer.scores(&some);
        }
    };
    each(|scorer| {
        let saved = scorer.save();
        for index in 0..saved.arrays.len() {
            let with = |array: Option<StoredArray>| {
                let mut arrays = saved.arrays.clone();
                match array {
                    Some(array) => arrays[index].1 = array,
                    None => drop(arrays.remove(index)),
                }
                Saved { settings: saved.settings.clone(), arrays }
            };
            let (name, array) = &saved.arrays[index];
            let full = |shape: &[usize], number: f64| {
                Some(StoredArray::of_f64(shape, std::iter::repeat_n(number, array.len())))
            };
            assert!(load(&with(None)).is_err(), "{} without {name}", scorer.name());
            assert!(load(&with(Some(StoredArray::of_f32(&[0], [])))).is_err());
            harmless(&with(full(&[&[1], array.shape()].concat(), 0.5)));
            for number in [f64::NAN, 1e30, -1.0, 0.0] {
                harmless(&with(full(array.shape(), number)));
            }
        }
        let settings = serde_json::to_value(&saved.settings).unwrap();
        for place in 0..common::numbers(&settings) {
            for number in [
                0.into(),
                (-1).into(),
                3.into(),
                4_000.into(),
                1_000_000_000.into(),
                i64::MAX.into(),
                serde_json::json!(1e300),
            ] {
                let mut changed = settings.clone();
                common::set_number(&mut changed, place, &number);
                if let Ok(settings) = serde_json::from_value(changed) {
                    harmless(&Saved { settings, arrays: saved.arrays.clone() });
                }
            }
        }
    });
}

/// For every variant that reconstructs, the scorer's reconstructions match those of the model.
#[test]
fn every_variant_can_be_scored_with() {
    ae_tensor::device::set_threads(1);
    for mut config in ModelConfig::all() {
        let shape = match &mut config {
            ModelConfig::Denoising(_)
            | ModelConfig::Conv(_)
            | ModelConfig::Classifier(_)
            | ModelConfig::Factorised(_)
            | ModelConfig::VaeGan(_)
            | ModelConfig::Restoring(_) => {
                vec![1, 28, 28]
            }
            ModelConfig::Colouring(_) => vec![3, 8, 8],
            ModelConfig::Mae(mae) => {
                (mae.width, mae.depth, mae.decoder_width) = (32, 2, 32);
                vec![1, 8, 12]
            }
            ModelConfig::Composite(composite) => {
                composite.units = 8;
                vec![12, 3]
            }
            ModelConfig::ConvLstm(_) => vec![4, 1, 8, 8],
            _ => vec![12, 3],
        };
        let data = DataSummary { shape: shape.clone(), mean: 0.3, low: 0.0, high: 1.0, classes: 3 };
        let model = config.initialise(&data, &Noise::new(5, 0, Device::Cpu)).unwrap();
        let description = ModelDescription::new(&config, &data);
        let Some(autoencoder) = model.as_autoencoder() else {
            let error = TrainedModel::new(&description, model.as_ref()).unwrap_err();
            assert!(matches!(error, ScorerError::Model { .. }), "{error}");
            continue;
        };
        let width: i64 = shape.iter().product();
        let x = Noise::new(6, 0, Device::Cpu).uniform("rows", &[40, width]);
        let rebuilt = autoencoder.reconstruct(&x.view([&[40], &shape[..]].concat().as_slice()));
        let values = ae_tensor::array::to_array(&x).into_dimensionality().unwrap();
        let rows = Samples::complete(values);
        let trained = TrainedModel::new(&description, model.as_ref()).unwrap();
        let normal = NormalRows { train: &rows, validation: &rows, seed: 0 };
        let scorer = Score::MeanSquared.fit(trained.copy().unwrap(), &normal).unwrap();
        let obtained = scorer.reconstruct(&rows).unwrap().unwrap();
        let expected = ae_tensor::array::to_vec(&rebuilt);
        let off = obtained.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-5, "{}: {off}", config.name());
        let all = scorer.scores(&rows).unwrap();
        // A chain sums in the same order in any batch; libtorch does not, but in double precision.
        let rounding = if autoencoder.dense_chain().is_some() { 0.0 } else { 1e-13 };
        for (row, n) in [(0, 1), (7, 1), (39, 1), (3, 5), (11, 29)] {
            let some = scorer.scores(&part(&rows, row, n)).unwrap();
            check_close(config.name(), &some, &all[row..row + n], rounding);
        }
        let again = load(&through_a_file(scorer.save())).unwrap();
        assert_eq!(again.scores(&rows).unwrap(), all, "{}", config.name());
    }
}
