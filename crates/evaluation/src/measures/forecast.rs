//! Measure: how good the forecasts of a model are, beside simple ones.

use super::Metrics;
use crate::context::Context;
use crate::error::EvaluationError;
use crate::forecast::moving::{Simple, judge, of_model};
use crate::forecast::problem::{Problem, forecaster};
use crate::forecast::simple::{self, Ridge};
use crate::held_out;
use ae_training::experiment::Run;

/// For series of one feature, over all test rows and steps:
///
/// - `mse`, `mae`, and `coverage`, the share of values within intervals that promise nine in ten;
/// - `to_linear`, `to_persistence`: the mean squared error as a multiple of a ridge regression's and of persistence's.
///
/// For images over time:
///
/// - `nats`, `squared_error`: cross-entropy and squared error of a frame, summed over its pixels;
/// - `to_faded`: the cross-entropy as a multiple of that of the last given frame, faded as far as pays.
///
/// # Errors
/// The model does not forecast, or there are no validation rows for the intervals or no test rows.
pub(super) fn measure(_: &mut Context<'_>, run: &Run) -> Result<Metrics, EvaluationError> {
    if !run.splits.is_dense() {
        let (frames, given) = (of_model(run)?, forecaster(run)?.given());
        let simple = Simple::fit(&run.splits.train, given);
        let [faded, _] = judge(held_out::test(run)?, given, 1e-3, |batch| simple.faded(batch)).means();
        let [nats, squares] = frames.means();
        return Ok(Metrics::from([
            ("nats".into(), nats),
            ("squared_error".into(), squares),
            ("to_faded".into(), nats / faded),
        ]));
    }
    let (problem, model) = (Problem::of_run(run)?, forecaster(run)?);
    let own = problem.judge(&problem.ask(|part| part.forecast(model)))?;
    let ridge = Ridge::fit(&problem.train.given, &problem.train.future);
    let linear = problem.judge(&problem.ask(|part| ridge.forecast(&part.given)))?;
    let persistence = problem.judge(&problem.ask(simple::persistence))?;
    Ok(Metrics::from([
        ("mse".into(), own.mse),
        ("mae".into(), own.mae),
        ("coverage".into(), own.coverage),
        ("to_linear".into(), own.mse / linear.mse),
        ("to_persistence".into(), own.mse / persistence.mse),
    ]))
}
