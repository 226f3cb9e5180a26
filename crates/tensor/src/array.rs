//! Conversions to and from `ndarray`, without a copy if the memory layout allows it.

use crate::native;
use ae_records::arrays::{Element, StoredArray};
use ndarray::{Array, Array2, Array4, ArrayD, ArrayViewD, Dimension, Ix2, Ix4, IxDyn};
use std::slice;
use tch::{Device, Kind, TchError, Tensor};

/// A float tensor on the CPU that takes over the array's memory; an array that is not in standard (row-major)
/// order is copied once.
pub fn from_array<D: Dimension>(array: Array<f32, D>) -> Tensor {
    let dims: Vec<i64> = array.shape().iter().map(|&d| d as i64).collect();
    let values = if array.is_standard_layout() {
        let (mut values, offset) = array.into_raw_vec_and_offset();
        let (start, n) = (offset.unwrap_or(0), dims.iter().product::<i64>() as usize);
        values.truncate(start + n);
        values.drain(..start);
        values
    } else {
        array.iter().copied().collect()
    };
    native::adopt(values, Vec::as_mut_slice, &dims)
        .unwrap_or_else(|e| panic!("cannot make a tensor of {dims:?}: {e}"))
}

/// Views a tensor's memory as an array, without a copy. `None` if the tensor is not float, not on the CPU or
/// not contiguous; use [`to_array`] for those.
pub fn view(tensor: &Tensor) -> Option<ArrayViewD<'_, f32>> {
    if tensor.kind() != Kind::Float || tensor.device() != Device::Cpu || !tensor.is_contiguous() {
        return None;
    }
    let shape: Vec<usize> = tensor.size().iter().map(|&d| d as usize).collect();
    let values: &[f32] = match tensor.numel() {
        0 => &[],
        // SAFETY: the tensor is contiguous, float and on the CPU, so `numel` floats lie at its data pointer;
        // they live as long as the borrow of the tensor.
        n => unsafe { slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), n) },
    };
    ArrayViewD::from_shape(IxDyn(&shape), values).ok()
}

/// The values of a contiguous tensor of 32-bit numbers on the CPU; panics for others.
pub(crate) fn values(tensor: &Tensor) -> &[f32] {
    view(tensor).and_then(|view| view.to_slice()).expect("kernels take contiguous 32-bit numbers on the CPU")
}

/// [`values`], to write to.
///
/// # Safety
/// Nothing else uses the tensor's memory meanwhile.
#[expect(clippy::mut_from_ref, reason = "a tensor is a handle to its memory")]
pub(crate) unsafe fn values_mut(tensor: &Tensor) -> &mut [f32] {
    match values(tensor).len() {
        0 => &mut [],
        // SAFETY: so many values lie there, and the caller's guarantee.
        n => unsafe { slice::from_raw_parts_mut(tensor.data_ptr().cast(), n) },
    }
}

/// Copies the tensor's values into a float array, from any kind and device.
pub fn to_array(tensor: &Tensor) -> ArrayD<f32> {
    let tensor = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    view(&tensor).expect("a contiguous float tensor on the CPU can be viewed").to_owned()
}

/// Samples `[N, …]` as rows `[N, D]`, each sample's values in row-major order; `[N]` becomes `[N, 1]`. Float,
/// from any kind and device.
pub fn to_rows(samples: &Tensor) -> Array2<f32> {
    let rows = if samples.dim() == 1 { samples.unsqueeze(1) } else { samples.flatten(1, -1) };
    to_array(&rows).into_dimensionality::<Ix2>().expect("flattened samples have two dimensions")
}

/// Images `[N, C, H, W]` as an array. Float, from any kind and device.
pub fn to_images(images: &Tensor) -> Array4<f32> {
    assert_eq!(images.dim(), 4, "images are [N, C, H, W], not {:?}", images.size());
    to_array(images).into_dimensionality::<Ix4>().expect("four dimensions")
}

/// The values of a tensor in row-major order, as double precision.
pub fn to_vec(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Double).contiguous().view([-1]);
    Vec::<f64>::try_from(&flat).expect("a flat double tensor on the CPU is a vector")
}

