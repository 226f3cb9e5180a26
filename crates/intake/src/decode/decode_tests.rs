//! Tests that the same data give the same rows however they are written, for files and for streams in pieces of a byte.

use super::Transform;
use super::array::Elements;
use super::encoding::Encoded;
use super::joined::{Joined, RecordForm};
use crate::input::Encoding;
use crate::{Block, InputConfig, IntakeError, Notice, ReadOptions, Reader, Schema, Table};
use ae_records::seed::stream_rng;
use rand_chacha::rand_core::Rng;
use std::io::{self, BufReader, Read};

const HEADER: &str = "time,level,state";

fn rows() -> Vec<String> {
    let state = ["on", "off", "größe"];
    (0..40).map(|row| format!("{},{}.5,{}", 1_700_000_000 + 60 * row, row * 7 % 11, state[row % 3])).collect()
}

fn config() -> InputConfig {
    toml::from_str("layout = 'table'").unwrap()
}

fn plain() -> String {
    format!("{HEADER}\n{}\n", rows().join("\n"))
}

fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
    let text = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
    text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

fn json(open: &str, between: &str, close: &str) -> Vec<u8> {
    let row = |row: &String| {
        let cells: Vec<&str> = row.split(',').collect();
        format!("{{\"time\": {}, \"level\": {}, \"state\": \"{}\"}}", cells[0], cells[1], cells[2])
    };
    format!("{open}{}{close}", rows().iter().map(row).collect::<Vec<_>>().join(between)).into_bytes()
}

/// The table of a file, and the block of a stream that comes in pieces of a byte, line by line.
fn read(content: &[u8], schema: Option<&Schema>) -> (Table, Block) {
    let table = Table::parse(content, "a.csv", &config()).unwrap_or_else(|error| panic!("{error}"));
    let own = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
    (table, stream(content, schema.unwrap_or(&own)).unwrap())
}

fn stream(content: &[u8], schema: &Schema) -> Result<Block, IntakeError> {
    let mut reader = Reader::new(BufReader::with_capacity(1, content), schema, &ReadOptions::default())?;
    let blocks = std::iter::from_fn(|| reader.next_line().unwrap());
    Ok(Block::joined(blocks.collect::<Vec<_>>(), schema.width()))
}

/// Asserts that a file has the rows of the plain one, each at its line, and that the notices say so.
fn check(content: &[u8], line: impl Fn(u64) -> u64, notices: &[&str]) {
    let (expected, _) = read(plain().as_bytes(), None);
    let schema = Schema::learn(&expected, &expected.normal_rows()).unwrap().schema;
    let (table, block) = read(content, Some(&schema));
    let shown = String::from_utf8_lossy(&content[..content.len().min(60)]).into_owned();
    let numbers = |table: &Table| table.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(numbers(&table), numbers(&expected), "{shown}");
    assert_eq!((&table.columns, &table.stamps), (&expected.columns, &expected.stamps), "{shown}");
    let lines: Vec<u64> = (0..40).map(line).collect();
    assert_eq!(table.lines, lines, "{shown}");
    let told: Vec<String> = table
        .notices
        .iter()
        .filter(|n| matches!(n, Notice::ReadAs { .. }))
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, notices, "{shown}");
    let whole = stream(plain().as_bytes(), &schema).unwrap();
    let bits = |block: &Block| block.samples.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!((bits(&block), &block.bad), (bits(&whole), &whole.bad), "{shown}");
    assert_eq!(block.rows.iter().map(|row| row.line).collect::<Vec<_>>(), lines, "{shown}");
    // In large pieces, too.
    let mut reader = Reader::new(content, &schema, &ReadOptions::default()).unwrap();
    let of_preamble = |text: &String| text.contains("preamble");
    let streamed: Vec<String> =
        reader.notices().iter().map(ToString::to_string).filter(of_preamble).collect();
    assert_eq!(streamed, told.into_iter().filter(of_preamble).collect::<Vec<_>>(), "{shown}");
    let at_once = reader.read_all().unwrap();
    assert_eq!((bits(&at_once), &at_once.rows), (bits(&block), &block.rows), "{shown}");
}

