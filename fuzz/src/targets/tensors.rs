//! Named arrays in safetensors files: detectors, models and checkpoints.

use ae_records::arrays::{self, StoredArray};
use ae_records::checkpoint::{CheckpointMetadata, Origin};
use serde_json::Value;
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

thread_local! {
    /// Files are read by path; this one is in memory where the system has such a folder.
    static FILE: LazyCell<PathBuf> = LazyCell::new(|| {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        folder.join(format!("ae-fuzz-{}.safetensors", std::process::id()))
    });
}

/// Arrays fit their shapes and the file, and are the same after writing them again.
pub(crate) fn read(input: &[u8]) {
    FILE.with(|path| {
        let Some((arrays, metadata)) = of_bytes(input, path) else { return };
        let mut total = 0;
        for array in arrays.values() {
            let numbers: usize = array.shape().iter().product();
            assert_eq!((array.len(), array.bytes().len()), (numbers, numbers * array.element().width()));
            assert_eq!((array.to_f64().len(), array.is_empty()), (numbers, numbers == 0));
            total += array.bytes().len();
        }
        assert!(total <= input.len());
        let listed: Vec<(String, StoredArray)> = arrays.clone().into_iter().collect();
        arrays::write(path, &listed, &metadata).expect("arrays that were read can be written");
        let again = arrays::read::<Value>(path).expect("what was written is read");
        assert_eq!(again, (arrays, metadata));
    });
}

fn of_bytes(input: &[u8], path: &Path) -> Option<(BTreeMap<String, StoredArray>, Value)> {
    // Signed again, so that altered files get past the checksum.
    let mut signed = input.to_vec();
    arrays::sign(&mut signed);
    match arrays::decode(&signed, path) {
        Ok(read) => Some(read),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// The metadata of a checkpoint survive being written, and what has changed is told in a few words.
pub(crate) fn checkpoint(input: &[u8]) {
    let Ok(metadata) = serde_json::from_slice::<CheckpointMetadata>(input) else { return };
    let text = serde_json::to_string(&metadata).expect("what was read can be written");
    let again: CheckpointMetadata = serde_json::from_str(&text).expect("what was written is read");
    // Numbers are compared as text: a loss may be -0 or too small to be told from 0.
    assert_eq!(serde_json::to_string(&again).unwrap_or_default(), text);
    let CheckpointMetadata { origin, .. } = metadata;
    assert_eq!(origin.changed_since(&again.origin), None);
    let nothing = Origin { settings: Value::Null, data: Vec::new() };
    for (now, then) in [(&origin, &nothing), (&nothing, &origin)] {
        assert_eq!(now.changed_since(then).is_none(), now == then);
    }
}
