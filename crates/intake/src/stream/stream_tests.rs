//! Tests of what is reported about a stream: odd times, and bytes that are not text.

use super::tests::{learn, reader};
use crate::{InputConfig, Schema, Table};

#[test]
fn odd_times_of_a_stream_are_reported_and_counted() {
    let (_, schema) = learn(
        &(0..40).map(|row| format!("{},{}\n", 1_600_000_000 + row, row % 5)).collect::<String>(),
        "window = 3",
    );
    let mut text = String::from("1600000000,1\n");
    for _ in 0..500 {
        text += "1600000000,1\n1600000001,1\n1600000000,1\n1600000007,2\n1600000000,2\n";
    }
    let expected = [
        "line 4: the time in column `c0` is earlier than the previous one (1000 times)",
        "line 5: the time in column `c0` comes 7 after the previous one, not 1 as learned (500 times)",
        "line 2: the time in column `c0` equals the previous one (500 times)",
    ];
    let mut lines = reader(text.as_bytes(), &schema).unwrap();
    let mut told = Vec::new();
    while let Some(block) = lines.next_line().unwrap() {
        told.extend(block.notices.into_iter().map(|notice| (notice.line().unwrap(), notice.kind())));
    }
    assert_eq!(
        told[..4],
        [(2, "repeated_time"), (4, "backward_time"), (5, "irregular_time"), (6, "backward_time")]
    );
    assert_eq!((told.len(), lines.log().lines()), (2000, expected.map(String::from).to_vec()));
    let mut blocks = reader(text.as_bytes(), &schema).unwrap();
    let block = blocks.read_all().unwrap();
    assert_eq!((block.notices.len(), blocks.log().lines()), (3 * 64, expected.map(String::from).to_vec()));
}

#[test]
fn times_of_independent_rows_that_come_at_any_time_may_repeat() {
    let line =
        |row: usize| format!("2024-01-{:02},{},{}\n", 1 + row * row / 60, row % 5, ["a", "b"][row % 2]);
    let content = format!("time,v,k\n{}", (0..40).map(line).collect::<String>());
    let (table, schema) = learn(&content, "");
    assert_eq!(schema.layout, crate::Layout::Table);
    let notices = Schema::learn(&table, &table.normal_rows()).unwrap().notices;
    let of_times = |text: &String| text.contains("step") || text.contains("previous");
    let told: Vec<String> = notices.iter().map(ToString::to_string).filter(of_times).collect();
    assert!(told.is_empty(), "{told:?}");
    let later = format!("{content}2024-01-01,1,a\n");
    let mut lines = reader(later.as_bytes(), &schema).unwrap();
    lines.read_all().unwrap();
    assert_eq!(lines.log().lines(), ["line 42: the time in column `time` is earlier than the previous one"]);
}

#[test]
fn a_column_that_the_header_lacks_is_told_once() {
    let row = |row: usize| format!("{row},{},{}\n", row * 7 % 5, row * 3 % 11);
    let content = |header: &str| format!("{header}\n{}", (0..60).map(row).collect::<String>());
    let (_, schema) = learn(&content("x,b,c"), "layout = 'table'\ncolumns = ['b', 'c']");
    let renamed = content("x,b,other");
    let mut lines = reader(renamed.as_bytes(), &schema).unwrap();
    let of_column = |text: &String| text.contains("column `c`");
    let mut told: Vec<String> = lines.notices().iter().map(ToString::to_string).filter(of_column).collect();
    told.extend(lines.read_all().unwrap().notices.iter().map(ToString::to_string).filter(of_column));
    assert_eq!(told, ["column `c` is missing from the file"]);
    // One that is there and empty is told of as before.
    let silent = format!("x,b,c\n{}", (0..30).map(|row| format!("{row},{},\n", row % 5)).collect::<String>());
    let notices = reader(silent.as_bytes(), &schema).unwrap().read_all().unwrap().notices;
    assert_eq!(notices.iter().filter(|notice| of_column(&notice.to_string())).count(), 1);
}

#[test]
fn non_text_is_recognised_by_its_first_bytes() {
    let (_, schema) = learn("a,b,k\n1,10,x\n2,20,y\n3,30,x\n", "");
    let check = |bytes: &[u8], expected: &str| {
        let error = reader(bytes, &schema).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(
        b"\x1f\x8b\x08\0\0",
        "the input is gz data, not text; decompress it first, for example with `gunzip -c`",
    );
    check(b"PK\x03\x04rest", "a zip archive or a spreadsheet");
    assert!(reader(b"a,b,k\r\n1,2,x\r\n", &schema).is_ok());
}

#[test]
fn times_in_seconds_need_a_unit() {
    let table = |content: &str| Table::parse(content.as_bytes(), "a.csv", &InputConfig::default()).unwrap();
    let seconds = |times: [&str; 3]| {
        let rows: String = times.iter().map(|time| format!("{time},1\n")).collect();
        table(&format!("time,a\n{rows}")).seconds()
    };
    let differences = |times| seconds(times).map(|all: Vec<f64>| [all[1] - all[0], all[2] - all[0]]);
    assert_eq!(
        differences(["2024-01-01 00:00", "2024-01-01 00:01", "2024-01-01 01:00"]),
        Some([60.0, 3600.0])
    );
    assert_eq!(differences(["1700000000000", "1700000001000", "1700000002500"]), Some([1.0, 2.5]));
    assert_eq!(differences(["1", "2", "3"]), None);
    assert_eq!(table("a\n1\n2\n").seconds(), None);
}

#[test]
fn a_column_that_loses_its_values_is_told_once() {
    let learned: String = (0..60).map(|row| format!("{},{},\n", row % 7, row % 5)).collect();
    let table = Table::parse(format!("a,b,k\n{learned}1,2,3\n").as_bytes(), "a.csv", &InputConfig::default());
    let table = table.unwrap();
    let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
    // `b` is empty from the eleventh row on, then has a value, and is empty again; `k` always was.
    let cell = |row: usize| if row < 10 || row == 60 { "3" } else { "" };
    let rows: String = (0..100).map(|row| format!("{},{},\n", row % 7, cell(row))).collect();
    let file = format!("a,b,k\n{rows}");
    let mut reader = reader(file.as_bytes(), &schema).unwrap();
    let block = reader.read_all().unwrap();
    let told: Vec<String> = block.notices.iter().map(ToString::to_string).collect();
    let said = |line: u64| {
        format!("line {line}: column `b` has been empty for 20 rows, which are judged by the other columns")
    };
    assert_eq!(told, [said(31), said(82)]);
    assert_eq!(reader.log().counts().map(|(_, count)| count).sum::<u64>(), 2);
}