#[test]
fn the_same_rows_are_read_in_every_encoding() {
    let plain = plain();
    let wide = "read as UTF-16 text; set input.encoding to change this";
    check(plain.as_bytes(), |row| row + 2, &[]);
    check(format!("\u{feff}{plain}").as_bytes(), |row| row + 2, &[]);
    check(format!("\u{feff}\u{feff}{plain}").as_bytes(), |row| row + 2, &[]);
    for big in [false, true] {
        for mark in [false, true] {
            check(&utf16(&plain, big, mark), |row| row + 2, &[wide]);
            check(&utf16(&plain.replace('\n', "\r\n"), big, mark), |row| row + 2, &[wide]);
        }
    }
    let returns = "the lines end in a carriage return (CR) only";
    check(plain.replace('\n', "\r\n").as_bytes(), |row| row + 2, &[]);
    check(plain.replace('\n', "\r").as_bytes(), |row| row + 2, &[returns]);
    check(&utf16(&plain.replace('\n', "\r"), false, true), |row| row + 2, &[wide, returns]);
}

#[test]
fn windows_1252_is_recognised_and_holds_for_later_files() {
    let plain = plain();
    let (legacy, ..) = encoding_rs::WINDOWS_1252.encode(&plain);
    let schema_of = |config: &InputConfig| {
        let table = Table::parse(&legacy, "a.csv", config)?;
        Ok::<_, IntakeError>((Schema::learn(&table, &table.normal_rows()).unwrap().schema, table))
    };
    let (schema, table) = schema_of(&config()).unwrap();
    let how = "read as windows-1252 (\"ANSI\") text; set input.encoding = \"utf-8\" to change this";
    assert!(table.notices.iter().any(|notice| notice.to_string() == how), "{:?}", table.notices);
    let (expected, block) = read(plain.as_bytes(), None);
    assert_eq!((&table.columns, &table.values), (&expected.columns, &expected.values));
    assert_eq!(schema.reading.encoding, Encoding::Windows1252);
    for later in [&legacy[..], plain.as_bytes(), &utf16(&plain, false, true), &utf16(&plain, true, false)] {
        assert_eq!(stream(later, &schema).unwrap().samples, block.samples);
    }
    let utf8 = InputConfig { encoding: Encoding::Utf8, max_bad: 0.5, ..config() };
    assert_eq!(schema_of(&utf8).unwrap().1.bad.len(), 13);
    // A detector that learned from UTF-8 does not guess.
    let (_, block) = read(plain.as_bytes(), None);
    assert!(block.bad.is_empty());
    let (strict, _) = schema_of(&utf8).unwrap();
    assert_eq!(stream(&legacy, &strict).unwrap().bad.len(), 13);
    // A damaged line of a file in UTF-8 stays one.
    let damaged = [plain.as_bytes(), b"1700002400,1,gr\xf6\xdfe\n"].concat();
    assert_eq!(Table::parse(&damaged, "a.csv", &config()).unwrap().bad[0].line, 42);
}

#[test]
fn preambles_are_skipped() {
    let plain = plain();
    let skipped = |lines: &str, also: &str| {
        format!(
            "the first {lines} a preamble and {} skipped{also}; set input.skip = 0 to read them",
            if lines == "line is" { "is" } else { "are" }
        )
    };
    let comments = ", and so are later lines that begin with `#`";
    check(
        format!("sep=;\r\n{}", plain.replace(',', ";")).as_bytes(),
        |row| row + 3,
        &["the first line sets the delimiter: ';'"],
    );
    check(
        format!("# made by a logger, 2024\n#\n\n{plain}").as_bytes(),
        |row| row + 5,
        &[&skipped("3 lines are", comments)],
    );
    let marked = "the `#` before the header is left out";
    check(format!("#{plain}").as_bytes(), |row| row + 2, &[marked]);
    check(
        format!("# logger 7\n# {plain}").as_bytes(),
        |row| row + 3,
        &[&skipped("line is", comments), marked],
    );
    // Comments between rows, too.
    let mut lines: Vec<&str> = plain.lines().collect();
    lines.insert(11, "# door opened, 3");
    check(
        format!("#x\n{}\n", lines.join("\n")).as_bytes(),
        |row| row + 3 + u64::from(row >= 10),
        &[&skipped("line is", comments)],
    );
    for (before, also) in [("Station 42\nMade 2024-01-01\n\n", ""), ("# logger\n\nStation 42\n", comments)] {
        check(format!("{before}{plain}").as_bytes(), |row| row + 5, &[&skipped("3 lines are", also)]);
    }
}

