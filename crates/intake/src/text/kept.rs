//! Cells that are handed out with their row as they are written: an identifier, a time, or the whole line.

use super::cells::trimmed;
use super::json::{self, Key};
use super::parse::{RowParser, Syntax, Target, cells_of};
use crate::columns::find::unique_names;
use crate::error::IntakeError;
use crate::schema::{Format, Schema};
use memchr::memchr;
use std::collections::HashMap;

/// Most columns that a message names.
const MAX_NAMED: usize = 20;

/// The cells of the input that a [`Reader`](crate::Reader) hands out with each row; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The columns of times, if the schema and the input have any. They come first.
    pub time: bool,
    /// Columns by name, or by position from 0 (`c3`, or `3`) if the input has no names.
    pub columns: Vec<String>,
    /// All other columns of the input. Of JSON objects, those that the first line has.
    pub all: bool,
}

/// The kept cells of rows: `[N, K]` texts without surrounding blanks and quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptCells {
    /// `K`.
    columns: usize,
    text: String,
    /// `[N * K]`: where each cell ends.
    ends: Vec<usize>,
}

impl KeptCells {
    /// The `K` cells of row `row`, empty if the line has none. Nothing if no cells are kept, or for a row beyond the
    /// last.
    pub fn of_row(&self, row: usize) -> impl Iterator<Item = &str> {
        let first = row.saturating_mul(self.columns);
        let cells = first..first.saturating_add(self.columns).min(self.ends.len());
        cells.map(move |cell| {
            let start = if cell == 0 { 0 } else { self.ends[cell - 1] };
            &self.text[start..self.ends[cell]]
        })
    }

    /// Memory that the cells take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<usize>()
    }

    /// The cells of these rows.
    pub(crate) fn select(&self, rows: &[usize]) -> KeptCells {
        let mut own = KeptCells { columns: self.columns, ..KeptCells::default() };
        for cell in rows.iter().flat_map(|&row| self.of_row(row)) {
            own.text.push_str(cell);
            own.ends.push(own.text.len());
        }
        own
    }

    /// Appends the rows of the next part.
    pub(crate) fn append(&mut self, below: KeptCells) {
        let length = self.text.len();
        self.columns = self.columns.max(below.columns);
        self.text.push_str(&below.text);
        self.ends.extend(below.ends.into_iter().map(|end| length + end));
    }
}

/// Finds the kept cells in a line.
#[derive(Clone, Debug)]
pub(crate) struct KeptColumns {
    names: Vec<String>,
    /// For the cell at each position, its place among the kept ones.
    by_position: Vec<Option<usize>>,
    by_name: HashMap<String, usize>,
}

impl KeptColumns {
    /// The columns to keep of an input that messages call `input` and that begins with the line `first`, which names the columns if `header`.
    ///
    /// # Errors
    /// [`IntakeError::NotCopied`] for a column that is not there.
    pub(crate) fn new(
        input: &str,
        keep: &Keep,
        schema: &Schema,
        parser: &RowParser,
        first: &[u8],
        header: bool,
    ) -> Result<Self, IntakeError> {
        let there = names_of(schema, parser, first, header);
        let times = schema.timestamp.iter().flat_map(|stamp| stamp.columns());
        let times = times.filter(|(name, _)| keep.time && there.contains(name));
        let mut names: Vec<String> = times.map(|(name, _)| name.clone()).collect();
        for name in &keep.columns {
            let numbered = format!("c{name}");
            let found = [name, &numbered].into_iter().find(|name| there.contains(name));
            // The first line of JSON need not have all columns.
            let found = found.or((parser.syntax == Syntax::Json).then_some(name));
            let found = found.ok_or_else(|| {
                let shown: Vec<String> =
                    there.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect();
                let more = if there.len() > MAX_NAMED { ", …" } else { "" };
                let columns = shown.join(", ") + more;
                IntakeError::NotCopied { name: input.to_owned(), column: name.clone(), columns }
            })?;
            names.push(found.clone());
        }
        if keep.all {
            names.extend(there.iter().cloned());
        }
        let mut by_name = HashMap::new();
        names.retain(|name| {
            let place = by_name.len();
            let is_new = !by_name.contains_key(name);
            by_name.entry(name.clone()).or_insert(place);
            is_new
        });
        let by_position = there.iter().map(|name| by_name.get(name).copied()).collect();
        Ok(KeptColumns { names, by_position, by_name })
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Copies the kept cells of a line that was parsed without an error.
    pub(crate) fn copy(&self, line: &[u8], syntax: Syntax, into: &mut KeptCells) {
        let mut cells: Vec<String> = vec![String::new(); self.names.len()];
        let mut put = |place: Option<usize>, cell: &[u8]| {
            if let Some(place) = place {
                cells[place] = String::from_utf8_lossy(trimmed(cell)).into_owned();
            }
        };
        let of_position = |position: usize| self.by_position.get(position).copied().flatten();
        match syntax {
            Syntax::Json => {
                let mut visit = |key: Key<'_>, value: &json::Value<'_>| {
                    let place = match key {
                        Key::Name(name) => self.by_name.get(name).copied(),
                        Key::Position(position) => of_position(position),
                    };
                    put(place, value.0.as_bytes());
                };
                // The line was parsed before.
                let _ = json::values(line, &mut visit);
            }
            Syntax::Csv { delimiter } if delimiter != b' ' && memchr(b'"', line).is_none() => {
                let split = line.split(|&byte| byte == delimiter);
                split.zip(&self.by_position).for_each(|(cell, place)| put(*place, cell));
            }
            Syntax::Csv { delimiter } => {
                let split = cells_of(line, delimiter).unwrap_or_default();
                split.iter().zip(&self.by_position).for_each(|(cell, place)| put(*place, cell));
            }
        }
        into.columns = self.names.len();
        for cell in cells {
            into.text.push_str(&cell);
            into.ends.push(into.text.len());
        }
    }
}

/// The names of the columns by position; for JSON objects, those of the first line.
fn names_of(schema: &Schema, parser: &RowParser, first: &[u8], header: bool) -> Vec<String> {
    if let Syntax::Csv { delimiter } = parser.syntax
        && header
        && !matches!(schema.format, Format::Csv { header: false, .. })
    {
        let cells = cells_of(first, delimiter).unwrap_or_default();
        let names: Vec<String> =
            cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
        return unique_names(Some(&names), names.len());
    }
    if parser.syntax == Syntax::Json {
        let mut names = Vec::new();
        let mut visit = |key: Key<'_>, _: &json::Value<'_>| {
            if let Key::Name(name) = key {
                names.push(name.to_owned());
            }
        };
        if json::values(first, &mut visit).is_ok() && !names.is_empty() {
            return names;
        }
    }
    let name = |(position, target): (usize, &Target)| match target {
        Target::Data(index) => schema.fields[*index].name.clone(),
        Target::Stamp => schema.timestamp.as_ref().map_or_else(|| format!("c{position}"), |s| s.name.clone()),
        Target::Clock => {
            let clock = schema.timestamp.as_ref().and_then(|stamp| stamp.clock.as_ref());
            clock.map_or_else(|| format!("c{position}"), |clock| clock.name.clone())
        }
        Target::Group => schema.group.as_ref().map_or_else(|| format!("c{position}"), |g| g.name.clone()),
        Target::Skip | Target::Label | Target::Text => format!("c{position}"),
    };
    parser.targets.iter().enumerate().map(name).collect()
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
