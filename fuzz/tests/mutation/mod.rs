//! Seeded mutations of inputs.

use ae_fuzz::MAX_INPUT_BYTES;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// Makes inputs that nearly look like those of a corpus.
pub(crate) struct Mutator<'a> {
    corpus: &'a [Vec<u8>],
    tokens: &'a [Vec<u8>],
    rng: ChaCha8Rng,
    input: Vec<u8>,
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(corpus: &'a [Vec<u8>], tokens: &'a [Vec<u8>], rng: ChaCha8Rng) -> Self {
        Mutator { corpus, tokens, rng, input: Vec::new() }
    }

    /// One to four mutations of one input.
    pub(crate) fn next_input(&mut self) -> &[u8] {
        let start = self.below(self.corpus.len());
        self.input.clone_from(&self.corpus[start]);
        for _ in 0..=self.below(4) {
            self.mutate();
        }
        self.input.truncate(MAX_INPUT_BYTES);
        &self.input
    }

    fn mutate(&mut self) {
        let length = self.input.len();
        let place = self.below(length + 1);
        let end = place + self.below((length - place).min(16) + 1);
        match self.below(8) {
            0 if place < length => self.input[place] ^= 1 << self.below(8),
            1 if place < length => self.input[place] = self.below(256) as u8,
            2 => self.input.truncate(place),
            3 => drop(self.input.drain(place..end)),
            4 => {
                let again = self.input[place..end].to_vec();
                self.insert(place, place, &again);
            }
            5 => {
                let other = &self.corpus[self.below(self.corpus.len())];
                let from = self.below(other.len() + 1);
                self.insert(place, length, &other[from..]);
            }
            6 => {
                let token = &self.tokens[self.below(self.tokens.len())];
                self.insert(place, end, token);
            }
            _ => {
                let token = &self.tokens[self.below(self.tokens.len())];
                self.insert(place, place, token);
            }
        }
    }

    /// Puts these bytes in the place of others.
    fn insert(&mut self, from: usize, to: usize, bytes: &[u8]) {
        self.input.splice(from..to, bytes.iter().copied());
    }

    /// A number below `n`; the bias is of no matter here.
    fn below(&mut self, n: usize) -> usize {
        (self.rng.next_u64() % n as u64) as usize
    }
}

/// The tokens of a dictionary in libFuzzer's format: one in quotes a line, with `\xNN` for any byte.
pub(crate) fn tokens(dictionary: &str) -> Vec<Vec<u8>> {
    let lines = dictionary.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(token).collect()
}

fn token(line: &str) -> Vec<u8> {
    let inside = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
    let mut rest = inside.unwrap_or_else(|| panic!("`{line}` is not in quotes"));
    let mut token = Vec::new();
    while let Some(letter) = rest.chars().next() {
        let (byte, used) = match rest.as_bytes() {
            [b'\\', b'x', ..] => (u8::from_str_radix(&rest[2..4], 16).expect("two digits"), 4),
            [b'\\', byte @ (b'"' | b'\\'), ..] => (*byte, 2),
            [byte, ..] if letter.is_ascii() && letter != '"' && letter != '\\' => (*byte, 1),
            _ => panic!("`{line}` needs an escape at `{rest}`"),
        };
        token.push(byte);
        rest = &rest[used..];
    }
    token
}

#[test]
fn dictionaries_are_read_as_libfuzzer_reads_them() {
    let read = tokens("# a comment\n\n\"\\x93NUMPY\\x01\"\n\"\\\"a\\\\\"\n");
    assert_eq!(read, [b"\x93NUMPY\x01".to_vec(), b"\"a\\".to_vec()]);
}
