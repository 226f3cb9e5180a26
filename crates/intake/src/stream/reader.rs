//! Reads files and streams into samples in bounded memory: in blocks, or line by line with the same results.

use crate::Samples;
use crate::columns::layout::Layout;
use crate::columns::matching::{Matched, has_names, match_first_line, may_precede_header};
use crate::decode::encoding::Text;
use crate::decode::reading::{ReadAs, Reading, count_preamble};
use crate::decode::records::{RecordSettings, Records};
use crate::error::{BadLine, BadReason, IntakeError, TableError, cannot_read};
use crate::input::FormatChoice;
use crate::schema::Schema;
use crate::schema::encode::{Encoder, MAX_NOTICES_PER_COLUMN, RowNote};
use crate::schema::log::NoticeLog;
use crate::schema::notice::Notice;
use crate::stream::block::{Block, in_parallel};
use crate::stream::empty::EmptyColumns;
use crate::stream::grouped::StreamGroups;
use crate::stream::in_order::Waiting;
use crate::stream::windower::Windower;
use crate::text::kept::{Keep, KeptColumns};
use crate::text::lines::{Chunk, Lines};
use crate::text::parse::{MAX_LINE, RawBlock, RowParser, Syntax, is_blank};
use std::io::BufRead;

/// How to read a file or stream; settings that are left out are recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// What messages call it.
    pub name: String,
    /// Delimited cells or JSON.
    pub format: FormatChoice,
    /// The character between two cells.
    pub delimiter: Option<char>,
    /// Whether the first line names the columns.
    pub header: Option<bool>,
    /// A column whose text is kept in [`Block::labels`]: its name, or its position from 0 if the file has no
    /// header. A row without a label is then a bad line.
    pub label: Option<String>,
    /// The cells that are kept in [`Block::kept`].
    pub keep: Keep,
    /// Longest line, in bytes; a longer line is bad.
    pub max_line: usize,
    /// Whether each line is to be given at once. Then no header is looked for behind lines that are neither a header nor
    /// comments, and they are bad lines.
    pub live: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            name: "the input".into(),
            format: FormatChoice::Auto,
            delimiter: None,
            header: None,
            label: None,
            keep: Keep::default(),
            max_line: MAX_LINE,
            live: false,
        }
    }
}

/// Reads rows from any input, as a [`Schema`] expects them.
#[derive(Debug)]
pub struct Reader<R> {
    pub(super) lines: Lines<Records<R>>,
    pub(super) schema: Schema,
    pub(super) encoder: Encoder,
    pub(super) parser: RowParser,
    empty: EmptyColumns,
    pub(super) windower: Option<Windower>,
    pub(super) groups: Option<StreamGroups>,
    pub(super) notices: Vec<Notice>,
    pub(super) log: NoticeLog,
    /// The last time that was read, if there are no groups.
    pub(super) last_time: Option<f64>,
    /// Whether the first line named the columns.
    header: bool,
    /// Rows and bad lines given so far.
    given: u64,
    /// Bad lines among them.
    given_bad: u64,
    /// The first bad line.
    first_bad: Option<BadLine>,
    /// Bad lines before the first line that was used to match the columns.
    pub(super) early: Vec<BadLine>,
    pub(super) name: String,
    /// Lines that were read to be sorted.
    pub(super) waiting: Option<Waiting>,
}

/// Bytes that are parsed in parallel at a time.
pub(super) const CHUNK: usize = 4 << 20;
/// Approximate number of sample values in a block.
const BLOCK_VALUES: usize = 1 << 22;

impl<R: BufRead> Reader<R> {
    /// Decodes the input up to its first record, and matches its columns with those of `schema`, by name if it has
    /// names. Waits for this record only, unless it is a preamble. An input without lines gives no rows.
    ///
    /// # Errors
    /// [`IntakeError::Schema`] if the columns do not match, [`IntakeError::NotText`], [`IntakeError::Read`].
    pub fn new(input: R, schema: &Schema, options: &ReadOptions) -> Result<Self, IntakeError> {
        Self::with(input, schema, schema.reading.clone(), options)
    }