#[test]
fn what_is_no_preamble_stays() {
    let names = |content: &str, settings: &str| {
        let table = Table::parse(content.as_bytes(), "a.csv", &toml::from_str(settings).unwrap());
        table.map(|table| {
            let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            (names.join(" "), table.lines[0], table.bad.len())
        })
    };
    let rows: String = (0..30).map(|row| format!("{row},{}\n", row % 7)).collect();
    // Values that begin with `#` are no comments, in a row or below a header.
    let marked: String = (0..30).map(|row| format!("#{},{}\n", row % 3, row % 7)).collect();
    assert_eq!(names(&marked, "layout = 'table'").unwrap(), ("c0 c1".into(), 1, 0));
    assert_eq!(names(&format!("#id,v\n{marked}"), "layout = 'table'").unwrap(), ("id v".into(), 2, 0));
    // A header that lacks the name of the first column is not skipped.
    assert!(names(&format!("a,b\n{}", rows.replace('\n', ",1\n")), "").is_err());
    // A torn first line is no preamble, because no header follows it.
    let torn = names(&format!("garbage\n{rows}"), "layout = 'table'\nmax_bad = 0.1")
        .map(|(_, line, bad)| (line, bad));
    assert!(!matches!(torn, Ok((2, 0))), "{torn:?}");
    // As set.
    let told = format!("# x\na,b\n{rows}");
    assert!(names(&told, "comments = false\nskip = 0").map_or(true, |(names, ..)| names != "a b"));
    let layout = "layout = 'table'\ncolumns = ['a', 'b']\n";
    assert_eq!(
        names(&format!("1;2\nb\na,b\n{rows}"), &format!("{layout}skip = 2")).unwrap(),
        ("a b".into(), 4, 0)
    );
    assert_eq!(
        names(&format!("a,b\n{rows}#5,6\n"), &format!("{layout}comments = true")).unwrap(),
        ("a b".into(), 2, 0)
    );
}

#[test]
fn json_arrays_are_read_like_json_lines() {
    let array = "read as one JSON array; each of its elements is a row";
    let expected = read(&json("", "\n", "\n"), None);
    for (content, line) in [
        (json("[", ",", "]"), (|row| row + 1) as fn(u64) -> u64),
        (json("[\n  ", ",\n  ", "\n]\n"), |row| row + 2),
        (json("\n [ ", "\n,\n", "]"), |row| 2 * row + 2),
        (String::from_utf8(json("[", ",\n", "]")).unwrap().replace(", \"", ",\n\t\"").into_bytes(), |row| {
            3 * row + 1
        }),
        (utf16(&String::from_utf8(json("[", ",\r\n", "]")).unwrap(), false, true), |row| row + 1),
    ] {
        let (table, block) = read(&content, None);
        assert_eq!((&table.values, &table.columns), (&expected.0.values, &expected.0.columns));
        assert_eq!(table.lines, (0..40).map(line).collect::<Vec<_>>());
        assert!(table.notices.iter().any(|notice| notice.to_string() == array));
        assert_eq!((&block.samples, &block.bad), (&expected.1.samples, &expected.1.bad));
        assert_eq!(block.rows.iter().map(|row| row.line).collect::<Vec<_>>(), table.lines);
    }
    let table = Table::parse(b"[[1, 2],\n [3, 4], [5, 7]]", "a.json", &config()).unwrap();
    assert_eq!(
        (table.values.iter().copied().collect::<Vec<_>>(), table.lines),
        (vec![1., 2., 3., 4., 5., 7.], vec![1, 2, 3])
    );
    let bad = |text: &str| {
        let table = Table::parse(text.as_bytes(), "a", &toml::from_str("max_bad = 1").unwrap()).unwrap();
        table.bad.iter().map(|bad| bad.line).collect::<Vec<_>>()
    };
    // An array that lost its end, elements that are no rows, and what follows the array.
    assert_eq!(bad("[{\"a\":1},\n{\"a\":3},\n"), [3]);
    assert_eq!(bad("[{\"a\":1},\n{\"a\":3},\n{\"a"), [3]);
    assert_eq!(bad("[{\"a\":1},\n5,null,\n{\"a\":7,\"b\":\"]},\"},\n{\"a\":2}]\n\nx\n"), [2, 3, 6]);
}

