//! Chains against plain loops in 64 bits that follow the layers' definitions, and their gradients against differences of
//! those loops.

use super::ImageChain;
use crate::testing::values;
use crate::{Alone, Gradients, Operation, Processor, Rayon, Threads};
use ae_network::{Activation, LEAKY_SLOPE, Layer};

/// One image `[C, H, W]`.
#[derive(Clone)]
struct Image {
    shape: [usize; 3],
    values: Vec<f64>,
}

impl Image {
    fn of(shape: [usize; 3], f: impl Fn(usize, usize, usize) -> f64) -> Self {
        let [channels, height, width] = shape;
        let mut values = Vec::new();
        for c in 0..channels {
            for i in 0..height {
                values.extend((0..width).map(|j| f(c, i, j)));
            }
        }
        Image { shape, values }
    }

    /// Zero beyond the edges.
    fn get(&self, c: usize, i: isize, j: isize) -> f64 {
        let [_, height, width] = self.shape;
        let inside = (0..height as isize).contains(&i) && (0..width as isize).contains(&j);
        if inside { self.values[(c * height + i as usize) * width + j as usize] } else { 0.0 }
    }
}

/// A layer as `ae_network::Layer` describes it.
fn reference(layer: &Layer, x: &Image, parameters: &mut std::slice::Iter<'_, Vec<f64>>) -> Image {
    let [channels, height, width] = x.shape;
    let mut next = || parameters.next().expect("a weight and a bias");
    match *layer {
        Layer::Conv2d { channels: outputs, kernel, stride, padding } => {
            let (weight, bias) = (next(), next());
            let [outputs, k, stride, padding] = [outputs, kernel, stride, padding].map(|n| n as usize);
            let side = |n: usize| (n + 2 * padding - k) / stride + 1;
            Image::of([outputs, side(height), side(width)], |o, i, j| {
                let mut sum = bias[o];
                for c in 0..channels {
                    for (a, b) in (0..k).flat_map(|a| (0..k).map(move |b| (a, b))) {
                        let at = |n: usize, a: usize| (n * stride + a) as isize - padding as isize;
                        sum += weight[((o * channels + c) * k + a) * k + b] * x.get(c, at(i, a), at(j, b));
                    }
                }
                sum
            })
        }
        Layer::ConvTranspose2d { channels: outputs, kernel, stride, padding, output_padding } => {
            let (weight, bias) = (next(), next());
            let [outputs, k, stride, padding] = [outputs, kernel, stride, padding].map(|n| n as usize);
            let side = |n: usize, extra: i64| (n - 1) * stride + k + extra as usize - 2 * padding;
            let shape = [outputs, side(height, output_padding[0]), side(width, output_padding[1])];
            let mut y = Image::of(shape, |o, _, _| bias[o]);
            for c in 0..channels {
                for (i, j) in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
                    for (a, b) in (0..k).flat_map(|a| (0..k).map(move |b| (a, b))) {
                        let (Some(row), Some(column)) =
                            ((i * stride + a).checked_sub(padding), (j * stride + b).checked_sub(padding))
                        else {
                            continue;
                        };
                        if row < shape[1] && column < shape[2] {
                            for o in 0..outputs {
                                y.values[(o * shape[1] + row) * shape[2] + column] += weight
                                    [((c * outputs + o) * k + a) * k + b]
                                    * x.get(c, i as isize, j as isize);
                            }
                        }
                    }
                }
            }
            y
        }
        Layer::MaxPool2d { kernel, ceil } => {
            let k = kernel as usize;
            let side = |n: usize| if ceil { n.div_ceil(k) } else { n / k };
            Image::of([channels, side(height), side(width)], |c, i, j| {
                let square = (i * k..((i + 1) * k).min(height))
                    .flat_map(|a| (j * k..((j + 1) * k).min(width)).map(move |b| (a, b)));
                let pixels = square.map(|(a, b)| x.get(c, a as isize, b as isize));
                pixels.fold(f64::NEG_INFINITY, |a, b| if a.is_nan() || a > b { a } else { b })
            })
        }
        Layer::Upsample2d { factor } => {
            let f = factor as usize;
            Image::of([channels, f * height, f * width], |c, i, j| {
                x.get(c, (i / f) as isize, (j / f) as isize)
            })
        }
        Layer::Crop2d { size } => Image::of([channels, size[0] as usize, size[1] as usize], |c, i, j| {
            x.get(c, i as isize, j as isize)
        }),
        Layer::Activation(activation) => Image::of(x.shape, |c, i, j| {
            let value = x.get(c, i as isize, j as isize);
            match activation {
                Activation::Relu if value < 0.0 => 0.0,
                Activation::LeakyRelu if value < 0.0 => LEAKY_SLOPE * value,
                _ => value,
            }
        }),
        _ => panic!("not a layer of images"),
    }
}

