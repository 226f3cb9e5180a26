//! Convolutions whose vectors hold channels: of the results, where those are many, else of the inputs.

use super::correlate::{Finish, finished};
use super::map::{Map, Phase, Strides};
use super::plane::Plane;
use crate::simd::{Kernel, Simd};

/// A convolution between planes of channels in lanes.
#[derive(Clone, Debug)]
pub(super) struct Mixing {
    inputs: usize,
    outputs: usize,
    lanes: usize,
    way: Way,
    /// For each phase of the map, the distance to each value that counts, or to each vector of them.
    offsets: Vec<Vec<isize>>,
}

/// What a vector of weights belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// To one input and several outputs: an input is multiplied with all of them.
    Outputs,
    /// To several inputs and one output, for which their products are added up.
    Inputs,
}

/// What adding up a vector costs, in multiplications of vectors.
const SUM: usize = 8;

impl Mixing {
    /// The convolution `map`, from a plane as `from` of channels in lanes.
    pub(super) fn new(map: &Map, from: &Plane) -> Self {
        let (inputs, outputs, lanes) = (map.inputs, map.outputs, from.lanes);
        let taps = map.phases.iter().map(|phase| phase.weights.len()).max().unwrap_or(0);
        let by_outputs = inputs * outputs.div_ceil(lanes) * taps;
        let by_inputs = outputs * (inputs.div_ceil(lanes) * taps + SUM);
        let way = if by_inputs < by_outputs { Way::Inputs } else { Way::Outputs };
        let place = |vector: usize, lane: usize| (vector * from.channel() + lane) as isize;
        let starts: Vec<isize> = match way {
            Way::Outputs => (0..inputs).map(|input| place(input / lanes, input % lanes)).collect(),
            Way::Inputs => (0..inputs.div_ceil(lanes)).map(|vector| place(vector, 0)).collect(),
        };
        let offsets = map.phases.iter().map(|phase| {
            let taps = &phase.offsets[..phase.weights.len()];
            starts.iter().flat_map(|start| taps.iter().map(move |tap| start + tap)).collect()
        });
        Mixing { inputs, outputs, lanes, way, offsets: offsets.collect() }
    }

    /// Multiplications of vectors for an image.
    pub(super) fn cost(&self, map: &Map) -> usize {
        let of = |(phase, offsets): (&Phase, &Vec<isize>)| {
            let pixel = match self.way {
                Way::Outputs => offsets.len() * self.outputs.div_ceil(self.lanes),
                Way::Inputs => self.outputs * (offsets.len() + SUM),
            };
            phase.rows * phase.columns * pixel
        };
        map.phases.iter().zip(&self.offsets).map(of).sum()
    }

    /// Vectors of results that are computed together, at most 2: the first of each, and how many.
    fn tiles(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let vectors = self.outputs.div_ceil(self.lanes);
        (0..vectors).step_by(2).map(move |first| (first, 2.min(vectors - first)))
    }

