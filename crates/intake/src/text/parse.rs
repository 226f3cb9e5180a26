//! Parses lines into raw rows: per column a number or the code of a category, `NaN` if nothing was observed.

use crate::columns::profile::MAX_LEVEL;
use crate::error::{BadLine, BadReason};
use crate::groups::Groups;
use crate::text::cells::{self, Cell, plain_number, trimmed};
use crate::text::json::{self, Key};
use crate::text::kept::{KeptCells, KeptColumns};
use crate::text::missing::MissingWords;
use crate::text::quotes::Unquoted;
use crate::text::recognise::shorten;
pub(crate) use crate::text::target::{ParseKind, StampCells, Target};
use crate::text::written::{self, NumberFormat};
use memchr::{memchr, memchr_iter};
use std::collections::HashMap;

/// The code of a category that did not occur in training.
pub(crate) const UNSEEN: f32 = -1.0;
/// Longest line by default, in bytes.
pub(crate) const MAX_LINE: usize = 1 << 20;

/// How the cells of a line are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Csv { delimiter: u8 },
    Json,
}

/// Parses lines into raw rows; the same code for files and streams.
#[derive(Clone, Debug)]
pub(crate) struct RowParser {
    pub syntax: Syntax,
    /// Name and kind of each column of a row.
    pub columns: Vec<(String, ParseKind)>,
    /// The target of the cell at each position.
    pub targets: Vec<Target>,
    /// The target of each JSON value, by name.
    pub names: HashMap<String, Target>,
    /// The columns of times.
    pub stamp: Option<StampCells>,
    /// Name of the label column, whose text is kept.
    pub label: Option<String>,
    /// Name of the column of groups.
    pub group: Option<String>,
    /// What counts as missing besides the usual words; numbers among them are in [`ParseKind::Written`] as well.
    pub missing: MissingWords,
    /// Whether a piece ends at its first bad line: where every line must be a row, one is enough to refuse the file.
    pub strict: bool,
    /// The cells that are handed out with each row.
    pub kept: Option<KeptColumns>,
}

/// The rows of a piece of a file.
#[derive(Debug, Default)]
pub(crate) struct RawBlock {
    /// `[N, C]`.
    pub values: Vec<f32>,
    /// `[N]`; `NaN` if a row has no time.
    pub stamps: Vec<f64>,
    /// `[N]` if a label column was asked for, otherwise empty.
    pub labels: Vec<String>,
    /// Those of `[N]` rows, if any were asked for.
    pub kept: KeptCells,
    /// `[N]` if there is a column of groups, otherwise empty.
    pub groups: Groups,
    /// `[N]`, ascending.
    pub lines: Vec<u64>,
    /// Ascending; disjoint from `lines`.
    pub bad: Vec<BadLine>,
    /// Row, column and text of categories that did not occur in training.
    pub unseen: Vec<(usize, usize, String)>,
}

/// The row that is being parsed.
struct Row<'a> {
    values: &'a mut [f32],
    stamp: f64,
    /// 0 if there is no column of times of day.
    clock: f64,
    label: Option<String>,
    group: Option<String>,
    unseen: &'a mut Vec<(usize, usize, String)>,
    index: usize,
    error: Option<BadReason>,
}

/// What a row holds besides its values.
struct Apart {
    stamp: f64,
    label: Option<String>,
    group: Option<String>,
}

impl RawBlock {
    /// Appends the rows of the next piece.
    pub(crate) fn append(&mut self, below: RawBlock) {
        let rows = self.lines.len();
        self.unseen.extend(below.unseen.into_iter().map(|(row, column, text)| (row + rows, column, text)));
        self.values.extend_from_slice(&below.values);
        self.stamps.extend_from_slice(&below.stamps);
        self.labels.extend(below.labels);
        self.kept.append(below.kept);
        self.groups.append(below.groups);
        self.lines.extend_from_slice(&below.lines);
        self.bad.extend(below.bad);
    }
}

impl RowParser {
    /// Parses all lines of `bytes`; the first is number `first_line`.
    pub(crate) fn block(&self, bytes: &[u8], first_line: u64, limit: usize) -> RawBlock {
        let mut block = RawBlock::default();
        let mut scratch = Unquoted::default();
        // Checked once for all lines, because nearly every file is clean.
        let clean = std::str::from_utf8(bytes).is_ok() && memchr(0, bytes).is_none();
        for (line, number) in lines(bytes).zip(first_line..) {
            self.line(line, number, limit, clean, &mut block, &mut scratch);
            if self.strict && !block.bad.is_empty() {
                break;
            }
        }
        block
    }

