//! Profiles a file: counts what each of its columns holds.

use crate::columns::clock::TimeProfile;
use crate::columns::formats::WrittenCounts;
use crate::columns::stamps::{self, COMPACT, DATES};
use crate::input::InputConfig;
use crate::text::cells::{self, Cell, number_text, trimmed};
use crate::text::json::{self, Key};
use crate::text::missing::MissingWords;
use crate::text::parse::{MAX_LINE, cells_of, is_blank, lines};
use crate::text::pieces::{Piece, pieces};
use crate::text::written;
use memchr::memchr;
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// Longest value of a category, in bytes; longer ones are free text.
pub(crate) const MAX_LEVEL: usize = 256;
/// Fewest rows from which a counter or an identifier can be recognised.
pub(crate) const ENOUGH: u64 = 20;

/// Smallest number that may be a date without separators.
const MIN_DATE: f64 = 19_000_101.0;

/// What is counted, and what is not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counting {
    /// Most distinct values of a column that are kept.
    pub values: usize,
    /// What counts as missing besides the usual words.
    pub missing: MissingWords,
}

impl Counting {
    pub(crate) fn of(config: &InputConfig) -> Self {
        Counting { values: config.max_categories, missing: MissingWords::of(&config.missing) }
    }
}

/// What a column holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnProfile {
    pub name: Option<String>,
    pub numbers: u64,
    pub missing: u64,
    pub texts: u64,
    pub not_finite: u64,
    /// Cells that are dates, for each of [`DATES`]; of numbers, those such as `20240531`.
    pub dates: [u64; DATES.len()],
    /// What else may be times.
    pub times: TimeProfile,
    /// Texts that are numbers, but not plain ones.
    pub written: WrittenCounts,
    /// Plain numbers with a decimal point, and those of the form `1.234`, whose point may separate thousands.
    pub points: u64,
    pub either_points: u64,
    /// Cells that equal an earlier one, as long as `values` are known.
    pub repeats: u64,
    /// Numbers that are not whole.
    pub fractions: u64,
    /// The first text that is not a number.
    pub example: Option<String>,
    /// Numbers that are smaller than the one before, equal to it, or larger by exactly 1.
    pub falls: u64,
    pub ties: u64,
    pub counts_up: u64,
    ends: Option<(f64, f64)>,
    pub least: f64,
    pub most: f64,
    /// The distinct values; `None` if there are too many, or one is too long.
    pub values: Option<BTreeSet<Box<[u8]>>>,
}

/// What all columns hold.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    pub columns: Vec<ColumnProfile>,
    /// Number of valid lines.
    pub rows: u64,
    /// Number of lines that are not blank, valid or not.
    pub lines: u64,
}

impl ColumnProfile {
    fn new(name: Option<String>) -> Self {
        let (least, most) = (f64::INFINITY, f64::NEG_INFINITY);
        ColumnProfile { name, least, most, values: Some(BTreeSet::new()), ..Default::default() }
    }

    /// Whether all `rows` rows, at least [`ENOUGH`] of them, hold whole numbers that rise from row to row.
    pub(crate) fn counts(&self, rows: u64) -> bool {
        rows >= ENOUGH && self.numbers == rows && self.fractions + self.falls + self.ties == 0
    }

    /// Cells that hold something.
    pub(crate) fn observed(&self) -> u64 {
        self.numbers + self.texts + self.not_finite
    }

    fn add(&mut self, cell: &[u8], counting: &Counting) {
        let cell = trimmed(cell);
        let most_values = counting.values;
        let parsed = cells::parse(cell);
        if !counting.missing.is_empty() && counting.missing.covers_parsed(cell, parsed) {
            self.missing += 1;
            return;
        }
        match parsed {
            Cell::Missing => self.missing += 1,
            Cell::Number(value) => {
                self.number(value);
                self.point(cell, value);
                if value >= MIN_DATE {
                    self.dates[COMPACT] += u64::from(stamps::parse_date(cell, DATES[COMPACT]).is_some());
                }
                self.remember(cell, most_values);
            }
            Cell::NotFinite => {
                self.not_finite += 1;
                // In a column of texts, `inf` is a value like any other.
                self.remember(cell, most_values);
            }
            Cell::Text => {
                self.texts += 1;
                for (count, format) in self.dates.iter_mut().zip(DATES) {
                    *count += u64::from(stamps::parse_date(cell, format).is_some());
                }
                self.times.text(cell);
                if let Some(written) = written::take_apart(cell) {
                    self.written.add(&written, cell);
                }
                if self.example.is_none() {
                    self.example = Some(crate::text::recognise::shorten(&String::from_utf8_lossy(cell)));
                }
                self.remember(cell, most_values);
            }
        }
    }

