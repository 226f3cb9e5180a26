//! Makes a table from an array in memory. Columns are recognised as for a file, without writing text.

use crate::columns::clock;
use crate::columns::kinds::{self, Columns, Kind};
use crate::columns::profile::{self, Counting, MAX_LEVEL};
use crate::columns::stamps::StampFormat;
use crate::error::{BadLine, BadReason, IntakeError, TableError};
use crate::groups::{Groups, TableGroups};
use crate::input::InputConfig;
use crate::memory::MemoryLimit;
use crate::schema::encode::EncodedRows;
use crate::schema::{FieldKind, Format, Schema};
use crate::table::{Table, TableColumn};
use crate::text::cells::number_text;
use crate::text::parse::RawBlock;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use std::collections::{BTreeSet, HashMap};

/// What messages call the array.
const NAME: &str = "the array";

impl Table {
    /// Takes the rows of an array `[N, C]`; columns are recognised as for a file, and NaN is a missing value.
    /// `names` holds one name per column, or is empty: then columns are called `c0`, `c1`, ….
    ///
    /// ```
    /// use ae_intake::{Layout, Table};
    /// use ndarray::array;
    ///
    /// let rows = array![[20.1, 3.0], [f32::NAN, 4.0], [19.7, 3.5]];
    /// let table = Table::from_array(rows.view(), &["temperature", "flow"])?;
    /// assert_eq!((table.len(), table.layout), (3, Layout::Table));
    /// # Ok::<(), ae_intake::IntakeError>(())
    /// ```
    ///
    /// # Errors
    /// [`IntakeError::NotFinite`] with the row and column of an infinity, [`IntakeError::NameCount`], and as
    /// [`Table::parse`].
    pub fn from_array<S: AsRef<str>>(rows: ArrayView2<'_, f32>, names: &[S]) -> Result<Self, IntakeError> {
        Self::from_array_with(rows, names, &InputConfig::default())
    }

    /// Like [`Table::from_array`], with settings. Label, times and categories are columns of numbers, too.
    ///
    /// # Errors
    /// As [`Table::from_array`].
    pub fn from_array_with<S: AsRef<str>>(
        rows: ArrayView2<'_, f32>,
        names: &[S],
        config: &InputConfig,
    ) -> Result<Self, IntakeError> {
        config.validate()?;
        if !names.is_empty() && names.len() != rows.ncols() {
            return Err(IntakeError::NameCount { names: names.len(), columns: rows.ncols() });
        }
        if rows.is_empty() {
            return Err(IntakeError::Table { name: NAME.into(), source: TableError::Empty });
        }
        let header: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
        let header = Some(header).filter(|header| !header.is_empty());
        ensure_finite(rows, &crate::columns::find::unique_names(header.as_deref(), rows.ncols()))?;
        let format = Format::Csv { delimiter: ',', header: header.is_some() };
        let profile = profile::of_array(rows, &Counting::of(config));
        let columns = kinds::decide(NAME, config, header, &profile, b',')?;
        let bytes = (size_of::<f32>() * rows.len()) as u64;
        let memory = MemoryLimit::for_array(bytes, config.max_memory_mb);
        Table::assemble(NAME, config, format, columns, memory, |columns| Ok(block(rows, columns)))
    }
}

