//! `ae train`: what a run leaves behind, that it repeats bit for bit, and that other programs can read it.

mod common;

use common::{Place, check, files, idx, npy};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages for the test that loads a model in Python; pip picks versions that fit the installed Python.
const PACKAGES: [&str; 2] = ["safetensors", "numpy"];

/// A run is reproducible if it gives these files with the same bytes again.
const SAME: [&str; 2] = ["model.safetensors", "metrics.jsonl"];

#[test]
fn a_run_leaves_everything_that_is_promised() {
    let place = Place::new();
    let ran = place.check(
        "train mine.toml --threads 1 --out run",
        0,
        &["22 parameters", "report: run/report.html"],
    );
    assert!(ran.stdout.contains("test/mse"), "{}", ran.stdout);
    let (events, rest): (Vec<String>, Vec<String>) =
        files(&place.path("run")).into_iter().partition(|name| name.starts_with("events/"));
    let folders: Vec<&str> = events.iter().map(|path| path.rsplit_once('/').unwrap().0).collect();
    assert_eq!(folders, ["events", "events/test", "events/train", "events/validation"]);
    let expected = [
        ".lock",
        "checkpoint/state.safetensors",
        "config.toml",
        "images/codes.explore.json",
        "images/codes.png",
        "images/codes.svg",
        "images/curves.png",
        "images/curves.svg",
        "images/index.json",
        "images/reconstructions.png",
        "images/reconstructions.svg",
        "metrics.jsonl",
        "model.safetensors",
        "record.json",
        "report.html",
    ];
    assert_eq!(rest, expected);
    let record = place.json("run/record.json");
    assert_eq!(record["status"]["state"], "finished");
    assert_eq!((&record["epochs"], &record["seed"]), (&3.into(), &0.into()));
    assert_eq!(record["data"]["files"][0]["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(record["command"], "ae train mine.toml --seed 0 --threads 1");
    assert_eq!(
        place.text("run/metrics.jsonl").lines().count(),
        15 + 3,
        "15 steps of training, 3 validations"
    );
    let report = place.text("run/report.html");
    assert!(report.contains("</html>") && !report.contains("src=\"http"), "the report opens offline");
    for picture in ["curves", "reconstructions"] {
        assert!(place.read(&format!("run/images/{picture}.png")).starts_with(b"\x89PNG"), "{picture}");
    }
}

#[test]
fn the_configuration_that_a_run_leaves_is_complete_and_makes_the_run_again() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out one --set training.epochs=2 --seed 4", 0, &[]);
    place.check("train one/config.toml --threads 1 --out two", 0, &[]);
    assert_eq!(place.text("one/config.toml"), place.text("two/config.toml"));
    assert_eq!(place.text("one/metrics.jsonl"), place.text("two/metrics.jsonl"));
}

#[test]
fn claims_of_a_file_are_dropped_when_its_settings_change() {
    let place = Place::new();
    let claim = "[[expected]]\nmetric = 'test/mse'\nat_most = 9.0\nsource = 'me'\n";
    place.write("mine.toml", format!("{}{claim}", common::EXPERIMENT));
    let train = |more: &str, out: &str| {
        let ran = place.check(&format!("train mine.toml --threads 1 --out {out} {more}"), 0, &[]);
        (ran, place.json(&format!("{out}/record.json")), place.text(&format!("{out}/report.html")))
    };
    let (ran, record, report) = train("--seed 3 --set training.log_every=2", "same");
    assert!(ran.stdout.contains("test/mse ≤ 9: reached") && report.contains("✓ met"), "{}", ran.stdout);
    assert_eq!((&record["description"], record["expected"].as_array().unwrap().len()), (&"Waves".into(), 1));
    let (ran, record, report) = train("--set training.epochs=2 --set model.vanilla.code=3", "other");
    assert!(!ran.stdout.contains("reached") && !report.contains("✓ met"), "{}", ran.stdout);
    assert!(ran.stderr.contains("not compared"), "{}", ran.stderr);
    assert!(!report.contains("Waves"), "the description is that of other settings");
    let description = "mine with training.epochs=2, model.vanilla.code=3";
    assert_eq!((&record["description"], &record["expected"]), (&description.into(), &serde_json::json!([])));
    assert!(report.contains(description));
}

#[test]
fn an_array_of_series_trains_a_model_that_takes_only_sequences() {
    let place = Place::new();
    // So many measurements that they may be pixels, each in its own unit.
    let value = |i: i32| (i as f32 * 0.37).sin() * 10f32.powi(i % 6);
    place.write("series.npy", npy(&[40, 12, 6], &(0..40 * 12 * 6).map(value).collect::<Vec<_>>()));
    let set = "--set model=lstm --set data.set=series.npy --set data.scale=auto";
    place.check(&format!("train mine.toml --threads 1 {set} --out run"), 0, &["test/mae"]);
    let data = &place.json("run/record.json")["data"];
    assert_eq!(data["shape"], serde_json::json!([12, 6]));
    assert_eq!(data["preprocessing"], "the range of each channel to [0, 1]", "as sequences are scaled");
    assert!(place.text("run/config.toml").contains("shape = [12, 6]"), "the run says how it read the array");
    place.check("train run/config.toml --threads 1 --out again", 0, &["test/mae"]);
    assert_eq!(place.text("run/metrics.jsonl"), place.text("again/metrics.jsonl"));
    place.check("train --resume run --set training.epochs=6", 0, &["6 epochs"]);
    place.check(&format!("train mine.toml --threads 1 {set} --set training.epochs=6 --out whole"), 0, &[]);
    assert_eq!(place.text("run/metrics.jsonl"), place.text("whole/metrics.jsonl"));
    let images: Vec<f32> = (0..4 * 6 * 6 * 3).map(|i| i as f32).collect();
    place.write("faces.npy", npy(&[4, 6, 6, 3], &images));
    place.check_refused(
        "train mine.toml --set data.set=faces.npy",
        2,
        &["transpose(0, 3, 1, 2)", "data.shape"],
    );
}

#[test]
fn json_is_one_object_on_standard_output() {
    let place = Place::new();
    let ran = place.check("train mine.toml --threads 1 --out run --json", 0, &[]);
    let record: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(record, place.json("run/record.json"));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    for variant in ["vanilla", "vae"] {
        let place = Place::new();
        let train = |seed: u64, out: &str| {
            let model = format!("--set model={variant}");
            place.check(&format!("train mine.toml {model} --threads 1 --seed {seed} --out {out}"), 0, &[]);
        };
        train(1, "one");
        train(1, "again");
        train(2, "other");
        for name in SAME {
            let of = |run: &str| place.read(&format!("{run}/{name}"));
            assert!(of("one") == of("again"), "{variant}: {name}");
            assert!(of("one") != of("other"), "{variant}: {name}");
        }
    }
}

#[test]
fn resuming_a_finished_run_changes_nothing() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    let before: Vec<Vec<u8>> = SAME.iter().map(|name| place.read(&format!("run/{name}"))).collect();
    let metrics = place.json("run/record.json")["metrics"].clone();
    for _ in 0..2 {
        place.check("train --resume run --threads 1", 0, &["resuming mine in run"]);
    }
    for (name, before) in SAME.iter().zip(before) {
        assert!(place.read(&format!("run/{name}")) == before, "{name}");
    }
    let record = place.json("run/record.json");
    assert_eq!((&record["metrics"], &record["status"]["state"]), (&metrics, &"finished".into()));
}

