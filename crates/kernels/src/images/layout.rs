//! From images `[N, C, H, W]` to a plane and back.

use super::correlate::{Finish, finished};
use super::plane::Plane;
use crate::simd::{Kernel, SQUARE, Simd};

/// Copies images to the lanes of a plane; lanes without an image become zero.
pub(super) struct Gather<'a> {
    /// `[at most lanes, C, H, W]`.
    pub(super) images: &'a [f32],
    pub(super) to: (*mut f32, &'a Plane),
    /// For gradients: what the activation gave, in a plane of its own.
    pub(super) finish: Finish,
    pub(super) result: Option<(*const f32, &'a Plane)>,
}

impl Kernel for Gather<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // Copies, which no store can change.
        let (to, plane) = (self.to.0, *self.to.1);
        let (result, result_plane) = self.result.map_or((to.cast_const(), plane), |(r, plane)| (r, *plane));
        let image = plane.channels * plane.height * plane.width;
        let n = self.images.len() / image.max(1);
        let in_squares = if n == S::N { plane.width / SQUARE * SQUARE } else { 0 };
        for channel in 0..plane.channels {
            for row in 0..plane.height {
                let start = (channel * plane.height + row) * plane.width;
                let place = plane.at(channel, row);
                // SAFETY: the planes have these pixels; no more images than lanes are given.
                unsafe {
                    let images = self.images.as_ptr().add(start);
                    let to = to.add(place);
                    for column in (0..in_squares).step_by(SQUARE) {
                        for lane in (0..S::N).step_by(SQUARE) {
                            S::turn(
                                images.add(lane * image + column),
                                image,
                                to.add(column * S::N + lane),
                                S::N,
                            );
                        }
                    }
                }
                for column in 0..plane.width {
                    // SAFETY: as above.
                    unsafe {
                        let place = to.add(place + column * S::N);
                        if column >= in_squares {
                            for lane in 0..n {
                                *place.add(lane) = *self.images.get_unchecked(lane * image + start + column);
                            }
                            for lane in n..S::N {
                                *place.add(lane) = 0.0;
                            }
                        }
                        if self.finish != Finish::Nothing {
                            let result = result.add(result_plane.at(channel, row) + column * S::N);
                            finished(self.finish, S::load(place), result).store(place);
                        }
                    }
                }
            }
        }
    }
}

/// Copies the first lanes of a plane to images.
pub(super) struct Scatter<'a> {
    pub(super) from: (*const f32, &'a Plane),
    /// `[at most lanes, C, H, W]`.
    pub(super) images: &'a mut [f32],
}

impl Kernel for Scatter<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (from, plane) = (self.from.0, *self.from.1); // a copy, which no store can change
        let image = plane.channels * plane.height * plane.width;
        let n = self.images.len() / image.max(1);
        let in_squares = if n == S::N { plane.width / SQUARE * SQUARE } else { 0 };
        for channel in 0..plane.channels {
            for row in 0..plane.height {
                let start = (channel * plane.height + row) * plane.width;
                // SAFETY: the plane has these pixels; no more images than lanes are asked for.
                unsafe {
                    let images = self.images.as_mut_ptr().add(start);
                    let from = from.add(plane.at(channel, row));
                    for column in (0..in_squares).step_by(SQUARE) {
                        for lane in (0..S::N).step_by(SQUARE) {
                            let to = images.add(lane * image + column);
                            S::turn(from.add(column * S::N + lane), S::N, to, image);
                        }
                    }
                }
                for lane in 0..n {
                    for column in in_squares..plane.width {
                        // SAFETY: as above.
                        unsafe {
                            let value = *from.add(plane.at(channel, row) + column * S::N + lane);
                            *self.images.get_unchecked_mut(lane * image + start + column) = value;
                        }
                    }
                }
            }
        }
    }
}
