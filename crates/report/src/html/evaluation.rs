//! Writes the report of an evaluation: sections of text, tables and pictures, in the order given.

use crate::error::ReportError;
use crate::html::part;
use maud::{Markup, html};
use std::path::{Path, PathBuf};

/// A section of an evaluation's report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Content, from top to bottom.
    pub blocks: Vec<Block>,
}

/// One element of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// A command for the reader to copy.
    Command(String),
    /// A table.
    Table(HtmlTable),
    /// A PNG file; left out if it no longer exists.
    Picture {
        /// Path of the file, which is embedded in the report.
        path: PathBuf,
        /// A short title; may be empty.
        title: String,
        /// A description; may be empty.
        caption: String,
    },
}

/// A table; columns of numbers are aligned right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HtmlTable {
    /// A description, with units; may be empty.
    pub caption: String,
    /// Heading of each column.
    pub columns: Vec<String>,
    /// Cells, row by row; each row as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

/// Writes the report of an evaluation to `path`.
///
/// # Errors
/// A row whose number of cells differs from the number of columns, a picture that is not a PNG, or a file
/// that cannot be read or written.
pub fn write_evaluation(path: &Path, title: &str, sections: &[Section]) -> Result<(), ReportError> {
    let mut parts = Vec::new();
    for section in sections {
        let blocks: Vec<Markup> = section.blocks.iter().map(block).collect::<Result<_, _>>()?;
        parts.push(part::section(&section.title, html! { @for block in &blocks { (block) } }));
    }
    let body = html! {
        header { h1 { (title) } }
        @for part in &parts { (part) }
    };
    part::write_page(path, title, &body)
}

fn block(block: &Block) -> Result<Markup, ReportError> {
    Ok(match block {
        Block::Text(text) => html! { p { (text) } },
        Block::Command(command) => html! { pre.command { (command) } },
        Block::Table(table) => table_markup(table)?,
        Block::Picture { path, title, caption } => part::figure(path, title, caption)?.unwrap_or_default(),
    })
}

fn table_markup(table: &HtmlTable) -> Result<Markup, ReportError> {
    let width = table.columns.len();
    if let Some(row) = table.rows.iter().find(|row| row.len() != width) {
        return Err(ReportError::Shape {
            what: "rows of a table",
            got: vec![row.len()],
            expected: vec![width],
        });
    }
    let numeric = |column: usize| {
        let mut cells =
            table.rows.iter().map(|row| row[column].as_str()).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some() && cells.all(is_number)
    };
    let numbers: Vec<bool> = (0..width).map(numeric).collect();
    let rows: Vec<Vec<Markup>> =
        table.rows.iter().map(|row| row.iter().map(|cell| html! { (cell) }).collect()).collect();
    Ok(html! {
        @if !table.caption.is_empty() { p.small { (table.caption) } }
        (part::table(&table.columns, &rows, &numbers))
    })
}

/// Whether a cell is a number: `0.943`, `−12 %`, `0.94 ± 0.01`, `1,234`, or `–` for a missing one.
fn is_number(cell: &str) -> bool {
    let figure = |c: char| c.is_ascii_digit() || " .,+-−–±%e≤≥<>[]()".contains(c);
    cell.chars().all(figure) && (cell.contains(|c: char| c.is_ascii_digit()) || ["-", "–"].contains(&cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_from_words() {
        for figure in ["0.943", "−12 %", "0.94 ± 0.01", "1,234", "–", "1.5e-3", "[0.93, 0.95]"] {
            assert!(is_number(figure), "{figure}");
        }
        for word in ["normal", "", "e", "mean 3", "±"] {
            assert!(!is_number(word), "{word}");
        }
    }
}
