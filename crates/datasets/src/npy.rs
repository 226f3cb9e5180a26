//! Reads NumPy's `.npy` arrays of numbers.

use ndarray::{Array2, ArrayD, IxDyn};
use npyz::{DType, NpyFile, Order, TypeChar};

/// An array read from a file.
#[derive(Debug)]
pub struct Npy<T = f32> {
    /// `[N, …]`.
    pub dims: Vec<usize>,
    /// `[N, numel]`, row-major.
    pub rows: Array2<T>,
    /// Whether the values are unsigned bytes.
    pub bytes: bool,
}

/// Maximum length of a header, in bytes; NumPy's own are 128 bytes.
const MAX_HEADER: usize = 4096;
/// Maximum nesting in a header, which is a dict with a tuple in it.
const MAX_NESTING: usize = 4;

/// What the numbers of a file are read as, whatever their type there.
pub(crate) trait Number: Copy + Default {
    fn of_f64(value: f64) -> Self;
    fn of_i64(value: i64) -> Self;
    fn of_u64(value: u64) -> Self;
}

macro_rules! number {
    ($($float:ty),*) => {$(
        impl Number for $float {
            fn of_f64(value: f64) -> Self {
                value as $float
            }
            fn of_i64(value: i64) -> Self {
                value as $float
            }
            fn of_u64(value: u64) -> Self {
                value as $float
            }
        }
    )*};
}

number!(f32, f64);

/// Reads an array of numbers as 32-bit floats.
pub fn parse(content: &[u8]) -> Result<Npy, String> {
    parse_as(content)
}

/// The number of values that the header states, without reading them.
pub(crate) fn numel(content: &[u8]) -> Result<usize, String> {
    stated_numel(split_header(content)?.0)
}

/// Reads an array of numbers. Nothing is allocated before the header agrees with the length of the content.
pub(crate) fn parse_as<T: Number>(content: &[u8]) -> Result<Npy<T>, String> {
    let (header, data) = split_header(content)?;
    let stated = stated_numel(header)?;
    let file = NpyFile::new(content).map_err(|error| error.to_string())?;
    let dims: Vec<usize> =
        file.shape().iter().map(|&dim| usize::try_from(dim).unwrap_or(usize::MAX)).collect();
    if dims.is_empty() {
        return Err("it holds a single number; give an array of [N, …]".into());
    }
    let DType::Plain(kind) = file.dtype() else {
        return Err(unusable(&file.dtype().descr()));
    };
    let size = kind.size_field() as usize;
    if matches!(kind.type_char(), TypeChar::ByteStr | TypeChar::UnicodeStr) {
        return Err(format!("its values are texts, of type '{kind}', not numbers"));
    }
    if !matches!(kind.type_char(), TypeChar::Float | TypeChar::Uint | TypeChar::Int | TypeChar::Bool) {
        return Err(unusable(&format!("'{kind}'")));
    }
    if dims.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim)) != Some(stated)
        || stated.checked_mul(size) != Some(data.len())
    {
        return Err(format!(
            "its header states {dims:?} of {size} bytes each, but {} bytes follow",
            data.len()
        ));
    }
    let bytes = (kind.type_char(), size) == (TypeChar::Uint, 1);
    let rows = match (kind.type_char(), size) {
        (TypeChar::Float, 2) => fill(file, &dims, |x: half::f16| T::of_f64(x.to_f64())),
        (TypeChar::Float, 4) => fill(file, &dims, |x: f32| T::of_f64(f64::from(x))),
        (TypeChar::Float, 8) => fill(file, &dims, T::of_f64),
        (TypeChar::Uint, 1) => fill(file, &dims, |x: u8| T::of_u64(u64::from(x))),
        (TypeChar::Uint, 2) => fill(file, &dims, |x: u16| T::of_u64(u64::from(x))),
        (TypeChar::Uint, 4) => fill(file, &dims, |x: u32| T::of_u64(u64::from(x))),
        (TypeChar::Uint, 8) => fill(file, &dims, T::of_u64),
        (TypeChar::Int, 1) => fill(file, &dims, |x: i8| T::of_i64(i64::from(x))),
        (TypeChar::Int, 2) => fill(file, &dims, |x: i16| T::of_i64(i64::from(x))),
        (TypeChar::Int, 4) => fill(file, &dims, |x: i32| T::of_i64(i64::from(x))),
        (TypeChar::Int, 8) => fill(file, &dims, T::of_i64),
        (TypeChar::Bool, 1) => fill(file, &dims, |x: bool| T::of_u64(u64::from(x))),
        _ => return Err(unusable(&format!("'{kind}'"))),
    };
    Ok(Npy { rows: rows?, dims, bytes })
}

