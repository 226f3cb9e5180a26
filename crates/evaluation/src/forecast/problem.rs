//! What is to be forecast: rows of which the first values are given, the same for every method.

use crate::error::EvaluationError;
use ae_metrics::{conformal_radius, mae, mse};
use ae_models::Forecaster;
use ae_tensor::{Tensor, array, tch};
use ae_training::Split;
use ae_training::experiment::Run;
use ndarray::Array2;

/// Coverage that intervals promise.
pub(crate) const COVERAGE: f64 = 0.9;
/// Rows that a model forecasts at once.
const BATCH: i64 = 500;

/// Rows of one part.
#[derive(Debug)]
pub(crate) struct Part {
    /// `[N, G]`.
    pub(crate) given: Tensor,
    /// `[N, H]`, what follows.
    pub(crate) future: Tensor,
    /// `[N, H]`, the values one season before the future ones, for series that have a season.
    pub(crate) season: Option<Tensor>,
}

/// Training rows, rows for intervals, and rows to judge on.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) train: Part,
    pub(crate) calibration: Part,
    pub(crate) test: Part,
}

/// What a method says of the rows of two parts, each `[N, H]`.
#[derive(Debug)]
pub(crate) struct Forecasts {
    pub(crate) calibration: Tensor,
    pub(crate) test: Tensor,
}

/// How good forecasts are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    /// Mean squared error over all test rows and steps.
    pub(crate) mse: f64,
    /// Mean absolute error.
    pub(crate) mae: f64,
    /// Share of the values of test rows within the intervals that promise [`COVERAGE`].
    pub(crate) coverage: f64,
    /// Mean width of these intervals.
    pub(crate) width: f64,
    /// Half the width of the interval at each step.
    pub(crate) radii: Vec<f64>,
}

impl Part {
    /// Rows `[N, T]` of which the first values are given.
    pub(crate) fn of(rows: &Tensor, given: i64) -> Self {
        let rows = rows.flatten(1, -1);
        let future = rows.narrow(1, given, rows.size()[1] - given);
        Part { given: rows.narrow(1, 0, given), future, season: None }
    }

    /// A model's forecasts, `[N, H]`.
    pub(crate) fn forecast(&self, model: &dyn Forecaster) -> Tensor {
        let n = self.given.size()[0];
        let batch = |start: i64| {
            let given = self.given.narrow(0, start, BATCH.min(n - start)).unsqueeze(-1);
            tch::no_grad(|| model.forecast(&given)).flatten(1, -1)
        };
        Tensor::cat(&(0..n).step_by(BATCH as usize).map(batch).collect::<Vec<_>>(), 0)
    }
}

/// The model of a run as a forecaster.
///
/// # Errors
/// It is none.
pub(crate) fn forecaster(run: &Run) -> Result<&dyn Forecaster, EvaluationError> {
    run.model.as_forecaster().ok_or_else(|| EvaluationError::Unsuited {
        measure: "forecast",
        variant: run.experiment.model.name().into(),
        missing: "decoder of what comes next",
    })
}

impl Problem {
    /// The rows of a run on series of one feature; its validation rows calibrate the intervals.
    ///
    /// # Errors
    /// The model does not forecast, or there are no validation or test rows.
    pub(crate) fn of_run(run: &Run) -> Result<Self, EvaluationError> {
        let given = forecaster(run)?.given();
        let part = |split: &Split, missing: &'static str, remedy: &'static str| {
            if split.is_empty() {
                let set = run.splits.dataset.name.clone();
                return Err(EvaluationError::Data { set, missing, remedy });
            }
            Ok(Part::of(split.values(), given))
        };
        Ok(Problem {
            train: part(&run.splits.train, "training rows", "see data.max_train")?,
            calibration: part(&run.splits.validation, "validation rows", "set data.validation")?,
            test: part(&run.splits.test, "test rows", "see data.test")?,
        })
    }

    /// Asks a method for both parts.
    pub(crate) fn ask(&self, method: impl Fn(&Part) -> Tensor) -> Forecasts {
        Forecasts { calibration: method(&self.calibration), test: method(&self.test) }
    }

    /// Judges forecasts. Each step has an interval of its own, from the errors on the calibration rows.
    ///
    /// # Errors
    /// Fewer than 9 calibration rows, no test rows, or a forecast that is not finite.
    pub(crate) fn judge(&self, forecasts: &Forecasts) -> Result<Judged, EvaluationError> {
        let rows = |tensor: &Tensor| array::to_rows(tensor);
        let (truth, said) = (rows(&self.test.future), rows(&forecasts.test));
        let misses: Array2<f32> = rows(&forecasts.calibration) - rows(&self.calibration.future);
        let radius = |errors: ndarray::ArrayView1<'_, f32>| {
            let errors: Vec<f64> = errors.iter().map(|error| f64::from(error.abs())).collect();
            conformal_radius(&errors, COVERAGE).map_err(EvaluationError::metric("interval"))
        };
        let radii = misses.columns().into_iter().map(radius).collect::<Result<Vec<f64>, _>>()?;
        let mut held = 0usize;
        for (truth, said) in truth.rows().into_iter().zip(said.rows()) {
            let within =
                |((truth, said), radius): ((&f32, &f32), &f64)| f64::from((truth - said).abs()) <= *radius;
            held += truth.iter().zip(said).zip(&radii).filter(|&it| within(it)).count();
        }
        Ok(Judged {
            mse: mse(&truth, &said).map_err(EvaluationError::metric("mse"))?,
            mae: mae(&truth, &said).map_err(EvaluationError::metric("mae"))?,
            coverage: held as f64 / truth.len().max(1) as f64,
            width: 2.0 * radii.iter().sum::<f64>() / radii.len().max(1) as f64,
            radii,
        })
    }
}
