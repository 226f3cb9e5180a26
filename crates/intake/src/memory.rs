//! How much memory reading an input may take: a small file must not take the machine's memory.

use std::fmt;

/// Memory that any input may take, in bytes.
const BASE: u64 = 200_000_000;
/// Memory that each byte of input may take in addition.
const PER_BYTE: u64 = 64;
/// Memory that fitting a detector to an array may take, in millions of bytes.
const ARRAY_MB: u64 = 4_000;
/// Copies of all numbers that exist at a time while a file is parsed.
const PARSE_COPIES: u64 = 3;
/// Copies of the encoded training rows, twice over, that a fit takes in all: of the other parts, of damaged rows, of
/// scores in double precision, and what the allocator keeps.
const FIT_COPIES: u64 = 18;
/// Memory that the model which is chosen by default, its optimizer and its copies take for each value of a row; most on
/// processors with vectors of 512 bits.
const MODEL_BYTES: u64 = 26_000;

/// The most memory that reading an input, and learning from it, may take: 200 MB and 64 bytes for each byte of the
/// input as it is stored, or what the user allows. It is checked before anything is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    input: u64,
    bytes: u64,
}

/// An input that would take more memory than it may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name}: {what} would take {need}, but an input of {} may take {}; if the file is what you expect, allow \
     more with input.max_memory_mb{}",
    Size(limit.input), Size(limit.bytes), suggestion.map_or(String::new(), |mb| format!(" = {mb}"))
)]
pub struct MemoryError {
    /// The input.
    pub name: String,
    /// What would take it: `40000 rows of 30001 columns`.
    pub what: String,
    /// How much, as far as it is known: `10.8 GB of memory`, or `too much memory`.
    pub need: String,
    /// How much is allowed.
    pub limit: MemoryLimit,
    /// What to allow, in millions of bytes, if the need is known.
    pub suggestion: Option<u64>,
}

impl MemoryError {
    /// Content of a compressed file that is longer than [`MemoryLimit::content_bytes`]; how long is not known.
    pub(crate) fn of_content(name: &str, limit: MemoryLimit) -> Self {
        MemoryError {
            name: name.to_owned(),
            what: format!("its content, of more than {},", Size(limit.content_bytes())),
            need: "too much memory".into(),
            limit,
            suggestion: None,
        }
    }
}

impl MemoryLimit {
    /// For an input of this many bytes, as it is stored; `max_memory_mb` is what the user allows instead, in
    /// millions of bytes.
    pub fn for_input(bytes: u64, max_memory_mb: Option<u64>) -> Self {
        let own = BASE.saturating_add(PER_BYTE.saturating_mul(bytes));
        MemoryLimit { input: bytes, bytes: max_memory_mb.map_or(own, |mb| mb.saturating_mul(1_000_000)) }
    }

    /// For numbers that a program already holds in memory, which no file made up: 4 GB, or what is allowed.
    pub(crate) fn for_array(bytes: u64, max_memory_mb: Option<u64>) -> Self {
        Self::for_input(bytes, Some(max_memory_mb.unwrap_or(ARRAY_MB)))
    }

    /// The limit in bytes.
    pub fn bytes(self) -> u64 {
        self.bytes
    }

    /// Largest content that a compressed input may have, in bytes: what is made of it needs memory, too.
    pub fn content_bytes(self) -> u64 {
        self.bytes / 4
    }

    /// How many encoded rows of `width` values each part of the rows may hold while a detector is fitted; at least
    /// one.
    pub fn encoded_rows(self, width: usize) -> usize {
        let width = (width as u64).max(1);
        let left = self.bytes.saturating_sub(width.saturating_mul(MODEL_BYTES)).max(self.bytes / 4);
        let row = width.saturating_mul(2 * FIT_COPIES * size_of::<f32>() as u64);
        usize::try_from(left / row).unwrap_or(usize::MAX).max(1)
    }

    /// Checks a need of so many bytes.
    ///
    /// # Errors
    /// [`MemoryError`] if it is more than the limit.
    pub fn check(self, name: &str, what: impl FnOnce() -> String, need: u64) -> Result<(), MemoryError> {
        if need <= self.bytes {
            return Ok(());
        }
        // What is made of the rows takes memory, too.
        let suggestion = Some(need.div_ceil(1_000_000).saturating_mul(2));
        let (name, need) = (name.to_owned(), format!("{} of memory", Size(need)));
        Err(MemoryError { name, what: what(), need, limit: self, suggestion })
    }

    /// Checks `rows` rows of `columns` numbers, parsed from `content` bytes.
    ///
    /// # Errors
    /// As [`MemoryLimit::check`].
    pub fn check_rows(
        self,
        name: &str,
        content: usize,
        rows: u64,
        columns: usize,
    ) -> Result<(), MemoryError> {
        let numbers = rows.saturating_mul(columns as u64);
        let bytes = numbers.saturating_mul(size_of::<f32>() as u64 * PARSE_COPIES);
        let what = || format!("{rows} rows of {columns} columns");
        self.check(name, what, bytes.saturating_add(content as u64))
    }
}

/// A number of bytes as people write it.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        match self.0 {
            0..1_000 => write!(f, "{} bytes", self.0),
            1_000..1_000_000 => write!(f, "{:.0} kB", bytes / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{:.0} MB", bytes / 1e6),
            _ => write!(f, "{:.1} GB", bytes / 1e9),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_input_may_take_little_and_the_user_more() {
        let limit = MemoryLimit::for_input(1_000, None);
        assert_eq!(limit.bytes(), 200_064_000);
        limit.check_rows("a.csv", 1_000, 100, 10).unwrap();
        let error = limit.check_rows("a.csv", 1_000, 1_000_000, 60_000).unwrap_err().to_string();
        let expected = "a.csv: 1000000 rows of 60000 columns would take 720.0 GB of memory, but an input of 1 kB may \
                        take 200 MB; if the file is what you expect, allow more with input.max_memory_mb = 1440002";
        assert_eq!(error, expected);
        MemoryLimit::for_input(1_000, Some(1_440_002)).check_rows("", 1_000, 1_000_000, 60_000).unwrap();
        // Nothing overflows.
        let most = MemoryLimit::for_input(u64::MAX, Some(u64::MAX));
        assert!(most.check_rows("", usize::MAX, u64::MAX, usize::MAX).is_ok());
        assert!(limit.check_rows("", usize::MAX, u64::MAX, usize::MAX).is_err());
    }
}
