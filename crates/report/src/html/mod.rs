//! Reports as single HTML files that open offline. Small scripts of this crate make curves, scatter plots and tables
//! react; without them, everything still reads. `maud` escapes all text, and the page's policy lets no other script run,
//! so a hostile name or configuration stays text.

mod evaluation;
mod part;
mod run;
mod script;

pub use evaluation::{Block, HtmlTable, Link, Section, write_evaluation};
pub use run::write;
