//! `ae eval selection`: how the preset `ecg-best` was chosen, on normal beats alone.
//!
//! Each candidate is trained on three quarters of the 292 normal training beats of ECG5000's UCR split, and asked to tell
//! the other quarter from damaged copies of it (`selection/damage.rs`). Each seed makes another split, other weights
//! and other damage. No test beat and no label takes part: the test file is not even looked at. The candidate with
//! the highest mean AUROC is the preset, trained on all 292 beats.

mod candidates;
mod damage;

use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use crate::spread::{self, Figure};
use ae_anomaly::{Baseline, ModelDescription, ScoreKind, TrainedModel};
use ae_datasets::Samples;
use ae_metrics::auroc;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;
use ae_tensor::{Tensor, array};
use ae_training::experiment::Run;
use ndarray::{Array2, Axis, Ix2, concatenate};
use std::path::PathBuf;

/// Seeds that the task is run with unless others are given.
pub const SEEDS: &[u64] = &[0, 1, 2, 3, 4];

/// Baselines of the table.
const BASELINES: [(&str, Baseline); 4] = [
    ("PCA, 2 components", Baseline::Pca { code: 2 }),
    ("PCA, 4 components", Baseline::Pca { code: 4 }),
    ("PCA, 8 components", Baseline::Pca { code: 8 }),
    ("1-NN", Baseline::Neighbours { k: 1 }),
];
/// What is measured of each candidate.
const SCORES: [(&str, &str, ScoreKind); 3] = [
    ("squared error", "mean_squared", ScoreKind::MeanSquared),
    ("absolute error", "mean_absolute", ScoreKind::MeanAbsolute),
    ("standardised error", "standardised", ScoreKind::Standardised),
];
/// A candidate or a baseline, and its figures by seed.
type Line = (String, Vec<(u64, Vec<Figure>)>);

/// One model with settings that is asked for.
struct Candidate {
    name: &'static str,
    /// What it sets beyond [`COMMON`].
    overrides: Vec<String>,
}

/// What all candidates share; they start from the preset `ecg-long`. Beats are z-normalised one by one already.
const COMMON: [&str; 3] = ["data.scale=none", "data.validation=0.25", "training.batch=32"];

/// The candidate that the preset `ecg-best` is.
pub const CHOSEN: &str = "dense relu, code 8";

/// Trains every candidate with every seed, compares them, and writes table, picture and report. Returns the results and
/// the report's path, `runs/eval-selection/<id>/report.html`.
///
/// # Errors
/// Where a model cannot be trained, or a file not written; see [`EvaluationError`].
pub fn run(context: &mut Context<'_>) -> Result<(Evaluation, PathBuf), EvaluationError> {
    evaluate(context, &candidates::all(), wanted)
}

fn wanted(candidate: &Candidate, seed: u64) -> Result<Wanted, EvaluationError> {
    let overrides: Vec<&str> = candidate.overrides.iter().map(String::as_str).chain(COMMON).collect();
    let mut wanted = Wanted::preset("ecg-long", &overrides, seed)?;
    wanted.name = "selection".into();
    Ok(wanted)
}

fn evaluate(
    context: &mut Context<'_>,
    candidates: &[Candidate],
    wanted: impl Fn(&Candidate, u64) -> Result<Wanted, EvaluationError>,
) -> Result<(Evaluation, PathBuf), EvaluationError> {
    context.check_seeds()?;
    let seeds = context.seeds.clone();
    let folder = context.folder("selection");
    let gallery = Gallery::new(folder.join("images"));
    let mut evaluation = Evaluation {
        task: "selection".into(),
        title: "The choice of a detector on normal beats alone".into(),
        method: "Each candidate is trained on three quarters of the normal training beats of ECG5000 and ranks the other \
                 quarter and eight damaged copies of each of its beats: early or late, warped, widened, mixed with another, or \
                 with a part turned over, scaled, moved or its halves swapped. Every copy is z-normalised again, as the set's \
                 beats are. Neither a test beat nor a label takes part."
            .into(),
        command: context.command("selection"),
        seeds: seeds.clone(),
        ..Evaluation::default()
    };
    let mut lines: Vec<Line> = Vec::new();
    let mut baselines = BASELINES.map(|(name, _)| (name.to_string(), Vec::new()));
    for candidate in candidates {
        let mut results = Vec::new();
        for &seed in &seeds {
            let run = context.trained(&wanted(candidate, seed)?)?;
            let trial = Trial::of(&run, seed)?;
            results.push((seed, trial.judge_model(&run, seed)?));
            // Every candidate of a seed has the same rows, so the first one's serve the baselines.
            if lines.is_empty() {
                if seed == seeds[0] {
                    trial.draw(&gallery, seed)?;
                }
                for ((name, results), (_, baseline)) in baselines.iter_mut().zip(BASELINES) {
                    let scores = baseline.fit(&trial.train, seed)?.scores(&trial.rows)?;
                    results.push((seed, vec![trial.judge(name, "auroc", &scores)?]));
                }
            }
            evaluation.runs.push(run.dir.root().into());
        }
        lines.push((candidate.name.to_string(), results));
    }
    evaluation.tables.push(table(&lines, &baselines)?);
    for (name, results) in lines.iter().chain(&baselines) {
        spread::enter(&mut evaluation, &name.replace([' ', ','], "-").replace("--", "-"), results)?;
    }
    evaluation.pictures = gallery.entries()?;
    let report = evaluation.write(&folder)?;
    Ok((evaluation, report))
}

