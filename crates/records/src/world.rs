//! The workers that train one model together: who this process is among them, as its launcher says, and which rows of
//! a batch are its own.

mod hosts;
mod share;
#[cfg(test)]
mod tests;

pub use hosts::first_host;
pub use share::{Share, share};

use std::collections::BTreeMap;

/// The port if a launcher names none, as in PyTorch.
const PORT: u16 = 29500;
/// Of a SLURM job the port is this and the last three digits of the job's number, so that two jobs that share a machine
/// do not meet.
const SLURM_PORT: u64 = 15_000;

/// The place of this process among the workers of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// This worker, from 0; worker 0 writes the run's folder.
    pub rank: usize,
    /// Number of workers; at least 1.
    pub size: usize,
    /// This worker among those of its machine, from 0.
    pub local_rank: usize,
    /// The machine of worker 0.
    pub address: String,
    /// The port at which the workers meet there.
    pub port: u16,
    /// Who listens at that port.
    pub meeting: Meeting,
    /// How often the launcher has started this run again after a failure.
    pub attempt: u32,
}

/// Who listens at the port where the workers meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// Worker 0.
    First,
    /// The launcher: `torchrun`.
    Launcher,
}

/// Variables that do not say which worker a process is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// Some of the variables of a launcher are set and others are not.
    #[error("{} set, but {} not; a worker needs all of {needed}", listed(set), listed(missing))]
    Missing {
        /// Variables that are set.
        set: Vec<&'static str>,
        /// Variables that are missing.
        missing: Vec<&'static str>,
        /// All that are needed.
        needed: &'static str,
    },
    /// A value out of range.
    #[error("{name}={got} is not {legal}")]
    Value {
        /// The variable.
        name: &'static str,
        /// Its value.
        got: String,
        /// What it must be.
        legal: String,
    },
    /// Two variables that contradict each other.
    #[error("{}={} contradicts {}={}; unset the pair that this run was not started by", .0.0, .0.1, .1.0, .1.1)]
    Contradiction((&'static str, String), (&'static str, String)),
}

/// `RANK is`, `RANK and MASTER_ADDR are`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("{one} is"),
        [first @ .., last] => format!("{} and {last} are", first.join(", ")),
    }
}

/// The environment of a process.
type Variables = BTreeMap<String, String>;

/// How one kind of launcher names its variables.
struct Names {
    rank: &'static str,
    size: &'static str,
    local_rank: &'static str,
    /// Without the place where the workers meet, they cannot find each other.
    needs_address: bool,
    all: &'static str,
}

const TORCH: Names = Names {
    rank: "RANK",
    size: "WORLD_SIZE",
    local_rank: "LOCAL_RANK",
    needs_address: true,
    all: "RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT",
};
const SLURM: Names = Names {
    rank: "SLURM_PROCID",
    size: "SLURM_NTASKS",
    local_rank: "SLURM_LOCALID",
    needs_address: false,
    all: "SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID and SLURM_JOB_NODELIST, which srun sets",
};
const OPEN_MPI: Names = Names {
    rank: "OMPI_COMM_WORLD_RANK",
    size: "OMPI_COMM_WORLD_SIZE",
    local_rank: "OMPI_COMM_WORLD_LOCAL_RANK",
    needs_address: false,
    all: "OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE and OMPI_COMM_WORLD_LOCAL_RANK, which mpirun sets, and MASTER_ADDR",
};

impl World {
    /// Reads the variables of `torchrun` and all who set the same (`RANK`, `WORLD_SIZE`, `LOCAL_RANK`, `MASTER_ADDR`,
    /// `MASTER_PORT`), of SLURM's `srun` and of Open MPI's `mpirun`; `None` if no launcher has set any.
    ///
    /// The first of these that is there counts. Of SLURM only the tasks of `srun` are workers (they have
    /// `SLURM_STEP_NUM_TASKS`): in a batch script, a command without `srun` runs once, whatever the job's size.
    /// Without `MASTER_ADDR` the workers of SLURM meet on the first machine of the job, and those of `mpirun` on this
    /// machine if all are here.
    ///
    /// # Errors
    /// If variables are missing, out of range, or say different things.
    pub fn read(variables: &Variables) -> Result<Option<World>, WorldError> {
        let get =
            |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let is_step = get("SLURM_STEP_NUM_TASKS").is_some();
        let has = |names: &Names| get(names.rank).is_some() || get(names.size).is_some();
        let torch = has(&TORCH).then_some(&TORCH);
        let slurm = (is_step && has(&SLURM)).then_some(&SLURM);
        let open_mpi = has(&OPEN_MPI).then_some(&OPEN_MPI);
        let Some(names) = torch.or(slurm).or(open_mpi) else { return Ok(None) };
        let (rank, size, local_rank) = place(names, variables)?;
        // `srun torchrun`: one launcher on each machine, several workers of each launcher.
        if torch.is_some() && get("TORCHELASTIC_RUN_ID").is_none() {
            for other in [slurm, open_mpi].into_iter().flatten() {
                let (other_rank, other_size, _) = place(other, variables)?;
                for (mine, theirs, name, other) in
                    [(size, other_size, names.size, other.size), (rank, other_rank, names.rank, other.rank)]
                {
                    if mine != theirs {
                        let (mine, theirs) = (mine.to_string(), theirs.to_string());
                        return Err(WorldError::Contradiction((name, mine), (other, theirs)));
                    }
                }
            }
        }
        let default_port = match get("SLURM_JOB_ID") {
            Some(job) if std::ptr::eq(names, &SLURM) => {
                (SLURM_PORT + number("SLURM_JOB_ID", job, u64::MAX)? % 1000) as u16
            }
            _ => PORT,
        };
        let port = get("MASTER_PORT").map(|port| number("MASTER_PORT", port, u64::from(u16::MAX)));
        let is_agent = get("TORCHELASTIC_USE_AGENT_STORE") == Some("True");
        let attempt = get("TORCHELASTIC_RESTART_COUNT");
        let attempt = attempt.map(|n| number("TORCHELASTIC_RESTART_COUNT", n, u64::from(u32::MAX)));
        Ok(Some(World {
            rank,
            size,
            local_rank,
            address: address(names, size, variables)?,
            port: port.transpose()?.map_or(default_port, |port| port as u16),
            meeting: if is_agent { Meeting::Launcher } else { Meeting::First },
            attempt: attempt.transpose()?.unwrap_or(0) as u32,
        }))
    }

