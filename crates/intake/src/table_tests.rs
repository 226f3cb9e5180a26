//! Tests of reading training files, good and bad.

use super::*;
use crate::{Curve, FieldKind, IgnoredBecause, Schema, State};

fn config(text: &str) -> InputConfig {
    toml::from_str(text).unwrap()
}

fn read(content: &str, config_text: &str) -> Result<Table, IntakeError> {
    Table::parse(content.as_bytes(), "a.csv", &config(config_text))
}

/// `names` are the columns, `expected` each row's numbers.
fn check(content: &str, config_text: &str, names: &[&str], expected: &[&[f32]]) {
    let table = read(content, config_text).unwrap_or_else(|error| panic!("{content:?}: {error}"));
    let got: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(got, names, "{content:?}");
    let rows: Vec<Vec<f32>> = table.values.rows().into_iter().map(|row| row.to_vec()).collect();
    let expected: Vec<Vec<f32>> = expected.iter().map(|row| row.to_vec()).collect();
    // As text, because NaN is not equal to itself.
    assert_eq!(format!("{rows:?}"), format!("{expected:?}"), "{content:?}");
}

fn check_error(content: &str, config_text: &str, expected: &str) {
    let error = read(content, config_text).map(|table| table.values).unwrap_err();
    assert_eq!(error.to_string(), expected, "{content:?}");
}

const GAP: f32 = f32::NAN;

#[test]
fn tables_hold_numbers_codes_and_gaps() {
    let expected: &[&[f32]] = &[&[1.0, 1.0], &[2.5, 0.0], &[GAP, GAP]];
    check("a,b\n1,y\n2.5,x\n,\n", "", &["a", "b"], expected);
    check("\u{feff}a;b\r\n1;y\r\n\r\n2.5;x\r\nNA;?", "", &["a", "b"], expected);
    check("\"a\",\"b\"\n\"1\",\"y\"\n2.5,x\n\"\",null", "", &["a", "b"], expected);
    check("1\ty\n2.5\tx\n-\t-", "layout = 'table'", &["c0", "c1"], expected);
    let mixed = "{\" c\":\"x\",\"a\":1}\n[\"y\",2]\n{\"a\":3,\"c\":\"z\"}\n";
    check(mixed, "", &["c", "a"], &[&[0.0, 1.0], &[1.0, 2.0], &[2.0, 3.0]]);
    let unnamed = "{\"\":\"x\",\"c0\":\"v\"}\n{\"c0\":\"u\",\"\":\"y\"}\n";
    check(unnamed, "", &["unnamed", "c0"], &[&[0.0, 1.0], &[1.0, 0.0]]);
    let infinities: &[&[f32]] = &[&[2.0, 1.0], &[1.0, 2.0], &[0.0, 2.0]];
    check("a,b\nx,1\ninf,2\n1e999,2\n", "", &["a", "b"], infinities);
    check("a  b\n 1   y\n2.5 x\nNaN nan\n", "delimiter = ' '", &["a", "b"], expected);
    check("{\"a\":1,\"b\":\"y\"}\n{\"b\":\"x\",\"a\":2.5}\n{\"a\":null}\n", "", &["a", "b"], expected);
    check("[1,\"y\"]\n[2.5,\"x\"]\n[null,null]\n", "", &["0", "1"], expected);
    check("a,a,,b\n1,2,3,y\n", "", &["a", "a.2", "c2", "b"], &[&[1.0, 2.0, 3.0, 0.0]]);
    check("x,\"a,b\"\"c\"\"\"\n1,2\n2,1\n", "", &["x", "a,b\"c\""], &[&[1.0, 2.0], &[2.0, 1.0]]);
}

