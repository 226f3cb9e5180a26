//! The program `ae`: train, evaluate and use autoencoders on the command line.
//!
//! ```sh
//! ae train vae                                  # a preset; data are downloaded on first use
//! ae detect fit normal.csv --out detector.safetensors
//! ae detect score new.csv --model detector.safetensors --out scored.csv
//! ae reproduce                                  # every preset against its reference
//! ```
//!
//! `ae --help` lists the rest. Building needs libtorch 2.11 in the folder named by `LIBTORCH`; in a checkout
//! of the project, `cargo xtask train vae` downloads it.

mod cli;
mod commands;
mod failure;
mod output;
mod panics;
mod progress;

use clap::Parser;
use cli::{Cli, Command};
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    panics::collect();
    ae_tensor::device::tune_allocator();
    let cli = Cli::parse();
    output::init(cli.quiet, cli.verbose);
    cli.kernels.unwrap_or_default().choose();
    match panics::caught(|| run(&cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(cli.json),
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Train(args) => commands::train::run(args, cli),
        Command::Eval(args) => commands::eval::run(args, cli),
        Command::Reproduce(args) => commands::reproduce::run(args, cli),
        Command::Detect(args) => commands::detect::run(args, cli),
        Command::Sample(args) => commands::sample::run(args, cli),
        Command::Restore(args) => commands::restore::run(args, cli),
        Command::Recommend(args) => commands::recommend::run(args, cli),
        Command::Search(args) => commands::search::run(args, cli),
        Command::Compress(args) => commands::compress::compress(args, cli),
        Command::Decompress(args) => commands::compress::decompress(args, cli),
        Command::Data(args) => commands::data::run(args, cli),
        Command::Presets(args) => commands::presets::run(args, cli),
        Command::Report(args) => commands::report::run(args, cli),
        Command::Doctor(args) => commands::doctor::run(args, cli),
        Command::Completions { shell } => commands::completions::run(*shell),
    }
}
