//! Reads the documents of a table: the texts of one column, and what each of them is called.

use crate::columns::find::{Column, find_column};
use crate::decode::workbook::{Sheet, sheet_of};
use crate::error::{BadLine, BadReason, IntakeError, TableError};
use crate::input::InputConfig;
use crate::memory::MemoryLimit;
use crate::schema::notice::Notice;
use crate::text::content;
use crate::text::head::look_at;
use crate::text::parse::{MAX_LINE, Syntax, cells_of, is_blank, lines};
use memchr::memchr;
use serde_json::Value;
use std::path::Path;

/// Copies of the content that exist at a time: as it is in the file, decoded, and as texts.
const COPIES: u64 = 3;
/// Lines of JSON from which the names of the columns are taken for a message.
const NAMED_FROM: usize = 10;

/// The documents of a table, in the order of its lines.
///
/// ```
/// use ae_intake::{InputConfig, TextTable};
///
/// let file = "id,body\nA1,\"printer, second floor\"\nA2,\n";
/// let config = InputConfig::default();
/// let table = TextTable::parse(file.as_bytes(), "tickets.csv", &"body".into(), Some(&"id".into()), &config)?;
/// assert_eq!(table.texts, ["printer, second floor", ""]);
/// assert_eq!(table.names.unwrap(), ["A1", "A2"]);
///
/// let error = TextTable::parse(file.as_bytes(), "tickets.csv", &"text".into(), None, &config).unwrap_err();
/// assert!(error.to_string().contains("there is no text column `text`; columns: `id`, `body`"), "{error}");
/// # Ok::<(), ae_intake::IntakeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TextTable {
    /// `[N]`, without surrounding blanks; empty where the cell is.
    pub texts: Vec<String>,
    /// `[N]`, if a column of names was asked for.
    pub names: Option<Vec<String>>,
    /// `[N]`, the line of each, from 1.
    pub lines: Vec<u64>,
    /// Lines that cannot be read.
    pub bad: Vec<BadLine>,
    /// How the file was read.
    pub notices: Vec<Notice>,
}

impl TextTable {
    /// Reads a file, plain or compressed: delimited cells such as CSV, JSON lines, or a sheet of a workbook (xlsx, ods).
    /// `text` is the column of the documents, `name` that of what they are called. In JSON, a list of texts is one
    /// document, and `a.b` is the value `b` of the object `a`. Of `config`, what says how the file is written counts.
    ///
    /// # Errors
    /// The file cannot be read or is no table, there is no such column, or more lines are bad than `config` allows.
    pub fn read(
        path: &Path,
        text: &Column,
        name: Option<&Column>,
        config: &InputConfig,
    ) -> Result<Self, IntakeError> {
        config.validate()?;
        let (content, memory) = content::read_own(path, config.max_memory_mb)?;
        Self::parse_within(&content, &path.display().to_string(), (text, name), config, memory)
    }

    /// Parses the content of a file. `file` is what messages call it; if it ends in `.tsv`, cells are split at tabs.
    ///
    /// # Errors
    /// As [`TextTable::read`].
    pub fn parse(
        content: &[u8],
        file: &str,
        text: &Column,
        name: Option<&Column>,
        config: &InputConfig,
    ) -> Result<Self, IntakeError> {
        config.validate()?;
        let memory = MemoryLimit::for_input(content.len() as u64, config.max_memory_mb);
        Self::parse_within(content, file, (text, name), config, memory)
    }

    fn parse_within(
        content: &[u8],
        file: &str,
        (text, name): (&Column, Option<&Column>),
        config: &InputConfig,
        memory: MemoryLimit,
    ) -> Result<Self, IntakeError> {
        // A header with these names is one.
        let columns = [Some(text), name].into_iter().flatten().cloned().collect();
        let config = InputConfig { columns, ..config.clone() };
        let sheet = sheet_of(content, file, config.sheet.as_deref(), memory)?;
        let head = match &sheet {
            Some(sheet) => look_at(&sheet.text, file, &Sheet::config(&config))?,
            None => look_at(content, file, &config)?,
        };
        memory.check(file, || "its texts".into(), (head.text.len() as u64).saturating_mul(COPIES))?;
        let body = &head.text[head.body..];
        let wrong = |source| IntakeError::Table { name: file.to_owned(), source };
        let places = match head.syntax {
            Syntax::Csv { delimiter } => {
                let header: Vec<String> =
                    head.header.iter().flatten().map(|name| name.trim().into()).collect();
                let find = |role, column| find_column(role, column, &header, head.width, delimiter);
                let text = find("text", text).map_err(wrong)?;
                let name = name.map(|name| find("name", name)).transpose().map_err(wrong)?;
                Places::Cells { text, name, width: head.width, delimiter }
            }
            Syntax::Json => Places::Values {
                text: in_json("text", text, body).map_err(wrong)?,
                name: name.map(|name| in_json("name", name, body)).transpose().map_err(wrong)?,
            },
        };
        let notices = sheet.iter().map(Sheet::notice).chain(head.notices.iter().cloned()).collect();
        let mut table = TextTable {
            texts: Vec::new(),
            names: name.map(|_| Vec::new()),
            lines: Vec::new(),
            bad: Vec::new(),
            notices,
        };
        for (line, number) in lines(body).zip(head.body_line..).filter(|(line, _)| !is_blank(line)) {
            match places.read(line) {
                Ok([text, name]) => {
                    table.texts.push(text);
                    table.lines.push(number);
                    table.names.iter_mut().for_each(|names| names.push(name.clone()));
                }
                Err(reason) => table.bad.push(BadLine { line: number, reason }),
            }
        }
        table.checked(file, config.max_bad)
    }

