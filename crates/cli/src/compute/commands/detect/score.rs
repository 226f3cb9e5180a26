//! `ae detect score`: writes a verdict for every row of a file, and the events that the alarms belong to.

use super::explain::Severest;
use super::order::Order;
use super::stdin::{Stdin, is_stopped};
use super::times::Times;
use super::verdicts::{Counts, Form, Sheet, json_line};
use super::{events, keep, load, reading, remarks, unreadable};
use crate::cli::{Cli, ScoreArgs};
use crate::commands::stop_flag;
use crate::failure::Failure;
use crate::output;
use crate::progress::Rows;
use ae_anomaly::calibration::adaptive::USUAL_STEP;
use ae_anomaly::events::{Event, EventTracker};
use ae_anomaly::{Adaptive, Detector, FitConfig, Judgement};
use ae_intake::{Block, Keep, NoticeLog, ReadOptions, Reader};
use ae_records::files::{FileError, write_atomic};
use ae_records::text::one_line;
use ae_tensor::device;
use serde_json::json;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

pub(super) fn run(args: &ScoreArgs, cli: &Cli) -> Result<(), Failure> {
    // From now on, a signal leaves an existing output as it is.
    stop_flag();
    if let Some(out) = &args.out {
        keep(out, args.force, &[&args.data, &args.model])?;
        keep(&events_beside(out), args.force, &[&args.data, &args.model])?;
    }
    let explained = args.explain.then(|| folder_beside(args.out.as_deref().unwrap_or(Path::new("scored"))));
    if let Some(folder) = &explained {
        keep(folder, args.force, &[])?;
    }
    device::set_threads(args.threads);
    if args.threads > 0 {
        // The pool can be sized only once; a later call fails and keeps the size.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global();
    }
    let detector = load(&args.model)?;
    let adaptive = args.adapt.map(|step| detector.adaptive(step)).transpose().map_err(Failure::usage)?;
    let copied = Keep { time: true, columns: args.id.clone(), all: args.keep };
    let mut scoring = Scoring {
        detector: &detector,
        form: form_of(args.out.as_deref(), cli.json),
        counts: Counts::default(),
        notices: NoticeLog::default(),
        rows: Rows::new(args.out.is_some()),
        keep: copied.clone(),
        times: Times::new(detector.schema(), &[]),
        held: Vec::new(),
        order: (args.data == Path::new("-") && sorts(&detector)).then(Order::default),
        severest: Severest::new(if args.explain { args.explained } else { 0 }, &detector),
        tracker: EventTracker::new(detector.schema()),
        adaptive,
    };
    let started = Instant::now();
    let mut reader = open(&args.data, &detector, copied)?;
    match &args.out {
        Some(out) => {
            let mut failure = None;
            // The verdicts are in place before the events that are made of them.
            let written = write_atomic(&events_beside(out), |told| {
                let written = write_atomic(out, |file| match scoring.write(&mut reader, file, told) {
                    Ok(()) => Ok(()),
                    Err(Stop::Write(error)) => Err(error),
                    Err(Stop::Other(other)) => {
                        failure = Some(other);
                        Err(io::ErrorKind::Other.into())
                    }
                });
                written.map_err(|error| {
                    failure.get_or_insert_with(|| Failure::new(error));
                    io::ErrorKind::Other.into()
                })
            });
            if let Some(failure) = failure {
                return Err(failure);
            }
            written.map_err(Failure::new)?;
        }
        None => match scoring.write(&mut reader, &mut io::stdout().lock(), &mut io::sink()) {
            Ok(()) => {}
            // The process that reads the output has closed it.
            Err(Stop::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Err(Failure::told());
            }
            Err(Stop::Write(error)) => {
                return Err(Failure::new(FileError::new("write", "standard output")(error)));
            }
            Err(Stop::Other(failure)) => return Err(failure),
        },
    }
    scoring.rows.end();
    let seconds = started.elapsed().as_secs_f64();
    reader.notices().iter().for_each(|notice| {
        scoring.notices.add(notice);
    });
    let alerts = match &explained {
        Some(folder) => {
            Severest::clear(folder)?;
            scoring.severest.write(&detector, &scoring.times, folder)?
        }
        None => 0,
    };
    tell(args, cli, &scoring, explained.as_deref().filter(|_| alerts > 0), seconds);
    let name = args.data.display().to_string();
    if let Some(warning) = unreadable::warning(&name, &detector, scoring.counts, reader.first_bad()) {
        output::note(&format!("warning: {warning}"));
    }
    if let Some(warning) =
        remarks::flooded(scoring.counts, detector.adaptive(USUAL_STEP).is_ok() && args.adapt.is_none())
    {
        output::note(&format!("warning: {warning}"));
    }
    let found = scoring.counts.anomalous + scoring.counts.bad_lines > 0;
    if args.check && found { Err(Failure::found()) } else { Ok(()) }
}

