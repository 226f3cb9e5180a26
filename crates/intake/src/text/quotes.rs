//! Removes the quotes from the cells of a line (RFC 4180).

use crate::error::BadReason;

/// Buffers for the cells of one line after another.
#[derive(Default)]
pub(crate) struct Unquoted {
    bytes: Vec<u8>,
    /// Where each cell ends in `bytes`.
    ends: Vec<usize>,
}

impl Unquoted {
    /// The cells of a line. A quote opens a cell only at its beginning; two quotes inside are one. What
    /// follows the closing quote belongs to the cell as it is.
    pub(crate) fn cells_of(
        &mut self,
        line: &[u8],
        delimiter: u8,
    ) -> Result<impl Iterator<Item = &[u8]>, BadReason> {
        self.bytes.clear();
        self.ends.clear();
        let (mut quoted, mut begins) = (false, true);
        let mut rest = line.iter().copied().peekable();
        while let Some(byte) = rest.next() {
            match byte {
                b'"' if quoted && rest.next_if_eq(&b'"').is_none() => quoted = false,
                b'"' if begins => quoted = true,
                _ if byte == delimiter && !quoted => {
                    self.ends.push(self.bytes.len());
                    begins = true;
                    continue;
                }
                _ => self.bytes.push(byte),
            }
            begins = false;
        }
        if quoted {
            return Err(BadReason::OpenQuote);
        }
        self.ends.push(self.bytes.len());
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        Ok(starts.zip(&self.ends).map(|(from, &to)| &self.bytes[from..to]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_records::seed::stream_rng;
    use rand_chacha::rand_core::Rng;

    /// `csv-core` on the line and a line feed; an open quote takes the line feed for a part of its cell.
    fn expected(line: &[u8], delimiter: u8) -> Option<Vec<Vec<u8>>> {
        let terminator = csv_core::Terminator::Any(b'\n');
        let mut reader = csv_core::ReaderBuilder::new().delimiter(delimiter).terminator(terminator).build();
        let mut input = line.to_vec();
        input.push(b'\n');
        let (mut bytes, mut ends) = (vec![0; input.len()], vec![0; input.len()]);
        let (result, _, _, n) = reader.read_record(&input, &mut bytes, &mut ends);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let cells = starts.zip(&ends[..n]).map(|(from, &to)| bytes[from..to].to_vec()).collect();
        (result == csv_core::ReadRecordResult::Record).then_some(cells)
    }

    #[test]
    fn lines_are_split_as_csv_core_splits_them() {
        let mut rng = stream_rng(1, "quotes", 0);
        let mut unquoted = Unquoted::default();
        let mut open = 0;
        for _ in 0..50_000 {
            let length = 1 + rng.next_u32() % 12;
            let line: Vec<u8> = (0..length).map(|_| b"\"\",;a b\r"[rng.next_u32() as usize % 8]).collect();
            for delimiter in *b",;" {
                let got = unquoted.cells_of(&line, delimiter);
                let got = got.ok().map(|cells| cells.map(<[u8]>::to_vec).collect::<Vec<_>>());
                assert_eq!(got, expected(&line, delimiter), "{:?}", line.escape_ascii().to_string());
                open += u32::from(got.is_none());
            }
        }
        assert!((10_000..90_000).contains(&open), "{open}");
    }
}
