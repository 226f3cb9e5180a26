//! What the detectors reached, as tables, metrics and a picture of the ranks.

use super::Suite;
use super::contenders::{NEIGHBOURS, OWN, Outcome};
use super::problems::Problem;
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::{Figure, Figures, Quantity, SPREAD, columns};
use ae_metrics::{
    auroc, average_precision, friedman_test, groups_within, mean_ranks, nemenyi_difference, vus,
};
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, RankedMethod};
use ndarray::Array2;

const AUROC: Quantity = Quantity::share("auroc", "AUROC", 3);
const AP: Quantity = Quantity::share("average_precision", "average precision", 3);
const VUS_PR: Quantity = Quantity::share("vus_pr", "VUS-PR", 3);
const FIT_SECONDS: Quantity = Quantity::positive("fit_seconds", "fit, s", 1);
const MEMORY: Quantity = Quantity::positive("memory_mib", "memory, MiB", 0);
const SCORE_MICROSECONDS: Quantity = Quantity::positive("score_us", "score, µs a row", 0);
/// False-alarm rates, and the rates that the default detector reached for them.
const RATES: [(f64, Quantity); 3] = [
    (0.005, Quantity::share("alarms_at_0.005", "promised 0.5 %", 4)),
    (0.01, Quantity::share("alarms_at_0.01", "promised 1 %", 4)),
    (0.05, Quantity::share("alarms_at_0.05", "promised 5 %", 4)),
];
/// Of windows that share steps, a rate other than that of the threshold has no threshold without another fit.
const OF_SERIES: [Quantity; 2] =
    [Quantity::share("promised", "promised", 2), Quantity::share("alarms", "flagged", 4)];
/// A detector is far behind another one if it lacks more than this.
const FAR: f64 = 0.03;

/// A set and the figures of each detector that judged it.
struct SetResults {
    name: String,
    size: String,
    figures: Vec<(String, Figures)>,
    alarms: Figures,
}

/// The results so far.
pub(super) struct Results {
    suite: Suite,
    /// Key and name of each detector, in the order of their first results.
    detectors: Vec<(String, String)>,
    sets: Vec<SetResults>,
    /// Sets that the default detector cannot be fitted to.
    left_out: Vec<String>,
}

impl Results {
    pub(super) fn new(suite: Suite) -> Self {
        Results { suite, detectors: Vec::new(), sets: Vec::new(), left_out: Vec::new() }
    }

    /// The quantities that detectors are compared by, the most important first.
    fn quantities(&self) -> [Quantity; 2] {
        match self.suite {
            Suite::Tabular => [AUROC, AP],
            Suite::Series => [VUS_PR, AUROC],
        }
    }

    /// Takes out a set that the default detector cannot be fitted to; the report says so.
    pub(super) fn leave_out(&mut self, name: &str) {
        self.sets.retain(|set| set.name != name);
        self.left_out.push(name.into());
    }

    /// Adds what the detectors reached on a set with one seed.
    pub(super) fn add(
        &mut self,
        problem: &Problem,
        seed: u64,
        outcomes: &[Outcome],
    ) -> Result<(), EvaluationError> {
        if self.sets.last().is_none_or(|set| set.name != problem.name) {
            let (train, judged) = (problem.train.len(), problem.truth.len());
            let anomalies = problem.truth.iter().filter(|&&anomalous| anomalous).count();
            let columns = problem.train.columns.len();
            self.sets.push(SetResults {
                name: problem.name.clone(),
                size: format!(
                    "{train} × {columns}; {judged}, {:.1} %",
                    100.0 * anomalies as f64 / judged as f64
                ),
                figures: Vec::new(),
                alarms: Figures::default(),
            });
        }
        let set = self.sets.last_mut().expect("just added");
        let metric = || EvaluationError::metric(problem.name.clone());
        for outcome in outcomes {
            if !self.detectors.iter().any(|(key, _)| *key == outcome.key) {
                self.detectors.push((outcome.key.clone(), outcome.name.clone()));
            }
            let place = set.figures.iter().position(|(key, _)| *key == outcome.key).unwrap_or_else(|| {
                set.figures.push((outcome.key.clone(), Figures::default()));
                set.figures.len() - 1
            });
            let figures = &mut set.figures[place].1;
            let (scores, truth) = (&outcome.scores, &problem.truth);
            figures.push(seed, &AUROC, auroc(scores, truth).map_err(metric())?);
            figures.push(seed, &AP, average_precision(scores, truth).map_err(metric())?);
            if let Some(window) = problem.vus_window {
                figures.push(seed, &VUS_PR, vus(scores, truth, window).map_err(metric())?.pr);
            }
            figures.push(seed, &FIT_SECONDS, outcome.fit_seconds);
            figures.push(seed, &SCORE_MICROSECONDS, 1e6 * outcome.score_seconds / scores.len().max(1) as f64);
            if let Some(memory) = outcome.memory_mib {
                figures.push(seed, &MEMORY, memory);
            }
            if let Some(verdicts) = &outcome.verdicts {
                let normal: Vec<usize> = (0..truth.len()).filter(|&row| !truth[row]).collect();
                let share = |is_alarm: &dyn Fn(usize) -> bool| {
                    let alarms = normal.iter().filter(|&&row| is_alarm(row)).count();
                    alarms as f64 / normal.len().max(1) as f64
                };
                if problem.vus_window.is_some() {
                    let [promised, alarms] = OF_SERIES;
                    set.alarms.push(seed, &promised, verdicts.promised);
                    set.alarms.push(seed, &alarms, share(&|row| verdicts.is_anomalous[row]));
                } else {
                    for (rate, quantity) in RATES {
                        let highest = rate * (1.0 + 4.0 * f64::EPSILON);
                        set.alarms.push(seed, &quantity, share(&|row| verdicts.p_values[row] <= highest));
                    }
                }
            }
        }
        Ok(())
    }

