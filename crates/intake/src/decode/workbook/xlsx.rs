//! Sheets of xlsx files (ECMA-376, part 1).

use super::grid::{Content, Grid, MAX_COLUMNS};
use super::serial::{date_text, shows_date};
use super::xml::{Node, Tag, Xml};
use super::{Archive, Choice, Fault, MISSING, Sheet};
use std::collections::{HashMap, HashSet};

/// What cells refer to.
struct Book {
    strings: Strings,
    /// Whether a cell with each style shows a date or time.
    dates: Vec<bool>,
    /// Whether dates count from 1904.
    from_1904: bool,
}

/// A sheet as the workbook lists it.
struct Listed {
    name: String,
    /// What its part is found by.
    id: String,
    hidden: bool,
}

/// Where the parts of the file are.
#[derive(Default)]
struct Parts {
    by_id: HashMap<String, String>,
    strings: Option<String>,
    styles: Option<String>,
}

/// Texts that cells share, one after the other.
#[derive(Default)]
struct Strings {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Strings {
    fn get(&self, index: usize) -> Option<&str> {
        let from = if index == 0 { 0 } else { *self.ends.get(index - 1)? };
        Some(&self.text[from..*self.ends.get(index)?])
    }
}

pub(super) fn sheet(archive: &mut Archive<'_>, wanted: Option<&str>, limit: u64) -> Result<Sheet, Fault> {
    let (sheets, from_1904) = archive.part("xl/workbook.xml", workbook)?.unwrap_or_default();
    let parts = archive.part("xl/_rels/workbook.xml.rels", relations)?.unwrap_or_default();
    let strings = parts.strings.as_deref().unwrap_or("xl/sharedStrings.xml");
    let strings = archive.part(strings, |xml| shared_strings(xml, limit))?.unwrap_or_default();
    let dates = archive.part(parts.styles.as_deref().unwrap_or("xl/styles.xml"), styles)?.unwrap_or_default();
    let book = Book { strings, dates, from_1904 };
    let mut choice = Choice::new(wanted);
    for Listed { name, id, hidden } in &sheets {
        // Sheets of charts have no cells.
        let part = parts.by_id.get(id).filter(|part| !part.contains("chartsheets/"));
        let Some(part) = part.filter(|_| choice.looks_at(name, *hidden)) else { continue };
        let grid = archive.part(part, |xml| cells(xml, &book, limit))?;
        choice.offer(name, grid.ok_or_else(|| Fault::Broken(format!("its part {part} is missing")))?);
    }
    choice.sheet(sheets.iter().map(|sheet| sheet.name.as_str()))
}

/// The sheets, and whether dates count from 1904.
fn workbook(xml: &mut Xml<'_>) -> Result<(Vec<Listed>, bool), Fault> {
    let (mut sheets, mut from_1904) = (Vec::new(), false);
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.is("sheet") => {
                if let [Some(name), Some(id), state] = tag.values(["name", "id", "state"])? {
                    let hidden = state.is_some_and(|state| state != "visible");
                    sheets.push(Listed { name: name.into_owned(), id: id.into_owned(), hidden });
                }
            }
            Node::Open(tag) if tag.is("workbookPr") => {
                from_1904 = matches!(tag.value("date1904")?.as_deref(), Some("1" | "true"));
            }
            Node::End => return Ok((sheets, from_1904)),
            _ => {}
        }
    }
}

fn relations(xml: &mut Xml<'_>) -> Result<Parts, Fault> {
    let mut parts = Parts::default();
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.is("Relationship") => {
                let [id, target, kind] = tag.values(["Id", "Target", "Type"])?;
                let (Some(id), Some(target)) = (id, target) else { continue };
                let part = match target.strip_prefix('/') {
                    Some(absolute) => absolute.to_owned(),
                    None => format!("xl/{target}"),
                };
                match kind.as_deref().and_then(|kind| kind.rsplit('/').next()) {
                    Some("sharedStrings") => parts.strings = Some(part),
                    Some("styles") => parts.styles = Some(part),
                    _ => {
                        parts.by_id.insert(id.into_owned(), part);
                    }
                }
            }
            Node::End => return Ok(parts),
            _ => {}
        }
    }
}

fn shared_strings(xml: &mut Xml<'_>, limit: u64) -> Result<Strings, Fault> {
    let mut strings = Strings::default();
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.is("si") => {
                rich_text(xml, "si", &mut strings.text)?;
                strings.ends.push(strings.text.len());
                if (strings.text.len() + strings.ends.len() * size_of::<usize>()) as u64 > limit {
                    return Err(Fault::Memory);
                }
            }
            Node::End => return Ok(strings),
            _ => {}
        }
    }
}

/// Appends the text of an element up to its end, without what says how it is pronounced.
fn rich_text(xml: &mut Xml<'_>, element: &str, text: &mut String) -> Result<(), Fault> {
    let (mut in_text, mut phonetic) = (false, false);
    loop {
        match xml.next()? {
            Node::Open(tag) => {
                in_text = tag.is("t");
                phonetic |= tag.is("rPh");
            }
            Node::Close(tag) if tag.is(element) => return Ok(()),
            Node::Close(tag) => {
                in_text = false;
                phonetic &= !tag.is("rPh");
            }
            Node::Text(part) if in_text && !phonetic => text.push_str(&part),
            Node::Text(_) | Node::Other => {}
            Node::End => return Ok(()),
        }
    }
}

