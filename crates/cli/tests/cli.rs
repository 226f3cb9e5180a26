//! The program's interface: help, JSON output, completions, `--quiet` and closed pipes.

mod common;

use common::{AE, Place, check};
use std::process::{Command, Stdio};

const COMMANDS: [&str; 15] = [
    "train",
    "eval",
    "reproduce",
    "encode",
    "reconstruct",
    "interpolate",
    "sample",
    "restore",
    "recommend",
    "data",
    "presets",
    "report",
    "compare",
    "doctor",
    "completions",
];

/// The names of the files in the folder, sorted.
fn presets() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../presets");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut names: Vec<_> = files.map(|path| path.file_stem().unwrap().to_str().unwrap().into()).collect();
    names.sort();
    names
}

#[test]
fn help_names_every_command_with_examples_and_exit_codes() {
    let place = Place::new();
    let examples = ["ae train vae", "--set model.vae.latent=2", "--resume", "ae eval anomaly", "Exit codes"];
    let help = place.check("--help", 0, &[&COMMANDS[..], &examples].concat());
    assert_eq!(help.stderr, "");
    for command in COMMANDS {
        place.check(&format!("{command} --help"), 0, &["Usage: ae", command]);
    }
    place.check("train --help", 0, &["--seed", "--device", "--resume", "--offline", "AE_DATA_MIRROR"]);
    // Without arguments, help is printed and the exit code is that of a usage error.
    place.check("", 2, &["Usage: ae"]);
    place.check("tarin", 2, &["'tarin'", "'train'"]);
    place.check("train", 2, &["PRESET|FILE"]);
    place.check("train vae --resume run", 2, &["cannot be used with"]);
}

