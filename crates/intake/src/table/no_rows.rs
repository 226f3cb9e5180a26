//! Says why a file has no rows.

use crate::error::{IntakeError, TableError};
use crate::text::head::Head;
use crate::text::missing::MissingWords;
use crate::text::parse::{RowParser, Target};
use crate::text::pieces::parse_all;
use std::collections::HashMap;

/// The error for a file of so many lines, none of which is a row.
pub(super) fn no_rows(body: &[u8], name: &str, head: &Head<'_>, lines: u64) -> IntakeError {
    // Parsed without columns, only to find out what is wrong with the lines.
    let parser = RowParser {
        syntax: head.syntax,
        columns: Vec::new(),
        targets: vec![Target::Skip; head.width],
        names: HashMap::new(),
        stamp: None,
        label: None,
        group: None,
        missing: MissingWords::default(),
        strict: true,
        kept: None,
    };
    let block = parse_all(&parser, body, head.body_line);
    match block.bad.first() {
        Some(first) => {
            IntakeError::OnlyBadLines { name: name.to_owned(), lines: lines as usize, first: first.clone() }
        }
        None => IntakeError::Table { name: name.to_owned(), source: TableError::OnlyHeader },
    }
}
