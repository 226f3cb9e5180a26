//! Keeps the steps of a long series in place where a line could not be read.

use crate::text::parse::RawBlock;

/// Inserts a step without observed values for each bad line of a long series.
pub(super) fn with_bad_steps(block: &mut RawBlock, width: usize) {
    if block.bad.is_empty() {
        return;
    }
    let total = block.lines.len() + block.bad.len();
    let mut merged = RawBlock { values: Vec::with_capacity(total * width), ..RawBlock::default() };
    let mut bad = block.bad.iter().map(|bad| bad.line).peekable();
    for (row, &line) in block.lines.iter().enumerate() {
        while let Some(bad) = bad.next_if(|&bad| bad < line) {
            merged.push_nothing(bad, width);
        }
        merged.values.extend_from_slice(&block.values[row * width..(row + 1) * width]);
        merged.stamps.push(block.stamps[row]);
        merged.lines.push(line);
    }
    bad.for_each(|bad| merged.push_nothing(bad, width));
    merged.bad = std::mem::take(&mut block.bad);
    *block = merged;
}

impl RawBlock {
    fn push_nothing(&mut self, line: u64, width: usize) {
        self.values.extend(std::iter::repeat_n(f32::NAN, width));
        self.stamps.push(f64::NAN);
        self.lines.push(line);
    }
}
