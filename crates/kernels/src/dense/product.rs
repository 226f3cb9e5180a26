//! Matrix products: all the arithmetic of a dense layer, forward and backward.

use super::activate::{activate, gate, gate_relus};
use super::pack::{Matrix, Pack, panel_width};
use crate::simd::{Kernel, Processor, Simd, dispatch};
use crate::threads::{Pool, Threads};
use ae_network::Activation;

/// `left · right`, and what is done with each value of the result while it is in the nearest cache.
///
/// Each value adds its terms in their order, whatever the threads and the other rows: a row gives the same bits in any
/// company.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    pub(crate) left: Matrix<'a>,
    pub(crate) right: Matrix<'a>,
    pub(crate) finish: Finish<'a>,
}

/// What happens to each value of a product.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a> {
    Nothing,
    /// A bias is added for each column, and the sum goes through an activation.
    Layer {
        bias: &'a [f32],
        activation: Activation,
    },
    /// It is added to what is there.
    Add,
    /// It is a gradient behind an activation whose results these are, and becomes that before it.
    Gate {
        results: &'a [f32],
        activation: Activation,
    },
}

/// Multiplications that are worth a thread.
const WORTH: usize = 1 << 20;
/// The widest panel of any instruction set.
pub(super) const WIDEST: usize = 32;
/// The most rows of any tile.
const TALLEST: usize = 12;

impl Product<'_> {
    /// Writes the product, `[left.rows, right.columns]`. Panics for matrices that do not fit.
    pub(crate) fn write(
        &self,
        processor: Processor,
        to: &mut [f32],
        memory: &Pool<Vec<f32>>,
        threads: &dyn Threads,
    ) {
        self.write_beside(processor, to, memory, threads, &|| {});
    }

    /// [`Self::write`], and something else that one of the threads does once.
    pub(crate) fn write_beside(
        &self,
        processor: Processor,
        to: &mut [f32],
        memory: &Pool<Vec<f32>>,
        threads: &dyn Threads,
        beside: &(dyn Fn() + Sync),
    ) {
        let (rows, columns) = (self.left.rows, self.right.columns);
        assert_eq!(self.left.columns, self.right.rows, "what is multiplied");
        assert_eq!(to.len(), rows * columns, "a place for each value");
        match self.finish {
            Finish::Nothing | Finish::Add => {}
            Finish::Layer { bias, .. } => assert_eq!(bias.len(), columns, "a bias for each column"),
            Finish::Gate { results, .. } => assert_eq!(results.len(), to.len(), "a result for each value"),
        }
        let width = 2 * processor.lanes();
        let panels = columns.div_ceil(width);
        // What is too little for two threads is not worth waking one.
        let work = (rows * columns * self.right.rows).div_ceil(WORTH);
        let blocks = if work < 2 { 1 } else { blocks(panels, rows, threads.count()) };
        let block = rows.div_ceil(blocks).next_multiple_of(TALLEST);
        let blocks = rows.div_ceil(block);
        let place = Place(to.as_mut_ptr());
        let product = |index: usize| {
            let (panel, first) = (index / blocks, index % blocks * block);
            let columns = (panel * width, width.min(columns - panel * width));
            let width = panel_width(processor.lanes(), columns.1);
            let len = width * self.right.rows;
            let mut packed = memory.at_least(len);
            let pack = Pack { matrix: &self.right, first: columns.0, width, to: &mut packed[..len] };
            // SAFETY: it works on slices.
            unsafe { dispatch(processor, pack) };
            let panel = Panel {
                left: self.left,
                rows: (first, block.min(rows - first)),
                columns,
                width,
                packed: &packed[..len],
                finish: self.finish,
                to: place.start(),
                to_stride: self.right.columns,
            };
            // SAFETY: each task writes its own rows and columns of the product; all sizes were checked.
            unsafe { dispatch(processor, panel) };
            memory.give(packed);
        };
        let tasks = panels * blocks;
        let task = |index: usize| index.checked_sub(1).map_or_else(beside, product);
        match work {
            0 | 1 => (0..=tasks).for_each(task),
            _ => threads.each(tasks + 1, &task),
        }
    }
}

