//! Reads a table of numbers in which every line must be a row, for training without masks.

use crate::columns::find::{column_name, find_column, shown};
use crate::error::{BadReason, IntakeError, TableError};
use crate::input::{FormatChoice, InputConfig};
use crate::memory::MemoryLimit;
use crate::text::cells::{self, Cell};
use crate::text::head::look_at;
use crate::text::missing::MissingWords;
use crate::text::parse::{ParseKind, RawBlock, RowParser, Syntax, Target, cells_of, lines};
use crate::text::pieces::parse_all;
use crate::text::recognise::{delimiter_seen_in, shorten};
use memchr::memchr_iter;
use ndarray::{Array2, Axis};
use std::collections::HashMap;

/// Columns of numbers, and the texts of a label column. Unlike a [`Table`](crate::Table) it leaves nothing
/// out: a bad line or a missing value is an error that names the place and says what to do.
///
/// ```
/// use ae_intake::{InputConfig, NumberTable};
///
/// let config = InputConfig { label: Some("kind".into()), ..Default::default() };
/// let table = NumberTable::parse(b"a,b,kind\n1,2.5,good\n-3,4e2,bad\n", "rows.csv", &config)?;
/// assert_eq!((table.names.join(" "), table.values[[1, 1]]), ("a b".into(), 400.0));
/// assert_eq!(table.labels.unwrap(), ["good", "bad"]);
///
/// let error = NumberTable::parse(b"a,b\n1,2\n3,\n", "rows.csv", &InputConfig::default()).unwrap_err();
/// assert!(error.to_string().starts_with("rows.csv: line 3, column `b`: the cell is empty"));
/// # Ok::<(), ae_intake::IntakeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NumberTable {
    /// Names of the columns of `values`; empty if the table has no header.
    pub names: Vec<String>,
    /// `[N, D]`, finite.
    pub values: Array2<f32>,
    /// `[N]`, if a label column was asked for.
    pub labels: Option<Vec<String>>,
}

impl NumberTable {
    /// Parses the content of a file. `name` is what messages call it; if it ends in `.tsv`, cells are split
    /// at tabs. Only `columns` (in the given order), `ignore`, `label`, `header` and `delimiter` of `config`
    /// are used.
    ///
    /// # Errors
    /// [`IntakeError::Table`] with the first line and column at fault, or the column that does not exist;
    /// other errors if the content is not text.
    pub fn parse(content: &[u8], name: &str, config: &InputConfig) -> Result<Self, IntakeError> {
        let memory = MemoryLimit::for_input(content.len() as u64, config.max_memory_mb);
        Self::parse_within(content, name, config, memory)
    }

    /// Like [`NumberTable::parse`], in the memory that the file may take, for content that was decompressed.
    ///
    /// # Errors
    /// As [`NumberTable::parse`], and [`IntakeError::Memory`].
    pub fn parse_within(
        content: &[u8],
        name: &str,
        config: &InputConfig,
        memory: MemoryLimit,
    ) -> Result<Self, IntakeError> {
        let config = InputConfig { format: FormatChoice::Csv, ..config.clone() };
        config.validate()?;
        let head = look_at(content, name, &config)?;
        let Syntax::Csv { delimiter } = head.syntax else { unreachable!("the format is CSV") };
        let header: Vec<String> =
            head.header.iter().flatten().map(|column| column.trim().to_owned()).collect();
        let file = Strict { header, width: head.width, delimiter };
        let body = &head.text[head.body..];
        let rows = memchr_iter(b'\n', body).count() as u64 + 1;
        memory.check_rows(name, content.len(), rows, head.width)?;
        let table = file.read(body, head.body_line, &config);
        table.map_err(|source| IntakeError::Table { name: name.to_owned(), source })
    }
}

/// The format of a file in which every line must be a row.
struct Strict {
    /// Names of all columns; empty without a header.
    header: Vec<String>,
    width: usize,
    delimiter: u8,
}

/// Positions of the columns to read, in the requested order.
struct Chosen {
    data: Vec<usize>,
    label: Option<usize>,
}

impl Strict {
    fn read(&self, body: &[u8], body_line: u64, config: &InputConfig) -> Result<NumberTable, TableError> {
        let chosen = self.choose(config)?;
        // A row is parsed in file order, each column once.
        let mut in_order = chosen.data.clone();
        in_order.sort_unstable();
        in_order.dedup();
        let block = parse_all(&self.parser(&in_order, chosen.label), body, body_line);
        if let Some((line, reason)) = first_fault(&block, in_order.len()) {
            let text = lines(body).nth((line - body_line) as usize).unwrap_or_default();
            return Err(self.explain(text, line, reason, &chosen));
        }
        if block.lines.is_empty() {
            return Err(if self.header.is_empty() { TableError::Empty } else { TableError::OnlyHeader });
        }
        let shape = (block.lines.len(), in_order.len());
        let mut values = Array2::from_shape_vec(shape, block.values).expect("every row has every column");
        if chosen.data != in_order {
            let place = |column| in_order.binary_search(column).expect("it was sorted into these");
            values = values.select(Axis(1), &chosen.data.iter().map(place).collect::<Vec<_>>());
        }
        let names = chosen.data.iter().filter_map(|&column| self.header.get(column).cloned()).collect();
        Ok(NumberTable { names, values, labels: chosen.label.map(|_| block.labels) })
    }

