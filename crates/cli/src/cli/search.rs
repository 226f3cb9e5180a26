//! The command line of `ae search`.

use super::machine::Machine;
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
pub struct SearchArgs {
    #[command(subcommand)]
    pub action: SearchAction,
}

#[derive(Debug, Subcommand)]
pub enum SearchAction {
    /// Index the documents of a table, or the pictures below a folder, in one file
    Build(SearchBuildArgs),
    /// Find documents by words or by another document, pictures by a picture
    Query(SearchQueryArgs),
}

#[derive(Debug, Args)]
pub struct SearchBuildArgs {
    /// A table with a document in each row, or a folder with PNG and JPEG pictures
    #[arg(value_name = "FILE|FOLDER")]
    pub input: PathBuf,

    /// The column with the documents, by name or by position from 0
    #[arg(long, value_name = "COLUMN")]
    pub text: Option<String>,

    /// The column that says what each document is called [default: rows are numbered from 1]
    #[arg(long, value_name = "COLUMN", requires = "text")]
    pub id: Option<String>,

    /// What ranks: bm25, tf-idf, lsa, code or bits for documents; pca, pixels or code for pictures [default: bm25, pca]
    #[arg(long, value_enum, hide_possible_values = true)]
    pub by: Option<RankBy>,

    /// For pictures by code: the run of the model, or its model.safetensors
    #[arg(long, value_name = "RUN|FILE", add = super::completing(crate::keys::runs))]
    pub model: Option<PathBuf>,

    /// The language of the documents, whose endings are taken away
    #[arg(long, value_enum, default_value_t = LanguageName::English)]
    pub language: LanguageName,

    /// The index [default: the input with the ending .index]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Overwrite the index
    #[arg(long)]
    pub force: bool,

    /// How the table is written, such as input.delimiter=; or input.sheet=May; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,

    /// Seed of the training of a code
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    #[command(flatten)]
    pub machine: Machine,
}

#[derive(Debug, Args)]
pub struct SearchQueryArgs {
    /// Words to look for; for an index of pictures, a PNG or JPEG picture
    #[arg(value_name = "WORDS|PICTURE", required_unless_present = "like", conflicts_with = "like")]
    pub query: Option<String>,

    /// The index
    #[arg(long, value_name = "FILE")]
    pub index: PathBuf,

    /// Find what is like this document or picture of the index, or like the text in this file
    #[arg(long, value_name = "ID|FILE")]
    pub like: Option<String>,

    /// How many to find
    #[arg(short = 'k', long, value_name = "N", default_value_t = 10, value_parser = super::at_least_one)]
    pub top: usize,

    /// What ranks documents, if not what the index was built for; bm25 and tf-idf can always be had
    #[arg(long, value_enum, hide_possible_values = true)]
    pub by: Option<RankBy>,

    #[command(flatten)]
    pub machine: Machine,
}

/// What ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RankBy {
    Bm25,
    TfIdf,
    Lsa,
    Code,
    Bits,
    Pca,
    Pixels,
}

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LanguageName {
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
