//! `ae search`: indexes a user's own documents or pictures, and finds them.

mod build;
mod query;

use crate::cli::{Cli, RankBy, SearchAction, SearchArgs};
use crate::failure::Failure;
use crate::output::counted;
use ae_evaluation::finder::{DocumentMethod, PictureMethod};

pub(crate) fn run(args: &SearchArgs, cli: &Cli) -> Result<(), Failure> {
    match &args.action {
        SearchAction::Build(args) => build::run(args, cli),
        SearchAction::Query(args) => query::run(args, cli),
    }
}

/// As a method for documents.
fn of_documents(by: RankBy) -> Option<DocumentMethod> {
    match by {
        RankBy::Bm25 => Some(DocumentMethod::Bm25),
        RankBy::TfIdf => Some(DocumentMethod::TfIdf),
        RankBy::Lsa => Some(DocumentMethod::Lsa),
        RankBy::Code => Some(DocumentMethod::Code),
        RankBy::Bits => Some(DocumentMethod::Bits),
        RankBy::Pca | RankBy::Pixels => None,
    }
}

/// As a method for pictures.
fn of_pictures(by: RankBy) -> Option<PictureMethod> {
    match by {
        RankBy::Pca => Some(PictureMethod::Pca),
        RankBy::Pixels => Some(PictureMethod::Pixels),
        RankBy::Code => Some(PictureMethod::Code),
        RankBy::Bm25 | RankBy::TfIdf | RankBy::Lsa | RankBy::Bits => None,
    }
}
