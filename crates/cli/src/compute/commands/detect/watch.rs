//! `ae detect watch`: reads a stream, and writes a line of JSON for each of its lines, and for each event that begins
//! or ends there.
//!
//! With `--state`, a line is acknowledged once its verdict is written and the state records it. After a
//! `kill -9` the watch continues after the last acknowledged line: the input is the rest of the stream, or with
//! `--replay` the whole stream from its first line. No acknowledged line loses its verdict or gets a second
//! one. With `--out`, verdicts that were not acknowledged are removed, so that the file holds exactly one for
//! each line.

mod metrics;
mod outlets;
mod webhook;

use self::outlets::Outlets;
use super::stdin::{Stdin, is_stopped};
use super::times::Times;
use super::verdicts::{self, Form, Sheet};
use super::{apart, events, load, reading, unreadable};
use crate::cli::WatchArgs;
use crate::commands::stop_flag;
use crate::failure::Failure;
use crate::output;
use ae_anomaly::events::Change;
use ae_anomaly::{Bar, Detector, Drift, Judgement, WatchState};
use ae_intake::{Block, IntakeError, Keep, NoticeLog, ReadOptions, Reader, Text, unpacked};
use ae_records::files::{self, FileError};
use ae_records::seed;
use ae_records::text::one_line;
use ae_tensor::device;
use std::fs::{self, File};
use std::io::{self, BufRead, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// A first line longer than this is not a header.
const MAX_HEADER_BYTES: u64 = 1 << 20;

pub(super) fn run(args: &WatchArgs) -> Result<(), Failure> {
    // From now on, a signal ends the watch with its state written.
    stop_flag();
    device::set_threads(1);
    let detector = load(&args.model)?;
    if let Some(state) = &args.state {
        apart(state, &[&args.model])?;
    }
    if let Some(out) = &args.out {
        let lock = args.state.as_deref().map(lock_of);
        let used = [Some(&args.model), args.state.as_ref(), lock.as_ref()];
        apart(out, &used.into_iter().flatten().map(PathBuf::as_path).collect::<Vec<_>>())?;
    }
    let _lock = args.state.as_deref().map(lock).transpose()?;
    let outlets = Outlets::open(args, &detector)?;
    let mut state = match &args.state {
        Some(path) if path.exists() => WatchState::read(path, &detector).map_err(Failure::new)?,
        _ => WatchState::new(&detector),
    };
    adapt(&detector, args.adapt, &mut state)?;
    if let Some(path) = &args.state {
        // A state that cannot be written is reported before the first verdict.
        files::check_writable(path).map_err(Failure::new)?;
        state.write(path).map_err(Failure::new)?;
    }
    let out = match &args.out {
        Some(path) => Some(append(path, args.state.as_ref().map(|_| state.written))?),
        None => None,
    };
    outlets.begin(&detector, state.drift.as_ref());
    let mut watch = Watch {
        detector: &detector,
        args,
        outlets,
        out,
        notices: NoticeLog::default(),
        times: Times::new(detector.schema(), &[]),
        without_cause: false,
        window: detector.schema().windows.map_or(1, |windows| windows.length as u64),
        drifting: state.drift.as_ref().is_some_and(Drift::is_drifting),
        reading: true,
    };
    let ran = watch.run(&mut state);
    watch.outlets.close();
    match ran {
        // A read that a signal ended is no error: the state was written after the last line.
        Err(_) if is_stopped() && watch.reading => Ok(()),
        other => other,
    }
}

/// Takes the adaptive threshold that was asked for, or goes on with that of the state.
fn adapt(detector: &Detector, step: Option<f64>, state: &mut WatchState) -> Result<(), Failure> {
    let asked = step.map(|step| detector.adaptive(step)).transpose().map_err(Failure::usage)?;
    if state.line == 0 {
        state.adaptive = asked;
    }
    let steps = [asked, state.adaptive].map(|adaptive| adaptive.map(|adaptive| adaptive.step()));
    if steps[0] == steps[1] {
        return Ok(());
    }
    Err(Failure::usage(match steps[1] {
        Some(step) => {
            format!("the watch of this state began with --adapt {step}; give the same, or another --state")
        }
        None => "the watch of this state began without --adapt; leave it out, or give another --state".into(),
    }))
}

/// The file that a watch locks while it uses a state.
fn lock_of(state: &Path) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Locks a state against a second watch until the process ends, however it ends.
fn lock(state: &Path) -> Result<File, Failure> {
    files::lock(&lock_of(state)).map_err(Failure::new)?.ok_or_else(|| {
        Failure::usage(format!(
            "another watch is using {}; give another --state, or stop that watch",
            state.display()
        ))
    })
}

/// Opens the output at its end, or at the last acknowledged byte.
fn append(path: &Path, written: Option<u64>) -> Result<File, Failure> {
    if let Some(written) = written {
        let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if length < written {
            let message = format!(
                "{} holds {length} bytes, but the state has acknowledged {written}; give the --out that belongs to the \
                 state (none if it was standard output), or remove the state to start over",
                path.display()
            );
            return Err(Failure::new(message));
        }
        if written == 0 && length > 0 {
            let message = format!(
                "{} is not empty, and the state does not record how far it goes; give another --out, or \
                 the --state of that watch",
                path.display()
            );
            return Err(Failure::usage(message));
        }
    }
    let file = files::append(path).map_err(Failure::new)?;
    if let Some(written) = written {
        file.set_len(written).map_err(FileError::new("write", path)).map_err(Failure::new)?;
    }
    Ok(file)
}

struct Watch<'a> {
    detector: &'a Detector,
    args: &'a WatchArgs,
    outlets: Outlets,
    out: Option<File>,
    notices: NoticeLog,
    times: Times,
    /// Whether it was said that causes are missing.
    without_cause: bool,
    window: u64,
    drifting: bool,
    /// Whether a line is being read, not judged or written.
    reading: bool,
}

