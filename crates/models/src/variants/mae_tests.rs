//! Tests the masked loss against PyTorch's, and what the model sees of a masked image.

use super::*;
use ae_tensor::array;

const TINY: Config = Config {
    patch: 4,
    masked: 0.6,
    width: 8,
    depth: 1,
    heads: 2,
    decoder_width: 4,
    decoder_depth: 1,
    decoder_heads: 2,
};

fn data(shape: &[i64]) -> DataSummary {
    DataSummary { shape: shape.into(), mean: 0.3, low: 0.0, high: 1.0, classes: 0 }
}

fn noise(step: u64) -> Noise {
    Noise::new(0, step, Device::Cpu)
}

fn wave(shape: &[i64], amplitude: f64, rate: f64, phase: f64) -> Tensor {
    let n = shape.iter().product::<i64>();
    let angles = Tensor::arange(n, (Kind::Double, Device::Cpu)) * rate + phase;
    (angles.sin() * amplitude).view(shape).to_kind(Kind::Float)
}

/// The tiny model of the reference script, and its images.
fn tiny() -> (Box<dyn Model>, Tensor) {
    ae_tensor::device::set_threads(1);
    let model = TINY.initialise(&data(&[2, 8, 12]), &noise(0)).unwrap();
    for (k, (_, mut parameter)) in model.parameters().into_iter().enumerate() {
        let values = wave(&parameter.size(), 0.3, 0.7, k as f64 + 1.0);
        ae_tensor::tch::no_grad(|| parameter.copy_(&values));
    }
    (model, wave(&[3, 2, 8, 12], 1.0, 0.4, 0.0))
}

fn loss(model: &dyn Model, values: Tensor, step: u64) -> f64 {
    let losses = model
        .losses(&Batch { values, labels: None, observed: None, given: None }, &Pass::evaluation(noise(step)));
    losses[0].total().unwrap().double_value(&[])
}

