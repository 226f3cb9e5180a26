//! `ae eval benchmark`: the detector that `ae detect fit` makes by default, beside others, on public sets with labels.
//!
//! Tables are those of ADBench (Han et al., NeurIPS 2022), ECG5000 and NSL-KDD; series are those of the Numenta Anomaly
//! Benchmark, SKAB and the UCR archive. Every detector learns from the same normal rows. Labels are used to judge only,
//! nothing is set for a single set, and what is measured is what the command makes. Ranks and their critical difference
//! are those of Demšar (2006).

mod contenders;
mod memory;
mod peers;
mod problems;
mod results;

use self::contenders::Own;
use self::peers::Peers;
use self::problems::Source;
use self::results::Results;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::outcome::Evaluation;
use crate::tasks::{OptionValues, RunTask};
pub(crate) use ae_catalogue::tasks::BENCHMARK as TASK;
use ae_records::names::nearest;
use std::path::PathBuf;

pub(crate) const RUN: RunTask = run;

/// Which sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suite {
    Tabular,
    Series,
}

impl Suite {
    const ALL: [(&str, Suite); 2] = [("tabular", Suite::Tabular), ("series", Suite::Series)];

    fn of(name: &str) -> Result<Self, EvaluationError> {
        let found = Suite::ALL.iter().find(|(known, _)| *known == name);
        let unknown = || EvaluationError::Choice {
            option: "suite",
            got: name.into(),
            nearest: String::new(),
            legal: "tabular or series".into(),
        };
        found.map(|(_, suite)| *suite).ok_or_else(unknown)
    }

    fn name(self) -> &'static str {
        match self {
            Suite::Tabular => "tabular",
            Suite::Series => "series",
        }
    }
}

fn run(context: &mut Context<'_>, options: &OptionValues) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let mut draft = Evaluation::begin(context, &TASK)?;
    let suite = Suite::of(options.one("suite").unwrap_or("tabular"))?;
    let wanted = options.all("set");
    let peers = options.one("peers").map(|python| Peers::find(python, suite)).transpose()?;
    let network_seeds = options.one("network-seeds").map(count).transpose()?.unwrap_or(usize::MAX);
    if !wanted.is_empty() {
        let known = problems::names(suite, context)?;
        if let Some(name) = wanted.iter().find(|name| !known.contains(name)) {
            return Err(EvaluationError::Choice {
                option: "set",
                got: name.clone(),
                nearest: nearest(name, &known)
                    .first()
                    .map(|near| format!("; did you mean `{near}`?"))
                    .unwrap_or_default(),
                legal: known.join(", "),
            });
        }
    }
    draft.evaluation.title = match suite {
        Suite::Tabular => "Anomaly detection on public tables".into(),
        Suite::Series => "Anomaly detection in public series".into(),
    };
    draft.evaluation.command = command(context, options);
    let mut results = Results::new(suite);
    let seeds = context.seeds.clone();
    let sources = Source::all(suite, wanted, context)?;
    for (at, source) in sources.iter().enumerate() {
        for (nth, &seed) in seeds.iter().enumerate() {
            context.observer.on_note(&format!(
                "{}, {} of {}: seed {seed}",
                source.name(),
                at + 1,
                sources.len()
            ));
            let problem = source.problem(context, seed)?;
            let own = match contenders::all(context, &problem, seed) {
                // What `ae detect fit` refuses, such as a column that never changes, has no scores.
                Err(EvaluationError::Fit(error)) => {
                    tracing::warn!("{} is left out: {error}", source.name());
                    results.leave_out(source.name());
                    break;
                }
                own => own?,
            };
            let Own { mut outcomes, encoded, window } = own;
            if let Some(peers) = &peers {
                let numbers = problem.numbers.as_ref().unwrap_or(&encoded);
                let (more, failed) = peers.judge(numbers, window, seed, nth < network_seeds)?;
                outcomes.extend(more);
                failed.iter().for_each(|line| tracing::warn!("{}: {line}", problem.name));
            }
            results.add(&problem, seed, &outcomes)?;
        }
    }
    results.report(&mut draft.evaluation, &draft.gallery)?;
    draft.finish(METHOD)
}

/// A number of seeds.
fn count(text: &str) -> Result<usize, EvaluationError> {
    let wrong = |_| EvaluationError::Choice {
        option: "network-seeds",
        got: text.into(),
        nearest: String::new(),
        legal: "a number of seeds, such as 1".into(),
    };
    text.parse().map_err(wrong)
}

fn command(context: &Context<'_>, options: &OptionValues) -> String {
    let suite = options.one("suite").map(|suite| format!(" --suite {suite}"));
    let sets = options.all("set").iter().map(|name| format!(" --set {name}"));
    let peers = options.one("peers").map(|python| format!(" --peers {python}"));
    let networks = options.one("network-seeds").map(|n| format!(" --network-seeds {n}"));
    let more: String = suite.into_iter().chain(sets).chain(peers).chain(networks).collect();
    format!("{}{more}", context.command("benchmark"))
}

const METHOD: &str = "Each table: half of its normal rows (at most 10,000, drawn by the seed) to learn from; the other \
    half and all anomalies (at most 10,000 together) to judge. ECG5000 and NSL-KDD have a split of their own. Each series: \
    its benchmark's training part to learn from, all later points to judge, each by the window that ends with it. Every \
    detector learns from the same rows, without labels and with its defaults. The default detector of `ae detect fit` \
    calibrates its threshold on part of them, on a short series on scores that four further detectors give to parts that \
    they have not learned from. Labels are used to judge only.";

#[cfg(test)]
mod tests;
