//! Decides how the numbers of each column are written, from counts of its cells that are not plain numbers.

use crate::columns::kinds::MOSTLY;
use crate::columns::profile::{ColumnProfile, Profile};
use crate::error::IntakeError;
use crate::input::{InputConfig, NumbersChoice};
use crate::schema::ignored::IgnoredBecause;
use crate::text::written::{Marks, NumberFormat, Written};

/// Most different units of a column that are told apart.
const MAX_UNITS: usize = 8;

/// What the cells of a column hold that are numbers, but not plain ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct WrittenCounts {
    /// Cells by what their separators say.
    pub neutral: u64,
    pub point: u64,
    pub comma: u64,
    pub either_comma: u64,
    pub either_point: u64,
    /// Cells with a thousands separator for certain, and those whose thousands separator is a point.
    pub grouped: u64,
    pub dotted: u64,
    /// Cells without a unit.
    pub bare: u64,
    /// Units, as prefix and suffix, each with its number of cells.
    pub units: Vec<(Box<str>, Box<str>, u64)>,
    /// Cells with a unit that is not in the list, because it is full.
    pub more_units: u64,
    /// The first cell whose separator may be either.
    pub either_example: Option<String>,
}

/// How a column is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// As plain numbers, or not as numbers.
    Plain,
    /// As numbers in this format. `guessed` is a cell that could be read in two ways.
    Format { format: NumberFormat, guessed: Option<String> },
    /// As numbers with different units, or with and without one.
    MixedUnits,
}

impl WrittenCounts {
    pub(crate) fn add(&mut self, written: &Written<'_>, cell: &[u8]) {
        match written.marks {
            Marks::Neutral => self.neutral += 1,
            Marks::Point => self.point += 1,
            Marks::Comma => {
                self.comma += 1;
                self.dotted += u64::from(cell.contains(&b'.'));
            }
            Marks::EitherComma => {
                self.either_comma += 1;
                if self.either_example.is_none() {
                    self.either_example = Some(String::from_utf8_lossy(cell).into_owned());
                }
            }
            Marks::EitherPoint => self.either_point += 1,
        }
        self.grouped += u64::from(written.grouped);
        if written.has_unit() {
            self.unit(written.prefix, written.suffix, 1);
        } else {
            self.bare += 1;
        }
    }

    fn unit(&mut self, prefix: &str, suffix: &str, count: u64) {
        let is_it =
            |(before, behind, _): &(Box<str>, Box<str>, u64)| **before == *prefix && **behind == *suffix;
        match self.units.iter().position(is_it) {
            Some(at) => self.units[at].2 += count,
            None if self.units.len() < MAX_UNITS => self.units.push((prefix.into(), suffix.into(), count)),
            None => self.more_units += count,
        }
    }

    /// Adds the counts of a later piece of the file.
    pub(crate) fn merge(&mut self, later: WrittenCounts) {
        self.neutral += later.neutral;
        self.point += later.point;
        self.comma += later.comma;
        self.either_comma += later.either_comma;
        self.either_point += later.either_point;
        self.grouped += later.grouped;
        self.dotted += later.dotted;
        self.bare += later.bare;
        self.more_units += later.more_units;
        later.units.iter().for_each(|(prefix, suffix, count)| self.unit(prefix, suffix, *count));
        self.either_example = self.either_example.take().or(later.either_example);
    }

    /// Cells that are written numbers.
    pub(crate) fn all(&self) -> u64 {
        self.neutral + self.point + self.comma + self.either_comma + self.either_point
    }

    /// Cells with a unit.
    fn with_unit(&self) -> u64 {
        self.all() - self.bare
    }
}

/// What the file as a whole says about decimal marks: whether any column has decimal commas, and whether any has
/// decimal points.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FileMarks {
    comma: bool,
    point: bool,
    semicolons: bool,
}