/// Into how many blocks the rows of each panel are cut: as few as keep all threads busy, since each packs the panel anew.
fn blocks(panels: usize, rows: usize, threads: usize) -> usize {
    // As if all tasks took as long as one another: the share of the time in which threads compute.
    let used = |blocks: usize| {
        let tasks = panels * blocks;
        tasks as f64 / (tasks.div_ceil(threads) * threads) as f64
    };
    let most = rows.div_ceil(4 * TALLEST).max(1);
    (1..=most).find(|&blocks| used(blocks) >= 0.9).unwrap_or(most)
}

/// Where the result goes.
#[derive(Clone, Copy)]
struct Place(*mut f32);

// SAFETY: its users write different parts.
unsafe impl Sync for Place {}

impl Place {
    fn start(&self) -> *mut f32 {
        self.0
    }
}

/// Finishes some sums; `place` is that of the first in the product.
#[inline(always)]
pub(super) fn finished<S: Simd>(finish: Finish<'_>, place: usize, values: &mut [f32]) {
    match finish {
        Finish::Nothing | Finish::Add => {}
        Finish::Layer { activation, .. } => activate::<S>(activation, values),
        Finish::Gate { results, activation } => gate(activation, &results[place..][..values.len()], values),
    }
}

/// Some rows of some columns that fit one or two vectors.
pub(super) struct Panel<'a> {
    pub(super) left: Matrix<'a>,
    /// The first, and how many.
    pub(super) rows: (usize, usize),
    pub(super) columns: (usize, usize),
    /// Values in a row of `packed`.
    pub(super) width: usize,
    pub(super) packed: &'a [f32],
    pub(super) finish: Finish<'a>,
    /// The first value of the whole product.
    pub(super) to: *mut f32,
    pub(super) to_stride: usize,
}

impl Kernel for Panel<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller's guarantee.
        unsafe {
            match (self.width == 2 * S::N, self.left.is_by_rows()) {
                (true, true) => self.tiles::<S, 2, true>(),
                (true, false) => self.tiles::<S, 2, false>(),
                (false, true) => self.tiles::<S, 1, true>(),
                (false, false) => self.tiles::<S, 1, false>(),
            }
        }
    }
}

/// Terms of a sum that are added before other rows have their turn: so many of a panel stay in the nearest cache.
const TERMS: usize = 256;

impl Panel<'_> {
    #[inline(always)]
    unsafe fn tiles<S: Simd, const V: usize, const BY_ROWS: bool>(&self) {
        let Panel { left, columns: (first, columns), finish, to_stride, .. } = *self;
        let width = V * S::N;
        let mut start = [0.0; WIDEST];
        if let Finish::Layer { bias, .. } = finish {
            start[..columns].copy_from_slice(&bias[first..first + columns]);
        }
        // A ReLU is computed with the sums; any other activation, and a gate, on what they have become.
        let is_relu = matches!(finish, Finish::Layer { activation: Activation::Relu, .. });
        let is_done = match finish {
            Finish::Nothing | Finish::Add => true,
            Finish::Layer { activation, .. } => is_relu || activation == Activation::Identity,
            Finish::Gate { .. } => false,
        };
        let relus = match finish {
            Finish::Gate { results, activation: Activation::Relu } => Some(results),
            _ => None,
        };
        // A whole panel is written to its place; of another, only its columns are copied there.
        let is_aside = columns != width;
        let mut aside = [0.0; TALLEST * WIDEST];
        let at_once = if is_aside { left.columns } else { TERMS };
        let mut term = 0;
        loop {
            let terms = at_once.min(left.columns - term);
            let is_last = term + terms == left.columns;
            let (mut row, end) = (self.rows.0, self.rows.0 + self.rows.1);
            while row < end {
                // SAFETY: the tile's rows and columns lie within the factors and the result, as the caller checked.
                row += unsafe {
                    let to = self.to.add(row * to_stride + first);
                    let (sums, sums_stride) =
                        if is_aside { (aside.as_mut_ptr(), width) } else { (to, to_stride) };
                    // What has been added so far is there already.
                    let goes_on = term > 0 || matches!(finish, Finish::Add);
                    if goes_on && is_aside {
                        for (r, sums) in aside.chunks_exact_mut(width).enumerate().take(end - row) {
                            let there = std::slice::from_raw_parts(to.add(r * to_stride), columns);
                            sums[..columns].copy_from_slice(there);
                        }
                    }
                    let (row_step, term_step) = if BY_ROWS { (left.stride(), 1) } else { (1, left.stride()) };
                    let tile = Tile {
                        left: left.values.as_ptr().add(row * row_step + term * term_step),
                        left_stride: left.stride(),
                        terms,
                        panel: self.packed.as_ptr().add(term * width),
                        start: if goes_on { sums.cast_const() } else { start.as_ptr() },
                        start_stride: if goes_on { sums_stride } else { 0 },
                        sums,
                        sums_stride,
                        least: if is_relu && is_last { 0.0 } else { f32::NEG_INFINITY },
                    };
                    let rows = match end - row {
                        rest if rest >= S::ROWS && S::ROWS == 12 => tile.run::<S, 12, V, BY_ROWS>(),
                        rest if rest >= S::ROWS && S::ROWS == 6 => tile.run::<S, 6, V, BY_ROWS>(),
                        4.. => tile.run::<S, 4, V, BY_ROWS>(),
                        2 | 3 => tile.run::<S, 2, V, BY_ROWS>(),
                        _ => tile.run::<S, 1, V, BY_ROWS>(),
                    };
                    if is_last
                        && !is_aside
                        && let Some(results) = relus
                    {
                        for r in 0..rows {
                            let at = (row + r) * to_stride;
                            gate_relus::<S, V>(results.as_ptr().add(at + first), to.add(r * to_stride));
                        }
                    } else if is_last && (is_aside || !is_done) {
                        for r in 0..rows {
                            let values = std::slice::from_raw_parts_mut(to.add(r * to_stride), columns);
                            if is_aside {
                                values.copy_from_slice(&aside[r * width..][..columns]);
                            }
                            if !is_done {
                                finished::<S>(finish, (row + r) * to_stride + first, values);
                            }
                        }
                    }
                    rows
                };
            }
            term += terms;
            if is_last {
                return;
            }
        }
    }
}

