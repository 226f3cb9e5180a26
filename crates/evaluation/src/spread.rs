//! Figures over seeds: one row for each, and their mean and spread.

use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use ae_metrics::mean_std;

/// A figure by name, and how many decimals it is told with.
pub(crate) struct Figure {
    /// In the table.
    pub(crate) head: &'static str,
    /// In the metrics.
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) decimals: usize,
}

/// A table with a row for each seed and, where there are several, one of `mean ± std` (sample standard deviation).
pub(crate) fn by_seed(
    title: String,
    seeds: &[(u64, Vec<Figure>)],
    note: String,
) -> Result<Table, EvaluationError> {
    let Some((_, first)) = seeds.first() else { return Err(EvaluationError::NoSeeds) };
    let heads = first.iter().map(|figure| figure.head.to_string());
    let columns = std::iter::once("seed".to_string()).chain(heads).collect();
    let row = |(seed, figures): &(u64, Vec<Figure>)| {
        let cells = figures.iter().map(|figure| format!("{:.*}", figure.decimals, figure.value));
        std::iter::once(seed.to_string()).chain(cells).collect()
    };
    let mut rows: Vec<Vec<String>> = seeds.iter().map(row).collect();
    if seeds.len() > 1 {
        let mut last = vec!["mean ± std".to_string()];
        for at in 0..first.len() {
            last.push(over_seeds(seeds.iter().map(|(_, figures)| &figures[at]))?);
        }
        rows.push(last);
    }
    Ok(Table { title, columns, rows, note })
}

/// `mean ± std`, or the value itself where there is one only.
pub(crate) fn over_seeds<'a>(figures: impl Iterator<Item = &'a Figure>) -> Result<String, EvaluationError> {
    let figures: Vec<&Figure> = figures.collect();
    let values: Vec<f64> = figures.iter().map(|figure| figure.value).collect();
    let Some(first) = figures.first() else { return Err(EvaluationError::NoSeeds) };
    let summary = mean_std(&values).map_err(EvaluationError::metric(first.name))?;
    let decimals = first.decimals;
    let mean = format!("{:.decimals$}", summary.mean);
    Ok(summary.sample_std().map_or(mean.clone(), |std| format!("{mean} ± {std:.decimals$}")))
}

/// Enters each seed's figures, their means and their spreads under `group`.
pub(crate) fn enter(
    evaluation: &mut Evaluation,
    group: &str,
    seeds: &[(u64, Vec<Figure>)],
) -> Result<(), EvaluationError> {
    let metrics = &mut evaluation.metrics;
    for (seed, figures) in seeds {
        for Figure { name, value, .. } in figures {
            metrics.insert(format!("{group}/seed{seed}/{name}"), *value);
        }
    }
    let names = seeds.first().map(|(_, figures)| figures.as_slice()).unwrap_or_default();
    for (at, Figure { name, .. }) in names.iter().enumerate() {
        let values: Vec<f64> = seeds.iter().map(|(_, figures)| figures[at].value).collect();
        let summary = mean_std(&values).map_err(EvaluationError::metric(*name))?;
        metrics.insert(format!("{group}/{name}"), summary.mean);
        if let Some(std) = summary.sample_std() {
            metrics.insert(format!("{group}/{name}_std"), std);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(values: &[f64]) -> Vec<(u64, Vec<Figure>)> {
        let figure = |value| vec![Figure { head: "accuracy", name: "accuracy", value, decimals: 2 }];
        (0..).zip(values).map(|(seed, &value)| (seed, figure(value))).collect()
    }

    fn check(values: &[f64], rows: &[&[&str]], metrics: &[(&str, f64)]) {
        let table = by_seed("t".into(), &seeds(values), String::new()).unwrap();
        assert_eq!(table.columns, ["seed", "accuracy"]);
        assert_eq!(table.rows, rows);
        let mut evaluation = Evaluation::default();
        enter(&mut evaluation, "g", &seeds(values)).unwrap();
        let expected: Vec<_> = metrics.iter().map(|(name, value)| (name.to_string(), *value)).collect();
        assert_eq!(evaluation.metrics.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_single_seed_has_no_spread() {
        check(&[0.5], &[&["0", "0.50"]], &[("g/accuracy", 0.5), ("g/seed0/accuracy", 0.5)]);
    }

    #[test]
    fn the_spread_is_the_sample_standard_deviation() {
        check(
            &[1.0, 3.0],
            &[&["0", "1.00"], &["1", "3.00"], &["mean ± std", "2.00 ± 1.41"]],
            &[
                ("g/accuracy", 2.0),
                ("g/accuracy_std", 2f64.sqrt()),
                ("g/seed0/accuracy", 1.0),
                ("g/seed1/accuracy", 3.0),
            ],
        );
    }

    #[test]
    fn nothing_and_nonsense_are_errors() {
        assert!(matches!(by_seed("t".into(), &[], String::new()), Err(EvaluationError::NoSeeds)));
        let error = by_seed("t".into(), &seeds(&[1.0, f64::NAN]), String::new()).unwrap_err();
        assert!(error.to_string().starts_with("cannot compute the figures of accuracy: "), "{error}");
    }
}
