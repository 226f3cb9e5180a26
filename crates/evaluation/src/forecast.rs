//! `ae eval forecast`: the rest of a heartbeat, the next steps of a series, and what moving digits do next, beside what
//! people forecast with before they train a network.

mod drawing;
pub(crate) mod moving;
pub(crate) mod problem;
mod series;
pub(crate) mod simple;

use crate::contest::Contest;
use crate::context::{Context, Wanted};
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::outcome::Evaluation;
use crate::presets::Preset;
use crate::spread::{Quantity, SPREAD};
use crate::tasks::{OptionValues, RunTask};
pub(crate) use ae_catalogue::tasks::FORECAST as TASK;
use ae_records::names::{did_you_mean, nearest};
use ae_tensor::Tensor;
use ae_training::Tier;
use problem::{COVERAGE, Forecasts, Judged, Problem, forecaster};
use simple::Ridge;
use std::path::PathBuf;

pub(crate) const RUN: RunTask = |context, options| run(context, options);

const BEATS: &str = "ecg5000";
const SERIES: &str = "nab";
const DIGITS: &str = "moving-mnist";
/// The preset that forecasts beats, and with other steps the series.
const PRESET: &str = "composite-ecg";

pub(crate) const MSE: Quantity = Quantity::positive("mse", "MSE", 4);
const MAE: Quantity = Quantity::positive("mae", "MAE", 4);
const HELD: Quantity = Quantity::share("coverage", "held by 90 %", 3);
const WIDTH: Quantity = Quantity::positive("width", "width", 3);
const FIGURES: [Quantity; 4] = [MSE, MAE, HELD, WIDTH];

fn run(context: &mut Context<'_>, options: &OptionValues) -> Result<(Evaluation, PathBuf), EvaluationError> {
    let data = options.one("data").unwrap_or(BEATS);
    let mut draft = Evaluation::begin(context, &TASK)?;
    let method = match data {
        BEATS => beats(context, &mut draft)?,
        SERIES => series::evaluate(context, &mut draft)?,
        DIGITS => moving::evaluate(context, &mut draft)?,
        other => {
            let nearest = did_you_mean(&nearest(other, [BEATS, SERIES, DIGITS]));
            let legal = format!("{BEATS}, {SERIES} or {DIGITS}");
            return Err(EvaluationError::Choice { option: "data", got: other.into(), nearest, legal });
        }
    };
    draft.evaluation.command = format!("{} --data {data}", draft.evaluation.command);
    draft.finish(format!("{method} {SPREAD}"))
}

/// A preset as the tier `cpu` has it.
pub(crate) fn wanted(preset: &str, seed: u64) -> Result<Wanted, EvaluationError> {
    let settings = Preset::find(preset)?
        .load::<ae_training::Experiment>(&[])?
        .tier_overrides(Tier::Cpu)
        .unwrap_or_default();
    Wanted::preset(preset, &settings.iter().map(String::as_str).collect::<Vec<_>>(), seed)
}

fn beats(context: &mut Context<'_>, draft: &mut Draft) -> Result<String, EvaluationError> {
    let mut contest = Contest::default();
    let mut given = 0;
    for seed in context.seeds.clone() {
        let run = draft.trained(context, &wanted(PRESET, seed)?)?;
        let (problem, model) = (Problem::of_run(&run)?, forecaster(&run)?);
        given = model.given();
        let entrants = compare(&problem, |part| part.forecast(model));
        for entrant in &entrants {
            enter(&mut contest, seed, entrant, &entrant.judge(&problem)?);
        }
        if seed == context.seeds[0] {
            let names = run.splits.dataset.label_names.as_slice();
            drawing::beats(&draft.gallery, &problem, &entrants, run.splits.test.labels(), names)?;
            drawing::errors(&draft.gallery, &problem, &entrants)?;
        }
    }
    contest.enter(&mut draft.evaluation.metrics, "ecg5000/")?;
    draft.evaluation.tables.push(contest.table(
        &format!("The rest of a beat from its first {given} points, ECG5000"),
        &FIGURES,
        &MSE,
        true,
        "In the unit of the set, in which each beat has a mean of 0 and a variance of 1; lower is better, for the width of \
         the intervals, too, if they hold what they promise.",
    )?);
    Ok("All classes of beats, the UCR split: 400 beats to learn from and 100 for the intervals, drawn by the seed from \
        the training file, and 4,500 test beats. Each beat was scaled as a whole by those who made the set, so its first \
        points say something about the rest, for every method alike. Intervals are split conformal, one for each step. \
        The linear model is a ridge regression of all steps on all given points, whose penalty has the least error of \
        training beats left out one by one. There is no season to go by: a beat is one."
        .into())
}

/// A method and what it says.
pub(crate) struct Entrant {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) forecasts: Forecasts,
}

impl Entrant {
    fn judge(&self, problem: &Problem) -> Result<Judged, EvaluationError> {
        problem.judge(&self.forecasts)
    }
}

/// All methods on one problem; the network comes last.
fn compare(problem: &Problem, network: impl Fn(&problem::Part) -> Tensor) -> Vec<Entrant> {
    let ridge = Ridge::fit(&problem.train.given, &problem.train.future);
    tracing::info!("linear model with a penalty of {} times the mean variance", ridge.penalty);
    let entrant = |name, title, forecasts| Entrant { name, title, forecasts };
    let mut entrants = vec![
        entrant("mean", "mean of training", problem.ask(|part| simple::mean(&problem.train, part))),
        entrant("persistence", "persistence", problem.ask(simple::persistence)),
    ];
    if problem.test.season.is_some() {
        let season = |part: &problem::Part| part.season.as_ref().expect("all parts have one").shallow_clone();
        entrants.push(entrant("seasonal", "the same time a day before", problem.ask(season)));
    }
    entrants.push(entrant("linear", "linear (ridge)", problem.ask(|part| ridge.forecast(&part.given))));
    entrants.push(entrant("composite", "composite LSTM", problem.ask(network)));
    entrants
}

fn enter(contest: &mut Contest, seed: u64, entrant: &Entrant, judged: &Judged) {
    let reached = [(MSE, judged.mse), (MAE, judged.mae), (HELD, judged.coverage), (WIDTH, judged.width)];
    contest.push(entrant.name, entrant.title, seed, &reached);
}

/// What the heading of the coverage says.
const _: () = assert!(COVERAGE == 0.9);

#[cfg(test)]
mod tests;
