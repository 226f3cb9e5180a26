//! The command line, as types.

mod detect;
mod tasks;

pub(crate) use detect::{DetectAction, DetectArgs, FitArgs, ScoreArgs, StoreName, WatchArgs};
pub(crate) use tasks::ChosenTask;

use ae_training::Tier;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  ae train vae                                   train a preset; data are downloaded on the first use
  ae train vae --set model.vae.latent=2          the same with two latents, and a picture of the latent space
  ae train mine.toml --seed 3                    an experiment of your own (start from `ae presets --show vae`)
  ae train --resume runs/vae/20261121-054210-seed0    continue an interrupted run
  ae eval anomaly                                the ECG5000 heartbeats: train what is missing, evaluate, report
  ae detect fit normal.csv                       learn what is normal in your own file; then `ae detect score`
  ae reproduce vae                               train it and see whether it reaches its reference
  ae data verify                                 check the downloaded files

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 something was found (ae detect score --check).";

/// Autoencoders: train, evaluate and use them, reproducibly
#[derive(Debug, Parser)]
#[command(name = "ae", version, after_help = EXAMPLES, arg_required_else_help = true, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print the result as one JSON object on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Print more about what is done; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a preset or an experiment of your own, and write its report
    Train(TrainArgs),
    /// Evaluate: train what is missing, print the table, write the report
    Eval(EvalArgs),
    /// Train presets in parallel and compare them with their references; continues where it was stopped
    Reproduce(ReproduceArgs),
    /// Anomalies in your own file or stream: fit a detector, score, watch
    Detect(DetectArgs),
    /// List, fetch or verify the data sets
    Data(DataArgs),
    /// List the presets, or show one
    Presets(PresetsArgs),
    /// Write the report of a run anew
    Report(ReportArgs),
    /// Show what was found on this machine, and what to do about what is missing
    Doctor(SourceArgs),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Name of a preset (see `ae presets`), or a TOML file
    #[arg(value_name = "PRESET|FILE", required_unless_present = "resume", conflicts_with = "resume")]
    pub(crate) experiment: Option<String>,

    /// Override a setting; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "resume")]
    pub(crate) overrides: Vec<String>,

    /// The seed of everything random; short for --set training.seed=N
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    pub(crate) seed: Option<u64>,

    /// Compute the measures that the preset lists as well, and compare them with what it expects
    #[arg(long)]
    pub(crate) measure: bool,

    /// The run's folder [default: RUNS/PRESET/TIME-seedN]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(crate) out: Option<PathBuf>,

    /// Continue the run in this folder, bit for bit as if it had not been interrupted
    #[arg(long, value_name = "DIR")]
    pub(crate) resume: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,

    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// What to evaluate
    #[command(subcommand)]
    pub(crate) task: ChosenTask,
}

/// What every task of `ae eval` takes.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// Seeds to evaluate, such as 0,1,2 [default: the task's own]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub(crate) seeds: Vec<u64>,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,

    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReproduceArgs {
    /// Presets, or TOML files [default: all presets of the tier]
    #[arg(value_name = "PRESET|FILE")]
    pub(crate) presets: Vec<String>,

    /// How much to spend: smoke for seconds per preset, cpu for what a few cores reach, full for a GPU
    #[arg(long, value_enum, default_value_t = TierName::Cpu)]
    pub(crate) tier: TierName,

    /// Seeds of every preset, such as 0,1,2 [default: the preset's own, else 0]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub(crate) seeds: Vec<u64>,

    /// Runs side by side [default: one per core, or one on a GPU]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) jobs: usize,

    /// Threads of each run; results are the same bit for bit only with the same number
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub(crate) threads: usize,

    /// Where to compute: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,

    /// The folder of runs: finished ones are reused, and the table is written there
    #[arg(long, value_name = "DIR", default_value = "runs", env = "AE_RUNS")]
    pub(crate) runs: PathBuf,

    /// Also write the table here, such as RESULTS.md
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,

    /// Compute measures again, even where they are kept beside a run
    #[arg(long)]
    pub(crate) again: bool,

    /// One preset with this seed, in this process, for the parent that started it
    #[arg(long, value_name = "SEED", hide = true, requires = "presets")]
    pub(crate) job: Option<u64>,

    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// How much to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TierName {
    /// Seconds per preset: few rows and epochs
    Smoke,
    /// What a few cores reach
    Cpu,
    /// The published schedule, for a GPU
    Full,
}

impl From<TierName> for Tier {
    fn from(name: TierName) -> Self {
        match name {
            TierName::Smoke => Tier::Smoke,
            TierName::Cpu => Tier::Cpu,
            TierName::Full => Tier::Full,
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("give a whole number of at least 1".into()),
        Ok(n) => Ok(n),
    }
}

#[derive(Debug, Args)]
pub(crate) struct ComputeArgs {
    /// Where to compute: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,

    /// Threads of one operation; results repeat bit for bit only with the same number [default: one per core; with --resume, as many as the run began with]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) threads: usize,

    /// The folder that runs are kept in
    #[arg(long, value_name = "DIR", default_value = "runs", env = "AE_RUNS")]
    pub(crate) runs: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// A folder that holds data as SET/FILE, tried before the network
    #[arg(long, value_name = "DIR", env = "AE_DATA_MIRROR")]
    pub(crate) mirror: Option<PathBuf>,

    /// Where downloaded data are kept [default: data/cache of a checkout, else the user's cache folder]
    #[arg(long, value_name = "DIR", env = "AE_DATA_CACHE")]
    pub(crate) cache: Option<PathBuf>,

    /// Use the cache and the mirror only
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    pub(crate) action: DataAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataAction {
    /// The data sets, their licences and whether they are here
    List(SourceArgs),
    /// Download data sets
    Fetch {
        /// Names, such as mnist [default: all]
        sets: Vec<String>,
        #[command(flatten)]
        sources: SourceArgs,
    },
    /// Check the files that are here against their checksums
    Verify {
        /// Names, such as mnist [default: all]
        sets: Vec<String>,
        #[command(flatten)]
        sources: SourceArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PresetsArgs {
    /// Print the complete configuration of this preset, to start a file of your own from
    #[arg(long, value_name = "PRESET")]
    pub(crate) show: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run's folder
    pub(crate) run: PathBuf,
}
