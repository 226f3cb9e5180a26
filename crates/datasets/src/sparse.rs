//! Sparse rows, such as documents and ratings: of each row, only the entries that are there are stored.

use crate::catalogue::SetEntry;
use crate::moving::MovingDataset;
use crate::{DataConfig, DataError, Dataset, Samples, Scale};
use ae_intake::order::permutation;
use ae_records::digest;
use ae_records::seed::stream_rng;
use std::ops::Range;

/// Rows of which only some entries are stored, in compressed form: the columns and values of all rows one
/// after the other, and where each row starts.
///
/// ```
/// use ae_datasets::sparse::SparseRows;
///
/// let rows = SparseRows::of(3, &[vec![(0, 1.0), (2, 4.0)], vec![], vec![(1, 2.5)]])?;
/// assert_eq!((rows.len(), rows.width(), rows.stored()), (3, 3, 3));
/// assert_eq!(rows.row(0).collect::<Vec<_>>(), [(0, 1.0), (2, 4.0)]);
/// assert_eq!(rows.select(&[2, 1]).row(0).collect::<Vec<_>>(), [(1, 2.5)]);
/// # Ok::<(), ae_datasets::sparse::SparseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    /// `[N + 1]`, ascending from 0: the entries of row `n` are `starts[n]..starts[n + 1]`.
    starts: Vec<usize>,
    /// Ascending within a row, below `width`.
    columns: Vec<u32>,
    /// Finite.
    values: Vec<f32>,
    width: usize,
    labels: Option<Vec<u32>>,
}

/// Arrays that are no sparse rows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SparseError {
    /// Starts that do not delimit rows.
    #[error("the starts of {rows} rows must rise from 0 to the number of entries, {entries}")]
    Starts {
        /// How many rows they would delimit.
        rows: usize,
        /// How many entries there are.
        entries: usize,
    },
    /// Not as many columns as values.
    #[error("there are {columns} columns for {values} values")]
    Lengths {
        /// Number of columns.
        columns: usize,
        /// Number of values.
        values: usize,
    },
    /// A column beyond the last, or columns that do not ascend.
    #[error("row {row} has column {column}; the columns of a row must ascend and be below {width}")]
    Column {
        /// Row, from 0.
        row: usize,
        /// The column.
        column: u32,
        /// Number of columns.
        width: usize,
    },
    /// A value that is NaN or infinite.
    #[error("row {row} has {value} in column {column}; remove or replace it")]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: u32,
        /// `NaN` or `inf`.
        value: f32,
    },
    /// Not one label per row.
    #[error("there are {labels} labels for {rows} rows")]
    Labels {
        /// Number of labels.
        labels: usize,
        /// Number of rows.
        rows: usize,
    },
}

impl SparseRows {
    /// Rows of `width` columns: the entries of row `n` are those at `starts[n]..starts[n + 1]`.
    ///
    /// # Errors
    /// If the starts do not delimit rows, the columns of a row do not ascend or are not below `width`, or a value
    /// is not finite.
    pub fn new(
        width: usize,
        starts: Vec<usize>,
        columns: Vec<u32>,
        values: Vec<f32>,
    ) -> Result<Self, SparseError> {
        if columns.len() != values.len() {
            return Err(SparseError::Lengths { columns: columns.len(), values: values.len() });
        }
        let delimits = starts.first() == Some(&0) && starts.last() == Some(&columns.len());
        if !delimits || !starts.is_sorted() {
            let rows = starts.len().saturating_sub(1);
            return Err(SparseError::Starts { rows, entries: columns.len() });
        }
        let rows = SparseRows { starts, columns, values, width, labels: None };
        for row in 0..rows.len() {
            let mut least = 0;
            for (column, value) in rows.row(row) {
                if (column as usize) < least || column as usize >= width {
                    return Err(SparseError::Column { row, column, width });
                }
                if !value.is_finite() {
                    return Err(SparseError::NotFinite { row, column, value });
                }
                least = column as usize + 1;
            }
        }
        Ok(rows)
    }

