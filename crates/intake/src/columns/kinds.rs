//! Decides what each column of a file is: numbers, categories, times, the label, or ignored.

use crate::columns::find::{find_column, unique_names};
use crate::columns::formats::{self, FileMarks, Found};
use crate::columns::groups;
use crate::columns::profile::{ColumnProfile, ENOUGH, Profile};
use crate::columns::remarks::{ensure_not_lost, remark_codes, remark_formats};
use crate::columns::stamps::{COMPACT, DATES, StampFormat};
use crate::columns::times;
use crate::error::IntakeError;
use crate::error::TableError;
use crate::input::{InputConfig, LayoutChoice, NumbersChoice};
use crate::schema::ClockColumn;
use crate::schema::ignored::IgnoredBecause;
use crate::schema::notice::Notice;
use crate::schema::reading::ReadingNotice;
use crate::text::missing::MissingWords;
use crate::text::written::NumberFormat;
use std::collections::{BTreeSet, HashSet};

/// A column is numeric if at least this share of its values are numbers; the other values make bad lines.
pub(crate) const MOSTLY: f64 = 0.9;
/// Most whole numbers that name the classes of a label.
const MAX_CLASSES: usize = 20;

/// What a feature column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    /// Its values in the whole file, sorted.
    Category(Vec<String>),
}

/// A feature column.
#[derive(Clone, Debug)]
pub(crate) struct DataColumn {
    pub name: String,
    pub position: usize,
    pub kind: Kind,
    /// How its numbers are written.
    pub format: NumberFormat,
    /// Numbers that stand for a missing value.
    pub sentinels: Vec<f32>,
    /// Whether it counts up; in a table of independent rows it is then an identifier.
    pub counts: bool,
    /// Whether it is a text that is the same in all rows and that nobody asked for.
    pub same_text: bool,
    /// The smallest and the largest number.
    pub least: f64,
    pub most: f64,
}

impl DataColumn {
    /// Whether it has several values that are not numbers.
    pub(crate) fn varies_as_text(&self) -> bool {
        matches!(&self.kind, Kind::Category(levels) if levels.len() > 1)
    }
}

/// A column of times.
#[derive(Clone, Debug)]
pub(crate) struct StampColumn {
    pub name: String,
    pub position: usize,
    pub format: StampFormat,
    /// The column of the times of day, if this one holds only the days.
    pub clock: Option<ClockColumn>,
}

impl StampColumn {
    /// The positions of the columns that hold its times.
    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> {
        [self.position].into_iter().chain(self.clock.as_ref().map(|clock| clock.position))
    }
}

/// The columns of a file by role.
#[derive(Debug)]
pub(crate) struct Columns {
    pub header: bool,
    pub names: Vec<String>,
    pub data: Vec<DataColumn>,
    /// Position and distinct values.
    pub label: Option<(usize, Vec<String>)>,
    pub stamp: Option<StampColumn>,
    /// Position of the column that names the group of a row.
    pub group: Option<usize>,
    /// What counts as missing besides the usual words.
    pub missing: MissingWords,
    pub notices: Vec<Notice>,
}

impl Columns {
    /// Leaves out the columns that count up, with a notice for each. Returns whether there were any.
    ///
    /// # Errors
    /// [`IntakeError::NoColumns`] if no other column is left.
    pub(crate) fn leave_out_counters(&mut self, file: &str) -> Result<bool, IntakeError> {
        self.leave_out(file, |column| column.counts, IgnoredBecause::CountsUp)
    }

    /// Leaves out the texts that are the same in all rows, as [`Columns::leave_out_counters`].
    ///
    /// # Errors
    /// [`IntakeError::NoColumns`] if no other column is left.
    pub(crate) fn leave_out_same_texts(&mut self, file: &str) -> Result<bool, IntakeError> {
        self.leave_out(file, |column| column.same_text, IgnoredBecause::SameText)
    }

    fn leave_out(
        &mut self,
        file: &str,
        what: impl Fn(&DataColumn) -> bool,
        because: IgnoredBecause,
    ) -> Result<bool, IntakeError> {
        let before = self.data.len();
        let left_out = self.data.extract_if(.., |column| what(column));
        self.notices.extend(left_out.map(|column| Notice::Ignored { column: column.name, because }));
        self.ensure_data(file)?;
        Ok(self.data.len() < before)
    }

