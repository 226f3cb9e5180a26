//! The container for rows: their values, which of them were observed, and their labels.

use ndarray::{Array2, Axis, s};
use std::borrow::Borrow;
use std::ops::Range;

/// Rows of a table, series, or windows of a long series, to train a model on or to be judged by a detector.
///
/// ```
/// use ae_intake::Samples;
/// use ndarray::array;
///
/// let rows = Samples::complete(array![[1.0, 0.0], [2.0, 3.0], [4.0, 5.0]])
///     .with_observed(array![[true, false], [true, true], [true, true]])
///     .with_labels(vec![0, 1, 0]);
/// let of_label_0 = rows.select(&rows.rows_labelled(0));
/// assert_eq!(of_label_0.values, array![[1.0, 0.0], [4.0, 5.0]]);
/// assert!(!of_label_0.is_observed(0, 1) && of_label_0.is_observed(1, 1));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// `[N, D]`, row-major, finite; 0 for values that were not observed.
    pub values: Array2<f32>,
    /// `[N, D]`, whether each value was observed; `None` if all were.
    pub observed: Option<Array2<bool>>,
    /// `[N]`, each an index into the label names; `None` if the rows have no labels.
    pub labels: Option<Vec<u32>>,
}

impl Samples {
    /// Rows `[N, D]` without missing values and without labels.
    pub fn complete(values: Array2<f32>) -> Self {
        Samples { values, observed: None, labels: None }
    }

    /// Zero rows of `width` values, without labels.
    pub fn empty(width: usize) -> Self {
        Samples::complete(Array2::zeros((0, width)))
    }

    /// The same rows with this mask, `[N, D]`; `None` if every value was observed. Panics if the mask does
    /// not have the shape of the values.
    pub fn with_observed(self, observed: impl Into<Option<Array2<bool>>>) -> Self {
        let observed = observed.into();
        if let Some(mask) = &observed {
            assert_eq!(mask.dim(), self.values.dim(), "the mask must have the shape of the values");
        }
        Samples { observed, ..self }
    }

    /// The same rows with these labels, `[N]`; `None` for no labels. Panics if their number differs.
    pub fn with_labels(self, labels: impl Into<Option<Vec<u32>>>) -> Self {
        let labels = labels.into();
        if let Some(labels) = &labels {
            assert_eq!(labels.len(), self.len(), "there must be one label per row");
        }
        Samples { labels, ..self }
    }

    /// Sets values that were not observed to 0, after a map that took them for values.
    pub fn clear_unobserved(&mut self) {
        if let Some(observed) = &self.observed {
            self.values.zip_mut_with(observed, |value, &seen| {
                if !seen {
                    *value = 0.0;
                }
            });
        }
    }

