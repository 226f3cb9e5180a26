//! Monitors whether the scores of a stream still follow the distribution of the calibration scores.
//!
//! Drift is reported alongside the anomalies. It changes neither the scorer nor the threshold.
//!
//! Each score gets a conformal p-value from its rank among the calibration scores and all earlier scores. As
//! long as nothing changes, the p-values are independent and uniform (Vovk, Nouretdinov & Gammerman, 2003,
//! "Testing exchangeability on-line", theorem 1). Bets are placed against that hypothesis; under it, none
//! gains on average. The bets are `f(p) = 1 + ε h(p)`, with `h(p) = p - 1/2` for scores that rise or fall,
//! and `h(p) = |2p - 1| - 1/2` for scores that spread out or draw together (the bets of Vovk et al., 2021,
//! "Retrain or not retrain", section 3, and their analogue for the spread). Each bet is restarted at every
//! row. The evidence is the mean over the bets of the sums `R_t = (R_{t-1} + 1) f(p_t)` (Shiryaev, 1963;
//! Shin, Ramdas & Rinaldo, 2024, "E-detectors", section 3). Then `R_t - t` is a martingale, and with an alarm
//! at `R_t ≥ c`:
//!
//! - the mean number of rows until a false alarm is at least `c`,
//! - the probability of a false alarm within the first `T` rows is at most `T / c` (Doob's inequality),
//!
//! however long the stream runs. How quickly a change is detected does not depend on how late it comes.
//!
//! **Bounded memory.** Half of the calibration scores, drawn by the seed, only determine the bin edges. The
//! other half and the stream are then exchangeable, whatever the edges, and only their counts per bin are
//! kept. Ties are broken by a draw that depends on the seed and the row's number.

use super::normal::NormalScores;
use ae_records::seed::stream_rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Fewest calibration scores needed.
pub const SCORES: usize = 40;
/// Most bins.
const BINS: usize = 64;
/// Rows of the recent window, which is reported but does not affect the alarm.
const RECENT: usize = 256;
/// Values of `ε`, for rising and falling scores and for spreading and narrowing ones; `|ε h| < 1`.
const SHIFTS: [f64; 6] = [-1.9, -1.0, -0.5, 0.5, 1.0, 1.9];
const SPREADS: [f64; 4] = [-1.5, -0.6, 0.6, 1.5];
/// Valid range of the mean number of rows between false alarms.
const MIN_ROWS: f64 = 10.0;
const MAX_ROWS: f64 = 1e15;

/// A drift monitor for the scores of a stream; it can be saved and restored at any row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "State", into = "State")]
pub struct Drift(State);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    seed: u64,
    /// Mean number of rows between false alarms, `c`.
    run_length: f64,
    /// Upper ends of all bins but the last, ascending.
    edges: Vec<f64>,
    /// Calibration scores per bin.
    calibration: Vec<u64>,
    /// Calibration and stream scores per bin.
    counts: Vec<u64>,
    /// Rows of the stream so far.
    rows: u64,
    /// `R_t` of each bet.
    bets: Vec<f64>,
    /// The row at which the evidence sufficed.
    since: Option<u64>,
    /// Bins of the most recent rows, oldest first.
    recent: Vec<u8>,
}

/// The state of a drift monitor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftStatus {
    /// Rows observed since the start.
    pub rows: u64,
    /// `R_t`: an alarm once it reaches the run length; around or below `rows` if nothing has changed.
    pub evidence: f64,
    /// The row, counted from 1, at which the evidence sufficed; kept until the monitor is restarted.
    pub since: Option<u64>,
    /// What has changed most; `None` without an alarm.
    pub change: Option<Change>,
    /// Kolmogorov-Smirnov distance between the last 256 scores and the calibration scores, in [0, 1]. For
    /// information only; it does not affect the alarm.
    pub distance: f64,
}

/// How scores have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Scores rose: rows are less normal than before.
    Higher,
    /// Scores fell: rows are more usual than the calibration rows, for example because a sensor repeats
    /// itself.
    Lower,
    /// More very low and very high scores.
    Wider,
    /// More scores in the middle.
    Narrower,
}

