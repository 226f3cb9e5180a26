//! A whole file in memory, from which a schema is learned.

mod arrange;
mod array;
mod bad_steps;
mod interleaved;
mod no_rows;
mod rows;
pub(crate) mod sort;
mod times;

use crate::columns::kinds::{self, Columns, Kind};
use crate::columns::labels::{Labels, read_labels};
use crate::columns::layout::Layout;
use crate::columns::profile::{self, Counting, Profile};
use crate::decode::reading::with_encoding;
use crate::decode::workbook::{Sheet, sheet_of};
use crate::error::{BadLine, IntakeError};
use crate::groups::TableGroups;
use crate::input::InputConfig;
use crate::memory::MemoryLimit;
use crate::schema::notice::Notice;
use crate::schema::{Format, Timestamp};
use crate::table::arrange::{Arranged, arrange};
use crate::table::bad_steps::with_bad_steps;
use crate::table::no_rows::no_rows;
use crate::table::sort::by_time;
use crate::text::content;
use crate::text::head::{Head, look_at};
use crate::text::parse::{ParseKind, RawBlock, RowParser, StampCells, Syntax, Target};
use crate::text::pieces::parse_all;
use crate::text::written::NumberFormat;
use ae_records::digest;
use ae_records::record::FileRecord;
use ndarray::Array2;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Memory that a bad line takes: its reason, and copies of it.
const BAD_LINE_BYTES: u64 = 240;

/// A file as numbers, category codes and gaps. Its rows are in the order of the file or, if a column names their
/// group, ordered by group, and in the order of the file within each.
#[derive(Clone, Debug)]
pub struct Table {
    /// What messages call it.
    pub name: String,
    /// How it is written.
    pub format: Format,
    /// What a row is.
    pub layout: Layout,
    /// Why this layout was chosen.
    pub layout_because: String,
    /// Cells in a line, including those that are not used as features.
    pub cells: usize,
    /// The columns of `values`.
    pub columns: Vec<TableColumn>,
    /// `[N, C]`: numbers, or category codes; `NaN` if nothing was observed.
    pub values: Array2<f32>,
    /// `[N]`, the line of each row, from 1; ascending, unless the rows of a series were sorted by time.
    pub lines: Vec<u64>,
    /// `[N]`, the time of each row; `NaN` if it has none.
    pub stamps: Vec<f64>,
    /// The column of times; its step is not set.
    pub timestamp: Option<Timestamp>,
    /// The groups of the rows, if a column names them.
    pub groups: Option<TableGroups>,
    /// The content of the label column.
    pub labels: Option<Labels>,
    /// Bad lines. For windows without groups, each is also a row with no observed values; a line that cannot be read
    /// belongs to no group.
    pub bad: Vec<BadLine>,
    /// Columns that are left out.
    pub ignored: Vec<String>,
    /// Notices from reading the file.
    pub notices: Vec<Notice>,
    /// Name and sha256 of the file; `None` if the content did not come from a file.
    pub file: Option<FileRecord>,
    /// How much memory learning from it may take.
    pub memory: MemoryLimit,
    /// The settings that it was read with, and its encoding if that is windows-1252.
    pub config: InputConfig,
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableColumn {
    /// Its name, or for example `c3` if the file has no header.
    pub name: String,
    /// Its position in the file, from 0.
    pub position: usize,
    /// The values of a category, by code; `None` for numbers.
    pub levels: Option<Vec<String>>,
    /// How its numbers are written.
    pub format: NumberFormat,
    /// Numbers that stand for a missing value; in [`Table::values`] they are `NaN`.
    pub sentinels: Vec<f32>,
}

impl Table {
    /// Reads a file, plain or compressed, of delimited cells such as CSV, of JSON lines, or a sheet of a workbook (xlsx,
    /// ods). The format is recognised.
    ///
    /// # Errors
    /// [`IntakeError`]: the file cannot be read, or holds no rows or too many bad lines.
    pub fn from_csv(path: impl AsRef<Path>) -> Result<Self, IntakeError> {
        Self::from_csv_with(path, &InputConfig::default())
    }

    /// Like [`Table::from_csv`], with settings.
    ///
    /// # Errors
    /// As [`Table::from_csv`], and if the file lacks a column that `config` names.
    pub fn from_csv_with(path: impl AsRef<Path>, config: &InputConfig) -> Result<Self, IntakeError> {
        config.validate()?;
        let path = path.as_ref();
        let (content, memory) = content::read_own(path, config.max_memory_mb)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut table = Self::parse_within(&content, &path.display().to_string(), config, memory)?;
        table.file = Some(FileRecord { name, sha256: digest::sha256(&content) });
        Ok(table)
    }

    /// Reads an input to its end, like [`Table::from_csv`].
    ///
    /// ```
    /// let table = ae_intake::Table::from_reader("a,b\n1,2.5\n3,\n0,1.5\n".as_bytes())?;
    /// assert_eq!((table.len(), table.values[[1, 1]].is_nan()), (3, true));
    /// # Ok::<(), ae_intake::IntakeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::from_csv`].
    pub fn from_reader(input: impl Read) -> Result<Self, IntakeError> {
        Self::from_reader_with(input, "the input", &InputConfig::default())
    }

