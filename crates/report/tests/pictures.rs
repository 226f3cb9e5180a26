//! Every picture is a PNG of the expected size and always the same bytes; invalid input is refused.

mod common;

use ae_records::metrics::MetricLine;
use ae_records::seed::stream_rng;
use ae_report::ReportError;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::*;
use common::{Draw, EXTREMES, check_drawn, check_picture, check_refused};
use image::Rgb;
use ndarray::{Array2, Array4, s};
use rand::RngExt;
use std::path::Path;

fn values(purpose: &str, n: usize) -> Vec<f64> {
    let mut rng = stream_rng(3, purpose, 0);
    (0..n).map(|_| rng.random::<f64>()).collect()
}

fn images(n: usize, channels: usize) -> Array4<f32> {
    let pixels = values("images", n * channels * 8 * 6).into_iter().map(|v| v as f32).collect();
    Array4::from_shape_vec((n, channels, 8, 6), pixels).unwrap()
}

fn series(purpose: &str, n: usize) -> Array2<f32> {
    let points = values(purpose, n * 40).into_iter().map(|v| v as f32).collect();
    Array2::from_shape_vec((n, 40), points).unwrap()
}

#[test]
fn lines_take_labelled_points() {
    let line = |name: &str, points: &[(f64, f64)], labels: &[&str]| Line {
        name: name.into(),
        points: points.into(),
        labels: labels.iter().map(|label| label.to_string()).collect(),
    };
    let both = [line("a", &[(1.0, 2.0), (2.0, 1.0)], &["low", "high"]), line("b", &[(1.5, 0.0)], &[])];
    check_picture(|path| picture_of(path, &both));
    check_refused(|path| picture_of(path, &[]), "no points to draw; give at least one");
    check_refused(
        |path| picture_of(path, &[line("a", &[(f64::NAN, 1.0)], &[])]),
        "coordinate 0 is NaN; give only finite numbers",
    );
    let short = [line("a", &[(1.0, 1.0), (2.0, 2.0)], &["one"])];
    check_refused(|path| picture_of(path, &short), "labels have shape [1], but must have shape [2]");
}

fn picture_of(path: &Path, of: &[Line]) -> Draw {
    ae_report::picture::lines(path, "x", "y", of)
}

fn metric_lines() -> Vec<MetricLine> {
    let value = |step: u64| 500.0 / step as f64 + 1.0;
    let line = |step| MetricLine {
        step,
        epoch: step / 100,
        split: if step % 10 == 0 { "validation" } else { "train" }.into(),
        terms: [("loss".to_string(), value(step)), ("kl".to_string(), 3.0)].into(),
    };
    (1..200).map(line).collect()
}

#[test]
fn images_are_enlarged_by_whole_pixels() {
    let images = images(5, 1);
    let picture = check_picture(|path| image_grid(path, images.view(), 3));
    // 8 x 6 pixels fit 14 times into a tile of 112; gaps of 4 between.
    assert_eq!(picture.dimensions(), (3 * 84 + 2 * 4, 2 * 112 + 4));
    for (index, row, column) in [(0, 0, 0), (1, 7, 5), (4, 3, 2)] {
        let (left, top) = ((index % 3) * 88 + column * 14, (index / 3) * 116 + row * 14);
        let grey = (images[[index, 0, row, column]] * 255.0).round() as u8;
        for corner in [0, 13] {
            let pixel = picture.get_pixel((left + corner) as u32, (top + corner) as u32);
            assert_eq!(*pixel, Rgb([grey; 3]), "image {index}, row {row}, column {column}");
        }
    }
    // The cell without an image stays empty.
    assert_eq!(*picture.get_pixel(250, 220), Rgb([255; 3]));
}

