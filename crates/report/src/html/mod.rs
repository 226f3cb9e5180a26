//! Reports as one HTML file that opens offline: pictures are in it as data, curves as SVG; no scripts, no
//! fonts, nothing is loaded. All text is escaped by `maud`, so a hostile name or configuration stays text.

mod evaluation;
mod part;
mod run;

pub use evaluation::{Block, Section, Table, write_evaluation};
pub use run::write;
