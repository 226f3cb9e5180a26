//! Reads a user's tables, series and streams into [`Samples`] for a detector to learn from, score and watch.
//!
//! [`Table::from_csv`], [`Table::from_reader`] and [`Table::from_array`] read all rows to learn from.
//! [`Schema::learn`] takes scaling and categories from *training rows only*, and [`Schema::encode`] encodes
//! rows for a model. A schema is stored with its detector. With it, a [`Reader`] reads any later file or
//! stream line by line in bounded memory. Nothing odd about the data is dropped silently: it becomes a
//! [`Notice`], a [`BadLine`] or an [`IntakeError`].
//!
//! Each line is a row. A quoted cell may hold line breaks if it is closed within a few lines, so that a missing quote
//! cannot swallow the rest of a stream. UTF-16, windows-1252, lines that end in a carriage return, preambles, JSON arrays,
//! compressed files and workbooks (xlsx, ods) are recognised. Blank lines are skipped. Empty cells, `NA`, `NaN`, `null`, `?`, `-`
//! and the like count as values that were not observed.
//! Numbers may have decimal commas, thousands separators and units; each column has its own [`NumberFormat`], which the
//! schema keeps.
//!
//! ```
//! use ae_intake::{ReadOptions, Reader, Schema, Shares, Table, split_rows};
//!
//! let file: String = (0..40).map(|row| format!("{},{},{}\n", row % 7, row % 5, ["tcp", "udp"][row % 2])).collect();
//! let table = Table::from_reader(file.as_bytes())?;
//! let parts = split_rows(table.len(), 1, Shares::default())?;
//! let schema = Schema::learn(&table, &parts.train)?.schema;
//! let training = schema.encode(&table, &parts.train)?.samples;
//! assert_eq!((training.len(), schema.feature_names().join(" ")), (26, "c0 c1 c2=tcp c2=udp".into()));
//!
//! let mut stream = Reader::new("3,1,udp\nnonsense\n".as_bytes(), &schema, &ReadOptions::default())?;
//! assert_eq!(stream.next_line()?.unwrap().rows[0].line, 1);
//! assert_eq!(stream.next_line()?.unwrap().bad[0].to_string(), "line 2: it has 1 cell instead of 3");
//! assert_eq!(stream.next_line()?, None);
//! # Ok::<(), ae_intake::IntakeError>(())
//! ```

mod columns;
mod decode;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod groups;
mod input;
mod lists;
mod memory;
mod numbers;
pub mod order;
mod samples;
mod schema;
mod split;
mod stream;
mod table;
mod text;
mod texts;
pub mod words;

pub use columns::find::Column;
pub use columns::labels::Labels;
pub use columns::layout::Layout;
pub use columns::stamps::StampFormat;
pub use columns::style::StampStyle;
pub use decode::encoding::Text;
pub use decode::packed::unpacked;
pub use decode::reading::{ReadAs, Reading};
pub use error::{BadLine, BadReason, IntakeError, TableError};
pub use groups::{Group, GroupNotice, Groups, TableGroups};
pub use input::{
    Encoding, FormatChoice, HeavyTails, InputConfig, LayoutChoice, MAX_CATEGORIES, NumbersChoice, SeriesScale,
};
pub use lists::{one_or_many, one_or_many_texts};
pub use memory::{MemoryError, MemoryLimit};
pub use numbers::NumberTable;
pub use samples::Samples;
pub use schema::encode::{EncodedRows, MAX_SCALED_VALUE, RowNote, State};
pub use schema::ignored::IgnoredBecause;
pub use schema::learn::{Learned, Rare};
pub use schema::log::NoticeLog;
pub use schema::notice::Notice;
pub use schema::reading::ReadingNotice;
pub use schema::time_notice::TimeNotice;
pub use schema::{
    ClockColumn, Curve, Feature, Field, FieldKind, Format, RARE, Schema, SchemaError, Timestamp, Windows,
};
pub use split::{
    RowSplit, Shares, duplicate_share, evenly_spaced, split_rows, split_time, split_windows, window_ends,
};
pub use stream::block::Block;
pub use stream::grouped::GroupState;
pub use stream::reader::{ReadOptions, Reader};
pub use stream::windower::{Clock, WindowState};
pub use table::{Table, TableColumn};
pub use text::content;
pub use text::kept::{Keep, KeptCells};
pub use text::recognise::splits_cells;
pub use text::written::NumberFormat;
pub use texts::TextTable;
