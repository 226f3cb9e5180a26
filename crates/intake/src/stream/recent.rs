//! A bounded map that forgets what has been unused for longest.

use std::collections::{BTreeMap, HashMap};

/// Values by name, at most `most` of them.
#[derive(Clone, Debug)]
pub(super) struct Recent<T> {
    most: usize,
    by_name: HashMap<String, Used<T>>,
    /// The name of each by its last use.
    by_use: BTreeMap<u64, String>,
    /// Uses so far.
    uses: u64,
}

#[derive(Clone, Debug)]
struct Used<T> {
    last: u64,
    value: T,
}

impl<T> Recent<T> {
    /// Holds nothing, and later at most `most` values, at least one.
    pub(super) fn new(most: usize) -> Self {
        Recent { most: most.max(1), by_name: HashMap::new(), by_use: BTreeMap::new(), uses: 0 }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The value of a name, without using it.
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.by_name.get(name).map(|used| &used.value)
    }

    /// Uses the value of a name.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let used = self.by_name.get_mut(name)?;
        self.uses += 1;
        let name = self.by_use.remove(&used.last).expect("each value has a last use");
        self.by_use.insert(self.uses, name);
        used.last = self.uses;
        Some(&mut used.value)
    }

    /// Sets the value of a name, which uses it, and returns the name that was forgotten to make room for it.
    pub(super) fn insert(&mut self, name: &str, value: T) -> Option<String> {
        if let Some(known) = self.get_mut(name) {
            *known = value;
            return None;
        }
        let oldest = if self.by_name.len() >= self.most { self.by_use.pop_first() } else { None };
        let forgotten = oldest.map(|(_, name)| name);
        forgotten.iter().for_each(|name| {
            self.by_name.remove(name);
        });
        self.uses += 1;
        self.by_use.insert(self.uses, name.to_owned());
        self.by_name.insert(name.to_owned(), Used { last: self.uses, value });
        forgotten
    }

    /// All names and values, the one that has been unused for longest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.by_use.values().map(|name| (name, &self.by_name[name].value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_been_unused_for_longest_is_forgotten() {
        let mut recent = Recent::new(2);
        assert_eq!((recent.insert("a", 1), recent.insert("b", 2)), (None, None));
        // To look is not to use.
        assert_eq!(recent.get("a"), Some(&1));
        assert_eq!(recent.insert("c", 3), Some("a".into()));
        assert_eq!(recent.get_mut("b"), Some(&mut 2));
        assert_eq!(recent.insert("d", 4), Some("c".into()));
        assert_eq!(recent.insert("b", 5), None);
        assert_eq!(recent.get_mut("c"), None);
        assert_eq!((recent.get("a"), recent.get("c"), recent.get("b")), (None, None, Some(&5)));
        assert_eq!(recent.iter().collect::<Vec<_>>(), [(&"d".to_owned(), &4), (&"b".to_owned(), &5)]);
    }
}
