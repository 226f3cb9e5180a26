//! The cells of a sheet, and the sheet as CSV text.

use super::Fault;

/// Most rows and columns of a sheet, as spreadsheet programs have them.
const MAX_ROWS: u64 = 1 << 20;
pub(super) const MAX_COLUMNS: u64 = 1 << 14;
/// Memory that a cell takes besides its text, in bytes.
const CELL_BYTES: u64 = size_of::<Cell>() as u64;

/// The cells of a sheet that hold something.
pub(super) struct Grid {
    cells: Vec<Cell>,
    text: String,
    /// Cells that hold a number or a date.
    numbers: u64,
    /// Most bytes that the cells may take, and the CSV text.
    limit: u64,
}

#[derive(Clone, Copy)]
struct Cell {
    row: u64,
    column: u64,
    /// Where its text is.
    from: usize,
    to: usize,
}

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A number or a date.
    Number,
    Text,
}

impl Grid {
    pub(super) fn new(limit: u64) -> Self {
        Grid { cells: Vec::new(), text: String::new(), numbers: 0, limit }
    }

    /// Number of cells.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Adds a cell, `times` times next to each other; blank ones are left out. Rows and columns count from 0.
    pub(super) fn add(
        &mut self,
        row: u64,
        column: u64,
        text: &str,
        content: Content,
        times: u64,
    ) -> Result<(), Fault> {
        let text = text.trim();
        if text.is_empty() || times == 0 {
            return Ok(());
        }
        if row >= MAX_ROWS || column.saturating_add(times) > MAX_COLUMNS {
            let place = format!("row {} and column {}", row.saturating_add(1), column.saturating_add(times));
            return Err(Fault::Broken(format!("it has a cell in {place}, beyond what a sheet may have")));
        }
        self.ensure(times, text.len() as u64)?;
        let from = self.text.len();
        self.text.push_str(text);
        let to = self.text.len();
        self.cells.extend((column..column + times).map(|column| Cell { row, column, from, to }));
        self.numbers += if content == Content::Number { times } else { 0 };
        Ok(())
    }

    /// Repeats the cells from `first` on, which are those of the row `row`, in the next rows.
    pub(super) fn repeat_row(&mut self, first: usize, row: u64, times: u64) -> Result<(), Fault> {
        let cells = (self.cells.len() - first) as u64;
        if cells == 0 || times == 0 {
            return Ok(());
        }
        if row.saturating_add(times) >= MAX_ROWS {
            return Err(Fault::Broken(format!("it has more than {MAX_ROWS} rows")));
        }
        self.ensure(cells.saturating_mul(times), 0)?;
        let end = self.cells.len();
        for step in 1..=times {
            for index in first..end {
                self.cells.push(Cell { row: row + step, ..self.cells[index] });
            }
        }
        Ok(())
    }

    /// Checks that there is room for more.
    fn ensure(&self, cells: u64, text: u64) -> Result<(), Fault> {
        let all = (self.cells.len() as u64).saturating_add(cells).saturating_mul(CELL_BYTES);
        if all.saturating_add(self.text.len() as u64).saturating_add(text) > self.limit {
            return Err(Fault::Memory);
        }
        Ok(())
    }

    /// The number of cells in each row that holds something.
    fn widths(&self) -> Vec<usize> {
        self.cells.chunk_by(|one, next| one.row == next.row).map(<[Cell]>::len).collect()
    }

    /// Whether it looks like a table rather than notes: at least two rows, of which two have several
    /// cells, or with two numbers in all.
    pub(super) fn is_table(&self) -> bool {
        let widths = self.widths();
        widths.len() >= 2
            && (self.numbers >= 2 || widths.iter().filter(|&&width| width >= 2).nth(1).is_some())
    }

    /// The sheet as lines, each at the number of its row, with the same number of cells from the table on. Rows before
    /// it, with at most half of the cells that are usual, stay short, so that they are recognised as a preamble.
    pub(super) fn into_csv(mut self) -> Result<Vec<u8>, Fault> {
        self.cells.sort_by_key(|cell| (cell.row, cell.column));
        self.cells.dedup_by_key(|cell| (cell.row, cell.column));
        let first = self.cells.iter().map(|cell| cell.column).min().unwrap_or(0);
        let last = self.cells.iter().map(|cell| cell.column).max().unwrap_or(0);
        let width = last + 1 - first;
        let rows = self.cells.last().map_or(0, |cell| cell.row + 1);
        let mut widths = self.widths();
        let separators = (widths.len() as u64).saturating_mul(width);
        // A repeated cell has its text once in memory, and as often as it is repeated in the lines.
        let text = self.cells.iter().map(|cell| (cell.to - cell.from) as u64).fold(0, u64::saturating_add);
        if separators.saturating_add(rows).saturating_add(text) > self.limit {
            return Err(Fault::Memory);
        }
        // Not the median, because half of the rows may have gaps, nor the widest, which may have a note beside it.
        let upper = widths.len() * 3 / 4;
        let usual = if widths.is_empty() { 0 } else { *widths.select_nth_unstable(upper).1 };
        let (mut out, mut line, mut in_table) = (Vec::new(), 0, false);
        for cells in self.cells.chunk_by(|one, next| one.row == next.row) {
            out.extend((line..cells[0].row).map(|_| b'\n'));
            line = cells[0].row + 1;
            in_table |= 2 * cells.len() > usual;
            let mut at = 0;
            for (index, cell) in cells.iter().enumerate() {
                let place = if in_table { cell.column - first } else { index as u64 };
                out.extend((at..place).map(|_| b','));
                at = place;
                quote(&self.text[cell.from..cell.to], &mut out);
            }
            if in_table {
                out.extend((at + 1..width).map(|_| b','));
            }
            out.push(b'\n');
        }
        Ok(out)
    }
}

/// Appends a cell, in quotes if need be, with blanks for its line breaks, so that a row is one line.
fn quote(text: &str, out: &mut Vec<u8>) {
    let quoted = text.contains([',', '"']);
    out.extend(quoted.then_some(b'"'));
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\"\""),
            b'\n' | b'\r' | 0 => out.push(b' '),
            other => out.push(other),
        }
    }
    out.extend(quoted.then_some(b'"'));
}
