//! The results of the articles' protocol as tables and metrics.

use super::Protocol;
use super::articles::Outcome;
use super::rivals::key;
use crate::error::EvaluationError;
use crate::outcome::{Evaluation, ResultTable};
use crate::spread::{self, Figures, Quantity, SPREAD};
use ae_anomaly::Baseline;

const AUROC: Quantity = Quantity::share("auroc", "AUROC", 4);
const AUPRC: Quantity = Quantity::share("auprc", "AUPRC", 4);
const THRESHOLD: Quantity = Quantity::new("threshold", "threshold", 4);
const ACCURACY: Quantity = Quantity::share("accuracy", "accuracy", 3);
const PRECISION: Quantity = Quantity::share("precision", "precision", 3);
const RECALL: Quantity = Quantity::share("recall", "recall", 3);
const F1: Quantity = Quantity::share("f1", "F1", 3);
const NORMAL_ACCURACY: Quantity = Quantity::share("normal_accuracy", "accuracy", 3);
const NORMAL_PRECISION: Quantity = Quantity::share("normal_precision", "precision", 3);
const NORMAL_RECALL: Quantity = Quantity::share("normal_recall", "recall", 3);
const NORMAL_F1: Quantity = Quantity::share("normal_f1", "F1", 3);
const TRUE_POSITIVES: Quantity = Quantity::positive("true_positives", "anomalies flagged", 0);
const FALSE_NEGATIVES: Quantity = Quantity::positive("false_negatives", "anomalies missed", 0);
const FALSE_POSITIVES: Quantity = Quantity::positive("false_positives", "normal flagged", 0);
const TRUE_NEGATIVES: Quantity = Quantity::positive("true_negatives", "normal passed", 0);

type Values = Vec<(Quantity, f64)>;

fn values(outcome: &Outcome) -> Values {
    let Outcome { threshold, confusion, auroc, auprc, .. } = outcome;
    vec![
        (THRESHOLD, *threshold),
        (ACCURACY, confusion.accuracy()),
        (PRECISION, confusion.precision()),
        (RECALL, confusion.recall()),
        (F1, confusion.f1()),
        (AUROC, *auroc),
        (AUPRC, *auprc),
    ]
}

fn normal_values(outcome: &Outcome) -> Values {
    let normal = outcome.confusion.normal_as_positive();
    vec![
        (NORMAL_ACCURACY, normal.accuracy()),
        (NORMAL_PRECISION, normal.precision()),
        (NORMAL_RECALL, normal.recall()),
        (NORMAL_F1, normal.f1()),
    ]
}

fn counts(outcome: &Outcome) -> Values {
    let c = &outcome.confusion;
    vec![
        (TRUE_POSITIVES, c.true_positives as f64),
        (FALSE_NEGATIVES, c.false_negatives as f64),
        (FALSE_POSITIVES, c.false_positives as f64),
        (TRUE_NEGATIVES, c.true_negatives as f64),
    ]
}

pub(super) fn report(
    evaluation: &mut Evaluation,
    protocol: &Protocol,
    outcomes: &[(u64, Outcome)],
    baselines: &[(Baseline, Vec<(u64, Outcome)>)],
) -> Result<(), EvaluationError> {
    let Protocol { name, title, note, .. } = protocol;
    let shares = || outcomes.iter().map(|(_, o)| o.prevalence);
    let (low, high) = (shares().fold(1.0, f64::min), shares().fold(0.0, f64::max));
    let chance = if high - low < 1e-9 { format!("{low:.3}") } else { format!("{low:.3} to {high:.3}") };
    let note = format!(
        "{note} {SPREAD} A random ranking has an AUROC of 0.5 and an AUPRC of {chance}, the share of anomalies."
    );
    for (of, title, note) in [
        (values as fn(&Outcome) -> Values, format!("{title}: anomaly is the positive class"), note),
        (counts, format!("{title}: confusion matrix"), String::new()),
        (
            normal_values,
            format!("{title}: normal is the positive class"),
            "The same decisions, counted as in the articles: precision and recall are of the normal beats."
                .into(),
        ),
    ] {
        let figures = over_seeds(outcomes, of);
        evaluation.tables.push(figures.by_seed(title, note)?);
        figures.enter(&mut evaluation.metrics, name)?;
    }
    let mut rivals = vec![("autoencoder".to_string(), over_seeds(outcomes, values))];
    for (baseline, outcomes) in baselines {
        let figures = over_seeds(outcomes, values);
        figures.enter(&mut evaluation.metrics, &format!("{name}/{}", key(*baseline)))?;
        rivals.push((super::rivals::name(*baseline), figures));
    }
    evaluation.tables.push(comparison(title, &rivals)?);
    for (seed, outcome) in outcomes {
        evaluation.metrics.insert(format!("{name}/seed{seed}/prevalence"), outcome.prevalence);
    }
    Ok(())
}

fn over_seeds(outcomes: &[(u64, Outcome)], of: fn(&Outcome) -> Values) -> Figures {
    let mut figures = Figures::default();
    for (seed, outcome) in outcomes {
        for (quantity, value) in of(outcome) {
            figures.push(*seed, &quantity, value);
        }
    }
    figures
}

fn comparison(title: &str, rivals: &[(String, Figures)]) -> Result<ResultTable, EvaluationError> {
    let quantities = [ACCURACY, F1, AUROC, AUPRC];
    let mut rows = Vec::new();
    for (name, figures) in rivals {
        let mut row = vec![name.clone()];
        row.extend(figures.cells(&quantities)?);
        rows.push(row);
    }
    Ok(ResultTable {
        title: format!("{title}: comparison with detectors without a network"),
        columns: spread::columns(&["detector"], &quantities),
        rows,
        note: "All detectors learn from the same training beats and use the same threshold rule. The median row and the mean \
               row predict the same reconstruction for every beat: a detector that does no better has only learned what a \
               typical beat looks like."
            .into(),
    })
}