    /// The mean over the seeds of what a detector reached on a set.
    fn reached(set: &SetResults, key: &str, quantity: &Quantity) -> Option<f64> {
        let (_, figures) = set.figures.iter().find(|(known, _)| known == key)?;
        figures.get(quantity)?.summary().ok().map(|summary| summary.mean)
    }

    /// The mean over the sets, for each seed; `None` if a set lacks the detector.
    fn over_sets(&self, key: &str, quantity: &Quantity) -> Option<Figure> {
        let mut all = Figure::new(*quantity);
        let of_sets: Option<Vec<&Figure>> = self
            .sets
            .iter()
            .map(|set| set.figures.iter().find(|(known, _)| known == key)?.1.get(quantity))
            .collect();
        let of_sets = of_sets?;
        for (seed, _) in of_sets.first()?.by_seed() {
            let of_seed = |figure: &&Figure| figure.by_seed().into_iter().find(|(own, _)| *own == seed);
            let values: Option<Vec<f64>> =
                of_sets.iter().map(|figure| of_seed(figure).map(|(_, value)| value)).collect();
            let values = values?;
            all.push(seed, values.iter().sum::<f64>() / values.len() as f64);
        }
        Some(all)
    }

    /// Adds tables, metrics and pictures.
    pub(super) fn report(
        &self,
        evaluation: &mut Evaluation,
        gallery: &Gallery,
    ) -> Result<(), EvaluationError> {
        let suite = self.suite.name();
        for set in &self.sets {
            for (key, figures) in &set.figures {
                figures.enter(&mut evaluation.metrics, &format!("{suite}/{}/{key}", set.name))?;
            }
            set.alarms.enter(&mut evaluation.metrics, &format!("{suite}/{}", set.name))?;
        }
        let complete: Vec<&(String, String)> = self
            .detectors
            .iter()
            .filter(|(key, _)| {
                self.quantities().iter().all(|quantity| self.over_sets(key, quantity).is_some())
            })
            .collect();
        let overview = self.overview(&complete, evaluation, gallery)?;
        evaluation.tables.push(overview);
        for quantity in self.quantities() {
            evaluation.tables.push(self.by_set(&quantity));
        }
        let alarms = self.alarms(evaluation)?;
        evaluation.tables.push(alarms);
        Ok(())
    }

