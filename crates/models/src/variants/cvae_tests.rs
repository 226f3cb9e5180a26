//! Tests of what the label affects.

use super::*;
use crate::testing::*;

fn built(encoder: Body, data: &DataSummary) -> Cvae {
    let input = match (&encoder, &data.shape[..]) {
        (Body::Conv(_), [channels, height, width]) => vec![channels + CLASSES, *height, *width],
        (Body::Recurrent(_), [steps, features]) => vec![*steps, features + CLASSES],
        _ => vec![data.numel() + CLASSES],
    };
    let config = VariationalConfig {
        variant: Config::NAME,
        encoder,
        decoder: None,
        latent: LATENT,
        activation: Activation::Tanh,
        likelihood: Likelihood::Bernoulli,
        targets: Targets::Grey,
        kl: Kl::default(),
    };
    Cvae {
        inner: Variational::conditional(&config, &input, CLASSES, data, &noise()).unwrap(),
        classes: CLASSES,
    }
}

fn labels(n: i64) -> Tensor {
    Tensor::arange(n, (Kind::Int64, ae_tensor::Device::Cpu)).remainder(CLASSES)
}

#[test]
fn losses_and_gradients_are_pytorchs() {
    let model = built(Body::dense([HIDDEN]), &data());
    set_weights(&model);
    let condition = model.condition(Some(&labels(ROWS)), &bits());
    let pass = Pass::evaluation(noise());
    let losses = model.losses_from(&bits(), None, &condition, &draws(&[ROWS, LATENT]), &pass).remove(0);
    check_reference("conditional", &model, &losses);
}

#[test]
fn the_label_reaches_the_posterior_and_the_sample() {
    let image = DataSummary { shape: vec![2, 5, 4], ..data() };
    let steps = DataSummary { shape: vec![7, 2], ..data() };
    let recurrent = Body::Recurrent(Default::default());
    for (encoder, data) in [(Body::dense([HIDDEN]), data()), (Body::conv([4]), image), (recurrent, steps)] {
        let model = built(encoder, &data);
        let values =
            Tensor::full([&[2], &data.shape[..]].concat(), 0.4, (Kind::Float, ae_tensor::Device::Cpu));
        let posterior = |labels: Option<&[i64]>| {
            let labels = labels.map(Tensor::from_slice);
            LatentVariable::posterior(
                &model,
                &Batch { values: values.shallow_clone(), labels, observed: None, given: None },
            )
            .mean
        };
        let means = posterior(Some(&[0, 2]));
        assert_ne!(means.get(0), means.get(1));
        assert_eq!(posterior(None).get(0), posterior(None).get(1));
        let latents = Tensor::zeros([4, LATENT], (Kind::Float, ae_tensor::Device::Cpu));
        let samples = model.generate(&latents);
        assert_eq!(samples.size(), [&[4], &data.shape[..]].concat());
        assert!(samples.get(0).allclose(&samples.get(3), 0.0, 1e-6, false), "labels take turns");
        assert_ne!(samples.get(0), samples.get(1));
        assert_eq!(model.generate_labelled(&latents, &labels(4)), samples);
    }
}

#[test]
fn data_without_labels_are_refused() {
    let data = DataSummary { classes: 0, ..data() };
    let error = Config::default().initialise(&data, &noise()).err().expect("no labels").to_string();
    assert!(error.contains("model.cvae needs the label") && error.contains("data.label"), "{error}");
    let vector = Config { encoder: Body::conv([4]), ..Config::default() };
    let error = vector.initialise(&self::data(), &noise()).err().expect("no image").to_string();
    assert!(error.contains("cannot take [6]: convolutions need an image"), "{error}");
}
