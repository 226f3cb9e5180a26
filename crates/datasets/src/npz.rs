//! Reads NumPy's `.npz` archives: zip files with an array in each member, `X.npy` for the array `X`.

use crate::npy::{self, Npy};
use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::result::ZipError;

/// Numbers in an array, at most; the largest array of a known set has half as many.
const MAX_NUMBERS: usize = 1 << 24;
/// Bytes of a member once inflated, at most: as many numbers of 8 bytes, after a header.
const MAX_INFLATED: u64 = 8 * MAX_NUMBERS as u64 + 4096;

/// An archive in memory.
pub(crate) struct Npz<'a>(ZipArchive<Cursor<&'a [u8]>>);

impl<'a> Npz<'a> {
    pub(crate) fn open(content: &'a [u8]) -> Result<Self, String> {
        ZipArchive::new(Cursor::new(content)).map(Npz).map_err(|error| error.to_string())
    }

    /// The array with this name. What the archive states about its length is not believed.
    pub(crate) fn array(&mut self, name: &str) -> Result<Npy<f64>, String> {
        let member = format!("{name}.npy");
        let wrong = |reason: String| format!("its array `{name}` is not usable: {reason}");
        let file = self.0.by_name(&member).map_err(|error| match error {
            ZipError::FileNotFound => format!("it has no array `{name}`, which would be its member {member}"),
            other => wrong(other.to_string()),
        })?;
        let mut content = Vec::new();
        file.take(MAX_INFLATED + 1).read_to_end(&mut content).map_err(|error| wrong(error.to_string()))?;
        if content.len() as u64 > MAX_INFLATED {
            return Err(wrong(format!("it inflates to more than {MAX_INFLATED} bytes")));
        }
        // In memory, a number may take eight times as much as in the file.
        let numel = npy::numel(&content).map_err(wrong)?;
        if numel > MAX_NUMBERS {
            return Err(wrong(format!("it has {numel} numbers; at most {MAX_NUMBERS} are supported")));
        }
        npy::parse_as(&content).map_err(wrong)
    }
}
