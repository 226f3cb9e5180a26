//! Measures of a small model, saved next to it.

use super::*;
use crate::testing::{Bench, wanted};
use ae_tensor::{Distance, array};
use std::fs;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// The measures of an `ecg` model on labelled waves, and which of them were computed.
fn measured(bench: &Bench, wished: &[&str], again: bool) -> (Result<Metrics, EvaluationError>, Vec<String>) {
    bench.with(&[0], |context| {
        let run = context.trained(&wanted("toy", "ecg", &bench.waves(true), 2, 0)).unwrap();
        let mut begun = Vec::new();
        let metrics = of_run(context, &run, &names(wished), again, &mut |name| begun.push(name.to_string()));
        (metrics, begun)
    })
}

#[test]
fn measures_are_sorted_and_an_unknown_one_gets_the_nearest() {
    assert!(MEASURES.is_sorted_by(|a, b| a.name < b.name));
    let error = find("anomly").unwrap_err().to_string();
    assert!(error.starts_with("there is no measure `anomly`; did you mean `anomaly`?"), "{error}");
    assert!(find("zzz").unwrap_err().to_string().contains(&format!("choose one of: {}", all())));
}

#[test]
fn figures_are_kept_for_as_long_as_the_model_is_the_same() {
    let bench = Bench::new();
    let (metrics, begun) = measured(&bench, &["pca"], false);
    assert_eq!(begun, ["pca"]);
    let metrics = metrics.unwrap();
    let (more, begun) = measured(&bench, &["pca", "anomaly"], false);
    assert_eq!(begun, ["anomaly"], "only what is missing is computed");
    assert!(metrics.iter().all(|(name, value)| more.as_ref().unwrap()[name] == *value));
    assert_eq!(measured(&bench, &["pca"], true).1, ["pca"], "asked for again");
    let path = bench.runs("toy")[0].join("measures.json");
    let whole = fs::read_to_string(&path).unwrap();
    let (sha256, _) = ae_fetch::sha256_file(&bench.runs("toy")[0].join("model.safetensors")).unwrap();
    fs::write(&path, whole.replace(&sha256, "another")).unwrap();
    assert_eq!(measured(&bench, &["pca"], false).1, ["pca"], "another model");
    fs::write(&path, "half a fi").unwrap();
    assert_eq!(measured(&bench, &["pca"], false).1, ["pca"], "a damaged file");
    assert_eq!(measured(&bench, &[], false).0.unwrap(), Metrics::new());
}

#[test]
fn an_unknown_measure_is_refused_before_anything_is_computed() {
    let bench = Bench::new();
    let (metrics, begun) = measured(&bench, &["pca", "nothing"], false);
    assert!(matches!(metrics, Err(EvaluationError::Measure(_))));
    assert!(begun.is_empty());
}

#[test]
fn anomaly_agrees_with_a_detector_by_the_models_distance() {
    let bench = Bench::new();
    let metrics = measured(&bench, &["anomaly"], false).0.unwrap();
    let expected = bench.with(&[0], |context| {
        let run = context.trained(&wanted("toy", "ecg", &bench.waves(true), 2, 0)).unwrap();
        let model = run.model.as_autoencoder().unwrap();
        let errors = |rows: &ae_tensor::Tensor| {
            array::to_vec(&Distance::MeanAbsolute.per_sample(&model.reconstruct(rows), rows))
        };
        let training = ae_metrics::mean_std(&errors(run.splits.train.values())).unwrap();
        let threshold = training.mean + training.std;
        let flagged: Vec<bool> =
            errors(run.splits.test.values()).into_iter().map(|error| error > threshold).collect();
        let truth = crate::anomaly::articles::truth(&run).unwrap();
        let right = flagged.iter().zip(&truth).filter(|(flagged, odd)| flagged == odd);
        right.count() as f64 / truth.len() as f64
    });
    assert_eq!(metrics["anomaly/accuracy"], expected);
    assert!((0.0..=1.0).contains(&metrics["anomaly/auroc"]));
}

