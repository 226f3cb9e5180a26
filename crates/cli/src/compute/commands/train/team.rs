//! This process among the workers of a run, as its launcher has started it.

use crate::failure::Failure;
use ae_records::config;
use ae_records::run_dir::RunDir;
use ae_records::world::World;
use ae_tensor::{DeviceChoice, Kernels, Workers, device};
use ae_training::Experiment;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What is trained and where; the same for all workers.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) experiment: Experiment,
    pub(super) run: RunDir,
    pub(super) resume: bool,
    /// Threads of the run that is resumed; 0 if they are not known.
    pub(super) threads: usize,
    /// Kernels of the run that is resumed, if they are known.
    pub(super) kernels: Option<Kernels>,
}

/// A plan as worker 0 sends it.
#[derive(Serialize, Deserialize)]
struct Sent {
    name: String,
    experiment: String,
    folder: PathBuf,
    resume: bool,
    threads: usize,
    kernels: Option<Kernels>,
}

/// What the launcher says; `None` if this process trains alone.
pub(super) fn world() -> Result<Option<World>, Failure> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let world = World::read(&std::env::vars_os().filter_map(text).collect()).map_err(Failure::usage)?;
    Ok(world.filter(|world| world.size > 1))
}

/// `--workers` for a process that is a worker.
pub(super) fn launched_already(world: &World) -> Failure {
    let World { rank, size, .. } = world;
    Failure::usage(format!(
        "--workers starts workers, but a launcher has made this process worker {rank} of {size}; leave out --workers, or \
         unset RANK and WORLD_SIZE (SLURM_STEP_NUM_TASKS, OMPI_COMM_WORLD_SIZE)"
    ))
}

/// Of several devices, each worker of a machine takes its own, unless it was given one.
pub(super) fn own_device(choice: DeviceChoice, world: &World) -> DeviceChoice {
    match (choice, device::cuda_devices()) {
        (DeviceChoice::Auto, Ok(n @ 1..)) => DeviceChoice::Cuda(world.local_rank % n),
        _ => choice,
    }
}

#[cfg(feature = "distributed")]
pub(super) fn join(world: &World, timeout: Duration) -> Result<Arc<dyn Workers>, Failure> {
    use ae_tensor::distributed::{Connection, ProcessGroup};
    let interface = std::env::var("GLOO_SOCKET_IFNAME").ok().filter(|name| !name.is_empty());
    let how = Connection { timeout, interface, ..Connection::default() };
    Ok(Arc::new(ProcessGroup::join(world, &how).map_err(Failure::new)?))
}

#[cfg(not(feature = "distributed"))]
pub(super) fn join(world: &World, _: Duration) -> Result<Arc<dyn Workers>, Failure> {
    let World { rank, size, .. } = world;
    Err(Failure::usage(format!(
        "a launcher has made this process worker {rank} of {size}, but this program was built for one process; {}",
        super::launch::FEATURE
    )))
}

/// Makes a plan, or takes over that of worker 0.
pub(super) fn agreed(
    workers: Option<&dyn Workers>,
    plan: impl FnOnce() -> Result<Plan, Failure>,
) -> Result<Plan, Failure> {
    let Some(workers) = workers else { return plan() };
    if workers.rank() == 0 {
        let plan = plan().inspect_err(|failure| workers.leave(failure.message()))?;
        let sent = Sent {
            name: plan.name.clone(),
            experiment: config::to_toml(&plan.experiment),
            folder: plan.run.root().into(),
            resume: plan.resume,
            threads: plan.threads,
            kernels: plan.kernels,
        };
        workers
            .broadcast_bytes(&serde_json::to_vec(&sent).expect("a plan is always JSON"))
            .map_err(Failure::new)?;
        return Ok(plan);
    }
    let sent = workers.broadcast_bytes(&[]).map_err(Failure::new)?;
    let sent: Sent = serde_json::from_slice(&sent)
        .map_err(|error| Failure::new(format!("worker 0 has sent no plan: {error}")))?;
    let experiment = config::load("what worker 0 has sent", &sent.experiment, &[]).map_err(Failure::new)?;
    let Sent { name, folder, resume, threads, kernels, .. } = sent;
    Ok(Plan { name, experiment, run: RunDir::new(folder), resume, threads, kernels })
}
