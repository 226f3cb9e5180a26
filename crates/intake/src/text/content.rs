//! Reads files, plain or gz, without trusting the lengths that they state.

use ae_records::files::FileError;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Largest content read from a user's file, in bytes.
pub const MAX_CONTENT_BYTES: u64 = 4 << 30;

/// Why the content of a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is damaged or too large.
    #[error("{} is not a usable {format} file: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// `gz` or `data`.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// The content of a file, decompressed if its first bytes (not its name) say that it is gz. Reads at most
/// `limit` bytes of content: a longer file, or a truncated gz, is an error.
///
/// # Errors
/// [`ContentError`]: the file cannot be read, holds more than `limit`, or is a broken gz.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ContentError> {
    let file = File::open(path).map_err(FileError::new("read", path))?;
    read_all(BufReader::new(file), path, limit)
}

/// Like [`read`], from any input; `path` is what messages call it.
///
/// # Errors
/// As [`read`].
pub fn read_all(mut input: impl Read, path: &Path, limit: u64) -> Result<Vec<u8>, ContentError> {
    let read_error = |error| ContentError::from(FileError::new("read", path)(error));
    let mut head = Vec::new();
    input.by_ref().take(2).read_to_end(&mut head).map_err(read_error)?;
    let gz = head == [0x1f, 0x8b];
    let whole = BufReader::new(io::Cursor::new(head).chain(input));
    let mut content = Vec::new();
    // One byte more than allowed, to tell content at the limit from content above it.
    let got = if gz {
        MultiGzDecoder::new(whole).take(limit.saturating_add(1)).read_to_end(&mut content)
    } else {
        whole.take(limit.saturating_add(1)).read_to_end(&mut content)
    };
    let format_error =
        |reason: String| ContentError::Unusable { path: path.to_owned(), format: "gz", reason };
    match got {
        Err(error) if gz && error.kind() == io::ErrorKind::UnexpectedEof => Err(format_error(format!(
            "it is truncated after {} bytes of content; fetch it again",
            content.len()
        ))),
        Err(error)
            if gz && matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) =>
        {
            Err(format_error(error.to_string()))
        }
        Err(error) => Err(read_error(error)),
        Ok(_) if content.len() as u64 > limit => {
            let format = if gz { "gz" } else { "data" };
            let reason = format!("its content exceeds the limit of {limit} bytes");
            Err(ContentError::Unusable { path: path.to_owned(), format, reason })
        }
        Ok(_) => Ok(content),
    }
}

/// Lower-case hexadecimal sha256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gz(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn check(file: &[u8], limit: u64, expected: Result<&[u8], &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, file).unwrap();
        match (read(&path, limit), expected) {
            (Ok(content), Ok(expected)) => assert_eq!(content, expected),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().ends_with(expected), "{error}");
            }
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn plain_and_gz_files_are_read_up_to_their_limit() {
        check(b"abc", 3, Ok(b"abc"));
        check(&gz(b"abc"), 3, Ok(b"abc"));
        check(b"", 3, Ok(b""));
        check(b"\x1f", 3, Ok(b"\x1f"));
        check(b"abcd", 3, Err("not a usable data file: its content exceeds the limit of 3 bytes"));
        check(&gz(b"abcd"), 3, Err("not a usable gz file: its content exceeds the limit of 3 bytes"));
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        check(&gz(&vec![0; 20_000_000]), 1000, Err("its content exceeds the limit of 1000 bytes"));
    }

    #[test]
    fn truncated_or_damaged_gz_is_an_error() {
        let whole = gz(&(0..=255).collect::<Vec<u8>>());
        for length in 2..whole.len() {
            check(&whole[..length], 1000, Err("fetch it again"));
        }
        let mut trailing = whole.clone();
        trailing.extend(b"not gz at all, this");
        check(&trailing, 1000, Err("invalid gzip header"));
        let mut damaged = whole;
        let last = damaged.len() - 5;
        damaged[last] ^= 1;
        check(&damaged, 1000, Err("corrupt gzip stream does not have a matching checksum"));
    }
}
