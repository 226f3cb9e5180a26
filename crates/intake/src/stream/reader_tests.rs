//! Tests of reading files and streams with a schema.

use super::*;
use crate::{InputConfig, State, Table};
use ae_records::seed::stream_rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use std::io::{self, BufReader, Read};
use std::path::Path;

pub(super) fn learn(content: &str, config: &str) -> (Table, Schema) {
    let config: InputConfig = toml::from_str(config).unwrap();
    let table = Table::parse(content.as_bytes(), "train.csv", &config).unwrap();
    let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
    (table, schema)
}

pub(super) fn reader<'a>(content: &'a [u8], schema: &Schema) -> Result<Reader<&'a [u8]>, IntakeError> {
    Reader::new(content, schema, &ReadOptions::default())
}

fn by_line(content: &[u8], schema: &Schema) -> Vec<Block> {
    let mut reader = reader(content, schema).unwrap();
    std::iter::from_fn(|| reader.next_line().unwrap()).collect()
}

/// Asserts that two blocks are equal. Times are compared as text, because NaN is not equal to itself.
fn assert_same(got: &Block, expected: &Block, what: &str) {
    let values = |block: &Block| block.samples.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(values(got), values(expected), "{what}");
    assert_eq!(got.samples.observed, expected.samples.observed, "{what}");
    assert_eq!(
        (&got.rows, &got.bad, &got.notices),
        (&expected.rows, &expected.bad, &expected.notices),
        "{what}"
    );
    assert_eq!(format!("{:?}", got.stamps), format!("{:?}", expected.stamps), "{what}");
}

/// A file with gaps, categories and bad lines.
fn messy(rng: &mut ChaCha8Rng, rows: usize, stamped: bool) -> String {
    let mut text = if stamped { "time,a,b,k\n".to_string() } else { "a,b,k\n".into() };
    let mut minute = 0;
    for row in 0..rows {
        let cell = |rng: &mut ChaCha8Rng| match rng.next_u32() % 12 {
            0 => String::new(),
            1 => "NA".into(),
            2 => format!("{:e}", f32::from_bits(rng.next_u32())).replace("NaN", "?").replace("inf", "7"),
            _ => format!("{}", rng.next_u32() as f32 / 1e9),
        };
        if stamped {
            minute += if rng.next_u32().is_multiple_of(15) { 1 + rng.next_u32() % 9 } else { 1 };
            text += &format!("2024-01-{:02} {:02}:{:02},", 1 + minute / 1440, minute / 60 % 24, minute % 60);
        }
        let (a, b) = (cell(rng), cell(rng));
        let kind = ["x", "y", "", "\"z, z\""][rng.next_u32() as usize % 4];
        text += &match rng.next_u32() % 25 {
            _ if row < 5 => format!("{row},{},x\n", row * row),
            0 => "1,2,3,4,5,6\n".into(),
            1 => "7,\"open,x\n".into(),
            2 => format!("{a},oops,{kind}\r\n"),
            3 => "\n".into(),
            _ => format!("{a},{b},{kind}\n"),
        };
    }
    text
}

/// The encoded table, without the bad lines.
fn encoded(table: &Table, schema: &Schema) -> crate::EncodedRows {
    let is_bad = |row: &usize| table.bad.iter().any(|bad| bad.line == table.lines[*row]);
    let rows: Vec<usize> = (0..table.len()).filter(|row| !is_bad(row)).collect();
    schema.encode(table, &rows).unwrap()
}

