//! What a detector's file says of its rows, and the state of an interrupted stream.

use super::tables::{lines_of, rows_in_range};
use ae_intake::{InputConfig, LayoutChoice, ReadOptions, Reader, Schema, Table, WindowState};
use std::sync::LazyLock;

/// Wider samples are allowed, but so slow that little else would be tried.
const MAX_WIDTH: usize = 1 << 16;

/// A line of this separates the schema from the rows.
const SEPARATOR: &[u8] = b"\n---\n";

/// A schema that passes its own check encodes any line to finite values.
pub(crate) fn reader(input: &[u8]) {
    let (json, rows) = split(input);
    let Ok(schema) = serde_json::from_slice::<Schema>(json) else { return };
    let text = serde_json::to_string(&schema).expect("a schema is always JSON");
    // NaN and infinities become null, which no schema holds.
    let again = serde_json::from_str::<Schema>(&text);
    if schema.validate().is_err() {
        assert!(Reader::new(rows, &schema, &ReadOptions::default()).is_err());
        return;
    }
    assert_eq!(again.expect("a sound schema is read back"), schema);
    if schema.width() > MAX_WIDTH {
        return;
    }
    assert_eq!(schema.features().len(), schema.width());
    if let Ok(reader) = Reader::new(rows, &schema, &ReadOptions::default()) {
        lines_of(reader).iter().for_each(|block| rows_in_range(&block.samples));
    }
}

/// A state that is accepted is kept as it is, and the stream goes on.
pub(crate) fn window_state(input: &[u8]) {
    let (json, rows) = split(input);
    let Ok(state) = serde_json::from_slice::<WindowState>(json) else { return };
    // What is no text at all is refused before there is a state to restore.
    let Ok(mut reader) = Reader::new(rows, &SERIES, &ReadOptions::default()) else { return };
    if reader.restore(&state).is_err() {
        return;
    }
    assert_eq!(reader.window_state(), Some(state));
    lines_of(reader).iter().for_each(|block| rows_in_range(&block.samples));
}

/// A series of two channels with times.
static SERIES: LazyLock<Schema> = LazyLock::new(|| {
    let line = |step: u32| format!("{},{},{}\n", 60 * step, step % 5, (step % 3) as f32 / 4.0);
    let text: String = (0..40).map(line).collect();
    let config = InputConfig {
        layout: LayoutChoice::Windows,
        timestamp: Some(ae_intake::Column::Index(0)),
        window: Some(3),
        ..Default::default()
    };
    let table = Table::parse(text.as_bytes(), "series", &config).expect("a table");
    Schema::learn(&table, &(0..table.len()).collect::<Vec<_>>()).expect("it varies").schema
});

fn split(input: &[u8]) -> (&[u8], &[u8]) {
    let place = input.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
    place.map_or((input, &[]), |place| (&input[..place], &input[place + SEPARATOR.len()..]))
}
