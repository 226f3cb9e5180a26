//! Reads the user's own tables. One of plain numbers is taken as it stands; with gaps, categories, decimal commas or units
//! it is read as a detector reads it.

use crate::own::{auto_scale, reshape};
use crate::rows::{RawRows, number_labels};
use crate::{DataConfig, DataError, SampleShape};
use ae_intake::{
    Column, InputConfig, IntakeError, LayoutChoice, MemoryLimit, NumberTable, Samples, Table, TableError,
};
use ndarray::Array2;
use std::path::Path;

/// The rows of a table, unsplit and unscaled.
pub(crate) fn read(
    content: &[u8],
    config: &DataConfig,
    path: &Path,
    memory: MemoryLimit,
) -> Result<RawRows, DataError> {
    let name = path.display().to_string();
    let input = InputConfig {
        columns: config.columns.clone(),
        ignore: config.ignore.clone(),
        label: config.label.clone(),
        header: config.header,
        delimiter: config.delimiter,
        categories: config.categories.clone(),
        missing: config.missing.clone(),
        numbers: config.numbers,
        max_bad: config.max_bad,
        layout: LayoutChoice::Table,
        any_label: true,
        ..Default::default()
    };
    let of_table = |error| DataError::of_table(path, error);
    let is_plain = config.categories.is_empty() && config.missing.is_empty();
    let numbers = match is_plain {
        true => NumberTable::parse_within(content, &name, &input, memory),
        false => Err(IntakeError::Table { name: name.clone(), source: TableError::Empty }),
    };
    match numbers {
        Ok(table) => of_numbers(table, config),
        Err(IntakeError::Table { source, .. }) if is_plain && is_of_columns(&source) => {
            Err(DataError::Table { path: path.to_owned(), source })
        }
        Err(error @ IntakeError::Memory(_)) => Err(of_table(error)),
        Err(error) => match Table::parse_within(content, &name, &input, memory) {
            Ok(table) => of_cells(table, content.len(), config),
            // What is wrong with a table of numbers is named more exactly by who looks for nothing else.
            Err(_) if is_plain => Err(of_table(error)),
            Err(other) => Err(of_table(other)),
        },
    }
}

/// Whether the table lacks what the configuration names, or has no rows, however its cells are read.
fn is_of_columns(error: &TableError) -> bool {
    use TableError::{AmbiguousColumn, LongName, NoColumn, NoData, OnlyHeader, TooWide};
    matches!(
        error,
        TableError::Empty
            | NoColumn { .. }
            | AmbiguousColumn { .. }
            | NoData { .. }
            | OnlyHeader
            | TooWide { .. }
            | LongName { .. }
    )
}

fn of_numbers(table: NumberTable, config: &DataConfig) -> Result<RawRows, DataError> {
    let (labels, label_names) = table.labels.map(|labels| number_labels(&labels)).unzip();
    rows(Samples::complete(table.values).with_labels(labels), table.names, label_names, Vec::new(), config)
}

