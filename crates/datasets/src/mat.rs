//! Reads a matrix of bytes from a MATLAB 5 file ("MAT-File Format", The MathWorks, section "Level 5"): a header of
//! 128 bytes, then elements, each a type, a length and content padded to 8 bytes. An element may be compressed by
//! zlib; a matrix is an element of four elements: flags, dimensions, name and values.

use flate2::read::ZlibDecoder;
use std::io::Read;

const HEADER: usize = 128;
/// Version 1 and the mark that the numbers are little-endian, at the end of the header.
const VERSION: [u8; 4] = [0x00, 0x01, b'I', b'M'];
/// Types of elements.
const INT8: u32 = 1;
const UINT8: u32 = 2;
const INT32: u32 = 5;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Maximum bytes of a decompressed element.
const MAX_BYTES: u64 = 64 << 20;

/// A matrix of unsigned bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matrix {
    /// Rows and columns.
    pub dims: [usize; 2],
    /// Column by column.
    pub values: Vec<u8>,
}

/// An element: its type and content, and what follows it.
struct Element<'a> {
    kind: u32,
    content: &'a [u8],
    rest: &'a [u8],
}

/// The matrix called `name`, whose values are stored as unsigned bytes.
pub(crate) fn bytes(file: &[u8], name: &str) -> Result<Matrix, String> {
    let Some((header, mut rest)) = file.split_at_checked(HEADER) else {
        return Err(format!("it ends inside its header, after {} bytes", file.len()));
    };
    if !header.ends_with(&VERSION) {
        return Err("it is not a little-endian file of version 5".into());
    }
    while !rest.is_empty() {
        let element = next(rest)?;
        let mut unpacked = Vec::new();
        let mut matrix = element.content;
        let mut kind = element.kind;
        if kind == COMPRESSED {
            let mut content = ZlibDecoder::new(matrix).take(MAX_BYTES + 1);
            content.read_to_end(&mut unpacked).map_err(|error| error.to_string())?;
            if unpacked.len() as u64 > MAX_BYTES {
                return Err(format!("an element exceeds the limit of {MAX_BYTES} bytes"));
            }
            let inner = next(&unpacked)?;
            (kind, matrix) = (inner.kind, inner.content);
        }
        if kind == MATRIX
            && let Some(found) = named(matrix, name)?
        {
            return Ok(found);
        }
        rest = element.rest;
    }
    Err(format!("it has no matrix `{name}`"))
}

/// The matrix in a [`MATRIX`] element, if it has this name.
fn named(content: &[u8], name: &str) -> Result<Option<Matrix>, String> {
    let flags = next(content)?;
    let dims = next(flags.rest)?;
    let title = next(dims.rest)?;
    if title.kind != INT8 || title.content != name.as_bytes() {
        return Ok(None);
    }
    let values = next(title.rest)?;
    let (sides, tail) = dims.content.as_chunks::<4>();
    let [rows, columns] = sides else {
        return Err(format!("`{name}` has {} dimensions, not 2", sides.len()));
    };
    if dims.kind != INT32 || !tail.is_empty() || values.kind != UINT8 {
        return Err(format!("`{name}` is not a matrix of unsigned bytes"));
    }
    let dims = [rows, columns].map(|side| u32::from_le_bytes(*side) as usize);
    if dims[0].checked_mul(dims[1]) != Some(values.content.len()) {
        return Err(format!("`{name}` states {dims:?}, but {} values follow", values.content.len()));
    }
    Ok(Some(Matrix { dims, values: values.content.to_vec() }))
}

