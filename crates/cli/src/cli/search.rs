//! The command line of `ae search`.

use super::machine::Machine;
use ae_evaluation::finder::{DocumentMethod, PictureMethod};
use ae_intake::words::Language;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  ae search build tickets.csv --text body --id number --out tickets.index     index the column `body`
  ae search query \"printer does not print\" --index tickets.index             the ten best, and which words speak for them
  ae search query --like 4711 --index tickets.index -k 5                      what is like ticket 4711
  ae search build papers.jsonl --text abstract --by code                      learn a code of 10 numbers a document
  ae search build photos/ --out photos.index                                  all PNG and JPEG pictures below a folder
  ae search query holiday.jpg --index photos.index

Documents are ranked by BM25 and pictures by principal components unless --by says otherwise, because these were best or as
good as any where we measured: for the first hits among documents, and among pictures as a whole. `code` finds more of all
that is on a subject and takes 40 bytes a document (`bits`: 16). See docs/retrieval.md and docs/search.md.

The input is CSV (any delimiter, with a header), TSV, JSON lines or a workbook (xlsx, ods), plain or compressed. An index holds
the texts, so treat it like them.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SearchArgs {
    #[command(subcommand)]
    pub(crate) action: SearchAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SearchAction {
    /// Index the documents of a table, or the pictures below a folder, in one file
    Build(SearchBuildArgs),
    /// Find documents by words or by another document, pictures by a picture
    Query(SearchQueryArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SearchBuildArgs {
    /// A table with a document in each row, or a folder with PNG and JPEG pictures
    #[arg(value_name = "FILE|FOLDER")]
    pub(crate) input: PathBuf,

    /// The column with the documents, by name or by position from 0
    #[arg(long, value_name = "COLUMN")]
    pub(crate) text: Option<String>,

    /// The column that says what each document is called [default: rows are numbered from 1]
    #[arg(long, value_name = "COLUMN", requires = "text")]
    pub(crate) id: Option<String>,

    /// What ranks: bm25, tf-idf, lsa, code or bits for documents; pca, pixels or code for pictures [default: bm25, pca]
    #[arg(long, value_enum, hide_possible_values = true)]
    pub(crate) by: Option<RankBy>,

    /// For pictures by code: the run of the model, or its model.safetensors
    #[arg(long, value_name = "RUN|FILE")]
    pub(crate) model: Option<PathBuf>,

    /// The language of the documents, whose endings are taken away
    #[arg(long, value_enum, default_value_t = LanguageName::English)]
    pub(crate) language: LanguageName,

    /// The index [default: the input with the ending .index]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Overwrite the index
    #[arg(long)]
    pub(crate) force: bool,

    /// How the table is written, such as input.delimiter=; or input.sheet=May; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,

    /// Seed of the training of a code
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) machine: Machine,
}

#[derive(Debug, Args)]
pub(crate) struct SearchQueryArgs {
    /// Words to look for; for an index of pictures, a PNG or JPEG picture
    #[arg(value_name = "WORDS|PICTURE", required_unless_present = "like", conflicts_with = "like")]
    pub(crate) query: Option<String>,

    /// The index
    #[arg(long, value_name = "FILE")]
    pub(crate) index: PathBuf,

    /// Find what is like this document or picture of the index, or like the text in this file
    #[arg(long, value_name = "ID|FILE")]
    pub(crate) like: Option<String>,

    /// How many to find
    #[arg(short = 'k', long, value_name = "N", default_value_t = 10, value_parser = super::at_least_one)]
    pub(crate) top: usize,

    /// What ranks documents, if not what the index was built for; bm25 and tf-idf can always be had
    #[arg(long, value_enum, hide_possible_values = true)]
    pub(crate) by: Option<RankBy>,

    #[command(flatten)]
    pub(crate) machine: Machine,
}

/// What ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RankBy {
    Bm25,
    TfIdf,
    Lsa,
    Code,
    Bits,
    Pca,
    Pixels,
}

impl RankBy {
    /// As a method for documents.
    pub(crate) fn of_documents(self) -> Option<DocumentMethod> {
        match self {
            RankBy::Bm25 => Some(DocumentMethod::Bm25),
            RankBy::TfIdf => Some(DocumentMethod::TfIdf),
            RankBy::Lsa => Some(DocumentMethod::Lsa),
            RankBy::Code => Some(DocumentMethod::Code),
            RankBy::Bits => Some(DocumentMethod::Bits),
            RankBy::Pca | RankBy::Pixels => None,
        }
    }

    /// As a method for pictures.
    pub(crate) fn of_pictures(self) -> Option<PictureMethod> {
        match self {
            RankBy::Pca => Some(PictureMethod::Pca),
            RankBy::Pixels => Some(PictureMethod::Pixels),
            RankBy::Code => Some(PictureMethod::Code),
            RankBy::Bm25 | RankBy::TfIdf | RankBy::Lsa | RankBy::Bits => None,
        }
    }
}

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageName {
    English,
    French,
    German,
    Italian,
    Portuguese,
    Russian,
    Spanish,
    /// Any other: words stay as they are
    Other,
}

impl From<LanguageName> for Language {
    fn from(name: LanguageName) -> Self {
        match name {
            LanguageName::English => Language::English,
            LanguageName::French => Language::French,
            LanguageName::German => Language::German,
            LanguageName::Italian => Language::Italian,
            LanguageName::Portuguese => Language::Portuguese,
            LanguageName::Russian => Language::Russian,
            LanguageName::Spanish => Language::Spanish,
            LanguageName::Other => Language::Other,
        }
    }
}
