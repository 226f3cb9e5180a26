//! Tests the contract of every variant of the registry, on every sample shape that it takes.

mod common;

use ae_models::variants::{autorec, beta_vae, vae_gan};
use ae_models::{Batch, Code, CodeForm, DataSummary, Group, Losses, Model, ModelConfig, Pass};
use ae_tensor::{Activation, Device, Kind, Noise, Optimizer, OptimizerConfig, Tensor};
use common::{batch, build, shapes, summary, variants};
use std::collections::BTreeSet;

fn each(check: impl Fn(&ModelConfig, &[i64])) {
    ae_tensor::device::set_threads(1); // tests run side by side; libtorch's threads would only wait for each other
    for config in variants() {
        for shape in shapes(&config) {
            check(&config, &shape);
        }
    }
}

/// Steps of the simulated runs: a model that learns in stages goes through all of them.
const STEPS: u64 = 400;

fn noise(step: u64) -> Noise {
    Noise::new(7, step, Device::Cpu)
}

fn training(step: u64) -> Pass {
    Pass::training(noise(step), step, STEPS)
}

fn measuring(step: u64) -> Pass {
    Pass::evaluation(noise(step))
}

fn total(model: &dyn Model, batch: &Batch, pass: &Pass) -> f64 {
    model.losses(batch, pass).iter().filter_map(Losses::total).map(|total| total.double_value(&[])).sum()
}

/// The state as numbers.
fn state(model: &dyn Model) -> Vec<Vec<f64>> {
    model.state().iter().map(|(_, tensor)| ae_tensor::array::to_vec(tensor)).collect()
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
            assert_eq!(autoencoder.restore(&batch, &noise(0)).size(), expected, "{name}");
        }
        if let Some(generator) = model.as_generator() {
            assert_eq!(generator.sample(3, &noise(0)).size(), expected, "{name}");
        }
    });
}

/// The form says what the encoder gives: a wrapper that hides a codebook would count its entries as numbers.
#[test]
fn a_code_has_the_form_that_it_states() {
    let discrete = std::cell::Cell::new(0);
    each(|config, shape| {
        let model = build(config, shape, 0);
        let Some(autoencoder) = model.as_autoencoder() else { return };
        let (name, form) = (config.name(), autoencoder.code_form());
        let got = match autoencoder.encode(&batch(shape, 3).values) {
            Code::Discrete { indices, .. } => {
                discrete.set(discrete.get() + 1);
                let CodeForm::Discrete { choices, .. } = form else { panic!("{name} counts {form}") };
                assert!((0..choices).contains(&indices.max().int64_value(&[])), "{name}: {form}");
                CodeForm::Discrete { positions: indices.numel() as i64 / 3, choices }
            }
            code => CodeForm::Numbers(code.point().numel() as i64 / 3),
        };
        assert_eq!(form, got, "{name}");
    });
    assert_eq!(discrete.get(), 3, "vq_vae takes three shapes");
}

#[test]
fn losses_are_finite_named_scalars_one_for_each_group() {
    each(|config, shape| {
        let model = build(config, shape, 0);
        let name = config.name();
        for pass in [training(0), training(STEPS - 1), measuring(0)] {
            let losses = model.losses(&batch(shape, 5), &pass);
            assert_eq!(losses.len(), model.groups().len(), "{name}");
            for (term, value) in losses.iter().flat_map(|l| l.terms.iter().chain(&l.figures)) {
                assert!(value.size().is_empty() && value.double_value(&[]).is_finite(), "{name} {term}");
            }
            for (term, value) in losses.iter().flat_map(|l| &l.figures) {
                assert!(!value.requires_grad(), "{name} {term}: a figure carries no graph");
            }
        }
    });
}

#[test]
fn a_measurement_has_the_objective_and_changes_nothing() {
    each(|config, shape| {
        let model = build(config, shape, 0);
        let before = state(model.as_ref());
        let losses = model.losses(&batch(shape, 5), &measuring(0));
        let names: Vec<_> = losses.iter().flat_map(|l| &l.figures).map(|figure| figure.0).collect();
        if losses.len() > 1 {
            assert!(names.contains(&model.objective()), "{} measures {names:?}", config.name());
        }
        assert_eq!(state(model.as_ref()), before, "{}", config.name());
    });
}

