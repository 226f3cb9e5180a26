//! What has no weights: poolings, enlargements, crops, and the gradients of all three.

use super::correlate::{Finish, finished};
use super::plane::Plane;
use crate::simd::{Kernel, Simd};

/// One group of images, from a plane to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resize {
    /// The greatest of each square with this side; squares at the lower and right edges may be incomplete.
    Pool(usize),
    /// Each pixel becomes a square with this side.
    Enlarge(usize),
    /// The upper left part.
    Crop,
}

pub(super) struct Forward<'a> {
    pub(super) resize: Resize,
    pub(super) from: (*const f32, &'a Plane),
    pub(super) to: (*mut f32, &'a Plane),
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // Copies, which no store can change.
        let (from, from_plane) = (self.from.0, *self.from.1);
        let (to, to_plane) = (self.to.0, *self.to.1);
        for channel in 0..to_plane.channels {
            for row in 0..to_plane.height {
                for column in 0..to_plane.width {
                    // SAFETY: the planes have these pixels.
                    unsafe {
                        let value = match self.resize {
                            Resize::Pool(side) => {
                                greatest::<S>(from, &from_plane, channel, [row, column], side)
                            }
                            Resize::Enlarge(side) => {
                                let place = from_plane.at(channel, row / side) + column / side * S::N;
                                S::load(from.add(place))
                            }
                            Resize::Crop => S::load(from.add(from_plane.at(channel, row) + column * S::N)),
                        };
                        value.store(to.add(to_plane.at(channel, row) + column * S::N));
                    }
                }
            }
        }
    }
}

/// NaN if one is among them.
#[inline(always)]
unsafe fn greatest<S: Simd>(
    from: *const f32,
    plane: &Plane,
    channel: usize,
    [row, column]: [usize; 2],
    side: usize,
) -> S {
    // SAFETY: the caller's guarantee.
    unsafe {
        let mut greatest = S::splat(f32::NEG_INFINITY);
        for i in row * side..((row + 1) * side).min(plane.height) {
            let from = from.add(plane.at(channel, i));
            for j in column * side..((column + 1) * side).min(plane.width) {
                let value = S::load(from.add(j * S::N));
                // `max_or_other` would forget an earlier NaN.
                greatest = S::choose(greatest.is_nan(), greatest, greatest.max_or_other(value));
            }
        }
        greatest
    }
}

/// Towards the input.
pub(super) struct Backward<'a> {
    pub(super) resize: Resize,
    /// What the step read and wrote.
    pub(super) input: (*const f32, &'a Plane),
    pub(super) output: (*const f32, &'a Plane),
    /// Gradient of the output.
    pub(super) from: (*const f32, &'a Plane),
    pub(super) to: (*mut f32, &'a Plane),
    /// What comes before the step, for which the input is the result.
    pub(super) finish: Finish,
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // Copies, which no store can change.
        let (from, from_plane) = (self.from.0, *self.from.1);
        let (to, to_plane) = (self.to.0, *self.to.1);
        let (input, input_plane) = (self.input.0, *self.input.1);
        for channel in 0..to_plane.channels {
            if let Resize::Pool(side) = self.resize {
                // Pixels below and to the right of the last square belong to none.
                let covered = [from_plane.height * side, from_plane.width * side];
                for row in 0..to_plane.height {
                    let first = if row < covered[0] { covered[1] } else { 0 };
                    for column in first..to_plane.width {
                        // SAFETY: the plane has these pixels.
                        unsafe { S::splat(0.0).store(to.add(to_plane.at(channel, row) + column * S::N)) };
                    }
                }
                for row in 0..from_plane.height {
                    for column in 0..from_plane.width {
                        // SAFETY: the planes have these pixels.
                        unsafe { self.spread::<S>(channel, [row, column], side) };
                    }
                }
                continue;
            }
            for row in 0..to_plane.height {
                for column in 0..to_plane.width {
                    // SAFETY: the planes have these pixels.
                    unsafe {
                        let mut sum = S::splat(0.0);
                        if let Resize::Enlarge(side) = self.resize {
                            for i in row * side..((row + 1) * side).min(from_plane.height) {
                                let from = from.add(from_plane.at(channel, i));
                                for j in column * side..((column + 1) * side).min(from_plane.width) {
                                    sum = sum.add(S::load(from.add(j * S::N)));
                                }
                            }
                        } else if row < from_plane.height && column < from_plane.width {
                            sum = S::load(from.add(from_plane.at(channel, row) + column * S::N));
                        }
                        let result = input.add(input_plane.at(channel, row) + column * S::N);
                        let place = to_plane.at(channel, row) + column * S::N;
                        finished(self.finish, sum, result).store(to.add(place));
                    }
                }
            }
        }
    }
}

impl Backward<'_> {
    /// Gives a square's gradient to the first of its greatest pixels.
    #[inline(always)]
    unsafe fn spread<S: Simd>(&self, channel: usize, [row, column]: [usize; 2], side: usize) {
        let (input, input_plane) = self.input;
        let (to, to_plane) = self.to;
        // SAFETY: the caller's guarantee.
        unsafe {
            let (output, output_plane) = self.output;
            let (from, from_plane) = self.from;
            let greatest = S::load(output.add(output_plane.at(channel, row) + column * S::N));
            let gradient = S::load(from.add(from_plane.at(channel, row) + column * S::N));
            let mut given = S::no_lane();
            for i in row * side..((row + 1) * side).min(input_plane.height) {
                for j in column * side..((column + 1) * side).min(input_plane.width) {
                    let place = input.add(input_plane.at(channel, i) + j * S::N);
                    let is_greatest = S::load(place).equals(greatest);
                    let gets = S::without(is_greatest, given);
                    given = S::either(given, is_greatest);
                    let value = finished(self.finish, S::choose(gets, gradient, S::splat(0.0)), place);
                    value.store(to.add(to_plane.at(channel, i) + j * S::N));
                }
            }
        }
    }
}
