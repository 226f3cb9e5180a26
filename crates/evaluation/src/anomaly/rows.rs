//! The comparison on rows: a table of detectors with intervals, alarm rates, classes, contamination, pictures.

use super::alarms::Alarms;
use super::contenders::{self, Contender, Plan};
use super::drawing;
use super::problem::{Problem, contaminated};
use super::summary::{Cell, mean_and_interval, percent};
use crate::context::Context;
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use ae_anomaly::{NormalScores, Threshold};
use ae_metrics::{
    Confusion, auroc, average_precision, best_f1, class_recalls, prevalence, recall_at_false_positive_rate,
};
use ae_report::gallery::Gallery;

/// The false-alarm rate that the threshold of the table promises.
const BUDGET: f64 = 0.01;
/// Standard deviations above the mean of the training scores where no rows are left for calibration, or above that of the
/// calibration rows where these are too few.
pub(super) const DEVIATIONS: f64 = 3.0;
/// Shares of anomalies in the training data.
const CONTAMINATION: [f64; 5] = [0.0, 0.01, 0.05, 0.1, 0.2];
/// Seeds of the contamination sweep, at most.
const SWEEP_SEEDS: usize = 3;

/// A comparison that is asked for.
pub(super) struct Bench<'a> {
    /// In names of metrics and files.
    pub(super) name: &'a str,
    pub(super) title: &'a str,
    pub(super) note: &'a str,
    pub(super) plan: Plan,
    pub(super) problem: &'a dyn Fn(&mut Context<'_>, u64) -> Result<Problem, EvaluationError>,
}

/// Figures of a detector, one value a seed.
#[derive(Default)]
struct Line {
    name: String,
    cells: Vec<Cell>,
}

/// Runs the comparison for every seed, and adds tables, metrics and pictures.
pub(super) fn evaluate(
    context: &mut Context<'_>,
    bench: &Bench<'_>,
    evaluation: &mut Evaluation,
    gallery: &Gallery,
    place: u32,
) -> Result<(), EvaluationError> {
    let mut lines: Vec<Line> = Vec::new();
    let mut alarms = Alarms::default();
    let mut classes: Vec<Cell> = Vec::new();
    let mut sweep: Vec<Cell> =
        CONTAMINATION.iter().map(|share| Cell::new(&percent(*share), "auroc", 4)).collect();
    let mut share_of_anomalies = 0.0;
    let seeds = context.seeds.clone();
    for (at, &seed) in seeds.iter().enumerate() {
        context.observer.on_note(&format!("{}: seed {seed}, {} of {}", bench.title, at + 1, seeds.len()));
        let problem = (bench.problem)(context, seed)?;
        let truth = problem.truth();
        let metric = || EvaluationError::metric(bench.name);
        share_of_anomalies = prevalence(&truth).map_err(metric())?;
        let contenders = contenders::fit(context, &problem, &bench.plan, seed)?;
        for (line, contender) in contenders.iter().enumerate() {
            let judged = judge(contender, &problem, &truth, seed).map_err(|error| error.about(bench.name))?;
            if at == 0 {
                lines.push(Line { name: contender.name.clone(), cells: judged.cells() });
            }
            for (cell, value) in lines[line].cells.iter_mut().zip(judged.values()) {
                cell.values.push((seed, value));
            }
            if line > 0 {
                continue;
            }
            let flagged = judged.threshold.flag(&judged.scores);
            let recalls =
                class_recalls(&flagged, &problem.classes, problem.class_names.len()).map_err(metric())?;
            if classes.is_empty() {
                classes = problem.class_names.iter().map(|name| Cell::new(name, "flagged", 3)).collect();
            }
            for (cell, recall) in classes.iter_mut().zip(recalls) {
                cell.values.extend(recall.share().map(|share| (seed, share)));
            }
            alarms
                .add(contender.scorer.as_ref(), &problem, &judged.scores, &truth)
                .map_err(|e| e.about(bench.name))?;
            if at == 0 {
                drawing::scores(gallery, bench, place, &judged, &truth, seed)?;
            }
        }
        if at == 0 {
            drawing::curves(gallery, bench, place, &contenders, &problem, &truth, seed)?;
        }
        if at < SWEEP_SEEDS && !problem.contaminants.is_empty() {
            for (cell, &share) in sweep.iter_mut().zip(&CONTAMINATION) {
                let rows = contaminated(&problem, share);
                let (_, scorer, ..) = contenders::network(context, &problem, &rows, &bench.plan, seed)?;
                let scores = scorer.scores(&problem.test.select(&problem.uncontaminated))?;
                let truth: Vec<bool> = problem.uncontaminated.iter().map(|&row| truth[row]).collect();
                cell.values.push((seed, auroc(&scores, &truth).map_err(metric())?));
            }
        }
    }
    let note = format!(
        "{} Mean ± half of the 95 % interval over seeds. A random ranking has AUROC 0.5 and AUPRC {share_of_anomalies:.3}, the \
         share of anomalies. Recall at a false-positive rate is that of a threshold that can be set, without \
         interpolation. F1 and accuracy are at the threshold, which never saw a label; \"oracle F1\" is the best over all \
         thresholds and has seen them all.",
        bench.note
    );
    evaluation.tables.push(comparison(bench, &lines, note)?);
    for (at, line) in lines.iter().enumerate() {
        let who = ["network", "untrained", "pca", "neighbours", "forest"][at];
        for cell in &line.cells {
            cell.enter(evaluation, &format!("{}/{who}", bench.name))?;
        }
    }
    alarms.report(bench, evaluation);
    drawing::classes(gallery, bench, place, &classes)?;
    let rows = classes.iter().filter(|cell| !cell.values.is_empty());
    let rows = rows.map(|cell| Ok(vec![cell.head.clone(), mean_and_interval(cell)?]));
    evaluation.tables.push(Table {
        title: format!("{}: share that is flagged, by class", bench.title),
        columns: ["class", "flagged"].map(String::from).into(),
        rows: rows.collect::<Result<_, EvaluationError>>()?,
        note: "Of the normal class it is the false-alarm rate, of the others the recall.".into(),
    });
    if !sweep[0].values.is_empty() {
        let rows = sweep.iter().map(|cell| Ok(vec![cell.head.clone(), mean_and_interval(cell)?]));
        evaluation.tables.push(Table {
            title: format!("{}: training data that are not clean", bench.title),
            columns: ["anomalies in the training data", "AUROC"].map(String::from).into(),
            rows: rows.collect::<Result<_, EvaluationError>>()?,
            note: format!("The network alone, the first {} seeds.", seeds.len().min(SWEEP_SEEDS)),
        });
        for (share, cell) in CONTAMINATION.iter().zip(&sweep) {
            cell.enter(evaluation, &format!("{}/contaminated_{share}", bench.name))?;
        }
    }
    Ok(())
}

