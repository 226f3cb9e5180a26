//! Tests of tables of numbers, good and bad.

use super::*;
use ae_records::seed::stream_rng;
use rand_chacha::rand_core::Rng;

/// The table, or the message without the name of the file.
fn parse(content: &[u8], config: &str) -> Result<NumberTable, String> {
    let config: InputConfig = toml::from_str(config).unwrap();
    let error = |error: IntakeError| error.to_string().trim_start_matches("rows.csv: ").to_owned();
    NumberTable::parse(content, "rows.csv", &config).map_err(error)
}

/// `config` is TOML; `expected` is each row's numbers and label, or the whole message.
fn check(content: &str, config: &str, expected: Result<&[(&[f32], &str)], &str>) {
    match (parse(content.as_bytes(), config), expected) {
        (Ok(table), Ok(expected)) => {
            let labels = table.labels.clone().unwrap_or(vec![String::new(); table.values.nrows()]);
            let rows: Vec<Vec<f32>> = table.values.rows().into_iter().map(|row| row.to_vec()).collect();
            let got: Vec<(&[f32], &str)> =
                rows.iter().map(Vec::as_slice).zip(labels.iter().map(String::as_str)).collect();
            assert_eq!(got, expected, "{content:?}");
        }
        (Err(error), Err(expected)) => assert_eq!(error, expected, "{content:?}"),
        (got, expected) => panic!("{content:?}: {got:?} is not {expected:?}"),
    }
}

const TWO: Result<&[(&[f32], &str)], &str> = Ok(&[(&[1.0, 2.5], ""), (&[-3.0, 4e2], "")]);

#[test]
fn delimiters_and_headers_are_recognised() {
    check("1,2.5\n-3,4e2\n", "", TWO);
    check("1\t2.5\r\n-3\t4e2\r\n", "", TWO);
    check("1;2.5\n\n-3;4e2", "", TWO);
    check("1|2.5\n-3|4e2", "", TWO);
    check("1 2.5\n-3 4e2", "", TWO);
    check("\u{feff}a,b\n1,2.5\n-3,4e2\n", "", TWO);
    check("a , b\n 1 , 2.5 \n -3 , 4e2 \n   \n", "", TWO);
    check("\"a, the first\";b\n\"1\";2.5\n-3;4e2", "", TWO);
    check("1:2.5\n-3:4e2", "delimiter = ':'", TWO);
    check("1\n2\n", "", Ok(&[(&[1.0], ""), (&[2.0], "")]));
    check("2020,2021\n1,2.5\n-3,4e2", "header = true", TWO);
}

#[test]
fn columns_are_chosen_by_name_or_position() {
    let table = "id,a,b,kind\nx1,1,2.5,good\nx2,-3,4e2,bad\n";
    let labelled: Result<&[(&[f32], &str)], &str> = Ok(&[(&[1.0, 2.5], "good"), (&[-3.0, 4e2], "bad")]);
    check(table, "label = 'kind'\nignore = ['id']", labelled);
    check(table, "label = -1\nignore = [0]", labelled);
    check(table, "label = '3'\ncolumns = ['a', 'b']", labelled);
    check(table, "label = 'kind'\ncolumns = ['a', 'b', 'kind']", labelled);
    check(table, "columns = ['b']", Ok(&[(&[2.5], ""), (&[4e2], "")]));
    check("1,2.5,good\n-3,4e2,bad", "label = 2", labelled);
    // A header with a number in it is recognised by a requested name.
    check("a,2021,kind\n1,2.5,good\n-3,4e2,bad", "label = 'kind'", labelled);
    let turned = parse(table.as_bytes(), "columns = ['b', 'a', 'b']").unwrap();
    assert_eq!(turned.names, ["b", "a", "b"]);
    assert_eq!(turned.values, ndarray::array![[2.5, 1.0, 2.5], [4e2, -3.0, 4e2]]);
}