    /// As [`Reader::new`], decoded in this way, not as the schema has it.
    pub(super) fn with(
        input: R,
        schema: &Schema,
        reading: Reading,
        options: &ReadOptions,
    ) -> Result<Self, IntakeError> {
        let fault = |reason: String| IntakeError::Schema { name: options.name.clone(), reason };
        schema.validate().map_err(|error| fault(error.to_string()))?;
        let text = Text::with(input, reading.encoding, &options.name)?;
        let mut looks_on = !options.live && reading.skip.is_none();
        let settings = RecordSettings {
            reading,
            format: options.format,
            delimiter: options.delimiter.map(|delimiter| delimiter as u8),
            max_line: options.max_line,
        };
        let mut lines = Lines::new(Records::new(text, settings), options.max_line);
        let (mut first, mut early) = (Vec::new(), Vec::new());
        let mut has_preamble = false;
        loop {
            let line = lines.next_line_number();
            let read = cannot_read(&options.name, line - 1);
            let bytes = match lines.next(1, 1).map_err(&read)? {
                None => break,
                Some(Chunk::TooLong { line }) => {
                    let reason = BadReason::TooLong { limit: options.max_line };
                    early.push(BadLine { line, reason });
                    continue;
                }
                Some(Chunk::Lines { bytes, .. }) => bytes,
            };
            if is_blank(bytes) {
                continue;
            }
            first = bytes.to_vec();
            if !looks_on || !may_precede_header(schema, &first, options) {
                break;
            }
            looks_on = false;
            has_preamble = lines.input().find_header(|line| has_names(schema, line)).map_err(&read)?;
            if !has_preamble {
                break;
            }
        }
        let lines_before = lines.next_line_number().saturating_sub(2);
        let records = lines.input();
        let separator = records.preamble().separator.map(char::from);
        let options = &ReadOptions { delimiter: options.delimiter.or(separator), ..options.clone() };
        let line = crate::text::parse::lines(&first).next().unwrap_or_default();
        let Matched { mut parser, header, notices: of_columns } = match_first_line(schema, line, options)?;
        if options.keep != Keep::default() {
            let name = &options.name;
            parser.kept = Some(KeptColumns::new(name, &options.keep, schema, &parser, line, header)?);
        }
        records.begin(match parser.syntax {
            Syntax::Csv { delimiter } => Some(delimiter),
            Syntax::Json => None,
        });
        let mut found = records.notices();
        if has_preamble && !found.iter().any(|how| matches!(how, ReadAs::Preamble { .. })) {
            found.push(ReadAs::Preamble { lines: lines_before, comments: false });
        }
        count_preamble(&mut found, lines_before);
        let mut notices: Vec<Notice> = found.into_iter().map(|how| Notice::ReadAs { how }).collect();
        let empty = EmptyColumns::new(schema, &of_columns);
        notices.extend(of_columns);
        if !header {
            lines.put_back(first.len(), lines.next_line_number() - u64::from(!first.is_empty()));
        }
        Ok(Reader {
            lines,
            encoder: Encoder::new(schema),
            parser,
            empty,
            windower: (schema.layout == Layout::Windows && schema.group.is_none())
                .then(|| Windower::new(schema)),
            groups: StreamGroups::new(schema),
            notices,
            log: NoticeLog::default(),
            last_time: None,
            header,
            given: 0,
            given_bad: 0,
            first_bad: None,
            early,
            name: options.name.clone(),
            waiting: None,
            schema: schema.clone(),
        })
    }

    /// Notices about how the input is written, and about its columns.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The names of the columns that are kept, in the order of [`Block::kept`].
    pub fn kept_columns(&self) -> &[String] {
        self.parser.kept.as_ref().map_or(&[], KeptColumns::names)
    }

