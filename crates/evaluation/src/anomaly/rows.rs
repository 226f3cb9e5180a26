//! The comparison on rows: detectors, false-alarm rates, classes, contamination and pictures.

use super::alarms::Alarms;
use super::drawing;
use super::problem::Problem;
use super::rivals::{self, Rival};
use crate::context::Context;
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::{Figure, Figures, Quantity, SPREAD, columns};
use ae_anomaly::{Baseline, Calibration, FitConfig, NormalScores, RowCalibration, Rule, Threshold};
use ae_metrics::{
    Confusion, auroc, average_precision, best_f1, class_recalls, prevalence, recall_at_false_positive_rate,
};
use ae_report::gallery::Gallery;

/// The false-alarm rate that the threshold promises.
const BUDGET: f64 = 0.01;
/// The threshold rule without calibration rows (on the training scores), or with too few of them.
pub(super) const MEAN_PLUS_STD: Rule = Rule::MeanStd { k: 3.0 };
/// Shares of anomalies in the training data.
const CONTAMINATION: [f64; 5] = [0.0, 0.01, 0.05, 0.1, 0.2];
/// Maximum number of seeds in the contamination sweep.
const MAX_SWEEP_SEEDS: usize = 3;

const AUROC: Quantity = Quantity::share("auroc", "AUROC", 4);
const AUPRC: Quantity = Quantity::share("auprc", "AUPRC", 4);
const ACCURACY: Quantity = Quantity::share("accuracy", "accuracy", 3);
const F1: Quantity = Quantity::share("f1", "F1", 3);
const ORACLE_F1: Quantity = Quantity::share("oracle_f1", "oracle F1", 3);
/// Recall at these false-positive rates.
const RECALLS: [(f64, Quantity); 3] = [
    (0.001, Quantity::share("recall_at_0.001", "recall at 0.1 %", 3)),
    (0.01, Quantity::share("recall_at_0.01", "at 1 %", 3)),
    (0.05, Quantity::share("recall_at_0.05", "at 5 %", 3)),
];
const QUANTITIES: [Quantity; 8] =
    [AUROC, AUPRC, ACCURACY, F1, ORACLE_F1, RECALLS[0].1, RECALLS[1].1, RECALLS[2].1];
const FLAGGED: Quantity = Quantity::share("flagged", "flagged", 3);

/// What to compare.
pub(super) struct Comparison<'a> {
    /// Used in the names of metrics and files.
    pub(super) name: &'a str,
    pub(super) title: &'a str,
    pub(super) note: &'a str,
    /// How to fit; the seed is replaced by that of each run.
    pub(super) config: FitConfig,
    /// Baselines beyond those of every fit.
    pub(super) baselines: &'a [Baseline],
    pub(super) problem: &'a dyn Fn(&mut Context<'_>, u64) -> Result<Problem, EvaluationError>,
}

/// A detector and its figures.
struct Line {
    key: String,
    name: String,
    figures: Figures,
}

/// Results over the seeds.
#[derive(Default)]
struct Results {
    lines: Vec<Line>,
    alarms: Alarms,
    /// The share of each class that the stored detector flags.
    classes: Vec<(String, Figure)>,
    /// AUROC of the network by the share of anomalies in its training data.
    sweep: Vec<(f64, Figure)>,
    share_of_anomalies: f64,
    not_judged: usize,
}

/// Runs the comparison with every seed, and adds tables, metrics and pictures.
pub(super) fn evaluate(
    context: &mut Context<'_>,
    comparison: &Comparison<'_>,
    evaluation: &mut Evaluation,
    gallery: &Gallery,
    place: u32,
) -> Result<(), EvaluationError> {
    let mut results = Results::default();
    let seeds = context.seeds.clone();
    for (at, &seed) in seeds.iter().enumerate() {
        let title = comparison.title;
        context.observer.on_note(&format!("{title}: seed {seed}, {} of {}", at + 1, seeds.len()));
        let problem = (comparison.problem)(context, seed)?;
        let config = FitConfig { seed, ..comparison.config.clone() };
        let rivals = rivals::fit(context, &problem.rows, &config, comparison.baselines)?;
        let truth = problem.truth();
        results.share_of_anomalies = prevalence(&truth).map_err(EvaluationError::metric(comparison.name))?;
        results.not_judged = problem.not_judged;
        let drawn = (at == 0).then_some((gallery, place));
        for rival in &rivals {
            results.add(comparison, &problem, rival, seed, drawn)?;
        }
        if at == 0 {
            drawing::curves(gallery, comparison, place, &rivals, &problem, &truth, seed)?;
        }
        if at < MAX_SWEEP_SEEDS && !problem.contaminants.is_empty() {
            results.sweep(context, comparison, &problem, &config)?;
        }
    }
    results.report(comparison, evaluation, seeds.len())?;
    drawing::classes(gallery, comparison, place, &results.classes)
}

