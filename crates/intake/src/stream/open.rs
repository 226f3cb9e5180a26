//! Opens files and inputs that may be compressed, or a workbook.

use super::reader::{ReadOptions, Reader};
use crate::decode::packed::{head_of, unpacked_as};
use crate::decode::reading::Reading;
use crate::decode::workbook::{DELIMITER, ZIP, sheet_of};
use crate::error::IntakeError;
use crate::input::{Encoding, FormatChoice};
use crate::memory::MemoryLimit;
use crate::schema::Schema;
use crate::text::content::{self, MAX_CONTENT_BYTES};
use ae_records::files::{self, FileError};
use std::io::{BufRead, Cursor, Read};
use std::path::Path;

impl Reader<Box<dyn BufRead + Send>> {
    /// Opens a regular file, plain or compressed, or a workbook.
    ///
    /// # Errors
    /// As [`Reader::from_input`].
    pub fn open(path: &Path, schema: &Schema, options: &ReadOptions) -> Result<Self, IntakeError> {
        let name = path.display().to_string();
        let options = ReadOptions { name: name.clone(), ..options.clone() };
        from_input(files::open(path)?, &name, schema, &options)
    }

    /// Reads any input, plain or compressed. A workbook (xlsx, ods), which is recognised from its first bytes, is read
    /// to its end first, in the memory that it may take; of anything else no more than [`Reader::new`] needs.
    ///
    /// # Errors
    /// As [`Reader::new`], and [`IntakeError::Content`] if the input cannot be read or unpacked, or is a workbook that
    /// is damaged, too large or without the sheet that was learned from.
    pub fn from_input(
        input: impl Read + Send + 'static,
        schema: &Schema,
        options: &ReadOptions,
    ) -> Result<Self, IntakeError> {
        from_input(input, &options.name, schema, options)
    }
}

/// `name` is what messages call the input.
fn from_input(
    input: impl Read + Send + 'static,
    name: &str,
    schema: &Schema,
    options: &ReadOptions,
) -> Result<Reader<Box<dyn BufRead + Send>>, IntakeError> {
    let (mut input, packing) = unpacked_as(input, name)?;
    let head = head_of(&mut input, &[ZIP]).map_err(FileError::new("read", name))?;
    let is_zip = head == ZIP;
    let input = Cursor::new(head).chain(input);
    if !is_zip {
        return Reader::new(Box::new(input), schema, options);
    }
    let reading = &schema.reading;
    // How long a compressed input is in itself is not known here.
    let limit = match packing {
        Some(_) => MemoryLimit::for_input(0, reading.max_memory_mb).content_bytes(),
        None => MAX_CONTENT_BYTES,
    };
    let content = content::plain(input, Path::new(name), limit)?;
    let memory = MemoryLimit::for_input(content.len() as u64, reading.max_memory_mb);
    let Some(sheet) = sheet_of(&content, name, reading.sheet.as_deref(), memory)? else {
        return Reader::new(Box::new(Cursor::new(content)), schema, options);
    };
    drop(content);
    let reading = Reading { encoding: Encoding::Utf8, ..reading.clone() };
    let options = ReadOptions { format: FormatChoice::Csv, delimiter: Some(DELIMITER), ..options.clone() };
    let notice = sheet.notice();
    let mut reader = Reader::with(Box::new(Cursor::new(sheet.text)) as _, schema, reading, &options)?;
    reader.notices.insert(0, notice);
    Ok(reader)
}
