//! Tests that kept cells are those of their rows, as they are written.

use super::*;
use crate::{FormatChoice, InputConfig, LayoutChoice, ReadOptions, Reader, Table};

/// The schema of a table whose column of times, if it has one, is called `time`.
fn schema(text: &str) -> Schema {
    let timestamp = text.starts_with("time").then(|| "time".into());
    let config = InputConfig { layout: LayoutChoice::Table, timestamp, ..InputConfig::default() };
    let table = Table::parse(text.as_bytes(), "rows.csv", &config).unwrap();
    Schema::learn(&table, &(0..table.len()).collect::<Vec<_>>()).unwrap().schema
}

fn named() -> Schema {
    let row = |row: i32| format!("{},{},{},m{}\n", 1_700_000_000 + 60 * row, row % 7, row % 5, row % 2);
    schema(&format!("time,a,b,kind\n{}", (0..60).map(row).collect::<String>()))
}

/// The kept columns, and the cells of each row, read in blocks and line by line.
fn kept(schema: &Schema, text: &str, keep: &Keep) -> (Vec<String>, Vec<Vec<String>>) {
    let options = ReadOptions { keep: keep.clone(), ..ReadOptions::default() };
    let read = |by_line: bool| {
        let mut reader = Reader::new(text.as_bytes(), schema, &options).unwrap();
        let mut rows = Vec::new();
        while let Some(block) =
            if by_line { reader.next_line().unwrap() } else { reader.next_block().unwrap() }
        {
            let cells = |row| block.kept.of_row(row).map(str::to_owned).collect::<Vec<_>>();
            rows.extend((0..block.rows.len()).map(cells));
        }
        (reader.kept_columns().to_vec(), rows)
    };
    let (blocks, lines) = (read(false), read(true));
    assert_eq!(blocks, lines, "{text}");
    blocks
}

fn keep(time: bool, columns: &[&str], all: bool) -> Keep {
    Keep { time, columns: columns.iter().map(|name| name.to_string()).collect(), all }
}

#[test]
fn cells_are_those_of_their_rows_in_the_order_that_was_asked_for() {
    let text = "id,a,b,time,kind,note\n\
                x1,1,2,1700000000,m0,\"one, \"\"two\"\"\"\n\
                x2,no number,2,1700000060,m0,bad\n\
                \n\
                x3, 3 ,4,1700000120,m1,\n";
    let schema = named();
    let (names, rows) = kept(&schema, text, &keep(true, &["note", "id"], false));
    assert_eq!(names, ["time", "note", "id"]);
    assert_eq!(rows, [["1700000000", "one, \"two\"", "x1"], ["1700000120", "", "x3"]]);
    let (names, rows) = kept(&schema, text, &keep(false, &["id"], true));
    assert_eq!(names, ["id", "a", "b", "time", "kind", "note"]);
    assert_eq!(rows[1], ["x3", "3", "4", "1700000120", "m1", ""]);
    let (names, rows) = kept(&schema, text, &Keep::default());
    assert_eq!((names.len(), rows), (0, vec![Vec::<String>::new(); 2]));
}

#[test]
fn columns_without_names_are_numbered_and_json_is_matched_by_name() {
    let row = |row: i32| format!("{},{},{}\n", row % 7, row % 5, row % 3);
    let schema = schema(&(0..60).map(row).collect::<String>());
    let (names, rows) = kept(&schema, "1,2,0\n3,4,1\n", &keep(true, &["c2", "0"], false));
    assert_eq!(
        (names, rows),
        (
            vec!["c2".into(), "c0".into()],
            vec![vec!["0".to_string(), "1".into()], vec!["1".into(), "3".into()]]
        )
    );
    let json = "{\"a\":1,\"b\":2,\"kind\":\"m0\",\"time\":1700000000,\"host\":\"h\\n1\"}\n\
                {\"kind\":\"m1\",\"time\":1700000060,\"b\":2.50,\"a\":1}\n";
    let (names, rows) = kept(&named(), json, &keep(true, &["host", "later"], false));
    assert_eq!(names, ["time", "host", "later"]);
    assert_eq!(rows, [["1700000000", "h\n1", ""], ["1700000060", "", ""]]);
}

#[test]
fn a_column_that_is_not_there_is_named() {
    let options = ReadOptions { keep: keep(false, &["host"], false), ..ReadOptions::default() };
    let text = "a,b,time,kind\n1,2,3,m0\n";
    let error = Reader::new(text.as_bytes(), &named(), &options).unwrap_err().to_string();
    assert!(error.contains("no column `host` to copy") && error.contains("`kind`"), "{error}");
    // Its time may be missing, which is told as for any reader.
    let text = "a,b,kind\n1,2,m0\n";
    assert_eq!(kept(&named(), text, &keep(true, &[], false)).0, [""; 0]);
}

#[test]
fn a_block_of_empty_cells_takes_little_memory_and_stays_in_step() {
    let header: String = (0..200).map(|column| format!("x{column},")).collect();
    let text = format!("time,a,b,kind,{header}\n{}", format!("7,1,2,m0,{}\n", ",".repeat(200)).repeat(9000));
    let options =
        ReadOptions { keep: keep(false, &[], true), format: FormatChoice::Csv, ..Default::default() };
    let mut reader = Reader::new(text.as_bytes(), &named(), &options).unwrap();
    let block = reader.next_block().unwrap().unwrap();
    assert_eq!(block.rows.len(), 9000);
    assert_eq!(block.kept.of_row(8999).take(4).collect::<Vec<_>>(), ["7", "1", "2", "m0"]);
    assert_eq!(block.kept.of_row(8999).count(), 205);
    assert_eq!(block.kept.of_row(9000).count(), 0);
}