#[test]
fn the_version_is_the_packages() {
    let ran = Place::new().check("--version", 0, &[]);
    assert_eq!(ran.stdout, format!("ae {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_are_scripts_that_shells_can_read() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.check(&format!("completions {shell}"), 0, &["ae", "AE_COMPLETE"]).stdout;
        place.write("script", script);
        let mut parse = place.command(shell);
        parse.args(["-n", "script"]);
        // Shells that are not installed are skipped; bash is required.
        if shell == "bash" || Command::new(shell).arg("--version").output().is_ok() {
            check(parse, 0, &[]);
        }
    }
}

#[test]
fn a_shell_completes_presets_settings_and_runs() {
    let place = Place::new();
    place.write("runs/vae/20261121-054210-seed0/record.json", "{}");
    let offered = |words: &[&str], expected: &[&str]| {
        let mut ask = place.command(common::AE);
        ask.env("AE_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
        ask.env("_CLAP_IFS", "\n").arg("--").args(words);
        check(ask, 0, expected);
    };
    offered(&["ae", "tr"], &["train"]);
    offered(&["ae", "train", "va"], &["vae", "vanilla"]);
    offered(&["ae", "train", "vae", "--set", "training.epo"], &["training.epochs="]);
    offered(&["ae", "train", "mi"], &["mine.toml"]);
    offered(&["ae", "report", "runs/v"], &["runs/vae/20261121-054210-seed0"]);
}

#[test]
fn presets_are_listed_and_each_is_a_file_to_start_from() {
    let place = Place::new();
    let presets = presets();
    place.check("presets", 0, &presets.iter().map(String::as_str).collect::<Vec<_>>());
    let listed: serde_json::Value =
        serde_json::from_str(&place.check("presets --json", 0, &[]).stdout).unwrap();
    let mut names: Vec<&str> =
        listed.as_array().unwrap().iter().filter_map(|line| line["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, presets);
    for name in presets {
        let shown = place.check(&format!("presets --show {name}"), 0, &["[training]"]).stdout;
        place.write("shown.toml", &shown);
        // The shown configuration is valid: the run gets as far as loading its data.
        place.check_refused("train shown.toml --offline", 1, &["downloads are off"]);
    }
}

#[test]
fn a_shown_preset_trains_on_own_data_and_is_kept_as_it_was_shown() {
    let place = Place::new();
    let shown = place.check("presets --show vae", 0, &[]).stdout.replace("\"mnist\"", "\"rows.csv\"");
    let shown = shown.replace("epochs = 10", "epochs = 1").replace("scale = \"auto\"", "scale = \"min-max\"");
    place.write("shown.toml", &shown);
    let ran = place.check("train shown.toml --threads 1 --out run", 0, &["test/negative_elbo"]);
    assert!(
        !ran.stdout.contains("reached"),
        "a figure for MNIST says nothing about these rows: {}",
        ran.stdout
    );
    assert!(shown.contains("# [[expected]]") && shown.starts_with("# The variational"), "{shown}");
    let settings = shown.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    assert_eq!(place.text("run/config.toml").trim(), settings.trim());
}

#[test]
fn data_sets_are_listed_for_people_and_for_machines() {
    let place = Place::new();
    place.check("data list", 0, &["mnist", "fashion-mnist", "ecg5000"]);
    let listed: serde_json::Value =
        serde_json::from_str(&place.check("data list --json", 0, &[]).stdout).unwrap();
    for set in listed.as_array().unwrap() {
        assert_eq!(set["cached"], false, "{set}");
        assert!(
            ["name", "title", "licence", "citation", "homepage"].iter().all(|key| set[key].is_string()),
            "{set}"
        );
        assert!(set["bytes"].as_u64().unwrap() > 0, "{set}");
    }
    place.check("data verify --json", 0, &["\"verdict\": \"missing\""]);
}

#[test]
fn doctor_says_what_was_found() {
    let place = Place::new();
    let parts = ["libtorch", "cuda", "threads", "data", "free disk"];
    place.check("doctor", 0, &[&parts[..], &["ae data fetch"]].concat());
    let found: serde_json::Value =
        serde_json::from_str(&place.check("doctor --json", 0, &[]).stdout).unwrap();
    for part in parts {
        let finding = found.as_array().unwrap().iter().find(|finding| finding["what"] == part);
        assert!(finding.is_some_and(|finding| finding["found"].is_string()), "{part}: {found}");
    }
}

#[test]
fn a_report_is_written_again_with_the_same_bytes() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out run -q", 0, &[]);
    let before = place.read("run/report.html");
    place.write("run/report.html", "gone");
    let ran = place.check("report run", 0, &[]);
    assert_eq!(ran.stdout, "run/report.html\n");
    assert!(place.read("run/report.html") == before);
    place.check("report run --json", 0, &["{\n  \"report\": \"run/report.html\"\n}"]);
}

#[test]
fn quiet_says_nothing_but_the_result_and_errors() {
    let place = Place::new();
    let ran = place.check("train mine.toml --threads 1 --out run -q", 0, &["test/mse"]);
    assert_eq!((ran.stderr.as_str(), ran.stdout.contains("report")), ("", false), "{}", ran.stdout);
    place.check_refused("train mine.toml --out run -q", 2, &["already holds a run"]);
    let ran = place.run("train mine.toml --out run -q --json");
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let place = Place::new();
    for arguments in ["presets", "presets --json", "data list", "doctor", "completions bash", "--help"] {
        let mut child = place.ae(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect(AE);
        drop(child.stdout.take());
        let ran: common::Ran = child.wait_with_output().unwrap().into();
        assert_eq!(ran.stderr, "", "{arguments}");
        assert!(ran.code.is_some(), "{arguments}: ended by a signal");
    }
}

#[test]
fn an_evaluation_of_a_file_of_ones_own_says_what_was_odd_in_it_and_how_far_it_is() {
    let place = Place::new();
    let mut text = String::from("a,b,y\n");
    for row in 0..300_i32 {
        let (a, is_odd) = (row * 37 % 101, row % 10 == 0);
        let b = 2 * a + row % 3 + if is_odd { 60 } else { 0 };
        text += &format!("{a},{b},{}\n", if is_odd { "true" } else { "false" });
    }
    place.write("own.csv", text + "1,2\n");
    let ran = place.check(
        "eval anomaly --data own.csv --labels y --normal false --seeds 3,4 --runs runs --threads 1",
        0,
        &["PCA, as many components as the code", "report: runs/eval-anomaly/"],
    );
    let told = [
        "skipped: line 302: it has 2 cells instead of 3",
        "own.csv: seed 3, 1 of 2",
        "own.csv: seed 4, 2 of 2",
    ];
    for words in told {
        assert_eq!(ran.stderr.matches(words).count(), 1, "{words}\n{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("usvg"), "{}", ran.stderr);
}
