//! Tests of schemas: valid, hostile and damaged.

use super::*;
use crate::{InputConfig, Reader, Table};

fn schema(content: &str, config: &str) -> Schema {
    let config: InputConfig = toml::from_str(config).unwrap();
    let table = Table::parse(content.as_bytes(), "train.csv", &config).unwrap();
    Schema::learn(&table, &table.normal_rows()).unwrap().schema
}

fn sound() -> Schema {
    schema("a,k,b\n1,x,2\n2,y,5\n", "")
}

fn check(what: impl FnOnce(&mut Schema), expected: &str) {
    let mut schema = sound();
    what(&mut schema);
    let error = schema.validate().unwrap_err().to_string();
    assert_eq!(error, format!("not a usable schema: {expected}"));
    // The reader validates, too.
    assert!(Reader::new(b"1,x,2\n".as_slice(), &schema, &Default::default()).is_err());
}

fn number(mean: f64, std: f64, min: f32, max: f32) -> FieldKind {
    FieldKind::Number { curve: Curve::Linear, mean, std, min, max, constant: false }
}

#[test]
fn hostile_schemas_are_refused() {
    assert_eq!(sound().validate(), Ok(()));
    check(|schema| schema.fields.clear(), "it has no columns");
    check(|schema| schema.cells = 2, "it has too many columns");
    check(|schema| schema.cells = usize::MAX, "it has too many columns");
    check(|schema| schema.min_observed = f64::NAN, "min_observed is not between 0 and 1");
    check(
        |schema| schema.format = Format::Csv { delimiter: 'é', header: true },
        "its delimiter cannot split cells",
    );
    check(|schema| schema.layout = Layout::Windows, "windows and layout do not agree");
    let windows = |length, stride| {
        move |schema: &mut Schema| {
            schema.layout = Layout::Windows;
            schema.windows = Some(Windows { length, stride });
        }
    };
    check(windows(usize::MAX, 1), "its window length or stride is out of range");
    check(windows(5, 0), "its window length or stride is out of range");
    check(|schema| schema.fields[2].name = "a".into(), "column `a` occurs twice");
    check(|schema| schema.fields[0].position = 3, "column `a` has an invalid position");
    check(|schema| schema.fields[0].position = 1, "column `k` has an invalid position");
    check(|schema| schema.fields[0].observed = -0.1, "column `a` has an observed share outside [0, 1]");
    let scaled = "column `a` has invalid scaling or categories";
    for kind in [
        number(f64::NAN, 1.0, 0.0, 1.0),
        number(0.0, 0.0, 0.0, 1.0),
        number(0.0, -1.0, 0.0, 1.0),
        number(0.0, f64::INFINITY, 0.0, 1.0),
        number(0.0, 1.0, 1.0, 0.0),
        number(0.0, 1.0, f32::NAN, 0.0),
        FieldKind::Category { levels: vec![], rare: vec![] },
        FieldKind::Category { levels: vec!["x".into(), "x".into()], rare: vec![] },
        FieldKind::Category { levels: vec!["x".repeat(1000)], rare: vec![] },
    ] {
        check(|schema| schema.fields[0].kind = kind, scaled);
    }
    let cells = "column `a` has an invalid format of numbers or of missing values";
    check(|schema| schema.fields[0].format.suffix = "not a unit".into(), cells);
    check(|schema| schema.fields[0].format.dotted = true, cells);
    check(|schema| schema.fields[0].sentinels = vec![f32::INFINITY], cells);
    check(|schema| schema.fields[0].sentinels = vec![1.0; 1000], cells);
    check(|schema| schema.fields[1].sentinels = vec![1.0], &cells.replace("`a`", "`k`"));
    check(|schema| schema.missing = vec![" ".into()], "it has invalid words for missing values");
    check(|schema| schema.missing = vec!["x".into(); 65], "it has invalid words for missing values");
    let asinh = Curve::Asinh { center: 0.0, width: 0.0 };
    let kind = FieldKind::Number { curve: asinh, mean: 0.0, std: 1.0, min: 0.0, max: 1.0, constant: false };
    check(|schema| schema.fields[0].kind = kind, scaled);
    let stamp =
        Timestamp { name: "a".into(), position: 0, format: StampFormat::Number, clock: None, step: None };
    check(|schema| schema.timestamp = Some(stamp), "its timestamp is also a column of data");
    let group = |name: &str, position, names: &[&str]| {
        let (name, names) = (name.to_string(), names.iter().map(|name| name.to_string()).collect());
        move |schema: &mut Schema| {
            schema.cells = 4;
            schema.group = Some(Group { name, position, names });
        }
    };
    check(group("m", 4, &["x"]), "its column of groups is also another column");
    check(group("m", 2, &["x"]), "its column of groups is also another column");
    check(group("a", 3, &["x"]), "its column of groups is also another column");
    check(group(&"m".repeat(5000), 3, &["x"]), "its column of groups has too long a name");
    for names in [&[][..], &["y", "x"], &["x", "x"], &[""], &[&"x".repeat(300)]] {
        check(group("m", 3, names), "its groups are not sorted names");
    }
    let json = serde_json::to_string(&sound()).unwrap();
    assert!(serde_json::from_str::<Schema>(&json.replace("\"rows\"", "\"row\"")).is_err());
}

