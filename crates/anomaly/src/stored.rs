//! Stored tensors, read without trusting them.

use crate::error::ScorerError;
use ae_tensor::{Kind, Tensor, array};
use ndarray::Array2;
use std::collections::HashMap;

/// Tensors of a file by name, below a prefix.
pub(crate) struct Tensors<'a> {
    all: HashMap<&'a str, &'a Tensor>,
    prefix: String,
}

impl<'a> Tensors<'a> {
    pub(crate) fn new(tensors: &'a [(String, Tensor)]) -> Self {
        Tensors { all: tensors.iter().map(|(name, t)| (name.as_str(), t)).collect(), prefix: String::new() }
    }

    /// Those whose names begin with `prefix`, which is left out of their names from then on.
    pub(crate) fn below(&self, prefix: &str) -> Tensors<'a> {
        Tensors { all: self.all.clone(), prefix: format!("{}{prefix}", self.prefix) }
    }

    /// Numbers held by all of them.
    pub(crate) fn numbers(&self) -> usize {
        let own = self.all.iter().filter(|(name, _)| name.starts_with(&self.prefix));
        own.map(|(_, tensor)| tensor.numel()).sum()
    }

    pub(crate) fn get(&self, name: &str) -> Result<&'a Tensor, ScorerError> {
        let name = format!("{}{name}", self.prefix);
        let found = self.all.get(name.as_str()).copied();
        found.ok_or_else(|| ScorerError::Stored(format!("the numbers `{name}` are missing")))
    }

    /// Finite numbers `[n]`; any `n` where none is given.
    pub(crate) fn vector(&self, name: &str, n: Option<usize>) -> Result<Vec<f64>, ScorerError> {
        let tensor = self.get(name)?;
        let size = tensor.size();
        if size.len() != 1 || n.is_some_and(|n| size[0] != n as i64) {
            let expected = n.map_or("[n]".to_string(), |n| format!("[{n}]"));
            return Err(self.shape(name, &size, &expected));
        }
        self.finite(name, values(tensor))
    }

    /// Finite numbers `[rows, columns]`; any number of rows where none is given.
    pub(crate) fn matrix(
        &self,
        name: &str,
        rows: Option<usize>,
        columns: usize,
    ) -> Result<Array2<f64>, ScorerError> {
        let (matrix, _) = self.any_matrix(name, rows, columns)?;
        if matrix.iter().any(|value| !value.is_finite()) {
            return Err(ScorerError::Stored(format!(
                "`{}{name}` holds values that are no numbers",
                self.prefix
            )));
        }
        Ok(matrix)
    }

    /// As [`Tensors::matrix`], with NaN where nothing was observed; and whether there is any.
    pub(crate) fn any_matrix(
        &self,
        name: &str,
        rows: Option<usize>,
        columns: usize,
    ) -> Result<(Array2<f64>, bool), ScorerError> {
        let tensor = self.get(name)?;
        let size = tensor.size();
        let fits =
            matches!(size[..], [n, d] if d == columns as i64 && rows.is_none_or(|rows| n == rows as i64));
        if !fits {
            let rows = rows.map_or("n".to_string(), |n| n.to_string());
            return Err(self.shape(name, &size, &format!("[{rows}, {columns}]")));
        }
        let matrix = Array2::from_shape_vec((size[0] as usize, columns), values(tensor));
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
        Err(ScorerError::Stored(format!("`{}{name}` holds values that are no numbers", self.prefix)))
    }

    fn shape(&self, name: &str, got: &[i64], expected: &str) -> ScorerError {
        ScorerError::Stored(format!("`{}{name}` has the shape {got:?} in place of {expected}", self.prefix))
    }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    if tensor.numel() == 0 { Vec::new() } else { array::to_vec(tensor) }
}

/// Tensors with a prefix before their names.
pub(crate) fn prefixed(
    prefix: &str,
    tensors: Vec<(String, Tensor)>,
) -> impl Iterator<Item = (String, Tensor)> {
    let prefix = prefix.to_string();
    tensors.into_iter().map(move |(name, tensor)| (format!("{prefix}{name}"), tensor))
}

/// `[n]`, double.
pub(crate) fn vector(values: &[f64]) -> Tensor {
    Tensor::from_slice(values)
}

/// `[N, D]`, double.
pub(crate) fn matrix(values: &Array2<f64>) -> Tensor {
    let (rows, columns) = values.dim();
    let flat: Vec<f64> = values.iter().copied().collect();
    Tensor::from_slice(&flat).view([rows as i64, columns as i64])
}

/// `[N, D]`, float: of numbers that came from floats.
pub(crate) fn float_matrix(values: &Array2<f64>) -> Tensor {
    matrix(values).to_kind(Kind::Float)
}
