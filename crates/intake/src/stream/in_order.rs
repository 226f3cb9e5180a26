//! Gives the rows of a series in the order of their times, if the file has them in another: as for learning.

use crate::columns::clock;
use crate::columns::layout::Layout;
use crate::columns::stamps::StampFormat;
use crate::error::{BadLine, BadReason, IntakeError, cannot_read};
use crate::memory::MemoryLimit;
use crate::schema::Schema;
use crate::schema::notice::Notice;
use crate::stream::block::Block;
use crate::stream::grouped::MAX_GROUPS;
use crate::stream::reader::{CHUNK, ReadOptions, Reader};
use crate::table::sort::{TimeOrder, by_time};
use crate::text::lines::Chunk;
use crate::text::parse::RawBlock;
use crate::text::pieces::parse_all;
use ae_records::files::FileError;
use std::collections::HashMap;
use std::io::BufRead;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Memory that is held for a row besides its values: its time, its line, its place, and what is made of it.
const ROW_BYTES: u64 = 256;
/// Copies of what is held while it grows.
const COPIES: u64 = 2;
/// Most lines that are parsed at a time.
const MAX_LINES: usize = 1 << 16;

/// The lines of an input that was read to its end, in the order of their times.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// In the order of the file.
    rows: RawBlock,
    steps: Vec<Step>,
    /// The line of the input at each place.
    lines: Arc<[u64]>,
    /// Those that were given last.
    given: Range<usize>,
}

/// A line by its place among the rows, or among the bad lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Row(usize),
    Bad(usize),
}

impl Reader<Box<dyn BufRead + Send>> {
    /// Opens a file as [`Reader::open`] does. The rows of windows are given in the order of their times where `fit` would
    /// sort them, with a notice that says so; the file is then held in memory. Lines in blocks are then numbered by their
    /// place in that order, from 1; [`Reader::sorted_lines`] has the line in the file of each place.
    ///
    /// # Errors
    /// As [`Reader::open`] and [`Reader::next_block`], and [`IntakeError::Memory`] if sorting takes too much memory.
    pub fn open_in_order(path: &Path, schema: &Schema, options: &ReadOptions) -> Result<Self, IntakeError> {
        if schema.layout != Layout::Windows || schema.timestamp.is_none() {
            return Self::open(path, schema, options);
        }
        let size = std::fs::metadata(path).map_err(FileError::new("read", path))?.len();
        let limit = MemoryLimit::for_input(size, schema.reading.max_memory_mb);
        // Most files are in order, and a long one is not to be held in memory.
        let first = ReadOptions { keep: Default::default(), ..options.clone() };
        if Self::open(path, schema, &first)?.goes_back()? {
            let mut reader = Self::open(path, schema, options)?;
            if reader.sort_by_time(limit)? {
                return Ok(reader);
            }
        }
        Self::open(path, schema, options)
    }
}

impl<R: BufRead> Reader<R> {
    /// The line of the input at each place, from 1, if the rows were sorted by [`Reader::open_in_order`].
    pub fn sorted_lines(&self) -> Option<Arc<[u64]>> {
        self.waiting.as_ref().map(|waiting| Arc::clone(&waiting.lines))
    }

