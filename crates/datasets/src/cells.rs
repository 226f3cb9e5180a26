//! Your own table, whose columns may be numbers or categories: how they are encoded is learned from the training rows.

use crate::error::in_data;
use crate::own::{auto_scale, check_row_count, reshape};
use crate::resize::resized;
use crate::rows::{Part, Parts, RawRows, Scaling, find_label, hold_out, none_left, number_labels};
use crate::tables::rows;
use crate::{DataConfig, DataError, Dataset, Preprocessing, SampleShape};
use ae_intake::{Column, Format, Learned, Notice, NoticeLog, Rare, ReadingNotice, Samples, Schema, Table};
use ae_records::record::FileRecord;
use std::path::Path;

/// A table before it is known which values its categories have.
pub(crate) struct Cells {
    pub table: Table,
    /// Bytes that the table was read from.
    pub content: usize,
    /// Label of each row.
    pub labels: Option<Vec<u32>>,
    pub label_names: Vec<String>,
    pub files: Vec<FileRecord>,
}

/// The places of rows in a table.
struct Places {
    rows: Vec<usize>,
    labels: Option<Vec<u32>>,
}

impl Part for Places {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn labels(&self) -> Option<&[u32]> {
        self.labels.as_deref()
    }

    fn select(&self, rows: &[usize]) -> Self {
        let labels = self.labels.as_ref().map(|labels| rows.iter().map(|&row| labels[row]).collect());
        Places { rows: rows.iter().map(|&row| self.rows[row]).collect(), labels }
    }
}

impl Cells {
    pub(crate) fn new(mut table: Table, content: usize, config: &DataConfig) -> Self {
        for notice in &table.notices {
            let text = format!("{}: {}", config.set, in_data(notice));
            match notice {
                // Values that are there are not used.
                Notice::Reading(ReadingNotice::Sentinels { .. }) => tracing::warn!("{text}"),
                _ => tracing::info!("{text}"),
            }
        }
        let times = table.timestamp.iter().map(|times| &times.name);
        let left_out: Vec<String> =
            table.ignored.iter().chain(times).filter(|name| !is_asked_out(name, config)).cloned().collect();
        if !left_out.is_empty() {
            let hint = match tracing::enabled!(tracing::Level::INFO) {
                true => "",
                false => "; run with --verbose to see why",
            };
            tracing::warn!("{}: left out {}{hint}", config.set, left_out.join(", "));
        }
        if let Some(first) = table.bad.first() {
            let (bad, all) = (table.bad.len(), table.len() + table.bad.len());
            tracing::warn!(
                "{}: left out {bad} of {all} lines, which cannot be read; the first: {first}",
                config.set
            );
        }
        let texts = table.labels.take().map(|labels| {
            let name = |&code: &u32| labels.names[code as usize].clone();
            labels.codes.iter().map(name).collect::<Vec<String>>()
        });
        let (labels, names) = texts.map(|texts| number_labels(&texts)).unzip();
        Cells { table, content, labels, label_names: names.unwrap_or_default(), files: Vec::new() }
    }

    fn all(&self) -> Places {
        Places { rows: (0..self.table.len()).collect(), labels: self.labels.clone() }
    }

    /// How rows are encoded: numbers stay as they are, a category becomes a column of 0 and 1 for each value that `rows`
    /// have.
    fn schema(&self, rows: &Places, rare: Rare, config: &DataConfig) -> Result<Schema, DataError> {
        let of_table = |error| DataError::of_table(Path::new(&config.set), error);
        let Learned { schema, notices } =
            Schema::describe(&self.table, &rows.rows, rare).map_err(of_table)?;
        for notice in &notices {
            tracing::info!("{}: {}", config.set, in_data(notice));
        }
        self.table.memory.check_rows(
            &self.table.name,
            self.content,
            2 * self.table.len() as u64,
            schema.row_width(),
        )?;
        Ok(schema)
    }

