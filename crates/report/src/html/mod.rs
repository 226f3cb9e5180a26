//! Reports as single HTML files that open offline, with embedded pictures and SVG curves and without scripts
//! or fonts. `maud` escapes all text, so a hostile name or configuration stays text.

mod evaluation;
mod part;
mod run;

pub use evaluation::{Block, HtmlTable, Section, write_evaluation};
pub use run::write;