impl FileMarks {
    pub(crate) fn of(profile: &Profile, delimiter: u8) -> Self {
        let any = |has: &dyn Fn(&ColumnProfile) -> bool| profile.columns.iter().any(has);
        FileMarks {
            comma: any(&|column| column.written.comma > 0 && column.points == 0),
            point: any(&|column| column.written.point > 0 || column.points > 0),
            semicolons: delimiter == b';',
        }
    }

    /// Whether a comma that may be either is a decimal one, and whether that is a guess. Where commas are decimal
    /// ones, cells are usually split at semicolons.
    fn comma_is_decimal(self) -> (bool, bool) {
        match (self.comma, self.point) {
            (true, false) => (true, false),
            (false, true) => (false, false),
            _ => (self.semicolons, true),
        }
    }
}

/// How a column of a file is written. `mostly` tells whether a number of its cells is enough of them.
pub(crate) fn find(
    column: &ColumnProfile,
    file: FileMarks,
    config: &InputConfig,
    mostly: impl Fn(u64) -> bool,
) -> Found {
    let written = &column.written;
    let plain = column.numbers + column.not_finite;
    if config.numbers == NumbersChoice::Plain || written.all() == 0 || !mostly(plain + written.all()) {
        return Found::Plain;
    }
    let mut format = NumberFormat::default();
    // Cells that the format does not read.
    let mut lost = 0;
    if written.with_unit() > 0 {
        let best = written.units.iter().max_by_key(|(_, _, count)| *count);
        let (prefix, suffix, count) = best.expect("a cell with a unit is counted");
        if mostly(*count) && config.units {
            (format.prefix, format.suffix) = (prefix.to_string(), suffix.to_string());
            lost = written.with_unit() - count;
        } else if mostly(plain + written.bare) {
            lost = written.with_unit();
        } else {
            return if config.units { Found::MixedUnits } else { Found::Plain };
        }
    }
    let points = written.point + column.points;
    let (comma, is_guess) = match config.numbers {
        NumbersChoice::Comma => (true, false),
        NumbersChoice::Point => (false, false),
        _ if written.comma > 0 || points > 0 => {
            (written.comma > written.point && written.comma >= column.points, false)
        }
        _ => file.comma_is_decimal(),
    };
    // With a decimal comma, plain numbers with a point count as they are.
    lost += if comma { written.point } else { written.comma };
    format.decimal_comma = comma;
    format.dotted =
        comma && (written.dotted > 0 || (points == 0 && written.either_point + column.either_points > 0));
    format.grouped = written.grouped > 0 || format.dotted || (!comma && written.either_comma > 0);
    let read = (plain + written.all()).saturating_sub(lost);
    if format.is_plain() || !mostly(read) || read == plain {
        return Found::Plain;
    }
    let guessed = written.either_example.clone().filter(|_| is_guess && written.either_comma > 0);
    Found::Format { format, guessed }
}

/// Why a column of numbers that are not plain ones is left out, where the settings say not to read them.
pub(crate) fn if_switched_off(
    name: &str,
    found: &ColumnProfile,
    config: &InputConfig,
) -> Result<Option<IgnoredBecause>, IntakeError> {
    let (written, numbers) = (&found.written, found.numbers + found.not_finite);
    let mostly = |so: u64| so > 0 && (numbers + so) as f64 >= MOSTLY * found.observed() as f64;
    let percents =
        written.units.iter().filter(|(_, suffix, _)| **suffix == *"%").map(|(_, _, count)| count).sum();
    if mostly(percents) {
        return Ok(Some(IgnoredBecause::Percents));
    }
    if config.numbers != NumbersChoice::Plain {
        return Ok(None);
    }
    if written.comma == 0 && mostly(written.grouped + written.either_comma) {
        return Ok(Some(IgnoredBecause::Thousands));
    }
    if written.comma > 0 && mostly(written.comma + written.either_comma) {
        let value = found.example.clone().unwrap_or_default();
        return Err(IntakeError::DecimalComma { column: name.to_owned(), value });
    }
    Ok(None)
}
