//! The file of an index: named arrays, and what they mean, behind a checksum.

use super::error::FinderError;
use ae_datasets::sparse::SparseRows;
use ae_models::ModelConfig;
use ae_records::arrays::{self, Element, StoredArray, TensorFileError};
use ae_tensor::{Device, Tensor, array};
use ae_training::{Metadata, PortableModel};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Version of the layout that this version writes and reads.
const FORMAT: u32 = 1;
/// What the arrays of a model begin with.
const MODEL: &str = "coder.";

/// What stands in the metadata of every index.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// What is indexed.
    search_index: String,
    format: u32,
    /// Version of the program that wrote it.
    version: String,
    about: Value,
    /// Metadata of the model whose codes are searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<Value>,
}

/// The file of an index while it is put together.
#[derive(Debug, Default)]
pub(super) struct Writer {
    arrays: Vec<(String, StoredArray)>,
    model: Option<Metadata>,
}

impl Writer {
    pub(super) fn bytes(&mut self, name: &str, bytes: Vec<u8>) {
        self.arrays.push((name.into(), StoredArray::of_bytes(bytes)));
    }

    pub(super) fn numbers(&mut self, name: &str, numbers: impl ExactSizeIterator<Item = u64>) {
        let shape = vec![numbers.len()];
        let bytes = numbers.flat_map(|number| (number as i64).to_le_bytes()).collect();
        self.arrays.push((name.into(), StoredArray::new(Element::I64, shape, bytes)));
    }

    pub(super) fn texts(&mut self, name: &str, texts: &[String]) {
        let ends = texts.iter().scan(0, |end, text| {
            *end += text.len() as u64;
            Some(*end)
        });
        let ends: Vec<u64> = ends.collect();
        self.numbers(&format!("{name}.ends"), ends.into_iter());
        self.bytes(name, texts.concat().into_bytes());
    }

    pub(super) fn rows(&mut self, name: &str, rows: &SparseRows) {
        let mut ends = vec![0];
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for row in 0..rows.len() {
            let (of_row, counts): (Vec<u32>, Vec<f32>) = rows.row(row).unzip();
            columns.extend(of_row);
            values.extend(counts);
            ends.push(columns.len() as u64);
        }
        self.numbers(&format!("{name}.starts"), ends.into_iter());
        self.columns(&format!("{name}.columns"), &columns);
        self.arrays.push((format!("{name}.values"), StoredArray::of_f32(&[values.len()], values)));
    }

    pub(super) fn columns(&mut self, name: &str, columns: &[u32]) {
        self.arrays.push((name.into(), StoredArray::of_u32(columns)));
    }

    pub(super) fn tensor(&mut self, name: &str, tensor: &Tensor) {
        self.arrays.push((name.into(), array::to_stored(tensor)));
    }

    pub(super) fn model(&mut self, model: &PortableModel) {
        let stored = |(name, tensor): (String, Tensor)| (format!("{MODEL}{name}"), array::to_stored(&tensor));
        self.arrays.extend(model.tensors().into_iter().map(stored));
        self.model = Some(model.metadata.clone());
    }

    /// Writes the file, or leaves what is there.
    pub(super) fn write(self, path: &Path, kind: &str, about: &impl Serialize) -> Result<(), FinderError> {
        let head = Head {
            search_index: kind.into(),
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            about: serde_json::to_value(about).expect("what an index says about itself is JSON"),
            model: self.model.map(|model| serde_json::to_value(model).expect("metadata are JSON")),
        };
        Ok(arrays::write(path, &self.arrays, &head)?)
    }
}

/// The file of an index that was read. Nothing in it is believed before it is checked.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) path: PathBuf,
    pub(super) kind: String,
    arrays: BTreeMap<String, StoredArray>,
    about: Value,
    model: Option<Value>,
}

impl Stored {
    pub(super) fn read(path: &Path) -> Result<Self, FinderError> {
        let wrong = |reason: String| FinderError::Index { path: path.into(), reason };
        let (arrays, value): (_, Value) = arrays::read(path).map_err(|error| match error {
            TensorFileError::Damaged { .. } => wrong("it is truncated, or in another format".into()),
            TensorFileError::Foreign { .. } => wrong("another program wrote it".into()),
            error => error.into(),
        })?;
        if value.get("search_index").is_none() {
            return Err(wrong("it holds something else".into()));
        }
        match value.get("format").and_then(Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            format => {
                let format = format.map_or_else(|| "no format".into(), |format| format!("format {format}"));
                return Err(wrong(format!("it has {format}, but this version reads format {FORMAT}")));
            }
        }
        let head: Head = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        let Head { search_index: kind, about, model, .. } = head;
        Ok(Stored { path: path.into(), kind, arrays, about, model })
    }