#[test]
fn columns_are_chosen_and_left_out() {
    let text = "id,a,b,kind\nq1,1,2,good\nq2,3,4,bad\nq3,3,5,good\n";
    check(text, "columns = ['b']", &["b"], &[&[2.0], &[4.0], &[5.0]]);
    check(text, "ignore = [0, 'kind']", &["a", "b"], &[&[1.0, 2.0], &[3.0, 4.0], &[3.0, 5.0]]);
    check(text, "columns = ['a']\ncategories = ['a']", &["a"], &[&[0.0], &[1.0], &[1.0]]);
    let table = read(text, "label = 'kind'\nnormal = 'good'\nmax_categories = 2").unwrap();
    assert_eq!(table.normal_rows(), [0, 2]);
    assert_eq!(table.columns.iter().map(|column| column.position).collect::<Vec<_>>(), [1, 2]);
    let left_out = Notice::Ignored { column: "id".into(), because: IgnoredBecause::TooManyValues };
    assert_eq!(table.notices, [left_out]);
    assert_eq!(table.ignored, ["id"]);
    let numbered: String = (0..30).map(|row| format!("{row},{}\n", row * row % 11)).collect();
    let table = read(&format!(",x\n{numbered}"), "layout = 'table'").unwrap();
    assert_eq!(table.notices[0].to_string(), "column `c0` is left out: it holds row numbers");
    let table = read("a,when,b\n1,2024-01-01,2\n2,2024-01-05,1\n", "").unwrap();
    assert_eq!(table.notices, [Notice::Times { column: "when".into() }]);
    assert_eq!((table.timestamp.unwrap().name.as_str(), table.stamps.len()), ("when", 2));
    let table = read("a,b,Label\n1,2,0\n1,3,0\n", "").unwrap();
    assert_eq!(table.notices, [Notice::LooksLikeLabel { column: "Label".into() }]);
}

fn rows(n: usize, row: impl Fn(usize) -> String) -> String {
    (0..n).map(|at| row(at) + "\n").collect()
}

/// Names of the feature columns, and the notices.
fn learned(content: &str, config_text: &str) -> (String, Vec<String>) {
    let table = read(content, config_text).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    (names.join(" "), table.notices.iter().map(ToString::to_string).collect())
}

#[test]
fn identifiers_with_gaps_are_left_out_of_tables_only() {
    let left_out = "column `id` is left out: its whole numbers rise with every row, like a counter or an identifier; to \
                    keep it, list it in input.columns, together with all other columns to learn from";
    let ids =
        |n| format!("id,a,b\n{}", rows(n, |row| format!("{},{},{}", 3 * row + row % 2, row % 7, row % 5)));
    assert_eq!(learned(&ids(40), ""), ("a b".into(), vec![left_out.into()]));
    assert_eq!(read(&ids(40), "").unwrap().ignored, ["id"]);
    assert_eq!(learned(&ids(40), "columns = ['id', 'a']"), ("id a".into(), vec![]));
    assert_eq!(learned(&ids(19), ""), ("id a b".into(), vec![]), "too few rows to tell");
    assert_eq!(learned(&ids(40), "layout = 'windows'").0, "id a b", "a channel may rise");
    for broken in ["1,2,3", ",2,3", "500.5,2,3"] {
        assert_eq!(learned(&format!("{}{broken}\n", ids(40)), ""), ("id a b".into(), vec![]), "{broken}");
    }
    let stamped = format!("time,a,b\n{}", rows(40, |row| format!("{},{},{}", row * row, row % 7, row % 5)));
    assert_eq!(
        learned(&stamped, "layout = 'table'").1,
        ["column `time` holds times and is not used as a feature"]
    );
    let only = rows(40, |row| format!("{},{}", 2 * row, row * row));
    let error = read(&format!("a,b\n{only}"), "layout = 'table'").unwrap_err().to_string();
    assert!(error.starts_with("a.csv has no column to learn from") && error.contains("`b`"), "{error}");
}