/// Splits the first element off. A short one has its length in the upper half of the type, and up to 4 bytes of
/// content instead of a length.
fn next(bytes: &[u8]) -> Result<Element<'_>, String> {
    let truncated = || format!("it is truncated: an element has only {} bytes", bytes.len());
    let (tag, rest) = bytes.split_at_checked(8).ok_or_else(truncated)?;
    let word = |at: usize| u32::from_le_bytes([tag[at], tag[at + 1], tag[at + 2], tag[at + 3]]);
    let (kind, length) = (word(0), word(4) as usize);
    let short = (kind >> 16) as usize;
    if short > 0 {
        let content = tag[4..].get(..short).ok_or_else(truncated)?;
        return Ok(Element { kind: kind & 0xffff, content, rest });
    }
    let (content, behind) = rest.split_at_checked(length).ok_or_else(truncated)?;
    // A compressed element is not padded.
    let padding = if kind == COMPRESSED { 0 } else { length.next_multiple_of(8) - length };
    Ok(Element { kind, content, rest: behind.get(padding..).unwrap_or(&[]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_records::seed::stream_rng;
    use flate2::{Compression, write::ZlibEncoder};
    use rand_chacha::rand_core::Rng;
    use std::io::Write;

    fn element(kind: u32, content: &[u8]) -> Vec<u8> {
        let mut element = [kind.to_le_bytes(), (content.len() as u32).to_le_bytes()].concat();
        element.extend(content);
        if kind != COMPRESSED {
            element.resize(element.len().next_multiple_of(8), 0);
        }
        element
    }

    fn compressed(element_: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(element_).unwrap();
        element(COMPRESSED, &encoder.finish().unwrap())
    }

    fn matrix(name: &str, dims: &[u32], kind: u32, values: &[u8]) -> Vec<u8> {
        let dims: Vec<u8> = dims.iter().flat_map(|side| side.to_le_bytes()).collect();
        let parts =
            [element(6, &[6, 0, 0, 0, 0, 0, 0, 0]), element(INT32, &dims), element(INT8, name.as_bytes())];
        element(MATRIX, &[parts.concat(), element(kind, values)].concat())
    }

    fn file(elements: &[Vec<u8>]) -> Vec<u8> {
        let mut header = vec![b' '; HEADER - VERSION.len()];
        header.extend(VERSION);
        [header, elements.concat()].concat()
    }

    #[track_caller]
    fn check(file: &[u8], expected: Result<([usize; 2], &[u8]), &str>) {
        match (bytes(file, "faces"), expected) {
            (Ok(matrix), Ok((dims, values))) => {
                assert_eq!((matrix.dims, matrix.values.as_slice()), (dims, values));
            }
            (Err(error), Err(expected)) => assert_eq!(error, expected),
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn a_matrix_is_found_by_its_name() {
        let faces = matrix("faces", &[3, 2], UINT8, &[1, 2, 3, 4, 5, 6]);
        let other = matrix("other", &[1, 1], 9, &[0; 8]);
        let expected = ([3, 2], &[1, 2, 3, 4, 5, 6][..]);
        check(&file(std::slice::from_ref(&faces)), Ok(expected));
        check(&file(&[other.clone(), compressed(&faces)]), Ok(expected));
        check(&file(&[compressed(&other), faces]), Ok(expected));
        check(&file(&[other]), Err("it has no matrix `faces`"));
        // Up to four bytes of content have a tag of their own.
        let mut short = matrix("faces", &[1, 2], UINT8, &[7, 9]);
        let at = short.len() - 16;
        short.splice(at.., [UINT8 as u8, 0, 2, 0, 7, 9, 0, 0]);
        short[4..8].copy_from_slice(&((at) as u32).to_le_bytes());
        check(&file(&[short]), Ok(([1, 2], &[7, 9])));
    }

    #[test]
    fn what_is_not_a_matrix_of_bytes_is_an_error() {
        check(b"MATLAB", Err("it ends inside its header, after 6 bytes"));
        check(&[b' '; HEADER], Err("it is not a little-endian file of version 5"));
        let wrong = |dims: &[u32], kind, values: &[u8], message| {
            check(&file(&[matrix("faces", dims, kind, values)]), Err(message));
        };
        wrong(&[3, 2], UINT8, &[1, 2, 3], "`faces` states [3, 2], but 3 values follow");
        wrong(&[1, 1, 1], UINT8, &[1], "`faces` has 3 dimensions, not 2");
        wrong(&[1, 1], 9, &[0; 8], "`faces` is not a matrix of unsigned bytes");
        let many = u32::MAX;
        let message = format!("`faces` states [{many}, {many}], but 1 values follow");
        wrong(&[many, many], UINT8, &[1], &message);
        let whole = file(&[matrix("faces", &[3, 2], UINT8, &[1, 2, 3, 4, 5, 6])]);
        check(&whole[..HEADER + 5], Err("it is truncated: an element has only 5 bytes"));
        check(&whole[..whole.len() - 8], Err("it is truncated: an element has only 64 bytes"));
    }

    #[test]
    fn damaged_files_never_panic() {
        let mut rng = stream_rng(1, "mat fuzz", 0);
        let faces = matrix("faces", &[3, 2], UINT8, &[1, 2, 3, 4, 5, 6]);
        for round in 0..20_000 {
            let mut bytes_ =
                if round % 2 == 0 { file(&[compressed(&faces)]) } else { file(std::slice::from_ref(&faces)) };
            for _ in 0..1 + rng.next_u32() % 4 {
                let at = HEADER + rng.next_u32() as usize % (bytes_.len() - HEADER);
                bytes_[at] = rng.next_u32() as u8;
            }
            bytes_.truncate(HEADER + rng.next_u32() as usize % (bytes_.len() - HEADER + 1));
            if let Ok(matrix) = bytes(&bytes_, "faces") {
                assert_eq!(matrix.dims[0] * matrix.dims[1], matrix.values.len());
            }
        }
    }
}