    /// Weights and biases in the order of use, zeros in lanes without a channel.
    pub(super) fn pack(&self, map: &Map, weights: &[f32], strides: Strides, bias: &[f32]) -> Packed {
        let lanes = self.lanes;
        let weight = |tap: &[usize], input: usize, output: usize| -> f32 {
            if input >= self.inputs || output >= self.outputs {
                return 0.0;
            }
            let start = output * strides.output + input * strides.input;
            tap.iter().map(|k| weights[start + k]).sum()
        };
        let mut packed = Vec::new();
        for phase in &map.phases {
            match self.way {
                Way::Outputs => {
                    for (first, n) in self.tiles() {
                        for input in 0..self.inputs {
                            for tap in &phase.weights {
                                let outputs = first * lanes..(first + n) * lanes;
                                packed.extend(outputs.map(|output| weight(tap, input, output)));
                            }
                        }
                    }
                }
                Way::Inputs => {
                    for output in 0..self.outputs {
                        for first in (0..self.inputs).step_by(lanes) {
                            for tap in &phase.weights {
                                let inputs = first..first + lanes;
                                packed.extend(inputs.map(|input| weight(tap, input, output)));
                            }
                        }
                    }
                }
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(self.outputs.next_multiple_of(lanes), 0.0);
        Packed { weights: packed, bias: padded }
    }
}

/// What [`Mixing::pack`] gives.
#[derive(Debug)]
pub(super) struct Packed {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// One image through a convolution.
pub(super) struct Mix<'a> {
    pub(super) map: &'a Map,
    pub(super) mixing: &'a Mixing,
    pub(super) packed: &'a Packed,
    pub(super) from: (*const f32, &'a Plane),
    pub(super) to: (*mut f32, &'a Plane),
    /// An activation.
    pub(super) finish: Finish,
    /// Which part of the rows, and of how many parts.
    pub(super) part: [usize; 2],
}

impl Kernel for Mix<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Mix { map, mixing, packed, from: (from, from_plane), to: (to, to_plane), .. } = self;
        let [part, parts] = self.part;
        let mut weights = packed.weights.as_ptr();
        for (phase, offsets) in map.phases.iter().zip(&mixing.offsets) {
            let tile = |first: usize, weights: *const f32| Tile {
                offsets,
                weights,
                bias: packed.bias[first..].as_ptr(),
                steps: [map.in_step * S::N, map.out_step * S::N],
                channel: to_plane.channel(),
                columns: phase.columns,
                finish: self.finish,
            };
            let own = phase.rows * part / parts..phase.rows * (part + 1) / parts;
            // SAFETY: the planes have these rows, and room for what the offsets reach beyond them; as many weights were packed.
            let rows = |row: usize, channel: usize| unsafe {
                let out_row = phase.at[0] + row * map.out_step;
                let x = from.add(from_plane.origin() + row * map.in_step * from_plane.row());
                (x, to.add(to_plane.at(channel, out_row) + phase.at[1] * S::N))
            };
            let len = offsets.len() * S::N;
            match mixing.way {
                Way::Outputs => {
                    for (first, n) in mixing.tiles() {
                        let tile = tile(first * S::N, weights);
                        for row in own.clone() {
                            let (x, y) = rows(row, first);
                            // SAFETY: as above.
                            unsafe {
                                match n {
                                    2 => S::apart(Row::<2> { tile: &tile, widest: S::PIXELS[1], x, y }),
                                    _ => S::apart(Row::<1> { tile: &tile, widest: S::PIXELS[2], x, y }),
                                }
                            }
                        }
                        // SAFETY: as many were packed.
                        weights = unsafe { weights.add(n * len) };
                    }
                }
                Way::Inputs => {
                    for output in 0..mixing.outputs {
                        let tile = tile(output, weights);
                        for row in own.clone() {
                            let (x, y) = rows(row, output / S::N);
                            // SAFETY: as above; the output's lane is in its vector.
                            unsafe { S::apart(Sums { tile: &tile, x, y: y.add(output % S::N) }) };
                        }
                        // SAFETY: as many were packed.
                        weights = unsafe { weights.add(len) };
                    }
                }
            }
        }
    }
}

/// What is the same for all rows of some outputs.
struct Tile<'a> {
    offsets: &'a [isize],
    weights: *const f32,
    bias: *const f32,
    /// Distance between the inputs, and between the outputs, of neighbouring columns.
    steps: [usize; 2],
    /// Distance between vectors of output channels.
    channel: usize,
    columns: usize,
    finish: Finish,
}

/// A row of `V` vectors of output channels, in tiles of nearly the same width, at most `widest`.
struct Row<'a, const V: usize> {
    tile: &'a Tile<'a>,
    widest: usize,
    x: *const f32,
    y: *mut f32,
}

