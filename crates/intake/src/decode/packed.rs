//! Decompresses files and streams, recognised by their first bytes.

use crate::error::IntakeError;
use ae_records::files::FileError;
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Largest window of zstd data, as a power of two: 128 MB, which the program `zstd` takes without being told to.
const WINDOW_LOG: u32 = 27;
/// Size of buffers, in bytes.
const BUFFER_BYTES: usize = 1 << 20;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gz,
    Zstd,
}

impl Packing {
    const ALL: [Packing; 2] = [Packing::Gz, Packing::Zstd];

    /// The compression of a file that begins with these bytes.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|packing| head.starts_with(packing.mark()))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Packing::Gz => "gz",
            Packing::Zstd => "zstd",
        }
    }

    fn mark(self) -> &'static [u8] {
        match self {
            Packing::Gz => b"\x1f\x8b",
            Packing::Zstd => b"\x28\xb5\x2f\xfd",
        }
    }

    /// All parts of a file that may be several, one after the other.
    pub(crate) fn unpack<'a>(self, input: impl BufRead + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Packing::Gz => Box::new(MultiGzDecoder::new(input)),
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(WINDOW_LOG)?;
                Box::new(decoder)
            }
        })
    }
}

/// The input, decompressed if its first bytes say that it is gz or zstd; `name` is what messages call it. Reads no more
/// of it than it takes to tell.
///
/// # Errors
/// [`IntakeError::Content`] if the input cannot be read.
pub fn unpacked(
    input: impl Read + Send + 'static,
    name: &str,
) -> Result<Box<dyn BufRead + Send>, IntakeError> {
    Ok(unpacked_as(input, name)?.0)
}

/// As [`unpacked`], with how it was compressed.
pub(crate) fn unpacked_as(
    mut input: impl Read + Send + 'static,
    name: &str,
) -> Result<(Box<dyn BufRead + Send>, Option<Packing>), IntakeError> {
    let failed = |error| IntakeError::from(FileError::new("read", name)(error));
    let head = head_of(&mut input, &Packing::ALL.map(Packing::mark)).map_err(failed)?;
    let packing = Packing::of(&head);
    let whole = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(input));
    let input: Box<dyn BufRead + Send> = match packing {
        Some(packing) => {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, packing.unpack(whole).map_err(failed)?))
        }
        None => Box::new(whole),
    };
    Ok((input, packing))
}

/// The first bytes of an input: as many as it takes to tell which of these marks it begins with, if any.
pub(crate) fn head_of(input: &mut impl Read, marks: &[&[u8]]) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while marks.iter().any(|mark| mark.len() > head.len() && mark.starts_with(&head)) {
        if input.by_ref().take(1).read_to_end(&mut head)? == 0 {
            break;
        }
    }
    Ok(head)
}
