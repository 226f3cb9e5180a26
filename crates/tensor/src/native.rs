//! The Rust side of `native/shim.h`: safe functions over the C interface.

use ae_kernels::AdamStep;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use tch::Tensor;
use torch_sys::C_tensor;

/// libtorch returned an error.
#[derive(Debug, thiserror::Error)]
#[error("libtorch: {0}")]
pub struct TorchError(String);

unsafe extern "C" {
    fn ae_free_message(message: *mut c_char);
    fn ae_backward(
        loss: *mut C_tensor,
        parameters: *mut *mut C_tensor,
        n: i64,
        retain_graph: c_int,
    ) -> *mut c_char;
    fn ae_zero_gradients(parameters: *mut *mut C_tensor, n: i64) -> *mut c_char;
    fn ae_set_gradients(parameters: *mut *mut C_tensor, gradients: *mut *mut C_tensor, n: i64)
    -> *mut c_char;
    fn ae_values(
        tensors: *mut *mut C_tensor,
        n: i64,
        of_gradients: c_int,
        values: *mut *mut f32,
        are_plain: *mut c_int,
    ) -> *mut c_char;
    fn ae_fused_adam(
        parameters: *mut *mut C_tensor,
        first: *mut *mut C_tensor,
        second: *mut *mut C_tensor,
        steps: *mut *mut C_tensor,
        n: i64,
        rate: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        epsilon: f64,
        decoupled: c_int,
    ) -> *mut c_char;
    fn ae_fused_sgd(
        parameters: *mut *mut C_tensor,
        momenta: *mut *mut C_tensor,
        n: i64,
        rate: f64,
        momentum: f64,
        weight_decay: f64,
        nesterov: c_int,
        first_step: c_int,
    ) -> *mut c_char;
    fn ae_rmsprop(
        parameters: *mut *mut C_tensor,
        means: *mut *mut C_tensor,
        squares: *mut *mut C_tensor,
        momenta: *mut *mut C_tensor,
        n: i64,
        rate: f64,
        alpha: f64,
        epsilon: f64,
        momentum: f64,
        weight_decay: f64,
        centered: c_int,
    ) -> *mut c_char;
    fn ae_repeatable_cuda() -> *mut c_char;
    fn ae_gradient_norm(parameters: *mut *mut C_tensor, n: i64, norm: *mut *mut C_tensor) -> *mut c_char;
    fn ae_scale_gradients(parameters: *mut *mut C_tensor, n: i64, factor: *mut C_tensor) -> *mut c_char;
    fn ae_lerp(
        averages: *mut *mut C_tensor,
        parameters: *mut *mut C_tensor,
        n: i64,
        weight: f64,
    ) -> *mut c_char;
    fn ae_random(
        seed: u64,
        kind: c_int,
        dims: *const i64,
        n_dims: i64,
        cuda_index: i64,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn ae_adopt(
        data: *mut f32,
        dims: *const i64,
        n_dims: i64,
        release: extern "C" fn(*mut c_void),
        context: *mut c_void,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn ae_on_gradient(
        tensor: *mut C_tensor,
        hook: extern "C" fn(*mut c_void, *mut C_tensor),
        release: extern "C" fn(*mut c_void),
        context: *mut c_void,
    ) -> *mut c_char;
}

/// Turns a call's error message, if there is one, into an error.
pub(crate) fn check(message: *mut c_char) -> Result<(), TorchError> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: the shim returns a NUL-terminated string that is ours until freed, once, below.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().trim().to_string();
    // SAFETY: as above; it is not used again.
    unsafe { ae_free_message(message) };
    Err(TorchError(text))
}

/// Makes operations on CUDA choose algorithms that give the same bits every time.
pub(crate) fn repeatable_cuda() -> Result<(), TorchError> {
    // SAFETY: it sets flags of libtorch's global context, which lives as long as the process.
    check(unsafe { ae_repeatable_cuda() })
}

fn pointers(tensors: &[Tensor]) -> Vec<*mut C_tensor> {
    // The shim changes what the handles point to, never a handle: a shared tensor may be passed.
    tensors.iter().map(|t| t.as_ptr().cast_mut()).collect()
}

/// Runs a call that makes a tensor.
pub(crate) fn made(call: impl FnOnce(*mut *mut C_tensor) -> *mut c_char) -> Result<Tensor, TorchError> {
    let mut out = ptr::null_mut();
    check(call(&mut out))?;
    // SAFETY: without an error the shim has stored a new tensor that nobody else owns.
    Ok(unsafe { Tensor::from_ptr(out) })
}

pub(crate) fn backward(loss: &Tensor, parameters: &[Tensor], retain_graph: bool) -> Result<(), TorchError> {
    let mut all = pointers(parameters);
    // SAFETY: valid tensors that live through the call.
    check(unsafe {
        ae_backward(loss.as_ptr().cast_mut(), all.as_mut_ptr(), all.len() as i64, retain_graph.into())
    })
}

pub(crate) fn zero_gradients(parameters: &[Tensor]) -> Result<(), TorchError> {
    let mut all = pointers(parameters);
    // SAFETY: `all` holds valid tensors and lives through the call.
    check(unsafe { ae_zero_gradients(all.as_mut_ptr(), all.len() as i64) })
}

/// Makes these the gradients of parameters that are trained, in place of those that they had.
pub(crate) fn set_gradients(parameters: &[Tensor], gradients: &[Tensor]) -> Result<(), TorchError> {
    let (mut parameters, mut gradients) = (pointers(parameters), pointers(gradients));
    assert_eq!(parameters.len(), gradients.len(), "a gradient for each parameter");
    // SAFETY: both hold as many valid tensors, and live through the call.
    check(unsafe {
        ae_set_gradients(parameters.as_mut_ptr(), gradients.as_mut_ptr(), gradients.len() as i64)
    })
}

/// Where the values of tensors, or of their gradients, are; null for a tensor without a gradient. `None` if some are not on the
/// CPU, not 32-bit numbers or not contiguous.
pub(crate) fn values(tensors: &[Tensor], of_gradients: bool) -> Result<Option<Vec<*mut f32>>, TorchError> {
    let (mut places, mut are_plain) = (vec![std::ptr::null_mut(); tensors.len()], 0);
    let mut tensors = pointers(tensors);
    let n = tensors.len() as i64;
    // SAFETY: `n` valid tensors that live through the call, and room for `n` pointers.
    check(unsafe {
        ae_values(tensors.as_mut_ptr(), n, of_gradients.into(), places.as_mut_ptr(), &raw mut are_plain)
    })?;
    Ok((are_plain != 0).then_some(places))
}

pub(crate) fn fused_adam(
    parameters: &[Tensor],
    first: &[Tensor],
    second: &[Tensor],
    steps: &[Tensor],
    how: &AdamStep,
) -> Result<(), TorchError> {
    let n = parameters.len();
    assert!(first.len() == n && second.len() == n && steps.len() == n, "one state for each parameter");
    let (mut p, mut m, mut v, mut s) =
        (pointers(parameters), pointers(first), pointers(second), pointers(steps));
    // SAFETY: four arrays of `n` valid tensors that live through the call.
    check(unsafe {
        ae_fused_adam(
            p.as_mut_ptr(),
            m.as_mut_ptr(),
            v.as_mut_ptr(),
            s.as_mut_ptr(),
            n as i64,
            how.rate,
            how.beta1,
            how.beta2,
            how.weight_decay,
            how.epsilon,
            how.decoupled.into(),
        )
    })
}

pub(crate) fn fused_sgd(
    parameters: &[Tensor],
    momenta: &[Tensor],
    rate: f64,
    momentum: f64,
    weight_decay: f64,
    nesterov: bool,
    first_step: bool,
) -> Result<(), TorchError> {
    assert!(momentum == 0.0 || momenta.len() == parameters.len(), "one buffer for each parameter");
    let (mut p, mut m) = (pointers(parameters), pointers(momenta));
    // SAFETY: valid tensors that live through the call; `momenta` is read only with momentum, checked above.
    check(unsafe {
        ae_fused_sgd(
            p.as_mut_ptr(),
            m.as_mut_ptr(),
            p.len() as i64,
            rate,
            momentum,
            weight_decay,
            nesterov.into(),
            first_step.into(),
        )
    })
}

/// The settings of RMSprop's update.
pub(crate) struct RmspropStep {
    pub(crate) rate: f64,
    pub(crate) alpha: f64,
    pub(crate) epsilon: f64,
    pub(crate) momentum: f64,
    pub(crate) weight_decay: f64,
    pub(crate) centered: bool,
}

pub(crate) fn rmsprop(
    parameters: &[Tensor],
    means: &[Tensor],
    squares: &[Tensor],
    momenta: &[Tensor],
    how: &RmspropStep,
) -> Result<(), TorchError> {
    let n = parameters.len();
    assert!(squares.len() == n, "one mean square for each parameter");
    assert!(!how.centered || means.len() == n, "one mean for each parameter");
    assert!(how.momentum == 0.0 || momenta.len() == n, "one buffer for each parameter");
    let (mut p, mut m, mut s, mut v) =
        (pointers(parameters), pointers(means), pointers(squares), pointers(momenta));
    // SAFETY: arrays of valid tensors that live through the call; `means` is read only if centred and
    // `momenta` only with momentum, checked above.
    check(unsafe {
        ae_rmsprop(
            p.as_mut_ptr(),
            m.as_mut_ptr(),
            s.as_mut_ptr(),
            v.as_mut_ptr(),
            n as i64,
            how.rate,
            how.alpha,
            how.epsilon,
            how.momentum,
            how.weight_decay,
            how.centered.into(),
        )
    })
}

pub(crate) fn gradient_norm(parameters: &[Tensor]) -> Result<Tensor, TorchError> {
    let mut p = pointers(parameters);
    // SAFETY: valid tensors that live through the call.
    made(|out| unsafe { ae_gradient_norm(p.as_mut_ptr(), p.len() as i64, out) })
}

pub(crate) fn scale_gradients(parameters: &[Tensor], factor: &Tensor) -> Result<(), TorchError> {
    let mut p = pointers(parameters);
    // SAFETY: valid tensors that live through the call.
    check(unsafe { ae_scale_gradients(p.as_mut_ptr(), p.len() as i64, factor.as_ptr().cast_mut()) })
}

pub(crate) fn lerp(averages: &[Tensor], parameters: &[Tensor], weight: f64) -> Result<(), TorchError> {
    assert_eq!(averages.len(), parameters.len(), "one average for each parameter");
    let (mut a, mut p) = (pointers(averages), pointers(parameters));
    // SAFETY: two arrays of the same length of valid tensors that live through the call.
    check(unsafe { ae_lerp(a.as_mut_ptr(), p.as_mut_ptr(), a.len() as i64, weight) })
}

/// What to draw.
#[derive(Clone, Copy)]
pub(crate) enum Draw {
    Normal = 0,
    Uniform = 1,
    Permutation = 2,
}

pub(crate) fn random(seed: u64, draw: Draw, dims: &[i64], device: tch::Device) -> Result<Tensor, TorchError> {
    let cuda_index = match device {
        tch::Device::Cuda(index) => index as i64,
        _ => -1,
    };
    // SAFETY: `dims` lives through the call.
    made(|out| unsafe { ae_random(seed, draw as c_int, dims.as_ptr(), dims.len() as i64, cuda_index, out) })
}

/// A tensor over the values of `owner`, without a copy; the owner is dropped when the last user of the tensor is gone.
pub(crate) fn adopt<T: Send + 'static>(
    owner: T,
    values: impl FnOnce(&mut T) -> &mut [f32],
    dims: &[i64],
) -> Result<Tensor, TorchError> {
    extern "C" fn release<T>(context: *mut c_void) {
        // SAFETY: `context` came from `Box::into_raw` below and the shim calls this exactly once.
        drop(unsafe { Box::from_raw(context.cast::<T>()) });
    }
    let n: i64 = dims.iter().product();
    let owner = Box::into_raw(Box::new(owner));
    // SAFETY: it was just made, and nothing else uses it until `release`.
    let values = values(unsafe { &mut *owner });
    assert_eq!(n, values.len() as i64, "{dims:?} does not describe {} values", values.len());
    let data = values.as_mut_ptr();
    // SAFETY: `data` points to `n` floats that stay in place until `release`. If libtorch refuses, they leak.
    made(|out| unsafe { ae_adopt(data, dims.as_ptr(), dims.len() as i64, release::<T>, owner.cast(), out) })
}

