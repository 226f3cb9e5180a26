//! Exact resumption, with real signals: a run that is killed at any moment, any number of times, ends with the same
//! bytes as an uninterrupted run.

mod common;

use ae_records::seed::stream_rng;
use common::{EXPERIMENT, Place, check, npy};
use rand_chacha::rand_core::Rng;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough to be killed in all its phases: 300 steps, a checkpoint after each.
const LONGER: &str = "\nlog_every = 3\ncheckpoint_every = 1\n";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Before the program has read its arguments.
    AtOnce,
    /// After this many milliseconds.
    After(u64),
    /// At the end of this epoch.
    Epoch(u64),
    /// While a checkpoint is being written.
    Checkpointing,
    /// As soon as the model file is there; the record does not yet know.
    Saved,
}

#[test]
fn sgd_with_momentum_resumes_exactly() {
    check_killed("sgd", "[training.optimizer.sgd]\nmomentum = 0.9\nnesterov = true\n");
}

#[test]
fn adam_with_averages_and_a_cosine_resumes_exactly() {
    check_killed("adam", "ema = 0.9\n[training.schedule.cosine]\nwarmup = 10\nfloor = 0.01\n");
}

#[test]
fn adamw_with_early_stopping_resumes_exactly() {
    let settings = "[training.early_stopping]\npatience = 57\nmin_delta = 1.0\n\
                    [training.optimizer.adamw]\nweight_decay = 0.01\n";
    check_killed("adamw", settings);
}

fn check_killed(name: &str, settings: &str) {
    let place = longer(settings);
    place.check("train mine.toml --threads 1 --out whole", 0, &[]);
    let mut rng = stream_rng(0, name, 0);
    let mut random = || Moment::After(u64::from(rng.next_u32()) % 400);
    let moments = [
        Moment::AtOnce,
        Moment::Epoch(1),
        Moment::Checkpointing,
        random(),
        Moment::Epoch(30),
        random(),
        Moment::Checkpointing,
        Moment::Epoch(57),
        Moment::Saved,
    ];
    let mut struck = 0;
    for moment in moments {
        let mut child = start(&place, &next_command(&place));
        wait_for(&place, moment, &mut child);
        struck += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
    }
    place.check(&next_command(&place), 0, &[]);
    for file in ["model.safetensors", "metrics.jsonl"] {
        assert!(place.read(&format!("whole/{file}")) == place.read(&format!("run/{file}")), "{name}: {file}");
    }
    let (whole, run) = (place.json("whole/record.json"), place.json("run/record.json"));
    for key in ["metrics", "epochs", "steps", "status"] {
        assert_eq!(whole[key], run[key], "{name}: {key}");
    }
    assert!(struck >= moments.len() - 3, "{name}: {struck} kills hit a run under way");
    let litter = common::files(&place.path("run")).into_iter().filter(|name| name.contains(".writing-"));
    assert_eq!(litter.collect::<Vec<_>>(), [""; 0], "{name}: resuming removes what a killed writer left");
}

#[test]
fn an_interrupted_run_is_saved_and_says_how_to_go_on() {
    let place = longer("");
    place.check("train mine.toml --threads 1 --out whole", 0, &[]);
    let mut child = start(&place, "train mine.toml --threads 1 --out run");
    wait_for(&place, Moment::Epoch(3), &mut child);
    signal(&child, "INT");
    let ran: common::Ran = child.wait_with_output().unwrap().into();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
    assert_eq!(place.json("run/record.json")["status"]["state"], "interrupted");
    assert!(!place.path("run/model.safetensors").exists());
    let told = ran.stderr.lines().find_map(|line| line.split_once("continue with: ae "));
    let (_, command) = told.unwrap_or_else(|| panic!("no command in\n{}", ran.stderr));
    // Without --threads: a resumed run uses the number that it began with.
    place.check(command, 0, &["resuming mine in run"]);
    for file in ["model.safetensors", "metrics.jsonl"] {
        assert!(place.read(&format!("whole/{file}")) == place.read(&format!("run/{file}")), "{file}");
    }
}

/// No run is without a record, which has its name: whatever is cut off while a run begins, the same command begins it anew.
#[cfg(unix)]
#[test]
fn a_run_that_is_killed_while_it_begins_begins_anew() {
    let place = longer("");
    place.check("train mine.toml --threads 1 --out whole", 0, &[]);
    // The configuration is smaller than the limit, and the record larger.
    let limited = "ulimit -f 2; exec \"$0\" train mine.toml --threads 1 --out run";
    let ran = place.command("sh").args(["-c", limited, common::AE]).output().unwrap();
    let size = |file: &str| place.path(file).metadata().unwrap().len();
    assert!(size("whole/config.toml") < 1024 && size("whole/record.json") > 1536);
    assert!(!ran.status.success());
    assert!(!place.path("run/config.toml").exists() && place.path("run").exists());
    place.check("train mine.toml --threads 1 --out run", 0, &["training mine in run"]);
    for file in ["model.safetensors", "metrics.jsonl", "config.toml"] {
        assert!(place.read(&format!("whole/{file}")) == place.read(&format!("run/{file}")), "{file}");
    }
}

