//! Representations that are searched, and what is found by each.

use crate::draft::Draft;
use crate::error::EvaluationError;
use crate::outcome::ResultTable;
use crate::spread::{Figures, Quantity, SPREAD};
use ae_metrics::Ranking;
use indexmap::IndexMap;

/// The mean average precision over the queries.
const MEAN_AVERAGE_PRECISION: Quantity = Quantity::share("mean_average_precision", "mAP", 3);

/// Share of right items among so many that are found first.
pub(crate) type Precisions = &'static [(usize, Quantity)];

/// The representations of one set, in the order in which they were added.
pub(crate) struct Entrants {
    precisions: Precisions,
    by_name: IndexMap<String, Entrant>,
}

struct Entrant {
    title: String,
    size: Size,
    figures: Figures,
}

/// Size of a representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Pixels of 8 bits.
    Pixels(i64),
    /// Counts of so many words, most of them 0.
    Words(usize),
    /// Numbers of 32 bits.
    Values(i64),
    Bits(i64),
}

/// What one representation finds with one seed.
pub(crate) struct Found<'a> {
    entrant: &'a mut Entrant,
    precisions: Precisions,
    sums: Vec<f64>,
    average: f64,
    queries: usize,
    items: usize,
}

impl Entrants {
    /// None yet.
    pub(crate) fn new(precisions: Precisions) -> Self {
        Entrants { precisions, by_name: IndexMap::new() }
    }

    /// Whether a representation was judged with this seed.
    pub(crate) fn have(&self, name: &str, seed: u64) -> bool {
        self.by_name.get(name).is_some_and(|entrant| entrant.figures.have(seed))
    }

    /// The representation with this name in the metrics, to add what it finds.
    pub(crate) fn entry(&mut self, name: &str, title: &str, size: Size) -> Found<'_> {
        let new = || Entrant { title: title.into(), size, figures: Figures::default() };
        Found {
            entrant: self.by_name.entry(name.into()).or_insert_with(new),
            precisions: self.precisions,
            sums: vec![0.0; self.precisions.len()],
            average: 0.0,
            queries: 0,
            items: 0,
        }
    }

    /// The mean over the seeds; `None` if it was not judged.
    pub(crate) fn mean_average_precision(&self, name: &str) -> Option<f64> {
        Some(self.by_name.get(name)?.figures.get(&MEAN_AVERAGE_PRECISION)?.summary().ok()?.mean)
    }

    /// Adds the table and the metrics of a set.
    ///
    /// # Errors
    /// A figure that is not finite.
    pub(crate) fn report(&self, draft: &mut Draft, set: &str) -> Result<(), EvaluationError> {
        let quantities = self.quantities();
        let heads = quantities.iter().map(|quantity| quantity.heading);
        let columns = ["searched by", "size", "bytes"].into_iter().chain(heads).map(String::from).collect();
        let mut rows = Vec::new();
        for (name, Entrant { title, size, figures }) in &self.by_name {
            let mut row = vec![title.clone(), size.text(), size.bytes()];
            row.extend(figures.cells(&quantities)?);
            figures.enter(&mut draft.evaluation.metrics, &format!("{set}/{name}"))?;
            rows.push(row);
        }
        let note = format!(
            "Higher is better. Greatest mean average precision: {}. {SPREAD}",
            self.winners()?.join("; ")
        );
        draft.evaluation.tables.push(ResultTable { title: set.into(), columns, rows, note });
        Ok(())
    }

    /// Mean precision of each representation by the number of items found, for a picture.
    pub(crate) fn curves(&self) -> Vec<(String, Vec<(f64, f64)>)> {
        let curve = |entrant: &Entrant| {
            let point = |(k, quantity): &(usize, Quantity)| {
                let mean = entrant.figures.get(quantity)?.summary().ok()?.mean;
                Some((*k as f64, mean))
            };
            let title = format!("{}, {}", entrant.title, entrant.size.text());
            (title, self.precisions.iter().filter_map(point).collect())
        };
        self.by_name.values().map(curve).collect()
    }

    fn quantities(&self) -> Vec<Quantity> {
        self.precisions.iter().map(|(_, quantity)| *quantity).chain([MEAN_AVERAGE_PRECISION]).collect()
    }

    /// The representation with the greatest mean average precision, of those that are numbers and of each number of
    /// bits.
    fn winners(&self) -> Result<Vec<String>, EvaluationError> {
        let mut best: IndexMap<String, (f64, String)> = IndexMap::new();
        for Entrant { title, size, figures } in self.by_name.values() {
            let Some(figure) = figures.get(&MEAN_AVERAGE_PRECISION) else { continue };
            let mean = figure.summary()?.mean;
            let class =
                if matches!(size, Size::Bits(_)) { size.text() } else { "all but binary codes".into() };
            let first = best.entry(class).or_insert((f64::NEG_INFINITY, String::new()));
            if mean > first.0 {
                let titled = match size {
                    Size::Values(_) => format!("{title} ({})", size.text()),
                    _ => title.clone(),
                };
                *first = (mean, titled);
            }
        }
        Ok(best.into_iter().map(|(class, (_, title))| format!("of {class}, {title}")).collect())
    }
}

impl Found<'_> {
    /// Adds a query by the scores of all items, higher is nearer, and whether each of them is right.
    ///
    /// # Errors
    /// No item is right.
    pub(crate) fn add(&mut self, scores: &[f32], is_right: &[bool]) -> Result<(), EvaluationError> {
        let wrong = || EvaluationError::metric(&self.entrant.title);
        let ranking = Ranking::new(scores, is_right).map_err(wrong())?;
        self.average += ranking.average_precision();
        for (sum, (k, _)) in self.sums.iter_mut().zip(self.precisions) {
            *sum += ranking.precision_at(*(k.min(&scores.len()))).map_err(wrong())?;
        }
        (self.queries, self.items) = (self.queries + 1, scores.len());
        Ok(())
    }

    /// Enters the means over the queries as the figures of a seed; nothing if there were none.
    pub(crate) fn finish(self, seed: u64) {
        let Found { entrant, precisions, sums, average, queries, items } = self;
        if queries == 0 {
            return;
        }
        let n = queries as f64;
        for (sum, (k, quantity)) in sums.into_iter().zip(precisions) {
            if *k <= items {
                entrant.figures.push(seed, quantity, sum / n);
            }
        }
        entrant.figures.push(seed, &MEAN_AVERAGE_PRECISION, average / n);
        tracing::info!("{}, {:?}, seed {seed}: mAP {:.4}", entrant.title, entrant.size, average / n);
    }
}

impl Size {
    /// `784 pixels`, `64 values` or `64 bits`.
    pub(crate) fn text(self) -> String {
        match self {
            Size::Pixels(n) => format!("{n} pixels"),
            Size::Words(n) => format!("{n} words"),
            Size::Values(n) => format!("{n} values"),
            Size::Bits(n) => format!("{n} bits"),
        }
    }

    /// Bytes of an item; those of counts differ from item to item.
    fn bytes(self) -> String {
        match self {
            Size::Pixels(n) => n.to_string(),
            Size::Words(_) => "–".into(),
            Size::Values(n) => (4 * n).to_string(),
            Size::Bits(n) => ((n + 7) / 8).to_string(),
        }
    }
}