#[test]
fn files_streams_and_single_rows_give_the_same_numbers() {
    let mut rng = stream_rng(1, "intake parity", 0);
    for round in 0..60 {
        let windows = round % 2 == 0;
        let text = messy(&mut rng, 40 + round, windows);
        let config = if windows { "layout = 'windows'\nwindow = 5\nmax_bad = 0.9" } else { "max_bad = 0.9" };
        let (table, schema) = learn(&text, config);
        let whole = reader(text.as_bytes(), &schema).unwrap().read_all().unwrap();
        let single = Block::joined(by_line(text.as_bytes(), &schema), schema.width());
        assert_same(&single, &whole, &text);
        let expected = encoded(&table, &schema);
        assert_eq!((&whole.samples, &whole.rows), (&expected.samples, &expected.rows), "{text}");
        // A stream that is interrupted anywhere continues as if it had not been.
        let mut first = reader(text.as_bytes(), &schema).unwrap();
        let stop = rng.next_u32() % 30;
        let mut blocks: Vec<Block> = (0..stop).map_while(|_| first.next_line().unwrap()).collect();
        let state = first.window_state().map(|state| serde_json::to_string(&state).unwrap());
        let skip = first.next_line_number() as usize - 1;
        let rest: String = text.split_inclusive('\n').skip(skip).collect();
        let mut second = reader(rest.as_bytes(), &schema).unwrap();
        if let Some(state) = state {
            second.restore(&serde_json::from_str(&state).unwrap()).unwrap();
        }
        blocks.extend(std::iter::from_fn(|| second.next_line().unwrap()));
        let resumed = Block::joined(blocks, schema.width());
        assert_eq!(resumed.samples, whole.samples, "{text}");
    }
}

#[test]
fn large_files_are_read_in_many_blocks() {
    let text: String = (0..300_000).map(|row| format!("{row},{}\n", row % 7)).collect();
    let (table, schema) = learn(&text, "layout = 'table'\ncolumns = [0, 1]");
    let mut reader = reader(text.as_bytes(), &schema).unwrap();
    let mut blocks = Vec::new();
    while let Some(block) = reader.next_block().unwrap() {
        blocks.push(block);
    }
    assert!(blocks.len() > 3);
    let all = Block::joined(blocks, 2);
    assert_eq!(all.samples, schema.encode(&table, &table.normal_rows()).unwrap().samples);
    assert!(all.rows.iter().map(|row| row.line).eq(1..=300_000));
}

/// What a file gives: first value, or the reason of a bad line, by line.
fn check(schema: &Schema, content: &[u8], notices: &[&str], expected: &[&str]) {
    let mut reader = reader(content, schema).unwrap();
    let got: Vec<String> = reader.notices().iter().map(ToString::to_string).collect();
    assert_eq!(got, notices);
    let block = reader.read_all().unwrap();
    let rows = block.rows.iter().zip(block.samples.values.rows()).map(|(note, row)| {
        let values: Vec<String> = row.iter().map(ToString::to_string).collect();
        let state = if note.state == State::Ready { "" } else { " ?" };
        (note.line, format!("{}: {}{state}", note.line, values.join(" ")))
    });
    let mut lines: Vec<(u64, String)> =
        rows.chain(block.bad.iter().map(|bad| (bad.line, bad.to_string()))).collect();
    lines.sort();
    assert_eq!(lines.into_iter().map(|line| line.1).collect::<Vec<_>>(), expected);
}

const TRAIN: &str = "a,b,k,note\n-1,10,x,p1\n1,30,y,p2\n";

#[test]
fn columns_are_matched_by_name() {
    let (_, schema) = learn(TRAIN, "ignore = ['note']");
    let expected = &["2: 1 -1 0 1"];
    check(&schema, b"a,b,k,note\n1,10,y,q\n", &[], expected);
    check(&schema, b"a;b;k;note\n1;10;y;q\n", &[], expected);
    check(&schema, b"\xef\xbb\xbfa\tb\tk\n1\t10\ty", &[], expected);
    let moved = "the columns are in a different order than in training; matched by name";
    check(&schema, b"k,b,a\ny,10,1\n", &[moved], expected);
    let extra = "column `z` was not in the training data and is left out";
    check(&schema, b"a,z,b,k\n1,7,10,y\n", &[extra], expected);
    check(&schema, b"a,k\n1,y\n", &["column `b` is missing from the file"], &["2: 1 0 0 1"]);
    let expected = &["1: 1 -1 0 1"];
    check(&schema, b"1,10,y,q\n", &[], expected);
    check(&schema, b"1,10,y\n", &[], expected);
    check(&schema, b"{\"k\":\"y\",\"b\":10,\"z\":true,\"a\":1}\n", &[], expected);
    check(&schema, b"[1,10,\"y\",0]\n", &[], expected);
    check(&schema, b"", &[], &[]);
    check(&schema, b"a,b,k\n", &[], &[]);
    let error = reader(b"q,r,s\n1,2,3\n", &schema).unwrap_err().to_string();
    let expected = "the input does not match the learned schema: it has no column `a`, `b`, `k`; its columns: `q`, `r`, `s`";
    assert_eq!(error, expected);
    let refused = |content: &'static str| {
        let mut reader = reader(content.as_bytes(), &schema).unwrap();
        reader.read_all().unwrap();
        reader.ensure_rows().map_err(|error| error.to_string())
    };
    assert_eq!(refused("\n \n"), Err("the input: the table is empty".into()));
    let only = "the input: the table has a header but no rows; if its first line holds data, set input.header = false";
    assert_eq!(refused("a,b,k\n\n"), Err(only.into()));
    let bad = "the input has no usable lines out of 3; the first: line 3: it has 1 cell instead of 3";
    assert_eq!(refused("a,b,k\n\n1\n2\n3,4\n"), Err(bad.into()));
    assert_eq!(refused("a,b,k\n1\n1,10,y\n"), Ok(()), "one row is enough");
}

