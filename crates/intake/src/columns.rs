//! Decides what each column is (numbers, categories, times, the label, or ignored) and what a row is.

pub(crate) mod clock;
pub(crate) mod find;
pub(crate) mod formats;
pub(crate) mod groups;
pub(crate) mod independence;
pub(crate) mod kinds;
pub(crate) mod labels;
pub(crate) mod layout;
pub(crate) mod matching;
pub(crate) mod period;
pub(crate) mod profile;
pub(crate) mod remarks;
pub(crate) mod sentinels;
pub(crate) mod stamps;
pub(crate) mod style;
pub(crate) mod times;
pub(crate) mod written;
