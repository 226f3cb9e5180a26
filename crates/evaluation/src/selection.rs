//! `ae eval selection`: repeats the selection of the preset `ecg-best`, on normal beats only.
//!
//! Each candidate is trained on three quarters of the 292 normal training beats of ECG5000's UCR split. It
//! then has to tell the other quarter from damaged copies of it ([`ae_anomaly::fit::damage::whole`]). Each
//! seed has its own split, weights and damage. Test beats and labels are not used. The candidate with the
//! highest mean AUROC is the preset, trained on all 292 beats.

mod candidates;

use crate::context::{Context, Wanted};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::{self, Figures, Quantity, SPREAD};
use crate::tasks::RunTask;
use ae_anomaly::fit::Role;
use ae_anomaly::fit::damage::whole;
use ae_anomaly::fit::select::judge;
use ae_anomaly::{Baseline, ModelDescription, NormalRows, Score, Scorer, TrainedModel};
pub(crate) use ae_catalogue::tasks::SELECTION as TASK;
use ae_datasets::Samples;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;
use ae_training::experiment::Run;
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, _| evaluate(context, &candidates::all(), wanted);

/// Baselines of the table.
const BASELINES: [(&str, Baseline); 6] = [
    ("median row", Baseline::Median),
    ("mean row", Baseline::Mean),
    ("PCA, 2 components", Baseline::Pca { code: 2 }),
    ("PCA, 4 components", Baseline::Pca { code: 4 }),
    ("PCA, 8 components", Baseline::Pca { code: 8 }),
    ("1-NN", Baseline::Neighbours { k: 1 }),
];
/// The scores that each candidate is judged with.
const SCORES: [(Quantity, Score); 3] = [
    (Quantity::share("mean_squared", "squared error", 4), Score::MeanSquared),
    (Quantity::share("mean_absolute", "absolute error", 4), Score::MeanAbsolute),
    (Quantity::share("standardised", "standardised error", 4), Score::Standardised),
];
/// The figure of a baseline, with its own score.
const AUROC: Quantity = Quantity::share("auroc", "AUROC", 4);
/// Beats in the picture.
const SHOWN_BEATS: usize = 8;
/// A candidate or a baseline, and its figures.
type Line = (String, Figures);

/// A model with its settings.
struct Candidate {
    name: &'static str,
    /// Its settings beyond [`COMMON`].
    overrides: Vec<String>,
}

/// Settings of all candidates, on top of the preset `ecg-long`. Each beat is already z-normalised.
const COMMON: [&str; 3] = ["data.scale=none", "data.validation=0.25", "training.batch=32"];

/// The candidate that became the preset `ecg-best`.
pub(crate) const CHOSEN: &str = "dense relu, code 8";

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
    let mut draft = Evaluation::begin(context, &TASK)?;
    let seeds = context.seeds.clone();
    let mut lines: Vec<Line> = Vec::new();
    let mut baselines = BASELINES.map(|(name, _)| (name.to_string(), Figures::default()));
    for candidate in candidates {
        let mut figures = Figures::default();
        for &seed in &seeds {
            let run = draft.trained(context, &wanted(candidate, seed)?)?;
            let trial = Trial::of(&run, seed)?;
            trial.judge_model(&run, seed, &mut figures)?;
            // All candidates of a seed share the same rows, so the baselines run only with the first
            // candidate.
            if lines.is_empty() {
                if seed == seeds[0] {
                    trial.draw(&draft.gallery, seed)?;
                }
                for ((_, figures), (_, baseline)) in baselines.iter_mut().zip(BASELINES) {
                    let scorer = baseline.fit(&trial.normal_rows(seed))?;
                    figures.push(seed, &AUROC, trial.judge(Role::Baseline, scorer.as_ref())?);
                }
            }
        }
        lines.push((candidate.name.to_string(), figures));
    }
    draft.evaluation.tables.push(table(&lines, &baselines)?);
    for (name, figures) in lines.iter().chain(&baselines) {
        figures.enter(&mut draft.evaluation.metrics, &name.replace([' ', ','], "-").replace("--", "-"))?;
    }
    draft.finish(
        "Each candidate is trained on three quarters of the normal training beats of ECG5000. It ranks the beats of the other \
         quarter against eight damaged copies of each: shifted in time, warped, widened, mixed with another beat, or with a \
         part flipped, scaled, moved or its halves swapped. Every copy is z-normalised again, like the beats of the data \
         set. Test beats and labels are not used.",
    )
}

