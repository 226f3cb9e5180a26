//! Reads and checks untrusted stored arrays.

use crate::error::ScorerError;
use ae_records::arrays::StoredArray;
use ndarray::Array2;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// The arrays of a file whose names start with a prefix.
pub(crate) struct Arrays<'a> {
    all: Rc<HashMap<&'a str, &'a StoredArray>>,
    /// Whole names of the arrays that were asked for, under any prefix.
    used: Rc<RefCell<BTreeSet<String>>>,
    prefix: String,
}

impl<'a> Arrays<'a> {
    pub(crate) fn new(arrays: impl IntoIterator<Item = (&'a String, &'a StoredArray)>) -> Self {
        let all = arrays.into_iter().map(|(name, array)| (name.as_str(), array)).collect();
        Arrays { all: Rc::new(all), used: Rc::default(), prefix: String::new() }
    }

    /// The arrays whose names start with `prefix`; later look-ups omit the prefix.
    pub(crate) fn below(&self, prefix: &str) -> Arrays<'a> {
        let (all, used) = (Rc::clone(&self.all), Rc::clone(&self.used));
        Arrays { all, used, prefix: format!("{}{prefix}", self.prefix) }
    }

    /// Their names and shapes.
    pub(crate) fn shapes(&self) -> BTreeMap<String, Vec<i64>> {
        let mut shapes = BTreeMap::new();
        for (name, array) in self.all.iter() {
            if let Some(name) = name.strip_prefix(self.prefix.as_str()) {
                let size = |&size: &usize| i64::try_from(size).unwrap_or(i64::MAX);
                shapes.insert(name.to_string(), array.shape().iter().map(size).collect());
            }
        }
        shapes
    }

    /// Refuses arrays that nothing has asked for: a file that holds them was not written by us.
    pub(crate) fn check_all_used(&self) -> Result<(), ScorerError> {
        let used = self.used.borrow();
        match self.all.keys().filter(|name| !used.contains(**name)).min() {
            Some(name) => Err(ScorerError::Stored(format!("the array `{name}` belongs to nothing"))),
            None => Ok(()),
        }
    }

    /// Whether there is an array of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all.contains_key(format!("{}{name}", self.prefix).as_str())
    }

    pub(crate) fn get(&self, name: &str) -> Result<&'a StoredArray, ScorerError> {
        let name = format!("{}{name}", self.prefix);
        let found = self.all.get(name.as_str()).copied();
        let found = found.ok_or_else(|| ScorerError::Stored(format!("the array `{name}` is missing")))?;
        self.used.borrow_mut().insert(name);
        Ok(found)
    }

    /// Finite numbers `[n]`; any `n` if it is `None`.
    pub(crate) fn vector(&self, name: &str, n: Option<usize>) -> Result<Vec<f64>, ScorerError> {
        let array = self.get(name)?;
        if array.shape().len() != 1 || n.is_some_and(|n| array.len() != n) {
            let expected = n.map_or("[n]".to_string(), |n| format!("[{n}]"));
            return Err(self.shape(name, array.shape(), &expected));
        }
        self.finite(name, array.to_f64())
    }

    /// Finite numbers `[rows, columns]`; any number of rows if `rows` is `None`.
    pub(crate) fn matrix(
        &self,
        name: &str,
        rows: Option<usize>,
        columns: usize,
    ) -> Result<Array2<f64>, ScorerError> {
        let (matrix, _) = self.any_matrix(name, rows, columns)?;
        if matrix.iter().any(|value| !value.is_finite()) {
            return Err(self.not_finite(name));
        }
        Ok(matrix)
    }

    /// Like [`Arrays::matrix`], but allows NaN for missing values; also returns whether there are any.
    pub(crate) fn any_matrix(
        &self,
        name: &str,
        rows: Option<usize>,
        columns: usize,
    ) -> Result<(Array2<f64>, bool), ScorerError> {
        let array = self.get(name)?;
        let n = match *array.shape() {
            [n, d] if d == columns && rows.is_none_or(|rows| n == rows) => n,
            _ => {
                let rows = rows.map_or("n".to_string(), |n| n.to_string());
                return Err(self.shape(name, array.shape(), &format!("[{rows}, {columns}]")));
            }
        };
        let matrix = Array2::from_shape_vec((n, columns), array.to_f64());
        let matrix = matrix.map_err(|error| ScorerError::Stored(error.to_string()))?;
        if matrix.iter().any(|value| value.is_infinite()) {
            return Err(ScorerError::Stored(format!("`{}{name}` holds infinities", self.prefix)));
        }
        let gaps = matrix.iter().any(|value| value.is_nan());
        Ok((matrix, gaps))
    }

    fn finite(&self, name: &str, values: Vec<f64>) -> Result<Vec<f64>, ScorerError> {
        if values.iter().all(|value| value.is_finite()) {
            return Ok(values);
        }
        Err(self.not_finite(name))
    }

    fn not_finite(&self, name: &str) -> ScorerError {
        ScorerError::Stored(format!("`{}{name}` holds NaN or infinities", self.prefix))
    }

    fn shape(&self, name: &str, got: &[usize], expected: &str) -> ScorerError {
        ScorerError::Stored(format!("`{}{name}` has shape {got:?}, expected {expected}", self.prefix))
    }
}

/// Adds a prefix to the names of arrays.
pub(crate) fn prefixed(
    prefix: &str,
    arrays: Vec<(String, StoredArray)>,
) -> impl Iterator<Item = (String, StoredArray)> {
    let prefix = prefix.to_string();
    arrays.into_iter().map(move |(name, array)| (format!("{prefix}{name}"), array))
}

/// `[n]`, in double precision.
pub(crate) fn vector(values: &[f64]) -> StoredArray {
    StoredArray::of_f64(&[values.len()], values.iter().copied())
}

/// `[N, D]`, in double precision.
pub(crate) fn matrix(values: &Array2<f64>) -> StoredArray {
    StoredArray::of_f64(values.shape(), values.iter().copied())
}

/// `[N, D]`, in single precision, for numbers that came from single precision.
pub(crate) fn float_matrix(values: &Array2<f64>) -> StoredArray {
    StoredArray::of_f32(values.shape(), values.iter().map(|&value| value as f32))
}