    /// Rows of `width` columns, each given by its columns and values.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(width: usize, rows: &[Vec<(u32, f32)>]) -> Result<Self, SparseError> {
        let mut starts = Vec::with_capacity(rows.len() + 1);
        starts.push(0);
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for row in rows {
            columns.extend(row.iter().map(|entry| entry.0));
            values.extend(row.iter().map(|entry| entry.1));
            starts.push(columns.len());
        }
        SparseRows::new(width, starts, columns, values)
    }

    /// Zero rows of `width` columns, without labels.
    pub fn empty(width: usize) -> Self {
        SparseRows { starts: vec![0], columns: Vec::new(), values: Vec::new(), width, labels: None }
    }

    /// The same rows with these labels, `[N]`; `None` for no labels.
    ///
    /// # Errors
    /// If their number differs.
    pub fn with_labels(self, labels: impl Into<Option<Vec<u32>>>) -> Result<Self, SparseError> {
        let labels = labels.into();
        match &labels {
            Some(labels) if labels.len() != self.len() => {
                Err(SparseError::Labels { labels: labels.len(), rows: self.len() })
            }
            _ => Ok(SparseRows { labels, ..self }),
        }
    }

    /// Number of rows, `N`.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of columns, `D`.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of entries in all rows.
    pub fn stored(&self) -> usize {
        self.values.len()
    }

    /// The values of all entries, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The labels, `[N]`, if the rows have any.
    pub fn labels(&self) -> Option<&[u32]> {
        self.labels.as_deref()
    }

    /// The entries of a row as column and value, in ascending order of columns. Panics if there is no such row.
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = (u32, f32)> + '_ {
        let entries = self.entries(row);
        self.columns[entries.clone()].iter().copied().zip(self.values[entries].iter().copied())
    }

    /// The rows with these indices, in this order, with their labels. Panics if an index is not below
    /// [`Self::len`].
    pub fn select(&self, rows: &[usize]) -> SparseRows {
        let mut starts = Vec::with_capacity(rows.len() + 1);
        starts.push(0);
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for &row in rows {
            let entries = self.entries(row);
            columns.extend_from_slice(&self.columns[entries.clone()]);
            values.extend_from_slice(&self.values[entries]);
            starts.push(columns.len());
        }
        let labels = self.labels.as_ref().map(|labels| rows.iter().map(|&row| labels[row]).collect());
        SparseRows { starts, columns, values, width: self.width, labels }
    }

    /// The same entries with rows and columns exchanged, `[D, N]`, without labels.
    pub fn transposed(&self) -> SparseRows {
        let mut starts = vec![0usize; self.width + 1];
        for &column in &self.columns {
            starts[column as usize + 1] += 1;
        }
        for column in 0..self.width {
            starts[column + 1] += starts[column];
        }
        let mut next = starts.clone();
        let (mut columns, mut values) = (vec![0; self.stored()], vec![0.0; self.stored()]);
        for row in 0..self.len() {
            for (column, value) in self.row(row) {
                let place = &mut next[column as usize];
                (columns[*place], values[*place]) = (row as u32, value);
                *place += 1;
            }
        }
        SparseRows { starts, columns, values, width: self.len(), labels: None }
    }

    /// The checksum of everything that the rows hold.
    pub fn checksum(&self) -> String {
        let mut bytes = Vec::new();
        bytes.extend((self.width as u64).to_le_bytes());
        bytes.extend(self.starts.iter().flat_map(|start| (*start as u64).to_le_bytes()));
        bytes.extend(self.columns.iter().flat_map(|column| column.to_le_bytes()));
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend(self.labels.iter().flatten().flat_map(|label| label.to_le_bytes()));
        digest::sha256(&bytes)
    }

    fn entries(&self, row: usize) -> Range<usize> {
        self.starts[row]..self.starts[row + 1]
    }
}

