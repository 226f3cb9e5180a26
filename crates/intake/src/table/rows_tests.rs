//! Tests of tables with groups: what is a group, and that no window has steps of two.

use crate::{InputConfig, IntakeError, Layout, Notice, Schema, State, Table};
use ndarray::{Array2, Axis};

fn read(content: &str, config: &str) -> Result<Table, IntakeError> {
    let config: InputConfig = toml::from_str(config).unwrap();
    Table::parse(content.as_bytes(), "a.csv", &config)
}

fn wave(machine: usize, step: usize) -> f32 {
    // The two machines have other levels and other periods.
    ((step as f32 * [0.7, 0.3][machine]).sin() + [0.0, 40.0][machine]) * 1.5
}

/// The steps of two machines, once a minute each; `order` says whose step comes next.
fn of_machines(order: impl Iterator<Item = usize>) -> String {
    let mut text = String::from("time,machine,a,b\n");
    let mut steps = [0, 0];
    for machine in order {
        let step = steps[machine];
        steps[machine] += 1;
        // The second machine has a gap of four steps.
        let minute = step + if machine == 1 && step >= 50 { 4 } else { 0 };
        let time = format!("2024-01-01 {:02}:{:02}:00", minute / 60, minute % 60);
        text += &format!("{time},m{machine},{},{}\n", wave(machine, step), step % 5);
    }
    text
}

const CONFIG: &str = "group = 'machine'\nwindow = 6";

#[test]
fn rows_are_ordered_by_group_and_keep_their_lines() {
    let table = read("m,a\ny,1\nx,2\ny,3\n?,8\nx,4\nx,5\n", "group = 'm'\nmax_bad = 0.5").unwrap();
    assert_eq!(table.values, Array2::from_shape_vec((5, 1), vec![2.0, 4.0, 5.0, 1.0, 3.0]).unwrap());
    assert_eq!(table.lines, [3, 6, 7, 2, 4]);
    assert_eq!(table.stretches(), [0..3, 3..5]);
    assert_eq!([0, 2, 3].map(|row| table.group_of(row).unwrap()), ["x", "x", "y"]);
    let expected = "line 5: column `m`: the name of the group is missing or longer than 256 bytes";
    assert_eq!(table.bad[0].to_string(), expected);
    assert_eq!((table.layout, table.ignored.len(), table.columns.len()), (Layout::Windows, 0, 1));
    // A bad line belongs to no group, so it is a step of none.
    assert_eq!(table.len(), 5);
    assert_eq!(table.normal_window_ends(0..5, 2, 1), [1, 2, 4]);
    assert_eq!(table.normal_window_ends(1..4, 2, 1), [2]);
    let head = table.head(4);
    assert_eq!((head.stretches(), head.groups.unwrap().names.len()), (vec![0..3, 3..4], 2));
}

#[test]
fn columns_that_are_no_groups_are_refused_with_what_to_do() {
    let check = |content: &str, config: &str, expected: &str| {
        let error = read(content, config).map(|table| table.lines).unwrap_err().to_string();
        assert_eq!(error, expected);
    };
    let rows = |cell: &dyn Fn(usize) -> String| -> String {
        (0..40).map(|row| format!("{},{}\n", cell(row), row % 7)).collect()
    };
    let with = "group = 0";
    let only =
        "column `c0` cannot name the groups: every row has the value `m1`; leave out input.group (--group)";
    check(&rows(&|_| "m1".into()), with, only);
    let each = "column `c0` cannot name the groups: it has 40 different values in 40 rows, like an identifier; name \
                the column that says which machine a row comes from, or leave out input.group (--group)";
    check(&rows(&|row| format!("id{row}")), with, each);
    let many = "column `c0` cannot name the groups: it has more than 3 different values, like an identifier, or one \
                of more than 256 bytes; if there are that many groups, raise input.max_categories";
    check(&rows(&|row| (row % 4).to_string()), "group = 0\nmax_categories = 3", many);
    check(
        &rows(&|_| "NA".into()),
        with,
        "column `c0` cannot name the groups: no row has a value; leave out input.group (--group)",
    );
    let role = "input.group = 0 is invalid; use a column without another role";
    for other in ["timestamp = 0", "label = 0\nnormal = '1'", "columns = [0, 1]", "categories = [0]"] {
        check(&rows(&|row| (row % 4).to_string()), &format!("group = 0\n{other}"), role);
    }
    let missing = read("a,b\n1,2\n", "group = 'machine'").unwrap_err().to_string();
    assert_eq!(missing, "a.csv: there is no group column `machine`; columns: `a`, `b`");
}

