//! The command line of `ae detect`.

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  ae detect fit normal.csv --out detector.safetensors          learn what is normal; at most 1 % false alarms
  ae detect fit all.csv --label class --normal ok              learn from the rows labelled `ok`, judge on the others
  ae detect fit sensor.csv --false-alarms '2 per day'          a long series with a column of times
  ae detect score new.csv --model detector.safetensors --out scored.csv --explain
  tail -f log.csv | ae detect watch --model detector.safetensors --state watch.state
  ae detect inspect detector.safetensors

The input is CSV (any delimiter, with or without a header) or JSON lines, plain or gz. A row is a sample, a whole series,
or a time step of a long series; `fit` recognises which, and says so.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DetectArgs {
    #[command(subcommand)]
    pub(crate) action: DetectAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DetectAction {
    /// Learn from normal rows, calibrate an alarm rate on held-out ones, and write the detector
    Fit(FitArgs),
    /// Judge every row of a file
    Score(ScoreArgs),
    /// Judge a stream line by line, from standard input
    Watch(WatchArgs),
    /// Show what a detector expects, how it was fitted and how it was calibrated
    Inspect {
        /// The detector
        detector: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct FitArgs {
    /// The file with normal rows; with --label others may be among them
    pub(crate) data: PathBuf,

    /// The file to write the detector to
    #[arg(long, value_name = "FILE", default_value = "detector.safetensors")]
    pub(crate) out: PathBuf,

    /// Settings as TOML; see `ae detect fit --show-config`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Override a setting, such as input.window=48; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,

    /// The budget of false alarms, such as '0.5 %' or '2 per day' [default: 1 %, or more where too few rows
    /// are left to promise it]
    #[arg(long, value_name = "BUDGET")]
    pub(crate) false_alarms: Option<String>,

    /// The column that says whether a row is normal
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,

    /// A value of the label column that is normal; may be given several times
    #[arg(long, value_name = "VALUE", requires = "label")]
    pub(crate) normal: Vec<String>,

    /// Some training rows may be anomalous: leave the share that is hardest to reconstruct out of the loss, and list the suspects
    #[arg(long, value_name = "SHARE", num_args = 0..=1, default_missing_value = "0.1")]
    pub(crate) robust: Option<f64>,

    /// A variant by name, such as vae or tcn [default: a dense autoencoder that suits the rows]
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,

    /// Models of different seeds that vote [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) members: Option<usize>,

    /// Which of the detectors that are compared is stored
    #[arg(long, value_enum)]
    pub(crate) store: Option<StoreName>,

    /// The seed of splits, weights and draws [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Replace an existing detector
    #[arg(long)]
    pub(crate) force: bool,

    /// Threads of one operation; a detector is the same bit for bit only with the same number. Rows are small: more than one
    /// pays for large networks only
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threads: usize,

    /// Print the settings as TOML, without what is chosen from the data, and stop
    #[arg(long)]
    pub(crate) show_config: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreName {
    /// The autoencoder
    Autoencoder,
    /// The median of the training rows, expected in place of every row
    Median,
    /// The mean of the training rows, expected in place of every row
    Mean,
    /// Principal components
    Pca,
    /// Distance to the nearest training rows
    Neighbours,
    /// Isolation forest
    IsolationForest,
    /// The one that best tells damaged copies of normal rows from the rows themselves
    Best,
}

#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// The file to judge; `-` is standard input
    pub(crate) data: PathBuf,

    /// The detector
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,

    /// Where the verdicts go, as CSV, or as JSON lines where the name ends in .jsonl or .ndjson [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Explain the most severe alarms beside OUT, in a folder with JSON lines and pictures
    #[arg(long, requires = "out")]
    pub(crate) explain: bool,

    /// The largest number of alarms that are explained
    #[arg(long, value_name = "N", default_value_t = 20, requires = "explain")]
    pub(crate) explained: usize,

    /// Replace existing output
    #[arg(long)]
    pub(crate) force: bool,

    /// Exit with code 3 where a row is anomalous or could not be read
    #[arg(long)]
    pub(crate) check: bool,

    /// Threads [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) threads: usize,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The detector
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,

    /// Save the position in the stream and the current window here, and continue from them
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    /// Append verdicts to this file instead of standard output; with --state each line has its verdict there exactly once
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// With --state: the input starts over from its first line; skip the lines that have a verdict
    #[arg(long, requires = "state")]
    pub(crate) replay: bool,

    /// Explain each alarm by this many of its largest shares
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "5", action = ArgAction::Set)]
    pub(crate) explain: Option<usize>,
}