#[test]
fn features_have_names_and_units() {
    let rows = "0,x,10\n2,y,30\n1,x,20\n1,x,20\n";
    let windows = schema(&format!("a,k,b\n{rows}"), "layout = 'windows'\nwindow = 2");
    let names = ["a[t-1]", "k=x[t-1]", "k=y[t-1]", "b[t-1]", "a[t]", "k=x[t]", "k=y[t]", "b[t]"];
    assert_eq!(windows.feature_names(), names);
    assert_eq!(windows.width(), 8);
    let features = windows.features();
    let of = |column: &str, level: Option<&str>, steps_ago| Feature {
        column: column.into(),
        level: level.map(String::from),
        steps_ago: Some(steps_ago),
    };
    assert_eq!((&features[6], &features[3]), (&of("k", Some("y"), 0), &of("b", None, 1)));
    assert_eq!(serde_json::to_string(&features[2]).unwrap(), "\"k=y[t-1]\"");
    for (index, feature) in features.iter().enumerate() {
        assert_eq!(windows.field_of(index).name, feature.column);
    }
    let series = schema("0,1,2,5\n1,2,3,6\n", "layout = 'series'\nscale = 'min-max'");
    assert_eq!(series.feature_names(), ["t0", "t1", "t2", "t3"]);
    assert_eq!((series.in_units(0, 0.0), series.in_units(3, 1.0)), (0.0, 6.0));
}

#[test]
fn hostile_states_of_a_stream_are_refused() {
    let windows = schema("time,v\n1,1\n2,3\n3,2\n", "layout = 'windows'\nwindow = 3\ntimestamp = 'time'");
    let mut reader = Reader::new(b"1,1\n2,5\n".as_slice(), &windows, &Default::default()).unwrap();
    reader.read_all().unwrap();
    let state = serde_json::to_string(&reader.window_state().unwrap()).unwrap();
    let mut restore = |state: &str| {
        serde_json::from_str(state).map_err(|_| ()).and_then(|state| reader.restore(&state).map_err(|_| ()))
    };
    assert_eq!(restore(&state), Ok(()));
    for (from, to) in [
        ("\"filled\":2", "\"filled\":3"),
        ("\"filled\":2", "\"filled\":18446744073709551615"),
        ("\"without\":0", "\"without\":4"),
        ("\"shares\":[1.0,", "\"shares\":[2.0,"),
        ("\"observed\":[true,", "\"observed\":["),
        // What encoding never gives: a value that was not observed, and one beyond what scaling allows.
        ("\"observed\":[true,", "\"observed\":[false,"),
        ("\"values\":[-1.", "\"values\":[-1000000000."),
    ] {
        assert!(state.contains(from), "{state}");
        assert_eq!(restore(&state.replace(from, to)), Err(()), "{from} {to}");
    }
}