/// Why drift cannot be monitored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DriftError {
    /// Too few calibration scores.
    #[error("need at least {SCORES} calibration scores to watch for drift, got {got}")]
    TooFewScores {
        /// Scores given.
        got: usize,
    },
    /// A run length out of range.
    #[error(
        "the mean number of rows between false drift alarms must be between 10 and 1e15, got {got}; 1e6 is usual"
    )]
    RunLength {
        /// The configured value.
        got: f64,
    },
    /// A score that is not finite.
    #[error("the score is {0}; leave out rows without a finite score")]
    NoScore(f64),
    /// A stored monitor whose parts do not fit together.
    #[error("the stored drift monitor is damaged: {0}")]
    Stored(&'static str),
}

impl Drift {
    /// A monitor that raises a false alarm after at least `run_length` rows on average.
    ///
    /// # Errors
    /// Too few scores, a run length out of range.
    pub fn new(calibration: &NormalScores, run_length: f64, seed: u64) -> Result<Self, DriftError> {
        let scores = calibration.as_slice();
        if scores.len() < SCORES {
            return Err(DriftError::TooFewScores { got: scores.len() });
        }
        check_run_length(run_length)?;
        let chosen = ae_records::seed::draw(scores.len(), scores.len() / 2, seed, "edges of bins", 0);
        let mut is_edge = vec![false; scores.len()];
        chosen.iter().for_each(|&index| is_edge[index] = true);
        let mut ends: Vec<f64> = chosen.iter().map(|&index| scores[index]).collect();
        ends.sort_by(f64::total_cmp);
        let bins = BINS.min(ends.len() / 2);
        let mut edges: Vec<f64> = (1..bins).map(|bin| ends[bin * ends.len() / bins]).collect();
        edges.dedup();
        let mut calibration = vec![0; edges.len() + 1];
        let others = scores.iter().zip(&is_edge).filter(|(_, is_edge)| !**is_edge);
        others.for_each(|(&score, _)| calibration[bin(&edges, score)] += 1);
        let bets = vec![0.0; SHIFTS.len() + SPREADS.len()];
        let counts = calibration.clone();
        let (rows, since, recent) = (0, None, Vec::new());
        Ok(Drift(State { seed, run_length, edges, calibration, counts, rows, bets, since, recent }))
    }

    /// Observes the score of the next row. Anomalies count too: a stream of anomalies is a drift.
    ///
    /// # Errors
    /// A score that is not finite; it changes nothing.
    pub fn observe(&mut self, score: f64) -> Result<(), DriftError> {
        if !score.is_finite() {
            return Err(DriftError::NoScore(score));
        }
        let state = &mut self.0;
        let own = bin(&state.edges, score);
        let above: u64 = state.counts[own + 1..].iter().sum();
        let total: u64 = state.counts.iter().sum();
        let tie: f64 = stream_rng(state.seed, "ties of drift", state.rows).random();
        let p_value = (above as f64 + tie * (state.counts[own] + 1) as f64) / (total + 1) as f64;
        let spread = (2.0 * p_value - 1.0).abs() - 0.5;
        let shifts = SHIFTS.iter().map(|epsilon| 1.0 + epsilon * (p_value - 0.5));
        let factors = shifts.chain(SPREADS.iter().map(|epsilon| 1.0 + epsilon * spread));
        for (bet, factor) in state.bets.iter_mut().zip(factors) {
            // Bounded, so that the state can be saved even after a long unattended drift.
            *bet = ((*bet + 1.0) * factor).min(1e300);
        }
        state.counts[own] += 1;
        state.rows += 1;
        if state.recent.len() == RECENT {
            state.recent.remove(0);
        }
        state.recent.push(own as u8);
        if state.since.is_none() && evidence(&state.bets) >= state.run_length {
            state.since = Some(state.rows);
        }
        Ok(())
    }

