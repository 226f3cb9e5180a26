//! Samples of small models on generated stripes.

use super::*;
use crate::context::Wanted;
use crate::testing::{Bench, stripes, wanted};
use ae_records::run_dir::RunDir;
use ae_training::Experiment;
use std::fs;

/// A run of a variant on stripes, 8 by 8 pixels.
fn trained(bench: &Bench, variant: &str) -> PathBuf {
    let data = stripes(bench);
    let mut wanted: Wanted = wanted(variant, variant, "stripes.csv".as_ref(), 3, 0);
    wanted.experiment = Experiment { data, ..wanted.experiment };
    bench.with(&[0], |context| context.trained(&wanted).unwrap().dir.root().into())
}

fn wish(model: &Path, sampler: Option<Sampler>) -> Wish {
    Wish { model: model.into(), sampler, label: None, n: 12, seed: 3, out: None }
}

fn drawn(bench: &Bench, wish: &Wish) -> Result<Drawn, EvaluationError> {
    bench.with(&[0], |context| draw(context, wish))
}

fn check_refused(bench: &Bench, wish: &Wish, expected: &str) {
    let error = drawn(bench, wish).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(!matches!(error, EvaluationError::SampleCount { .. }) || error.is_usage());
}

#[test]
fn an_autoencoder_is_sampled_by_a_mixture_and_its_report_shows_it() {
    let bench = Bench::new();
    let run = trained(&bench, "vanilla");
    let first = drawn(&bench, &wish(&run, None)).unwrap();
    assert_eq!((first.sampler, first.samples.size()), (Sampler::Gmm, vec![12, 1, 8, 8]));
    assert_eq!(first.files[0], run.join("images/samples-gmm.png"));
    let bytes = fs::read(&first.files[0]).unwrap();
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(report.contains("New samples, gmm") && report.contains("Seed 3, not hand-picked"));
    // The model file in the run's folder stands for the run.
    let again = drawn(&bench, &wish(&run.join("model.safetensors"), Some(Sampler::Gmm))).unwrap();
    assert_eq!(again.samples, first.samples);
    assert_eq!(fs::read(&again.files[0]).unwrap(), bytes, "equal seeds give equal bytes");
    let other = drawn(&bench, &Wish { seed: 4, ..wish(&run, None) }).unwrap();
    assert_ne!(other.samples, first.samples);
    let out = Some(bench.path("prior.png"));
    let prior = drawn(&bench, &Wish { out, ..wish(&run, Some(Sampler::Prior)) }).unwrap();
    assert_eq!((prior.sampler, prior.files[0].clone()), (Sampler::Prior, bench.path("prior.png")));
    assert!(prior.files[0].exists() && !run.join("images/samples-prior.png").exists());
}

/// Its codes vary together as those of the data do; draws of N(0, I) do not.
#[test]
fn a_second_stage_knows_where_codes_lie() {
    let bench = Bench::new();
    let run = trained(&bench, "vanilla");
    let of = |sampler| drawn(&bench, &wish(&run, Some(sampler))).unwrap().samples;
    assert_eq!(of(Sampler::TwoStage), of(Sampler::TwoStage), "equal seeds give equal samples");
    let opened = bench.with(&[0], |context| context.open(&RunDir::new(&run))).unwrap();
    let noise = Noise::new(3, 0, Device::Cpu);
    // Upper and lower half, each as bright as it likes.
    let half = |name: &str| noise.uniform(name, &[4000, 1, 1, 1]).expand([4000, 1, 4, 8], false);
    let rows = Tensor::cat(&[half("upper"), half("lower")], 2);
    let codes = Codes::of(opened.model.as_ref(), &rows, &noise).unwrap();
    let fitted = second_stage(codes, 3, Device::Cpu).unwrap();
    let own = tch::no_grad(|| opened.model.as_autoencoder().unwrap().encode(&rows).point().shallow_clone());
    let drawn = tch::no_grad(|| fitted.codes(4000, &noise)).expect("it draws codes");
    let together = |codes: &Tensor| codes.transpose(0, 1).cov(1, None::<&Tensor>, None::<&Tensor>);
    let own = together(&own);
    let off = |other: &Tensor| (other - &own).abs().mean(Kind::Float).double_value(&[]);
    let second = off(&together(&drawn));
    let prior = off(&Tensor::eye(own.size()[0], (Kind::Float, Device::Cpu)));
    let independent = off(&own.diag(0).diag(0));
    assert!(second < 0.9 * independent && second < 0.9 * prior, "{second}, {independent}, {prior}");
}