impl Watch<'_> {
    fn run(&mut self, state: &mut WatchState) -> Result<(), Failure> {
        let broken = |error| Failure::new(FileError::new("read", "standard input")(error));
        let name = "standard input";
        let input = unpacked(Stdin::open().map_err(broken)?, name).map_err(reading)?;
        let mut input = Text::new(input, self.detector.schema(), name).map_err(reading)?;
        let first = first_lines(&mut input).map_err(broken)?;
        input.notices().into_iter().for_each(|notice| self.notice(notice));
        let goes_on = state.line > 0 && !self.args.replay;
        let names_again = state.header.as_deref().is_some_and(|header| first.starts_with(header));
        // A continued stream has no header of its own; it gets the one from its beginning.
        let header = state.header.clone().filter(|_| goes_on && !names_again).unwrap_or_default();
        let has_header = goes_on && state.header.is_some();
        let options = ReadOptions {
            name: name.into(),
            header: (goes_on && state.header.is_none()).then_some(false),
            keep: Keep { time: true, ..Keep::default() },
            live: true,
            ..ReadOptions::default()
        };
        let input = Cursor::new([header.into_bytes(), first.clone().into_bytes()].concat()).chain(input);
        let mut reader = Reader::new(input, self.detector.schema(), &options).map_err(reading)?;
        // Line numbers run through the whole stream, and the header counts once.
        let header_lines = state.header.as_deref().filter(|_| has_header).map_or(0, lines_in);
        let shift = if goes_on { state.line.saturating_sub(header_lines) } else { 0 };
        if state.line > 0 {
            if self.args.replay {
                reader.skip_to(state.line + 1).map_err(reading)?;
            }
            if let Some(window) = &state.window {
                reader.restore(window).map_err(reading)?;
            }
            if let Some(groups) = &state.groups {
                reader.restore_groups(groups).map_err(reading)?;
            }
        }
        reader.notices().iter().for_each(|notice| self.notice(notice.clone()));
        let keep = &options.keep;
        let sheet = Sheet::new(Form::JsonLines, self.detector.schema(), keep, reader.kept_columns());
        self.times = Times::new(self.detector.schema(), reader.kept_columns());
        let stop = stop_flag();
        while !stop.load(Ordering::Relaxed) {
            self.reading = true;
            let Some(block) = reader.next_line().map_err(reading)? else { break };
            self.reading = false;
            let line = block.rows.first().map(|row| row.line).or(block.bad.first().map(|bad| bad.line));
            let line = line.expect("a block of a line has a row or a bad line") + shift;
            if state.line == 0 {
                // What precedes the first row names the columns, and tells how the others are written.
                let before = usize::try_from(line - 1).unwrap_or(usize::MAX);
                let header: String = first.split_inclusive('\n').take(before).collect();
                state.header = (!header.trim().is_empty()).then_some(header);
            }
            let (judgement, written) = self.judge(&block, &sheet, shift, state)?;
            self.outlets.line(line, judgement.as_ref(), &written);
            state.line = line;
            if let Some(path) = &self.args.state {
                state.window = reader.window_state();
                state.groups = reader.group_state();
                state.write(path).map_err(Failure::new)?;
            }
        }
        if let (Err(error @ IntakeError::OnlyBadLines { .. }), false) = (reader.ensure_rows(), is_stopped()) {
            // Unlike a file, a stream may end before its first line. A watch that was told to stop has not seen all.
            self.reading = false;
            return Err(unreadable::failure(error, self.detector.schema()));
        }
        if self.args.state.is_some() || stop.load(Ordering::Relaxed) {
            // The stream may go on, and its event with it.
            return Ok(());
        }
        let mut text = Vec::new();
        while let Some(event) = state.events.finish() {
            let change = Change { line: state.line, closed: Some(event), opened: None };
            events::of_change(self.detector.schema(), &self.times, &change, &mut text);
        }
        self.write(&text)?;
        self.outlets.events(&text);
        Ok(())
    }

    /// Judges a line and writes its verdict. Returns the judgement, if the line is a row, and what was written.
    fn judge(
        &mut self,
        block: &Block,
        sheet: &Sheet,
        shift: u64,
        state: &mut WatchState,
    ) -> Result<(Option<Judgement>, Vec<u8>), Failure> {
        let mut judgements =
            self.detector.judge_encoded(&block.samples, &block.rows).map_err(Failure::new)?;
        if let Some(adaptive) = &mut state.adaptive {
            let calibration = self.detector.calibration();
            judgements = judgements.into_iter().map(|own| adaptive.judge(calibration, own)).collect();
        }
        self.times.look_at(block);
        let followed = state.events.follow(self.detector, block, &judgements, shift).map_err(Failure::new)?;
        block.notices.iter().for_each(|notice| self.notice(notice.clone().shifted(shift)));
        if followed.without_cause > 0 && !self.without_cause {
            self.without_cause = true;
            output::note(
                "note: there are too many alarms to find the cause of each, so some are written without one; if all rows are \
                 alarms, check whether the source is the one that the detector learned from",
            );
        }
        let mut text = match (self.args.explain, judgements.first()) {
            (Some(most), Some(judgement @ Judgement::Anomalous(verdict))) => {
                let bar = Bar { group: block.groups.name(0), threshold: verdict.threshold };
                let explanation =
                    self.detector.explain_by(&block.samples, 0, bar, most).map_err(Failure::new)?;
                let parts = followed.parts.first().map(|(_, parts)| parts);
                let mut text = Vec::new();
                sheet.row(block, 0, judgement, parts, Some(&explanation), shift, &mut text);
                text
            }
            _ => sheet.of_block(block, &judgements, &followed.parts, shift),
        };
        for change in &followed.changes {
            events::of_change(self.detector.schema(), &self.times, change, &mut text);
        }
        if let (Some(drift), Some(row)) = (&mut state.drift, block.rows.first()) {
            // Scores of overlapping windows are correlated, so only one per window length is observed on average.
            let verdict = judgements.first().and_then(Judgement::verdict);
            if let Some(verdict) = verdict.filter(|_| self.is_sampled(row.line + shift)) {
                drift.observe(verdict.score).map_err(Failure::new)?;
                self.outlets.drift(drift);
                if drift.is_drifting() && !self.drifting {
                    self.drifting = true;
                    let event = serde_json::json!({ "line": row.line + shift, "drift": drift.status() });
                    verdicts::json_line(&event, &mut text);
                    output::note(
                        "the distribution of scores has changed since the calibration; check the data, and fit the \
                         detector again if the new data are normal",
                    );
                }
            }
        }
        self.write(&text)?;
        state.written += text.len() as u64;
        Ok((judgements.into_iter().next(), text))
    }

    fn grouped(&self) -> bool {
        self.detector.schema().group.is_some()
    }

    /// Whether the score of a line is observed for drift. Every n-th line of interleaved groups would always be of the
    /// same ones, so that lines are drawn at random; the draw depends on the line alone.
    fn is_sampled(&self, line: u64) -> bool {
        let place = if self.grouped() { seed::stream_seed(0, "lines for drift", line) } else { line };
        place.is_multiple_of(self.window)
    }

    fn write(&mut self, text: &[u8]) -> Result<(), Failure> {
        let name = self.args.out.clone().unwrap_or_else(|| "standard output".into());
        let written = match &mut self.out {
            Some(file) => file.write_all(text),
            None => {
                let mut out = io::stdout().lock();
                out.write_all(text).and_then(|()| out.flush())
            }
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::told()),
            other => other.map_err(FileError::new("write", name)).map_err(Failure::new),
        }
    }

    /// Prints the first notice of each kind and column.
    fn notice(&mut self, notice: ae_intake::Notice) {
        if self.notices.add(&notice) {
            output::note(&format!("note: {}", one_line(&notice.to_string())));
        }
    }
}

/// The first line that is neither blank nor a comment, with its line end and the lines before it. Invalid UTF-8
/// is left for the reader to report.
fn first_lines(input: &mut impl BufRead) -> io::Result<String> {
    let mut lines = Vec::new();
    loop {
        let from = lines.len();
        let left = MAX_HEADER_BYTES.saturating_sub(from as u64);
        let length = input.by_ref().take(left).read_until(b'\n', &mut lines)?;
        let line = &lines[from..];
        let precedes =
            line.iter().all(u8::is_ascii_whitespace) || line.starts_with(b"#") || sets_delimiter(line);
        if length == 0 || !precedes {
            break;
        }
    }
    Ok(String::from_utf8(lines)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Whether a line such as `sep=;` sets the delimiter.
fn sets_delimiter(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    line.len() <= 10 && line.get(..4).is_some_and(|key| key.eq_ignore_ascii_case(b"sep="))
}

fn lines_in(text: &str) -> u64 {
    text.lines().count() as u64
}
