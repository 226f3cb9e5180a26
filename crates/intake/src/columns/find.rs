//! Finds columns by name or position, and explains why one was not found.

use crate::error::TableError;
use crate::text::recognise::{delimiter_seen_in, shorten};
use ae_records::names::{did_you_mean, nearest};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Position from 0; negative positions count from the end, the last being -1.
    Index(i64),
    /// Name in the header; digits are a position if no column has that name.
    Name(String),
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Column::Name(name.to_owned())
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Column::Index(index) => write!(f, "{index}"),
            Column::Name(name) => write!(f, "`{name}`"),
        }
    }
}

/// The position of the column; `role` is what messages call it.
pub(crate) fn find_column(
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
            "; the table has no header: give a position from 0, or set input.header = true".into()
        }
        (_, [only]) => delimiter_seen_in(only, delimiter).unwrap_or_default(),
        (Column::Name(name), names) => did_you_mean(&nearest(name, names)),
        _ => String::new(),
    }
}

/// Names or positions of all columns, cut off if there are many.
pub(crate) fn shown(header: &[String], width: usize) -> Vec<String> {
    const MAX_SHOWN: usize = 30;
    let mut shown: Vec<String> =
        (0..width.min(MAX_SHOWN)).map(|column| column_name(header, column)).collect();
    if width > MAX_SHOWN {
        shown.push(format!("… ({width} in all)"));
    }
    shown
}

/// The column as messages show it: its name, or its position from 0.
pub(crate) fn column_name(header: &[String], column: usize) -> String {
    header.get(column).map_or_else(|| column.to_string(), |name| format!("`{}`", shorten(name)))
}

/// Unique names of the columns: the name in the header, or `c` and the position if it is empty or missing.
/// Repeated names get a number, as in `a.2`.
pub(crate) fn unique_names(header: Option<&[String]>, width: usize) -> Vec<String> {
    let mut taken = HashSet::new();
    // Of each repeated name, the last number that it got.
    let mut copies = HashMap::<String, usize>::new();
    let name = |position: usize| {
        let given =
            header.and_then(|header| header.get(position)).map(|name| name.trim()).unwrap_or_default();
        let plain = if given.is_empty() { format!("c{position}") } else { given.to_owned() };
        if taken.insert(plain.clone()) {
            return plain;
        }
        let copy = copies.entry(plain.clone()).or_insert(1);
        loop {
            *copy += 1;
            let name = format!("{plain}.{copy}");
            if taken.insert(name.clone()) {
                return name;
            }
        }
    };
    (0..width).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_names_get_numbers() {
        let check = |header: &[&str], expected: &[&str]| {
            let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(unique_names(Some(&header), expected.len()), expected);
        };
        check(&["a", " a", "", "a"], &["a", "a.2", "c2", "a.3", "c4"]);
        check(&["a", "a.2", "a", "a.2", "a"], &["a", "a.2", "a.3", "a.2.2", "a.4"]);
    }

    #[test]
    fn many_equal_names_take_little_time() {
        let names = unique_names(Some(&vec!["a".to_owned(); 100_000]), 100_000);
        assert_eq!(names[99_999], "a.100000");
    }
}
