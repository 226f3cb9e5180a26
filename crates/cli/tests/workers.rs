//! Several workers as real processes: what they train, and what happens if one of them dies, stops or fails. Built with the
//! feature `distributed`: `cargo xtask test --distributed`.

mod common;

use common::{EXPERIMENT, Place, check_refused};

#[test]
fn variables_of_a_launcher_that_are_half_set_are_refused() {
    let place = Place::new();
    let mut command = place.ae("train mine.toml");
    command.env("RANK", "1");
    check_refused(command, 2, &["RANK is set, but WORLD_SIZE, MASTER_ADDR and MASTER_PORT are not"]);
    place.check("train mine.toml --continue", 2, &["--out"]);
    place.check("train mine.toml --workers 0", 2, &["--workers"]);
}

#[cfg(not(feature = "distributed"))]
#[test]
fn a_program_for_one_process_says_how_to_get_one_for_several() {
    let place = Place::new();
    place.check_refused("train mine.toml --workers 2", 2, &["--features distributed", "libgloo-dev"]);
    let mut command = place.ae("train mine.toml");
    let variables =
        [("RANK", "1"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "localhost"), ("MASTER_PORT", "29500")];
    command.envs(variables);
    check_refused(command, 2, &["worker 1 of 2", "--features distributed"]);
}

#[test]
fn a_command_that_is_repeated_goes_on_or_begins() {
    let place = Place::new();
    place.check("train mine.toml --out run --threads 1 --continue", 0, &["report: "]);
    let model = place.read("run/model.safetensors");
    place.check("train mine.toml --out run --threads 1 --continue", 0, &["report: "]);
    assert!(place.read("run/model.safetensors") == model);
    let changed = "train mine.toml --out run --threads 1 --set training.batch=9 --continue";
    place.check_refused(changed, 1, &["`training.batch` was 8 and is 9"]);
    assert!(EXPERIMENT.contains("batch = 8"));
}

#[cfg(feature = "distributed")]
mod processes {
    use super::common::{AE, EXPERIMENT, Place, Ran};
    use std::net::TcpListener;
    use std::process::{Child, Command, Stdio};
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    /// The survivors of a dead worker end within this time, also on a busy machine; `docs/distributed.md` says ten seconds.
    const SOON: Duration = Duration::from_secs(20);

    /// 60 epochs of 5 steps, a checkpoint after each.
    fn longer() -> Place {
        let place = Place::new();
        let experiment = EXPERIMENT.replace("epochs = 3", "epochs = 60");
        place.write("mine.toml", format!("{experiment}\nlog_every = 3\ncheckpoint_every = 1\n"));
        place
    }

    fn port() -> u16 {
        TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
    }

