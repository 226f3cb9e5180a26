//! `ae sample`: new images from a trained model.

mod common;

use common::{Place, idx};

#[test]
fn an_autoencoder_draws_new_images_into_the_report_of_its_run() {
    let place = Place::new();
    let pixels: Vec<u8> = (0..60 * 64).map(|i| (i / 64 % 7 * 30 + i % 8 * 8) as u8).collect();
    place.write("pictures-idx3-ubyte", idx(&[60, 8, 8], &pixels));
    let images = "--set data.set=pictures-idx3-ubyte --set data.scale=auto";
    place.check(&format!("train mine.toml --threads 1 --out run {images}"), 0, &[]);
    place.check("sample run --threads 1", 0, &["100 samples by gmm, seed 0: run/images/samples-gmm.png"]);
    let first = place.read("run/images/samples-gmm.png");
    assert!(place.text("run/report.html").contains("New samples, gmm"));
    place.check("sample run/model.safetensors --threads 1 --out again.png", 0, &["again.png"]);
    assert_eq!(place.read("again.png"), first, "equal seeds give equal bytes");
    let ran = place.check("sample run --sampler gaussian --n 5 --seed 2 --out five.png --json", 0, &[]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let expected =
        serde_json::json!({ "sampler": "gaussian", "samples": 5, "seed": 2, "picture": "five.png" });
    assert_eq!(json, expected);

    place.write("alone.safetensors", place.read("run/model.safetensors"));
    place.check_refused(
        "sample alone.safetensors",
        2,
        &["alone.safetensors does not hold", "folder of the run"],
    );
    place.check_refused("sample run --sampler positions", 2, &["the codes of this model are numbers"]);
    place.check_refused("sample run --n 0", 2, &["ask for 1 to 10000 with --n"]);
    place.check_refused("sample nowhere.safetensors", 1, &["nowhere.safetensors"]);
}