fn run(layers: &[Layer], image: &Image, parameters: &[Vec<f64>]) -> Image {
    let mut parameters = parameters.iter();
    layers.iter().fold(image.clone(), |x, layer| reference(layer, &x, &mut parameters))
}

fn conv(channels: i64, kernel: i64, stride: i64, padding: i64) -> Layer {
    Layer::Conv2d { channels, kernel, stride, padding }
}

fn up(channels: i64, kernel: i64, stride: i64, padding: i64, output_padding: [i64; 2]) -> Layer {
    Layer::ConvTranspose2d { channels, kernel, stride, padding, output_padding }
}

const RELU: Layer = Layer::Activation(Activation::Relu);
const LEAKY: Layer = Layer::Activation(Activation::LeakyRelu);

/// Chains with odd sizes, single channels, single pixels, and tiles of every width.
fn chains() -> Vec<(Vec<Layer>, [usize; 3])> {
    let pool = |kernel, ceil| Layer::MaxPool2d { kernel, ceil };
    let larger = |factor| Layer::Upsample2d { factor };
    vec![
        (vec![conv(1, 1, 1, 0)], [1, 1, 1]),
        (vec![conv(7, 3, 1, 1), RELU], [3, 5, 4]),
        (vec![conv(5, 3, 2, 1), LEAKY, conv(3, 4, 2, 1)], [2, 9, 6]),
        (vec![conv(2, 5, 3, 0), RELU, conv(1, 1, 2, 0)], [3, 13, 9]),
        (vec![up(5, 3, 2, 1, [1, 0]), RELU, conv(1, 3, 1, 1)], [3, 4, 3]),
        (vec![up(3, 4, 2, 1, [0, 0]), LEAKY, up(2, 3, 3, 0, [2, 1])], [2, 2, 3]),
        (vec![up(2, 2, 3, 0, [0, 2]), up(3, 1, 2, 0, [1, 1])], [1, 3, 2]),
        (vec![conv(4, 3, 1, 1), RELU, pool(2, true), conv(6, 3, 1, 1), RELU, pool(3, false)], [1, 7, 12]),
        (
            vec![conv(3, 3, 1, 1), RELU, larger(2), conv(2, 3, 1, 0), RELU, larger(3), conv(1, 5, 1, 2)],
            [2, 3, 2],
        ),
        (vec![larger(2), Layer::Crop2d { size: [5, 6] }, conv(2, 3, 1, 1)], [2, 3, 4]),
        (vec![conv(1, 3, 1, 1), Layer::Crop2d { size: [2, 3] }, pool(2, false)], [1, 5, 5]),
        (vec![conv(9, 3, 1, 1), RELU, conv(8, 3, 1, 1)], [8, 3, 17]),
        // Poolings of side 2, with squares that reach beyond the edge, and pixels in no square.
        (vec![conv(5, 3, 1, 1), LEAKY, pool(2, false), conv(2, 3, 1, 0)], [2, 9, 11]),
        (vec![conv(3, 3, 2, 0), pool(2, true), conv(1, 3, 1, 1), RELU, pool(2, true)], [1, 11, 7]),
        (vec![conv(6, 1, 1, 0), RELU, pool(2, true), pool(2, true)], [1, 1, 3]),
        (vec![pool(2, true), conv(4, 3, 1, 1), RELU, pool(2, false)], [3, 9, 6]),
        // More channels than lanes, one vector and two of them at once.
        (vec![conv(37, 2, 1, 0), RELU, conv(3, 2, 1, 1), LEAKY, conv(20, 1, 1, 0)], [18, 3, 4]),
    ]
}

struct Case {
    layers: Vec<Layer>,
    shape: [usize; 3],
    n: usize,
    chain: ImageChain,
    parameters: Vec<Vec<f32>>,
    images: Vec<f32>,
    /// How much each value of the result counts for the loss.
    gradient: Vec<f32>,
}

fn case(layers: &[Layer], shape: [usize; 3], n: usize, processor: Processor) -> Case {
    let (chain, taken) = ImageChain::starting(layers, shape, processor).expect("a convolution is among them");
    assert_eq!(taken, layers.len(), "{layers:?}");
    let parameters =
        chain.parameters().iter().zip(10..).map(|(&len, seed)| values(len, seed)).collect::<Vec<_>>();
    let out: usize = chain.output_shape().iter().product();
    Case {
        layers: layers.to_vec(),
        shape,
        n,
        parameters,
        images: values(n * shape.iter().product::<usize>(), 1),
        gradient: values(n * out, 2),
        chain,
    }
}

