//! The rows that scorers learn from, and checks of the rows they score.

use crate::error::ScorerError;
use ae_intake::Samples;
use ndarray::{Array1, Array2, s};

/// Normal rows that a scorer learns from.
#[derive(Clone, Copy, Debug)]
pub struct NormalRows<'a> {
    /// Rows that the model was trained on, or that a baseline is fitted on.
    pub train: &'a Samples,
    /// Rows that the model was not trained on, for measuring scales. Calibration rows belong to neither.
    pub validation: &'a Samples,
    /// The seed of random draws.
    pub seed: u64,
}

/// Refuses rows of the wrong width, observed values that are not finite, and rows without any observed value.
/// `D` is 1 or more.
pub(crate) fn check(rows: &Samples, width: usize) -> Result<(), ScorerError> {
    let (n, got) = rows.values.dim();
    if got != width {
        return Err(ScorerError::Width { got, expected: width });
    }
    if let Some(observed) = rows.observed.as_ref().filter(|observed| observed.dim() != (n, got)) {
        return Err(ScorerError::Mask { mask: [observed.nrows(), observed.ncols()], values: [n, got] });
    }
    for row in 0..n {
        let values = rows.values.row(row);
        let bad = |&feature: &usize| !values[feature].is_finite() && rows.is_observed(row, feature);
        if let Some(feature) = (0..width).find(bad) {
            let value = f64::from(values[feature]);
            return Err(ScorerError::NonFiniteOriginal { row, feature, value });
        }
        if rows.observed.as_ref().is_some_and(|observed| observed.row(row).iter().all(|o| !o)) {
            return Err(ScorerError::NothingObserved { row });
        }
    }
    Ok(())
}

/// Rows `start..start + n` as model input: 0 for missing values, in standard layout.
pub(crate) fn inputs(rows: &Samples, start: usize, n: usize) -> Array2<f32> {
    let mut values = rows.values.slice(s![start..start + n, ..]).as_standard_layout().into_owned();
    if let Some(observed) = &rows.observed {
        let observed = observed.slice(s![start..start + n, ..]);
        values.zip_mut_with(&observed, |value, observed| {
            if !observed {
                *value = 0.0;
            }
        });
    }
    values
}

/// Rows `start..start + n`.
pub(crate) fn part(rows: &Samples, start: usize, n: usize) -> Samples {
    rows.slice(start..start + n)
}

/// Most rows of which more than their values is held in memory at once, and about how many values these may have: 64 MiB
/// for four numbers a value.
const MAX_BLOCK_ROWS: usize = 8192;
const MAX_BLOCK_VALUES: usize = 1 << 21;

/// Scores that each depend on one row alone, computed block by block, to avoid holding copies of millions of rows in
/// double precision. Errors name the row of `rows`.
pub(crate) fn in_blocks(
    rows: &Samples,
    of_block: impl Fn(&Samples) -> Result<Vec<f64>, ScorerError>,
) -> Result<Vec<f64>, ScorerError> {
    let mut scores = Vec::with_capacity(rows.len());
    let block_rows = (MAX_BLOCK_VALUES / rows.width().max(1)).clamp(1, MAX_BLOCK_ROWS);
    for start in (0..rows.len()).step_by(block_rows) {
        let n = block_rows.min(rows.len() - start);
        let block = if n == rows.len() { None } else { Some(part(rows, start, n)) };
        let of_block = of_block(block.as_ref().unwrap_or(rows));
        scores.extend(of_block.map_err(|error| match error.row() {
            Some(row) => error.at_row(start + row),
            None => error,
        })?);
    }
    Ok(scores)
}

/// At most `most` of the rows, drawn without replacement and kept in order. The draw depends only on `seed`
/// and the number of rows.
pub(crate) fn at_most(rows: &Samples, most: usize, seed: u64, purpose: &str) -> Samples {
    if rows.len() <= most {
        return rows.clone();
    }
    rows.select(&ae_records::seed::draw(rows.len(), most, seed, purpose, 0))
}

/// Shares that sum to 1, from parts of 0 or more. If all parts are 0, the observed values have equal shares.
pub(crate) fn shares(mut parts: Array1<f64>, observed: impl Fn(usize) -> bool) -> Array1<f64> {
    let greatest = parts.iter().copied().fold(0.0, f64::max);
    if greatest > 0.0 && greatest.is_finite() {
        // In two steps, so that neither tiny nor huge parts leave the range of doubles.
        parts /= greatest;
        let sum = parts.sum();
        return parts / sum;
    }
    let n = (0..parts.len()).filter(|&feature| observed(feature)).count().max(1) as f64;
    Array1::from_shape_fn(parts.len(), |feature| if observed(feature) { 1.0 / n } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn blocks_give_the_scores_and_the_row_of_an_error_in_order() {
        // So wide that a block has two rows.
        let width = MAX_BLOCK_VALUES / 2;
        let rows = Samples::complete(Array2::from_shape_fn((5, width), |(row, _)| row as f32));
        let first =
            |block: &Samples| Ok(block.values.column(0).iter().map(|&value| f64::from(value)).collect());
        assert_eq!(in_blocks(&rows, first).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert!(in_blocks(&rows.slice(0..0), first).unwrap().is_empty());
        let refused = in_blocks(&rows, |block| {
            let row = block.values.column(0).iter().position(|&value| value == 3.0);
            row.map_or(Ok(vec![0.0; block.len()]), |row| Err(ScorerError::Overflow { row }))
        });
        assert_eq!(refused.unwrap_err().row(), Some(3));
    }
}
