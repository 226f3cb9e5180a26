//! Gradients by a tape are those by a graph; and what needs a graph gets one.

use ae_models::{Batch, DataSummary, Model, ModelConfig, Pass};
use ae_tensor::{Device, Kernels, Kind, Noise, Tensor};
use std::sync::{Mutex, PoisonError};

/// The choice of kernels is that of the whole process.
static CHOICE: Mutex<()> = Mutex::new(());

fn model(config: &ModelConfig, shape: &[i64]) -> Box<dyn Model> {
    let data = DataSummary { shape: shape.to_vec(), mean: 0.4, low: 0.0, high: 1.0, classes: 0 };
    config.initialise(&data, &Noise::new(1, 0, Device::Cpu)).expect("it builds")
}

fn config(json: &str) -> ModelConfig {
    serde_json::from_str(json).expect("settings")
}

/// Variants that are computed by our own kernels from the samples to the loss.
fn plain() -> [(ModelConfig, &'static [i64]); 5] {
    [
        (config(r#"{"vanilla": {"code": 5}}"#), &[1, 6, 7]),
        (config(r#"{"deep": {"hidden": [9, 8], "code": 3, "loss": "bce"}}"#), &[1, 5, 5]),
        (config(r#"{"conv": {"channels": [5, 3]}}"#), &[2, 9, 7]),
        (config(r#"{"denoising": {"channels": [4, 3]}}"#), &[1, 8, 7]),
        (config(r#"{"ecg": {}}"#), &[30]),
    ]
}

fn batch(shape: &[i64], n: i64) -> Batch {
    let values = Tensor::rand([&[n], shape].concat(), (Kind::Float, Device::Cpu));
    Batch { values, labels: None, observed: None, given: None }
}

/// The loss and the gradients, with a tape if there is one; and whether there was.
fn gradients(model: &dyn Model, batch: &Batch, takes_tapes: bool) -> (f64, Vec<Tensor>, bool) {
    let pass = Pass { takes_tapes, ..Pass::training(Noise::new(3, 0, Device::Cpu), 0, 1) };
    let [mut losses] = <[_; 1]>::try_from(model.losses(batch, &pass)).expect("one group");
    let total = losses.total().expect("it trains");
    let parameters: Vec<Tensor> = model.parameters().into_iter().map(|(_, parameter)| parameter).collect();
    let tape = losses.take_tape();
    let is_taped = tape.is_some();
    match tape {
        Some(tape) => tape.back().expect("the way back"),
        None => {
            parameters.iter().for_each(|parameter| parameter.shallow_clone().zero_grad());
            total.backward();
        }
    }
    (total.double_value(&[]), parameters.iter().map(|parameter| parameter.grad().copy()).collect(), is_taped)
}

#[test]
fn a_tape_gives_the_bits_of_a_graph() {
    let _choice = CHOICE.lock().unwrap_or_else(PoisonError::into_inner);
    Kernels::Native.choose();
    for (config, shape) in plain() {
        let model = model(&config, shape);
        for n in [1, 40] {
            let batch = batch(shape, n);
            let by_graph = gradients(model.as_ref(), &batch, false);
            let by_tape = gradients(model.as_ref(), &batch, true);
            assert_eq!((by_graph.2, by_tape.2), (false, true), "{}", config.name());
            assert_eq!(by_graph.0.to_bits(), by_tape.0.to_bits(), "{}", config.name());
            assert!(by_graph.1.iter().any(|gradient| gradient.abs().max().double_value(&[]) > 0.0));
            assert!(by_graph.1 == by_tape.1, "{}", config.name());
        }
    }
    Kernels::Auto.choose();
}

/// The graph draws and prices by libtorch's own operations, so rounding differs.
#[test]
fn a_tape_of_a_variational_autoencoder_is_within_rounding_of_a_graph() {
    let _choice = CHOICE.lock().unwrap_or_else(PoisonError::into_inner);
    Kernels::Native.choose();
    let variants: [(&str, &[i64]); 5] = [
        (r#"{"vae": {"latent": 3, "encoder": {"dense": {"hidden": [9]}}}}"#, &[1, 5, 6]),
        (r#"{"vae": {"targets": "stochastic", "kl": {"weight": 0.0}}}"#, &[12]),
        (r#"{"vae": {"kl": {"weight": 3.0, "warm_up": {"steps": 4}}}}"#, &[12]),
        (r#"{"beta_vae": {}}"#, &[1, 4, 4]),
        (r#"{"vae": {"latent": 2, "encoder": {"conv": {"channels": [4, 5]}}}}"#, &[1, 8, 8]),
    ];
    for (json, shape) in variants {
        let model = model(&config(json), shape);
        for n in [1, 40] {
            let batch = batch(shape, n);
            let by_graph = gradients(model.as_ref(), &batch, false);
            let by_tape = gradients(model.as_ref(), &batch, true);
            assert_eq!((by_graph.2, by_tape.2), (false, true), "{json}");
            assert!((by_graph.0 - by_tape.0).abs() <= 1e-5 * by_graph.0.abs(), "{json}");
            for (by_graph, by_tape) in by_graph.1.iter().zip(&by_tape.1) {
                let off = (by_graph - by_tape).abs().max().double_value(&[]);
                assert!(off <= 1e-5 * (1.0 + by_graph.abs().max().double_value(&[])), "{json}: {off}");
            }
        }
    }
    Kernels::Auto.choose();
}

#[test]
#[should_panic(expected = "was added to losses that have a tape")]
fn a_term_beside_a_tape_is_not_lost_in_silence() {
    let _choice = CHOICE.lock().unwrap_or_else(PoisonError::into_inner);
    Kernels::Native.choose();
    let shape = [1, 6, 6];
    let model = model(&config(r#"{"vanilla": {}}"#), &shape);
    let pass = Pass { takes_tapes: true, ..Pass::training(Noise::new(3, 0, Device::Cpu), 0, 1) };
    let mut losses = model.losses(&batch(&shape, 2), &pass).remove(0);
    losses.terms.push(("decay", model.parameters()[0].1.square().sum(Kind::Float)));
    losses.take_tape();
}

#[test]
fn what_needs_a_graph_gets_one() {
    let _choice = CHOICE.lock().unwrap_or_else(PoisonError::into_inner);
    Kernels::Native.choose();
    let is_taped = |config: &str, shape: &[i64], batch: &Batch| {
        gradients(model(&self::config(config), shape).as_ref(), batch, true).2
    };
    let shape = [1, 6, 6];
    assert!(!is_taped(r#"{"lstm": {}}"#, &[9], &batch(&[9], 3)), "a dense layer for each step");
    assert!(!is_taped(r#"{"sparse": {}}"#, &shape, &batch(&shape, 3)), "a penalty on the code");
    assert!(!is_taped(r#"{"conv": {"unpool": "indices"}}"#, &shape, &batch(&shape, 3)), "switches");
    assert!(!is_taped(r#"{"vae": {"kl": {"free_bits": 0.1}}}"#, &shape, &batch(&shape, 3)), "free bits");
    assert!(
        !is_taped(r#"{"vae": {"likelihood": "beta_binomial"}}"#, &shape, &batch(&shape, 3)),
        "likelihood"
    );
    let gaps =
        Batch { observed: Some(Tensor::ones([3, 1, 6, 6], (Kind::Float, Device::Cpu))), ..batch(&shape, 3) };
    assert!(!is_taped(r#"{"vanilla": {}}"#, &shape, &gaps), "gaps");
    assert!(!is_taped(r#"{"vae": {}}"#, &shape, &gaps), "gaps");
    Kernels::Libtorch.choose();
    assert!(!is_taped(r#"{"vanilla": {}}"#, &shape, &batch(&shape, 3)), "libtorch's kernels");
    Kernels::Auto.choose();
}
