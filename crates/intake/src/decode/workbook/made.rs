//! Workbooks that tests write part by part.

use std::fmt::Write as _;
use std::io::{Cursor, Write};
use zip::write::{SimpleFileOptions, ZipWriter};

pub(super) fn zipped(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A workbook with a sheet of notes, a hidden one with another table, and one of these rows; the number of strings that
/// it states is a lie.
pub(super) fn xlsx(rows: &str) -> Vec<u8> {
    xlsx_with(rows, STRINGS, "")
}

pub(super) const STRINGS: &str = "<si><t>time</t></si><si><r><t>le</t></r><r><t>vel</t></r><rPh><t>x</t></rPh></si><si><t>kind, \
     &quot;k&quot;</t></si><si><t>on\noff</t></si><si><t>x</t></si>";

pub(super) fn xlsx_with(rows: &str, strings: &str, properties: &str) -> Vec<u8> {
    let sheet =
        |rows: &str| format!("<worksheet><dimension ref=\"A1\"/><sheetData>{rows}</sheetData></worksheet>");
    let note = "<c t=\"inlineStr\"><is><t>a note</t></is></c>";
    zipped(&[
        (
            "xl/workbook.xml",
            &format!(
                "<workbook><workbookPr {properties}/><sheets><sheet name=\"Notes\" sheetId=\"1\" r:id=\"r1\"/>\
                 <sheet name=\"Lists\" state=\"hidden\" sheetId=\"2\" r:id=\"r3\"/>\
                 <sheet name=\"Data &amp; more\" sheetId=\"3\" r:id=\"r2\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            "<Relationships><Relationship Id=\"r1\" Target=\"worksheets/sheet1.xml\"/>\
             <Relationship Id=\"r2\" Target=\"/xl/worksheets/sheet2.xml\"/>\
             <Relationship Id=\"r3\" Target=\"worksheets/sheet3.xml\"/>\
             <Relationship Id=\"r4\" Type=\"http://x/sharedStrings\" Target=\"SharedStrings.xml\"/></Relationships>",
        ),
        ("xl/SharedStrings.xml", &format!("<sst uniqueCount=\"18446744073709551615\">{strings}</sst>")),
        (
            "xl/styles.xml",
            "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\\ hh:mm\"/></numFmts>\
             <cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs>\
             <cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/><xf numFmtId=\"46\"/></cellXfs></styleSheet>",
        ),
        ("xl/worksheets/sheet1.xml", &sheet(&format!("<row>{note}</row><row>{note}</row>"))),
        ("xl/worksheets/sheet2.xml", &sheet(rows)),
        ("xl/worksheets/sheet3.xml", &sheet("<row><c><v>1</v></c></row><row><c><v>2</v></c></row>")),
    ])
}

/// A table of hours that begins at row 3 and column B; the second row lacks its level.
pub(super) fn rows(count: usize) -> String {
    let mut rows = String::from(
        "<row r=\"3\"><c r=\"B3\" t=\"s\"><v>0</v></c><c r=\"C3\" t=\"s\"><v>1</v></c><c r=\"D3\" t=\"s\"><v>2</v></c></row>",
    );
    for row in 0..count {
        let (line, kind) = (row + 4, 3 + row % 2);
        let level =
            if row == 1 { String::new() } else { format!("<c r=\"C{line}\"><v>{}.5</v></c>", row * 7 % 5) };
        let day = 45_292.0 + row as f64 / 24.0;
        write!(
            rows,
            "<row r=\"{line}\"><c r=\"B{line}\" s=\"1\"><v>{day}</v></c>{level}<c r=\"D{line}\" t=\"s\"><v>{kind}</v></c></row>"
        )
        .unwrap();
    }
    rows
}

/// The same table as a program writes it as CSV.
pub(super) fn rows_as_csv(count: usize) -> String {
    let mut text = String::from("\n\ntime,level,\"kind, \"\"k\"\"\"\n");
    for row in 0..count {
        let level = if row == 1 { String::new() } else { format!("{}.5", row * 7 % 5) };
        let (day, hour) = (1 + row / 24, row % 24);
        let kind = ["on off", "x"][row % 2];
        writeln!(text, "2024-01-{day:02} {hour:02}:00:00,{level},{kind}").unwrap();
    }
    text
}

/// An ods file with an empty table, and one of these rows.
pub(super) fn ods(rows: &str) -> Vec<u8> {
    zipped(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        (
            "content.xml",
            &format!(
                "<office:document-content><table:table table:name=\"Empty\"/><table:table table:name=\"Data\">{rows}\
                 </table:table></office:document-content>"
            ),
        ),
    ])
}
