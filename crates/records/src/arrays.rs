//! Reads and writes named arrays with one metadata entry as a safetensors file. Writes are atomic, and files
//! are not trusted.
//!
//! Detectors, models and checkpoints are all stored this way. Nothing here links libtorch, and any program
//! that reads safetensors can inspect the files. Each holds the SHA-256 of its content, which shows accidental
//! damage; it is no signature, so whoever alters a file on purpose can write a new one.

use crate::digest::{Sealed, UNKNOWN};
use crate::files::{self, FileError};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The only metadata entry; the order of several would change from run to run.
const KEY: &str = "autoencoders";
/// What stands before the checksum, as the header escapes it.
const MARKER: &str = r#"{\"sha256\":\""#;
/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 8 << 30;

/// The metadata entry.
#[derive(Serialize, Deserialize)]
struct Entry<M> {
    /// Of the file, with these digits as zeros; first, so that it is found without parsing.
    sha256: String,
    content: M,
}

/// A tensor file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TensorFileError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a safetensors file, or a damaged one.
    #[error("{} is not a complete safetensors file: {reason}; it may be truncated, or in another format", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A safetensors file of another program.
    #[error("{} was not written by autoencoders: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A file of an earlier version.
    #[error("{} holds no checksum, so an earlier version of autoencoders wrote it; make it again", .0.display())]
    NoChecksum(PathBuf),
    /// Some bits have changed since the file was written.
    #[error(
        "{} is damaged: its content has the SHA-256 {actual}, but it was written with {stated}; restore it from a \
         copy, or make it again",
        path.display()
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// The checksum in the file.
        stated: String,
        /// That of its content.
        actual: String,
    },
}

/// The type of the numbers in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floats.
    F32,
    /// 64-bit floats.
    F64,
    /// 64-bit integers.
    I64,
    /// Unsigned bytes: texts and pixels.
    U8,
    /// Unsigned 32-bit integers.
    U32,
}

impl Element {
    /// Bytes of one number.
    pub fn width(self) -> usize {
        match self {
            Element::U8 => 1,
            Element::F32 | Element::U32 => 4,
            Element::F64 | Element::I64 => 8,
        }
    }

    fn dtype(self) -> Dtype {
        match self {
            Element::F32 => Dtype::F32,
            Element::F64 => Dtype::F64,
            Element::I64 => Dtype::I64,
            Element::U8 => Dtype::U8,
            Element::U32 => Dtype::U32,
        }
    }
}

/// An array as a file holds it: its shape, and its numbers in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredArray {
    element: Element,
    shape: Vec<usize>,
    /// Little-endian, as the format asks.
    bytes: Vec<u8>,
}

impl StoredArray {
    /// An array of these bytes, little-endian, row-major. Panics if their number does not match the shape.
    pub fn new(element: Element, shape: Vec<usize>, bytes: Vec<u8>) -> Self {
        let numbers: usize = shape.iter().product();
        assert_eq!(bytes.len(), numbers * element.width(), "the bytes of an array of shape {shape:?}");
        StoredArray { element, shape, bytes }
    }

    /// 32-bit floats of a shape. Panics if their number does not match it.
    pub fn of_f32(shape: &[usize], numbers: impl IntoIterator<Item = f32>) -> Self {
        Self::new(Element::F32, shape.to_vec(), numbers.into_iter().flat_map(f32::to_le_bytes).collect())
    }

    /// 64-bit floats of a shape. Panics if their number does not match it.
    pub fn of_f64(shape: &[usize], numbers: impl IntoIterator<Item = f64>) -> Self {
        Self::new(Element::F64, shape.to_vec(), numbers.into_iter().flat_map(f64::to_le_bytes).collect())
    }

