//! Jobs on small data, and the table of their results.

use super::*;
use crate::testing::Bench;

const PRESET: &str = r#"
measures = ["anomaly"]
[data]
set = "DATA"
scale = "min-max"
label = -1
normal_label = "normal"
test = 0.4
[model.ecg]
[training]
epochs = 4
batch = 8
[[expected]]
metric = "anomaly/auroc"
at_least = 0.0
source = "any ranking"
[[expected]]
metric = "test/mae"
value = -1.0
better = "lower"
source = "impossible"
[cpu]
seeds = [0, 1]
"#;

fn preset(bench: &Bench, name: &str, text: &str) -> String {
    let path = bench.path(name);
    std::fs::write(&path, text.replace("DATA", &bench.waves(true).display().to_string())).unwrap();
    path.display().to_string()
}

fn run(bench: &Bench, jobs: &[Job]) -> Vec<Done> {
    bench.with(&[0], |context| {
        let finish = |job: &Job| Done {
            preset: job.preset.clone(),
            seed: job.seed,
            log: format!("{}.log", job.id()).into(),
            ending: Ending::Finished(Box::new(job.run(context, false, &mut |_| {}).unwrap())),
        };
        jobs.iter().map(finish).collect()
    })
}

#[test]
fn jobs_are_done_once_and_judged_by_the_mean_over_seeds() {
    let bench = Bench::new();
    let file = preset(&bench, "toy.toml", PRESET);
    let jobs = jobs(&[file], Tier::Cpu, &[]).unwrap();
    assert_eq!(jobs.iter().map(Job::id).collect::<Vec<_>>(), ["toy-seed0", "toy-seed1"]);
    assert_eq!(jobs[0].earlier_seconds(&bench.path("runs")), None);
    let done = run(&bench, &jobs);
    assert!(jobs[0].earlier_seconds(&bench.path("runs")).unwrap() > 0.0);
    assert_eq!(run(&bench, &jobs), done, "the second time nothing is trained");
    assert_eq!(bench.runs("toy").len(), 2);

    let table = Reproduction::new(Tier::Cpu, "ae reproduce toy".into(), &jobs, done.clone()).unwrap();
    let [good, bad] = &table.rows[..] else { panic!("{:?}", table.rows) };
    assert_eq!((good.verdict, bad.verdict), (Standing::Reached, Standing::Short));
    let values: Vec<f64> = done.iter().map(|it| figure(it, "test/mae")).collect();
    assert_eq!((bad.values.clone(), bad.seeds.clone()), (values.clone(), vec![0, 1]));
    assert_eq!(bad.mean, Some((values[0] + values[1]) / 2.0));
    assert!((bad.std.unwrap() - (values[0] - values[1]).abs() / 2f64.sqrt()).abs() < 1e-12);
    assert!(bad.advice.contains("report.html") && good.advice.is_empty());
    let markdown = table.to_markdown();
    for part in
        ["# Results", "    ae reproduce toy\n", "| toy | test/mae | ", "falls short", "impossible", "± "]
    {
        assert!(markdown.contains(part), "{part}\n{markdown}");
    }
    assert!(!table.to_text(None).contains("impossible"));
    let again: Reproduction = serde_json::from_str(&table.to_json()).unwrap();
    assert_eq!(again, table);
}

fn figure(done: &Done, name: &str) -> f64 {
    match &done.ending {
        Ending::Finished(finished) => finished.metrics[name],
        Ending::Failed(reason) => panic!("{reason}"),
    }
}

#[test]
fn the_smoke_tier_expects_the_loss_to_fall() {
    let bench = Bench::new();
    let file = preset(&bench, "toy.toml", PRESET);
    let jobs = jobs(&[file], Tier::Smoke, &[5]).unwrap();
    assert_eq!((jobs.len(), jobs[0].seed, jobs[0].experiment.training.epochs), (1, 5, 2));
    assert!(jobs[0].command(2).contains("--set training.epochs=2 "), "{}", jobs[0].command(2));
    assert!(jobs[0].command(2).ends_with("--seed 5 --threads 2"));
    let mut done = run(&bench, &jobs);
    let row = |done: &[Done]| {
        let table = Reproduction::new(Tier::Smoke, String::new(), &jobs, done.to_vec()).unwrap();
        let [row] = &table.rows[..] else { panic!("{:?}", table.rows) };
        row.clone()
    };
    assert_eq!((row(&done).metric.as_str(), row(&done).verdict), ("train/loss_change", Standing::Reached));
    let Ending::Finished(finished) = &mut done[0].ending else { panic!() };
    finished.metrics.insert("train/loss_change".into(), 0.1);
    assert_eq!(row(&done).verdict, Standing::Short);
    let Ending::Finished(finished) = &mut done[0].ending else { panic!() };
    finished.metrics.remove("train/loss_change");
    assert_eq!((row(&done).obtained().as_str(), row(&done).verdict), ("finished", Standing::Reached));
    done[0].ending = Ending::Failed("no space".into());
    let failed = row(&done);
    assert_eq!(failed.verdict, Standing::Failed);
    assert!(failed.advice.starts_with("no space; see toy-seed5.log, or try: ae train "), "{}", failed.advice);
}

