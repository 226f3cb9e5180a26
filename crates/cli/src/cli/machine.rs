//! The arguments that say where a network computes.

use crate::failure::Failure;
use ae_tensor::{Device, DeviceChoice, device};
use clap::Args;

/// Where a network computes.
#[derive(Debug, Args)]
pub(crate) struct Machine {
    /// Device: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,

    /// Threads per operation [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
}

impl Machine {
    /// The device, after the number of threads has been set for the whole program.
    ///
    /// # Errors
    /// There is no such device.
    pub(crate) fn chosen(&self) -> Result<Device, Failure> {
        device::set_threads(self.threads);
        let choice: DeviceChoice = self.device.parse().map_err(Failure::usage)?;
        choice.resolve().map_err(Failure::usage)
    }
}
