//! Tests of what times decide: columns that are joined, counted or converted, and the layout.

use super::*;
use crate::{ReadOptions, Reader, Schema, StampFormat};

pub(super) fn read(content: &str, config: &str) -> Table {
    let config: InputConfig = toml::from_str(config).unwrap();
    Table::parse(content.as_bytes(), "a.csv", &config).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn rows(header: &str, n: usize, row: impl Fn(usize) -> String) -> String {
    let lines: String = (0..n).map(|at| row(at) + "\n").collect();
    format!("{header}\n{lines}")
}

pub(super) fn wave(step: usize) -> String {
    format!("{:.3}", (step as f64 * 0.37).sin())
}

pub(super) fn clock(minute: usize) -> String {
    format!("{:02}:{:02}:00", minute / 60 % 24, minute % 60)
}

pub(super) fn day(minute: usize) -> String {
    format!("2024-01-{:02}", 1 + minute / 1440)
}

/// The layout, the format of the times, the columns of data, and the notices.
pub(super) fn check(
    table: &Table,
    layout: Layout,
    format: Option<StampFormat>,
    columns: &[&str],
    notices: &[&str],
) {
    assert_eq!(table.layout, layout, "{}", table.layout_because);
    assert_eq!(table.timestamp.as_ref().map(|stamp| stamp.format), format);
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, columns);
    let told: Vec<String> = table.notices.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), notices.len(), "{told:?}");
    assert!(told.iter().zip(notices).all(|(told, part)| told.contains(part)), "{told:?}");
}