/// Number formats without a code of their own that show dates or times (18.8.30).
fn is_date_format(id: u64) -> bool {
    matches!(id, 14..=22 | 27..=36 | 45 | 47 | 50..=58)
}

/// Whether each style of cells shows a date or time.
fn styles(xml: &mut Xml<'_>) -> Result<Vec<bool>, Fault> {
    let (mut own, mut other) = (HashSet::new(), HashSet::new());
    let (mut dates, mut in_cells) = (Vec::new(), false);
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.is("numFmt") => {
                let [id, code] = tag.values(["numFmtId", "formatCode"])?;
                if let (Some(Ok(id)), Some(code)) = (id.map(|id| id.parse::<u64>()), code) {
                    if shows_date(&code) {
                        own.insert(id)
                    } else {
                        other.insert(id)
                    };
                }
            }
            Node::Open(tag) if tag.is("cellXfs") => in_cells = true,
            Node::Open(tag) if in_cells && tag.is("xf") => {
                let id = tag.value("numFmtId")?.and_then(|id| id.parse().ok()).unwrap_or(0);
                dates.push(own.contains(&id) || (is_date_format(id) && !other.contains(&id)));
            }
            Node::Close(tag) if tag.is("cellXfs") => in_cells = false,
            Node::End => return Ok(dates),
            _ => {}
        }
    }
}

/// How the value of a cell is to be read (18.18.11).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Date,
    Shared,
    Truth,
    Error,
    Text,
}

fn cells(xml: &mut Xml<'_>, book: &Book, limit: u64) -> Result<Grid, Fault> {
    let mut grid = Grid::new(limit);
    // The next row and column, for those that do not say where they are.
    let (mut row, mut column) = (0u64, 0u64);
    let mut text = String::new();
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.is("row") => {
                if let Some(Ok(number)) = tag.value("r")?.map(|number| number.parse::<u64>()) {
                    row = number.saturating_sub(1);
                }
                column = 0;
            }
            Node::Close(tag) if tag.is("row") => row = row.saturating_add(1),
            Node::Open(tag) if tag.is("c") => {
                let kind = described(&tag, book, &mut row, &mut column)?;
                cell(xml, &mut text)?;
                let date;
                let (text, content) = match kind {
                    Kind::Number => (text.as_str(), Content::Number),
                    Kind::Date => {
                        date = date_text(&text, book.from_1904);
                        (date.as_deref().unwrap_or(&text), Content::Number)
                    }
                    Kind::Shared => (shared(book, &text)?, Content::Text),
                    Kind::Truth => (if text.trim() == "1" { "TRUE" } else { "FALSE" }, Content::Text),
                    Kind::Error => (MISSING, Content::Text),
                    Kind::Text => (text.as_str(), Content::Text),
                };
                grid.add(row, column, text, content, 1)?;
                column += 1;
            }
            Node::End => return Ok(grid),
            _ => {}
        }
    }
}

/// What the tag of a cell says about it, and where it is, unless it is the next one.
fn described(tag: &Tag<'_>, book: &Book, row: &mut u64, column: &mut u64) -> Result<Kind, Fault> {
    let [reference, style, kind] = tag.values(["r", "s", "t"])?;
    if let Some(reference) = reference {
        let there = place(&reference).ok_or_else(|| {
            Fault::Broken(format!("it has a cell `{}`, where no sheet has one", super::shorten(&reference)))
        })?;
        (*row, *column) = there;
    }
    let style = style.and_then(|style| style.parse::<usize>().ok());
    Ok(match kind.as_deref() {
        None | Some("n") if style.is_some_and(|style| book.dates.get(style) == Some(&true)) => Kind::Date,
        None | Some("n") => Kind::Number,
        Some("s") => Kind::Shared,
        Some("b") => Kind::Truth,
        Some("e") => Kind::Error,
        Some(_) => Kind::Text,
    })
}

/// The text that a cell refers to; an empty cell has none.
fn shared<'a>(book: &'a Book, index: &str) -> Result<&'a str, Fault> {
    if index.trim().is_empty() {
        return Ok("");
    }
    let text = index.trim().parse().ok().and_then(|index| book.strings.get(index));
    text.ok_or_else(|| Fault::broken("a cell refers to a shared string that it does not have"))
}

/// The content of a cell up to its end: its value, or the text in it.
fn cell(xml: &mut Xml<'_>, text: &mut String) -> Result<(), Fault> {
    text.clear();
    let mut in_value = false;
    loop {
        match xml.next()? {
            Node::Open(tag) if tag.is("is") => rich_text(xml, "is", text)?,
            Node::Open(tag) => in_value = tag.is("v"),
            Node::Close(tag) if tag.is("c") => return Ok(()),
            Node::Close(_) => in_value = false,
            Node::Text(part) if in_value => text.push_str(&part),
            Node::Text(_) | Node::Other => {}
            Node::End => return Ok(()),
        }
    }
}

/// Row and column of a reference such as `C12`, from 0.
fn place(reference: &str) -> Option<(u64, u64)> {
    let digits = reference.find(|character: char| character.is_ascii_digit())?;
    let (letters, number) = reference.split_at(digits);
    let mut column = 0u64;
    for letter in letters.bytes() {
        if !letter.is_ascii_alphabetic() {
            return None;
        }
        column = 26 * column + u64::from(letter.to_ascii_uppercase() - b'A') + 1;
        if column > MAX_COLUMNS {
            return None;
        }
    }
    Some((number.parse::<u64>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}