#[test]
fn free_text_is_reported() {
    let text = "it has too many distinct values, like an identifier or free text";
    let named = format!("who,a\n{}", rows(60, |row| format!("n{},{}", row * 7 % 40, row % 5)));
    assert_eq!(learned(&named, "").1, [format!("column `who` is left out: {text}")]);
    assert_eq!(learned(&named, "categories = ['who']").0, "who a");
    let few = format!("who,a\n{}", rows(60, |row| format!("n{},{}", row * 7 % 25, row % 5)));
    assert_eq!(learned(&few, ""), ("who a".into(), vec![]));
}

#[test]
fn a_column_without_a_name_is_asked_for_as_notices_call_it() {
    let text = rows(60, |row| {
        let values =
            (0..20).map(|t| format!("{:.3}", ((row * 3 + t) as f64 * 0.7).sin())).collect::<Vec<_>>();
        format!("{},{}", row % 2, values.join(","))
    });
    let (_, notices) = learned(&text, "");
    assert!(notices[0].starts_with("column `c0` looks like a label"), "{notices:?}");
    for label in ["'c0'", "'0'", "0"] {
        let table = read(&text, &format!("label = {label}\nnormal = '0'")).unwrap();
        assert_eq!((table.columns.len(), table.normal_rows().len()), (20, 30), "{label}");
    }
    assert_eq!(read(&text, "ignore = ['c0', 'c20']").unwrap().columns.len(), 19);
    assert!(read(&text, "ignore = ['c21']").is_err() && read(&text, "ignore = ['c']").is_err());
}

#[test]
fn rows_have_a_mean_time_whatever_their_order() {
    let check = |stamps: &[f64], expected: Option<f64>| {
        let text: String = stamps.iter().map(|stamp| format!("{stamp},1\n")).collect();
        let table = read(&format!("when,a\n{text}"), "timestamp = 'when'\nlayout = 'table'").unwrap();
        assert_eq!(table.seconds_per_row(), expected, "{stamps:?}");
    };
    check(&[0.0, 60.0, 120.0], Some(60.0));
    check(&[0.0, 1.0, 1.0, 50.0, 51.0, 120.0], Some(24.0));
    check(&[120.0, 0.0, 60.0], Some(60.0));
    check(&[5.0, 5.0], None);
    check(&[1.6e12, 1.6e12 + 120e3, 1.6e12 + 60e3], Some(60.0));
    assert_eq!(read("a,b\n1,2\n2,1\n", "").unwrap().seconds_per_row(), None);
}

#[test]
fn labels_may_be_numbers() {
    let table = read("a,y\n1,0\n2,1\n3,0\n4,1\n4,2\n", "label = 'y'\nnormal = [0.0, 2]").unwrap();
    assert_eq!(table.normal_rows(), [0, 2, 4]);
    let labels = table.labels.unwrap();
    assert_eq!((labels.names.join(" "), labels.codes), ("0 1 2".into(), vec![0, 1, 0, 1, 2]));
    let json = "{\"a\":1,\"y\":false}\n{\"a\":2,\"y\":true}\n{\"a\":3,\"y\":false}\n";
    let labels =
        |normal: &str| read(json, &format!("label = 'y'\nnormal = '{normal}'")).unwrap().normal_rows();
    assert_eq!((labels("false"), labels("0"), labels("true")), (vec![0, 2], vec![0, 2], vec![1]));
    let text = "a,y\n1,ok\n2,bad\n3,bad\n";
    let known = "`bad` (2 rows), `ok` (1 row)";
    let which = "say which values of the label column are normal (--normal VALUE, or input.normal = [...]); it holds ";
    check_error(text, "label = 'y'", &format!("{which}{known}"));
    let expected = format!("no row has the normal label `good`; the label column holds {known}");
    check_error(text, "label = 'y'\nnormal = 'good'", &expected);
}

