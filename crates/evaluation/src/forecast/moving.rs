//! Moving digits: what ten frames say about the next ten.

use super::problem::forecaster;
use super::simple::Ridge;
use super::wanted;
use crate::contest::Contest;
use crate::context::Context;
use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::held_out;
use crate::spread::Quantity;
use ae_datasets::SampleShape;
use ae_models::Batch;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture::{self, Line};
use ae_tensor::{Kind, Likelihood, Tensor, array, tch};
use ae_training::Split;
use ae_training::experiment::Run;
use ndarray::{Array4, Array5, Ix5};

/// Presets that forecast moving digits, all with the same sequences, and their names in the table.
pub(super) const PRESETS: [(&str, &str); 2] =
    [("composite", "composite LSTM"), ("conv_lstm", "convolutional LSTM")];
/// Sequences that are forecast at once.
const BATCH: usize = 100;
/// Training sequences that the simple methods learn from.
const LEARNED: usize = 2000;
/// The linear model sees so many of the last given frames: from two, it can tell a velocity.
const FRAMES_SEEN: i64 = 2;
/// Pixels of a frame above which a linear model of all pixels takes too long.
const MAX_LINEAR_PIXELS: i64 = 1024;
/// Probabilities of the simple methods are kept this far from 0 and 1, where a single pixel would cost everything.
const MARGIN: f64 = 1e-3;
/// Probabilities of a model are kept this far, which single precision can tell from 1.
const MODEL_MARGIN: f64 = 1e-6;
/// Videos in the animation, and seconds of a frame.
const VIDEOS: usize = 8;
const SECONDS: f64 = 0.2;

const NATS: Quantity = Quantity::new("nats", "nats a frame", 1);
const SQUARES: Quantity = Quantity::positive("squared_error", "squared error a frame", 2);
const FIRST: Quantity = Quantity::new("nats_first", "nats, first", 1);
const LAST: Quantity = Quantity::new("nats_last", "nats, last", 1);
const FIGURES: [Quantity; 4] = [NATS, SQUARES, FIRST, LAST];

/// Figures of forecast frames, each a mean over sequences.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frames {
    /// Binary cross-entropy of each frame, summed over its pixels, in nats.
    pub(crate) nats: Vec<f64>,
    /// Squared error of each frame, summed over its pixels.
    pub(crate) squares: Vec<f64>,
}

impl Frames {
    /// Means over all frames.
    pub(crate) fn means(&self) -> [f64; 2] {
        [&self.nats, &self.squares].map(|all| all.iter().sum::<f64>() / all.len().max(1) as f64)
    }

    fn reached(&self) -> Vec<(Quantity, f64)> {
        let [nats, squares] = self.means();
        let (first, last) = (self.nats[0], self.nats[self.nats.len() - 1]);
        vec![(NATS, nats), (SQUARES, squares), (FIRST, first), (LAST, last)]
    }
}

/// A sequence's frames as given and future pixels, `[B, T, P]`.
fn split(batch: &Batch, given: i64) -> [Tensor; 2] {
    let values = batch.values.flatten(2, -1);
    [values.narrow(1, 0, given), values.narrow(1, given, values.size()[1] - given)]
}

/// Judges forecasts, probabilities `[B, H, P]` of the batch that they are asked for, on all rows of a split; they are
/// kept `margin` away from 0 and 1.
pub(crate) fn judge(split_of: &Split, given: i64, margin: f64, ask: impl Fn(&Batch) -> Tensor) -> Frames {
    let mut sums: Option<[Tensor; 2]> = None;
    for batch in split_of.in_order(BATCH) {
        let [_, truth] = split(&batch, given);
        let said = ask(&batch).clamp(0.0, 1.0);
        let size = truth.size();
        let logits = said.clamp(margin, 1.0 - margin).logit(None);
        let flat = |tensor: &Tensor| tensor.reshape([-1, size[2]]);
        let nats = Likelihood::Bernoulli.negative_log_prob_per_value(&flat(&logits), &flat(&truth));
        let sum = |values: &Tensor| {
            values.view(size.as_slice()).sum_dim_intlist([0i64, 2].as_slice(), false, Kind::Double)
        };
        let new = [sum(&nats), sum(&(said - &truth).square())];
        sums = Some(match sums {
            None => new,
            Some([nats, squares]) => [nats + &new[0], squares + &new[1]],
        });
    }
    let n = split_of.len().max(1) as f64;
    let [nats, squares] = sums.map(|sums| sums.map(|sum| array::to_vec(&(sum / n)))).unwrap_or_default();
    Frames { nats, squares }
}

