//! Units and currencies beside a number: which texts are one.

/// Base units, each with or without a prefix of [`PREFIXES`].
const SCALED: [&str; 44] = [
    "m", "g", "s", "A", "K", "mol", "cd", "Hz", "N", "Pa", "J", "W", "C", "V", "F", "Ω", "ohm", "S", "T",
    "H", "lm", "lx", "Bq", "Gy", "Sv", "L", "l", "t", "eV", "bar", "Wh", "Ah", "VA", "var", "VAr", "cal",
    "B", "b", "bit", "bps", "byte", "bytes", "Wp", "Nm",
];
/// Prefixes of base units.
const PREFIXES: [&str; 18] =
    ["", "n", "u", "µ", "μ", "m", "c", "d", "h", "k", "K", "M", "G", "T", "P", "Ki", "Mi", "Gi"];
/// Units without prefixes. `F` and `C` for temperatures are among [`SCALED`].
const PLAIN: [&str; 53] = [
    "min", "mins", "h", "hr", "hrs", "hour", "hours", "d", "day", "days", "sec", "secs", "second", "seconds",
    "minute", "minutes", "ms", "deg", "rad", "rpm", "RPM", "dB", "dBm", "dBA", "dBi", "dBFS", "psi", "mph",
    "kph", "kmh", "kn", "kt", "kts", "ft", "in", "mi", "yd", "lb", "lbs", "oz", "gal", "ppm", "ppb", "px",
    "pt", "bpm", "mmHg", "inHg", "atm", "pH", "cfm", "gpm", "ha",
];
/// Currencies as letters.
const CURRENCIES: [&str; 22] = [
    "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "INR", "AUD", "CAD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK",
    "HUF", "BRL", "MXN", "ZAR", "KRW", "TRY", "RUB",
];
/// Words after a number that are parts of a date or a clock.
const OF_TIMES: [&str; 15] =
    ["am", "pm", "uhr", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Longest unit, in bytes.
pub(crate) const MAX_UNIT: usize = 24;

fn is_currency_sign(letter: char) -> bool {
    matches!(letter, '$' | '¢' | '£' | '¤' | '¥' | '฿' | '\u{20a0}'..='\u{20cf}')
}

/// The currency that `text` begins with, as in `$`, `US$`, `€` or `EUR`, and the rest; empty if there is none.
pub(crate) fn take_currency(text: &str) -> (&str, &str) {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let sign = text[letters..].chars().next().filter(|&sign| is_currency_sign(sign));
    let length = match sign {
        Some(sign) if letters <= 2 => letters + sign.len_utf8(),
        _ if CURRENCIES.contains(&&text[..letters]) => letters,
        _ => 0,
    };
    text.split_at(length)
}

/// Whether a text after a number is a unit. Behind a blank, any short word may be one, as in `5 people`; without
/// it only a known unit, so that `12a` and `4WD` are names.
pub(crate) fn is_unit(text: &str, after_blank: bool) -> bool {
    if text.is_empty() || text.len() > MAX_UNIT {
        return false;
    }
    let of_time = |text: &str| OF_TIMES.iter().any(|word| word.eq_ignore_ascii_case(text));
    let letters = |text: &str| text.chars().all(|letter| letter.is_alphabetic()) && !of_time(text);
    (after_blank && letters(text)) || text.split(['/', '·', '*']).all(is_part)
}

/// One factor of a unit, with its exponent: `kW`, `m²`, `m^3`, `s-1`, `%`, `°C`.
fn is_part(part: &str) -> bool {
    let signs = part.trim_start_matches(['%', '‰', '°', 'º', '℃', '℉']);
    if signs.len() < part.len() {
        return matches!(signs, "" | "C" | "F" | "K") || is_part(signs);
    }
    if part.chars().next().is_some_and(is_currency_sign) {
        return part.chars().count() == 1;
    }
    let exponent = |letter: char| letter.is_ascii_digit() || "^-²³⁻¹".contains(letter);
    let base = part.trim_end_matches(exponent);
    let scaled =
        || PREFIXES.iter().any(|prefix| base.strip_prefix(prefix).is_some_and(|unit| SCALED.contains(&unit)));
    PLAIN.contains(&base) || CURRENCIES.contains(&base) || scaled()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_told_from_names() {
        for unit in [
            "°C", "%", "kWh", "dBm", "€", "EUR", "m/s", "km/h", "m²", "m^3/h", "W/m²", "kB", "MiB/s", "ms",
            "hPa", "µm", "℃", "V", "rpm", "L/min", "s-1", "kg·m",
        ] {
            assert!(is_unit(unit, false) && is_unit(unit, true), "{unit}");
        }
        assert!(is_unit("people", true) && !is_unit("people", false));
        for name in ["a", "WD", "x", "", "/", "T130500Z", ".0.1", ":05", "e5", "Feb 2024", "st", "-02-01"] {
            assert!(!is_unit(name, false), "{name}");
        }
        for name in ["Feb", "PM", "Feb 2024", "blind mice", "", "x1", ":05"] {
            assert!(!is_unit(name, true), "{name}");
        }
    }

    #[test]
    fn currencies_stand_before_a_number() {
        for (text, currency) in [
            ("$3", "$"),
            ("US$3", "US$"),
            ("€ 3", "€"),
            ("EUR 3", "EUR"),
            ("user3", ""),
            ("A3", ""),
            ("", ""),
        ] {
            assert_eq!(take_currency(text), (currency, &text[currency.len()..]), "{text}");
        }
    }
}
