//! Benchmarks each kernel at the sizes of the presets, a batch of 128, on all cores: forward with what the backward pass
//! needs, and backward. What criterion calls elements are multiplications and additions.
//! `cargo xtask bench --bench operations`; `cargo xtask bench --bench operations -- conv` for a part.

use ae_kernels::{DenseLayers, Gradients, ImageChain, Operation, Processor, Rayon, Recurrence, Transformer};
use ae_network::{Activation, Cell, Layer, Recurrent, TransformerBlock};
use criterion::{Criterion, Throughput};
use std::hint::black_box;

/// Samples.
const BATCH: usize = 128;

/// Values between -0.5 and 0.5 without a pattern.
fn values(len: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..len).map(next).collect()
}

/// One operation: the values of a sample before and behind it, of each parameter, and the work of a forward pass.
struct Sizes<'a> {
    samples: usize,
    results: usize,
    parameters: &'a [usize],
    flops: usize,
}

fn both(c: &mut Criterion, name: &str, operation: &impl Operation, sizes: &Sizes<'_>) {
    let samples = values(BATCH * sizes.samples);
    let gradient = values(BATCH * sizes.results);
    let parameters: Vec<Vec<f32>> = sizes.parameters.iter().map(|&len| values(len)).collect();
    let parameters: Vec<&[f32]> = parameters.iter().map(Vec::as_slice).collect();
    let mut results = vec![0.0; BATCH * sizes.results];
    let mut slopes: Vec<Vec<f32>> = sizes.parameters.iter().map(|&len| vec![0.0; len]).collect();
    let mut towards = vec![0.0; BATCH * sizes.samples];
    let mut group = c.benchmark_group(name);
    group.sample_size(40).throughput(Throughput::Elements((BATCH * sizes.flops) as u64));
    group.bench_function("forward", |b| {
        b.iter(|| operation.forward_kept(&parameters, black_box(&samples), &mut results, &Rayon));
    });
    let kept = operation.forward_kept(&parameters, &samples, &mut results, &Rayon);
    group.throughput(Throughput::Elements((2 * BATCH * sizes.flops) as u64));
    group.bench_function("backward", |b| {
        b.iter(|| {
            let gradients = Gradients {
                samples: Some(&mut towards),
                parameters: Some(slopes.iter_mut().map(Vec::as_mut_slice).collect()),
            };
            operation.backward(&parameters, &kept, Some(&samples), &gradient, gradients, &Rayon);
        });
    });
    group.finish();
}

fn images(c: &mut Criterion, name: &str, shape: [usize; 3], layers: &[Layer]) {
    let (chain, taken) =
        ImageChain::starting(layers, shape, Processor::of_this_machine()).expect("it convolves");
    assert_eq!(taken, layers.len(), "all of them");
    let sizes = Sizes {
        samples: shape.iter().product(),
        results: chain.output_shape().iter().product(),
        parameters: chain.parameters(),
        flops: chain.flops(),
    };
    both(c, name, &chain, &sizes);
}

fn convolution(channels: i64, stride: i64, padding: i64) -> [Layer; 2] {
    [Layer::Conv2d { channels, kernel: 3, stride, padding }, Layer::Activation(Activation::Relu)]
}

fn convolutions(c: &mut Criterion) {
    let pooled = |channels| {
        let pool = Layer::MaxPool2d { kernel: 2, ceil: true };
        convolution(channels, 1, 1).into_iter().chain([pool])
    };
    let encoder: Vec<Layer> = [16, 8, 8].into_iter().flat_map(pooled).collect();
    images(c, "conv, encoder", [1, 28, 28], &encoder);
    let enlarged = |(channels, padding)| {
        convolution(channels, 1, padding).into_iter().chain([Layer::Upsample2d { factor: 2 }])
    };
    let mut decoder: Vec<Layer> = [(8, 1), (8, 1), (16, 0)].into_iter().flat_map(enlarged).collect();
    decoder.push(Layer::Conv2d { channels: 1, kernel: 3, stride: 1, padding: 1 });
    images(c, "conv, decoder", [8, 4, 4], &decoder);
    images(c, "denoising, encoder", [1, 28, 28], &[convolution(16, 2, 1), convolution(8, 2, 1)].concat());
    let transposed = |channels, padding| Layer::ConvTranspose2d {
        channels,
        kernel: 3,
        stride: 2,
        padding,
        output_padding: [1, 1],
    };
    let relu = Layer::Activation(Activation::Relu);
    let decoder = [
        transposed(8, 1),
        relu.clone(),
        transposed(16, 1),
        relu,
        Layer::Conv2d { channels: 1, kernel: 3, stride: 1, padding: 1 },
    ];
    images(c, "denoising, decoder", [8, 7, 7], &decoder);
    images(c, "64 channels", [64, 14, 14], &convolution(64, 1, 1));
}

fn dense(c: &mut Criterion) {
    let widths: [(&str, &[usize]); 4] = [
        ("vanilla", &[784, 64, 784]),
        ("deep", &[784, 128, 64, 32, 64, 128, 784]),
        ("hinton", &[784, 1000, 500, 250, 30, 250, 500, 1000, 784]),
        ("ecg", &[140, 32, 16, 8, 16, 32, 140]),
    ];
    for (name, widths) in widths {
        let layer =
            |&units: &usize| [Layer::Dense { units: units as i64 }, Layer::Activation(Activation::Relu)];
        let layers: Vec<Layer> = widths[1..].iter().flat_map(layer).collect();
        let processor = Processor::of_this_machine();
        let (chain, taken) =
            DenseLayers::starting(&layers, widths[0], processor).expect("it has dense layers");
        assert_eq!(taken, layers.len(), "all of them");
        let sizes = Sizes {
            samples: widths[0],
            results: widths[widths.len() - 1],
            parameters: chain.parameters(),
            flops: widths.windows(2).map(|pair| 2 * pair[0] * pair[1]).sum(),
        };
        both(c, name, &chain, &sizes);
    }
}

fn recurrence(c: &mut Criterion) {
    let (steps, inputs, units) = (140, 1, 64);
    let layer = Layer::Recurrent(Recurrent { cell: Cell::Lstm, units, whole: true, both_ways: false });
    let processor = Processor::of_this_machine();
    let (chain, _) = Recurrence::starting(&[layer], &[steps, inputs], processor).expect("it recurs");
    let [steps, inputs, units] = [steps, inputs, units].map(|n| n as usize);
    let sizes = Sizes {
        samples: steps * inputs,
        results: chain.output_shape().iter().product(),
        parameters: chain.parameters(),
        flops: 2 * steps * 4 * units * (inputs + units),
    };
    both(c, "lstm", &chain, &sizes);
}

fn attention(c: &mut Criterion) {
    for (name, tokens, width) in [("mae, encoder", 12, 128), ("mae, decoder", 49, 64)] {
        let layer = Layer::TransformerBlock(TransformerBlock { heads: 4 });
        let block =
            Transformer::of(&layer, &[tokens, width], Processor::of_this_machine()).expect("it attends");
        let [tokens, width] = block.shape();
        let sizes = Sizes {
            samples: tokens * width,
            results: tokens * width,
            parameters: block.parameters(),
            flops: 24 * tokens * width * width + 4 * tokens * tokens * width,
        };
        both(c, name, &block, &sizes);
    }
}

/// In a thread of the pool, so that work is not handed from one thread to another first.
fn main() {
    rayon::scope(|_| {
        let mut criterion = Criterion::default().configure_from_args();
        for benches in [convolutions, dense, recurrence, attention] {
            benches(&mut criterion);
        }
        criterion.final_summary();
    });
}