    /// Whether this worker writes the run's folder and speaks to the user.
    pub fn is_first(&self) -> bool {
        self.rank == 0
    }

    /// The variables that make a process worker `rank` of `size` on this machine, of workers that meet at `port`.
    pub fn variables_of(rank: usize, size: usize, port: u16) -> [(&'static str, String); 5] {
        [
            ("RANK", rank.to_string()),
            ("WORLD_SIZE", size.to_string()),
            ("LOCAL_RANK", rank.to_string()),
            ("MASTER_ADDR", "127.0.0.1".into()),
            ("MASTER_PORT", port.to_string()),
        ]
    }
}

/// Rank, size and local rank; the last is 0 if torch's variables leave it out, as those of Kubernetes do.
fn place(names: &Names, variables: &Variables) -> Result<(usize, usize, usize), WorldError> {
    let get = |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let mut needed = vec![names.rank, names.size];
    if names.needs_address {
        needed.extend(["MASTER_ADDR", "MASTER_PORT"]);
    } else {
        needed.push(names.local_rank);
    }
    let (set, missing): (Vec<_>, Vec<_>) = needed.into_iter().partition(|name| get(name).is_some());
    if !missing.is_empty() {
        return Err(WorldError::Missing { set, missing, needed: names.all });
    }
    let of =
        |name: &'static str, most| number(name, get(name).unwrap_or("0"), most).map(|number| number as usize);
    let size = of(names.size, 1 << 20)?;
    if size == 0 {
        return Err(value(names.size, "0", "at least 1"));
    }
    let below = |name: &'static str| {
        let rank = of(name, u64::MAX)?;
        let legal = || format!("below {}={size}", names.size);
        if rank < size { Ok(rank) } else { Err(value(name, &rank.to_string(), &legal())) }
    };
    Ok((below(names.rank)?, size, below(names.local_rank)?))
}

/// The machine where the workers meet.
fn address(names: &Names, size: usize, variables: &Variables) -> Result<String, WorldError> {
    let get = |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    if let Some(address) = get("MASTER_ADDR") {
        return Ok(address.into());
    }
    let missing = |missing| {
        Err(WorldError::Missing { set: vec![names.rank], missing: vec![missing], needed: names.all })
    };
    if std::ptr::eq(names, &SLURM) {
        let Some(list) = get("SLURM_STEP_NODELIST").or(get("SLURM_JOB_NODELIST")) else {
            return missing("SLURM_JOB_NODELIST");
        };
        let legal = "a list of machines such as node[01-04]";
        return first_host(list).ok_or_else(|| value("SLURM_JOB_NODELIST", list, legal));
    }
    let local = get("OMPI_COMM_WORLD_LOCAL_SIZE").map(|n| number("OMPI_COMM_WORLD_LOCAL_SIZE", n, u64::MAX));
    if local.transpose()? == Some(size as u64) {
        return Ok("127.0.0.1".into());
    }
    missing("MASTER_ADDR")
}

fn value(name: &'static str, got: &str, legal: &str) -> WorldError {
    WorldError::Value { name, got: got.into(), legal: legal.into() }
}

fn number(name: &'static str, text: &str, most: u64) -> Result<u64, WorldError> {
    let legal = || match most {
        u64::MAX => "a whole number".to_string(),
        most => format!("a whole number up to {most}"),
    };
    text.parse().ok().filter(|number| *number <= most).ok_or_else(|| value(name, text, &legal()))
}