#[test]
fn a_finished_run_goes_on_for_more_epochs_and_for_nothing_else() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out whole --set training.epochs=5", 0, &[]);
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    place.check("train --resume run --set training.epochs=5", 0, &["5 epochs"]);
    for file in SAME {
        assert!(place.read(&format!("run/{file}")) == place.read(&format!("whole/{file}")), "{file}");
    }
    assert_eq!(place.text("run/config.toml"), place.text("whole/config.toml"));
    let command = "ae train mine.toml --seed 0 --threads 1 --set training.epochs=5";
    assert_eq!(place.json("run/record.json")["command"], command);
    let before = place.text("run/config.toml");
    for (given, expected) in [
        ("training.epochs=5", "has taken 5 epochs already"),
        ("training.epochs=4", "has taken 5 epochs already"),
        ("training.learning_rate=0.1", "only training.epochs can be changed"),
    ] {
        place.check_refused(&format!("train --resume run --set {given}"), 2, &[expected]);
    }
    assert_eq!(place.text("run/config.toml"), before);
}

#[test]
fn a_run_begins_with_the_weights_of_another_and_its_record_says_so() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    place.check("train mine.toml --threads 1 --seed 5 --init-from run --freeze encoder --out tuned", 0, &[]);
    let record = place.json("tuned/record.json");
    assert_eq!(record["init"]["from"], "run");
    assert_eq!(
        (&record["init"]["frozen"][0], record["init"]["sha256"].as_str().map(str::len)),
        (&"encoder".into(), Some(64))
    );
    assert_eq!(record["command"], "ae train mine.toml --init-from run --freeze encoder --seed 5 --threads 1");
    assert!(place.text("tuned/config.toml").contains("init_from = \"run\""));
    assert!(place.json("run/record.json")["init"].is_null());
    // Once it has a checkpoint, a run no longer needs what it began with.
    place.check("train mine.toml --threads 1 --out whole --seed 5 --init-from run --freeze encoder --set training.epochs=4", 0, &[]);
    fs::remove_dir_all(place.path("run")).unwrap();
    place.check("train --resume tuned --set training.epochs=4", 0, &[]);
    for file in SAME {
        assert!(place.read(&format!("tuned/{file}")) == place.read(&format!("whole/{file}")), "{file}");
    }
    let refused = |arguments: &str, expected: &[&str]| {
        place.check_refused(&format!("train mine.toml --out none {arguments}"), 2, expected);
        assert!(!place.path("none").exists(), "{arguments}");
    };
    refused(
        "--init-from whole --set model.vanilla.code=3",
        &["has the shape [2, 4] in whole", "needs [3, 4]"],
    );
    refused("--init-from nowhere", &["nowhere is no model"]);
    refused("--freeze encodr", &["did you mean `encoder`?"]);
}

