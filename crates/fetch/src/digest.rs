//! SHA-256 of files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::artifact::Digest;

/// A file's SHA-256 (64 lower-case hexadecimal digits) and its length in bytes.
///
/// # Errors
/// Those of opening and reading the file.
pub fn sha256_file(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((hex(hasher), bytes)),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                bytes += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a file with this checksum and length is one of those accepted.
pub fn is_accepted(accepted: &[Digest], sha256: &str, bytes: u64) -> bool {
    accepted.iter().any(|digest| {
        digest.sha256.eq_ignore_ascii_case(sha256) && digest.bytes.is_none_or(|expected| expected == bytes)
    })
}

pub(crate) fn hex(hasher: Sha256) -> String {
    ae_records::digest::hex(hasher.finalize())
}
