//! The file of compressed pictures.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | `AEC` and the version, 1 |
//! | 8 | first bytes of the SHA-256 of the model that decodes it |
//! | 1 | quality, 0 to 100; 255 if the pictures are stored exactly |
//! | 1 | channels, 1 or 3 |
//! | n | number of runs of pictures of one size |
//! | n | for each run: number of pictures, height, width |
//! | 1 | whether the pictures have names, 0 or 1 |
//! | n | if so, for each picture: length of its name, the name in UTF-8 |
//! | … | the bytes of the range coder ([`crate::Encoder`]) or of bits-back coding ([`crate::BitsBack`]), up to the checksum |
//! | 8 | first bytes of the SHA-256 of all bytes before |
//!
//! `n` is a number in groups of seven bits, least significant first, each but the last with the highest bit set (LEB128).

use crate::error::CodingError;
use sha2::{Digest, Sha256};

/// Pictures in a file, at most.
pub const MAX_PICTURES: u64 = 1 << 20;
/// Pixels of all pictures of a file together, at most.
pub const MAX_PIXELS: u64 = 1 << 26;

const MAGIC: [u8; 3] = *b"AEC";
const VERSION: u8 = 1;
const SUM: usize = 8;
/// Bytes before the number of pictures.
const HEAD: usize = MAGIC.len() + 1 + SUM + 2;
/// Length of a name in bytes, at most.
const MAX_NAME: u64 = 1024;

/// Compressed pictures, as a file holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// First bytes of the SHA-256 of the model's file.
    pub model: [u8; SUM],
    /// Quality, 0 to 100; 255 if the pictures are stored exactly.
    pub level: u8,
    /// 1 for grey pictures, 3 for colour.
    pub channels: u8,
    /// The pictures, in the order of their codes.
    pub pictures: Vec<Picture>,
    /// The bytes of [`crate::Encoder`] or [`crate::BitsBack`].
    pub payload: Vec<u8>,
}

/// What a file says of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its name; may be empty.
    pub name: String,
    /// Rows of pixels.
    pub height: u32,
    /// Columns of pixels.
    pub width: u32,
}

impl Container {
    /// The bytes of the file.
    ///
    /// # Errors
    /// More pictures or pixels than can be stored, or a name that is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodingError> {
        self.check()?;
        let mut bytes = Vec::with_capacity(HEAD + 16 * self.pictures.len() + self.payload.len() + SUM);
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.extend(self.model);
        bytes.extend([self.level, self.channels]);
        let size = |picture: &Picture| (picture.height, picture.width);
        let runs: Vec<&[Picture]> = self.pictures.chunk_by(|a, b| size(a) == size(b)).collect();
        number(&mut bytes, runs.len() as u64);
        for run in runs {
            let (height, width) = size(&run[0]);
            for value in [run.len() as u64, height.into(), width.into()] {
                number(&mut bytes, value);
            }
        }
        let named = self.pictures.iter().any(|picture| !picture.name.is_empty());
        bytes.push(u8::from(named));
        for picture in self.pictures.iter().filter(|_| named) {
            number(&mut bytes, picture.name.len() as u64);
            bytes.extend(picture.name.as_bytes());
        }
        bytes.extend(&self.payload);
        bytes.extend(sum(&bytes));
        Ok(bytes)
    }

    /// Reads a file. The checksum is compared first, so that a damaged file is never decoded.
    ///
    /// # Errors
    /// If it is another kind of file, of another version, or damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, CodingError> {
        let (&version, rest) =
            bytes.strip_prefix(&MAGIC).and_then(<[u8]>::split_first).ok_or(CodingError::NotOurs)?;
        if version != VERSION {
            return Err(CodingError::Version(version));
        }
        let parts = bytes.split_last_chunk::<SUM>().filter(|(content, _)| content.len() >= HEAD);
        let (content, stated) = parts.ok_or(CodingError::Damaged("it is cut off"))?;
        if *stated != sum(content) {
            return Err(CodingError::Damaged("its checksum does not match"));
        }
        let mut rest = Rest(&rest[..rest.len() - SUM]);
        let model = rest.take(SUM as u64)?.try_into().expect("as many bytes as asked for");
        let [level, channels] = rest.take(2)?.try_into().expect("as many bytes as asked for");
        let pictures = rest.pictures()?;
        let container = Container { model, level, channels, pictures, payload: rest.0.to_vec() };
        container.check()?;
        if ![1, 3].contains(&channels) {
            return Err(CodingError::Damaged("it has neither one channel nor three"));
        }
        Ok(container)
    }

    fn check(&self) -> Result<(), CodingError> {
        let within = |what, got, limit| match got > limit {
            true => Err(CodingError::TooMuch { what, got, limit }),
            false => Ok(()),
        };
        within("pictures", self.pictures.len() as u64, MAX_PICTURES)?;
        let pixels = |picture: &Picture| u64::from(picture.height) * u64::from(picture.width);
        let all = self.pictures.iter().fold(0u64, |all, picture| all.saturating_add(pixels(picture)));
        within("pixels", all, MAX_PIXELS)?;
        let longest = self.pictures.iter().map(|picture| picture.name.len() as u64).max().unwrap_or(0);
        within("bytes in a name", longest, MAX_NAME)
    }
}