impl Schema {
    /// Encodes rows of an array `[N, C]` with all columns of the training data, in the same order; NaN is a
    /// missing value. For windows the rows are time steps, and each gives the window of its group that ends with it.
    ///
    /// # Errors
    /// [`IntakeError::Schema`] if the rows have another width or a row has no group, [`IntakeError::NotFinite`] with the row and
    /// column of an infinity.
    pub fn encode_array(&self, rows: ArrayView2<'_, f32>) -> Result<EncodedRows, IntakeError> {
        let Some(group) = &self.group else {
            let table = self.table_of(rows, None)?;
            return self.encode(&table, &(0..table.len()).collect::<Vec<_>>());
        };
        let mut groups = Groups::default();
        for (row, &value) in rows.columns().into_iter().skip(group.position).take(1).flatten().enumerate() {
            if value.is_nan() {
                let reason = format!("row {row} (from 0) names no group in column `{}`", group.name);
                return Err(IntakeError::Schema { name: NAME.into(), reason });
            }
            groups.push(&number_text(value));
        }
        let (order, groups) = groups.in_order(group.name.clone(), group.position);
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &row)| places[row] = place);
        let table = self.table_of(rows.select(Axis(0), &order).view(), Some(groups));
        let table = table.map_err(|error| match error {
            IntakeError::NotFinite { row, column, value } => {
                IntakeError::NotFinite { row: order[row], column, value }
            }
            other => other,
        })?;
        let mut encoded = self.encode(&table, &places)?;
        // Lines were counted in the order of the groups.
        encoded.rows.iter_mut().zip(1..).for_each(|(note, line)| note.line = line);
        Ok(encoded)
    }

    fn table_of(&self, rows: ArrayView2<'_, f32>, groups: Option<TableGroups>) -> Result<Table, IntakeError> {
        if rows.ncols() != self.cells {
            let reason = format!("its rows have {} values instead of {}", rows.ncols(), self.cells);
            return Err(IntakeError::Schema { name: NAME.into(), reason });
        }
        let mut values = Array2::zeros((rows.nrows(), self.fields.len()));
        let mut columns = Vec::with_capacity(self.fields.len());
        for (field, mut to) in self.fields.iter().zip(values.columns_mut()) {
            let from = rows.column(field.position);
            if let Some(row) = from.iter().position(|value| value.is_infinite()) {
                return Err(IntakeError::NotFinite { row, column: field.name.clone(), value: from[row] });
            }
            let levels = match field.kind {
                FieldKind::Number { .. } => {
                    to.assign(&from);
                    None
                }
                FieldKind::Category { .. } => {
                    let texts: BTreeSet<String> = from
                        .iter()
                        .filter(|value| !value.is_nan())
                        .map(|&value| number_text(value))
                        .collect();
                    let levels: Vec<String> = texts.into_iter().collect();
                    to.assign(&ndarray::Array1::from(codes(from, &levels)));
                    Some(levels)
                }
            };
            let (name, position) = (field.name.clone(), field.position);
            columns.push(TableColumn { name, position, levels, ..TableColumn::default() });
        }
        let mut stamps = match &self.timestamp {
            Some(stamp) => {
                rows.column(stamp.position).iter().map(|&time| time_of(time, stamp.format)).collect()
            }
            None => vec![f64::NAN; rows.nrows()],
        };
        if self.timestamp.as_ref().is_some_and(|stamp| stamp.format == StampFormat::Clock) {
            clock::count_days(&mut stamps);
        }
        Ok(Table {
            name: NAME.into(),
            format: self.format,
            layout: self.layout,
            layout_because: "as learned".into(),
            cells: self.cells,
            columns,
            values,
            lines: (1..=rows.nrows() as u64).collect(),
            stamps,
            timestamp: self.timestamp.clone(),
            groups,
            labels: None,
            bad: Vec::new(),
            ignored: self.ignored.clone(),
            notices: Vec::new(),
            file: None,
            memory: MemoryLimit::for_array((size_of::<f32>() * rows.len()) as u64, None),
            config: InputConfig::default(),
        })
    }
}

fn ensure_finite(rows: ArrayView2<'_, f32>, names: &[String]) -> Result<(), IntakeError> {
    match rows.indexed_iter().find(|(_, value)| value.is_infinite()) {
        Some(((row, column), &value)) => {
            Err(IntakeError::NotFinite { row, column: names[column].clone(), value })
        }
        None => Ok(()),
    }
}

/// The code of each value: the index of its text in `levels`; `NaN` if it is missing or counts as missing.
fn codes(values: ArrayView1<'_, f32>, levels: &[String]) -> Vec<f32> {
    let by_text: HashMap<&str, f32> =
        levels.iter().enumerate().map(|(code, level)| (level.as_str(), code as f32)).collect();
    let code = |&value: &f32| match value.is_nan() {
        true => f32::NAN,
        false => by_text.get(number_text(value).as_str()).copied().unwrap_or(f32::NAN),
    };
    values.iter().map(code).collect()
}

/// The time that a number of an array stands for.
fn time_of(number: f32, format: StampFormat) -> f64 {
    clock::of_number(f64::from(number), format).unwrap_or(f64::NAN)
}

/// The rows, as if parsed from the lines of a file. A row without a label or a group is bad.
fn block(rows: ArrayView2<'_, f32>, columns: &Columns) -> RawBlock {
    let width = columns.data.len() + usize::from(columns.label.is_some());
    let mut values = Array2::<f32>::zeros((rows.nrows(), width));
    for (column, mut to) in columns.data.iter().zip(values.columns_mut()) {
        let from = rows.column(column.position);
        match &column.kind {
            Kind::Number => to.zip_mut_with(&from, |to, &value| {
                *to = if column.sentinels.contains(&value) { f32::NAN } else { value };
            }),
            Kind::Category(levels) => to.assign(&ndarray::Array1::from(codes(from, levels))),
        }
    }
    if let Some((position, levels)) = &columns.label {
        values.column_mut(width - 1).assign(&ndarray::Array1::from(codes(rows.column(*position), levels)));
    }
    let mut block = RawBlock::default();
    for (row, line) in (0..rows.nrows()).zip(1..) {
        if let Some((position, _)) = &columns.label
            && values[[row, width - 1]].is_nan()
        {
            let column = columns.names[*position].clone();
            block.bad.push(BadLine { line, reason: BadReason::NoLabel { column } });
            continue;
        }
        if let Some(position) = columns.group {
            let value = rows[[row, position]];
            if value.is_nan() {
                let reason = BadReason::NoGroup { column: columns.names[position].clone(), limit: MAX_LEVEL };
                block.bad.push(BadLine { line, reason });
                continue;
            }
            block.groups.push(&number_text(value));
        }
        block.values.extend(values.row(row));
        let stamp = columns.stamp.as_ref().map(|stamp| time_of(rows[[row, stamp.position]], stamp.format));
        block.stamps.push(stamp.unwrap_or(f64::NAN));
        block.lines.push(line);
    }
    block
}

#[cfg(test)]
#[path = "array_tests.rs"]
mod tests;
