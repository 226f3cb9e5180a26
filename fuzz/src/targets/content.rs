//! Files as they lie on the disk, plain or gz.

use ae_intake::{content, inflated};
use std::io::{Cursor, Read};
use std::path::Path;

/// The most that is read; a bomb holds more.
const LIMIT_BYTES: u64 = 1 << 16;

/// Never more than the limit; a plain file is its bytes; a stream gives the same as a file.
pub(crate) fn read(input: &[u8]) {
    let whole = content::read_all(input, Path::new("fuzz"), LIMIT_BYTES);
    if !input.starts_with(&[0x1f, 0x8b]) {
        assert_eq!(whole.as_deref().ok(), Some(input));
    }
    let mut streamed = Vec::new();
    let stream = inflated(Cursor::new(input.to_vec())).expect("memory can be read");
    let result = stream.take(LIMIT_BYTES + 1).read_to_end(&mut streamed);
    match whole {
        Ok(whole) => {
            assert!(whole.len() as u64 <= LIMIT_BYTES);
            assert!(result.is_ok() && streamed == whole);
        }
        Err(_) => assert!(result.is_err() || streamed.len() as u64 > LIMIT_BYTES),
    }
}