    /// Refuses a table without a line that can be read, or with too many that cannot.
    fn checked(self, file: &str, allowed: f64) -> Result<Self, IntakeError> {
        let name = file.to_owned();
        let (bad, lines) = (self.bad.len(), self.bad.len() + self.texts.len());
        match self.bad.first().cloned() {
            None if lines == 0 => Err(IntakeError::Table { name, source: TableError::OnlyHeader }),
            Some(first) if bad == lines => Err(IntakeError::OnlyBadLines { name, lines, first }),
            Some(first) if bad as f64 > allowed * lines as f64 => {
                Err(IntakeError::TooManyBadLines { name, bad, lines, allowed, first })
            }
            _ => Ok(self),
        }
    }
}

/// Where text and name are in a line.
enum Places {
    Cells { text: usize, name: Option<usize>, width: usize, delimiter: u8 },
    Values { text: Place, name: Option<Place> },
}

/// Where a value is in a line of JSON.
enum Place {
    /// In an object.
    Named(String),
    /// In an array, from 0.
    At(usize),
}

impl Places {
    /// The text and the name of a line.
    fn read(&self, line: &[u8]) -> Result<[String; 2], BadReason> {
        if line.len() > MAX_LINE {
            return Err(BadReason::TooLong { limit: MAX_LINE });
        }
        if memchr(0, line).is_some() {
            return Err(BadReason::Binary);
        }
        if std::str::from_utf8(line).is_err() {
            return Err(BadReason::NotText);
        }
        match self {
            Places::Cells { text, name, width, delimiter } => {
                let cells = cells_of(line, *delimiter)?;
                if cells.len() != *width {
                    return Err(BadReason::Ragged { got: cells.len(), expected: *width });
                }
                let of = |place: usize| String::from_utf8_lossy(&cells[place]).trim().to_owned();
                Ok([of(*text), name.map(of).unwrap_or_default()])
            }
            Places::Values { text, name } => {
                let value = json(line)?;
                let of = |place: &Place| place.of(&value).map(plain).unwrap_or_default().trim().to_owned();
                Ok([of(text), name.as_ref().map(of).unwrap_or_default()])
            }
        }
    }
}

impl Place {
    fn of<'v>(&self, line: &'v Value) -> Option<&'v Value> {
        match (self, line) {
            (Place::Named(name), Value::Object(values)) => values.get(name).or_else(|| {
                // The longest prefix that is an object.
                let (outer, inner) = name.split_once('.')?;
                Place::Named(inner.to_owned()).of(values.get(outer)?)
            }),
            (Place::At(position), Value::Array(values)) => values.get(*position),
            _ => None,
        }
    }
}

fn json(line: &[u8]) -> Result<Value, BadReason> {
    // To the parser, every line is line 1.
    let reason = |error: serde_json::Error| error.to_string().replace(" at line 1 column ", " at column ");
    serde_json::from_slice(line).map_err(|error| BadReason::NotJson { reason: reason(error) })
}

/// A value as text; those of a list or an object one after the other.
fn plain(value: &Value) -> String {
    let joined = |values: Vec<String>| {
        values.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    };
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => joined(values.iter().map(plain).collect()),
        Value::Object(values) => joined(values.values().map(plain).collect()),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// The place of a column, which some line must have.
fn in_json(role: &'static str, column: &Column, body: &[u8]) -> Result<Place, TableError> {
    let all = || lines(body).filter(|line| !is_blank(line) && line.len() <= MAX_LINE);
    let places = match column {
        Column::Index(index) => usize::try_from(*index).ok().map(Place::At).into_iter().collect(),
        Column::Name(name) => {
            let position = name.parse().ok().map(Place::At);
            [Some(Place::Named(name.clone())), position].into_iter().flatten().collect::<Vec<_>>()
        }
    };
    for place in places {
        if all().filter_map(|line| json(line).ok()).any(|line| place.of(&line).is_some()) {
            return Ok(place);
        }
    }
    let mut names: Vec<String> = Vec::new();
    for line in all().take(NAMED_FROM) {
        if let Ok(Value::Object(values)) = json(line) {
            names.extend(values.keys().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
        }
    }
    match all().next().map(json) {
        // Reading the lines says what is wrong with them.
        Some(Err(_)) if names.is_empty() => Ok(Place::Named(column.to_string())),
        _ => find_column(role, column, &names, names.len(), b',').map(|at| Place::Named(names[at].clone())),
    }
}

#[cfg(test)]
#[path = "texts_tests.rs"]
mod tests;
