//! Reads the user's own tables as a detector reads them; one of plain numbers whose rows have a shape is taken as it stands.

use crate::cells::Cells;
use crate::own::{Own, auto_scale, reshape};
use crate::rows::{RawRows, number_labels};
use crate::{DataConfig, DataError, SampleShape};
use ae_intake::{HeavyTails, InputConfig, LayoutChoice, MemoryLimit, NumberTable, Samples, Table};
use std::path::Path;

/// What a table is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What its columns are is learned from it, as by a detector.
    Train,
    /// A model that is there already knows what its columns are.
    Use,
}

/// Reads a table.
pub(crate) fn read(
    content: &[u8],
    config: &DataConfig,
    path: &Path,
    memory: MemoryLimit,
    purpose: Purpose,
) -> Result<Own, DataError> {
    let name = path.display().to_string();
    let input = InputConfig {
        columns: config.columns.clone(),
        ignore: config.ignore.clone(),
        label: config.label.clone(),
        header: config.header,
        delimiter: config.delimiter,
        categories: config.categories.clone(),
        max_categories: config.max_categories,
        missing: config.missing.clone(),
        numbers: config.numbers,
        max_bad: config.max_bad,
        layout: LayoutChoice::Table,
        any_label: true,
        heavy_tails: HeavyTails::Keep,
        sentinels: purpose == Purpose::Train && config.sentinels,
        ..Default::default()
    };
    let of_table = |error| DataError::of_table(path, error);
    let is_plain = config.categories.is_empty() && config.missing.is_empty();
    let as_numbers = || NumberTable::parse_within(content, &name, &input, memory);
    // The values of an image or of a series with a shape are no columns of which each means something else.
    if is_plain
        && (purpose == Purpose::Use || config.shape.is_some())
        && let Ok(table) = as_numbers()
    {
        return of_numbers(table, config).map(|rows| Own::Rows(rows.into()));
    }
    match Table::parse_within(content, &name, &input, memory) {
        Ok(table) => Ok(Own::Cells(Cells::new(table, content.len(), config).into())),
        // What is wrong with a table of numbers is named more exactly by who looks for nothing else.
        Err(error) => match is_plain.then(as_numbers) {
            Some(Err(exact)) => Err(of_table(exact)),
            _ => Err(of_table(error)),
        },
    }
}

fn of_numbers(table: NumberTable, config: &DataConfig) -> Result<RawRows, DataError> {
    let (labels, label_names) = table.labels.map(|labels| number_labels(&labels)).unzip();
    rows(Samples::complete(table.values).with_labels(labels), table.names, label_names, Vec::new(), config)
}

pub(crate) fn rows(
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
