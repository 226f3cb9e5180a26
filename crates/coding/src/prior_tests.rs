//! Latents come back as they were rounded, in the bits that were stated.

use super::*;
use crate::dense::{DenseLayer, DenseNetwork};
use crate::density::DensityLayer;
use ae_network::Activation;

const CHANNELS: usize = 2;
const SIDES: usize = 1;

/// A cheap sequence that looks random, in [-1, 1).
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    }
}

fn logistic() -> Density {
    Density::new(vec![DensityLayer { matrix: vec![0.5], bias: vec![0.1], factor: Vec::new() }])
}

/// A prior with random weights.
fn random(known: bool) -> Prior {
    let mut noise = noise(5);
    let inputs = 9 * SIDES + 3 + if known { 4 * CHANNELS } else { 0 };
    let mut layer = |inputs: usize, outputs: usize, activation| DenseLayer {
        weights: (0..inputs * outputs).map(|_| 0.4 * noise()).collect(),
        bias: (0..outputs).map(|_| 0.2 * noise()).collect(),
        activation,
    };
    let layers = vec![layer(inputs, 6, Activation::Relu), layer(6, 2 * CHANNELS, Activation::Identity)];
    let network = DenseNetwork::new(layers).unwrap();
    Prior::Hyper(Box::new(HyperPrior::new(vec![logistic()], network).unwrap()))
}

#[test]
fn latents_come_back_within_half_a_step_in_the_stated_bits() {
    for (prior, sides) in
        [(random(true), SIDES), (random(false), SIDES), (Prior::Factorised(vec![logistic(); CHANNELS]), 0)]
    {
        for size in [[1, 1], [5, 8], [20, 31]] {
            let mut noise = noise(9);
            let area = size[0] * size[1];
            let latents: Vec<f32> = (0..CHANNELS * area).map(|_| (3.0 * noise()) as f32).collect();
            let coarse: usize = crate::side_size(size).iter().product();
            let side: Vec<f32> = (0..sides * coarse).map(|_| (2.0 * noise()) as f32).collect();
            let coder = prior.at(0.25);
            let mut encoder = Encoder::default();
            coder.encode(&mut encoder, &latents, &side, size);
            let bytes = encoder.into_bytes();
            let decoded = coder.decode(&mut Decoder::new(&bytes), size).unwrap();
            assert_eq!(decoded.len(), latents.len());
            let apart = latents.iter().zip(&decoded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart <= 0.125 + 1e-5, "{apart}");
            let bits = coder.bits(&latents, &side, size);
            let file = 8.0 * bytes.len() as f64;
            assert!((file - bits).abs() < 64.0, "{file} bits, stated {bits}");
        }
    }
}

/// What a decoder does not have yet must not change anything.
#[test]
fn later_latents_are_not_looked_at() {
    let Prior::Hyper(prior) = random(true) else { panic!("it is one") };
    let (size, place) = ([4, 5], [1, 2]);
    let mut noise = noise(3);
    let mut known: Vec<f64> = (0..CHANNELS * 20).map(|_| noise()).collect();
    let side: Vec<i32> = (0..6).collect();
    let before = prior.parameters(&known, &side, size, place, 0.5);
    for (at, value) in known.iter_mut().enumerate() {
        if at % 20 >= place[0] * size[1] + place[1] {
            *value = f64::NAN;
        }
    }
    assert_eq!(before, prior.parameters(&known, &side, size, place, 0.5));
    for used in [[0, 1], [0, 2], [0, 3], [1, 1]] {
        let mut known = known.clone();
        known[20 + used[0] * size[1] + used[1]] += 1.0;
        assert_ne!(before, prior.parameters(&known, &side, size, place, 0.5), "{used:?}");
    }
}

/// A network that foretells each latent by its left neighbour takes almost nothing for rows of equal values.
#[test]
fn what_can_be_foretold_takes_few_bits() {
    let mut weights = vec![0.0; (4 + 12) * 2];
    weights[3 * 2] = 1.0; // from the left neighbour to the mean
    let layer = DenseLayer { weights, bias: vec![0.0, -6.0], activation: Activation::Identity };
    let network = DenseNetwork::new(vec![layer]).unwrap();
    let prior = Prior::Hyper(Box::new(HyperPrior::new(vec![logistic()], network).unwrap()));
    let latents: Vec<f32> = (0..50).flat_map(|row| [row as f32 * 0.37; 50]).collect();
    let side = vec![0.0; 25 * 25];
    let foretold = prior.at(0.1).bits(&latents, &side, [50, 50]);
    let side_alone = prior.at(0.1).bits(&[0.0; 2500], &side, [50, 50]);
    // The first of each row is far from 0, and takes the 16 bits of what is far out, and a little more.
    assert!(foretold - side_alone < 50.0 * 45.0, "{foretold} {side_alone}");
    let alone = Prior::Factorised(vec![logistic()]).at(0.1).bits(&latents, &[], [50, 50]);
    assert!(alone > 4.0 * (foretold - side_alone), "{alone}");
}

#[test]
fn a_network_of_another_size_is_refused() {
    let layer = DenseLayer { weights: vec![0.0; 20], bias: vec![0.0; 2], activation: Activation::Identity };
    let network = DenseNetwork::new(vec![layer]).unwrap();
    assert_eq!(HyperPrior::new(vec![logistic()], network), None);
}
