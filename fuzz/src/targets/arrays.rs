//! Arrays in files: NumPy's, alone and in archives, and idx.

use ae_datasets::fuzzing::{parse_idx, parse_labelled_rows, parse_npy};

/// The numbers are as many as the shape says, and the same after writing them again.
pub(crate) fn npy(input: &[u8]) {
    let Ok(array) = parse_npy(input) else { return };
    let numel: usize = array.dims.iter().product();
    assert_eq!((array.rows.nrows(), array.rows.len()), (array.dims[0], numel));
    assert!(numel <= input.len(), "each number takes at least a byte");
    if array.bytes {
        assert!(array.rows.iter().all(|value| (0.0..=255.0).contains(value) && value.fract() == 0.0));
    }
    let again = parse_npy(&written(&array.dims, array.rows.iter().copied())).expect("a plain array");
    assert_eq!((&again.dims, again.bytes), (&array.dims, false));
    let bits = |rows: &ndarray::Array2<f32>| rows.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&again.rows), bits(&array.rows));
}

/// A file of 32-bit floats, row-major.
fn written(dims: &[usize], values: impl Iterator<Item = f32>) -> Vec<u8> {
    let shape: String = dims.iter().map(|dim| format!("{dim},")).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let length = u16::try_from(header.len()).expect("the header of a short input is short");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(length.to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values.flat_map(f32::to_le_bytes));
    file
}

/// Each row has a label, and there is at least one finite value.
pub(crate) fn npz(input: &[u8]) {
    let Ok(rows) = parse_labelled_rows(input) else { return };
    assert_eq!(rows.values.nrows(), rows.is_anomalous.len());
    assert!(!rows.values.is_empty() && rows.values.is_standard_layout());
    assert!(rows.values.iter().all(|value| value.is_finite()));
}

/// The values are the bytes behind the header, as many as the shape says, and nothing is left over.
pub(crate) fn idx(input: &[u8]) {
    let Ok(array) = parse_idx(input) else { return };
    assert_eq!(array.dims.iter().product::<usize>(), array.values.len());
    assert_eq!(input.len(), 4 + 4 * array.dims.len() + array.values.len());
    assert!(input.ends_with(array.values));
}
