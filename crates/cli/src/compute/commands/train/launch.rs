//! `ae train --workers N`: starts the workers on this machine, and waits for them.

use crate::cli::TrainArgs;
use crate::commands::{program, stop_flag, wait_for_parent};
use crate::failure::Failure;
use crate::output;
use ae_records::world::World;
use std::ffi::OsString;
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How to get a program that trains with several workers.
pub(super) const FEATURE: &str = "build it with `cargo build --release --package ae-cli --features distributed`, or use `cargo \
                                  xtask train … --workers N`; it needs libgloo-dev (Debian, Ubuntu)";

/// Set for workers that this program has started: their standard input closes when it is to end.
const LAUNCHED: &str = "AE_LAUNCHED";
/// Whether this process was told to stop.
static STOP: AtomicBool = AtomicBool::new(false);
/// How often the workers are looked at.
const POLL: Duration = Duration::from_millis(50);
/// How long the others may take to end when one has failed: longer than they need to find out who.
const GRACE: Duration = Duration::from_secs(30);

/// Starts `size` workers of this command and waits for all of them.
pub(super) fn run(size: usize, args: &TrainArgs) -> Result<(), Failure> {
    if cfg!(not(feature = "distributed")) {
        return Err(Failure::usage(format!("this program was built for one process; {FEATURE}")));
    }
    let cannot = |what: &str, error: &dyn std::fmt::Display| Failure::new(format!("cannot {what}: {error}"));
    let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let port = free.map_err(|error| cannot("find a free port", &error))?.port();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = (cores / size).max(1);
    // A signal that reaches this process alone: the children notice that their input is closed.
    let _ = ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed));
    let mut children = Vec::new();
    for rank in 0..size {
        let mut command = program()?;
        command.args(arguments()).envs(World::variables_of(rank, size, port)).env(LAUNCHED, "1");
        if args.compute.threads == 0 && std::env::var_os("OMP_NUM_THREADS").is_none() {
            command.env("OMP_NUM_THREADS", threads.to_string());
        }
        command.stdin(Stdio::piped());
        if rank > 0 {
            command.stdout(Stdio::null());
        }
        children.push(command.spawn().map_err(|error| cannot("start a worker", &error))?);
    }
    wait(children)
}

/// The arguments of this process without `--workers N`.
fn arguments() -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut words = std::env::args_os().skip(1);
    while let Some(word) = words.next() {
        if word == "--workers" {
            words.next();
        } else if !word.to_string_lossy().starts_with("--workers=") {
            kept.push(word);
        }
    }
    kept
}

/// The end of all workers; that of the first one that failed counts.
fn wait(mut children: Vec<Child>) -> Result<(), Failure> {
    let mut failed: Option<(Failure, Instant)> = None;
    let mut running: Vec<usize> = (0..children.len()).collect();
    while !running.is_empty() {
        running.retain(|&rank| match children[rank].try_wait() {
            Ok(None) => true,
            Ok(Some(status)) if status.success() => false,
            Ok(Some(status)) => {
                if status.code().is_none() {
                    output::note(&format!("worker {rank} was ended by the system: {status}"));
                }
                let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
                failed.get_or_insert_with(|| (Failure::of_child(code), Instant::now()));
                false
            }
            Err(_) => false,
        });
        if failed.as_ref().is_some_and(|(_, since)| since.elapsed() > GRACE) {
            for child in &mut children {
                // It may have ended by now.
                let _ = child.kill();
            }
        }
        if STOP.load(Ordering::Relaxed) {
            for child in &mut children {
                child.stdin = None;
            }
        }
        thread::sleep(POLL);
    }
    failed.map_or(Ok(()), |(failure, _)| Err(failure))
}

/// Of a worker that this program has started: stops when the parent is to end, or has died.
pub(super) fn stop_with_parent() {
    if std::env::var_os(LAUNCHED).is_some() {
        thread::spawn(|| {
            wait_for_parent();
            stop_flag().store(true, Ordering::Relaxed);
        });
    }
}