/// Held-out normal rows and damaged copies of them.
struct Trial {
    /// What the model was trained on.
    train: Samples,
    normal: Samples,
    /// For each kind of damage, a damaged copy of each normal row.
    damaged: Vec<Samples>,
}

impl Trial {
    fn of(run: &Run, seed: u64) -> Result<Self, EvaluationError> {
        let (train, normal) = (run.splits.train.samples(), run.splits.validation.samples());
        if normal.len() < 2 {
            let set = run.splits.dataset.name.clone();
            let remedy = "set data.validation above 0";
            return Err(EvaluationError::Data { set, missing: "held-out normal rows", remedy });
        }
        let copies = |damage| Samples::complete(whole::copies(&normal.values, damage, seed));
        let damaged = whole::ALL.map(copies).into();
        Ok(Trial { train, normal, damaged })
    }

    fn judge_model(&self, run: &Run, seed: u64, figures: &mut Figures) -> Result<(), EvaluationError> {
        let description = ModelDescription::new(&run.experiment.model, &run.splits.summary);
        for (quantity, score) in SCORES {
            let model = TrainedModel::new(&description, run.model.as_ref())?;
            let scorer = score.fit(model, &self.normal_rows(seed))?;
            figures.push(seed, &quantity, self.judge(Role::Autoencoder, scorer.as_ref())?);
        }
        Ok(())
    }

    /// Spreads come from the training rows, because only their proportions matter in a ranking.
    fn normal_rows(&self, seed: u64) -> NormalRows<'_> {
        NormalRows { train: &self.train, validation: &self.train, seed }
    }

    fn judge(&self, role: Role, scorer: &dyn Scorer) -> Result<f64, EvaluationError> {
        Ok(judge(role, scorer, &self.normal, &self.damaged)?.auroc)
    }

    /// The first beats and a damaged copy of each.
    fn draw(&self, gallery: &Gallery, seed: u64) -> Result<(), EvaluationError> {
        let shown = self.normal.len().min(SHOWN_BEATS);
        let (normal, damaged) = (self.normal.slice(0..shown), self.damaged[0].slice(0..shown));
        let titles: Vec<String> =
            (1..=shown).map(|beat| format!("beat {beat} and its damaged copy")).collect();
        let entry = Entry {
            file: "damage.png".into(),
            title: "Beats and damaged copies".into(),
            caption: format!("Held-out normal beats, seed {seed}, each with one of its damaged copies."),
            ..Entry::default()
        };
        gallery.add(entry, |path| {
            picture::series_pairs(path, normal.values.view(), damaged.values.view(), &titles)
        })?;
        Ok(())
    }
}

fn table(lines: &[Line], baselines: &[Line]) -> Result<ResultTable, EvaluationError> {
    let scores = SCORES.map(|(quantity, _)| quantity);
    let mut rows = Vec::new();
    for (name, figures) in lines {
        let mut row = vec![if name == CHOSEN { format!("{name} (chosen)") } else { name.clone() }];
        row.extend(figures.cells(&scores)?);
        rows.push(row);
    }
    for (name, figures) in baselines {
        let mut row = vec![name.clone()];
        row.extend(figures.cells(&[AUROC])?);
        row.resize(SCORES.len() + 1, "–".into());
        rows.push(row);
    }
    Ok(ResultTable {
        title: "AUROC of normal beats against damaged ones".into(),
        columns: spread::columns(&["candidate"], &scores),
        rows,
        note: format!(
            "{SPREAD} All candidates of a seed are judged on the same rows. A baseline has a single score, shown in the \
             first column."
        ),
    })
}

#[cfg(test)]
mod tests;