    fn line(
        &self,
        line: &[u8],
        number: u64,
        limit: usize,
        clean: bool,
        block: &mut RawBlock,
        scratch: &mut Unquoted,
    ) {
        if is_blank(line) {
            return;
        }
        let at = block.values.len();
        let unseen = block.unseen.len();
        block.values.resize(at + self.columns.len(), f32::NAN);
        let result = if line.len() > limit {
            Err(BadReason::TooLong { limit })
        } else if !clean && memchr(0, line).is_some() {
            Err(BadReason::Binary)
        } else if !clean && std::str::from_utf8(line).is_err() {
            Err(BadReason::NotText)
        } else {
            let values = &mut block.values[at..];
            let index = block.lines.len();
            let has_clock = self.stamp.as_ref().is_some_and(|stamp| stamp.clock.is_some());
            let clock = if has_clock { f64::NAN } else { 0.0 };
            let unseen = &mut block.unseen;
            let (label, group) = (None, None);
            let row = Row { values, stamp: f64::NAN, clock, label, group, unseen, index, error: None };
            self.row(line, row, scratch)
        };
        match result {
            Ok(Apart { stamp, label, group }) => {
                block.stamps.push(stamp);
                block.labels.extend(label);
                if let Some(kept) = &self.kept {
                    kept.copy(line, self.syntax, &mut block.kept);
                }
                group.iter().for_each(|group| block.groups.push(group));
                block.lines.push(number);
            }
            Err(reason) => {
                block.values.truncate(at);
                block.unseen.truncate(unseen);
                block.bad.push(BadLine { line: number, reason });
            }
        }
    }

    fn row(&self, line: &[u8], mut row: Row<'_>, scratch: &mut Unquoted) -> Result<Apart, BadReason> {
        let got = match self.syntax {
            Syntax::Json => {
                let mut by_position = false;
                let mut visit = |key: Key<'_>, value: &json::Value<'_>| {
                    let target = match key {
                        Key::Name(name) => self.names.get(name).copied().unwrap_or(Target::Skip),
                        Key::Position(position) => {
                            by_position = true;
                            self.targets.get(position).copied().unwrap_or(Target::Skip)
                        }
                    };
                    self.cell(target, value.0.as_bytes(), &mut row);
                };
                let got = json::values(line, &mut visit)?;
                if by_position || got == 0 { got } else { self.targets.len() }
            }
            Syntax::Csv { delimiter: b' ' } => {
                let cells = line.split(u8::is_ascii_whitespace).filter(|cell| !cell.is_empty());
                cells.zip(0..).map(|(cell, at)| self.cell(self.target(at), cell, &mut row)).count()
            }
            Syntax::Csv { delimiter } if memchr(b'"', line).is_some() => {
                let cells = scratch.cells_of(line, delimiter)?;
                cells.zip(0..).map(|(cell, at)| self.cell(self.target(at), cell, &mut row)).count()
            }
            Syntax::Csv { delimiter } => self.plain_cells(line, delimiter, &mut row),
        };
        // Where cells are lost or added, that is the reason why others are no numbers.
        if got != self.targets.len() {
            return Err(BadReason::Ragged { got, expected: self.targets.len() });
        }
        if let Some(reason) = row.error {
            return Err(reason);
        }
        for ((name, kind), value) in self.columns.iter().zip(&*row.values) {
            if matches!(kind, ParseKind::Label(_)) && value.is_nan() {
                return Err(BadReason::NoLabel { column: name.clone() });
            }
        }
        match (&self.label, &self.group) {
            (Some(column), _) if row.label.is_none() => Err(BadReason::NoLabel { column: column.clone() }),
            (_, Some(column)) if row.group.is_none() => {
                Err(BadReason::NoGroup { column: column.clone(), limit: MAX_LEVEL })
            }
            _ => Ok(Apart { stamp: row.stamp + row.clock, label: row.label, group: row.group }),
        }
    }

    /// Parses the cells of a line without quotes. Parsing a number also finds the delimiter behind it.
    fn plain_cells(&self, line: &[u8], delimiter: u8, row: &mut Row<'_>) -> usize {
        let (mut rest, mut position) = (line, 0);
        loop {
            let target = self.target(position);
            position += 1;
            if let Target::Data(column) = target
                && matches!(self.columns[column].1, ParseKind::Number)
                && let Some((value, used)) = plain_number(rest)
                && rest.get(used).is_none_or(|&byte| byte == delimiter)
                && (value as f32).is_finite()
            {
                row.values[column] = value as f32;
                match rest.get(used + 1..) {
                    Some(next) => rest = next,
                    None => return position,
                }
                continue;
            }
            match memchr(delimiter, rest) {
                Some(end) => {
                    self.cell(target, &rest[..end], row);
                    rest = &rest[end + 1..];
                }
                None => {
                    self.cell(target, rest, row);
                    return position;
                }
            }
        }
    }

