//! `ae encode`, `ae reconstruct` and `ae interpolate`: a trained model in use.

mod common;

use common::{Place, idx, table};

#[test]
fn a_model_of_a_table_gives_codes_and_reconstructions_of_a_new_table() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    let found = "12 test rows of rows.csv: codes of 2 numbers, mean squared error";
    place.check("encode run --threads 1 --out codes.csv", 0, &[found, ": codes.csv"]);
    assert!(place.text("codes.csv").starts_with("row,squared_error,code_0,code_1\n0,"));
    let ran = place.check("encode run rows.csv --threads 1 --out codes.npy --json", 0, &[]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&json["rows"], &json["files"][1]), (&60.into(), &"codes.rows.csv".into()));
    place.check("encode run --split train --threads 1 --out train.csv", 0, &["train rows of rows.csv"]);
    place.check(
        "reconstruct run rows.csv --threads 1 --out back.csv",
        0,
        &["60 rows of rows.csv: reconstructed"],
    );
    assert!(place.text("back.csv").starts_with("row,squared_error,a,b,c,d\n"));
    place.check("sample run --threads 1 --n 3 --out new.csv", 0, &["3 samples by gmm, seed 0: new.csv"]);
    assert!(place.text("new.csv").starts_with("row,a,b,c,d\n0,"));
    place.write("narrow.csv", table(3).replace(",d\n", ",e\n"));
    place.check_refused("encode run narrow.csv --out x.csv", 2, &["narrow.csv", "`d`"]);
    place.check_refused("encode run mnits --out x.csv", 2, &["did you mean `mnist`?"]);
    place.check_refused("encode . --out x.csv", 2, &["holds no run"]);
    place.check_refused("encode run --out codes.xls", 2, &["end it in .csv or .npy"]);
    place.check_refused("sample run --label 3", 2, &["`vanilla` is not given labels"]);
}

#[test]
fn a_model_of_images_writes_pictures() {
    let place = Place::new();
    let pixels: Vec<u8> = (0..60 * 64).map(|i| (i / 64 % 7 * 30 + i % 8 * 8) as u8).collect();
    place.write("pictures-idx3-ubyte", idx(&[60, 8, 8], &pixels));
    place.check(
        "train mine.toml --threads 1 --out run --set data.set=pictures-idx3-ubyte --set data.scale=auto",
        0,
        &[],
    );
    place.check(
        "reconstruct run --threads 1 --out back/",
        0,
        &["12 test rows of pictures-idx3-ubyte", ": back"],
    );
    let files = common::files(&place.path("back"));
    assert_eq!((files.len(), files[0].as_str(), files[12].as_str()), (13, "00.png", "rows.csv"));
    // What it has written is an input again: same channels, same size, same scale.
    place.check("encode run back --threads 1 --out codes.csv", 0, &["12 rows of back"]);
    assert!(place.text("codes.csv").starts_with("row,file,squared_error,code_0,code_1\n0,00.png,"));
    place.check("encode run back/00.png --threads 1 --out one.csv", 0, &["1 row of back/00.png"]);
    let path = "interpolate run --from 0 --to 5 --steps 7 --threads 1";
    place.check(
        &format!("{path} --out path.png"),
        0,
        &["between rows 0 and 5 of test rows", "linear: path.png"],
    );
    place.check(&format!("{path} --path spherical --out path/"), 0, &["spherical: path"]);
    assert_eq!(common::files(&place.path("path")).len(), 8);
    check_in_pytorch(&place);
    place.write("large-idx3-ubyte", idx(&[2, 9, 9], &[0; 162]));
    place.check_refused("encode run large-idx3-ubyte --out x.csv", 2, &["1x9x9, but the model takes 1x8x8"]);
    // Pictures can be resized.
    let wide = "train mine.toml --threads 1 --out wide --set data.set=large-idx3-ubyte --set data.scale=auto";
    let many: Vec<u8> = (0..20 * 81).map(|i| (i / 81 % 7 * 30 + i % 9 * 8) as u8).collect();
    place.write("large-idx3-ubyte", idx(&[20, 9, 9], &many));
    place.check(wide, 0, &[]);
    place.check_refused(
        "encode wide back --out x.csv",
        2,
        &["1x8x8, but the model takes 1x9x9; resize them with --resize"],
    );
    place.check("encode wide back --resize --threads 1 --out x.csv", 0, &["12 rows of back"]);
}

/// Loads the model of `run` into PyTorch, where there is a Python that has it: `PYTHON`, or `python3`.
#[expect(clippy::print_stderr, reason = "who reads the log should know what was not tested")]
fn check_in_pytorch(place: &Place) {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let has_torch = place.command(&python).args(["-c", "import torch, safetensors.torch"]).output();
    if !has_torch.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: examples/load_in_pytorch.py, as {python} has no torch and safetensors");
        return;
    }
    let mut script = place.command(&python);
    script.args([concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/load_in_pytorch.py"), "run"]);
    common::check(script, 0, &["loaded: 64 values, a code of 2, and the errors of 8 stored rows agree"]);
}
