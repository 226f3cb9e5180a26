//! `ae compare`: settings, figures and curves of several runs.

mod common;

use common::Place;

#[test]
fn what_differs_between_runs_is_shown_side_by_side() {
    let place = Place::new();
    place.check("train mine.toml --threads 1 --out a", 0, &[]);
    place.check("train mine.toml --threads 1 --seed 2 --set model.vanilla.code=3 --out b", 0, &[]);
    let compared = place.check(
        "compare a b",
        0,
        &["settings that differ", "model.code", "test/mse", "loss in training"],
    );
    let line = |begin: &str| {
        let found = compared.stdout.lines().find(|line| line.trim_start().starts_with(begin));
        found.unwrap_or_default().split_whitespace().map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(
        (line("model.code"), line("training.seed")),
        (words("model.code 2 3"), words("training.seed 0 2"))
    );
    assert_eq!(line("training.epochs"), [""; 0], "what is the same is left out");
    for name in ["c.html", "c.png", "c.json"] {
        place.check(&format!("compare a b --out {name}"), 0, &[&format!("comparison: {name}")]);
    }
    let json = place.json("c.json");
    assert_eq!((&json["settings"]["model.code"][1], &json["runs"][0]), (&"3".into(), &"a".into()));
    assert!(json["curves"][0]["train"][0][1].as_f64().is_some_and(|loss| loss > 0.0));
    assert!(place.text("c.html").contains("Settings that differ"));
    assert_eq!(place.read("c.png")[1..4], *b"PNG");
    place.check("train mine.toml --threads 1 --out again", 0, &[]);
    let same = place.check("compare a again --out same.html", 0, &["no settings differ", "test/mse"]);
    assert!(!same.stdout.contains("settings that differ"), "{}", same.stdout);
    assert!(place.text("same.html").contains("No settings differ."));
    place.check("compare a", 2, &["2 values required"]);
    place.check_refused("compare a cache", 2, &["holds no run"]);
    place.check_refused("compare a b --out c.pdf", 2, &["may be .html, .png or .json"]);
    place.check_refused("compare a b --term los", 2, &["no run has the term `los`", "`loss`"]);
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(String::from).collect()
}
