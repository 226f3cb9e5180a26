//! Sizes and counts that cannot overflow, whatever a file says.

/// Largest legal size of a dimension, and of every setting that sets one. A product of two of them fits an
/// `i64`.
pub const MAX_SIZE: i64 = i32::MAX as i64;

/// The product, saturating at `i64::MAX`. Factors must not be negative.
pub(crate) fn product(factors: &[i64]) -> i64 {
    factors.iter().fold(1, |product, &factor| product.saturating_mul(factor))
}

/// The sum, saturating at `i64::MAX`. Terms must not be negative.
pub(crate) fn sum(terms: impl IntoIterator<Item = i64>) -> i64 {
    terms.into_iter().fold(0, i64::saturating_add)
}

/// Refuses a size below 1 or above [`MAX_SIZE`].
pub(crate) fn at_least_one(name: &str, got: i64) -> Result<(), String> {
    match got {
        1..=MAX_SIZE => Ok(()),
        ..1 => Err(format!("{name} must be at least 1, got {got}")),
        _ => Err(format!("{name} must be at most {MAX_SIZE}, got {got}")),
    }
}

/// Refuses a number of rows or columns below 0 or above [`MAX_SIZE`].
pub(crate) fn at_least_zero(name: &str, got: i64) -> Result<(), String> {
    match got {
        0..=MAX_SIZE => Ok(()),
        ..0 => Err(format!("{name} must be at least 0, got {got}")),
        _ => Err(format!("{name} must be at most {MAX_SIZE}, got {got}")),
    }
}

/// `[C, H, W]`.
pub(crate) fn image(input: &[i64]) -> Result<[i64; 3], String> {
    input.try_into().map_err(|_| "it takes an image [C, H, W]".to_string())
}

/// Steps and features, `[T, F]`.
pub(crate) fn sequence(input: &[i64]) -> Result<[i64; 2], String> {
    input
        .try_into()
        .map_err(|_| "it takes a sequence [T, F]; use a reshape to [D, 1] for a vector [D]".into())
}

/// The axis of one sample's shape that holds its channels, features or values: first in `[C, H, W]` and
/// `[D]`, last in `[T, F]`.
pub fn channel_axis(shape: &[i64]) -> usize {
    if shape.len() == 2 { 1 } else { 0 }
}

/// Checks the sizes of a convolution.
pub(crate) fn check_convolution(channels: i64, kernel: i64, stride: i64, padding: i64) -> Result<(), String> {
    at_least_one("channels", channels)?;
    at_least_one("kernel", kernel)?;
    at_least_one("stride", stride)?;
    at_least_zero("padding", padding)
}
