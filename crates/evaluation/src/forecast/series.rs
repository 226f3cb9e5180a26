//! Windows of the series of the Numenta Anomaly Benchmark: the next steps from those before.

use super::drawing;
use super::problem::{Part, Problem};
use super::{FIGURES, MSE, compare, enter, wanted};
use crate::contest::Contest;
use crate::context::Context;
use crate::draft::Draft;
use crate::error::EvaluationError;
use ae_anomaly::FitError;
use ae_datasets::{SampleShape, Samples, Series, nab};
use ae_models::Model;
use ae_tensor::{Device, Noise, array};
use ae_training::experiment::RunError;
use ae_training::{Experiment, Splits, TrainError, TrainOptions, train_with};
use ndarray::Array2;

/// Steps that are given.
const GIVEN: usize = 96;
/// Steps to forecast.
const HORIZON: usize = 24;
/// Where the training part and the calibration part end, as shares of a series.
const ENDS: [f64; 2] = [0.6, 0.8];
/// Windows of a part; more are thinned evenly.
const MAX_WINDOWS: usize = 500;
/// Passes over the training windows.
const EPOCHS: u64 = 20;
const DAY: f64 = 86_400.0;

/// Evaluates every series; returns the description of the method.
pub(super) fn evaluate(context: &mut Context<'_>, draft: &mut Draft) -> Result<String, EvaluationError> {
    let all = nab::load(context.sources, context.progress).map_err(RunError::from)?;
    for series in &all {
        let problem = windows(series);
        let mut contest = Contest::default();
        for seed in context.seeds.clone() {
            tracing::info!("{}, seed {seed}", series.name);
            let model = train(context, &problem, seed)?;
            let model = model.as_forecaster().expect("the preset's model forecasts");
            let entrants = compare(&problem, |part| part.forecast(model));
            for entrant in &entrants {
                enter(&mut contest, seed, entrant, &entrant.judge(&problem)?);
            }
            if seed == context.seeds[0] {
                drawing::series(&draft.gallery, &series.name, &problem, &entrants)?;
            }
        }
        contest.enter(&mut draft.evaluation.metrics, &format!("{}/", series.name))?;
        let title = format!("The next {HORIZON} steps from {GIVEN}, {}", series.name);
        let note = "In standard deviations of the training part; lower is better.";
        draft.evaluation.tables.push(contest.table(&title, &FIGURES, &MSE, true, note)?);
    }
    Ok(format!(
        "Four series of NAB as they are, anomalies included. The first 60 % of a series are to learn from, the next 20 % \
         for the intervals, and the last 20 % to be judged on, in the order of time; a window belongs to the part in \
         which the steps to forecast lie, and at most {MAX_WINDOWS} evenly spaced windows of a part are used. All methods \
         see {GIVEN} steps, except that the one of the same time a day before looks up that day. Intervals are split \
         conformal, one for each step; a series that changes does not keep their promise. The network is that of the \
         preset `{}`, with {EPOCHS} epochs.",
        super::PRESET
    ))
}

/// The windows of a series, standardised by its training part.
fn windows(series: &Series) -> Problem {
    let values: Vec<f64> = series.values.column(0).to_vec();
    let ends = ENDS.map(|share| (values.len() as f64 * share) as usize);
    let train = &values[..ends[0]];
    let mean = train.iter().sum::<f64>() / train.len() as f64;
    let variance = train.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / train.len() as f64;
    let std = variance.sqrt().max(f64::MIN_POSITIVE);
    let values: Vec<f32> = values.iter().map(|value| ((value - mean) / std) as f32).collect();
    let day = steps_per_day(series);
    let part = |from: usize, to: usize| {
        // The first step to forecast, with what is given and the same time a day before in front of it.
        let first = from.max(GIVEN).max(day);
        let starts: Vec<usize> = (first..(to + 1).saturating_sub(HORIZON)).collect();
        let kept = starts.len().min(MAX_WINDOWS);
        let starts: Vec<usize> = (0..kept).map(|at| starts[at * starts.len() / kept]).collect();
        let rows = |back: usize, width: usize| {
            let cut = |&start: &usize| values[start - back..start - back + width].to_vec();
            let all: Vec<f32> = starts.iter().flat_map(cut).collect();
            array::from_array(
                Array2::from_shape_vec((starts.len(), width), all).expect("windows of one width"),
            )
        };
        Part { given: rows(GIVEN, GIVEN), future: rows(0, HORIZON), season: Some(rows(day, HORIZON)) }
    };
    Problem {
        train: part(0, ends[0]),
        calibration: part(ends[0], ends[1]),
        test: part(ends[1], values.len()),
    }
}