/// TensorBoard compares the settings of runs, whenever a run was killed.
#[test]
fn a_run_that_is_killed_before_its_first_event_still_tells_its_settings() {
    let place = longer("");
    place.check("train mine.toml --threads 1 --out whole", 0, &[]);
    let cut = |file: &str| place.text(&format!("whole/{file}")).replace("\"finished\"", "\"running\"");
    std::fs::create_dir(place.path("run")).unwrap();
    for file in ["record.json", "config.toml"] {
        place.write(&format!("run/{file}"), cut(file));
    }
    place.check("train --resume run --threads 1", 0, &[]);
    let told = |run: &str| {
        let files = std::fs::read_dir(place.path(run).join("events")).unwrap();
        let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
        let tag = b"_hparams_/session_start_info";
        let has = |bytes: Vec<u8>| bytes.windows(tag.len()).filter(|window| window == tag).count();
        files.map(|path| has(std::fs::read(path).unwrap())).sum::<usize>()
    };
    assert_eq!((told("whole"), told("run")), (1, 1));
}

/// Libtorch's kernels and our own round differently, so a run that is resumed must not change between them.
#[test]
fn a_resumed_run_keeps_its_kernels() {
    let place = longer("");
    let images: Vec<f32> = (0..40 * 64).map(|i| (i as f32 * 0.37).sin().abs()).collect();
    place.write("images.npy", npy(&[40, 1, 8, 8], &images));
    let convolutions = place.text("mine.toml").replace("rows.csv", "images.npy");
    let convolutions = convolutions.replace("[model.vanilla]\ncode = 2", "[model.conv]\nchannels = [3]");
    place.write("mine.toml", convolutions);
    for kernels in ["native", "libtorch"] {
        place.check(&format!("train mine.toml --threads 1 --kernels {kernels} --out {kernels}"), 0, &[]);
        let mut child = start(&place, &format!("train mine.toml --threads 1 --kernels {kernels} --out run"));
        wait_for(&place, Moment::Epoch(3), &mut child);
        signal(&child, "KILL");
        child.wait().unwrap();
        place.check("train --resume run --threads 1", 0, &[]);
        for file in ["model.safetensors", "metrics.jsonl"] {
            let [whole, resumed] = [kernels, "run"].map(|folder| place.read(&format!("{folder}/{file}")));
            assert!(whole == resumed, "{kernels}: {file}");
        }
        let used = place.json("run/record.json")["machine"]["kernels"].clone();
        assert!(used.as_str().is_some_and(|used| used.starts_with(kernels)), "{used}");
        fs::remove_dir_all(place.path("run")).unwrap();
    }
    assert!(
        place.read("native/model.safetensors") != place.read("libtorch/model.safetensors"),
        "they differ"
    );
    check(place.ae("train mine.toml --kernels mkl"), 2, &["auto, libtorch, native"]);
}

#[test]
fn a_folder_belongs_to_one_process_at_a_time() {
    let place = longer("");
    place.write("mine.toml", place.text("mine.toml").replace("epochs = 60", "epochs = 100000"));
    let mut child = start(&place, "train mine.toml --threads 1 --out run");
    wait_for(&place, Moment::Epoch(1), &mut child);
    let busy = ["another run is writing to run", "--out"];
    place.check_refused("train mine.toml --threads 1 --out run", 2, &busy);
    place.check_refused("train --resume run --threads 1", 2, &busy);
    assert!(child.try_wait().unwrap().is_none(), "the first goes on");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    place.check_refused("train mine.toml --threads 1 --out run", 2, &["already holds a run", "--resume run"]);
}

/// Folders that nobody named are called by the second and the seed.
#[test]
fn runs_that_begin_in_the_same_second_have_their_own_folders() {
    let place = longer("");
    let mut children: Vec<Child> =
        (0..4).map(|_| start(&place, "train mine.toml --threads 1 --set training.epochs=1")).collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    let models = place.path("runs/mine").read_dir().unwrap().map(|run| run.unwrap().path());
    assert_eq!(models.filter(|run| run.join("model.safetensors").exists()).count(), 4);
}

fn longer(settings: &str) -> Place {
    let place = Place::new();
    let experiment = EXPERIMENT.replace("epochs = 3", "epochs = 60");
    place.write("mine.toml", format!("{experiment}{LONGER}{settings}"));
    place
}

/// Begins the run, or continues it once it has begun.
fn next_command(place: &Place) -> String {
    match place.path("run/config.toml").exists() {
        true => "train --resume run --threads 1".into(),
        false => "train mine.toml --threads 1 --out run".into(),
    }
}

fn start(place: &Place, arguments: &str) -> Child {
    place.ae(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the moment has come or the child has ended.
fn wait_for(place: &Place, moment: Moment, child: &mut Child) {
    let started = Instant::now();
    let before: Vec<String> = common::files_of(&place.path("run/checkpoint")).collect();
    let begun = |name: String| name.starts_with(".writing-") && !before.contains(&name);
    let metrics = || fs::read_to_string(place.path("run/metrics.jsonl")).unwrap_or_default();
    let come = || match moment {
        Moment::AtOnce => true,
        Moment::After(milliseconds) => started.elapsed() >= Duration::from_millis(milliseconds),
        Moment::Epoch(epoch) => metrics().contains(&format!("\"epoch\":{epoch},")),
        Moment::Checkpointing => common::files_of(&place.path("run/checkpoint")).any(begun),
        Moment::Saved => place.path("run/model.safetensors").exists(),
    };
    while !come() && child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < PATIENCE, "{moment:?} did not come");
        sleep(Duration::from_micros(200));
    }
}

fn signal(child: &Child, name: &str) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(child.id().to_string());
    check(kill, 0, &[]);
}
