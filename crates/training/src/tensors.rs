//! safetensors files: written whole with one metadata entry, read without trusting them.

use ae_records::files::{self, FileError};
use ae_tensor::{Kind, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// The one metadata entry; more than one would be written in an order that changes from run to run.
const KEY: &str = "autoencoders";

/// A tensor file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TensorFileError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a safetensors file, or a damaged one.
    #[error("{} is not a complete safetensors file: {reason}; it may be truncated, or of another kind", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A safetensors file of something else.
    #[error("{} was not written by autoencoders: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
}

/// Writes named tensors with `metadata`. The same tensors and metadata give the same bytes.
///
/// # Errors
/// Where the file cannot be written.
pub fn write<M: Serialize>(
    path: &Path,
    tensors: &[(String, Tensor)],
    metadata: &M,
) -> Result<(), TensorFileError> {
    let metadata = serde_json::to_string(metadata).expect("our metadata are always JSON");
    let metadata = HashMap::from([(KEY.to_string(), metadata)]);
    let views: Vec<(&str, Raw)> = tensors.iter().map(|(name, t)| (name.as_str(), Raw::new(t))).collect();
    let bytes = safetensors::serialize(views, Some(metadata)).expect("tensors of known kinds can be written");
    Ok(files::write_atomic(path, |file| file.write_all(&bytes))?)
}

/// Reads all tensors, to the CPU, and the metadata. Nothing larger than the file itself is allocated.
///
/// # Errors
/// Where the file cannot be read, is damaged, or is not ours.
pub fn read<M: DeserializeOwned>(path: &Path) -> Result<(BTreeMap<String, Tensor>, M), TensorFileError> {
    let damaged = |reason: String| TensorFileError::Damaged { path: path.into(), reason };
    let foreign = |reason: String| TensorFileError::Foreign { path: path.into(), reason };
    let bytes = fs::read(path).map_err(FileError::new("read", path))?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
    let text = header.metadata().as_ref().and_then(|m| m.get(KEY));
    let text = text.ok_or_else(|| foreign(format!("its metadata have no `{KEY}`")))?;
    let metadata = serde_json::from_str(text).map_err(|e| foreign(format!("its metadata: {e}")))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let tensor = tensor_of(&view).ok_or_else(|| {
            foreign(format!("`{name}` is {:?} {:?}, which no file of ours holds", view.dtype(), view.shape()))
        })?;
        tensors.insert(name.to_string(), tensor);
    }
    Ok((tensors, metadata))
}

fn tensor_of(view: &TensorView<'_>) -> Option<Tensor> {
    let kind = match view.dtype() {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        Dtype::I64 => Kind::Int64,
        _ => return None,
    };
    let dims: Vec<i64> = view.shape().iter().map(|&d| i64::try_from(d).ok()).collect::<Option<_>>()?;
    Tensor::f_from_data_size(view.data(), &dims, kind).ok()
}

/// A tensor's bytes on the CPU, little-endian as the format asks.
struct Raw {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Raw {
    fn new(tensor: &Tensor) -> Self {
        let tensor = tensor.detach().to_device(ae_tensor::Device::Cpu).contiguous();
        let (dtype, width) = match tensor.kind() {
            Kind::Float => (Dtype::F32, 4),
            Kind::Double => (Dtype::F64, 8),
            Kind::Int64 => (Dtype::I64, 8),
            other => panic!("a run keeps float, double and int64 tensors, not {other:?}"),
        };
        let n = tensor.numel();
        let mut bytes = vec![0; n * width];
        tensor.copy_data_u8(&mut bytes, n);
        Raw { dtype, shape: tensor.size().iter().map(|&d| d as usize).collect(), bytes }
    }
}

impl safetensors::View for Raw {
    fn dtype(&self) -> Dtype {
        self.dtype
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors() -> Vec<(String, Tensor)> {
        vec![
            ("b".into(), Tensor::from_slice(&[1.5f32, -2.0, 0.0, 4.0]).view([2, 2])),
            ("a".into(), Tensor::from_slice(&[7i64])),
            ("c".into(), Tensor::from(0.1f64)),
        ]
    }

    #[test]
    fn tensors_come_back_and_bytes_repeat() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        write(&one, &tensors(), &"hello").unwrap();
        write(&two, &tensors(), &"hello").unwrap();
        assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
        let (read, metadata): (_, String) = read(&one).unwrap();
        assert_eq!(metadata, "hello");
        assert_eq!(read.len(), 3);
        for (name, tensor) in tensors() {
            assert_eq!(read[&name], tensor);
            assert_eq!(read[&name].kind(), tensor.kind());
        }
    }

    #[test]
    fn every_truncation_and_every_flipped_header_byte_is_refused_or_read_without_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, &tensors(), &"hello").unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let error = read::<String>(&path).unwrap_err();
            assert!(matches!(error, TensorFileError::Damaged { .. }), "{length}: {error}");
        }
        for place in 0..whole.len().min(300) {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] ^= flip;
                fs::write(&path, &bytes).unwrap();
                let _ = read::<String>(&path);
            }
        }
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
        // A header that claims 2^63 bytes, and a tensor that claims as much.
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