#[test]
fn bad_lines_are_reported_and_the_next_is_read() {
    let (_, schema) = learn("-1,10\n1,30\n", "layout = 'table'");
    let content = b"garbage\n1,10\n\n1,2,3\n\x00\x01\n\xff,1\n1e400,1\nNaN,10\n,\n,30\n\"1\",\"30\"\n1,\"3";
    let expected = [
        "line 1: it has 1 cell instead of 2",
        "2: 1 -1",
        "line 4: it has 3 cells instead of 2",
        "line 5: it contains binary data",
        "line 6: it is not UTF-8 text",
        "line 7: column `c0`: `1e400` is not a finite 32-bit number",
        "8: 0 -1",
        "9: 0 0 ?",
        "10: 0 1",
        "11: 1 1",
        "line 12: a quoted cell is not closed on its line",
    ];
    check(&schema, content, &[], &expected);
    let long = [b"9".repeat(3000).as_slice(), b"\n1,10\n", &b"8".repeat(3000), b"\n1,30"].concat();
    let options = ReadOptions { max_line: 1000, ..ReadOptions::default() };
    for by_line in [false, true] {
        let mut reader =
            Reader::new(BufReader::with_capacity(64, long.as_slice()), &schema, &options).unwrap();
        let mut blocks = Vec::new();
        while let Some(block) = if by_line { reader.next_line() } else { reader.next_block() }.unwrap() {
            blocks.push(block);
        }
        let all = Block::joined(blocks, 2);
        let bad: Vec<String> = all.bad.iter().map(ToString::to_string).collect();
        let expected = ["line 1: it is longer than 1000 bytes", "line 3: it is longer than 1000 bytes"];
        assert_eq!(bad, expected);
        assert_eq!(all.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4]);
    }
}

#[test]
fn a_file_without_a_line_end_is_one_bad_line() {
    let (_, schema) = learn("-1,10\n1,30\n", "layout = 'table'");
    for by_line in [false, true] {
        let junk = io::repeat(0).take(20_000_000);
        let mut reader = Reader::new(BufReader::new(junk), &schema, &ReadOptions::default()).unwrap();
        let block = if by_line { reader.next_line() } else { reader.next_block() }.unwrap().unwrap();
        assert_eq!(block.bad[0].to_string(), "line 1: it is longer than 1048576 bytes");
        assert_eq!(reader.next_block().unwrap(), None);
    }
}

#[test]
fn odd_values_are_reported() {
    let rows: String = (0..100).map(|row| format!("{},{},7\n", 20 + row % 10, ["x", "y"][row % 2])).collect();
    let (_, schema) = learn(&format!("celsius,k,c\n{rows}"), "");
    let block = reader(b"celsius,k,c\n84,x,7\n35,q,7\n20,y,8\n", &schema).unwrap().read_all().unwrap();
    let notices: Vec<String> = block.notices.iter().map(ToString::to_string).collect();
    let expected = [
        "line 2: column `celsius` is 84, far outside the training range 20 to 29; has its unit changed?",
        "line 3: column `k` has `q`, which no training row had",
        "line 4: column `c` is 8, far outside the training range 7 to 7; has its unit changed?",
    ];
    assert_eq!(notices, expected);
    let many = format!("celsius,k,c\n{}", "84,q,7\n".repeat(500));
    let mut reader = reader(many.as_bytes(), &schema).unwrap();
    let block = reader.read_all().unwrap();
    assert_eq!(block.notices.len(), 128);
    assert_eq!(reader.log().counts().map(|(_, count)| count).collect::<Vec<_>>(), [500, 500]);
}

