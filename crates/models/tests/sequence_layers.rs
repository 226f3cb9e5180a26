//! Layers for sequences and tokens: against PyTorch's own (`reference/sequence_layers.py`), shapes,
//! causality.

use ae_models::Layer;
use ae_models::network::{
    CausalConv1d, Cell, Network, Recurrent, ShapeError, TemporalBlock, TransformerBlock, positions,
};
use ae_tensor::{Device, Kind, Noise, Tensor, array};

fn network(layers: Vec<Layer>, input: &[i64]) -> Result<Network, ShapeError> {
    ae_tensor::device::set_threads(1);
    Network::new("encoder", layers, input, &Noise::new(0, 0, Device::Cpu))
}

fn recurrent(cell: Cell, units: i64, whole: bool) -> Layer {
    Layer::Recurrent(Recurrent { cell, units, whole, both_ways: false })
}

fn both_ways(cell: Cell, units: i64, whole: bool) -> Layer {
    Layer::Recurrent(Recurrent { cell, units, whole, both_ways: true })
}

fn temporal(channels: i64, kernel: i64, dilation: i64) -> Layer {
    Layer::TemporalBlock(TemporalBlock { channels, kernel, dilation })
}

fn causal(channels: i64, kernel: i64, dilation: i64) -> Layer {
    Layer::CausalConv1d(CausalConv1d { channels, kernel, dilation })
}

/// The very numbers that the reference script fills tensors with.
fn wave(shape: &[i64], amplitude: f64, rate: f64, phase: f64) -> Tensor {
    let n = shape.iter().product::<i64>();
    let angles = Tensor::arange(n, (Kind::Double, Device::Cpu)) * rate + phase;
    (angles.sin() * amplitude).view(shape).to_kind(Kind::Float)
}

fn difference(got: &Tensor, expected: &[f64]) -> f64 {
    let got = array::to_vec(got);
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn outputs_and_gradients_are_those_of_pytorchs_layers() {
    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        output: Vec<f64>,
        input_gradient: Vec<f64>,
        parameter_gradients: Vec<f64>,
    }
    let cases: Vec<Case> = serde_json::from_str(include_str!("reference/sequence_layers.json")).unwrap();
    let layers = [
        ("lstm", recurrent(Cell::Lstm, 4, true), [5, 3]),
        ("lstm, last state", recurrent(Cell::Lstm, 4, false), [5, 3]),
        ("gru", recurrent(Cell::Gru, 4, true), [5, 3]),
        ("gru, last state", recurrent(Cell::Gru, 4, false), [5, 3]),
        ("transformer block", Layer::TransformerBlock(TransformerBlock { heads: 2 }), [5, 8]),
        ("temporal block", temporal(4, 3, 2), [9, 3]),
        ("lstm, both ways", both_ways(Cell::Lstm, 4, true), [5, 3]),
        ("gru, both ways, last states", both_ways(Cell::Gru, 4, false), [5, 3]),
    ];
    assert_eq!(cases.len(), layers.len());
    for (case, (name, layer, shape)) in cases.iter().zip(layers) {
        assert_eq!(case.name, name);
        let network = network(vec![layer], &shape).unwrap();
        for (k, (_, mut parameter)) in network.parameters().into_iter().enumerate() {
            let values = wave(&parameter.size(), 0.3, 0.7, k as f64 + 1.0);
            ae_tensor::tch::no_grad(|| parameter.copy_(&values));
        }
        let x = wave(&[2, shape[0], shape[1]], 1.0, 0.4, 0.0).set_requires_grad(true);
        let y = network.forward(&x);
        (&y * wave(&y.size(), 1.0, 0.3, std::f64::consts::FRAC_PI_2)).sum(Kind::Float).backward();
        // Single against double precision; gradients are sums of a few hundred terms near 1.
        assert!(difference(&y, &case.output) < 2e-6, "{name}: {}", difference(&y, &case.output));
        assert!(difference(&x.grad(), &case.input_gradient) < 1e-5, "{name}");
        for ((leaf, parameter), expected) in network.parameters().iter().zip(&case.parameter_gradients) {
            let sum = parameter.grad().sum(Kind::Double).double_value(&[]);
            assert!((sum - expected).abs() < 1e-4, "{name} {leaf}: {sum} against {expected}");
        }
    }
}

