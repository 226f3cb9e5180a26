//! Turns a sheet of a workbook (xlsx or ods) into CSV text, row by row.
//!
//! The XML is read in one pass per part. No size that a file states is believed: its parts are inflated up to a limit
//! in all, and what is kept of them counts before it is kept.

mod grid;
mod ods;
mod serial;
mod xlsx;
mod xml;

use crate::decode::reading::ReadAs;
use crate::error::IntakeError;
use crate::input::{Encoding, FormatChoice, InputConfig};
use crate::memory::{MemoryError, MemoryLimit};
use crate::schema::notice::Notice;
use crate::text::content::ContentError;
use crate::text::recognise::shorten;
use grid::Grid;
use std::cell::Cell;
use std::io::{BufReader, Cursor, Read};
use std::path::PathBuf;
use xml::Xml;
use zip::ZipArchive;

/// First bytes of a zip archive.
pub(crate) const ZIP: &[u8] = b"PK\x03\x04";
/// What a cell with an error, such as `#N/A`, is in CSV: a missing value.
const MISSING: &str = "NA";
/// Sheets that a message names.
const NAMED_SHEETS: usize = 10;

/// A sheet as CSV text.
#[derive(Debug)]
pub(crate) struct Sheet {
    /// UTF-8 text, split at commas; each row of the sheet is the line with its number.
    pub text: Vec<u8>,
    pub name: String,
    /// Number of sheets in the file.
    pub of: usize,
}

/// The delimiter of its text.
pub(crate) const DELIMITER: char = ',';

impl Sheet {
    /// What is worth saying about it.
    pub(crate) fn notice(&self) -> Notice {
        Notice::ReadAs { how: ReadAs::Sheet { name: self.name.clone(), of: self.of } }
    }

    /// The settings for its text, which is written in one way whatever is set for other files.
    pub(crate) fn config(config: &InputConfig) -> InputConfig {
        let encoding = Encoding::Utf8;
        InputConfig { encoding, format: FormatChoice::Csv, delimiter: Some(DELIMITER), ..config.clone() }
    }
}

/// Why a workbook cannot be read.
#[derive(Debug)]
enum Fault {
    /// It would take more memory than it may.
    Memory,
    /// What is wrong with it.
    Broken(String),
}

impl Fault {
    fn broken(error: impl ToString) -> Self {
        Fault::Broken(error.to_string())
    }
}

/// The sheet with this name, or the first with a table, of a workbook; `None` if the content is none. `name` is what
/// messages call the file.
///
/// # Errors
/// [`IntakeError::Content`] if the file is damaged, has no such sheet or would take too much memory.
pub(crate) fn sheet_of(
    content: &[u8],
    name: &str,
    sheet: Option<&str>,
    memory: MemoryLimit,
) -> Result<Option<Sheet>, IntakeError> {
    if !content.starts_with(ZIP) {
        return Ok(None);
    }
    let format = Cell::new("zip");
    let limit = memory.content_bytes();
    let read = || -> Result<Option<Sheet>, Fault> {
        let zip = ZipArchive::new(Cursor::new(content)).map_err(Fault::broken)?;
        let mut archive = Archive { zip, left: limit };
        if archive.has("xl/workbook.xml") {
            format.set("xlsx");
            return xlsx::sheet(&mut archive, sheet, limit).map(Some);
        }
        if archive.has("content.xml") && archive.has("mimetype") {
            format.set("ods");
            return ods::sheet(&mut archive, sheet, limit).map(Some);
        }
        Ok(None)
    };
    read().map_err(|fault| {
        IntakeError::Content(match fault {
            Fault::Memory => MemoryError::of_content(name, memory).into(),
            Fault::Broken(reason) => {
                ContentError::Unusable { path: PathBuf::from(name), format: format.get(), reason }
            }
        })
    })
}

/// The parts of a file.
struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// Bytes that may still be inflated.
    left: u64,
}

impl Archive<'_> {
    fn has(&self, part: &str) -> bool {
        self.zip.index_for_name_raw(part.as_bytes()).is_some()
    }

    /// Passes a part to `parse`, if it is there.
    fn part<T>(
        &mut self,
        part: &str,
        parse: impl FnOnce(&mut Xml<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let Some(index) = self.zip.index_for_name_raw(part.as_bytes()) else { return Ok(None) };
        let file = self.zip.by_index(index).map_err(Fault::broken)?;
        let mut limited = file.take(self.left);
        let parsed = parse(&mut Xml::new(Box::new(BufReader::new(&mut limited))));
        self.left = limited.limit();
        // A part that ended at the limit looks broken, whatever follows.
        if self.left == 0 { Err(Fault::Memory) } else { parsed.map(Some) }
    }
}

/// Chooses one of the sheets of a file, which are looked at in their order.
struct Choice<'a> {
    wanted: Option<&'a str>,
    chosen: Option<(String, Grid)>,
}

impl<'a> Choice<'a> {
    fn new(wanted: Option<&'a str>) -> Self {
        Choice { wanted, chosen: None }
    }

    /// Whether this sheet may be the one. Hidden sheets are read only if they are named.
    fn looks_at(&self, name: &str, hidden: bool) -> bool {
        self.chosen.is_none() && self.wanted.map_or(!hidden, |wanted| wanted == name)
    }

    fn offer(&mut self, name: &str, grid: Grid) {
        if self.wanted.is_some() || grid.is_table() {
            self.chosen = Some((name.to_owned(), grid));
        }
    }

    /// The chosen one of the sheets with these names.
    fn sheet<'n>(self, names: impl ExactSizeIterator<Item = &'n str>) -> Result<Sheet, Fault> {
        let of = names.len();
        if let Some((name, grid)) = self.chosen {
            return Ok(Sheet { text: grid.into_csv()?, name: shorten(&name), of });
        }
        let mut sheets: Vec<String> =
            names.take(NAMED_SHEETS).map(|name| format!("`{}`", shorten(name))).collect();
        if of > NAMED_SHEETS {
            sheets.push("…".into());
        }
        let sheets = sheets.join(", ");
        Err(Fault::Broken(match self.wanted {
            Some(wanted) => format!("it has no sheet `{wanted}`; its sheets: {sheets}"),
            None => format!("none of its sheets holds a table of two rows: {sheets}; input.sheet names one"),
        }))
    }
}

#[cfg(test)]
mod made;
#[cfg(test)]
#[path = "workbook/workbook_tests.rs"]
mod tests;