    /// Like [`Table::from_reader`], with settings; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`Table::from_csv_with`].
    pub fn from_reader_with(input: impl Read, name: &str, config: &InputConfig) -> Result<Self, IntakeError> {
        config.validate()?;
        let (content, memory) = content::read_all(input, Path::new(name), config.max_memory_mb)?;
        Self::parse_within(&content, name, config, memory)
    }

    /// Parses the content of a file. `name` is what messages call it; if it ends in `.tsv`, cells are split
    /// at tabs.
    ///
    /// # Errors
    /// As [`Table::from_csv_with`].
    pub fn parse(content: &[u8], name: &str, config: &InputConfig) -> Result<Self, IntakeError> {
        config.validate()?;
        let memory = MemoryLimit::for_input(content.len() as u64, config.max_memory_mb);
        Self::parse_within(content, name, config, memory)
    }

    /// Like [`Table::parse`], and with its errors, in the memory that a file may take that was decompressed.
    pub fn parse_within(
        content: &[u8],
        name: &str,
        config: &InputConfig,
        memory: MemoryLimit,
    ) -> Result<Self, IntakeError> {
        let sheet = sheet_of(content, name, config.sheet.as_deref(), memory)?;
        let head = match &sheet {
            Some(sheet) => look_at(&sheet.text, name, &Sheet::config(config))?,
            None => look_at(content, name, config)?,
        };
        let body = &head.text[head.body..];
        let counting = Counting::of(config);
        let profile = match head.syntax {
            Syntax::Csv { delimiter } => profile::of_table(body, delimiter, head.width, &counting),
            Syntax::Json => profile::of_json(body, &counting),
        };
        let (header, delimiter) = match head.syntax {
            Syntax::Csv { delimiter } => (head.header.clone(), delimiter),
            Syntax::Json => (Some(json_names(&profile)), b','),
        };
        if profile.rows == 0 {
            return Err(no_rows(body, name, &head, profile.lines));
        }
        let format = match head.syntax {
            Syntax::Json => Format::Json,
            Syntax::Csv { delimiter } => {
                Format::Csv { delimiter: char::from(delimiter), header: head.header.is_some() }
            }
        };
        let mut columns = kinds::decide(name, config, header, &profile, delimiter)?;
        let of_file = sheet.iter().map(Sheet::notice).chain(head.notices.iter().cloned());
        columns.notices.splice(..0, of_file);
        let lines = profile.lines;
        let bad = lines - profile.rows;
        let what = || format!("{bad} lines that cannot be read");
        memory.check(name, what, bad.saturating_mul(BAD_LINE_BYTES).saturating_add(content.len() as u64))?;
        drop(profile);
        let config = &with_encoding(config, &columns.notices);
        Table::assemble(name, config, format, columns, memory, |columns| {
            let apart = [columns.label.is_some(), columns.group.is_some()];
            let width = columns.data.len() + apart.into_iter().filter(|&is_there| is_there).count();
            memory.check_rows(name, content.len(), lines, width)?;
            Ok(parse_all(&parser(&head, columns), body, head.body_line))
        })
    }