#[test]
fn bad_lines_are_listed_and_left_out() {
    let good = "1,2\n".repeat(100);
    let table = read(&format!("a,b\n{good}1\n1,2,3\nx,2\n1,inf\n1e400,2\n\"1,2\n{good}"), "").unwrap();
    assert_eq!(table.len(), 200);
    let bad: Vec<String> = table.bad.iter().map(ToString::to_string).collect();
    let expected = [
        "line 102: it has 1 cell instead of 2",
        "line 103: it has 3 cells instead of 2",
        "line 104: column `a`: `x` is not a number",
        "line 105: column `b`: `inf` is not a finite 32-bit number",
        "line 106: column `a`: `1e400` is not a finite 32-bit number",
        "line 107: a quoted cell is not closed on its line",
    ];
    assert_eq!(bad, expected);
    let content = [b"a,b\n1,2\n3,\xff\n\0\0,\n".as_slice(), good.as_bytes()].concat();
    let table = Table::parse(&content, "a.csv", &InputConfig::default()).unwrap();
    let bad: Vec<String> = table.bad.iter().map(ToString::to_string).collect();
    assert_eq!(bad, ["line 3: it is not UTF-8 text", "line 4: it contains binary data"]);
    let json = "{\"a\":1}\n{\"a\":1\n{\"a\":[1]}\n{\"a\":1e999}\n7\n";
    let table = read(json, "max_bad = 1").unwrap();
    let bad: Vec<String> = table.bad.iter().map(|bad| bad.reason.to_string()).collect();
    assert_eq!(bad.len(), 4);
    assert!(bad[0].contains("EOF while parsing") && bad[2].contains("number out of range"), "{bad:?}");
}

#[test]
fn unusable_files_are_refused() {
    check_error("", "", "a.csv: the table is empty");
    check_error(" \n\n", "", "a.csv: the table is empty");
    let only =
        "a.csv: the table has a header but no rows; if its first line holds data, set input.header = false";
    check_error("a,b\n", "", only);
    let message = "a.csv has 2 bad lines out of 3, more than input.max_bad = 0.05 allows; fix them or raise it; the \
                   first: line 2: it has 1 cell instead of 2";
    check_error("1,2\n1\n2\n", "", message);
    let message = "a.csv has no usable lines out of 1; the first: line 2: it has 1 cell instead of 2";
    check_error("a,b\n1\n", "delimiter = ','", message);
    let message = "a.csv: there is no label column `knd`; columns: `a`, `kind`; did you mean `kind`?";
    check_error("a,kind\n1,x\n", "label = 'knd'\nnormal = 'x'", message);
    let message = "a.csv has no column to learn from: column `a` is left out: no row has a value";
    check_error("a,b\n,\n,\n", "ignore = ['b']", message);
    let message = "column `a` has more than 1 distinct values; leave it out with input.ignore, or raise input.max_categories";
    check_error("a,b\nx,1\ny,2\n", "columns = ['a']\nmax_categories = 1", message);
    let message = "column `a` holds text, such as `x`, but input.layout = \"series\" needs numbers; leave it out with input.ignore";
    check_error("a,b\nx,1\ny,2\n", "layout = 'series'", message);
    let message =
        "column `a` is not a timestamp: `x` is neither a number nor a date such as 2024-05-31 23:59:00";
    check_error("a,b\nx,1\ny,2\n", "timestamp = 'a'", message);
    let missing = Table::from_csv_with(Path::new("/no/such/file.csv"), &InputConfig::default()).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read /no/such/file.csv"), "{missing}");
    check_error(
        "1,2\n",
        "normal = 'x'",
        "input.normal = [\"x\"] is invalid; use it only together with input.label",
    );
    check_error(
        "1,2\n",
        "min_observed = nan",
        "input.min_observed = NaN is invalid; use a share from 0 to 1",
    );
    assert!(toml::from_str::<InputConfig>("colums = []").is_err());
}

