//! Tables to learn from, and the streams that a schema reads afterwards: delimited cells and JSON lines.

use ae_intake::{
    BadLine, Block, Column, FormatChoice, InputConfig, Layout, LayoutChoice, MAX_SCALED_VALUE, ReadOptions,
    Reader, Samples, Schema, Table,
};
use std::io::{BufRead, BufReader};

/// Smaller than most lines, so that lines are put together from several reads.
const BUFFER_BYTES: usize = 7;

/// As recognised, or with the last column as label.
pub(crate) fn delimited(input: &[u8]) {
    let format = FormatChoice::Csv;
    let labelled = InputConfig {
        format,
        label: Some(Column::Index(-1)),
        normal: vec!["0".into(), "a".into()],
        categories: vec![Column::Index(0)],
        max_bad: 1.0,
        ..Default::default()
    };
    check(input, one_of(input, [InputConfig { format, ..Default::default() }, labelled]));
}

/// As recognised, or as JSON whatever the first line begins with.
pub(crate) fn json_lines(input: &[u8]) {
    let labelled = InputConfig {
        format: FormatChoice::Json,
        label: Some("label".into()),
        normal: vec!["0".into()],
        max_bad: 1.0,
        ..Default::default()
    };
    check(input, one_of(input, [InputConfig::default(), labelled]));
}

/// As a long series in windows, or as a series a row.
pub(crate) fn windows(input: &[u8]) {
    let layout = LayoutChoice::Windows;
    let recognised = InputConfig { layout, max_bad: 1.0, ..Default::default() };
    let short = InputConfig { window: Some(3), ..recognised.clone() };
    let series = InputConfig { layout: LayoutChoice::Series, ..Default::default() };
    check(input, one_of(input, [recognised, short, series]));
}

/// The settings for an input: chosen by its length, so that an execution is one parse, and mutations reach all.
pub(crate) fn one_of<const N: usize>(input: &[u8], mut settings: [InputConfig; N]) -> InputConfig {
    std::mem::take(&mut settings[input.len() % N])
}

/// Learns from a table, and reads it again as a stream.
fn check(input: &[u8], config: InputConfig) {
    let table = match Table::parse(input, "fuzz", &config) {
        Ok(table) => table,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    sound(&table);
    let rows = table.normal_rows();
    let schema = match Schema::learn(&table, &rows) {
        Ok(learned) => learned.schema,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let json = serde_json::to_string(&schema).expect("a schema is always JSON");
    assert_eq!(serde_json::from_str::<Schema>(&json).expect("a schema is read back"), schema);
    let encoded = schema.encode(&table, &(0..table.len()).collect::<Vec<_>>()).expect("it is its own schema");
    assert_eq!((encoded.samples.len(), encoded.rows.len()), (table.len(), table.len()));
    rows_in_range(&encoded.samples);
    stream(input, &schema);
}

/// What must hold of a table.
fn sound(table: &Table) {
    let (rows, columns) = table.values.dim();
    assert_eq!((table.lines.len(), table.stamps.len(), table.columns.len()), (rows, rows, columns));
    // The rows of a series may be sorted by time; then each line is still there once.
    let mut lines = table.lines.clone();
    if table.layout == Layout::Windows {
        lines.sort_unstable();
    }
    assert!(lines.is_sorted_by(|one, next| one < next));
    assert!(table.bad.is_sorted_by(|one, next| one.line < next.line));
    for (column, values) in table.columns.iter().zip(table.values.columns()) {
        let levels = column.levels.as_ref().map_or(f32::INFINITY, |levels| levels.len() as f32);
        let is_code = |value: f32| levels.is_infinite() || (value >= 0.0 && value.fract() == 0.0);
        for &value in values {
            assert!(value.is_nan() || (value.is_finite() && value < levels && is_code(value)), "{value}");
        }
    }
    if let Some(labels) = &table.labels {
        assert_eq!((labels.normal.len(), labels.codes.len()), (rows, rows));
    }
}

/// In blocks, line by line, and continued in the middle: the same rows each time.
fn stream(input: &[u8], schema: &Schema) {
    let open = || Reader::new(BufReader::with_capacity(BUFFER_BYTES, input), schema, &ReadOptions::default());
    let Ok(mut reader) = open() else { return };
    let whole = reader.read_all().expect("memory can be read");
    rows_in_range(&whole.samples);
    let mut joined = Joined::default();
    let mut reader = open().expect("it was opened before");
    let mut continued = None;
    while let Some(block) = reader.next_line().expect("memory can be read") {
        joined.add(&block);
        if continued.is_none() && 2 * joined.lines.len() >= whole.rows.len() {
            continued = Some((reader.next_line_number(), reader.window_state(), joined.clone()));
        }
    }
    joined.assert_is(&whole);
    if let Some((line, state, mut joined)) = continued {
        let mut reader = open().expect("it was opened before");
        state.iter().for_each(|state| reader.restore(state).expect("its own state"));
        reader.skip_to(line).expect("memory can be read");
        lines_of(reader).iter().for_each(|block| joined.add(block));
        joined.assert_is(&whole);
    }
}

/// Lines put together.
#[derive(Clone, Default)]
struct Joined {
    lines: Vec<u64>,
    observed: Vec<u32>,
    values: Vec<u32>,
    mask: Vec<bool>,
    stamps: Vec<u64>,
    bad: Vec<BadLine>,
}

impl Joined {
    fn add(&mut self, block: &Block) {
        self.lines.extend(block.rows.iter().map(|row| row.line));
        self.observed.extend(block.rows.iter().map(|row| row.observed.to_bits()));
        self.values.extend(block.samples.values.iter().map(|value| value.to_bits()));
        match &block.samples.observed {
            Some(observed) => self.mask.extend(observed),
            None => self.mask.resize(self.values.len(), true),
        }
        self.stamps.extend(block.stamps.iter().map(|stamp| stamp.to_bits()));
        self.bad.extend_from_slice(&block.bad);
    }

    fn assert_is(&self, whole: &Block) {
        let mut other = Joined::default();
        other.add(whole);
        assert_eq!((&self.lines, &self.bad), (&other.lines, &other.bad));
        assert_eq!((&self.stamps, &self.observed), (&other.stamps, &other.observed));
        assert!(self.values == other.values && self.mask == other.mask, "the rows differ");
    }
}

/// All remaining lines, one a block.
pub(crate) fn lines_of<R: BufRead>(mut reader: Reader<R>) -> Vec<Block> {
    std::iter::from_fn(|| reader.next_line().expect("memory can be read")).collect()
}

/// What a model is given is finite and bounded; what was not observed is 0.
pub(crate) fn rows_in_range(samples: &Samples) {
    for ((row, column), value) in samples.values.indexed_iter() {
        assert!(value.abs() <= MAX_SCALED_VALUE, "{value}");
        assert!(*value == 0.0 || samples.is_observed(row, column), "{value} was not observed");
    }
}
