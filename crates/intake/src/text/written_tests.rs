//! Tests of numbers as people write them.

use super::*;
use ae_records::seed::stream_rng;
use rand_chacha::rand_core::Rng;

fn format(text: &str) -> NumberFormat {
    toml::from_str(text).unwrap()
}

fn check(format: &NumberFormat, cell: &str, expected: f64) {
    assert_eq!(format.read(cell.as_bytes()), Cell::Number(expected), "{cell:?} in {format:?}");
}

fn check_text(format: &NumberFormat, cell: &str) {
    assert_eq!(format.read(cell.as_bytes()), Cell::Text, "{cell:?} in {format:?}");
}

#[test]
fn separators_say_what_they_are() {
    let check = |cell: &str, marks: Marks, grouped: bool| {
        let written = take_apart(cell.as_bytes()).unwrap_or_else(|| panic!("{cell:?}"));
        assert_eq!((written.marks, written.grouped), (marks, grouped), "{cell:?}");
    };
    for cell in ["45 %", "$5", "7"] {
        check(cell, Marks::Neutral, false);
    }
    for cell in ["1 234", "1'234", "12\u{a0}345\u{202f}678 kWh", "1’234", "1_000"] {
        check(cell, Marks::Neutral, true);
    }
    for cell in ["21.8 °C", "1.5", "1234.567", "0.123", ".5"] {
        check(cell, Marks::Point, false);
    }
    for cell in ["1,234.5", "-12,345,678", "+1,234,567.25", "1 234.50", "CHF 1'234.50"] {
        check(cell, Marks::Point, true);
    }
    for cell in ["21,8", "0,123", "1234,567", "1,2345", ",5", "−3,73 €", "1,5E+03"] {
        check(cell, Marks::Comma, false);
    }
    for cell in ["1.234,5", "1.234.567", "1 234,5", "1'234,50 €"] {
        check(cell, Marks::Comma, true);
    }
    check("1,234", Marks::EitherComma, false);
    check("1.234 kg", Marks::EitherPoint, false);
    for cell in [
        "",
        "-",
        "x",
        "%",
        "1,23,456",
        "1,234,56",
        "1.2.3",
        "10.0.0.1",
        "192.168.100.200",
        "12:05",
        "2024-02-01",
        "1 2",
        "1,",
        "1 234'567",
        "--1",
        "$-$1",
        "-$-1",
        "12a",
        "4WD",
        "0x1F",
        "1.234.5",
        "5 3 kg",
        "$5 €",
        "12 Feb 2024",
        "€",
        "1,234 567",
        "01.02.2024",
        "1 23,5",
        "(1,234)",
    ] {
        assert_eq!(take_apart(cell.as_bytes()), None, "{cell:?}");
    }
}

#[test]
fn the_convention_of_a_column_decides() {
    let points = format("grouped = true");
    let commas = format("decimal_comma = true");
    let dotted = format("decimal_comma = true\ndotted = true\ngrouped = true");
    for format in [&points, &commas, &dotted] {
        check(format, "21.8", 21.8);
        check(format, "1234.5", 1234.5);
        check(format, "-7", -7.0);
        check(format, "1 234", 1234.0);
        check(format, "5.", 5.0);
        check(format, "1.5e3", 1500.0);
        assert_eq!(format.read(b"n/a"), Cell::Missing);
        assert_eq!(format.read(b"inf"), Cell::NotFinite);
        assert_eq!(format.read(b"1e39"), Cell::NotFinite);
        for text in ["x", "1,2,3", "5 kg", "$5", "10.0.0.1"] {
            check_text(format, text);
        }
    }
    check(&points, "1,234", 1234.0);
    check(&points, "1,234.5", 1234.5);
    check_text(&points, "1,5");
    check(&points, "1.234", 1.234);
    for format in [&commas, &dotted] {
        check(format, "1,234", 1.234);
        check(format, "1,5", 1.5);
        check(format, "1.234,5", 1234.5);
        check(format, "1,5E+03", 1500.0);
        check_text(format, "1,234.5");
    }
    check(&commas, "1.234", 1.234);
    check(&dotted, "1.234", 1234.0);
}