/// What is done to a gradient, in place.
type Hook = Box<dyn Fn(&mut Tensor) + Send>;

/// Calls `hook` with the gradient of `tensor`, a contiguous copy, whenever it is computed; what the hook leaves in it goes on
/// through the graph.
pub(crate) fn on_gradient(tensor: &Tensor, hook: Hook) -> Result<(), TorchError> {
    extern "C" fn call(context: *mut c_void, gradient: *mut C_tensor) {
        // SAFETY: `context` came from `Box::into_raw` below and is released after the last call only.
        let hook = unsafe { &*context.cast::<Hook>() };
        // SAFETY: a valid tensor of the caller, who keeps it; the handle made here is a second one to the same tensor.
        let mut gradient = unsafe { Tensor::clone_from_ptr(gradient) };
        hook(&mut gradient);
    }
    extern "C" fn release(context: *mut c_void) {
        // SAFETY: as above, and the shim calls this exactly once.
        drop(unsafe { Box::from_raw(context.cast::<Hook>()) });
    }
    let context = Box::into_raw(Box::new(hook)).cast::<c_void>();
    // SAFETY: a valid tensor; the shim takes over `context`, even if it fails.
    check(unsafe { ae_on_gradient(tensor.as_ptr().cast_mut(), call, release, context) })
}
