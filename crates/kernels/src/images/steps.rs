//! From a network's layers to the steps of a chain, and the planes between them.

use super::correlate::Finish;
use super::map::{Map, Strides};
use super::plane::Plane;
use super::pooled::{self, SIDE};
use super::resize::Resize;
use super::taps::Axis;
use ae_network::{Activation, LEAKY_SLOPE, Layer};

#[derive(Clone, Debug)]
pub(super) enum Step {
    Convolve(Convolution),
    Resize(Resize),
}

#[derive(Clone, Debug)]
pub(super) struct Convolution {
    pub(super) forward: Map,
    /// From the gradient of the output to that of the input.
    pub(super) backward: Map,
    pub(super) strides: Strides,
    /// Position of the weight among the parameters; the bias follows.
    pub(super) parameter: usize,
    pub(super) finish: Finish,
    /// Whether a max pooling of side [`pooled::SIDE`] is part of it.
    pub(super) pools: bool,
}

/// Steps and what lies between them.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) steps: Vec<Step>,
    /// Between the steps: one more than steps. Then the winners of each step's pooling, without channels where there is none,
    /// and a band to compute in.
    pub(super) values: Vec<Plane>,
    /// Between the steps. Then, for each step with a pooling, the gradient before it, without channels where there is none.
    pub(super) gradients: Vec<Plane>,
    /// Number of values of each parameter.
    pub(super) parameters: Vec<usize>,
}

/// A step before the planes around it are known.
enum Draft {
    Convolve {
        axis: Axis,
        kernel: usize,
        strides: Strides,
        weights: usize,
        finish: Finish,
        /// Of the convolution's results.
        shape: [usize; 3],
        pools: bool,
    },
    Resize(Resize),
}

/// The steps of as many layers as can be taken from the front, for images of `shape`, and their number.
pub(super) fn steps(layers: &[Layer], shape: [usize; 3], lanes: usize) -> (Planned, usize) {
    let (mut drafts, mut shapes, mut taken) = (Vec::new(), vec![shape], 0);
    while let Some((draft, after, n)) = next(&layers[taken..], shapes[shapes.len() - 1]) {
        drafts.push(draft);
        shapes.push(after);
        taken += n;
    }
    let mut values: Vec<Plane> = shapes.iter().map(|&shape| Plane::new(shape, lanes)).collect();
    let mut gradients = values.clone();
    let mut before_pooling = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let mut spread = Plane::new([0; 3], lanes);
        if let Draft::Convolve { axis, shape: after, pools, .. } = draft {
            let (before, after) = (shapes[index], *after);
            let reach = |axis: &Axis, from: [usize; 3], to: [usize; 3]| {
                [axis.reach(from[1], to[1]), axis.reach(from[2], to[2])]
            };
            let [rows, columns] = reach(axis, before, after);
            values[index].widen(rows, columns);
            let [rows, columns] = reach(&axis.transpose(), after, before);
            if *pools {
                spread = Plane::new(after, lanes);
                spread.widen(rows, columns);
            } else {
                gradients[index + 1].widen(rows, columns);
            }
        }
        before_pooling.push(spread);
    }
    let mut parameters = Vec::new();
    let mut step = |(index, draft): (usize, Draft)| match draft {
        Draft::Resize(resize) => Step::Resize(resize),
        Draft::Convolve { axis, kernel, strides, weights, finish, shape, pools } => {
            let forward = Map::new(&axis, kernel, &values[index], &Plane::new(shape, lanes));
            let of_results = if pools { &before_pooling[index] } else { &gradients[index + 1] };
            let backward = Map::new(&axis.transpose(), kernel, of_results, &gradients[index]);
            let parameter = parameters.len();
            parameters.extend([weights, forward.outputs]);
            Step::Convolve(Convolution { forward, backward, strides, parameter, finish, pools })
        }
    };
    let steps: Vec<Step> = drafts.into_iter().enumerate().map(&mut step).collect();
    let pools = |index: usize| matches!(&steps[index], Step::Convolve(convolution) if convolution.pools);
    let winners = |index: usize| {
        let shape = if pools(index) { shapes[index + 1] } else { [0; 3] };
        Plane::new(shape, lanes)
    };
    values.extend((0..steps.len()).map(winners));
    let widest = (0..steps.len()).filter(|&index| pools(index)).map(|index| shapes[index + 1][2]).max();
    values.push(pooled::band(widest.unwrap_or(0), lanes));
    gradients.extend(before_pooling);
    (Planned { steps, values, gradients, parameters }, taken)
}