#[test]
fn line_breaks_in_quotes_are_joined() {
    let broken = "2 records have line breaks in quoted cells; set input.quoted_lines = 1 to split them";
    let text =
        "note,a,k\n\"one\r\ntwo, \"\"three\"\"\nfour\",1,x\n\"plain\",2,y\nthree,3,\"x\ny\"\nfour,5,x\n";
    let table = Table::parse(text.as_bytes(), "a.csv", &config()).unwrap();
    assert_eq!((table.lines.clone(), table.bad.len()), (vec![2, 5, 6, 8], 0));
    assert!(table.notices.iter().any(|notice| notice.to_string() == broken), "{:?}", table.notices);
    assert_eq!(table.columns[0].levels.as_ref().unwrap()[1], "one two, \"three\" four");
    let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
    let block = stream(text.as_bytes(), &schema).unwrap();
    assert_eq!(block.rows.iter().map(|row| row.line).collect::<Vec<_>>(), table.lines);
    assert_eq!(block.samples, schema.encode(&table, &[0, 1, 2, 3]).unwrap().samples);
    // In the header.
    let text = "\"temperature\n(C)\";b\n1;2\n3;5\n";
    let table = Table::parse(text.as_bytes(), "a.csv", &config()).unwrap();
    assert_eq!((table.columns[0].name.as_str(), table.lines), ("temperature (C)", vec![3, 4]));
    // Switched off, each line is its own.
    let off = toml::from_str("quoted_lines = 1\nmax_bad = 1").unwrap();
    let table = Table::parse(b"a,b\n\"1\n2\",3\n4,5\n", "a.csv", &off).unwrap();
    assert_eq!((table.bad[0].line, table.lines), (2, vec![3, 4]));
}

#[test]
fn a_missing_quote_swallows_nothing() {
    let (_, schema) = {
        let table = Table::parse(plain().as_bytes(), "a.csv", &config()).unwrap();
        let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
        (table, schema)
    };
    for (open, most) in [("\"1700000000,1,on", 64), ("1700000000,\"1,on", 64), ("1700000000,1,\"on", 64)] {
        let mut lines: Vec<String> = plain().lines().map(String::from).collect();
        lines.extend(rows());
        lines.insert(7, open.into());
        // A quoted cell later on closes nothing.
        lines.insert(30, "1700000000,1,\"on\"".into());
        let block = stream((lines.join("\n") + "\n").as_bytes(), &schema).unwrap();
        assert_eq!((block.rows.len(), block.bad.len()), (81, 1), "{open}");
        assert_eq!(
            (block.bad[0].line, block.bad[0].reason.to_string().as_str()),
            (8, "a quoted cell is not closed on its line")
        );
        assert_eq!(most, schema.reading.quoted_lines);
    }
}

/// What a decoder gives for bytes in pieces of these lengths.
fn decode(mut decoder: impl Transform, bytes: &[u8], mut length: impl FnMut() -> usize) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(length().clamp(1, rest.len()));
        if decoder.passes(piece) {
            out.extend_from_slice(piece)
        } else {
            decoder.push(piece, &mut out)
        }
        rest = tail;
    }
    decoder.finish(&mut out);
    out
}

