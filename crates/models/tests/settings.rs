//! What settings may be, and what is said of those that may not.

use ae_models::{DataSummary, ModelConfig};
use ae_tensor::{Device, Noise};

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
        (
            r#"{"sparse":{"sparsity":{"rate":{"rate":0.1,"weight":1}}}}"#,
            "sigmoid where the sparsity is a rate",
        ),
        (r#"{"contractive":{"hidden":[9]}}"#, "model.contractive.jacobian = closed_form"),
        (r#"{"gan":{"channels":[0]}}"#, "model.gan.channels = [0]"),
        (r#"{"gan":{"channels":[4,4,4,4]}}"#, "layer 9 of the discriminator (conv 4, 4×4, stride 2)"),
        (r#"{"aae":{"adversarial":-1}}"#, "model.aae.adversarial = -1"),
        (r#"{"vq_vae":{"entries":0}}"#, "model.vq_vae.entries = 0"),
        (r#"{"vq_vae":{"decay":1}}"#, "at least 0 and below 1"),
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
