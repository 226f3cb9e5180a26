//! `ae data`: lists, downloads and verifies the data sets.

use super::{downloads, sources};
use crate::cli::{Cli, DataAction, DataArgs};
use crate::failure::Failure;
use crate::output;
use ae_datasets::{CheckedFile, FileState, SetInfo, Sources};
use serde_json::{Value, json};

pub(crate) fn run(args: &DataArgs, cli: &Cli) -> Result<(), Failure> {
    match &args.action {
        DataAction::List(args) => list(&sources(args), cli.json),
        DataAction::Fetch { sets, sources: args } => fetch(sets, &sources(args), cli.json),
        DataAction::Verify { sets, sources: args } => verify(sets, &sources(args), cli.json),
    }
}

fn list(sources: &Sources, json: bool) -> Result<(), Failure> {
    let sets = ae_datasets::list(sources);
    if json {
        output::json(&sets.iter().map(set_json).collect::<Vec<_>>());
        return Ok(());
    }
    output::columns(sets.iter().map(|set| {
        let SetInfo { name, title, licence, bytes, cached, homepage, .. } = set;
        let here = if *cached { "downloaded" } else { "not downloaded" };
        let megabytes = *bytes as f64 / 1e6;
        let about = format!("{title}; {megabytes:.1} MB, {here}\nlicence: {licence}; {homepage}");
        [name.clone(), about]
    }));
    output::result(&format!("cache: {}", sources.cache.display()));
    Ok(())
}

/// The given sets, or all of them.
fn named(sets: &[String], sources: &Sources) -> Vec<String> {
    match sets {
        [] => ae_datasets::list(sources).into_iter().map(|set| set.name).collect(),
        sets => sets.to_vec(),
    }
}

fn fetch(sets: &[String], sources: &Sources, json: bool) -> Result<(), Failure> {
    let mut done = Vec::new();
    let mut failed = Vec::new();
    for name in named(sets, sources) {
        match ae_datasets::fetch_set(&name, sources, downloads().as_mut()) {
            Ok(set) => {
                output::note(&format!("{name}: in {}", set.folder.display()));
                done.push(set_json(&set));
            }
            Err(error @ ae_datasets::DataError::UnknownSet { .. }) => return Err(Failure::usage(error)),
            Err(error) => failed.push(error.to_string()),
        }
    }
    if json {
        output::json(&done);
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("\n"))) }
}

fn verify(sets: &[String], sources: &Sources, json: bool) -> Result<(), Failure> {
    let all_sets = sets.is_empty();
    let mut checked: Vec<(String, CheckedFile)> = Vec::new();
    for set in named(sets, sources) {
        let files = ae_datasets::verify_set(&set, sources).map_err(Failure::usage)?;
        checked.extend(files.into_iter().map(|file| (set.clone(), file)));
    }
    if json {
        output::json(&checked.iter().map(state_json).collect::<Vec<_>>());
    }
    let count =
        |wanted: fn(&FileState) -> bool| checked.iter().filter(|(_, file)| wanted(&file.state)).count();
    let missing = count(|state| matches!(state, FileState::Missing));
    let wrong = count(|state| matches!(state, FileState::Wrong { .. }));
    if !json {
        output::columns(checked.iter().map(|(set, CheckedFile { name, path, state })| {
            let (mark, more) = match state {
                FileState::Ok => ("ok", String::new()),
                FileState::Missing => ("missing", String::new()),
                FileState::Wrong { expected, got } => {
                    ("WRONG", format!(": expected sha256 {expected}, got {got} in {}", path.display()))
                }
            };
            [mark.to_string(), format!("{set}/{name}{more}")]
        }));
    }
    match (wrong, missing) {
        (0, 0) => Ok(()),
        // Without names, only the files that are present count.
        (0, _) if all_sets => Ok(()),
        (0, n) => Err(Failure::new(format!("{n} files are missing; `ae data fetch` downloads them"))),
        (n, _) => Err(Failure::new(format!("{n} files are damaged; `ae data fetch` replaces them"))),
    }
}

fn set_json(set: &SetInfo) -> Value {
    let SetInfo { name, title, licence, citation, homepage, folder, files, bytes, cached } = set;
    json!({
        "name": name, "title": title, "licence": licence, "citation": citation, "homepage": homepage,
        "folder": folder.display().to_string(), "files": files, "bytes": bytes, "cached": cached,
    })
}

fn state_json((set, file): &(String, CheckedFile)) -> Value {
    let CheckedFile { name, path, state } = file;
    let path = path.display().to_string();
    match state {
        FileState::Ok => json!({ "set": set, "name": name, "path": path, "verdict": "ok" }),
        FileState::Missing => json!({ "set": set, "name": name, "path": path, "verdict": "missing" }),
        FileState::Wrong { expected, got } => {
            json!({ "set": set, "name": name, "path": path, "verdict": "wrong", "expected": expected, "got": got })
        }
    }
}
