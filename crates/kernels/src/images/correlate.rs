//! The products of a convolution, forward and towards its input, with what comes right behind it.

use super::map::Map;
use super::plane::Plane;
use crate::simd::{Kernel, Simd};

/// What is done to an output before it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Finish {
    Nothing,
    /// `max(y, 0)`.
    Relu,
    /// `y` above zero, this slope below.
    Leaky(f32),
    /// The output is a gradient; it passes where the activation's result is positive, else with this slope.
    Gradient {
        slope: f32,
    },
}

/// One group of images through a [`Map`].
pub(super) struct Correlate<'a> {
    pub(super) map: &'a Map,
    /// The packed weights.
    pub(super) weights: &'a [f32],
    /// One for each output channel, or none.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) from: (*const f32, &'a Plane),
    pub(super) to: (*mut f32, &'a Plane),
    pub(super) finish: Finish,
    /// The activation's result, for [`Finish::Gradient`].
    pub(super) result: Option<(*const f32, &'a Plane)>,
}

/// What is the same for all tiles of some output channels.
pub(super) struct Tile<'a> {
    pub(super) offsets: &'a [isize],
    pub(super) weights: *const f32,
    pub(super) bias: *const f32,
    /// Distance between the inputs, and between the outputs, of a tile's columns.
    pub(super) steps: [usize; 2],
    /// Distance between output channels, here and in the activation's result.
    pub(super) channels: [usize; 2],
    pub(super) finish: Finish,
}

impl Tile<'_> {
    /// A row of `n` output channels, 4, 2 or 1.
    #[inline(always)]
    pub(super) unsafe fn row<S: Simd>(
        &self,
        n: usize,
        columns: usize,
        x: *const f32,
        y: *mut f32,
        r: *const f32,
    ) {
        // SAFETY: the caller's guarantee.
        unsafe {
            match n {
                4 => S::apart(Row::<4> { tile: self, columns, widest: S::PIXELS[0], x, y, r }),
                2 => S::apart(Row::<2> { tile: self, columns, widest: S::PIXELS[1], x, y, r }),
                _ => S::apart(Row::<1> { tile: self, columns, widest: S::PIXELS[2], x, y, r }),
            }
        }
    }
}

impl Kernel for Correlate<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (map, (from, from_plane), (to, to_plane)) = (self.map, self.from, self.to);
        let zeros = [0.0; 4];
        // Without an activation the result is not read.
        let (result, result_plane) = self.result.unwrap_or((to, to_plane));
        let mut weights = self.weights.as_ptr();
        for phase in &map.phases {
            for row in 0..phase.rows {
                let out_row = phase.at[0] + row * map.out_step;
                let column = phase.at[1] * S::N;
                let mut tile_weights = weights;
                for (first, n) in map.tiles() {
                    let tile = Tile {
                        offsets: &phase.offsets,
                        weights: tile_weights,
                        bias: self.bias.map_or(zeros.as_ptr(), |bias| bias[first..first + n].as_ptr()),
                        steps: [map.in_step * S::N, map.out_step * S::N],
                        channels: [to_plane.channel(), result_plane.channel()],
                        finish: self.finish,
                    };
                    // SAFETY: the planes have these rows, and room for what the offsets reach beyond them; as many weights
                    // were packed.
                    unsafe {
                        let x = from.add(from_plane.origin() + row * map.in_step * from_plane.row());
                        let y = to.add(to_plane.at(first, out_row) + column);
                        let r = result.add(result_plane.at(first, out_row) + column);
                        tile.row::<S>(n, phase.columns, x, y, r);
                        tile_weights = tile_weights.add(n * phase.offsets.len());
                    }
                }
            }
            // SAFETY: as many were packed.
            weights = unsafe { weights.add(map.outputs * phase.offsets.len()) };
        }
    }
}

/// A row of `R` output channels, in tiles of nearly the same width, at most `widest`.
struct Row<'a, const R: usize> {
    tile: &'a Tile<'a>,
    columns: usize,
    widest: usize,
    x: *const f32,
    y: *mut f32,
    r: *const f32,
}

