//! From a user's bytes to [`Samples`](crate::Samples): what a detector learns from, scores and watches.
//!
//! [`RawTable::load`] reads a whole file to learn from; [`Schema::learn`] finds scaling and categories in *training
//! rows only*; [`Schema::encode`] gives what a model sees. A schema travels with its detector, and reads any later
//! file or stream line by line in bounded memory. What is odd about the data is never dropped silently: it is a
//! [`Notice`], a [`BadLine`], or an [`IntakeError`].
//!
//! A line is a row: quotes are understood, but a quoted cell ends on its line, so that a lost quote cannot swallow the
//! rest of a stream. Blank lines are no rows. Empty cells and `NA`, `NaN`, `null`, `?`, `-` and the like are values
//! that were not observed.

mod block;
mod cells;
mod encode;
mod error;
mod head;
mod input;
mod json;
mod kinds;
mod labels;
mod layout;
mod learn;
mod lines;
mod load;
mod log;
mod matching;
mod notice;
mod parse;
mod period;
mod profile;
mod reader;
mod schema;
mod split;
mod stamps;
mod windower;

pub use block::Block;
pub use encode::{Encoded, MOST, RowNote, State};
pub use error::{BadLine, BadReason, IntakeError};
pub use input::{FormatChoice, HeavyTails, InputConfig, LayoutChoice, SeriesScale};
pub use labels::Labels;
pub use layout::Layout;
pub use learn::Learned;
pub use load::{RawColumn, RawTable};
pub use log::NoticeLog;
pub use notice::{IgnoredBecause, Notice};
pub use reader::{ReadOptions, Reader, inflated};
pub use schema::{Curve, Feature, Field, FieldKind, Format, Schema, SchemaError, Timestamp, Windows};
pub use split::{Parts, Shares, duplicate_share, split_rows, split_time, window_ends};
pub use stamps::StampFormat;
pub use windower::WindowState;
