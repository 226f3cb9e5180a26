//! Splits the lines of a file into pieces that are parsed in parallel.

use crate::text::parse::{MAX_LINE, RawBlock, RowParser};
use memchr::{memchr, memchr_iter};
use rayon::prelude::*;

/// Size of a piece, in bytes.
const PIECE_BYTES: usize = 1 << 18;

/// Whole lines, with the number of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub bytes: &'a [u8],
    pub first_line: u64,
}

/// Splits `content`, whose first line is number `first_line`, at line ends into pieces of about
/// [`PIECE_BYTES`].
pub(crate) fn pieces(content: &[u8], first_line: u64) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest, mut line) = (Vec::new(), content, first_line);
    while !rest.is_empty() {
        let from = PIECE_BYTES.min(rest.len()) - 1;
        let end = memchr(b'\n', &rest[from..]).map_or(rest.len(), |end| from + end + 1);
        let (bytes, tail) = rest.split_at(end);
        pieces.push(Piece { bytes, first_line: line });
        line += memchr_iter(b'\n', bytes).count() as u64;
        rest = tail;
    }
    pieces
}

/// Parses lines in parallel and joins the rows in order; the first line is number `first_line`.
pub(crate) fn parse_all(parser: &RowParser, body: &[u8], first_line: u64) -> RawBlock {
    let parse = |piece: Piece<'_>| parser.block(piece.bytes, piece.first_line, MAX_LINE);
    let blocks: Vec<RawBlock> = pieces(body, first_line).into_par_iter().map(parse).collect();
    let mut all = RawBlock::default();
    all.values.reserve_exact(blocks.iter().map(|block| block.values.len()).sum());
    blocks.into_iter().for_each(|block| all.append(block));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_every_line_once_with_its_number() {
        let line = "0123456789\n".repeat(20);
        for n in [0, 1, 7, 5000] {
            let content = format!("{}last", line.repeat(n));
            let pieces = pieces(content.as_bytes(), 3);
            let mut next = 3;
            for piece in &pieces {
                assert_eq!(piece.first_line, next);
                next += memchr_iter(b'\n', piece.bytes).count() as u64;
            }
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes).copied().collect();
            assert_eq!(all, content.as_bytes());
            assert_eq!(next, 3 + 20 * n as u64);
            let (last, others) = pieces.split_last().unwrap();
            assert!(others.iter().all(|piece| piece.bytes.ends_with(b"\n")) && last.bytes.ends_with(b"last"));
        }
        assert_eq!(pieces(b"", 1), []);
    }
}
