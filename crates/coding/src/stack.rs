//! A stack of symbols: what was stored last comes out first, and anything can be taken out.

use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::stack::DefaultAnsCoder;
use constriction::stream::{Decode, Encode};
use std::num::NonZeroU32;

/// Bits of a probability.
const PRECISION: usize = 24;
/// All of them together.
const TOTAL: u32 = 1 << PRECISION;

/// Symbols as a stack (Duda, "Asymmetric numeral systems", 2013; the coder is that of the crate `constriction`). A symbol can be
/// taken out by any probabilities, whatever was stored: that is what bits-back coding lives on.
#[derive(Debug)]
pub(crate) struct Stack {
    coder: DefaultAnsCoder,
}

impl Stack {
    /// From words; the last one is not zero.
    pub(crate) fn new(words: Vec<u32>) -> Option<Self> {
        Some(Stack { coder: DefaultAnsCoder::from_compressed(words).ok()? })
    }

    pub(crate) fn into_words(self) -> Vec<u32> {
        let Ok(words) = self.coder.into_compressed();
        words
    }

    /// Stores one of `symbols` symbols. `below` says how probable all lesser ones are together, for 1 to `symbols - 1`; it does
    /// not fall.
    pub(crate) fn push(&mut self, symbol: u32, symbols: u32, below: impl Fn(u32) -> f64) {
        self.coder.encode_symbol(symbol, Shares { symbols, below }).expect("every symbol has a probability");
    }

    /// Takes out a symbol by these probabilities.
    pub(crate) fn pop(&mut self, symbols: u32, below: impl Fn(u32) -> f64) -> u32 {
        let Ok(symbol) = self.coder.decode_symbol(Shares { symbols, below });
        symbol
    }
}

impl Stack {
    /// Flips bits of what comes out next, so many words, by a fixed pattern that `number` chooses; twice gives what was there.
    pub(crate) fn scramble(&mut self, number: u64, words: usize) {
        let (mut bulk, state) = std::mem::take(&mut self.coder).into_raw_parts();
        let mut pattern = pattern(number);
        let begin = bulk.len().saturating_sub(words);
        bulk[begin..].iter_mut().rev().for_each(|word| *word ^= pattern.next().expect("it does not end"));
        // The upper half of the state says how full it is.
        let state = state ^ u64::from(pattern.next().expect("it does not end"));
        self.coder = DefaultAnsCoder::from_raw_parts(bulk, state);
    }
}

/// Words without a regularity that matters (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014).
pub(crate) fn pattern(number: u64) -> impl Iterator<Item = u32> {
    let mut state = number.wrapping_mul(0xd134_2543_de82_ef95);
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 32) as u32
    })
}

/// Probabilities of symbols as integers, computed where they are needed; none is impossible.
struct Shares<F> {
    symbols: u32,
    below: F,
}

impl<F: Fn(u32) -> f64> Shares<F> {
    /// Where the symbol's interval begins.
    fn start(&self, symbol: u32) -> u32 {
        match symbol {
            0 => 0,
            last if last == self.symbols => TOTAL,
            symbol => {
                let share = Some((self.below)(symbol)).filter(|share| share.is_finite()).unwrap_or(0.5);
                symbol + (share.clamp(0.0, 1.0) * f64::from(TOTAL - self.symbols)) as u32
            }
        }
    }

    fn interval(&self, symbol: u32) -> (u32, NonZeroU32) {
        let start = self.start(symbol);
        let width = self.start(symbol + 1).checked_sub(start).and_then(NonZeroU32::new);
        (start, width.expect("the probabilities below a symbol do not fall"))
    }
}

impl<F: Fn(u32) -> f64> EntropyModel<PRECISION> for Shares<F> {
    type Symbol = u32;
    type Probability = u32;
}

impl<F: Fn(u32) -> f64> EncoderModel<PRECISION> for Shares<F> {
    fn left_cumulative_and_probability(
        &self,
        symbol: impl std::borrow::Borrow<u32>,
    ) -> Option<(u32, NonZeroU32)> {
        Some(*symbol.borrow()).filter(|&symbol| symbol < self.symbols).map(|symbol| self.interval(symbol))
    }
}

impl<F: Fn(u32) -> f64> DecoderModel<PRECISION> for Shares<F> {
    fn quantile_function(&self, quantile: u32) -> (u32, u32, NonZeroU32) {
        // The last symbol whose interval begins at the quantile or before.
        let (mut low, mut high) = (0, self.symbols);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.start(middle) <= quantile {
                low = middle;
            } else {
                high = middle;
            }
        }
        let (start, width) = self.interval(low);
        (low, start, width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: [f64; 5] = [0.0, 0.125, 0.125, 0.75, 1.0];

    fn below(symbol: u32) -> f64 {
        SHARES[symbol as usize]
    }

    #[test]
    fn what_was_stored_comes_out_in_reverse_in_as_many_bits_as_it_is_improbable() {
        let mut stack = Stack::new(vec![1]).unwrap();
        let symbols: Vec<u32> = (0..8000).map(|at| [0, 2, 2, 2, 2, 2, 3, 3][at % 8]).collect();
        symbols.iter().for_each(|&symbol| stack.push(symbol, 4, below));
        let words = stack.into_words();
        // Per eight symbols: three bits for the first, 5 log2(1.6) and 2 · 2 bits.
        let bits = 1000.0 * (3.0 + 5.0 * 1.6f64.log2() + 4.0);
        assert!((32.0 * words.len() as f64 - bits).abs() < 128.0, "{} {bits}", 32 * words.len());
        let mut stack = Stack::new(words).unwrap();
        let back: Vec<u32> = symbols.iter().map(|_| stack.pop(4, below)).collect();
        assert!(back.iter().eq(symbols.iter().rev()));
        assert_eq!(stack.into_words(), [1]);
    }

    /// The other direction: what was taken out can be put back, and nothing is lost.
    #[test]
    fn what_was_taken_out_can_be_put_back() {
        let words: Vec<u32> = (1..60u32).map(|word| word.wrapping_mul(2_654_435_761)).collect();
        let mut stack = Stack::new(words.clone()).unwrap();
        let symbols: Vec<u32> = (0..400).map(|_| stack.pop(4, below)).collect();
        assert!((0..4).all(|symbol| symbol == 1 || symbols.contains(&symbol)));
        symbols.iter().rev().for_each(|&symbol| stack.push(symbol, 4, below));
        assert_eq!(stack.into_words(), words);
    }

    #[test]
    fn what_is_scrambled_twice_is_as_before() {
        for n in [1, 2, 3, 60] {
            let words = vec![0x1234_5678; n];
            let mut stack = Stack::new(words.clone()).unwrap();
            stack.scramble(7, 20);
            let taken = stack.pop(4, below);
            stack.push(taken, 4, below);
            stack.scramble(7, 20);
            assert_eq!(stack.into_words(), words);
        }
    }

    /// Whatever a network says, each symbol has a probability.
    #[test]
    fn nonsense_is_a_probability_too() {
        let shapes: [fn(u32) -> f64; 4] = [|_| f64::NAN, |_| -3.0, |_| 7.0, |at| f64::from(at) * 1e-30];
        for below in shapes {
            let mut stack = Stack::new(vec![7; 40]).unwrap();
            (0..256).for_each(|symbol| stack.push(symbol, 256, below));
            assert!((0..256).rev().all(|symbol| stack.pop(256, below) == symbol));
        }
    }
}