/// Steps of a day, by the most common distance of two stamps; at least a forecast's, so that it never looks ahead.
fn steps_per_day(series: &Series) -> usize {
    let times = series.times.as_deref().unwrap_or_default();
    let mut steps: Vec<f64> =
        times.windows(2).map(|pair| pair[1] - pair[0]).filter(|&step| step > 0.0).collect();
    steps.sort_by(f64::total_cmp);
    let step = steps.get(steps.len() / 2).copied().unwrap_or(DAY / HORIZON as f64);
    ((DAY / step).round() as usize).max(HORIZON)
}

/// The preset's network, trained on the windows of a series.
fn train(context: &mut Context<'_>, problem: &Problem, seed: u64) -> Result<Box<dyn Model>, EvaluationError> {
    let overrides = [format!("model.composite.given={GIVEN}"), format!("training.epochs={EPOCHS}")];
    let text = ae_records::config::to_toml(&wanted(super::PRESET, seed)?.experiment);
    let experiment: Experiment = ae_records::config::load(super::PRESET, &text, &overrides)?;
    let rows = [&problem.train.given, &problem.train.future].map(array::to_rows);
    let rows =
        ndarray::concatenate(ndarray::Axis(1), &[rows[0].view(), rows[1].view()]).expect("as many rows");
    let none = Samples::empty(rows.ncols());
    let splits = Splits::of(Samples::complete(rows), none).map_err(RunError::from)?;
    let splits = splits.shaped(SampleShape::Sequence { steps: GIVEN + HORIZON, features: 1 });
    let noise = Noise::new(seed, 0, Device::Cpu);
    let model = experiment.model.initialise(&splits.summary, &noise).map_err(RunError::from)?;
    let options = TrainOptions {
        observer: Some(context.observer),
        stop: Some(context.stop),
        ..TrainOptions::default()
    };
    let outcome = train_with(&model, &splits, &experiment.training, options);
    if outcome.map_err(|error: TrainError| RunError::from(error))?.interrupted {
        return Err(FitError::Interrupted.into());
    }
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ramp of half-hourly steps, whose every value tells its place.
    fn ramp(n: usize) -> Series {
        Series {
            name: "ramp".into(),
            values: Array2::from_shape_fn((n, 1), |(at, _)| at as f64),
            times: Some((0..n).map(|at| at as f64 * 1800.0).collect()),
            n_train: 0,
            anomalies: vec![],
            files: vec![],
        }
    }

    #[test]
    fn windows_lie_in_the_order_of_time_and_a_season_is_a_day_before() {
        let series = ramp(1000);
        assert_eq!(steps_per_day(&series), 48);
        let problem = windows(&series);
        // Undoes the scale of the first 600 values.
        let std = ((600.0f64 * 600.0 - 1.0) / 12.0).sqrt();
        let places =
            |rows: &ae_tensor::Tensor| array::to_rows(rows).mapv(|v| (f64::from(v) * std + 299.5).round());
        let future = |part: &Part| places(&part.future);
        assert_eq!(future(&problem.train)[[0, 0]], 96.0);
        assert_eq!(future(&problem.train).iter().copied().fold(0.0, f64::max), 599.0);
        assert_eq!((future(&problem.calibration)[[0, 0]], future(&problem.test)[[0, 0]]), (600.0, 800.0));
        assert_eq!(future(&problem.calibration).iter().copied().fold(0.0, f64::max), 799.0);
        assert_eq!(future(&problem.test).iter().copied().fold(0.0, f64::max), 999.0);
        let season = places(problem.test.season.as_ref().unwrap());
        assert!(season.iter().zip(&future(&problem.test)).all(|(season, future)| future - season == 48.0));
        assert_eq!(places(&problem.test.given)[[0, 95]], 799.0);
        assert_eq!(windows(&ramp(30_000)).train.given.size()[0], MAX_WINDOWS as i64);
    }
}
