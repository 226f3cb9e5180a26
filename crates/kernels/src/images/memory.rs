//! Memory of planes, and how tasks share it.

use super::plane::Plane;

/// Vectors of memory, aligned for the processor; zero at first.
#[derive(Clone, Debug, Default)]
pub(super) struct Aligned(Vec<Line>);

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "it is read through pointers")] [f32; LINE]);

/// Values of a cache line.
pub(super) const LINE: usize = 16;

impl Aligned {
    pub(super) fn zeros(len: usize) -> Self {
        Aligned(vec![Line([0.0; LINE]); len.div_ceil(LINE)])
    }

    /// At least as many values as were asked for.
    pub(super) fn len(&self) -> usize {
        self.0.len() * LINE
    }

    pub(super) fn as_ptr(&self) -> *const f32 {
        self.0.as_ptr().cast()
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.0.as_mut_ptr().cast()
    }
}

/// The next multiple of a line, so that what follows is aligned, too.
pub(super) fn aligned(len: usize) -> usize {
    len.next_multiple_of(LINE)
}

/// Values of all planes of a group, one after another, each aligned.
pub(super) fn block(planes: &[Plane]) -> usize {
    planes.iter().map(|plane| aligned(plane.len())).sum()
}

/// Where each plane of a group begins.
pub(super) fn places(planes: &[Plane], start: *mut f32) -> Vec<*mut f32> {
    let mut place = start;
    let next = |plane: &Plane| {
        let this = place;
        place = place.wrapping_add(aligned(plane.len()));
        this
    };
    planes.iter().map(next).collect()
}

/// Memory of which each task uses a part of its own.
pub(super) struct Blocks(pub(super) *mut f32);

// SAFETY: its users promise to use different parts.
unsafe impl Sync for Blocks {}

impl Blocks {
    /// # Safety
    /// The part from there on is within the memory, and written by one task only.
    pub(super) unsafe fn get(&self, start: usize) -> *mut f32 {
        // SAFETY: the caller's guarantee.
        unsafe { self.0.add(start) }
    }
}
