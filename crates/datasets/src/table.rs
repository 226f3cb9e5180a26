//! Tables of numbers: CSV, TSV and their kin.

use crate::{Column, DataConfig};
use ae_intake::TableError;
use ae_intake::shared::{
    column_name, delimiter_seen_in, find_column, looks_like_header, reader, recognise_delimiter, shorten,
    shown,
};
use csv::{ByteRecord, StringRecord};
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

/// Reads the columns that `config` asks for. `usual` is the delimiter that the file's name promises.
pub(crate) fn parse(content: &[u8], config: &DataConfig, usual: Option<u8>) -> Result<Table, TableError> {
    let delimiter = match config.delimiter {
        Some(delimiter) => delimiter as u8,
        None => usual.unwrap_or_else(|| recognise_delimiter(content)),
    };
    let mut source = Rows::new(content, delimiter);
    let Some((first_line, first)) = source.next()? else { return Err(TableError::Empty) };
    let has_header = config.header.unwrap_or_else(|| {
        let asked = config.columns.iter().chain(&config.ignore).chain(&config.label);
        looks_like_header(first.iter(), asked)
    });
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

fn delimiter_used(used: u8) -> String {
    format!("; cells are split at {:?}: set `delimiter` if that is wrong", char::from(used))
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

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