    fn number(&mut self, value: f64) {
        self.numbers += 1;
        self.fractions += u64::from(value.fract() != 0.0);
        self.step(self.ends.map(|(_, last)| last), value);
        self.ends = Some((self.ends.map_or(value, |(first, _)| first), value));
        (self.least, self.most) = (self.least.min(value), self.most.max(value));
    }

    /// Counts the decimal point of a number, and whether its digits also fit thousands separators.
    fn point(&mut self, cell: &[u8], value: f64) {
        if value.fract() == 0.0 {
            return;
        }
        // Where three digits follow, the point is one of thousands unless more than three come before it, or a 0.
        let first = cell.iter().position(u8::is_ascii_digit).unwrap_or(0);
        let groups =
            cell.len() >= 5 && cell[cell.len() - 4] == b'.' && cell.len() - first <= 7 && cell[first] != b'0';
        self.points += u64::from(!groups);
        self.either_points += u64::from(groups);
    }

    fn remember(&mut self, cell: &[u8], most: usize) {
        let Some(values) = &mut self.values else { return };
        if values.contains(cell) {
            self.repeats += 1;
        } else {
            values.insert(cell.into());
        }
        if values.len() > most || cell.len() > MAX_LEVEL {
            self.values = None;
        }
    }

    fn step(&mut self, before: Option<f64>, value: f64) {
        if let Some(before) = before {
            self.falls += u64::from(value < before);
            self.ties += u64::from(value == before);
            self.counts_up += u64::from(value == before + 1.0);
            self.times.number_step(value - before);
        }
    }

    /// Adds what a later piece of the file holds.
    fn merge(&mut self, later: ColumnProfile, most_values: usize) {
        self.numbers += later.numbers;
        self.missing += later.missing;
        self.texts += later.texts;
        self.not_finite += later.not_finite;
        self.written.merge(later.written);
        self.points += later.points;
        self.either_points += later.either_points;
        self.repeats += later.repeats;
        self.fractions += later.fractions;
        self.dates.iter_mut().zip(later.dates).for_each(|(count, more)| *count += more);
        self.times.merge(later.times);
        self.falls += later.falls;
        self.ties += later.ties;
        self.counts_up += later.counts_up;
        if let Some((first, last)) = later.ends {
            self.step(self.ends.map(|(_, last)| last), first);
            self.ends = Some((self.ends.map_or(first, |(first, _)| first), last));
        }
        (self.least, self.most) = (self.least.min(later.least), self.most.max(later.most));
        self.example = self.example.take().or(later.example);
        self.values = match (self.values.take(), later.values) {
            (Some(mut values), Some(more)) => {
                values.extend(more);
                (values.len() <= most_values).then_some(values)
            }
            _ => None,
        };
    }
}

