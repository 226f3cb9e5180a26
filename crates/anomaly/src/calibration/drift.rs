//! Whether the scores of a stream still come from where the calibration scores came from: reported beside the
//! anomalies, and learning nothing for the scorer or the threshold.
//!
//! Each score gets a conformal p-value by its rank among the calibration scores and all scores before it; as long as
//! nothing changes, these are independent and uniform (Vovk, Nouretdinov & Gammerman, 2003, "Testing exchangeability
//! on-line", theorem 1). Against that hypothesis bets are made, of which none gains in the mean: `f(p) = 1 + ε h(p)`, with
//! `h(p) = p - 1/2` for scores that rise or fall, and `h(p) = |2p - 1| - 1/2` for scores that spread or draw together (the
//! bets of Vovk et al., 2021, "Retrain or not retrain", section 3, and their like for the spread). Each bet is started
//! anew at every row, and the evidence is the mean of these sums, `R_t = (R_{t-1} + 1) f(p_t)` (Shiryaev, 1963; Shin,
//! Ramdas & Rinaldo, 2024, "E-detectors", section 3). Then `R_t - t` is a martingale, and with an alarm at `R_t ≥ c`:
//!
//! - rows from the start to a false alarm are at least `c` in the mean,
//! - the probability of one within the first `T` rows is at most `T / c` (Doob's inequality),
//!
//! however long the stream runs, and how quickly a change is seen does not depend on how long there was none.
//!
//! **Bounded memory.** Half of the calibration scores, drawn by the seed, only place the edges of bins; the other half and
//! the stream are then exchangeable, whatever the edges, and their counts by bin are all that is kept. Ties are broken by a
//! draw that depends on the seed and the row's number.

use super::normal::NormalScores;
use ae_records::seed::stream_rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Calibration scores that are needed.
pub const SCORES: usize = 40;
/// Bins at most.
const BINS: usize = 64;
/// Rows of the recent window, which is described but decides nothing.
const RECENT: usize = 256;
/// What `ε` is: of scores that rise and fall, and of those that spread and draw together; `|ε h| < 1`.
const SHIFTS: [f64; 6] = [-1.9, -1.0, -0.5, 0.5, 1.0, 1.9];
const SPREADS: [f64; 4] = [-1.5, -0.6, 0.6, 1.5];
/// Rows between false alarms, in the mean, that can be asked for.
const MIN_ROWS: f64 = 10.0;
const MAX_ROWS: f64 = 1e15;

/// A watch over the scores of a stream; saved and restored as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "State", into = "State")]
pub struct Drift(State);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    seed: u64,
    /// Rows between false alarms, `c`.
    run_length: f64,
    /// Upper ends of the bins but the last, rising.
    edges: Vec<f64>,
    /// Calibration scores by bin.
    calibration: Vec<u64>,
    /// The same with those of the stream.
    counts: Vec<u64>,
    /// Rows of the stream.
    rows: u64,
    /// Of each bet, `R_t`.
    bets: Vec<f64>,
    /// When the evidence was enough.
    since: Option<u64>,
    /// Bins of the last rows, the oldest first.
    recent: Vec<u8>,
}

/// What is known of a drift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftStatus {
    /// Rows looked at since the start.
    pub rows: u64,
    /// `R_t`: an alarm from the run length on; around or below `rows` where nothing has changed.
    pub evidence: f64,
    /// The row, counted from 1, at which there was enough evidence; it stays until the watch is started anew.
    pub since: Option<u64>,
    /// What has changed the most, where there is an alarm.
    pub change: Option<Change>,
    /// Largest difference between the distribution of the last 256 scores and that of the calibration scores, by
    /// Kolmogorov and Smirnov, in [0, 1]: for people, and no part of the alarm.
    pub distance: f64,
}

/// How scores have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Rows are less normal than they were.
    Higher,
    /// Rows are more usual than the calibration rows, as they are when a sensor repeats itself.
    Lower,
    /// More very low and very high ones.
    Wider,
    /// More of those in the middle.
    Narrower,
}

/// Why there is no watch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DriftError {
    /// Too few to compare with.
    #[error("need at least {SCORES} calibration scores to watch for drift, got {got}")]
    TooFewScores {
        /// Scores there are.
        got: usize,
    },
    /// No run length.
    #[error("the rows between two false alarms of drift lie between 10 and 1e15, got {got}; 1e6 is usual")]
    RunLength {
        /// What was asked for.
        got: f64,
    },
    /// A score that is none.
    #[error("the score is {0}; a row without a score is left out")]
    NoScore(f64),
    /// A stored watch whose parts do not belong together.
    #[error("the stored state of the watch for drift is damaged: {0}")]
    Stored(&'static str),
}

impl Drift {
    /// A watch with at least `run_length` rows in the mean until it raises a false alarm.
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

    /// Looks at the score of the next row. Anomalies count, too: a stream of them is a drift.
    ///
    /// # Errors
    /// A score that is not finite; nothing is changed by it.
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
            // Bounded, so that a drift that nobody looks at leaves numbers that can be written.
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

    /// What is known so far.
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

    /// Whether there was enough evidence, now or before.
    pub fn is_drifting(&self) -> bool {
        self.0.since.is_some()
    }

    /// Starts anew with the calibration scores alone, as after the cause was found: what the stream showed is forgotten.
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

/// Where a score falls: an edge belongs to the bin below it.
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
        // More rows than were ever counted; and the sums of counts that follow cannot overflow.
        let counted =
            |counts: &[u64]| counts.iter().try_fold(0u64, |n, &c| n.checked_add(c)).filter(|&n| n < most);
        let (usual, all) = (counted(&state.calibration), counted(&state.counts));
        let reason = if bins > BINS || state.edges.iter().any(|edge| !edge.is_finite()) {
            "its bins"
        } else if state.edges.windows(2).any(|pair| pair[0] >= pair[1]) {
            "the order of its bins"
        } else if state.calibration.len() != bins || state.counts.len() != bins {
            "the number of its counts"
        } else if usual.is_none_or(|n| n == 0) || all.is_none() {
            "its counts"
        } else if state.counts.iter().zip(&state.calibration).any(|(all, usual)| all < usual)
            || state.rows >= most
        {
            "its counts of the stream"
        } else if state.bets.len() != SHIFTS.len() + SPREADS.len()
            || state.bets.iter().any(|bet| !(bet.is_finite() && *bet >= 0.0))
        {
            "its evidence"
        } else if state.recent.len() > RECENT || state.recent.iter().any(|&own| usize::from(own) >= bins) {
            "its recent rows"
        } else {
            return Ok(Drift(state));
        };
        Err(DriftError::Stored(reason))
    }
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
