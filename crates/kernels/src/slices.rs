//! How tasks share a slice.

use std::marker::PhantomData;

/// A slice of which each task uses a part of its own: `size` values, the last part perhaps fewer.
pub(crate) struct Slices<'a> {
    values: *mut f32,
    len: usize,
    size: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: its users promise to use different parts.
unsafe impl Sync for Slices<'_> {}

impl<'a> Slices<'a> {
    pub(crate) fn new(values: &'a mut [f32], size: usize) -> Self {
        Slices { values: values.as_mut_ptr(), len: values.len(), size, borrowed: PhantomData }
    }

    /// # Safety
    /// No other task asks for the same part.
    #[expect(clippy::mut_from_ref, reason = "the caller guarantees that no part is given twice")]
    pub(crate) unsafe fn get(&self, part: usize) -> &mut [f32] {
        let start = (part * self.size).min(self.len);
        let end = (start + self.size).min(self.len);
        // SAFETY: within the slice, and the caller's guarantee.
        unsafe { std::slice::from_raw_parts_mut(self.values.add(start), end - start) }
    }
}