/// The next step, the shape behind it, and how many layers it stands for.
fn next(layers: &[Layer], [channels, height, width]: [usize; 3]) -> Option<(Draft, [usize; 3], usize)> {
    let resize = |resize, height, width| Some((Draft::Resize(resize), [channels, height, width], 1));
    let size = |n: i64| usize::try_from(n).ok();
    match *layers.first()? {
        Layer::Conv2d { channels: outputs, kernel, stride, padding } => {
            let [outputs, kernel, stride, padding] = [outputs, kernel, stride, padding].map(|n| n as usize);
            let axis = Axis::convolution(kernel, stride, padding);
            let side = |n: usize| Some((n + 2 * padding).checked_sub(kernel)? / stride + 1);
            let shape = [outputs, side(height)?, side(width)?];
            Some(convolve(layers, axis, kernel, channels, shape, 1))
        }
        Layer::ConvTranspose2d { channels: outputs, kernel, stride, padding, output_padding } => {
            let [outputs, kernel, stride, padding] = [outputs, kernel, stride, padding].map(|n| n as usize);
            let axis = Axis::convolution(kernel, stride, padding).transpose();
            let side = |n: usize, extra: i64| {
                ((n - 1) * stride + kernel + size(extra)?).checked_sub(2 * padding).filter(|&n| n > 0)
            };
            let shape = [outputs, side(height, output_padding[0])?, side(width, output_padding[1])?];
            let (mut draft, shape, n) = convolve(layers, axis, kernel, channels, shape, 1);
            if let Draft::Convolve { strides, .. } = &mut draft {
                *strides = Strides { output: kernel * kernel, input: outputs * kernel * kernel };
            }
            Some((draft, shape, n))
        }
        Layer::Upsample2d { factor } => {
            let factor = size(factor)?;
            let (high, wide) = (factor * height, factor * width);
            if let Some(&Layer::Conv2d { channels: outputs, kernel, stride: 1, padding }) = layers.get(1) {
                let [outputs, kernel, padding] = [outputs, kernel, padding].map(|n| n as usize);
                let axis = Axis::enlarged_convolution(factor, kernel, padding);
                let side = |n: usize| Some((n + 2 * padding).checked_sub(kernel)? + 1);
                let shape = [outputs, side(high)?, side(wide)?];
                return Some(convolve(layers, axis, kernel, channels, shape, 2));
            }
            resize(Resize::Enlarge(factor), high, wide)
        }
        Layer::MaxPool2d { kernel, ceil } => {
            let kernel = size(kernel)?;
            let side = |n: usize| if ceil { n.div_ceil(kernel) } else { n / kernel };
            resize(Resize::Pool(kernel), side(height), side(width))
        }
        Layer::Crop2d { size: [rows, columns] } => resize(Resize::Crop, size(rows)?, size(columns)?),
        _ => None,
    }
}

/// A convolution that stands for `n` layers, and the activation behind it, if it can be part of it.
fn convolve(
    layers: &[Layer],
    axis: Axis,
    kernel: usize,
    inputs: usize,
    shape: [usize; 3],
    n: usize,
) -> (Draft, [usize; 3], usize) {
    let area = kernel * kernel;
    let (finish, mut extra) = match layers.get(n) {
        Some(Layer::Activation(Activation::Relu)) => (Finish::Relu, 1),
        Some(Layer::Activation(Activation::LeakyRelu)) => (Finish::Leaky(LEAKY_SLOPE as f32), 1),
        Some(Layer::Activation(Activation::Identity)) => (Finish::Nothing, 1),
        _ => (Finish::Nothing, 0),
    };
    let strides = Strides { output: inputs * area, input: area };
    let weights = inputs * shape[0] * area;
    let mut pooled = shape;
    let pools = match layers.get(n + extra) {
        Some(&Layer::MaxPool2d { kernel, ceil }) if kernel == SIDE as i64 && axis.out_step == 1 => {
            let side = |n: usize| if ceil { n.div_ceil(SIDE) } else { n / SIDE };
            pooled = [shape[0], side(shape[1]), side(shape[2])];
            // Without a result there is nothing to pool; the layers' own rules speak of that.
            pooled.iter().all(|&n| n > 0)
        }
        _ => false,
    };
    if pools {
        extra += 1;
    } else {
        pooled = shape;
    }
    (Draft::Convolve { axis, kernel, strides, weights, finish, shape, pools }, pooled, n + extra)
}
