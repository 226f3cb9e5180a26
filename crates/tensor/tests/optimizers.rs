//! Tests the fused optimizers against plain implementations of the papers' algorithms in double precision,
//! and their state through a save and a load.

use ae_tensor::kernels;
use ae_tensor::optimizer::{Adam, Adamw, Rmsprop, Sgd, update_averages};
use ae_tensor::{Device, Kind, Optimizer, OptimizerConfig, Tensor};
use std::collections::HashMap;

const RATE: f64 = 0.01;

fn configs() -> Vec<OptimizerConfig> {
    let adam = Adam { weight_decay: 0.1, ..Adam::default() };
    vec![
        OptimizerConfig::Sgd(Sgd::default()),
        OptimizerConfig::Sgd(Sgd { momentum: 0.9, weight_decay: 0.1, nesterov: false }),
        OptimizerConfig::Sgd(Sgd { momentum: 0.9, weight_decay: 0.0, nesterov: true }),
        OptimizerConfig::Adam(Adam::default()),
        OptimizerConfig::Adam(adam),
        OptimizerConfig::Adamw(Adamw { weight_decay: 0.1, ..Adamw::default() }),
        OptimizerConfig::Adamw(Adamw::default()),
        OptimizerConfig::Rmsprop(Rmsprop::default()),
        OptimizerConfig::Rmsprop(Rmsprop { momentum: 0.9, weight_decay: 0.1, ..Rmsprop::default() }),
        OptimizerConfig::Rmsprop(Rmsprop { centered: true, momentum: 0.5, ..Rmsprop::default() }),
    ]
}

/// The gradient that step `t` sees at `x`: that of a quartic with a moving centre.
fn gradient(x: f64, t: usize) -> f64 {
    (x - (t as f64 * 0.7).sin()).powi(3) + 0.2 * x
}

fn plain(config: &OptimizerConfig, x: &mut [f64], steps: usize) {
    let [mut m, mut v, mut step] = [(); 3].map(|()| vec![0.0; x.len()]);
    for t in 1..=steps {
        for i in 0..x.len() {
            let g = gradient(x[i], t);
            match config {
                OptimizerConfig::Sgd(sgd) => {
                    let g = g + sgd.weight_decay * x[i];
                    m[i] = sgd.momentum * m[i] + g;
                    x[i] -= RATE * if sgd.nesterov { g + sgd.momentum * m[i] } else { m[i] };
                }
                OptimizerConfig::Adam(Adam { beta1, beta2, epsilon, weight_decay })
                | OptimizerConfig::Adamw(Adamw { beta1, beta2, epsilon, weight_decay }) => {
                    let decoupled = matches!(config, OptimizerConfig::Adamw(_));
                    let g = if decoupled { g } else { g + weight_decay * x[i] };
                    if decoupled {
                        x[i] -= RATE * weight_decay * x[i];
                    }
                    m[i] = beta1 * m[i] + (1.0 - beta1) * g;
                    v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
                    let m_hat = m[i] / (1.0 - beta1.powi(t as i32));
                    let v_hat = v[i] / (1.0 - beta2.powi(t as i32));
                    x[i] -= RATE * m_hat / (v_hat.sqrt() + epsilon);
                }
                OptimizerConfig::Rmsprop(r) => {
                    let g = g + r.weight_decay * x[i];
                    v[i] = r.alpha * v[i] + (1.0 - r.alpha) * g * g;
                    m[i] = r.alpha * m[i] + (1.0 - r.alpha) * g;
                    let spread = if r.centered { v[i] - m[i] * m[i] } else { v[i] };
                    step[i] = r.momentum * step[i] + g / (spread.sqrt() + r.epsilon);
                    x[i] -= RATE * step[i];
                }
            }
        }
    }
}

fn start() -> Vec<f64> {
    (0..40).map(|i| (i as f64 * 0.37).cos() * 2.0).collect()
}

/// Two parameters, as a group has several.
fn parameters() -> Vec<Tensor> {
    let x = Tensor::from_slice(&start()).to_kind(Kind::Float);
    [x.slice(0, 0, 24, 1).view([4, 6]), x.slice(0, 24, 40, 1)]
        .map(|p| p.copy().set_requires_grad(true))
        .into()
}

fn descend(optimizer: &mut Optimizer, parameters: &[Tensor], steps: std::ops::RangeInclusive<usize>) {
    for t in steps {
        optimizer.zero_gradients().unwrap();
        let centre = (t as f64 * 0.7).sin();
        let loss: Tensor = parameters
            .iter()
            .map(|p| ((p - centre).pow_tensor_scalar(4) * 0.25 + p.square() * 0.1).sum(Kind::Float))
            .sum();
        loss.backward();
        optimizer.step(RATE).unwrap();
    }
}

