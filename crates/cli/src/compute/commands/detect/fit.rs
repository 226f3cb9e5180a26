//! `ae detect fit`: fits a detector and writes it to a file.

use super::stdin::Stdin;
use super::{keep, words};
use crate::cli::{Cli, FitArgs, StoreName};
use crate::commands::stop_flag;
use crate::failure::Failure;
use crate::output;
use crate::progress::Training;
use ae_anomaly::{Detector, FitConfig, FitError, FitOptions, Fitted, Store};
use ae_intake::Column;
use ae_intake::{InputConfig, IntakeError, StampFormat, Table};
use ae_records::files::FileError;
use ae_records::text::shell_quoted;
use ae_records::{config, files};
use ae_tensor::device;
use serde_json::json;
use std::path::Path;

pub(super) fn run(args: &FitArgs, cli: &Cli) -> Result<(), Failure> {
    let config = settings(args)?;
    if args.show_config {
        output::result(config::to_toml(&config).trim_end());
        return Ok(());
    }
    let read = [Some(args.data.as_path()), args.config.as_deref()];
    keep(&args.out, args.force, &read.into_iter().flatten().collect::<Vec<_>>())?;
    device::set_threads(args.threads);
    let table = open(&args.data, &config.input)?;
    let mut observer = Training::new(None);
    let options = FitOptions { observer: Some(&mut observer), stop: Some(stop_flag()) };
    let Fitted { detector, report } = Detector::fit_with(&table, &config, options).map_err(failed)?;
    detector.save(&args.out).map_err(Failure::new)?;
    if cli.json {
        output::json(&json!({ "detector": args.out.display().to_string(), "report": report }));
        return Ok(());
    }
    words::report(&detector, |line| time_of(&table, line))?.iter().for_each(|line| output::summary(line));
    output::summary(&format!("detector: {}", args.out.display()));
    output::note(&format!(
        "score new rows: ae detect score NEW.csv --model {} --out scored.csv",
        shell_quoted(&args.out)
    ));
    Ok(())
}

/// Reads a file, or standard input if it is called `-`.
fn open(path: &Path, config: &InputConfig) -> Result<Table, Failure> {
    if path != Path::new("-") {
        return Table::from_csv_with(path, config).map_err(refused);
    }
    let name = "standard input";
    let input = Stdin::open().map_err(FileError::new("read", name)).map_err(Failure::new)?;
    Table::from_reader_with(input, name, config).map_err(refused)
}

fn settings(args: &FitArgs) -> Result<FitConfig, Failure> {
    let mut config: FitConfig = match &args.config {
        None => config::load("the command line", "", &args.overrides).map_err(Failure::usage)?,
        Some(path) => {
            let text = files::read_to_string(path).map_err(Failure::usage)?;
            config::load(&path.display().to_string(), &text, &args.overrides).map_err(Failure::usage)?
        }
    };
    if let Some(label) = &args.label {
        config.input.label = Some(Column::Name(label.clone()));
    }
    if let Some(group) = &args.group {
        config.input.group = Some(Column::Name(group.clone()));
    }
    if !args.normal.is_empty() {
        config.input.normal.clone_from(&args.normal);
    }
    if let Some(budget) = &args.false_alarms {
        config.false_alarms = Some(budget.parse().map_err(Failure::usage)?);
    }
    config.robust = args.robust.or(config.robust);
    config.accept_drift |= args.accept_drift;
    config.seed = args.seed.unwrap_or(config.seed);
    config.members = args.members.unwrap_or(config.members);
    if let Some(variant) = &args.variant {
        config.variant = Some(variant.clone());
    }
    if let Some(store) = args.store {
        config.store = match store {
            StoreName::Blend => Store::Blend,
            StoreName::Autoencoder => Store::Autoencoder,
            StoreName::Median => Store::Median,
            StoreName::Mean => Store::Mean,
            StoreName::Pca => Store::Pca,
            StoreName::Neighbours => Store::Neighbours,
            StoreName::IsolationForest => Store::IsolationForest,
        };
    }
    Ok(config)
}

/// The time of a line of the table: a date and time of the day, or a time of the day alone, as its clock shows it.
fn time_of(table: &Table, line: u64) -> Option<String> {
    let format = table.timestamp.as_ref()?.format;
    let row = table.lines.iter().position(|&own| own == line)?;
    let time = table.stamps.get(row).copied().filter(|time| time.is_finite())?;
    let written = format.written(time);
    let written = written.trim_end_matches('Z');
    Some(match (format, written.split_once('T')) {
        (StampFormat::Clock, Some((_, clock))) => clock.to_owned(),
        (_, Some((day, clock))) => format!("{day} {clock}"),
        (_, None) => written.to_owned(),
    })
}

/// Errors that other arguments would fix are usage errors.
fn refused(error: IntakeError) -> Failure {
    match error {
        IntakeError::OutOfRange { .. }
        | IntakeError::WhichIsNormal { .. }
        | IntakeError::NoNormal { .. }
        | IntakeError::NotGroups { .. } => Failure::usage(error),
        _ => Failure::new(error),
    }
}

fn failed(error: FitError) -> Failure {
    match error {
        FitError::Setting { .. } => Failure::usage(error),
        FitError::Intake(error) => refused(error),
        _ => Failure::new(error),
    }
}
