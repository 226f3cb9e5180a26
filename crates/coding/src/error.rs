//! Why something cannot be decoded.

/// Why bytes are not a file of compressed pictures, or cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// Another kind of file.
    #[error("this is not a file of compressed pictures; `ae compress` writes them")]
    NotOurs,
    /// A version that this program does not know.
    #[error("the file has version {0} of the format, but this program reads version 1; use a newer `ae`")]
    Version(u8),
    /// The file is cut off, or bytes were changed.
    #[error("the file is damaged: {0}; get it again, or compress the pictures again")]
    Damaged(&'static str),
    /// More than can be stored.
    #[error("{what}: {got}, but at most {limit} can be stored")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        got: u64,
        /// The greatest legal number.
        limit: u64,
    },
}
