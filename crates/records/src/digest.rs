//! SHA-256: of bytes, and of a file that holds its own checksum.

use sha2::{Digest, Sha256};
use std::ops::Range;

/// Digits of a checksum.
const DIGITS: usize = 64;

/// The SHA-256 of these bytes: 64 lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal digits, two each.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = bytes.as_ref();
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// What a checksum is before it is known.
pub const UNKNOWN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A file whose checksum stands inside it, after a marker. The checksum covers every byte; its own digits count
/// as zeros.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'m> {
    /// What stands before the digits, for the first time in the file.
    pub marker: &'m str,
    /// The marker and the digits lie within this many bytes.
    pub within: usize,
}

impl Sealed<'_> {
    /// Writes the checksum into the file. Returns whether there was a place for it.
    pub fn seal(&self, bytes: &mut [u8]) -> bool {
        let Some(place) = self.place(bytes) else { return false };
        let digits = digest_without(bytes, &place);
        bytes[place].copy_from_slice(digits.as_bytes());
        true
    }

    /// The checksum in the file, and that of its content; `None` if it holds none.
    pub fn stated_and_actual(&self, bytes: &[u8]) -> Option<(String, String)> {
        let place = self.place(bytes)?;
        let stated = String::from_utf8_lossy(&bytes[place.clone()]).into_owned();
        Some((stated, digest_without(bytes, &place)))
    }

    fn place(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let marker = self.marker.as_bytes();
        let head = &bytes[..bytes.len().min(self.within)];
        let start = head.windows(marker.len()).position(|window| window == marker)? + marker.len();
        let digits = head.get(start..start + DIGITS)?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(start..start + DIGITS)
    }
}

fn digest_without(bytes: &[u8], place: &Range<usize>) -> String {
    let mut hasher = Sha256::new_with_prefix(&bytes[..place.start]);
    hasher.update(UNKNOWN);
    hasher.update(&bytes[place.end..]);
    hex(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_sha256sum() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(UNKNOWN.len(), DIGITS);
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let seal = Sealed { marker: "sum=", within: 100 };
        let mut file = format!("head sum={UNKNOWN} body").into_bytes();
        assert!(seal.seal(&mut file));
        let (stated, actual) = seal.stated_and_actual(&file).unwrap();
        assert_eq!(stated, actual);
        for bit in 0..8 * file.len() {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let same = seal.stated_and_actual(&flipped).is_some_and(|(stated, actual)| stated == actual);
            assert!(!same, "bit {bit}");
        }
        assert!(!seal.seal(&mut b"nothing here".to_vec()));
        assert!(seal.stated_and_actual(b"sum=12").is_none());
    }
}
