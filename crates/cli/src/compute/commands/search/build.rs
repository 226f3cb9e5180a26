//! `ae search build`.

use super::counted;
use crate::cli::{Cli, RankBy, SearchBuildArgs};
use crate::commands::stop_flag;
use crate::failure::Failure;
use crate::output;
use crate::progress::Training;
use ae_evaluation::finder::{DocumentIndex, DocumentMethod, DocumentWish, LeftOut, PictureIndex};
use ae_intake::InputConfig;
use ae_records::config;
use ae_records::files::{self, FileError};
use ae_training::Observer;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Ending of an index.
const ENDING: &str = "index";
/// Most lines of a record with line breaks in a quoted cell: a document may have many.
const QUOTED_LINES: usize = 4096;

/// What `--set` can change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    input: InputConfig,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { input: InputConfig { quoted_lines: QUOTED_LINES, ..InputConfig::default() } }
    }
}

pub(super) fn run(args: &SearchBuildArgs, cli: &Cli) -> Result<(), Failure> {
    // What is not there is neither a table nor a folder.
    std::fs::metadata(&args.input).map_err(FileError::new("read", &args.input)).map_err(Failure::new)?;
    let out = args.out.clone().unwrap_or_else(|| beside(&args.input));
    if args.input.canonicalize().is_ok_and(|input| out.canonicalize().is_ok_and(|out| input == out)) {
        return Err(Failure::usage(format!(
            "{} is the input; choose another file with --out",
            out.display()
        )));
    }
    if out.exists() && !args.force {
        return Err(Failure::usage(format!(
            "{} exists already; choose another file with --out, or overwrite it with --force",
            out.display()
        )));
    }
    files::check_writable(&out).map_err(Failure::new)?;
    if args.input.is_dir() { pictures(args, &out, cli) } else { documents(args, &out, cli) }
}

/// The input with another ending; a folder keeps its name.
fn beside(input: &Path) -> PathBuf {
    // `photos/` and `.` have no name of their own.
    let plain: PathBuf = input.components().collect();
    let named = if plain.file_name().is_some() { plain } else { plain.canonicalize().unwrap_or(plain) };
    match input.is_dir() {
        true => PathBuf::from(format!("{}.{ENDING}", named.display())),
        false => named.with_extension(ENDING),
    }
}

fn documents(args: &SearchBuildArgs, out: &Path, cli: &Cli) -> Result<(), Failure> {
    let by = match args.by {
        None => DocumentMethod::default(),
        Some(by) => super::of_documents(by).ok_or_else(|| {
            wrong_kind(by, "pictures, and the input is a table", "bm25, tf-idf, lsa, code or bits")
        })?,
    };
    if args.model.is_some() {
        return Err(Failure::usage(
            "the code of documents is learned from them; leave out --model, which is for pictures",
        ));
    }
    let Some(text) = &args.text else {
        return Err(Failure::usage(
            "name the column with the documents with --text, such as --text body, or give a folder of pictures",
        ));
    };
    let settings: Settings = config::load("--set", "", &args.overrides).map_err(Failure::usage)?;
    let wish = DocumentWish {
        table: args.input.clone(),
        text: text.as_str().into(),
        id: args.id.as_deref().map(Into::into),
        input: settings.input,
        language: args.language.into(),
        by,
        seed: args.seed,
    };
    let device = crate::commands::chosen(&args.machine)?;
    let mut observer = Training::new(None);
    let built = DocumentIndex::build(&wish, device, &mut observer, stop_flag());
    observer.on_end();
    let (index, left_out) = built?;
    index.save(out)?;
    tell(&left_out, by);
    let bytes = size(out);
    match cli.json {
        true => output::json(&serde_json::json!({
            "documents": index.len(), "words": index.words(), "by": by, "empty": left_out.empty,
            "without_words": left_out.wordless, "bad_lines": left_out.bad, "bytes": bytes,
            "index": out.display().to_string(),
        })),
        false => output::summary(&format!(
            "{}, {} words, ranked by {by}, {}: {}",
            counted(index.len(), "document"),
            index.words(),
            shown(bytes),
            out.display()
        )),
    }
    Ok(())
}

fn pictures(args: &SearchBuildArgs, out: &Path, cli: &Cli) -> Result<(), Failure> {
    let by = match args.by {
        None => Default::default(),
        Some(by) => super::of_pictures(by).ok_or_else(|| {
            wrong_kind(by, "documents, and the input is a folder of pictures", "pca, pixels or code")
        })?,
    };
    if args.text.is_some() {
        return Err(Failure::usage(format!(
            "{} is a folder, whose pictures are indexed; leave out --text, or give a table",
            args.input.display()
        )));
    }
    let device = crate::commands::chosen(&args.machine)?;
    let mut observer = Training::new(None);
    let built =
        PictureIndex::build(&args.input, by, args.model.as_deref(), device, &mut observer, stop_flag());
    observer.on_end();
    let (index, unreadable) = built?;
    index.save(out)?;
    if let Some(first) = unreadable.first() {
        let n = counted(unreadable.len(), "picture");
        output::note(&format!("{n} cannot be read and left out; the first: {first}"));
    }
    let bytes = size(out);
    match cli.json {
        true => output::json(&serde_json::json!({
            "pictures": index.len(), "by": by, "unreadable": unreadable.len(), "bytes": bytes,
            "index": out.display().to_string(),
        })),
        false => output::summary(&format!(
            "{}, compared by {by}, {}: {}",
            counted(index.len(), "picture"),
            shown(bytes),
            out.display()
        )),
    }
    Ok(())
}

/// Says what was left out of an index of documents.
fn tell(left_out: &LeftOut, by: DocumentMethod) {
    for notice in &left_out.notices {
        output::note(&notice.to_string());
    }
    if let (bad @ 1.., Some(first)) = (left_out.bad, &left_out.first_bad) {
        output::note(&format!("{} cannot be read and left out; the first: {first}", counted(bad, "line")));
    }
    if left_out.empty > 0 {
        output::note(&format!("{} without text left out", counted(left_out.empty, "row")));
    }
    if left_out.wordless > 0 {
        let n = counted(left_out.wordless, "document");
        output::note(&format!("{n} without a word that {by} counts, which it never finds"));
    }
}

fn wrong_kind(by: RankBy, is_for: &str, right: &str) -> Failure {
    let name =
        clap::ValueEnum::to_possible_value(&by).map_or_else(String::new, |it| it.get_name().to_owned());
    Failure::usage(format!("--by {name} is for {is_for}; give {right}"))
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |about| about.len())
}

/// `12 kB` or `3.4 MB`.
fn shown(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