fn steps(table: &Table) -> Vec<f64> {
    table.stamps.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn text_beside_regular_times_does_not_decide_the_layout() {
    use StampFormat::YearFirst;
    let series = |text: &dyn Fn(usize) -> String| {
        rows("time,a,b,note", 200, |row| {
            let time = format!("{} {}", day(15 * row), clock(15 * row));
            format!("{time},{},{},{}", wave(row), wave(2 * row), text(row))
        })
    };
    let same = read(&series(&|_| "C".into()), "");
    check(
        &same,
        Layout::Windows,
        Some(YearFirst),
        &["a", "b"],
        &["`time` holds times", "`note` is left out: it has the same"],
    );
    assert_eq!(same.ignored, ["note"]);
    let kept = read(&series(&|_| "C".into()), "categories = ['note']");
    check(&kept, Layout::Windows, Some(YearFirst), &["a", "b", "note"], &["holds times"]);
    let states = read(&series(&|row| ["on", "off", "idle"][row / 7 % 3].into()), "window = 4");
    check(&states, Layout::Windows, Some(YearFirst), &["a", "b", "note"], &["holds times"]);
    let schema = Schema::learn(&states, &states.normal_rows()).unwrap().schema;
    // Two channels and three places for the text in each of the four steps.
    let encoded = schema.encode(&states, &[20]).unwrap();
    assert_eq!(encoded.samples.values.dim(), (1, 20));
    let states_of = |step: usize| -> Vec<f32> {
        encoded.samples.values.row(0).to_vec()[5 * step + 2..5 * step + 5].to_vec()
    };
    // Steps 17 to 20 are in the third stretch of seven, which is `idle`; the places are sorted: idle, off, on.
    assert!((0..4).all(|step| states_of(step) == [1.0, 0.0, 0.0]), "{:?}", schema.feature_names());
    let named = read(&series(&|row| format!("note {row}")), "");
    check(
        &named,
        Layout::Windows,
        Some(YearFirst),
        &["a", "b"],
        &["holds times", "too many distinct values"],
    );
    // Without times, one number and a text that never changes is still a series of numbers.
    check(
        &read(&rows("v,unit", 50, |row| format!("{},mm", wave(row))), ""),
        Layout::Windows,
        None,
        &["v"],
        &["same text"],
    );
    check(
        &read(&rows("v,kind", 50, |row| format!("{},{}", wave(row), row % 3)), "categories = ['kind']"),
        Layout::Table,
        None,
        &["v", "kind"],
        &[],
    );
}

#[test]
fn a_table_of_events_stays_a_table() {
    use ae_records::seed::stream_rng;
    use rand_chacha::rand_core::Rng;
    let mut rng = stream_rng(1, "events", 0);
    let mut random = |most: u32| rng.next_u32() % most;
    let mut events = |gap: &dyn Fn(u32) -> u32| -> String {
        let mut second = 0;
        let lines: String = (0..500)
            .map(|_| {
                second += gap(random(u32::MAX));
                let time = format!(
                    "2024-01-{:02} {}:{:02}",
                    1 + second / 86_400,
                    &clock(second as usize / 60)[..5],
                    second % 60
                );
                let (kind, place) =
                    (["buy", "sell", "move"][random(3) as usize], ["a", "b"][random(2) as usize]);
                format!("{time},{kind},{place},{}\n", random(10_000))
            })
            .collect();
        format!("time,kind,place,amount\n{lines}")
    };
    let irregular = events(&|random| random % 4000);
    check(
        &read(&irregular, ""),
        Layout::Table,
        Some(StampFormat::YearFirst),
        &["kind", "place", "amount"],
        &["holds times"],
    );
    // Several at a time: logins by the minute.
    let minutes = events(&|random| 60 * [0, 0, 1, 1, 0, 2][random as usize % 6]);
    check(
        &read(&minutes, ""),
        Layout::Table,
        Some(StampFormat::YearFirst),
        &["kind", "place", "amount"],
        &["holds times"],
    );
    // By the day, without a time.
    let days = rows("date,kind,amount", 300, |row| {
        format!("{},{},{}", day(200 * row / 3), ["x", "y"][row * row % 7 % 2], row * 37 % 101)
    });
    check(
        &read(&days, ""),
        Layout::Table,
        Some(StampFormat::YearFirst),
        &["kind", "amount"],
        &["holds times"],
    );
}

#[test]
fn days_and_times_of_day_in_two_columns_are_one_time() {
    let line = |row: usize| format!("{},{},{}", day(15 * row), clock(15 * row), wave(row));
    let train = rows("date,time,v", 300, line);
    let table = read(&train, "window = 4");
    check(
        &table,
        Layout::Windows,
        Some(StampFormat::YearFirst),
        &["v"],
        &["columns `date` and `time` are read as one time"],
    );
    assert!(steps(&table).iter().all(|&step| step == 900.0));
    assert_eq!(table.stamps[0], 1_704_067_200.0);
    assert!(table.ignored.is_empty());
    let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
    assert_eq!(schema.timestamp.as_ref().unwrap().step, Some(900.0));
    let json = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), schema);
    // Columns in any order, JSON, or no names; a gap of two steps.
    let (one, next) = (("2024-02-01", "23:45"), ("2024-02-02", "00:30"));
    let check_stream = |stream: &str| {
        let mut reader = Reader::new(stream.as_bytes(), &schema, &ReadOptions::default()).unwrap();
        let block = reader.read_all().unwrap();
        assert_eq!((block.bad, block.stamps[1] - block.stamps[0]), (vec![], 2700.0), "{stream}");
        assert_eq!(block.rows[1].observed, 0.5, "{stream}");
        let later = reader.log().lines();
        assert!(
            later.len() == 1 && later[0].contains("2700 s after the previous one, not 900 s"),
            "{later:?}"
        );
    };
    check_stream(&format!("date,time,v\n{},{},1\n{},{},0\n", one.0, one.1, next.0, next.1));
    check_stream(&format!("v,time,date\n1,{},{}\n0,{},{}\n", one.1, one.0, next.1, next.0));
    check_stream(&format!("{},{},1\n{},{},0\n", one.0, one.1, next.0, next.1));
    let json = |(day, time): (&str, &str)| format!("{{\"v\":1,\"time\":\"{time}\",\"date\":\"{day}\"}}\n");
    check_stream(&(json(one) + &json(next)));
    let mut reader = Reader::new(
        "date,time,v\n2024-02-01,noon,1\n,00:00,2\n".as_bytes(),
        &schema,
        &ReadOptions::default(),
    )
    .unwrap();
    let block = reader.read_all().unwrap();
    assert_eq!(
        block.bad[0].to_string(),
        "line 2: column `time`: `noon` is not a time in this column's format"
    );
    assert!(block.stamps[0].is_nan(), "a time without a day is no time");
    let missing = Reader::new("date,v\n2024-02-01,1\n".as_bytes(), &schema, &ReadOptions::default()).unwrap();
    assert_eq!(missing.notices()[0].to_string(), "column `time` is missing from the file");
    // The clock first, an explicit choice, and how to switch it off.
    let turned =
        rows("time,date,v", 300, |row| format!("{},{},{}", clock(15 * row), day(15 * row), wave(row)));
    check(&read(&turned, ""), Layout::Windows, Some(StampFormat::YearFirst), &["v"], &["`date` and `time`"]);
    check(
        &read(&turned, "timestamp = 'date'\nclock = 'time'"),
        Layout::Windows,
        Some(StampFormat::YearFirst),
        &["v"],
        &[],
    );
    let alone = read(&turned, "timestamp = 'date'");
    assert_eq!(
        (alone.timestamp.unwrap().clock, alone.stamps[0], alone.stamps[95]),
        (None, 1_704_067_200.0, 1_704_067_200.0)
    );
    let refused = |config: &str, expected: &str| {
        let error = Table::parse(turned.as_bytes(), "a.csv", &toml::from_str(config).unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused("clock = 'time'", "only together with input.timestamp");
    refused("timestamp = 'time'\nclock = 'date'", "column `date` is not a timestamp");
    refused("timestamp = 'v'\nclock = 'time'", "beside a column of days");
    refused("timestamp = 'date'\nclock = 'time'\nignore = ['time']", "without another role");
    // A day a row needs no time: sunrise is data, not a part of the date.
    let sunrise =
        rows("date,sunrise,v", 28, |row| format!("{},06:{:02},{}", day(1440 * row), 59 - row, wave(row)));
    assert_eq!(read(&sunrise, "").timestamp.unwrap().clock, None);
}

#[test]
fn times_of_day_alone_count_days() {
    let train = rows("time,v", 300, |row| format!("{},{}", clock(22 * 60 + 15 * row), wave(row)));
    let table = read(&train, "window = 4");
    check(&table, Layout::Windows, Some(StampFormat::Clock), &["v"], &["column `time` holds times of day"]);
    assert!(steps(&table).iter().all(|&step| step == 900.0));
    assert_eq!(
        (table.seconds_per_row(), table.seconds().map(|all| all[299])),
        (Some(900.0), Some(79_200.0 + 299.0 * 900.0))
    );
    let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
    assert_eq!(schema.timestamp.as_ref().unwrap().step, Some(900.0));
    // A gap of two steps over midnight, and a line of the day before that was written late.
    let stream = "time,v\n23:30,1\n23:45,0\n00:30,1\n00:15,1\n00:45,0\n23:30,1\n00:00,0\n";
    let whole = Reader::new(stream.as_bytes(), &schema, &ReadOptions::default()).unwrap().read_all().unwrap();
    let minutes: Vec<f64> = whole.stamps.iter().map(|stamp| stamp / 60.0 - 1410.0).collect();
    assert_eq!(minutes, [0.0, 15.0, 60.0, 45.0, 75.0, 1440.0, 1470.0]);
    assert_eq!(whole.rows[2].observed, 0.5);
    // Interrupted after any line, the stream goes on with the same days and gaps.
    for stop in 0..7 {
        let mut first = Reader::new(stream.as_bytes(), &schema, &ReadOptions::default()).unwrap();
        (0..stop).for_each(|_| assert!(first.next_line().unwrap().is_some()));
        let state = serde_json::to_string(&first.window_state().unwrap()).unwrap();
        let mut second = Reader::new(stream.as_bytes(), &schema, &ReadOptions::default()).unwrap();
        second.skip_to(first.next_line_number()).unwrap();
        second.restore(&serde_json::from_str(&state).unwrap()).unwrap();
        let rest = second.read_all().unwrap();
        assert_eq!(
            (rest.stamps, rest.samples),
            (whole.stamps[stop..].to_vec(), whole.samples.slice(stop..7)),
            "{stop}"
        );
    }
    // Off, as data of a few values, and in any order.
    let off = read(&train, "recognise_times = false");
    assert_eq!((off.timestamp, off.ignored.join(" ")), (None, "time".into()));
    let shifts = rows("shift,v,w", 90, |row| {
        format!("{},{},{}", ["06:00", "14:00", "22:00"][row * row % 3], wave(row), wave(3 * row))
    });
    check(&read(&shifts, ""), Layout::Table, None, &["shift", "v", "w"], &[]);
    let calls = rows("length,v,w", 90, |row| {
        format!("00:{:02}:{:02},{},{}", row * 37 % 60, row * 7 % 60, wave(row), wave(3 * row))
    });
    let calls = read(
        &format!(
            "{calls}{}",
            calls.lines().skip(1).map(|line| line.replace("00:", "17:") + "\n").collect::<String>()
        ),
        "",
    );
    assert_eq!(calls.layout, Layout::Table, "{:?}", calls.notices);
    let office = rows("time,v", 200, |row| format!("{},{}", clock(570 + 30 * (row % 14)), wave(row)));
    let office = read(&office, "");
    assert_eq!(
        (office.layout, office.stamps[14] - office.stamps[0]),
        (Layout::Windows, 86_400.0),
        "trading hours: a day, not an hour late"
    );
}

#[test]
fn serial_dates_of_spreadsheets_are_times() {
    let serial = |step: f64, digits: usize| {
        rows("", 300, |row| {
            format!("{:.digits$},{},{}", 45_323.25 + step * row as f64, wave(row), wave(2 * row))
        })
    };
    let hours = |name: &str, digits| format!("{name},v,w{}", serial(1.0 / 24.0, digits));
    let told = ["holds times as serial dates"];
    for (name, digits) in [("Date", 4), ("date/time", 10), ("time", 4), ("x", 4), ("x", 10)] {
        let table = read(&hours(name, digits), "");
        check(&table, Layout::Windows, Some(StampFormat::SerialDate), &["v", "w"], &told);
        assert!(
            steps(&table).iter().all(|step| (step - 3600.0).abs() <= 8.64),
            "{name} {digits}: {:?}",
            steps(&table)
        );
        let schema = Schema::learn(&table, &table.normal_rows()).unwrap();
        let step = schema.schema.timestamp.unwrap().step.unwrap();
        assert!(
            (step - 3600.0).abs() < 10.0
                && schema.notices.iter().all(|notice| notice.kind() != "irregular_times"),
            "{:?}",
            schema.notices
        );
    }
    let off = read(&hours("time", 4), "recognise_times = false");
    check(&off, Layout::Table, None, &["time", "v", "w"], &[]);
    check(
        &read(&hours("x", 4), "timestamp = 'x'"),
        Layout::Windows,
        Some(StampFormat::SerialDate),
        &["v", "w"],
        &told,
    );
    let days = rows("date,v,w", 100, |row| format!("{},{},{}", 45_323 + row, wave(row), wave(2 * row)));
    check(&read(&days, ""), Layout::Windows, Some(StampFormat::SerialDate), &["v", "w"], &told);
    let joined = rows("date,time,v,w", 300, |row| {
        format!("{},{},{},{}", 45_323 + row / 96, clock(15 * row), wave(row), wave(2 * row))
    });
    let joined = read(&joined, "");
    check(
        &joined,
        Layout::Windows,
        Some(StampFormat::SerialDate),
        &["v", "w"],
        &["`date` and `time` are read as one time"],
    );
    assert!(steps(&joined).iter().all(|&step| step == 900.0));
    // Numbers in the range that are no dates: signals, counters, and what is only called nearly so.
    let signal = rows("update_count,v,w", 300, |row| {
        format!("{},{},{}", 30_000.0 + 5_000.0 * (row as f64 * 0.3).sin(), wave(row), wave(2 * row))
    });
    check(&read(&signal, ""), Layout::Table, None, &["update_count", "v", "w"], &[]);
    let counter = rows("count,v,w", 300, |row| format!("{},{},{}", 30_000 + row, wave(row), wave(2 * row)));
    assert_eq!(read(&counter, "").timestamp, None);
    let seconds = rows("time,v,w", 300, |row| format!("{},{},{}", 30_000 + row, wave(row), wave(2 * row)));
    assert_eq!(read(&seconds, "").timestamp.unwrap().format, StampFormat::Number);
}