    /// Bytes, as one row.
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        Self::new(Element::U8, vec![bytes.len()], bytes)
    }

    /// Unsigned 32-bit integers, as one row.
    pub fn of_u32(numbers: &[u32]) -> Self {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Self::new(Element::U32, vec![numbers.len()], bytes)
    }

    /// The type of its numbers.
    pub fn element(&self) -> Element {
        self.element
    }

    /// Its shape; empty for a single number.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its bytes, little-endian, row-major.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.element.width()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Its numbers as 64-bit floats, row-major; integers beyond 2⁵³ are rounded.
    pub fn to_f64(&self) -> Vec<f64> {
        fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            bytes.chunks_exact(N).map(|chunk| number(chunk.try_into().expect("chunks of N bytes"))).collect()
        }
        match self.element {
            Element::F32 => each(&self.bytes, |bytes| f64::from(f32::from_le_bytes(bytes))),
            Element::F64 => each(&self.bytes, f64::from_le_bytes),
            Element::I64 => each(&self.bytes, |bytes| i64::from_le_bytes(bytes) as f64),
            Element::U8 => self.bytes.iter().map(|&byte| f64::from(byte)).collect(),
            Element::U32 => each(&self.bytes, |bytes| f64::from(u32::from_le_bytes(bytes))),
        }
    }

    fn of_view(view: &TensorView<'_>) -> Option<Self> {
        let element = match view.dtype() {
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            Dtype::I64 => Element::I64,
            Dtype::U8 => Element::U8,
            Dtype::U32 => Element::U32,
            _ => return None,
        };
        // safetensors has checked that the bytes fit the shape.
        Some(StoredArray { element, shape: view.shape().to_vec(), bytes: view.data().to_vec() })
    }
}