impl Case {
    fn slices(&self) -> Vec<&[f32]> {
        self.parameters.iter().map(Vec::as_slice).collect()
    }

    fn image(&self, index: usize) -> Image {
        let size: usize = self.shape.iter().product();
        let values = self.images[index * size..(index + 1) * size].iter().map(|&x| x.into()).collect();
        Image { shape: self.shape, values }
    }

    /// The result, and the gradients of images and parameters.
    fn native(&self, threads: &dyn Threads) -> (Vec<f32>, Vec<f32>, Vec<Vec<f32>>) {
        let mut result = vec![f32::NAN; self.gradient.len()];
        let kept = self.chain.forward_kept(&self.slices(), &self.images, &mut result, threads);
        let mut images = vec![f32::NAN; self.images.len()];
        let mut parameters: Vec<Vec<f32>> =
            self.parameters.iter().map(|parameter| vec![f32::NAN; parameter.len()]).collect();
        let gradients = Gradients {
            samples: Some(&mut images),
            parameters: Some(parameters.iter_mut().map(Vec::as_mut_slice).collect()),
        };
        self.chain.backward(&self.slices(), &kept, None, &self.gradient, gradients, threads);
        (result, images, parameters)
    }
}

fn close(made: f32, expected: f64, what: &str) {
    let error = (f64::from(made) - expected).abs();
    assert!(error <= 1e-4 * (1.0 + expected.abs()), "{what}: {made} instead of {expected}");
}

#[test]
fn results_are_those_of_plain_loops() {
    for processor in Processor::available() {
        for (layers, shape) in chains() {
            for n in [1, 2, processor.lanes(), processor.lanes() + 3] {
                let case = case(&layers, shape, n, processor);
                // Both ways are taken.
                assert!(case.chain.single.is_for(1) && !case.chain.single.is_for(processor.lanes() + 3));
                let mut result = vec![f32::NAN; case.gradient.len()];
                case.chain.forward(&case.slices(), &case.images, &mut result, &Rayon);
                let parameters: Vec<Vec<f64>> =
                    case.parameters.iter().map(|p| p.iter().map(|&x| x.into()).collect()).collect();
                let expected: Vec<f64> =
                    (0..n).flat_map(|index| run(&layers, &case.image(index), &parameters).values).collect();
                assert_eq!(result.len(), expected.len(), "{layers:?}");
                for (made, expected) in result.iter().zip(expected) {
                    close(*made, expected, &format!("{processor}, {layers:?}"));
                }
            }
        }
    }
}

/// The weights of single images are packed once; after a step of training they are others.
#[test]
fn weights_that_change_are_packed_again() {
    for processor in Processor::available() {
        for (layers, shape) in chains() {
            let mut case = case(&layers, shape, 1, processor);
            for slot in 0..case.parameters.len() {
                case.parameters[slot][0] += 0.5;
                let mut result = vec![f32::NAN; case.gradient.len()];
                case.chain.forward(&case.slices(), &case.images, &mut result, &Alone);
                for (made, expected) in result.iter().zip(case.native(&Alone).0) {
                    close(*made, expected.into(), &format!("{processor}, {layers:?}"));
                }
            }
        }
    }
}

#[test]
fn threads_share_the_rows_of_a_large_image() {
    for processor in Processor::available() {
        let layers = [conv(20, 3, 1, 1), RELU, up(9, 4, 2, 1, [1, 0]), LEAKY, conv(2, 3, 2, 1)];
        let case = case(&layers, [16, 41, 30], 1, processor);
        let of = |threads: &dyn Threads| {
            let mut result = vec![f32::NAN; case.gradient.len()];
            case.chain.forward(&case.slices(), &case.images, &mut result, threads);
            result
        };
        let alone = of(&Alone);
        assert!(alone == of(&Rayon), "{processor}");
        for (made, expected) in alone.iter().zip(case.native(&Alone).0) {
            close(*made, expected.into(), &format!("{processor}"));
        }
    }
}

