//! Checks the column that names the group of each row.

use crate::columns::profile::{ColumnProfile, MAX_LEVEL};
use crate::error::{IntakeError, counted};
use crate::input::InputConfig;
use crate::text::recognise::shorten;

/// Checks that the values of a column divide `rows` rows into groups.
///
/// # Errors
/// [`IntakeError::NotGroups`] for a column with one value, or with about as many values as rows.
pub(crate) fn check(
    name: &str,
    found: &ColumnProfile,
    rows: u64,
    config: &InputConfig,
) -> Result<(), IntakeError> {
    let reason = match &found.values {
        None => format!(
            "it has more than {} different values, like an identifier, or one of more than {MAX_LEVEL} bytes; if there \
             are that many groups, raise input.max_categories",
            config.max_categories
        ),
        Some(values) => match values.len() as u64 {
            0 => "no row has a value; leave out input.group (--group)".into(),
            1 => {
                let only = values.first().map(|value| shorten(&String::from_utf8_lossy(value)));
                format!(
                    "every row has the value `{}`; leave out input.group (--group)",
                    only.unwrap_or_default()
                )
            }
            n if 2 * n > rows => format!(
                "it has {n} different values in {}, like an identifier; name the column that says which machine a row \
                 comes from, or leave out input.group (--group)",
                counted(rows, "row", "rows")
            ),
            _ => return Ok(()),
        },
    };
    Err(IntakeError::NotGroups { column: name.to_owned(), reason })
}
