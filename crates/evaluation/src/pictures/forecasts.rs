//! Held-out samples beside what a model forecasts of them: videos frame by frame, series as curves.

use super::entry;
use super::units::{MAX_CHANNELS, Units};
use crate::held_out::strided;
use ae_datasets::SampleShape;
use ae_models::Forecaster;
use ae_report::ReportError;
use ae_report::gallery::Gallery;
use ae_report::picture;
use ae_tensor::Tensor;
use ae_training::experiment::Run;
use ndarray::{Array4, Axis, s};

/// Videos; each has a row for its own frames and one for those that are forecast.
const VIDEOS: usize = 3;
/// Frames of a video that are shown.
const MAX_FRAMES: usize = 10;
/// Series.
const SERIES: usize = 6;

/// Draws samples spread evenly over the held-out rows.
///
/// # Errors
/// The picture cannot be written.
pub(super) fn forecasts(
    run: &Run,
    forecaster: &dyn Forecaster,
    gallery: &Gallery,
) -> Result<(), ReportError> {
    let test = &run.splits.test;
    if test.is_empty() {
        return Ok(());
    }
    let units = Units::of(&run.splits);
    let given = forecaster.given();
    // The given steps, and after them what is forecast.
    let continued = |truth: &Tensor| {
        let known = truth.narrow(1, 0, given);
        Tensor::cat(&[&known, &forecaster.forecast(&known).to_kind(truth.kind())], 1)
    };
    let entry = |caption: &str| entry("forecasts.png", 22, "Forecasts", caption);
    match run.splits.dataset.shape {
        SampleShape::Video { steps, .. } => {
            let truth = strided(test, VIDEOS).values;
            let forecast = continued(&truth);
            let n = truth.size()[0] as usize;
            let shown = shown_frames(steps);
            let frames = |videos: &Tensor, video: usize| -> Array4<f32> {
                units.tiles(&videos.narrow(0, video as i64, 1)).select(Axis(0), &shown)
            };
            let rows: Vec<(String, Array4<f32>)> = (0..n)
                .flat_map(|video| {
                    [("true", &truth), ("forecast", &forecast)]
                        .map(|(what, videos)| (format!("{}, {what}", video + 1), frames(videos, video)))
                })
                .collect();
            let views: Vec<_> = rows.iter().map(|(label, images)| (label.as_str(), images.view())).collect();
            let caption = format!(
                "{n} held-out videos: the first {given} of {steps} frames are given in both rows, the others are forecast in the \
                 second.{}",
                if shown.len() < steps { " Frames are evenly spaced." } else { "" }
            );
            gallery.add(entry(&caption), |path| picture::image_rows(path, &views))
        }
        SampleShape::Sequence { steps, features } => {
            let truth = strided(test, SERIES).values;
            let n = truth.size()[0] as usize;
            let channels = features.min(MAX_CHANNELS);
            let [original, forecast] = [&truth, &continued(&truth)].map(|samples| {
                let rows = units.rows(samples).into_shape_with_order((n, steps, features));
                rows.expect("a series has as many values as its shape").slice_move(s![.., .., ..channels])
            });
            let caption = format!(
                "{n} held-out series: the first {given} of {steps} steps are given, the others are forecast; the shaded area is \
                 the error."
            );
            let titles: Vec<String> = (1..=n).map(|number| format!("series {number}")).collect();
            let names = units.names("channel", features).into_iter().take(channels).collect::<Vec<_>>();
            gallery.add(entry(&caption), |path| match channels {
                1 => picture::series_pairs(
                    path,
                    original.index_axis(Axis(2), 0),
                    forecast.index_axis(Axis(2), 0),
                    &titles,
                ),
                _ => picture::channel_pairs(path, original.view(), forecast.view(), &titles, &names),
            })
        }
        SampleShape::Vector { .. } | SampleShape::Image { .. } => Ok(()),
    }
}

/// At most [`MAX_FRAMES`] of `steps` frames, evenly spaced up to the last.
fn shown_frames(steps: usize) -> Vec<usize> {
    let n = steps.min(MAX_FRAMES);
    (1..=n).map(|at| at * steps / n - 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_frames_reach_the_last() {
        assert_eq!(shown_frames(20), [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
        assert_eq!(shown_frames(3), [0, 1, 2]);
    }
}
