//! Runs all jobs in child processes, a limited number at a time.

use super::event::Event;
use super::show::Show;
use crate::cli::ReproduceArgs;
use crate::commands::program;
use crate::failure::Failure;
use ae_evaluation::reproduce::{Done, Ending, Job};
use ae_records::files::{self, FileError};
use ae_tensor::Kernels;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// A running child.
struct Running {
    child: Child,
    /// Closing it asks the child to save and stop.
    leash: Option<ChildStdin>,
    log: PathBuf,
    /// The child's last line, once it has been read.
    ending: Option<Ending>,
}

/// A message about the child with this index: an event, or `None` at the end of its output.
type Heard = (usize, Option<Event>);

/// Runs the jobs, at most `workers` at a time, and returns those that were not stopped: all of them, unless
/// `stop` was set.
pub(super) fn run(
    jobs: &[Job],
    workers: usize,
    args: &ReproduceArgs,
    folder: &Path,
    stop: &AtomicBool,
) -> Result<Vec<Done>, Failure> {
    let logs = folder.join("logs");
    files::create_dir(&logs).map_err(Failure::new)?;
    let (sender, heard) = mpsc::channel::<Heard>();
    let (mut next, mut running, mut done) = (0, BTreeMap::<usize, Running>::new(), Vec::new());
    let mut show = Show::new(jobs.len());
    while !running.is_empty() || (next < jobs.len() && !stop.load(Ordering::Relaxed)) {
        if stop.load(Ordering::Relaxed) {
            running.values_mut().for_each(|it| it.leash = None);
        }
        while next < jobs.len() && running.len() < workers && !stop.load(Ordering::Relaxed) {
            let log = logs.join(format!("{}.log", jobs[next].id()));
            running.insert(next, start(next, &jobs[next], args, log, &sender)?);
            show.begin(next, &jobs[next]);
            next += 1;
        }
        let (index, event) = match heard.recv_timeout(Duration::from_millis(200)) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => unreachable!("a sender lives here"),
        };
        let Some(it) = running.get_mut(&index) else { continue };
        match event {
            Some(Event::Ended(ending)) => it.ending = Some(ending),
            Some(event) => show.tell(index, &event),
            None => {
                let it = running.remove(&index).expect("it was there");
                let ended = end(it, &jobs[index], stop).map_err(Failure::new)?;
                show.end(index, &jobs[index], ended.as_ref());
                done.extend(ended);
            }
        }
    }
    Ok(done)
}

/// Starts this program as a child; its standard error goes to `log`.
fn start(
    index: usize,
    job: &Job,
    args: &ReproduceArgs,
    log: PathBuf,
    sender: &Sender<Heard>,
) -> Result<Running, Failure> {
    let file = File::create(&log).map_err(FileError::new("write", &log)).map_err(Failure::new)?;
    let mut command = program()?;
    command.arg("reproduce").arg(&job.given).args(["--tier", &job.tier.to_string()]);
    command.args(["--job", &job.seed.to_string(), "--threads", &args.threads.to_string()]);
    command.args(["--device", &args.device]).arg("--runs").arg(&args.runs);
    for (name, path) in [("--mirror", &args.sources.mirror), ("--cache", &args.sources.cache)] {
        if let Some(path) = path {
            command.arg(name).arg(path);
        }
    }
    command.args(["--kernels", &Kernels::chosen().to_string()]);
    command.args(args.sources.offline.then_some("--offline")).args(args.again.then_some("--again"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
    let cannot = |e| Failure::new(format!("cannot start a process for {}: {e}", job.id()));
    let mut child = command.spawn().map_err(cannot)?;
    let (leash, output) = (child.stdin.take(), child.stdout.take());
    let (output, sender) = (BufReader::new(output.expect("it is piped")), sender.clone());
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                // Sending fails only if the parent is about to exit.
                Ok(event) => drop(sender.send((index, Some(event)))),
                Err(error) => tracing::debug!("cannot read the line `{line}` of a child: {error}"),
            }
        }
        drop(sender.send((index, None)));
    });
    Ok(Running { child, leash, log, ending: None })
}

/// How a finished child ended; `None` if it was stopped.
fn end(mut it: Running, job: &Job, stop: &AtomicBool) -> Result<Option<Done>, String> {
    let status = it.child.wait().map_err(|e| format!("cannot wait for {}: {e}", job.id()))?;
    let ending = match it.ending {
        Some(ending) => ending,
        None if stop.load(Ordering::Relaxed) => return Ok(None),
        None => Ending::Failed(format!("its process ended early ({status}){}", last_line(&it.log))),
    };
    Ok(Some(Done { preset: job.preset.clone(), seed: job.seed, log: it.log, ending }))
}

/// The last line of a log that is not blank.
fn last_line(log: &Path) -> String {
    let text = files::read_to_string(log).unwrap_or_default();
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map_or(String::new(), |line| format!(": {}", line.trim()))
}
