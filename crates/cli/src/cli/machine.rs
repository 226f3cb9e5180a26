//! The arguments that say where a network computes.

use clap::Args;

/// Where a network computes.
#[derive(Debug, Args)]
pub struct Machine {
    /// Device: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    pub device: String,

    /// Threads per operation [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
}
