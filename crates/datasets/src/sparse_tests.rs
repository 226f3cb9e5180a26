//! Tests of sparse rows.

use super::*;

fn rows() -> SparseRows {
    let rows = [vec![(1, 5.0), (3, 1.0)], vec![], vec![(0, 2.0), (1, 3.0)]];
    SparseRows::of(4, &rows).unwrap().with_labels(vec![7, 8, 9]).unwrap()
}

fn check(starts: &[usize], columns: &[u32], values: &[f32], expected: &str) {
    let made = SparseRows::new(3, starts.to_vec(), columns.to_vec(), values.to_vec());
    assert_eq!(made.map_or_else(|error| error.to_string(), |_| "right".into()), expected);
}

#[test]
fn what_is_no_rows_is_refused() {
    check(&[0, 2, 3], &[0, 2, 0], &[1.0, 2.0, 3.0], "right");
    check(&[0], &[], &[], "right");
    check(&[0, 1], &[0, 1], &[1.0], "there are 2 columns for 1 values");
    for starts in [&[][..], &[1, 2], &[0, 1], &[0, 3, 2]] {
        let rows = starts.len().saturating_sub(1);
        let words = format!("the starts of {rows} rows must rise from 0 to the number of entries, 2");
        check(starts, &[0, 1], &[1.0, 2.0], &words);
    }
    let ascend = "the columns of a row must ascend and be below 3";
    check(&[0, 0, 1], &[3], &[1.0], &format!("row 1 has column 3; {ascend}"));
    check(&[0, 2], &[1, 1], &[1.0, 2.0], &format!("row 0 has column 1; {ascend}"));
    check(&[0, 2], &[2, 0], &[1.0, 2.0], &format!("row 0 has column 0; {ascend}"));
    check(&[0, 1], &[2], &[f32::NAN], "row 0 has NaN in column 2; remove or replace it");
    let error = SparseRows::empty(2).with_labels(vec![1]).unwrap_err().to_string();
    assert_eq!(error, "there are 1 labels for 0 rows");
}

#[test]
fn rows_are_chosen_with_their_labels() {
    let some = rows().select(&[2, 1, 2]);
    let twice = vec![(0, 2.0), (1, 3.0)];
    let expected = SparseRows::of(4, &[twice.clone(), vec![], twice]).unwrap();
    assert_eq!(some, expected.with_labels(vec![9, 8, 9]).unwrap());
    assert_eq!((rows().select(&[]).len(), rows().select(&[]).width()), (0, 4));
}

#[test]
fn exchanging_rows_and_columns_twice_changes_nothing() {
    let turned = rows().transposed();
    let expected = [vec![(2, 2.0)], vec![(0, 5.0), (2, 3.0)], vec![], vec![(0, 1.0)]];
    assert_eq!(turned, SparseRows::of(3, &expected).unwrap());
    assert_eq!(turned.transposed(), rows().with_labels(None).unwrap());
}

#[test]
fn the_checksum_is_that_of_all_that_rows_hold() {
    let whole = rows();
    let others = [
        whole.select(&[0, 1]),
        whole.select(&[1, 0, 2]),
        whole.clone().with_labels(vec![7, 8, 8]).unwrap(),
        SparseRows { width: 5, ..whole.clone() },
        SparseRows { values: vec![5.0, 1.0, 2.0, 3.5], ..whole.clone() },
    ];
    assert_eq!(whole.checksum(), rows().checksum());
    assert!(others.iter().all(|other| other.checksum() != whole.checksum()));
}
