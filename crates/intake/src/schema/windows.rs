//! Encodes windows of a table: each stretch of steps that its windows share is encoded once, and no others.

use crate::error::IntakeError;
use crate::schema::Schema;
use crate::schema::encode::{EncodedRows, Encoder, RowNote, raw_row};
use crate::stream::windower::{Steps, samples};
use crate::table::Table;
use rayon::prelude::*;

/// Windows per parallel task; each task cuts its windows one after another.
const WINDOWS_PER_TASK: usize = 256;
/// Steps between two windows that are encoded nevertheless, rather than starting over.
const MAX_SKIPPED_STEPS: usize = 256;

impl Schema {
    /// The windows of their groups that end with these steps, given in any order. Besides the windows, only the steps of a few tasks are
    /// held in memory.
    ///
    /// # Errors
    /// As [`Schema::encode`].
    pub(super) fn encode_windows(&self, table: &Table, ends: &[usize]) -> Result<EncodedRows, IntakeError> {
        let (encoder, translation) = (Encoder::new(self), self.columns_of(table)?);
        let (size, gaps, groups) = (self.width(), self.gaps(table), self.groups_of(table)?);
        let starts: Vec<usize> = table.stretches().into_iter().map(|own| own.start).collect();
        let mut values = vec![0.0; ends.len() * size];
        let mut observed = vec![false; ends.len() * size];
        let mut rows: Vec<RowNote> = values
            .par_chunks_mut(WINDOWS_PER_TASK * size)
            .zip(observed.par_chunks_mut(WINDOWS_PER_TASK * size))
            .zip(ends.par_chunks(WINDOWS_PER_TASK))
            .flat_map_iter(|((mut values, mut observed), ends)| {
                let mut rows = Vec::with_capacity(ends.len());
                for ends in stretches(ends, self.window()) {
                    let of_stretch = ends.len() * size;
                    let (to, later) = std::mem::take(&mut values).split_at_mut(of_stretch);
                    let (mask, later_mask) = std::mem::take(&mut observed).split_at_mut(of_stretch);
                    (values, observed) = (later, later_mask);
                    let steps = (ends[0] + 1).saturating_sub(self.window())..ends[ends.len() - 1] + 1;
                    let raw: Vec<f32> =
                        steps.clone().flat_map(|step| raw_row(self, table, &translation, step)).collect();
                    let (encoded, shares) = encoder.rows(&raw, steps.len());
                    let (gaps, lines) = (&gaps[steps.clone()], &table.lines[steps.clone()]);
                    let steps = Steps {
                        first: steps.start,
                        encoded: &encoded,
                        shares: &shares,
                        gaps,
                        lines,
                        starts: &starts,
                    };
                    rows.extend(steps.cut(self, &encoder, ends, to, mask));
                }
                rows
            })
            .collect();
        rows.iter_mut().zip(ends).for_each(|(note, &row)| note.group = groups(row));
        let samples = samples(values, observed, ends.len(), size);
        Ok(EncodedRows { samples, rows, notices: Vec::new() })
    }

    fn window(&self) -> usize {
        self.windows.map_or(1, |windows| windows.length)
    }
}

/// Runs of ascending end steps whose windows overlap or nearly touch.
fn stretches(ends: &[usize], window: usize) -> impl Iterator<Item = &[usize]> {
    ends.chunk_by(move |&one, &next| one < next && next - one <= window + MAX_SKIPPED_STEPS)
}

#[cfg(test)]
mod tests {
    use crate::{InputConfig, Table};
    use ae_records::seed::stream_rng;
    use rand_chacha::rand_core::Rng;

    use super::*;

    /// Whichever windows are asked for, and in whichever order, each is what it is among all of them.
    #[test]
    fn windows_do_not_depend_on_the_others() {
        let mut rng = stream_rng(1, "windows of a table", 0);
        let mut minute = 0;
        let mut line = |row: u32| {
            minute += if rng.next_u32().is_multiple_of(20) { 1 + rng.next_u32() % 9 } else { 1 };
            let cell = if rng.next_u32().is_multiple_of(7) { String::new() } else { (row % 11).to_string() };
            format!("{},{cell},{}\n", 1_700_000_000 + 60 * minute, ["on", "off", ""][(row / 5 % 3) as usize])
        };
        let text = format!("time,v,state\n{}", (0..3000).map(&mut line).collect::<String>());
        let config = InputConfig { window: Some(7), ..InputConfig::default() };
        let table = Table::parse(text.as_bytes(), "a.csv", &config).unwrap();
        let schema = Schema::learn(&table, &table.normal_rows()).unwrap().schema;
        let all = schema.encode(&table, &(0..table.len()).collect::<Vec<_>>()).unwrap();
        for spread in [1, 2, 50, 700, 3000] {
            let mut ends: Vec<usize> =
                (0..400).map(|at| (at * spread + rng.next_u32() as usize % spread) % 3000).collect();
            ends[7] = ends[6];
            let some = schema.encode(&table, &ends).unwrap();
            assert_eq!(some.samples, all.samples.select(&ends), "{spread}");
            assert!(some.rows.iter().zip(&ends).all(|(note, &end)| *note == all.rows[end]), "{spread}");
        }
        assert_eq!(schema.encode(&table, &[]).unwrap().samples.len(), 0);
    }
}
