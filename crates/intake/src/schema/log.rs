//! Counts the notices of a long stream by kind and column, so that a million of them become a few lines.

use crate::groups::GroupNotice;
use crate::schema::notice::Notice;
use std::collections::BTreeMap;

/// Distinct values of a column, of those outside its training range, whose counts are kept.
const MAX_VALUES: usize = 16;
/// Fewest rows with one value that may be a mark for missing values, which most such values then are.
const FEWEST: u64 = 20;

/// Counts notices by kind and column, and keeps only the first of each.
#[derive(Clone, Debug, Default)]
pub struct NoticeLog {
    found: BTreeMap<(&'static str, String), Counted>,
}

/// The notices of a kind and column.
#[derive(Clone, Debug)]
struct Counted {
    first: Notice,
    count: u64,
    /// The first distinct values outside the training range, and how often each was found.
    values: Vec<(f32, u64)>,
}

impl Counted {
    fn value(&mut self, value: f32) {
        match self.values.iter().position(|(known, _)| *known == value) {
            Some(place) => self.values[place].1 += 1,
            None if self.values.len() < MAX_VALUES => self.values.push((value, 1)),
            None => {}
        }
    }

    /// The value that most of them have, if it is often repeated.
    fn mark(&self) -> Option<(f32, u64)> {
        let mark = self.values.iter().copied().max_by_key(|(_, count)| *count);
        mark.filter(|&(_, count)| count >= FEWEST && 2 * count > self.count)
    }

    fn line(&self) -> String {
        let Counted { first, count, .. } = self;
        match (self.mark(), first) {
            (Some((mark, times)), Notice::OutOfRange { line, column, value, min, max }) => format!(
                "line {line}: column `{column}` is {value}, far outside the training range {min} to {max}, and {times} of \
                 {count} such values are {mark}; is {mark} another mark for missing values? then fit with input.missing = \
                 [{mark}]"
            ),
            // What is said of a whole file has no values.
            (_, Notice::UnseenCategory { .. } | Notice::OutOfRange { .. }) if *count > 1 => {
                format!("{first} ({count} such values)")
            }
            _ if *count > 1 && first.line().is_some() => format!("{first} ({count} times)"),
            _ => first.to_string(),
        }
    }
}

impl NoticeLog {
    /// Adds a notice. Returns whether it is the first of its kind and column.
    pub fn add(&mut self, notice: &Notice) -> bool {
        let about = match notice {
            // Each is told by its name; the reader limits their number.
            Notice::Group { group, what: GroupNotice::Unknown, .. } => group.clone(),
            // What is said of a file may be several things.
            Notice::ReadAs { how } => how.to_string(),
            _ => notice.column().unwrap_or_default().to_owned(),
        };
        let key = (notice.kind(), about);
        let is_first = !self.found.contains_key(&key);
        let counted = self.found.entry(key).or_insert_with(|| Counted {
            first: notice.clone(),
            count: 0,
            values: Vec::new(),
        });
        counted.count += 1;
        if let Notice::OutOfRange { value, .. } = notice {
            counted.value(*value);
        }
        is_first
    }

    /// Counts more notices of a kind and column that is already in the log.
    pub(crate) fn count_more(&mut self, kind: &'static str, column: &str, more: u64) {
        if more > 0
            && let Some(counted) = self.found.get_mut(&(kind, column.to_owned()))
        {
            counted.count += more;
        }
    }

    /// Counts one more value outside the training range of a column that is already in the log.
    pub(crate) fn count_value(&mut self, column: &str, value: f32) {
        if let Some(counted) = self.found.get_mut(&("out_of_range", column.to_owned())) {
            counted.count += 1;
            counted.value(value);
        }
    }

    /// The first notice of each kind and column, and their number.
    pub fn counts(&self) -> impl Iterator<Item = (&Notice, u64)> {
        self.found.values().map(|counted| (&counted.first, counted.count))
    }

    /// One sentence for each kind and column.
    pub fn lines(&self) -> Vec<String> {
        self.found.values().map(Counted::line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::reading::ReadAs;

    #[test]
    fn notices_of_a_column_are_counted() {
        let mut log = NoticeLog::default();
        let unseen = |line, column: &str, value: &str| Notice::UnseenCategory {
            line,
            column: column.into(),
            value: value.into(),
        };
        assert!(log.add(&unseen(3, "b", "x")));
        assert!(!log.add(&unseen(4, "b", "y")));
        assert!(log.add(&unseen(5, "a", "x")));
        assert!(log.add(&Notice::Reordered));
        let wide = Notice::ReadAs { how: ReadAs::Utf16 };
        assert!(log.add(&wide) && !log.add(&wide));
        assert!(log.add(&Notice::ReadAs { how: ReadAs::CarriageReturns }));
        let expected = [
            "the columns are in a different order than in training; matched by name",
            "line 5: column `a` has `x`, which no training row had",
            "line 3: column `b` has `x`, which no training row had (2 such values)",
            "read as UTF-16 text; set input.encoding to change this",
            "the lines end in a carriage return (CR) only",
        ];
        let mut lines = log.lines();
        lines.sort();
        let mut expected = expected.map(String::from);
        expected.sort();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_repeated_value_outside_may_be_a_mark_for_missing_ones() {
        let check = |values: &[f32], expected: &str| {
            let mut log = NoticeLog::default();
            for (&value, line) in values.iter().zip(2..) {
                let notice = Notice::OutOfRange { line, column: "t".into(), value, min: -1.5, max: 40.0 };
                match line {
                    ..10 => drop(log.add(&notice)),
                    _ => log.count_value("t", value),
                }
            }
            assert_eq!(log.lines(), [format!("line 2: column `t` is {}, {expected}", values[0])]);
        };
        let range = "far outside the training range -1.5 to 40";
        let mut values = vec![99.0];
        values.extend([-9999.0; 30]);
        check(
            &values,
            &format!(
                "{range}, and 30 of 31 such values are -9999; is -9999 another mark for missing values? then fit with \
                 input.missing = [-9999]"
            ),
        );
        let varied: Vec<f32> = (0..50).map(|row| 300.0 + row as f32).collect();
        check(&varied, &format!("{range}; has its unit changed? (50 such values)"));
        check(&[-9999.0; 5], &format!("{range}; has its unit changed? (5 such values)"));
    }
}
