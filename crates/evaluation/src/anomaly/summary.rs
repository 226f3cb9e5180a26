//! Figures over seeds with their intervals.

use crate::error::EvaluationError;
use crate::outcome::Evaluation;
use ae_metrics::mean_std;

/// A figure, with a value for each seed that has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// In the table.
    pub(super) head: String,
    /// In the metrics.
    pub(super) name: &'static str,
    pub(super) decimals: usize,
    pub(super) values: Vec<(u64, f64)>,
}

impl Cell {
    pub(super) fn new(head: &str, name: &'static str, decimals: usize) -> Self {
        Cell { head: head.into(), name, decimals, values: Vec::new() }
    }

    fn numbers(&self) -> Vec<f64> {
        self.values.iter().map(|(_, value)| *value).collect()
    }

    /// Enters mean, half of the 95 % interval and each seed's value under `group`.
    pub(super) fn enter(&self, evaluation: &mut Evaluation, group: &str) -> Result<(), EvaluationError> {
        if self.values.is_empty() {
            return Ok(());
        }
        let name = self.name;
        for (seed, value) in &self.values {
            evaluation.metrics.insert(format!("{group}/seed{seed}/{name}"), *value);
        }
        let (mean, half) = self.mean_and_half()?;
        evaluation.metrics.insert(format!("{group}/{name}"), mean);
        if let Some(half) = half {
            evaluation.metrics.insert(format!("{group}/{name}_ci95"), half);
        }
        Ok(())
    }

    /// The mean and half of its 95 % interval, which one value does not have.
    pub(super) fn mean_and_half(&self) -> Result<(f64, Option<f64>), EvaluationError> {
        let summary = mean_std(&self.numbers()).map_err(EvaluationError::metric(self.name))?;
        let interval = summary.confidence_interval(0.95).ok();
        Ok((summary.mean, interval.map(|interval| interval.high - summary.mean)))
    }
}

/// `mean ± half of the 95 % interval`, or the value itself where there is one only.
pub(super) fn mean_and_interval(cell: &Cell) -> Result<String, EvaluationError> {
    if cell.values.is_empty() {
        return Ok("–".into());
    }
    let decimals = cell.decimals;
    Ok(match cell.mean_and_half()? {
        (mean, Some(half)) => format!("{mean:.decimals$} ± {half:.decimals$}"),
        (mean, None) => format!("{mean:.decimals$}"),
    })
}

/// `0.5 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], expected: &str) {
        let values = (0..).zip(values.iter().copied()).collect();
        let cell = Cell { values, ..Cell::new("a", "a", 2) };
        assert_eq!(mean_and_interval(&cell).unwrap(), expected);
    }

    /// Student's t with one degree of freedom: 12.706; the standard error of 1 and 3 is 1.
    #[test]
    fn the_interval_is_students() {
        check(&[1.0, 3.0], "2.00 ± 12.71");
        check(&[0.5], "0.50");
        check(&[], "–");
        check(&[0.25, 0.25, 0.25], "0.25 ± 0.00");
    }

    #[test]
    fn shares_are_told_in_percent() {
        assert_eq!([0.005, 0.01, 0.2, 0.0].map(percent), ["0.5 %", "1 %", "20 %", "0 %"]);
    }
}