#[test]
fn a_model_file_alone_draws_from_its_prior_only() {
    let bench = Bench::new();
    let alone = bench.path("alone");
    fs::create_dir(&alone).unwrap();
    for variant in ["vae", "vanilla"] {
        let file = alone.join(format!("{variant}.safetensors"));
        fs::copy(trained(&bench, variant).join("model.safetensors"), file).unwrap();
    }
    let vae = drawn(&bench, &wish(&alone.join("vae.safetensors"), None)).unwrap();
    assert_eq!((vae.sampler, vae.files[0].clone()), (Sampler::Prior, alone.join("samples-prior.png")));
    let fitted = "is fitted to the codes of training rows, which";
    check_refused(&bench, &wish(&alone.join("vae.safetensors"), Some(Sampler::Gmm)), fitted);
    check_refused(&bench, &wish(&alone.join("vanilla.safetensors"), None), "give the folder of the run");
}

#[test]
fn what_cannot_be_sampled_is_refused() {
    let bench = Bench::new();
    let run = trained(&bench, "vq_vae");
    assert_eq!(drawn(&bench, &wish(&run, None)).unwrap().sampler, Sampler::Positions);
    check_refused(&bench, &wish(&run, Some(Sampler::Gmm)), "use the sampler positions");
    check_refused(&bench, &Wish { n: 0, ..wish(&run, None) }, "ask for 1 to 10000 with --n");
    check_refused(&bench, &Wish { n: 10_001, ..wish(&run, None) }, "10001 samples cannot be drawn");
    check_refused(&bench, &wish(&bench.path(""), None), "holds no run");
    let classifier = trained(&bench, "classifier");
    check_refused(&bench, &wish(&classifier, None), "no codes to decode and no prior");
    let waves = bench.waves(true);
    let series = bench.with(&[0], |context| context.trained(&wanted("toy", "vae", &waves, 1, 0)).unwrap());
    check_refused(&bench, &wish(series.dir.root(), None), "has no images");
    let stripes = bench.path("stripes.csv");
    let text = fs::read_to_string(&stripes).unwrap();
    fs::write(&stripes, text.lines().skip(5).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    check_refused(&bench, &wish(&run, None), "the data have changed since; train it again");
    fs::remove_file(run.join("model.safetensors")).unwrap();
    check_refused(&bench, &wish(&run, None), "has no model yet; finish it with: ae train --resume");
}

#[test]
fn a_conditional_model_draws_one_label_and_samples_go_to_any_file() {
    let bench = Bench::new();
    let run = trained(&bench, "cvae");
    let of = |label: Option<&str>, sampler, out: &str| {
        let (label, out) = (label.map(String::from), Some(bench.path(out)));
        drawn(&bench, &Wish { label, out, ..wish(&run, sampler) })
    };
    let across = of(Some("across"), None, "across.csv").unwrap();
    let text = fs::read_to_string(bench.path("across.csv")).unwrap();
    assert!(
        text.starts_with("row,label,value_0,") && text.lines().nth(12).unwrap().starts_with("11,across,")
    );
    let down = of(Some("down"), None, "down.npy").unwrap();
    assert_ne!(across.samples, down.samples, "the same draws of another label");
    // Without a label they take turns; `across` is the first.
    let both = of(None, None, "both/").unwrap();
    assert_eq!(both.samples.get(0), across.samples.get(0));
    assert_eq!(both.samples.get(1), down.samples.get(1));
    assert_eq!(both.files.len(), 13);
    let fitted = |label| of(Some(label), Some(Sampler::Gaussian), "fitted.npy").unwrap().samples;
    assert_ne!(fitted("across"), fitted("down"));
    let error = of(Some("up"), None, "x.png").unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("its labels are `across`, `down`"), "{error}");
}
