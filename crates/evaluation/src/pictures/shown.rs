//! Which samples the pictures of a run show: spread over errors, from the best reconstructed to the worst, and over classes.

use crate::held_out::places;
use ae_models::Batch;
use ae_tensor::{Kind, Noise, Tensor, array};
use ae_training::Split;
use ae_training::experiment::Run;

/// Most rows whose errors are compared, and most values of them.
const MAX_JUDGED: usize = 2000;
const MAX_VALUES: usize = 4 << 20;
/// Characters of a class's name in a title.
const MAX_LETTERS: usize = 18;
/// Values of the rows that are reconstructed at once.
const CHUNK_VALUES: usize = 1 << 20;

/// Rows of a run with what a model makes of them, from the least error to the greatest.
#[derive(Debug)]
pub(super) struct Shown {
    /// `[N, …]`, as the model sees them.
    pub(super) originals: Tensor,
    /// `[N, …]`, what the model was given, if that was damaged.
    pub(super) damaged: Option<Tensor>,
    /// `[N, …]`.
    pub(super) rebuilt: Tensor,
    /// `[N, …]`, 1 or 0; `None` if all values were observed.
    pub(super) observed: Option<Tensor>,
    /// `[N]`, mean squared errors, in the scale that the model sees.
    errors: Vec<f64>,
    /// `[N]`, the class of a row if it has a name, else its number in its part.
    names: Vec<String>,
    /// Rows that were compared, and what they are.
    judged: usize,
    which: &'static str,
    is_by_class: bool,
}

/// What a model makes of a batch: what it was given, if that was damaged, and what it gave back.
pub(super) type Rebuilt = (Option<Tensor>, Tensor);

impl Shown {
    /// `n` held-out rows, or training rows if none were held out, as `rebuild` reconstructs them.
    pub(super) fn of(run: &Run, n: usize, rebuild: impl Fn(&Batch, &Noise) -> Rebuilt) -> Self {
        let (split, which) = held_out(run);
        let numel = run.splits.dataset.shape.numel();
        let places = places(split.len(), (MAX_VALUES / numel).clamp(n, MAX_JUDGED));
        let chunk = (CHUNK_VALUES / numel).clamp(1, 256);
        let (mut originals, mut damaged, mut rebuilt, mut observed) = (vec![], vec![], vec![], vec![]);
        for (step, rows) in places.chunks(chunk).enumerate() {
            let batch = split.select(rows);
            let noise = Noise::new(run.record.seed, step as u64, batch.values.device()).fork("pictures");
            let (given, made) = rebuild(&batch, &noise);
            damaged.extend(given);
            rebuilt.push(made);
            originals.push(batch.values);
            observed.extend(batch.observed);
        }
        let joined = |parts: Vec<Tensor>| (!parts.is_empty()).then(|| Tensor::cat(&parts, 0));
        let whole = "a split that is shown has rows";
        let (originals, rebuilt) = (joined(originals).expect(whole), joined(rebuilt).expect(whole));
        let (damaged, observed) = (joined(damaged), joined(observed));
        let errors = errors(&originals, &rebuilt, observed.as_ref());
        let classes = split
            .labels()
            .map(|labels| places.iter().map(|&place| labels.int64_value(&[place as i64])).collect());
        let classes: Option<Vec<i64>> =
            classes.filter(|classes: &Vec<i64>| classes.iter().any(|class| *class != classes[0]));
        let chosen = choose(&errors, classes.as_deref(), n);
        let label =
            |row: usize| split.labels().map(|labels| labels.int64_value(&[places[row] as i64]) as usize);
        let named = |row: usize| run.splits.dataset.label_names.get(label(row)?).cloned();
        let index = Tensor::from_slice(&chosen.iter().map(|&row| row as i64).collect::<Vec<_>>());
        let take = |tensor: &Tensor| tensor.index_select(0, &index.to_device(tensor.device()));
        Shown {
            originals: take(&originals),
            damaged: damaged.as_ref().map(take),
            rebuilt: take(&rebuilt),
            observed: observed.as_ref().map(take),
            names: chosen
                .iter()
                .map(|&row| named(row).unwrap_or_else(|| format!("row {}", places[row])))
                .collect(),
            errors: chosen.iter().map(|&row| errors[row]).collect(),
            judged: places.len(),
            which,
            is_by_class: classes.is_some(),
        }
    }

    /// Says which samples are shown, and what the figures are.
    pub(super) fn caption(&self) -> String {
        let Shown { errors, judged, which, is_by_class, .. } = self;
        let classes = if *is_by_class { ", spread over the classes" } else { "" };
        let (n, samples) = (errors.len(), if *judged == 1 { "sample" } else { "samples" });
        let order = if n > 1 { ", from the best reconstructed to the worst" } else { "" };
        format!(
            "{n} of {judged} {which} {samples}{order}{classes}. The figure is the mean squared error of a sample, in the scale \
             that the model sees."
        )
    }

    /// The two lines above a sample: its class or number, and its error.
    pub(super) fn headings(&self) -> Vec<[String; 2]> {
        self.names.iter().zip(&self.errors).map(|(name, error)| [name.clone(), figure(*error)]).collect()
    }

    /// The line above a sample: its place, its class or number, and its error.
    pub(super) fn titles(&self) -> Vec<String> {
        let n = self.errors.len();
        let title = |(place, [name, error]): (usize, [String; 2])| {
            let word = match place {
                _ if n < 3 => "",
                0 => "best · ",
                place if place == n / 2 => "median · ",
                place if place == n - 1 => "worst · ",
                _ => "",
            };
            format!("{word}{} · error {error}", shortened(&name))
        };
        self.headings().into_iter().enumerate().map(title).collect()
    }

