//! Tests of reading documents.

use super::*;
use std::fmt::Write;

fn parse(content: &[u8], file: &str, text: &str, name: Option<&str>) -> Result<TextTable, IntakeError> {
    let name = name.map(Column::from);
    TextTable::parse(content, file, &text.into(), name.as_ref(), &InputConfig::default())
}

fn check(content: &str, file: &str, text: &str, expected: &[&str]) -> TextTable {
    let table = parse(content.as_bytes(), file, text, None).unwrap();
    assert_eq!(table.texts, expected, "{content}");
    table
}

fn check_refused(content: &str, text: &str, expected: &str) {
    let error = parse(content.as_bytes(), "a.csv", text, None).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn texts_come_from_every_form_of_a_table() {
    check("id,body\n1,\"one, two\"\n2,three\n", "a.csv", "body", &["one, two", "three"]);
    check("id;body\n1;one, two\n2;three\n", "a.csv", "body", &["one, two", "three"]);
    check("id\tbody\n1\tone two\n2\tthree\n", "a.tsv", "1", &["one two", "three"]);
    let lines = check("id,body\n1,\"one\n\ntwo\"\n2,three\n", "a.csv", "body", &["one  two", "three"]);
    assert_eq!(lines.lines, [2, 5]);
    check("{\"a\": 1, \"body\": \"x\\ny\"}\n\n{\"a\": 2}\n", "a.jsonl", "body", &["x\ny", ""]);
    check("{\"a\": {\"b\": [\"x\", null, \"y\"]}}\n{\"a.b\": \"z\"}\n", "a.jsonl", "a.b", &["x\ny", "z"]);
    check("[1, \"x\"]\n[2, 7]\n", "a.jsonl", "1", &["x", "7"]);
    check("[{\"body\": \"x\"}, {\"body\": \"y\"}]", "a.json", "body", &["x", "y"]);
}

#[test]
fn another_encoding_is_recognised() {
    let mut content = b"id,body\n".to_vec();
    for row in 0..40 {
        content.extend(format!("{row},Stra").into_bytes());
        content.extend(b"\xdfe\n");
    }
    let table = parse(&content, "a.csv", "body", None).unwrap();
    assert_eq!(table.texts[0], "Straße");
    assert!(!table.notices.is_empty(), "it is said");
}

#[test]
fn names_come_beside_the_texts() {
    let table = parse(b"id,body\nA1,x\nA2,\n", "a.csv", "body", Some("id")).unwrap();
    assert_eq!(
        (table.names.unwrap(), table.texts),
        (vec!["A1".into(), "A2".into()], vec!["x".into(), String::new()])
    );
}

#[test]
fn a_column_that_is_not_there_is_answered_with_those_that_are() {
    check_refused(
        "id,body\n1,x\n",
        "bdy",
        "no text column `bdy`; columns: `id`, `body`; did you mean `body`?",
    );
    check_refused("{\"id\": 1, \"body\": \"x\"}\n", "text", "no text column `text`; columns: `body`, `id`");
    check_refused("id,body\n", "body", "has a header but no rows");
    check_refused("", "body", "the table is empty");
}

#[test]
fn a_few_bad_lines_are_told_and_many_refused() {
    let mut content = String::from("id,body\n");
    (0..40).for_each(|row| writeln!(content, "{row},text").unwrap());
    let table = parse(format!("{content}41\n").as_bytes(), "a.csv", "body", None).unwrap();
    assert_eq!(
        (table.texts.len(), table.bad[0].to_string()),
        (40, "line 42: it has 1 cell instead of 2".into())
    );
    check_refused(&format!("{content}1\n2\n3\n"), "body", "3 bad lines out of 43");
    check_refused("{\"body\": \n", "body", "no usable lines out of 1");
}
