//! What every variant of the registry promises, on every sample shape that it takes.

use ae_models::{Batch, DataSummary, Model, ModelConfig};
use ae_tensor::{Device, Kind, Noise, Optimizer, OptimizerConfig, Tensor};

/// Images with odd sides and channels, a vector and a sequence; only `denoising` is bound to images.
fn shapes(config: &ModelConfig) -> Vec<Vec<i64>> {
    let image = vec![2, 9, 6];
    match config {
        ModelConfig::Denoising(_) => vec![image, vec![1, 28, 28]],
        _ => vec![image, vec![41], vec![12, 3]],
    }
}

fn summary(shape: &[i64]) -> DataSummary {
    DataSummary { shape: shape.to_vec(), mean: 0.3, low: 0.0, high: 1.0 }
}

fn build(config: &ModelConfig, shape: &[i64], seed: u64) -> Box<dyn Model> {
    config.build(&summary(shape), &Noise::new(seed, 0, Device::Cpu)).unwrap()
}

fn batch(shape: &[i64], n: i64) -> Batch {
    // Smooth, so that it can be learned; different for each sample; within [0, 1].
    let numel: i64 = shape.iter().product();
    let phase = Tensor::arange(n, (Kind::Float, Device::Cpu)).view([n, 1]) * 0.9;
    let place = Tensor::arange(numel, (Kind::Float, Device::Cpu)).view([1, numel]) * 0.21;
    let values = ((phase + place).sin() * 0.4 + 0.5).view([&[n], shape].concat().as_slice());
    Batch { values, labels: None }
}

fn each(check: impl Fn(&ModelConfig, &[i64])) {
    ae_tensor::device::set_threads(1); // tests run side by side; libtorch's threads would only wait for each other
    for config in ModelConfig::all() {
        for shape in shapes(&config) {
            check(&config, &shape);
        }
    }
}

fn noise(step: u64) -> Noise {
    Noise::new(7, step, Device::Cpu)
}

fn total(model: &dyn Model, batch: &Batch, noise: &Noise) -> f64 {
    model.losses(batch, noise).iter().map(|l| l.total().double_value(&[])).sum()
}

#[test]
fn shapes_come_back() {
    each(|config, shape| {
        let model = build(config, shape, 0);
        let batch = batch(shape, 3);
        let (name, expected) = (config.name(), batch.values.size());
        if let Some(autoencoder) = model.as_autoencoder() {
            assert_eq!(autoencoder.reconstruct(&batch.values).size(), expected, "{name}");
            let code = autoencoder.encode(&batch.values);
            assert_eq!(code.point().numel() as i64, 3 * autoencoder.code_size(), "{name}");
            if let Some(damaged) = autoencoder.corrupt(&batch.values, &noise(0)) {
                assert_eq!(damaged.size(), expected, "{name}");
            }
        }
        if let Some(generator) = model.as_generator() {
            assert_eq!(generator.sample(3, &noise(0)).size(), expected, "{name}");
        }
    });
}

#[test]
fn losses_are_finite_named_scalars_one_for_each_group() {
    each(|config, shape| {
        let model = build(config, shape, 0);
        let losses = model.losses(&batch(shape, 5), &noise(0));
        assert_eq!(losses.len(), model.groups().len(), "{}", config.name());
        for (name, term) in losses.iter().flat_map(|l| &l.terms) {
            assert!(term.size().is_empty() && term.double_value(&[]).is_finite(), "{} {name}", config.name());
        }
    });
}

#[test]
fn a_gradient_reaches_every_parameter() {
    each(|config, shape| {
        let model = build(config, shape, 0);
        for losses in model.losses(&batch(shape, 16), &noise(0)) {
            losses.total().backward();
        }
        for (name, parameter) in model.parameters() {
            let gradient = parameter.grad();
            assert!(gradient.defined(), "{} {name} has no gradient", config.name());
            assert!(gradient.abs().sum(Kind::Double).double_value(&[]) > 0.0, "{} {name}", config.name());
        }
    });
}