    fn choose(&self, config: &InputConfig) -> Result<Chosen, TableError> {
        let find = |role, column| find_column(role, column, &self.header, self.width, self.delimiter);
        let label = config.label.as_ref().map(|column| find("label", column)).transpose()?;
        let mut ignored = Vec::new();
        for column in &config.ignore {
            ignored.push(find("ignored", column)?);
        }
        let mut data = Vec::new();
        for column in &config.columns {
            data.push(find("data", column)?);
        }
        if config.columns.is_empty() {
            data = (0..self.width).collect();
        }
        data.retain(|column| Some(*column) != label && !ignored.contains(column));
        if data.is_empty() {
            return Err(TableError::NoData { columns: shown(&self.header, self.width) });
        }
        Ok(Chosen { data, label })
    }

    fn parser(&self, data: &[usize], label: Option<usize>) -> RowParser {
        let mut targets = vec![Target::Skip; self.width];
        for (place, &column) in data.iter().enumerate() {
            targets[column] = Target::Data(place);
        }
        if let Some(column) = label {
            targets[column] = Target::Text;
        }
        let name = |column: usize| column_name(&self.header, column);
        RowParser {
            syntax: Syntax::Csv { delimiter: self.delimiter },
            columns: data.iter().map(|&column| (name(column), ParseKind::Number)).collect(),
            targets,
            names: HashMap::new(),
            stamp: None,
            label: label.map(name),
            group: None,
            missing: MissingWords::default(),
            strict: true,
            kept: None,
        }
    }

    /// Explains why a line cannot be used, and what to do.
    fn explain(&self, text: &[u8], line: u64, reason: Option<BadReason>, chosen: &Chosen) -> TableError {
        match reason {
            Some(BadReason::NotText) => return TableError::NotText { line },
            Some(reason @ (BadReason::TooLong { .. } | BadReason::Binary | BadReason::OpenQuote)) => {
                return TableError::BadLine { line, reason };
            }
            _ => {}
        }
        let cells = match cells_of(text, self.delimiter) {
            Ok(cells) => cells,
            Err(reason) => return TableError::BadLine { line, reason },
        };
        let cells: Vec<String> =
            cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
        if cells.len() != self.width {
            return self.ragged(&cells, line);
        }
        for &column in &chosen.data {
            if let Some(error) = self.not_a_number(&cells[column], line, column) {
                return error;
            }
        }
        let column = column_name(&self.header, chosen.label.unwrap_or_default());
        TableError::EmptyCell { line, column }
    }

    fn ragged(&self, cells: &[String], line: u64) -> TableError {
        let hint = match cells.first().and_then(|cell| delimiter_seen_in(cell, self.delimiter)) {
            Some(hint) => hint,
            None if self.width == 1 || cells.len() == 1 => {
                let used = char::from(self.delimiter);
                format!("; cells are split at {used:?}: set input.delimiter if that is wrong")
            }
            None => String::new(),
        };
        TableError::Ragged { line, got: cells.len(), expected: self.width, hint }
    }

    fn not_a_number(&self, cell: &str, line: u64, column: usize) -> Option<TableError> {
        let (column, value) = (column_name(&self.header, column), shorten(cell));
        match cells::parse(cell.as_bytes()) {
            Cell::Number(_) => None,
            Cell::Missing if cell.is_empty() => Some(TableError::EmptyCell { line, column }),
            Cell::Missing if cell.parse::<f64>().is_err() => {
                let hint =
                    "; fill in missing values, remove the line, or leave the column out with input.ignore"
                        .into();
                Some(TableError::NotNumber { line, column, value, hint })
            }
            // Cells that parse as NaN.
            Cell::Missing | Cell::NotFinite => Some(TableError::NotFinite { line, column, value }),
            Cell::Text => {
                let hint = self.why_text(cell, line);
                Some(TableError::NotNumber { line, column, value, hint })
            }
        }
    }

    fn why_text(&self, cell: &str, line: u64) -> String {
        if self.delimiter != b',' && cells::has_decimal_comma(cell.as_bytes()) {
            return "; use a decimal point instead".into();
        }
        if let Some(hint) = delimiter_seen_in(cell, self.delimiter) {
            return hint;
        }
        if line == 1 && self.header.is_empty() {
            return "; if the first line names the columns, set input.header = true".into();
        }
        "; leave the column out with input.ignore, or set it as input.label".into()
    }
}

/// The first line that is bad or has a missing value, with the parser's reason if it has one.
fn first_fault(block: &RawBlock, width: usize) -> Option<(u64, Option<BadReason>)> {
    let bad = block.bad.first();
    let gap = block.values.iter().position(|value| value.is_nan()).map(|place| block.lines[place / width]);
    match (bad, gap) {
        (Some(bad), Some(line)) if line < bad.line => Some((line, None)),
        (Some(bad), _) => Some((bad.line, Some(bad.reason.clone()))),
        (None, gap) => gap.map(|line| (line, None)),
    }
}

#[cfg(test)]
#[path = "numbers_tests.rs"]
mod tests;