/// First bytes of the SHA-256.
fn sum(bytes: &[u8]) -> [u8; SUM] {
    Sha256::digest(bytes)[..SUM].try_into().expect("a SHA-256 has 32 bytes")
}

fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Bytes that have not been read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: u64) -> Result<&'a [u8], CodingError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or(CodingError::Damaged("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, CodingError> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(value);
            }
        }
        Err(CodingError::Damaged("it holds a number that is too great"))
    }

    fn pictures(&mut self) -> Result<Vec<Picture>, CodingError> {
        let runs = self.number()?;
        let mut pictures = Vec::new();
        for _ in 0..runs {
            let count = self.number()?;
            // Nothing is made before all of it may be.
            let all = count + pictures.len() as u64;
            if count == 0 || all > MAX_PICTURES {
                return Err(CodingError::Damaged("it states a number of pictures that it cannot hold"));
            }
            let mut side = || {
                let side = u32::try_from(self.number()?).ok().filter(|&side| side > 0);
                side.ok_or(CodingError::Damaged("it holds a picture without pixels"))
            };
            let [height, width] = [side()?, side()?];
            pictures.resize(all as usize, Picture { name: String::new(), height, width });
        }
        match self.take(1)?[0] {
            0 => {}
            1 => pictures.iter_mut().try_for_each(|picture| {
                let length = self.number()?;
                let name = String::from_utf8(self.take(length)?.to_vec());
                picture.name = name.map_err(|_| CodingError::Damaged("it holds a name that is not text"))?;
                Ok(())
            })?,
            _ => {
                return Err(CodingError::Damaged(
                    "it says neither that pictures have names nor that they do not",
                ));
            }
        }
        Ok(pictures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container() -> Container {
        let picture = |name: &str, height, width| Picture { name: name.into(), height, width };
        Container {
            model: *b"01234567",
            level: 3,
            channels: 1,
            pictures: vec![picture("a.png", 28, 300), picture("", 1, 1)],
            payload: (0..200).collect(),
        }
    }

    #[test]
    fn a_file_holds_what_was_written() {
        let bytes = container().to_bytes().unwrap();
        assert_eq!(bytes.len(), HEAD + 1 + (1 + 1 + 2) + 3 + 1 + 6 + 1 + 200 + SUM);
        assert_eq!(Container::parse(&bytes), Ok(container()));
    }

    #[test]
    fn every_damaged_byte_and_every_cut_is_an_error() {
        let whole = container().to_bytes().unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(Container::parse(&damaged).is_err(), "byte {at}");
            assert!(Container::parse(&whole[..at]).is_err(), "the first {at} bytes");
        }
        assert!(Container::parse(&[whole.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn errors_say_what_it_is() {
        let said = |bytes: &[u8]| Container::parse(bytes).unwrap_err().to_string();
        assert!(
            said(b"\x89PNG\r\n\x1a\n and so on").starts_with("this is not a file of compressed pictures")
        );
        assert!(said(b"AEC\x02 and so on").starts_with("the file has version 2 of the format"));
        assert!(said(b"AEC\x01 cut").starts_with("the file is damaged: it is cut off"));
    }

    /// A file that states much and holds little, with a checksum that fits.
    #[test]
    fn a_lie_is_refused_before_it_takes_memory() {
        let with = |tail: &[u8]| {
            let bytes = [&b"AEC\x01"[..], b"01234567", &[0, 1], tail].concat();
            Container::parse(&[bytes.as_slice(), &sum(&bytes)].concat()).unwrap_err().to_string()
        };
        let many = [255, 255, 255, 255, 7];
        assert!(
            with(&[&[1][..], &many, &[1, 1, 0]].concat())
                .contains("a number of pictures that it cannot hold")
        );
        assert!(with(&[255; 7]).contains("a number that is too great"));
        assert!(with(&many).contains("it ends too early"));
        assert!(with(&[1, 1, 0, 1, 0]).contains("a picture without pixels"));
        assert!(with(&[1, 1, 255, 255, 255, 15, 255, 255, 127, 0]).starts_with("pixels: "));
        assert!(with(&[1, 1, 1, 1, 1, 100]).contains("it ends too early"));
    }
}
