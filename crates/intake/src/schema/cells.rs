//! What a schema holds about the cells of its columns: formats of numbers, and what counts as missing.

use crate::columns::profile::MAX_LEVEL;
use crate::input::MAX_MISSING;
use crate::schema::{Field, FieldKind};

/// Most numbers of a column that stand for a missing value: those that are found, and those that the user named.
const MAX_SENTINELS: usize = MAX_MISSING + 8;

impl Field {
    /// The number as it counts: `NaN` if it stands for a missing value.
    pub(crate) fn observed_number(&self, value: f32) -> f32 {
        if self.sentinels.contains(&value) { f32::NAN } else { value }
    }
}

/// Whether training can give these cells; categories have neither formats nor numbers.
pub(super) fn are_sound(field: &Field) -> bool {
    let is_number = matches!(field.kind, FieldKind::Number { .. });
    field.format.is_sound()
        && field.sentinels.len() <= MAX_SENTINELS
        && field.sentinels.iter().all(|value| value.is_finite())
        && (is_number || (field.format.is_plain() && field.sentinels.is_empty()))
}

/// Whether a configuration can give these values that count as missing.
pub(super) fn are_sound_words(words: &[String]) -> bool {
    let sound = |word: &String| !word.trim().is_empty() && word.len() <= MAX_LEVEL;
    words.len() <= MAX_MISSING && words.iter().all(sound)
}