#[test]
fn gradients_are_those_of_differences() {
    for processor in Processor::available() {
        for (layers, shape) in chains() {
            let case = case(&layers, shape, 3, processor);
            let (_, images, parameters) = case.native(&Alone);
            let exact: Vec<Vec<f64>> =
                case.parameters.iter().map(|p| p.iter().map(|&x| x.into()).collect()).collect();
            let out = case.gradient.len() / case.n;
            let loss = |index: usize, image: &Image, parameters: &[Vec<f64>]| -> f64 {
                let result = run(&case.layers, image, parameters).values;
                let gradient = &case.gradient[index * out..(index + 1) * out];
                result.iter().zip(gradient).map(|(y, &g)| y * f64::from(g)).sum()
            };
            let step = 1e-6;
            let what = format!("{processor}, {layers:?}");
            for (index, gradient) in images.chunks(images.len() / case.n).enumerate() {
                for (place, &made) in gradient.iter().enumerate().step_by(3) {
                    let [more, less] = [step, -step].map(|step| {
                        let mut image = case.image(index);
                        image.values[place] += step;
                        loss(index, &image, &exact)
                    });
                    close(made, (more - less) / (2.0 * step), &what);
                }
            }
            for (slot, gradient) in parameters.iter().enumerate() {
                for (place, &made) in gradient.iter().enumerate().step_by(gradient.len().div_ceil(20)) {
                    let [more, less] = [step, -step].map(|step| {
                        let mut changed = exact.clone();
                        changed[slot][place] += step;
                        (0..case.n).map(|index| loss(index, &case.image(index), &changed)).sum::<f64>()
                    });
                    close(made, (more - less) / (2.0 * step), &what);
                }
            }
        }
    }
}

/// Neither the threads nor the company of an image change a bit, nor does memory that was used before.
#[test]
fn the_same_bits_come_every_time() {
    for processor in Processor::available() {
        for (layers, shape) in chains() {
            let case = case(&layers, shape, 2 * processor.lanes() + 1, processor);
            let first = case.native(&Alone);
            assert!(first == case.native(&Rayon), "{layers:?}");
            let alone = super::tests::case(&layers, shape, 1, processor);
            let size: usize = shape.iter().product();
            assert_eq!(case.images[..size], alone.images);
            let (result, images, _) = alone.native(&Alone);
            assert_eq!(
                (&first.0[..result.len()], &first.1[..size]),
                (&result[..], &images[..]),
                "{layers:?}"
            );
            assert!(first == case.native(&Rayon), "{layers:?}, again");
        }
    }
}

#[test]
fn nan_reaches_the_result_and_tiny_numbers_stay() {
    for processor in Processor::available() {
        let layers =
            [conv(2, 3, 1, 1), RELU, Layer::MaxPool2d { kernel: 2, ceil: true }, conv(1, 1, 1, 0), LEAKY];
        let mut case = case(&layers, [1, 4, 4], 2, processor);
        for pixel in 0..16 {
            case.images = values(32, 1);
            case.images[pixel] = f32::NAN;
            let (result, ..) = case.native(&Alone);
            let mut without = vec![0.0; result.len()];
            case.chain.forward(&case.slices(), &case.images, &mut without, &Alone);
            for result in [result, without] {
                assert!(result[..4].iter().any(|y| y.is_nan()) && result[4..].iter().all(|y| y.is_finite()));
            }
        }

        let mut case = super::tests::case(&[conv(1, 1, 1, 0)], [1, 1, 1], 1, processor);
        let tiny = f32::MIN_POSITIVE / 4.0;
        (case.images[0], case.parameters[0][0], case.parameters[1][0]) = (tiny, 0.5, 0.0);
        assert_eq!(case.native(&Alone).0, [tiny / 2.0]);
    }
}

#[test]
fn only_what_is_wanted_is_computed() {
    let case = case(&[conv(2, 3, 1, 1), RELU], [1, 4, 4], 2, Processor::of_this_machine());
    let (mut result, (_, images, parameters)) = (vec![0.0; case.gradient.len()], case.native(&Alone));
    let kept = case.chain.forward_kept(&case.slices(), &case.images, &mut result, &Alone);
    let mut alone = vec![f32::NAN; images.len()];
    let gradients = Gradients { samples: Some(&mut alone), parameters: None };
    case.chain.backward(&case.slices(), &kept, None, &case.gradient, gradients, &Alone);
    assert_eq!(alone, images);
    let mut alone: Vec<Vec<f32>> = parameters.iter().map(|p| vec![f32::NAN; p.len()]).collect();
    let slices = alone.iter_mut().map(Vec::as_mut_slice).collect();
    let gradients = Gradients { samples: None, parameters: Some(slices) };
    case.chain.backward(&case.slices(), &kept, None, &case.gradient, gradients, &Alone);
    assert_eq!(alone, parameters);
}

#[test]
fn a_chain_ends_where_a_layer_is_of_another_kind() {
    let processor = Processor::of_this_machine();
    let layers = [conv(2, 3, 1, 1), Layer::Activation(Activation::Gelu), conv(2, 3, 1, 1)];
    let taken = |layers: &[Layer]| ImageChain::starting(layers, [1, 4, 4], processor).map(|(_, taken)| taken);
    assert_eq!(taken(&layers), Some(1));
    assert_eq!(taken(&layers[1..]), None);
    // Resizing alone is left to others.
    assert_eq!(taken(&[Layer::Upsample2d { factor: 2 }]), None);
}
