//! Tests of the order of the rows: series that are sorted, and several in a file.

use super::time_tests::{check, clock, day, read, rows, wave};
use super::*;
use crate::{StampFormat, TimeNotice};
use ae_records::seed::stream_rng;
use rand_chacha::rand_core::Rng;

#[test]
fn an_unsorted_series_is_sorted_and_keeps_its_line_numbers() {
    let line =
        |step: usize| format!("{} {},{},{}", day(15 * step), clock(15 * step), wave(step), wave(3 * step));
    let sorted = read(&rows("time,a,b", 200, line), "");
    let shuffled = |n: usize| 83 * n % 200;
    let table = read(&rows("time,a,b", 200, |row| line(shuffled(row))), "");
    check(
        &table,
        Layout::Windows,
        Some(StampFormat::YearFirst),
        &["a", "b"],
        &["holds times", "82 times are earlier than the one before, so the rows are sorted by time"],
    );
    assert_eq!((&table.stamps, &table.values), (&sorted.stamps, &sorted.values));
    assert!(table.lines.iter().enumerate().all(|(step, &line)| shuffled(line as usize - 2) == step));
    let newest_first = read(&rows("time,a,b", 200, |row| line(199 - row)), "");
    assert_eq!((&newest_first.stamps, newest_first.lines[0]), (&sorted.stamps, 201));
    let kept = read(&rows("time,a,b", 200, |row| line(199 - row)), "sort = false\nlayout = 'windows'");
    assert_eq!((kept.lines[0], kept.stamps[0] > kept.stamps[1]), (2, true));
    // Rows of a table need no order, and keep theirs.
    let rows_of_table = read(&rows("time,a,b", 200, |row| line(199 - row)), "layout = 'table'");
    assert_eq!((rows_of_table.lines[0], rows_of_table.notices.len()), (2, 1));
    // A bad line stays behind the line before it; labels move with their rows.
    let text = rows("time,a,y", 100, |row| {
        let step = 99 - row;
        match row {
            40 => "oops".into(),
            _ => format!("{} {},{},{}", day(15 * step), clock(15 * step), wave(step), u8::from(step < 10)),
        }
    });
    let table = read(&text, "label = 'y'\nnormal = 0\nmax_bad = 0.5\nlayout = 'windows'");
    assert_eq!((table.len(), table.lines[59], table.lines[60], table.lines[61]), (100, 41, 42, 40));
    assert!(table.values.row(60)[0].is_nan());
    assert_eq!(table.normal_rows(), (10..100).collect::<Vec<_>>());
    assert_eq!((table.head(60).bad.len(), table.head(61).bad.len()), (0, 1));
}

