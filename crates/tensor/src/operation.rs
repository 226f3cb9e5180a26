//! Differentiable operations whose forward and backward passes are computed by our own kernels. With a [`Tape`], the result is
//! in no graph of libtorch's: the way back is kept there.

use crate::kernels::Kernels;
use crate::native::{self, TorchError};
use crate::tape::Tape;
use crate::threads::Libtorch;
use ae_kernels::{
    DenseLayers, Gradients, ImageChain, Loss, Operation, Posterior, Recurrence, Reduction, Transformer,
    ValueLoss,
};
use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;
use std::slice;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

/// `struct AeArray` of the shim.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Array {
    values: *mut f32,
    len: i64,
}

/// `struct AeOperation` of the shim.
#[repr(C)]
pub(crate) struct Calls {
    forward: unsafe extern "C" fn(*const c_void, *const Array, i64, Array, c_int) -> *mut c_void,
    backward: unsafe extern "C" fn(*const c_void, *const c_void, *const Array, i64, Array, *const Array),
    release_kept: unsafe extern "C" fn(*mut c_void),
    release_operation: unsafe extern "C" fn(*const c_void),
    needs_samples: c_int,
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

/// Images `[N, C, H, W]` through a chain, with its parameters: `[N, C', H', W']`. Gradients flow to all of them, but they
/// cannot be differentiated once more.
///
/// # Errors
/// A tensor is not of 32-bit numbers on the CPU. Panics for images or parameters of other sizes.
pub fn through_images(
    chain: &Arc<ImageChain>,
    x: &Tensor,
    parameters: &[&Tensor],
    tape: Option<&mut Tape>,
) -> Result<Tensor, TorchError> {
    let size = x.size();
    assert_eq!(size[1..], chain.input_shape().map(|n| n as i64), "the images have the shape of the chain");
    let [channels, height, width] = chain.output_shape().map(|n| n as i64);
    check(parameters, chain.parameters());
    apply(chain, x, parameters, &[size[0], channels, height, width], tape)
}

/// Rows `[N, in]` through dense layers, with their parameters: `[N, out]`. Gradients flow to all of them, but they cannot be
/// differentiated once more.
///
/// # Errors
/// A tensor is not of 32-bit numbers on the CPU. Panics for rows or parameters of other sizes.
pub fn through_dense(
    layers: &Arc<DenseLayers>,
    x: &Tensor,
    parameters: &[&Tensor],
    tape: Option<&mut Tape>,
) -> Result<Tensor, TorchError> {
    let (size, [inputs, outputs]) = (x.size(), layers.widths());
    assert_eq!(size[1..], [inputs as i64], "the rows have the width of the first layer");
    check(parameters, layers.parameters());
    apply(layers, x, parameters, &[size[0], outputs as i64], tape)
}

/// Samples through a recurrent layer, with its parameters: `[N, T, F]`, or `[N, F]` where the layer gets the same at each step,
/// to `[N, T, units]` or `[N, units]`. Gradients flow to all of them, but they cannot be differentiated once more.
///
/// # Errors
/// A tensor is not of 32-bit numbers on the CPU. Panics for samples or parameters of other sizes.
pub fn through_recurrence(
    layer: &Arc<Recurrence>,
    x: &Tensor,
    parameters: &[&Tensor],
    tape: Option<&mut Tape>,
) -> Result<Tensor, TorchError> {
    let long = |shape: Vec<usize>| shape.into_iter().map(|n| n as i64).collect::<Vec<i64>>();
    let size = x.size();
    assert_eq!(size[1..], long(layer.input_shape()), "the samples have the shape of the layer");
    check(parameters, layer.parameters());
    apply(layer, x, parameters, &[&size[..1], &long(layer.output_shape())].concat(), tape)
}

/// Samples through a transformer block, with its parameters: `[N, T, D]` to the same. Gradients flow to all of them, but they
/// cannot be differentiated once more.
///
/// # Errors
/// A tensor is not of 32-bit numbers on the CPU. Panics for samples or parameters of other sizes.
pub fn through_tokens(
    block: &Arc<Transformer>,
    x: &Tensor,
    parameters: &[&Tensor],
    tape: Option<&mut Tape>,
) -> Result<Tensor, TorchError> {
    let size = x.size();
    assert_eq!(size[1..], block.shape().map(|n| n as i64), "the samples have the shape of the block");
    check(parameters, block.parameters());
    apply(block, x, parameters, &size, tape)
}

/// The loss of outputs against targets of the same shape: a scalar, or `[N]`, as the loss reduces them. Gradients flow to the
/// outputs, but they cannot be differentiated once more. `None` if libtorch is to compute it: as [`Kernels`] were chosen, on
/// another device, in another precision, or if the target wants a gradient.
pub(crate) fn loss(
    loss: ValueLoss,
    output: &Tensor,
    target: &Tensor,
    reduction: Reduction,
    tape: Option<&mut Tape>,
) -> Option<Tensor> {
    let is_ours = |tensor: &Tensor| tensor.device() == Device::Cpu && tensor.kind() == Kind::Float;
    let fits = output.size() == target.size() && output.numel() > 0 && !target.requires_grad();
    if !(fits && is_ours(output) && is_ours(target)) {
        return None;
    }
    let loss = Loss::new(loss, reduction, Kernels::chosen().processor()?)?;
    let size = output.size();
    let dims = if matches!(reduction, Reduction::RowSums(_)) { &size[..1] } else { &[] };
    Some(apply(&Arc::new(loss), output, &[target], dims, tape).expect("tensors of one size"))
}

/// One draw from each posterior `[N, 2·D]`, as [`crate::divergence::DiagonalGaussian`] has them, with this `noise`, `[N, D]`:
/// `[N, D]`, and the mean of their divergences from the prior, a scalar, whose gradient is multiplied by `weight`. `None` if
/// libtorch is to compute it.
pub fn recorded_draw(
    output: &Tensor,
    noise: &Tensor,
    weight: f64,
    tape: &mut Tape,
) -> Option<(Tensor, Tensor)> {
    let is_ours = |tensor: &Tensor| tensor.device() == Device::Cpu && tensor.kind() == Kind::Float;
    let [rows, latents] = noise.size()[..] else { panic!("noise is [N, D], not {:?}", noise.size()) };
    assert_eq!(output.size(), [rows, 2 * latents], "means and log-variances");
    if !(is_ours(output) && is_ours(noise)) || noise.numel() == 0 {
        return None;
    }
    let posterior = Posterior::new(latents as usize, Kernels::chosen().processor()?);
    let draws = rows * latents;
    let both = tape.record(&Arc::new(posterior), output, &[&noise.contiguous()], &[draws + 1]);
    tape.append(weight);
    Some((both.narrow(0, 0, draws).view([rows, latents]), both.get(draws)))
}

fn check(parameters: &[&Tensor], expected: &[usize]) {
    let sizes = parameters.iter().map(|parameter| parameter.numel());
    assert!(sizes.eq(expected.iter().copied()), "the parameters have the sizes of the layers");
}

/// A result of shape `dims`, which the operation writes whole.
fn apply<O: Operation>(
    operation: &Arc<O>,
    x: &Tensor,
    parameters: &[&Tensor],
    dims: &[i64],
    tape: Option<&mut Tape>,
) -> Result<Tensor, TorchError> {
    if let Some(tape) = tape {
        return Ok(tape.record(operation, x, parameters, dims));
    }
    let mut inputs: Vec<*mut C_tensor> = vec![x.as_ptr().cast_mut()];
    inputs.extend(parameters.iter().map(|parameter| parameter.as_ptr().cast_mut()));
    let operation = Arc::into_raw(Arc::clone(operation)).cast::<c_void>();
    // SAFETY: valid tensors that live through the call; the shim owns `operation` from now on, and calls the functions with it.
    native::made(|out| unsafe {
        let (n, n_dims) = (inputs.len() as i64, dims.len() as i64);
        ae_apply(operation, &Of::<O>::CALLS, inputs.as_mut_ptr(), n, dims.as_ptr(), n_dims, out)
    })
}

/// The functions for one kind of operation.
struct Of<O>(PhantomData<O>);

impl<O: Operation> Of<O> {
    const CALLS: Calls = Calls {
        forward: forward::<O>,
        backward: backward::<O>,
        release_kept: release_kept::<O>,
        release_operation: release_operation::<O>,
        needs_samples: O::NEEDS_SAMPLES as c_int,
    };
}

/// # Safety
/// `operation` is an `O`; the arrays are valid, and the result is no input.
unsafe extern "C" fn forward<O: Operation>(
    operation: *const c_void,
    inputs: *const Array,
    n: i64,
    result: Array,
    keep: c_int,
) -> *mut c_void {
    // SAFETY: the caller's guarantee.
    let (operation, inputs, result) = unsafe {
        let inputs: Vec<&[f32]> = arrays(inputs, n).iter().map(|array| array.read()).collect();
        (&*operation.cast::<O>(), inputs, result.write())
    };
    let (samples, parameters) = inputs.split_first().expect("the samples come first");
    if keep == 0 {
        operation.forward(parameters, samples, result, &Libtorch);
        return std::ptr::null_mut();
    }
    let kept = operation.forward_kept(parameters, samples, result, &Libtorch);
    Box::into_raw(Box::new(kept)).cast()
}

/// # Safety
/// `kept` comes from [`forward`] with the same operation and inputs; the arrays are valid, and the gradients are different
/// ones.
unsafe extern "C" fn backward<O: Operation>(
    operation: *const c_void,
    kept: *const c_void,
    inputs: *const Array,
    n: i64,
    gradient: Array,
    gradients: *const Array,
) {
    // SAFETY: the caller's guarantee.
    unsafe {
        let (operation, kept) = (&*operation.cast::<O>(), &*kept.cast::<O::Kept>());
        let (inputs, to) = (arrays(inputs, n), arrays(gradients, n));
        let samples = (!inputs[0].values.is_null()).then(|| inputs[0].read());
        let parameters: Vec<&[f32]> = inputs[1..].iter().map(|array| array.read()).collect();
        // All parameters of a network are trained, or none is.
        let is_wanted = to[1..].iter().any(|array| !array.values.is_null());
        let mut unwanted: Vec<Vec<f32>> = Vec::new();
        let of = |(to, parameter): (&Array, &&[f32])| match to.values.is_null() {
            false => to.write(),
            true => {
                unwanted.push(vec![0.0; parameter.len()]);
                let nowhere = unwanted.last_mut().expect("it was just put there");
                slice::from_raw_parts_mut(nowhere.as_mut_ptr(), parameter.len())
            }
        };
        let all: Option<Vec<&mut [f32]>> =
            is_wanted.then(|| to[1..].iter().zip(&parameters).map(of).collect());
        let samples_to = (!to[0].values.is_null()).then(|| to[0].write());
        let gradients = Gradients { samples: samples_to, parameters: all };
        operation.backward(&parameters, kept, samples, gradient.read(), gradients, &Libtorch);
    }
}

/// # Safety
/// So many arrays.
unsafe fn arrays<'a>(first: *const Array, n: i64) -> &'a [Array] {
    // SAFETY: the caller's guarantee.
    unsafe { slice::from_raw_parts(first, n as usize) }
}

impl Array {
    /// # Safety
    /// The array is valid.
    unsafe fn read<'a>(self) -> &'a [f32] {
        // SAFETY: the caller's guarantee.
        unsafe { slice::from_raw_parts(self.values, self.len as usize) }
    }

    /// # Safety
    /// The array is valid, and nothing else uses it.
    unsafe fn write<'a>(self) -> &'a mut [f32] {
        // SAFETY: the caller's guarantee.
        unsafe { slice::from_raw_parts_mut(self.values, self.len as usize) }
    }
}

unsafe extern "C" fn release_kept<O: Operation>(kept: *mut c_void) {
    // SAFETY: it comes from `forward`, and is released once.
    drop(unsafe { Box::from_raw(kept.cast::<O::Kept>()) });
}

unsafe extern "C" fn release_operation<O: Operation>(operation: *const c_void) {
    // SAFETY: it comes from `apply`, and is released once.
    drop(unsafe { Arc::from_raw(operation.cast::<O>()) });
}
