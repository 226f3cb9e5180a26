//! How a download tells how far it is.

/// Watches downloads. All methods do nothing unless given.
pub trait Progress {
    /// A file, or one more try for it from another source, begins; `total` is its length in bytes, if known.
    fn begin(&mut self, name: &str, total: Option<u64>) {
        let _ = (name, total);
    }

    /// So many bytes of the file are here. May fall back when a server cannot resume.
    fn advance(&mut self, bytes_so_far: u64) {
        let _ = bytes_so_far;
    }

    /// Something worth telling: a source that failed, a wait before the next try.
    fn note(&mut self, message: &str) {
        let _ = message;
    }

    /// The file is done, or no source had it.
    fn end(&mut self) {}
}

/// Says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}
