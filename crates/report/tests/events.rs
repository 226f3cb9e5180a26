//! Pictures of events: what was observed, what was expected, and what is normal.

mod common;

use ae_report::picture::*;
use common::{EXTREMES, check_drawn, check_picture, check_refused};

#[test]
fn a_timeline_shows_the_event_in_every_strip() {
    let line = |name: &str, factor: f64| {
        let points =
            (0..200).map(|step| (1.7e9 + 60.0 * f64::from(step), factor * f64::from(step % 24) + 1.0));
        (name.to_string(), points.collect::<Vec<_>>())
    };
    let strips = vec![
        Strip {
            title: "pressure".into(),
            y_name: "bar".into(),
            lines: vec![line("observed", 1.0), line("expected", 0.9)],
            normal: Some((0.0, 20.0)),
            ..Strip::default()
        },
        Strip {
            title: "score of the window that ends here".into(),
            y_name: "score".into(),
            logarithmic: true,
            lines: vec![line("score", 1e4)],
            level: Some(("threshold".into(), 3.0)),
            ..Strip::default()
        },
    ];
    let (start, end) = (1.7e9 + 3000.0, 1.7e9 + 6000.0);
    let whole = Timeline {
        x_name: "time, UTC".into(),
        times: Times::Dates,
        group: None,
        event: Some((start, end)),
        peak: Some(start + 600.0),
        strips,
    };
    let picture = check_picture(|path| timeline(path, &whole));
    assert_eq!(picture.dimensions(), (2 * 860, 2 * (2 * 190 + 30)));
    let colours = |picture: &image::RgbImage, colour: [u8; 3]| {
        picture.pixels().filter(|pixel| pixel.0 == colour).count()
    };
    let red = [0xE1, 0x57, 0x59];
    assert!(colours(&picture, red) > 400, "the peak and the threshold: {}", colours(&picture, red));
    let without = Timeline { event: None, peak: None, ..whole.clone() };
    let plain = check_picture(|path| timeline(path, &without));
    assert!(colours(&plain, red) < colours(&picture, red) && plain != picture);
    let numbers = Timeline { times: Times::None, ..whole.clone() };
    assert!(check_picture(|path| timeline(path, &numbers)) != picture, "dates are written as dates");
    let long = "a name that takes a good part of the width of a picture, ".repeat(2);
    let strip = |name: &str| Strip { lines: vec![line(name, 1.0)], ..Strip::default() };
    let strips = (0..3).map(|name| strip(&format!("{name} {long}"))).collect();
    let drawn = Timeline { strips, ..Timeline::default() };
    let picture = check_picture(|path| timeline(path, &drawn));
    assert_eq!(picture.height(), 2 * (3 * 190 + 3 * 30), "a row of its own for each long name");
    check_refused(|path| timeline(path, &Timeline::default()), "no points to draw; give at least one");
    let odd = Timeline { peak: Some(f64::NAN), ..whole };
    check_refused(|path| timeline(path, &odd), "place of the event 2 is NaN; give only finite numbers");
}

#[test]
fn a_cause_stands_beside_what_is_normal() {
    let cause = |share, value, expected| Cause {
        name: "pressure".into(),
        share,
        value,
        expected,
        normal: Some((1.0, 4.0)),
        text: String::new(),
    };
    let unseen = Cause {
        name: "mode".into(),
        share: 0.2,
        text: "mode is eco (not expected)".into(),
        ..Cause::default()
    };
    let all = [cause(0.7, Some(7.5), Some(3.1)), cause(0.1, None, None), unseen];
    let picture = check_picture(|path| causes(path, &all, None));
    assert_eq!(picture.height(), 2 * (28 + 12 + 48 * 3));
    let red = picture.pixels().filter(|pixel| pixel.0 == [0xE1, 0x57, 0x59]).count();
    assert!(
        (400..900).contains(&red),
        "a dot for the one value that was observed, and one in the key: {red}"
    );
    check_refused(|path| causes(path, &[], None), "no bars to draw; give at least one");
    check_refused(
        |path| causes(path, &[cause(1.5, None, None)], None),
        "cannot draw the chart: the bar pressure has the share 1.5; give a share from 0 to 1",
    );
    check_refused(
        |path| causes(path, &[cause(0.5, Some(f64::INFINITY), None)], None),
        "value 0 is inf; give only finite numbers",
    );
}

#[test]
fn timelines_and_causes_of_any_finite_numbers_end() {
    for [first, second] in EXTREMES {
        let kinds = [Times::None, Times::Dates, Times::Clock];
        for (times, logarithmic) in kinds.into_iter().flat_map(|times| [(times, false), (times, true)]) {
            let strip = Strip {
                title: "t".into(),
                y_name: "y".into(),
                logarithmic,
                lines: vec![("a".into(), vec![(first, second), (second, first)])],
                level: Some(("threshold".into(), first)),
                normal: Some((first, second)),
            };
            let (event, peak) = (Some((first, second)), Some(second));
            let (x_name, group) = ("x".into(), Some("\u{202e}m".repeat(300)));
            let all = Timeline { x_name, times, group, event, peak, strips: vec![strip] };
            check_drawn(|path| timeline(path, &all));
        }
        let name = "\u{1b}[31m</text>\u{202e}\u{0}".to_string();
        let normal = Some((first, second));
        let cause = Cause {
            name: name.clone(),
            share: 0.5,
            value: Some(first),
            expected: Some(second),
            normal,
            text: name,
        };
        let group = "\u{1b}m".repeat(300);
        check_drawn(|path| causes(path, std::slice::from_ref(&cause), Some(&group)));
    }
}

/// Whether every pixel of the columns at the right edge is white.
fn ends_before_its_edge(picture: &image::RgbImage) -> bool {
    let width = picture.width();
    picture.enumerate_pixels().all(|(x, _, pixel)| x + 6 < width || pixel.0 == [255; 3])
}

#[test]
fn titles_and_the_last_label_are_not_cut() {
    let day = 86_400.0;
    // The last label is at the end of the axis.
    let points = |n: usize| (0..=n).map(|step| (1.7e9 - 1.7e9 % day + step as f64 * day, 1.0)).collect();
    let strip = |title: &str| Strip {
        title: title.into(),
        lines: vec![("a".into(), points(24))],
        ..Strip::default()
    };
    let drawn = |title: &str, group: Option<&str>| {
        let group = group.map(String::from);
        let all = Timeline { times: Times::Dates, group, strips: vec![strip(title)], ..Timeline::default() };
        check_picture(|path| timeline(path, &all))
    };
    let long = "steps that would have to change to make the strongest window normal, and more";
    let picture = drawn(long, None);
    assert!(ends_before_its_edge(&picture));
    assert!(picture != drawn(&long[..60], None), "the end of the title is shown");
    let much = drawn(&long.repeat(9), None);
    assert!(ends_before_its_edge(&much) && much != picture, "what does not fit is cut");
    assert!(drawn(long, Some("m2")) != picture, "the group is named");
}
