//! Which code computes a network on a CPU: libtorch's, or our own where there is some.

use crate::Device;
use ae_kernels::Processor;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};

/// Who computes the layers that `ae-kernels` has. Results differ by rounding; each choice repeats its own bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Kernels {
    /// Our own where they are faster: on a CPU whose instruction set they are written for.
    #[default]
    Auto = 0,
    /// libtorch alone.
    Libtorch = 1,
    /// Our own on every CPU, in portable code if need be.
    Native = 2,
}

/// The choice of this process.
static CHOICE: AtomicU8 = AtomicU8::new(Kernels::Auto as u8);

thread_local! {
    static BY_LIBTORCH: Cell<bool> = const { Cell::new(false) };
}

/// What `f` computes on this thread, libtorch computes, whatever the choice: for gradients that are differentiated once more,
/// which our own kernels cannot do.
pub fn by_libtorch<T>(f: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            BY_LIBTORCH.set(self.0);
        }
    }
    let _before = Before(BY_LIBTORCH.replace(true));
    f()
}

impl Kernels {
    /// Makes this the choice for the whole process, from the next forward pass on.
    pub fn choose(self) {
        CHOICE.store(self as u8, Ordering::Relaxed);
    }

    /// The choice of this process, or within [`by_libtorch`] that.
    pub fn chosen() -> Self {
        if BY_LIBTORCH.get() {
            return Kernels::Libtorch;
        }
        match CHOICE.load(Ordering::Relaxed) {
            1 => Kernels::Libtorch,
            2 => Kernels::Native,
            _ => Kernels::Auto,
        }
    }

    /// The processor that our own kernels compute for; `None` if libtorch computes.
    pub fn processor(self) -> Option<Processor> {
        let best = Processor::of_this_machine();
        match self {
            Kernels::Libtorch => None,
            Kernels::Native => Some(best),
            Kernels::Auto => best.has_vectors().then_some(best),
        }
    }

    /// What computes on `device`, for the record: `libtorch`, or `native` and the instruction set.
    pub fn in_use(self, device: Device) -> String {
        let processor = self.processor().filter(|_| device == Device::Cpu);
        processor.map_or("libtorch".into(), |processor| format!("native ({processor})"))
    }

    /// The choice that computes as [`Self::in_use`] says; libtorch where it says nothing.
    pub fn of_record(in_use: &str) -> Self {
        if in_use.starts_with("native") { Kernels::Native } else { Kernels::Libtorch }
    }
}

impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kernels::Auto => "auto",
            Kernels::Libtorch => "libtorch",
            Kernels::Native => "native",
        })
    }
}

/// The name is not one of the three.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a choice of kernels; there are auto, libtorch and native")]
pub struct UnknownKernels(String);

impl FromStr for Kernels {
    type Err = UnknownKernels;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let all = [Kernels::Auto, Kernels::Libtorch, Kernels::Native];
        let found = all.into_iter().find(|kernels| kernels.to_string() == name.to_lowercase());
        found.ok_or_else(|| UnknownKernels(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_what_to_choose() {
        for kernels in [Kernels::Libtorch, Kernels::Native] {
            assert_eq!(Kernels::of_record(&kernels.in_use(Device::Cpu)), kernels);
        }
        assert_eq!(Kernels::Native.in_use(Device::Cuda(0)), "libtorch");
        assert_eq!(Kernels::of_record(""), Kernels::Libtorch);
    }

    #[test]
    fn libtorch_computes_what_must_be_differentiated_twice() {
        let inside = by_libtorch(|| by_libtorch(Kernels::chosen));
        assert_eq!((inside, Kernels::chosen()), (Kernels::Libtorch, Kernels::Auto));
    }

    #[test]
    fn names_are_read_and_written() {
        for kernels in [Kernels::Auto, Kernels::Libtorch, Kernels::Native] {
            assert_eq!(kernels.to_string().parse(), Ok(kernels));
        }
        let error = "mkl".parse::<Kernels>().unwrap_err().to_string();
        assert!(error.contains("`mkl`") && error.contains("auto, libtorch and native"), "{error}");
    }
}