#[test]
fn a_manifold_has_no_gaps_and_colours_stay() {
    let images = images(4, 3);
    let picture = check_picture(|path| latent_manifold(path, images.view(), 2));
    assert_eq!(picture.dimensions(), (2 * 84, 2 * 112));
    let expected: [u8; 3] = std::array::from_fn(|c| (images[[3, c, 0, 0]] * 255.0).round() as u8);
    assert_eq!(*picture.get_pixel(84, 112), Rgb(expected));
}

#[test]
fn values_outside_the_range_are_clamped_and_nan_stands_out() {
    let mut images = Array4::zeros((1, 1, 2, 2));
    images.slice_mut(s![0, 0, 0, ..]).assign(&ndarray::arr1(&[-3.0, 7.0]));
    images[[0, 0, 1, 0]] = f32::NAN;
    let picture = check_picture(|path| image_grid(path, images.view(), 10));
    let pixels = [(0, 0), (111, 0), (0, 111)].map(|(x, y)| picture.get_pixel(x, y).0);
    assert_eq!(pixels, [[0; 3], [255; 3], [255, 0, 80]]);
}

#[test]
fn rows_have_labels_at_their_left() {
    let images = images(4, 1);
    let rows = [("original", images.view()), ("reconstruction", images.view())];
    let picture = check_picture(|path| image_rows(path, &rows));
    let room = picture.width() - (4 * 84 + 3 * 4);
    assert!((100..250).contains(&room), "{room} pixels for the labels");
    let dark = |from: u32| (from..from + 112).any(|y| (0..room).any(|x| picture.get_pixel(x, y).0[0] < 150));
    assert!(dark(0) && dark(116), "a label is not drawn");
    let clear = |x: u32| (0..picture.height()).all(|y| picture.get_pixel(x, y).0 == [255; 3]);
    assert!(clear(0) && clear(room - 1), "a label touches the edge or the images");
}

fn plain_map(path: &Path, points: &Array2<f32>, labels: &[String]) -> Draw {
    let map = Map { points: points.clone(), ..Map::default() };
    maps(path, &[map], About { labels, ..About::default() })
}

#[test]
fn charts_are_drawn_with_ink() {
    let (normal, anomalous) = (values("normal", 300), values("anomalous", 20));
    let titles: Vec<String> = (0..6).map(|i| format!("beat {i}")).collect();
    let points = Array2::from_shape_fn((50, 2), |(i, j)| (i * (j + 1) % 17) as f32);
    let labels: Vec<String> = (0..50).map(|i| (i % 12).to_string()).collect();
    let charts = [
        (check_picture(|p| score_histograms(p, &normal, &anomalous, 0.7, "score")), (1720, 840)),
        (
            check_picture(|p| series_pairs(p, series("x", 6).view(), series("y", 6).view(), &titles)),
            (2040, 948),
        ),
        (check_picture(|p| curves(p, &metric_lines())), (1840, 580)),
        (check_picture(|p| plain_map(p, &points, &labels)), (1200, 892)),
    ];
    for (chart, size) in charts {
        assert_eq!(chart.dimensions(), size);
        let inked = chart.pixels().filter(|pixel| pixel.0 != [255; 3]).count();
        assert!(inked > 5000, "only {inked} pixels of {size:?} are drawn");
        assert_eq!(*chart.get_pixel(0, 0), Rgb([255; 3]));
    }
}

#[test]
fn odd_but_legal_numbers_are_drawn() {
    let one = [0.5];
    check_picture(|p| score_histograms(p, &one, &[], 0.5, "score"));
    check_picture(|p| score_histograms(p, &[0.0; 3], &[0.0], 0.0, "score"));
    check_picture(|p| score_histograms(p, &[1.0, 1.1, 1.2, 1e30], &[1.3], -5.0, "score"));
    check_picture(|p| {
        plain_map(p, &Array2::zeros((1, 2)), &["a label that is much too long for its place".into()])
    });
    check_picture(|p| series_pairs(p, Array2::zeros((1, 1)).view(), Array2::zeros((1, 1)).view(), &["a"]));
    let single =
        MetricLine { step: 0, epoch: 0, split: "test".into(), terms: [("loss".to_string(), -1e-9)].into() };
    check_picture(|p| curves(p, std::slice::from_ref(&single)));
    check_picture(|p| image_grid(p, Array4::zeros((1, 1, 1, 3000)).view(), usize::MAX));
}

