//! Named tensors in a file of [`ae_records::arrays`].

use ae_records::arrays;
use ae_tensor::{Tensor, array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;

pub use ae_records::arrays::TensorFileError;

/// Writes named tensors with `metadata`. The same tensors and metadata give the same bytes.
///
/// # Errors
/// If the file cannot be written.
pub fn write<M: Serialize>(
    path: &Path,
    tensors: &[(String, Tensor)],
    metadata: &M,
) -> Result<(), TensorFileError> {
    let stored = |(name, tensor): &(String, Tensor)| (name.clone(), array::to_stored(tensor));
    arrays::write(path, &tensors.iter().map(stored).collect::<Vec<_>>(), metadata)
}

/// Reads all tensors, to the CPU, and the metadata.
///
/// # Errors
/// If the file cannot be read, is damaged, or is not ours.
pub fn read<M: DeserializeOwned>(path: &Path) -> Result<(BTreeMap<String, Tensor>, M), TensorFileError> {
    let (arrays, metadata) = arrays::read(path)?;
    let mut tensors = BTreeMap::new();
    for (name, stored) in arrays {
        let tensor = array::from_stored(&stored).map_err(|error| TensorFileError::Foreign {
            path: path.into(),
            reason: format!("`{name}`: {error}"),
        })?;
        tensors.insert(name, tensor);
    }
    Ok((tensors, metadata))
}

/// The tensors without their names.
pub(crate) fn unnamed(tensors: Vec<(String, Tensor)>) -> Vec<Tensor> {
    tensors.into_iter().map(|(_, tensor)| tensor).collect()
}

/// Copies values into existing tensors.
pub(crate) fn copy(to: &[Tensor], from: &[Tensor]) {
    ae_tensor::tch::no_grad(|| {
        for (to, from) in to.iter().zip(from) {
            to.shallow_clone().copy_(from);
        }
    });
}

/// Copies `from` into `to`; returns what was there.
pub(crate) fn exchange(to: &[Tensor], from: &[Tensor]) -> Vec<Tensor> {
    let before = to.iter().map(|t| t.detach().copy()).collect();
    copy(to, from);
    before
}
