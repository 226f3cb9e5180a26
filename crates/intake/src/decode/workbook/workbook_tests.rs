//! Tests of workbooks: what they hold is what a CSV file with the same cells holds.

use super::made::{ods, rows, rows_as_csv, xlsx, xlsx_with, zipped};
use super::*;
use crate::{Block, ReadOptions, Reader, Schema, Table};

fn csv(content: &[u8], sheet: Option<&str>) -> Result<String, String> {
    let memory = MemoryLimit::for_input(content.len() as u64, None);
    match sheet_of(content, "a.xlsx", sheet, memory) {
        Ok(sheet) => Ok(String::from_utf8(sheet.expect("a workbook").text).unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

fn check(rows: &str, expected: &str) {
    assert_eq!(csv(&xlsx(rows), Some("Data & more")).unwrap(), expected, "{rows}");
}

fn table(content: &[u8], name: &str, settings: &str) -> Table {
    Table::parse(content, name, &toml::from_str(settings).unwrap()).unwrap()
}

#[test]
fn xlsx_is_read_as_csv() {
    assert_eq!(csv(&xlsx(&rows(30)), None).unwrap(), rows_as_csv(30));
    assert_eq!(csv(&xlsx(&rows(3)), Some("Notes")).unwrap(), "a note\na note\n");
    assert_eq!(csv(&xlsx(&rows(3)), Some("Lists")).unwrap(), "1\n2\n");
    let error = csv(&xlsx(&rows(3)), Some("data")).unwrap_err();
    let expected = "a.xlsx is not a usable xlsx file: it has no sheet `data`; its sheets: `Notes`, `Lists`, `Data & more`";
    assert_eq!(error, expected);
    assert!(csv(&xlsx(""), None).unwrap_err().contains("none of its sheets holds a table of two rows"));
}

#[test]
fn cells_are_what_they_show() {
    // Truth, errors, formulas, durations, dates as text, and cells that do not say where they are.
    check(
        "<row><c t=\"b\"><v>1</v></c><c t=\"b\"><v>0</v></c><c t=\"e\"><v>#N/A</v></c></row>\
         <row><c t=\"str\"><f>A1&amp;\"b\"</f><v> a&amp;b </v></c><c s=\"2\"><v>1.5</v></c><c t=\"d\"><v>2024-05-31</v></c></row>\
         <row><c><f>1/3</f><v>0.33333333333333331</v></c><c r=\"D3\"><v>1E-3</v></c></row>",
        "TRUE,FALSE,NA,\na&b,1.5,2024-05-31,\n0.33333333333333331,,,1E-3\n",
    );
    // Merged cells hold one value; blank rows keep the numbers of those after them; the order of cells does not matter.
    check(
        "<row r=\"5\"><c r=\"B5\"><v>4</v></c><c r=\"A5\"><v>3</v></c></row>\
         <row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"C2\"><v>2</v></c><c r=\"B2\"/></row>",
        "\n1,,2\n\n\n3,4,\n",
    );
    // Rows before the table stay short; a row of the table never does.
    let cell = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let title = format!("<row>{}</row><row>{}</row>", cell("# Report"), cell("of May"));
    let head: String = ["a", "b", "c"].map(cell).concat();
    let body = "<row><c><v>1</v></c></row><row><c><v>1</v></c><c><v>2</v></c><c><v>3</v></c></row>".repeat(2);
    check(&format!("{title}<row>{head}</row>{body}"), "# Report\nof May\na,b,c\n1,,\n1,2,3\n1,,\n1,2,3\n");
}

#[test]
fn dates_count_from_1900_or_1904() {
    let cell = |value: &str| format!("<row><c s=\"1\"><v>{value}</v></c></row>");
    let all = ["45443.999305555553", "1", "59", "61", "0.5", "45443.5000057870", "-1", "1e300", "x"];
    let rows: String = all.map(cell).concat();
    let expected = "2024-05-31 23:59:00\n1900-01-01 00:00:00\n1900-02-28 00:00:00\n1900-03-01 00:00:00\n12:00:00\n\
                    2024-05-31 12:00:00.500\n-1\n1e300\nx\n";
    check(&rows, expected);
    let file = xlsx_with(&[cell("43981.25"), cell("1")].concat(), "", "date1904=\"1\"");
    assert_eq!(csv(&file, None).unwrap(), "2024-05-31 06:00:00\n1904-01-02 00:00:00\n");
}

#[test]
fn formats_that_show_dates_are_told_from_numbers() {
    for (code, expected) in [
        ("yyyy-mm-dd", true),
        ("[$-407]d. mmmm yyyy;@", true),
        ("h:mm AM/PM", true),
        ("General", false),
        ("0.00\" days\"", false),
        ("[Red]0.0;[Blue]-0.0", false),
        ("[h]:mm:ss", false),
        ("#,##0 \\d", false),
        ("_-* #,##0.00_-", false),
        ("0.00E+00", false),
    ] {
        assert_eq!(serial::shows_date(code), expected, "{code}");
    }
}

#[test]
fn a_table_is_the_same_as_from_csv() {
    for settings in ["", "layout = 'table'", "encoding = 'utf-16le'\ndelimiter = ';'\nformat = 'json'"] {
        let of_sheet = table(&xlsx(&rows(60)), "a.xlsx", settings);
        let plain = if settings.starts_with("enc") { "" } else { settings };
        let of_csv = table(rows_as_csv(60).as_bytes(), "a.csv", plain);
        assert_eq!((&of_sheet.columns, &of_sheet.lines), (&of_csv.columns, &of_csv.lines));
        let bits = |table: &Table| table.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!((bits(&of_sheet), of_sheet.stamps.clone()), (bits(&of_csv), of_csv.stamps.clone()));
        assert_eq!((of_sheet.layout, &of_sheet.format), (of_csv.layout, &of_csv.format));
        assert_eq!((of_sheet.lines[0], of_sheet.stamps[1] - of_sheet.stamps[0]), (4, 3600.0));
        let (told, rest) = of_sheet.notices.split_first().unwrap();
        assert_eq!(told.to_string(), "read sheet `Data & more` of 3 sheets; input.sheet chooses another");
        assert_eq!(rest, of_csv.notices);
    }
}

#[test]
fn a_reader_gives_the_same_rows_as_from_csv() {
    let folder = tempfile::tempdir().unwrap();
    for settings in ["", "layout = 'table'", "sheet = 'Data & more'\nencoding = 'utf-16le'"] {
        let schema = |content: &[u8], settings| {
            let table = table(content, "a", settings);
            Schema::learn(&table, &table.normal_rows()).unwrap().schema
        };
        let plain = if settings.contains("sheet") { "" } else { settings };
        let (schema, of_csv) =
            (schema(&xlsx(&rows(60)), settings), schema(rows_as_csv(60).as_bytes(), plain));
        let (file, text) = (folder.path().join("a"), folder.path().join("b"));
        // One level is no number in both, and its line has the number of its row.
        let odd = |text: String| text.replacen("2.5", "much", 1);
        std::fs::write(&file, xlsx(&odd(rows(40)))).unwrap();
        std::fs::write(&text, odd(rows_as_csv(40))).unwrap();
        let options = ReadOptions::default();
        let read = |path: &std::path::Path, schema: &Schema| -> Block {
            Reader::open(path, schema, &options).unwrap().read_all().unwrap()
        };
        let (block, expected) = (read(&file, &schema), read(&text, &of_csv));
        assert_eq!(block, expected);
        assert!(block.bad.len() == 1 && block.bad[0].line > 4, "{:?}", block.bad);
        // The same from an input whose length is not known, also if it comes byte by byte or compressed.
        let bytes = std::fs::read(&file).unwrap();
        let slow = std::io::BufReader::with_capacity(1, Cursor::new(bytes.clone()));
        let packed = zstd::encode_all(bytes.as_slice(), 3).unwrap();
        for input in [Box::new(slow) as Box<dyn Read + Send>, Box::new(Cursor::new(packed))] {
            let mut reader = Reader::from_input(input, &schema, &options).unwrap();
            let told = reader.notices()[0].to_string();
            assert_eq!(told, "read sheet `Data & more` of 3 sheets; input.sheet chooses another");
            assert_eq!(reader.read_all().unwrap(), block);
        }
        // It cannot be read line by line as it comes.
        if schema.reading.encoding == Encoding::Auto {
            let error = Reader::new(bytes.as_slice(), &schema, &options).unwrap_err().to_string();
            assert!(error.contains("a zip archive or a spreadsheet"), "{error}");
        }
    }
}

#[test]
fn ods_is_read_as_csv() {
    let cell =
        |kind: &str, value: &str| format!("<table:table-cell office:value-type=\"{kind}\" office:{value}/>");
    let text = |text: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
    };
    let rows = format!(
        "<table:table-row table:number-rows-repeated=\"2\"><table:table-cell table:number-columns-repeated=\"16384\"/>\
         </table:table-row><table:table-row>{}{}{}</table:table-row>\
         <table:table-row table:number-rows-repeated=\"2\">{}{}<table:table-cell office:value-type=\"float\" \
         office:value=\"7\" table:number-columns-repeated=\"1\"/></table:table-row>\
         <table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell/></table:table-row>",
        text("time"),
        text("on &lt;1&gt;<office:annotation><text:p>said</text:p></office:annotation>"),
        text("n"),
        cell("date", "date-value=\"2024-01-01T10:00:00\""),
        cell("boolean", "boolean-value=\"true\""),
    );
    let expected = "\n\ntime,on <1>,n\n2024-01-01T10:00:00,TRUE,7\n2024-01-01T10:00:00,TRUE,7\n";
    assert_eq!(csv(&ods(&rows), None).unwrap(), expected);
    assert_eq!(csv(&ods(&rows), Some("Data")).unwrap(), expected);
}

#[test]
fn bombs_are_refused() {
    let memory = |content: &[u8]| {
        let error = csv(content, None).unwrap_err();
        assert!(error.contains("allow more with input.max_memory_mb"), "{error}");
    };
    // Sheets, strings, tags and attributes that inflate, however much the file says that there is.
    memory(&xlsx(&" ".repeat(100_000_000)));
    memory(&xlsx(&format!("<row>{}</row>", "<c><v>1</v></c>".repeat(10_000)).repeat(600)));
    memory(&xlsx(&format!("<c {}/>", "a=\"\" ".repeat(20_000_000))));
    memory(&xlsx_with(&rows(3), &"<si/>".repeat(9_000_000), ""));
    memory(&xlsx_with(&rows(3), &format!("<si><t>{}</t></si>", "x".repeat(100_000_000)), ""));
    // Cells that repeat and spread.
    let cell = "<table:table-cell office:value-type=\"float\" office:value=\"1\" table:number-columns-repeated=\"16384\"/>";
    memory(&ods(&format!(
        "<table:table-row table:number-rows-repeated=\"1000000\">{cell}</table:table-row>"
    )));
    memory(&ods(&format!("<table:table-row>{cell}</table:table-row>").repeat(10_000)));
    let long = cell.replace("float", "string").replace("office:value=\"1\"", "office:string-value=\"LONG\"");
    let long = long.replace("LONG", &"x".repeat(10_000));
    memory(&ods(&format!("<table:table-row table:number-rows-repeated=\"50\">{long}</table:table-row>")));
    let corners = (1..20_000).map(|row| format!("<row r=\"{row}\"><c r=\"XFD{row}\"><v>1</v></c></row>"));
    let corners = format!("<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>{}", corners.collect::<String>());
    memory(&xlsx(&corners));
}

#[test]
fn far_cells_take_no_memory() {
    let place = |place: &str| format!("<row><c r=\"{place}\"><v>1</v></c></row>");
    let text = csv(&xlsx(&[place("A1"), place("XFD1048576")].concat()), None).unwrap();
    assert_eq!((text.lines().count(), text.len()), (1 << 20, 2 * (1 << 14) + (1 << 20)));
    for (there, expected) in [
        ("A1048577", "it has a cell in row 1048577 and column 1"),
        ("XFE1", "it has a cell `XFE1`, where no sheet has one"),
        ("A0", "it has a cell `A0`"),
        ("A99999999999999999999", "it has a cell `A99999999999999999999`"),
    ] {
        let error = csv(&xlsx(&place(there)), None).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    for number in [u64::MAX.to_string(), "x".into()] {
        let rows = format!("<row r=\"{number}\"><c><v>1</v></c></row>").repeat(3);
        assert_eq!(csv(&xlsx(&rows), None).is_err(), number != "x");
    }
}

#[test]
fn damaged_files_are_refused() {
    let entities = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    for strings in [format!("{entities}<si><t>&b;</t></si>"), "<si><t>&b;</t></si>".into()] {
        let error = csv(&xlsx_with(&rows(3), &strings, ""), None).unwrap_err();
        assert!(error.contains("it uses an XML entity of its own"), "{error}");
    }
    for (name, broken) in [
        ("a tag that is not closed", xlsx("<row><c><v>")),
        ("a string that is not there", xlsx("<row><c t=\"s\"><v>5</v></c></row>")),
        ("a wrong end", xlsx("<row></c></row>")),
        ("bytes that are no text", xlsx("<row>").into_iter().chain(*b"PK").collect()),
    ] {
        let error = csv(&broken, None).unwrap_err();
        assert!(error.contains("not a usable xlsx file"), "{name}: {error}");
    }
    // What is no workbook is refused as it was, with what to do.
    let error = |content: &[u8]| Table::parse(content, "a", &InputConfig::default()).unwrap_err().to_string();
    let expected = "a is a zip archive or a spreadsheet, not text; unpack it, or save the sheet as CSV";
    assert_eq!(error(&zipped(&[("a.txt", "x")])), expected);
    let expected =
        "a is an xls file or an encrypted workbook, not text; save it without a password as xlsx or CSV";
    assert_eq!(error(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on"), expected);
    let file = xlsx(&rows(3));
    for length in 4..file.len() {
        assert!(csv(&file[..length], None).unwrap_err().contains("not a usable"), "{length}");
    }
    // A byte that changes is found, or changes nothing but a value.
    for at in ZIP.len()..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x41;
        drop(sheet_of(&damaged, "a", None, MemoryLimit::for_input(1, None)));
    }
}

/// The file is made by `tests/golden/workbook.py`.
#[test]
fn a_workbook_of_another_program_is_read() {
    let file = include_bytes!("../../../tests/golden/workbook.xlsx");
    let expected = "\n\"Pump 3, May 2024\"\n\ntime,level,state,running\n\
                    2024-05-31 23:58:00,1.25,on,TRUE\n\
                    2024-05-31 23:59:00,2,\"off, \"\"late\"\"\",FALSE\n\
                    2024-06-01 00:00:00,,on,TRUE\n\
                    2024-06-01 00:01:00,NA,on hold,FALSE\n\
                    2024-06-01 00:02:00,1e-05,on,TRUE\n\
                    2024-06-01 00:03:00,-3.5,off,FALSE\n";
    assert_eq!(csv(file, None).unwrap(), expected);
    // As from standard input.
    let table = Table::from_reader(&file[..]).unwrap();
    assert_eq!((table.lines[0], table.len(), table.stamps[1] - table.stamps[0]), (5, 6, 60.0));
    let told: Vec<String> = table.notices.iter().map(ToString::to_string).take(2).collect();
    assert_eq!(told[0], "read sheet `Readings` of 2 sheets; input.sheet chooses another");
    assert!(told[1].starts_with("the first 3 lines are a preamble"), "{told:?}");
}