impl Results {
    /// Judges a detector and adds its figures.
    fn add(
        &mut self,
        comparison: &Comparison<'_>,
        problem: &Problem,
        rival: &Rival,
        seed: u64,
        drawn: Option<(&Gallery, u32)>,
    ) -> Result<(), EvaluationError> {
        let metric = || EvaluationError::metric(format!("{}, {}", comparison.name, rival.name));
        let truth = problem.truth();
        let judged = judge(rival, problem, seed)?;
        let line = self.line(rival);
        let scores = &judged.scores;
        let confusion = Confusion::count(&judged.flagged, &truth).map_err(metric())?;
        let figures = &mut self.lines[line].figures;
        figures.push(seed, &AUROC, auroc(scores, &truth).map_err(metric())?);
        figures.push(seed, &AUPRC, average_precision(scores, &truth).map_err(metric())?);
        figures.push(seed, &ACCURACY, confusion.accuracy());
        figures.push(seed, &F1, confusion.f1());
        figures.push(seed, &ORACLE_F1, best_f1(scores, &truth).map_err(metric())?.f1);
        for (rate, quantity) in &RECALLS {
            let recall = recall_at_false_positive_rate(scores, &truth, *rate).map_err(metric())?;
            figures.push(seed, quantity, recall);
        }
        if rival.key != rivals::stored(comparison.config.store) {
            return Ok(());
        }
        let recalls = class_recalls(&judged.flagged, &problem.classes, problem.class_names.len());
        for (name, recall) in problem.class_names.iter().zip(recalls.map_err(metric())?) {
            let class = match self.classes.iter().position(|(known, _)| known == name) {
                Some(class) => class,
                None => {
                    self.classes.push((name.clone(), Figure::new(FLAGGED)));
                    self.classes.len() - 1
                }
            };
            if let Some(share) = recall.share() {
                self.classes[class].1.push(seed, share);
            }
        }
        self.alarms.add(rival.scorer.as_ref(), problem, seed, &truth)?;
        if let Some((gallery, place)) = drawn {
            drawing::scores(gallery, comparison, place, &rival.name, &judged, &truth, seed)?;
        }
        Ok(())
    }

    fn line(&mut self, rival: &Rival) -> usize {
        match self.lines.iter().position(|line| line.key == rival.key) {
            Some(line) => line,
            None => {
                let (key, name) = (rival.key.clone(), rival.name.clone());
                self.lines.push(Line { key, name, figures: Figures::default() });
                self.lines.len() - 1
            }
        }
    }

    /// The name of the detector whose alarms are counted.
    fn stored_name(&self, comparison: &Comparison<'_>) -> &str {
        let key = rivals::stored(comparison.config.store);
        self.lines.iter().find(|line| line.key == key).map_or(key, |line| &line.name)
    }

    /// Trains the network on contaminated data.
    fn sweep(
        &mut self,
        context: &mut Context<'_>,
        comparison: &Comparison<'_>,
        problem: &Problem,
        config: &FitConfig,
    ) -> Result<(), EvaluationError> {
        let truth = problem.truth();
        let truth: Vec<bool> = problem.uncontaminated.iter().map(|&row| truth[row]).collect();
        if self.sweep.is_empty() {
            self.sweep = CONTAMINATION.map(|share| (share, Figure::new(AUROC))).into();
        }
        for (share, figure) in &mut self.sweep {
            let scorer = rivals::network(context, &problem.contaminated(*share), config)?;
            let scores = scorer.scores(&problem.test.select(&problem.uncontaminated))?;
            let area = auroc(&scores, &truth).map_err(EvaluationError::metric(comparison.name))?;
            figure.push(config.seed, area);
        }
        Ok(())
    }