#[test]
fn a_gradient_reaches_every_parameter() {
    each(|config, shape| {
        let model = build(config, shape, 0);
        for step in (0..STEPS).step_by(10) {
            // Together, as groups may share a forward pass.
            let losses = model.losses(&batch(shape, 16), &training(step));
            if let Some(total) = losses.iter().filter_map(Losses::total).reduce(|sum, total| sum + total) {
                total.backward();
            }
        }
        for (name, parameter) in model.parameters() {
            let gradient = parameter.grad();
            assert!(gradient.defined(), "{} {name} has no gradient", config.name());
            assert!(gradient.abs().sum(Kind::Double).double_value(&[]) > 0.0, "{} {name}", config.name());
        }
        for (name, buffer) in model.buffers() {
            assert!(!buffer.requires_grad(), "{} {name}", config.name());
        }
    });
}

#[test]
fn the_state_has_unique_names_and_the_groups_hold_every_parameter() {
    each(|config, shape| {
        let model = build(config, shape, 0);
        let name = config.name();
        let names = |named: Vec<(String, Tensor)>| named.into_iter().map(|t| t.0).collect::<BTreeSet<_>>();
        let grouped: BTreeSet<_> = model.groups().into_iter().flat_map(|g| names(g.parameters)).collect();
        let states = (names(model.parameters()), names(model.state()).len());
        assert_eq!(states, (grouped, model.state().len()), "{name}");
        let held: i64 = model.state().iter().map(|tensor| tensor.1.numel() as i64).sum();
        assert_eq!(model.numel(), held, "{name}");
        assert!(model.check_size(held).is_ok() && model.check_size(held - 1).is_err(), "{name}");
        let most = model.activations() + model.workspace();
        assert!(model.activations() > shape.iter().product::<i64>(), "{name}: a forward pass makes values");
        let less = model.check_activations(most - 1);
        assert!(model.check_activations(most).is_ok() && less.is_err(), "{name}");
        let counted: i64 = model.parameters().iter().map(|p| p.1.numel() as i64).sum();
        let summed: i64 = model.networks().iter().map(|network| network.1.architecture().parameters()).sum();
        assert_eq!(counted, summed, "{name}");
    });
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_another_seed_does_not() {
    each(|config, shape| {
        let batch = batch(shape, 4);
        let loss = |seed, step| total(build(config, shape, seed).as_ref(), &batch, &training(step));
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
        let _moves_buffers = first.losses(&batch(shape, 6), &training(0));
        for ((name, mut to), (from_name, from)) in second.state().into_iter().zip(first.state()) {
            assert_eq!(name, from_name);
            ae_tensor::tch::no_grad(|| to.copy_(&from));
        }
        let batch = batch(shape, 4);
        let losses = [&first, &second].map(|m| total(m.as_ref(), &batch, &measuring(0)));
        assert_eq!(losses[0], losses[1], "{}", config.name());
    });
}

#[test]
fn one_batch_can_be_learned() {
    each(|config, shape| {
        let config = &match config.clone() {
            // A high price on information is meant to keep it out.
            ModelConfig::BetaVae(it) => ModelConfig::BetaVae(beta_vae::Config { beta: 1.0, ..it }),
            // A high price on weights is meant to keep them small.
            ModelConfig::Autorec(it) => ModelConfig::Autorec(autorec::Config { l2: 1e-3, ..it }),
            // A low price on resemblance leaves room for images that only fool the discriminator.
            ModelConfig::VaeGan(it) => ModelConfig::VaeGan(vae_gan::Config { similarity: 1.0, ..it }),
            other => other,
        };
        let (model, batch) = (build(config, shape, 0), batch(shape, 8));
        let mut groups = model.groups();
        if matches!(config, ModelConfig::VaeGan(_)) {
            groups.pop(); // the discriminator: what resembles a sample is to stay the same
        }
        let optimizer = |group: &Group| {
            let parameters: Vec<Tensor> = group.parameters.iter().map(|p| p.1.shallow_clone()).collect();
            Optimizer::new(OptimizerConfig::default(), &parameters).unwrap()
        };
        let mut optimizers: Vec<Optimizer> = groups.iter().map(optimizer).collect();
        let Some(autoencoder) = model.as_autoencoder() else { return };
        let reconstruction = || {
            let x = autoencoder.reconstruct_batch(&batch);
            (x - &batch.values).square().mean(Kind::Float).double_value(&[])
        };
        let before = reconstruction();
        for step in 0..STEPS {
            let losses = model.losses(&batch, &training(step));
            let resting: Vec<bool> = losses.iter().map(|l| l.total().is_none()).collect();
            for optimizer in &optimizers {
                optimizer.zero_gradients().unwrap();
            }
            for (optimizer, losses) in optimizers.iter().zip(&losses) {
                if let Some(total) = losses.total() {
                    optimizer.backward(&total, true).unwrap();
                }
            }
            for (optimizer, _) in optimizers.iter_mut().zip(resting).filter(|(_, resting)| !resting) {
                optimizer.step(3e-3).unwrap();
            }
            if step % 25 == 24 && reconstruction() < 0.2 * before {
                return; // learned
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
        use ModelConfig::{Autorec, Classifier, Linear, Lstm, Mae, MultDae, MultVae, Tcn, Text};
        let linear = matches!(config, ModelConfig::Sparse(sparse) if sparse.output == Activation::Identity);
        if linear || matches!(config, Linear(_) | Classifier(_) | Lstm(_) | Tcn(_) | Mae(_) | Autorec(_)) {
            return; // any data will do
        }
        let data = DataSummary { low: -3.0, high: 255.0, ..summary(shape) };
        let legal = if matches!(config, MultVae(_) | MultDae(_) | Text(_)) { "[0, inf]" } else { "[0, 1]" };
        let error = config.initialise(&data, &noise(0)).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("[-3, 255]") && error.contains(legal), "{}: {error}", config.name());
    });
}

/// A model that masks missing values gives the same as without a mask if nothing is missing, depends on
/// observed values, and does not depend on the targets of missing ones.
#[test]
fn what_was_not_observed_does_not_count() {
    let masking = std::cell::Cell::new(0);
    each(|config, shape| {
        let model = build(config, shape, 0);
        if !model.masks_missing() {
            return;
        }
        masking.set(masking.get() + 1);
        let with = |observed: Option<Tensor>| {
            let whole = batch(shape, 5);
            let values = observed.as_ref().map_or(whole.values.shallow_clone(), |seen| whole.values * seen);
            let given = Batch { values, labels: whole.labels, observed, given: None };
            total(model.as_ref(), &given, &measuring(0))
        };
        let size = [&[5], shape].concat();
        let plain = with(None);
        let all = with(Some(Tensor::ones(size.as_slice(), (Kind::Float, Device::Cpu))));
        assert!((plain - all).abs() < 1e-4 * plain.abs(), "{} {shape:?}: {plain} or {all}", config.name());
        let half = -noise(1).mask("observed", &size, 0.5) + 1.0;
        let complete = batch(shape, 5);
        let shown =
            Batch { values: complete.values * &half, labels: complete.labels, observed: None, given: None };
        let unmasked = total(model.as_ref(), &shown, &measuring(0));
        let masked = with(Some(half));
        let differs = masked.is_finite() && masked != unmasked;
        assert!(differs, "{} {shape:?}: a mask changes nothing", config.name());
    });
    assert!(masking.get() > 8, "{} variants and shapes mask what is missing", masking.get());
}

/// Given its latents, the density of a sample covers its observed values only, which a reconstruction
/// probability (An & Cho, 2015) is made of.
#[test]
fn densities_are_those_of_what_was_observed() {
    let densities = std::cell::Cell::new(0);
    each(|config, shape| {
        let model = build(config, shape, 0);
        let Some(density) = model.as_latent_variable() else { return };
        densities.set(densities.get() + 1);
        assert!(model.masks_missing(), "{} trains on rows with gaps as if they had none", config.name());
        let whole = batch(shape, 5);
        let latents = density.posterior(&whole).mean.detach();
        let of = |values: &Tensor, observed: Option<&Tensor>| {
            let labels = whole.labels.as_ref().map(Tensor::shallow_clone);
            let batch = Batch {
                values: values.shallow_clone(),
                labels,
                observed: observed.map(Tensor::shallow_clone),
                given: None,
            };
            density.negative_log_likelihood(&latents, &batch).detach()
        };
        let near = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]) < 1e-3;
        let plain = of(&whole.values, None);
        assert_eq!(plain.size(), [5], "{} {shape:?}", config.name());
        assert!(near(&plain, &of(&whole.values, Some(&whole.values.ones_like()))), "{}", config.name());
        let observed = noise(1).mask("observed", &whole.values.size(), 0.5);
        let values = density.negative_log_likelihood_per_value(&latents, &whole).detach();
        let expected =
            (values * observed.flatten(1, -1)).sum_dim_intlist([1i64].as_slice(), false, None::<Kind>);
        let masked = of(&(&whole.values * &observed), Some(&observed));
        assert!(near(&masked, &expected) && !near(&masked, &plain), "{} {shape:?}", config.name());
        let nothing = of(&whole.values, Some(&observed.zeros_like()));
        assert!(near(&nothing, &nothing.zeros_like()), "{} {shape:?}", config.name());
    });
    assert!(densities.get() >= 12, "{} variants and shapes have densities", densities.get());
}
