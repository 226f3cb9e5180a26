//! Vector quantisation with a codebook that follows its codes by moving averages (van den Oord, Vinyals &
//! Kavukcuoglu, NeurIPS 2017, section 3 and appendix A.1).

use ae_tensor::workers::Part;
use ae_tensor::{Kind, Noise, Tensor, tch};
use std::cell::OnceCell;

/// Keeps an entry's average count above zero (the reference implementation's `epsilon`).
const SMOOTHING: f64 = 1e-5;

/// How a codebook learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Number of entries, `K`.
    pub entries: i64,
    /// Width of an entry, `D`.
    pub width: i64,
    /// Weight of the past in the moving averages, `γ`; in [0, 1).
    pub decay: f64,
    /// An entry is dead if it is used less than this share of an even use, `rows / K`; 0: entries never die.
    pub dead_below: f64,
}

/// `K` entries of width `D`, and the moving averages that they come from; made on first use, as the tensors
/// of a [`crate::Network`] are.
#[derive(Debug)]
pub struct Codebook {
    settings: Settings,
    noise: Noise,
    state: OnceCell<State>,
}

#[derive(Debug)]
struct State {
    /// `[K, D]`.
    entries: Tensor,
    /// `[K]`, `N` in the paper: how many rows of a batch take each entry.
    counts: Tensor,
    /// `[K, D]`, `m` in the paper: their sum.
    sums: Tensor,
}

/// Codes, each replaced by its nearest entry.
#[derive(Debug)]
pub struct Quantised {
    /// Which entries: int64 `[B, …]`, the code's shape without its dimension of width `D`.
    pub indices: Tensor,
    /// The entries, in the shape of the codes; without a graph.
    pub entries: Tensor,
}

impl Codebook {
    /// Entries that are not used yet, drawn from N(0, 1). The first training pass finds all of them dead, and
    /// [`Self::revive`] restarts them from its codes.
    pub fn new(settings: Settings, noise: &Noise) -> Self {
        Codebook { settings, noise: *noise, state: OnceCell::new() }
    }

