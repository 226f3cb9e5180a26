//! The command-line arguments as types.

mod apply;
mod detect;
mod machine;
mod pictures;
mod search;
mod tasks;

pub use apply::{
    ApplyArgs, EncodeArgs, InterpolateArgs, PathName, ReconstructArgs, SampleArgs, SamplerName, SplitName,
};
pub use detect::{DetectAction, DetectArgs, FitArgs, ScoreArgs, StoreName, WatchArgs};
pub use pictures::{CompressArgs, DecompressArgs, RestoreArgs};
pub use search::{RankBy, SearchAction, SearchArgs, SearchBuildArgs, SearchQueryArgs};
pub use tasks::ChosenTask;

use crate::keys;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCompleter, ValueCompleter};
pub use machine::Machine;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  ae train vae                                   train a preset; data are downloaded on first use
  ae train vae --set model.vae.latent=2          the same with two latents, and a picture of the latent space
  ae train mine.toml --seed 3                    your own experiment (start from `ae presets --show vae`)
  ae train --resume runs/vae/20261121-054210-seed0    continue an interrupted run
  ae eval anomaly                                ECG5000 heartbeats: train missing models, evaluate, report
  ae detect fit normal.csv                       learn what is normal in your own file; then `ae detect score`
  ae reproduce vae                               train it and compare it with its reference
  ae encode runs/vae/20261121-054210-seed0 photos/ --out codes.csv    the code of each picture, with its error
  ae sample runs/vanilla/20261121-054210-seed0   new images from a trained model, by a mixture fitted to its codes
  ae restore old.png new.png --model runs/restoring/20261121-054210-seed0 --mask holes.png    fill in what is lost
  ae search build tickets.csv --text body        index your own documents, or a folder of pictures; then `ae search query`
  ae data verify                                 check the downloaded files

Exit codes: 0 success, 1 failure (also: not one line of the input of ae detect score or watch could be read), 2 usage
error, 3 anomalies or bad lines found (ae detect score --check).";

/// Train, evaluate and use autoencoders, reproducibly
#[derive(Debug, Parser)]
#[command(name = "ae", bin_name = "ae", version, after_help = EXAMPLES, arg_required_else_help = true, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,

    /// Print the result as one JSON object on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// Print errors only, and a result that goes to standard output: nothing about files that were written
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print more details; give it twice for all of them
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// Who computes convolutions on a CPU: our own kernels where they are faster (auto), libtorch, or native [default:
    /// auto, and for a resumed run what it began with]
    #[arg(long, global = true, value_name = "KERNELS", value_parser = ["auto", "libtorch", "native"], hide_possible_values = true)]
    pub kernels: Option<String>,
}

#[expect(clippy::large_enum_variant, reason = "a program has one, and makes it once")]
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Computing(ComputingCommand),
    #[command(flatten)]
    Lean(LeanCommand),
}

// What needs libtorch. (A doc comment would become the help text of `ae`.)
#[derive(Debug, Subcommand)]
pub enum ComputingCommand {
    /// Train a preset or your own experiment, and write its report
    Train(TrainArgs),
    /// Run an evaluation: train missing models, print the tables, write the report
    Eval(EvalArgs),
    /// Train presets in parallel and compare them with their references; resumes where it was interrupted
    Reproduce(ReproduceArgs),
    /// Detect anomalies in your own file or stream: fit a detector, score, watch
    Detect(DetectArgs),
    /// Write the codes of rows or images by a trained model
    Encode(EncodeArgs),
    /// Write what a trained model makes of rows or images
    Reconstruct(ReconstructArgs),
    /// Write what a trained model sees between two rows or images
    Interpolate(InterpolateArgs),
    /// Draw new samples from a trained model, also from an autoencoder without a prior
    Sample(SampleArgs),
    /// Restore a damaged picture of any size, by a model that was trained on damage of this kind
    Restore(RestoreArgs),
    /// Recommend what a user may like, by a model that was trained on ratings or likes
    Recommend(RecommendArgs),
    /// Search your own documents by words, or your own pictures by a picture
    Search(SearchArgs),
    /// Compress pictures with a trained model; `ae train factorised` makes one
    Compress(CompressArgs),
    /// Get pictures back from a file of `ae compress`
    Decompress(DecompressArgs),
    /// List the presets, or show one
    Presets(PresetsArgs),
    /// Check this machine, and say how to fix what is missing
    Doctor(SourceArgs),
}

