//! What came out, as tables and metrics.

use super::{COMPONENTS, Outcome, Protocol};
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, Table};
use crate::spread::{self, Figure};

pub(super) fn figure(head: &'static str, name: &'static str, value: f64, decimals: usize) -> Figure {
    Figure { head, name, value, decimals }
}

fn figures(outcome: &Outcome) -> Vec<Figure> {
    let Outcome { threshold, confusion, auroc, auprc, .. } = outcome;
    vec![
        figure("threshold", "threshold", *threshold, 4),
        figure("accuracy", "accuracy", confusion.accuracy(), 3),
        figure("precision", "precision", confusion.precision(), 3),
        figure("recall", "recall", confusion.recall(), 3),
        figure("F1", "f1", confusion.f1(), 3),
        figure("AUROC", "auroc", *auroc, 4),
        figure("AUPRC", "auprc", *auprc, 4),
    ]
}

fn normal_figures(outcome: &Outcome) -> Vec<Figure> {
    let normal = outcome.confusion.normal_as_positive();
    vec![
        figure("accuracy", "normal_accuracy", normal.accuracy(), 3),
        figure("precision", "normal_precision", normal.precision(), 3),
        figure("recall", "normal_recall", normal.recall(), 3),
        figure("F1", "normal_f1", normal.f1(), 3),
    ]
}

fn counts(outcome: &Outcome) -> Vec<Figure> {
    let c = &outcome.confusion;
    let count = |head, name, value: u64| figure(head, name, value as f64, 0);
    vec![
        count("anomalies flagged", "true_positives", c.true_positives),
        count("anomalies missed", "false_negatives", c.false_negatives),
        count("normal flagged", "false_positives", c.false_positives),
        count("normal passed", "true_negatives", c.true_negatives),
    ]
}

pub(super) fn report(
    evaluation: &mut Evaluation,
    protocol: &Protocol,
    outcomes: &[(u64, Outcome)],
    baselines: &[Vec<(u64, Vec<Figure>)>],
) -> Result<(), EvaluationError> {
    let rows =
        |of: fn(&Outcome) -> Vec<Figure>| -> Vec<_> { outcomes.iter().map(|(s, o)| (*s, of(o))).collect() };
    let Protocol { name, title, note, .. } = protocol;
    let shares = || outcomes.iter().map(|(_, o)| o.prevalence);
    let (low, high) = (shares().fold(1.0, f64::min), shares().fold(0.0, f64::max));
    let chance = if high - low < 1e-9 { format!("{low:.3}") } else { format!("{low:.3} to {high:.3}") };
    let note = format!("{note} A random ranking has AUROC 0.5 and AUPRC {chance}, the share of anomalies.");
    for (of, title, note) in [
        (figures as fn(&Outcome) -> Vec<Figure>, format!("{title}: anomaly is the positive class"), note),
        (counts, format!("{title}: confusion matrix"), String::new()),
        (
            normal_figures,
            format!("{title}: normal is the positive class"),
            "The same decisions as the articles count them: precision and recall of the normal beats.".into(),
        ),
    ] {
        let rows = rows(of);
        evaluation.tables.push(spread::by_seed(title, &rows, note)?);
        spread::enter(evaluation, name, &rows)?;
    }
    evaluation.tables.push(comparison(title, &rows(figures), baselines)?);
    for (seeds, components) in baselines.iter().zip(COMPONENTS) {
        spread::enter(evaluation, &format!("{name}/pca{components}"), seeds)?;
    }
    for (seed, outcome) in outcomes {
        evaluation.metrics.insert(format!("{name}/seed{seed}/prevalence"), outcome.prevalence);
    }
    Ok(())
}

fn comparison(
    title: &str,
    outcomes: &[(u64, Vec<Figure>)],
    baselines: &[Vec<(u64, Vec<Figure>)>],
) -> Result<Table, EvaluationError> {
    let line = |who: String, seeds: &[(u64, Vec<Figure>)]| {
        let of = |name: &str| {
            spread::over_seeds(
                seeds.iter().flat_map(|(_, figures)| figures.iter().filter(|f| f.name == name)),
            )
        };
        Ok::<_, EvaluationError>(vec![who, of("auroc")?, of("auprc")?])
    };
    let mut rows = vec![line("autoencoder".into(), outcomes)?];
    for (seeds, components) in baselines.iter().zip(COMPONENTS) {
        rows.push(line(format!("PCA, {components} components"), seeds)?);
    }
    Ok(Table {
        title: format!("{title}: beside a linear model"),
        columns: ["model", "AUROC", "AUPRC"].map(String::from).into(),
        rows,
        note: "Principal components of the same training beats; the score is the squared error.".into(),
    })
}
