//! One way of looking at a row among the kept ones.

use super::plane::Plane;
use super::space::{self, Space};
use crate::error::ScorerError;
use crate::scorers::neighbours::{mean_distance, mean_distance_to_others};
use crate::scorers::references::{Metric, Near, References};
use crate::scorers::rows;
use crate::scorers::stored::{self, Arrays};
use ae_records::arrays::StoredArray;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

/// Nearest rows whose distances are averaged.
pub(super) const NEIGHBOURS: usize = 3;
/// What is added to the distances of the kept rows from each other before they divide, as a share of their mean: two
/// equal rows must not make every other one infinitely far.
const FLOOR: f64 = 1e-3;
/// Most components that a stored plane may have.
const MAX_COMPONENTS: usize = 64;

/// How a row is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Look {
    /// By its distance from the nearest rows.
    Near {
        /// In which space.
        space: space::Kind,
        /// By which distance.
        metric: Metric,
        /// Whether it is divided by the distance of the neighbours from their own: a ratio of densities, as in the local
        /// outlier factor (Breunig et al., 2000, definition 7).
        local: bool,
    },
    /// By its distance from the plane of the first principal components, with none of them from the mean row.
    Plane {
        /// Number of components.
        components: usize,
    },
    /// By its distance from the mean row, in units of the spread along each of the first principal components and beyond
    /// them: the Mahalanobis distance if all directions beyond are equal.
    Mahalanobis {
        /// Number of components.
        components: usize,
    },
}

/// With which of the kept rows a row is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Among {
    /// All of them.
    All,
    /// All but itself, which is one of them.
    Others,
    /// The first ones.
    First(usize),
}

/// The kept rows, and what is learned from them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// `[R, D]`, at least two rows, NaN for missing values.
    pub(super) rows: &'a Array2<f64>,
    /// The first of them, at least two, from which planes are learned.
    pub(super) learned: usize,
    /// Channels of a window.
    pub(super) channels: usize,
    pub(super) seed: u64,
}

/// The kept rows, as one look sees them.
#[derive(Debug)]
pub(super) struct View {
    look: Look,
    sight: Sight,
}

#[derive(Debug)]
enum Sight {
    Near(Box<Neighbourhood>),
    Plane(Plane),
    Mahalanobis(Plane),
}

/// The kept rows in a space.
#[derive(Debug)]
struct Neighbourhood {
    space: Space,
    rows: References,
    metric: Metric,
    /// For each kept row, its mean distance to the nearest other ones; `None` unless the look is local.
    own: Option<Vec<f64>>,
}

impl View {
    pub(super) fn of(look: Look, kept: &Seen<'_>) -> Self {
        let learned = || kept.rows.slice(ndarray::s![..kept.learned, ..]).to_owned();
        let sight = match look {
            Look::Plane { components } => Sight::Plane(Plane::of(&learned(), components, kept.seed)),
            Look::Mahalanobis { components } => {
                Sight::Mahalanobis(Plane::of(&learned(), components, kept.seed))
            }
            Look::Near { space: kind, metric, local } => {
                let space = match kind {
                    space::Kind::Whitened => Space::of(kind, &learned(), kept.channels, kept.seed),
                    _ => Space::of(kind, kept.rows, kept.channels, kept.seed),
                };
                let rows = References::by(space.map(kept.rows.clone()), metric);
                let own = local.then(|| {
                    let nearest = rows.nearest(rows.rows(), NEIGHBOURS + 1);
                    let mut own: Vec<f64> =
                        nearest.iter().map(|near| mean_distance_to_others(near, NEIGHBOURS)).collect();
                    let mean = own.iter().sum::<f64>() / own.len() as f64;
                    let floor = if mean > 0.0 { FLOOR * mean } else { 1.0 };
                    own.iter_mut().for_each(|distance| *distance += floor);
                    own
                });
                Sight::Near(Box::new(Neighbourhood { space, rows, metric, own }))
            }
        };
        View { look, sight }
    }

    /// `kept` are `[R, D]`, NaN for missing values.
    pub(super) fn load(look: Look, kept: &Array2<f64>, arrays: &Arrays<'_>) -> Result<Self, ScorerError> {
        let sight = match look {
            Look::Plane { components } | Look::Mahalanobis { components } if components > MAX_COMPONENTS => {
                return Err(ScorerError::Stored(format!(
                    "a plane has {components} axes, not 0 to {MAX_COMPONENTS}"
                )));
            }
            Look::Plane { .. } => Sight::Plane(Plane::load(kept.ncols(), arrays)?),
            Look::Mahalanobis { .. } => Sight::Mahalanobis(Plane::load(kept.ncols(), arrays)?),
            Look::Near { space, metric, local } => {
                let space = Space::load(space, kept.ncols(), arrays)?;
                let rows = References::by(space.map(kept.clone()), metric);
                let own = match local {
                    false => None,
                    true => Some(arrays.vector("own", Some(kept.nrows()))?),
                };
                if own.as_ref().is_some_and(|own| own.iter().any(|distance| *distance <= 0.0)) {
                    return Err(ScorerError::Stored("`own` holds distances that are not above 0".into()));
                }
                Sight::Near(Box::new(Neighbourhood { space, rows, metric, own }))
            }
        };
        Ok(View { look, sight })
    }

    pub(super) fn look(&self) -> Look {
        self.look
    }

