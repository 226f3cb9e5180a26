//! How a file was decoded, and how later files are.

use crate::decode::joined::QUOTED_LINES;
use crate::input::{Encoding, InputConfig};
use crate::schema::notice::Notice;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What was set about the decoding of a training file, which holds for later files, too. What was not set is recognised
/// in each file, except for windows-1252, which cannot be told from damaged UTF-8 until the whole file has been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reading {
    /// How characters are stored.
    pub encoding: Encoding,
    /// Lines to skip before the header, or before the first row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<u64>,
    /// Whether lines that begin with `#` are comments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comments: Option<bool>,
    /// Most lines of a record with line breaks in quoted cells.
    pub quoted_lines: usize,
    /// The sheet of a workbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Memory that reading a workbook may take, in millions of bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory_mb: Option<u64>,
}

impl Default for Reading {
    fn default() -> Self {
        Reading {
            encoding: Encoding::Auto,
            skip: None,
            comments: None,
            quoted_lines: QUOTED_LINES,
            sheet: None,
            max_memory_mb: None,
        }
    }
}

impl Reading {
    pub(crate) fn is_default(&self) -> bool {
        *self == Reading::default()
    }

    /// The settings of a training file.
    pub(crate) fn of(config: &InputConfig) -> Self {
        Reading {
            encoding: config.encoding,
            skip: config.skip,
            comments: config.comments,
            quoted_lines: config.quoted_lines,
            sheet: config.sheet.clone(),
            max_memory_mb: config.max_memory_mb,
        }
    }
}

/// The settings, with the encoding that was recognised if later files, of which no more than the beginning is known when
/// their rows are read, could not tell it.
pub(crate) fn with_encoding(config: &InputConfig, notices: &[Notice]) -> InputConfig {
    let western = notices.contains(&Notice::ReadAs { how: ReadAs::Windows1252 });
    let encoding = if western { Encoding::Windows1252 } else { config.encoding };
    InputConfig { encoding, ..config.clone() }
}

/// Says of a preamble, if one was found, that it has as many lines as there are before the table, with the blank ones.
pub(crate) fn count_preamble(found: &mut [ReadAs], before: u64) {
    for how in found {
        if let ReadAs::Preamble { lines, .. } = how {
            *lines = before;
        }
    }
}

/// Something about how a file is written that was recognised, not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReadAs {
    /// It is text in UTF-16.
    Utf16,
    /// It is text in windows-1252.
    Windows1252,
    /// Its lines end in a carriage return only.
    CarriageReturns,
    /// Its first line sets the delimiter.
    Separator(char),
    /// It begins with lines that belong to no table.
    Preamble {
        /// Their number, with the blank ones.
        lines: u64,
        /// Whether they begin with `#`, and so may later lines.
        comments: bool,
    },
    /// Its header begins with `#`, which belongs to no name.
    MarkedHeader,
    /// It is one JSON array, of which each element is a row.
    JsonArray,
    /// Some of its quoted cells hold line breaks.
    QuotedBreaks {
        /// The number of records with such cells.
        records: u64,
    },
    /// It is a workbook, of which one sheet is read.
    Sheet {
        /// The sheet.
        name: String,
        /// The number of sheets.
        of: usize,
    },
}

impl fmt::Display for ReadAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadAs::Utf16 => f.write_str("read as UTF-16 text; set input.encoding to change this"),
            ReadAs::Windows1252 => f.write_str(
                "read as windows-1252 (\"ANSI\") text; set input.encoding = \"utf-8\" to change this",
            ),
            ReadAs::CarriageReturns => f.write_str("the lines end in a carriage return (CR) only"),
            ReadAs::Separator(delimiter) => write!(f, "the first line sets the delimiter: {delimiter:?}"),
            ReadAs::Preamble { lines, comments } => {
                match lines {
                    1 => f.write_str("the first line is a preamble and is skipped")?,
                    _ => write!(f, "the first {lines} lines are a preamble and are skipped")?,
                }
                let also = if *comments { ", and so are later lines that begin with `#`" } else { "" };
                write!(f, "{also}; set input.skip = 0 to read them")
            }
            ReadAs::MarkedHeader => f.write_str("the `#` before the header is left out"),
            ReadAs::JsonArray => f.write_str("read as one JSON array; each of its elements is a row"),
            ReadAs::QuotedBreaks { records: 1 } => f.write_str(
                "1 record has line breaks in quoted cells; set input.quoted_lines = 1 to split it",
            ),
            ReadAs::QuotedBreaks { records } => write!(
                f,
                "{records} records have line breaks in quoted cells; set input.quoted_lines = 1 to split them"
            ),
            ReadAs::Sheet { name, of: 1 } => write!(f, "read sheet `{name}`"),
            ReadAs::Sheet { name, of } => {
                write!(f, "read sheet `{name}` of {of} sheets; input.sheet chooses another")
            }
        }
    }
}
