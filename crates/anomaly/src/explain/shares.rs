//! Turns what was found into the shares that a user sees: names, and values in units of their columns.

use super::Found;
use super::units::Unit;
use crate::judgement::{Segment, Share};
use ae_intake::{Feature, FieldKind, Samples, Schema};
use std::ops::Range;

/// The shares of the one row of `one`: first the named units, then what was not named, with a share of 0, the
/// farthest from what is expected first. At most `most` of them.
pub(crate) fn shares(found: &Found, schema: &Schema, one: &Samples, most: usize) -> Vec<Share> {
    let told = Told { found, schema, one, features: schema.features() };
    let grid = &found.grid;
    let mut shares = Vec::new();
    let mut is_told = vec![false; grid.width()];
    for cause in &found.causes {
        let unit = &cause.unit;
        let index = told.representative(unit);
        let segment = Segment { first: unit.steps.start, last: unit.steps.end - 1 };
        let segment = (grid.steps > 1).then_some(segment);
        shares.push(Share { share: cause.share, segment, ..told.share(index) });
        is_told[index] = true;
        if grid.steps == 1 {
            grid.indices(unit).for_each(|index| is_told[index] = true);
        }
    }
    let mut rest: Vec<usize> = match grid.steps {
        1 => (0..grid.n_columns()).map(|column| told.representative(&grid.whole(column))).collect(),
        _ => (0..grid.width()).collect(),
    };
    rest.retain(|&index| !is_told[index]);
    // A stable sort keeps equal ones in order.
    rest.sort_by(|&a, &b| told.deviation(b).total_cmp(&told.deviation(a)));
    rest.truncate(most.saturating_sub(shares.len()));
    shares.extend(rest.into_iter().map(|index| told.share(index)));
    shares.truncate(most);
    shares
}

/// A row and what was found about it.
struct Told<'a> {
    found: &'a Found,
    schema: &'a Schema,
    one: &'a Samples,
    /// `[D]`.
    features: Vec<Feature>,
}

impl Told<'_> {
    /// One value, with a share of 0.
    fn share(&self, index: usize) -> Share {
        Share {
            feature: self.features[index].clone(),
            index,
            segment: None,
            share: 0.0,
            value: self.value(index).map(|value| self.schema.in_units(index, value)),
            expected: self.found.expected[index].map(|expected| self.in_training_range(index, expected)),
            expected_level: self.expected_level(index),
        }
    }

    fn value(&self, index: usize) -> Option<f32> {
        self.one.is_observed(0, index).then(|| self.one.values[[0, index]])
    }

    /// In units of the column. A value at the end of the range could leave it by rounding.
    fn in_training_range(&self, index: usize, scaled: f64) -> f64 {
        let value = self.schema.in_units(index, scaled as f32);
        match self.schema.field_of(index).kind {
            FieldKind::Number { min, max, .. } => value.clamp(f64::from(min), f64::from(max)),
            FieldKind::Category { .. } => value,
        }
    }

    /// The level of a category that is expected at the place `index` belongs to.
    fn expected_level(&self, index: usize) -> Option<String> {
        let places = self.places(index)?;
        let expected = places.clone().find(|&place| self.found.expected[place] == Some(1.0))?;
        self.schema.field_of(index).kind.places().nth(expected - places.start).map(str::to_owned)
    }

    /// The places of the category that value `index` belongs to, at its step; `None` for a number.
    fn places(&self, index: usize) -> Option<Range<usize>> {
        let grid = &self.found.grid;
        let step = index / (grid.width() / grid.steps).max(1);
        let of_column = |column: usize| grid.is_category(column).then(|| grid.places(column, step));
        (0..grid.n_columns()).filter_map(of_column).find(|places| places.contains(&index))
    }

    /// How far a value is from what is expected, scaled; 0 if either is missing.
    fn deviation(&self, index: usize) -> f64 {
        match (self.value(index), self.found.expected[index]) {
            (Some(value), Some(expected)) => (f64::from(value) - expected).abs(),
            _ => 0.0,
        }
    }

    /// The value that stands for a unit: the one that is farthest from what is expected. For a category, it is
    /// the level that was observed or, of a level that no training row had, the one that is expected.
    fn representative(&self, unit: &Unit) -> usize {
        let grid = &self.found.grid;
        let (mut farthest, mut chosen) = (-1.0, None);
        for step in unit.steps.clone() {
            let places = grid.places(unit.column, step);
            let first = places.start;
            let deviation: f64 = places.clone().map(|index| self.deviation(index)).sum();
            if deviation > farthest {
                let observed = || places.clone().find(|&index| self.value(index).is_some_and(|v| v > 0.5));
                let expected = || places.clone().find(|&index| self.found.expected[index] == Some(1.0));
                let index = match grid.is_category(unit.column) {
                    true => observed().or_else(expected).unwrap_or(first),
                    false => first,
                };
                (farthest, chosen) = (deviation, Some(index));
            }
        }
        chosen.expect("a unit has steps")
    }
}
