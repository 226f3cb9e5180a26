//! Golden rows: raw rows with the scores they had when the detector was made.

use crate::error::ScorerError;
use crate::scorers::Scorer;
use crate::scorers::stored::{self, Arrays};
use ae_intake::{
    Field, FieldKind, Group, InputConfig, Layout, MemoryLimit, Schema, State, Table, TableColumn,
    TableGroups, evenly_spaced,
};
use ae_records::arrays::StoredArray;
use ndarray::{Array2, Axis};
use std::collections::BTreeSet;

/// Most scores that are kept.
const MAX_SCORES: usize = 8;
/// Most rows that they are chosen from.
const MAX_CHOICES: usize = 128;

/// Unscaled rows `[G, C]` (codes for categories, NaN for missing values), and the scores of those that can be
/// judged. For windows, the rows are consecutive steps.
pub(crate) struct Golden {
    raw: Array2<f32>,
    scores: Vec<f64>,
}

impl Golden {
    /// Largest relative difference allowed between a stored score and a recomputed one. Summing in a
    /// different order, on another processor, changes a score by about 1e-6.
    pub(crate) const TOLERANCE: f64 = 1e-5;

    /// Picks a few of the `rows` of a table (for windows, the last steps): those with the lowest and the
    /// highest score, and some in between.
    pub(crate) fn choose(
        schema: &Schema,
        table: &Table,
        rows: &[usize],
        scorer: &dyn Scorer,
    ) -> Result<Self, ScorerError> {
        let raw = codes(schema, table)?;
        // Windows overlap, and are chosen from the last ones; all of them might not fit into memory.
        let rows = match schema.windows {
            Some(_) => rows[rows.len().saturating_sub(MAX_CHOICES)..].to_vec(),
            None => evenly_spaced(rows, MAX_CHOICES),
        };
        let most = table.memory.encoded_rows(schema.width()).max(MAX_SCORES);
        let rows = &rows[rows.len().saturating_sub(most)..];
        let encoded = schema.encode(table, rows)?;
        let ready: Vec<usize> =
            (0..rows.len()).filter(|&at| encoded.rows[at].state == State::Ready).collect();
        let chosen: Vec<usize> = match schema.windows {
            // The windows that end at the last steps.
            Some(windows) => {
                let end = ready.last().map_or(table.len(), |&at| rows[at] + 1);
                (end.saturating_sub(windows.length + MAX_SCORES - 1)..end).collect()
            }
            None => {
                let scores = scorer.scores(&encoded.samples.select(&ready))?;
                let mut order: Vec<usize> = (0..ready.len()).collect();
                order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
                let last = order.len().saturating_sub(1);
                let spread = (0..MAX_SCORES.min(order.len())).map(|at| order[at * last / (MAX_SCORES - 1)]);
                let places: BTreeSet<usize> = spread.collect();
                places.into_iter().map(|at| rows[ready[at]]).collect()
            }
        };
        let mut golden = Golden { raw: raw.select(Axis(0), &chosen), scores: Vec::new() };
        golden.scores = golden.score(schema, scorer)?;
        Ok(golden)
    }

    pub(crate) fn load(schema: &Schema, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let (raw, _) = arrays.any_matrix("rows", None, schema.fields.len())?;
        let scores = arrays.vector("scores", None)?;
        if scores.is_empty() {
            return Err(ScorerError::Stored("there are no golden rows to check".into()));
        }
        let most = MAX_SCORES + schema.windows.map_or(0, |windows| windows.length);
        if raw.nrows() > most || scores.len() > raw.nrows() {
            return Err(ScorerError::Stored(format!("there are too many golden rows: {}", raw.nrows())));
        }
        for (column, field) in raw.columns().into_iter().zip(&schema.fields) {
            if let FieldKind::Category { .. } = &field.kind {
                let legal = |code: &f64| {
                    code.is_nan() || (code.fract() == 0.0 && (0.0..field.width() as f64).contains(code))
                };
                if !column.iter().all(legal) {
                    let reason = format!("a golden row has a category that column `{}` lacks", field.name);
                    return Err(ScorerError::Stored(reason));
                }
            }
        }
        Ok(Golden { raw: raw.mapv(|value| value as f32), scores })
    }