#[test]
fn json_is_learned_from_and_read() {
    let line = |row: usize| {
        format!("{{\"v\": {}, \"on\": {}, \"k\": \"{}\"}}\n", row % 9, row.is_multiple_of(2), row % 3)
    };
    let train: String = (0..50).map(line).collect();
    let (table, schema) = learn(&train, "categories = ['k']\nlayout = 'table'");
    assert_eq!(schema.feature_names(), ["v", "on", "k=0", "k=1", "k=2"]);
    let block = reader(train.as_bytes(), &schema).unwrap().read_all().unwrap();
    assert_eq!(block.samples, schema.encode(&table, &table.normal_rows()).unwrap().samples);
    let stream = "7}\n{\"k\":1,\"v\":NaN}\n{\"on\":true,\"v\":4,\"k\":\"0\",\"z\":\"?\"}\n{\"k\":null}\n";
    let block = reader(stream.as_bytes(), &schema).unwrap().read_all().unwrap();
    assert_eq!(block.bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [1, 2]);
    assert!(block.bad[1].reason.to_string().contains("expected value at column 12"), "{}", block.bad[1]);
    let states: Vec<State> = block.rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Ready, State::TooLittleObserved]);
    let csv = reader(b"v,on,k\n4,1,0\n", &schema).unwrap().read_all().unwrap();
    assert_eq!(csv.samples.values.row(0), block.samples.values.row(0));
}

#[test]
fn a_first_line_of_texts_is_a_row_if_the_schema_has_no_numbers() {
    let (_, schema) = learn("a,b\nx,y\nz,y\nx,q\n", "");
    check(&schema, b"x,q\nz,y\n", &[], &["1: 1 0 1 0", "2: 0 1 0 1"]);
    check(
        &schema,
        b"b,a\nq,x\n",
        &["the columns are in a different order than in training; matched by name"],
        &["2: 1 0 1 0"],
    );
}

#[test]
fn times_and_labels_are_kept() {
    let rows = |from: usize| (from..from + 30).map(|row| format!("2024-01-01 00:{row:02}:00,{}\n", row % 4));
    let train: String = rows(0).collect();
    let (_, schema) = learn(&format!("time,v\n{train}"), "window = 4");
    let stream = "time,v,y\n2024-01-01 00:00:00,1,ok\n2024-01-01 00:01:00,2,bad\n2024-01-01 00:04:00,3,ok\n\
                  2024-01-01 00:04:00,3,ok\n2024-01-01 00:03:00,3,ok\nnoon,3,ok\n2024-01-01 00:05:00,1,\n";
    let options = ReadOptions { label: Some("y".into()), ..ReadOptions::default() };
    let mut reader = Reader::new(stream.as_bytes(), &schema, &options).unwrap();
    let block = reader.read_all().unwrap();
    assert_eq!(block.labels, ["ok", "bad", "ok", "ok", "ok"]);
    assert_eq!(block.stamps[2] - block.stamps[0], 240.0);
    let observed: Vec<f32> = block.rows.iter().map(|row| row.observed).collect();
    assert_eq!(observed, [0.25, 0.5, 0.5, 0.5, 0.75]);
    let expected = [
        "line 4: the time in column `time` comes 180 s after the previous one, not 60 s as learned",
        "line 5: the time in column `time` equals the previous one",
        "line 6: the time in column `time` is earlier than the previous one",
    ];
    let notices: Vec<String> = block.notices.iter().map(ToString::to_string).collect();
    assert_eq!(notices, expected);
    let mut logged = reader.log().lines();
    logged.sort();
    assert_eq!(logged, expected);
    let bad: Vec<String> = block.bad.iter().map(ToString::to_string).collect();
    let expected = [
        "line 7: column `time`: `noon` is not a time in this column's format",
        "line 8: column `y`: the label is missing",
    ];
    assert_eq!(bad, expected);
}

