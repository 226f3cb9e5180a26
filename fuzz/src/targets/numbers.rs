//! Tables of numbers in which every line must be a row.

use super::tables::one_of;
use ae_intake::{Column, Encoding, InputConfig, NumberTable};

/// As recognised, with a label, or against a plain reading of the same lines.
pub(crate) fn table(input: &[u8]) {
    let label = Some(Column::Index(-1));
    // Nothing is decoded but line ends.
    let plain = InputConfig {
        delimiter: Some(','),
        header: Some(false),
        encoding: Encoding::Utf8,
        skip: Some(0),
        comments: Some(false),
        ..Default::default()
    };
    let settings = [InputConfig::default(), InputConfig { label, ..Default::default() }, plain.clone()];
    let config = one_of(input, settings);
    let name = if input.first() == Some(&b'\t') { "fuzz.tsv" } else { "fuzz.csv" };
    let got = check(input, name, &config);
    if config != plain {
        return;
    }
    match (got, plainly(input)) {
        (Some(got), Some(expected)) => {
            assert!(got.values.iter().eq(&expected), "{:?} instead of {expected:?}", got.values);
        }
        (Some(_), None) => {
            let is_plain = !input.contains(&b'"') && !input.contains(&b'\r');
            assert!(!is_plain, "only quotes and old line ends need more than a plain reading");
        }
        (None, Some(_)) => assert!(input.contains(&b'\r'), "only carriage returns end other lines"),
        (None, None) => {}
    }
}

fn check(input: &[u8], name: &str, config: &InputConfig) -> Option<NumberTable> {
    match NumberTable::parse(input, name, config) {
        Ok(table) => {
            let (rows, columns) = table.values.dim();
            assert!(rows > 0 && columns > 0 && table.values.iter().all(|value| value.is_finite()));
            assert!(table.names.is_empty() || table.names.len() == columns);
            assert_eq!(table.labels.as_ref().map(Vec::len), config.label.as_ref().map(|_| rows));
            Some(table)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// The values of a table without quotes, read as simply as possible.
fn plainly(input: &[u8]) -> Option<Vec<f32>> {
    let text = std::str::from_utf8(input).ok()?;
    // Programs that put a byte order mark before a text may put it before a text that has one.
    let text = text.trim_start_matches('\u{feff}');
    let blank = |line: &str| line.bytes().all(|byte| byte.is_ascii_whitespace());
    let mut values = Vec::new();
    let mut width = None;
    for line in text.split('\n').filter(|line| !blank(line)) {
        let cells: Vec<&str> = line.split(',').collect();
        if *width.get_or_insert(cells.len()) != cells.len() {
            return None;
        }
        for cell in cells {
            let value = cell.trim_matches(|letter: char| letter.is_ascii_whitespace()).parse::<f64>().ok()?;
            values.push(Some(value as f32).filter(|value| value.is_finite())?);
        }
    }
    Some(values).filter(|values| !values.is_empty())
}
