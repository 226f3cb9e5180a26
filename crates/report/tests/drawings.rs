//! What lies beside a picture: the drawing of a chart, and what a reader explores; curves of detectors.

mod common;

use ae_report::ReportError;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::*;
use common::{EXTREMES, check_drawn, check_picture, check_refused};
use ndarray::Array4;
use std::path::Path;

/// The drawing beside a chart of a gallery.
fn on_a_page(draw: impl FnOnce(&Path) -> Result<(), ReportError>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let entry = Entry { file: "a.png".into(), order: 0, title: "A".into(), caption: "A chart.".into() };
    Gallery::new(folder.path()).add(entry, draw).unwrap();
    std::fs::read_to_string(folder.path().join("a.svg")).unwrap()
}

#[test]
fn a_chart_that_is_not_for_a_page_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    score_histograms(&folder.path().join("a.png"), &[0.1], &[0.9], 0.7, "score").unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_chart_has_a_drawing_beside_it_that_follows_the_screen() {
    let drawing = on_a_page(|path| score_histograms(path, &[0.1, 0.2, 0.3], &[0.9], 0.7, "score"));
    assert!(
        drawing.contains("prefers-color-scheme:dark") && drawing.contains("font-family:system-ui"),
        "{drawing}"
    );
    // The threshold is dashed in the plot; so it is in the legend, which is drawn last.
    let legend = drawing.rsplit("threshold 0.7").next().unwrap();
    let dashes = legend.matches("stroke=\"#24292F\"").count();
    assert!(dashes >= 2, "{dashes} dashes");
}

#[test]
fn detection_curves_show_chance_and_areas() {
    let curve = |name: &str, points: &[(f64, f64)]| DetectionCurve {
        name: name.into(),
        points: points.into(),
        area: 0.987,
    };
    let early = on_a_page(|path| roc(path, &[curve("one", &[(0.0, 0.0), (0.02, 0.9), (1.0, 1.0)])]));
    for part in ["0.987  one", "0.500  chance", "the first tenth"] {
        assert!(early.contains(part), "{part}");
    }
    let late = on_a_page(|path| roc(path, &[curve("one", &[(0.0, 0.0), (0.4, 0.5), (1.0, 1.0)])]));
    assert!(!late.contains("the first tenth"));
    let points = [(0.0, 1.0), (0.0, 0.0), (0.5, 0.6), (1.0, 0.1)];
    assert!(
        on_a_page(|path| precision_recall(path, &[curve("one", &points)], 0.1)).contains("0.100  chance")
    );
    check_refused(
        |p| precision_recall(p, &[curve("a", &[(0.0, 1.0)])], 0.1),
        "no points to draw; give at least one",
    );
    check_refused(
        |p| roc(p, &[curve("a", &[(0.0, 1.5)])]),
        "cannot draw the chart: a rate of 1.5 is outside of 0 to 1",
    );
}

#[test]
fn a_plane_is_explored_with_as_many_images_as_steps() {
    let images = Array4::zeros((9, 1, 4, 4));
    let steps = [-1.0, 0.0, 1.0];
    check_picture(|path| latent_plane(path, images.view(), ["first", "second"], &steps));
    check_refused(
        |path| latent_plane(path, images.view(), ["first", "second"], &steps[..2]),
        "images have shape [9], but must have shape [4]",
    );
}

#[test]
fn an_interval_of_any_size_is_drawn() {
    for [first, second] in EXTREMES {
        let interval = Some((0.0, first.abs().min(second.abs()).min(1.0)));
        check_drawn(|path| bars(path, &[Bar { name: "a".into(), share: 0.5, interval }]));
    }
}