#[test]
fn damaged_schemas_are_refused_or_work() {
    use ae_records::seed::stream_rng;
    use rand_chacha::rand_core::Rng;
    let sources = [
        serde_json::to_string(&sound()).unwrap(),
        serde_json::to_string(&schema("time,v\n1,1\n2,3\n3,2\n", "layout = 'windows'\nwindow = 3")).unwrap(),
    ];
    let mut rng = stream_rng(1, "schema fuzz", 0);
    let (mut worked, mut refused) = (0, 0);
    for round in 0..20_000 {
        let mut bytes = sources[round % 2].clone().into_bytes();
        for _ in 0..1 + rng.next_u32() % 3 {
            let at = rng.next_u32() as usize % bytes.len();
            bytes[at] = b"0123456789-.eE\"ax{}[]:,"[rng.next_u32() as usize % 23];
        }
        let Ok(schema) = serde_json::from_slice::<Schema>(&bytes) else { continue };
        match Reader::new(b"1,x,2\n5,2\n".as_slice(), &schema, &Default::default()) {
            Ok(mut reader) => {
                let block = reader.read_all().unwrap();
                assert!(block.samples.values.iter().all(|value| value.is_finite()), "{schema:?}");
                assert_eq!(schema.feature_names().len(), schema.width());
                worked += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(worked > 100 && refused > 100, "{worked} {refused}");
}

/// Three categories of 2000 values, and `often` as the most frequent value of the first.
fn many_values() -> String {
    let row = |at: usize| match at {
        // Padded, so that the order of the texts is that of the numbers.
        0..2000 => format!("x{at:04},y{at:04},z{at:04},{at}.5\n"),
        _ => format!("often,y0001,z{:04},{at}.5\n", at % 2000),
    };
    "a,b,c,d\n".to_string() + &(0..6000).map(row).collect::<String>()
}

#[test]
fn rare_values_share_a_place_where_all_would_take_too_many() {
    let text = many_values();
    let config = "max_categories = 3000\ncategories = ['a', 'b', 'c']";
    let schema = schema(&text, config);
    assert!(schema.row_width() <= 4096 + 1, "{}", schema.row_width());
    let FieldKind::Category { levels, rare } = &schema.fields[0].kind else {
        panic!("{:?}", schema.fields[0])
    };
    assert!(levels.contains(&"often".to_string()) && rare.contains(&"x1999".to_string()));
    assert_eq!(levels.len() + rare.len(), 2001);
    assert_eq!(schema.fields[0].width(), levels.len() + 1);
    schema.validate().unwrap();
    let again: Schema = serde_json::from_str(&serde_json::to_string(&schema).unwrap()).unwrap();
    assert_eq!(again, schema);
    assert_eq!(schema.features()[levels.len()].to_string(), "a=(rare values)");
    // A rare value takes the shared place, and one that no row had takes none; in a table and in a stream.
    let rows = "a,b,c,d\nx1999,y0001,z0001,0.5\noften,y0001,z0001,0.5\nnever,y0001,z0001,0.5\n";
    let config: InputConfig = toml::from_str(config).unwrap();
    let table = Table::parse(rows.as_bytes(), "new.csv", &config).unwrap();
    let encoded = schema.encode(&table, &[0, 1, 2]).unwrap().samples;
    let mut reader = Reader::new(rows.as_bytes(), &schema, &Default::default()).unwrap();
    assert_eq!(reader.read_all().unwrap().samples, encoded);
    let place = |row: usize| {
        let of_a = encoded.values.row(row).to_vec()[..=levels.len()].to_vec();
        of_a.iter().position(|&value| value == 1.0)
    };
    let often = levels.iter().position(|level| level == "often");
    assert_eq!([place(0), place(1), place(2)], [Some(levels.len()), often, None]);
    let wrong = SchemaError { reason: "column `a` has invalid scaling or categories".into() };
    let mut twice = schema.clone();
    twice.fields[0].kind = FieldKind::Category { levels: vec!["x".into()], rare: vec!["x".into()] };
    assert_eq!(twice.validate(), Err(wrong));
}

#[test]
fn a_few_values_keep_their_own_places_as_before() {
    let schema = sound();
    let FieldKind::Category { levels, rare } = &schema.fields[1].kind else {
        panic!("{:?}", schema.fields[1])
    };
    assert_eq!((levels.len(), rare.len(), schema.fields[1].width()), (2, 0, 2));
    assert!(!serde_json::to_string(&schema).unwrap().contains("rare"));
}

#[test]
fn values_in_units_are_those_that_were_read() {
    let cell = |row: usize, scale: f64| (row as f64 * 37.0 % 1000.0 - 300.0) * scale;
    for heavy in [1.0, 1e9] {
        let line = |row: usize| {
            let last = if row == 599 { heavy } else { 1.0 };
            format!(
                "{:.2},{:.1},{:e},k{}\n",
                cell(row, 0.01),
                1013.0 + cell(row, 0.1),
                cell(row, 1e-9) * last,
                row % 3
            )
        };
        let content: String = (0..600).map(line).collect();
        let table = Table::parse(content.as_bytes(), "a.csv", &InputConfig::default()).unwrap();
        let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
        let encoded = schema.encode(&table, &(0..600).collect::<Vec<_>>()).unwrap().samples;
        for (row, line) in content.lines().enumerate() {
            for (column, text) in line.split(',').take(2).enumerate() {
                let value = schema.in_units(column, encoded.values[[row, column]]);
                assert_eq!(value, text.parse::<f64>().unwrap(), "{text}");
            }
            let value = schema.in_units(2, encoded.values[[row, 2]]);
            let expected = f64::from(table.values[[row, 2]]);
            assert!((value - expected).abs() <= 1e-5 * expected.abs().max(1e-9), "{value} {expected}");
        }
    }
}
