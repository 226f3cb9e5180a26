//! Formats numbers for people.

/// Four significant digits without trailing zeros, with an exponent if very large or small: `0.9431`,
/// `1.2e-5`.
pub(crate) fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { value.to_string() };
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..7).contains(&magnitude) {
        let text = format!("{value:.3e}");
        let (mantissa, exponent) = text.split_once('e').expect("the exponent was asked for");
        return format!("{}e{exponent}", trimmed(mantissa));
    }
    trimmed(&format!("{value:.*}", (3 - magnitude).max(0) as usize)).to_string()
}

/// An axis label: as [`short`], with `k` for thousands and `M` for millions.
pub(crate) fn tick(value: f64) -> String {
    match value.abs() {
        v if (10_000.0..1e6).contains(&v) => format!("{}k", short(value / 1e3)),
        v if (1e6..1e9).contains(&v) => format!("{}M", short(value / 1e6)),
        _ => short(value),
    }
}

/// With commas between thousands: `1,234,567`.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration: `42 s`, `3 min 20 s`, `2 h 5 min`; below ten seconds with decimals.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{} s", short(seconds)),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A shape: `1 × 28 × 28`.
pub(crate) fn shape(sizes: impl IntoIterator<Item = impl ToString>) -> String {
    sizes.into_iter().map(|s| s.to_string()).collect::<Vec<_>>().join(" × ")
}

fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, expected) in [
            (0.0, "0"),
            (0.94312, "0.9431"),
            (105.972, "106"),
            (105.14, "105.1"),
            (-3.5, "-3.5"),
            (1234567.0, "1234567"),
            (99999999.0, "1e8"),
            (0.000012, "1.2e-5"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(short(value), expected);
        }
    }

    #[test]
    fn labels_read_well() {
        let ticks = [(500.0, "500"), (12000.0, "12k"), (2.5e6, "2.5M"), (0.05, "0.05")];
        for (value, expected) in ticks {
            assert_eq!(tick(value), expected);
        }
        for (value, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(grouped(value), expected);
        }
        for (value, expected) in [
            (0.0421, "0.0421 s"),
            (42.4, "42 s"),
            (200.0, "3 min 20 s"),
            (7500.0, "2 h 5 min"),
            (-1.0, "-1 s"),
        ] {
            assert_eq!(duration(value), expected);
        }
        assert_eq!(shape([1, 28, 28]), "1 × 28 × 28");
    }
}
