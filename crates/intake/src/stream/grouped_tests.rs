//! Tests of streams with groups.

use super::*;
use crate::{Block, InputConfig, ReadOptions, State, Table};
use ae_records::seed::stream_rng;
use rand_chacha::rand_core::Rng;

const CONFIG: &str = "group = 'm'\nlayout = 'windows'\nwindow = 4\nmax_bad = 0.5";

fn learn(content: &str, config: &str) -> (Table, Schema) {
    let config: InputConfig = toml::from_str(config).unwrap();
    let table = Table::parse(content.as_bytes(), "train.csv", &config).unwrap();
    let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
    (table, schema)
}

fn reader<'a>(content: &'a str, schema: &Schema) -> Reader<&'a [u8]> {
    Reader::new(content.as_bytes(), schema, &ReadOptions::default()).unwrap()
}

fn lines_of<R: BufRead>(mut reader: Reader<R>) -> Vec<Block> {
    std::iter::from_fn(|| reader.next_line().unwrap()).collect()
}

/// Rows of some machines in random order, with gaps in their values and times, and bad lines.
fn messy(seed: u64, machines: u32) -> String {
    let mut rng = stream_rng(seed, "groups", 0);
    let mut times = vec![0u32; machines as usize];
    let mut text = String::from("t,m,a,b\n");
    for row in 0..150 {
        let machine = rng.next_u32() % machines;
        let time = &mut times[machine as usize];
        *time += if rng.next_u32().is_multiple_of(60) { 3 } else { 1 };
        let a =
            if rng.next_u32().is_multiple_of(9) { String::new() } else { (rng.next_u32() % 99).to_string() };
        text += &match rng.next_u32() % 100 {
            0 => "1,2\n".into(),
            1 => format!("{time},,{a},1\n"),
            2 => format!("{time},m{machine},oops,1\n"),
            _ => format!("{time},m{machine},{a},{}\n", row % 3),
        };
    }
    text
}

#[test]
fn files_streams_and_resumed_streams_give_the_same_windows_of_each_group() {
    for seed in 0..40 {
        let text = messy(seed, 1 + 3);
        let (table, schema) = learn(&text, &format!("timestamp = 't'\n{CONFIG}"));
        assert!(schema.timestamp.as_ref().unwrap().step.is_some());
        let whole = reader(&text, &schema).read_all().unwrap();
        let single = Block::joined(lines_of(reader(&text, &schema)), schema.width());
        assert_eq!(
            (&single.samples, &single.rows, &single.groups),
            (&whole.samples, &whole.rows, &whole.groups)
        );
        assert_eq!((&single.bad, &single.notices), (&whole.bad, &whole.notices));
        // The rows of the table are ordered by group, those of the stream as they came.
        let mut order: Vec<usize> = (0..table.len()).collect();
        order.sort_unstable_by_key(|&row| table.lines[row]);
        let encoded = schema.encode(&table, &order).unwrap();
        assert_eq!((&whole.samples, &whole.rows), (&encoded.samples, &encoded.rows), "{text}");
        for (row, &of_table) in order.iter().enumerate() {
            assert_eq!(whole.groups.name(row), table.group_of(of_table));
        }
        let mut first = reader(&text, &schema);
        let mut blocks: Vec<Block> = (0..3 * seed).map_while(|_| first.next_line().unwrap()).collect();
        let state = serde_json::to_string(&first.group_state().unwrap()).unwrap();
        let rest: String = text.split_inclusive('\n').skip(first.next_line_number() as usize - 1).collect();
        let mut second = reader(&rest, &schema);
        second.restore_groups(&serde_json::from_str(&state).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&second.group_state().unwrap()).unwrap(), state);
        blocks.extend(lines_of(second));
        let resumed = Block::joined(blocks, schema.width());
        assert_eq!((&resumed.samples, &resumed.groups), (&whole.samples, &whole.groups), "{text}");
    }
}

#[test]
fn groups_that_training_did_not_have_are_told_once_by_name() {
    let (_, schema) = learn("m,a\nx,1\ny,2\nx,3\ny,1\n", "group = 'm'\nlayout = 'table'");
    let mut stream = reader("m,a\nx,1\nz,2\nz,3\nnew,1\n", &schema);
    let block = stream.read_all().unwrap();
    assert_eq!(block.rows.iter().map(|row| row.group).collect::<Vec<_>>(), [Some(0), None, None, None]);
    assert_eq!(block.groups.names(), ["x", "z", "new"]);
    let told = |line, name: &str| {
        format!(
            "line {line}: m `{name}`: no training row had this group; it is judged by the threshold of all groups"
        )
    };
    let notices: Vec<String> = block.notices.iter().map(ToString::to_string).collect();
    assert_eq!(notices, [told(3, "z"), told(5, "new")]);
    let mut lines = stream.log().lines();
    lines.sort();
    assert_eq!(lines, notices);
    // However many there are, a bounded number is told.
    let many: String = (0..500).map(|row| format!("n{row},1\n")).collect();
    let mut stream = reader(&many, &schema);
    assert_eq!((stream.read_all().unwrap().notices.len(), stream.log().lines().len()), (64, 64));
}

