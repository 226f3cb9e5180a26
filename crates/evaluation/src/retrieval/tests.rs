//! Tests of text retrieval, on made-up documents of two topics.

use super::*;
use ae_datasets::sparse::{Absent, SparseDataset, SparsePart};
use ae_datasets::{Dataset, Samples};
use ae_tensor::Device;

/// 40 documents of two topics; each topic has 20 words of its own, and all share 10 common ones. A document has 8 of its
/// topic's words.
fn splits() -> Splits {
    let part = || {
        let rows: Vec<Vec<(u32, f32)>> = (0..40u32)
            .map(|row| {
                let own = (0..8).map(|at| 10 + 20 * (row % 2) + (row / 2 * 3 + at * 2) % 20);
                let mut words: Vec<u32> = own.chain([row % 10]).collect();
                words.sort_unstable();
                words.into_iter().map(|word| (word, 1.0)).collect()
            })
            .collect();
        let rows = SparseRows::of(50, &rows).unwrap();
        SparsePart::of(rows.with_labels((0..40).map(|row| row % 2).collect::<Vec<u32>>()).unwrap())
    };
    let none = Samples::empty(50);
    let about = Dataset {
        name: "toy".into(),
        label_names: vec!["even".into(), "odd".into()],
        ..Dataset::of(none.clone(), none)
    };
    let (train, validation, test) = (part(), part(), part());
    let data = SparseDataset { about, absent: Absent::Zero, train, validation, test };
    Splits::sparse(data, Device::Cpu).unwrap()
}

#[test]
fn documents_are_found_by_words_and_by_their_directions() {
    let splits = splits();
    let trial = Trial::new(&splits, 0).unwrap();
    let mut entrants = Entrants::new(RETRIEVED);
    trial.by_words(&mut entrants).unwrap();
    for name in ["tf_idf", "bm25", "lsa2", "lsa_log10"] {
        let found = entrants.mean_average_precision(name).unwrap();
        assert!(found > 0.7, "{name} {found}, and half of the documents are right");
    }
    assert!(entrants.mean_average_precision("lsa50").is_some(), "as many numbers as words");
    assert!(entrants.mean_average_precision("lsa128").is_none(), "more numbers than words");
    let curves = entrants.curves();
    assert_eq!(curves[0].0, "tf-idf, 50 words");
    // 40 documents, so none has a precision at 63.
    assert_eq!(curves[0].1.iter().map(|(k, _)| *k as usize).collect::<Vec<_>>(), [1, 3, 7, 15, 31]);
}

#[test]
fn codes_that_tell_the_topics_find_all_and_codes_of_chance_half() {
    let splits = splits();
    let trial = Trial::new(&splits, 0).unwrap();
    let codes = |of: &dyn Fn(i64) -> f32| {
        let values: Vec<f32> = (0..40).flat_map(|row| [of(row), 1.0 - of(row)]).collect();
        Tensor::from_slice(&values).view([40, 2])
    };
    for bits in [false, true] {
        let topics = mean_average_precisions(&trial, &codes(&|row| (row % 2) as f32), bits).unwrap();
        assert_eq!(topics["code"], 1.0, "{bits}");
        // Every code has as many documents of each topic.
        let chance = mean_average_precisions(&trial, &codes(&|row| (row / 2 % 2) as f32), bits).unwrap();
        assert!((0.4..0.6).contains(&chance["code"]), "{bits} {}", chance["code"]);
        assert_eq!(chance["lsa"], topics["lsa"]);
    }
}

#[test]
fn a_query_that_is_alone_in_its_topic_is_left_out() {
    let rows = SparseRows::of(2, &[vec![(0, 1.0)], vec![(1, 1.0)], vec![(0, 2.0)]]).unwrap();
    let part = SparsePart::of(rows.with_labels(vec![0, 1, 0]).unwrap());
    let none = Samples::empty(2);
    let about = Dataset { label_names: vec!["a".into(), "b".into()], ..Dataset::of(none.clone(), none) };
    let (train, validation, test) = (part.clone(), part.clone(), part);
    let data = SparseDataset { about, absent: Absent::Zero, train, validation, test };
    let splits = Splits::sparse(data, Device::Cpu).unwrap();
    assert_eq!(Trial::new(&splits, 0).unwrap().queries, [0, 2]);
}

#[test]
fn rows_that_are_no_documents_are_refused() {
    let rows = Samples::complete(ndarray::Array2::zeros((4, 3)));
    let splits = Splits::of(rows.clone(), rows).unwrap();
    let error = Trial::new(&splits, 0).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("has no documents with topics"), "{error}");
}