fn flat(parameters: &[Tensor]) -> Tensor {
    Tensor::cat(&parameters.iter().map(|p| p.detach().flatten(0, -1)).collect::<Vec<_>>(), 0)
}

#[test]
fn they_do_what_the_papers_say() {
    for config in configs() {
        let parameters = parameters();
        let mut optimizer = Optimizer::new(config, &parameters).unwrap();
        descend(&mut optimizer, &parameters, 1..=50);
        let mut expected = start();
        plain(&config, &mut expected, 50);
        let difference = (flat(&parameters) - Tensor::from_slice(&expected)).abs().max().double_value(&[]);
        // Single against double precision over 50 steps.
        assert!(difference < 2e-5, "{config:?} is off by {difference:e}");
    }
}

#[test]
fn rmsprop_does_what_pytorchs_does() {
    #[derive(serde::Deserialize)]
    struct Case {
        config: Rmsprop,
        end: Vec<f64>,
    }
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/rmsprop.json")).unwrap();
    assert!(cases.len() > 3);
    for Case { config, end } in cases {
        let parameters = parameters();
        let mut optimizer = Optimizer::new(OptimizerConfig::Rmsprop(config), &parameters).unwrap();
        descend(&mut optimizer, &parameters, 1..=50);
        let difference = (flat(&parameters) - Tensor::from_slice(&end)).abs().max().double_value(&[]);
        // Single against double precision over 50 steps.
        assert!(difference < 2e-5, "{config:?} is off by {difference:e}");
    }
}

#[test]
fn a_gradient_that_never_changes_has_no_variance_to_take_a_root_of() {
    let x = Tensor::from_slice(&[1f32, -2.0, 3.3]).set_requires_grad(true);
    let config = Rmsprop { centered: true, alpha: 0.0, ..Rmsprop::default() };
    let mut optimizer = Optimizer::new(OptimizerConfig::Rmsprop(config), &[x.shallow_clone()]).unwrap();
    for _ in 0..20 {
        optimizer.zero_gradients().unwrap();
        (&x * 0.1f64).sum(Kind::Float).backward();
        optimizer.step(1e-12).unwrap();
    }
    assert!(bool::try_from(x.isfinite().all()).unwrap(), "{x:?}");
}

#[test]
fn a_loaded_state_continues_bit_for_bit() {
    for config in configs() {
        let whole = parameters();
        descend(&mut Optimizer::new(config, &whole).unwrap(), &whole, 1..=20);

        let first = parameters();
        let mut optimizer = Optimizer::new(config, &first).unwrap();
        descend(&mut optimizer, &first, 1..=7);
        let state: HashMap<_, _> = optimizer.state().into_iter().map(|(n, t)| (n, t.copy())).collect();
        let second: Vec<_> = first.iter().map(|p| p.detach().copy().set_requires_grad(true)).collect();
        let mut resumed = Optimizer::new(config, &second).unwrap();
        resumed
            .load_state(|name| state.get(name).map(Tensor::shallow_clone), optimizer.steps_taken())
            .unwrap();
        descend(&mut resumed, &second, 8..=20);
        assert_eq!(flat(&whole), flat(&second), "{config:?}");
        assert_eq!(resumed.steps_taken(), 20);
    }
}

#[test]
fn a_state_of_something_else_is_refused() {
    let mut optimizer = Optimizer::new(OptimizerConfig::default(), &parameters()).unwrap();
    let error = optimizer.load_state(|_| None, 0).unwrap_err().to_string();
    assert!(error.contains("`first.0`"), "{error}");
    let wrong = Tensor::zeros([3], (Kind::Float, Device::Cpu));
    let error = optimizer.load_state(|_| Some(wrong.shallow_clone()), 0).unwrap_err().to_string();
    assert!(error.contains("[3] instead of [4, 6]"), "{error}");
}

#[test]
fn numbers_out_of_range_are_refused() {
    for config in [
        OptimizerConfig::Sgd(Sgd { momentum: 1.0, ..Sgd::default() }),
        OptimizerConfig::Sgd(Sgd { nesterov: true, ..Sgd::default() }),
        OptimizerConfig::Adam(Adam { beta2: -0.1, ..Adam::default() }),
        OptimizerConfig::Adamw(Adamw { epsilon: 0.0, ..Adamw::default() }),
        OptimizerConfig::Adamw(Adamw { weight_decay: f64::NAN, ..Adamw::default() }),
        OptimizerConfig::Rmsprop(Rmsprop { alpha: 1.0, ..Rmsprop::default() }),
        OptimizerConfig::Rmsprop(Rmsprop { epsilon: 0.0, ..Rmsprop::default() }),
        OptimizerConfig::Rmsprop(Rmsprop { momentum: -0.1, ..Rmsprop::default() }),
    ] {
        let error = Optimizer::new(config, &parameters()).unwrap_err().to_string();
        assert!(error.contains("out of range"), "{error}");
    }
}

