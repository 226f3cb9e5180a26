//! What is said of the columns of a file: how their numbers are written, codes among them, and losses of text.

use crate::columns::kinds::{Columns, DataColumn, Kind};
use crate::columns::profile::{ColumnProfile, Profile};
use crate::error::IntakeError;
use crate::input::InputConfig;
use crate::schema::ignored::IgnoredBecause;
use crate::schema::notice::Notice;
use crate::schema::reading::ReadingNotice;
use crate::text::recognise::shorten;
use std::collections::{HashMap, HashSet};

/// Distinct values of a column that looks like codes.
const CODES: std::ops::RangeInclusive<usize> = 3..=20;
/// Fewest rows from which codes can be recognised.
const MIN_ROWS: u64 = 51;
/// Fewest columns that are lost as text before `fit` asks.
const MIN_LOST: usize = 2;
/// Most columns that an error shows.
const MAX_SHOWN: usize = 10;

/// Says how the numbers of the columns are written: one notice for each kind of writing. `guessed` are the
/// columns, each with a cell, whose convention is a guess.
pub(crate) fn remark_formats(columns: &mut Columns, profile: &Profile, guessed: Vec<(String, String)>) {
    let written: Vec<_> = columns.data.iter().filter(|column| !column.format.is_plain()).collect();
    // A column without a comma may still take over the convention of the file, for its later cells.
    let has_comma = |column: &&&DataColumn| {
        let counts = &profile.columns[column.position].written;
        column.format.decimal_comma && counts.comma + counts.either_comma > 0
    };
    let commas: Vec<String> = written.iter().filter(has_comma).map(|column| column.name.clone()).collect();
    let grouped: Vec<String> =
        written.iter().filter(|column| column.format.grouped).map(|column| column.name.clone()).collect();
    let units: Vec<String> = written
        .iter()
        .filter(|column| !column.format.unit().is_empty())
        .map(|column| format!("`{}` ({})", column.name, column.format.unit()))
        .collect();
    let mut found = Vec::new();
    if !commas.is_empty() {
        found.push(ReadingNotice::DecimalCommas { columns: commas });
    }
    if !grouped.is_empty() {
        found.push(ReadingNotice::ThousandsSeparators { columns: grouped });
    }
    if !units.is_empty() {
        found.push(ReadingNotice::Units { columns: units });
    }
    if let Some((name, example)) = guessed.first() {
        let decimal = columns.data.iter().any(|column| column.name == *name && column.format.decimal_comma);
        let example = shorten(example);
        let columns = guessed.iter().map(|(name, _)| name.clone()).collect();
        found.push(ReadingNotice::AmbiguousNumbers { columns, example, decimal });
    }
    columns.notices.extend(found.into_iter().map(Notice::Reading));
}

/// Says which columns of numbers look like codes: few distinct whole numbers with gaps between them, or with the
/// name of a code. Numbers that never fall may be a counter or a time.
pub(crate) fn remark_codes(columns: &mut Columns, profile: &Profile, chosen: &HashSet<usize>) {
    let like_codes = |found: &ColumnProfile, name: &str| {
        let Some(values) = found.values.as_ref().filter(|values| CODES.contains(&values.len())) else {
            return false;
        };
        let plain = found.texts == 0 && found.fractions == 0 && found.falls > 0;
        let span = found.most - found.least + 1.0;
        plain && profile.rows >= MIN_ROWS && (span >= 2.0 * values.len() as f64 || is_called_code(name))
    };
    let label = |notice: &Notice| match notice {
        Notice::LooksLikeLabel { column } => Some(column.clone()),
        _ => None,
    };
    let labels: HashSet<String> = columns.notices.iter().filter_map(label).collect();
    let codes: Vec<String> = columns
        .data
        .iter()
        .filter(|column| column.kind == Kind::Number && !chosen.contains(&column.position))
        .filter(|column| column.sentinels.is_empty() && column.format.is_plain())
        .filter(|column| like_codes(&profile.columns[column.position], &column.name))
        .map(|column| column.name.clone())
        .filter(|name| !labels.contains(name))
        .collect();
    if !codes.is_empty() {
        columns.notices.push(Notice::Reading(ReadingNotice::LooksLikeCodes { columns: codes }));
    }
}

/// Whether one of the words of a name is that of a code: `status`, `http_status`, `ErrorCode`.
fn is_called_code(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "status", "code", "state", "mode", "type", "kind", "category", "class", "protocol", "proto", "port",
        "event", "reason", "zone",
    ];
    let lower = name.to_lowercase();
    let named_so = |word: &str| WORDS.contains(&word);
    lower
        .split(|letter: char| !letter.is_alphanumeric())
        .any(|word| named_so(word.trim_end_matches(char::is_numeric)))
        || name.ends_with("Code")
        || name.ends_with("Status")
        || name.ends_with("State")
        || name.ends_with("Type")
}

/// Refuses a file where at least half of the columns that hold something to learn from would be left out as
/// text, unless the user chose the columns.
pub(crate) fn ensure_not_lost(
    file: &str,
    config: &InputConfig,
    columns: &Columns,
    profile: &Profile,
) -> Result<(), IntakeError> {
    if !config.columns.is_empty() || !config.ignore.is_empty() {
        return Ok(());
    }
    let positions: HashMap<&String, usize> = columns.names.iter().zip(0..).collect();
    let mut lost = Vec::new();
    for notice in &columns.notices {
        let Notice::Ignored { column, because: IgnoredBecause::TooManyValues | IgnoredBecause::MixedUnits } =
            notice
        else {
            continue;
        };
        let Some(found) = positions.get(column).map(|&position| &profile.columns[position]) else { continue };
        let example = found.example.clone().unwrap_or_default();
        if !is_identifier(column, &example, found) {
            lost.push(format!("`{}` (such as `{example}`)", shorten(column)));
        }
    }
    let is_kept = |position: usize| {
        let found = &profile.columns[position];
        found.values.as_ref().is_none_or(|values| values.len() > 1) && !found.counts(profile.rows)
    };
    let kept = columns.data.iter().filter(|column| is_kept(column.position)).count();
    if lost.len() < MIN_LOST || lost.len() < kept {
        return Ok(());
    }
    let (of, count) = (kept + lost.len(), lost.len());
    lost.truncate(MAX_SHOWN);
    if count > MAX_SHOWN {
        lost.push(format!("… ({count} in all)"));
    }
    Err(IntakeError::MostlyText { name: file.to_owned(), count, of, columns: lost })
}

/// Whether each row has a text of its own, which has the form or the name of an identifier.
fn is_identifier(name: &str, example: &str, found: &ColumnProfile) -> bool {
    const WORDS: [&str; 10] = ["id", "uuid", "guid", "key", "hash", "name", "serial", "uid", "email", "url"];
    let lower = name.to_lowercase();
    let named_so = lower.split(|letter: char| !letter.is_alphabetic()).any(|word| WORDS.contains(&word));
    let code = example.len() >= 16
        && example.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_:".contains(letter));
    found.repeats == 0 && (named_so || code)
}
