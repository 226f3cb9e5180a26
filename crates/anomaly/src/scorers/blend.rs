//! The default detector: a row among the normal ones, looked at in several ways, beside the error of the network.
//!
//! Each of these finds what the others miss, and without labels it is not known which of them suits the rows. So none is
//! chosen: their scores are made comparable by how rare they are among normal rows, `rarity.rs`, and the score of the
//! blend is the geometric mean, `exp(mean_i ln r_i(s_i(x)))`: 1 for the most ordinary row, 10 for one that every look
//! finds as far as one normal row in ten. Averaging lowers the variance that a single detector has (Aggarwal & Sathe,
//! 2015, "Theoretical foundations and algorithms for outlier ensembles", section 3).
//!
//! | rows | looks beside the network | finds |
//! |---|---|---|
//! | table | distance from the nearest rows, of standardised values | rows far from all others |
//! | | the same with each column's range as its unit | the same, but columns with rare large values count as the others |
//! | | between ranks, divided by that of the neighbours from theirs | rows in gaps between dense groups |
//! | series | distance from the nearest rows | shapes unlike all others |
//! | | the same, divided by that of the neighbours from theirs | shapes between those that are usual |
//! | | distance from the mean row, and from a plane through it | gross changes |
//! | windows | distance from the nearest windows | shapes unlike all others |
//! | | the same in principal components of equal weight | a changed relation of sensors or of steps |
//! | | the same of level, spread, extremes and roughness | changes whose place in the window does not matter |
//! | | distance from the mean window in units of the spread of each component | gross changes |
//!
//! Rows of a table most of whose columns have only two values, such as categories, get the first look alone: their ranks
//! are the values again, and their neighbours are equally far or equal.
//!
//! All normal rows are kept, those for calibration as well, if there is room. An independent calibration row is then
//! compared with the others (leave-one-out, as in the jackknife; Barber, Candès, Ramdas & Tibshirani, 2021, section 1), and
//! a calibration window with those of the parts before; it would share steps with its neighbours. A new row, which has
//! all of them to be near to, scores no higher than it would have among the calibration rows. Windows that share steps are
//! not compared with each other when it is learned what is usual. What may be anomalous in a
//! robust fit is not kept, nor are calibration rows with gaps; the gaps of other kept rows are filled, because a row of
//! which little is known would be near to many.

mod plane;
mod rarity;
mod space;
mod summary;
mod view;

use super::completion::Completion;
use super::references::{self, Metric};
use super::rows::{self, NormalRows};
use super::scorer::{self, Kind, Saved, Scorer};
use super::stored::{self, Arrays};
use crate::error::ScorerError;
use crate::fit::PreparedRows;
use crate::fit::damage::Form;
use crate::gaps;
use ae_intake::Samples;
use ae_records::seed::draw;
use ndarray::Array2;
use rarity::Rarity;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use space::is_two_valued;
use std::borrow::Cow;
use view::{Among, Look, NEIGHBOURS, Seen, View};

/// Most kept rows, and most values in them. With half as many rows, rare kinds of normal connections are missing on
/// NSL-KDD, and the average precision is .92 with some draws; see `docs/benchmark.md`.
const MAX_ROWS: usize = 20_000;
const MAX_VALUES: usize = 1 << 22;
/// The same for windows, which share their steps with others: keeping more of them adds little but memory.
const MAX_WINDOW_VALUES: usize = 1 << 21;
/// Most and fewest kept rows whose scores say what is usual.
const MAX_USUAL: usize = 2000;
const MIN_USUAL: usize = 20;
/// Most looks that a file may have.
const MAX_LOOKS: usize = 8;

const NEAR: Look = near(space::Kind::Standardised, Metric::Euclidean, false);
/// Looks at rows of a table; the first alone for rows of mostly two-valued columns.
const TABLE: [Look; 3] = [
    NEAR,
    near(space::Kind::Ranged, Metric::Euclidean, false),
    near(space::Kind::Ranked, Metric::Manhattan, true),
];
const SERIES: [Look; 4] = [
    NEAR,
    near(space::Kind::Standardised, Metric::Euclidean, true),
    Look::Plane { components: 0 },
    Look::Plane { components: 2 },
];
const WINDOWS: [Look; 4] = [
    NEAR,
    near(space::Kind::Whitened, Metric::Euclidean, false),
    near(space::Kind::Summarised, Metric::Euclidean, false),
    Look::Mahalanobis { components: 16 },
];