/// What it means that a row has no entry in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The value is 0: a document does not contain the word, a user has not clicked.
    Zero,
    /// The value is not known: a user has not rated the film.
    Unknown,
}

/// One part of a sparse data set: rows, and what a model is shown of them.
#[derive(Clone, Debug, PartialEq)]
pub struct SparsePart {
    /// What a model is to produce. Keeps all labels.
    pub rows: SparseRows,
    /// What a model is given instead, row by row, if that is something else: a user's known ratings, where `rows`
    /// are those held out. As many rows, and as wide.
    pub given: Option<SparseRows>,
}

impl SparsePart {
    /// Rows that a model is to reconstruct.
    pub fn of(rows: SparseRows) -> Self {
        SparsePart { rows, given: None }
    }

    /// Rows that a model is to predict from others. Panics if the two have other numbers of rows or columns.
    pub fn from_given(given: SparseRows, rows: SparseRows) -> Self {
        assert_eq!(
            (given.len(), given.width()),
            (rows.len(), rows.width()),
            "each row is predicted from one"
        );
        SparsePart { rows, given: Some(given) }
    }

    /// Keeps at most `most` rows, in a seeded random order.
    pub(crate) fn keep(&mut self, most: Option<usize>, seed: u64, purpose: &str) {
        if let Some(most) = most.filter(|&most| most < self.rows.len()) {
            let order = permutation(self.rows.len(), &mut stream_rng(seed, purpose, 0));
            let rows: Vec<usize> = order[..most].iter().map(|&row| row as usize).collect();
            self.rows = self.rows.select(&rows);
            self.given = self.given.as_ref().map(|given| given.select(&rows));
        }
    }
}

/// Refuses settings that mean nothing for sparse rows.
pub(crate) fn check(set: &SetEntry, config: &DataConfig) -> Result<(), DataError> {
    let refuse = |key, value: String, right| Err(DataError::OutOfRange { key, value, right });
    if !matches!(config.scale, Scale::Auto | Scale::None) {
        let right = "auto or none, as sparse rows keep their values";
        return refuse("scale", format!("{:?}", config.scale).to_lowercase(), right);
    }
    if let Some(shape) = &config.shape {
        return refuse("shape", format!("{shape:?}"), "no shape, as sparse rows are vectors");
    }
    match &config.normal_label {
        Some(label) => Err(DataError::NoLabels { label: label.clone(), name: set.name.clone() }),
        None => Ok(()),
    }
}

/// A description of rows with these columns.
pub(crate) fn about(feature_names: Vec<String>, width: usize) -> Dataset {
    let none = Samples::empty(width);
    Dataset { feature_names, ..Dataset::of(none.clone(), none) }
}

/// A sparse data set, split and preprocessed.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseDataset {
    /// Names, files and preprocessing, as of any data set; its own rows are empty. The shape is a vector of as
    /// many values as a row has columns, and `feature_names` are the columns'.
    pub about: Dataset,
    /// What a missing entry means.
    pub absent: Absent,
    /// Training rows.
    pub train: SparsePart,
    /// For early stopping; may have no rows.
    pub validation: SparsePart,
    /// Test rows: nothing is fitted or chosen on them; may have no rows.
    pub test: SparsePart,
}

/// A data set of any form.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a run loads one data set")]
pub enum AnyDataset {
    /// Rows of which every value is stored.
    Dense(Dataset),
    /// Rows of which only some values are stored.
    Sparse(SparseDataset),
    /// Sequences that are made when they are asked for.
    Moving(MovingDataset),
}

impl AnyDataset {
    /// Names, files and preprocessing.
    pub fn about(&self) -> &Dataset {
        match self {
            AnyDataset::Dense(dataset) => dataset,
            AnyDataset::Sparse(sparse) => &sparse.about,
            AnyDataset::Moving(moving) => &moving.about,
        }
    }
}

#[cfg(test)]
#[path = "sparse_tests.rs"]
mod tests;
