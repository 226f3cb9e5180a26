//! Held-out figures: the loss terms, averaged over the rows of a split.

use crate::data::Split;
use crate::team::Team;
use ae_models::{Losses, Model, Pass, limits};
use ae_records::checkpoint::Window;
use ae_tensor::{Device, Kind, Noise, Tensor, WorkersError};
use std::collections::BTreeMap;

/// Rows per batch of an evaluation. Results depend on it, because the draws of a batch depend on its
/// position.
pub const BATCH: usize = 1000;
/// Values of a batch's forward pass above which a batch has fewer rows: 8 GiB. Only models of millions of
/// activations come near.
const MAX_VALUES: i64 = 1 << 31;

/// The mean of each loss term over the rows of a split, and of the objective under its own name. `purpose`
/// (`test`, `validation`) and `seed` fix the draws, so the figures of two epochs differ only through the
/// weights.
pub fn evaluate(model: &dyn Model, split: &Split, seed: u64, purpose: &str) -> BTreeMap<String, f64> {
    evaluate_with(&Team::default(), model, split, seed, purpose).expect("a single process exchanges nothing")
}

/// [`evaluate`] by several workers, each of which evaluates its batches.
pub(crate) fn evaluate_with(
    team: &Team,
    model: &dyn Model,
    split: &Split,
    seed: u64,
    purpose: &str,
) -> Result<BTreeMap<String, f64>, WorkersError> {
    let mut window = Window::default();
    let groups = group_names(model);
    let rows = limits::rows_per_batch(model, BATCH, MAX_VALUES);
    let turns = team.turns(split.len().div_ceil(rows));
    for index in 0..split.len().div_ceil(rows) {
        if turns.is_some_and(|(turn, of)| index % of != turn) {
            continue;
        }
        let start = index * rows;
        let batch = split.rows(start, rows.min(split.len() - start));
        let noise = Noise::new(seed, index as u64, batch.values.device()).fork(purpose);
        let losses = ae_tensor::tch::no_grad(|| model.losses(&batch, &Pass::evaluation(noise)));
        let totals: Vec<Option<Tensor>> = losses.iter().map(Losses::total).collect();
        let (names, values) = named_terms(&groups, &losses, &totals);
        window.add(&names, &to_doubles(&[values])[0], batch.len());
    }
    let mut means = team.join(window, turns.is_some())?.means();
    if let Some(loss) = means.remove("loss") {
        means.entry(model.objective().into()).or_insert(loss);
    }
    Ok(means)
}

/// Names of a model's groups, in their order.
pub(crate) fn group_names(model: &dyn Model) -> Vec<&'static str> {
    model.groups().iter().map(|group| group.name).collect()
}

/// Names of all terms, and their values in one tensor `[terms]` on the device: each group's total as `loss`,
/// then its terms if it has several, then its figures. With several groups, the names of totals and terms
/// start with the group's. `totals` are those of `losses`, scalars; a group that rests has none.
pub(crate) fn named_terms(
    groups: &[&str],
    losses: &[Losses],
    totals: &[Option<Tensor>],
) -> (Vec<String>, Tensor) {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for ((group, losses), total) in groups.iter().zip(losses).zip(totals) {
        let name = |term: &str| if groups.len() == 1 { term.into() } else { format!("{group}/{term}") };
        if let Some(total) = total {
            names.push(name("loss"));
            values.push(total.detach());
        }
        if losses.terms.len() > 1 {
            for (term, value) in &losses.terms {
                names.push(name(term));
                values.push(value.detach());
            }
        }
        for (figure, value) in &losses.figures {
            names.push(figure.to_string());
            values.push(value.detach());
        }
    }
    (names, Tensor::stack(&values, 0))
}

/// One row of numbers for each tensor `[terms]`, with a single transfer from the device.
pub(crate) fn to_doubles(values: &[Tensor]) -> Vec<Vec<f64>> {
    if values.is_empty() {
        return vec![];
    }
    let all = Tensor::stack(values, 0).to_device(Device::Cpu).to_kind(Kind::Double);
    Vec::<Vec<f64>>::try_from(&all).expect("a double matrix on the CPU")
}