#[test]
fn no_text_of_a_run_is_markup_in_the_table() {
    let bench = Bench::new();
    let file = preset(&bench, "my toy.toml", &PRESET.replace("any ranking", "<b>|x\u{202e}"));
    let jobs = jobs(&[file], Tier::Cpu, &[0]).unwrap();
    let command = jobs[0].command(1);
    assert!(command.starts_with("ae train '") && command.contains("my toy.toml' --"), "{command}");
    let finished = Finished {
        folder: "runs/toy/1".into(),
        metrics: [("anomaly/auroc", 0.5), ("test/mae", 0.5)]
            .map(|(name, value)| (name.to_string(), value))
            .into(),
        machine: Machine { processor: "<script>\u{1b}[2J\n# fast".into(), ..Machine::default() },
        ..Finished::default()
    };
    let done = Done {
        preset: jobs[0].preset.clone(),
        seed: 0,
        log: "a.log".into(),
        ending: Ending::Finished(Box::new(finished)),
    };
    let table = Reproduction::new(Tier::Cpu, "ae 'a|b'".into(), &jobs, vec![done]).unwrap();
    let markdown = table.to_markdown();
    for part in [
        "    ae 'a|b'\n",
        "- processor: &lt;script&gt;\\\\u{1b}\\[2J\\\\n# fast\n",
        "| &lt;b&gt;\\|x\\\\u{202e} |\n",
    ] {
        assert!(markdown.contains(part), "{part}\n{markdown}");
    }
}

/// A folder's name that is not UTF-8 is no reason to lose the results.
#[cfg(unix)]
#[test]
fn paths_that_are_no_text_are_shown_as_text() {
    use std::os::unix::ffi::OsStrExt;
    let odd = PathBuf::from(std::ffi::OsStr::from_bytes(b"runs/\xff"));
    let finished = Finished { folder: odd.clone(), ..Finished::default() };
    let done = Done { preset: "toy".into(), seed: 0, log: odd, ending: Ending::Finished(Box::new(finished)) };
    let table = Reproduction {
        tier: Tier::Cpu,
        command: String::new(),
        date: String::new(),
        rows: Vec::new(),
        jobs: vec![done],
    };
    let read: Reproduction = serde_json::from_str(&table.to_json()).unwrap();
    assert_eq!(read.jobs[0].log, PathBuf::from("runs/\u{fffd}"));
}

#[test]
fn mistakes_are_found_before_anything_starts() {
    let bench = Bench::new();
    let check = |given: &[&str], tier, seeds: &[u64], words: &str| {
        let given: Vec<String> = given.iter().map(|name| name.to_string()).collect();
        let error = jobs(&given, tier, seeds).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.is_usage() || matches!(error, EvaluationError::File(_)), "{error}");
    };
    check(&["vea"], Tier::Cpu, &[], "did you mean `vae`");
    check(&["vae", "vae"], Tier::Cpu, &[], "`vae` is given twice");
    check(&["vae"], Tier::Cpu, &[1, 1], "seed 1 is given twice");
    check(&["nothing.toml"], Tier::Cpu, &[], "nothing.toml");
    let off = preset(&bench, "off.toml", &format!("cpu = false\n{PRESET}").replace("[cpu]", "[full]"));
    check(&[&off], Tier::Cpu, &[], "`off` does not run in the tier cpu");
    let wrong = preset(&bench, "wrong.toml", &PRESET.replace("\"anomaly\"]", "\"anomly\"]"));
    check(&[&wrong], Tier::Cpu, &[], "did you mean `anomaly`");
}

#[test]
fn every_preset_of_a_tier_runs_if_none_is_named() {
    for tier in [Tier::Smoke, Tier::Cpu, Tier::Full] {
        let jobs = jobs(&[], tier, &[0]).unwrap();
        let runs = |name: &str| Given::open(name).unwrap().load(&[]).unwrap().tier(tier).is_some();
        let expected = PRESETS.iter().filter(|preset| runs(preset.name)).count();
        assert_eq!(jobs.len(), expected, "{tier}");
    }
}
