//! Reports the progress of downloads.

/// Watches downloads. By default, every method does nothing.
pub trait Progress {
    /// A file begins, or another try for it from the next source; `total` is its length in bytes, if known.
    fn begin(&mut self, name: &str, total: Option<u64>) {
        let _ = (name, total);
    }

    /// This many bytes of the file have arrived. The number drops if a server cannot resume.
    fn advance(&mut self, bytes_so_far: u64) {
        let _ = bytes_so_far;
    }

    /// A message for the user: a source that failed, a wait before the next try.
    fn note(&mut self, message: &str) {
        let _ = message;
    }

    /// The file is done, or no source had it.
    fn end(&mut self) {}
}

/// Reports nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}