// What does not need libtorch, and must not reach it: see [`crate::ae`].
#[derive(Debug, Subcommand)]
pub enum LeanCommand {
    /// List, fetch or verify the data sets
    Data(DataArgs),
    /// Write the report of a run again
    Report(ReportArgs),
    /// Compare runs: settings that differ, figures side by side, loss curves
    Compare(CompareArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Name of a preset (see `ae presets`), or a TOML file
    #[arg(value_name = "PRESET|FILE", required_unless_present = "resume", conflicts_with = "resume", add = completing(keys::experiments))]
    pub experiment: Option<String>,

    /// Override a setting; may be given several times. With --resume only training.epochs, to train for longer
    #[arg(long = "set", value_name = "KEY=VALUE", add = completing(keys::settings_for))]
    pub overrides: Vec<String>,

    /// Begin with the weights of this run, or model file, instead of random ones
    #[arg(long, value_name = "RUN|FILE", conflicts_with = "resume", add = completing(keys::runs))]
    pub init_from: Option<PathBuf>,

    /// Leave these parameters as they are: networks, such as encoder, or parts of them, such as encoder.0
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "resume")]
    pub freeze: Vec<String>,

    /// Random seed; short for --set training.seed=N
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    pub seed: Option<u64>,

    /// Also compute the preset's measures, and compare them with its expected results
    #[arg(long)]
    pub measure: bool,

    /// The run's folder [default: RUNS/PRESET/TIME-seedN]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub out: Option<PathBuf>,

    /// Resume the run in this folder, bit for bit as if it had not been interrupted
    #[arg(long, value_name = "DIR", add = completing(keys::runs))]
    pub resume: Option<PathBuf>,

    /// Go on with the run in the folder of --out if there is one, else begin it: for launchers that repeat a command
    #[arg(long = "continue", requires = "out", conflicts_with = "resume")]
    pub go_on: bool,

    /// Train with N processes on this machine that share every batch; torchrun, srun and mpirun start workers on several
    /// machines, without this option
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,

    /// Seconds after which a worker that neither answers nor closes its connections is lost
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub worker_timeout: u64,

    #[command(flatten)]
    pub compute: ComputeArgs,

    #[command(flatten)]
    pub sources: SourceArgs,
}

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// What to evaluate
    #[command(subcommand)]
    pub task: ChosenTask,
}

/// Arguments of every task of `ae eval`.
#[derive(Debug, Args)]
pub struct TaskArgs {
    /// Seeds to evaluate, such as 0,1,2 [default: the task's own]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub seeds: Vec<u64>,

    #[command(flatten)]
    pub compute: ComputeArgs,

    #[command(flatten)]
    pub sources: SourceArgs,
}