const fn near(space: space::Kind, metric: Metric, local: bool) -> Look {
    Look::Near { space, metric, local }
}

/// Scores rows by how rare their distances from normal rows and the error of a network are.
pub struct Blend {
    /// `[R, D]`, NaN for missing values.
    kept: Array2<f64>,
    views: Vec<(View, Rarity)>,
    network: Box<dyn Scorer>,
    of_network: Rarity,
    /// With which of the kept rows calibration rows are compared.
    calibration: Among,
}

/// The stored form of [`Blend`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    width: usize,
    looks: Vec<Look>,
    calibration: Among,
    network: Value,
}

impl Blend {
    pub(super) const KIND: Kind = Kind {
        name: "blend",
        measure: None,
        load: |settings, arrays, kinds| Ok(Box::new(Self::load(settings, arrays, kinds)?)),
    };

    /// Blends the score of a network with looks at the kept rows. The network was trained on `normal.train` and stopped by
    /// `normal.validation`; `normal` are the rows of `rows` without possible anomalies, and `completion` fills their gaps.
    /// With `calibration_is_normal`, the calibration rows without gaps are kept as well, if there is room.
    ///
    /// # Errors
    /// Fewer than 5 rows to keep, or rows that cannot be scored.
    pub(crate) fn fit(
        network: Box<dyn Scorer>,
        rows: &PreparedRows,
        normal: &NormalRows<'_>,
        completion: Option<&Completion>,
        calibration_is_normal: bool,
    ) -> Result<Self, ScorerError> {
        let (width, is_independent) = (rows.width(), rows.overlap == 1);
        let complete = gaps::complete(&rows.calibration);
        let calibration = match complete.len() == rows.calibration.len() {
            true => Cow::Borrowed(&rows.calibration),
            false => Cow::Owned(rows.calibration.select(&complete)),
        };
        let parts: [&Samples; 3] = [normal.train, normal.validation, &calibration];
        let values = if is_independent { MAX_VALUES } else { MAX_WINDOW_VALUES };
        let room = MAX_ROWS.min(values / width.max(1)).max(NEIGHBOURS + 2);
        let all: usize = parts.iter().map(|part| part.len()).sum();
        let keeps_calibration = calibration_is_normal && (all <= room || !is_independent);
        let parts = if keeps_calibration { &parts[..] } else { &parts[..2] };
        let Kept { rows: samples, ends } = Kept::of(width, parts, completion, room, normal.seed);
        rows::check(&samples, network.width())?;
        if samples.len() < NEIGHBOURS + 2 || ends[1] < 2 {
            let needed = NEIGHBOURS + 2;
            return Err(ScorerError::TooFewRows { what: "a blend", needed, got: samples.len() });
        }
        let kept = references::with_gaps(&samples);
        // The looks below take several times as much memory.
        drop(samples);
        // What is usual is learned without the calibration windows: there are only few independent ones, and they must not
        // look more usual than later windows.
        let learned = if is_independent { kept.nrows() } else { ends[1] };
        let usual = draw(learned, MAX_USUAL.min(learned), normal.seed, "usual rows", 0);
        let channels = match rows.form {
            Form::Series { channels } => channels,
            Form::Table { .. } => 1,
        };
        let of = Seen { rows: &kept, learned: ends[1], channels, seed: normal.seed };
        let views = looks(&rows.form, is_independent, &kept).iter().map(|look| {
            let view = View::of(*look, &of);
            // Rows that share no value with any other say nothing.
            let apart = |apart| -> Vec<f64> {
                view.scores_of_kept(&kept, learned, &usual, apart).into_iter().flatten().collect()
            };
            // Of few windows, some share steps with all others.
            let enough = |known: &Vec<f64>| known.len() >= MIN_USUAL.min(usual.len());
            let known = Some(apart(rows.overlap)).filter(enough).unwrap_or_else(|| apart(1));
            match known.is_empty() {
                true => Err(ScorerError::NothingShared { row: 0, references: kept.nrows() }),
                false => Ok((view, Rarity::of(known))),
            }
        });
        let views = views.collect::<Result<_, _>>()?;
        let mut held_out = network.scores(normal.validation)?;
        if let (Some(calibration), true) = (parts.get(2), is_independent) {
            held_out.extend(network.scores(calibration)?);
        }
        let calibration = match (keeps_calibration, is_independent) {
            (true, true) => Among::Others,
            (true, false) => Among::First(ends[1]),
            (false, _) => Among::All,
        };
        Ok(Blend { kept, views, of_network: Rarity::of(held_out), network, calibration })
    }