#[test]
fn pca_compares_at_the_same_code_size() {
    let bench = Bench::new();
    let metrics = measured(&bench, &["pca"], false).0.unwrap();
    let (own, code) = bench.with(&[0], |context| {
        let run = context.trained(&wanted("toy", "ecg", &bench.waves(true), 2, 0)).unwrap();
        let (model, rows) = (run.model.as_autoencoder().unwrap(), run.splits.test.values());
        let errors = Distance::MeanSquared.per_sample(&model.reconstruct(rows), rows);
        (array::to_vec(&errors).iter().sum::<f64>() / rows.size()[0] as f64, model.code_size())
    });
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6 * b.abs().max(1e-3), "{a} {b}");
    near(metrics["pca/own_mse"], own);
    near(metrics["pca/own_error_per_sample"], own * 16.0);
    near(metrics["pca/ratio"], metrics["pca/own_mse"] / metrics["pca/mse"]);
    near(metrics["pca/error_per_sample"], metrics["pca/mse"] * 16.0);
    assert!(code < 16 && metrics["pca/mse"] > 0.0);
}

#[test]
fn a_probe_that_sees_one_label_guesses_it_from_every_code_and_without_labels_there_is_none() {
    let metrics = measured(&Bench::new(), &["probe"], false).0.unwrap();
    let normal = 1.0 - measured(&Bench::new(), &["anomaly"], false).0.unwrap()["anomaly/prevalence"];
    assert!((metrics["probe/accuracy"] - normal).abs() < 1e-12, "{metrics:?}");
    assert_eq!((metrics["probe/pca_accuracy"], metrics["probe/above_pca"]), (metrics["probe/accuracy"], 0.0));
    let error = of_bars("deep", 1, &["probe"]).unwrap_err().to_string();
    assert!(error.contains("labelled"), "{error}");
}

/// The measures of a small model on pictures of bars.
fn of_bars(model: &str, epochs: u64, wished: &[&str]) -> Result<Metrics, EvaluationError> {
    let bench = Bench::new();
    let data = bench.bars();
    bench.with(&[0], |context| {
        let run = context.trained(&wanted("toy", model, &data, epochs, 0)).unwrap();
        of_run(context, &run, &names(wished), false, &mut |_| {})
    })
}

#[test]
fn a_linear_decoder_lies_at_an_angle_to_the_principal_axes_and_others_have_none() {
    let metrics = of_bars("linear", 2, &["subspace"]).unwrap();
    let (largest, mean) = (metrics["subspace/largest_angle"], metrics["subspace/mean_angle"]);
    assert!(0.0 < mean && mean < largest && largest <= 90.0, "{mean} {largest}");
    let error = of_bars("deep", 1, &["subspace"]).unwrap_err().to_string();
    assert!(
        error.contains("`subspace` does not suit the variant `deep`, which has no decoder of one linear"),
        "{error}"
    );
}

