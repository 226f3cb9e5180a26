//! Tests lines of verdicts: each line once and in order, whatever their cells hold.

use super::*;
use ae_anomaly::{Unknown, Verdict};
use ae_intake::{BadReason, InputConfig, Keep, LayoutChoice, ReadOptions, Reader, RowNote, State, Table};

fn verdict(score: f64) -> Judgement {
    let verdict = Verdict { score, p_value: 0.5, threshold: 2.0, severity: 0.25, is_anomalous: score > 2.0 };
    if score > 2.0 { Judgement::Anomalous(verdict) } else { Judgement::Normal(verdict) }
}

fn sheet(form: Form) -> Sheet {
    let table = Table::parse(b"a\n1.5\n2.5\n3.5\n", "rows.csv", &InputConfig::default()).unwrap();
    let schema = Schema::learn(&table, &[0, 1, 2]).unwrap().schema;
    Sheet::new(form, &schema, &Keep::default(), &[])
}

/// Rows at the odd lines, and a bad line after every hundredth row and at both ends.
fn block(n: u64) -> (Block, Vec<Judgement>) {
    let row = |line| RowNote { line, observed: 1.0, state: State::Ready, group: None };
    let bad = |line| BadLine { line, reason: BadReason::OpenQuote };
    let rows: Vec<RowNote> = (0..n).map(|at| row(2 * at + 3)).collect();
    let mut bad_lines: Vec<BadLine> = vec![bad(1), bad(2)];
    bad_lines.extend((0..n / 100).map(|at| bad(200 * at + 4)));
    bad_lines.push(bad(2 * n + 10));
    let judgements = (0..n).map(|at| verdict(at as f64)).collect();
    (Block { rows, bad: bad_lines, ..Block::default() }, judgements)
}

#[test]
fn every_line_is_there_once_and_in_order() {
    for n in [0, 1, 99, 100, 4095, 4096, 4097, 9000] {
        let (block, judgements) = block(n);
        for form in [Form::Csv, Form::JsonLines] {
            let text = String::from_utf8(sheet(form).of_block(&block, &judgements, &[], 5)).unwrap();
            let number = |line: &str| -> u64 {
                let digits = line.trim_start_matches("{\"line\":");
                digits.split(',').next().unwrap().parse().unwrap()
            };
            let got: Vec<u64> = text.lines().map(number).collect();
            let mut expected: Vec<u64> = block.rows.iter().map(|row| row.line + 5).collect();
            expected.extend(block.bad.iter().map(|bad| bad.line + 5));
            expected.sort_unstable();
            assert_eq!(got, expected, "{n} {form:?}");
        }
    }
}

#[test]
fn a_reason_stays_one_cell_of_one_line() {
    let reason = BadReason::NotNumber { column: "\u{202e}c\n1,normal".into(), value: "\u{1b}[2J\"".into() };
    let bad = BadLine { line: 7, reason };
    let written = |form| {
        let mut out = Vec::new();
        sheet(form).bad_line(&bad, 0, &mut out);
        String::from_utf8(out).unwrap()
    };
    for line in [written(Form::Csv), written(Form::JsonLines)] {
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line}");
    }
    let json: serde_json::Value = serde_json::from_str(&written(Form::JsonLines)).unwrap();
    assert_eq!(json["reason"], bad.reason.to_string(), "JSON says what was there");
    let csv = written(Form::Csv);
    assert!(csv.contains("\\u{1b}[2J\"\"") && csv.contains("\\u{202e}c\\n1,normal"), "{csv}");
}

#[test]
fn lines_say_what_they_mean() {
    let line = |form, judgement: &Judgement| {
        let mut out = Vec::new();
        let row = RowNote { line: 7, observed: 1.0, state: State::Ready, group: None };
        let block = Block { rows: vec![row], ..Block::default() };
        sheet(form).row(&block, 0, judgement, None, None, 0, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(line(Form::Csv, &verdict(3.0)), "7,anomalous,3,0.500000,0.250000,2,,\n");
    let unknown = Judgement::Unknown { reason: Unknown::TooLittleObserved { observed: 0.25 } };
    assert_eq!(line(Form::Csv, &unknown), "7,unknown,,,,,\"only 25 % of the values were observed\",\n");
    assert_eq!(
        line(Form::JsonLines, &unknown),
        "{\"line\":7,\"verdict\":\"unknown\",\"reason\":\"too_little_observed\",\"observed\":0.25}\n"
    );
    assert_eq!(
        line(Form::JsonLines, &verdict(1.0)),
        "{\"line\":7,\"verdict\":\"normal\",\"score\":1.0,\"p_value\":0.5,\"threshold\":2.0,\"severity\":0.25,\
         \"is_anomalous\":false}\n"
    );
    assert_eq!(HEADER.matches(',').count(), line(Form::Csv, &verdict(3.0)).matches(',').count());
}

#[test]
fn lines_name_the_group_of_a_row() {
    let odd = "\"pump \"\"1\"\",\u{1b}\"";
    let rows: String =
        (0..80).map(|row| format!("{},{}\n", row % 7, ["b", odd][usize::from(row % 2 == 0)])).collect();
    let config =
        InputConfig { layout: LayoutChoice::Table, group: Some("pump".into()), ..InputConfig::default() };
    let text = format!("a,pump\n{rows}");
    let table = Table::parse(text.as_bytes(), "rows.csv", &config).unwrap();
    let schema = Schema::learn(&table, &(0..80).collect::<Vec<_>>()).unwrap().schema;
    let file = format!("a,pump\n1,{odd}\nnonsense\n");
    let options = ReadOptions::default();
    let block = Reader::new(file.as_bytes(), &schema, &options).unwrap().read_all().unwrap();
    let written = |form| {
        let sheet = Sheet::new(form, &schema, &Keep::default(), &[]);
        let lines = sheet.of_block(&block, &[verdict(3.0)], &[], 0);
        sheet.header() + &String::from_utf8(lines).unwrap()
    };
    let csv = written(Form::Csv);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], format!("{HEADER},group"));
    assert_eq!(lines[1], "2,anomalous,3,0.500000,0.250000,2,,,\"pump \"\"1\"\",\\u{1b}\"");
    assert!(lines[2].starts_with("3,bad_line,") && lines[2].ends_with("\",,"), "{}", lines[2]);
    let json: serde_json::Value =
        serde_json::from_str(written(Form::JsonLines).lines().next().unwrap()).unwrap();
    assert_eq!(json["group"], "pump \"1\",\u{1b}");
}