    /// Refuses an input without a single row. To be called at the end of the input.
    ///
    /// # Errors
    /// [`IntakeError::Table`]: the input is empty, or has only a header. [`IntakeError::OnlyBadLines`]: it has lines,
    /// but none that could be read as a row.
    pub fn ensure_rows(&self) -> Result<(), IntakeError> {
        let name = self.name.clone();
        if self.given > self.given_bad {
            return Ok(());
        }
        Err(match self.first_bad.clone() {
            Some(first) => {
                let lines = usize::try_from(self.given).unwrap_or(usize::MAX);
                IntakeError::OnlyBadLines { name, lines, first }
            }
            None if self.header => IntakeError::Table { name, source: TableError::OnlyHeader },
            None => IntakeError::Table { name, source: TableError::Empty },
        })
    }

    /// The first bad line so far.
    pub fn first_bad(&self) -> Option<&BadLine> {
        self.first_bad.as_ref()
    }

    /// Notices about single values and times so far, counted by kind and column.
    pub fn log(&self) -> &NoticeLog {
        &self.log
    }

    /// The number of the next line, from 1.
    pub fn next_line_number(&self) -> u64 {
        self.lines.next_line_number()
    }

    /// The next block of lines, parsed in parallel; `None` at the end. Waits until the block is full: to
    /// follow a live stream use [`Reader::next_line`].
    ///
    /// # Errors
    /// [`IntakeError::Read`] if reading fails, also for a truncated gz file.
    pub fn next_block(&mut self) -> Result<Option<Block>, IntakeError> {
        let most = (BLOCK_VALUES / self.schema.width()).clamp(2, 1 << 16);
        self.next_lines(CHUNK, most)
    }

    /// The next line that is not blank, as a block with one row or one bad line; `None` at the end.
    ///
    /// # Errors
    /// As [`Reader::next_block`].
    pub fn next_line(&mut self) -> Result<Option<Block>, IntakeError> {
        loop {
            let block = self.next_lines(1, 1)?;
            if block.as_ref().is_none_or(|block| !block.rows.is_empty() || !block.bad.is_empty()) {
                return Ok(block);
            }
        }
    }

