//! Devices, threads and the memory allocator.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use tch::{Cuda, Device};

/// The user's choice of device: `auto`, `cpu`, `cuda` or `cuda:N`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// The first CUDA device if there is one, otherwise the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this index.
    Cuda(usize),
}

/// A device that is not available.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// Not the name of a device.
    #[error("`{0}` is not a device; use auto, cpu, cuda or cuda:N, such as cuda:0")]
    Unknown(String),
    /// CUDA was requested but is not available.
    #[error(
        "cuda:{index} was requested, but {reason}; use --device cpu, or --device auto to take what is available"
    )]
    NoCuda {
        /// The requested index.
        index: usize,
        /// Why it is not available.
        reason: String,
    },
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        match text.to_ascii_lowercase().as_str() {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            "cuda" => Ok(DeviceChoice::Cuda(0)),
            other => other
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(DeviceChoice::Cuda)
                .ok_or_else(|| DeviceError::Unknown(text.into())),
        }
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = DeviceError;

    fn try_from(text: String) -> Result<Self, DeviceError> {
        text.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> String {
        choice.to_string()
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => write!(f, "auto"),
            DeviceChoice::Cpu => write!(f, "cpu"),
            DeviceChoice::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl DeviceChoice {
    /// Resolves the choice. Loads libtorch's CUDA library on first use, so that a program built on the CPU
    /// libraries uses CUDA if a full libtorch is on the loader's path.
    pub fn resolve(self) -> Result<Device, DeviceError> {
        match self {
            DeviceChoice::Cpu => Ok(Device::Cpu),
            DeviceChoice::Auto => {
                Ok(if cuda_devices().is_ok_and(|n| n > 0) { Device::Cuda(0) } else { Device::Cpu })
            }
            DeviceChoice::Cuda(index) => match cuda_devices() {
                Ok(n) if index < n => Ok(Device::Cuda(index)),
                Ok(0) => Err(DeviceError::NoCuda { index, reason: "the driver reports no device".into() }),
                Ok(n) => Err(DeviceError::NoCuda {
                    index,
                    reason: format!("the driver reports only {n}, numbered from 0"),
                }),
                Err(reason) => Err(DeviceError::NoCuda { index, reason }),
            },
        }
    }
}

/// Name of a resolved device: `cpu` or `cuda:0`.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        Device::Cpu => "cpu".into(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// Version of the libtorch that this program was built with.
pub fn libtorch_version() -> String {
    env!("AE_LIBTORCH_VERSION").into()
}

/// Number of available CUDA devices, or why CUDA is not available.
pub fn cuda_devices() -> Result<usize, String> {
    load_cuda()?;
    Ok(usize::try_from(Cuda::device_count()).unwrap_or(0))
}

fn load_cuda() -> Result<(), String> {
    static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
    let load = || {
        let name = if cfg!(target_os = "windows") { "torch_cuda.dll" } else { "libtorch_cuda.so" };
        // SAFETY: this is libtorch's own library, of the version this program is linked to; its initialisers
        // register kernels with the libtorch that is loaded already.
        let library = unsafe { libloading::Library::new(name) };
        match library {
            Ok(library) => {
                std::mem::forget(library); // registered kernels must stay
                // cuDNN's fastest convolutions add in an order that changes from run to run.
                crate::native::repeatable_cuda().map_err(|error| error.to_string())
            }
            Err(error) => {
                tracing::debug!("{name}: {error}");
                Err(format!(
                    "this libtorch is the CPU build ({name} cannot be loaded; run `cargo xtask setup --cuda` to get it)"
                ))
            }
        }
    };
    LOADED.get_or_init(load).clone()
}

/// Sets the number of threads that libtorch uses within an operation; 0 keeps its default (one for each
/// core). Results are bit-identical only with the same number of threads.
pub fn set_threads(threads: usize) {
    if threads > 0 {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    }
}

/// Number of threads that libtorch uses within an operation.
pub fn threads() -> usize {
    usize::try_from(tch::get_num_threads()).unwrap_or(1)
}

/// Tells glibc to keep freed memory instead of returning it to the system after every step, which costs up to
/// half of a training step in page faults. Call it first in `main`; without glibc it does nothing.
pub fn tune_allocator() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: `mallopt` only sets parameters of the allocator.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
            libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (text, choice) in
            [("auto", DeviceChoice::Auto), ("CPU", DeviceChoice::Cpu), ("cuda", DeviceChoice::Cuda(0))]
        {
            assert_eq!(text.parse(), Ok(choice));
        }
        assert_eq!("cuda:3".parse::<DeviceChoice>().unwrap().to_string(), "cuda:3");
        for wrong in ["gpu", "cuda:", "cuda:-1", "cuda:x", ""] {
            assert_eq!(wrong.parse::<DeviceChoice>(), Err(DeviceError::Unknown(wrong.into())));
        }
    }

    #[test]
    fn a_device_that_is_absent_is_an_error_that_says_what_to_do() {
        let error = DeviceChoice::Cuda(4711).resolve().unwrap_err().to_string();
        assert!(error.contains("cuda:4711") && error.contains("--device cpu"), "{error}");
        assert!(DeviceChoice::Auto.resolve().is_ok());
    }
}