#[test]
fn copied_cells_stay_cells_and_their_names_differ_from_ours() {
    let file = "time,a,score,host\n1700000000,1,2,x\n1700000060,2,4,\"y, \"\"z\"\"\u{1b}\"\nodd\n";
    let learned: String =
        (0..40).map(|row| format!("{},{},{}\n", 1_700_000_000 + 60 * row, row % 7, row % 5)).collect();
    let timestamp = Some("time".into());
    let config = InputConfig { layout: LayoutChoice::Table, timestamp, ..InputConfig::default() };
    let table = Table::parse(format!("time,a,score\n{learned}").as_bytes(), "rows.csv", &config).unwrap();
    let schema = Schema::learn(&table, &(0..40).collect::<Vec<_>>()).unwrap().schema;
    let keep = Keep { time: true, columns: vec!["host".into(), "score".into()], all: false };
    let options = ReadOptions { keep, ..ReadOptions::default() };
    let mut reader = Reader::new(file.as_bytes(), &schema, &options).unwrap();
    let block = reader.read_all().unwrap();
    let judgements = [verdict(1.0), verdict(3.0)];
    let parts = [(1, Parts { cause: Some("a".into()), steps: None })];
    let written = |form| {
        let sheet = Sheet::new(form, &schema, &options.keep, reader.kept_columns());
        let rows = sheet.of_block(&block, &judgements, &parts, 0);
        sheet.header() + &String::from_utf8(rows).unwrap()
    };
    let csv = written(Form::Csv);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], format!("{HEADER},time,host,input_score"));
    assert_eq!(lines[1], "2,normal,1,0.500000,0.250000,2,,,1700000000,x,2");
    assert_eq!(lines[2], "3,anomalous,3,0.500000,0.250000,2,,a,1700000060,\"y, \"\"z\"\"\\u{1b}\",4");
    assert!(lines[3].starts_with("4,bad_line,") && lines[3].ends_with("\",,,,"), "{}", lines[3]);
    let json = written(Form::JsonLines);
    let second: serde_json::Value = serde_json::from_str(json.lines().nth(1).unwrap()).unwrap();
    assert_eq!(second["time"], "1700000060");
    assert_eq!(second["cause"], "a");
    assert_eq!(second["columns"], serde_json::json!({ "host": "y, \"z\"\u{1b}", "score": "4" }));
}

/// A day and a time of the day in two columns are one time, and stay columns of their own if they are asked for.
#[test]
fn a_time_in_two_columns_is_joined() {
    let rows: String = (0..120)
        .map(|row| format!("04/{}/2024,{:02}:{:02},{}\n", 20 + row / 60, row / 4 % 15, row % 4 * 15, row % 7))
        .collect();
    let text = format!("Date,Time,a\n{rows}");
    let config = InputConfig { layout: LayoutChoice::Table, ..InputConfig::default() };
    let table = Table::parse(text.as_bytes(), "rows.csv", &config).unwrap();
    let schema = Schema::learn(&table, &(0..120).collect::<Vec<_>>()).unwrap().schema;
    let check = |keep: Keep, header: &str, second: &str| {
        let options = ReadOptions { keep, ..ReadOptions::default() };
        let file = "Date,Time,a\n04/20/2024,10:15,1\n04/21/2024,00:30,2\n";
        let mut reader = Reader::new(file.as_bytes(), &schema, &options).unwrap();
        let block = reader.read_all().unwrap();
        let sheet = Sheet::new(Form::Csv, &schema, &options.keep, reader.kept_columns());
        assert_eq!(sheet.header().trim_end(), format!("{HEADER},{header}"));
        let rows = sheet.of_block(&block, &[verdict(1.0), verdict(1.5)], &[], 0);
        let rows = String::from_utf8(rows).unwrap();
        let line = rows.lines().nth(1).unwrap();
        assert!(line.ends_with(&format!(",,,{second}")), "{line}");
    };
    let time = Keep { time: true, ..Keep::default() };
    check(time.clone(), "time", "04/21/2024 00:30");
    let of_day = Keep { columns: vec!["Date".into()], ..time.clone() };
    check(of_day, "time,Date", "04/21/2024 00:30,04/21/2024");
    let all = Keep { all: true, ..time };
    check(all, "time,Date,Time,a", "04/21/2024 00:30,04/21/2024,00:30,2");
}