    /// The state so far.
    pub fn status(&self) -> DriftStatus {
        let state = &self.0;
        let change = state.since.map(|_| {
            let sum = |bets: &[f64], rising: bool, epsilons: &[f64]| -> f64 {
                bets.iter().zip(epsilons).filter(|(_, e)| (**e > 0.0) == rising).map(|(bet, _)| bet).sum()
            };
            let (shifts, spreads) = state.bets.split_at(SHIFTS.len());
            // High scores have low p-values; the spread is that of the p-values.
            let all = [
                (sum(shifts, false, &SHIFTS), Change::Higher),
                (sum(shifts, true, &SHIFTS), Change::Lower),
                (sum(spreads, true, &SPREADS), Change::Wider),
                (sum(spreads, false, &SPREADS), Change::Narrower),
            ];
            let most = all.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
            most.map_or(Change::Higher, |(_, change)| change)
        });
        let distance = self.distance();
        DriftStatus {
            rows: state.rows,
            evidence: evidence(&state.bets),
            since: state.since,
            change,
            distance,
        }
    }

    /// Whether the evidence has ever sufficed for an alarm.
    pub fn is_drifting(&self) -> bool {
        self.0.since.is_some()
    }

    /// Restarts from the calibration scores alone, for example once the cause is found. The stream so far is
    /// forgotten.
    pub fn restart(&mut self) {
        let state = &mut self.0;
        state.counts.clone_from(&state.calibration);
        state.bets.fill(0.0);
        state.since = None;
        state.recent.clear();
    }

    fn distance(&self) -> f64 {
        let state = &self.0;
        let usual: u64 = state.calibration.iter().sum();
        let n = state.recent.len() as f64;
        let (mut below, mut recent, mut greatest) = (0u64, 0usize, 0.0f64);
        for bin in 0..state.calibration.len() {
            below += state.calibration[bin];
            recent += state.recent.iter().filter(|&&own| usize::from(own) == bin).count();
            if n > 0.0 {
                greatest = greatest.max((below as f64 / usual as f64 - recent as f64 / n).abs());
            }
        }
        greatest
    }
}

/// The mean over the bets.
fn evidence(bets: &[f64]) -> f64 {
    bets.iter().map(|bet| bet / bets.len() as f64).sum()
}

/// The bin of a score; an edge belongs to the bin below it.
fn bin(edges: &[f64], score: f64) -> usize {
    edges.partition_point(|&edge| edge < score)
}

fn check_run_length(got: f64) -> Result<(), DriftError> {
    if (MIN_ROWS..=MAX_ROWS).contains(&got) { Ok(()) } else { Err(DriftError::RunLength { got }) }
}

impl From<Drift> for State {
    fn from(drift: Drift) -> Self {
        drift.0
    }
}

impl TryFrom<State> for Drift {
    type Error = DriftError;

    fn try_from(state: State) -> Result<Self, DriftError> {
        check_run_length(state.run_length)?;
        let bins = state.edges.len() + 1;
        let most = u64::MAX / 4;
        // A bound above any real count, so that later sums of counts cannot overflow.
        let counted =
            |counts: &[u64]| counts.iter().try_fold(0u64, |n, &c| n.checked_add(c)).filter(|&n| n < most);
        let (usual, all) = (counted(&state.calibration), counted(&state.counts));
        let reason = if bins > BINS || state.edges.iter().any(|edge| !edge.is_finite()) {
            "invalid bins"
        } else if state.edges.windows(2).any(|pair| pair[0] >= pair[1]) {
            "unsorted bins"
        } else if state.calibration.len() != bins || state.counts.len() != bins {
            "a wrong number of counts"
        } else if usual.is_none_or(|n| n == 0) || all.is_none() {
            "invalid counts"
        } else if state.counts.iter().zip(&state.calibration).any(|(all, usual)| all < usual)
            || state.rows >= most
        {
            "invalid counts of the stream"
        } else if state.bets.len() != SHIFTS.len() + SPREADS.len()
            || state.bets.iter().any(|bet| !(bet.is_finite() && *bet >= 0.0))
        {
            "invalid evidence"
        } else if state.recent.len() > RECENT || state.recent.iter().any(|&own| usize::from(own) >= bins) {
            "invalid recent rows"
        } else {
            return Ok(Drift(state));
        };
        Err(DriftError::Stored(reason))
    }
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
