//! Windows: the channel is named, and its steps.

use crate::data::normal;
use crate::detectors::{check_explanation, fit, some_kinds};
use crate::{ALARMS, BAR, SHIFT};
use ae_anomaly::{FitConfig, Judgement};
use ae_intake::{InputConfig, LayoutChoice, ReadOptions, Reader};
use ae_records::seed::stream_rng;
use rand::RngExt;
use std::fmt::Write as _;

/// Noisy waves of different periods, one per channel.
fn waves(channels: usize, steps: usize, purpose: &str) -> String {
    let mut rng = stream_rng(11, purpose, channels as u64);
    let mut text: String = (0..channels).map(|channel| format!(",w{channel}")).collect();
    text = format!("{}\n", &text[1..]);
    for step in 0..steps {
        let wave = |channel: usize| (step as f64 * (0.5 + 0.17 * channel as f64) + channel as f64).sin();
        let cells: Vec<String> =
            (0..channels).map(|channel| format!("{:.4}", wave(channel) + 0.1 * normal(&mut rng))).collect();
        writeln!(text, "{}", cells.join(",")).unwrap();
    }
    text
}

/// Steps of a window.
const WINDOW: usize = 16;
/// Alarms that the overlap of segments is measured over.
const SEGMENTS: usize = 60;

/// Shifts some steps of one channel in each of many windows. Returns the alarms, how many have the right
/// channel first, and the mean overlap of the named and the shifted steps (intersection over union).
fn check_windows(channels: usize, config: &FitConfig, most: usize) -> (usize, usize, f64) {
    let input = InputConfig { layout: LayoutChoice::Windows, window: Some(WINDOW), ..InputConfig::default() };
    let detector = fit(&waves(channels, 1500, "normal"), &FitConfig { input, ..config.clone() });
    let new = waves(channels, 600, "new");
    let mut reader = Reader::new(new.as_bytes(), detector.schema(), &ReadOptions::default()).unwrap();
    let mut block = reader.read_all().unwrap();
    let before = detector.judge_encoded(&block.samples, &block.rows).unwrap();
    let mut rng = stream_rng(11, "shifted windows", channels as u64);
    let mut truth = Vec::new();
    for row in 0..block.samples.len() {
        let (channel, length) = (rng.random_range(0..channels), rng.random_range(3..WINDOW));
        let sign: f32 = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
        let first = rng.random_range(0..=WINDOW - length);
        for step in first..first + length {
            // Each channel has standard deviation 1.
            block.samples.values[[row, step * channels + channel]] += sign * SHIFT as f32;
        }
        truth.push((channel, first, first + length));
    }
    let after = detector.judge_encoded(&block.samples, &block.rows).unwrap();
    let (mut alarms, mut right, mut overlap) = (0, 0, 0.0);
    for (row, &(channel, first, end)) in truth.iter().enumerate() {
        let was_normal = matches!(before[row], Judgement::Normal(_));
        if !was_normal || !matches!(after[row], Judgement::Anomalous(_)) || alarms == most {
            continue;
        }
        let explanation = detector.explain(&block.samples, row, usize::MAX).unwrap();
        check_explanation(&detector, &explanation);
        assert_eq!(explanation.shares.len(), WINDOW * channels, "a picture shows every step");
        let segment = explanation.shares[0].segment.unwrap();
        alarms += 1;
        right += usize::from(explanation.shares[0].index % channels == channel);
        let both = (segment.last + 1).min(end).saturating_sub(segment.first.max(first));
        let either = (segment.last + 1 - segment.first) + (end - first) - both;
        overlap += both as f64 / either as f64;
    }
    let overlap = overlap / alarms.max(1) as f64;
    (alarms, right, overlap)
}

#[test]
fn a_shifted_channel_is_named_first() {
    for (kind, config) in some_kinds() {
        let (alarms, right, _) = check_windows(3, &config, ALARMS);
        assert!(alarms == ALARMS && right as f64 >= BAR * alarms as f64, "{kind}: {right} of {alarms}");
    }
}

#[test]
fn shifted_steps_of_a_single_series_are_named() {
    for (kind, config) in some_kinds() {
        let (alarms, _, overlap) = check_windows(1, &config, SEGMENTS);
        assert!(alarms == SEGMENTS && overlap >= 0.5, "{kind}: overlap {overlap} of {alarms}");
    }
}