#[test]
fn every_kind_of_own_data_trains() {
    let place = Place::new();
    let values: Vec<f32> = (0..40 * 6).map(|i| (i as f32 * 0.37).sin()).collect();
    place.write("array.npy", npy(&[40, 6], &values));
    let pixels: Vec<u8> = (0..40 * 64).map(|i| (i * 7 % 256) as u8).collect();
    place.write("pictures-idx3-ubyte", idx(&[40, 8, 8], &pixels));
    place.write("rows.tsv", common::table(30).replace(',', "\t"));
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    // A run's own pictures are PNG files, and so a folder of images.
    place.write("photos/a.png", place.read("run/images/curves.png"));
    for n in 0..6 {
        place.write(&format!("photos/{n}.png"), place.read("photos/a.png"));
    }
    for (set, more) in [
        ("array.npy", ""),
        ("pictures-idx3-ubyte", "--set model=denoising --set data.scale=auto"),
        ("rows.tsv", ""),
        ("photos", "--set data.resize=[8,8]"),
    ] {
        place.check(&format!("train mine.toml --threads 1 --set data.set={set} {more}"), 0, &["test/mse"]);
    }
}

#[test]
fn without_out_runs_go_to_their_own_folders() {
    let place = Place::new();
    for _ in 0..2 {
        place.check("train mine.toml --threads 1 --runs all --seed 7 -q", 0, &[]);
    }
    let runs: Vec<PathBuf> =
        fs::read_dir(place.path("all/mine")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.to_string_lossy().contains("-seed7")), "{runs:?}");
}

#[test]
fn the_model_loads_in_the_python_package() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    let script = "import json, sys, safetensors.numpy as s; from safetensors import safe_open\n\
                  t = s.load_file(sys.argv[1]); f = safe_open(sys.argv[1], 'np'); m = f.metadata()\n\
                  m = json.loads(m['autoencoders'])['content']\n\
                  print(json.dumps([{k: list(v.shape) for k, v in t.items()}, m['preset'], m['shape']]))";
    let mut python = place.command("python3");
    python.args(["-c", script]).arg(place.path("run/model.safetensors")).env("PYTHONPATH", packages());
    let ran = check(python, 0, &[]);
    let read: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&read[1], &read[2]), (&"mine".into(), &serde_json::json!([4])));
    let shapes = read[0].as_object().unwrap();
    let weights: u64 =
        shapes.iter().filter(|(name, _)| name.starts_with("model.")).map(|(_, s)| numel(s)).sum();
    assert_eq!(weights, 22, "4·2 + 2 in the encoder and 2·4 + 4 in the decoder: {shapes:?}");
    assert_eq!(shapes["golden.rows"], serde_json::json!([8, 4]));
}

fn numel(shape: &serde_json::Value) -> u64 {
    shape.as_array().unwrap().iter().map(|side| side.as_u64().unwrap()).product()
}

/// The folder of the Python packages, filled on the first call. A lock is held meanwhile and the stamp is written
/// last, so that neither a concurrent nor an interrupted call leaves it incomplete.
fn packages() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the build's output has a folder");
    let folder = target.join("test-safetensors");
    let (packages, stamp) = (folder.join("packages"), folder.join("stamp"));
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let version = Command::new("python3").arg("--version").output().expect("this test needs python3");
    let wanted = format!("{}\n{}", PACKAGES.join("\n"), String::from_utf8_lossy(&version.stdout));
    if fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == wanted) {
        return packages;
    }
    if packages.exists() {
        fs::remove_dir_all(&packages).unwrap();
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target"]);
    check(
        {
            pip.arg(&packages).args(PACKAGES);
            pip
        },
        0,
        &[],
    );
    fs::write(&stamp, wanted).unwrap();
    packages
}