    /// Continues with line `line` and skips all lines before it, for an input that starts from the beginning
    /// after an interruption. Use [`Reader::restore`] for the steps of windows.
    ///
    /// # Errors
    /// [`IntakeError::Read`] if reading fails.
    pub fn skip_to(&mut self, line: u64) -> Result<(), IntakeError> {
        self.early.retain(|bad| bad.line >= line);
        while self.lines.next_line_number() < line {
            let most = usize::try_from(line - self.lines.next_line_number()).unwrap_or(usize::MAX);
            let read_so_far = self.lines.next_line_number() - 1;
            // With any number of bytes: the lines after may come much later.
            let next = self.lines.next(1, most);
            if next.map_err(cannot_read(&self.name, read_so_far))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// All remaining lines as one block, for files that fit into memory.
    ///
    /// # Errors
    /// As [`Reader::next_block`].
    pub fn read_all(&mut self) -> Result<Block, IntakeError> {
        let mut blocks = Vec::new();
        while let Some(block) = self.next_block()? {
            blocks.push(block);
        }
        Ok(Block::joined(blocks, self.schema.width()))
    }

    fn next_lines(&mut self, bytes: usize, most: usize) -> Result<Option<Block>, IntakeError> {
        if self.waiting.is_some() {
            return Ok(self.next_waiting(most));
        }
        let read_so_far = self.lines.next_line_number() - 1;
        let (parser, encoder) = (&self.parser, &self.encoder);
        let limit = self.lines.limit();
        let chunk = self.lines.next(bytes, most);
        let (raw, steps, shares) = match chunk.map_err(cannot_read(&self.name, read_so_far))? {
            None if self.early.is_empty() => return Ok(None),
            None => (RawBlock::default(), Samples::empty(encoder.row_width), Vec::new()),
            Some(Chunk::TooLong { line }) => {
                let bad = vec![BadLine { line, reason: BadReason::TooLong { limit } }];
                let raw = RawBlock { bad, ..RawBlock::default() };
                (raw, Samples::empty(encoder.row_width), Vec::new())
            }
            Some(Chunk::Lines { bytes, first_line }) if most == 1 => {
                let raw = parser.block(bytes, first_line, limit);
                let (steps, shares) = encoder.rows(&raw.values, raw.lines.len());
                (raw, steps, shares)
            }
            Some(Chunk::Lines { bytes, first_line }) => {
                in_parallel(parser, encoder, bytes, first_line, limit)
            }
        };
        Ok(Some(self.finish(raw, steps, shares)))
    }

    pub(super) fn finish(&mut self, mut raw: RawBlock, steps: Samples, shares: Vec<f32>) -> Block {
        raw.bad.splice(..0, self.early.drain(..));
        if self.waiting.is_none() {
            self.count_days(&mut raw);
        }
        self.given += (raw.lines.len() + raw.bad.len()) as u64;
        self.given_bad += raw.bad.len() as u64;
        if self.first_bad.is_none() {
            self.first_bad = raw.bad.first().cloned();
        }
        let lines = raw.lines.iter().copied();
        let mut notices = self.schema.out_of_range(&self.encoder, &raw.values, lines, &mut self.log);
        notices.extend(self.odd_times(&raw));
        notices.extend(self.empty.look_at(&self.schema, &raw, &mut self.log));
        let mut unseen = vec![0; self.schema.fields.len()];
        for (row, column, value) in &raw.unseen {
            unseen[*column] += 1;
            let name = &self.schema.fields[*column].name;
            if unseen[*column] > MAX_NOTICES_PER_COLUMN {
                self.log.count_more("unseen_category", name, 1);
                continue;
            }
            let (line, column, value) = (raw.lines[*row], name.clone(), value.clone());
            let notice = Notice::UnseenCategory { line, column, value };
            self.log.add(&notice);
            notices.push(notice);
        }
        let encoder = &self.encoder;
        let mut of_groups = match &mut self.groups {
            Some(groups) => groups.remark_unknown(&raw.groups, &raw.lines),
            None => Vec::new(),
        };
        // Up to here lines are those of the file, which people are told; from here on they are ascending.
        if let Some(waiting) = &self.waiting {
            waiting.number(&mut raw);
        }
        let unknown = of_groups.len();
        let groups = self.groups.as_mut();
        let by_group = groups.and_then(|groups| groups.cut(encoder, &raw, &steps, &shares, &mut of_groups));
        if let Some(waiting) = &self.waiting {
            waiting.name_lines(&mut of_groups[unknown..]);
        }
        for (count, notice) in (0..).zip(of_groups) {
            self.log.add(&notice);
            notices.extend(Some(notice).filter(|_| count < 2 * MAX_NOTICES_PER_COLUMN));
        }
        notices.sort_by_key(Notice::line);
        let (samples, mut rows) = match (&mut self.windower, by_group) {
            (_, Some(cut)) => cut,
            (Some(windower), None) => windower.cut(encoder, &raw, &steps, &shares),
            (None, None) => {
                let note = |(&line, &observed): (&u64, &f32)| RowNote {
                    line,
                    observed,
                    state: encoder.state(observed),
                    group: None,
                };
                (steps, raw.lines.iter().zip(&shares).map(note).collect())
            }
        };
        if let Some(groups) = &self.groups {
            groups.note_places(&raw.groups, &mut rows);
        }
        let RawBlock { stamps, labels, groups, kept, bad, .. } = raw;
        Block { samples, rows, stamps, labels, groups, kept, bad, notices }
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod stream_tests;
#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
