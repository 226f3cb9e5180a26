//! Files as they lie on the disk, plain or compressed.

use ae_intake::{content, unpacked};
use std::io::{Cursor, Read};
use std::path::Path;

/// What is allowed, in millions of bytes; a bomb holds more.
const MAX_MEMORY_MB: u64 = 1;

/// Never more than the limit; a plain file is its bytes; a stream gives the same as a file.
pub(crate) fn read(input: &[u8]) {
    let whole = content::read_all(input, Path::new("fuzz"), Some(MAX_MEMORY_MB));
    if !input.starts_with(&[0x1f, 0x8b]) && !input.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        assert_eq!(whole.as_ref().ok().map(|(content, _)| content.as_slice()), Some(input));
    }
    let mut streamed = Vec::new();
    let stream = unpacked(Cursor::new(input.to_vec()), "fuzz").expect("memory can be read");
    let limit = MAX_MEMORY_MB * 1_000_000 / 4;
    let result = stream.take(limit + 1).read_to_end(&mut streamed);
    match whole {
        Ok((content, memory)) => {
            assert_eq!(memory.content_bytes(), limit);
            assert!(content.len() as u64 <= limit);
            assert!(result.is_ok() && streamed == content);
        }
        Err(_) => assert!(result.is_err() || streamed.len() as u64 > limit),
    }
}