fn unusable(descr: &str) -> String {
    format!("its values are of type {descr}; save it with `.astype('float32')`")
}

/// The values in row-major order, whatever their order in the file. They are held once, whatever their number, which
/// is checked by now.
fn fill<T: Number, V: npyz::Deserialize>(
    file: NpyFile<&[u8]>,
    dims: &[usize],
    number: impl Fn(V) -> T,
) -> Result<Array2<T>, String> {
    let zeros = vec![T::default(); dims.iter().product()];
    let mut array = ArrayD::from_shape_vec(IxDyn(dims), zeros).map_err(|error| error.to_string())?;
    let mut slots = array.view_mut();
    if file.order() == Order::Fortran {
        slots = slots.reversed_axes();
    }
    let values = file.data::<V>().map_err(|error| error.to_string())?;
    for (slot, value) in slots.into_iter().zip(values) {
        *slot = number(value.map_err(|error| error.to_string())?);
    }
    let numel: usize = dims[1..].iter().product();
    let values = array.into_raw_vec_and_offset().0;
    Array2::from_shape_vec((dims[0], numel), values).map_err(|error| error.to_string())
}

/// The text of the header, found without trusting its stated length, and the data after it.
fn split_header(content: &[u8]) -> Result<(&str, &[u8]), String> {
    let not_npy = || "it does not start with NumPy's signature".to_owned();
    let rest = content.strip_prefix(b"\x93NUMPY").ok_or_else(not_npy)?;
    let (length, rest) = match rest {
        [1, 0, a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, 0, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        [1..=3, 0, ..] => return Err("it ends inside its header".into()),
        [major, minor, ..] => {
            return Err(format!("its version is {major}.{minor}; 1.0 to 3.0 are supported"));
        }
        _ => return Err(not_npy()),
    };
    if length > MAX_HEADER {
        return Err(format!(
            "its header states a length of {length} bytes; at most {MAX_HEADER} are supported"
        ));
    }
    let (header, data) = rest.split_at_checked(length).ok_or("it ends inside its header")?;
    let header = std::str::from_utf8(header).map_err(|_| "its header is not text")?;
    let mut depth = 0usize;
    for character in header.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err("its header is nested too deeply".into());
        }
    }
    Ok((header, data))
}

/// The product of the shape, with overflow checks: `npyz` multiplies it unchecked when it reads the header.
fn stated_numel(header: &str) -> Result<usize, String> {
    let after = header.split_once("'shape'").or_else(|| header.split_once("\"shape\""));
    let inside = after.and_then(|(_, rest)| rest.split_once('(')).and_then(|(_, rest)| rest.split_once(')'));
    let (shape, _) = inside.ok_or("its header has no shape")?;
    shape
        .split(',')
        .map(str::trim)
        .filter(|dim| !dim.is_empty())
        .try_fold(1usize, |product, dim| {
            product.checked_mul(dim.parse().ok()?).filter(|&n| n < isize::MAX as usize)
        })
        .ok_or_else(|| format!("its header states the shape ({shape}), which no array can have"))
}

#[cfg(test)]
#[path = "npy_tests.rs"]
pub(crate) mod tests;
