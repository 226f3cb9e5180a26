//! `ae recommend`: titles for a new user, by a small model of two tastes.

mod common;

use ae_datasets::sparse::{Absent, SparseDataset, SparsePart, SparseRows};
use ae_datasets::{Dataset, Samples};
use ae_training::{BatchSize, Build, TrainingConfig, TrainingData, train};
use common::Place;

const FILMS: usize = 12;

/// Half of the users like the first six films, half the last six; each has seen four.
fn tastes() -> SparseDataset {
    let row = |user: usize| {
        let first = if user.is_multiple_of(2) { 0 } else { 6 };
        let mut films: Vec<u32> =
            (0..4).map(|nth| (first + (user / 2 + nth * (1 + user % 3)) % 6) as u32).collect();
        films.sort_unstable();
        films.dedup();
        films.into_iter().map(|film| (film, 1.0)).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<(u32, f32)>> = (0..60).map(row).collect();
    let none = Samples::empty(FILMS);
    let feature_names = (0..FILMS).map(|film| format!("Film {film}")).collect();
    SparseDataset {
        about: Dataset { feature_names, ..Dataset::of(none.clone(), none) },
        absent: Absent::Zero,
        train: SparsePart::of(SparseRows::of(FILMS, &rows).unwrap()),
        validation: SparsePart::of(SparseRows::empty(FILMS)),
        test: SparsePart::of(SparseRows::empty(FILMS)),
    }
}

#[test]
fn a_new_user_gets_titles_and_reasons() {
    let place = Place::new();
    let data = tastes();
    let config: ae_models::ModelConfig = serde_json::from_str(r#"{"mult_dae":{"code":4}}"#).unwrap();
    let model = config.build(&data.summary(), 0).unwrap();
    let batch = BatchSize::Samples(20);
    let training = TrainingConfig { epochs: 200, batch, learning_rate: 0.02, ..Default::default() };
    train(&model, &data, &training).unwrap();
    std::fs::create_dir(place.path("run")).unwrap();
    model.save(place.path("run/model.safetensors")).unwrap();

    place.write("user.csv", "title,stars\nFilm 0,5\nfilm 2,4.5\nFilm 4,5\n");
    let ran = place.check("recommend --model run --user user.csv --top 3 --threads 1", 0, &["because of"]);
    for title in ["Film 1", "Film 3", "Film 5"] {
        assert!(ran.stdout.contains(title), "{}", ran.stdout);
    }
    let json = "recommend --model run/model.safetensors --user user.csv --top 3 --json";
    let json: serde_json::Value = serde_json::from_str(&place.check(json, 0, &[]).stdout).unwrap();
    let all = json.as_array().unwrap();
    let named = |it: &serde_json::Value| it["title"].as_str().unwrap().to_owned();
    let mut titles: Vec<String> = all.iter().map(named).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["Film 1", "Film 3", "Film 5"], "nothing that was rated");
    assert!(all.iter().any(|it| it["because"] != serde_json::json!([])), "{all:?}");
    for it in all {
        let reasons = it["because"].as_array().unwrap();
        assert!(reasons.len() <= 3, "{it}");
        let of_the_user = |reason: &serde_json::Value| {
            ["Film 0", "Film 2", "Film 4"].contains(&reason["title"].as_str().unwrap())
        };
        assert!(reasons.iter().all(of_the_user), "{it}");
    }

    place.write("unknown.csv", "Film 0,5\nFlim 3,4\n");
    place.check_refused("recommend --model run --user unknown.csv", 2, &["Flim 3", "did you mean `Film 3`"]);
    place.write("twice.csv", "Film 0,5\nFilm 0,4\n");
    place.check_refused("recommend --model run --user twice.csv", 2, &["`Film 0` is rated twice"]);
    place.write("much.csv", "Film 0,50\n");
    place.check_refused("recommend --model run --user much.csv", 2, &["the rating 50", "0.5 to 5"]);
    place.write("dislikes.csv", "Film 0,1\n");
    place.check_refused("recommend --model run --user dislikes.csv", 2, &["no rating to recommend by"]);
    place.check_refused("recommend --model run --user none.csv", 2, &["none.csv"]);
    place.check("train mine.toml --threads 1 --out other", 0, &[]);
    place.check_refused("recommend --model other --user user.csv", 2, &["knows nothing called `Film 0`"]);
}