/// A model's figures on the test sequences of its run.
///
/// # Errors
/// The model does not forecast, its samples are not images over time, or there are no test sequences.
pub(crate) fn of_model(run: &Run) -> Result<Frames, EvaluationError> {
    let model = forecaster(run)?;
    if !matches!(run.splits.dataset.shape, SampleShape::Video { .. }) {
        let (set, missing) = (run.splits.dataset.name.clone(), "images over time");
        return Err(EvaluationError::Data { set, missing, remedy: "choose data.set = \"moving-mnist\"" });
    }
    let ask = |batch: &Batch| forecast(model, batch).flatten(2, -1);
    Ok(judge(held_out::test(run)?, model.given(), MODEL_MARGIN, ask))
}

fn forecast(model: &dyn ae_models::Forecaster, batch: &Batch) -> Tensor {
    tch::no_grad(|| model.forecast(&batch.values.narrow(1, 0, model.given())))
}

/// What simple methods learn from the first training sequences.
pub(crate) struct Simple {
    given: i64,
    /// `[1, H, P]`: the mean of each pixel.
    mean: Tensor,
    /// `[1, H, 1]` each: slope and height of the line from a pixel of the last given frame to the same pixel later.
    line: [Tensor; 2],
    ridge: Option<Ridge>,
}

impl Simple {
    pub(crate) fn fit(train: &Split, given: i64) -> Self {
        let [seen, future] = split(&train.rows(0, train.len().min(LEARNED)), given);
        let mean = future.mean_dim([0i64].as_slice(), true, None::<Kind>);
        let last = seen.narrow(1, given - 1, 1);
        let over = |values: &Tensor| values.mean_dim([0i64, 2].as_slice(), true, None::<Kind>);
        let (mean_last, mean_future) = (over(&last), over(&future));
        let covariance = over(&((&last - &mean_last) * (&future - &mean_future)));
        let slope = covariance / over(&(&last - &mean_last).square());
        let height = mean_future - &slope * mean_last;
        Simple { given, mean, line: [slope, height], ridge: None }
    }

    /// The same with the linear model, if frames are small enough for one.
    fn with_linear(self, train: &Split) -> Self {
        let [seen, future] = split(&train.rows(0, train.len().min(LEARNED)), self.given);
        let ridge = (future.size()[2] <= MAX_LINEAR_PIXELS)
            .then(|| Ridge::fit(&Self::linear_input(&seen, self.given), &future.flatten(1, -1)));
        Simple { ridge, ..self }
    }

    fn linear_input(seen: &Tensor, given: i64) -> Tensor {
        let frames = FRAMES_SEEN.min(given);
        seen.narrow(1, given - frames, frames).flatten(1, -1)
    }

    /// The last given frame, each pixel moved towards the mean as far as pays on the training sequences: `[B, H, P]`.
    pub(crate) fn faded(&self, batch: &Batch) -> Tensor {
        let [seen, _] = split(batch, self.given);
        seen.narrow(1, self.given - 1, 1) * &self.line[0] + &self.line[1]
    }

    /// Name, title and forecasts of each method.
    fn methods(&self) -> Vec<Method<'_>> {
        let mean = |batch: &Batch| self.mean.expand([batch.len(), -1, -1], false).contiguous();
        let persistence = |batch: &Batch| {
            let [seen, future] = split(batch, self.given);
            seen.narrow(1, self.given - 1, 1).expand_as(&future).contiguous()
        };
        let mut methods: Vec<Method<'_>> = vec![
            ("mean", "mean of training", Box::new(mean)),
            ("persistence", "persistence", Box::new(persistence)),
            ("faded", "persistence, faded", Box::new(|batch| self.faded(batch))),
        ];
        if let Some(ridge) = &self.ridge {
            let linear = |batch: &Batch| {
                let [seen, future] = split(batch, self.given);
                ridge.forecast(&Self::linear_input(&seen, self.given)).view(future.size().as_slice())
            };
            methods.push(("linear", "linear, two frames", Box::new(linear)));
        }
        methods
    }
}

/// Name, title and forecasts of a method.
type Method<'a> = (&'static str, &'static str, Box<dyn Fn(&Batch) -> Tensor + 'a>);