    /// Number of rows, `N`.
    pub fn len(&self) -> usize {
        self.values.nrows()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of values in a row, `D`.
    pub fn width(&self) -> usize {
        self.values.ncols()
    }

    /// The rows with these indices, in this order, with their masks and labels. Panics if an index is not
    /// below [`Samples::len`].
    pub fn select(&self, rows: &[usize]) -> Samples {
        Samples {
            values: self.values.select(Axis(0), rows),
            observed: self.observed.as_ref().map(|observed| observed.select(Axis(0), rows)),
            labels: self.labels.as_ref().map(|labels| rows.iter().map(|&row| labels[row]).collect()),
        }
    }

    /// The rows in this range, with their masks and labels. Panics if it goes beyond [`Samples::len`].
    pub fn slice(&self, rows: Range<usize>) -> Samples {
        Samples {
            values: self.values.slice(s![rows.clone(), ..]).to_owned(),
            observed: self.observed.as_ref().map(|observed| observed.slice(s![rows.clone(), ..]).to_owned()),
            labels: self.labels.as_ref().map(|labels| labels[rows].to_vec()),
        }
    }

    /// Concatenates the rows of all parts, with their masks and labels. A part without a mask counts as fully
    /// observed. `width` is the number of values in a row, also if there are no parts. Panics if a part has
    /// another width, or if some non-empty parts have labels and others do not.
    pub fn concat<S: Borrow<Samples>>(width: usize, parts: &[S]) -> Samples {
        let parts: Vec<&Samples> = parts.iter().map(Borrow::borrow).collect();
        let n = parts.iter().map(|part| part.len()).sum::<usize>();
        let is_complete = parts.iter().all(|part| part.observed.is_none());
        let mut values = Vec::with_capacity(n * width);
        let mut observed = Vec::with_capacity(if is_complete { 0 } else { n * width });
        for part in &parts {
            assert_eq!(part.width(), width, "all parts have rows of one width");
            extend(&mut values, &part.values);
            match &part.observed {
                _ if is_complete => {}
                Some(mask) => extend(&mut observed, mask),
                None => observed.resize(values.len(), true),
            }
        }
        let (labelled, unlabelled): (Vec<&Samples>, Vec<&Samples>) =
            parts.into_iter().filter(|part| !part.is_empty()).partition(|part| part.labels.is_some());
        assert!(labelled.is_empty() || unlabelled.is_empty(), "either all parts have labels or none");
        let labels = labelled.iter().filter_map(|part| part.labels.as_deref()).flatten().copied().collect();
        let array = |mask| Array2::from_shape_vec((n, width), mask).expect("the parts have n rows in all");
        Samples {
            values: Array2::from_shape_vec((n, width), values).expect("the parts have n rows in all"),
            observed: (!is_complete).then(|| array(observed)),
            labels: (!labelled.is_empty()).then_some(labels),
        }
    }

    /// Whether value `feature` of row `row` was observed.
    pub fn is_observed(&self, row: usize, feature: usize) -> bool {
        self.observed.as_ref().is_none_or(|observed| observed[[row, feature]])
    }

    /// Indices of the rows with this label, ascending; empty without labels.
    pub fn rows_labelled(&self, label: u32) -> Vec<usize> {
        let labels = self.labels.as_deref().unwrap_or_default();
        labels.iter().enumerate().filter(|(_, l)| **l == label).map(|(row, _)| row).collect()
    }

    /// Number of rows per label, `[n_labels]`. Panics if a label is not below `n_labels`.
    pub fn label_counts(&self, n_labels: usize) -> Vec<usize> {
        let mut counts = vec![0; n_labels];
        for &label in self.labels.iter().flatten() {
            counts[label as usize] += 1;
        }
        counts
    }
}

/// Appends the values in row-major order; in one copy if they are stored in that order.
fn extend<T: Copy>(to: &mut Vec<T>, from: &Array2<T>) {
    match from.as_slice() {
        Some(values) => to.extend_from_slice(values),
        None => to.extend(from.iter().copied()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn two_rows() -> Samples {
        Samples::complete(array![[1.0, 2.0], [3.0, 0.0]]).with_observed(array![[true, true], [true, false]])
    }

    #[test]
    fn masks_and_labels_stay_with_their_rows() {
        let rows = two_rows().with_labels(vec![4, 7]);
        let turned = rows.select(&[1, 0, 1]);
        assert_eq!(turned.values, array![[3.0, 0.0], [1.0, 2.0], [3.0, 0.0]]);
        assert_eq!(turned.observed, Some(array![[true, false], [true, true], [true, false]]));
        assert_eq!(turned.labels, Some(vec![7, 4, 7]));
        assert_eq!((turned.rows_labelled(7), turned.rows_labelled(5)), (vec![0, 2], vec![]));
        assert_eq!(turned.label_counts(8), [0, 0, 0, 0, 1, 0, 0, 2]);
        assert_eq!(rows.select(&[]).labels, Some(vec![]));
        assert_eq!(turned.slice(1..3), turned.select(&[1, 2]));
        assert_eq!(turned.slice(2..2), turned.select(&[]));
    }

    #[test]
    fn rows_are_concatenated_with_masks_and_labels() {
        let complete = Samples::complete(array![[5.0, 6.0]]);
        let all = Samples::concat(2, &[complete.clone(), two_rows(), Samples::empty(2)]);
        assert_eq!(all.values, array![[5.0, 6.0], [1.0, 2.0], [3.0, 0.0]]);
        assert_eq!(all.observed, Some(array![[true, true], [true, true], [true, false]]));
        assert_eq!(all.labels, None);
        // Without a mask in any part, the whole has none.
        assert_eq!(Samples::concat(2, &[complete.clone(), complete.clone()]).observed, None);
        assert_eq!(Samples::concat::<Samples>(3, &[]), Samples::empty(3));
        let labelled = two_rows().with_labels(vec![1, 0]);
        let twice = Samples::concat(2, &[labelled.clone(), Samples::empty(2), labelled]);
        assert_eq!(twice.labels, Some(vec![1, 0, 1, 0]));
    }

    #[test]
    fn columns_that_are_not_row_major_are_copied_in_order() {
        let turned = Samples::complete(array![[1.0, 2.0], [3.0, 4.0]].reversed_axes());
        assert_eq!(Samples::concat(2, &[turned]).values, array![[1.0, 3.0], [2.0, 4.0]]);
    }

    #[test]
    #[should_panic(expected = "either all parts have labels or none")]
    fn labels_are_not_lost_silently() {
        Samples::concat(2, &[two_rows(), two_rows().with_labels(vec![0, 0])]);
    }

    #[test]
    #[should_panic(expected = "there must be one label per row")]
    fn labels_are_as_many_as_rows() {
        two_rows().with_labels(vec![0]);
    }

    #[test]
    #[should_panic(expected = "the mask must have the shape of the values")]
    fn a_mask_has_the_shape_of_the_values() {
        two_rows().with_observed(array![[true, true]]);
    }
}
