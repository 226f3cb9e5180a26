//! The two programs: what computes nothing does without libtorch, and everything else is handed over.

mod common;

use common::{AE, Place, check, check_refused};
use std::fs;
use std::process::Command;

/// Whether `ae` with these arguments has libtorch loaded, by what glibc's loader tells of each library.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn loads_libtorch(place: &Place, arguments: &str) -> bool {
    let mut command = place.ae(arguments);
    command.env("LD_DEBUG", "files");
    let told = String::from_utf8_lossy(&command.output().unwrap().stderr).into_owned();
    assert!(told.contains("libc.so"), "the loader tells nothing: {told}");
    told.contains("libtorch")
}

/// Libtorch takes 0.2 seconds to load.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn what_computes_nothing_does_not_load_libtorch() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    for lean in [
        "--help",
        "--version",
        "train",
        "train --threads many",
        "eval --help",
        "eval nothing",
        "completions zsh",
        "presets",
        "presets --json",
        "data list",
        "data fetch mnist --offline",
        "data verify",
        "report run",
        "report nowhere",
        "compare run run",
    ] {
        assert!(!loads_libtorch(&place, lean), "{lean}");
    }
    assert!(loads_libtorch(&place, "doctor --offline"), "what computes does, so that this test can fail");
}

/// `ae` alone, as after half an installation.
fn alone(place: &Place, arguments: &str) -> Command {
    let program = place.path("alone/ae");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::copy(AE, &program).unwrap();
    let mut command = place.command(program);
    command.args(arguments.split_whitespace());
    command
}

#[test]
fn half_an_installation_says_what_is_missing() {
    let place = Place::new();
    check_refused(
        alone(&place, "doctor"),
        1,
        &["cannot run ", "ae-compute", "`cargo install ae-cli` installs both"],
    );
    let ran = check(alone(&place, "doctor --json"), 1, &["{\"error\":\"cannot run "]);
    serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap();
    check(alone(&place, "presets"), 0, &["vq_vae"]);
}

#[cfg(unix)]
#[test]
fn a_link_to_the_program_finds_the_other_one() {
    let place = Place::new();
    std::os::unix::fs::symlink(AE, place.path("linked")).unwrap();
    let mut command = place.command(place.path("linked"));
    command.args(["doctor", "--offline"]);
    check(command, 0, &["libtorch"]);
}
