//! `ae search query`.

use crate::cli::{Cli, SearchQueryArgs};
use crate::failure::Failure;
use crate::output;
use ae_evaluation::finder::{
    DocumentIndex, DocumentMethod, DocumentQuery, FinderError, Found, FoundDocument, Index, PictureIndex,
};
use ae_intake::content;
use ae_records::text::one_line;
use serde_json::json;
use std::path::Path;

/// Largest file that a text is read from, in bytes.
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// Characters of a passage if the output is no terminal, and the fewest.
const PASSAGE: usize = 100;
const MIN_PASSAGE: usize = 40;
/// Characters beside the passage.
const BESIDE: usize = 48;
/// Names of equal documents that a line has.
const NAMED_EQUALS: usize = 3;

pub(super) fn run(args: &SearchQueryArgs, cli: &Cli) -> Result<(), Failure> {
    let device = crate::commands::chosen(&args.machine)?;
    match Index::load(&args.index, device)? {
        Index::Documents(index) => documents(&index, args, cli),
        Index::Pictures(index) => pictures(&index, args, cli),
    }
}

fn documents(index: &DocumentIndex, args: &SearchQueryArgs, cli: &Cli) -> Result<(), Failure> {
    let by = match args.by {
        None => None,
        Some(by) => Some(super::of_documents(by).ok_or_else(|| {
            Failure::usage("the index is one of documents; --by is one of bm25, tf-idf, lsa, code and bits")
        })?),
    };
    let of_file;
    let query = match (&args.query, &args.like) {
        (_, Some(name)) if index.has(name) || !Path::new(name).is_file() => DocumentQuery::Like(name),
        (_, Some(path)) => {
            of_file = text_of(Path::new(path))?;
            DocumentQuery::Text(&of_file)
        }
        (query, None) => DocumentQuery::Text(query.as_deref().unwrap_or_default()),
    };
    let terminal = output::width().map_or(PASSAGE, |width| usize::from(width).saturating_sub(BESIDE));
    let found = index.search(query, by, args.top, terminal.max(MIN_PASSAGE))?;
    if !found.unknown.is_empty() {
        let words: Vec<String> = found.unknown.iter().take(10).map(|word| format!("`{word}`")).collect();
        let more = if found.unknown.len() > 10 { " and others" } else { "" };
        let why = match found.by {
            DocumentMethod::Bm25 | DocumentMethod::TfIdf => "in no document".to_owned(),
            by => format!("not among the words that {by} knows"),
        };
        output::note(&format!("{why}: {}{more}", words.join(", ")));
    }
    if cli.json {
        output::json(&found);
        return Ok(());
    }
    if found.documents.is_empty() {
        output::note("nothing found");
        return Ok(());
    }
    show(&found);
    Ok(())
}

fn show(found: &Found) {
    let heading = ["score", "id", "text", "because of"].map(String::from);
    let line = |it: &FoundDocument| {
        let because: Vec<String> = it.because.iter().map(|word| one_line(&word.word).into_owned()).collect();
        let mut id = one_line(&it.id).into_owned();
        if !it.same.is_empty() {
            let named: Vec<_> = it.same.iter().take(NAMED_EQUALS).map(|name| one_line(name)).collect();
            let more = if it.same.len() > NAMED_EQUALS { ", …" } else { "" };
            id = format!("{id} (= {}{more})", named.join(", "));
        }
        [format!("{:.3}", it.score), id, one_line(&it.passage).into_owned(), because.join(", ")]
    };
    output::columns([heading].into_iter().chain(found.documents.iter().map(line)));
}

fn pictures(index: &PictureIndex, args: &SearchQueryArgs, cli: &Cli) -> Result<(), Failure> {
    if args.by.is_some_and(|by| super::of_pictures(by) != Some(index.method())) {
        let by = index.method();
        return Err(Failure::usage(format!(
            "the index compares pictures by {by}; build it again with another --by"
        )));
    }
    let found = match (&args.query, &args.like) {
        (_, Some(name)) => index.like(name, args.top)?,
        (query, None) => index.search(Path::new(query.as_deref().unwrap_or_default()), args.top)?,
    };
    if cli.json {
        output::json(&json!({ "by": index.method(), "folder": index.folder(), "pictures": found }));
        return Ok(());
    }
    let heading = ["distance", "picture"].map(String::from);
    let folder = Path::new(index.folder());
    let lines = found.iter().map(|it| {
        let path = folder.join(&it.picture).display().to_string();
        [format!("{:.3}", it.distance), one_line(&path).into_owned()]
    });
    output::columns([heading].into_iter().chain(lines));
    Ok(())
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let bytes = content::read(path, MAX_TEXT_BYTES).map_err(FinderError::from)?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("{} is not UTF-8 text; save it as UTF-8", path.display())))
}
