//! Reads NumPy's `.npy` arrays of numbers.

use ndarray::{Array2, ArrayD, IxDyn, ShapeBuilder};
use npyz::{DType, NpyFile, Order, TypeChar};

/// An array read from a file.
#[derive(Debug)]
pub struct Npy {
    /// `[N, …]`.
    pub dims: Vec<usize>,
    /// `[N, numel]`, row-major.
    pub rows: Array2<f32>,
    /// Whether the values are unsigned bytes.
    pub bytes: bool,
}

/// Maximum length of a header, in bytes; NumPy's own are 128 bytes.
const MAX_HEADER: usize = 4096;
/// Maximum nesting in a header, which is a dict with a tuple in it.
const MAX_NESTING: usize = 4;

/// Reads an array of numbers. Nothing is allocated before the header agrees with the length of the content.
pub fn parse(content: &[u8]) -> Result<Npy, String> {
    let (header, data) = split_header(content)?;
    let stated = stated_numel(header)?;
    let file = NpyFile::new(content).map_err(|error| error.to_string())?;
    let dims: Vec<usize> =
        file.shape().iter().map(|&dim| usize::try_from(dim).unwrap_or(usize::MAX)).collect();
    if dims.is_empty() {
        return Err("it holds a single number; give [N, D], [N, H, W] or [N, C, H, W]".into());
    }
    let DType::Plain(kind) = file.dtype() else {
        return Err(unusable(&file.dtype().descr()));
    };
    let size = kind.size_field() as usize;
    if dims.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim)) != Some(stated)
        || stated.checked_mul(size) != Some(data.len())
    {
        return Err(format!(
            "its header states {dims:?} of {size} bytes each, but {} bytes follow",
            data.len()
        ));
    }
    let order = file.order();
    let (values, bytes) = match (kind.type_char(), size) {
        (TypeChar::Float, 4) => (file.into_vec::<f32>().map_err(|e| e.to_string())?, false),
        (TypeChar::Float, 8) => (convert(file, |x: f64| x as f32)?, false),
        (TypeChar::Uint, 1) => (convert(file, |x: u8| f32::from(x))?, true),
        (TypeChar::Uint, 2) => (convert(file, |x: u16| f32::from(x))?, false),
        (TypeChar::Uint, 4) => (convert(file, |x: u32| x as f32)?, false),
        (TypeChar::Uint, 8) => (convert(file, |x: u64| x as f32)?, false),
        (TypeChar::Int, 1) => (convert(file, |x: i8| f32::from(x))?, false),
        (TypeChar::Int, 2) => (convert(file, |x: i16| f32::from(x))?, false),
        (TypeChar::Int, 4) => (convert(file, |x: i32| x as f32)?, false),
        (TypeChar::Int, 8) => (convert(file, |x: i64| x as f32)?, false),
        (TypeChar::Bool, 1) => (convert(file, |x: bool| f32::from(u8::from(x)))?, false),
        _ => return Err(unusable(&format!("'{kind}'"))),
    };
    Ok(Npy { rows: to_rows(&dims, values, order)?, dims, bytes })
}

fn unusable(descr: &str) -> String {
    format!("its values are of type {descr}; save it with `.astype('float32')`")
}

fn convert<T: npyz::Deserialize>(file: NpyFile<&[u8]>, map: impl Fn(T) -> f32) -> Result<Vec<f32>, String> {
    let data = file.data::<T>().map_err(|error| error.to_string())?;
    data.map(|value| value.map(&map).map_err(|error| error.to_string())).collect()
}

fn to_rows(dims: &[usize], values: Vec<f32>, order: Order) -> Result<Array2<f32>, String> {
    let shape = IxDyn(dims).set_f(order == Order::Fortran);
    let array = ArrayD::from_shape_vec(shape, values).map_err(|error| error.to_string())?;
    let numel: usize = dims[1..].iter().product();
    let values = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
    Array2::from_shape_vec((dims[0], numel), values.into_raw_vec_and_offset().0)
        .map_err(|error| error.to_string())
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
mod tests;
