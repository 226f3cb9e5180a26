//! Tests which settings are accepted, and the errors for the others.

use ae_models::{Batch, DataSummary, Model, ModelConfig, Pass};
use ae_tensor::{Device, Kind, Noise, Optimizer, OptimizerConfig, Tensor};

fn summary(shape: &[i64]) -> DataSummary {
    DataSummary { shape: shape.to_vec(), mean: 0.3, low: 0.0, high: 1.0, classes: 3 }
}

fn noise() -> Noise {
    Noise::new(7, 0, Device::Cpu)
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
        (r#"{"linear":{"code":0}}"#, "model.linear.code = 0"),
        (r#"{"classifier":{"features":0}}"#, "model.classifier.features = 0"),
        (r#"{"conv":{"channels":[]}}"#, "model.conv.channels = []"),
        (r#"{"stacked":{"hidden":[]}}"#, "a list of one to six widths"),
        (r#"{"stacked":{"pretraining":1.5}}"#, "model.stacked.pretraining = 1.5"),
        (r#"{"sparse":{"sparsity":{"l1":{"weight":-1}}}}"#, "model.sparse.sparsity.l1.weight = -1"),
        (r#"{"sparse":{"sparsity":{"top_k":{"k":65}}}}"#, "at most the width of the code"),
        (r#"{"sparse":{"sparsity":{"rate":{"rate":0.1,"weight":1}}}}"#, "sigmoid if the sparsity is a rate"),
        (r#"{"sparse":{"tied":true,"encoder":"conv"}}"#, "model.sparse.tied = true"),
        (
            r#"{"sparse":{"sparsity":{"top_k":{"k":5,"auxiliary":{"k":65}}}}}"#,
            "model.sparse.sparsity.top_k.auxiliary.k = 65",
        ),
        (r#"{"sparse":{"sparsity":{"top_k":{"k":5,"auxiliary":{}}}}}"#, "output = \"identity\""),
        (
            r#"{"sparse":{"hidden":[9],"output":"identity","sparsity":{"top_k":{"k":5,"auxiliary":{}}}}}"#,
            "one linear layer leads from the code to the data",
        ),
        (r#"{"contractive":{"hidden":[9]}}"#, "model.contractive.jacobian = closed_form"),
        (r#"{"gan":{"channels":[0]}}"#, "model.gan.channels = [0]"),
        (r#"{"gan":{"channels":[4,4,4,4]}}"#, "layer 9 of the discriminator (conv 4, 4×4, stride 2)"),
        (r#"{"aae":{"adversarial":-1}}"#, "model.aae.adversarial = -1"),
        (r#"{"vae_gan":{"similarity":-1}}"#, "model.vae_gan.similarity = -1"),
        (r#"{"vae_gan":{"channels":[]}}"#, "model.vae_gan.channels = []"),
        (r#"{"vq_vae":{"entries":0}}"#, "model.vq_vae.entries = 0"),
        (r#"{"vq_vae":{"decay":1}}"#, "at least 0 and below 1"),
        (r#"{"factorised":{"hyperprior":{"side":0}}}"#, "model.factorised.hyperprior.side = 0"),
        (r#"{"vq_vae":{"prior":{"after":1.0}}}"#, "model.vq_vae.prior.after = 1"),
        (r#"{"vae":{"likelihood":{"gaussian":{"sigma":-1}}}}"#, "above zero"),
        (r#"{"vae":{"encoder":{"dense":{"hidden":[0]}}}}"#, "model.vae.encoder = [0]"),
        (r#"{"beta_vae":{"beta":-1}}"#, "model.beta_vae.beta = -1"),
        (r#"{"iwae":{"samples":0}}"#, "model.iwae.samples = 0"),
    ] {
        let config: ModelConfig = serde_json::from_str(text).unwrap();
        let error = config.initialise(&summary(&[1, 8, 8]), &noise()).err().expect(text).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let vector = ModelConfig::Denoising(Default::default()).initialise(&summary(&[140]), &noise());
    assert!(vector.err().unwrap().to_string().contains("takes images"));
}

/// Settings of any size are described without their tensors, or refused by name, at once.
#[test]
fn huge_settings_take_no_memory() {
    let initialised = |text: &str, shape: &[i64]| {
        let config: ModelConfig = serde_json::from_str(text).unwrap();
        config.initialise(&summary(shape), &noise())
    };
    for (text, shape) in [
        (r#"{"vanilla":{"code":1000000000}}"#, &[784][..]),
        (r#"{"deep":{"hidden":[100000,100000]}}"#, &[784]),
        (r#"{"vae":{"latent":1000000000}}"#, &[784]),
        (r#"{"vae":{"encoder":{"conv":{"channels":[100000,100000]}}}}"#, &[1, 8, 8]),
        (r#"{"sparse":{"code":1000000000}}"#, &[784]),
        (r#"{"gan":{"channels":[100000,100000]}}"#, &[1, 8, 8]),
        (r#"{"aae":{"discriminator":[100000,100000]}}"#, &[784]),
        (r#"{"vq_vae":{"entries":1000000000}}"#, &[784]),
        (r#"{"stacked":{"hidden":[100000,100000]}}"#, &[784]),
        (r#"{"lstm":{"units":100000}}"#, &[784]),
        (r#"{"tcn":{"channels":100000}}"#, &[784]),
        (r#"{"mae":{"width":400000}}"#, &[1, 8, 8]),
    ] {
        let model = initialised(text, shape).unwrap();
        assert!(model.numel() > 1 << 30, "{text}: {}", model.numel());
        assert!(model.check_size(1 << 30).is_err(), "{text}");
    }
    for (text, expected) in [
        (r#"{"mae":{"depth":1000000000}}"#, "model.mae.depth = 1000000000 layers"),
        (r#"{"mae":{"decoder_depth":257}}"#, "at most 256 layers"),
        (r#"{"vq_vae":{"residual_blocks":18446744073709551615}}"#, "model.vq_vae.residual_blocks"),
        (r#"{"vq_vae":{"width":9000000000000000000}}"#, "at most 2147483647"),
        (r#"{"vae":{"latent":9000000000000000000}}"#, "at most 2147483647"),
        (r#"{"deep":{"hidden":[3,9000000000000000000]}}"#, "a list of numbers of at most 2147483647"),
    ] {
        let error = initialised(text, &[1, 8, 8]).err().expect(text).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let many = vec!["1"; 70].join(",");
    let error = initialised(&format!("{{\"conv\":{{\"channels\":[{many}]}}}}"), &[1, 8, 8]).err().unwrap();
    assert!(error.to_string().contains("70 channel counts"), "{error}");
    let many = vec!["1"; 300].join(",");
    let error = initialised(&format!("{{\"deep\":{{\"hidden\":[{many}]}}}}"), &[784]).err().unwrap();
    assert!(error.to_string().contains("model.deep.hidden = 300 layers"), "{error}");
}

#[test]
fn what_learns_from_labels_is_refused_without_them() {
    let unlabelled = DataSummary { classes: 0, ..summary(&[1, 8, 8]) };
    for config in [ModelConfig::Classifier(Default::default()), ModelConfig::Stacked(Default::default())] {
        let error = config.initialise(&unlabelled, &noise()).err().unwrap();
        assert!(error.to_string().contains("choose data with labels"), "{error}");
    }
}

#[test]
fn a_code_that_could_hold_the_sample_is_warned_of_unless_something_keeps_it_from_copying() {
    let check = |text: &str, shape: &[i64], expected: usize| {
        let config: ModelConfig = serde_json::from_str(text).unwrap();
        let warnings = config.initialise(&summary(shape), &noise()).unwrap().warnings();
        assert_eq!(warnings.len(), expected, "{text}: {warnings:?}");
    };
    check(r#"{"vanilla":{"code":64}}"#, &[1, 8, 8], 1);
    check(r#"{"vanilla":{"code":63}}"#, &[1, 8, 8], 0);
    check(r#"{"deep":{"code":99}}"#, &[41], 1);
    check(r#"{"sparse":{"code":99}}"#, &[41], 0);
    check(r#"{"contractive":{"code":99}}"#, &[41], 0);
}

/// Every variant that reconstructs, with the binary cross-entropy as its loss.
fn with_cross_entropy() -> Vec<ModelConfig> {
    let sigmoid = r#""output":"sigmoid","loss":"bce""#;
    let of = |variant: &str, more: &str| format!("{{\"{variant}\":{{{sigmoid}{more}}}}}");
    let plain =
        ["vanilla", "deep", "hinton", "sparse", "contractive", "denoising", "conv", "ecg", "aae", "vq_vae"];
    let mut texts: Vec<String> = plain.iter().map(|variant| of(variant, "")).collect();
    texts.push(of("stacked", r#","activation":"sigmoid","hidden":[9,7]"#));
    texts.iter().map(|text| serde_json::from_str(text).expect(text)).collect()
}

fn total(model: &dyn Model, batch: &Batch, step: u64) -> Tensor {
    let losses = model.losses(batch, &Pass::training(noise(), step, 100));
    losses[0].total().expect("the first group trains first")
}

#[test]
fn the_binary_cross_entropy_trains_every_variant_that_reconstructs() {
    ae_tensor::device::set_threads(1);
    for config in with_cross_entropy() {
        let name = config.name();
        let model = config.initialise(&summary(&[1, 8, 8]), &noise()).unwrap();
        let values = noise().uniform("samples", &[12, 1, 8, 8]);
        let labels = Some(Tensor::from_slice(&[0i64, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]));
        let batch = Batch { values, labels, observed: None, given: None };
        let parameters: Vec<Tensor> =
            model.groups()[0].parameters.iter().map(|p| p.1.shallow_clone()).collect();
        let mut optimizer = Optimizer::new(OptimizerConfig::default(), &parameters).unwrap();
        let before = total(model.as_ref(), &batch, 0).double_value(&[]);
        for _ in 0..40 {
            optimizer.zero_gradients().unwrap();
            total(model.as_ref(), &batch, 0).backward();
            optimizer.step(0.01).unwrap();
        }
        let after = total(model.as_ref(), &batch, 0).double_value(&[]);
        assert!(after < before, "{name}: {before} to {after}");
        if model.as_autoencoder().is_some() {
            assert_eq!(model.objective(), "bce", "{name}");
        }
    }
}

#[test]
fn the_binary_cross_entropy_of_values_that_are_no_probabilities_is_refused() {
    for config in with_cross_entropy() {
        let data = DataSummary { low: -3.0, high: 255.0, ..summary(&[1, 8, 8]) };
        let error = config
            .initialise(&data, &noise())
            .err()
            .unwrap_or_else(|| panic!("{}", config.name()))
            .to_string();
        assert!(
            error.contains("the data span [-3, 255], but the loss bce only takes values in [0, 1]"),
            "{error}"
        );
    }
    let config: ModelConfig =
        serde_json::from_str(r#"{"vanilla":{"output":"identity","loss":"bce"}}"#).unwrap();
    let error = config.initialise(&summary(&[8]), &noise()).err().unwrap().to_string();
    assert!(error.contains("the loss bce needs a sigmoid output, got identity"), "{error}");
    let config: ModelConfig = serde_json::from_str(r#"{"stacked":{"loss":"bce"}}"#).unwrap();
    let error = config.initialise(&summary(&[8]), &noise()).err().unwrap().to_string();
    assert!(error.contains("model.stacked.activation = relu is out of range; it must be sigmoid"), "{error}");
}

#[test]
fn the_binary_cross_entropy_is_the_formula_over_what_was_observed() {
    let config: ModelConfig = serde_json::from_str(r#"{"vanilla":{"code":3,"loss":"bce"}}"#).unwrap();
    let model = config.initialise(&summary(&[8]), &noise()).unwrap();
    let values = noise().uniform("samples", &[5, 8]);
    let rebuilt = model.as_autoencoder().unwrap().reconstruct(&values);
    let entropy = -(&values * rebuilt.log() + (-&values + 1.0) * (-&rebuilt + 1.0).log());
    let check = |observed: Option<Tensor>, expected: Tensor| {
        let batch = Batch { values: values.shallow_clone(), labels: None, observed, given: None };
        let off = (total(model.as_ref(), &batch, 0) - expected).abs().double_value(&[]);
        assert!(off < 1e-6, "{off}");
    };
    check(None, entropy.mean(Kind::Float));
    let observed = noise().mask("observed", &[5, 8], 0.5);
    let expected = (&entropy * &observed).sum(Kind::Float) / observed.sum(Kind::Float);
    check(Some(observed), expected);
}

#[test]
fn settings_of_earlier_files_are_read() {
    for (text, expected) in [
        (r#"{"ecg":{"distance":"mean_squared"}}"#, r#""loss":"mse""#),
        (r#"{"vanilla":{"distance":"mean_absolute"}}"#, r#""loss":"mae""#),
    ] {
        let config: ModelConfig = serde_json::from_str(text).unwrap();
        let written = serde_json::to_string(&config).unwrap();
        assert!(written.contains(expected), "{written}");
    }
}
