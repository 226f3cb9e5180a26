//! Parses cells as numbers, with a fast path for plainly written ones.

use crate::error::BadReason;
use crate::text::recognise::shorten;

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// A number that is also finite as a 32-bit float.
    Number(f64),
    /// Nothing was observed.
    Missing,
    /// An infinity, or too large for a 32-bit float.
    NotFinite,
    /// Anything else.
    Text,
}

/// Cells that mean "not observed", besides an empty cell; in lower case.
const MISSING: [&str; 10] = ["na", "n/a", "#n/a", "nan", "-nan", "null", "none", "?", "-", "missing"];

/// Powers of ten that a double holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The cell without surrounding blanks.
pub(crate) fn trimmed(cell: &[u8]) -> &[u8] {
    cell.trim_ascii()
}

/// What a cell, already trimmed, holds.
pub fn parse(cell: &[u8]) -> Cell {
    if let Some((value, used)) = plain_number(cell)
        && used == cell.len()
    {
        return finite(value);
    }
    if is_missing(cell) {
        return Cell::Missing;
    }
    match fast_float2::parse::<f64, _>(cell) {
        Ok(value) => finite(value),
        Err(_) => Cell::Text,
    }
}

/// Whether a cell, already trimmed, says that nothing was observed. NaN may have a sign, as C writes it.
pub(crate) fn is_missing(cell: &[u8]) -> bool {
    let unsigned = cell.strip_prefix(b"-").or(cell.strip_prefix(b"+")).unwrap_or(cell);
    cell.is_empty()
        || unsigned.eq_ignore_ascii_case(b"nan")
        || (cell.len() < 8 && MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word.as_bytes())))
}

/// Whether it would be a number with a decimal point in place of its comma.
pub(crate) fn has_decimal_comma(cell: &[u8]) -> bool {
    let text = String::from_utf8_lossy(cell);
    text.contains(',') && text.replacen(',', ".", 1).parse::<f64>().is_ok()
}

fn finite(value: f64) -> Cell {
    if (value as f32).is_finite() { Cell::Number(value) } else { Cell::NotFinite }
}

/// The number that the bytes begin with and its length in bytes, if it is plain enough to be exact. A whole
/// number of at most 2^53, divided or multiplied by an exact power of ten, rounds once, to the same double
/// that a full parser gives (Clinger, "How to read floating point numbers accurately", PLDI 1990).
#[inline]
pub(crate) fn plain_number(bytes: &[u8]) -> Option<(f64, usize)> {
    let mut at = 0;
    let negative = bytes.first() == Some(&b'-');
    at += usize::from(negative);
    let mut mantissa = 0u64;
    let whole_from = at;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    let mut digits = at - whole_from;
    let mut exponent = 0i32;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let fraction_from = at;
        while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10)
        {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        digits += at - fraction_from;
        exponent = -i32::try_from(at - fraction_from).ok()?;
    }
    // 19 digits fit 64 bits; more may have wrapped around.
    if digits == 0 || digits > 19 || mantissa > 1 << 53 {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        let down = bytes.get(at) == Some(&b'-');
        at += usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
        let from = at;
        let mut power = 0i32;
        while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10)
        {
            power = power.saturating_mul(10).saturating_add(i32::from(digit));
            at += 1;
        }
        if at == from {
            return None;
        }
        exponent = exponent.saturating_add(if down { -power } else { power });
    }
    let size = mantissa as f64;
    let size = match exponent {
        0 => size,
        -22..0 => size / TENS[exponent.unsigned_abs() as usize],
        1..=22 => size * TENS[exponent as usize],
        _ => return None,
    };
    Some((if negative { -size } else { size }, at))
}

/// The number with the fewest decimal digits that is within `error` of a value.
pub(crate) fn shortest(value: f64, error: f64) -> f64 {
    let last = error.log10().floor();
    if !value.is_finite() || !last.is_finite() {
        return value;
    }
    let first = (value.abs() + error).log10().floor();
    for power in (last as i32..=first as i32).rev() {
        let step = 10.0_f64.powi(power.abs());
        let rounded = if power > 0 { (value / step).round() * step } else { (value * step).round() / step };
        if (rounded - value).abs() <= error {
            // -0 is 0.
            return rounded + 0.0;
        }
    }
    value
}