#[test]
fn a_unit_belongs_to_the_column() {
    let celsius = format("suffix = '°C'");
    for cell in ["21.8 °C", "21.8°C", "21.8\u{a0}°C", "21.8", "+21.8 °C"] {
        check(&celsius, cell, 21.8);
    }
    check(&celsius, "−3 °C", -3.0);
    for cell in ["21.8 °F", "21.8 K", "$21.8", "21,8 °C", "1,234 °C", "°C"] {
        check_text(&celsius, cell);
    }
    let dollars = format("prefix = '$'\ngrouped = true");
    for cell in ["-$1,234.50", "$-1,234.50", "$ -1234.5", "-1234.5"] {
        check(&dollars, cell, -1234.5);
    }
    check_text(&dollars, "€1");
    check(&format("suffix = '%'"), "45 %", 45.0);
    for (wrong, right) in [
        ("suffix = 'Feb 2024'", "suffix = 'people'"),
        ("prefix = 'user'", "prefix = 'US$'"),
        ("dotted = true", ""),
    ] {
        assert!(!format(wrong).is_sound() && format(right).is_sound(), "{wrong}");
    }
}

/// The digits of a whole number with a separator between thousands.
fn grouped(digits: &str, separator: &str) -> String {
    let head = (digits.len() - 1) % 3 + 1;
    let groups = digits.as_bytes()[head..].chunks(3).map(|group| std::str::from_utf8(group).unwrap());
    [&digits[..head]].into_iter().chain(groups).collect::<Vec<_>>().join(separator)
}

/// A number written in any convention is the same number as written plainly, to the last bit.
#[test]
fn numbers_are_read_back_in_every_convention() {
    let mut rng = stream_rng(1, "written numbers", 0);
    let formats = [
        (format("grouped = true\nsuffix = '°C'"), '.', [",", " ", "'", "\u{a0}"], "", " °C"),
        (format("grouped = true\nprefix = '$'"), '.', [",", " ", "’", "_"], "$", ""),
        (
            format("decimal_comma = true\ndotted = true\ngrouped = true\nsuffix = '€'"),
            ',',
            [".", " ", "'", "\u{202f}"],
            "",
            " €",
        ),
        (format("decimal_comma = true\ndotted = true\ngrouped = true"), ',', [".", " ", "'", "’"], "", ""),
    ];
    for round in 0..40_000 {
        let raw = rng.next_u64();
        let whole = (raw >> 20) % 10u64.pow(1 + (raw % 9) as u32);
        let decimals = (raw >> 12) as usize % 7;
        let fraction = format!("{:06}", raw % 1_000_000)[..decimals.min(6)].to_string();
        let sign = if raw & 1 == 1 { "-" } else { "" };
        let plain = match fraction.as_str() {
            "" => format!("{sign}{whole}"),
            fraction => format!("{sign}{whole}.{fraction}"),
        };
        let (format, mark, separators, prefix, suffix) = &formats[round % 4];
        let separator = separators[(raw >> 3) as usize % 4];
        let body = grouped(&whole.to_string(), separator);
        let tail = if fraction.is_empty() { String::new() } else { format!("{mark}{fraction}") };
        let written = format!("{sign}{prefix}{body}{tail}{suffix}");
        let expected: f64 = plain.parse().unwrap();
        match format.read(written.as_bytes()) {
            Cell::Number(got) => assert_eq!(got.to_bits(), expected.to_bits(), "{written:?} {plain}"),
            other => panic!("{written:?} is {other:?}"),
        }
    }
}

#[test]
fn any_cell_is_read_without_a_panic_and_plain_ones_as_before() {
    let mut rng = stream_rng(1, "written cells", 0);
    let alphabet: Vec<char> = "0123456789.,'’ \u{a0}_-−+eE€$%°CkWhxµ\u{202f}\"UR".chars().collect();
    let formats = [
        format(""),
        format("grouped = true\nsuffix = 'kWh'"),
        format("decimal_comma = true\nsuffix = '€'"),
        format("decimal_comma = true\ndotted = true\nprefix = 'EUR'"),
    ];
    for _ in 0..200_000 {
        let length = rng.next_u32() as usize % 14;
        let cell: String = (0..length).map(|_| alphabet[rng.next_u32() as usize % alphabet.len()]).collect();
        for format in &formats {
            let got = format.read(cell.as_bytes());
            let plain = cells::parse(cell.as_bytes());
            if !format.decimal_comma && plain != Cell::Text {
                assert_eq!(got, plain, "{cell:?}");
            }
        }
        assert_eq!(formats[0].read(cell.as_bytes()), cells::parse(cell.as_bytes()));
    }
    let mut bytes = vec![b'1'; 300];
    bytes[100] = 0xff;
    formats.iter().for_each(|format| assert_ne!(format.read(&bytes), Cell::Missing));
}
