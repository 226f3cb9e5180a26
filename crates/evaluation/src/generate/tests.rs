//! Tests of the comparison of generated images.

use super::*;
use crate::testing::{Bench, stripes, wanted};
use ae_training::Experiment;

fn on(data: &DataConfig, name: &str, epochs: u64, seed: u64) -> Wanted {
    let mut wanted = wanted(name, name, "stripes.csv".as_ref(), epochs, seed);
    wanted.experiment = Experiment { data: data.clone(), ..wanted.experiment };
    if name == "vq_vae" {
        wanted.experiment.model = serde_json::from_str(r#"{"vq_vae": {"prior": {"units": 8}}}"#).unwrap();
    }
    wanted
}

const COMPARED: [(&str, &[Sampler]); 4] = [
    ("vae", &[Sampler::Prior, Sampler::Gmm]),
    ("gan", &[Sampler::Prior]),
    ("vq_vae", &[Sampler::Prior, Sampler::Positions]),
    ("vanilla", &[Sampler::Prior, Sampler::Gaussian, Sampler::Gmm]),
];

fn run(bench: &Bench, presets: &[(&str, &[Sampler])]) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let data = stripes(bench);
    let other = Some(DataConfig { set: bench.bars_of(8).display().to_string(), ..DataConfig::default() });
    let plan = Plan { presets, judge: on(&data, "classifier", 6, 0), other };
    bench.with(&[0, 1], |context| evaluate(context, &plan, |name, seed| Ok(on(&data, name, 3, seed))))
}

#[test]
fn every_model_is_compared_with_real_images_and_noise() {
    let bench = Bench::new();
    let (evaluation, report) = run(&bench, &COMPARED).unwrap();
    let [distances, scale, census] = &evaluation.tables[..] else { panic!("three tables") };
    assert_eq!(
        distances.rows.iter().map(|row| format!("{} {}", row[0], row[1])).collect::<Vec<_>>(),
        [
            "vae prior",
            "vae gmm",
            "gan prior",
            "vq_vae prior",
            "vq_vae positions",
            "vanilla prior",
            "vanilla gaussian",
            "vanilla gmm"
        ]
    );
    assert_eq!(distances.rows[2][4], "–", "a gan does not reconstruct");
    assert_eq!(scale.rows.len(), 3);
    assert_eq!(census.columns, ["model", "across", "down"]);
    let count = |cell: &String| cell.parse::<usize>().unwrap();
    let names: Vec<&str> = census.rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names[3..5], ["vq_vae", "vq_vae_positions"], "no name is that of another sampler");
    assert!(census.rows.iter().all(|row| row[1..].iter().map(count).sum::<usize>() == 80));
    let metric = |name: &str| evaluation.metrics[name];
    assert!(metric("classifier/accuracy") > 0.9);
    assert!(metric("training/fid") < metric("noise/fid"));
    assert!(metric("training/fid") < metric("other/fid"));
    for name in ["vae/seed1/fid", "gan/fid_std", "vq_vae/reconstruction_fid", "vae_gmm/classes", "gan/rarest"]
    {
        assert!(metric(name).is_finite(), "{name}");
    }
    let (prior, gmm) = (metric("vanilla_prior/fid"), metric("vanilla_gmm/fid"));
    assert!(gmm < 0.5 * prior, "codes lie where the mixture says, not around 0: {gmm} {prior}");
    assert!(evaluation.method.contains("accuracy on held-out images is"));
    for file in ["report.html", "images/samples.png", "images/interpolations.png"] {
        assert!(report.with_file_name(file).exists(), "{file}");
    }
    assert_eq!(run(&bench, &COMPARED).unwrap().0, evaluation);
}

#[test]
fn a_model_without_codes_has_no_density_of_them() {
    let error = run(&Bench::new(), &[("gan", &[Sampler::Gmm])]).unwrap_err().to_string();
    assert!(error.contains("the sampler gmm needs a model that encodes and decodes"), "{error}");
}
