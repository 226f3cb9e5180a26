//! Queries to an index of documents, and what is found.

use super::documents::DocumentMethod;
use ae_intake::Notice;
use serde::Serialize;

/// What was left out of an index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeftOut {
    /// Rows without text.
    pub empty: usize,
    /// Documents without a word that the method counts; they are never found by it.
    pub wordless: usize,
    /// Lines that could not be read, and what is wrong with the first.
    pub bad: usize,
    /// What is wrong with the first of them.
    pub first_bad: Option<String>,
    /// How the file was read.
    pub notices: Vec<Notice>,
}

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub enum DocumentQuery<'q> {
    /// Words.
    Text(&'q str),
    /// What is like the document with this name, which is not found itself.
    Like(&'q str),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// What ranked.
    pub by: DocumentMethod,
    /// Words of the query that count for nothing, because no document has them or the method does not know them.
    pub unknown: Vec<String>,
    /// The best documents first.
    pub documents: Vec<FoundDocument>,
}

/// A document that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FoundDocument {
    /// What it is called.
    pub id: String,
    /// Its line in the table, from 1.
    pub line: usize,
    /// BM25's sum, a cosine, or for bits the share of equal ones; higher is better.
    pub score: f64,
    /// The passage that fits the query best.
    pub passage: String,
    /// Words of the query that speak for it, the strongest first; at most five.
    pub because: Vec<WordWeight>,
    /// Others with the very same text.
    pub same: Vec<String>,
}

/// A word that speaks for a document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WordWeight {
    /// As the query has it.
    pub word: String,
    /// Its part of the score; for codes, by how much the score falls without it. Above 0.
    pub weight: f64,
}