    /// Names of the features; none for a file without a header if its columns are plain numbers and all are used.
    fn names(&self, schema: &Schema) -> Vec<String> {
        let table = &self.table;
        let are_told = !matches!(table.format, Format::Csv { header: false, .. });
        let is_whole = table.ignored.is_empty() && table.timestamp.is_none();
        let is_plain =
            table.columns.iter().all(|column| column.levels.is_none() && column.sentinels.is_empty());
        match are_told || !is_whole || !is_plain {
            true => schema.feature_names(),
            false => Vec::new(),
        }
    }

    /// Encoded rows; what was not observed is masked.
    fn encode(
        &self,
        schema: &Schema,
        rows: &Places,
        log: &mut NoticeLog,
        config: &DataConfig,
    ) -> Result<Samples, DataError> {
        let of_table = |error| DataError::of_table(Path::new(&config.set), error);
        let samples = schema.encode_in_units(&self.table, &rows.rows, log).map_err(of_table)?;
        Ok(samples.with_labels(rows.labels.clone()))
    }

    /// All rows, with a column for each value of a category, to use a model on.
    pub(crate) fn rows(self, config: &DataConfig) -> Result<RawRows, DataError> {
        let all = self.all();
        let schema = self.schema(&all, Rare::Apart, config)?;
        let samples = self.encode(&schema, &all, &mut NoticeLog::default(), config)?;
        let rows =
            rows(samples, self.names(&schema), Some(self.label_names), are_categories(&schema), config)?;
        let mut rows = RawRows { files: self.files, ..rows };
        rows.shape = resized(config, &config.set, rows.shape, &mut [&mut rows.samples])?;
        Ok(rows)
    }

    /// Splits the rows, learns from the training rows how all are encoded and scaled, and does so. A value of a category
    /// that no training row has is one that the model does not know, as in a file that it is used on later.
    pub(crate) fn load(self, config: &DataConfig, seed: u64) -> Result<Dataset, DataError> {
        check_row_count(self.table.len(), &config.set)?;
        let (train, test) = hold_out(self.all(), &config.set, config, seed)?;
        let wanted = config.normal_label.as_deref();
        let normal_label =
            wanted.map(|label| find_label(label, &config.set, &self.label_names, &train)).transpose()?;
        let parts = Parts::choose(train, test, normal_label, config, seed);
        let Parts { train, validation, test } = parts.ok_or_else(|| none_left(&config.set))?;
        let schema = self.schema(&train, Rare::Joined, config)?;
        let mut unseen = NoticeLog::default();
        let mut encode = |rows: &Places| self.encode(&schema, rows, &mut unseen, config);
        let (mut train, mut validation, mut test) = (encode(&train)?, encode(&validation)?, encode(&test)?);
        for line in unseen.lines() {
            tracing::warn!("{}: {line}", config.set);
        }
        let is_category = are_categories(&schema);
        let feature_names = self.names(&schema);
        let sentinels = self.table.columns.iter().filter(|column| !column.sentinels.is_empty());
        let sentinels = sentinels.map(|column| (column.name.clone(), column.sentinels.clone())).collect();
        let shape = reshape(config, SampleShape::Vector { features: train.width() }, &config.set)?;
        let shape = resized(config, &config.set, shape, &mut [&mut train, &mut validation, &mut test])?;
        let scaling =
            Scaling { chosen: config.scale, auto: auto_scale(&shape, false), own: Some(&is_category) };
        let data = Dataset {
            name: config.set.clone(),
            shape,
            train,
            validation,
            test,
            label_names: self.label_names,
            normal_label,
            feature_names,
            sentinels,
            files: self.files,
            preprocessing: Preprocessing::Identity,
        };
        scaling.apply(data, None)
    }
}

/// Which features are values of a category.
fn are_categories(schema: &Schema) -> Vec<bool> {
    schema.features().iter().map(|feature| feature.level.is_some()).collect()
}

/// Whether the configuration leaves a column out.
fn is_asked_out(name: &str, config: &DataConfig) -> bool {
    let is_it = |column: &Column| matches!(column, Column::Name(asked) if asked.trim() == name);
    config.ignore.iter().any(is_it) || !config.columns.is_empty()
}
