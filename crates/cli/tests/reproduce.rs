//! `ae reproduce`: what it trains and prints, and what is left if it or its children are stopped.

mod common;

use common::{EXPERIMENT, Place, Ran, check};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Reached by any run that learns at all.
const EXPECTED: &str = "
[[expected]]
metric = \"pca/error_per_sample\"
at_least = 0.0
source = \"a sum of squares\"
[cpu]
seeds = [0, 1]
";

/// Reached by no run.
const IMPOSSIBLE: &str = "
[[expected]]
metric = \"test/mse\"
value = -1.0
tolerance = 0.5
better = \"lower\"
source = \"wishful thinking\"
";

fn place(name: &str, more: &str) -> Place {
    let place = Place::new();
    place.write(name, format!("measures = [\"pca\"]\n{EXPERIMENT}{more}"));
    place
}

/// Folders of the runs of a preset, in order.
fn runs(place: &Place, preset: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.path("runs").join(preset)).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.sort();
    found
}

#[test]
fn presets_are_trained_once_measured_and_compared() {
    let place = place("good.toml", EXPECTED);
    let words = ["good seed 0: started", "[2/2] good seed", "pca/error_per_sample", "reached", "results.md"];
    let ran = place.check("reproduce good.toml --jobs 2 --write RESULTS.md", 0, &words);
    assert!(ran.stdout.starts_with("Tier cpu\n") && !ran.stdout.contains("started"), "{}", ran.stdout);
    assert_eq!(runs(&place, "good").len(), 2);
    let markdown = place.text("RESULTS.md");
    assert_eq!(markdown, place.text("runs/reproduce-cpu/results.md"));
    for words in
        ["# Results", "--tier cpu good.toml", "processor: ", "libtorch ", "threads of a run: 1", "| 0 1 |"]
    {
        assert!(markdown.contains(words), "{words}\n{markdown}");
    }
    assert!(place.text("runs/reproduce-cpu/logs/good-seed1.log").contains("measuring pca"));

    // The second time everything is already there.
    let results = place.json("runs/reproduce-cpu/results.json");
    let again = place.check("reproduce good.toml --json", 0, &[]);
    let again: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again["rows"], results["rows"]);
    assert_eq!(runs(&place, "good").len(), 2);
    assert!(!place.text("runs/reproduce-cpu/logs/good-seed1.log").contains("measuring pca"));
    place.check("reproduce good.toml --again", 0, &[]);
    assert!(place.text("runs/reproduce-cpu/logs/good-seed1.log").contains("measuring pca"));
}

#[test]
fn in_smoke_a_run_is_to_finish_with_a_loss_that_fell() {
    let longer = "[smoke]\nset = [\"training.epochs=40\", \"training.learning_rate=0.01\"]\n";
    let place = place("good.toml", &format!("{IMPOSSIBLE}{longer}"));
    let ran =
        place.check("reproduce good.toml --tier smoke --seeds 3 -q", 0, &["train/loss_change", "reached"]);
    assert_eq!(ran.stderr, "");
    assert_eq!(place.json("runs/reproduce-smoke/results.json")["rows"][0]["seeds"][0], 3);
}

