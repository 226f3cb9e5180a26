//! The comparison on long series: windows are scored, and each point has the score of the window that ends with it, as it
//! would have in a stream.

use super::contenders::{self, Plan, schedule};
use super::problem::Problem;
use super::rows::DEVIATIONS;
use super::summary::{Cell, mean_and_interval};
use crate::context::Context;
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use ae_anomaly::synthetic::Form;
use ae_anomaly::{NormalScores, Threshold};
use ae_datasets::intake::{Shares, split_time, window_ends};
use ae_datasets::{Samples, Series};
use ae_metrics::{auroc, average_precision, best_f1, detect_events, sliding_window, vus};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;
use ae_training::TrainingConfig;
use ndarray::Array2;
use std::ops::Range;

/// Steps of a window where a series does not choose its own.
pub(super) const WINDOW: usize = 32;
/// Promised false-alarm rate of the threshold, by points.
const BUDGET: f64 = 0.01;
/// Of the training points; in time order, a window apart.
pub(super) const SHARES: Shares = Shares { train: 0.6, validation: 0.1, calibration: 0.3, test: 0.0 };
/// Points of a drawn series.
const DRAWN: usize = 1500;

/// A series, cut into windows, and the points that are judged.
pub(super) struct Case {
    /// In names of metrics and files.
    pub(super) name: String,
    pub(super) title: String,
    /// Points in all.
    pub(super) points: usize,
    /// Steps of a window.
    pub(super) window: usize,
    pub(super) plan: TrainingConfig,
    /// Width of the buffer around events, in points (Paparrizos et al., VLDB 2022).
    pub(super) vus_window: usize,
    /// The judged points, ascending; all else is in their order.
    pub(super) judged: Vec<usize>,
    /// What is drawn: the first channel.
    pub(super) values: Vec<f64>,
    /// In seconds.
    pub(super) times: Option<Vec<f64>>,
    /// Its test rows are the windows that end with the judged points.
    pub(super) problem: Problem,
    /// What was learned from, in a sentence.
    pub(super) source: String,
}

/// Runs the comparison on one series for every seed, and adds its table, metrics and picture.
pub(super) fn evaluate(
    context: &mut Context<'_>,
    case: &Case,
    evaluation: &mut Evaluation,
    gallery: &Gallery,
    place: u32,
) -> Result<(), EvaluationError> {
    let metric = || EvaluationError::metric(case.name.clone());
    let problem = &case.problem;
    let truth = problem.truth();
    let events = ae_metrics::events(&truth);
    // So few rows say nothing of so small a rate.
    let promised =
        [BUDGET, 0.05].into_iter().find(|rate| problem.calibration.len() as f64 + 1.0 >= 1.0 / rate);
    let mut lines: Vec<(String, Vec<Cell>)> = Vec::new();
    let seeds = context.seeds.clone();
    for (at, &seed) in seeds.iter().enumerate() {
        context.observer.on_note(&format!("{}: seed {seed}, {} of {}", case.title, at + 1, seeds.len()));
        let contenders = contenders::fit(context, problem, &Plan::Chosen(case.plan.clone()), seed)?;
        for (line, contender) in contenders.iter().enumerate() {
            let normal = NormalScores::of_held_out_rows(contender.scorer.scores(&problem.calibration)?)?;
            let threshold = match promised {
                Some(rate) => Threshold::at_quantile(&normal, 1.0 - rate)?,
                None => Threshold::mean_std(&normal, DEVIATIONS)?,
            };
            let scores = contender.scorer.scores(&problem.test)?;
            let volumes = vus(&scores, &truth, case.vus_window).map_err(metric())?;
            let found = detect_events(&threshold.flag(&scores), &events).map_err(metric())?;
            let times = case.times.as_ref();
            let hours = times.map(|times| found.delays_in_time(times)).transpose().map_err(metric())?;
            let hours =
                hours.and_then(|delays| mean(delays.into_iter().flatten().map(|delay| delay / 3600.0)));
            let figures = [
                ("VUS-PR", "vus_pr", 3, Some(volumes.pr)),
                ("VUS-ROC", "vus_roc", 3, Some(volumes.roc)),
                ("AUPRC", "auprc", 3, Some(average_precision(&scores, &truth).map_err(metric())?)),
                ("AUROC", "auroc", 3, Some(auroc(&scores, &truth).map_err(metric())?)),
                ("oracle F1", "oracle_f1", 3, Some(best_f1(&scores, &truth).map_err(metric())?.f1)),
                ("event recall", "event_recall", 2, Some(found.recall().map_err(metric())?)),
                ("delay, points", "delay_points", 1, found.mean_delay()),
                ("delay, hours", "delay_hours", 2, hours),
                ("false-alarm rate", "false_alarm_rate", 3, Some(found.false_point_rate())),
            ];
            if at == 0 {
                let cells = figures.iter().map(|(head, name, decimals, _)| Cell::new(head, name, *decimals));
                lines.push((contender.name.clone(), cells.collect()));
            }
            for (cell, (.., value)) in lines[line].1.iter_mut().zip(figures) {
                cell.values.extend(value.map(|value| (seed, value)));
            }
            if at == 0 && line == 0 {
                draw(gallery, case, &scores, &truth, threshold.value(), (place, seed))?;
            }
        }
    }
    let heads = lines[0].1.iter().map(|cell| cell.head.clone());
    let columns = std::iter::once("detector".to_string()).chain(heads).collect();
    let mut rows = Vec::new();
    for (at, (name, cells)) in lines.iter().enumerate() {
        let texts = cells.iter().map(mean_and_interval).collect::<Result<Vec<_>, _>>()?;
        rows.push(std::iter::once(name.clone()).chain(texts).collect());
        let who = ["network", "untrained", "pca", "neighbours", "forest"][at];
        for cell in cells {
            cell.enter(evaluation, &format!("{}/{who}", case.name))?;
        }
    }
    evaluation.metrics.insert(format!("{}/vus_window", case.name), case.vus_window as f64);
    evaluation.tables.push(Table {
        title: format!(
            "{}: {} points, {} {}, VUS window {}",
            case.title,
            case.points,
            events.len(),
            if events.len() == 1 { "event" } else { "events" },
            case.vus_window
        ),
        columns,
        rows,
        note: format!(
            "{} Judged in windows of {} points, each point by the window that ends with it. Mean ± half of the 95 % interval over \
             seeds. The threshold {}; delays are over the events that were noticed. A point counts as normal as soon as its event is \
             over, though the windows of the {} points behind hold some of it.",
            case.source,
            case.window,
            promised.map_or_else(
                || format!("is the mean of {} normal points plus {DEVIATIONS} standard deviations", problem.calibration.len()),
                |rate| format!("promises {} % of normal points like the first ones", rate * 100.0)
            ),
            case.window - 1
        ),
    });
    Ok(())
}

