//! `ae detect watch` over millions of lines: its memory does not grow with the length of a stream.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::round::program_in;
use super::watch::Stream;

/// By this line all buffers have their size.
pub(super) const SETTLED_LINES: u64 = 100_000;

/// More growth than this, in bytes, is a leak.
const MAX_GROWTH: u64 = 10_000_000;

/// Lines between two looks at the memory.
const LINES_PER_LOOK: u64 = 10_000;

/// Judges `lines` rows of a table in `place`, which holds the state. Prints what was measured.
pub(super) fn run(program: &Path, place: &Path, lines: u64, verbose: bool) -> anyhow::Result<()> {
    let stream = Stream::Table;
    stream.fit(program, place)?;
    let begun = Instant::now();
    let mut command = program_in(program, place, "detect watch --model detector.safetensors --state state");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("cannot run {}", program.display()))?;
    let mut input = BufWriter::new(child.stdin.take().context("no standard input")?);
    // The input stays open until the memory was measured after the last verdict.
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || -> std::io::Result<()> {
        input.write_all(stream.header().as_bytes())?;
        for index in 0..lines {
            input.write_all(stream.row(index).as_bytes())?;
        }
        input.flush()?;
        // It also ends when nobody reads verdicts any more.
        let _ = wait.recv();
        Ok(())
    });
    let measured = measure(&mut child, lines, verbose);
    drop(done);
    if measured.is_err() {
        child.kill().context("cannot end the program")?;
    }
    let status = child.wait().context("cannot wait for the program")?;
    let written = writer.join().expect("the writer does not panic");
    let (settled, most, last) = measured?;
    written.context("cannot write the stream")?;
    anyhow::ensure!(status.success(), "the watch ended with {status}");
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let growth = most.saturating_sub(settled);
    println!(
        "memory of watch over {lines} lines: {:.1} MB after {SETTLED_LINES}, {:.1} MB at most from then on, \
         {:.1} MB at the end; {:.0} s",
        mb(settled),
        mb(most),
        mb(last),
        begun.elapsed().as_secs_f64()
    );
    anyhow::ensure!(
        growth < MAX_GROWTH,
        "memory grew by {:.1} MB, and {:.0} MB are allowed",
        mb(growth),
        mb(MAX_GROWTH)
    );
    Ok(())
}

/// Resident memory in bytes: after [`SETTLED_LINES`], the most from then on, and after the last line.
fn measure(child: &mut Child, lines: u64, verbose: bool) -> anyhow::Result<(u64, u64, u64)> {
    let verdicts = BufReader::new(child.stdout.take().context("no standard output")?);
    let mut system = System::new();
    let (mut settled, mut most, mut last, mut seen) = (None, 0, 0, 0);
    for verdict in verdicts.lines() {
        if verdict.context("cannot read the verdicts")?.contains("\"drift\"") {
            continue;
        }
        seen += 1;
        if seen < SETTLED_LINES || !(seen.is_multiple_of(LINES_PER_LOOK) || seen == lines) {
            continue;
        }
        last = resident(&mut system, child.id())?;
        settled.get_or_insert(last);
        most = most.max(last);
        if verbose {
            println!("  line {seen}: {:.1} MB", last as f64 / 1e6);
        }
        if seen == lines {
            break;
        }
    }
    match settled {
        Some(settled) if seen == lines => Ok((settled, most, last)),
        _ => bail!("{seen} verdicts of {lines} lines"),
    }
}

fn resident(system: &mut System, id: u32) -> anyhow::Result<u64> {
    let id = Pid::from_u32(id);
    let what = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), true, what);
    let process = system.process(id).context("the watch has ended before its input")?;
    Ok(process.memory())
}