    /// Starts workers as a launcher does.
    fn launch(place: &Place, arguments: &str, size: usize) -> Vec<Child> {
        let port = port();
        let start = |rank: usize| {
            let mut command = place.ae(arguments);
            command.env("RANK", rank.to_string()).env("WORLD_SIZE", size.to_string());
            command.env("LOCAL_RANK", rank.to_string());
            command.env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", port.to_string());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        (0..size).map(start).collect()
    }

    fn ends(workers: Vec<Child>) -> Vec<Ran> {
        workers.into_iter().map(|worker| worker.wait_with_output().unwrap().into()).collect()
    }

    fn all_well(workers: Vec<Child>) {
        for ran in ends(workers) {
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        }
    }

    /// Waits for the run to have a checkpoint.
    fn wait_for_steps(place: &Place, run: &str) {
        let begun = Instant::now();
        let path = place.path(run).join("checkpoint/state.safetensors");
        while !path.exists() {
            assert!(begun.elapsed() < Duration::from_secs(120), "no checkpoint");
            sleep(Duration::from_millis(10));
        }
        sleep(Duration::from_millis(150));
    }

    fn assert_same(place: &Place, one: &str, other: &str) {
        for file in ["model.safetensors", "metrics.jsonl"] {
            let [one, other] = [one, other].map(|run| place.read(&format!("{run}/{file}")));
            assert!(one == other, "{file}");
        }
    }

    #[test]
    fn workers_repeat_their_bytes_and_agree_with_one_process() {
        let place = Place::new();
        place.check("train mine.toml --threads 1 --out alone", 0, &[]);
        place.check("train mine.toml --threads 1 --workers 1 --out one", 0, &[]);
        assert_same(&place, "alone", "one");
        for size in [2, 3] {
            let started = format!("train mine.toml --threads 1 --workers {size} --out {size}");
            place.check(&started, 0, &["vanilla", "report: "]);
            all_well(launch(&place, &format!("train mine.toml --threads 1 --out by-hand-{size}"), size));
            assert_same(&place, &size.to_string(), &format!("by-hand-{size}"));
            let [alone, together] = ["alone".to_string(), size.to_string()].map(|run| {
                let record = place.json(&format!("{run}/record.json"));
                (record["metrics"]["test/mse"].as_f64().unwrap(), record["machine"]["workers"].as_u64())
            });
            assert!((alone.0 - together.0).abs() < 1e-5 * alone.0, "{alone:?} {together:?}");
            assert_eq!((alone.1, together.1), (None, Some(size as u64)));
        }
    }

    #[test]
    fn the_survivors_name_the_dead_and_the_run_goes_on_bit_for_bit() {
        let place = longer();
        all_well(launch(&place, "train mine.toml --threads 1 --out whole", 3));
        for dead in [1, 0] {
            let run = format!("killed-{dead}");
            let mut workers = launch(&place, &format!("train mine.toml --threads 1 --out {run}"), 3);
            wait_for_steps(&place, &run);
            workers[dead].kill().unwrap();
            let since = Instant::now();
            for (rank, ran) in ends(workers).into_iter().enumerate() {
                if rank != dead {
                    let expected = format!("worker {dead} of 3 has died or cannot be reached");
                    assert!(ran.stderr.contains(&expected), "worker {rank} says: {}", ran.stderr);
                    assert_eq!(ran.code, Some(1), "worker {rank}");
                }
            }
            assert!(since.elapsed() < SOON, "{:?} after worker {dead} has died", since.elapsed());
            all_well(launch(&place, &format!("train --resume {run}"), 3));
            assert_same(&place, "whole", &run);
        }
    }

    #[test]
    fn a_worker_that_is_told_to_stop_stops_all_and_another_number_goes_on() {
        let place = longer();
        all_well(launch(&place, "train mine.toml --threads 1 --out whole", 2));
        let workers = launch(&place, "train mine.toml --threads 1 --out run", 2);
        wait_for_steps(&place, "run");
        let told = Command::new("kill").args(["-TERM", &workers[1].id().to_string()]).status().unwrap();
        assert!(told.success());
        let ended = ends(workers);
        assert!(ended.iter().all(|ran| ran.code == Some(1)), "{ended:?}");
        assert!(ended[0].stderr.contains("interrupted and saved"), "{}", ended[0].stderr);
        assert!(ended[1].stderr.is_empty(), "{}", ended[1].stderr);
        place.check("train --resume run --workers 3", 0, &[]);
        let [whole, run] = ["whole", "run"]
            .map(|run| place.json(&format!("{run}/record.json"))["metrics"]["test/mse"].as_f64().unwrap());
        assert!((whole - run).abs() < 1e-3 * whole, "{whole} {run}");
    }

    #[test]
    fn the_error_of_one_worker_is_that_of_all() {
        let place = Place::new();
        place.check("train mine.toml --threads 1 --out run", 0, &[]);
        let ended = ends(launch(&place, "train mine.toml --threads 1 --out run", 2));
        assert!(ended[0].stderr.contains("already holds a run"), "{}", ended[0].stderr);
        let expected = "error: worker 1: worker 0 of 2 has stopped: run already holds a run";
        assert!(ended[1].stderr.starts_with(expected), "{}", ended[1].stderr);
        assert_eq!(ended[1].stderr.lines().count(), 1, "{}", ended[1].stderr);
        let ran = place.run("train missing.toml --workers 2");
        assert!(ran.stderr.contains("cannot read missing.toml"), "{}", ran.stderr);
    }

    /// `AE_TORCHRUN=…/torchrun cargo xtask test --distributed -- --include-ignored`.
    #[test]
    #[ignore = "needs torchrun of PyTorch, named by AE_TORCHRUN"]
    fn torchrun_starts_the_workers_again() {
        let torchrun = std::env::var("AE_TORCHRUN").expect("AE_TORCHRUN names the program torchrun");
        let place = longer();
        all_well(launch(&place, "train mine.toml --threads 1 --out whole", 2));
        // The second worker dies once, after the first checkpoint; torchrun starts both again.
        let script = format!(
            "if [ \"$RANK\" = 1 ] && [ \"$TORCHELASTIC_RESTART_COUNT\" = 0 ]; then \
               {AE} train mine.toml --threads 1 --out run --continue & pid=$!; \
               while [ ! -e run/checkpoint/state.safetensors ]; do sleep 0.05; done; kill -9 $pid; wait $pid; exit 1; \
             else exec {AE} train mine.toml --threads 1 --out run --continue; fi"
        );
        let mut command = place.command(torchrun);
        command.args([
            "--standalone",
            "--nproc-per-node",
            "2",
            "--max-restarts",
            "1",
            "--no-python",
            "sh",
            "-c",
        ]);
        let ran: Ran = command.arg(script).output().unwrap().into();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_same(&place, "whole", "run");
        assert_eq!(place.json("run/record.json")["resumed"], 1);
    }
}