#[test]
fn charts_of_any_finite_numbers_end() {
    let metrics = |[first, second]: [f64; 2]| {
        let line = |(step, value)| MetricLine {
            step,
            epoch: 0,
            split: "train".into(),
            terms: [("loss".to_string(), value)].into(),
        };
        [(0, first), (1, second), (u64::MAX, first), (2, f64::NAN), (3, f64::INFINITY)].map(line)
    };
    for pair @ [first, second] in EXTREMES {
        check_drawn(|path| curves(path, &metrics(pair)));
        check_drawn(|path| curves(path, &metrics(pair)[..1]));
        check_drawn(|path| score_histograms(path, &pair, &[second], first, "score"));
        check_drawn(|path| score_histograms(path, &[first], &[], first, "score"));
        let points = vec![(first, second), (second, first)];
        let line = Line { name: "a".into(), points: points.clone(), labels: vec!["b".into(), "c".into()] };
        check_drawn(|path| picture_of(path, std::slice::from_ref(&line)));
        for logarithmic in [false, true].into_iter().filter(|logarithmic| !logarithmic || second > 0.0) {
            let axis = Axis { name: "x".into(), logarithmic };
            // Over ten names, so that the later lines are dashed.
            let line = |name: i32| (name.to_string(), vec![(second, second), (first, first)]);
            let (x, y, lines) = (axis.clone(), axis, (0..11).map(line).collect());
            let panel = Panel { title: "t".into(), x, y, lines };
            check_drawn(|path| ae_report::picture::panels(path, std::slice::from_ref(&panel)));
        }
        let place = |value: f64| value.abs().max(5e-324);
        let points = vec![(place(first), first, place(second)), (place(second), second, 0.0)];
        check_drawn(|path| bands(path, "x", "y", &[Band { name: "a".into(), points: points.clone() }]));
    }
    for pair in [[f32::MIN, f32::MAX], [f32::MAX; 2], [0.0, f32::from_bits(1)]] {
        let points = Array2::from_shape_vec((2, 2), [pair, pair].concat()).unwrap();
        check_drawn(|path| plain_map(path, &points, &["a".into(), "b".into()]));
        check_drawn(|path| series_pairs(path, points.view(), (-&points).view(), &["a", "b"]));
    }
}

#[test]
fn names_from_a_file_may_hold_anything() {
    let name = "\u{1b}[31m</text><script>&\u{202e}\u{0}\u{ffff}\n".to_string();
    check_drawn(|path| bars(path, &[Bar { name: name.clone(), share: 0.5, interval: None }]));
    let line = (name.clone(), vec![(0.0, 1.0), (1.0, 2.0)]);
    let axis = Axis { name: name.clone(), logarithmic: false };
    let panel = Panel { title: name.clone(), x: axis.clone(), y: axis, lines: vec![line] };
    check_drawn(|path| ae_report::picture::panels(path, std::slice::from_ref(&panel)));
    check_drawn(|path| plain_map(path, &Array2::zeros((1, 2)), std::slice::from_ref(&name)));
    check_drawn(|path| series_pairs(path, series("x", 1).view(), series("y", 1).view(), &[&name]));
    check_drawn(|path| image_rows(path, &[(&name, images(2, 1).view())]));
    let long = Bar { name: "long ".repeat(100_000), share: 0.5, interval: None };
    let picture = check_picture(|path| bars(path, std::slice::from_ref(&long)));
    assert!(picture.width() < 4000, "{}", picture.width());
}