    fn target(&self, position: usize) -> Target {
        self.targets.get(position).copied().unwrap_or(Target::Skip)
    }

    /// Puts what a cell of numbers holds into `value`, or says why it cannot.
    fn number(&self, name: &str, cell: &[u8], holds: Cell, value: &mut f32) -> Option<BadReason> {
        *value = match holds {
            Cell::Number(number) => number as f32,
            Cell::Missing => f32::NAN,
            Cell::Text if self.missing.covers(cell) => f32::NAN,
            other => return Some(cells::not_a_number(name, cell, other)),
        };
        None
    }

    fn cell(&self, target: Target, cell: &[u8], row: &mut Row<'_>) {
        let cell = trimmed(cell);
        let failed = match target {
            Target::Skip => None,
            Target::Label | Target::Text => {
                let is_there =
                    if target == Target::Text { !cell.is_empty() } else { !cells::is_missing(cell) };
                row.label = is_there.then(|| String::from_utf8_lossy(cell).into_owned());
                None
            }
            Target::Group => {
                let is_name = !cells::is_missing(cell) && cell.len() <= MAX_LEVEL;
                row.group = is_name.then(|| String::from_utf8_lossy(cell).into_owned());
                None
            }
            Target::Stamp | Target::Clock => {
                let stamp = self.stamp.as_ref().expect("a parser with such a target has a stamp");
                let (time, name) = stamp.parse(target, cell);
                let to = if target == Target::Clock { &mut row.clock } else { &mut row.stamp };
                *to = time.unwrap_or(f64::NAN);
                let value = || shorten(&String::from_utf8_lossy(cell));
                time.is_none().then(|| BadReason::NotTime { column: name.to_owned(), value: value() })
            }
            Target::Data(column) => {
                let (name, kind) = &self.columns[column];
                match kind {
                    ParseKind::Number => self.number(name, cell, cells::parse(cell), &mut row.values[column]),
                    ParseKind::Written { format, sentinels } => {
                        let value = &mut row.values[column];
                        let failed = self.number(name, cell, format.read(cell), value);
                        if sentinels.contains(value) {
                            *value = f32::NAN;
                        }
                        failed.map(|reason| in_another_unit(reason, cell, format))
                    }
                    ParseKind::Category(_) | ParseKind::Label(_) if cells::is_missing(cell) => None,
                    ParseKind::Category(_) if self.missing.covers(cell) => None,
                    ParseKind::Category(codes) | ParseKind::Label(codes) => {
                        row.values[column] = codes.get(cell).map_or(UNSEEN, |&code| code as f32);
                        if row.values[column] == UNSEEN {
                            let text = shorten(&String::from_utf8_lossy(cell));
                            row.unseen.push((row.index, column, text));
                        }
                        None
                    }
                }
            }
        };
        if row.error.is_none() {
            row.error = failed;
        }
    }
}

/// A number in another unit than its column has is said to be that.
fn in_another_unit(reason: BadReason, cell: &[u8], format: &NumberFormat) -> BadReason {
    let unit = format.unit();
    let other = written::take_apart(cell).is_some_and(|found| {
        (found.prefix, found.suffix) != (&format.prefix, &format.suffix) && found.has_unit()
    });
    match reason {
        BadReason::NotNumber { column, value } if !unit.is_empty() && other => {
            BadReason::OtherUnit { column, value, unit: unit.to_owned() }
        }
        reason => reason,
    }
}

/// The lines of a piece, without their line ends.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut start = 0;
    let ends = memchr_iter(b'\n', bytes).chain([bytes.len()]);
    ends.map(move |end| {
        let line = &bytes[start..end];
        start = end + 1;
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

/// Whether a line is blank.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// The cells of a line of a table.
pub(crate) fn cells_of(line: &[u8], delimiter: u8) -> Result<Vec<Vec<u8>>, BadReason> {
    if delimiter == b' ' {
        let cells = line.split(u8::is_ascii_whitespace).filter(|cell| !cell.is_empty());
        return Ok(cells.map(<[u8]>::to_vec).collect());
    }
    if memchr(b'"', line).is_none() {
        return Ok(line.split(|&byte| byte == delimiter).map(|cell| trimmed(cell).to_vec()).collect());
    }
    let mut unquoted = Unquoted::default();
    Ok(unquoted.cells_of(line, delimiter)?.map(|cell| trimmed(cell).to_vec()).collect())
}
