//! Where the pixels of a group of images lie.

use super::memory::LINE;

/// The channels of a group of images: `[channels, top + height + bottom, left + width + right, lanes]`, zeros around
/// each channel.
///
/// A lane is an image: one vector of the processor holds the same pixel of as many images. So any number of channels is
/// as fast as another, and no value has to be moved within a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plane {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Zeros above and below.
    pub(super) rows: [usize; 2],
    /// Zeros to the left and to the right.
    pub(super) columns: [usize; 2],
    pub(super) lanes: usize,
}

impl Plane {
    pub(super) fn new(shape: [usize; 3], lanes: usize) -> Self {
        let [channels, height, width] = shape;
        Plane { channels, height, width, rows: [0; 2], columns: [0; 2], lanes }
    }

    pub(super) fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// Makes room for a reader that reaches beyond the edges.
    pub(super) fn widen(&mut self, rows: [usize; 2], columns: [usize; 2]) {
        for side in 0..2 {
            self.rows[side] = self.rows[side].max(rows[side]);
            self.columns[side] = self.columns[side].max(columns[side]);
        }
    }

    /// Values from one row to the next.
    pub(super) fn row(&self) -> usize {
        (self.columns[0] + self.width + self.columns[1]) * self.lanes
    }

    /// Values from one channel to the next: an odd number of cache lines, or the same pixel of many channels would fall
    /// into the same few places of the cache.
    pub(super) fn channel(&self) -> usize {
        let rows = self.rows[0] + self.height + self.rows[1];
        ((rows * self.row()).div_ceil(LINE) | 1) * LINE
    }

    /// All values of a group.
    pub(super) fn len(&self) -> usize {
        self.channels * self.channel()
    }

    /// Where the first pixel of a channel lies.
    pub(super) fn origin(&self) -> usize {
        self.rows[0] * self.row() + self.columns[0] * self.lanes
    }

    /// Where a row of a channel begins.
    pub(super) fn at(&self, channel: usize, row: usize) -> usize {
        channel * self.channel() + self.origin() + row * self.row()
    }
}