#[test]
fn invalid_input_is_refused() {
    let good = images(2, 1);
    check_refused(|p| image_grid(p, images(0, 1).view(), 3), "no images to draw; give at least one");
    check_refused(|p| image_grid(p, good.view(), 0), "no images to draw; give at least one");
    check_refused(
        |p| image_grid(p, images(2, 2).view(), 3),
        "images have 2 channels; give 1 (grey) or 3 (red, green, blue)",
    );
    check_refused(|p| image_rows::<&str>(p, &[]), "no rows of images to draw; give at least one");
    check_refused(
        |p| image_rows(p, &[("a", good.view()), ("b", good.slice(s![..1, .., .., ..]))]),
        "rows of images have shape [1, 1, 8, 6], but must have shape [2, 1, 8, 6]",
    );
    check_refused(
        |p| latent_manifold(p, Array4::zeros((9, 1, 3000, 3000)).view(), 3),
        "the picture would have 9000 x 9000 pixels; give fewer images or columns",
    );
    check_refused(
        |p| series_pairs(p, series("x", 2).view(), series("y", 2).view(), &["one"]),
        "titles have shape [1], but must have shape [2]",
    );
    check_refused(
        |p| score_histograms(p, &[0.1, f64::NAN], &[], 0.5, "score"),
        "normal score 1 is NaN; give only finite numbers",
    );
    check_refused(|p| score_histograms(p, &[], &[], 0.5, "score"), "no scores to draw; give at least one");
    check_refused(
        |p| plain_map(p, &Array2::zeros((3, 4)), &["1", "2", "3"].map(String::from)),
        "points have shape [3, 4], but must have shape [3, 2]",
    );
    check_refused(|p| curves(p, &[]), "no metrics to draw; give at least one");
}

#[test]
fn a_gallery_lists_its_pictures_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let gallery = Gallery::new(folder.path().join("images"));
    let entry = |file: &str, order| Entry { file: file.into(), order, ..Default::default() };
    let draw = |path: &Path| image_grid(path, images(1, 1).view(), 1);
    assert_eq!(gallery.entries().unwrap(), []);
    for (file, order) in [("late.png", 9), ("b.png", 1), ("a.png", 1), ("late.png", 0)] {
        gallery.add(entry(file, order), draw).unwrap();
    }
    assert_eq!(gallery.entries().unwrap(), [entry("late.png", 0), entry("a.png", 1), entry("b.png", 1)]);

    let failed = gallery.add(entry("c.png", 2), |path| image_grid(path, images(0, 1).view(), 1));
    assert!(failed.is_err() && gallery.entries().unwrap().len() == 3);
    for name in ["../a.png", "a/b.png", "a\\b.png", "/etc/a.png", "C:a.png", ".png", "", "a.html"] {
        assert!(matches!(gallery.add(entry(name, 0), draw), Err(ReportError::Name(_))), "{name}");
    }
}

#[test]
fn bands_stand_over_a_logarithmic_axis() {
    let band = |name: &str, height: f64| Band {
        name: name.into(),
        points: vec![(100.0, height, 1.0), (1000.0, height / 2.0, 0.5), (60000.0, 1.0, 0.0)],
    };
    let both = [band("random", 20.0), band("pre-trained", 8.0)];
    let picture = check_picture(|path| bands(path, "labels", "error in %", &both));
    assert_eq!(picture.dimensions(), (1240, 760));
    check_refused(|path| bands(path, "", "", &[]), "no points to draw; give at least one");
}

#[test]
fn bars_are_as_long_as_their_shares() {
    let bar = |name: &str, share, interval| Bar { name: name.into(), share, interval };
    let both = [bar("normal", 0.0, None), bar("a class with a long name", 1.0, None), bar("half", 0.5, None)];
    let picture = check_picture(|path| bars(path, &both));
    let blue = Rgb([0x4E, 0x79, 0xA7]);
    // Filled pixels along the middle of a bar; a picture has two pixels for each pixel of the page.
    let filled = |row: u32| {
        let y = 2 * (12 + 28 * row + 14);
        (0..picture.width()).filter(|&x| *picture.get_pixel(x, y) == blue).count()
    };
    let (whole, half) = (filled(1), filled(2));
    assert_eq!(filled(0), 0);
    assert!((835..=842).contains(&whole) && (half as i64 - whole as i64 / 2).abs() <= 3, "{whole} {half}");
    check_refused(|path| bars(path, &[]), "no bars to draw; give at least one");
    check_refused(
        |path| bars(path, &[bar("a", 0.6, Some((-2.558, 3.758)))]),
        "cannot draw the chart: the bar a has the share 0.6 [-2.558, 3.758]; give shares from 0 to 1",
    );
}

