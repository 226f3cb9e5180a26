//! Held-out rows for computing figures. If all of them would take too long, evenly spaced rows are used. The
//! first rows would not be representative, because test sets may be sorted (the first 5,000 test images of
//! MNIST are the easier half).

use crate::error::EvaluationError;
use ae_models::Batch;
use ae_training::Split;
use ae_training::experiment::Run;

/// The test rows of a run; never empty.
///
/// # Errors
/// Data without test rows.
pub(crate) fn test(run: &Run) -> Result<&Split, EvaluationError> {
    let test = &run.splits.test;
    if test.is_empty() {
        let (set, missing) = (run.splits.dataset.name.clone(), "test rows");
        return Err(EvaluationError::Data { set, missing, remedy: "see data.test" });
    }
    Ok(test)
}

/// `count` evenly spaced rows of a split, in order and on the split's device; all rows if it has no more than
/// `count`.
pub(crate) fn strided(split: &Split, count: usize) -> Batch {
    if split.len() <= count {
        return split.rows(0, split.len());
    }
    split.select(&places(split.len(), count))
}

/// The positions of at most `count` of `len` rows: `⌊i · len / count⌋` for `i` from 0, so every k-th row if `len` is
/// `k · count`. The first rows of a sorted file would be of one kind.
pub(crate) fn places(len: usize, count: usize) -> Vec<usize> {
    let count = count.min(len);
    (0..count).map(|index| (index as u128 * len as u128 / count as u128) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, wanted};
    use ae_tensor::{Tensor, array};

    #[test]
    fn places_are_every_kth_row_and_reach_the_end() {
        let check = |len, count, expected: &[usize]| {
            assert_eq!(places(len, count), expected);
        };
        check(10, 5, &[0, 2, 4, 6, 8]);
        check(10, 4, &[0, 2, 5, 7]);
        check(3, 3, &[0, 1, 2]);
        check(3, 4, &[0, 1, 2]);
        check(0, 4, &[]);
        check(7, 1, &[0]);
        let spread = places(10_000, 3000);
        assert!(spread.windows(2).all(|pair| [3, 4].contains(&(pair[1] - pair[0]))));
        assert!(spread[2999] >= 9996, "the last rows are among them");
    }

    #[test]
    fn rows_keep_their_values_and_labels() {
        let bench = Bench::new();
        let data = bench.waves(true);
        let run = bench.with(&[0], |context| context.trained(&wanted("toy", "ecg", &data, 1, 0)).unwrap());
        let split = test(&run).unwrap();
        let all = split.rows(0, split.len());
        let some = strided(split, 5);
        assert_eq!(some.len(), 5);
        let places: Vec<i64> = places(split.len(), 5).into_iter().map(|place| place as i64).collect();
        for (row, &place) in places.iter().enumerate() {
            let row = row as i64;
            assert_eq!(array::to_vec(&some.values.get(row)), array::to_vec(&all.values.get(place)));
            let label =
                |batch: &Batch| batch.labels.as_ref().map(Tensor::shallow_clone).expect("labelled rows");
            assert_eq!(label(&some).int64_value(&[row]), label(&all).int64_value(&[place]));
        }
        assert_eq!(strided(split, split.len() + 1).values, all.values, "all rows if there are too few");
    }
}