/// Some rows of the left factor, and a panel of the right one.
#[derive(Clone, Copy)]
struct Tile {
    left: *const f32,
    left_stride: usize,
    terms: usize,
    panel: *const f32,
    /// What the sums begin with.
    start: *const f32,
    start_stride: usize,
    sums: *mut f32,
    sums_stride: usize,
    /// Lesser sums become this.
    least: f32,
}

impl Tile {
    /// Computes `R` rows of `V` vectors; returns `R`.
    #[inline(always)]
    unsafe fn run<S: Simd, const R: usize, const V: usize, const BY_ROWS: bool>(self) -> usize {
        // SAFETY: the caller's guarantee.
        unsafe { S::apart(Loop::<R, V, BY_ROWS>(self)) };
        R
    }
}

/// The inner loop of a tile: `R` rows and `V` vectors.
struct Loop<const R: usize, const V: usize, const BY_ROWS: bool>(Tile);

impl<const R: usize, const V: usize, const BY_ROWS: bool> Kernel for Loop<R, V, BY_ROWS> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Tile { left, left_stride, terms, panel, start, start_stride, sums: to, sums_stride, least } =
            self.0;
        // SAFETY: the caller's guarantee.
        unsafe {
            let mut sums: [[S; V]; R] = std::array::from_fn(|r| {
                std::array::from_fn(|v| S::load(start.add(r * start_stride + v * S::N)))
            });
            let rows: [*const f32; R] =
                std::array::from_fn(|r| left.add(r * if BY_ROWS { left_stride } else { 1 }));
            for term in 0..terms {
                let vectors: [S; V] = std::array::from_fn(|v| S::load(panel.add((term * V + v) * S::N)));
                for (sums, from) in sums.iter_mut().zip(rows) {
                    let factor = S::splat(*from.add(if BY_ROWS { term } else { term * left_stride }));
                    for (sum, vector) in sums.iter_mut().zip(vectors) {
                        *sum = factor.multiply_add(vector, *sum);
                    }
                }
            }
            // NaN stays.
            let least = S::splat(least);
            for (r, sums) in sums.into_iter().enumerate() {
                for (v, sum) in sums.into_iter().enumerate() {
                    least.max_or_other(sum).store(to.add(r * sums_stride + v * S::N));
                }
            }
        }
    }
}