#[test]
fn headers_are_recognised() {
    let names = |content: &str| {
        let table = read(content, "layout = 'table'").unwrap();
        (table.columns.into_iter().map(|column| column.name).collect::<Vec<_>>().join(" "), table.lines[0])
    };
    assert_eq!(names("a,b,c\n1,2,3\n"), ("a b c".into(), 2));
    assert_eq!(names("1,2,4\n1,2,3\n"), ("c0 c1 c2".into(), 1));
    assert_eq!(names("0,1,2,3\n0.5,1,2,3\n"), ("0 1 2 3".into(), 2));
    assert_eq!(names(",0,1,2\n7,1,5,3\n9,1,5,3\n"), ("c0 0 1 2".into(), 2));
    assert_eq!(names("a,b,2021\n1,2,3\n4,5,6\n"), ("a b 2021".into(), 2));
    assert_eq!(names("1,x,3\n1,y,3\n"), ("c0 c1 c2".into(), 1));
    // By the name of any column that was asked for.
    let asked = |content: &str, config: &str| read(content, config).unwrap().lines[0];
    let of_machines = "machine,2019,2020\nx,1,2\ny,2,3\nx,3,1\ny,4,7\n";
    assert_eq!(asked(of_machines, "group = 'machine'"), 2);
    let by_day = "day,hour,7\n2024-01-01,10:00,1\n2024-01-01,11:00,2\n2024-01-02,10:00,4\n";
    assert_eq!(asked(by_day, "timestamp = 0\nclock = 'hour'"), 2);
}

#[test]
fn the_layout_is_decided_by_the_columns() {
    let check = |content: &str, expected: Layout| {
        let table = read(content, "").unwrap();
        assert_eq!(table.layout, expected, "{}", table.layout_because);
    };
    let wave = |row: usize, t: usize| ((row + t) as f64 * 0.7).sin();
    let beats = |separator: &str| -> String {
        let row =
            |row| (0..20).map(|t| format!("{:.3}", wave(row, t))).collect::<Vec<_>>().join(separator) + "\n";
        (0..30).map(row).collect()
    };
    check(&beats(","), Layout::Series);
    check(&beats("\t"), Layout::Series);
    let rows: String = beats(",").repeat(2);
    let classed: String =
        rows.lines().zip(0..).map(|(line, row)| format!("{},{line}\n", 1 + row % 3)).collect();
    let found = read(&classed, "").unwrap().notices;
    assert_eq!(found, [Notice::LooksLikeLabel { column: "c0".into() }]);
    let numbered = (0..20).map(|t| format!("t{t}")).collect::<Vec<_>>().join(",");
    check(&format!("{numbered}\n{}", beats(",")), Layout::Series);
    let named = (0..20).map(|t| format!("f{}", t * t)).collect::<Vec<_>>().join(",");
    check(&format!("{named}\n{}", beats(",")), Layout::Table);
    let scales: String = (0..30)
        .map(|row| {
            (0..20)
                .map(|t| format!("{}", wave(row, t) * 10f64.powi(t as i32 % 7)))
                .collect::<Vec<_>>()
                .join(",")
        })
        .map(|line| line + "\n")
        .collect();
    check(&scales, Layout::Table);
    let day = |minute: usize| format!("2024-01-01 {:02}:{:02}:00", minute / 60, minute % 60);
    let series = |step: &dyn Fn(usize) -> usize| -> String {
        (0..100).map(|row| format!("{},{},{}\n", day(step(row)), wave(row, 0), wave(row, 3))).collect()
    };
    check(&format!("timestamp,a,b\n{}", series(&|row| row * 5)), Layout::Windows);
    check(&format!("timestamp,a,b\n{}", series(&|row| row * row / 8)), Layout::Table);
    let unix: String =
        (0..100).map(|row| format!("{},{}\n", 1_600_000_000 + 60 * row, wave(row, 0))).collect();
    check(&unix, Layout::Windows);
    check("1.5\n2.5\n1.0\n", Layout::Windows);
    check("a,b\n1,2\n2,1\n", Layout::Table);
    check("a,b\n1,x\n2,y\n", Layout::Table);
}

