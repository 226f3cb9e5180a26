//! Contenders of one table, and who wins it.

use crate::error::EvaluationError;
use crate::outcome::ResultTable;
use crate::spread::{self, Figures, Quantity};
use std::collections::BTreeMap;

/// The contenders of a table, in the order in which they were first judged.
#[derive(Debug, Default)]
pub(crate) struct Contest(Vec<Contender>);

/// A contender and its figures.
#[derive(Debug)]
struct Contender {
    name: String,
    title: String,
    figures: Figures,
}

impl Contest {
    /// Adds what a contender has reached with a seed. `name` is its name in the metrics, `title` that in the table.
    pub(crate) fn push(&mut self, name: &str, title: &str, seed: u64, reached: &[(Quantity, f64)]) {
        let place = self.0.iter().position(|contender| contender.name == name).unwrap_or_else(|| {
            self.0.push(Contender { name: name.into(), title: title.into(), figures: Figures::default() });
            self.0.len() - 1
        });
        for (quantity, value) in reached {
            self.0[place].figures.push(seed, quantity, *value);
        }
    }

    /// The table, whose note begins with the winner by the mean of `by`.
    ///
    /// # Errors
    /// No contender, one without a value of `by`, or a value that is not finite.
    pub(crate) fn table(
        &self,
        title: &str,
        figures: &[Quantity],
        by: &Quantity,
        lower_is_better: bool,
        note: &str,
    ) -> Result<ResultTable, EvaluationError> {
        let mut rows = Vec::new();
        let mut best: Option<(f64, &str)> = None;
        for contender in &self.0 {
            let mut row = vec![contender.title.clone()];
            row.extend(contender.figures.cells(figures)?);
            rows.push(row);
            let mean = contender.figures.get(by).ok_or(EvaluationError::NoSeeds)?.summary()?.mean;
            let score = if lower_is_better { -mean } else { mean };
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, &contender.title));
            }
        }
        let (_, winner) = best.ok_or(EvaluationError::NoSeeds)?;
        let note = format!("Best {}: {winner}. {note}", by.heading);
        Ok(ResultTable { title: title.into(), columns: spread::columns(&["method"], figures), rows, note })
    }

    /// Adds all figures to the metrics, as `<prefix><name>/…`.
    ///
    /// # Errors
    /// A value that is not finite.
    pub(crate) fn enter(
        &self,
        metrics: &mut BTreeMap<String, f64>,
        prefix: &str,
    ) -> Result<(), EvaluationError> {
        for contender in &self.0 {
            contender.figures.enter(metrics, &format!("{prefix}{}", contender.name))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: Quantity = Quantity::positive("rmse", "RMSE", 4);

    #[test]
    fn the_winner_is_named_whoever_it_is() {
        let mut contest = Contest::default();
        for (name, title, rmse) in
            [("mean", "mean rating", 1.1), ("a", "AutoRec", 0.9), ("factors", "factors", 0.8)]
        {
            contest.push(name, title, 0, &[(ERROR, rmse)]);
        }
        let table = contest.table("T", &[ERROR], &ERROR, true, "More.").unwrap();
        assert_eq!(table.note, "Best RMSE: factors. More.");
        assert_eq!(table.rows[1], ["AutoRec", "0.9000"]);
        let table = contest.table("T", &[ERROR], &ERROR, false, "").unwrap();
        assert!(table.note.starts_with("Best RMSE: mean rating."));
        let mut metrics = BTreeMap::new();
        contest.enter(&mut metrics, "set/").unwrap();
        assert_eq!(metrics["set/factors/rmse"], 0.8);
    }
}
