//! Counts the notices of a long stream by kind and column, so that a million of them become a few lines.

use crate::groups::GroupNotice;
use crate::schema::notice::Notice;
use std::collections::BTreeMap;

/// Counts notices by kind and column, and keeps only the first of each.
#[derive(Clone, Debug, Default)]
pub struct NoticeLog {
    found: BTreeMap<(&'static str, String), (Notice, u64)>,
}

impl NoticeLog {
    /// Adds a notice. Returns whether it is the first of its kind and column.
    pub fn add(&mut self, notice: &Notice) -> bool {
        let about = match notice {
            // Each is told by its name; the reader limits their number.
            Notice::Group { group, what: GroupNotice::Unknown, .. } => Some(group.as_str()),
            _ => notice.column(),
        };
        let key = (notice.kind(), about.unwrap_or_default().to_owned());
        match self.found.get_mut(&key) {
            Some((_, count)) => {
                *count += 1;
                false
            }
            None => {
                self.found.insert(key, (notice.clone(), 1));
                true
            }
        }
    }

    /// Counts more notices of a kind and column that is already in the log.
    pub(crate) fn count_more(&mut self, kind: &'static str, column: &str, more: u64) {
        if more > 0
            && let Some((_, count)) = self.found.get_mut(&(kind, column.to_owned()))
        {
            *count += more;
        }
    }

    /// The first notice of each kind and column, and their number.
    pub fn counts(&self) -> impl Iterator<Item = (&Notice, u64)> {
        self.found.values().map(|(notice, count)| (notice, *count))
    }

    /// One sentence for each kind and column.
    pub fn lines(&self) -> Vec<String> {
        let line = |(notice, count)| match count {
            1 => format!("{notice}"),
            _ => format!("{notice} ({count} such values)"),
        };
        self.counts().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let expected = [
            "the columns are in a different order than in training; matched by name",
            "line 5: column `a` has `x`, which no training row had",
            "line 3: column `b` has `x`, which no training row had (2 such values)",
        ];
        let mut lines = log.lines();
        lines.sort();
        let mut expected = expected.map(String::from);
        expected.sort();
        assert_eq!(lines, expected);
    }
}
