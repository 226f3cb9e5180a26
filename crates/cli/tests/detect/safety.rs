//! What `ae detect` must not destroy.

use super::{FIT, HEADER, fitted, rows, table};
use std::io::{Read as _, Write as _};
use std::process::Stdio;

/// Neither inputs nor the state of another watch are overwritten, even with `--force`.
#[test]
fn nothing_that_is_needed_is_overwritten() {
    let place = fitted();
    let detector = place.read("detector.safetensors");
    let refused =
        |arguments: &str| place.check_refused(arguments, 2, &["would overwrite", "give another name"]);
    refused(&FIT.replace("--threads", "--force --out ./normal.csv --threads"));
    refused("detect score normal.csv --model detector.safetensors --out normal.csv --force");
    refused("detect score normal.csv --model detector.safetensors --out detector.safetensors --force");
    refused("detect watch --model detector.safetensors --out detector.safetensors");
    refused("detect watch --model detector.safetensors --state here --out here");
    assert_eq!(place.read("detector.safetensors"), detector);
    assert_eq!(place.read("normal.csv"), table(&rows(400, 1)).into_bytes());
    place.check_refused("detect watch --model detector.safetensors --state none/state", 1, &["none/state"]);

    let arguments = "detect watch --model detector.safetensors --state one.state";
    let mut first = place
        .ae(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = first.stdin.take().unwrap();
    input.write_all(table(&rows(1, 1)).as_bytes()).unwrap();
    // Its first verdict is out, so it holds the state.
    let mut verdict = [0];
    first.stdout.as_mut().unwrap().read_exact(&mut verdict).unwrap();
    place.check_refused(arguments, 2, &["another watch is using", "one.state"]);
    drop(input);
    assert!(first.wait().unwrap().success());
}

/// A log that cannot be written to does not end the work.
#[cfg(target_os = "linux")]
#[test]
fn notes_that_cannot_be_told_cost_no_verdict() {
    let place = fitted();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let odd = table(&["900000,1,1,low".to_string(), "1,2,-1,new".to_string()]);
    let mut child = place
        .ae("detect watch --model detector.safetensors")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(full())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(odd.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2);
    let status = place.ae(&format!("{FIT} --force")).stdout(Stdio::null()).stderr(full()).status().unwrap();
    assert!(status.success());
}

/// Explanations are those of the last call.
#[test]
fn old_explanations_make_way() {
    let place = fitted();
    let score = |rows: &[&str]| {
        place.write("new.csv", format!("{HEADER}{}\n", rows.join("\n")));
        place.check(
            "detect score new.csv --model detector.safetensors --out s.csv --explain --force",
            0,
            &[],
        );
        let mut names: Vec<String> = std::fs::read_dir(place.path("s.explained"))
            .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    };
    assert_eq!(
        score(&["9,-9,9,low", "0,0,0,low", "8,8,8,low"]),
        ["alarms.jsonl", "line-2.png", "line-4.png"]
    );
    place.write("s.explained/mine.txt", "kept");
    assert_eq!(score(&["0,0,0,low", "9,-9,9,low"]), ["alarms.jsonl", "line-3.png", "mine.txt"]);
    std::fs::remove_file(place.path("s.explained/mine.txt")).unwrap();
    assert!(score(&["0,0,0,low"]).is_empty());
    assert!(!place.path("s.explained").exists());
}

/// Notes about a continued stream count lines from its beginning.
#[test]
fn notes_name_the_line_of_the_whole_stream() {
    let place = fitted();
    let told = |input: &str| {
        let mut child = place
            .ae("detect watch --model detector.safetensors --state s")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap()
    };
    assert_eq!(told(&table(&rows(5, 1))), "");
    let note = told("1,2,-1,low\n1,2,-1,odd\n");
    assert!(note.contains("line 8:") && note.contains("odd"), "{note}");
}