/// Converts a tensor to the form stored in files. Panics for kinds other than float, double and int64.
pub fn to_stored(tensor: &Tensor) -> StoredArray {
    let tensor = tensor.detach().to_device(Device::Cpu).contiguous();
    let element = match tensor.kind() {
        Kind::Float => Element::F32,
        Kind::Double => Element::F64,
        Kind::Int64 => Element::I64,
        other => panic!("files hold float, double and int64 tensors, not {other:?}"),
    };
    let mut bytes = vec![0; tensor.numel() * element.width()];
    // Of no elements there is no address, which `memcpy` must not get.
    if !bytes.is_empty() {
        tensor.copy_data_u8(&mut bytes, tensor.numel());
    }
    StoredArray::new(element, tensor.size().iter().map(|&d| d as usize).collect(), bytes)
}

/// A stored array as a tensor on the CPU.
///
/// # Errors
/// If libtorch does not accept the shape.
pub fn from_stored(stored: &StoredArray) -> Result<Tensor, TchError> {
    let kind = match stored.element() {
        Element::F32 => Kind::Float,
        Element::F64 => Kind::Double,
        Element::I64 => Kind::Int64,
        Element::U8 => Kind::Uint8,
        Element::U32 => {
            return Err(TchError::Kind("libtorch computes with no unsigned 32-bit integers".into()));
        }
    };
    let dims: Vec<i64> = stored.shape().iter().map(|&d| i64::try_from(d).unwrap_or(i64::MAX)).collect();
    match stored.bytes() {
        [] => Tensor::f_zeros(dims, (kind, Device::Cpu)),
        bytes => Tensor::f_from_data_size(bytes, &dims, kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};

    #[test]
    fn a_stored_tensor_comes_back() {
        for tensor in [
            Tensor::from_slice(&[1.5f32, -2.0, 0.0, 4.0]).view([2, 2]),
            Tensor::from_slice(&[1.5f32, -2.0, 0.0, 4.0]).view([2, 2]).tr(),
            Tensor::from_slice(&[7i64, i64::MIN]),
            Tensor::from(0.1f64),
            Tensor::zeros([0], (Kind::Float, Device::Cpu)),
            Tensor::zeros([3, 0], (Kind::Int64, Device::Cpu)),
        ] {
            let again = from_stored(&to_stored(&tensor)).unwrap();
            assert_eq!((again.kind(), again.size()), (tensor.kind(), tensor.size()));
            assert_eq!(again, tensor);
        }
    }

    #[test]
    fn an_array_changes_hands_without_a_copy() {
        let array = Array2::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f32);
        let address = array.as_ptr();
        let tensor = from_array(array.clone());
        assert_eq!(view(&tensor).unwrap(), array.view().into_dyn());
        let moved = from_array(array);
        assert_eq!(moved.data_ptr().cast_const().cast::<f32>(), address);
        let kept = moved.shallow_clone();
        drop(moved);
        assert_eq!(kept.double_value(&[2, 3]), 11.0);
    }

    #[test]
    fn samples_of_any_shape_become_rows() {
        let values = Tensor::arange(24, (Kind::Int64, Device::Cpu));
        for shape in [&[2, 3, 4][..], &[2, 12], &[2, 1, 2, 6]] {
            let rows = to_rows(&values.view(shape));
            assert_eq!(rows, Array2::from_shape_fn((2, 12), |(i, j)| (12 * i + j) as f32));
        }
        assert_eq!(to_rows(&values).dim(), (24, 1));
        assert_eq!(to_rows(&Tensor::zeros([0, 3, 2], (Kind::Float, Device::Cpu))).dim(), (0, 6));
        assert_eq!(to_images(&values.view([2, 1, 3, 4]))[[1, 0, 2, 3]], 23.0);
    }

    #[test]
    #[should_panic(expected = "images are [N, C, H, W], not [24]")]
    fn what_is_no_image_is_named() {
        to_images(&Tensor::zeros([24], (Kind::Float, Device::Cpu)));
    }

    #[test]
    fn every_layout_comes_out_right() {
        let array = Array2::from_shape_fn((4, 6), |(i, j)| (i * 6 + j) as f32);
        let sliced = array.slice(s![1..3, ..]).to_owned();
        for case in [array.clone().reversed_axes(), sliced, Array2::zeros((0, 3))] {
            assert_eq!(to_array(&from_array(case.clone())), case.into_dyn());
        }
        let tensor = from_array(array.clone()).tr();
        assert!(view(&tensor).is_none());
        assert_eq!(to_array(&tensor), array.reversed_axes().into_dyn());
    }
}