    /// Number of rows, `N`.
    pub fn len(&self) -> usize {
        self.values.nrows()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decides the layout, and makes a table from the rows that `read` returns for the columns.
    fn assemble(
        name: &str,
        config: &InputConfig,
        format: Format,
        mut columns: Columns,
        memory: MemoryLimit,
        read: impl Fn(&Columns) -> Result<RawBlock, IntakeError>,
    ) -> Result<Table, IntakeError> {
        let width = |columns: &Columns| columns.data.len() + usize::from(columns.label.is_some());
        let Arranged { mut block, groups, order, layout, layout_because } =
            arrange(name, config, &mut columns, read)?;
        let total = block.lines.len() + block.bad.len();
        if let Some(first) = block.bad.first() {
            let (first, bad) = (first.clone(), block.bad.len());
            if block.lines.is_empty() {
                return Err(IntakeError::OnlyBadLines { name: name.to_owned(), lines: total, first });
            }
            if bad as f64 > config.max_bad * total as f64 {
                let (name, allowed) = (name.to_owned(), config.max_bad);
                return Err(IntakeError::TooManyBadLines { name, bad, lines: total, allowed, first });
            }
        }
        if layout == Layout::Series
            && let Some(text) = columns.data.iter().find(|column| column.kind != Kind::Number)
        {
            let value = match &text.kind {
                Kind::Category(levels) => levels.first().cloned().unwrap_or_default(),
                Kind::Number => String::new(),
            };
            return Err(IntakeError::NotNumeric { column: text.name.clone(), layout: layout.name(), value });
        }
        let (width, order_notice) = (width(&columns), order.notice());
        if layout == Layout::Windows {
            if groups.is_none() {
                with_bad_steps(&mut block, width);
            }
            if let Some(order) = order.places() {
                // Bad lines are steps as well, and have no place in the order of the rows.
                let with_bad = groups.is_none().then(|| by_time(&block.stamps));
                block.put_in_order(with_bad.as_deref().unwrap_or(order), width);
                columns.notices.push(order_notice);
            }
        }
        let n = block.lines.len();
        let all = Array2::from_shape_vec((n, width), block.values).expect("every row has every column");
        let data = columns.data.len();
        let labels = columns.label.as_ref().map(|(position, names)| {
            read_labels(
                config,
                columns.names[*position].clone(),
                names.clone(),
                all.column(data).iter().copied(),
            )
        });
        let labels = labels.transpose()?;
        let values = if labels.is_some() {
            all.slice_move(ndarray::s![.., ..data]).as_standard_layout().into_owned()
        } else {
            all
        };
        let used: Vec<usize> = columns.data.iter().map(|column| column.position).collect();
        let mut apart: Vec<usize> = columns.stamp.iter().flat_map(|stamp| stamp.positions()).collect();
        apart.extend(columns.label.as_ref().map(|label| label.0));
        apart.extend(columns.group);
        let left = |position: &usize| !used.contains(position) && !apart.contains(position);
        let ignored =
            (0..columns.names.len()).filter(left).map(|position| columns.names[position].clone()).collect();
        let names = series_names(&columns, layout);
        let raw = columns.data.into_iter().zip(names).map(|(column, name)| {
            let levels = match column.kind {
                Kind::Number => None,
                Kind::Category(levels) => Some(levels),
            };
            let (position, format, sentinels) = (column.position, column.format, column.sentinels);
            TableColumn { name, position, levels, format, sentinels }
        });
        Ok(Table {
            name: name.to_owned(),
            format,
            layout,
            layout_because,
            cells: columns.names.len(),
            columns: raw.collect(),
            values,
            lines: block.lines,
            stamps: block.stamps,
            timestamp: columns.stamp.map(|stamp| Timestamp {
                name: stamp.name,
                position: stamp.position,
                format: stamp.format,
                clock: stamp.clock,
                step: None,
            }),
            groups,
            labels,
            bad: block.bad,
            ignored,
            notices: columns.notices,
            file: None,
            memory,
            config: config.clone(),
        })
    }
}

fn json_names(profile: &Profile) -> Vec<String> {
    profile.columns.iter().map(|column| column.name.clone().unwrap_or_default()).collect()
}

/// The parser for the lines of this file; the label, if any, is the last column.
fn parser(head: &Head<'_>, columns: &Columns) -> RowParser {
    let codes = |levels: &[String]| {
        levels.iter().zip(0..).map(|(level, code)| (level.as_bytes().into(), code)).collect::<HashMap<_, _>>()
    };
    let mut targets = vec![Target::Skip; columns.names.len()];
    let mut parsed = Vec::new();
    for column in &columns.data {
        targets[column.position] = Target::Data(parsed.len());
        let kind = match &column.kind {
            Kind::Number => ParseKind::number(&column.format, &column.sentinels),
            Kind::Category(levels) => ParseKind::Category(codes(levels)),
        };
        parsed.push((column.name.clone(), kind));
    }
    if let Some((position, values)) = &columns.label {
        targets[*position] = Target::Data(parsed.len());
        parsed.push((columns.names[*position].clone(), ParseKind::Label(codes(values))));
    }
    for (position, target) in
        columns.stamp.iter().flat_map(|stamp| stamp.positions()).zip([Target::Stamp, Target::Clock])
    {
        targets[position] = target;
    }
    if let Some(position) = columns.group {
        targets[position] = Target::Group;
    }
    let group = columns.group.map(|position| columns.names[position].clone());
    let names = columns.names.iter().cloned().zip(targets.iter().copied()).collect();
    let stamp = columns.stamp.as_ref().map(|stamp| StampCells {
        name: stamp.name.clone(),
        format: stamp.format,
        clock: stamp.clock.as_ref().map(|clock| clock.name.clone()),
    });
    let missing = columns.missing.clone();
    RowParser {
        syntax: head.syntax,
        columns: parsed,
        targets,
        names,
        stamp,
        label: None,
        group,
        missing,
        strict: false,
        kept: None,
    }
}

/// Names of the data columns. Without a header, those of a series are time steps, and a single channel is
/// `value`.
fn series_names(columns: &Columns, layout: Layout) -> Vec<String> {
    let named = columns.data.iter().map(|column| column.name.clone());
    match layout {
        _ if columns.header => named.collect(),
        Layout::Series => (0..columns.data.len()).map(|step| format!("t{step}")).collect(),
        Layout::Windows if columns.data.len() == 1 => vec!["value".into()],
        _ => named.collect(),
    }
}

#[cfg(test)]
#[path = "table/order_tests.rs"]
mod order_tests;
#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "table/time_tests.rs"]
mod time_tests;
#[cfg(test)]
#[path = "table/written_tests.rs"]
mod written_tests;
