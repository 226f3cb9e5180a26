//! Tables of numbers: CSV, TSV and their kin.

use crate::error::TableError;
use crate::{Column, DataConfig};
use csv::{ByteRecord, ReaderBuilder, StringRecord, Trim};
use ndarray::Array2;

/// A table, read.
#[derive(Debug)]
pub(crate) struct Table {
    /// Names of the columns of `values`; empty where the table has no header.
    pub names: Vec<String>,
    /// `[N, D]`, finite.
    pub values: Array2<f32>,
    /// `[N]`, if a label column was asked for.
    pub labels: Option<Vec<String>>,
}

/// What cells may be split at where nothing is said; the likelier first.
const DELIMITERS: [u8; 5] = *b",\t;| ";
/// As much of a table as its delimiter is recognised from.
const SAMPLE: usize = 1 << 16;

/// Reads the columns that `config` asks for. `usual` is the delimiter that the file's name promises.
pub(crate) fn parse(content: &[u8], config: &DataConfig, usual: Option<u8>) -> Result<Table, TableError> {
    let delimiter = match config.delimiter {
        Some(delimiter) => delimiter as u8,
        None => usual.unwrap_or_else(|| recognise_delimiter(content)),
    };
    let mut source = Rows::new(content, delimiter);
    let Some((first_line, first)) = source.next()? else { return Err(TableError::Empty) };
    let has_header = config.header.unwrap_or_else(|| looks_like_header(&first, config));
    let width = first.len();
    let header: Vec<String> = if has_header { first.iter().map(String::from).collect() } else { Vec::new() };
    let columns = Columns::resolve(config, &header, width, delimiter)?;

    let mut values = Vec::new();
    let mut labels = Vec::new();
    let mut rows = 0;
    let mut next = if has_header { source.next()? } else { Some((first_line, first)) };
    if next.is_none() {
        return Err(TableError::OnlyHeader);
    }
    while let Some((line, record)) = next {
        if record.len() != width {
            let hint = match delimiter_seen_in(&record[0], delimiter) {
                Some(other) => other,
                None if width == 1 || record.len() == 1 => delimiter_used(delimiter),
                None => String::new(),
            };
            return Err(TableError::Ragged { line, got: record.len(), expected: width, hint });
        }
        for &column in &columns.data {
            values.push(number(&record[column], line, column, &header, delimiter)?);
        }
        if let Some(column) = columns.label {
            let label = &record[column];
            if label.is_empty() {
                return Err(TableError::EmptyCell { line, column: column_name(&header, column) });
            }
            labels.push(label.to_owned());
        }
        rows += 1;
        next = source.next()?;
    }
    let names = columns.data.iter().filter_map(|&column| header.get(column).cloned()).collect();
    let values =
        Array2::from_shape_vec((rows, columns.data.len()), values).expect("every row gave every column");
    Ok(Table { names, values, labels: columns.label.map(|_| labels) })
}

fn reader(content: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    // Flexible, because a ragged row is ours to report; cells are trimmed unless they are split at blanks.
    ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(if delimiter == b' ' || delimiter == b'\t' { Trim::None } else { Trim::All })
        .from_reader(content)
}

/// Rows with the line that each starts in; blank lines are no rows.
struct Rows<'a> {
    records: csv::ByteRecordsIntoIter<&'a [u8]>,
    content: &'a [u8],
    delimiter: u8,
}

impl<'a> Rows<'a> {
    fn new(content: &'a [u8], delimiter: u8) -> Self {
        Rows { records: reader(content, delimiter).into_byte_records(), content, delimiter }
    }

    fn next(&mut self) -> Result<Option<(u64, StringRecord)>, TableError> {
        for record in self.records.by_ref() {
            // Reading from memory fails for nothing but what a flexible reader allows.
            let record: ByteRecord = record.map_err(|_| TableError::Empty)?;
            let line = line_of(&record, self.content);
            let record = StringRecord::from_byte_record(record).map_err(|_| TableError::NotText { line })?;
            let may_be_blank = record.len() == 1 || self.delimiter.is_ascii_whitespace();
            if !may_be_blank || record.iter().any(|cell| !cell.trim().is_empty()) {
                return Ok(Some((line, record)));
            }
        }
        Ok(None)
    }
}

/// The reader says where it began to look for a row; the row itself begins after the empty lines there.
fn line_of(record: &ByteRecord, content: &[u8]) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let rest = content.get(position.byte() as usize..).unwrap_or_default();
    let empty_lines = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    position.line() + empty_lines.filter(|byte| **byte == b'\n').count() as u64
}

fn number(cell: &str, line: u64, column: usize, header: &[String], delimiter: u8) -> Result<f32, TableError> {
    let cell = cell.trim();
    let name = || column_name(header, column);
    if cell.is_empty() {
        return Err(TableError::EmptyCell { line, column: name() });
    }
    match cell.parse::<f64>() {
        Ok(value) if (value as f32).is_finite() => Ok(value as f32),
        Ok(_) => Err(TableError::NotFinite { line, column: name(), value: shorten(cell) }),
        Err(_) => {
            let hint = why_not_number(cell, line, header, delimiter);
            Err(TableError::NotNumber { line, column: name(), value: shorten(cell), hint })
        }
    }
}

fn why_not_number(cell: &str, line: u64, header: &[String], delimiter: u8) -> String {
    let is_missing =
        ["na", "n/a", "null", "none", "?", "-", "missing"].contains(&cell.to_lowercase().as_str());
    if is_missing {
        return "; fill in missing values, remove the line, or `ignore` the column".into();
    }
    if delimiter != b',' && cell.replacen(',', ".", 1).parse::<f64>().is_ok() {
        return "; write decimals with a point".into();
    }
    if let Some(hint) = delimiter_seen_in(cell, delimiter) {
        return hint;
    }
    if line == 1 && header.is_empty() {
        return "; if the first line names the columns, set header = true".into();
    }
    "; `ignore` the column, or name it as the `label`".into()
}