#[test]
fn reading_continues_where_an_earlier_reader_stopped() {
    let text = format!("v\n{}", (0..50).map(|row| format!("{}\n", row % 7)).collect::<String>());
    let (_, schema) = learn(&text, "window = 4");
    let whole = by_line(text.as_bytes(), &schema);
    let mut first = reader(text.as_bytes(), &schema).unwrap();
    for _ in 0..20 {
        first.next_line().unwrap();
    }
    let mut second = reader(text.as_bytes(), &schema).unwrap();
    second.skip_to(first.next_line_number()).unwrap();
    second.restore(&first.window_state().unwrap()).unwrap();
    let rest: Vec<Block> = std::iter::from_fn(|| second.next_line().unwrap()).collect();
    assert_same(&Block::joined(rest, 4), &Block::joined(whole[20..].to_vec(), 4), "skipped");
    second.skip_to(1_000_000).unwrap();
    assert_eq!(second.next_block().unwrap(), None);
}

/// What comes later may take hours, and what is there has to be judged before.
#[test]
fn skipping_does_not_wait_for_lines_that_have_not_come() {
    struct NotYet;
    impl std::io::Read for NotYet {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("it would have to wait"))
        }
    }
    let (_, schema) = learn(TRAIN, "ignore = ['note']");
    let text = format!("a,b,k,note\n{}", "1,10,y,q\n".repeat(9));
    let options = ReadOptions { live: true, ..ReadOptions::default() };
    let input = std::io::BufReader::new(std::io::Read::chain(text.as_bytes(), NotYet));
    let mut reader = Reader::new(input, &schema, &options).unwrap();
    reader.skip_to(7).unwrap();
    for line in 7..=10 {
        assert_eq!(reader.next_line().unwrap().expect("a line").rows[0].line, line);
    }
    assert!(reader.next_line().is_err());
}

#[test]
fn gz_is_decompressed_and_a_truncated_gz_is_an_error() {
    use std::io::Write;
    let (_, schema) = learn(TRAIN, "ignore = ['note']");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"a,b,k,note\n1,10,y,q\n").unwrap();
    let whole = encoder.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.csv.gz");
    std::fs::write(&path, &whole).unwrap();
    let read =
        |path: &Path| Reader::open(path, &schema, &ReadOptions::default()).and_then(|mut r| r.read_all());
    assert_eq!(read(&path).unwrap().rows.len(), 1);
    std::fs::write(&path, &whole[..whole.len() - 6]).unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, IntakeError::Read { .. }) && error.to_string().contains("new.csv.gz"), "{error}");
}

#[test]
fn random_bytes_never_panic() {
    let schemas = [
        learn(TRAIN, "ignore = ['note']").1,
        learn("1,2\n2,5\n", "layout = 'table'").1,
        learn("time,v\n2024-01-01 00:00:00,1\n2024-01-01 00:01:00,2\n2024-01-01 00:02:00,2\n", "window = 3")
            .1,
    ];
    let alphabet = b"0123456789.-+eE,;\t|\"\n\n\r {}[]:aNnif\xff\x00b,k,a,b\n";
    let mut rng = stream_rng(1, "intake fuzz", 0);
    for round in 0..20_000 {
        let bytes: Vec<u8> = (0..rng.next_u32() % 80)
            .map(|_| match rng.next_u32() {
                raw if round % 4 == 0 => raw as u8,
                raw => alphabet[raw as usize % alphabet.len()],
            })
            .collect();
        let schema = &schemas[round % schemas.len()];
        if let Ok(mut reader) = reader(&bytes, schema) {
            let block = reader.read_all().unwrap();
            assert!(block.samples.values.iter().all(|value| value.is_finite()), "{bytes:?}");
            assert_same(
                &Block::joined(by_line(&bytes, schema), schema.width()),
                &block,
                &format!("{bytes:?}"),
            );
        }
        let config = InputConfig { max_bad: 1.0, window: Some(2), ..InputConfig::default() };
        if let Ok(table) = Table::parse(&bytes, "a.csv", &config) {
            let _ = Schema::learn(&table, &table.normal_rows());
        }
    }
}