#[test]
fn a_file_needs_the_column_of_groups() {
    let (_, schema) = learn("m,a,b\nx,1,2\ny,2,1\nx,3,2\ny,1,1\n", "group = 'm'\nlayout = 'table'");
    let error = Reader::new(&b"a,b\n1,2\n"[..], &schema, &ReadOptions::default()).unwrap_err().to_string();
    let expected = "the input does not match the learned schema: it has no column `m`, which names the group of each \
                    row; its columns: `a`, `b`";
    assert_eq!(error, expected);
    // By name, by position, and in JSON.
    for content in ["b,a,m\n2,1,y\n", "y,1,2\n", "{\"b\":2,\"m\":\"y\",\"a\":1}\n"] {
        let block = reader(content, &schema).read_all().unwrap();
        assert_eq!((block.groups.name(0), block.rows[0].group), (Some("y"), Some(1)), "{content}");
    }
    let block = reader("{\"b\":2,\"a\":1}\n{\"b\":2,\"m\":\"y\",\"a\":1}\n", &schema).read_all().unwrap();
    assert_eq!((block.bad.len(), block.rows.len()), (1, 1));
}

#[test]
fn memory_is_bounded_and_the_group_without_a_row_for_longest_is_forgotten() {
    let wide: String = (0..40).map(|row| format!("{row},{},{}\n", row % 2, row % 7)).collect();
    let (_, schema) = learn(&wide, "group = 1\nlayout = 'windows'\nwindow = 2\ncolumns = [0, 2]");
    assert_eq!(most_windows(&schema), MAX_GROUPS);
    let (_, mut long) = learn(&wide, "group = 1\nlayout = 'windows'\nwindow = 2\ncolumns = [0, 2]");
    long.windows.as_mut().unwrap().length = 1 << 16;
    assert_eq!(most_windows(&long), 32);
    let text = "1,a,1\n1,b,1\n2,a,2\n1,c,1\n3,a,3\n2,b,2\n3,b,3\n";
    let mut lines = reader(text, &schema);
    lines.groups.as_mut().unwrap().keep_windows(2);
    let block = lines.read_all().unwrap();
    let ready: Vec<bool> = block.rows.iter().map(|row| row.state == State::Ready).collect();
    // `b` makes room for `c`, and `c` for the return of `b`, which starts anew.
    assert_eq!(ready, [false, false, true, false, true, false, true]);
    let forgotten = |line, group: &str| Notice::Group {
        line,
        column: "c1".into(),
        group: group.into(),
        what: GroupNotice::Forgotten,
    };
    let told: Vec<&Notice> = block
        .notices
        .iter()
        .filter(|n| matches!(n, Notice::Group { what: GroupNotice::Forgotten, .. }))
        .collect();
    assert_eq!(told, [&forgotten(4, "b"), &forgotten(6, "c")]);
}

#[test]
fn hostile_states_of_groups_are_refused() {
    let (_, schema) = learn("m,a\nx,1\ny,2\nx,3\ny,1\n", "group = 'm'\nlayout = 'windows'\nwindow = 2");
    let mut stream = reader("x,1\ny,2\nx,2\n", &schema);
    stream.read_all().unwrap();
    let state = serde_json::to_string(&stream.group_state().unwrap()).unwrap();
    let mut restore = |state: &str| {
        serde_json::from_str(state)
            .map_err(|_| ())
            .and_then(|state| stream.restore_groups(&state).map_err(|_| ()))
    };
    assert_eq!(restore(&state), Ok(()));
    for (from, to) in [
        ("\"filled\":2", "\"filled\":3"),
        ("\"group\":\"x\"", "\"group\":\"y\""),
        ("\"group\":\"x\"", "\"grope\":\"x\""),
        ("\"shares\":[1.0]", "\"shares\":[2.0]"),
    ] {
        let hostile = state.replacen(from, to, 1);
        assert_ne!(hostile, state);
        assert_eq!(restore(&hostile), Err(()), "{hostile}");
    }
    let window = state.split_once("\"window\":").unwrap().1.split_once("},{").unwrap().0;
    let one = |at| format!("{{\"group\":\"g{at}\",\"window\":{window}}}");
    let many = |n| format!("{{\"groups\":[{}]}}", (0..n).map(one).collect::<Vec<_>>().join(","));
    assert_eq!((restore(&many(10_000)), restore(&many(10_001))), (Ok(()), Err(())));
    let (_, plain) = learn("a\n1\n2\n3\n1\n", "layout = 'windows'\nwindow = 2");
    assert!(reader("1\n", &plain).restore_groups(&GroupState::default()).is_err());
    assert_eq!(reader("1\n", &plain).group_state(), None);
}

#[test]
fn times_of_later_groups_are_followed_too() {
    let rows: String = (0..80).map(|row| format!("{},{},{}\n", 60 * (row / 2), row % 2, row % 7)).collect();
    for layout in ["windows", "table"] {
        let config = format!("group = 1\ntimestamp = 0\nlayout = '{layout}'");
        let (_, schema) = learn(&rows, &config);
        // More groups than are remembered, and one that comes back at once, at an earlier time.
        let mut text: String = (0..MAX_GROUPS + 5).map(|group| format!("600,g{group},1\n")).collect();
        text += "660,late,1\n600,late,1\n0,g0,1\n";
        let block = reader(&text, &schema).read_all().unwrap();
        let backward = |notice: &&Notice| matches!(notice, Notice::BackwardTime { .. });
        let told: Vec<Option<u64>> = block.notices.iter().filter(backward).map(Notice::line).collect();
        assert_eq!(told, [Some(MAX_GROUPS as u64 + 7)], "{layout}");
    }
}
