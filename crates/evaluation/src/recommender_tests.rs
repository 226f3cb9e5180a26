//! Tests of recommendations for one user.

use super::*;
use ae_datasets::sparse::{Absent, SparseDataset, SparsePart, SparseRows};
use ae_datasets::{Dataset, Samples};
use ae_training::{BatchSize, Build, TrainingConfig, TrainingData, train};

const WIDTH: usize = 12;

/// 60 users, of whom half like the first six films and half the last six; each has seen four of them.
fn tastes(stars: bool) -> SparseDataset {
    let row = |user: usize| {
        let first = if user.is_multiple_of(2) { 0 } else { 6 };
        let mut films: Vec<u32> =
            (0..4).map(|nth| (first + (user / 2 + nth * (1 + user % 3)) % 6) as u32).collect();
        films.sort_unstable();
        films.dedup();
        films.into_iter().map(|film| (film, if stars { 5.0 } else { 1.0 })).collect::<Vec<_>>()
    };
    let mut rows: Vec<Vec<(u32, f32)>> = (0..60).map(row).collect();
    if stars {
        // Everyone dislikes a film of the other kind.
        for (user, row) in rows.iter_mut().enumerate() {
            let other = if user.is_multiple_of(2) { 6 } else { 0 } + (user / 2 % 6) as u32;
            row.push((other, 1.0));
            row.sort_unstable_by_key(|entry| entry.0);
        }
    }
    let none = Samples::empty(WIDTH);
    let feature_names = (0..WIDTH).map(|film| format!("Film {film}")).collect();
    SparseDataset {
        about: Dataset { feature_names, ..Dataset::of(none.clone(), none) },
        absent: if stars { Absent::Unknown } else { Absent::Zero },
        train: SparsePart::of(SparseRows::of(WIDTH, &rows).unwrap()),
        validation: SparsePart::of(SparseRows::empty(WIDTH)),
        test: SparsePart::of(SparseRows::empty(WIDTH)),
    }
}

fn trained(model: &str, data: &SparseDataset) -> Result<Recommender, RecommendError> {
    ae_tensor::device::set_threads(1);
    let config: ModelConfig = serde_json::from_str(model).unwrap();
    let model = config.build(&data.summary(), 0).unwrap();
    let batch = BatchSize::Samples(20);
    let training = TrainingConfig { epochs: 200, batch, learning_rate: 0.02, ..Default::default() };
    train(&model, data, &training).unwrap();
    Recommender::of(model, Path::new("model"), Device::Cpu)
}

/// What someone is told who likes three films of the first kind.
fn check(recommender: &Recommender) {
    let user = recommender.ratings([("film 0", 5.0), ("Film 2", 5.0), ("Film 4", 5.0)]).unwrap();
    let three = recommender.recommend(&user, 3).unwrap();
    let mut titles: Vec<&str> = three.iter().map(|it| it.title.as_str()).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["Film 1", "Film 3", "Film 5"], "the rest of the kind, and nothing that was rated");
    assert!(three.is_sorted_by(|a, b| a.score >= b.score));
    for it in &three {
        assert!(it.because.iter().all(|reason| reason.weight > 0.0), "{it:?}");
        assert!(it.because.is_sorted_by(|a, b| a.weight >= b.weight));
    }
    // Not every film need lose by the loss of a single rating.
    let with_reasons = three.iter().filter(|it| !it.because.is_empty()).count();
    assert!(with_reasons >= 2, "{three:?}");
    // Everything that was not rated, and no more.
    assert_eq!(recommender.recommend(&user, 100).unwrap().len(), WIDTH - 3);
    // The same as the model itself says of the row, and a reason is the score that is lost without it.
    let model = recommender.model.as_autoencoder().unwrap();
    let score = |films: &[i64], of: usize| {
        let value = if recommender.knows_likes_only() { 1.0 } else { 5.0 };
        let x = Tensor::zeros([1, WIDTH as i64], (ae_tensor::Kind::Float, Device::Cpu));
        for &film in films {
            let _ = x.get(0).get(film).fill_(value);
        }
        model.decode(model.encode(&x).point()).double_value(&[0, of as i64])
    };
    let column = |title: &str| title.trim_start_matches("Film ").parse::<usize>().unwrap();
    let first = three.iter().find(|it| !it.because.is_empty()).unwrap();
    let reason = &first.because[0];
    let whole = score(&[0, 2, 4], column(&first.title));
    let others: Vec<i64> =
        [0, 2, 4].into_iter().filter(|&film| film as usize != column(&reason.title)).collect();
    assert!((first.score - whole).abs() < 1e-5);
    assert!((reason.weight - (whole - score(&others, column(&first.title)))).abs() < 1e-5);
}

#[test]
fn likes_of_a_new_user_are_completed() {
    let recommender = trained(r#"{"mult_dae":{"code":4,"dropout":0.2}}"#, &tastes(false)).unwrap();
    assert!(recommender.knows_likes_only());
    check(&recommender);
    // What is rated low is not used, but not recommended either.
    let user = recommender.ratings([("Film 0", 5.0), ("Film 2", 5.0), ("Film 1", 1.0)]).unwrap();
    assert!(recommender.recommend(&user, 100).unwrap().iter().all(|it| it.title != "Film 1"));
    let nothing = recommender.ratings([("Film 0", 2.0)]).unwrap();
    let error = recommender.recommend(&nothing, 3).unwrap_err().to_string();
    assert!(error.contains("at least 4 stars"), "{error}");
}

#[test]
fn ratings_of_a_new_user_are_completed() {
    let recommender = trained(r#"{"autorec":{"hidden":8,"l2":0.001}}"#, &tastes(true)).unwrap();
    assert!(!recommender.knows_likes_only());
    check(&recommender);
}

#[test]
fn files_and_titles_that_cannot_be_used_are_named() {
    let recommender = trained(r#"{"mult_vae":{"hidden":[8],"latent":3}}"#, &tastes(false)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("user.csv");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        recommender.read(&path).map_err(|error| error.to_string())
    };
    let both = read("title,rating\nFilm 0,5\nFilm 3,2\n").unwrap();
    assert_eq!(both, UserRatings { ratings: vec![(0, 5.0), (3, 2.0)] });
    assert_eq!(read("Film 0,5\n\"film 3\",2\n").unwrap(), both, "without a header, in quotes, in any case");
    let refused = |text: &str, words: &str| {
        let error = read(text).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    };
    refused("title,rating\nFlim 3,5\n", "nothing called `Flim 3`; did you mean `Film 3`");
    refused("title,rating\nFilm 3,5\nFILM 3,4\n", "`FILM 3` is rated twice");
    refused("title,rating\nFilm 3,9\n", "`Film 3` has the rating 9; give one from 0.5 to 5");
    refused("title,rating,year\nFilm 3,5,1999\n", "2 numbers in a line besides the title");
}

#[test]
fn models_that_cannot_recommend_are_refused() {
    let nameless = SparseDataset {
        about: Dataset { feature_names: Vec::new(), ..tastes(false).about },
        ..tastes(false)
    };
    let error = trained(r#"{"mult_dae":{"code":2}}"#, &nameless).unwrap_err();
    assert!(error.to_string().contains("train one on rows of users"), "{error}");
    let error = trained(r#"{"vae":{"latent":2}}"#, &tastes(false)).unwrap_err();
    assert!(error.to_string().contains("the variant `vae` in model does not predict"), "{error}");
}
