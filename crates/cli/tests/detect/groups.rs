//! One file with several machines, as a user runs it.

use super::{FIT, watched, watched_despite_kills};
use crate::common::Place;
use std::fmt::Write as _;

/// Steps of two pumps in turn, once an hour each; the second is larger and noisier.
fn plant(n: usize) -> String {
    let mut text = String::from("time,pump,flow\n");
    for step in 0..n {
        for pump in [1, 2] {
            let noise = ((step * 7919 + pump * 13) % 101) as f64 / [1000.0, 100.0][pump - 1];
            let value = (step as f64 * std::f64::consts::TAU / 24.0).sin() + noise + 8.0 * pump as f64;
            writeln!(text, "{},p{pump},{value:.4}", 1_700_000_000 + 3600 * step).unwrap();
        }
    }
    text
}

fn fitted(pumps: &str) -> Place {
    let place = Place::new();
    place.write("normal.csv", pumps);
    let told = ["layout: windows", "groups: all 2 have a threshold of their own"];
    place.check(&format!("{FIT} --group pump --set input.window=12 --false-alarms 5%"), 0, &told);
    place
}

#[test]
fn verdicts_name_the_group_and_a_killed_watch_goes_on_in_each() {
    let place = fitted(&plant(700));
    let mut stream = plant(150);
    stream.push_str("not a line\n1700540000,p1,30\n1700540000,p3,30\n");
    place.write("stream.csv", &stream);
    let told = ["1 bad lines", "pump `p3`: no training row had this group"];
    place.check("detect score stream.csv --model detector.safetensors --out whole.jsonl", 0, &told);
    let whole: Vec<String> = place.text("whole.jsonl").lines().map(String::from).collect();
    assert_eq!(whole.len(), 303);
    let row = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    for (at, line) in whole[..300].iter().enumerate() {
        let row = row(line);
        assert_eq!(row["group"], ["p1", "p2"][at % 2]);
        // Each pump fills its own window.
        assert_eq!(row["verdict"] == "unknown", at < 22, "{line}");
    }
    assert!(row(&whole[300])["group"].is_null() && row(&whole[301])["verdict"] == "anomalous");
    assert_eq!(
        (row(&whole[302])["group"].as_str(), row(&whole[302])["verdict"].as_str()),
        (Some("p3"), Some("unknown"))
    );
    let threshold = |at: usize| row(&whole[at])["threshold"].as_f64().unwrap();
    assert!(threshold(299) > 1.5 * threshold(298), "{} {}", threshold(298), threshold(299));

    let kills = watched_despite_kills(&place, &[150, 220, 260, 310]);
    let verdicts_of = |mut lines: Vec<String>| {
        lines.retain(|line| !line.contains("\"drift\"") && !line.contains("\"event\""));
        lines
    };
    let verdicts = place.text("verdicts.jsonl").lines().map(String::from).collect();
    assert_eq!(verdicts_of(verdicts), whole, "after {kills} kills");
    // In two parts, cut between the steps of the pumps of one hour.
    let cut = stream.lines().take(202).map(str::len).sum::<usize>() + 202;
    let mut parts = watched(&place, "--state two", &stream[..cut]);
    parts.extend(watched(&place, "--state two", &stream[cut..]));
    assert_eq!(verdicts_of(parts), whole);
}

#[test]
fn tables_of_verdicts_and_explanations_have_a_group() {
    let place = fitted(&plant(700));
    let alone: String =
        plant(60).lines().filter(|line| !line.contains("p1")).map(|line| format!("{line}\n")).collect();
    place.write("new.csv", format!("{alone}1700216000,p2,90\n"));
    let score = "detect score new.csv --model detector.safetensors --out scored.csv --explain";
    place.check(score, 0, &["explanations: scored.explained"]);
    let scored = place.text("scored.csv");
    assert!(
        scored.starts_with("line,verdict,score,p_value,severity,threshold,reason,cause,group,time\n"),
        "{scored}"
    );
    assert!(scored.lines().skip(1).all(|line| line.contains(",p2,1700")), "{scored}");
    let alarm = place.text("scored.explained/alarms.jsonl");
    assert!(alarm.lines().all(|line| line.contains("\"group\":\"p2\"")), "{alarm}");
    place.check("detect inspect detector.safetensors", 0, &["groups: 2 in column `pump`"]);

    place.write("ungrouped.csv", "time,flow\n1700300000,9\n");
    let refused = ["it has no column `pump`, which names the group of each row"];
    place.check_refused("detect score ungrouped.csv --model detector.safetensors --out s.csv", 1, &refused);
    let one: String = plant(60).replace("p2", "p1");
    place.write("one.csv", one);
    place.check_refused(
        "detect fit one.csv --group pump --out o",
        2,
        &["every row has the value `p1`", "--group"],
    );
    place.check_refused("detect fit one.csv --group pomp --out o", 1, &["`pomp`", "did you mean", "pump"]);
    place.check_refused("detect fit normal.csv --group flow --out o", 2, &["like an identifier"]);
}