/// What came out for a detector and a seed.
pub(super) struct Judged {
    pub(super) scores: Vec<f64>,
    pub(super) threshold: Threshold,
    confusion: Confusion,
    auroc: f64,
    auprc: f64,
    oracle_f1: f64,
    recalls: [f64; 3],
}

/// Rates of false positives in the table.
const FALSE_POSITIVES: [f64; 3] = [0.001, 0.01, 0.05];

impl Judged {
    fn cells(&self) -> Vec<Cell> {
        [
            ("AUROC", "auroc", 4),
            ("AUPRC", "auprc", 4),
            ("accuracy", "accuracy", 3),
            ("F1", "f1", 3),
            ("oracle F1", "oracle_f1", 3),
            ("recall at 0.1 %", "recall_at_0.001", 3),
            ("at 1 %", "recall_at_0.01", 3),
            ("at 5 %", "recall_at_0.05", 3),
        ]
        .map(|(head, name, decimals)| Cell::new(head, name, decimals))
        .into()
    }

    fn values(&self) -> [f64; 8] {
        let [first, second, third] = self.recalls;
        let Judged { auroc, auprc, oracle_f1, confusion, .. } = self;
        [*auroc, *auprc, confusion.accuracy(), confusion.f1(), *oracle_f1, first, second, third]
    }
}

fn judge(
    contender: &Contender,
    problem: &Problem,
    truth: &[bool],
    seed: u64,
) -> Result<Judged, EvaluationError> {
    let scorer = contender.scorer.as_ref();
    let threshold = if problem.calibration.is_empty() {
        let own = contender.scores_of_its_own(&problem.train, seed)?;
        Threshold::mean_std(&NormalScores::of_training_rows(own)?, DEVIATIONS)?
    } else {
        let normal = NormalScores::of_held_out_rows(scorer.scores(&problem.calibration)?)?;
        // So few rows say nothing of so small a rate.
        let is_enough = normal.as_slice().len() as f64 + 1.0 >= 1.0 / BUDGET;
        if is_enough {
            Threshold::at_quantile(&normal, 1.0 - BUDGET)?
        } else {
            Threshold::mean_std(&normal, DEVIATIONS)?
        }
    };
    let scores = scorer.scores(&problem.test)?;
    let metric = || EvaluationError::metric(contender.name.clone());
    let mut recalls = [0.0; 3];
    for (recall, rate) in recalls.iter_mut().zip(FALSE_POSITIVES) {
        *recall = recall_at_false_positive_rate(&scores, truth, rate).map_err(metric())?;
    }
    Ok(Judged {
        confusion: Confusion::count(&threshold.flag(&scores), truth).map_err(metric())?,
        auroc: auroc(&scores, truth).map_err(metric())?,
        auprc: average_precision(&scores, truth).map_err(metric())?,
        oracle_f1: best_f1(&scores, truth).map_err(metric())?.f1,
        recalls,
        scores,
        threshold,
    })
}

fn comparison(bench: &Bench<'_>, lines: &[Line], note: String) -> Result<Table, EvaluationError> {
    let heads =
        lines.first().map(|line| line.cells.iter().map(|cell| cell.head.clone())).into_iter().flatten();
    let columns = std::iter::once("detector".to_string()).chain(heads).collect();
    let row = |line: &Line| {
        let cells = line.cells.iter().map(mean_and_interval).collect::<Result<Vec<_>, _>>()?;
        Ok(std::iter::once(line.name.clone()).chain(cells).collect())
    };
    let rows = lines.iter().map(row).collect::<Result<_, EvaluationError>>()?;
    Ok(Table { title: bench.title.into(), columns, rows, note })
}
