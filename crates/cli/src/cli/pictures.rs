//! The arguments of the commands on single pictures.

use super::machine::Machine;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct CompressArgs {
    /// A PNG or JPEG picture, or a folder of them
    pub input: PathBuf,

    /// The model: a run of factorised (or, to store pictures exactly, of vae-levels or vae-nll), or its model.safetensors
    #[arg(long, value_name = "RUN|FILE", add = super::completing(crate::keys::runs))]
    pub model: PathBuf,

    /// Quality, from 0 (smallest files) to 100 [default: 50, or exact for a model that stores pictures exactly]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub quality: Option<u8>,

    /// The compressed file [default: the input with the ending .aec]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Overwrite the file
    #[arg(long)]
    pub force: bool,

    #[command(flatten)]
    pub machine: Machine,
}

#[derive(Debug, Args)]
pub struct DecompressArgs {
    /// A file of `ae compress`
    pub input: PathBuf,

    /// The model that compressed it: the run, or its model.safetensors
    #[arg(long, value_name = "RUN|FILE", add = super::completing(crate::keys::runs))]
    pub model: PathBuf,

    /// The picture, or a folder for several [default: the input without its ending]
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,

    /// Overwrite pictures
    #[arg(long)]
    pub force: bool,

    #[command(flatten)]
    pub machine: Machine,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The damaged picture, PNG or JPEG
    #[arg(value_name = "IN")]
    pub picture: PathBuf,

    /// The restored picture, a PNG file
    #[arg(value_name = "OUT")]
    pub out: PathBuf,

    /// The run's folder, or its model.safetensors; see `ae presets` for those that begin with `restoring`
    #[arg(long, value_name = "RUN|FILE", add = super::completing(crate::keys::runs))]
    pub model: PathBuf,

    /// For holes and scratches: a picture of the same size, white where pixels are lost
    #[arg(long, value_name = "FILE")]
    pub mask: Option<PathBuf>,

    /// For a blur by motion whose kernel the model is told (`deblur`): its direction, clockwise from the horizontal
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    pub angle: Option<f64>,

    /// Side of a tile in pixels; the memory needed grows with its square, the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = ae_catalogue::TILE)]
    pub tile: i64,

    #[command(flatten)]
    pub machine: Machine,
}