    /// One line for each detector.
    fn overview(
        &self,
        complete: &[&(String, String)],
        evaluation: &mut Evaluation,
        gallery: &Gallery,
    ) -> Result<ResultTable, EvaluationError> {
        let suite = self.suite.name();
        let [first, second] = self.quantities();
        let mut ranks = Vec::new();
        let mut note = format!(
            "Means over the {} sets. {SPREAD} A rank is the place among the detectors on a set, 1 for the best, by the mean \
             over the seeds. Behind: sets on which a detector lacks more than {FAR} {} to the neighbours. Times are \
             those of this machine, and include no reading. Memory is what the process held at the peak of fitting \
             and scoring beyond what it held before; for the detectors of this program, before the first set.",
            self.sets.len(),
            first.heading
        );
        if !self.left_out.is_empty() {
            note +=
                &format!(" Left out, because `ae detect fit` refuses them: {}.", self.left_out.join(", "));
        }
        for (place, quantity) in (0..).zip([first, second]) {
            let scores = Array2::from_shape_fn((self.sets.len(), complete.len()), |(set, detector)| {
                Self::reached(&self.sets[set], &complete[detector].0, &quantity).unwrap_or(f64::NAN)
            });
            if self.sets.len() < 2 || complete.len() < 2 {
                ranks.push(vec![1.0; complete.len()]);
                continue;
            }
            let metric = || EvaluationError::metric(format!("the ranks by {}", quantity.heading));
            let own = mean_ranks(&scores).map_err(metric())?;
            let test = friedman_test(&scores).map_err(metric())?;
            let difference = nemenyi_difference(self.sets.len(), complete.len()).map_err(metric())?;
            note += &format!(
                " By {}: critical difference of mean ranks {difference:.2} (Nemenyi, 5 %), Friedman test p = {:.1e}.",
                quantity.heading, test.p_value
            );
            let methods: Vec<RankedMethod> = complete
                .iter()
                .zip(&own)
                .map(|((_, name), &mean_rank)| RankedMethod { name: name.clone(), mean_rank })
                .collect();
            let entry = Entry {
                file: format!("{suite}-ranks-{}.png", quantity.name),
                order: place,
                title: format!("Mean ranks by {}", quantity.heading),
                caption: format!(
                    "Best at the right, over {} sets. Detectors that a bar joins do not differ at the 5 % level.",
                    self.sets.len()
                ),
            };
            let joined = groups_within(&own, difference);
            gallery.add(entry, |path| picture::critical_difference(path, &methods, difference, &joined))?;
            ranks.push(own);
        }
        let mut rows = Vec::new();
        for (place, (key, name)) in complete.iter().enumerate() {
            let mut row = vec![name.clone()];
            for (quantity, ranks) in [first, second].iter().zip(&ranks) {
                let figure = self.over_sets(key, quantity).expect("it is complete");
                figure.enter(&mut evaluation.metrics, &format!("{suite}/{key}"))?;
                let rank = format!("{suite}/{key}/rank_{}", quantity.name);
                evaluation.metrics.insert(rank, ranks[place]);
                row.push(figure.to_text()?);
                row.push(format!("{:.2}", ranks[place]));
            }
            let behind = self.sets.iter().filter(|set| {
                let of = |key: &str| Self::reached(set, key, &first).unwrap_or(0.0);
                of(key) < of(NEIGHBOURS) - FAR
            });
            let behind = behind.count();
            evaluation.metrics.insert(format!("{suite}/{key}/behind_neighbours"), behind as f64);
            row.push(behind.to_string());
            for quantity in [FIT_SECONDS, SCORE_MICROSECONDS, MEMORY] {
                let figure = self.over_sets(key, &quantity);
                let mean = figure.and_then(|figure| figure.summary().ok()).map(|summary| summary.mean);
                let decimals = quantity.decimals;
                row.push(mean.map_or("–".into(), |mean| format!("{mean:.decimals$}")));
            }
            rows.push(row);
        }
        let heads = [
            first.heading,
            "rank",
            second.heading,
            "rank",
            "behind",
            FIT_SECONDS.heading,
            SCORE_MICROSECONDS.heading,
            MEMORY.heading,
        ];
        Ok(ResultTable {
            title: "All sets".into(),
            columns: std::iter::once("detector").chain(heads).map(String::from).collect(),
            rows,
            note,
        })
    }

    /// One line for each set.
    fn by_set(&self, quantity: &Quantity) -> ResultTable {
        let heads = ["set", "learned; judged, anomalies"].map(String::from);
        let names = self.detectors.iter().map(|(_, name)| name.clone());
        let rows = self.sets.iter().map(|set| {
            let of = |(key, _): &(String, String)| {
                Self::reached(set, key, quantity).map_or("–".into(), |value| format!("{value:.3}"))
            };
            [set.name.clone(), set.size.clone()].into_iter().chain(self.detectors.iter().map(of)).collect()
        });
        ResultTable {
            title: format!("{} on each set", quantity.heading),
            columns: heads.into_iter().chain(names).collect(),
            rows: rows.collect(),
            note: "Means over the seeds. The second column: rows to learn from × columns; rows to judge, and the share of \
                   anomalies among them."
                .into(),
        }
    }

    /// What the default detector flagged of normal rows.
    fn alarms(&self, evaluation: &mut Evaluation) -> Result<ResultTable, EvaluationError> {
        let quantities = match self.suite {
            Suite::Tabular => RATES.map(|(_, quantity)| quantity).to_vec(),
            Suite::Series => OF_SERIES.to_vec(),
        };
        let mut rows = Vec::new();
        for set in &self.sets {
            let mut row = vec![set.name.clone()];
            row.extend(set.alarms.cells(&quantities)?);
            rows.push(row);
        }
        let mut last = vec!["mean".to_string()];
        for quantity in &quantities {
            let means = self.sets.iter().filter_map(|set| set.alarms.get(quantity)?.summary().ok());
            let means: Vec<f64> = means.map(|summary| summary.mean).collect();
            let mean = means.iter().sum::<f64>() / means.len().max(1) as f64;
            evaluation.metrics.insert(format!("{}/{OWN}/{}", self.suite.name(), quantity.name), mean);
            last.push(format!("{mean:.4}"));
        }
        rows.push(last);
        let note = match self.suite {
            Suite::Tabular => {
                "Normal rows that were judged. A rate below one in the number of calibration rows flags none."
            }
            Suite::Series => {
                "Normal points that were judged. What is promised supposes that the series goes on as it was; in most of \
                 these it does not."
            }
        };
        Ok(ResultTable {
            title: "False alarms of `ae detect fit`".into(),
            columns: columns(&["set"], &quantities),
            rows,
            note: format!("{note} {SPREAD}"),
        })
    }
}
