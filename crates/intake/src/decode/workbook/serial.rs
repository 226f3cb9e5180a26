//! Dates of spreadsheets: days since an epoch, shown as dates by the format of the cell.

use jiff::ToSpan;
use jiff::civil::{DateTime, date};

/// Days of the year 9999.
const MAX_DAYS: f64 = 2_958_466.0;
/// 29 February 1900, which spreadsheets have and the calendar does not.
const LEAP_DAY: f64 = 60.0;
const MILLISECONDS: f64 = 86_400_000.0;

/// Whether a format code shows a date or a time of day, not a number or a duration.
pub(super) fn shows_date(code: &str) -> bool {
    let mut characters = code.chars();
    let mut found = false;
    while let Some(character) = characters.next() {
        match character.to_ascii_lowercase() {
            // Literal text.
            '"' => while characters.next().is_some_and(|next| next != '"') {},
            '\\' | '_' | '*' => {
                characters.next();
            }
            // A colour, a condition or, in brackets, hours that exceed a day.
            '[' => {
                let inside: String = characters.by_ref().take_while(|&next| next != ']').collect();
                let inside = inside.to_ascii_lowercase();
                if !inside.is_empty()
                    && ["h", "m", "s"].iter().any(|unit| inside.replace(unit, "").is_empty())
                {
                    return false;
                }
            }
            'y' | 'm' | 'd' | 'h' | 's' => found = true,
            // `General`, and what separates the formats of other numbers.
            'g' | ';' => return found,
            _ => {}
        }
    }
    found
}

/// The date and time of a number, as `2024-05-31 23:59:00`, or the time of day if it is less than a day; `None` if it is
/// neither.
pub(super) fn date_text(number: &str, from_1904: bool) -> Option<String> {
    let value: f64 = number.trim().parse().ok()?;
    if !(0.0..MAX_DAYS).contains(&value) {
        return None;
    }
    let milliseconds = (value * MILLISECONDS).round() as i64;
    let epoch = match from_1904 {
        true => date(1904, 1, 1),
        false if value < LEAP_DAY => date(1899, 12, 31),
        false => date(1899, 12, 30),
    };
    let time: DateTime =
        epoch.to_datetime(Default::default()).checked_add(milliseconds.milliseconds()).ok()?;
    // Written by hand, so that every cell of a column has the same form.
    let mut text = String::new();
    if value >= 1.0 {
        text += &format!("{:04}-{:02}-{:02} ", time.year(), time.month(), time.day());
    }
    text += &format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    if time.millisecond() != 0 {
        text += &format!(".{:03}", time.millisecond());
    }
    Some(text)
}
