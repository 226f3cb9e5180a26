//! Encodes rows of a table without a scaling, for programs that scale them themselves.

use crate::Samples;
use crate::columns::layout::Layout;
use crate::error::IntakeError;
use crate::schema::encode::{Encoder, Found, raw_row};
use crate::schema::log::NoticeLog;
use crate::schema::notice::Notice;
use crate::schema::{FieldKind, Schema};
use crate::table::Table;
use crate::text::parse::UNSEEN;

impl Schema {
    /// Encodes the given `rows` of a table as [`Schema::encode`] does, but leaves numbers in the units of their columns:
    /// `[N, D]`. A value of a category that the schema does not know becomes all zeros and is counted in `log`.
    ///
    /// # Errors
    /// As [`Schema::encode`]. Panics if rows are cut into windows.
    pub fn encode_in_units(
        &self,
        table: &Table,
        rows: &[usize],
        log: &mut NoticeLog,
    ) -> Result<Samples, IntakeError> {
        assert_ne!(self.layout, Layout::Windows, "windows are encoded with their scaling");
        let columns = self.columns_of(table)?;
        let raw: Vec<f32> = rows.iter().flat_map(|&row| raw_row(self, table, &columns, row)).collect();
        for (cells, &row) in raw.chunks_exact(columns.len()).zip(rows) {
            self.count_unseen(table, row, cells, &columns, log);
        }
        Ok(Encoder::in_units(self).many_rows(&raw).0)
    }

    fn count_unseen(&self, table: &Table, row: usize, cells: &[f32], columns: &[Found], log: &mut NoticeLog) {
        for ((field, &cell), (index, _)) in self.fields.iter().zip(cells).zip(columns) {
            if cell == UNSEEN
                && let FieldKind::Category { .. } = field.kind
                && let Some(levels) = &table.columns[*index].levels
            {
                let value = levels[table.values[[row, *index]] as usize].clone();
                log.add(&Notice::UnseenCategory {
                    line: table.lines[row],
                    column: field.name.clone(),
                    value,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::learn::Rare;

    #[test]
    fn numbers_stay_as_they_are_and_unknown_values_are_counted() {
        let text = "x,kind\n3e7,a\n-2,b\n,a\n0.5,c\n1.5,c\n";
        let table = Table::parse(text.as_bytes(), "t.csv", &Default::default()).unwrap();
        let schema = Schema::describe(&table, &[0, 1, 2], Rare::Joined).unwrap().schema;
        assert_eq!(schema.feature_names(), ["x", "kind=a", "kind=b"]);
        let mut log = NoticeLog::default();
        let rows = schema.encode_in_units(&table, &[3, 0, 2, 4], &mut log).unwrap();
        let expected = ndarray::array![[0.5, 0.0, 0.0], [3e7, 1.0, 0.0], [0.0, 1.0, 0.0], [1.5, 0.0, 0.0]];
        assert_eq!(rows.values, expected, "beyond the limit of scaled values, too");
        assert!(!rows.is_observed(2, 0) && rows.is_observed(0, 1));
        assert_eq!(log.lines(), ["line 5: column `kind` has `c`, which no training row had (2 such values)"]);
    }

    #[test]
    fn any_number_of_rows_can_be_described_and_rare_values_kept_apart() {
        let rows: String = (0..5000).map(|row| format!("{}.5,v{row}\n", row * 7 % 13)).collect();
        let config =
            crate::InputConfig { categories: vec!["k".into()], max_categories: 10_000, ..Default::default() };
        let table = Table::parse(format!("x,k\n{rows}").as_bytes(), "t.csv", &config).unwrap();
        let all: Vec<usize> = (0..5000).collect();
        let width = |rare| Schema::describe(&table, &all, rare).unwrap().schema.row_width();
        assert_eq!((width(Rare::Joined), width(Rare::Apart)), (4097, 5001));
        assert_eq!(Schema::describe(&table, &[7], Rare::Joined).unwrap().schema.row_width(), 2);
        assert!(Schema::learn(&table, &[7]).is_err());
    }
}