/// Held-out normal rows and damaged copies of them.
struct Trial {
    /// What the model was trained on.
    train: Samples,
    /// The held-out normal rows, then the damaged ones.
    rows: Samples,
    is_damaged: Vec<bool>,
}

impl Trial {
    fn of(run: &Run, seed: u64) -> Result<Self, EvaluationError> {
        let normal = Samples::complete(flat(run.splits.validation.values()));
        if normal.len() < 2 {
            let set = run.splits.dataset.name.clone();
            let remedy = "set data.validation above 0";
            return Err(EvaluationError::Data { set, missing: "held-out normal rows", remedy });
        }
        let mut parts = vec![normal.values.clone()];
        parts.extend(damage::ALL.map(|damage| damage::copies(&normal.values, damage, seed)));
        let views: Vec<_> = parts.iter().map(Array2::view).collect();
        let values = concatenate(Axis(0), &views).expect("the same width");
        let is_damaged = (0..values.nrows()).map(|row| row >= normal.len()).collect();
        let train = Samples::complete(flat(run.splits.train.values()));
        Ok(Trial { train, rows: Samples::complete(values), is_damaged })
    }

    fn judge_model(&self, run: &Run, seed: u64) -> Result<Vec<Figure>, EvaluationError> {
        let description = ModelDescription::new(&run.experiment.model, &run.splits.summary);
        let score = |(head, name, kind): (&'static str, &'static str, ScoreKind)| {
            let model = TrainedModel::new(&description, run.model.as_ref())?;
            // Spreads of training rows: only their proportions count in a ranking.
            let scores = kind.fit(model, &self.train, &self.train, seed)?.scores(&self.rows)?;
            self.judge(head, name, &scores)
        };
        SCORES.into_iter().map(score).collect()
    }

    fn judge(&self, what: &str, name: &'static str, scores: &[f64]) -> Result<Figure, EvaluationError> {
        let value = auroc(scores, &self.is_damaged).map_err(EvaluationError::metric(what))?;
        Ok(Figure { head: "AUROC", name, value, decimals: 4 })
    }

    /// The first beats and a damaged copy of each.
    fn draw(&self, gallery: &Gallery, seed: u64) -> Result<(), EvaluationError> {
        let rows = &self.rows.values;
        let n_normal = self.is_damaged.iter().filter(|damaged| !**damaged).count();
        let shown = n_normal.min(8);
        let normal = rows.slice(ndarray::s![..shown, ..]).to_owned();
        let damaged = rows.slice(ndarray::s![n_normal..n_normal + shown, ..]).to_owned();
        let titles: Vec<String> =
            (1..=shown).map(|beat| format!("beat {beat} and its damaged copy")).collect();
        let entry = Entry {
            file: "damage.png".into(),
            title: "Beats and damaged copies".into(),
            caption: format!("Held-out normal beats, seed {seed}, each with one of its damaged copies."),
            ..Entry::default()
        };
        gallery.add(entry, |path| picture::series_pairs(path, normal.view(), damaged.view(), &titles))?;
        Ok(())
    }
}

/// Each row with mean 0 and standard deviation 1, as the set's makers left theirs; constant rows stay.
fn normalised(mut rows: Array2<f32>) -> Array2<f32> {
    for mut row in rows.rows_mut() {
        let (mean, std) = (row.mean().unwrap_or(0.0), row.std(1.0));
        if std > 0.0 {
            row.mapv_inplace(|value| (value - mean) / std);
        }
    }
    rows
}

/// `[N, D]` of rows `[N, …]`.
pub(crate) fn flat(rows: &Tensor) -> Array2<f32> {
    let array = array::to_array(&rows.flatten(1, -1));
    array.into_dimensionality::<Ix2>().expect("two dimensions were made")
}

fn table(lines: &[Line], baselines: &[Line]) -> Result<Table, EvaluationError> {
    let mut rows = Vec::new();
    for (name, results) in lines.iter().chain(baselines) {
        let mut cells = vec![if name == CHOSEN { format!("{name} (chosen)") } else { name.clone() }];
        let n_figures = results.first().map_or(0, |(_, figures)| figures.len());
        for at in 0..n_figures {
            cells.push(spread::over_seeds(results.iter().map(|(_, figures)| &figures[at]))?);
        }
        cells.resize(SCORES.len() + 1, "–".into());
        rows.push(cells);
    }
    let heads = SCORES.iter().map(|(head, ..)| head.to_string());
    Ok(Table {
        title: "AUROC of normal beats against damaged ones".into(),
        columns: std::iter::once("candidate".to_string()).chain(heads).collect(),
        rows,
        note: "Mean ± standard deviation over seeds; candidates of one seed are judged on the same rows. A baseline's own \
               score stands in the first column."
            .into(),
    })
}

#[cfg(test)]
mod tests;
