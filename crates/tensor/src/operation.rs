//! Differentiable operations whose forward and backward passes are computed by our own kernels.

use crate::native::{self, TorchError};
use ae_kernels::{Gradients, ImageChain, Kept};
use std::ffi::{c_char, c_int, c_void};
use std::slice;
use std::sync::Arc;
use tch::Tensor;
use torch_sys::C_tensor;

/// `struct AeOperation` of the shim.
#[repr(C)]
pub(crate) struct Calls {
    forward:
        unsafe extern "C" fn(*const c_void, *const *const f32, i64, i64, *mut f32, i64, c_int) -> *mut c_void,
    backward: unsafe extern "C" fn(
        *const c_void,
        *const c_void,
        *const *const f32,
        i64,
        *const f32,
        i64,
        *const *mut f32,
        i64,
    ),
    release_kept: unsafe extern "C" fn(*mut c_void),
    release_operation: unsafe extern "C" fn(*const c_void),
}

unsafe extern "C" {
    fn ae_apply(
        operation: *const c_void,
        calls: *const Calls,
        inputs: *mut *mut C_tensor,
        n: i64,
        dims: *const i64,
        n_dims: i64,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
}

const IMAGES: Calls = Calls { forward, backward, release_kept, release_operation };

/// Images `[N, C, H, W]` through a chain, with its parameters: `[N, C', H', W']`. Gradients flow to all of them, but they
/// cannot be differentiated once more.
///
/// # Errors
/// A tensor is not of 32-bit numbers on the CPU. Panics for images or parameters of other sizes.
pub fn through_images(
    chain: &Arc<ImageChain>,
    x: &Tensor,
    parameters: &[&Tensor],
) -> Result<Tensor, TorchError> {
    let sizes: Vec<usize> = parameters.iter().map(|parameter| parameter.numel()).collect();
    assert_eq!(sizes, chain.parameters(), "the parameters have the sizes of the layers");
    let size = x.size();
    assert_eq!(size[1..], chain.input_shape().map(|n| n as i64), "the images have the shape of the chain");
    let [channels, height, width] = chain.output_shape().map(|n| n as i64);
    let dims = [size[0], channels, height, width];
    let mut inputs: Vec<*mut C_tensor> = vec![x.as_ptr().cast_mut()];
    inputs.extend(parameters.iter().map(|parameter| parameter.as_ptr().cast_mut()));
    let operation = Arc::into_raw(Arc::clone(chain)).cast::<c_void>();
    // SAFETY: valid tensors that live through the call, whose sizes were checked; the shim owns `operation` from now on.
    native::made(|out| unsafe {
        let n = inputs.len() as i64;
        ae_apply(operation, &IMAGES, inputs.as_mut_ptr(), n, dims.as_ptr(), dims.len() as i64, out)
    })
}

/// # Safety
/// The arguments are those of [`through_images`], checked there.
unsafe extern "C" fn forward(
    operation: *const c_void,
    inputs: *const *const f32,
    n: i64,
    samples: i64,
    out: *mut f32,
    n_out: i64,
    keep: c_int,
) -> *mut c_void {
    // SAFETY: the caller's guarantee.
    let (chain, images, parameters, out) = unsafe {
        let chain = &*operation.cast::<ImageChain>();
        let inputs = slice::from_raw_parts(inputs, n as usize);
        let images = slice::from_raw_parts(inputs[0], samples as usize);
        (chain, images, arrays(chain, &inputs[1..]), slice::from_raw_parts_mut(out, n_out as usize))
    };
    let threads = &crate::threads::Libtorch;
    if keep == 0 {
        chain.forward(&parameters, images, out, threads);
        return std::ptr::null_mut();
    }
    let kept = chain.forward_kept(&parameters, images, out, threads);
    Box::into_raw(Box::new(kept)).cast()
}

/// # Safety
/// `kept` comes from [`forward`] with the same operation, and all arrays have the sizes that it had.
unsafe extern "C" fn backward(
    operation: *const c_void,
    kept: *const c_void,
    parameters: *const *const f32,
    n: i64,
    gradient: *const f32,
    n_gradient: i64,
    to: *const *mut f32,
    samples: i64,
) {
    // SAFETY: the caller's guarantee; the gradients are different arrays.
    unsafe {
        let chain = &*operation.cast::<ImageChain>();
        let kept = &*kept.cast::<Kept>();
        let parameters = arrays(chain, slice::from_raw_parts(parameters, n as usize));
        let gradient = slice::from_raw_parts(gradient, n_gradient as usize);
        let to = slice::from_raw_parts(to, 1 + n as usize);
        let images = (!to[0].is_null()).then(|| slice::from_raw_parts_mut(to[0], samples as usize));
        // All parameters of a network are trained, or none is.
        let wanted = to[1..].iter().any(|gradient| !gradient.is_null());
        let mut unwanted: Vec<Vec<f32>> = Vec::new();
        let of = |(&to, &len): (&*mut f32, &usize)| match to.is_null() {
            false => slice::from_raw_parts_mut(to, len),
            true => {
                unwanted.push(vec![0.0; len]);
                let nowhere = unwanted.last_mut().expect("it was just put there");
                slice::from_raw_parts_mut(nowhere.as_mut_ptr(), len)
            }
        };
        let all: Option<Vec<&mut [f32]>> =
            wanted.then(|| to[1..].iter().zip(chain.parameters()).map(of).collect());
        let gradients = Gradients { images, parameters: all };
        chain.backward(&parameters, kept, gradient, gradients, &crate::threads::Libtorch);
    }
}

/// # Safety
/// An array for each parameter of the chain, of its size.
unsafe fn arrays<'a>(chain: &ImageChain, arrays: &[*const f32]) -> Vec<&'a [f32]> {
    let sizes = chain.parameters().iter();
    // SAFETY: the caller's guarantee.
    arrays.iter().zip(sizes).map(|(&array, &len)| unsafe { slice::from_raw_parts(array, len) }).collect()
}

unsafe extern "C" fn release_kept(kept: *mut c_void) {
    // SAFETY: it comes from `forward`, and is released once.
    drop(unsafe { Box::from_raw(kept.cast::<Kept>()) });
}

unsafe extern "C" fn release_operation(operation: *const c_void) {
    // SAFETY: it comes from `through_images`, and is released once.
    drop(unsafe { Arc::from_raw(operation.cast::<ImageChain>()) });
}