    fn state(&self) -> &State {
        self.state.get_or_init(|| {
            let Settings { entries, width, .. } = self.settings;
            let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, self.noise.device()));
            State {
                entries: self.noise.normal("codebook", &[entries, width]),
                counts: zeros(&[entries]),
                sums: zeros(&[entries, width]),
            }
        })
    }

    /// Number of values in entries and averages; saturates at `i64::MAX`.
    pub fn numel(&self) -> i64 {
        let Settings { entries, width, .. } = self.settings;
        entries.saturating_mul(width.saturating_mul(2).saturating_add(1))
    }

    /// Entries and averages, by name; they share memory with the codebook.
    pub fn buffers(&self) -> Vec<(String, Tensor)> {
        let State { entries, counts, sums } = self.state();
        [("entries", entries), ("counts", counts), ("sums", sums)]
            .map(|(name, tensor)| (format!("codebook.{name}"), tensor.shallow_clone()))
            .into()
    }

    /// The nearest entry of each code by Euclidean distance; `codes` is `[B, D, …]` (equations 1 and 2).
    pub fn quantise(&self, codes: &Tensor) -> Quantised {
        tch::no_grad(|| {
            let (rows, state) = (rows(codes), self.state());
            // ‖z‖² is the same for all entries and left out.
            let squares = state.entries.square().sum_dim_intlist([1i64].as_slice(), false, None::<Kind>);
            let indices = (squares - rows.matmul(&state.entries.tr()) * 2.0).argmin(1, false);
            let shape = codes.size();
            let places = [&shape[..1], &shape[2..]].concat();
            let indices = indices.view(places.as_slice());
            Quantised { entries: self.look_up(&indices), indices }
        })
    }

    /// The entries at these indices: int64 `[B, …]` to `[B, D, …]`.
    pub fn look_up(&self, indices: &Tensor) -> Tensor {
        let entries = self.state().entries.index_select(0, &indices.flatten(0, -1));
        let shape = [indices.size().as_slice(), &[self.settings.width]].concat();
        entries.view(shape.as_slice()).movedim_int(-1, 1).contiguous()
    }

    /// Moves the averages and with them the entries towards the codes that took them: equations 6 to 8, with
    /// counts smoothed as in the authors' implementation. In place; entries looked up before keep their
    /// values. With a part of a batch, the codes of the other parts count as well.
    pub fn learn(&self, codes: &Tensor, indices: &Tensor, part: Option<&Part>) {
        let Settings { entries: k, decay, .. } = self.settings;
        tch::no_grad(|| {
            // A product instead of a scattered sum: the same bits on every device and number of threads.
            let taken = indices.flatten(0, -1).one_hot(k).to_kind(Kind::Float);
            let all =
                |of_part: Tensor| part.map_or_else(|| of_part.shallow_clone(), |part| part.sum(&of_part));
            let counts = all(taken.sum_dim_intlist([0i64].as_slice(), false, Kind::Float));
            let sums = all(taken.tr().matmul(&rows(codes)));
            let average = |mut past: Tensor, new: Tensor| past.copy_(&(&past * decay + new * (1.0 - decay)));
            let state = self.state();
            average(state.counts.shallow_clone(), counts);
            average(state.sums.shallow_clone(), sums);
            let total = state.counts.sum(Kind::Float);
            let smoothed = (&state.counts + SMOOTHING) / (&total + SMOOTHING * k as f64) * &total;
            state.entries.shallow_clone().copy_(&(&state.sums / smoothed.unsqueeze(1)));
        });
    }

    /// Restarts dead entries from randomly chosen codes of the batch, as if their use were twice the limit
    /// for dead entries. An entry far from all codes is never chosen, so it would otherwise never move. With
    /// so small an average a restarted entry moves quickly, and is soon restarted elsewhere if no code takes
    /// it. With a part of a batch, codes of all parts are chosen from. Returns how many were dead.
    pub fn revive(&self, codes: &Tensor, noise: &Noise, part: Option<&Part>) -> i64 {
        let Settings { entries: k, dead_below, .. } = self.settings;
        tch::no_grad(|| {
            let (rows, state) = (rows(codes), self.state());
            let n = part.map_or(rows.size()[0], |part| part.rows_of_batch(&rows));
            let even = n as f64 / k as f64;
            let dead = state.counts.lt(dead_below * even);
            let chosen = (noise.whole().uniform("revival", &[k]) * n as f64)
                .floor()
                .to_kind(Kind::Int64)
                .clamp_max(n - 1);
            let chosen = match part {
                None => rows.index_select(0, &chosen),
                Some(part) => part.select(&rows, &chosen),
            };
            let count = 2.0 * dead_below * even;
            let counts = state.counts.where_scalarother(&dead.logical_not(), count);
            let column = dead.unsqueeze(1);
            let sums = (&chosen * count).where_self(&column, &state.sums);
            let entries = chosen.where_self(&column, &state.entries);
            for (old, new) in [(&state.counts, counts), (&state.sums, sums), (&state.entries, entries)] {
                old.shallow_clone().copy_(&new);
            }
            dead.sum(Kind::Int64).int64_value(&[])
        })
    }

    /// Number of entries, `K`.
    pub fn len(&self) -> i64 {
        self.settings.entries
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The entries as the decoder takes them, with the gradient passed on to the codes unchanged (section 3.2).
pub fn straight_through(codes: &Tensor, entries: &Tensor) -> Tensor {
    codes + (entries - codes).detach()
}

/// How often each of the `k` entries is taken: `[k]`, adding up to 1. `indices` is int64, any shape.
pub fn shares(indices: &Tensor, k: i64) -> Tensor {
    let taken = indices.flatten(0, -1).one_hot(k).to_kind(Kind::Float);
    taken.mean_dim([0i64].as_slice(), false, Kind::Float)
}

/// The effective number of entries in use: `exp` of the entropy of their [`shares`] `[k]`, a scalar in [1, k].
pub fn perplexity(shares: &Tensor) -> Tensor {
    // xlogy is 0 for an entry that is not used.
    (-shares.xlogy(shares).sum(Kind::Float)).exp()
}

/// Codes `[B, D, …]` as `[rows, D]`, without a graph.
fn rows(codes: &Tensor) -> Tensor {
    let width = codes.size()[1];
    codes.detach().movedim_int(1, -1).reshape([-1, width])
}