impl<const R: usize> Kernel for Row<'_, R> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Row { tile, columns, widest, mut x, mut y, mut r } = self;
        let tiles = columns.div_ceil(widest);
        for index in 0..tiles {
            let width = (columns + index) / tiles;
            // SAFETY: the caller's guarantee; the widths add up to `columns`.
            unsafe {
                match width {
                    1 => product::<S, R, 1>(tile, x, y, r),
                    2 => product::<S, R, 2>(tile, x, y, r),
                    3 => product::<S, R, 3>(tile, x, y, r),
                    4 => product::<S, R, 4>(tile, x, y, r),
                    5 => product::<S, R, 5>(tile, x, y, r),
                    6 => product::<S, R, 6>(tile, x, y, r),
                    7 => product::<S, R, 7>(tile, x, y, r),
                    _ => product::<S, R, 8>(tile, x, y, r),
                }
                x = x.add(width * tile.steps[0]);
                y = y.add(width * tile.steps[1]);
                r = r.wrapping_add(width * tile.steps[1]);
            }
        }
    }
}

/// `R` output channels of `C` pixels.
#[inline(always)]
unsafe fn product<S: Simd, const R: usize, const C: usize>(
    tile: &Tile<'_>,
    x: *const f32,
    y: *mut f32,
    r: *const f32,
) {
    // SAFETY: the caller's guarantee.
    unsafe {
        let mut sums = [[S::splat(0.0); C]; R];
        for (row, sums) in sums.iter_mut().enumerate() {
            *sums = [S::splat(*tile.bias.add(row)); C];
        }
        let mut weights = tile.weights;
        for &offset in tile.offsets {
            let x = x.offset(offset);
            let mut inputs = [S::splat(0.0); C];
            for (column, input) in inputs.iter_mut().enumerate() {
                *input = S::load(x.add(column * tile.steps[0]));
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let weight = S::splat(*weights.add(row));
                for (sum, input) in sums.iter_mut().zip(inputs) {
                    *sum = weight.multiply_add(input, *sum);
                }
            }
            weights = weights.add(R);
        }
        // The loops know what they do: a choice for each value would take as long as its sum in a small kernel.
        match tile.finish {
            Finish::Nothing => store(Finish::Nothing, tile, sums, y, r),
            Finish::Relu => store(Finish::Relu, tile, sums, y, r),
            Finish::Leaky(slope) => store(Finish::Leaky(slope), tile, sums, y, r),
            Finish::Gradient { slope } => store(Finish::Gradient { slope }, tile, sums, y, r),
        }
    }
}

#[inline(always)]
unsafe fn store<S: Simd, const R: usize, const C: usize>(
    finish: Finish,
    tile: &Tile<'_>,
    sums: [[S; C]; R],
    y: *mut f32,
    r: *const f32,
) {
    for (row, sums) in sums.into_iter().enumerate() {
        for (column, sum) in sums.into_iter().enumerate() {
            let place = column * tile.steps[1];
            // SAFETY: the caller's guarantee.
            unsafe {
                let value = finished(finish, sum, r.wrapping_add(row * tile.channels[1] + place));
                value.store(y.add(row * tile.channels[0] + place));
            }
        }
    }
}

/// `result` is read for a gradient only.
#[inline(always)]
pub(super) unsafe fn finished<S: Simd>(finish: Finish, value: S, result: *const f32) -> S {
    // SAFETY: the caller's guarantee. NaN stays NaN, so that it is noticed.
    unsafe {
        match finish {
            Finish::Nothing => value,
            Finish::Relu => S::splat(0.0).max_or_other(value),
            Finish::Leaky(slope) => S::splat(slope).multiply(value).max_or_other(value),
            Finish::Gradient { slope } => {
                let passes = S::load(result).is_positive();
                S::choose(passes, value, S::splat(slope).multiply(value))
            }
        }
    }
}