/// A series of a benchmark: windows of the training part, and one for each later point.
pub(super) fn of_benchmark(series: &Series) -> Result<Case, EvaluationError> {
    let metric = || EvaluationError::metric(series.name.clone());
    let [train, validation, calibration, _] = split_time(series.n_train, WINDOW, SHARES)?;
    let column = series.values.column(0);
    let known: Vec<f64> = column.iter().take(train.end).copied().collect();
    let spread = ae_metrics::mean_std(&known).map_err(metric())?;
    let scale = if spread.std > 0.0 { spread.std } else { 1.0 };
    let scaled: Vec<f32> = column.iter().map(|value| ((value - spread.mean) / scale) as f32).collect();
    let windows = |ends: Vec<usize>| {
        let shape = (ends.len(), WINDOW);
        Samples::complete(Array2::from_shape_fn(shape, |(row, step)| scaled[ends[row] + 1 + step - WINDOW]))
    };
    let judged: Vec<usize> = (series.n_train..series.len()).collect();
    let test = windows(judged.clone());
    let none = test.select(&[]);
    Ok(Case {
        name: series.name.clone(),
        title: series.name.clone(),
        points: series.len(),
        window: WINDOW,
        plan: schedule(100, 64),
        vus_window: sliding_window(&column.to_vec()).map_err(metric())?,
        values: judged.iter().map(|&point| column[point]).collect(),
        times: series.times.as_ref().map(|times| times[series.n_train..].to_vec()),
        judged,
        problem: Problem {
            train: windows(window_ends(train, WINDOW, 1)),
            validation: windows(window_ends(validation, WINDOW, 1)),
            calibration: windows(window_ends(calibration, WINDOW, 1)),
            held_out: none.clone(),
            classes: series.labels()[series.n_train..]
                .iter()
                .map(|is_anomaly| u32::from(*is_anomaly))
                .collect(),
            class_names: ["normal", "anomalous"].map(String::from).into(),
            contaminants: none,
            uncontaminated: Vec::new(),
            test,
            shape: vec![WINDOW as i64],
            form: Form::Series { channels: 1 },
        },
        source: format!("Learned from the first {} points.", series.n_train),
    })
}

fn draw(
    gallery: &Gallery,
    case: &Case,
    scores: &[f64],
    truth: &[bool],
    threshold: f64,
    (place, seed): (u32, u64),
) -> Result<(), EvaluationError> {
    let values = &case.values;
    let step = values.len().div_ceil(DRAWN).max(1);
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let span = if high > low { high - low } else { 1.0 };
    let most = scores.iter().copied().fold(threshold, f64::max).max(f64::MIN_POSITIVE);
    let line = |name: &str, at: &dyn Fn(Range<usize>) -> f64| {
        let blocks = (0..values.len()).step_by(step).map(|start| start..(start + step).min(values.len()));
        let points = blocks.map(|block| (case.judged[block.start] as f64, at(block))).collect();
        picture::Line { name: name.into(), points, labels: Vec::new() }
    };
    let greatest = |block: Range<usize>| scores[block].iter().copied().fold(0.0, f64::max);
    let lines = [
        line("series, scaled", &|block| 1.2 + (values[block.start] - low) / span),
        line("score", &|block| greatest(block) / most),
        line("threshold", &|_| threshold / most),
        line("labelled", &|block| if truth[block].contains(&true) { -0.1 } else { -0.2 }),
    ];
    let entry = Entry {
        file: format!("{}.png", case.name),
        order: place * 10,
        title: format!("{}: series, score and labels", case.title),
        caption: format!(
            "The series above, below it the network's score with the threshold, seed {seed}; the lowest line steps up in the \
             labelled windows."
        ),
    };
    gallery.add(entry, |path| picture::lines(path, "point", "scaled", &lines))?;
    Ok(())
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
