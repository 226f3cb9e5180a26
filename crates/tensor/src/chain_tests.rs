//! Dense chains against libtorch, and one row against many.

use super::*;
use crate::{Activate, Device, Noise};

const ALL: [Activation; 6] = [
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Silu,
    Activation::LeakyRelu,
    Activation::Identity,
];

struct Net {
    layers: Vec<(Tensor, Tensor, Activation)>,
}

impl Net {
    fn new(widths: &[i64], activation: Activation, last: Activation) -> Self {
        let noise = Noise::new(3, 0, Device::Cpu);
        let layer = |(place, pair): (usize, &[i64])| {
            let weight = noise.normal(&format!("w{place}"), &[pair[1], pair[0]]) / (pair[0] as f64).sqrt();
            let bias = noise.normal(&format!("b{place}"), &[pair[1]]) * 0.3;
            (weight, bias, if place + 2 == widths.len() { last } else { activation })
        };
        Net { layers: widths.windows(2).enumerate().map(layer).collect() }
    }

    fn chain(&self) -> Option<DenseChain> {
        DenseChain::new(&self.layers.iter().map(|(w, b, a)| (w, b, *a)).collect::<Vec<_>>())
    }

    fn by_libtorch(&self, rows: &Tensor) -> Array2<f32> {
        let out =
            self.layers.iter().fold(rows.shallow_clone(), |x, (w, b, a)| a.apply(&x.linear(w, Some(b))));
        matrix(&out)
    }
}

fn matrix(tensor: &Tensor) -> Array2<f32> {
    array::to_array(tensor).into_dimensionality().unwrap()
}

fn rows(n: i64, width: i64) -> Tensor {
    Noise::new(9, 0, Device::Cpu).normal("rows", &[n, width]) * 2.0
}

#[test]
fn the_numbers_are_libtorchs() {
    for activation in ALL {
        for last in ALL {
            for widths in [&[140, 32, 16, 8, 16, 32, 140][..], &[1, 1], &[5, 17, 33], &[64, 100, 3, 64]] {
                let net = Net::new(widths, activation, last);
                let x = rows(77, widths[0]);
                let (got, expected) = (net.chain().unwrap().rows(matrix(&x).view()), net.by_libtorch(&x));
                let off = (&got - &expected).mapv(f32::abs).into_iter().fold(0.0, f32::max);
                assert!(off < 2e-6 * widths.len() as f32, "{activation:?} {last:?} {widths:?}: off by {off}");
            }
        }
    }
}

#[test]
fn a_row_gives_the_same_bits_alone_and_among_many() {
    let widths = [140, 32, 16, 8, 16, 32, 140];
    for last in ALL {
        let chain = Net::new(&widths, Activation::Relu, last).chain().unwrap();
        let x = matrix(&rows(1003, 140));
        let (all, mut scratch) = (chain.rows(x.view()), chain.scratch());
        let some = chain.rows(x.slice(ndarray::s![500..507, ..]));
        for row in 0..x.nrows() {
            let one = chain.row(x.row(row).as_slice().unwrap(), &mut scratch);
            assert_eq!(one, all.row(row).as_slice().unwrap(), "row {row}");
        }
        assert_eq!(some, all.slice(ndarray::s![500..507, ..]));
        let turned = x.t().as_standard_layout().into_owned();
        assert_eq!(chain.rows(turned.t()), all, "the layout in memory does not matter");
    }
}

#[test]
fn what_does_not_fit_is_left_to_libtorch() {
    let net = Net::new(&[4, 3, 4], Activation::Relu, Activation::Gelu);
    assert!(net.chain().is_none());
    let (a, b) = (Net::new(&[4, 3], Activation::Relu, Activation::Relu), Net::new(&[4, 2], ALL[0], ALL[0]));
    let both = [&a.layers[0], &b.layers[0]].map(|(w, b, a)| (w, b, *a));
    assert!(DenseChain::new(&both).is_none(), "3 outputs do not go into 4 inputs");
    assert!(DenseChain::new(&[]).is_none());
}
