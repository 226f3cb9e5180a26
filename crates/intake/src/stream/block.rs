//! Parses and encodes blocks of lines in parallel, and joins the results in order.

use crate::Samples;
use crate::error::BadLine;
use crate::groups::Groups;
use crate::schema::encode::{Encoder, RowNote};
use crate::schema::notice::Notice;
use crate::text::kept::KeptCells;
use crate::text::parse::{RawBlock, RowParser};
use crate::text::pieces::pieces;
use rayon::prelude::*;

/// The result of reading some lines. Every line, except blank lines and the header, is in `rows` or in `bad`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// `[N, D]`.
    pub samples: Samples,
    /// `[N]`, where each sample comes from and whether it can be judged.
    pub rows: Vec<RowNote>,
    /// `[N]`, the time of each row; `NaN` if it has none.
    pub stamps: Vec<f64>,
    /// `[N]` if a label was asked for, otherwise empty.
    pub labels: Vec<String>,
    /// The cells of each row that [`ReadOptions::keep`](crate::ReadOptions::keep) asks for.
    pub kept: KeptCells,
    /// `[N]` if the schema has a column of groups, otherwise empty.
    pub groups: Groups,
    /// Bad lines, ascending.
    pub bad: Vec<BadLine>,
    /// Notices about single values and times, in line order: the first 64 of each kind and column in a block,
    /// and the first 128 about groups. All are counted in [`Reader::log`](crate::Reader::log).
    pub notices: Vec<Notice>,
}

impl Block {
    /// Joins several blocks into one; `width` is the number of values in a sample.
    pub(crate) fn joined(blocks: impl IntoIterator<Item = Block>, width: usize) -> Block {
        let mut all = Block::default();
        let mut samples = Vec::new();
        for block in blocks {
            samples.push(block.samples);
            all.rows.extend(block.rows);
            all.stamps.extend(block.stamps);
            all.labels.extend(block.labels);
            all.kept.append(block.kept);
            all.groups.append(block.groups);
            all.bad.extend(block.bad);
            all.notices.extend(block.notices);
        }
        all.samples = Samples::concat(width, &samples);
        all
    }
}

impl Default for Block {
    fn default() -> Self {
        Block {
            samples: Samples::empty(0),
            rows: Vec::new(),
            stamps: Vec::new(),
            labels: Vec::new(),
            kept: KeptCells::default(),
            groups: Groups::default(),
            bad: Vec::new(),
            notices: Vec::new(),
        }
    }
}

/// Parses and encodes lines; the first is number `first_line`.
pub(crate) fn in_parallel(
    parser: &RowParser,
    encoder: &Encoder,
    bytes: &[u8],
    first_line: u64,
    limit: usize,
) -> (RawBlock, Samples, Vec<f32>) {
    let parts: Vec<(RawBlock, Samples, Vec<f32>)> = pieces(bytes, first_line)
        .into_par_iter()
        .map(|piece| {
            let raw = parser.block(piece.bytes, piece.first_line, limit);
            let (samples, shares) = encoder.rows(&raw.values, raw.lines.len());
            (raw, samples, shares)
        })
        .collect();
    let mut all = RawBlock::default();
    let (mut samples, mut shares) = (Vec::with_capacity(parts.len()), Vec::new());
    for (raw, part, share) in parts {
        all.append(raw);
        samples.push(part);
        shares.extend(share);
    }
    (all, Samples::concat(encoder.row_width, &samples), shares)
}