    /// Whether a time is earlier than the one before it in its group, which takes no more memory than the last time of each
    /// group. Of an input with more than [`MAX_GROUPS`] groups it is taken for granted. Reads up to there.
    fn goes_back(mut self) -> Result<bool, IntakeError> {
        let is_clock = self.has_clocks();
        let mut last = HashMap::<String, f64>::new();
        while let Some(part) = self.next_part()? {
            for (row, &stamp) in part.stamps.iter().enumerate().filter(|(_, stamp)| stamp.is_finite()) {
                let group = part.groups.name(row).unwrap_or_default();
                match last.get_mut(group) {
                    Some(last) => {
                        let time = if is_clock { clock::after(Some(*last), stamp) } else { stamp };
                        if time < *last {
                            return Ok(true);
                        }
                        *last = time;
                    }
                    None => {
                        if last.len() == MAX_GROUPS {
                            return Ok(true);
                        }
                        last.insert(group.to_owned(), stamp);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Reads the input to its end. If its rows are to be sorted, they are given in the order of their times from now on;
    /// otherwise none is left.
    fn sort_by_time(&mut self, limit: MemoryLimit) -> Result<bool, IntakeError> {
        let rows = self.rest(limit)?;
        let Some((steps, notice)) = self.order_of(&rows) else { return Ok(false) };
        self.notices.push(notice);
        let line = |step: &Step| match *step {
            Step::Row(row) => rows.lines[row],
            Step::Bad(bad) => rows.bad[bad].line,
        };
        let lines = steps.iter().map(line).collect();
        self.waiting = Some(Waiting { rows, steps, lines, given: 0..0 });
        Ok(true)
    }

    /// All lines that are left.
    fn rest(&mut self, limit: MemoryLimit) -> Result<RawBlock, IntakeError> {
        let mut all = RawBlock { bad: std::mem::take(&mut self.early), ..RawBlock::default() };
        while let Some(part) = self.next_part()? {
            let lines = (all.lines.len() + part.lines.len() + all.bad.len() + part.bad.len()) as u64;
            let values = 4 * (all.values.len() + part.values.len()) as u64;
            let kept = (all.kept.bytes() + part.kept.bytes()) as u64;
            let need = COPIES.saturating_mul(lines.saturating_mul(ROW_BYTES) + values + kept);
            limit.check(&self.name, || format!("{lines} rows to sort by time"), need)?;
            all.append(part);
        }
        self.count_days(&mut all);
        Ok(all)
    }

    /// The next lines as they are, many at a time; `None` at the end.
    fn next_part(&mut self) -> Result<Option<RawBlock>, IntakeError> {
        let read_so_far = self.lines.next_line_number() - 1;
        let too_long = self.lines.limit();
        let chunk = self.lines.next(CHUNK, MAX_LINES);
        Ok(chunk.map_err(cannot_read(&self.name, read_so_far))?.map(|chunk| match chunk {
            Chunk::TooLong { line } => {
                let bad = vec![BadLine { line, reason: BadReason::TooLong { limit: too_long } }];
                RawBlock { bad, ..RawBlock::default() }
            }
            Chunk::Lines { bytes, first_line } => parse_all(&self.parser, bytes, first_line),
        }))
    }

    /// The lines in the order of a series, and the notice about it; `None` if that is the order of the input.
    fn order_of(&self, rows: &RawBlock) -> Option<(Vec<Step>, Notice)> {
        let format = self.schema.timestamp.as_ref().map_or(StampFormat::Number, |stamp| stamp.format);
        let file = in_file(rows);
        if rows.groups.is_empty() {
            let order = TimeOrder::of(&rows.stamps, format);
            order.places()?;
            // A line that could not be read is a step as well, behind the row before it.
            let time = |step: &Step| match *step {
                Step::Row(row) => rows.stamps[row],
                Step::Bad(_) => f64::NAN,
            };
            let times: Vec<f64> = file.iter().map(time).collect();
            return Some((by_time(&times).into_iter().map(|at| file[at]).collect(), order.notice()));
        }
        let mut of_groups = HashMap::<Option<usize>, Vec<usize>>::new();
        for row in 0..rows.lines.len() {
            of_groups.entry(rows.groups.code(row)).or_default().push(row);
        }
        let mut places: Vec<usize> = (0..rows.lines.len()).collect();
        let mut all = TimeOrder::of(&[], format);
        for own in of_groups.values() {
            let stamps: Vec<f64> = own.iter().map(|&row| rows.stamps[row]).collect();
            let order = TimeOrder::of(&stamps, format);
            for (place, &row) in order.places().unwrap_or_default().iter().zip(own) {
                places[row] = own[*place];
            }
            all.add(&order);
        }
        let is_sorted = places.iter().enumerate().all(|(at, place)| at == *place);
        let step = |step: Step| match step {
            Step::Row(row) => Step::Row(places[row]),
            bad @ Step::Bad(_) => bad,
        };
        (!is_sorted).then(|| (file.into_iter().map(step).collect(), all.notice()))
    }

    /// The next lines of an input that waits in memory, at most `most`; `None` at its end.
    pub(super) fn next_waiting(&mut self, most: usize) -> Option<Block> {
        let raw = self.waiting.as_mut()?.next(most)?;
        let (steps, shares) = self.encoder.rows(&raw.values, raw.lines.len());
        Some(self.finish(raw, steps, shares))
    }
}

impl Waiting {
    fn next(&mut self, most: usize) -> Option<RawBlock> {
        let from = self.given.end;
        self.given = from..from.saturating_add(most).min(self.steps.len());
        let rows = &self.rows;
        let mut own = Vec::with_capacity(self.given.len());
        let mut part = RawBlock::default();
        for step in &self.steps[self.given.clone()] {
            match *step {
                Step::Row(row) => own.push(row),
                Step::Bad(bad) => part.bad.push(rows.bad[bad].clone()),
            }
        }
        let width = rows.values.len() / rows.lines.len().max(1);
        for (at, &row) in own.iter().enumerate() {
            part.values.extend_from_slice(&rows.values[row * width..(row + 1) * width]);
            part.stamps.push(rows.stamps[row]);
            part.lines.push(rows.lines[row]);
            part.labels.extend(rows.labels.get(row).cloned());
            rows.groups.name(row).into_iter().for_each(|name| part.groups.push(name));
            let first = rows.unseen.partition_point(|(other, ..)| *other < row);
            let unseen = rows.unseen[first..].iter().take_while(|(other, ..)| *other == row);
            part.unseen.extend(unseen.map(|(_, column, text)| (at, *column, text.clone())));
        }
        part.kept = rows.kept.select(&own);
        (!self.given.is_empty()).then_some(part)
    }

    /// Gives notices the lines of the input in place of the places that they have.
    pub(super) fn name_lines(&self, notices: &mut [Notice]) {
        for notice in notices {
            if let Notice::Group { line, .. } = notice {
                *line = self.lines[*line as usize - 1];
            }
        }
    }

    /// Numbers the lines that were given last by their places, from 1.
    pub(super) fn number(&self, part: &mut RawBlock) {
        let (mut row, mut bad) = (0, 0);
        for at in self.given.clone() {
            let place = at as u64 + 1;
            match self.steps[at] {
                Step::Row(_) => {
                    part.lines[row] = place;
                    row += 1;
                }
                Step::Bad(_) => {
                    part.bad[bad].line = place;
                    bad += 1;
                }
            }
        }
    }
}

/// The lines in the order of the file.
fn in_file(rows: &RawBlock) -> Vec<Step> {
    let mut steps = Vec::with_capacity(rows.lines.len() + rows.bad.len());
    let mut bad = rows.bad.iter().enumerate().peekable();
    for (row, &line) in rows.lines.iter().enumerate() {
        while let Some((at, _)) = bad.next_if(|(_, bad)| bad.line < line) {
            steps.push(Step::Bad(at));
        }
        steps.push(Step::Row(row));
    }
    steps.extend(bad.map(|(at, _)| Step::Bad(at)));
    steps
}

#[cfg(test)]
#[path = "in_order_tests.rs"]
mod tests;
