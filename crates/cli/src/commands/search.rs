//! `ae search`: indexes a user's own documents or pictures, and finds them.

mod build;
mod query;

use crate::cli::{Cli, SearchAction, SearchArgs};
use crate::failure::Failure;
use ae_evaluation::finder::FinderError;

pub(crate) fn run(args: &SearchArgs, cli: &Cli) -> Result<(), Failure> {
    match &args.action {
        SearchAction::Build(args) => build::run(args, cli),
        SearchAction::Query(args) => query::run(args, cli),
    }
}

/// `1 document` or `2 documents`.
fn counted(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

impl From<FinderError> for Failure {
    fn from(error: FinderError) -> Self {
        if error.is_usage() { Failure::usage(error) } else { Failure::new(error) }
    }
}
