//! Tests of files as people export them: decimal commas, units, codes, values that stand for missing ones.

use super::*;
use crate::{ReadOptions, Reader, Schema};

fn config(text: &str) -> InputConfig {
    toml::from_str(text).unwrap()
}

fn read(content: &str, config_text: &str) -> Result<Table, IntakeError> {
    Table::parse(content.as_bytes(), "a.csv", &config(config_text))
}

fn rows(n: usize, row: impl Fn(usize) -> String) -> String {
    (0..n).map(|at| row(at) + "\n").collect()
}

/// Names of the feature columns, their first numbers, and the notices.
fn learned(content: &str, config_text: &str) -> (String, Vec<f32>, Vec<String>) {
    let table = read(content, config_text).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let notices = table.notices.iter().map(ToString::to_string).collect();
    (names.join(" "), table.values.row(0).to_vec(), notices)
}

/// A file of written numbers holds the same as a file of plain ones; so does what is read later, line by line.
fn check_same(written: &str, plain: &str, config_text: &str) -> Schema {
    let (table, reference) = (read(written, config_text).unwrap(), read(plain, config_text).unwrap());
    let bits = |values: &Array2<f32>| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&table.values), bits(&reference.values), "{written}");
    assert!(table.bad.is_empty() && table.layout == reference.layout, "{}", table.layout_because);
    let all = table.normal_rows();
    let schema = Schema::learn(&table, &all).unwrap().schema;
    let kinds = |schema: &Schema| schema.fields.iter().map(|field| field.kind.clone()).collect::<Vec<_>>();
    assert_eq!(kinds(&schema), kinds(&Schema::learn(&reference, &all).unwrap().schema));
    let schema: Schema = serde_json::from_str(&serde_json::to_string(&schema).unwrap()).unwrap();
    let expected = schema.encode(&table, &all).unwrap();
    for later in [written, plain] {
        let mut reader = Reader::new(later.as_bytes(), &schema, &ReadOptions::default()).unwrap();
        let block = reader.read_all().unwrap();
        assert_eq!((&block.samples, block.bad.len()), (&expected.samples, 0), "{later}");
        let mut reader = Reader::new(later.as_bytes(), &schema, &ReadOptions::default()).unwrap();
        for row in 0..all.len() {
            let line = reader.next_line().unwrap().unwrap();
            assert_eq!(line.samples.values.row(0), expected.samples.values.row(row));
        }
    }
    schema
}

#[test]
fn exports_of_spreadsheets_are_read() {
    let value = |row: usize| (row * 37 % 101) as f64 / 8.0 - 3.0;
    let amount = |row: usize| (row * row * 7919 % 3_000_000) as f64 / 4.0;
    let comma = |value: f64| format!("{value:.2}").replace('.', ",");
    let dotted = |value: f64| {
        let text = format!("{value:.2}");
        let (whole, fraction) = text.split_once('.').unwrap();
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push('.');
            }
            grouped.push(digit);
        }
        format!("{grouped},{fraction}")
    };
    let plain = |with: &str, round: fn(f64) -> f64| {
        format!("temp{with}sum{with}load\n")
            + &rows(80, |row| format!("{}{with}{}{with}{}", round(value(row)), round(amount(row)), row % 50))
    };
    let round = |value: f64| format!("{value:.2}").parse().unwrap();
    let german = "temp;sum;load\n".to_string()
        + &rows(80, |row| format!("{} °C;{} €;{} %", comma(value(row)), dotted(amount(row)), row % 50));
    let schema = check_same(&german, &plain(";", round), "");
    assert_eq!(schema.fields[0].format.suffix, "°C");
    let expected = [
        "columns `temp`, `sum` have decimal commas, as in `21,8`; set input.numbers = \"plain\" to refuse them",
        "column `sum` has thousands separators, which are taken out; set input.numbers = \"plain\" to refuse them",
        "units and currencies beside numbers are taken off: `temp` (°C), `sum` (€), `load` (%); set input.units = false \
         to keep them as text",
    ];
    assert_eq!(learned(&german, "").2, expected);
    // The same without a header.
    let body = german.split_once('\n').unwrap().1;
    assert_eq!(read(body, "").unwrap().values, read(&german, "").unwrap().values);
    let english = "temp,sum,load\n".to_string()
        + &rows(80, |row| {
            let sum = dotted(amount(row)).replace(',', "_").replace('.', ",").replace('_', ".");
            format!("{:.2}°C,\"${sum}\",{}%", value(row), row % 50)
        });
    let schema = check_same(&english, &plain(",", round), "");
    assert_eq!(
        (schema.fields[1].format.prefix.as_str(), schema.fields[1].format.decimal_comma),
        ("$", false)
    );
    let swiss = "temp;sum;load\n".to_string()
        + &rows(80, |row| {
            let sum = dotted(amount(row)).replace('.', "'").replace(',', ".");
            format!("{:.2};CHF {sum};{}", value(row), row % 50)
        });
    check_same(&swiss, &plain(";", round), "");
    let json = rows(80, |row| {
        format!("{{\"temp\":\"{} °C\",\"load\":\"{}\"}}", comma(value(row)), comma(row as f64))
    });
    let plain = rows(80, |row| format!("{{\"temp\":{:.2},\"load\":{row}}}", value(row)));
    check_same(&json, &plain, "layout = 'table'\ncolumns = ['temp', 'load']");
}