    pub(crate) fn arrays(&self) -> Vec<(String, StoredArray)> {
        let raw = stored::float_matrix(&self.raw.mapv(f64::from));
        vec![("rows".into(), raw), ("scores".into(), stored::vector(&self.scores))]
    }

    pub(crate) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(crate) fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// The scores of the rows that can be judged.
    pub(crate) fn score(&self, schema: &Schema, scorer: &dyn Scorer) -> Result<Vec<f64>, ScorerError> {
        // The first steps of windows have no window yet; encoding one for each of them takes the square of its length.
        let first = schema.windows.map_or(0, |windows| windows.length.saturating_sub(1));
        let rows: Vec<usize> = (first..self.raw.nrows()).collect();
        let encoded = schema.encode(&table(schema, self.raw.clone()), &rows)?;
        let ready: Vec<usize> =
            (0..rows.len()).filter(|&at| encoded.rows[at].state == State::Ready).collect();
        match ready.is_empty() {
            true => Ok(Vec::new()),
            false => scorer.scores(&encoded.samples.select(&ready)),
        }
    }

    /// The row whose score is farthest off, and its relative difference; infinite if the number of judged
    /// rows has changed.
    pub(crate) fn worst(&self, got: &[f64]) -> Option<(usize, f64)> {
        if got.len() != self.scores.len() {
            return Some((0, f64::INFINITY));
        }
        let off = |(got, expected): (&f64, &f64)| (got - expected).abs() / expected.abs().max(1e-9);
        let all = got.iter().zip(&self.scores).map(off).enumerate();
        all.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Rows `[N, C]` as a table with the schema's columns: numbers, codes of its categories, NaN for missing
/// values.
fn table(schema: &Schema, values: Array2<f32>) -> Table {
    let column = |field: &Field| TableColumn {
        name: field.name.clone(),
        position: field.position,
        levels: match &field.kind {
            FieldKind::Category { levels, rare } => {
                // Any rare value stands for all of them.
                Some(levels.iter().chain(rare.first()).cloned().collect())
            }
            FieldKind::Number { .. } => None,
        },
        // Missing values are NaN already.
        ..TableColumn::default()
    };
    let n = values.nrows();
    Table {
        name: "the golden rows".into(),
        format: schema.format,
        layout: schema.layout,
        layout_because: String::new(),
        cells: schema.cells,
        columns: schema.fields.iter().map(column).collect(),
        lines: (1..=n as u64).collect(),
        values,
        stamps: Vec::new(),
        timestamp: None,
        groups: schema.group.as_ref().map(|group| one_group(group, n)),
        labels: None,
        bad: Vec::new(),
        ignored: Vec::new(),
        notices: Vec::new(),
        file: None,
        memory: MemoryLimit::for_input(0, None),
        config: InputConfig::default(),
    }
}

/// All `n` rows in the first group: their scores do not depend on which one it is.
fn one_group(group: &Group, n: usize) -> TableGroups {
    TableGroups {
        column: group.name.clone(),
        position: group.position,
        names: group.names.iter().take(1).cloned().collect(),
        bounds: vec![0, n],
    }
}

/// The values of a table in the order of the schema's fields, `[N, C]`, with the schema's codes for
/// categories; NaN for a category that it does not know.
fn codes(schema: &Schema, table: &Table) -> Result<Array2<f32>, ScorerError> {
    let mut raw = Array2::from_elem((table.len(), schema.fields.len()), f32::NAN);
    for (mut to, field) in raw.columns_mut().into_iter().zip(&schema.fields) {
        let found = table.columns.iter().position(|column| column.name == field.name);
        let index =
            found.ok_or_else(|| ScorerError::Stored(format!("column `{}` is missing", field.name)))?;
        let code = |value: f32| match (&field.kind, &table.columns[index].levels) {
            (FieldKind::Category { .. }, Some(there)) if !value.is_nan() => {
                let level = &there[value as usize];
                let found = field.kind.codes().find(|(known, _)| known == level);
                found.map_or(f32::NAN, |(_, code)| code as f32)
            }
            _ => value,
        };
        to.iter_mut().zip(table.values.column(index)).for_each(|(to, &value)| *to = code(value));
    }
    debug_assert!(schema.layout != Layout::Series || raw.ncols() == schema.width());
    Ok(raw)
}
