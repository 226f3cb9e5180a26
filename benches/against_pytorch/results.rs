//! Everything that was measured, kept in files as it comes.

use crate::options::{Options, What};
use crate::peaks::Peaks;
use crate::table::{self, Measured, Row, Spread};
use ae_records::files;
use ae_records::record::{Machine, Record, now};
use ae_report::picture::{self, DotRow};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The content of `bench.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    /// Version of this layout: 1.
    format: u32,
    /// What was timed.
    what: What,
    /// UTC, RFC 3339.
    started: String,
    device: String,
    rounds: usize,
    /// Length of a measurement, about.
    seconds: f64,
    /// Threads asked for; 0: as each side chooses.
    threads: usize,
    /// Whether the figures mean little.
    quick: bool,
    modes: Vec<&'static str>,
    machine: Machine,
    versions: BTreeMap<String, String>,
    peaks: Peaks,
    rows: Vec<Row>,
    measured: Vec<Measured>,
    #[serde(skip)]
    folder: PathBuf,
}

impl Results {
    pub(crate) fn new(options: &Options, folder: PathBuf) -> Self {
        Results {
            format: 1,
            what: options.what,
            started: now(),
            device: options.device.clone(),
            rounds: options.rounds,
            seconds: options.seconds,
            threads: options.threads,
            quick: options.quick,
            modes: options.modes.iter().map(|mode| mode.name()).collect(),
            machine: Machine::default(),
            versions: BTreeMap::new(),
            peaks: Peaks::default(),
            rows: Vec::new(),
            measured: Vec::new(),
            folder,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes in another measurement of the machine's peaks.
    pub(crate) fn peaks(&mut self, peaks: Peaks) {
        if self.peaks.threads == 0 {
            self.peaks = peaks;
        } else {
            self.peaks.better(&peaks);
        }
    }

    /// Takes in what is known of a preset, in place of what was known of it before, and writes the files.
    pub(crate) fn record(&mut self, record: &Record, measured: Measured) -> anyhow::Result<()> {
        self.machine = record.machine.clone();
        self.versions = record.versions.clone();
        self.measured.retain(|known| (&known.preset, known.batch) != (&measured.preset, measured.batch));
        self.measured.push(measured);
        let peaks = (self.device == "cpu").then_some(&self.peaks);
        self.rows = self.measured.iter().map(|measured| Row::of(measured, peaks)).collect();
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        files::write_atomic_bytes(&self.folder.join("bench.json"), json.as_bytes())?;
        files::write_atomic_bytes(&self.folder.join("table.md"), self.markdown().as_bytes())?;
        self.draw()
    }

    /// How many times the floor each side takes, where there is a floor.
    fn draw(&self) -> anyhow::Result<()> {
        let rows: Vec<DotRow> = self.rows.iter().filter_map(over_floor).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let series: Vec<&str> = ["ours"].into_iter().chain(self.modes.iter().copied()).collect();
        let name = format!("time of a {} over its floor on this machine", self.what.once());
        Ok(picture::dots(&self.folder.join("floor.png"), &name, &series, &rows, 1.0)?)
    }

    /// The table, and what it was measured on.
    pub(crate) fn markdown(&self) -> String {
        let Machine { processor, threads, system, .. } = &self.machine;
        let mut text = table::markdown(&self.rows, &self.modes, self.what);
        let threads = if *threads == 1 { "one thread".into() } else { format!("{threads} threads") };
        let rounds = if self.rounds == 1 { "one round".into() } else { format!("{} rounds", self.rounds) };
        text.push_str(&format!(
            "\n{processor}, {threads}, {system}; {}medians of {rounds} (least-greatest).",
            if self.quick { "a quick run, whose figures mean little; " } else { "" }
        ));
        if self.device == "cpu" {
            let memory = self.peaks.bandwidth.last().map_or(0.0, |it| it.gb_per_second);
            text.push_str(&format!(
                " Peaks in the same run: matrix products {:.0} GFLOP/s ({:.0} on one thread), copies in memory {memory:.0} GB/s.",
                self.peaks.gemm, self.peaks.gemm_one_thread
            ));
        }
        text.push('\n');
        text
    }
}

/// A step's time over the floor, ours and then in each mode.
fn over_floor(row: &Row) -> Option<DotRow> {
    let floor = row.floor_ms?;
    let over = |side: &Spread| Some(row.ms(side.median) / floor);
    let values = [&row.ours].into_iter().chain(&row.pytorch).map(over).collect();
    Some(DotRow { name: row.name(), values })
}