#[test]
fn a_file_decides_what_a_comma_is() {
    let check = |rows_of: &[&str], delimiter: char, config_text: &str, first: f32, decimal: Option<bool>| {
        let content = format!("a{delimiter}b\n")
            + &rows(60, |row| format!("{}{delimiter}{}", rows_of[row % rows_of.len()], ["2", "3"][row % 2]));
        let (_, values, notices) = learned(&content, config_text);
        assert_eq!(values[0], first, "{content}");
        let said = notices.iter().find(|notice| notice.contains("nothing in the file tells"));
        assert_eq!(said.map(|notice| notice.contains("a decimal comma")), decimal, "{notices:?}");
    };
    check(&["1,234", "999", "12,345"], '\t', "", 1234.0, Some(false));
    check(&["1,234", "5,678"], ';', "", 1.234, Some(true));
    check(&["1,234", "5,678"], ';', "numbers = 'point'", 1234.0, None);
    check(&["1,234", "5,678"], '\t', "numbers = 'comma'", 1.234, None);
    check(&["1,234", "0,5"], '\t', "", 1.234, None);
    check(&["1,234", "1,234.5"], ';', "", 1234.0, None);
    check(&["1,234", "1,234,567"], ';', "", 1234.0, None);
    check(&["1.234", "1.234,5"], ';', "", 1234.0, None);
    check(&["1.234", "5.678"], ';', "", 1.234, None);
    // The other column tells.
    let content =
        "a;b\n".to_string() + &rows(60, |row| format!("1,{:03};{}", 100 + row, ["2,5", "3"][row % 2]));
    assert_eq!(learned(&content, "").1, [1.1, 2.5]);
    let content =
        "a;b\n".to_string() + &rows(60, |row| format!("1,{:03};{}", 100 + row, ["2.5", "3"][row % 2]));
    assert_eq!(learned(&content, "").1, [1100.0, 2.5]);
}

#[test]
fn another_unit_is_a_bad_line_that_says_so() {
    let content = "t,x\n".to_string() + &rows(60, |row| format!("{}.5 °C,{}", row % 30, row % 7));
    let schema = Schema::learn(&read(&content, "").unwrap(), &(0..60).collect::<Vec<_>>()).unwrap().schema;
    let lines = "t,x\n21.5 °C,1\n70.1 °F,2\n21.5,3\nwarm,4\n$3,5\n";
    let mut reader = Reader::new(lines.as_bytes(), &schema, &ReadOptions::default()).unwrap();
    let block = reader.read_all().unwrap();
    let bad: Vec<String> = block.bad.iter().map(ToString::to_string).collect();
    let expected = [
        "line 3: column `t`: `70.1 °F` is not in this column's unit, `°C`",
        "line 5: column `t`: `warm` is not a number",
        "line 6: column `t`: `$3` is not in this column's unit, `°C`",
    ];
    assert_eq!(bad, expected);
    assert_eq!(block.samples.values.column(0)[0], block.samples.values.column(0)[1]);
    // A stream without a header begins with a number, not with names.
    let mut reader = Reader::new("21.5 °C,1 \n".as_bytes(), &schema, &ReadOptions::default()).unwrap();
    assert_eq!(reader.read_all().unwrap().rows.len(), 1);
}

