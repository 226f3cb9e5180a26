//! Promised and achieved false-alarm rates.

use super::problem::Problem;
use super::rows::{Comparison, percent, promised};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use ae_anomaly::{RowCalibration, Scorer};
use ae_metrics::{AlarmBand, Confusion, conformal_alarm_band};

/// Promised false-alarm rates.
const RATES: [f64; 4] = [0.005, 0.01, 0.02, 0.05];

/// The results for each of [`RATES`]: one per seed that has enough calibration rows.
#[derive(Default)]
pub(super) struct Alarms {
    rates: [Vec<Achieved>; RATES.len()],
}

/// The result of one seed at a threshold that promises a rate.
struct Achieved {
    /// Share of the held-out normal rows that are flagged.
    rate: f64,
    band: AlarmBand,
    /// Of the test rows.
    confusion: Confusion,
}

impl Alarms {
    /// Adds a seed. Does nothing if the problem has no held-out normal rows or too few calibration rows.
    pub(super) fn add(
        &mut self,
        scorer: &dyn Scorer,
        problem: &Problem,
        seed: u64,
        truth: &[bool],
    ) -> Result<(), EvaluationError> {
        if problem.held_out.is_empty() {
            return Ok(());
        }
        let metric = || EvaluationError::metric("alarms");
        let n = problem.rows.calibration.len();
        for (seeds, rate) in self.rates.iter_mut().zip(RATES) {
            // Too few calibration rows for so small a rate.
            let Some(rule) = promised(&[rate], n) else { continue };
            let calibrated = RowCalibration::fit(scorer, &problem.rows, rule, seed, None)??;
            let threshold = calibrated.calibration().threshold();
            let held_out = threshold.flag(&calibrated.scores(scorer, &problem.held_out)?);
            let flagged = held_out.iter().filter(|flag| **flag).count();
            let test = threshold.flag(&calibrated.scores(scorer, &problem.test)?);
            seeds.push(Achieved {
                rate: flagged as f64 / held_out.len() as f64,
                band: conformal_alarm_band(n, held_out.len(), rate, 0.95).map_err(metric())?,
                confusion: Confusion::count(&test, truth).map_err(metric())?,
            });
        }
        Ok(())
    }

    /// Adds the table and the metrics of the detector, if there are any.
    pub(super) fn report(&self, comparison: &Comparison<'_>, detector: &str, evaluation: &mut Evaluation) {
        let mut rows = Vec::new();
        for (promised, seeds) in RATES.iter().zip(&self.rates) {
            let Some(last) = seeds.last() else { continue };
            let mean = |of: &dyn Fn(&Achieved) -> f64| seeds.iter().map(of).sum::<f64>() / seeds.len() as f64;
            let rate = mean(&|seed| seed.rate);
            let accuracy = mean(&|seed| seed.confusion.accuracy());
            let recall = mean(&|seed| seed.confusion.recall());
            let inside = seeds.iter().filter(|seed| seed.band.holds(seed.rate)).count();
            rows.push(vec![
                percent(*promised),
                percent(rate),
                format!("{} to {}", percent(last.band.band.low), percent(last.band.band.high)),
                format!("{inside} of {}", seeds.len()),
                format!("{accuracy:.3}"),
                format!("{recall:.3}"),
            ]);
            for (name, value) in
                [("alarm_rate", rate), ("accuracy_at", accuracy), ("recall_promised", recall)]
            {
                evaluation.metrics.insert(format!("{}/{name}_{promised}", comparison.name), value);
            }
        }
        if rows.is_empty() {
            return;
        }
        evaluation.tables.push(ResultTable {
            title: format!("{}: promised and achieved false-alarm rates on held-out normal rows", comparison.title),
            columns: ["promised", "achieved, mean", "95 % band of one seed", "seeds inside", "accuracy", "recall"]
                .map(String::from)
                .into(),
            rows,
            note: format!(
                "Alarms of {detector}. Thresholds by split conformal prediction. The band follows the beta-binomial distribution for the numbers \
                   of calibration and test rows (Vovk 2012; Angelopoulos and Bates 2023). Accuracy and recall are of the \
                   test rows at the same threshold, averaged over the seeds. The rates were fixed before any test row was \
                   seen."
            ),
        });
    }
}