    /// Number of samples.
    pub(super) fn len(&self) -> usize {
        self.errors.len()
    }

    /// The best, the median and the worst of the samples.
    pub(super) fn three(self) -> Self {
        let n = self.len();
        if n <= 3 {
            return self;
        }
        let places = [0, n / 2, n - 1];
        let index = Tensor::from_slice(&places.map(|place| place as i64));
        let take = |tensor: &Tensor| tensor.index_select(0, &index.to_device(tensor.device()));
        Shown {
            originals: take(&self.originals),
            damaged: self.damaged.as_ref().map(take),
            rebuilt: take(&self.rebuilt),
            observed: self.observed.as_ref().map(take),
            errors: places.map(|place| self.errors[place]).into(),
            names: places.map(|place| self.names[place].clone()).into(),
            ..self
        }
    }
}

/// The test rows, or the training rows if there are none; and what they are called.
pub(super) fn held_out(run: &Run) -> (&Split, &'static str) {
    match run.splits.test.is_empty() {
        true => (&run.splits.train, "training"),
        false => (&run.splits.test, "held-out"),
    }
}

/// A name that leaves room for the rest of a title.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_LETTERS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

fn figure(error: f64) -> String {
    match error {
        e if e >= 0.001 => format!("{e:.4}"),
        e => format!("{e:.1e}"),
    }
}

/// The mean squared error of each row over its observed values.
fn errors(originals: &Tensor, rebuilt: &Tensor, observed: Option<&Tensor>) -> Vec<f64> {
    let flat = |tensor: &Tensor| tensor.reshape([originals.size()[0], -1]);
    let squares = (flat(rebuilt) - flat(originals)).square();
    let means = match observed {
        None => squares.mean_dim([1i64].as_slice(), false, Kind::Float),
        Some(observed) => {
            let observed = flat(observed);
            let sum = |t: Tensor| t.sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
            sum(squares * &observed) / sum(observed).clamp_min(1.0)
        }
    };
    array::to_vec(&means)
}

/// `n` rows, from the least error to the greatest: those at evenly spaced ranks, where the best, the median and the worst
/// of all are always among them and every other one is, of the classes shown least so far, the nearest to its rank.
fn choose(errors: &[f64], classes: Option<&[i64]>, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..errors.len()).collect();
    order.sort_by(|&a, &b| errors[a].total_cmp(&errors[b]));
    let (all, n) = (order.len(), n.min(order.len()));
    let wanted = |place: usize| match place {
        0 => 0,
        place if place == n - 1 => all - 1,
        place if place == n / 2 => all / 2,
        place => place * (all - 1) / (n - 1),
    };
    let mut turns: Vec<usize> = (0..n).collect();
    turns.sort_by_key(|&place| (place != 0 && place != n - 1 && place != n / 2, place));
    let mut taken: Vec<usize> = Vec::new();
    for (turn, place) in turns.into_iter().enumerate() {
        let class = |rank: usize| classes.map_or(0, |classes| classes[order[rank]]);
        let shown = |rank: usize| taken.iter().filter(|&&other| class(other) == class(rank)).count();
        let free = (0..all).filter(|rank| !taken.contains(rank));
        let nearest = |rank: usize| rank.abs_diff(wanted(place));
        let best = if turn < 3 {
            free.min_by_key(|&rank| nearest(rank))
        } else {
            free.min_by_key(|&rank| (shown(rank), nearest(rank)))
        };
        taken.extend(best);
    }
    taken.sort_unstable();
    taken.into_iter().map(|rank| order[rank]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_over_errors_and_classes() {
        // Sorted by class, as many files are; the error grows within a class.
        let errors: Vec<f64> = (0..100).map(|row| f64::from(row % 25) + f64::from(row) / 1000.0).collect();
        let classes: Vec<i64> = (0..100).map(|row| row / 25).collect();
        let chosen = choose(&errors, Some(&classes), 8);
        let ranks: Vec<f64> = chosen.iter().map(|&row| errors[row]).collect();
        assert!(ranks.is_sorted() && chosen.len() == 8, "{ranks:?}");
        assert_eq!((chosen[0], chosen[7]), (0, 99), "the best and the worst of all");
        for class in 0..4 {
            assert_eq!(chosen.iter().filter(|&&row| classes[row] == class).count(), 2, "{chosen:?}");
        }
        assert!((10.0..15.0).contains(&ranks[4]), "the median: {ranks:?}");
        assert!(ranks.windows(2).all(|pair| pair[1] - pair[0] < 9.0), "{ranks:?}");
    }

    #[test]
    fn few_rows_are_all_shown() {
        assert_eq!(choose(&[3.0, 1.0, 2.0], None, 10), [1, 2, 0]);
        assert_eq!(choose(&[3.0], Some(&[1]), 10), [0]);
        assert_eq!(choose(&[2.0, 1.0], None, 1), [1]);
        assert_eq!(choose(&[f64::NAN, 1.0, 1.0], None, 2), [1, 0]);
        assert_eq!(choose(&[], None, 3), [0usize; 0]);
    }

    #[test]
    fn what_was_not_observed_is_no_error() {
        let [original, rebuilt, observed] =
            [[1.0f32, 2.0, 3.0, 4.0], [1.0, 4.0, 9.0, 4.0], [1.0, 1.0, 0.0, 1.0]]
                .map(|t| Tensor::from_slice(&t).view([2, 2]));
        assert_eq!(errors(&original, &rebuilt, Some(&observed)), [2.0, 0.0]);
        assert_eq!(errors(&original, &rebuilt, None), [2.0, 18.0]);
    }
}