#[test]
fn units_that_vary_are_not_mixed() {
    let few = "size,x\n".to_string() + &rows(60, |row| format!("{},{}", ["5 kB", "3 MB"][row % 2], row % 7));
    let table = read(&few, "").unwrap();
    assert_eq!(table.columns[0].levels.as_deref(), Some(["3 MB".to_string(), "5 kB".to_string()].as_slice()));
    let said = "column `size` has numbers with different units and is treated as text; convert them to one unit to learn \
                from the numbers";
    assert_eq!(table.notices[0].to_string(), said);
    let many =
        "size,x\n".to_string() + &rows(60, |row| format!("{row} {},{}", ["kB", "MB"][row % 2], row % 7));
    let (names, _, notices) = learned(&many, "");
    assert_eq!(names, "x");
    assert!(
        notices[0].starts_with("column `size` is left out: its numbers have different units"),
        "{notices:?}"
    );
    let some = "size,x\n".to_string() + &rows(60, |row| format!("{row}{},{}", ["", " kB"][row % 2], row % 7));
    assert!(learned(&some, "").2[0].contains("different units"));
}

#[test]
fn written_numbers_can_be_switched_off() {
    let percent =
        "cpu,a\n".to_string() + &rows(50, |row| format!("{}.{}%,{}", row * 7 % 100, row % 10, row % 3));
    assert_eq!(learned(&percent, "").0, "cpu a");
    for off in ["units = false", "numbers = 'plain'"] {
        let (names, _, notices) = learned(&percent, off);
        assert_eq!(names, "a");
        assert!(notices[0].starts_with("column `cpu` is left out: its numbers end in `%`"), "{notices:?}");
    }
    assert_eq!(read(&percent, "categories = ['cpu']").unwrap().columns[0].levels.as_ref().unwrap().len(), 50);
    let thousands =
        |row: usize| ["\"1,234.5\",1", "\"12,345,678\",2", "\"-1,200\",4", "999,3"][row % 4].to_string();
    let thousands = "sum,a\n".to_string() + &rows(40, thousands);
    assert_eq!(learned(&thousands, "").1, [1234.5, 1.0]);
    let (_, _, notices) = learned(&thousands, "numbers = 'plain'");
    assert!(
        notices[0].starts_with("column `sum` is left out: its numbers have thousands separators"),
        "{notices:?}"
    );
    let error = read("a;b\n1,5;2,5\n2,5;2,0\n", "numbers = 'plain'").unwrap_err().to_string();
    let expected =
        "column `a`: `1,5` has a decimal comma; use a decimal point, or leave out input.numbers = \"plain\"";
    assert_eq!(error, expected);
}

#[test]
fn plain_columns_keep_their_rules() {
    // A stray comma or unit in a column of plain numbers is a bad line, as ever.
    let content =
        "a;b\n".to_string() + &rows(99, |row| format!("{}.5;{}", row % 40, row % 7)) + "1,5;2\n7 kg;2\n";
    let table = read(&content, "").unwrap();
    assert_eq!((table.bad.len(), table.notices.len()), (2, 0));
    assert!(table.columns.iter().all(|column| column.format.is_plain() && column.sentinels.is_empty()));
    let json = serde_json::to_string(&Schema::learn(&table, &table.normal_rows()).unwrap().schema).unwrap();
    assert!(
        !json.contains("format\":{\"decimal") && !json.contains("sentinels") && !json.contains("missing"),
        "{json}"
    );
    // Names that look like numbers with units are names.
    let names = read("5 min,15 min\n1,2\n3,1\n", "").unwrap();
    assert_eq!((names.columns[0].name.as_str(), names.len()), ("5 min", 2));
    for text in
        ["1A,2B,3A,4B", "10.0.0.1,10.0.0.2,10.0.0.3", "v1,v2", "12:05,12:06", "2 rooms for 3,1 room for 2"]
    {
        let values: Vec<&str> = text.split(',').collect();
        let content =
            "k,x\n".to_string() + &rows(60, |row| format!("{},{}", values[row % values.len()], row % 7));
        assert!(read(&content, "").unwrap().columns[0].levels.is_some(), "{text}");
    }
}

