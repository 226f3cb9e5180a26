//! The commands that need no libtorch, one file each.

mod compare;
mod completions;
mod data;
pub mod presets;
mod report;

use crate::cli::{Cli, LeanCommand, SourceArgs};
use crate::failure::Failure;
use ae_datasets::Sources;
use ae_fetch::Progress;

pub fn run(command: &LeanCommand, cli: &Cli) -> Result<(), Failure> {
    match command {
        LeanCommand::Data(args) => data::run(args, cli),
        LeanCommand::Report(args) => report::run(args, cli),
        LeanCommand::Compare(args) => compare::run(args, cli),
        LeanCommand::Completions { shell } => completions::run(*shell),
    }
}

/// The sources of data, from the arguments and the environment.
pub fn sources(args: &SourceArgs) -> Sources {
    let mut sources = Sources::from_env();
    sources.mirror = args.mirror.clone().or(sources.mirror);
    sources.offline |= args.offline;
    if let Some(cache) = &args.cache {
        sources.cache.clone_from(cache);
    }
    sources
}

/// Shows downloads as bars on a terminal, as lines elsewhere, not at all with `--quiet`.
pub fn downloads() -> Box<dyn Progress> {
    if crate::output::is_quiet() { Box::new(ae_fetch::Silent) } else { Box::new(ae_fetch::Bar::new()) }
}
