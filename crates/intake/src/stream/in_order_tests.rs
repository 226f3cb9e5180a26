//! Tests that a file in any order gives the windows of the file in order, each with its line.

use super::*;
use crate::text::kept::Keep;
use crate::{InputConfig, LayoutChoice, Table};
use ae_records::seed::stream_rng;
use rand_chacha::rand_core::Rng;

/// A step of a series; each tenth cannot be read if `bad`.
fn line(step: usize, group: Option<usize>, bad: bool) -> String {
    let value = if bad && step % 10 == 7 { "odd".into() } else { format!("{}", (step * step) % 17) };
    let group = group.map(|group| format!(",m{group}")).unwrap_or_default();
    format!("{},{value}{group}", 1_700_000_000 + 60 * step)
}

fn schema(grouped: bool) -> Schema {
    let rows = (0..200).map(|step| line(step, grouped.then_some(step % 2), false) + "\n");
    let text = format!("time,a{}\n{}", if grouped { ",m" } else { "" }, rows.collect::<String>());
    let config = InputConfig {
        layout: LayoutChoice::Windows,
        window: Some(5),
        group: grouped.then(|| "m".into()),
        ..InputConfig::default()
    };
    let table = Table::parse(text.as_bytes(), "a.csv", &config).unwrap();
    Schema::learn(&table, &(0..200).collect::<Vec<_>>()).unwrap().schema
}

/// For each line by its text: the window that ends there, `None` if it cannot be read.
fn windows(schema: &Schema, lines: &[String], sorted: bool) -> Vec<(String, Option<Vec<f32>>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let header = if schema.group.is_some() { "time,a,m" } else { "time,a" };
    std::fs::write(&path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    let options = ReadOptions { keep: Keep { time: true, ..Keep::default() }, ..ReadOptions::default() };
    let mut reader = Reader::open_in_order(&path, schema, &options).unwrap();
    let order = reader.sorted_lines();
    assert_eq!(order.is_some(), sorted);
    let said = reader.notices().iter().any(|notice| notice.to_string().contains("sorted by time"));
    assert_eq!(said, sorted);
    let mut all = Vec::new();
    let mut last = 0;
    while let Some(block) = reader.next_block().unwrap() {
        let of_place = |place: u64| match &order {
            Some(lines) => lines[place as usize - 1],
            None => place,
        };
        let text = |place: u64| lines[of_place(place) as usize - 2].clone();
        let mut places: Vec<u64> = block.bad.iter().map(|bad| bad.line).collect();
        all.extend(block.bad.iter().map(|bad| (text(bad.line), None)));
        for (row, note) in block.rows.iter().enumerate() {
            let text = text(note.line);
            let time = block.kept.of_row(row).next().unwrap();
            assert!(text.starts_with(time), "{text} has the time {time}");
            all.push((text, Some(block.samples.values.row(row).to_vec())));
            places.push(note.line);
        }
        places.sort_unstable();
        assert!(places.first().is_none_or(|&first| first > last));
        last = places.last().copied().unwrap_or(last);
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn a_file_in_any_order_has_the_windows_of_the_file_in_order() {
    let mut rng = stream_rng(1, "order", 0);
    for grouped in [false, true] {
        let schema = schema(grouped);
        let steps = |bad: bool| -> Vec<String> {
            (0..120).map(|step| line(step, grouped.then_some(step % 2), bad)).collect()
        };
        let expected = windows(&schema, &steps(false), false);
        assert_eq!(expected.len(), 120);
        let mut reversed = steps(false);
        reversed.reverse();
        assert_eq!(windows(&schema, &reversed, true), expected, "reversed, {grouped}");
        let mut shuffled = steps(false);
        shuffled.sort_by_cached_key(|_| rng.next_u32());
        assert_eq!(windows(&schema, &shuffled, true), expected, "shuffled, {grouped}");
        let mut with_bad = steps(true);
        let in_order = windows(&schema, &with_bad, false);
        // Two lines that were written late.
        with_bad.swap(50, 52);
        assert_eq!(windows(&schema, &with_bad, true), in_order, "late, {grouped}");
    }
}

#[test]
fn a_file_that_is_too_long_to_sort_is_refused() {
    let mut schema = schema(false);
    schema.reading.max_memory_mb = Some(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let rows: String = (0..20_000).rev().map(|step| line(step, None, false) + "\n").collect();
    std::fs::write(&path, format!("time,a\n{rows}")).unwrap();
    let error = Reader::open_in_order(&path, &schema, &ReadOptions::default())
        .err()
        .expect("too large to sort")
        .to_string();
    assert!(error.contains("rows to sort by time") && error.contains("max_memory_mb"), "{error}");
}

/// A long file that may take no memory: whether it can be read, and is sorted.
fn check_long(lines: &[String], grouped: bool, sorted: Option<bool>) {
    let mut schema = schema(grouped);
    schema.reading.max_memory_mb = Some(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let header = if grouped { "time,a,m" } else { "time,a" };
    std::fs::write(&path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    let reader = Reader::open_in_order(&path, &schema, &ReadOptions::default());
    let found = reader.ok().map(|mut reader| {
        let mut rows = 0;
        while let Some(block) = reader.next_block().unwrap() {
            rows += block.rows.len();
        }
        assert_eq!(rows, lines.len());
        reader.sorted_lines().is_some()
    });
    assert_eq!(found, sorted);
}

#[test]
fn a_file_in_order_is_not_held_to_find_that_out() {
    let steps = |n: usize, grouped: bool| -> Vec<String> {
        (0..n).map(|step| line(step, grouped.then_some(step % 3), false)).collect()
    };
    check_long(&steps(20_000, false), false, Some(false));
    // The times of each group, one after another.
    let mut by_group = steps(20_000, true);
    by_group.sort_by_key(|line| line.rsplit(',').next().map(str::to_owned));
    check_long(&by_group, true, Some(false));
    // The last two lines, and the order of a file that fits.
    let mut late = steps(20_000, false);
    late.swap(19_998, 19_999);
    check_long(&late, false, None);
    check_long(&late[19_000..], false, Some(true));
}

#[test]
fn a_file_that_goes_back_and_keeps_its_order_is_given_from_its_beginning() {
    let schema = schema(false);
    // Runs one after another: sorting would mix them.
    let runs: Vec<String> = (0..120).map(|step| line(step % 60, None, false)).collect();
    assert_eq!(windows(&schema, &runs, false).len(), 120);
}

#[test]
fn a_group_that_is_forgotten_is_told_with_its_line_in_a_file_that_was_sorted() {
    let schema = schema(true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let group = |step: usize| match step {
        ..6 => 0,
        6..12 => 1,
        _ => 2,
    };
    // The rows of a group are together, in reverse.
    let lines: Vec<String> = (0..18).map(|step| line(17 - step, Some(group(step)), false)).collect();
    std::fs::write(&path, format!("time,a,m\n\n\n{}\n", lines.join("\n"))).unwrap();
    let mut reader = Reader::open_in_order(&path, &schema, &ReadOptions::default()).unwrap();
    assert!(reader.sorted_lines().is_some());
    reader.groups.as_mut().unwrap().keep_windows(1);
    let notices = reader.read_all().unwrap().notices;
    let forgotten = notices.iter().filter(|notice| notice.to_string().contains("are forgotten"));
    let of_file: Vec<Option<u64>> = forgotten.map(Notice::line).collect();
    // The first row of a group in time is the last in the file.
    assert_eq!(of_file, [Some(15), Some(21)]);
}