    fn ensure_data(&self, file: &str) -> Result<(), IntakeError> {
        if !self.data.is_empty() {
            return Ok(());
        }
        let ignored = self.notices.iter().map(ToString::to_string).collect();
        Err(IntakeError::NoColumns { name: file.to_owned(), ignored })
    }

    /// Whether the names of the feature columns are a common text followed by numbers that count up.
    pub(crate) fn names_count(&self) -> bool {
        let split = |name: &str| {
            let text = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
            name[text.len()..].parse::<u64>().ok().map(|number| (text.to_owned(), number))
        };
        let parts: Option<Vec<_>> = self.data.iter().map(|column| split(&column.name)).collect();
        parts.is_some_and(|parts| {
            parts.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1.checked_add(1) == Some(pair[1].1))
        })
    }

    /// Whether at least nine in ten of the varying columns span at least a twentieth of the overall range.
    pub(crate) fn have_one_scale(&self) -> bool {
        let spans: Vec<f64> = self.data.iter().map(|column| column.most - column.least).collect();
        let least = self.data.iter().map(|column| column.least).fold(f64::INFINITY, f64::min);
        let most = self.data.iter().map(|column| column.most).fold(f64::NEG_INFINITY, f64::max);
        let varying = spans.iter().filter(|&&span| span > 0.0).count();
        let wide = spans.iter().filter(|&&span| span >= 0.05 * (most - least)).count();
        varying > 0 && 10 * wide >= 9 * varying
    }
}