#[test]
fn cells_that_are_not_numbers_are_named() {
    let column = |rest: &str| format!("line 3, column `b`: {rest}");
    let bad = |cell: &str| format!("a,b\n1,2\n3,{cell}\n5,6\n");
    let not_finite = "is not a finite 32-bit number; remove or replace it";
    check(&bad("NaN"), "", Err(&column(&format!("`NaN` {not_finite}"))));
    check(&bad("-inf"), "", Err(&column(&format!("`-inf` {not_finite}"))));
    check(&bad("1e39"), "", Err(&column(&format!("`1e39` {not_finite}"))));
    let empty = "the cell is empty; fill it in, remove the line, or leave the column out with input.ignore";
    check(&bad(""), "", Err(&column(empty)));
    check(&bad("\" \""), "", Err(&column(empty)));
    let missing = "`NA` is not a number; fill in missing values, remove the line, or leave the column out with input.ignore";
    check(&bad("NA"), "", Err(&column(missing)));
    let text = "`x` is not a number; leave the column out with input.ignore, or set it as input.label";
    check(&bad("x"), "", Err(&column(text)));
    check(
        "1,2\n3,x",
        "",
        Err(
            "line 2, column 1: `x` is not a number; leave the column out with input.ignore, or set it as input.label",
        ),
    );
    check(
        "1,b\n3,4",
        "",
        Err(
            "line 1, column 1: `b` is not a number; if the first line names the columns, set input.header = true",
        ),
    );
    check(
        "a;b\n1,5;2,5",
        "delimiter = ';'",
        Err("line 2, column `a`: `1,5` is not a number; use a decimal point instead"),
    );
    check(
        "a,k\n1,x\n2,",
        "label = 'k'",
        Err(
            "line 3, column `k`: the cell is empty; fill it in, remove the line, or leave the column out with input.ignore",
        ),
    );
    let long = "y".repeat(1000);
    let shortened = format!(
        "`{}…` is not a number; leave the column out with input.ignore, or set it as input.label",
        &long[..40]
    );
    check(&bad(&long), "", Err(&column(&shortened)));
}

#[test]
fn tables_without_rows_are_refused() {
    check("", "", Err("the table is empty"));
    check("\n\n  \n", "", Err("the table is empty"));
    let only = "the table has a header but no rows; if its first line holds data, set input.header = false";
    check("a,b,c\n", "", Err(only));
    check("1,2\n", "header = true", Err(only));
}

#[test]
fn ragged_rows_are_named() {
    check(
        "1,2\n3,4\n5\n",
        "",
        Err(
            "line 3 has 1 cell, but the first line has 2; cells are split at ',': set input.delimiter if that is wrong",
        ),
    );
    check("a,b\n1,2\n3,4,5\n", "", Err("line 3 has 3 cells, but the first line has 2"));
    check("a,b\n\n1,2\n\n3,4,5\n", "", Err("line 5 has 3 cells, but the first line has 2"));
}

#[test]
fn a_wrong_delimiter_is_suspected() {
    let table = "a;b;kind\n1;2;good\n3;4;bad\n";
    let hint = "; it contains ';': set input.delimiter = \";\" if that separates the cells";
    check(
        table,
        "delimiter = ','",
        Err(&format!("line 2, column `a;b;kind`: `1;2;good` is not a number{hint}")),
    );
    check(
        table,
        "delimiter = ','\nlabel = 'kind'",
        Err(&format!("there is no label column `kind`; columns: `a;b;kind`{hint}")),
    );
    check(
        "a;b\n1,5;2\n",
        "delimiter = ','",
        Err(
            "line 2 has 2 cells, but the first line has 1; cells are split at ',': set input.delimiter if that is wrong",
        ),
    );
}