/// Why scoring ended early.
enum Stop {
    /// Verdicts cannot be written.
    Write(io::Error),
    Other(Failure),
}

struct Scoring<'d> {
    detector: &'d Detector,
    form: Form,
    counts: Counts,
    notices: NoticeLog,
    rows: Rows,
    /// The cells that are copied.
    keep: Keep,
    times: Times,
    /// Lines of verdicts with their numbers, if the rows were sorted.
    held: Vec<(u64, Box<[u8]>)>,
    /// For a stream, which is not sorted.
    order: Option<Order>,
    severest: Severest,
    tracker: EventTracker,
    adaptive: Option<Adaptive>,
}

impl Scoring<'_> {
    fn write(
        &mut self,
        reader: &mut Reader<Box<dyn BufRead + Send>>,
        out: &mut dyn Write,
        told: &mut dyn Write,
    ) -> Result<(), Stop> {
        let schema = self.detector.schema();
        let kept = reader.kept_columns();
        self.times = Times::new(schema, kept).sorted(reader.sorted_lines());
        let sheet = Sheet::with(self.times.clone(), self.form, schema, &self.keep, kept);
        out.write_all(sheet.header().as_bytes()).map_err(Stop::Write)?;
        // The next block is read while this one is judged and written.
        thread::scope(|scope| {
            let (blocks, ready) = mpsc::sync_channel(1);
            let input = &mut *reader;
            scope.spawn(move || {
                while let Some(block) = input.next_block().transpose() {
                    let is_last = block.is_err();
                    // The receiver is gone if writing the output has failed.
                    if blocks.send(block).is_err() || is_last {
                        break;
                    }
                }
            });
            for block in ready {
                let block = block.map_err(|error| Stop::Other(stopped_or(error)))?;
                self.judge(&block, &sheet, out, told)?;
                if is_stopped() {
                    return Err(Stop::Other(interrupted()));
                }
            }
            Ok(())
        })?;
        while let Some(event) = self.tracker.finish() {
            self.severest.end(&event);
            self.tell(&event, told)?;
        }
        self.held.sort_by_key(|(line, _)| *line);
        for (_, line) in std::mem::take(&mut self.held) {
            out.write_all(&line).map_err(Stop::Write)?;
        }
        reader.ensure_rows().map_err(|error| Stop::Other(unreadable::failure(error, schema)))?;
        self.notices = reader.log().clone();
        told.flush().and_then(|()| out.flush()).map_err(Stop::Write)
    }

    /// Judges a block, and writes its verdicts and the events that end there.
    fn judge(
        &mut self,
        block: &Block,
        sheet: &Sheet,
        out: &mut dyn Write,
        told: &mut dyn Write,
    ) -> Result<(), Stop> {
        let failed = |error| Stop::Other(Failure::new(error));
        if let Some(order) = &mut self.order {
            order.look_at(self.detector.schema(), block).map_err(Stop::Other)?;
        }
        let mut judgements: Vec<Judgement> =
            self.detector.judge_encoded(&block.samples, &block.rows).map_err(failed)?;
        if let Some(adaptive) = &mut self.adaptive {
            let calibration = self.detector.calibration();
            judgements = judgements.into_iter().map(|own| adaptive.judge(calibration, own)).collect();
        }
        let followed = self.tracker.follow(self.detector, block, &judgements, 0).map_err(failed)?;
        self.counts.add(&judgements, block.bad.len());
        self.counts.without_cause += followed.without_cause;
        self.severest.look_at(block, &judgements, &followed);
        self.times.look_at(block);
        for event in followed.changes.iter().filter_map(|change| change.closed.as_ref()) {
            self.tell(event, told)?;
        }
        let text = sheet.of_block(block, &judgements, &followed.parts, 0);
        if self.times.are_sorted() {
            self.hold(block, &text);
        } else {
            out.write_all(&text).map_err(Stop::Write)?;
        }
        self.rows.show(self.counts.lines(), self.counts.anomalous);
        Ok(())
    }

    /// Holds the verdicts of rows that were sorted until they can be written in the order of the file.
    fn hold(&mut self, block: &Block, text: &[u8]) {
        let bad = block.bad.iter().map(|bad| bad.line);
        let mut places: Vec<u64> = block.rows.iter().map(|row| row.line).chain(bad).collect();
        places.sort_unstable();
        let lines = text.split_inclusive(|&byte| byte == b'\n');
        self.held
            .extend(places.into_iter().zip(lines).map(|(place, line)| (self.times.line(place), line.into())));
    }

    /// Counts an event, and writes its line.
    fn tell(&mut self, event: &Event, told: &mut dyn Write) -> Result<(), Stop> {
        self.counts.events += 1;
        let mut line = Vec::new();
        json_line(&events::Closed::new(&self.times, event), &mut line);
        told.write_all(&line).map_err(Stop::Write)
    }
}