impl safetensors::View for &StoredArray {
    fn dtype(&self) -> Dtype {
        self.element.dtype()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes named arrays with `metadata` and a checksum, into a folder that is there; a crash leaves the old file or
/// the new one. The same arrays and metadata give the same bytes.
///
/// # Errors
/// If the file cannot be written.
pub fn write<M: Serialize>(
    path: &Path,
    arrays: &[(String, StoredArray)],
    metadata: &M,
) -> Result<(), TensorFileError> {
    let entry = Entry { sha256: UNKNOWN.into(), content: metadata };
    let entry = serde_json::to_string(&entry).expect("our metadata are always JSON");
    let entries = HashMap::from([(KEY.to_string(), entry)]);
    let views = arrays.iter().map(|(name, array)| (name.as_str(), array));
    let mut bytes = safetensors::serialize(views, Some(entries)).expect("arrays fit their shapes");
    assert!(sign(&mut bytes), "the entry has a place for the checksum");
    Ok(files::write_atomic_beside(path, &bytes)?)
}

/// Writes the checksum of a file's content into the file, for programs that alter one. Returns whether there was
/// a place for it.
pub fn sign(bytes: &mut [u8]) -> bool {
    sealed(bytes).seal(bytes)
}

/// The checksum is in the header, whose length comes first.
fn sealed(bytes: &[u8]) -> Sealed<'static> {
    let length = bytes.first_chunk::<8>().map_or(0, |length| u64::from_le_bytes(*length));
    Sealed { marker: MARKER, within: usize::try_from(length.saturating_add(8)).unwrap_or(usize::MAX) }
}

/// Reads all arrays and the metadata of a regular file. No more memory is allocated than twice the file's length.
///
/// # Errors
/// If the file cannot be read, is damaged, or is not ours.
pub fn read<M: DeserializeOwned>(path: &Path) -> Result<(BTreeMap<String, StoredArray>, M), TensorFileError> {
    decode(&files::read(path, MAX_BYTES)?, path)
}

/// Reads all arrays and the metadata from the content of a file; `path` is what messages call it.
///
/// # Errors
/// If the content is damaged, or is not ours.
pub fn decode<M: DeserializeOwned>(
    bytes: &[u8],
    path: &Path,
) -> Result<(BTreeMap<String, StoredArray>, M), TensorFileError> {
    let damaged = |reason: String| TensorFileError::Damaged { path: path.into(), reason };
    let foreign = |reason: String| TensorFileError::Foreign { path: path.into(), reason };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(e.to_string()))?;
    let text = header.metadata().as_ref().and_then(|m| m.get(KEY));
    let text = text.ok_or_else(|| foreign(format!("its metadata lack `{KEY}`")))?;
    match sealed(bytes).stated_and_actual(bytes) {
        None => return Err(TensorFileError::NoChecksum(path.into())),
        Some((stated, actual)) if stated != actual => {
            return Err(TensorFileError::Altered { path: path.into(), stated, actual });
        }
        Some(_) => {}
    }
    let entry: Entry<M> =
        serde_json::from_str(text).map_err(|e| foreign(format!("cannot read its metadata: {e}")))?;
    let file = SafeTensors::deserialize(bytes).map_err(|e| damaged(e.to_string()))?;
    let mut arrays = BTreeMap::new();
    for (name, view) in file.iter() {
        let array = StoredArray::of_view(&view).ok_or_else(|| {
            foreign(format!(
                "`{name}` is {:?} {:?}, a type that our files never hold",
                view.dtype(),
                view.shape()
            ))
        })?;
        arrays.insert(name.to_string(), array);
    }
    Ok((arrays, entry.content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn arrays() -> Vec<(String, StoredArray)> {
        let whole = StoredArray::new(Element::I64, vec![1], 7i64.to_le_bytes().to_vec());
        vec![
            ("b".into(), StoredArray::of_f32(&[2, 2], [1.5, -2.0, 0.0, 4.0])),
            ("a".into(), whole),
            ("c".into(), StoredArray::of_f64(&[], [0.1])),
        ]
    }

    #[test]
    fn arrays_come_back_and_bytes_repeat() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        write(&one, &arrays(), &"hello").unwrap();
        write(&two, &arrays(), &"hello").unwrap();
        assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
        let (read, metadata): (_, String) = read(&one).unwrap();
        assert_eq!(metadata, "hello");
        assert_eq!(read, arrays().into_iter().collect());
        assert_eq!(read["b"].to_f64(), [1.5, -2.0, 0.0, 4.0]);
        assert_eq!((read["a"].to_f64(), read["c"].to_f64()), (vec![7.0], vec![0.1]));
        assert_eq!((read["c"].len(), read["c"].shape()), (1, &[][..]));
    }

    #[test]
    #[should_panic(expected = "the bytes of an array of shape [3]")]
    fn numbers_fit_their_shape() {
        StoredArray::of_f32(&[3], [1.0, 2.0]);
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, &arrays(), &"hello").unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            let error = decode::<String>(&whole[..length], &path).unwrap_err();
            assert!(matches!(error, TensorFileError::Damaged { .. }), "{length}: {error}");
        }
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode::<String>(&bytes, &path).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn an_altered_file_is_told_from_one_without_a_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, &arrays(), &"hello").unwrap();
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let error = decode::<String>(&bytes, &path).unwrap_err();
        assert!(matches!(error, TensorFileError::Altered { .. }), "{error}");
        assert!(sign(&mut bytes));
        decode::<String>(&bytes, &path).unwrap();
        let header = br#"{"__metadata__":{"autoencoders":"{}"}}"#;
        let old = [&(header.len() as u64).to_le_bytes()[..], header].concat();
        let error = decode::<String>(&old, &path).unwrap_err();
        assert!(matches!(error, TensorFileError::NoChecksum(_)), "{error}");
    }

    #[test]
    fn hostile_and_foreign_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let check = |bytes: &[u8], expected: &str| {
            fs::write(&path, bytes).unwrap();
            let error = read::<String>(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        // A header that claims 2^63 bytes, and an array that claims as much.
        check(&[&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "not a complete safetensors file");
        let header = br#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}}"#;
        check(
            &[&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat(),
            "not a complete safetensors file",
        );
        check(b"\x80\x04pickle", "not a complete safetensors file");
        let header = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        check(
            &[&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat(),
            "not written by autoencoders",
        );
    }
}