#[test]
fn loss_code_and_gradients_are_those_of_the_paper_written_out_in_pytorch() {
    #[derive(Deserialize)]
    struct Golden {
        orders: Vec<Vec<i64>>,
        loss: f64,
        code: Vec<f64>,
        gradients: Vec<f64>,
    }
    let golden: Golden = serde_json::from_str(include_str!("../../tests/reference/mae.json")).unwrap();
    let (_, x) = tiny();
    let mae = TINY.mae(&data(&[2, 8, 12]), &noise(0)).unwrap();
    for (k, (_, mut parameter)) in mae.parameters().into_iter().enumerate() {
        let values = wave(&parameter.size(), 0.3, 0.7, k as f64 + 1.0);
        ae_tensor::tch::no_grad(|| parameter.copy_(&values));
    }
    let order = Tensor::from_slice(&golden.orders.concat()).view([3, 6]);
    let loss = mae.masked_error(&x, &order);
    loss.backward();
    // Single against double precision.
    assert!((loss.double_value(&[]) - golden.loss).abs() < 1e-6, "{loss:?} against {}", golden.loss);
    let Code::Point(code) = mae.encode(&x) else { panic!("the code is a point") };
    for (got, expected) in array::to_vec(&code).iter().zip(&golden.code) {
        assert!((got - expected).abs() < 1e-5, "{got} against {expected}");
    }
    assert_eq!(mae.parameters().len(), golden.gradients.len());
    for ((name, parameter), expected) in mae.parameters().iter().zip(&golden.gradients) {
        let got = parameter.grad().sum(Kind::Double).double_value(&[]);
        assert!((got - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{name}: {got} against {expected}");
    }
}

#[test]
fn only_masked_patches_are_in_the_loss_and_only_visible_ones_in_the_prediction() {
    let mae = TINY.mae(&data(&[2, 8, 12]), &noise(0)).unwrap();
    let (_, x) = tiny();
    let patches = mae.patches.split(&x);
    let order = mae.random_order(3, &noise(4));
    let (visible, masked) = (order.narrow(1, 0, 2), order.narrow(1, 2, 4));
    let shifted = |which: &Tensor| put(&patches, which, &(take(&patches, which) + 7.0));
    let predicted = |patches: &Tensor| mae.predict(&take(patches, &visible), &order);
    let error = |predicted: &Tensor, target: &Tensor| {
        array::to_vec(&(predicted - take(target, &masked)).square().mean(Kind::Float))
    };
    // The targets of visible patches move, those of masked ones do not: the loss stays to the last bit.
    assert_eq!(error(&predicted(&patches), &shifted(&visible)), error(&predicted(&patches), &patches));
    assert_ne!(error(&predicted(&patches), &shifted(&masked)), error(&predicted(&patches), &patches));
    // The predictions depend only on the visible ones.
    assert_eq!(predicted(&shifted(&masked)), predicted(&patches));
    assert_ne!(predicted(&shifted(&visible)), predicted(&patches));
}

#[test]
fn the_share_that_is_masked_is_the_one_that_was_asked_for() {
    let check = |masked: f64, expected: i64| {
        let config = Config { masked, ..TINY };
        let mae = config.mae(&data(&[1, 28, 28]), &noise(0)).unwrap();
        assert_eq!(mae.visible, expected);
        let grey =
            mae.corrupt(&Tensor::zeros([5, 1, 28, 28], (Kind::Float, Device::Cpu)), &noise(1)).unwrap();
        let hidden = mae.patches.split(&grey).amax([2], false).eq(0.5).sum(Kind::Int64).int64_value(&[]);
        assert_eq!(hidden, 5 * (49 - expected));
    };
    check(0.75, 12);
    check(0.5, 24);
    check(0.999, 1);
    check(0.001, 48);
}

#[test]
fn masks_differ_between_samples_and_steps() {
    let mae = TINY.mae(&data(&[1, 28, 28]), &noise(0)).unwrap();
    let order = mae.random_order(2, &noise(0));
    assert_ne!(order.get(0), order.get(1));
    assert_ne!(order, mae.random_order(2, &noise(1)));
    assert_eq!(order, mae.random_order(2, &noise(0)));
}

#[test]
fn the_fixed_masks_hide_and_show_every_patch() {
    for (masked, shape) in [(0.75, [1, 28, 28]), (0.5, [1, 28, 28]), (0.2, [3, 8, 12]), (0.9, [1, 8, 12])] {
        let mae = Config { masked, ..TINY }.mae(&data(&shape), &noise(0)).unwrap();
        let (mut hidden, mut seen) =
            (vec![0; mae.patches.count() as usize], vec![0; mae.patches.count() as usize]);
        for order in mae.fixed_orders(Device::Cpu) {
            for (rank, patch) in array::to_vec(&order).into_iter().enumerate() {
                let shown = (rank as i64) < mae.visible;
                if shown { seen[patch as usize] += 1 } else { hidden[patch as usize] += 1 }
            }
        }
        assert!(
            hidden.iter().chain(&seen).all(|&times| times > 0),
            "{masked} {shape:?}: {hidden:?} {seen:?}"
        );
    }
}

#[test]
fn restoring_fills_what_corrupting_hides_and_leaves_the_rest() {
    let (model, x) = tiny();
    let autoencoder = model.as_autoencoder().unwrap();
    let grey = autoencoder.corrupt(&x, &noise(3)).unwrap();
    let batch = Batch { values: x.shallow_clone(), labels: None, observed: None, given: None };
    let restored = autoencoder.restore(&batch, &noise(3));
    let kept = grey.eq_tensor(&x);
    assert_eq!(restored.masked_select(&kept), x.masked_select(&kept));
    let hidden = kept.logical_not();
    assert_eq!(hidden.sum(Kind::Int64).int64_value(&[]), 3 * 4 * 32);
    assert!((restored - grey).masked_select(&hidden).abs().min().double_value(&[]) > 0.0);
}

#[test]
fn a_loss_hangs_on_its_step_alone() {
    let (model, x) = tiny();
    assert_eq!(loss(model.as_ref(), x.copy(), 2), loss(model.as_ref(), x.copy(), 2));
    assert_ne!(loss(model.as_ref(), x.copy(), 2), loss(model.as_ref(), x, 3));
}

#[test]
fn settings_that_cannot_be_say_what_would_be_right() {
    let check = |config: Config, expected: &str| {
        let error = config.initialise(&data(&[1, 28, 28]), &noise(0)).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(Config { masked: 1.0, ..TINY }, "model.mae.masked = 1 is out of range; it must be between 0 and 1");
    check(Config { patch: 5, ..TINY }, "choose 1, 2, 4, 7, 14, 28");
    check(Config { patch: 28, ..TINY }, "small enough for an image to have two patches");
    check(Config { width: 6, ..TINY }, "a width that is a multiple of 4");
    check(Config { heads: 3, ..TINY }, "choose a divisor");
    check(Config { decoder_heads: 0, ..TINY }, "model.mae.decoder_heads = 0");
}