#[test]
fn scaling_is_learned_from_training_rows_only() {
    let table = read("a,b,c\n1,x,5\n3,y,5\n,x,5\n1000,z,5\n", "").unwrap();
    let learned = Schema::learn(&table, &[0, 1, 2]).unwrap();
    let schema = learned.schema;
    assert_eq!(schema.feature_names(), ["a", "b=x", "b=y", "c"]);
    let FieldKind::Number { mean, std, min, max, curve, .. } = schema.fields[0].kind else { panic!() };
    assert_eq!((mean, std, min, max, curve), (2.0, 1.0, 1.0, 3.0, Curve::Linear));
    let notices: Vec<String> = learned.notices.iter().map(ToString::to_string).collect();
    assert_eq!(notices, ["column `a` has a value in 66.7 % of the rows", "column `c` is always 5"]);
    let encoded = schema.encode(&table, &[3, 0, 2]).unwrap();
    let expected = ndarray::array![[998.0, 0.0, 0.0, 0.0], [-1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]];
    assert_eq!(encoded.samples.values, expected);
    assert!(!encoded.samples.is_observed(2, 0) && encoded.samples.is_observed(2, 1));
    assert_eq!(encoded.rows[0].line, 5);
    assert_eq!(schema.in_units(0, 998.0), 1000.0);
    let json = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), schema);
}

#[test]
fn heavy_tails_are_compressed_and_can_be_undone() {
    let rows: String = (0..1000)
        .map(|row| format!("{},{}\n", row % 10, if row == 7 { 1e9 } else { f64::from(row * row % 1000) }))
        .collect();
    let table = read(&format!("a,bytes\n{rows}"), "").unwrap();
    let all = table.normal_rows();
    let learned = Schema::learn(&table, &all).unwrap();
    assert!(learned.notices.contains(&Notice::HeavyTails { column: "bytes".into() }));
    let encoded = learned.schema.encode(&table, &all).unwrap();
    let back = learned.schema.in_units(1, encoded.samples.values[[7, 1]]);
    assert!((back / 1e9 - 1.0).abs() < 1e-3, "{back}");
    // No curve helps with a rare flag.
    let flags: String = (0..1000).map(|row| format!("{},{}\n", row % 10, u8::from(row == 7))).collect();
    let flags = read(&format!("a,flag\n{flags}"), "").unwrap();
    assert!(Schema::learn(&flags, &all).unwrap().notices.is_empty());
    let kept = read(&format!("a,bytes\n{rows}"), "heavy_tails = 'keep'").unwrap();
    assert!(Schema::learn(&kept, &all).unwrap().notices.is_empty());
}

#[test]
fn rows_with_too_little_observed_are_marked() {
    let table = read("a,b,c\n1,2,3\n2,1,5\n1,,\n,,\n1,,3\n", "").unwrap();
    let schema = Schema::learn(&table, &[0, 1]).unwrap().schema;
    let states: Vec<State> =
        schema.encode(&table, &[0, 2, 3, 4]).unwrap().rows.iter().map(|row| row.state).collect();
    use State::*;
    assert_eq!(states, [Ready, TooLittleObserved, TooLittleObserved, Ready]);
}

#[test]
fn nothing_to_learn_is_an_error() {
    let table = read("a,b\n1,2\n1,2\n1,3\n", "").unwrap();
    let error = Schema::learn(&table, &[0, 1]).unwrap_err().to_string();
    let expected = "every column is constant in the rows to learn from (column `a` is always 1); there is nothing to learn";
    assert_eq!(error, expected);
    let error = Schema::learn(&table, &[0]).unwrap_err().to_string();
    assert_eq!(error, "1 normal row is too few; at least 2 are needed to learn the scaling");
}