/// Numbers stay as they are, a category becomes a column of 0 and 1 for each of its values, and what was not observed is
/// masked.
fn of_cells(table: Table, content: usize, config: &DataConfig) -> Result<RawRows, DataError> {
    for notice in &table.notices {
        tracing::info!("{}: {notice}", config.set);
    }
    let times = table.timestamp.iter().map(|times| &times.name);
    let left_out: Vec<String> =
        table.ignored.iter().chain(times).filter(|name| !is_asked_out(name, config)).cloned().collect();
    if !left_out.is_empty() {
        tracing::warn!("{}: left out {}; run with --verbose to see why", config.set, left_out.join(", "));
    }
    if let Some(first) = table.bad.first() {
        let (bad, all) = (table.bad.len(), table.len() + table.bad.len());
        tracing::warn!(
            "{}: left out {bad} of {all} lines, which cannot be read; the first: {first}",
            config.set
        );
    }
    let widths: Vec<usize> =
        table.columns.iter().map(|column| column.levels.as_ref().map_or(1, Vec::len)).collect();
    let width = widths.iter().sum();
    let (mut names, mut is_category) = (Vec::with_capacity(width), Vec::with_capacity(width));
    for column in &table.columns {
        match &column.levels {
            None => names.push(column.name.clone()),
            Some(levels) => names.extend(levels.iter().map(|level| format!("{}={level}", column.name))),
        }
        is_category.resize(names.len(), column.levels.is_some());
    }
    table.memory.check_rows(&table.name, content, 2 * table.len() as u64, width)?;
    let mut values = Array2::zeros((table.len(), width));
    let mut observed = Array2::from_elem((table.len(), width), true);
    for (row, cells) in table.values.outer_iter().enumerate() {
        let mut at = 0;
        for ((&cell, &width), column) in cells.iter().zip(&widths).zip(&table.columns) {
            match &column.levels {
                _ if cell.is_nan() => (at..at + width).for_each(|place| observed[[row, place]] = false),
                None => values[[row, at]] = cell,
                Some(_) if (0.0..width as f32).contains(&cell) => values[[row, at + cell as usize]] = 1.0,
                Some(_) => {}
            }
            at += width;
        }
    }
    let observed = observed.iter().any(|seen| !seen).then_some(observed);
    let (labels, label_names) = match table.labels {
        None => (None, None),
        Some(labels) => {
            let texts: Vec<String> =
                labels.codes.iter().map(|&code| labels.names[code as usize].clone()).collect();
            let (numbers, names) = number_labels(&texts);
            (Some(numbers), Some(names))
        }
    };
    let samples = Samples::complete(values).with_observed(observed).with_labels(labels);
    rows(samples, names, label_names, is_category, config)
}

/// Whether the configuration leaves a column out.
fn is_asked_out(name: &str, config: &DataConfig) -> bool {
    let is_it = |column: &Column| matches!(column, Column::Name(asked) if asked.trim() == name);
    config.ignore.iter().any(is_it) || !config.columns.is_empty()
}

fn rows(
    samples: Samples,
    feature_names: Vec<String>,
    label_names: Option<Vec<String>>,
    is_category: Vec<bool>,
    config: &DataConfig,
) -> Result<RawRows, DataError> {
    let shape = SampleShape::Vector { features: samples.width() };
    let shape = reshape(config, shape, &config.set)?;
    Ok(RawRows {
        name: config.set.clone(),
        auto_scale: auto_scale(&shape, false),
        shape,
        samples,
        label_names: label_names.unwrap_or_default(),
        feature_names,
        is_category,
        row_names: Vec::new(),
        files: Vec::new(),
    })
}

impl RawRows {
    /// The same rows with the columns that a model was trained on, in its order, to use the model on them. A value of a
    /// category that these rows lack becomes a column of zeros; one that training did not have is left out.
    ///
    /// # Errors
    /// A column of the model that these rows lack.
    pub fn with_features(self, names: &[String]) -> Result<RawRows, DataError> {
        if names.is_empty() || self.feature_names.is_empty() || *names == self.feature_names {
            return Ok(self);
        }
        let place = |name: &String| self.feature_names.iter().position(|own| own == name);
        let of_category = |name: &str| {
            let category = name.split_once('=').map(|(category, _)| format!("{category}="));
            category.is_some_and(|category| self.feature_names.iter().any(|own| own.starts_with(&category)))
        };
        let n = self.samples.len();
        let mut values = Array2::zeros((n, names.len()));
        let mut observed = Array2::from_elem((n, names.len()), true);
        for (at, name) in names.iter().enumerate() {
            let Some(place) = place(name) else {
                if of_category(name) {
                    continue;
                }
                return Err(DataError::NoFeature {
                    name: self.name,
                    column: name.clone(),
                    columns: self.feature_names,
                });
            };
            values.column_mut(at).assign(&self.samples.values.column(place));
            if let Some(own) = &self.samples.observed {
                observed.column_mut(at).assign(&own.column(place));
            }
        }
        let is_category =
            names.iter().map(|name| place(name).is_some_and(|at| self.is_category.get(at) == Some(&true)));
        let observed = self.samples.observed.is_some().then_some(observed);
        let (is_category, labels) = (is_category.collect(), self.samples.labels.clone());
        Ok(RawRows {
            samples: Samples::complete(values).with_observed(observed).with_labels(labels),
            shape: SampleShape::Vector { features: names.len() },
            feature_names: names.to_vec(),
            is_category,
            ..self
        })
    }
}