impl<const V: usize> Kernel for Row<'_, V> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Row { tile, widest, mut x, mut y } = self;
        let tiles = tile.columns.div_ceil(widest);
        for index in 0..tiles {
            let width = (tile.columns + index) / tiles;
            // SAFETY: the caller's guarantee; the widths add up to the columns.
            unsafe {
                match width {
                    1 => product::<S, V, 1>(tile, x, y),
                    2 => product::<S, V, 2>(tile, x, y),
                    3 => product::<S, V, 3>(tile, x, y),
                    4 => product::<S, V, 4>(tile, x, y),
                    5 => product::<S, V, 5>(tile, x, y),
                    6 => product::<S, V, 6>(tile, x, y),
                    7 => product::<S, V, 7>(tile, x, y),
                    _ => product::<S, V, 8>(tile, x, y),
                }
                x = x.add(width * tile.steps[0]);
                y = y.add(width * tile.steps[1]);
            }
        }
    }
}

/// `V` vectors of output channels of `C` pixels.
#[inline(always)]
unsafe fn product<S: Simd, const V: usize, const C: usize>(tile: &Tile<'_>, x: *const f32, y: *mut f32) {
    // SAFETY: the caller's guarantee.
    unsafe {
        let mut sums = [[S::splat(0.0); C]; V];
        for (vector, sums) in sums.iter_mut().enumerate() {
            *sums = [S::load(tile.bias.add(vector * S::N)); C];
        }
        let mut weights = tile.weights;
        for &offset in tile.offsets {
            let x = x.offset(offset);
            let factors: [S; V] = std::array::from_fn(|vector| S::load(weights.add(vector * S::N)));
            for column in 0..C {
                let input = S::splat(*x.add(column * tile.steps[0]));
                for (sums, factor) in sums.iter_mut().zip(factors) {
                    sums[column] = factor.multiply_add(input, sums[column]);
                }
            }
            weights = weights.add(V * S::N);
        }
        for (vector, sums) in sums.into_iter().enumerate() {
            for (column, sum) in sums.into_iter().enumerate() {
                let place = y.add(vector * tile.channel + column * tile.steps[1]);
                finished(tile.finish, sum, place).store(place);
            }
        }
    }
}

/// A row of one output channel.
struct Sums<'a> {
    tile: &'a Tile<'a>,
    x: *const f32,
    y: *mut f32,
}

impl Kernel for Sums<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        /// Pixels at once, so that sums do not wait for one another.
        const PIXELS: usize = 4;
        let Sums { tile, x, y } = self;
        let mut column = 0;
        while column < tile.columns {
            // SAFETY: the caller's guarantee.
            unsafe {
                let (x, y) = (x.add(column * tile.steps[0]), y.add(column * tile.steps[1]));
                if tile.columns - column >= PIXELS {
                    sums::<S, PIXELS>(tile, x, y);
                    column += PIXELS;
                } else {
                    sums::<S, 1>(tile, x, y);
                    column += 1;
                }
            }
        }
    }
}

/// One output channel of `C` pixels.
#[inline(always)]
unsafe fn sums<S: Simd, const C: usize>(tile: &Tile<'_>, x: *const f32, y: *mut f32) {
    // SAFETY: the caller's guarantee.
    unsafe {
        let mut sums = [S::splat(0.0); C];
        for (index, &offset) in tile.offsets.iter().enumerate() {
            let (x, factor) = (x.offset(offset), S::load(tile.weights.add(index * S::N)));
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = factor.multiply_add(S::load(x.add(column * tile.steps[0])), *sum);
            }
        }
        for (column, sum) in sums.into_iter().enumerate() {
            let value = sum.sum() + *tile.bias;
            *y.add(column * tile.steps[1]) = match tile.finish {
                // NaN stays NaN.
                Finish::Relu if value < 0.0 => 0.0,
                Finish::Leaky(slope) if value < 0.0 => slope * value,
                _ => value,
            };
        }
    }
}
