//! What an explanation can name: a column of a table, a channel of a window, a segment of a series.

use ae_intake::{FieldKind, Layout, Schema};
use std::ops::Range;

/// Values that are replaced together: a column at consecutive steps. A table has one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Which column of the grid.
    pub(super) column: usize,
    /// At which steps; never empty.
    pub(super) steps: Range<usize>,
}

impl Unit {
    fn overlaps(&self, other: &Unit) -> bool {
        self.column == other.column
            && self.steps.start < other.steps.end
            && other.steps.start < self.steps.end
    }

    pub(super) fn overlaps_any(&self, others: &[Unit]) -> bool {
        others.iter().any(|other| self.overlaps(other))
    }
}

/// How the values of a sample are laid out: at each step, the places of each column.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    columns: Vec<Column>,
    /// Values of a step.
    stride: usize,
    /// 1 for a table.
    pub(super) steps: usize,
}

#[derive(Clone, Debug)]
struct Column {
    /// Its places within a step; several for a category.
    places: Range<usize>,
    is_category: bool,
}

impl Grid {
    /// The layout of the samples that a schema encodes. The columns of [`Layout::Series`] are its steps.
    pub(super) fn of(schema: &Schema) -> Self {
        if schema.layout == Layout::Series {
            let column = Column { places: 0..1, is_category: false };
            return Grid { columns: vec![column], stride: 1, steps: schema.width() };
        }
        let (mut columns, mut start) = (Vec::with_capacity(schema.fields.len()), 0);
        for field in &schema.fields {
            let is_category = matches!(field.kind, FieldKind::Category { .. });
            columns.push(Column { places: start..start + field.width(), is_category });
            start += field.width();
        }
        Grid { columns, stride: start, steps: schema.windows.map_or(1, |windows| windows.length) }
    }

    pub(super) fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// Number of values of a step.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Number of values of a sample.
    pub(super) fn width(&self) -> usize {
        self.stride * self.steps
    }

    pub(super) fn is_category(&self, column: usize) -> bool {
        self.columns[column].is_category
    }

    /// Whether segments of steps are named from the start, because there is but one column.
    pub(super) fn is_one_series(&self) -> bool {
        self.columns.len() == 1 && self.steps > 1
    }

    /// Whether there are several columns with several steps each.
    pub(super) fn has_channels(&self) -> bool {
        self.columns.len() > 1 && self.steps > 1
    }

    /// The places of a column at a step, within a sample.
    pub(super) fn places(&self, column: usize, step: usize) -> Range<usize> {
        let Range { start, end } = self.columns[column].places.clone();
        step * self.stride + start..step * self.stride + end
    }

    /// The values of a unit, within a sample.
    pub(super) fn indices<'a>(&'a self, unit: &Unit) -> impl Iterator<Item = usize> + use<'a> {
        let column = unit.column;
        unit.steps.clone().flat_map(move |step| self.places(column, step))
    }

    /// A column at all its steps.
    pub(super) fn whole(&self, column: usize) -> Unit {
        Unit { column, steps: 0..self.steps }
    }

    /// Segments of a column whose lengths are powers of two, each half covered by the next; and all of its
    /// steps. The shortest length is 1, or as much as it takes to have at most `most` of them.
    pub(super) fn segments(&self, column: usize, most: usize) -> Vec<Unit> {
        let mut shortest = 1;
        loop {
            let mut units = Vec::new();
            let mut length = shortest;
            while length < self.steps {
                let last = self.steps - length;
                let starts = (0..last).step_by((length / 2).max(1)).chain([last]);
                units.extend(starts.map(|start| Unit { column, steps: start..start + length }));
                length *= 2;
            }
            units.push(self.whole(column));
            if units.len() <= most.max(1) || shortest >= self.steps {
                return units;
            }
            shortest *= 2;
        }
    }

    /// The segments of which one end, or both, lie `by` steps off.
    pub(super) fn near(&self, unit: &Unit, by: usize) -> Vec<Unit> {
        let Range { start, end } = unit.steps.clone();
        let mut units = Vec::with_capacity(8);
        for start in [start.saturating_sub(by), start, start + by] {
            for end in [end.saturating_sub(by), end, (end + by).min(self.steps)] {
                let moved = Unit { column: unit.column, steps: start..end };
                if start < end && moved != *unit && !units.contains(&moved) {
                    units.push(moved);
                }
            }
        }
        units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(steps: usize) -> Grid {
        Grid { columns: vec![Column { places: 0..1, is_category: false }], stride: 1, steps }
    }

    #[test]
    fn segments_cover_every_step_and_stay_few() {
        for (steps, most) in [(1, 256), (2, 256), (5, 256), (140, 256), (4096, 256), (1000, 3), (7, 1)] {
            let units = series(steps).segments(0, most);
            assert!(units.len() <= most, "{} of {steps} steps", units.len());
            assert!(units.iter().all(|unit| unit.steps.start < unit.steps.end && unit.steps.end <= steps));
            assert!((0..steps).all(|step| units.iter().any(|unit| unit.steps.contains(&step))));
            assert_eq!(units.last().unwrap().steps, 0..steps);
        }
        assert_eq!(series(4).segments(0, 99).len(), 4 + 3 + 1);
    }

    #[test]
    fn moved_segments_are_segments() {
        for unit in series(9).near(&Unit { column: 0, steps: 7..9 }, 2) {
            assert!(unit.steps.start < unit.steps.end && unit.steps.end <= 9, "{unit:?}");
        }
    }

    #[test]
    fn a_unit_of_a_window_has_its_places_at_each_of_its_steps() {
        let columns =
            vec![Column { places: 0..1, is_category: false }, Column { places: 1..3, is_category: true }];
        let grid = Grid { columns, stride: 3, steps: 4 };
        let of = |column, steps| grid.indices(&Unit { column, steps }).collect::<Vec<_>>();
        assert_eq!(of(0, 1..3), [3, 6]);
        assert_eq!(of(1, 2..4), [7, 8, 10, 11]);
        assert_eq!((grid.width(), grid.has_channels(), grid.is_one_series()), (12, true, false));
    }
}