    pub(super) fn arrays(&self) -> Vec<(String, StoredArray)> {
        match &self.sight {
            Sight::Plane(plane) | Sight::Mahalanobis(plane) => plane.arrays(),
            Sight::Near(near) => {
                let own = near.own.iter().map(|own| ("own".into(), stored::vector(own)));
                near.space.arrays().into_iter().chain(own).collect()
            }
        }
    }

    /// The scores of the kept rows at some places, each among those of the first `n` that are at least `apart` rows away
    /// from it.
    pub(super) fn scores_of_kept(
        &self,
        kept: &Array2<f64>,
        n: usize,
        places: &[usize],
        apart: usize,
    ) -> Vec<Option<f64>> {
        let rows = kept.select(Axis(0), places);
        let Sight::Near(near) = &self.sight else { return self.scores(&rows, Among::All) };
        let around = |at: usize| {
            let place = places[at];
            (0..n, place.saturating_sub(apart - 1)..place.saturating_add(apart))
        };
        let nearest = near.rows.nearest_within(&near.space.map(rows), NEIGHBOURS, around);
        nearest.iter().map(|nearest| near.score(nearest)).collect()
    }

    /// The scores of rows `[N, D]`; `None` for one that shares no value with a kept row.
    pub(super) fn scores(&self, rows: &Array2<f64>, among: Among) -> Vec<Option<f64>> {
        match &self.sight {
            Sight::Plane(plane) => rows.outer_iter().map(|row| plane.distance(row)).collect(),
            Sight::Mahalanobis(plane) => rows.outer_iter().map(|row| plane.mahalanobis(row)).collect(),
            Sight::Near(near) => {
                let (_, nearest) = near.nearest(rows, among);
                nearest.iter().map(|nearest| near.score(nearest)).collect()
            }
        }
    }

    /// The scores of rows `[N, D]` among all kept ones, as [`View::scores`], and the share `[D]` of each value in them;
    /// `None` for a look that tells nothing of single values.
    pub(super) fn shares(
        &self,
        rows: &Array2<f64>,
        is_observed: impl Fn(usize, usize) -> bool,
    ) -> Option<Vec<(Option<f64>, Array1<f64>)>> {
        match &self.sight {
            Sight::Plane(plane) => {
                let of_row = |(at, row): (usize, ArrayView1<'_, f64>)| {
                    let squares = plane.split(row).0.mapv(|difference| difference * difference);
                    (plane.distance(row), rows::shares(squares, |feature| is_observed(at, feature)))
                };
                Some(rows.outer_iter().enumerate().map(of_row).collect())
            }
            Sight::Mahalanobis(plane) => {
                let of_row = |(at, row): (usize, ArrayView1<'_, f64>)| {
                    let parts = plane.parts_of_mahalanobis(row);
                    (plane.mahalanobis(row), rows::shares(parts, |feature| is_observed(at, feature)))
                };
                Some(rows.outer_iter().enumerate().map(of_row).collect())
            }
            Sight::Near(near) if near.space.keeps_columns() => {
                let (mapped, nearest) = near.nearest(rows, Among::All);
                let of_row = |(at, nearest): (usize, &Vec<Near>)| {
                    let parts = near.parts(mapped.row(at), nearest);
                    (near.score(nearest), rows::shares(parts, |feature| is_observed(at, feature)))
                };
                Some(nearest.iter().enumerate().map(of_row).collect())
            }
            Sight::Near(_) => None,
        }
    }
}

impl Neighbourhood {
    /// The rows in the space, and the nearest kept ones of each.
    fn nearest(&self, rows: &Array2<f64>, among: Among) -> (Array2<f64>, Vec<Vec<Near>>) {
        let mapped = self.space.map(rows.clone());
        let nearest = match among {
            Among::All => self.rows.nearest(&mapped, NEIGHBOURS),
            Among::First(n) => self.rows.nearest_within(&mapped, NEIGHBOURS, |_| (0..n, 0..0)),
            Among::Others => {
                let mut nearest = self.rows.nearest(&mapped, NEIGHBOURS + 1);
                for near in &mut nearest {
                    if near.len() > 1 && near[0].squared == 0.0 {
                        near.remove(0);
                    }
                    near.truncate(NEIGHBOURS);
                }
                nearest
            }
        };
        (mapped, nearest)
    }

    /// The score of a row with these nearest ones; `None` without any.
    fn score(&self, nearest: &[Near]) -> Option<f64> {
        if nearest.is_empty() {
            return None;
        }
        let distance = mean_distance(nearest);
        Some(match &self.own {
            None => distance,
            Some(own) => {
                let usual = nearest.iter().map(|near| own[near.index]).sum::<f64>() / nearest.len() as f64;
                distance / usual
            }
        })
    }

    /// The part `[D]` of each value of a row in this space in its distances.
    fn parts(&self, row: ArrayView1<'_, f64>, nearest: &[Near]) -> Array1<f64> {
        let mut parts = Array1::zeros(row.len());
        for near in nearest.iter().filter(|near| near.squared > 0.0) {
            let distance = near.squared.sqrt();
            for (part, (a, b)) in parts.iter_mut().zip(row.iter().zip(self.rows.row(near.index))) {
                let difference = a - b;
                if !difference.is_nan() {
                    *part += match self.metric {
                        Metric::Euclidean => difference * difference / distance,
                        Metric::Manhattan => difference.abs(),
                    };
                }
            }
        }
        parts
    }
}