#[test]
fn decoders_do_not_depend_on_how_bytes_are_cut() {
    let mut rng = stream_rng(1, "decoders", 0);
    let form =
        |comments, most_lines| RecordForm { delimiters: vec![b','], comments, most_lines, most_bytes: 40 };
    for round in 0..30_000u32 {
        let alphabet = b"\"\"\"\n\n\r,,a1#[{}]\\ \0\xff";
        let length = rng.next_u32() % 40;
        let bytes: Vec<u8> =
            (0..length).map(|_| alphabet[rng.next_u32() as usize % alphabet.len()]).collect();
        let shown = bytes.escape_ascii().to_string();
        let most_lines = 1 + round as usize % 4;
        let mut cut = || rng.next_u32() as usize % 5;
        let comments = round % 2 == 0;
        let whole = decode(Joined::new(form(comments, most_lines)), &bytes, || 1000);
        assert_eq!(decode(Joined::new(form(comments, most_lines)), &bytes, &mut cut), whole, "{shown}");
        // No line is lost or added.
        let count = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == b'\n').count();
        assert!(count(&whole) <= count(&bytes), "{shown}");
        if whole.ends_with(b"\n") {
            assert_eq!(count(&whole), count(&bytes), "{shown}");
        }
        let whole = decode(Elements::new(), &bytes, || 1000);
        assert_eq!(decode(Elements::new(), &bytes, &mut cut), whole, "{shown}");
        for encoding in
            [Encoding::Auto, Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows1252]
        {
            let whole = decode(Encoded::new(encoding), &bytes, || 1000);
            assert_eq!(decode(Encoded::new(encoding), &bytes, &mut cut), whole, "{shown}");
            let text = super::encoding::decoded(&bytes, encoding, "a").map(|(text, _)| text.into_owned());
            assert_eq!(text.unwrap(), whole, "{shown}");
        }
    }
}

/// An input that fails when it is read beyond what it has, as a stream would wait.
struct Live<'a>(&'a [u8]);

impl Read for Live<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("it would wait")),
            length => Ok(length),
        }
    }
}

#[test]
fn a_stream_is_judged_line_by_line() {
    let table = Table::parse(plain().as_bytes(), "a.csv", &config()).unwrap();
    let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
    let row = &rows()[3];
    let wide = |text: &str| utf16(text, false, true);
    let element = "{\"time\": 1700000000, \"level\": 1, \"state\": \"on\"}";
    for (content, expected) in [
        (format!("{HEADER}\n{row}\n").into_bytes(), 1),
        (format!("{row}\n{row}\n").into_bytes(), 2),
        (format!("{HEADER}\r{row}\r{row}\r").into_bytes(), 2),
        (wide(&format!("{HEADER}\n{row}\n{row}\n")), 2),
        (format!("# x\n#{HEADER}\n{row}\n# x\n{row}\n").into_bytes(), 2),
        (format!("sep=,\n{HEADER}\n{row}\n").into_bytes(), 1),
        (format!("torn\n{row}\n").into_bytes(), 2),
        (format!("[\n{element},\n{element}").into_bytes(), 2),
        (format!("{HEADER}\n1700000000,1,\"on\noff\"\n").into_bytes(), 1),
    ] {
        let options = ReadOptions { live: true, ..ReadOptions::default() };
        let input = BufReader::with_capacity(3, Live(&content));
        let mut reader = Reader::new(input, &schema, &options).unwrap();
        for line in 0..expected {
            let block = reader.next_line().unwrap_or_else(|error| panic!("{line}: {error}")).unwrap();
            assert_eq!(block.rows.len() + block.bad.len(), 1);
        }
        assert!(reader.next_line().is_err(), "{}", String::from_utf8_lossy(&content));
    }
}

#[test]
fn endless_lines_and_quotes_are_not_kept() {
    let table = Table::parse(plain().as_bytes(), "a.csv", &config()).unwrap();
    let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
    let options = ReadOptions { max_line: 1000, ..ReadOptions::default() };
    for (head, byte) in
        [("", b'x'), ("1,\"", b'"'), ("1,\"\n", b'x'), ("[{\"", b'a'), ("", b'#'), ("[", b' ')]
    {
        let junk = head.as_bytes().chain(io::repeat(byte).take(3_000_000));
        let mut reader = Reader::new(BufReader::new(junk), &schema, &options).unwrap();
        let block = reader.read_all().unwrap();
        assert!(block.rows.is_empty() && (1..=3).contains(&block.bad.len()), "{head}: {:?}", block.bad);
    }
}
