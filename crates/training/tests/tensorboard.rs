//! Tests that TensorBoard's own reader reads our event files.
//!
//! The reader is installed once, from its Python package into a folder beside the build output. Without
//! `python3`, `pip` and access to the package this test fails, because files that were not read are not
//! verified.

use ae_training::tensorboard::EventWriter;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The reader and what it imports. Only TensorBoard is pinned: pip picks what fits the Python at hand.
const PACKAGES: [&str; 4] = ["tensorboard==2.21.0", "protobuf", "numpy", "absl-py"];

type Curves = BTreeMap<String, Vec<(u64, f64, f64)>>;

#[test]
fn tensorboard_reads_what_we_wrote_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(folder.path(), 1_700_000_000.0).unwrap();
    for step in 1..=500 {
        writer.scalar(step, "train/loss", 1.0 / step as f64, 1_700_000_000.0 + step as f64).unwrap();
    }
    writer.scalar(500, "validation/größe", 0.0, 1_700_000_600.5).unwrap();
    writer.flush().unwrap();
    let path = writer.path().to_owned();
    drop(writer);
    // Killed in the middle of a record, then resumed from the checkpoint at step 300.
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 3).unwrap();
    let mut writer = EventWriter::append_after(folder.path(), 300).unwrap();
    for step in 301..=303 {
        writer.scalar(step, "train/loss", -2.5, 1_800_000_000.0).unwrap();
    }
    writer.scalar(303, "validation/größe", 0.0, 1_700_000_600.5).unwrap();
    writer.scalar(1 << 40, "validation/größe", -0.125, 0.25).unwrap();
    writer.flush().unwrap();

    // Values are 32-bit floats in the file: exactly those, not nearly.
    let before = (1..=300).map(|s| (s, f64::from((1.0 / s as f64) as f32), 1_700_000_000.0 + s as f64));
    let after = (301..=303).map(|step| (step, -2.5, 1_800_000_000.0));
    let mut expected = Curves::new();
    expected.insert("train/loss".into(), before.chain(after).collect());
    let sizes = vec![(303, 0.0, 1_700_000_600.5), (1 << 40, -0.125, 0.25)];
    expected.insert("validation/größe".into(), sizes);
    check_read(folder.path(), &expected);
}

#[test]
fn tensorboard_reads_images_histograms_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(folder.path(), 1_700_000_000.0).unwrap();
    let settings = serde_json::json!({
        "training": { "seed": 7, "ema": null, "optimizer": { "name": "adamw" }, "freeze": ["encoder"] },
        "data": { "header": true },
        "expected": [{ "metric": "x" }],
    });
    writer.settings(&settings).unwrap();
    writer.image(12, "reconstructions", b"bytes of a file", [30, 20]).unwrap();
    let values: Vec<f64> = (0..=30).map(f64::from).collect();
    writer.histogram(12, "codes", &values).unwrap();
    writer.histogram(12, "constant", &[2.0, 2.0]).unwrap();
    writer.histogram(12, "not finite", &[f64::NAN]).unwrap();
    writer.histogram(12, "empty", &[]).unwrap();
    writer.flush().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tensorboard_more.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(folder.path()).env("PYTHONPATH", reader()).env("PYTHONIOENCODING", "utf-8");
    let read: serde_json::Value = serde_json::from_str(&run(&mut python)).unwrap();
    // Of 31 values in 30 buckets of one width, the last bucket has two: its limit belongs to it.
    let counts: Vec<f64> = (0..30).map(|bucket| if bucket == 29 { 2.0 } else { 1.0 }).collect();
    let constant: Vec<f64> = (0..30).map(|bucket| if bucket == 0 { 2.0 } else { 0.0 }).collect();
    let expected = serde_json::json!({
        "settings": {
            "training.seed": 7.0, "training.optimizer.name": "adamw", "training.freeze": "[\"encoder\"]", "data.header": true,
        },
        "images": { "reconstructions": [12, 30, 20, "bytes of a file"] },
        "histograms": {
            "codes": [0.0, 30.0, 31.0, 465.0, counts],
            "constant": [2.0, 2.0, 2.0, 4.0, constant],
        },
    });
    assert_eq!(read, expected);
}

fn check_read(folder: &Path, expected: &Curves) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tensorboard_read.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(folder).env("PYTHONPATH", reader()).env("PYTHONIOENCODING", "utf-8");
    let text = run(&mut python);
    let read: Curves = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(&read, expected);
}

/// The folder with the reader, filled on the first call. The stamp is written last and the lock is held
/// meanwhile, so that neither a concurrent run nor an interrupted one leaves it incomplete.
fn reader() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the build's output has a folder");
    let folder = target.join("test-tensorboard");
    let (packages, stamp) = (folder.join("packages"), folder.join("stamp"));
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let wanted = format!("{}\n{}", PACKAGES.join("\n"), run(Command::new("python3").arg("--version")));
    if fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == wanted) {
        return packages;
    }
    if packages.exists() {
        fs::remove_dir_all(&packages).unwrap();
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target"]);
    run(pip.arg(&packages).args(PACKAGES));
    fs::write(&stamp, wanted).unwrap();
    packages
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?} did not start: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} failed; this test needs python3 with pip, and the package {}:\n{errors}",
        PACKAGES[0],
    );
    String::from_utf8(output.stdout).expect("Python was asked for UTF-8")
}