#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// Presets, or TOML files [default: all presets of the tier]
    #[arg(value_name = "PRESET|FILE", add = completing(keys::experiments))]
    pub presets: Vec<String>,

    /// Compute budget: smoke (seconds per preset), cpu (a few cores) or full (a GPU)
    #[arg(long, value_enum, default_value_t = TierName::Cpu)]
    pub tier: TierName,

    /// Seeds for every preset, such as 0,1,2 [default: the preset's own, else 0]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub seeds: Vec<u64>,

    /// Runs in parallel [default: one per core, or one on a GPU]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub jobs: usize,

    /// Threads per run; results repeat bit for bit only with the same number of threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub threads: usize,

    /// Device: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    pub device: String,

    /// Folder of the runs; finished runs are reused, and the table is written there
    #[arg(long, value_name = "DIR", default_value = "runs", env = "AE_RUNS")]
    pub runs: PathBuf,

    /// Also write the table to this file, such as RESULTS.md
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Compute measures again, even if they are stored with a run
    #[arg(long)]
    pub again: bool,

    /// Run one preset with this seed in this process; used by the parent process
    #[arg(long, value_name = "SEED", hide = true, requires = "presets")]
    pub job: Option<u64>,

    #[command(flatten)]
    pub sources: SourceArgs,
}

/// The compute budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TierName {
    /// Seconds per preset: few rows and epochs
    Smoke,
    /// Sized for a few CPU cores
    Cpu,
    /// The published schedule, for a GPU
    Full,
}

/// What a shell offers for the value of an argument.
fn completing(complete: impl ValueCompleter + 'static) -> ArgValueCompleter {
    ArgValueCompleter::new(complete)
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a whole number of at least 1".into()),
        Ok(n) => Ok(n),
    }
}

#[derive(Debug, Args)]
pub struct ComputeArgs {
    /// Device: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    pub device: String,

    /// Threads per operation; results repeat bit for bit only with the same number of threads [default: one
    /// per core; with --resume, the number that the run began with]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,

    /// Folder of the runs
    #[arg(long, value_name = "DIR", default_value = "runs", env = "AE_RUNS")]
    pub runs: PathBuf,
}

#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Folder that holds data as SET/FILE, tried before the network
    #[arg(long, value_name = "DIR", env = "AE_DATA_MIRROR")]
    pub mirror: Option<PathBuf>,

    /// Folder for downloaded data [default: data/cache in a checkout, else the user's cache folder]
    #[arg(long, value_name = "DIR", env = "AE_DATA_CACHE")]
    pub cache: Option<PathBuf>,

    /// Use only the cache and the mirror, never the network
    #[arg(long)]
    pub offline: bool,
}

#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    pub action: DataAction,
}

#[derive(Debug, Subcommand)]
pub enum DataAction {
    /// List the data sets, their licences and whether they are downloaded
    List(SourceArgs),
    /// Download data sets
    Fetch {
        /// Names, such as mnist [default: all]
        sets: Vec<String>,
        #[command(flatten)]
        sources: SourceArgs,
    },
    /// Check the downloaded files against their checksums
    Verify {
        /// Names, such as mnist [default: all]
        sets: Vec<String>,
        #[command(flatten)]
        sources: SourceArgs,
    },
}

#[derive(Debug, Args)]
pub struct PresetsArgs {
    /// Print the complete configuration of this preset, as a starting point for your own
    #[arg(long, value_name = "PRESET", add = completing(keys::presets))]
    pub show: Option<String>,
}

#[derive(Debug, Args)]
pub struct RecommendArgs {
    /// The folder of a run of mult_vae, mult_dae or autorec-users, or its model.safetensors
    #[arg(long, value_name = "RUN|FILE", add = completing(keys::runs))]
    pub model: PathBuf,

    /// A table with a title and a rating in each line; the titles are those of the training data
    #[arg(long, value_name = "FILE")]
    pub user: PathBuf,

    /// How many to recommend
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,

    #[command(flatten)]
    pub machine: Machine,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run's folder
    #[arg(add = completing(keys::runs))]
    pub run: PathBuf,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Folders of two or more runs
    #[arg(value_name = "RUN", num_args = 2.., required = true, add = completing(keys::runs))]
    pub runs: Vec<PathBuf>,

    /// The term of the loss whose curves are shown
    #[arg(long, value_name = "NAME", default_value = "loss")]
    pub term: String,

    /// Also write the comparison: a page (.html), the curves in one chart (.png), or everything as JSON (.json)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
