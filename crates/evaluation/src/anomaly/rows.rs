//! The comparison on rows: a table of detectors with intervals, alarm rates, classes, contamination, pictures.

use super::contenders::{self, Contender, Plan};
use super::problem::{Problem, contaminated};
use super::summary::{Cell, mean_and_interval, percent};
use crate::context::Context;
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use ae_anomaly::{NormalScores, Scorer, Threshold};
use ae_metrics::{
    Confusion, auroc, average_precision, best_f1, class_recalls, conformal_alarm_band, prevalence,
    recall_at_false_positive_rate, roc_curve,
};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;

/// Promised false-alarm rates; the second one places the threshold of the table.
const RATES: [f64; 3] = [0.005, 0.01, 0.05];
const BUDGET: f64 = RATES[1];
/// Standard deviations above the mean of the training scores where no rows are left for calibration, or above that of the
/// calibration rows where these are too few.
const DEVIATIONS: f64 = 3.0;
/// Shares of anomalies in the training data.
const CONTAMINATION: [f64; 5] = [0.0, 0.01, 0.05, 0.1, 0.2];
/// Seeds of the contamination sweep, at most.
const SWEEP_SEEDS: usize = 3;
/// Points of a drawn ROC curve.
const CURVE_POINTS: usize = 300;

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
    let mut alarms: Vec<Vec<(f64, bool)>> = vec![Vec::new(); RATES.len()];
    let mut bands = vec![None; RATES.len()];
    let mut classes: Vec<Cell> = Vec::new();
    let mut sweep: Vec<Cell> =
        CONTAMINATION.iter().map(|share| Cell::new(&percent(*share), "auroc", 4)).collect();
    let mut share_of_anomalies = 0.0;
    let seeds = context.seeds.clone();
    for (at, &seed) in seeds.iter().enumerate() {
        let problem = (bench.problem)(context, seed)?;
        let truth = problem.truth();
        let metric = || EvaluationError::metric(bench.name);
        share_of_anomalies = prevalence(&truth).map_err(metric())?;
        let contenders = contenders::fit(context, &problem, &bench.plan, seed)?;
        for (line, contender) in contenders.iter().enumerate() {
            let judged = judge(contender, &problem, &truth).map_err(|error| error.about(bench.name))?;
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
            let rates = achieved(contender.scorer.as_ref(), &problem)?;
            for (place, (rate, &promised)) in rates.into_iter().zip(&RATES).enumerate() {
                let Some(rate) = rate else { continue };
                let (n, m) = (problem.calibration.len(), problem.held_out.len());
                let band = conformal_alarm_band(n, m, promised, 0.95).map_err(metric())?;
                alarms[place].push((rate, band.holds(rate)));
                bands[place] = Some(band);
            }
            if at == 0 {
                draw(gallery, bench, place, &judged, &truth, seed)?;
            }
        }
        if at == 0 {
            draw_curves(gallery, bench, place, &contenders, &problem, &truth, seed)?;
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
    if bands.iter().any(Option::is_some) {
        evaluation.tables.push(alarm_table(bench, &alarms, &bands));
        for (&rate, seeds) in RATES.iter().zip(&alarms).filter(|(_, seeds)| !seeds.is_empty()) {
            let mean = seeds.iter().map(|(rate, _)| rate).sum::<f64>() / seeds.len() as f64;
            evaluation.metrics.insert(format!("{}/alarm_rate_{rate}", bench.name), mean);
        }
    }
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
struct Judged {
    scores: Vec<f64>,
    threshold: Threshold,
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

fn judge(contender: &Contender, problem: &Problem, truth: &[bool]) -> Result<Judged, EvaluationError> {
    let scorer = contender.scorer.as_ref();
    let threshold = if problem.calibration.is_empty() {
        Threshold::mean_std(&NormalScores::of_training_rows(scorer.scores(&problem.train)?)?, DEVIATIONS)?
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

/// The share of the held-out normal rows that is flagged, for each promised rate; `None` where there are no such rows, or
/// too few to calibrate on.
fn achieved(scorer: &dyn Scorer, problem: &Problem) -> Result<Vec<Option<f64>>, EvaluationError> {
    if problem.held_out.is_empty() {
        return Ok(vec![None; RATES.len()]);
    }
    let normal = NormalScores::of_held_out_rows(scorer.scores(&problem.calibration)?)?;
    let held_out = scorer.scores(&problem.held_out)?;
    let rate = |promised: &f64| {
        if (normal.as_slice().len() as f64 + 1.0) * promised < 1.0 {
            return Ok(None);
        }
        let flagged = Threshold::at_quantile(&normal, 1.0 - promised)?.flag(&held_out);
        Ok(Some(flagged.iter().filter(|flag| **flag).count() as f64 / flagged.len() as f64))
    };
    RATES.iter().map(rate).collect()
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

fn alarm_table(
    bench: &Bench<'_>,
    alarms: &[Vec<(f64, bool)>],
    bands: &[Option<ae_metrics::AlarmBand>],
) -> Table {
    let mut rows = Vec::new();
    for ((&promised, seeds), band) in RATES.iter().zip(alarms).zip(bands) {
        let Some(band) = band else { continue };
        let mean = seeds.iter().map(|(rate, _)| rate).sum::<f64>() / seeds.len() as f64;
        let inside = seeds.iter().filter(|(_, inside)| *inside).count();
        let range = format!("{} to {}", percent(band.band.low), percent(band.band.high));
        rows.push(vec![percent(promised), percent(mean), range, format!("{inside} of {}", seeds.len())]);
    }
    Table {
        title: format!("{}: promised and achieved false-alarm rate on held-out normal rows", bench.title),
        columns: ["promised", "achieved, mean", "95 % band of one seed", "seeds inside"].map(String::from).into(),
        rows,
        note: "By split conformal prediction. The band is that of the beta-binomial law, for so many calibration and test \
               rows (Vovk 2012; Angelopoulos and Bates 2023)."
            .into(),
    }
}

fn draw(
    gallery: &Gallery,
    bench: &Bench<'_>,
    place: u32,
    judged: &Judged,
    truth: &[bool],
    seed: u64,
) -> Result<(), EvaluationError> {
    let of = |class: bool| -> Vec<f64> {
        // Logarithms, as errors of anomalies span decades.
        let scores = judged.scores.iter().zip(truth).filter(|(_, is_anomaly)| **is_anomaly == class);
        scores.map(|(score, _)| score.max(1e-12).log10()).collect()
    };
    let entry = Entry {
        file: format!("{}-scores.png", bench.name),
        order: place * 10,
        title: format!("{}: scores", bench.title),
        caption: format!(
            "Logarithms (base 10) of the network's scores of the test rows, seed {seed}; the dashed line is the threshold. \
             Each class is drawn in percent of itself."
        ),
    };
    let threshold = judged.threshold.value().max(1e-12).log10();
    gallery.add(entry, |path| picture::score_histograms(path, &of(false), &of(true), threshold))?;
    Ok(())
}

fn draw_curves(
    gallery: &Gallery,
    bench: &Bench<'_>,
    place: u32,
    contenders: &[Contender],
    problem: &Problem,
    truth: &[bool],
    seed: u64,
) -> Result<(), EvaluationError> {
    let mut lines = Vec::new();
    for contender in contenders {
        let scores = contender.scorer.scores(&problem.test)?;
        let curve = roc_curve(&scores, truth).map_err(EvaluationError::metric(contender.name.clone()))?;
        let step = curve.len().div_ceil(CURVE_POINTS).max(1);
        let points = curve.iter().step_by(step).chain(curve.last());
        let points = points.map(|point| (point.false_positive_rate, point.true_positive_rate)).collect();
        lines.push(picture::Line { name: contender.name.clone(), points, labels: Vec::new() });
    }
    let entry = Entry {
        file: format!("{}-roc.png", bench.name),
        order: place * 10 + 1,
        title: format!("{}: ROC curves", bench.title),
        caption: format!(
            "Share of the anomalies that is flagged over the share of the normal rows, seed {seed}."
        ),
    };
    gallery.add(entry, |path| picture::lines(path, "false-positive rate", "recall", &lines))?;
    Ok(())
}
