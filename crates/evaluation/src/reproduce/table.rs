//! The table of obtained results, references and verdicts, as Markdown, text and JSON.

use super::{Done, Ending, Finished, Job};
use crate::error::EvaluationError;
use crate::outcome::ResultTable;
use ae_metrics::mean_std;
use ae_records::files::{self, FileError};
use ae_records::text::{markdown_cell, one_line};
use ae_training::{Expected, Tier};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The results of a call of `ae reproduce`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reproduction {
    /// The tier.
    pub tier: Tier,
    /// The command that repeats it.
    pub command: String,
    /// When it finished: UTC, RFC 3339.
    pub date: String,
    /// One row for each preset and expected metric.
    pub rows: Vec<Row>,
    /// The jobs behind the rows.
    pub jobs: Vec<Done>,
}

/// The result for one metric of a preset, over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The preset.
    pub preset: String,
    /// The metric, or `run` if the row is about the runs themselves.
    pub metric: String,
    /// Seeds of `values`.
    pub seeds: Vec<u64>,
    /// One result for each seed; empty if nothing was measured.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: Option<f64>,
    /// Their sample standard deviation, if there are several.
    pub std: Option<f64>,
    /// The expected result: `105.3 ± 0.2 or lower`.
    pub reference: String,
    /// The source of the reference.
    pub source: String,
    /// How the mean compares with the reference.
    pub verdict: Standing,
    /// Mean training time of a run, in seconds.
    pub seconds: f64,
    /// What to do if the verdict is bad; otherwise empty.
    pub advice: String,
}

/// How a row compares with its reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Within the tolerance, or better.
    Reached,
    /// Worse than the tolerance allows.
    Short,
    /// There is no result.
    Failed,
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Standing::Reached => "reached",
            Standing::Short => "falls short",
            Standing::Failed => "failed",
        })
    }
}

impl Row {
    /// The mean with four significant digits, and the spread with the same number of decimals.
    pub fn obtained(&self) -> String {
        let Some(mean) = self.mean else {
            return if self.verdict == Standing::Reached { "finished".into() } else { "—".into() };
        };
        let digits = if mean == 0.0 { 0 } else { mean.abs().log10().floor() as i32 };
        let decimals = usize::try_from(3 - digits).unwrap_or(0).min(9);
        let spread = self.std.map_or(String::new(), |std| format!(" ± {std:.decimals$}"));
        format!("{mean:.decimals$}{spread}")
    }
}

impl Reproduction {
    /// Builds the table. The jobs of a preset must be adjacent in `jobs`, and `done` must have an entry for
    /// each job.
    ///
    /// # Errors
    /// A figure that is not finite.
    pub fn new(tier: Tier, command: String, jobs: &[Job], done: Vec<Done>) -> Result<Self, EvaluationError> {
        let mut rows = Vec::new();
        for jobs in jobs.chunk_by(|a, b| a.preset == b.preset) {
            let (mut finished, mut failed) = (Vec::new(), Vec::new());
            for job in jobs {
                let it = done.iter().find(|it| it.preset == job.preset && it.seed == job.seed);
                match it.map(|it| (&it.ending, &it.log)) {
                    Some((Ending::Finished(result), _)) => finished.push((job.seed, result.as_ref())),
                    Some((Ending::Failed(reason), log)) => failed.push((job, reason, log)),
                    None => {}
                }
            }
            if let Some((_, first)) = finished.first() {
                for expected in jobs[0].expected(&first.metrics) {
                    rows.push(judge(&jobs[0].preset, &expected, &finished)?);
                }
                if failed.is_empty() && jobs[0].expected(&first.metrics).is_empty() {
                    rows.push(about_runs(&jobs[0].preset, &finished));
                }
            }
            for (job, reason, log) in failed {
                rows.push(failure(job, reason, log));
            }
        }
        let date = ae_records::record::now();
        Ok(Reproduction { tier, command, date, rows, jobs: done })
    }

