//! Which group (machine, site, patient) each row belongs to. Nothing that is learned from time steps or judged by
//! them crosses from one group to another.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// The group of each row, in the order of the rows; empty if there is no group column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Each name once, in the order of the first rows.
    names: Vec<String>,
    codes: Vec<u32>,
    by_name: HashMap<String, u32>,
}

impl Groups {
    /// Each name once, in the order of the first rows.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The position of a row's name in [`Groups::names`]; `None` if there is no group column.
    pub fn code(&self, row: usize) -> Option<usize> {
        self.codes.get(row).map(|&code| code as usize)
    }

    /// The name of a row's group; `None` if there is no group column.
    pub fn name(&self, row: usize) -> Option<&str> {
        self.code(row).map(|code| self.names[code].as_str())
    }

    /// Whether there is no group column, or no row.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    pub(crate) fn push(&mut self, name: &str) {
        let code = match self.by_name.get(name) {
            Some(&code) => code,
            None => {
                let code = u32::try_from(self.names.len()).expect("fewer names than rows of a block");
                self.by_name.insert(name.to_owned(), code);
                self.names.push(name.to_owned());
                code
            }
        };
        self.codes.push(code);
    }

    pub(crate) fn append(&mut self, below: Groups) {
        if self.is_empty() {
            *self = below;
            return;
        }
        for row in 0..below.codes.len() {
            self.push(below.name(row).expect("a name for each row"));
        }
    }

    /// The order that puts the rows of each group together, the groups sorted by name and the rows of a group in the
    /// order in which they were.
    pub(crate) fn in_order(&self, column: String, position: usize) -> (Vec<usize>, TableGroups) {
        let mut sorted: Vec<usize> = (0..self.names.len()).collect();
        sorted.sort_unstable_by(|&a, &b| self.names[a].cmp(&self.names[b]));
        let mut place = vec![0; sorted.len()];
        sorted.iter().enumerate().for_each(|(at, &code)| place[code] = at);
        let mut bounds = vec![0; sorted.len() + 1];
        self.codes.iter().for_each(|&code| bounds[place[code as usize] + 1] += 1);
        for at in 1..bounds.len() {
            bounds[at] += bounds[at - 1];
        }
        let mut next = bounds.clone();
        let mut order = vec![0; self.codes.len()];
        for (row, &code) in self.codes.iter().enumerate() {
            let to = &mut next[place[code as usize]];
            order[*to] = row;
            *to += 1;
        }
        let names = sorted.iter().map(|&code| self.names[code].clone()).collect();
        (order, TableGroups { column, position, names, bounds })
    }
}

/// The column that names the group (machine, site, patient) of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its position in the training file, from 0.
    pub position: usize,
    /// The groups of the training rows, sorted. A group is referred to by its place here.
    pub names: Vec<String>,
}

impl Group {
    /// The place of a name in [`Group::names`]; `None` for a group that training did not have.
    pub fn place(&self, name: &str) -> Option<u32> {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok().map(|place| place as u32)
    }
}

/// What there is to tell about a group of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupNotice {
    /// No training row had it.
    Unknown,
    /// The stream has more groups at a time than fit into memory, and this one has been without a row for longest.
    Forgotten,
}

impl fmt::Display for GroupNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GroupNotice::Unknown => "no training row had this group; it is judged by the threshold of all groups",
            GroupNotice::Forgotten => {
                "its last steps are forgotten, because there are more groups than fit into memory; if it comes back, its \
                 window fills anew"
            }
        })
    }
}

/// The groups of a table, whose rows are ordered by group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableGroups {
    /// Name of the column.
    pub column: String,
    /// Its position in the file, from 0.
    pub position: usize,
    /// `[G]`, the names of the groups, sorted.
    pub names: Vec<String>,
    /// `[G + 1]`, ascending: the rows of group `g` are `bounds[g]..bounds[g + 1]`.
    pub bounds: Vec<usize>,
}

impl TableGroups {
    /// The rows of a group.
    pub fn rows(&self, group: usize) -> Range<usize> {
        self.bounds[group]..self.bounds[group + 1]
    }

    /// The group of a row.
    pub fn of_row(&self, row: usize) -> usize {
        self.bounds[1..].partition_point(|&end| end <= row)
    }

    /// The groups of the first `rows` rows.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.bounds.iter_mut().for_each(|bound| *bound = (*bound).min(rows));
        let there = self.bounds.windows(2).take_while(|pair| pair[0] < pair[1]).count();
        self.names.truncate(there);
        self.bounds.truncate(there + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> Groups {
        let mut groups = Groups::default();
        names.iter().for_each(|name| groups.push(name));
        groups
    }

    #[test]
    fn rows_of_a_group_are_put_together_in_their_own_order() {
        let (order, table) = groups(&["b", "a", "b", "c", "a"]).in_order("machine".into(), 1);
        assert_eq!(order, [1, 4, 0, 2, 3]);
        assert_eq!(
            (&table.names[..], &table.bounds[..]),
            (&["a", "b", "c"].map(String::from)[..], &[0, 2, 4, 5][..])
        );
        assert_eq!([0, 1, 2, 3, 4].map(|row| table.of_row(row)), [0, 0, 1, 1, 2]);
        assert_eq!(table.rows(1), 2..4);
        for (rows, names, bounds) in [(3, 2, vec![0, 2, 3]), (2, 1, vec![0, 2]), (9, 3, vec![0, 2, 4, 5])] {
            let mut head = table.clone();
            head.truncate(rows);
            assert_eq!((head.names.len(), head.bounds), (names, bounds));
        }
    }

    #[test]
    fn joined_blocks_share_their_names() {
        let mut all = groups(&["b", "a"]);
        all.append(groups(&["a", "c"]));
        assert_eq!(all, groups(&["b", "a", "a", "c"]));
        let mut none = Groups::default();
        none.append(groups(&["x"]));
        assert_eq!((none.name(0), none.name(1), none.is_empty()), (Some("x"), None, false));
    }
}
