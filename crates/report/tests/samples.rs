//! Pictures of samples beside their reconstructions: images with headings, series of channels, rows of a table.

mod common;

use ae_report::picture::{TableColumn, TableRow, channel_pairs, headed_rows, table_rows};
use common::{Draw, EXTREMES, check_drawn, check_picture, check_refused};
use ndarray::{Array3, Array4};
use std::path::Path;

const ODD: &str = "\u{1b}[31m</text><script>&\u{202e}\u{0}\u{ffff}\n";

fn table(columns: usize, rows: usize) -> (Vec<TableColumn>, Vec<TableRow>) {
    let column = |at: usize| TableColumn { name: format!("column {at}"), range: (-1.0, at as f64) };
    let row = |row: usize| TableRow {
        title: format!("row {row}"),
        values: (0..columns).map(|at| (at != row).then_some(at as f64 / 2.0)).collect(),
        reconstruction: (0..columns).map(|at| at as f64 / 3.0 + row as f64).collect(),
    };
    ((0..columns).map(column).collect(), (0..rows).map(row).collect())
}

#[test]
fn headings_stand_above_their_images() {
    let images = Array4::from_elem((3, 1, 8, 8), 0.5);
    let headings = ["a", "b", ODD].map(|name| [name.to_owned(), "0.0021".to_owned()]);
    let rows = [("original", images.view()), ("reconstruction", images.view())];
    let picture = check_picture(|path| headed_rows(path, &rows, &headings));
    let images_width = 3 * 112 + 2 * 4;
    let left = picture.width() - images_width;
    assert_eq!(picture.height(), 40 + 2 * 112 + 4);
    for column in 0..3u32 {
        let start = left + column * 116;
        let dark = |from: u32, to: u32| {
            (from..to.min(picture.width())).any(|x| (0..40).any(|y| picture.get_pixel(x, y).0[0] < 200))
        };
        assert!(dark(start + 30, start + 82), "no heading above image {column}");
        assert!(!dark(start + 112, start + 116), "a heading is wider than image {column}");
    }
}

#[test]
fn channels_and_columns_are_drawn_apart() {
    let series =
        Array3::from_shape_fn((2, 30, 3), |(n, t, f)| ((t + n) as f32 * 0.3).sin() * 10f32.powi(f as i32));
    let titles = ["best", ODD].map(String::from);
    let channels = ["x", "y", "z"].map(String::from);
    let draw = |path: &Path| channel_pairs(path, series.view(), (&series * 0.9).view(), &titles, &channels);
    let picture = check_picture(draw);
    assert_eq!(picture.dimensions(), (2 * 680, 2 * (34 + 3 * 150)));
    let (columns, rows) = table(5, 4);
    let picture = check_picture(|path| table_rows(path, &columns, &rows));
    assert_eq!(picture.dimensions(), (2 * 3 * 478, 2 * (30 + 2 * (30 + 5 * 22 + 14))));
    // The colour of a value stands in every line but the one without a value; no line joins two of them.
    let is_blue = |x: u32, y: u32| picture.get_pixel(x, y).0 == [0x4E, 0x79, 0xA7];
    for column in 0..5 {
        let middle = 2 * (30 + 30 + column * 22 + 11);
        let seen = (0..956).any(|x| is_blue(x, middle));
        assert_eq!(seen, column != 0, "column {column} of row 0");
        let between = middle + 22;
        assert!(column == 4 || !(0..956).any(|x| is_blue(x, between)), "something joins the columns");
    }
}

#[test]
fn any_finite_numbers_and_names_are_drawn() {
    for value in [f32::MIN, f32::MAX, 0.0, f32::from_bits(1)] {
        let series = Array3::from_elem((1, 1, 1), value);
        check_drawn(|path| channel_pairs(path, series.view(), (-&series).view(), &[ODD], &[ODD]));
    }
    for [first, second] in EXTREMES {
        let columns = [TableColumn { name: ODD.repeat(1000), range: (first, second) }];
        let (title, values) = (ODD.repeat(1000), vec![Some(second)]);
        check_drawn(|path| {
            draw_row(
                path,
                &columns,
                &TableRow { title: title.clone(), values: values.clone(), reconstruction: vec![first] },
            )
        });
    }
}

fn draw_row(path: &Path, columns: &[TableColumn], row: &TableRow) -> Draw {
    table_rows(path, columns, std::slice::from_ref(row))
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let images = Array4::zeros((2, 1, 4, 4));
    let rows = [("a", images.view())];
    check_refused(|path| headed_rows(path, &rows, &[]), "headings have shape [0], but must have shape [2]");
    let none = &rows[..0];
    check_refused(|path| headed_rows(path, none, &[]), "no rows of images to draw; give at least one");
    let series = Array3::<f32>::zeros((1, 4, 2));
    check_refused(
        |path| channel_pairs(path, series.view(), series.view(), &["a"], &["x"]),
        "channels have shape [1], but must have shape [2]",
    );
    let bad = Array3::from_elem((1, 4, 2), f32::NAN);
    check_refused(
        |path| channel_pairs(path, series.view(), bad.view(), &["a"], &["x", "y"]),
        "value of the reconstructions 0 is NaN; give only finite numbers",
    );
    let (columns, mut rows) = table(3, 1);
    check_refused(|path| table_rows(path, &[], &rows), "no rows of a table to draw; give at least one");
    rows[0].values.pop();
    check_refused(
        |path| table_rows(path, &columns, &rows),
        "values of a row have shape [2, 3], but must have shape [3, 3]",
    );
}
