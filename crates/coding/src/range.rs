//! Range coding of integers.

use crate::error::CodingError;
use crate::table::{Model, PRECISION, Table};
use constriction::backends::Cursor;
use constriction::stream::model::UniformModel;
use constriction::stream::queue::{DefaultRangeDecoder, DefaultRangeEncoder};
use constriction::stream::{Decode, Encode};

/// Bytes of a word.
const WORD: usize = 4;

/// Stores integers in as many bits as they are improbable, one after the other (Martin, "Range encoding", 1979; the coder
/// is that of the crate `constriction`).
#[derive(Debug, Default)]
pub struct Encoder {
    coder: DefaultRangeEncoder,
}

/// Gets back what an [`Encoder`] stored, in the same order and with the same tables.
#[derive(Debug)]
pub struct Decoder {
    coder: DefaultRangeDecoder<Cursor<u32, Vec<u32>>>,
}

/// Sixteen bits, all equally probable.
fn sixteen() -> UniformModel<u32, PRECISION> {
    UniformModel::new(1 << 16)
}

impl Encoder {
    /// Stores a value.
    ///
    /// # Panics
    /// If it is not one of [`crate::VALUES`].
    pub fn put(&mut self, value: i32, table: &Table) {
        assert!(crate::VALUES.contains(&value), "only values of 16 bits are stored, got {value}");
        let symbol = table.symbol(value);
        let model: &Model = &table.model;
        self.coder.encode_symbol(symbol, model).expect("every symbol has a probability");
        if symbol == table.shared {
            let raw = (value - *crate::VALUES.start()) as usize;
            self.coder.encode_symbol(raw, sixteen()).expect("it has sixteen bits");
        }
    }

    /// All that was stored, without trailing zero bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        let Ok(words) = self.coder.into_compressed();
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
        bytes.truncate(bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1));
        bytes
    }
}

impl Decoder {
    /// Begins with the first value.
    pub fn new(bytes: &[u8]) -> Self {
        let words: Vec<u32> = bytes
            .chunks(WORD)
            .map(|chunk| {
                let mut word = [0; WORD];
                word[..chunk.len()].copy_from_slice(chunk);
                u32::from_be_bytes(word)
            })
            .collect();
        let Ok(coder) = DefaultRangeDecoder::from_compressed(words);
        Decoder { coder }
    }

    /// The next value.
    ///
    /// # Errors
    /// If the bytes cannot come from the same tables.
    pub fn get(&mut self, table: &Table) -> Result<i32, CodingError> {
        let damaged = CodingError::Damaged("its numbers cannot be decoded");
        let model: &Model = &table.model;
        let symbol = self.coder.decode_symbol(model).map_err(|_| damaged.clone())?;
        if symbol != table.shared {
            return Ok(table.low + symbol as i32);
        }
        let raw = self.coder.decode_symbol(sixteen()).map_err(|_| damaged)?;
        Ok(raw as i32 + *crate::VALUES.start())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(scale: f64) -> Table {
        Table::of_cdf(|x| 1.0 / (1.0 + libm::exp(-x / scale)))
    }

    /// A cheap sequence that looks random, roughly bell-shaped.
    fn values(n: usize) -> Vec<i32> {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 60) as i32
        };
        (0..n).map(|_| next() + next() - 15).collect()
    }

    #[test]
    fn what_comes_out_went_in_and_takes_the_stated_bits() {
        let (narrow, wide) = (table(0.3), table(4.0));
        let mut values = values(10_000);
        values.extend([32_767, -32_768, 4095, 0]);
        let tables = |at: usize| if at.is_multiple_of(3) { &narrow } else { &wide };
        let mut encoder = Encoder::default();
        values.iter().enumerate().for_each(|(at, &value)| encoder.put(value, tables(at)));
        let bytes = encoder.into_bytes();
        let bits: f64 = values.iter().enumerate().map(|(at, &value)| tables(at).bits(value)).sum();
        assert!((bytes.len() as f64 * 8.0 - bits).abs() < 64.0 + 1e-3 * bits, "{} {bits}", bytes.len() * 8);
        let mut decoder = Decoder::new(&bytes);
        for (at, &value) in values.iter().enumerate() {
            assert_eq!(decoder.get(tables(at)), Ok(value), "{at}");
        }
    }

    #[test]
    fn nothing_takes_nothing_and_certain_values_almost_nothing() {
        assert!(Encoder::default().into_bytes().is_empty());
        let certain = table(1e-3);
        let mut encoder = Encoder::default();
        (0..100_000).for_each(|_| encoder.put(0, &certain));
        assert!(encoder.into_bytes().len() < 16);
    }

    #[test]
    fn any_bytes_are_decoded_without_a_panic() {
        for length in 0..40 {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 89 + length * 7) as u8).collect();
            let mut decoder = Decoder::new(&bytes);
            let wide = table(4.0);
            for _ in 0..1000 {
                if decoder.get(&wide).is_err() {
                    break;
                }
            }
        }
    }
}
