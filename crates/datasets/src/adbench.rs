//! Reads the classical tables of ADBench (Han et al., NeurIPS 2022): rows of numbers, each normal or an anomaly.
//!
//! The tables are as the benchmark publishes them, without a split; 22 of its 47 are there.

use crate::catalogue::{self, FileEntry, SetEntry};
use crate::npz::Npz;
use crate::{DataError, Sources};
use ae_fetch::Progress;
use ae_records::names::nearest;
use ae_records::record::FileRecord;
use ndarray::Array2;
use std::path::Path;

/// A table whose rows are labelled.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledRows {
    /// Its name in its benchmark, without the number: `cardio`.
    pub name: String,
    /// `[N, D]`, neither of them 0, in the unit of the source, finite.
    pub values: Array2<f64>,
    /// `[N]`, whether each row is an anomaly.
    pub is_anomalous: Vec<bool>,
    /// The files that were read.
    pub files: Vec<FileRecord>,
}

/// The names of the tables: `ALOI`, `breastw`, …, in the benchmark's order.
pub fn names() -> Vec<&'static str> {
    tables(set()).map(|(name, _)| name).collect()
}

/// Loads the table of the set `adbench` with this name, and fetches it, but none of the others, first if
/// necessary.
///
/// # Errors
/// [`DataError::UnknownSet`] if there is no such table; otherwise, if its file cannot be fetched or is not valid.
pub fn load(name: &str, sources: &Sources, progress: &mut dyn Progress) -> Result<LabelledRows, DataError> {
    let set = set();
    let Some((name, file)) = tables(set).find(|(known, _)| *known == name) else {
        let known: Vec<String> = names().into_iter().map(String::from).collect();
        return Err(DataError::UnknownSet {
            name: name.to_owned(),
            here: None,
            nearest: nearest(name, &known),
            known,
        });
    };
    let path = sources.bring_file(set, file, &mut false, progress)?;
    let (content, record) = sources.content(set, file, &path, progress)?;
    parse(&content, name, vec![record]).map_err(|reason| wrong(&path, reason))
}

fn set() -> &'static SetEntry {
    catalogue::find("adbench").expect("it is tested to be in the catalogue")
}

/// Each file `6_cardio.npz` with the name `cardio`.
fn tables(set: &'static SetEntry) -> impl Iterator<Item = (&'static str, &'static FileEntry)> {
    set.files.iter().map(|file| {
        let name = file.name.trim_end_matches(".npz");
        (name.split_once('_').map_or(name, |(_, name)| name), file)
    })
}

/// Reads an archive of the values `X`, `[N, D]`, and of the labels `y`, `[N]`, 1 for an anomaly.
pub(crate) fn parse(content: &[u8], name: &str, files: Vec<FileRecord>) -> Result<LabelledRows, String> {
    let mut archive = Npz::open(content)?;
    let (values, labels) = (archive.array("X")?, archive.array("y")?);
    let [n_rows, width] = values.dims[..] else {
        return Err(format!("the shape of its `X` is {:?}; it should be [N, D]", values.dims));
    };
    if n_rows == 0 || width == 0 {
        return Err(format!("the shape of its `X` is {:?}; there is nothing in it", values.dims));
    }
    if labels.dims != [n_rows] {
        return Err(format!(
            "the shape of its `y` is {:?}; for its `X`, it should be [{n_rows}]",
            labels.dims
        ));
    }
    if let Some(((row, column), value)) = values.rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(format!("its `X` has {value} in row {row}, column {column}, counted from 0"));
    }
    let mut is_anomalous = Vec::with_capacity(n_rows);
    for (row, &label) in labels.rows.iter().enumerate() {
        if label != 0.0 && label != 1.0 {
            return Err(format!("its `y` has {label} in row {row}, counted from 0; labels are 0 and 1"));
        }
        is_anomalous.push(label == 1.0);
    }
    Ok(LabelledRows { name: name.into(), values: values.rows, is_anomalous, files })
}

fn wrong(path: &Path, reason: String) -> DataError {
    DataError::Format { path: path.to_owned(), format: "ADBench", reason }
}

#[cfg(test)]
#[path = "adbench_tests.rs"]
mod tests;