/// Evaluates both presets; returns the description of the method.
pub(super) fn evaluate(context: &mut Context<'_>, draft: &mut Draft) -> Result<String, EvaluationError> {
    let mut contest = Contest::default();
    let mut lines = Vec::new();
    let mut videos: Vec<(&str, Tensor)> = Vec::new();
    for seed in context.seeds.clone() {
        let is_first = seed == context.seeds[0];
        for (at, (preset, title)) in PRESETS.into_iter().enumerate() {
            let run = draft.trained(context, &wanted(preset, seed)?)?;
            let (test, model) = (held_out::test(&run)?, forecaster(&run)?);
            let given = model.given();
            if at == 0 {
                let simple = Simple::fit(&run.splits.train, given).with_linear(&run.splits.train);
                for (name, title, ask) in simple.methods() {
                    let frames = judge(test, given, MARGIN, ask);
                    contest.push(name, title, seed, &frames.reached());
                    if is_first {
                        lines.push(line(title, &frames));
                    }
                }
            }
            let frames = of_model(&run)?;
            contest.push(preset, title, seed, &frames.reached());
            if is_first {
                lines.push(line(title, &frames));
                let batch = test.rows(0, VIDEOS.min(test.len()));
                let seen = batch.values.narrow(1, 0, given);
                if at == 0 {
                    videos.push(("true", batch.values.shallow_clone()));
                }
                videos.push((title, Tensor::cat(&[seen, forecast(model, &batch)], 1)));
            }
        }
    }
    draw(&draft.gallery, &lines, &videos)?;
    contest.enter(&mut draft.evaluation.metrics, "moving/")?;
    let note = "Sums over the pixels of a frame, means over frames and sequences; lower is better.";
    draft.evaluation.tables.push(contest.table(
        "The next frames of moving digits",
        &FIGURES,
        &NATS,
        true,
        note,
    )?);
    Ok(format!(
        "Frames, sequences and training as the tier `cpu` of the presets has them, far less than in the papers: compare the \
         rows with one another, not with published figures. The cross-entropy is that of each pixel as the probability of \
         white; simple methods keep {MARGIN} away from 0 and 1, without which a digit that is not where it was would cost \
         without end. Persistence, faded, is the line from a pixel of the last given frame to the same pixel later; the \
         linear model is a ridge regression of all pixels on the last two given frames. Both learn from {LEARNED} training \
         sequences. Test sequences are the same for every seed, and their digits are in no training sequence."
    ))
}

fn line(title: &str, frames: &Frames) -> Line {
    Line {
        name: title.into(),
        points: (1..).map(f64::from).zip(frames.nats.iter().copied()).collect(),
        labels: Vec::new(),
    }
}

fn draw(gallery: &Gallery, lines: &[Line], videos: &[(&str, Tensor)]) -> Result<(), EvaluationError> {
    let entry = |file: &str, order: u32, title: &str, caption: &str| Entry {
        file: file.into(),
        order,
        title: title.into(),
        caption: caption.into(),
    };
    let caption = "The first held-out sequence: every second frame, what is given and then what follows or is forecast.";
    let frames = |video: &Tensor| -> Array4<f32> {
        let video = video.get(0);
        let every_second = Tensor::arange_start_step(1, video.size()[0], 2, (Kind::Int64, video.device()));
        array::to_images(&video.index_select(0, &every_second))
    };
    let strips: Vec<(&str, Array4<f32>)> =
        videos.iter().map(|(name, video)| (*name, frames(video))).collect();
    let views: Vec<_> = strips.iter().map(|(name, images)| (*name, images.view())).collect();
    gallery
        .add(entry("strip.png", 10, "What comes next", caption), |path| picture::image_rows(path, &views))?;
    let caption =
        "Held-out sequences, animated: the first half is given, the second half is true or forecast.";
    let movies: Vec<(&str, Array5<f32>)> = videos
        .iter()
        .map(|(name, video)| {
            let values = array::to_array(&video.clamp(0.0, 1.0)).into_dimensionality::<Ix5>();
            (*name, values.expect("videos are [N, T, C, H, W]"))
        })
        .collect();
    let views: Vec<_> = movies.iter().map(|(name, videos)| (*name, videos.view())).collect();
    gallery.add(entry("moving.png", 5, "Moving digits", caption), |path| {
        picture::animated_rows(path, &views, SECONDS)
    })?;
    let caption = "Cross-entropy of each frame to forecast, summed over its pixels.";
    let shown: Vec<Line> = lines.iter().filter(|line| line.name != "persistence").cloned().collect();
    gallery.add(entry("nats.png", 20, "Cross-entropy by frame", caption), |path| {
        picture::lines(path, "frame after the given ones", "nats", &shown)
    })?;
    Ok(())
}