    /// The rows whose reference was not reached.
    pub fn shortfalls(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.verdict != Standing::Reached)
    }

    /// Text for a terminal; see [`ResultTable::to_text`].
    pub fn to_text(&self, width: Option<u16>) -> String {
        let mut table = self.table();
        // Sources are sentences, too wide for a terminal.
        table.columns.pop();
        for row in &mut table.rows {
            row.pop();
        }
        table.to_text(width)
    }

    /// JSON.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("finite figures are always JSON");
        text.push('\n');
        text
    }

    /// Markdown, in the layout of `RESULTS.md`.
    pub fn to_markdown(&self) -> String {
        let Reproduction { tier, command, date, .. } = self;
        let seconds: f64 = self.finished().map(|it| it.seconds).sum();
        let each = |of: fn(&Finished) -> String| {
            let distinct: BTreeSet<String> = self.finished().map(of).collect();
            distinct.into_iter().collect::<Vec<_>>().join("; ")
        };
        let versions: BTreeMap<_, _> = self.finished().flat_map(|it| it.versions.clone()).collect();
        let versions = versions.iter().map(|(name, version)| format!("{name} {version}"));
        let facts = [
            ("tier", tier.to_string()),
            ("date", date.clone()),
            ("processor", each(|it| it.machine.processor.clone())),
            ("system", each(|it| it.machine.system.clone())),
            ("device", each(|it| it.machine.device.clone())),
            ("threads of a run", each(|it| it.machine.threads.to_string())),
            ("versions", versions.collect::<Vec<_>>().join(", ")),
            ("runs", format!("{}, {:.0} s of training in all", self.jobs.len(), seconds)),
        ];
        let facts: String =
            facts.iter().map(|(name, value)| format!("- {name}: {}\n", markdown_cell(value))).collect();
        let command = one_line(command);
        format!(
            "# Results\n\nThe results of the presets and their references, written by\n\n    {command}\n\n{facts}\n\
             Figures are on held-out rows unless their name says otherwise. With several seeds, they are mean ± sample \
             standard deviation, and the mean is judged. A reference is *reached* if the result is within its tolerance \
             or better. Seconds are the training time of one run.\n\n{}",
            self.table().to_markdown()
        )
    }

    /// Writes `results.json` and `results.md` into a folder.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FileError> {
        files::write_atomic_bytes(&folder.join("results.json"), self.to_json().as_bytes())?;
        files::write_atomic_bytes(&folder.join("results.md"), self.to_markdown().as_bytes())
    }

    fn finished(&self) -> impl Iterator<Item = &Finished> {
        self.jobs.iter().filter_map(|it| match &it.ending {
            Ending::Finished(finished) => Some(finished.as_ref()),
            Ending::Failed(_) => None,
        })
    }

    fn table(&self) -> ResultTable {
        let columns = ["preset", "metric", "obtained", "reference", "verdict", "seeds", "seconds", "source"];
        let row = |row: &Row| {
            let seeds: Vec<String> = row.seeds.iter().map(u64::to_string).collect();
            vec![
                row.preset.clone(),
                row.metric.clone(),
                row.obtained(),
                row.reference.clone(),
                row.verdict.to_string(),
                seeds.join(" "),
                format!("{:.1}", row.seconds),
                row.source.clone(),
            ]
        };
        ResultTable {
            title: format!("Tier {}", self.tier),
            columns: columns.map(String::from).to_vec(),
            rows: self.rows.iter().map(row).collect(),
            note: String::new(),
        }
    }
}

/// Compares the mean over the seeds with what is expected.
fn judge(preset: &str, expected: &Expected, finished: &[(u64, &Finished)]) -> Result<Row, EvaluationError> {
    let found = finished.iter().filter_map(|(seed, it)| Some((*seed, *it.metrics.get(&expected.metric)?)));
    let (seeds, values): (Vec<u64>, Vec<f64>) = found.unzip();
    let (mut mean, mut std) = (None, None);
    if !values.is_empty() {
        let summary = mean_std(&values).map_err(EvaluationError::metric(&expected.metric))?;
        (mean, std) = (Some(summary.mean), summary.sample_std());
    }
    let met = mean.is_some_and(|mean| expected.is_met_by(mean));
    let mut row = about_runs(preset, finished);
    row.advice = match (met, mean) {
        (true, _) => String::new(),
        (false, Some(_)) => format!("look at {}", finished[0].1.folder.join("report.html").display()),
        (false, None) => {
            let names: Vec<&str> = finished[0].1.metrics.keys().map(String::as_str).collect();
            format!("no run has this metric; the runs have {}", names.join(", "))
        }
    };
    let verdict = if met { Standing::Reached } else { Standing::Short };
    let (metric, source) = (expected.metric.clone(), expected.source.clone());
    Ok(Row { metric, seeds, values, mean, std, reference: expected.to_text(), source, verdict, ..row })
}

/// A row that reports that the runs finished.
fn about_runs(preset: &str, finished: &[(u64, &Finished)]) -> Row {
    Row {
        preset: preset.into(),
        metric: "run".into(),
        seeds: finished.iter().map(|(seed, _)| *seed).collect(),
        values: Vec::new(),
        mean: None,
        std: None,
        reference: "finishes with finite figures".into(),
        source: "every run should finish".into(),
        verdict: Standing::Reached,
        seconds: finished.iter().map(|(_, it)| it.seconds).sum::<f64>() / finished.len().max(1) as f64,
        advice: String::new(),
    }
}

fn failure(job: &Job, reason: &str, log: &Path) -> Row {
    let row = about_runs(&job.preset, &[]);
    let advice = format!("{reason}; see {}, or try: {}", log.display(), job.command(1));
    Row { seeds: vec![job.seed], verdict: Standing::Failed, advice, ..row }
}
