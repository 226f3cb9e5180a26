//! The gradients of a convolution's weights and biases.

use super::map::Map;
use super::plane::Plane;
use crate::simd::{Kernel, Simd};

/// Pixels of a block: the gradients of four channels there and the inputs that they meet stay in the nearest cache.
const BLOCK: usize = 192;

/// One group of images.
pub(super) struct WeightGradient<'a> {
    pub(super) map: &'a Map,
    pub(super) inputs: (*const f32, &'a Plane),
    /// Gradients of the outputs.
    pub(super) outputs: (*const f32, &'a Plane),
    /// The sums are added here, in the order of [`Map::pack`].
    pub(super) weights: &'a mut [f32],
    /// One for each output channel; the sums are added here.
    pub(super) bias: &'a mut [f32],
}

/// Rows of a phase, for some output channels.
struct Block {
    rows: usize,
    columns: usize,
    /// From one column to the next, of inputs and outputs.
    steps: [usize; 2],
    /// From one row to the next.
    row_steps: [usize; 2],
    /// From one output channel to the next.
    channel: usize,
}

impl Kernel for WeightGradient<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (map, (x, x_plane), (g, g_plane)) = (self.map, self.inputs, self.outputs);
        let mut done = 0;
        for phase in &map.phases {
            let per_block = (BLOCK / phase.columns.max(1)).max(1);
            let size = map.outputs * phase.offsets.len();
            for start in (0..phase.rows).step_by(per_block) {
                let block = Block {
                    rows: per_block.min(phase.rows - start),
                    columns: phase.columns,
                    steps: [map.in_step * S::N, map.out_step * S::N],
                    row_steps: [map.in_step * x_plane.row(), map.out_step * g_plane.row()],
                    channel: g_plane.channel(),
                };
                let mut sums = self.weights[done..done + size].as_mut_ptr();
                for (first, n) in map.tiles() {
                    // SAFETY: the planes have these rows, and room for what the offsets reach beyond them; there is a
                    // sum for each offset and output channel.
                    unsafe {
                        let x = x.add(x_plane.origin() + start * block.row_steps[0]);
                        let g = g.add(
                            g_plane.at(first, phase.at[0]) + phase.at[1] * S::N + start * block.row_steps[1],
                        );
                        let (block, offsets) = (&block, &phase.offsets[..]);
                        match n {
                            4 => S::apart(Offsets::<4> { block, offsets, widest: S::WEIGHTS[0], x, g, sums }),
                            2 => S::apart(Offsets::<2> { block, offsets, widest: S::WEIGHTS[1], x, g, sums }),
                            _ => S::apart(Offsets::<1> { block, offsets, widest: S::WEIGHTS[2], x, g, sums }),
                        }
                        sums = sums.add(n * phase.offsets.len());
                    }
                }
            }
            done += size;
        }
        for (channel, sum) in self.bias.iter_mut().enumerate() {
            // SAFETY: the plane has these rows.
            *sum += unsafe { channel_sum::<S>(g, g_plane, channel) };
        }
    }
}

/// All offsets with `R` output channels, in groups of nearly the same size, at most `widest`.
struct Offsets<'a, const R: usize> {
    block: &'a Block,
    offsets: &'a [isize],
    widest: usize,
    x: *const f32,
    g: *const f32,
    sums: *mut f32,
}

impl<const R: usize> Kernel for Offsets<'_, R> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Offsets { block, offsets, widest, x, g, mut sums } = self;
        let groups = offsets.len().div_ceil(widest);
        let mut start = 0;
        for index in 0..groups {
            let size = (offsets.len() + index) / groups;
            let group = offsets[start..start + size].as_ptr();
            // SAFETY: the caller's guarantee; the sizes add up to all offsets.
            unsafe {
                match size {
                    1 => product::<S, R, 1>(block, group, x, g, sums),
                    2 => product::<S, R, 2>(block, group, x, g, sums),
                    3 => product::<S, R, 3>(block, group, x, g, sums),
                    4 => product::<S, R, 4>(block, group, x, g, sums),
                    5 => product::<S, R, 5>(block, group, x, g, sums),
                    6 => product::<S, R, 6>(block, group, x, g, sums),
                    7 => product::<S, R, 7>(block, group, x, g, sums),
                    _ => product::<S, R, 8>(block, group, x, g, sums),
                }
                sums = sums.add(size * R);
            }
            start += size;
        }
    }
}

/// `R` output channels with `C` inputs.
#[inline(always)]
unsafe fn product<S: Simd, const R: usize, const C: usize>(
    block: &Block,
    offsets: *const isize,
    x: *const f32,
    g: *const f32,
    to: *mut f32,
) {
    // SAFETY: the caller's guarantee.
    unsafe {
        let mut sums = [[S::splat(0.0); C]; R];
        let mut places = [0; C];
        for (index, place) in places.iter_mut().enumerate() {
            *place = *offsets.add(index);
        }
        for row in 0..block.rows {
            let mut x = x.add(row * block.row_steps[0]);
            let mut g = g.add(row * block.row_steps[1]);
            for _ in 0..block.columns {
                let mut inputs = [S::splat(0.0); C];
                for (input, place) in inputs.iter_mut().zip(places) {
                    *input = S::load(x.offset(place));
                }
                for (row, sums) in sums.iter_mut().enumerate() {
                    let gradient = S::load(g.add(row * block.channel));
                    for (sum, input) in sums.iter_mut().zip(inputs) {
                        *sum = gradient.multiply_add(input, *sum);
                    }
                }
                x = x.add(block.steps[0]);
                g = g.add(block.steps[1]);
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            for (column, sum) in sums.into_iter().enumerate() {
                *to.add(column * R + row) += sum.sum();
            }
        }
    }
}

#[inline(always)]
unsafe fn channel_sum<S: Simd>(g: *const f32, plane: &Plane, channel: usize) -> f32 {
    // SAFETY: the caller's guarantee.
    unsafe {
        // Several, so that an addition need not wait for the one before.
        let mut sums = [S::splat(0.0); 4];
        for row in 0..plane.height {
            let g = g.add(plane.at(channel, row));
            let whole = plane.width / sums.len() * sums.len();
            for column in (0..whole).step_by(sums.len()) {
                for (index, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.add(S::load(g.add((column + index) * S::N)));
                }
            }
            for column in whole..plane.width {
                sums[0] = sums[0].add(S::load(g.add(column * S::N)));
            }
        }
        sums[0].add(sums[1]).add(sums[2].add(sums[3])).sum()
    }
}