#[test]
fn a_contractive_autoencoder_is_compared_with_its_twin_without_the_penalty() {
    let metrics = of_bars("vanilla", 2, &["jacobian"]).unwrap();
    assert!(metrics["jacobian/norm"] > 0.1 && metrics["jacobian/relative"] > 0.0, "{metrics:?}");
    assert_eq!(metrics.len(), 2, "nothing to switch off: {metrics:?}");
    let metrics = of_bars("contractive", 2, &["jacobian"]).unwrap();
    let times = metrics["jacobian/unpenalised"] / metrics["jacobian/relative"];
    assert!(
        (metrics["jacobian/times_below_unpenalised"] - times).abs() < 1e-12 && times != 1.0,
        "{metrics:?}"
    );
    let bench = Bench::new();
    let mut wanted = wanted("toy", "contractive", &bench.bars(), 2, 0);
    wanted.experiment.model = serde_json::from_str(r#"{"contractive":{"weight":0}}"#).unwrap();
    let metrics = bench.with(&[0], |context| {
        let run = context.trained(&wanted).unwrap();
        of_run(context, &run, &names(&["jacobian"]), false, &mut |_| {}).unwrap()
    });
    assert_eq!(metrics["jacobian/times_below_unpenalised"], 1.0, "its own twin");
}

#[test]
fn sparsity_counts_what_is_active_and_says_how_much() {
    let bench = Bench::new();
    let (metrics, codes) = bench.with(&[0], |context| {
        let run = context.trained(&wanted("toy", "vanilla", &bench.bars(), 2, 0)).unwrap();
        let metrics = of_run(context, &run, &names(&["sparsity"]), false, &mut |_| {}).unwrap();
        let codes = run.model.as_autoencoder().unwrap().encode(run.splits.test.values());
        (metrics, array::to_vec(codes.point()))
    });
    let (active, unused) = (metrics["sparsity/active"], metrics["sparsity/unused"]);
    assert!((metrics["sparsity/active_per_sample"] - 64.0 * active).abs() < 1e-9);
    assert!(0.0 < active && active <= 1.0 - unused && unused < 1.0, "{metrics:?}");
    let mean = codes.iter().sum::<f64>() / codes.len() as f64;
    assert!(mean > 0.0 && (metrics["sparsity/activation"] - mean).abs() < 1e-6 * mean, "{metrics:?} {mean}");
}

/// The measures of a model of stripes.
fn of_stripes(model: &str, measure: &str, epochs: u64, rate: f64) -> Result<Metrics, EvaluationError> {
    let bench = Bench::new();
    let mut wanted = wanted("toy", model, "stripes.csv".as_ref(), epochs, 0);
    wanted.experiment.data = crate::testing::stripes(&bench);
    wanted.experiment.training.learning_rate = rate;
    bench.with(&[0], |context| {
        let run = context.trained(&wanted).unwrap();
        of_run(context, &run, &names(&[measure]), false, &mut |_| ())
    })
}

#[test]
fn fid_judges_samples_by_the_classifier_of_the_same_data() {
    let metrics = of_stripes("vae", "fid", 3, 0.01).unwrap();
    assert!(metrics["fid/fid"] > 0.0 && metrics["fid/classifier_accuracy"] > 0.9, "{metrics:?}");
    assert!((1.0..=2.0).contains(&metrics["fid/classes"]) && metrics["fid/rarest"] <= 40.0, "{metrics:?}");
    let error = of_stripes("classifier", "fid", 1, 0.01).unwrap_err().to_string();
    assert!(error.contains("`fid` does not suit the variant `classifier`, which has no samples"), "{error}");
}

#[test]
fn sampling_compares_densities_of_codes_and_the_best_is_that_of_fid() {
    let metrics = of_stripes("vanilla", "sampling", 3, 0.01).unwrap();
    let of = |sampler: &str| metrics[&format!("sampling/fid_{sampler}")];
    assert_eq!(metrics["sampling/gain"], of("gmm") / of("prior"));
    // Codes are not negative, so most draws of N(0, I) are no codes.
    assert!(of("gmm") < 0.5 * of("prior") && of("gaussian") < of("prior"), "{metrics:?}");
    assert_eq!(of_stripes("vanilla", "fid", 3, 0.01).unwrap()["fid/fid"], of("gmm"));
    let error = of_stripes("vq_vae", "sampling", 1, 0.01).unwrap_err().to_string();
    assert!(error.contains("has no codes of numbers"), "{error}");
}

#[test]
fn posterior_tells_codes_that_follow_the_prior_from_others() {
    let trained = of_stripes("vae", "posterior", 20, 0.01).unwrap();
    assert!(trained["posterior/mmd_prior"].abs() < 0.05, "{trained:?}");
    assert!(trained["posterior/std_least"] <= trained["posterior/std_greatest"]);
    // The codes of an untrained deterministic encoder do not follow N(0, I).
    let untrained = of_stripes("aae", "posterior", 1, 1e-9).unwrap();
    assert!(untrained["posterior/mmd"] > 5.0 * trained["posterior/mmd"].abs(), "{untrained:?} {trained:?}");
    let error = of_stripes("gan", "posterior", 1, 0.01).unwrap_err().to_string();
    assert!(error.contains("has no codes with a prior"), "{error}");
}
