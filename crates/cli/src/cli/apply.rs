//! The arguments of the commands that use a trained model.

use super::machine::Machine;
use super::{ComputeArgs, SourceArgs, completing};
use crate::keys;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// The model, and what to use it on.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The run's folder, or a model file
    #[arg(value_name = "RUN|FILE", add = completing(keys::runs))]
    pub model: PathBuf,

    /// A table, .npy array, picture or folder of pictures, or a set and its split, such as mnist:test; read and scaled as
    /// the training data were [default: the run's own held-out rows]
    #[arg(value_name = "INPUT")]
    pub input: Option<String>,

    /// Which rows, of a set or of the run's own data [default: test]
    #[arg(long, value_enum)]
    pub split: Option<SplitName>,

    /// Resize pictures to the size that the model takes
    #[arg(long)]
    pub resize: bool,

    /// For a conditional model, the label to decode with; also to encode with where rows have none [default: that of each
    /// row]
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,

    #[command(flatten)]
    pub machine: Machine,

    #[command(flatten)]
    pub sources: SourceArgs,
}

#[derive(Debug, Args)]
pub struct EncodeArgs {
    #[command(flatten)]
    pub common: ApplyArgs,

    /// codes.csv: rows, labels, errors and codes; codes.npy: codes, and the rest beside it in codes.rows.csv; or a folder for
    /// both
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct ReconstructArgs {
    #[command(flatten)]
    pub common: ApplyArgs,

    /// A folder: a PNG file for each image; a .csv or .npy file: values in the unit of the data
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct InterpolateArgs {
    #[command(flatten)]
    pub common: ApplyArgs,

    /// Row to begin with, counted from 0
    #[arg(long, value_name = "ROW")]
    pub from: usize,

    /// Row to end with
    #[arg(long, value_name = "ROW")]
    pub to: usize,

    /// Number of samples, with those of both rows
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub steps: usize,

    /// How to go from one code to the other [default: spherical for a model with the prior N(0, I), else linear]
    #[arg(long, value_enum)]
    pub path: Option<PathName>,

    /// A PNG file for one picture of all steps, a .csv or .npy file, or a folder
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
}

/// Which rows of data with splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitName {
    /// Those that the optimizer saw
    Train,
    /// Those that early stopping saw
    Validation,
    /// Those that nothing was chosen on
    Test,
}

/// How to go from one code to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PathName {
    /// Straight
    Linear,
    /// Along the great circle through both
    Spherical,
}

#[derive(Debug, Args)]
pub struct SampleArgs {
    /// The run's folder, or a model file (alone, it draws from its own prior only)
    #[arg(value_name = "RUN|FILE", add = completing(keys::runs))]
    pub model: PathBuf,

    /// Where the codes come from [default: the model's own prior, else gmm; positions for codes of indices]
    #[arg(long, value_enum)]
    pub sampler: Option<SamplerName>,

    /// For a conditional model, the label of all samples [default: labels take turns]
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,

    /// Number of samples
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub n: usize,

    /// Seed of the fit and of the draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// A PNG file for one picture of all, if they are images, a .csv or .npy file, or a folder [default: samples-SAMPLER.png, in the run's report
    /// or beside the model file]
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,

    #[command(flatten)]
    pub compute: ComputeArgs,

    #[command(flatten)]
    pub sources: SourceArgs,
}

/// Where the codes of new samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SamplerName {
    /// Draws of the model's prior; of N(0, I) for a model that has none
    Prior,
    /// One Gaussian, fitted to the codes of training rows
    Gaussian,
    /// A mixture of ten Gaussians, fitted to the codes of training rows
    Gmm,
    /// A second variational autoencoder, trained on the codes of training rows; takes minutes
    TwoStage,
    /// For codes of indices: each position by its frequencies in training rows
    Positions,
}