/// Decides what each column is. `header` holds the name of every column, if the file has a header.
pub(crate) fn decide(
    file: &str,
    config: &InputConfig,
    header: Option<Vec<String>>,
    profile: &Profile,
    delimiter: u8,
) -> Result<Columns, IntakeError> {
    let width = profile.columns.len();
    let asked = header.clone().unwrap_or_default();
    let table_error = |source: TableError| IntakeError::Table { name: file.to_owned(), source };
    let find = |role, column: &crate::Column| {
        // Without a header, columns have the names used in notices: `c` and the position.
        let by_name = match column {
            crate::Column::Name(name) if header.is_none() => {
                name.trim().strip_prefix('c').and_then(|position| position.parse().ok())
            }
            _ => None,
        };
        let column = by_name.map_or_else(|| column.clone(), crate::Column::Index);
        find_column(role, &column, &asked, width, delimiter).map_err(table_error)
    };
    let find_all = |role, columns: &[crate::Column]| -> Result<HashSet<usize>, IntakeError> {
        columns.iter().map(|column| find(role, column)).collect()
    };
    let label = config.label.as_ref().map(|column| find("label", column)).transpose()?;
    let stamp_asked = config.timestamp.as_ref().map(|column| find("timestamp", column)).transpose()?;
    let clock_asked = config.clock.as_ref().map(|column| find("clock", column)).transpose()?;
    let group = config.group.as_ref().map(|column| find("group", column)).transpose()?;
    let ignored = find_all("ignored", &config.ignore)?;
    let chosen = find_all("data", &config.columns)?;
    let categories = find_all("category", &config.categories)?;
    if let Some(column) = config.group.as_ref().filter(|_| {
        [label, stamp_asked].contains(&group)
            || group.is_some_and(|group| chosen.contains(&group) || categories.contains(&group))
    }) {
        let right = "a column without another role";
        return Err(IntakeError::OutOfRange { key: "input.group", value: column.to_string(), right });
    }
    let names = unique_names(header.as_deref(), width);
    let mut columns = Columns {
        header: header.is_some(),
        names,
        data: Vec::new(),
        label: None,
        stamp: None,
        group,
        missing: MissingWords::of(&config.missing),
        notices: Vec::new(),
    };
    if let Some(position) = group {
        groups::check(&columns.names[position], &profile.columns[position], profile.rows, config)?;
    }
    if let Some(position) = label {
        let values = profile.columns[position].values.as_ref();
        let column = columns.names[position].clone();
        let too_many = IntakeError::TooManyValues { column, limit: config.max_categories };
        columns.label = Some((position, texts(values.ok_or(too_many)?)));
    }
    let free = |position: &usize| {
        Some(*position) != label && Some(*position) != group && !ignored.contains(position)
    };
    let unused = |position: &usize| free(position) && !chosen.contains(position);
    let recognise = config.recognise_times && config.layout != LayoutChoice::Series;
    columns.stamp = match stamp_asked {
        Some(position) => Some(times::asked(position, &columns.names[position], &profile.columns[position])?),
        None if recognise => times::recognised(profile, &columns.names, unused),
        None => None,
    };
    if let Some(stamp) = &mut columns.stamp {
        stamp.clock = match clock_asked {
            Some(position) => {
                let is_free = free(&position) && position != stamp.position;
                Some(times::asked_clock(stamp, position, is_free, &columns.names, profile)?)
            }
            None if stamp_asked.is_some() => None,
            None => times::clock_beside(stamp, profile, &columns.names, |position| {
                unused(position) && !categories.contains(position)
            }),
        };
        columns.notices.extend(times::notice(stamp, stamp_asked.is_some()));
    }
    let stamps: Vec<usize> = columns.stamp.iter().flat_map(StampColumn::positions).collect();
    let marks = FileMarks::of(profile, delimiter);
    let (mut guesses, mut mixed) = (Vec::new(), Vec::new());
    for position in (0..width).filter(free).filter(|position| !stamps.contains(position)) {
        let explicit = chosen.contains(&position);
        if !explicit && !chosen.is_empty() {
            continue;
        }
        let found = &profile.columns[position];
        let name = columns.names[position].clone();
        let as_category = categories.contains(&position);
        let mostly = |count: u64| count as f64 >= MOSTLY * found.observed() as f64;
        let written = if as_category { Found::Plain } else { formats::find(found, marks, config, mostly) };
        match kind_of(&name, found, &written, as_category, explicit || as_category, config, profile.rows)? {
            Ok(kind) => {
                mixed.extend((written == Found::MixedUnits).then(|| name.clone()));
                if !explicit && is_called_label(&name) && has_classes(&kind, found) {
                    columns.notices.push(Notice::LooksLikeLabel { column: name.clone() });
                }
                let (least, most) = (found.least, found.most);
                let same_text =
                    !explicit && !as_category && matches!(&kind, Kind::Category(levels) if levels.len() == 1);
                let counts = !explicit && kind == Kind::Number && found.counts(profile.rows);
                let mut format = NumberFormat::default();
                if let Found::Format { format: found, guessed } = written {
                    guesses.extend(guessed.map(|cell| (name.clone(), cell)));
                    format = found;
                }
                let sentinels =
                    if kind == Kind::Number { columns.missing.numbers().to_vec() } else { Vec::new() };
                columns.data.push(DataColumn {
                    name,
                    position,
                    kind,
                    format,
                    sentinels,
                    counts,
                    same_text,
                    least,
                    most,
                });
            }
            Err(because) => columns.notices.push(Notice::Ignored { column: name, because }),
        }
    }
    remark_label_at_an_end(&mut columns, profile);
    remark_formats(&mut columns, profile, guesses);
    if !mixed.is_empty() {
        columns.notices.push(Notice::Reading(ReadingNotice::MixedUnits { columns: mixed }));
    }
    remark_codes(&mut columns, profile, &chosen);
    ensure_not_lost(file, config, &columns, profile)?;
    columns.ensure_data(file)?;
    Ok(columns)
}

/// Files of series often hold the class in the first or last column, as few distinct whole numbers.
fn remark_label_at_an_end(columns: &mut Columns, profile: &Profile) {
    let few = |column: &DataColumn| {
        let values = profile.columns[column.position].values.as_ref();
        column.kind == Kind::Number
            && values.is_some_and(|values| values.len() <= 10)
            && column.least.fract() == 0.0
            && column.most.fract() == 0.0
    };
    if columns.data.len() < 16 || profile.rows < 50 || columns.header || columns.label.is_some() {
        return;
    }
    let (first, last) = (&columns.data[0], &columns.data[columns.data.len() - 1]);
    if columns.data.iter().filter(|column| few(column)).count() == 1
        && let Some(found) = [first, last].into_iter().find(|column| few(column))
    {
        columns.notices.push(Notice::LooksLikeLabel { column: found.name.clone() });
    }
}