/// A number of an array as text, by which numeric categories are compared.
pub(crate) fn number_text(value: f32) -> String {
    // -0 is 0.
    (value + 0.0).to_string()
}

/// Why a cell is not the number that it should be.
pub(crate) fn not_a_number(column: &str, cell: &[u8], what: Cell) -> BadReason {
    let (column, value) = (column.to_owned(), shorten(&String::from_utf8_lossy(cell)));
    match what {
        Cell::NotFinite => BadReason::NotFinite { column, value },
        _ => BadReason::NotNumber { column, value },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_records::seed::stream_rng;
    use rand_chacha::rand_core::Rng;

    fn check(cell: &str, expected: Cell) {
        assert_eq!(parse(cell.as_bytes()), expected, "{cell:?}");
    }

    #[test]
    fn cells_hold_numbers_gaps_or_text() {
        for (cell, value) in [
            ("0", 0.0),
            ("-0.25", -0.25),
            ("+3", 3.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1e3),
            ("-6.3732150e+01", -63.73215),
            ("12345678901234567890123", 12345678901234567890123.0),
            ("1e-400", 0.0),
        ] {
            check(cell, Cell::Number(value));
        }
        for cell in ["", "NA", "n/a", "NaN", "-nan", "+NaN", "null", "None", "?", "-"] {
            check(cell, Cell::Missing);
            assert!(is_missing(cell.as_bytes()), "{cell}: in a column of categories, too");
        }
        for cell in ["inf", "-Infinity", "1e400", "1e39", "-3.5e38"] {
            check(cell, Cell::NotFinite);
        }
        for cell in ["x", "1,5", "1e", "--1", "1.2.3", "0x10", "1 2", ".", "e5", "é"] {
            check(cell, Cell::Text);
        }
    }

    /// Parses the same numbers as the standard library, with the same bits, and nothing else.
    #[test]
    fn any_cell_is_read_as_the_standard_library_reads_it() {
        let mut rng = stream_rng(1, "cells", 0);
        let alphabet = b"0123456789012345.-+eEinfINFatyAN _x";
        let mut numbers = 0;
        for round in 0..400_000u32 {
            let raw = rng.next_u64();
            let text = match round % 4 {
                0 => format!("{}", f64::from_bits(raw)),
                1 => format!("{:e}", f64::from_bits(raw)),
                2 => format!("{}", (raw as f64 / u64::MAX as f64 - 0.5) * 100.0),
                _ => (0..raw % 7)
                    .map(|at| char::from(alphabet[(raw >> (8 + 8 * at)) as usize % alphabet.len()]))
                    .collect(),
            };
            let expected = match text.parse::<f64>() {
                _ if is_missing(text.as_bytes()) => Cell::Missing,
                Ok(value) if value.is_nan() => Cell::Missing,
                Ok(value) if !(value as f32).is_finite() => Cell::NotFinite,
                Ok(value) => Cell::Number(value),
                Err(_) => Cell::Text,
            };
            let got = parse(text.as_bytes());
            assert_eq!(got, expected, "{text:?}");
            if let (Cell::Number(got), Cell::Number(expected)) = (got, expected) {
                assert_eq!(got.to_bits(), expected.to_bits(), "{text:?}");
                numbers += 1;
            }
        }
        assert!(numbers > 100_000, "{numbers}");
    }

    /// The standard library's parser is the reference: the same bits, or no answer.
    #[test]
    fn plain_numbers_are_exact() {
        let mut rng = stream_rng(1, "plain numbers", 0);
        for round in 0..200_000u32 {
            let raw = rng.next_u64();
            let text = match round % 5 {
                0 => format!("{}", f32::from_bits(raw as u32)),
                1 => format!("{}", f64::from_bits(raw)),
                2 => format!("{:e}", f32::from_bits(raw as u32)),
                3 => format!("{}.{}", raw % 100_000, (raw >> 32) % 1_000_000_000),
                _ => format!("-{}e{}", raw % 1_000_000, (raw >> 40) as i32 % 50 - 25),
            };
            if let Some((value, used)) = plain_number(text.as_bytes())
                && used == text.len()
            {
                assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
            }
        }
    }
}
