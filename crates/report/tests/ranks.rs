//! Critical-difference diagrams: bars and lines are as long as the differences of ranks, and invalid input is
//! refused.

mod common;

use ae_report::picture::{RankedMethod, critical_difference};
use common::{EXTREMES, check_drawn, check_picture, check_refused};
use image::{Rgb, RgbImage};
use std::ops::Range;
use std::slice::from_ref;

/// Length of the axis in pixels of the PNG.
const AXIS: i64 = 2 * 440;
/// Height of the line of the critical difference in pixels of the PNG.
const DIFFERENCE_ROW: u32 = 2 * 30;
const INK: Rgb<u8> = Rgb([0x24, 0x29, 0x2F]);
const BAR: Rgb<u8> = Rgb([0x4E, 0x79, 0xA7]);

fn methods(ranks: &[f64]) -> Vec<RankedMethod> {
    let method = |(index, &mean_rank)| RankedMethod { name: format!("method {index}"), mean_rank };
    ranks.iter().enumerate().map(method).collect()
}

/// Columns of the pixels of a colour in one row.
fn columns(picture: &RgbImage, row: u32, colour: Rgb<u8>) -> Vec<u32> {
    (0..picture.width()).filter(|&x| *picture.get_pixel(x, row) == colour).collect()
}

#[track_caller]
fn check_length(obtained: usize, expected: i64) {
    // A bar reaches two pixels of the page beyond each end, which are four of the PNG.
    assert!((0..=10).contains(&(obtained as i64 - expected)), "{obtained} pixels, expected {expected}");
}

#[test]
fn bars_and_the_critical_difference_are_to_scale() {
    let three = methods(&[1.0, 2.0, 3.0]);
    let picture = check_picture(|path| critical_difference(path, &three, 1.5, from_ref(&(0..2))));
    let bars: Vec<Vec<u32>> = (0..picture.height()).map(|row| columns(&picture, row, BAR)).collect();
    let bar = bars.iter().max_by_key(|columns| columns.len()).unwrap();
    check_length(bar.len(), AXIS / 2);
    let line = columns(&picture, DIFFERENCE_ROW, INK);
    check_length(line.len(), AXIS * 3 / 4);
    // The line starts at the left end of the axis, at rank 3; the bar of the better two ends at the right end.
    check_length((bar[bar.len() - 1] - line[0]) as usize, AXIS);
    // A line that is longer than the axis ends with it.
    let picture = check_picture(|path| critical_difference(path, &three, 2.5, &[]));
    check_length(columns(&picture, DIFFERENCE_ROW, INK).len(), AXIS);
    assert!((0..picture.height()).all(|row| columns(&picture, row, BAR).is_empty()));
}

#[test]
fn the_order_of_the_methods_does_not_matter() {
    let sorted = methods(&[1.25, 2.5, 2.75, 4.0, 4.5]);
    let mixed: Vec<RankedMethod> = [3, 0, 4, 2, 1].map(|index| sorted[index].clone()).into();
    let groups = [0..3, 1..4, 3..5];
    let draw =
        |methods: &[RankedMethod]| check_picture(|path| critical_difference(path, methods, 1.6, &groups));
    assert!(draw(&sorted) == draw(&mixed));
}

#[test]
fn names_and_ranks_of_any_kind_are_drawn() {
    for n_methods in [2, 3, 16, 50] {
        let tied = methods(&vec![(n_methods as f64 + 1.0) / 2.0; n_methods]);
        check_drawn(|path| critical_difference(path, &tied, 1.0, from_ref(&(0..n_methods))));
    }
    for [first, second] in EXTREMES {
        for difference in [first, second].map(|value| value.abs().max(5e-324)) {
            check_drawn(|path| critical_difference(path, &methods(&[1.0, 2.0]), difference, &[]));
        }
    }
    let mut odd = methods(&[1.0, 2.0]);
    odd[0].name = "\u{1b}[31m</text><script>&\u{202e}\u{0}\u{ffff}\n".into();
    odd[1].name = "long ".repeat(100_000);
    let picture = check_picture(|path| critical_difference(path, &odd, 0.5, &[]));
    assert!(picture.width() < 4000, "{}", picture.width());
}

#[test]
fn what_is_no_comparison_is_refused() {
    let check = |ranks: &[f64], difference: f64, group: Range<usize>, expected: &str| {
        check_refused(
            |path| critical_difference(path, &methods(ranks), difference, from_ref(&group)),
            expected,
        );
    };
    check(&[1.0], 1.0, 0..1, "cannot draw the chart: ranks compare at least 2 methods, got 1");
    check(&[1.0, f64::NAN], 1.0, 0..2, "mean rank 1 is NaN; give only finite numbers");
    check(&[1.0, 2.0], f64::INFINITY, 0..2, "critical difference 0 is inf; give only finite numbers");
    check(
        &[1.0, 2.5],
        1.0,
        0..2,
        "cannot draw the chart: the method method 1 has the mean rank 2.5; give a rank from 1 to 2, the number of \
         methods",
    );
    check(
        &[1.0, 2.0],
        0.0,
        0..2,
        "cannot draw the chart: the critical difference is 0; give a number above 0",
    );
    for group in [0..3, 1..2] {
        let text =
            format!("cannot draw the chart: the group {group:?} is not a range of at least two of 2 methods");
        check(&[1.0, 2.0], 1.0, group, &text);
    }
}