#[test]
fn errors_of_missing_columns_list_the_existing_ones() {
    let table = "time,value,Class\n1,2,3\n";
    check(
        table,
        "label = 'class'",
        Err("there is no label column `class`; columns: `time`, `value`, `Class`; did you mean `Class`?"),
    );
    check(
        table,
        "columns = ['zzz']",
        Err("there is no data column `zzz`; columns: `time`, `value`, `Class`"),
    );
    check(table, "ignore = [3]", Err("there is no ignored column 3; columns: `time`, `value`, `Class`"));
    check(table, "label = -4", Err("there is no label column -4; columns: `time`, `value`, `Class`"));
    check(
        "1,2\n3,4",
        "label = 'kind'",
        Err(
            "there is no label column `kind`; columns: 0, 1; the table has no header: give a position from 0, or set input.header = true",
        ),
    );
    check(
        "a,a,b\n1,2,3",
        "label = 'a'",
        Err("more than one column is called `a`; give its position from 0 instead"),
    );
    check("a,b\n1,2", "ignore = ['a', 'b']", Err("no column is left to read; columns: `a`, `b`"));
    let wide: String = (0..40).map(|i| format!("c{i},")).collect();
    let error = parse(format!("{wide}z\n").as_bytes(), "label = 'q'").unwrap_err();
    assert!(error.ends_with("`c29`, … (41 in all)"), "{error}");
}

#[test]
fn lines_that_are_not_text_are_named() {
    let error = parse(b"a,b\n1,2\n3,\xff\n", "").unwrap_err();
    assert_eq!(error, "line 3 is not UTF-8 text; save the table as UTF-8");
}

#[test]
fn a_label_is_kept_whatever_it_says() {
    let labels = |text: &str| parse(text.as_bytes(), "label = 'k'").unwrap().labels.unwrap();
    assert_eq!(labels("a,k\n1,none\n2,-\n3,NA\n"), ["none", "-", "NA"]);
}

#[test]
fn lines_that_cannot_be_split_are_named() {
    check("a,b\n1,2\n3,\"4\n5,6\n", "", Err("line 3: a quoted cell is not closed on its line"));
    check("a,b\n1,2\n3,\0\n", "", Err("line 3: it contains binary data"));
    // The first of two faults is reported.
    check(
        "a,b\n1,NA\n3\n",
        "",
        Err(
            "line 2, column `b`: `NA` is not a number; fill in missing values, remove the line, or leave the column out with input.ignore",
        ),
    );
}

#[test]
fn the_first_fault_in_a_file_of_many_pieces_is_reported() {
    let rows = "1.5,2.5\n".repeat(200_000);
    check(
        &format!("{rows}3\n{rows}x,4\n"),
        "",
        Err(
            "line 200001 has 1 cell, but the first line has 2; cells are split at ',': set input.delimiter if that is wrong",
        ),
    );
    let table = parse(rows.as_bytes(), "").unwrap();
    assert_eq!((table.values.dim(), table.values.sum()), ((200_000, 2), 800_000.0));
}

#[test]
fn a_first_row_that_counts_is_data_only_if_the_next_row_counts_too() {
    check("1,2,3\n4,5,6\n", "", Ok(&[(&[1.0, 2.0, 3.0], ""), (&[4.0, 5.0, 6.0], "")]));
    check("0,1,2\n0.5,7,9\n", "", Ok(&[(&[0.5, 7.0, 9.0], "")]));
}

#[test]
fn random_bytes_never_panic() {
    let mut rng = stream_rng(1, "table fuzz", 0);
    let alphabet = b"0123456789.-+eE,;\t|\"\n\r aNnif\xff\x00";
    let configs =
        ["", "label = 0", "header = true", "header = false\nlabel = 'a'", "columns = [1]\nignore = [-1]"];
    for round in 0..20_000 {
        let length = rng.next_u32() % 80;
        let bytes: Vec<u8> = (0..length)
            .map(|_| match rng.next_u32() {
                raw if round % 4 == 0 => raw as u8,
                raw => alphabet[raw as usize % alphabet.len()],
            })
            .collect();
        if let Ok(table) = parse(&bytes, configs[round % configs.len()]) {
            assert!(table.values.iter().all(|value| value.is_finite()), "{bytes:?}");
        }
    }
}
