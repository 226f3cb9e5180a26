//! The pictures of the articles' protocol: errors with the threshold, and beats with their reconstructions.

use super::Protocol;
use crate::error::EvaluationError;
use ae_anomaly::CalibratedScorer;
use ae_report::gallery::{Entry, Gallery};
use ae_report::picture;
use ae_training::experiment::Run;

/// Beats of each class in the picture.
const SHOWN_BEATS: usize = 3;

/// Draws the errors of the test beats, and the first beats of both classes.
pub(super) fn draw(
    gallery: &Gallery,
    protocol: &Protocol,
    place: u32,
    run: &Run,
    detector: &CalibratedScorer,
    scores: &[f64],
    truth: &[bool],
) -> Result<(), EvaluationError> {
    let Protocol { name, title, .. } = protocol;
    let seed = run.record.seed;
    let of = |class: bool| -> Vec<usize> { (0..truth.len()).filter(|&row| truth[row] == class).collect() };
    let scores_of = |class| of(class).into_iter().map(|row| scores[row]).collect::<Vec<_>>();
    let threshold = detector.calibration().threshold();
    let entry = |what: &str, order: u32, title: String, caption: String| Entry {
        file: format!("{name}-{what}.png"),
        order: place * 10 + order,
        title,
        caption,
    };
    let caption = format!(
        "Errors of the test beats, seed {seed}. The dashed line is the threshold, set on training beats only. Bars are \
         percentages of each class."
    );
    gallery.add(entry("errors", 1, format!("{title}: errors"), caption), |path| {
        picture::score_histograms(
            path,
            &scores_of(false),
            &scores_of(true),
            threshold.value(),
            "reconstruction error",
        )
    })?;

    let shown: Vec<usize> =
        [false, true].into_iter().flat_map(|class| of(class).into_iter().take(SHOWN_BEATS)).collect();
    let originals = run.splits.test.samples().select(&shown);
    let Some(rebuilt) = detector.scorer().reconstruct(&originals)? else { return Ok(()) };
    let flagged = threshold.flag(scores);
    let titles: Vec<String> = shown
        .iter()
        .map(|&row| {
            let class = if truth[row] { "anomalous" } else { "normal" };
            let verdict = if flagged[row] { "flagged" } else { "passed" };
            format!("{class}: error {:.3}, {verdict}", scores[row])
        })
        .collect();
    let caption = format!(
        "The first {SHOWN_BEATS} normal and the first {SHOWN_BEATS} anomalous test beats with their reconstructions, seed \
         {seed}. The shaded area is the error."
    );
    gallery.add(entry("beats", 2, format!("{title}: beats"), caption), |path| {
        picture::series_pairs(path, originals.values.view(), rebuilt.view(), &titles)
    })?;
    Ok(())
}