    fn load(settings: Value, arrays: &Arrays<'_>, kinds: &[Kind]) -> Result<Self, ScorerError> {
        let Settings { width, looks, calibration, network } = scorer::settings(settings)?;
        let (kept, _) = arrays.any_matrix("kept", None, width)?;
        if kept.nrows() < NEIGHBOURS + 2 || kept.nrows() > MAX_ROWS || kept.ncols() == 0 {
            let (rows, least) = (kept.nrows(), NEIGHBOURS + 2);
            return Err(ScorerError::Stored(format!(
                "`kept` holds {rows} rows of {width} values; {least} to {MAX_ROWS} rows are allowed"
            )));
        }
        if matches!(calibration, Among::First(n) if n == 0 || n > kept.nrows()) {
            return Err(ScorerError::Stored(
                "calibration rows are compared with rows that are not there".into(),
            ));
        }
        if looks.is_empty() || looks.len() > MAX_LOOKS {
            return Err(ScorerError::Stored(format!(
                "1 to {MAX_LOOKS} looks are allowed, not {}",
                looks.len()
            )));
        }
        let mut views = Vec::with_capacity(looks.len());
        for (at, look) in looks.into_iter().enumerate() {
            let own = arrays.below(&format!("look.{at}."));
            views.push((View::load(look, &kept, &own)?, Rarity::load(&own)?));
        }
        let own = arrays.below("network.");
        let of_network = Rarity::load(&own)?;
        let network = scorer::load_one_of(kinds, network, &own)?;
        if network.width() != width {
            return Err(ScorerError::Width { got: network.width(), expected: width });
        }
        Ok(Blend { kept, views, network, of_network, calibration })
    }

    fn blended(&self, rows: &Samples, among: Among) -> Result<Vec<f64>, ScorerError> {
        let mut sums: Vec<f64> =
            self.network.scores(rows)?.into_iter().map(|score| self.of_network.ln_of(score)).collect();
        let of_views = rows::in_blocks(rows, |block| {
            let values = references::with_gaps(block);
            let mut sums = vec![0.0; block.len()];
            for (view, rarity) in &self.views {
                for (row, (sum, score)) in sums.iter_mut().zip(view.scores(&values, among)).enumerate() {
                    let nothing = ScorerError::NothingShared { row, references: self.kept.nrows() };
                    *sum += rarity.ln_of(score.ok_or(nothing)?);
                }
            }
            Ok(sums)
        })?;
        for (sum, of_views) in sums.iter_mut().zip(of_views) {
            // An exponent up to 700 is finite.
            *sum = ((*sum + of_views) / (1 + self.views.len()) as f64).min(700.0).exp();
        }
        match sums.iter().position(|score| !score.is_finite()) {
            Some(row) => Err(ScorerError::Overflow { row }),
            None => Ok(sums),
        }
    }
}

/// Rows that are kept, part after part.
struct Kept {
    rows: Samples,
    /// Where each part ends.
    ends: Vec<usize>,
}

impl Kept {
    /// Of more rows than there is `room` for, some are drawn by the seed. The completion fills their gaps.
    fn of(width: usize, parts: &[&Samples], completion: Option<&Completion>, room: usize, seed: u64) -> Self {
        let all: usize = parts.iter().map(|part| part.len()).sum();
        let drawn = draw(all, room, seed, "blend", 0);
        let (mut kept, mut ends, mut start) = (Vec::with_capacity(parts.len()), Vec::new(), 0);
        for &part in parts {
            let end = start + part.len();
            let own: Vec<usize> =
                drawn.iter().filter(|row| (start..end).contains(row)).map(|row| row - start).collect();
            ends.push(ends.last().copied().unwrap_or(0) + own.len());
            let own =
                if own.len() == part.len() { Cow::Borrowed(part) } else { Cow::Owned(part.select(&own)) };
            kept.push(match completion {
                Some(completion) if own.observed.is_some() => {
                    Cow::Owned(Samples::complete(completion.filled(&own).values))
                }
                _ => own,
            });
            start = end;
        }
        Kept { rows: Samples::concat(width, &kept), ends }
    }
}