#[test]
fn what_falls_short_and_what_fails_is_listed_with_what_to_do() {
    let place = place("short.toml", IMPOSSIBLE);
    // An identity output and a huge learning rate: the loss is NaN after a few steps.
    let wild = EXPERIMENT.replace("code = 2", "code = 2\noutput = \"identity\"");
    place.write("wild.toml", format!("{wild}learning_rate = 1e30\n[training.optimizer.sgd]\n"));
    let words = [
        "short test/mse: 0.",
        "expected -1 ± 0.5 or lower; look at runs/short/",
        "wild seed 0 failed; ",
        "see runs/reproduce-cpu/logs/wild-seed0.log, or try: ae train wild.toml --seed 0 --threads 1",
        "error: 2 of 2 rows failed or fell short",
    ];
    let ran = place.check("reproduce short.toml wild.toml", 1, &words);
    assert!(ran.stdout.contains("falls short") && ran.stdout.contains("failed"), "{}", ran.stdout);
    assert!(place.text("runs/reproduce-cpu/results.md").contains("wishful thinking"));
    let json = place.check("reproduce short.toml --json", 1, &[]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("one object");
    assert_eq!(json["rows"][0]["verdict"], "short");
}

#[test]
fn mistakes_are_refused_before_anything_is_begun() {
    let place = place("good.toml", EXPECTED);
    place.check_refused("reproduce vea", 2, &["`vea`", "did you mean `vae`"]);
    place.check_refused("reproduce good.toml good.toml", 2, &["given twice"]);
    place.check_refused("reproduce good.toml --seeds 1,1", 2, &["seed 1 is given twice"]);
    place.write("good.toml", place.text("good.toml").replace("\"pca\"]", "\"pac\"]"));
    place.check_refused("reproduce good.toml", 2, &["no measure `pac`", "did you mean `pca`"]);
    place.write("off.toml", format!("cpu = false\n{EXPERIMENT}"));
    place.check_refused("reproduce off.toml", 2, &["does not run in the tier cpu", "--tier"]);
    assert!(!place.path("runs").exists());
}

#[test]
fn measures_of_a_single_run_are_judged_as_well() {
    let place = place("good.toml", EXPECTED);
    let plain = place.check("train good.toml --threads 1", 0, &["test/mse"]);
    assert!(!plain.stdout.contains("pca/"), "{}", plain.stdout);
    place.check(
        "train good.toml --threads 1 --measure",
        0,
        &["pca/ratio", "pca/error_per_sample ≥ 0: reached"],
    );
}

#[test]
fn an_interrupted_call_saves_its_runs_and_the_next_one_goes_on() {
    check_stopped("INT", Some(1));
}

#[test]
fn children_of_a_killed_call_save_their_runs_and_end() {
    check_stopped("KILL", None);
}

/// Stops a call during two runs, then repeats it to the end.
fn check_stopped(signal: &str, code: Option<i32>) {
    let place = place("long.toml", "log_every = 1\n");
    place.write("long.toml", place.text("long.toml").replace("epochs = 3", "epochs = 400"));
    place.check("train long.toml --seed 1 --threads 1 --out whole", 0, &[]);
    let mut command = place.ae("reproduce long.toml --seeds 0,1 --jobs 2");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_under_way = || {
        let folders = runs(&place, "long");
        folders.len() == 2 && folders.iter().all(|run| run.join("checkpoint/state.safetensors").exists())
    };
    wait(is_under_way);
    send(&child, signal);
    let ran: Ran = output(&mut child);
    assert_eq!(ran.code, code, "{}", ran.stderr);
    assert_eq!(ran.stdout, "", "no table of half a call");
    let state = |run: &PathBuf| {
        let text = fs::read_to_string(run.join("record.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["status"]["state"].clone()
    };
    // Children notice at once that their parent was killed, and save within a step.
    wait(|| runs(&place, "long").iter().all(|run| state(run) != "running"));
    if signal == "INT" {
        assert!(ran.stderr.contains("of 2 runs done; the same command continues"), "{}", ran.stderr);
    }
    place.check("reproduce long.toml --seeds 0,1 --jobs 2", 0, &["train/loss_change", "reached"]);
    assert_eq!(runs(&place, "long").len(), 2, "the runs were resumed");
    // Names begin with the start time in seconds, so only the seed tells them apart.
    let is_seed_1 = |run: &PathBuf| run.to_string_lossy().ends_with("-seed1");
    let one = runs(&place, "long").into_iter().find(is_seed_1).expect("a run of seed 1");
    let weights = |run: PathBuf| fs::read(run.join("model.safetensors")).unwrap();
    assert!(weights(one) == weights(place.path("whole")), "as if never stopped");
}

fn output(child: &mut Child) -> Ran {
    use std::io::Read;
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Ran { code: child.wait().unwrap().code(), stdout, stderr }
}

fn wait(has_come: impl Fn() -> bool) {
    let started = Instant::now();
    while !has_come() {
        assert!(started.elapsed() < PATIENCE, "it did not come");
        sleep(Duration::from_millis(5));
    }
}

fn send(child: &Child, signal: &str) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{signal}")).arg(child.id().to_string());
    check(kill, 0, &[]);
}