#[test]
fn parameters_have_unique_names_and_the_groups_hold_each_once() {
    each(|config, shape| {
        let model = build(config, shape, 0);
        let mut names: Vec<String> = model.parameters().into_iter().map(|p| p.0).collect();
        let mut grouped: Vec<String> =
            model.groups().into_iter().flat_map(|g| g.parameters).map(|p| p.0).collect();
        names.sort();
        grouped.sort();
        assert_eq!(names, grouped);
        names.dedup();
        assert_eq!(names.len(), grouped.len(), "{}", config.name());
        let counted: i64 = model.parameters().iter().map(|p| p.1.numel() as i64).sum();
        let summed: i64 = model.networks().iter().flat_map(|n| n.1.summary()).map(|l| l.parameters).sum();
        assert_eq!(counted, summed, "{}", config.name());
    });
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_another_seed_does_not() {
    each(|config, shape| {
        let batch = batch(shape, 4);
        let loss = |seed, step| total(build(config, shape, seed).as_ref(), &batch, &noise(step));
        assert_eq!(loss(1, 3), loss(1, 3), "{}", config.name());
        assert_ne!(loss(1, 3), loss(2, 3), "{}", config.name());
    });
}

#[test]
fn reconstructing_draws_nothing() {
    each(|config, shape| {
        let (model, batch) = (build(config, shape, 0), batch(shape, 4));
        let Some(autoencoder) = model.as_autoencoder() else { return };
        assert_eq!(autoencoder.reconstruct(&batch.values), autoencoder.reconstruct(&batch.values));
    });
}

#[test]
fn copied_parameters_make_the_same_model() {
    each(|config, shape| {
        let (first, second) = (build(config, shape, 1), build(config, shape, 2));
        for ((name, mut to), (from_name, from)) in second.parameters().into_iter().zip(first.parameters()) {
            assert_eq!(name, from_name);
            ae_tensor::tch::no_grad(|| to.copy_(&from));
        }
        let batch = batch(shape, 4);
        let losses = [&first, &second].map(|m| total(m.as_ref(), &batch, &noise(0)));
        assert_eq!(losses[0], losses[1], "{}", config.name());
    });
}

#[test]
fn one_batch_can_be_learned() {
    each(|config, shape| {
        let (model, batch) = (build(config, shape, 0), batch(shape, 8));
        let groups = model.groups();
        let mut optimizers: Vec<Optimizer> = groups
            .iter()
            .map(|group| {
                let parameters: Vec<Tensor> = group.parameters.iter().map(|p| p.1.shallow_clone()).collect();
                Optimizer::new(OptimizerConfig::default(), &parameters).unwrap()
            })
            .collect();
        let reconstruction = || {
            let x = model.as_autoencoder().expect("a model here reconstructs").reconstruct(&batch.values);
            (x - &batch.values).square().mean(Kind::Float).double_value(&[])
        };
        let before = reconstruction();
        for step in 0..400 {
            for (optimizer, losses) in optimizers.iter_mut().zip(model.losses(&batch, &noise(step))) {
                optimizer.zero_gradients().unwrap();
                losses.total().backward();
                optimizer.step(3e-3).unwrap();
            }
        }
        let after = reconstruction();
        // The variance of the batch is 0.08: a model that gives its mean would stay there.
        assert!(after < 0.25 * before, "{} on {shape:?}: {before} to {after}", config.name());
    });
}

#[test]
fn data_that_the_output_cannot_give_are_refused() {
    each(|config, shape| {
        let data = DataSummary { low: -3.0, high: 255.0, ..summary(shape) };
        let error = config.build(&data, &noise(0)).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("[-3, 255]") && error.contains("[0, 1]"), "{}: {error}", config.name());
    });
}

#[test]
fn settings_survive_serialisation() {
    for config in ModelConfig::all() {
        let text = serde_json::to_string(&config).unwrap();
        assert!(text.starts_with(&format!("{{\"{}\":", config.name())), "{text}");
        assert_eq!(serde_json::from_str::<ModelConfig>(&text).unwrap(), config);
        assert!(!config.about().is_empty());
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    for (text, expected) in [
        (r#"{"vae":{"latent":0}}"#, "model.vae.latent = 0"),
        (r#"{"deep":{"hidden":[3,-1]}}"#, "model.deep.hidden = [3, -1]"),
        (r#"{"denoising":{"corruption":{"masking":{"rate":1.5}}}}"#, "model.denoising.corruption"),
        (r#"{"vae":{"likelihood":{"gaussian":{"sigma":-1}}}}"#, "above zero"),
    ] {
        let config: ModelConfig = serde_json::from_str(text).unwrap();
        let error = config.build(&summary(&[1, 8, 8]), &noise(0)).err().expect(text).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let vector = ModelConfig::Denoising(Default::default()).build(&summary(&[140]), &noise(0));
    assert!(vector.err().unwrap().to_string().contains("takes images"));
}
