//! Tests of image search, on images of stripes.

use super::*;
use crate::testing::{Bench, labelled, stripes, wanted};
use ae_metrics::knn_accuracy;
use ae_tensor::array;

const TOY: Set = Set { name: "toy", settings: &[] };
const TOY_CODER: Coder =
    Coder { name: "vanilla", title: "vanilla", preset: "vanilla", settings: &[], binary: true };

fn of_stripes(bench: &Bench, epochs: u64, seed: u64) -> Wanted {
    let mut wanted = labelled(wanted("toy", "vanilla", &bench.path("stripes.csv"), epochs, seed));
    wanted.experiment.data = stripes(bench);
    wanted.experiment.model = serde_json::from_str(r#"{"vanilla": {"code": 16}}"#).unwrap();
    wanted
}

fn run(bench: &Bench, epochs: u64) -> (Evaluation, PathBuf) {
    bench.with(&[0, 1], |context| {
        evaluate(context, &[TOY], &[TOY_CODER], |_, _, seed| Ok(of_stripes(bench, epochs, seed))).unwrap()
    })
}

#[test]
fn every_size_has_its_rivals_and_the_winners_are_named() {
    let bench = Bench::new();
    let (evaluation, report) = run(&bench, 30);
    let table = &evaluation.tables[0];
    let rows: Vec<[&str; 3]> = table.rows.iter().map(|row| [0, 1, 2].map(|at| row[at].as_str())).collect();
    let expected = [
        ["pixels", "64 values", "256"],
        ["vanilla", "16 values", "64"],
        ["vanilla", "16 bits", "2"],
        ["PCA, 16 components", "16 values", "64"],
        ["PCA, 16 components", "16 bits", "2"],
        ["random projections", "16 bits", "2"],
    ];
    assert_eq!(rows, expected);
    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    let map = |name: &str| evaluation.metrics[&format!("toy/{name}/mean_average_precision")];
    let best =
        ["vanilla_bits", "pca16_bits", "random16_bits"].into_iter().max_by(|a, b| map(a).total_cmp(&map(b)));
    let best = match best.unwrap() {
        "vanilla_bits" => "of 16 bits, vanilla",
        "pca16_bits" => "of 16 bits, PCA, 16 components",
        _ => "of 16 bits, random projections",
    };
    assert!(table.note.contains(best), "{}", table.note);
    assert!(report.with_file_name("images").join("toy.png").exists());
    assert_eq!(run(&bench, 30).0, evaluation, "the same figures from the same runs");
}

#[test]
fn the_first_found_is_the_nearest_neighbour() {
    let bench = Bench::new();
    let (evaluation, _) = run(&bench, 5);
    for seed in [0, 1] {
        let run = bench.with(&[0], |context| context.trained(&of_stripes(&bench, 5, seed)).unwrap());
        let labels = |rows: &Batch| codes::labels(&run.splits, rows).unwrap();
        let train = run.splits.train.rows(0, run.splits.train.len());
        let test = run.splits.test.rows(0, run.splits.test.len());
        let [gallery, queries] = [&train, &test].map(|rows| array::to_rows(&rows.values));
        let expected = knn_accuracy(&gallery, &labels(&train), &queries, &labels(&test), 1).unwrap();
        let got = evaluation.metrics[&format!("toy/pixels/seed{seed}/precision_at_1")];
        assert!((got - expected).abs() < 1e-9, "{got} {expected}");
        // Some queries are wrong, so that the figure says something.
        assert!(expected > 0.6, "{expected}");
    }
}

#[test]
fn bits_say_what_is_above_the_median() {
    let codes = Tensor::from_slice(&[0f32, 5.0, 0.0, 6.0, 1.0, 7.0]).view([3, 2]);
    let (medians, _) = codes.median_dim(0, false);
    assert_eq!(array::to_vec(&above(&codes, &medians)), [-1.0, -1.0, -1.0, -1.0, 1.0, 1.0]);
}

#[test]
fn a_gallery_of_less_than_a_hundred_has_no_precision_at_a_hundred() {
    let bench = Bench::new();
    let mut small = of_stripes(&bench, 1, 0);
    small.experiment.data.max_train = Some(50);
    let (evaluation, _) = bench
        .with(&[0], |context| evaluate(context, &[TOY], &[TOY_CODER], |_, _, _| Ok(small.clone())).unwrap());
    assert!(evaluation.metrics.contains_key("toy/pixels/precision_at_10"));
    assert!(!evaluation.metrics.contains_key("toy/pixels/precision_at_100"));
    assert!(evaluation.tables[0].rows.iter().all(|row| row[5] == "–"));
}

#[test]
fn images_without_labels_are_refused() {
    let bench = Bench::new();
    let bars = bench.bars();
    let unlabelled = |_: &Set, _: &Coder, seed| Ok(wanted("bars", "vanilla", &bars, 1, seed));
    let error = bench.with(&[0], |context| evaluate(context, &[TOY], &[TOY_CODER], unlabelled)).unwrap_err();
    assert!(error.to_string().contains("has no labelled training and test rows"), "{error}");
}
