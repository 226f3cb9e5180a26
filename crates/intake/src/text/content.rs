//! Reads files, plain or compressed, without trusting the lengths that they state.

use crate::decode::packed::Packing;
use crate::memory::{MemoryError, MemoryLimit};
use ae_records::files::{self, FileError};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Largest file that is read from a user, and largest content, in bytes.
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
        /// `gz`, `zstd`, `zip`, `xlsx`, `ods` or `data`.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The content would take too much memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// The content of a regular file, decompressed if its first bytes (not its name) say that it is gz or zstd. Reads at
/// most `limit` bytes of content, for files whose length is known: a longer or truncated file is an error.
///
/// # Errors
/// [`ContentError`]: the file cannot be read, holds more than `limit`, or is broken.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ContentError> {
    let mut input = BufReader::new(files::open(path)?);
    let head = input.fill_buf().map_err(FileError::new("read", path))?;
    let Some(packing) = Packing::of(head) else { return plain(input, path, limit) };
    let content = unpack(packing, input, path, limit)?;
    if content.len() as u64 > limit { Err(too_long(path, packing.name(), limit)) } else { Ok(content) }
}

/// The content of a user's file, decompressed as by [`read`], and how much memory it may take, which its length
/// in the file system decides unless `max_memory_mb` does.
///
/// # Errors
/// As [`read`], and [`ContentError::Memory`] if it is compressed and its content is too large for its length.
pub fn read_own(path: &Path, max_memory_mb: Option<u64>) -> Result<(Vec<u8>, MemoryLimit), ContentError> {
    read_all(files::open(path)?, path, max_memory_mb)
}

/// Like [`read_own`], from any input; `path` is what messages call it.
///
/// # Errors
/// As [`read_own`].
pub fn read_all(
    input: impl Read,
    path: &Path,
    max_memory_mb: Option<u64>,
) -> Result<(Vec<u8>, MemoryLimit), ContentError> {
    let stored = plain(BufReader::new(input), path, MAX_CONTENT_BYTES)?;
    let memory = MemoryLimit::for_input(stored.len() as u64, max_memory_mb);
    let Some(packing) = Packing::of(&stored) else { return Ok((stored, memory)) };
    let limit = memory.content_bytes().min(MAX_CONTENT_BYTES);
    let content = unpack(packing, stored.as_slice(), path, limit)?;
    if content.len() as u64 > limit {
        return Err(match limit < MAX_CONTENT_BYTES {
            true => MemoryError::of_content(&path.display().to_string(), memory).into(),
            false => too_long(path, packing.name(), limit),
        });
    }
    Ok((content, memory))
}

/// One byte more than allowed is read, to tell content at the limit from content above it.
pub(crate) fn plain(input: impl Read, path: &Path, limit: u64) -> Result<Vec<u8>, ContentError> {
    let mut content = Vec::new();
    input
        .take(limit.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| ContentError::from(FileError::new("read", path)(error)))?;
    if content.len() as u64 > limit { Err(too_long(path, "data", limit)) } else { Ok(content) }
}

/// The content, or its first `limit` bytes and one more.
fn unpack(
    packing: Packing,
    input: impl BufRead + Send,
    path: &Path,
    limit: u64,
) -> Result<Vec<u8>, ContentError> {
    let mut content = Vec::new();
    let got = packing
        .unpack(input)
        .and_then(|unpacked| unpacked.take(limit.saturating_add(1)).read_to_end(&mut content));
    let broken =
        |reason: String| ContentError::Unusable { path: path.to_owned(), format: packing.name(), reason };
    match got {
        Ok(_) => Ok(content),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let read = content.len();
            Err(broken(format!("it is truncated after {read} bytes of content; fetch it again")))
        }
        // What `zstd` finds is of no particular kind.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::Other
            ) =>
        {
            Err(broken(error.to_string()))
        }
        Err(error) => Err(FileError::new("read", path)(error).into()),
    }
}

fn too_long(path: &Path, format: &'static str, limit: u64) -> ContentError {
    let reason = format!("its content exceeds the limit of {limit} bytes");
    ContentError::Unusable { path: path.to_owned(), format, reason }
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

    fn zst(content: &[u8]) -> Vec<u8> {
        zstd::encode_all(content, 3).unwrap()
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
        check(&zst(b"abc"), 3, Ok(b"abc"));
        check(&[zst(b"ab"), zst(b"c")].concat(), 3, Ok(b"abc"));
        check(b"", 3, Ok(b""));
        check(b"\x1f", 3, Ok(b"\x1f"));
        check(b"abcd", 3, Err("not a usable data file: its content exceeds the limit of 3 bytes"));
        check(&zst(b"abcd"), 3, Err("not a usable zstd file: its content exceeds the limit of 3 bytes"));
        check(&gz(b"abcd"), 3, Err("not a usable gz file: its content exceeds the limit of 3 bytes"));
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        for pack in [gz, zst] {
            check(&pack(&vec![0; 20_000_000]), 1000, Err("its content exceeds the limit of 1000 bytes"));
            // In a file of the user's own, memory follows the length in the file system.
            let bomb = pack(&vec![0; 100_000_000]);
            let error = read_all(bomb.as_slice(), Path::new("bomb"), None).unwrap_err();
            assert!(matches!(error, ContentError::Memory(_)), "{error}");
        }
        // A frame that states a window of 2 GB (RFC 8878, 3.1.1.1.2) gets none.
        let wide = [b"\x28\xb5\x2f\xfd\x00\xa8".as_slice(), &[1, 0, 0]].concat();
        check(&wide, 1000, Err("Frame requires too much memory for decoding"));
    }

    #[test]
    fn truncated_or_damaged_files_are_errors() {
        let packed = zst(&(0..=255).collect::<Vec<u8>>());
        for length in 4..packed.len() {
            check(&packed[..length], 1000, Err("fetch it again"));
        }
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