#[test]
fn gradients_are_clipped_to_the_norm_and_only_down() {
    for (max_norm, scaled) in [(0.5, true), (1e6, false)] {
        let parameters = parameters();
        let optimizer = Optimizer::new(OptimizerConfig::default(), &parameters).unwrap();
        parameters.iter().map(|p| p.square().sum(Kind::Float)).sum::<Tensor>().backward();
        let before = flat(&parameters) * 2.0; // the gradient of Σx²
        let norm = optimizer.clip_gradient_norm(max_norm).unwrap().double_value(&[]);
        assert!((norm - before.norm().double_value(&[])).abs() < 1e-4);
        let after = flat(&parameters.iter().map(Tensor::grad).collect::<Vec<_>>());
        let expected = if scaled { before * (max_norm / norm) } else { before };
        assert!((after - expected).abs().max().double_value(&[]) < 1e-5);
    }
}

#[test]
fn a_parameter_that_the_loss_does_not_reach_is_left_alone() {
    let parameters = parameters();
    let untouched = parameters[1].detach().copy();
    let mut optimizer = Optimizer::new(OptimizerConfig::default(), &parameters).unwrap();
    parameters[0].square().sum(Kind::Float).backward();
    optimizer.step(RATE).unwrap();
    assert_eq!(parameters[1].detach(), untouched);
}

#[test]
fn our_own_step_is_that_of_libtorch() {
    for config in configs() {
        let [ours, theirs] = [false, true].map(|by_libtorch| {
            let parameters = parameters();
            let mut optimizer = Optimizer::new(config, &parameters).unwrap();
            let mut descend = || descend(&mut optimizer, &parameters, 1..=50);
            if by_libtorch {
                kernels::by_libtorch(descend)
            } else {
                descend()
            }
            flat(&parameters)
        });
        let difference = (&ours - &theirs).abs().max().double_value(&[]);
        assert!(difference < 2e-6, "{config:?}: {difference:e}");
    }
}

#[test]
fn gradients_in_any_order_of_memory_and_of_any_precision_are_taken() {
    for (kind, shape) in [(Kind::Float, &[3i64, 4][..]), (Kind::Double, &[3, 4]), (Kind::Float, &[0])] {
        let slopes = Tensor::arange(shape.iter().product::<i64>(), (kind, Device::Cpu)).view(shape);
        let turned = slopes.transpose(0, -1).contiguous().transpose(0, -1);
        let [plain, turned] = [slopes, turned].map(|slopes| {
            let parameter = Tensor::ones(shape, (kind, Device::Cpu)).set_requires_grad(true);
            let mut optimizer =
                Optimizer::new(OptimizerConfig::default(), &[parameter.shallow_clone()]).unwrap();
            (&parameter * &slopes).sum(kind).backward();
            optimizer.step(RATE).unwrap();
            parameter.detach()
        });
        let same = turned.allclose(&plain, 1e-6, 0.0, false);
        assert!(same && (shape[0] == 0 || turned.min().double_value(&[]) < 1.0), "{kind:?}");
    }
}

#[test]
fn averages_move_towards_the_parameters() {
    let average = [Tensor::from_slice(&[0f32, 10.0])];
    update_averages(&average, &[Tensor::from_slice(&[1f32, 0.0])], 0.9).unwrap();
    let expected = Tensor::from_slice(&[0.1f32, 9.0]);
    assert!((&average[0] - expected).abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn each_group_gets_the_gradient_of_its_own_loss() {
    // A generator against a discriminator in miniature: both losses run through both parameters.
    let [g, d] = [2.0f32, 3.0].map(|v| Tensor::from(v).set_requires_grad(true));
    let product = &g * &d;
    let [of_g, of_d] =
        [&g, &d].map(|p| Optimizer::new(OptimizerConfig::default(), &[p.shallow_clone()]).unwrap());
    of_g.backward(&(&product * 10.0), true).unwrap();
    of_d.backward(&product, false).unwrap();
    assert_eq!(g.grad().double_value(&[]), 30.0);
    assert_eq!(d.grad().double_value(&[]), 2.0);
}