#[test]
fn values_that_stand_for_missing_ones_are_learned_and_kept() {
    let cell = |row: usize| {
        if row % 5 == 2 { "-999".to_string() } else { format!("{}", (row * 37 % 101) as f64 / 8.0) }
    };
    let content = "a,b\n".to_string() + &rows(200, |row| format!("{},{}", cell(row), row * 7 % 13));
    let without = content.replace("-999", "");
    let (table, reference) = (read(&content, "").unwrap(), read(&without, "").unwrap());
    assert_eq!(format!("{:?}", table.values), format!("{:?}", reference.values));
    let said = "numbers far outside all others are taken for missing values: -999 in `a` (40 rows); set input.sentinels = \
                false to keep them";
    assert_eq!(table.notices[0].to_string(), said);
    let all = table.normal_rows();
    let schema = Schema::learn(&table, &all).unwrap().schema;
    assert_eq!(schema.fields[0].sentinels, [-999.0]);
    assert!(schema.fields[0].observed == 0.8 && schema.validate().is_ok());
    let schema: Schema = serde_json::from_str(&serde_json::to_string(&schema).unwrap()).unwrap();
    // A later file, a stream, an array and a table give the same gap.
    let lines = "a,b\n-999,3\n-999.0,4\n5,-999\n";
    let block = Reader::new(lines.as_bytes(), &schema, &ReadOptions::default()).unwrap().read_all().unwrap();
    let array = ndarray::array![[-999.0f32, 3.0], [-999.0, 4.0], [5.0, -999.0]];
    let of_array = schema.encode_array(array.view()).unwrap();
    let of_table = schema.encode(&read(lines, "layout = 'table'").unwrap(), &[0, 1, 2]).unwrap();
    assert_eq!((&block.samples, &block.samples), (&of_array.samples, &of_table.samples));
    let observed: Vec<bool> = (0..3).map(|row| block.samples.is_observed(row, 0)).collect();
    assert_eq!(observed, [false, false, true]);
    assert!(block.samples.is_observed(2, 1), "another column");
    let kept = read(&content, "sentinels = false").unwrap();
    assert!(kept.values.iter().all(|value| !value.is_nan()));
    assert!(
        kept.notices[0]
            .to_string()
            .contains("may stand for a missing value: -999 in `a` (20.0 % of the rows)")
    );
    let named = Table::from_array(table.values.view(), &["a", "b"]).unwrap();
    assert!(named.columns[0].sentinels.is_empty());
    // In an array as in a file.
    let raw = Array2::from_shape_fn((200, 2), |(row, column)| {
        [cell(row).parse().unwrap(), (row * 7 % 13) as f32][column]
    });
    let of_array = Table::from_array(raw.view(), &["a", "b"]).unwrap();
    assert_eq!((&of_array.columns, &of_array.notices), (&table.columns, &table.notices));
    assert_eq!(format!("{:?}", of_array.values), format!("{:?}", table.values));
}

#[test]
fn named_values_count_as_missing() {
    let cell = |row: usize| ["1.5", "n.v.", "-1", "2.5", "N.V.", "3"][row % 6];
    let content =
        "a,k\n".to_string() + &rows(60, |row| format!("{},{}", cell(row), ["x", "unknown", "y"][row % 3]));
    let settings = "missing = ['n.v.', -1, 'unknown']";
    let table = read(&content, settings).unwrap();
    let gaps = |column: usize| table.values.column(column).iter().filter(|value| value.is_nan()).count();
    assert_eq!((gaps(0), gaps(1), table.bad.len()), (30, 20, 0));
    assert_eq!(table.columns[1].levels.as_deref().map(<[String]>::len), Some(2));
    let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
    let schema: Schema = serde_json::from_str(&serde_json::to_string(&schema).unwrap()).unwrap();
    let block =
        Reader::new(content.as_bytes(), &schema, &ReadOptions::default()).unwrap().read_all().unwrap();
    assert_eq!(block.samples, schema.encode(&table, &table.normal_rows()).unwrap().samples);
    // A table that was read without the setting.
    let later = read("a,k\n-1,unknown\n1.5,x\n", "").unwrap();
    let later = schema.encode(&later, &[0, 1]).unwrap();
    assert!(!later.samples.is_observed(0, 0) && !later.samples.is_observed(0, 1) && later.notices.is_empty());
    let array = ndarray::array![[1.0f32, -1.0], [2.0, 5.0], [-1.0, 5.0], [4.0, 6.0]];
    let table =
        Table::from_array_with(array.view(), &["a", "k"], &config("missing = -1\ncategories = ['k']"))
            .unwrap();
    assert!(table.values[[2, 0]].is_nan() && table.values[[0, 1]].is_nan());
    for (wrong, right) in
        [("missing = ['']", "values of 1 to 256 bytes"), ("missing = [' ']", "values of 1 to 256 bytes")]
    {
        assert!(read("1,2\n2,1\n", wrong).unwrap_err().to_string().contains(right));
    }
}