/// All windows of each machine in one file are those of the machine in a file of its own.
#[test]
fn windows_are_those_of_files_of_each_machine() {
    let alone: Vec<Table> = [0, 1]
        .map(|machine| {
            read(&of_machines(std::iter::repeat_n(machine, 90)), "ignore = ['machine']\nwindow = 6")
        })
        .map(Result::unwrap)
        .into();
    let interleaved = of_machines((0..180).map(|row| row % 2));
    let sorted = of_machines((0..180).map(|row| row / 90));
    let uneven =
        of_machines((0..180).map(|row| usize::from(row % 3 == 0 || row > 150)).scan([0, 0], |n, machine| {
            let machine = if n[machine] < 90 { machine } else { 1 - machine };
            n[machine] += 1;
            Some(machine)
        }));
    for text in [interleaved, sorted, uneven] {
        let table = read(&text, CONFIG).unwrap();
        assert_eq!(table.layout, Layout::Windows, "{}", table.layout_because);
        let learned = Schema::learn(&table, &(0..table.len()).collect::<Vec<_>>()).unwrap();
        let schema = learned.schema;
        // 89 steps of a minute each in both, but one of five.
        let irregular = Notice::IrregularTimes { step: 60.0, differing: 1, steps: 178, dates: true };
        assert!(learned.notices.contains(&irregular), "{:?}", learned.notices);
        assert_eq!(schema.timestamp.as_ref().unwrap().step, Some(60.0));
        assert_eq!(table.seconds_per_row(), Some(60.0 * (89.0 + 93.0) / 178.0));
        let group = schema.group.clone().unwrap();
        assert_eq!((group.name.as_str(), group.names), ("machine", vec!["m0".to_string(), "m1".into()]));
        let ungrouped = Schema { group: None, ..schema.clone() };
        let all: Vec<usize> = (0..180).rev().collect();
        let together = schema.encode(&table, &all).unwrap();
        for (machine, own) in alone.iter().enumerate() {
            let expected = ungrouped.encode(own, &(0..90).collect::<Vec<_>>()).unwrap();
            let of_machine: Vec<usize> =
                (0..180).rev().filter(|&at| together.rows[at].group == Some(machine as u32)).collect();
            assert_eq!(together.samples.select(&of_machine), expected.samples);
            for (&at, expected) in of_machine.iter().zip(&expected.rows) {
                let got = together.rows[at];
                assert_eq!((got.state, got.observed), (expected.state, expected.observed));
            }
            assert_eq!(expected.rows[4].state, State::WarmingUp);
        }
        // Any choice of windows gives the same ones.
        let some: Vec<usize> = (0..180).filter(|row| row % 7 != 3).collect();
        let places: Vec<usize> = some.iter().map(|row| 179 - row).collect();
        assert_eq!(schema.encode(&table, &some).unwrap().samples, together.samples.select(&places));
    }
}

#[test]
fn arrays_are_grouped_as_files_are_and_judged_in_their_order() {
    let rows = Array2::from_shape_fn((120, 3), |(row, column)| match column {
        0 => (row % 2) as f32,
        1 => wave(row % 2, row / 2),
        _ => (row % 5) as f32,
    });
    let config: InputConfig = toml::from_str("layout = 'windows'\ngroup = 'm'\nwindow = 4").unwrap();
    let table = Table::from_array_with(rows.view(), &["m", "a", "b"], &config).unwrap();
    assert_eq!(table.groups.as_ref().unwrap().names, ["0", "1"]);
    let schema = Schema::learn(&table, &(0..120).collect::<Vec<_>>()).unwrap().schema;
    let encoded = schema.encode_array(rows.view()).unwrap();
    let of_table = schema.encode(&table, &(0..120).collect::<Vec<_>>()).unwrap();
    for (row, note) in encoded.rows.iter().enumerate() {
        assert_eq!((note.line, note.group), (row as u64 + 1, Some(row as u32 % 2)));
        let place = table.lines.iter().position(|&line| line == note.line).unwrap();
        assert_eq!(encoded.samples.values.row(row), of_table.samples.values.row(place));
    }
    let mut gone = rows.select(Axis(0), &[0, 1, 2]);
    gone[[1, 0]] = f32::NAN;
    let error = schema.encode_array(gone.view()).unwrap_err().to_string();
    assert!(error.ends_with("row 1 (from 0) names no group in column `m`"), "{error}");
    gone[[1, 0]] = 7.0;
    assert_eq!(schema.encode_array(gone.view()).unwrap().rows[1].group, None);
    gone[[2, 1]] = f32::INFINITY;
    let error = schema.encode_array(gone.view()).unwrap_err().to_string();
    assert!(error.starts_with("row 2 (from 0), column `a`: inf"), "{error}");
    let ungrouped = read("m,a,b\n0,1,2\n1,3,4\n0,2,1\n", "layout = 'windows'\nwindow = 2").unwrap();
    let error = schema.encode(&ungrouped, &[2]).unwrap_err().to_string();
    assert!(error.ends_with("column `m`, which names the group of a row, is missing"), "{error}");
}
