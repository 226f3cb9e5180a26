//! The command line of `ae detect`.

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  ae detect fit normal.csv --out detector.safetensors          learn what is normal; at most 1 % false alarms
  ae detect fit all.csv --label class --normal ok              learn from rows labelled `ok`, test on the others
  ae detect fit sensor.csv --false-alarms '2 per day'          a long series with a time column
  ae detect fit plant.csv --group machine                      one file with several machines, judged one by one
  ae detect score new.csv --model detector.safetensors --out scored.csv --explain
  tail -f log.csv | ae detect watch --model detector.safetensors --state watch.state --metrics 9184
  ae detect inspect detector.safetensors

The input is CSV (any delimiter, with or without a header), JSON lines or a workbook (xlsx, ods; not for `watch`), plain or
compressed. A row is a sample, a whole series, or one time step of a long series; `fit` detects which, and says so.

Exit codes: 0 success; 1 failure, also if not one line of the input of `score` or `watch` could be read as a row; 2 usage
error; 3 anomalies or bad lines found (`score --check`).";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DetectArgs {
    #[command(subcommand)]
    pub action: DetectAction,
}

#[derive(Debug, Subcommand)]
pub enum DetectAction {
    /// Learn from normal rows, calibrate the false-alarm rate on held-out rows, and write the detector
    Fit(FitArgs),
    /// Score every row of a file, and flag anomalies
    Score(ScoreArgs),
    /// Score a stream on standard input line by line
    Watch(WatchArgs),
    /// Show what a detector expects, how it was fitted and how it was calibrated
    Inspect {
        /// The detector file
        detector: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct FitArgs {
    /// File of normal rows, or - for standard input; with --label it may also hold other rows
    pub data: PathBuf,

    /// File to write the detector to
    #[arg(long, value_name = "FILE", default_value = "detector.safetensors")]
    pub out: PathBuf,

    /// Settings as TOML; see `ae detect fit --show-config`
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Override a setting, such as input.window=48; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,

    /// False-alarm budget, such as '0.5 %', '2 per day' or '2 events per week' [default: 1 %, or more if there are too few rows to
    /// promise that]
    #[arg(long, value_name = "BUDGET")]
    pub false_alarms: Option<String>,

    /// The column that says whether a row is normal
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,

    /// A label value that means normal; may be given several times
    #[arg(long, value_name = "VALUE", requires = "label")]
    pub normal: Vec<String>,

    /// The column that names the machine, site or patient of a row: one model for all, but no window has rows of
    /// two, and each with enough rows has its own threshold
    #[arg(long, value_name = "COLUMN")]
    pub group: Option<String>,

    /// Expect anomalies among the rows: leave the share that is hardest to reconstruct out of the loss, leave
    /// calibration rows far above the others out of the threshold, and list the suspects
    #[arg(long, value_name = "SHARE", num_args = 0..=1, default_missing_value = "0.1")]
    pub robust: Option<f64>,

    /// Calibrate also on rows that score much higher than the other normal rows, instead of refusing them
    #[arg(long)]
    pub accept_drift: bool,

    /// Autoencoder variant, such as vae or tcn [default: a dense autoencoder that suits the rows]
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,

    /// Number of models, each with its own seed, that vote [default: 1]
    #[arg(long, value_name = "N")]
    pub members: Option<usize>,

    /// Which detector to store
    #[arg(long, value_enum)]
    pub store: Option<StoreName>,

    /// Random seed of splits, weights and sampling [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Replace an existing detector
    #[arg(long)]
    pub force: bool,

    /// Threads per operation; a detector repeats bit for bit only with the same number of threads. More than
    /// one pays off only for large networks
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,

    /// Print the settings as TOML, without those chosen from the data, and exit
    #[arg(long)]
    pub show_config: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreName {
    /// The autoencoder's error blended with distances to normal rows
    Blend,
    /// The autoencoder's error alone
    Autoencoder,
    /// The median of the training rows as the reconstruction of every row
    Median,
    /// The mean of the training rows as the reconstruction of every row
    Mean,
    /// Principal components
    Pca,
    /// Distance to the nearest training rows
    Neighbours,
    /// Isolation forest
    IsolationForest,
}

#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// File to score; `-` is standard input
    pub data: PathBuf,

    /// The detector file
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,

    /// File for the verdicts: JSON lines if its name ends in .jsonl or .ndjson, otherwise CSV [default:
    /// standard output]. The events that the alarms belong to go to a file beside it, such as
    /// scored.events.jsonl
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// A column of the input to copy beside each verdict, such as an identifier; may be given several times
    #[arg(long, value_name = "COLUMN")]
    pub id: Vec<String>,

    /// Copy all columns of the input beside each verdict
    #[arg(long)]
    pub keep: bool,

    /// Explain the most severe events as JSON lines and pictures, in a folder beside OUT
    #[arg(long, requires = "out")]
    pub explain: bool,

    /// Maximum number of events to explain
    #[arg(long, value_name = "N", default_value_t = 20, requires = "explain")]
    pub explained: usize,

    /// Replace existing output
    #[arg(long)]
    pub force: bool,

    /// Let the threshold follow slow changes, so that the share of flagged rows stays near the promise; a fault that
    /// lasts becomes normal after about 1/STEP rows
    #[arg(long, value_name = "STEP", num_args = 0..=1, default_missing_value = "0.005")]
    pub adapt: Option<f64>,

    /// Exit with code 3 if a row is anomalous or cannot be read; if no line at all can be read, the exit code is 1
    /// with and without --check
    #[arg(long)]
    pub check: bool,

    /// Threads [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
}

#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The detector file
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,

    /// File to save the position in the stream and the current window to, and to continue from
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,

    /// Append verdicts to this file instead of standard output; with --state, each line gets exactly one
    /// verdict there
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// With --state: the input starts over from its first line; skip lines that already have a verdict
    #[arg(long, requires = "state")]
    pub replay: bool,

    /// Let the threshold follow slow changes, so that the share of flagged rows stays near the promise; a fault that
    /// lasts becomes normal after about 1/STEP rows
    #[arg(long, value_name = "STEP", num_args = 0..=1, default_missing_value = "0.005")]
    pub adapt: Option<f64>,

    /// Explain each alarm by its N largest shares
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "5", action = ArgAction::Set)]
    pub explain: Option<usize>,

    /// Serve the state of the watch to Prometheus at http://ADDR/metrics. ADDR is a port of this machine alone, such
    /// as 9184, or an address with a port, such as 0.0.0.0:9184
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<String>,

    /// Send each alarm as JSON to this http or https address by POST, with retries; alarms that follow each other
    /// quickly are sent together
    #[arg(long, value_name = "URL", env = "AE_WEBHOOK", hide_env_values = true)]
    pub webhook: Option<String>,

    /// Least number of seconds between two messages
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "webhook")]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub webhook_interval: u64,
}