#[test]
fn codes_are_told() {
    let codes = [0, 1, 2, 3, 200, 404, 500];
    let content = "code,n,x\n".to_string()
        + &rows(70, |row| {
            format!("{},{},{}", codes[row * 3 % 7], row * 5 % 4, (row * 37 % 101) as f64 / 8.0)
        });
    let said = "column `code` looks like codes but is treated as numbers; set input.categories = [\"code\"] to treat them \
                as categories";
    assert_eq!(learned(&content, "").2, [said]);
    assert!(read(&content, "").unwrap().columns[0].levels.is_none(), "the default has not changed");
    assert_eq!(learned(&content, "categories = ['code']").2, [""; 0]);
    assert_eq!(learned(&content, "columns = ['code', 'n', 'x']").2, [""; 0]);
    let few: String = content.lines().take(51).map(|line| format!("{line}\n")).collect();
    assert_eq!(learned(&few, "").2, [""; 0], "50 rows are too few to tell");
    let rising = "step,x\n".to_string()
        + &rows(70, |row| format!("{},{}", row / 10 * 100, (row * 37 % 101) as f64 / 8.0));
    assert_eq!(learned(&rising, "layout = 'table'").2, [""; 0], "it never falls");
}

#[test]
fn a_file_that_would_be_lost_as_text_is_refused() {
    let text = |row: usize| format!("about {} or {}", row, row * 7 % 60);
    let content = "p,q,r,x\n".to_string()
        + &rows(60, |row| format!("{},{},{},{}", text(row), text(row + 1), text(row + 2), row % 7));
    let error = read(&content, "").unwrap_err().to_string();
    let expected = "a.csv: 3 of 4 columns hold text that is neither numbers nor a category, and would be left out: `p` (such \
                    as `about 0 or 0`), `q` (such as `about 1 or 7`), `r` (such as `about 2 or 14`); list them in \
                    input.ignore to go on without them or in input.categories to learn from them, or list the columns to \
                    learn from in input.columns";
    assert_eq!(error, expected);
    assert_eq!(learned(&content, "ignore = ['p', 'q', 'r']").0, "x");
    assert_eq!(learned(&content, "ignore = ['p']").0, "x", "whoever chooses columns knows them");
    assert_eq!(learned(&content, "columns = ['x']").0, "x");
    // Identifiers are no loss, nor is one column of free text beside others.
    let content =
        "user_id,request_id,x\n".to_string() + &rows(60, |row| format!("u{row},r{row},{}", row % 7));
    assert_eq!(learned(&content, "").0, "x");
    let content =
        "note,x,y\n".to_string() + &rows(60, |row| format!("{},{},{}", text(row), row % 7, row % 5));
    assert_eq!(learned(&content, "").0, "x y");
}

#[test]
fn dates_of_exports_are_times() {
    let check = |date: &dyn Fn(usize) -> String, second: f64| {
        let content = "n,when,x\n".to_string()
            + &rows(28, |row| format!("{},\"{}\",{}", row * 5 % 7, date(row), row % 3));
        let table = read(&content, "layout = 'table'").unwrap();
        assert_eq!(table.timestamp.as_ref().map(|stamp| stamp.name.as_str()), Some("when"), "{content}");
        assert_eq!((table.stamps[0], table.stamps[1] - table.stamps[0]), (second, 86_400.0), "{content}");
        assert_eq!((table.columns.len(), table.bad.len()), (2, 0));
        let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
        let block =
            Reader::new(content.as_bytes(), &schema, &ReadOptions::default()).unwrap().read_all().unwrap();
        assert_eq!(block.stamps, table.stamps);
    };
    let midnight = 1_706_745_600.0;
    check(&|row| format!("{:02}-Feb-2024", row + 1), midnight);
    check(&|row| format!("Feb {}, 2024", row + 1), midnight);
    check(&|row| format!("{} Feb 2024 13:05:00 +0000", row + 1), midnight + 47_100.0);
    check(&|row| format!("202402{:02}", row + 1), midnight);
    check(&|row| format!("202402{:02}130500", row + 1), midnight + 47_100.0);
    check(&|row| format!("202402{:02}T130500Z", row + 1), midnight + 47_100.0);
    // Numbers that are not all dates are numbers, and other times come first.
    let content =
        "day,x\n".to_string() + &rows(40, |row| format!("{},{}", 20_240_201 + row * 7 % 40, row % 3));
    assert!(read(&content, "layout = 'table'").unwrap().timestamp.is_none());
    let content =
        "batch,when\n".to_string() + &rows(28, |row| format!("202401{:02},2024-02-{:02}", 28 - row, row + 1));
    assert_eq!(read(&content, "").unwrap().timestamp.unwrap().name, "when");
    let content = "date,x\n".to_string() + &rows(28, |row| format!("202402{:02},{}", row + 1, row % 3));
    assert_eq!(read(&content, "").unwrap().timestamp.unwrap().format, crate::StampFormat::Compact);
}