    fn report(
        &self,
        comparison: &Comparison<'_>,
        evaluation: &mut Evaluation,
        n_seeds: usize,
    ) -> Result<(), EvaluationError> {
        let Comparison { name, title, note, .. } = comparison;
        let not_judged = match self.not_judged {
            0 => String::new(),
            n => format!(" {n} test rows are left out: too few of their values were observed."),
        };
        let note = format!(
            "{note}{not_judged} {SPREAD} A random ranking has an AUROC of 0.5 and an AUPRC of \
             {:.3}, the share of anomalies. Recall at a false-positive rate is that of an actual threshold, without \
             interpolation. F1 and accuracy are at the threshold, which was set without labels; \"oracle F1\" is the best \
             over all thresholds, chosen with the test labels.",
            self.share_of_anomalies
        );
        let mut rows = Vec::new();
        for Line { key, name: detector, figures } in &self.lines {
            let mut row = vec![detector.clone()];
            row.extend(figures.cells(&QUANTITIES)?);
            rows.push(row);
            figures.enter(&mut evaluation.metrics, &format!("{name}/{key}"))?;
        }
        let columns = columns(&["detector"], &QUANTITIES);
        evaluation.tables.push(ResultTable { title: (*title).into(), columns, rows, note });
        let stored = self.stored_name(comparison);
        self.alarms.report(comparison, stored, evaluation);
        let mut rows = Vec::new();
        for (class, figure) in self.classes.iter().filter(|(_, figure)| !figure.is_empty()) {
            rows.push(vec![class.clone(), figure.to_text()?]);
        }
        evaluation.tables.push(ResultTable {
            title: format!("{title}: flagged share of each class"),
            columns: ["class", "flagged"].map(String::from).into(),
            rows,
            note: format!(
                "By {stored}. For the normal class this is the false-alarm rate, for the others the recall."
            ),
        });
        if self.sweep.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::new();
        for (share, figure) in &self.sweep {
            rows.push(vec![percent(*share), figure.to_text()?]);
            figure.enter(&mut evaluation.metrics, &format!("{name}/contaminated_{share}"))?;
        }
        evaluation.tables.push(ResultTable {
            title: format!("{title}: contaminated training data"),
            columns: ["anomalies in the training data", "AUROC"].map(String::from).into(),
            rows,
            note: format!("The network only, over the first {} seeds.", n_seeds.min(MAX_SWEEP_SEEDS)),
        });
        Ok(())
    }
}

/// A detector's scores and decisions on the test rows.
pub(super) struct TestScores {
    pub(super) scores: Vec<f64>,
    pub(super) threshold: Threshold,
    flagged: Vec<bool>,
}

fn judge(rival: &Rival, problem: &Problem, seed: u64) -> Result<TestScores, EvaluationError> {
    let (scorer, calibration) = (rival.scorer.as_ref(), &problem.rows.calibration);
    let rows = if calibration.is_empty() {
        let own = scorer.scores_of_training_rows(&problem.rows.train)?;
        RowCalibration::new(Calibration::fit(&NormalScores::of_training_rows(own)?, MEAN_PLUS_STD)?)
    } else {
        let rule = promised(&[BUDGET], calibration.len()).unwrap_or(MEAN_PLUS_STD);
        RowCalibration::fit(scorer, &problem.rows, rule, seed, None)??
    };
    let (scores, threshold) = (rows.scores(scorer, &problem.test)?, *rows.calibration().threshold());
    Ok(TestScores { flagged: threshold.flag(&scores), scores, threshold })
}

/// The rule for the first of these false-alarm rates that `rows` calibration rows can promise.
pub(super) fn promised(rates: &[f64], rows: usize) -> Option<Rule> {
    let mut rules = rates.iter().map(|&rate| Rule::FalseAlarmRate { rate });
    rules.find(|rule| rule.samples_needed() <= rows)
}

/// `0.5 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_promise_the_lowest_rate_they_can_or_none() {
        let rate = |rate| Some(Rule::FalseAlarmRate { rate });
        assert_eq!(promised(&[0.01, 0.05], 99), rate(0.01));
        assert_eq!(promised(&[0.01, 0.05], 98), rate(0.05));
        assert_eq!(promised(&[0.01, 0.05], 18), None);
    }

    #[test]
    fn shares_are_formatted_in_percent() {
        assert_eq!([0.005, 0.01, 0.2, 0.0].map(percent), ["0.5 %", "1 %", "20 %", "0 %"]);
    }
}