/// A hint, if the cell looks as if it should have been split.
fn delimiter_seen_in(cell: &str, used: u8) -> Option<String> {
    let other = DELIMITERS.into_iter().find(|&d| d != used && d != b' ' && cell.contains(char::from(d)))?;
    Some(format!(
        "; it holds {0:?}: set delimiter = {1:?} if cells are split there",
        char::from(other),
        spelled(other)
    ))
}

fn delimiter_used(used: u8) -> String {
    format!("; cells are split at {:?}: set `delimiter` if that is wrong", char::from(used))
}

fn spelled(delimiter: u8) -> String {
    char::from(delimiter).to_string()
}

fn shorten(cell: &str) -> String {
    let mut short: String = cell.chars().take(40).collect();
    if short.len() < cell.len() {
        short.push('…');
    }
    short
}

fn column_name(header: &[String], column: usize) -> String {
    header.get(column).map_or_else(|| column.to_string(), |name| format!("`{}`", shorten(name)))
}

/// The delimiter that splits the first rows into many numbers and little else, then the one that gives each row
/// as many cells.
fn recognise_delimiter(content: &[u8]) -> u8 {
    let sample = &content[..content.len().min(SAMPLE)];
    let score = |delimiter: u8| {
        let rows: Vec<ByteRecord> =
            reader(sample, delimiter).into_byte_records().flatten().take(20).collect();
        let cells = rows.iter().map(ByteRecord::len).sum::<usize>();
        let numbers = rows.iter().flatten().filter(|cell| is_number(&String::from_utf8_lossy(cell))).count();
        let width = rows.first().map_or(0, ByteRecord::len);
        let even = width > 1 && rows.iter().all(|row| row.len() == width);
        // How many, times what share.
        (numbers * numbers * 1000 / cells.max(1), even, width)
    };
    // Reversed, as the last of equals is taken.
    DELIMITERS.into_iter().rev().max_by_key(|&delimiter| score(delimiter)).unwrap_or(b',')
}

fn is_number(cell: &str) -> bool {
    cell.trim().parse::<f64>().is_ok()
}

/// A header has no number in it, or has a name that was asked for.
fn looks_like_header(first: &StringRecord, config: &DataConfig) -> bool {
    let asked = config.columns.iter().chain(&config.ignore).chain(&config.label);
    let mut names = asked.filter_map(|column| match column {
        Column::Name(name) if !is_number(name) => Some(name),
        _ => None,
    });
    !first.iter().any(is_number) || names.any(|name| first.iter().any(|cell| cell.trim() == name))
}

/// Positions of the columns that were asked for.
struct Columns {
    data: Vec<usize>,
    label: Option<usize>,
}

impl Columns {
    fn resolve(
        config: &DataConfig,
        header: &[String],
        width: usize,
        delimiter: u8,
    ) -> Result<Self, TableError> {
        let find = |role, column: &Column| find_column(role, column, header, width, delimiter);
        let label = config.label.as_ref().map(|column| find("label", column)).transpose()?;
        let ignored =
            config.ignore.iter().map(|column| find("ignored", column)).collect::<Result<Vec<_>, _>>()?;
        let mut data = if config.columns.is_empty() {
            (0..width).collect()
        } else {
            config.columns.iter().map(|column| find("data", column)).collect::<Result<Vec<_>, _>>()?
        };
        data.retain(|column| Some(*column) != label && !ignored.contains(column));
        if data.is_empty() {
            return Err(TableError::NoData { columns: shown(header, width) });
        }
        Ok(Columns { data, label })
    }
}

fn find_column(
    role: &'static str,
    column: &Column,
    header: &[String],
    width: usize,
    delimiter: u8,
) -> Result<usize, TableError> {
    let at = |index: i64| {
        let position = if index < 0 { index.checked_add(width as i64) } else { Some(index) };
        position.and_then(|p| usize::try_from(p).ok()).filter(|&p| p < width)
    };
    let found = match column {
        Column::Index(index) => at(*index),
        Column::Name(name) => {
            let mut named = (0..header.len()).filter(|&i| header[i].trim() == name.trim());
            let found = named.next();
            if named.next().is_some() {
                return Err(TableError::AmbiguousColumn { column: column.to_string() });
            }
            found.or_else(|| name.trim().parse().ok().and_then(at))
        }
    };
    found.ok_or_else(|| TableError::NoColumn {
        role,
        column: column.to_string(),
        columns: shown(header, width),
        hint: why_no_column(column, header, delimiter),
    })
}

fn why_no_column(column: &Column, header: &[String], delimiter: u8) -> String {
    match (column, header) {
        (Column::Name(_), []) => {
            "; the table has no header: give a position from 0, or set header = true".into()
        }
        (_, [only]) => delimiter_seen_in(only, delimiter).unwrap_or_default(),
        (Column::Name(name), names) => {
            let alike = |other: &&String| (strsim::jaro_winkler(name, other) * 1e6) as u64;
            let nearest = names.iter().max_by_key(alike).filter(|other| alike(other) > 750_000);
            nearest.map(|other| format!("; did you mean `{other}`?")).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// Names or positions of all columns, cut off where there are many.
fn shown(header: &[String], width: usize) -> Vec<String> {
    const MOST: usize = 30;
    let mut shown: Vec<String> = (0..width.min(MOST)).map(|column| column_name(header, column)).collect();
    if width > MOST {
        shown.push(format!("… ({width} in all)"));
    }
    shown
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