#[test]
fn inferred_shapes_are_what_libtorch_gives() {
    let check = |layers: Vec<Layer>, input: &[i64], expected: &[i64]| {
        let network = network(layers, input).unwrap();
        assert_eq!(network.output_shape(), expected);
        let x = Tensor::zeros([&[3], input].concat(), (Kind::Float, Device::Cpu));
        assert_eq!(network.forward(&x).size(), [&[3], expected].concat());
    };
    for cell in [Cell::Lstm, Cell::Gru] {
        check(vec![recurrent(cell, 7, true)], &[6, 2], &[6, 7]);
        check(vec![both_ways(cell, 7, true)], &[6, 2], &[6, 14]);
        check(vec![both_ways(cell, 7, false)], &[6, 2], &[14]);
        check(vec![recurrent(cell, 7, false), Layer::Repeat { times: 4 }], &[6, 2], &[4, 7]);
    }
    check(vec![Layer::DensePerStep { units: 5 }], &[6, 2], &[6, 5]);
    check(vec![Layer::DensePerStep { units: 5 }], &[2, 6, 3], &[2, 6, 5]);
    check(vec![causal(5, 3, 4), temporal(5, 2, 1), temporal(3, 3, 2)], &[6, 2], &[6, 3]);
    check(vec![Layer::AveragePool1d { kernel: 4 }], &[6, 2], &[2, 2]);
    check(vec![Layer::AveragePool1d { kernel: 9 }], &[6, 2], &[1, 2]);
    check(vec![Layer::Upsample1d { factor: 4, steps: 6 }], &[2, 3], &[6, 3]);
    check(vec![Layer::LayerNorm, Layer::TransformerBlock(TransformerBlock { heads: 2 })], &[6, 8], &[6, 8]);
    check(vec![Layer::AppendTokens { times: 3 }], &[6, 8], &[9, 8]);
}

/// The first step of the output that a change of input step `changed` reaches.
fn first_reached(layers: Vec<Layer>, steps: i64, changed: i64) -> Option<i64> {
    let network = network(layers, &[steps, 2]).unwrap();
    let x = wave(&[1, steps, 2], 1.0, 0.4, 0.0);
    let before = network.forward(&x);
    let _ = x.narrow(1, changed, 1).fill_(5.0);
    let moved = (network.forward(&x) - before).abs().sum_dim_intlist([0i64, 2].as_slice(), false, None);
    (0..steps).find(|&step| moved.double_value(&[step]) > 0.0)
}

#[test]
fn what_is_causal_looks_at_no_later_step_and_back_to_the_edge_of_its_field() {
    let check = |layers: &[Layer], field: i64| {
        assert_eq!(first_reached(layers.to_vec(), 40, 17), Some(17), "{layers:?}");
        let network = network(layers.to_vec(), &[40, 2]).unwrap();
        let x = wave(&[1, 40, 2], 1.0, 0.4, 0.0).set_requires_grad(true);
        network.forward(&x).get(0).get(39).sum(Kind::Float).backward();
        let reached = x.grad().abs().sum_dim_intlist([0i64, 2].as_slice(), false, None);
        let seen: Vec<i64> = (0..40).filter(|&step| reached.double_value(&[step]) > 0.0).collect();
        assert_eq!((seen[0], *seen.last().unwrap()), (40 - field, 39), "{layers:?}");
    };
    check(&[causal(3, 3, 4)], 9);
    check(&[causal(3, 2, 1), causal(3, 2, 2), causal(3, 2, 4)], 8);
    check(&[recurrent(Cell::Lstm, 3, true)], 40);
}

#[test]
fn pooling_takes_the_mean_of_whole_and_of_cut_stretches_and_upsampling_repeats() {
    let x = Tensor::from_slice(&[1f32, 2.0, 3.0, 4.0, 8.0]).view([1, 5, 1]);
    let pooled = network(vec![Layer::AveragePool1d { kernel: 2 }], &[5, 1]).unwrap().forward(&x);
    assert_eq!(array::to_vec(&pooled), [1.5, 3.5, 8.0]);
    let up = network(vec![Layer::Upsample1d { factor: 2, steps: 5 }], &[3, 1]).unwrap();
    assert_eq!(array::to_vec(&up.forward(&pooled)), [1.5, 1.5, 3.5, 3.5, 8.0]);
}

#[test]
fn tokens_have_no_order_but_their_positions() {
    let layers = vec![Layer::TransformerBlock(TransformerBlock { heads: 2 }), Layer::LayerNorm];
    let network = network(layers, &[6, 8]).unwrap();
    let x = wave(&[2, 4, 8], 1.0, 0.4, 0.0); // fewer tokens than it was made for
    let (forward, turned) = (network.forward_tokens(&x), network.forward_tokens(&x.flip([1])).flip([1]));
    assert!((forward - turned).abs().max().double_value(&[]) < 1e-5);
}

#[test]
#[should_panic(expected = "bound to its number of tokens")]
fn what_is_made_for_a_number_of_steps_takes_no_other() {
    let network = network(vec![Layer::AveragePool1d { kernel: 2 }], &[6, 8]).unwrap();
    let _ = network.forward_tokens(&wave(&[2, 4, 8], 1.0, 0.4, 0.0));
}

#[test]
fn positions_are_sines_and_cosines_of_row_and_column() {
    let positions = positions::SineCosine2d::new(3, 4, 8, Device::Cpu).unwrap();
    let positions = positions.tensor();
    assert_eq!(positions.size(), [12, 8]);
    let (row, column) = (2f64, 3f64);
    let expected: Vec<f64> = [row, column]
        .into_iter()
        .flat_map(|p| [p.sin(), (p / 100.0).sin(), p.cos(), (p / 100.0).cos()])
        .collect();
    assert!(difference(&positions.get(11), &expected) < 1e-6);
    let error = positions::SineCosine2d::new(3, 4, 6, Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("a width that is a multiple of 4"), "{error}");
}