/// Profiles a table of `width` columns.
pub(crate) fn of_table(content: &[u8], delimiter: u8, width: usize, counting: &Counting) -> Profile {
    let empty = || Profile { columns: vec![ColumnProfile::new(None); width], rows: 0, lines: 0 };
    let add = |mut profile: Profile, piece: Piece<'_>| {
        for line in lines(piece.bytes).filter(|line| !is_blank(line)) {
            profile.lines += 1;
            if !is_text(line) {
                continue;
            }
            // Few lines have quotes; without them, cells need not be copied.
            if delimiter != b' ' && memchr(b'"', line).is_none() {
                let count = memchr::memchr_iter(delimiter, line).count() + 1;
                if count == width {
                    let cells = line.split(|&byte| byte == delimiter);
                    profile.row(cells, counting);
                }
            } else if let Ok(cells) = cells_of(line, delimiter)
                && cells.len() == width
            {
                profile.row(cells.iter().map(Vec::as_slice), counting);
            }
        }
        profile
    };
    // Rayon reduces neighbouring pieces in order, however the work is distributed.
    pieces(content, 1).into_par_iter().fold(empty, add).reduce(empty, |mut all, later| {
        all.rows += later.rows;
        all.lines += later.lines;
        all.columns
            .iter_mut()
            .zip(later.columns)
            .for_each(|(column, more)| column.merge(more, counting.values));
        all
    })
}

/// Profiles an array `[N, C]` of numbers; `NaN` is a missing value.
pub(crate) fn of_array(rows: ArrayView2<'_, f32>, counting: &Counting) -> Profile {
    let gaps = counting.missing.numbers();
    let of_column = |column: usize| {
        let mut profile = ColumnProfile::new(None);
        for &value in rows.column(column) {
            if value.is_nan() || gaps.contains(&value) {
                profile.missing += 1;
                continue;
            }
            profile.number(f64::from(value));
            // Formatting numbers is slow, and most columns soon have too many values to keep.
            if profile.values.is_some() {
                profile.remember(number_text(value).as_bytes(), counting.values);
            }
        }
        profile
    };
    let columns = (0..rows.ncols()).into_par_iter().map(of_column).collect();
    Profile { columns, rows: rows.nrows() as u64, lines: rows.nrows() as u64 }
}

impl Profile {
    fn row<'a>(&mut self, cells: impl Iterator<Item = &'a [u8]>, counting: &Counting) {
        self.rows += 1;
        self.columns.iter_mut().zip(cells).for_each(|(column, cell)| column.add(cell, counting));
    }
}

/// Most distinct names in all JSON objects of a file.
const MAX_NAMES: usize = 1 << 16;

/// Profiles JSON lines. Columns are ordered by the first occurrence of their names. Arrays come last: next to
/// objects, their values belong to the columns at the same positions, as when rows are parsed.
pub(crate) fn of_json(content: &[u8], counting: &Counting) -> Profile {
    let mut profile = Profile::default();
    let mut by_name = HashMap::<String, usize>::new();
    let mut found = Vec::new();
    for arrays in [false, true] {
        let named = arrays && !profile.columns.is_empty();
        for line in lines(content).filter(|line| !is_blank(line) && is_array(line) == arrays) {
            profile.lines += 1;
            if !is_text(line) {
                continue;
            }
            found.clear();
            let mut visit = |key: Key<'_>, value: &json::Value<'_>| {
                let name = match key {
                    Key::Name(name) => name.to_owned(),
                    Key::Position(position) => {
                        let column = profile.columns.get(position).filter(|_| named);
                        let name = column.and_then(|column| column.name.clone());
                        name.unwrap_or_else(|| position.to_string())
                    }
                };
                found.push((name, value.0.as_bytes().to_vec()));
            };
            if json::values(line, &mut visit).is_err() || (named && found.len() != profile.columns.len()) {
                continue;
            }
            profile.rows += 1;
            for (name, value) in found.drain(..) {
                let column = match by_name.get(&name) {
                    Some(&column) => column,
                    None if by_name.len() < MAX_NAMES => {
                        by_name.insert(name.clone(), profile.columns.len());
                        profile.columns.push(ColumnProfile::new(Some(name)));
                        profile.columns.len() - 1
                    }
                    None => continue,
                };
                profile.columns[column].add(&value, counting);
            }
        }
    }
    for column in &mut profile.columns {
        column.missing = profile.rows.saturating_sub(column.observed());
    }
    profile
}

fn is_array(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"[")
}

/// Whether a line can be a row; the parser refuses the others.
fn is_text(line: &[u8]) -> bool {
    line.len() <= MAX_LINE && memchr(0, line).is_none() && std::str::from_utf8(line).is_ok()
}