    pub(super) fn wrong(&self, reason: impl Into<String>) -> FinderError {
        FinderError::Index { path: self.path.clone(), reason: reason.into() }
    }

    pub(super) fn about<T: DeserializeOwned>(&self) -> Result<T, FinderError> {
        T::deserialize(&self.about).map_err(|error| self.wrong(error.to_string()))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    fn array(&self, name: &str, element: Element) -> Result<&StoredArray, FinderError> {
        let array = self.arrays.get(name).filter(|array| array.element() == element);
        array.ok_or_else(|| self.wrong(format!("`{name}` is missing or of another type")))
    }

    pub(super) fn bytes(&self, name: &str) -> Result<&[u8], FinderError> {
        Ok(self.array(name, Element::U8)?.bytes())
    }

    pub(super) fn numbers(&self, name: &str) -> Result<Vec<usize>, FinderError> {
        let whole = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let all = self.array(name, Element::I64)?.bytes().chunks_exact(8).map(whole);
        let all: Result<Vec<usize>, _> = all.map(usize::try_from).collect();
        all.map_err(|_| self.wrong(format!("`{name}` has a negative number")))
    }

    pub(super) fn columns(&self, name: &str) -> Result<Vec<u32>, FinderError> {
        let whole = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        Ok(self.array(name, Element::U32)?.bytes().chunks_exact(4).map(whole).collect())
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, FinderError> {
        let wrong = || self.wrong(format!("`{name}` is not divided into texts"));
        let all = std::str::from_utf8(self.bytes(name)?).map_err(|_| wrong())?;
        let mut start = 0;
        let mut texts = Vec::new();
        for end in self.numbers(&format!("{name}.ends"))? {
            texts.push(all.get(start..end).ok_or_else(wrong)?.to_owned());
            start = end;
        }
        if start == all.len() { Ok(texts) } else { Err(wrong()) }
    }

    /// Sparse rows of `width` columns.
    pub(super) fn rows(&self, name: &str, width: usize) -> Result<SparseRows, FinderError> {
        let starts = self.numbers(&format!("{name}.starts"))?;
        let columns = self.columns(&format!("{name}.columns"))?;
        let values = self.array(&format!("{name}.values"), Element::F32)?.bytes().chunks_exact(4);
        let values = values.map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes"))).collect();
        SparseRows::new(width, starts, columns, values).map_err(|error| self.wrong(error.to_string()))
    }

    /// A matrix of finite numbers with so many rows, if that is known, and at least one column.
    pub(super) fn matrix(&self, name: &str, rows: Option<usize>) -> Result<Tensor, FinderError> {
        let wrong = || self.wrong(format!("`{name}` is not the matrix that it should be"));
        let stored = self.arrays.get(name).ok_or_else(wrong)?;
        let fits = matches!(stored.shape(), [n, d] if *d > 0 && rows.is_none_or(|rows| rows == *n));
        if !fits || !matches!(stored.element(), Element::F32 | Element::F64) {
            return Err(wrong());
        }
        let tensor = array::from_stored(stored).map_err(|_| wrong())?;
        match bool::try_from(tensor.isfinite().all()) {
            Ok(true) => Ok(tensor),
            _ => Err(wrong()),
        }
    }

    /// The model, with all checks of a model file.
    pub(super) fn model(&mut self, device: Device) -> Result<PortableModel, FinderError> {
        let metadata = self.model.take().ok_or_else(|| self.wrong("it holds no model"))?;
        let mut tensors = BTreeMap::new();
        for (name, stored) in &self.arrays {
            let Some(name) = name.strip_prefix(MODEL) else { continue };
            let tensor = array::from_stored(stored).map_err(|error| self.wrong(error.to_string()))?;
            tensors.insert(name.to_owned(), tensor);
        }
        Ok(PortableModel::from_tensors::<ModelConfig>(tensors, metadata, &self.path, device)?)
    }
}