#[test]
fn several_series_in_a_file_are_told() {
    let machine = |machine: usize, step: usize, late: usize| {
        format!(
            "{} {},m{machine},{},{}",
            day(15 * step + late),
            clock(15 * step + late),
            wave(step + machine),
            wave(3 * step)
        )
    };
    let told = |content: &str, config: &str| {
        let table = read(content, config);
        let found = table.notices.iter().find_map(|notice| match notice {
            Notice::Time(TimeNotice::Interleaved { column, series }) => Some((column.clone(), *series)),
            _ => None,
        });
        (table.layout, found)
    };
    let header = "time,machine,a,b";
    let by_machine = Some(("machine".to_string(), 3));
    // In turn at the same times, one after another, and at times of their own.
    let in_turn = rows(header, 300, |row| machine(row % 3, row / 3, 0));
    assert_eq!(told(&in_turn, ""), (Layout::Table, by_machine.clone()));
    let one_by_one = rows(header, 300, |row| machine(row / 100, row % 100, 0));
    assert_eq!(told(&one_by_one, "").1, by_machine);
    let apart = rows(header, 300, |row| machine(row % 3, row / 3, [0, 2, 7][row % 3]));
    assert_eq!(told(&apart, ""), (Layout::Table, by_machine.clone()));
    // Clocks that differ by seconds, of two machines and with a step for each.
    let by_two = Some(("machine".to_string(), 2));
    let seconds = |machine: usize, second: usize| {
        let minute = second / 60;
        let time = format!("{} {}:{:02}", day(minute), &clock(minute)[..5], second % 60);
        format!("{time},m{machine},{},{}", second % 7, second % 11)
    };
    let two = rows(header, 300, |row| seconds(row % 2, 600 * (row / 2) + 7 * (row % 2)));
    assert_eq!(told(&two, ""), (Layout::Table, by_two.clone()));
    assert_eq!(told(&two.replace(",m0,", ",0,").replace(",m1,", ",1,"), "").1, by_two);
    let mut of_two: Vec<(usize, usize)> = (0..100).map(|step| (600 * step, 0)).collect();
    of_two.extend((0..60).map(|step| (1000 * step + 7, 1)));
    of_two.sort_unstable();
    let uneven = rows(header, 160, |row| seconds(of_two[row].1, of_two[row].0));
    assert_eq!(told(&uneven, ""), (Layout::Table, by_two));
    // A number that names the machine, in rows of any order.
    let numbered = rows(header, 300, |row| machine(83 * row % 300 % 3, 83 * row % 300 / 3, 0))
        .replace(",m0,", ",0,")
        .replace(",m1,", ",1,")
        .replace(",m2,", ",2,");
    assert_eq!(told(&numbered, "").1, by_machine);
    let notice =
        read(&in_turn, "").notices.iter().map(ToString::to_string).find(|text| text.contains("series"));
    assert_eq!(
        notice.unwrap(),
        "the times are those of 3 series, which column `machine` tells apart; to learn and judge each by itself, use --group machine (input.group)"
    );
    // One series with a state, and events of several kinds, are neither.
    let one = rows(header, 300, |row| machine(row / 20 % 3, row, 0));
    assert_eq!(told(&one, ""), (Layout::Windows, None));
    let events = rows(header, 300, |row| machine(row * row % 7 % 3, row * row % 311 / 4, 0));
    assert_eq!(told(&events, "").1, None);
}

#[test]
fn independent_rows_at_regular_times_are_a_table() {
    let mut rng = stream_rng(3, "rows at regular times", 0);
    let mut noise = || (0..12).map(|_| f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5).sum::<f64>();
    let cells: Vec<[f64; 2]> = (0..600).map(|_| [noise(), noise()]).collect();
    let time = |row: usize| format!("{} {}", day(15 * row), clock(15 * row));
    let apart = rows("time,x,y,kind", 600, |row| {
        let [x, y] = cells[row];
        format!("{},{x:.3},{:.3},{}", time(row), y - 2.0 * x, ["a", "b"][usize::from(x * y > 0.1)])
    });
    let table = read(&apart, "");
    assert_eq!(table.layout, Layout::Table);
    assert_eq!(
        table.layout_because,
        "column `time` holds times, but no column depends on earlier rows; set input.layout = \"windows\" to judge series of rows"
    );
    // A continuous column is no label, whatever its name.
    assert_eq!(table.notices, [Notice::Times { column: "time".into() }]);
    // A user who sets a window has a series, and few rows do not tell.
    assert_eq!(read(&apart, "window = 8").layout, Layout::Windows);
    assert_eq!(read(&apart, "layout = 'windows'").layout, Layout::Windows);
    let few: String = apart.lines().take(400).map(|line| format!("{line}\n")).collect();
    assert_eq!(read(&few, "").layout, Layout::Windows);
    // With memory, in whatever order, they are a series.
    let place = |row: usize| 7 * row % 600;
    let waves = rows("time,x,y,kind", 600, |row| {
        let [x, y] = cells[place(row)];
        format!("{},{:.3},{:.3},a", time(place(row)), x + (place(row) as f64 / 15.0).sin(), y)
    });
    assert_eq!(read(&waves, "").layout, Layout::Windows);
}
