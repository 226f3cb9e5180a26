//! Writes the report of an evaluation: sections of text, tables and pictures, in the order given.

use crate::error::ReportError;
use crate::html::part::{self, Card};
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
    /// Links to other pages, such as the reports of the runs.
    Links(Vec<Link>),
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

/// A link to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// What the reader sees.
    pub text: String,
    /// The file, as a path from the folder of the page.
    pub target: PathBuf,
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
    let mut cards = Vec::new();
    for section in sections {
        let blocks: Vec<Markup> =
            section.blocks.iter().map(|part| block(&section.title, part)).collect::<Result<_, _>>()?;
        cards.push(Card::new(&section.title, html! { @for block in &blocks { (block) } }));
    }
    part::write_page(path, title, &html! { header { h1 { (title) } } }, &cards)
}

fn block(heading: &str, block: &Block) -> Result<Markup, ReportError> {
    Ok(match block {
        Block::Text(text) => html! { p { (part::prose(text)) } },
        Block::Command(command) => html! { pre.command { (command) } },
        Block::Links(links) => html! {
            ul { @for link in links { li { a href=(address(&link.target)) { (link.text) } } } }
        },
        Block::Table(table) => table_markup(heading, table)?,
        Block::Picture { path, title, caption } => part::figure(path, title, caption)?.unwrap_or_default(),
    })
}

/// A path as a relative address: whatever is not a plain character of a path is written as `%20`, so that no name becomes
/// another scheme, a query or a fragment.
fn address(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    let mut address = String::from(if path.is_absolute() { "" } else { "./" });
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            address.push(byte.into());
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

fn table_markup(heading: &str, table: &HtmlTable) -> Result<Markup, ReportError> {
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
        table.rows.iter().map(|row| row.iter().map(|cell| part::prose(cell)).collect()).collect();
    Ok(html! {
        @if !table.caption.is_empty() { p.small { (part::prose(&table.caption)) } }
        (part::table(heading, &table.columns, &rows, &numbers))
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
    fn a_path_becomes_an_address_that_stays_one() {
        let check = |path: &str, expected: &str| assert_eq!(address(Path::new(path)), expected);
        check(
            "../runs/vae/20261127-041748-seed0/report.html",
            "./../runs/vae/20261127-041748-seed0/report.html",
        );
        check("javascript:alert(1)", "./javascript%3Aalert%281%29");
        check("my runs/a?b#c", "./my%20runs/a%3Fb%23c");
        check("/tmp/ü", "/tmp/%C3%BC");
    }

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