/// Whether a column has the few values of a label: texts, or whole numbers.
fn has_classes(kind: &Kind, found: &ColumnProfile) -> bool {
    let few = found.values.as_ref().is_some_and(|values| values.len() <= MAX_CLASSES);
    *kind != Kind::Number || (few && found.fractions == 0)
}

fn is_called_label(name: &str) -> bool {
    let names =
        ["label", "labels", "class", "target", "anomaly", "is_anomaly", "outlier", "attack", "fraud", "y"];
    names.contains(&name.to_lowercase().as_str())
}

fn kind_of(
    name: &str,
    found: &ColumnProfile,
    written: &Found,
    as_category: bool,
    asked_for: bool,
    config: &InputConfig,
    rows: u64,
) -> Result<Result<Kind, IgnoredBecause>, IntakeError> {
    if found.observed() == 0 {
        return Ok(Err(IgnoredBecause::NothingObserved));
    }
    let observed = found.observed() as f64;
    let numbers = found.numbers + found.not_finite;
    if !as_category && numbers as f64 >= MOSTLY * observed {
        let counts_rows = rows >= ENOUGH && found.numbers == rows && found.counts_up + 1 == rows;
        return Ok(if counts_rows && !asked_for {
            Err(IgnoredBecause::NumbersRows)
        } else {
            Ok(Kind::Number)
        });
    }
    if matches!(written, Found::Format { .. }) {
        return Ok(Ok(Kind::Number));
    }
    if !as_category && (config.numbers == NumbersChoice::Plain || !config.units) {
        match formats::if_switched_off(name, found, config)? {
            Some(because) if !asked_for => return Ok(Err(because)),
            _ => {}
        }
    }
    // A few times of day are categories, such as shifts.
    let few = found.values.as_ref().is_some_and(|values| (values.len() as u64) < ENOUGH);
    let clocks = if few { 0 } else { found.times.clocks };
    let dates = found.dates.iter().max().copied().unwrap_or(0).max(clocks);
    match &found.values {
        _ if !asked_for && dates as f64 >= MOSTLY * observed => Ok(Err(IgnoredBecause::Times)),
        Some(values)
            if !asked_for && values.len() as u64 >= ENOUGH && 2 * values.len() as u64 > found.observed() =>
        {
            Ok(Err(too_many(written)))
        }
        Some(values) => Ok(Ok(Kind::Category(texts(values)))),
        None if asked_for => {
            Err(IntakeError::TooManyValues { column: name.to_owned(), limit: config.max_categories })
        }
        None => Ok(Err(too_many(written))),
    }
}

fn too_many(written: &Found) -> IgnoredBecause {
    if *written == Found::MixedUnits { IgnoredBecause::MixedUnits } else { IgnoredBecause::TooManyValues }
}

fn texts(values: &BTreeSet<Box<[u8]>>) -> Vec<String> {
    values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

pub(crate) fn date_format(found: &ColumnProfile) -> Option<StampFormat> {
    // Of equal counts, the first: DATES is ordered by likelihood.
    let best = (0..DATES.len()).rev().max_by_key(|&format| found.dates[format])?;
    // Numbers are dates only if all of them are.
    let needed = if best == COMPACT && found.numbers > 0 { 1.0 } else { MOSTLY };
    let enough = found.dates[best] as f64 >= needed * found.observed() as f64;
    (enough && found.dates[best] > 0).then_some(DATES[best])
}

/// How many units make a second, if the values are Unix times from 2001 to 2100.
pub(crate) fn unix_unit(least: f64, most: f64) -> Option<f64> {
    let units = [1.0, 1e3, 1e6, 1e9].into_iter();
    units.into_iter().find(|unit| least >= 978_307_200.0 * unit && most <= 4_102_444_800.0 * unit)
}
