//! What some lines gave: parsed and encoded in parallel, then put together in order.

use crate::Samples;
use crate::columns::profile::pieces;
use crate::error::BadLine;
use crate::schema::encode::{Encoder, RowNote};
use crate::schema::notice::Notice;
use crate::stream::windower::Windower;
use crate::text::parse::{RawBlock, RowParser};
use memchr::memchr_iter;
use ndarray::Array2;
use rayon::prelude::*;

/// What some lines gave. Every line that is not blank, and no header, is in `rows` or in `bad`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// `[N, D]`.
    pub samples: Samples,
    /// `[N]`, where each comes from and whether it can be judged.
    pub rows: Vec<RowNote>,
    /// `[N]`, the time of each; `NaN` where there is none.
    pub stamps: Vec<f64>,
    /// `[N]`, where a label was asked for; else empty.
    pub labels: Vec<String>,
    /// Lines that are no rows, ascending.
    pub bad: Vec<BadLine>,
    /// What is odd about single values and times, in the order of lines; of each column the first 64 of a block. All are counted
    /// in [`Reader::log`](crate::Reader::log).
    pub notices: Vec<Notice>,
}

impl Default for Block {
    fn default() -> Self {
        Block {
            samples: Samples::empty(0),
            rows: Vec::new(),
            stamps: Vec::new(),
            labels: Vec::new(),
            bad: Vec::new(),
            notices: Vec::new(),
        }
    }
}

/// Parses and encodes lines, the first of which is line `first_line`.
pub(crate) fn in_parallel(
    parser: &RowParser,
    encoder: &Encoder,
    bytes: &[u8],
    first_line: u64,
    limit: usize,
) -> (RawBlock, Samples, Vec<f32>) {
    let mut line = first_line;
    let starts: Vec<(u64, &[u8])> = pieces(bytes)
        .into_iter()
        .map(|piece| {
            let start = line;
            line += memchr_iter(b'\n', piece).count() as u64;
            (start, piece)
        })
        .collect();
    let parts: Vec<(RawBlock, Samples, Vec<f32>)> = starts
        .into_par_iter()
        .map(|(line, piece)| {
            let raw = parser.block(piece, line, limit);
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

/// Cuts encoded steps into the windows that end with each.
pub(crate) fn windows(
    windower: &mut Windower,
    encoder: &Encoder,
    width: usize,
    raw: &RawBlock,
    steps: &Samples,
    shares: &[f32],
) -> (Samples, Vec<RowNote>) {
    let n = raw.lines.len();
    let mut values = Vec::with_capacity(n * width);
    let mut observed = Vec::with_capacity(n * width);
    let mut rows = Vec::with_capacity(n);
    let mut bad = raw.bad.iter().map(|bad| bad.line).peekable();
    for (row, &line) in raw.lines.iter().enumerate() {
        while bad.next_if(|&bad| bad < line).is_some() {
            windower.push_nothing();
        }
        let mask =
            steps.observed.as_ref().map(|mask| mask.row(row).to_slice().expect("masks are contiguous"));
        let step = steps.values.row(row).to_slice().expect("encoded rows are contiguous");
        windower.push(step, mask, shares[row], raw.stamps[row]);
        let window = windower.window();
        values.extend_from_slice(window.0);
        observed.extend_from_slice(window.1);
        rows.push(windower.note(encoder, line));
    }
    bad.for_each(|_| windower.push_nothing());
    let is_complete = observed.iter().all(|&observed| observed);
    let mask = || Array2::from_shape_vec((n, width), observed).expect("a window a row");
    let observed = (!is_complete).then(mask);
    let values = Array2::from_shape_vec((n, width), values).expect("a window a row");
    (Samples::complete(values).with_observed(observed), rows)
}
