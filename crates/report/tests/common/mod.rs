//! Test helpers: what is drawn, and what is refused.

use ae_report::ReportError;
use image::RgbImage;
use std::path::Path;

pub(crate) type Draw = Result<(), ReportError>;

/// Pairs of values whose sums, differences or ratios leave the range of numbers, or whose distance is the least.
pub(crate) const EXTREMES: [[f64; 2]; 9] = [
    [1e308, 1e308],
    [f64::MIN, f64::MAX],
    [-1e308, 1e308],
    [5e-324, 1e308],
    [0.0, 5e-324],
    [5e-324, 1e-323],
    [1e-310, 3e-309],
    [-1e-320, -5e-324],
    [1e15, 1e15 + 0.125],
];

/// Draws twice into a folder that does not exist yet.
#[track_caller]
pub(crate) fn check_picture(draw: impl Fn(&Path) -> Draw) -> RgbImage {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["a/first.png", "b/second.png"].map(|name| folder.path().join(name));
    draw(&first).unwrap();
    draw(&second).unwrap();
    let bytes = std::fs::read(&first).unwrap();
    assert!(bytes == std::fs::read(&second).unwrap(), "the same input gave two pictures");
    image::load_from_memory_with_format(&bytes, image::ImageFormat::Png).unwrap().to_rgb8()
}

/// Draws once: for many pictures whose bytes do not matter.
#[track_caller]
pub(crate) fn check_drawn(draw: impl Fn(&Path) -> Draw) {
    let folder = tempfile::tempdir().unwrap();
    draw(&folder.path().join("a.png")).unwrap();
}

#[track_caller]
pub(crate) fn check_refused(draw: impl Fn(&Path) -> Draw, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let error = draw(&folder.path().join("a.png")).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a refused picture left a file");
}
