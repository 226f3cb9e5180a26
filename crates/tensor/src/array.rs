//! The bridge to `ndarray`: without a copy where the memory allows it.

use crate::native;
use ndarray::{Array, ArrayD, ArrayViewD, Dimension, IxDyn};
use std::slice;
use tch::{Device, Kind, Tensor};

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
    native::adopt(values, &dims).unwrap_or_else(|e| panic!("cannot make a tensor of {dims:?}: {e}"))
}

/// Looks at a tensor's memory as an array, without a copy. `None` where the memory cannot be looked at: another
/// kind than float, another device than the CPU, or not contiguous; [`to_array`] serves those.
pub fn view(tensor: &Tensor) -> Option<ArrayViewD<'_, f32>> {
    if tensor.kind() != Kind::Float || tensor.device() != Device::Cpu || !tensor.is_contiguous() {
        return None;
    }
    let shape: Vec<usize> = tensor.size().iter().map(|&d| d as usize).collect();
    let values: &[f32] = match tensor.numel() {
        0 => &[],
        // SAFETY: the tensor is contiguous, float and on the CPU, so `numel` floats lie at its data pointer; they
        // live as long as the borrow of the tensor.
        n => unsafe { slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), n) },
    };
    ArrayViewD::from_shape(IxDyn(&shape), values).ok()
}

/// The tensor's values as an array of its own: float, from any kind and device.
pub fn to_array(tensor: &Tensor) -> ArrayD<f32> {
    let tensor = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    view(&tensor).expect("a contiguous float tensor on the CPU can be looked at").to_owned()
}

/// The values of a tensor in row-major order, as double precision.
pub fn to_vec(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Double).contiguous().view([-1]);
    Vec::<f64>::try_from(&flat).expect("a flat double tensor on the CPU is a vector")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};

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
