//! `ae restore`: pictures of any size by a small model.

mod common;

use common::{Place, idx};
use ndarray::Array3;

fn model(corruption: &str) -> String {
    format!(
        r#"
[model.restoring]
channels = [4, 4]
corruption = {{ {corruption} = {{}} }}

[data]
set = "pictures-idx3-ubyte"
scale = "auto"

[training]
epochs = 1
batch = 8
"#
    )
}

fn place(corruption: &str) -> Place {
    let place = Place::new();
    let pixels: Vec<u8> = (0..60 * 256).map(|i| (i / 256 % 7 * 20 + i % 16 * 8) as u8).collect();
    place.write("pictures-idx3-ubyte", idx(&[60, 16, 16], &pixels));
    place.write("model.toml", model(corruption));
    place.check("train model.toml --threads 1 --out run", 0, &[]);
    picture(&place, "grey.png", [1, 40, 61]);
    picture(&place, "colour.png", [3, 33, 20]);
    place
}

fn picture(place: &Place, name: &str, shape: [usize; 3]) {
    let pixels = Array3::from_shape_fn(shape, |(channel, row, column)| {
        f32::from((row * 5 + column * 3 + channel * 40) as u8) / 255.0
    });
    ae_report::picture::image(&place.path(name), pixels.view()).unwrap();
}

#[test]
fn damage_at_a_place_that_is_not_told_needs_no_mask() {
    let place = place("watermark");
    place.check(
        "restore grey.png out.png --model run --threads 1",
        0,
        &["watermark undone, 40x61 pixels: out.png"],
    );
    let whole = place.read("out.png");
    assert_ne!(whole, place.read("grey.png"));
    let by_file = "restore grey.png tiled.png --model run/model.safetensors --tile 16 --json";
    let json: serde_json::Value = serde_json::from_str(&place.check(by_file, 0, &[]).stdout).unwrap();
    assert_eq!((&json["picture"], &json["damage"]), (&"tiled.png".into(), &"watermark".into()), "{json}");
    assert_eq!(json["tiles"], 3 * 4, "{json}");
    assert_eq!(place.read("tiled.png"), whole, "tiles have no seams");
    place.check("restore colour.png colour-out.png --model run", 0, &["33x20"]);
    place.check_refused("restore grey.png o.png --model run --tile 0", 2, &["--tile between 1 and 4096"]);
    place.check_refused("restore grey.png o.png --model run --mask grey.png", 2, &["watermark"]);
    place.check_refused("restore none.png o.png --model run", 2, &["none.png"]);
    place.check_refused("restore model.toml o.png --model run", 2, &["model.toml"]);
    place.check("train mine.toml --threads 1 --out other", 0, &[]);
    place.check_refused(
        "restore grey.png o.png --model other",
        2,
        &["`vanilla`", "does not restore pictures", "ae train restoring"],
    );
    assert!(!place.path("o.png").exists());
}

#[test]
fn scratches_need_a_mask_of_the_same_size() {
    let place = place("scratches");
    place.check_refused("restore grey.png o.png --model run", 2, &["has to be told where", "--mask"]);
    picture(&place, "small.png", [1, 4, 5]);
    place.check_refused("restore grey.png o.png --model run --mask small.png", 2, &["small.png", "40"]);
    let black = Array3::<f32>::zeros((1, 40, 61));
    ae_report::picture::image(&place.path("black.png"), black.view()).unwrap();
    place.check_refused("restore grey.png o.png --model run --mask black.png", 2, &["black.png"]);
    let line = Array3::from_shape_fn((1, 40, 61), |(_, row, _)| if row == 20 { 1.0f32 } else { 0.0 });
    ae_report::picture::image(&place.path("line.png"), line.view()).unwrap();
    place.check("restore grey.png o.png --model run --mask line.png", 0, &["scratches undone"]);
    // Pixels outside the mask stay as they are.
    let [before, after] = ["grey.png", "o.png"].map(|name| ae_datasets::picture(&place.path(name)).unwrap());
    for ((_, row, column), value) in before.indexed_iter() {
        assert!(row == 20 || (value - after[[0, row, column]]).abs() < 1e-6, "{row} {column}");
    }
}
