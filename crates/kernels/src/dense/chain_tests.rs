//! Chains of fixed weights: the formulas of activations, one row against many, and what does not fit.

use super::*;
use crate::testing::values;
use crate::{Alone, DenseLayers, Operation, Rayon};
use ae_network::{LEAKY_SLOPE, Layer};

const ALL: [Activation; 6] = [
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Silu,
    Activation::LeakyRelu,
    Activation::Identity,
];

struct Net(Vec<(Vec<f32>, Vec<f32>, Activation)>);

impl Net {
    fn new(widths: &[usize], activation: Activation) -> Self {
        let layer = |pair: &[usize]| {
            let weights = values(pair[0] * pair[1], pair[0] as u32);
            (weights, values(pair[1], pair[1] as u32), activation)
        };
        Net(widths.windows(2).map(layer).collect())
    }

    fn chain(&self, processor: Processor) -> Option<DenseChain> {
        let layers: Vec<DenseLayer<'_>> = self
            .0
            .iter()
            .map(|(weights, bias, activation)| DenseLayer { weights, bias, activation: *activation })
            .collect();
        DenseChain::new(&layers, processor)
    }
}

/// Widths that leave a part of a panel, and more panels than are computed at once for a row.
const WIDTHS: [&[usize]; 4] = [&[140, 32, 16, 8, 16, 32, 140], &[1, 1], &[5, 17, 33], &[12, 300, 3, 64]];

#[test]
fn a_row_gives_the_same_bits_alone_and_among_many() {
    for processor in Processor::available() {
        for (widths, activation) in WIDTHS.into_iter().zip(ALL) {
            let chain = Net::new(widths, activation).chain(processor).unwrap();
            let n = if cfg!(miri) { 7 } else { 603 };
            let rows = values(n * widths[0], 5);
            let (all, mut scratch) = (chain.rows(&rows, &Rayon), chain.scratch());
            assert_eq!(all, chain.rows(&rows, &Alone), "the threads");
            let outputs = chain.widths().1;
            for (row, all) in rows.chunks_exact(widths[0]).zip(all.chunks_exact(outputs)) {
                assert_eq!(chain.row(row, &mut scratch), all, "{processor} {widths:?}");
            }
        }
    }
}

/// The layers that are trained are those that score.
#[test]
fn the_numbers_are_those_of_layers_in_training() {
    for processor in Processor::available() {
        for (widths, activation) in WIDTHS.into_iter().zip([ALL[0], ALL[1], ALL[2], ALL[4]]) {
            let net = Net::new(widths, activation);
            let rows = values(9 * widths[0], 6);
            let ours = net.chain(processor).unwrap().rows(&rows, &Alone);
            let layers: Vec<Layer> = widths[1..]
                .iter()
                .flat_map(|&units| [Layer::Dense { units: units as i64 }, Layer::Activation(activation)])
                .collect();
            let (trained, _) = DenseLayers::starting(&layers, widths[0], processor).unwrap();
            let parameters: Vec<&[f32]> =
                net.0.iter().flat_map(|(weights, bias, _)| [weights.as_slice(), bias.as_slice()]).collect();
            let mut theirs = vec![0.0; ours.len()];
            trained.forward(&parameters, &rows, &mut theirs, &Alone);
            assert_eq!(ours, theirs, "{processor} {widths:?}");
        }
    }
}

#[test]
fn activations_are_their_formulas_and_keep_nan() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let formula = |activation: Activation, x: f64| match activation {
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu => x.max(LEAKY_SLOPE * x),
        Activation::Sigmoid => sigmoid(x),
        Activation::Silu => x * sigmoid(x),
        Activation::Tanh => x.tanh(),
        _ => x,
    };
    let inputs: Vec<f32> = values(200, 4)
        .iter()
        .flat_map(|x| [x * 9.0, x * 1e-3])
        .chain([0.0, 90.0, -90.0, -0.0, 0.625, 1e-30])
        .collect();
    for processor in Processor::available() {
        for activation in ALL {
            let layer = DenseLayer { weights: &[1.0], bias: &[0.0], activation };
            let chain = DenseChain::new(&[layer], processor).unwrap();
            let outputs = chain.rows(&[&inputs[..], &[f32::NAN]].concat(), &Alone);
            for (x, y) in inputs.iter().zip(&outputs) {
                let expected = formula(activation, f64::from(*x));
                let off = (f64::from(*y) - expected).abs() / expected.abs().max(1e-30);
                assert!(
                    off < 5e-7 || *y == 0.0 && expected.abs() < 1e-35,
                    "{processor} {activation} of {x} is {y}"
                );
            }
            assert!(outputs[inputs.len()].is_nan(), "{processor} {activation}");
        }
    }
}

#[test]
fn extremes_neither_overflow_nor_hide() {
    for processor in Processor::available() {
        let chain = Net::new(&[2, 3, 2], Activation::Sigmoid).chain(processor).unwrap();
        for x in [1e30f32, -1e30, f32::MAX, f32::MIN] {
            let out = chain.rows(&[x, -x], &Alone);
            assert!(out.iter().all(|y| (0.0..=1.0).contains(y)), "{x}: {out:?}");
        }
        let chain = Net::new(&[2, 3, 2], Activation::Identity).chain(processor).unwrap();
        assert!(chain.rows(&[f32::NAN, 1.0], &Alone).iter().any(|y| y.is_nan()));
        assert_eq!(chain.rows(&[], &Alone), [0.0; 0]);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let processor = Processor::of_this_machine();
    assert!(Net::new(&[4, 3], Activation::Gelu).chain(processor).is_none());
    let both = Net(vec![Net::new(&[4, 3], ALL[0]).0.remove(0), Net::new(&[4, 2], ALL[0]).0.remove(0)]);
    assert!(both.chain(processor).is_none(), "3 outputs do not go into 4 inputs");
    assert!(DenseChain::new(&[], processor).is_none());
    let part = DenseLayer { weights: &[1.0, 2.0, 3.0], bias: &[0.0, 0.0], activation: ALL[0] };
    assert!(DenseChain::new(&[part], processor).is_none(), "half a row of weights");
    let none = DenseLayer { weights: &[], bias: &[], activation: ALL[0] };
    assert!(DenseChain::new(&[none], processor).is_none());
}
