//! Notices on how the cells of columns are read: one for each kind, which names the columns.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How the cells of some columns are read, or could be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReadingNotice {
    /// Columns of few distinct whole numbers that look like codes and are treated as numbers.
    LooksLikeCodes {
        /// The columns.
        columns: Vec<String>,
    },
    /// Columns whose numbers have decimal commas.
    DecimalCommas {
        /// The columns.
        columns: Vec<String>,
    },
    /// Columns whose numbers have thousands separators.
    ThousandsSeparators {
        /// The columns.
        columns: Vec<String>,
    },
    /// Columns whose numbers have a unit or currency, which is taken off.
    Units {
        /// The columns, each with its unit.
        columns: Vec<String>,
    },
    /// Columns of text that are numbers with different units; they are treated as categories.
    MixedUnits {
        /// The columns.
        columns: Vec<String>,
    },
    /// Columns of numbers such as `1,234`, whose comma may be a decimal one or separate thousands, and nothing in the
    /// file tells which.
    AmbiguousNumbers {
        /// The columns.
        columns: Vec<String>,
        /// One of the cells.
        example: String,
        /// Whether the comma is taken for a decimal one.
        decimal: bool,
    },
    /// Numbers far outside all others of their column that are taken for missing values.
    Sentinels {
        /// The columns, each with the number and its count.
        columns: Vec<String>,
    },
    /// Repeated numbers at an end of their column that may stand for missing values; they are left as they are.
    RepeatedEnds {
        /// The columns, each with the number and its share of the rows.
        columns: Vec<String>,
    },
}

impl ReadingNotice {
    /// The name of its kind in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            ReadingNotice::LooksLikeCodes { .. } => "looks_like_codes",
            ReadingNotice::DecimalCommas { .. } => "decimal_commas",
            ReadingNotice::ThousandsSeparators { .. } => "thousands_separators",
            ReadingNotice::Units { .. } => "units",
            ReadingNotice::MixedUnits { .. } => "mixed_units",
            ReadingNotice::AmbiguousNumbers { .. } => "ambiguous_numbers",
            ReadingNotice::Sentinels { .. } => "sentinels",
            ReadingNotice::RepeatedEnds { .. } => "repeated_ends",
        }
    }
}

/// Most columns that a notice names.
const MAX_NAMED: usize = 10;

/// The texts, cut off if there are many.
fn shown(columns: &[String]) -> String {
    let mut shown = columns.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    if columns.len() > MAX_NAMED {
        shown.push_str(&format!(", … ({} in all)", columns.len()));
    }
    shown
}

/// `column` or `columns`, and their names.
fn quoted(columns: &[String]) -> String {
    let names: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
    format!("{} {}", if columns.len() == 1 { "column" } else { "columns" }, shown(&names))
}

/// The columns as the subject of a verb in the singular or plural.
fn listed(columns: &[String], one: &str, many: &str) -> String {
    format!("{} {}", quoted(columns), if columns.len() == 1 { one } else { many })
}

impl fmt::Display for ReadingNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadingNotice::LooksLikeCodes { columns } => write!(
                f,
                "{} like codes but {} treated as numbers; set input.categories = [{}] to treat them as categories",
                listed(columns, "looks", "look"),
                if columns.len() == 1 { "is" } else { "are" },
                columns.iter().map(|column| format!("{column:?}")).collect::<Vec<_>>().join(", ")
            ),
            ReadingNotice::DecimalCommas { columns } => {
                let columns = listed(columns, "has", "have");
                write!(
                    f,
                    "{columns} decimal commas, as in `21,8`; set input.numbers = \"plain\" to refuse them"
                )
            }
            ReadingNotice::ThousandsSeparators { columns } => write!(
                f,
                "{} thousands separators, which are taken out; set input.numbers = \"plain\" to refuse them",
                listed(columns, "has", "have")
            ),
            ReadingNotice::Units { columns } => write!(
                f,
                "units and currencies beside numbers are taken off: {}; set input.units = false to keep them as text",
                shown(columns)
            ),
            ReadingNotice::MixedUnits { columns } => write!(
                f,
                "{} numbers with different units and {} treated as text; convert them to one unit to learn from the \
                 numbers",
                listed(columns, "has", "have"),
                if columns.len() == 1 { "is" } else { "are" }
            ),
            ReadingNotice::AmbiguousNumbers { columns, example, decimal } => {
                let (taken, other) = match decimal {
                    true => ("a decimal comma", "point"),
                    false => ("a thousands separator", "comma"),
                };
                write!(
                    f,
                    "the comma of `{example}` in {} is taken for {taken}, though nothing in the file tells; set \
                     input.numbers = {other:?} if it is not",
                    quoted(columns)
                )
            }
            ReadingNotice::Sentinels { columns } => write!(
                f,
                "numbers far outside all others are taken for missing values: {}; set input.sentinels = false to keep \
                 them",
                shown(columns)
            ),
            ReadingNotice::RepeatedEnds { columns } => write!(
                f,
                "the smallest or largest number is repeated and may stand for a missing value: {}; if so, list it in \
                 input.missing",
                shown(columns)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Notice;

    #[test]
    fn notices_are_kept_in_files_and_name_their_columns() {
        let columns = || vec!["a".to_string(), "b c".to_string()];
        let many = || (0..12).map(|index| format!("c{index}")).collect::<Vec<_>>();
        for (notice, words) in [
            (ReadingNotice::LooksLikeCodes { columns: columns() }, "input.categories = [\"a\", \"b c\"]"),
            (ReadingNotice::DecimalCommas { columns: columns() }, "columns `a`, `b c` have decimal commas"),
            (ReadingNotice::ThousandsSeparators { columns: many() }, "`c9`, … (12 in all) have thousands"),
            (ReadingNotice::Units { columns: columns() }, "input.units = false"),
            (
                ReadingNotice::MixedUnits { columns: vec!["a".into()] },
                "column `a` has numbers with different units",
            ),
            (
                ReadingNotice::AmbiguousNumbers {
                    columns: columns(),
                    example: "1,234".into(),
                    decimal: true,
                },
                "input.numbers = \"point\"",
            ),
            (
                ReadingNotice::AmbiguousNumbers {
                    columns: columns(),
                    example: "1,234".into(),
                    decimal: false,
                },
                "input.numbers = \"comma\"",
            ),
            (ReadingNotice::Sentinels { columns: columns() }, "input.sentinels = false"),
            (ReadingNotice::RepeatedEnds { columns: columns() }, "input.missing"),
        ] {
            let notice = Notice::Reading(notice);
            assert!(notice.to_string().contains(words), "{notice}");
            let json = serde_json::to_string(&notice).unwrap();
            assert!(json.contains(&format!("\"kind\":\"{}\"", notice.kind())), "{json}");
            assert_eq!(serde_json::from_str::<Notice>(&json).unwrap(), notice);
        }
        assert!(serde_json::from_str::<Notice>("{\"kind\":\"nothing\",\"columns\":[]}").is_err());
    }
}