#[test]
fn dots_lie_on_a_logarithmic_axis() {
    let row = |name: &str, values: &[Option<f64>]| DotRow { name: name.into(), values: values.into() };
    let rows =
        [row("a", &[Some(1.0), None]), row("b", &[Some(10.0), Some(2.0)]), row("c", &[Some(100.0), None])];
    let picture = check_picture(|path| dots(path, "times the floor", &["ours", "theirs"], &rows, 1.0));
    let blue = Rgb([0x4E, 0x79, 0xA7]);
    let middle = |row: u32| {
        let y = 2 * (14 + 24 + 24 * row + 12);
        let filled: Vec<u32> = (0..picture.width()).filter(|&x| *picture.get_pixel(x, y) == blue).collect();
        assert!(!filled.is_empty(), "no dot in row {row}");
        i64::from(filled[0] + filled[filled.len() - 1]) / 2
    };
    let places = [0, 1, 2].map(middle);
    assert!(places[1] - places[0] > 300, "{places:?}");
    assert!(((places[2] - places[1]) - (places[1] - places[0])).abs() <= 3, "{places:?}");
    let draw = |rows: &[DotRow], mark| {
        let rows = rows.to_vec();
        move |path: &Path| dots(path, "x", &["ours", "theirs"], &rows, mark)
    };
    check_refused(draw(&[], 1.0), "no dots to draw; give at least one");
    check_refused(
        draw(&[row("a", &[Some(1.0)])], 1.0),
        "values of a row of dots have shape [1], but must have shape [2]",
    );
    check_refused(
        draw(&rows, 0.0),
        "cannot draw the chart: a dot at 0 has no place on a logarithmic axis; give values above 0",
    );
}

#[test]
fn lines_have_panels_side_by_side_and_a_legend() {
    let axis = |name: &str, logarithmic| Axis { name: name.into(), logarithmic };
    let line = |factor: f64| (1..40).map(|i| (f64::from(i), factor / f64::from(i))).collect::<Vec<_>>();
    for n_panels in 1..4 {
        let panels: Vec<Panel> = (0..n_panels)
            .map(|panel| Panel {
                title: format!("Panel {panel}"),
                x: axis("samples", panel % 2 == 1),
                y: axis("MSE", panel > 0),
                lines: (0..12).map(|i| (format!("line {i}"), line(f64::from(i + 1)))).collect(),
            })
            .collect();
        let picture = check_picture(|path| ae_report::picture::panels(path, &panels));
        let columns = if n_panels == 1 { 1 } else { 2 };
        assert!(picture.width() > 2 * 460 * columns && picture.width() < 2 * (460 * columns + 200));
        assert_eq!(picture.height(), 2 * 340 * (n_panels as u32).div_ceil(columns));
    }
    check_refused(|path| ae_report::picture::panels(path, &[]), "no panels to draw; give at least one");
    // Values at or below zero cannot be drawn on a logarithmic axis.
    let panel =
        |y| Panel { y: axis("", true), lines: vec![("a".into(), vec![(1.0, y)])], ..Panel::default() };
    check_refused(
        |path| ae_report::picture::panels(path, &[panel(0.0)]),
        "no points to draw; give at least one",
    );
    check_refused(
        |path| ae_report::picture::panels(path, &[panel(f64::NAN)]),
        "coordinate 1 is NaN; give only finite numbers",
    );
}