/// The looks that suit the rows `[R, D]`.
fn looks(form: &Form, is_independent: bool, kept: &Array2<f64>) -> &'static [Look] {
    match form {
        Form::Series { .. } if is_independent => &SERIES,
        Form::Series { .. } => &WINDOWS,
        Form::Table { .. } => {
            let two_valued = kept.columns().into_iter().filter(|column| is_two_valued(*column)).count();
            if 2 * two_valued > kept.ncols() { &TABLE[..1] } else { &TABLE }
        }
    }
}

impl Scorer for Blend {
    fn name(&self) -> String {
        let (network, looks, rows) = (self.network.name(), self.views.len(), self.kept.nrows());
        format!("blend of {network} and {looks} looks at {rows} normal rows")
    }

    fn width(&self) -> usize {
        self.kept.ncols()
    }

    fn scores(&self, rows: &Samples) -> Result<Vec<f64>, ScorerError> {
        rows::check(rows, self.width())?;
        self.blended(rows, Among::All)
    }

    fn scores_of_training_rows(&self, train: &Samples) -> Result<Vec<f64>, ScorerError> {
        rows::check(train, self.width())?;
        self.blended(train, Among::Others)
    }

    fn calibration_scores(&self, rows: &Samples, _: &[usize]) -> Result<Vec<f64>, ScorerError> {
        rows::check(rows, self.width())?;
        self.blended(rows, self.calibration)
    }

    /// That of the network.
    fn reconstruct(&self, rows: &Samples) -> Result<Option<Array2<f32>>, ScorerError> {
        self.network.reconstruct(rows)
    }

    /// The shares in the distances and the error, each weighed by its part of the score; those looks that tell nothing of
    /// single values are left out.
    fn contributions(&self, rows: &Samples) -> Result<Option<Array2<f64>>, ScorerError> {
        rows::check(rows, self.width())?;
        let Some(of_network) = self.network.contributions(rows)? else { return Ok(None) };
        let mut all = of_network;
        for (mut shares, score) in all.outer_iter_mut().zip(self.network.scores(rows)?) {
            shares *= self.of_network.ln_of(score);
        }
        let values = references::with_gaps(rows);
        for (view, rarity) in &self.views {
            let Some(own) = view.shares(&values, |row, feature| rows.is_observed(row, feature)) else {
                continue;
            };
            for (row, (mut shares, (score, own))) in all.outer_iter_mut().zip(own).enumerate() {
                let nothing = ScorerError::NothingShared { row, references: self.kept.nrows() };
                shares.scaled_add(rarity.ln_of(score.ok_or(nothing)?), &own);
            }
        }
        for (row, mut shares) in all.outer_iter_mut().enumerate() {
            let parts = shares.to_owned();
            shares.assign(&rows::shares(parts, |feature| rows.is_observed(row, feature)));
        }
        Ok(Some(all))
    }

    fn save(&self) -> Saved {
        let mut arrays = vec![("kept".into(), stored::float_matrix(&self.kept))];
        for (at, (view, rarity)) in self.views.iter().enumerate() {
            let own = view.arrays().into_iter().chain(rarity.arrays()).collect();
            arrays.extend(stored::prefixed(&format!("look.{at}."), own));
        }
        let network = self.network.save();
        arrays.extend(stored::prefixed("network.", self.of_network.arrays()));
        arrays.extend(stored::prefixed("network.", network.arrays));
        let settings = Settings {
            width: self.width(),
            looks: self.views.iter().map(|(view, _)| view.look()).collect(),
            calibration: self.calibration,
            network: network.settings,
        };
        Saved::new(Self::KIND.name, &settings, arrays)
    }
}

impl std::fmt::Debug for Blend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blend")
            .field("kept", &self.kept.nrows())
            .field("views", &self.views)
            .field("network", &self.network.name())
            .finish_non_exhaustive()
    }
}
