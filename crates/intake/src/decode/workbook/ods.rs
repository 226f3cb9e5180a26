//! Sheets of ods files (OpenDocument 1.2, part 1).

use super::grid::{Content, Grid};
use super::xml::{Node, Tag, Xml};
use super::{Archive, Choice, Fault, Sheet};

pub(super) fn sheet(archive: &mut Archive<'_>, wanted: Option<&str>, limit: u64) -> Result<Sheet, Fault> {
    let mut choice = Choice::new(wanted);
    let names = archive.part("content.xml", |xml| tables(xml, &mut choice, limit))?.unwrap_or_default();
    choice.sheet(names.iter().map(String::as_str))
}

/// The names of all tables. All are in one part, so each that may be chosen is offered as it is read.
fn tables(xml: &mut Xml<'_>, choice: &mut Choice<'_>, limit: u64) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.is("table") => {
                let name = tag.value("name")?.unwrap_or_default().into_owned();
                if choice.looks_at(&name, false) {
                    choice.offer(&name, cells(xml, limit)?);
                }
                names.push(name);
            }
            Node::End => return Ok(names),
            _ => {}
        }
    }
}

/// How often a cell or row is repeated; at least once.
fn times(tag: &Tag<'_>, name: &str) -> Result<u64, Fault> {
    Ok(tag.value(name)?.and_then(|times| times.parse().ok()).unwrap_or(1).max(1))
}

/// The cells of a table up to its end.
fn cells(xml: &mut Xml<'_>, limit: u64) -> Result<Grid, Fault> {
    let mut grid = Grid::new(limit);
    let (mut row, mut column, mut first, mut repeated) = (0u64, 0u64, 0, 1);
    let mut text = String::new();
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.is("table-row") => {
                (column, first) = (0, grid.len());
                repeated = times(&tag, "number-rows-repeated")?;
            }
            Node::Open(tag) if tag.is("table-cell") || tag.is("covered-table-cell") => {
                let times = times(&tag, "number-columns-repeated")?;
                let typed = value(&tag)?;
                let element = if tag.is("table-cell") { "table-cell" } else { "covered-table-cell" };
                cell(xml, element, &mut text)?;
                let (text, content) = match &typed {
                    Some((value, content)) => (value.as_str(), *content),
                    None => (text.as_str(), Content::Text),
                };
                grid.add(row, column, text, content, times)?;
                column = column.saturating_add(times);
            }
            Node::Close(tag) if tag.is("table-row") => {
                grid.repeat_row(first, row, repeated - 1)?;
                row = row.saturating_add(repeated);
            }
            Node::Close(tag) if tag.is("table") => return Ok(grid),
            Node::End => return Ok(grid),
            _ => {}
        }
    }
}

/// The value of a cell, if its tag has one.
fn value(tag: &Tag<'_>) -> Result<Option<(String, Content)>, Fault> {
    let names = ["value-type", "value", "date-value", "time-value", "boolean-value", "string-value"];
    let [kind, number, date, time, truth, text] = tag.values(names)?;
    Ok(match kind.as_deref() {
        Some("float" | "percentage" | "currency") => {
            number.map(|value| (value.into_owned(), Content::Number))
        }
        Some("date") => date.map(|value| (value.into_owned(), Content::Number)),
        Some("time") => time.map(|value| (clock(&value), Content::Number)),
        Some("boolean") => truth.map(|value| (value.to_uppercase(), Content::Text)),
        Some("string") => text.map(|value| (value.into_owned(), Content::Text)),
        _ => None,
    })
}

/// The text of a cell up to its end, without notes on it.
fn cell(xml: &mut Xml<'_>, element: &str, text: &mut String) -> Result<(), Fault> {
    text.clear();
    let mut notes = 0u64;
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.is("annotation") => notes += 1,
            Node::Open(tag) => {
                let parts = ["p", "s", "tab", "line-break"].iter().any(|name| tag.is(name));
                if parts && notes == 0 && !text.is_empty() {
                    text.push(' ');
                }
            }
            Node::Close(tag) if tag.is("annotation") => notes = notes.saturating_sub(1),
            Node::Close(tag) if tag.is(element) => return Ok(()),
            Node::Text(part) if notes == 0 => text.push_str(&part),
            Node::End => return Ok(()),
            Node::Close(_) | Node::Text(_) | Node::Other => {}
        }
    }
}

/// A time such as `PT08H30M00S` as `08:30:00`; anything else as it is.
fn clock(time: &str) -> String {
    let parts = time.strip_prefix("PT").and_then(|time| {
        let (hours, rest) = time.split_once('H')?;
        let (minutes, rest) = rest.split_once('M')?;
        Some((hours, minutes, rest.strip_suffix('S')?))
    });
    parts.map_or_else(|| time.to_owned(), |(hours, minutes, seconds)| format!("{hours}:{minutes}:{seconds}"))
}
