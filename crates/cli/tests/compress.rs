//! `ae compress` and `ae decompress`: pictures to a file, and back.

mod common;

use common::{Place, idx};
use ndarray::Array3;

const MODEL: &str = r#"
[model.factorised]
channels = 8
residual_blocks = 1
latent = 4

[data]
set = "pictures-idx3-ubyte"
scale = "auto"

[training]
epochs = 2
batch = 8
"#;

fn picture(place: &Place, name: &str, channels: usize, shift: usize) {
    let pixels = Array3::from_shape_fn((channels, 30, 50), |(channel, row, column)| {
        f32::from((row * 5 + column * 3 + channel * 40 + shift) as u8) / 255.0
    });
    ae_report::picture::image(&place.path(name), pixels.view()).unwrap();
}

#[test]
fn pictures_become_a_small_file_and_pictures_again() {
    let place = Place::new();
    let pixels: Vec<u8> = (0..60 * 256).map(|i| (i / 256 % 7 * 20 + i % 16 * 8) as u8).collect();
    place.write("pictures-idx3-ubyte", idx(&[60, 16, 16], &pixels));
    place.write("model.toml", MODEL);
    place.check("train model.toml --threads 1 --out run", 0, &[]);
    picture(&place, "one.png", 1, 0);
    place.check(
        "compress one.png --model run --quality 80",
        0,
        &["1 picture, ", "bits a pixel", ": one.aec"],
    );
    place.check_refused("compress one.png --model run", 2, &["one.aec exists already", "--force"]);
    place.check_refused("decompress one.aec --model run", 2, &["one.png exists already", "--force"]);
    place.check(
        "decompress one.aec --model run/model.safetensors --out back.png",
        0,
        &["1 picture: back.png"],
    );
    let first = place.read("back.png");
    place.check("decompress one.aec --model run --out back.png --force", 0, &[]);
    assert_eq!(place.read("back.png"), first, "equal files give equal pictures");

    std::fs::create_dir(place.path("folder")).unwrap();
    picture(&place, "folder/a.png", 1, 1);
    picture(&place, "folder/b.png", 1, 2);
    let ran = place.check("compress folder --model run --quality 20 --json", 0, &[]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&json["pictures"], &json["file"]), (&2.into(), &"folder.aec".into()), "{json}");
    assert_eq!(json["bytes"], place.read("folder.aec").len(), "{json}");
    place.check("decompress folder.aec --model run --out out", 0, &["2 pictures: out"]);
    assert!(place.path("out/a.png").is_file() && place.path("out/b.png").is_file());

    let mut damaged = place.read("one.aec");
    damaged[20] ^= 1;
    place.write("damaged.aec", &damaged);
    place.check_refused("decompress damaged.aec --model run", 2, &["damaged.aec: the file is damaged"]);
    place.check_refused("decompress one.png --model run", 2, &["one.png: this is not a file of compressed"]);
    picture(&place, "colour.png", 3, 0);
    place.check_refused("compress colour.png --model run", 2, &["is a colour picture", "data.set=cifar10"]);
    place.check("train mine.toml --threads 1 --out other", 0, &[]);
    place.check_refused(
        "compress one.png --model other --force",
        2,
        &["does not compress", "ae train factorised"],
    );
    place.check("compress one.png --model run --quality 101", 2, &["0..=100"]);
}

const EXACT: &str = r#"
[model.vae]
latent = 4
likelihood = "beta_binomial"

[model.vae.encoder.dense]
hidden = [16]

[data]
set = "pictures-idx3-ubyte"
scale = "auto"

[training]
epochs = 1
batch = 8
"#;

#[test]
fn a_model_of_grey_levels_stores_pictures_exactly() {
    let place = Place::new();
    let pixels: Vec<u8> = (0..60 * 256).map(|i| (i / 256 % 7 * 20 + i % 16 * 8) as u8).collect();
    place.write("pictures-idx3-ubyte", idx(&[60, 16, 16], &pixels));
    place.write("exact.toml", EXACT);
    place.check("train exact.toml --threads 1 --out run", 0, &[]);
    let pixels = Array3::from_shape_fn((1, 16, 16), |(_, row, column)| (row * 16 + column) as f32 / 255.0);
    ae_report::picture::image(&place.path("one.png"), pixels.view()).unwrap();
    place.check("compress one.png --model run", 0, &["1 picture, ", "bits a pixel, exact: one.aec"]);
    place.check("decompress one.aec --model run --out back.png", 0, &["1 picture: back.png"]);
    assert_eq!(place.read("back.png"), place.read("one.png"));
    place.check_refused(
        "compress one.png --model run --quality 50 --force",
        2,
        &["stores pictures exactly", "leave it out"],
    );
    picture(&place, "large.png", 1, 0);
    place.check_refused(
        "compress large.png --model run",
        2,
        &["large.png has 30 × 50 pixels, but the model stores pictures of 16 × 16 only"],
    );
    let mut damaged = place.read("one.aec");
    damaged[30] ^= 1;
    place.write("damaged.aec", &damaged);
    place.check_refused("decompress damaged.aec --model run", 2, &["damaged.aec: the file is damaged"]);
}
