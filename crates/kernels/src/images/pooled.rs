//! A convolution with a max pooling of side 2 behind it, in one walk: what is pooled is never written down.
//!
//! The activation comes after the pooling, on a quarter of the values; since it does not decrease, the result is the same.

use super::correlate::{Finish, Tile, finished};
use super::map::Map;
use super::plane::Plane;
use crate::simd::{Kernel, Simd};

/// Side of a pooling that is carried out with the convolution before it.
pub(super) const SIDE: usize = 2;

/// Rows of the convolution's results that [`Correlate`] needs at a time, for one tile of output channels.
/// `width` is that of the widest result.
pub(super) fn band(width: usize, lanes: usize) -> Plane {
    Plane::new([super::map::ROWS, SIDE, SIDE * width], lanes)
}

/// One group of images through a [`Map`] of one phase, and the pooling.
pub(super) struct Correlate<'a> {
    pub(super) map: &'a Map,
    /// The packed weights.
    pub(super) weights: &'a [f32],
    /// One for each output channel.
    pub(super) bias: &'a [f32],
    pub(super) from: (*const f32, &'a Plane),
    pub(super) to: (*mut f32, &'a Plane),
    /// For each result, which pixel of its square it was: 0 to 3, row by row, the first if there are several.
    pub(super) winners: (*mut f32, &'a Plane),
    /// A [`band`], to compute in.
    pub(super) band: (*mut f32, &'a Plane),
    pub(super) finish: Finish,
}

impl Kernel for Correlate<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (map, (from, from_plane), (band, band_plane)) = (self.map, self.from, self.band);
        let phase = &map.phases[0];
        let pooled = self.to.1;
        // Those that are in a square; beyond the edge there is nothing that could be the greatest.
        let columns = phase.columns.min(SIDE * pooled.width);
        let nothing = |row: usize, first: usize| {
            for channel in 0..band_plane.channels {
                for column in first..band_plane.width {
                    // SAFETY: the band has these pixels.
                    unsafe {
                        let place = band.add(band_plane.at(channel, row) + column * S::N);
                        S::splat(f32::NEG_INFINITY).store(place);
                    }
                }
            }
        };
        (0..SIDE).for_each(|row| nothing(row, columns));
        for row in 0..pooled.height {
            let mut weights = self.weights.as_ptr();
            for (first, n) in map.tiles() {
                let tile = Tile {
                    offsets: &phase.offsets,
                    weights,
                    bias: self.bias[first..first + n].as_ptr(),
                    steps: [map.in_step * S::N, S::N],
                    channels: [band_plane.channel(), 0],
                    finish: Finish::Nothing,
                };
                // SAFETY: the planes have these rows, and room for what the offsets reach beyond them; as many weights
                // were packed.
                unsafe {
                    for half in 0..SIDE {
                        let full_row = SIDE * row + half;
                        if full_row >= phase.rows {
                            nothing(half, 0);
                            continue;
                        }
                        let x = from.add(from_plane.origin() + full_row * map.in_step * from_plane.row());
                        let y = band.add(band_plane.at(0, half));
                        tile.row::<S>(n, columns, x, y, y);
                    }
                    for channel in 0..n {
                        self.pool::<S>(first, channel, row);
                    }
                    weights = weights.add(n * phase.offsets.len());
                }
            }
        }
    }
}

impl Correlate<'_> {
    /// From a channel of the band to a row of the result.
    #[inline(always)]
    unsafe fn pool<S: Simd>(&self, first: usize, channel: usize, row: usize) {
        let (band, band_plane) = self.band;
        // SAFETY: the caller's guarantee.
        unsafe {
            let upper = band.add(band_plane.at(channel, 0));
            let lower = band.add(band_plane.at(channel, 1));
            let to = self.to.0.add(self.to.1.at(first + channel, row));
            let winners = self.winners.0.add(self.winners.1.at(first + channel, row));
            for column in 0..self.to.1.width {
                let at = SIDE * column * S::N;
                let (a, b) = (S::load(upper.add(at)), S::load(upper.add(at + S::N)));
                let (c, d) = (S::load(lower.add(at)), S::load(lower.add(at + S::N)));
                let greatest = greater(greater(a, b), greater(c, d));
                let lower = S::choose(c.equals(greatest), S::splat(2.0), S::splat(3.0));
                let right = S::choose(b.equals(greatest), S::splat(1.0), lower);
                S::choose(a.equals(greatest), S::splat(0.0), right).store(winners.add(column * S::N));
                finished(self.finish, greatest, to).store(to.add(column * S::N));
            }
        }
    }
}

/// The greater; NaN if one is.
#[inline(always)]
unsafe fn greater<S: Simd>(one: S, other: S) -> S {
    // SAFETY: the caller's guarantee.
    unsafe { S::choose(one.is_nan(), one, one.max_or_other(other)) }
}

/// The gradient of the convolution's results: that of a square goes to its greatest pixel. Pixels in no square are left as
/// they are.
pub(super) struct Spread<'a> {
    /// Gradient of the pooling's results.
    pub(super) from: (*const f32, &'a Plane),
    pub(super) winners: (*const f32, &'a Plane),
    pub(super) to: (*mut f32, &'a Plane),
}

impl Kernel for Spread<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // Copies, which no store can change.
        let (from, from_plane) = (self.from.0, *self.from.1);
        let (winners, winners_plane) = (self.winners.0, *self.winners.1);
        let (to, to_plane) = (self.to.0, *self.to.1);
        let whole = (to_plane.width / SIDE).min(from_plane.width);
        for channel in 0..from_plane.channels {
            for row in 0..from_plane.height {
                // SAFETY: the planes have these pixels.
                unsafe {
                    let from = from.add(from_plane.at(channel, row));
                    let winners = winners.add(winners_plane.at(channel, row));
                    for half in 0..SIDE.min(to_plane.height - SIDE * row) {
                        let to = to.add(to_plane.at(channel, SIDE * row + half));
                        for column in 0..from_plane.width {
                            let gradient = S::load(from.add(column * S::N));
                            let winner = S::load(winners.add(column * S::N));
                            let to = to.add(SIDE * column * S::N);
                            let of = |pixel: usize| {
                                let wins = winner.equals(S::splat(pixel as f32));
                                S::choose(wins, gradient, S::splat(0.0))
                            };
                            of(SIDE * half).store(to);
                            if column < whole {
                                of(SIDE * half + 1).store(to.add(S::N));
                            }
                        }
                    }
                }
            }
        }
    }
}