/// Whether rows are to be sorted by time. A detector of another version may have other settings.
fn sorts(detector: &Detector) -> bool {
    FitConfig::of(detector).map_or(true, |config| config.input.sort)
}

fn open(path: &Path, detector: &Detector, keep: Keep) -> Result<Reader<Box<dyn BufRead + Send>>, Failure> {
    let options = ReadOptions { name: path.display().to_string(), keep, ..ReadOptions::default() };
    if path != Path::new("-") {
        if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            return Err(Failure::usage(format!(
                "{} is a device or a pipe; give - as the file, and {} as standard input",
                path.display(),
                path.display()
            )));
        }
        if !sorts(detector) {
            return Reader::open(path, detector.schema(), &options).map_err(reading);
        }
        return Reader::open_in_order(path, detector.schema(), &options).map_err(reading);
    }
    let options = ReadOptions { name: "standard input".into(), ..options };
    let input = Stdin::open().map_err(FileError::new("read", "standard input")).map_err(stopped_or)?;
    Reader::from_input(input, detector.schema(), &options).map_err(stopped_or)
}

/// The error, unless reading was ended by a signal.
fn stopped_or(error: impl fmt::Display) -> Failure {
    if is_stopped() { interrupted() } else { Failure::new(error) }
}

fn interrupted() -> Failure {
    Failure::new("interrupted before the end of the input; the output was not replaced")
}

fn form_of(out: Option<&Path>, json: bool) -> Form {
    let extension = out.and_then(Path::extension).map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("jsonl" | "ndjson") => Form::JsonLines,
        None if json && out.is_none() => Form::JsonLines,
        _ => Form::Csv,
    }
}

/// The file of events: `scored.events.jsonl` for `scored.csv`.
fn events_beside(out: &Path) -> PathBuf {
    out.with_extension("events.jsonl")
}

/// The folder of explanations: `scored.explained` for `scored.csv`.
fn folder_beside(out: &Path) -> PathBuf {
    out.with_extension("explained")
}

fn tell(args: &ScoreArgs, cli: &Cli, scoring: &Scoring<'_>, explained: Option<&Path>, seconds: f64) {
    let Scoring { counts, notices, .. } = scoring;
    let Some(out) = &args.out else {
        output::note(&counts.to_text());
        remarks::without_cause(*counts).iter().for_each(|line| output::note(&format!("note: {line}")));
        notices.lines().iter().for_each(|line| output::note(&format!("note: {}", one_line(line))));
        return;
    };
    if cli.json {
        let notices: Vec<_> =
            notices.counts().map(|(notice, count)| json!({ "notice": notice, "count": count })).collect();
        output::json(&json!({
            "out": out.display().to_string(), "events": events_beside(out).display().to_string(),
            "counts": counts, "notices": notices,
            "explained": explained.map(|folder| folder.display().to_string()), "seconds": seconds,
        }));
        return;
    }
    let rate = counts.lines() as f64 / seconds.max(1e-9);
    output::summary(&format!("{} ({rate:.0} lines/s)", counts.to_text()));
    remarks::without_cause(*counts).iter().for_each(|line| output::summary(&format!("note: {line}")));
    notices.lines().iter().for_each(|line| output::summary(&format!("note: {}", one_line(line))));
    if let Some(folder) = explained {
        output::summary(&format!("explanations: {}", folder.display()));
    }
    output::summary(&format!("events: {}", events_beside(out).display()));
    output::summary(&format!("verdicts: {}", out.display()));
}
