//! A threshold that follows a source whose level wanders.

use super::{FIT, watched};
use crate::common::Place;
use std::fmt::Write as _;

/// Rows of two numbers around 0; `drift` is how far the level has moved by the last one.
fn rows(n: usize, drift: f64) -> String {
    let mut text = String::from("a,b\n");
    for row in 0..n {
        let noise = |step: usize| ((row * step) % 1009) as f64 / 1009.0 - 0.5;
        let level = drift * row as f64 / n as f64;
        writeln!(text, "{:.4},{:.4}", level + noise(7919), level + noise(104_729)).unwrap();
    }
    text
}

fn alarms(text: &str) -> usize {
    text.lines().filter(|line| line.contains("\"verdict\":\"anomalous\"")).count()
}

#[test]
fn an_adaptive_threshold_keeps_the_rate_and_goes_on_from_a_state() {
    let place = Place::new();
    place.write("normal.csv", rows(1000, 0.0));
    place.check(&format!("{FIT} --false-alarms 5%"), 0, &[]);
    place.write("wandering.csv", rows(3000, 0.6));
    let score = "detect score wandering.csv --model detector.safetensors";
    let fixed = place.check(&format!("{score} --out fixed.jsonl"), 0, &[]);
    let adapted = place.check(&format!("{score} --adapt 0.02 --out adapted.jsonl"), 0, &[]);
    let [fixed_alarms, few] = ["fixed.jsonl", "adapted.jsonl"].map(|name| alarms(&place.text(name)));
    assert!(fixed_alarms > 400, "{fixed_alarms}\n{}", fixed.stdout);
    assert!((100..=200).contains(&few), "{few} of 3000 promised at 5 %\n{}", adapted.stdout);

    // A watch in two parts, each with the state of the one before, says the same.
    let all = place.text("wandering.csv");
    let cut = all.match_indices('\n').nth(1500).unwrap().0 + 1;
    let parts = [&all[..cut], &all[cut..]].map(|part| watched(&place, "--state state --adapt 0.02", part));
    let lines =
        |all: Vec<String>| all.into_iter().filter(|line| line.contains("verdict")).collect::<Vec<_>>();
    let whole = place.text("adapted.jsonl").lines().map(String::from).collect();
    assert_eq!(lines(parts.concat()), lines(whole));
    let told = ["began with --adapt 0.02"];
    place.check_refused("detect watch --model detector.safetensors --state state", 2, &told);
    place.check_refused(&format!("{score} --adapt 0"), 2, &["above 0 and at most 0.5"]);
}
