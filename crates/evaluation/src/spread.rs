//! Figures over seeds: the values of a quantity for each seed, with their mean and spread.

use crate::error::EvaluationError;
use crate::outcome::ResultTable;
use ae_metrics::{Interval, MeanStd, mean_std};
use std::collections::BTreeMap;

/// A measured quantity, and how to present it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    /// Unique name in the metrics.
    pub(crate) name: &'static str,
    /// Heading of its column in a table.
    pub(crate) heading: &'static str,
    /// Decimal places in a table.
    pub(crate) decimals: usize,
    bounds: Bounds,
}

/// The bounds of a quantity. The lower one is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bounds {
    None,
    /// Not negative.
    Below,
    /// From 0 to 1.
    Share,
    /// From 0 to 100.
    Percentage,
}

/// A quantity and its values for each seed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    quantity: Quantity,
    values: Vec<(u64, f64)>,
}

/// All figures of one contender, in the order in which they were first measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures(Vec<Figure>);

/// The cell of a quantity that was not measured.
const MISSING: &str = "–";
/// Confidence level of intervals.
const CONFIDENCE: f64 = 0.95;
/// What the cells of [`Figure::to_text`] say about several seeds, for the note of a table.
pub(crate) const SPREAD: &str = "Means over seeds, in brackets the 95 % interval of the mean (Student's; of shares and \
                                 percentages on the scale of the logit, of what cannot be negative on that of the logarithm).";

impl Quantity {
    /// A quantity of any value.
    pub(crate) const fn new(name: &'static str, heading: &'static str, decimals: usize) -> Self {
        Quantity { name, heading, decimals, bounds: Bounds::None }
    }

    /// A quantity that is not negative, such as an error, a time or a count.
    pub(crate) const fn positive(name: &'static str, heading: &'static str, decimals: usize) -> Self {
        Quantity { bounds: Bounds::Below, ..Quantity::new(name, heading, decimals) }
    }

    /// A quantity in [0, 1], such as a recall or an AUROC.
    pub(crate) const fn share(name: &'static str, heading: &'static str, decimals: usize) -> Self {
        Quantity { bounds: Bounds::Share, ..Quantity::new(name, heading, decimals) }
    }

    /// A quantity in [0, 100].
    pub(crate) const fn percentage(name: &'static str, heading: &'static str, decimals: usize) -> Self {
        Quantity { bounds: Bounds::Percentage, ..Quantity::new(name, heading, decimals) }
    }
}

impl Figure {
    /// A figure without values.
    pub(crate) fn new(quantity: Quantity) -> Self {
        Figure { quantity, values: Vec::new() }
    }

    /// Adds a value. A seed may have several values from repeated draws: its value is then their mean, and
    /// the spread is that of all values.
    pub(crate) fn push(&mut self, seed: u64, value: f64) {
        self.values.push((seed, value));
    }

    /// Whether it has no value.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Mean and standard deviation of all values.
    ///
    /// # Errors
    /// No values, or one that is not finite.
    pub(crate) fn summary(&self) -> Result<MeanStd, EvaluationError> {
        let values: Vec<f64> = self.values.iter().map(|(_, value)| *value).collect();
        mean_std(&values).map_err(EvaluationError::metric(self.quantity.name))
    }

    /// The value of the seed that came first.
    pub(crate) fn of_first_seed(&self) -> Option<f64> {
        self.by_seed().first().map(|(_, value)| *value)
    }

    /// The 95 % interval of the mean of at least two values, within the bounds of the quantity. Draws of a seed share its
    /// model, so with several seeds each counts once.
    ///
    /// # Errors
    /// A value that is not finite, or a mean beyond the bounds.
    pub(crate) fn interval(&self) -> Result<Option<Interval>, EvaluationError> {
        let mut seeds = self.by_seed();
        if seeds.len() < 2 {
            seeds.clone_from(&self.values);
        }
        if seeds.len() < 2 {
            return Ok(None);
        }
        let unit = if self.quantity.bounds == Bounds::Percentage { 100.0 } else { 1.0 };
        let values: Vec<f64> = seeds.iter().map(|(_, value)| value / unit).collect();
        let interval = mean_std(&values).and_then(|summary| match self.quantity.bounds {
            Bounds::None => summary.confidence_interval(CONFIDENCE),
            Bounds::Below => summary.positive_interval(CONFIDENCE),
            Bounds::Share | Bounds::Percentage => summary.unit_interval(CONFIDENCE),
        });
        let Interval { low, high } = interval.map_err(EvaluationError::metric(self.quantity.name))?;
        Ok(Some(Interval { low: unit * low, high: unit * high }))
    }

    /// `mean [low, high]` with the 95 % interval of the mean; a single value, or the same several times, is shown alone,
    /// and no value as a dash.
    ///
    /// # Errors
    /// A value that is not finite, or a mean beyond the bounds of its quantity.
    pub(crate) fn to_text(&self) -> Result<String, EvaluationError> {
        if self.is_empty() {
            return Ok(MISSING.into());
        }
        let (mean, decimals) = (self.summary()?.mean, self.quantity.decimals);
        Ok(match self.interval()? {
            Some(Interval { low, high }) if low < high => {
                format!("{mean:.decimals$} [{low:.decimals$}, {high:.decimals$}]")
            }
            _ => format!("{mean:.decimals$}"),
        })
    }

    /// Adds each seed's value as `<group>/seed<N>/<name>` and the mean as `<group>/<name>`. With several
    /// values, also adds their sample standard deviation, `…_std`, and the ends of the 95 % interval of the mean, `…_ci95_low`
    /// and `…_ci95_high`.
    ///
    /// # Errors
    /// A value that is not finite, or a mean beyond the bounds of its quantity.
    pub(crate) fn enter(
        &self,
        metrics: &mut BTreeMap<String, f64>,
        group: &str,
    ) -> Result<(), EvaluationError> {
        if self.is_empty() {
            return Ok(());
        }
        let name = self.quantity.name;
        let summary = self.summary()?;
        for (seed, value) in self.by_seed() {
            metrics.insert(format!("{group}/seed{seed}/{name}"), value);
        }
        metrics.insert(format!("{group}/{name}"), summary.mean);
        if let Some(std) = summary.sample_std() {
            metrics.insert(format!("{group}/{name}_std"), std);
        }
        if let Some(Interval { low, high }) = self.interval()? {
            metrics.insert(format!("{group}/{name}_ci95_low"), low);
            metrics.insert(format!("{group}/{name}_ci95_high"), high);
        }
        Ok(())
    }

    /// One value for each seed, in the order of the seeds' first values.
    pub(crate) fn by_seed(&self) -> Vec<(u64, f64)> {
        let mut seeds: Vec<(u64, f64, f64)> = Vec::new();
        for &(seed, value) in &self.values {
            match seeds.iter_mut().find(|(known, ..)| *known == seed) {
                Some((_, sum, count)) => (*sum, *count) = (*sum + value, *count + 1.0),
                None => seeds.push((seed, value, 1.0)),
            }
        }
        seeds.into_iter().map(|(seed, sum, count)| (seed, sum / count)).collect()
    }
}

impl Figures {
    /// Adds a value of a quantity.
    pub(crate) fn push(&mut self, seed: u64, quantity: &Quantity, value: f64) {
        let at = self.0.iter().position(|figure| figure.quantity.name == quantity.name);
        let at = at.unwrap_or_else(|| {
            self.0.push(Figure::new(*quantity));
            self.0.len() - 1
        });
        self.0[at].push(seed, value);
    }

    /// The figure of a quantity; `None` if it was not measured.
    pub(crate) fn get(&self, quantity: &Quantity) -> Option<&Figure> {
        self.0.iter().find(|figure| figure.quantity.name == quantity.name)
    }

    /// Whether any quantity has a value for this seed.
    pub(crate) fn have(&self, seed: u64) -> bool {
        self.0.iter().any(|figure| figure.values.iter().any(|(other, _)| *other == seed))
    }

    /// A cell for each of these quantities, by [`Figure::to_text`].
    ///
    /// # Errors
    /// A value that is not finite.
    pub(crate) fn cells(&self, quantities: &[Quantity]) -> Result<Vec<String>, EvaluationError> {
        let cell = |quantity| self.get(quantity).map_or(Ok(MISSING.into()), Figure::to_text);
        quantities.iter().map(cell).collect()
    }

    /// Adds every figure; see [`Figure::enter`].
    ///
    /// # Errors
    /// A value that is not finite.
    pub(crate) fn enter(
        &self,
        metrics: &mut BTreeMap<String, f64>,
        group: &str,
    ) -> Result<(), EvaluationError> {
        self.0.iter().try_for_each(|figure| figure.enter(metrics, group))
    }

    /// A table with a row for each seed and, if there are several, a row with their means by [`Figure::to_text`].
    ///
    /// # Errors
    /// No figures, or a value that is not finite.
    pub(crate) fn by_seed(&self, title: String, note: String) -> Result<ResultTable, EvaluationError> {
        let first = self.0.first().ok_or(EvaluationError::NoSeeds)?;
        let quantities: Vec<Quantity> = self.0.iter().map(|figure| figure.quantity).collect();
        let mut rows = Vec::new();
        for (seed, _) in first.by_seed() {
            let mut row = vec![seed.to_string()];
            for figure in &self.0 {
                let value = figure.by_seed().into_iter().find(|(other, _)| *other == seed);
                let decimals = figure.quantity.decimals;
                row.push(value.map_or(MISSING.into(), |(_, value)| format!("{value:.decimals$}")));
            }
            rows.push(row);
        }
        if rows.len() > 1 {
            let mut last = vec!["mean".to_string()];
            last.extend(self.cells(&quantities)?);
            rows.push(last);
        }
        Ok(ResultTable { title, columns: columns(&["seed"], &quantities), rows, note })
    }
}

/// The head of a table: columns of text, then one for each quantity.
pub(crate) fn columns(before: &[&str], quantities: &[Quantity]) -> Vec<String> {
    let headings = quantities.iter().map(|quantity| quantity.heading);
    before.iter().copied().chain(headings).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCURACY: Quantity = Quantity::new("accuracy", "accuracy in all", 2);
    const COUNT: Quantity = Quantity::positive("count", "n", 0);

    fn figures(values: &[(u64, f64)]) -> Figures {
        let mut figures = Figures::default();
        for (seed, value) in values {
            figures.push(*seed, &ACCURACY, *value);
        }
        figures
    }

    fn check(values: &[(u64, f64)], rows: &[&[&str]], metrics: &[(&str, f64)]) {
        let table = figures(values).by_seed("t".into(), String::new()).unwrap();
        assert_eq!(table.columns, ["seed", "accuracy in all"]);
        assert_eq!(table.rows, rows);
        let mut entered = BTreeMap::new();
        figures(values).enter(&mut entered, "g").unwrap();
        let names: Vec<&str> = entered.keys().map(String::as_str).collect();
        assert_eq!(names, metrics.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for (name, expected) in metrics {
            assert!((entered[*name] - expected).abs() < 1e-6, "{name}: {}", entered[*name]);
        }
    }

    #[test]
    fn a_single_seed_has_no_spread() {
        check(&[(3, 0.5)], &[&["3", "0.50"]], &[("g/accuracy", 0.5), ("g/seed3/accuracy", 0.5)]);
    }

    /// The interval is Student's with one degree of freedom: t = 12.706205. The standard error of 1 and 3 is 1.
    #[test]
    fn a_table_has_the_interval_of_the_mean_and_the_metrics_also_the_deviation() {
        check(
            &[(0, 1.0), (1, 3.0)],
            &[&["0", "1.00"], &["1", "3.00"], &["mean", "2.00 [-10.71, 14.71]"]],
            &[
                ("g/accuracy", 2.0),
                ("g/accuracy_ci95_high", 14.706205),
                ("g/accuracy_ci95_low", -10.706205),
                ("g/accuracy_std", 2f64.sqrt()),
                ("g/seed0/accuracy", 1.0),
                ("g/seed1/accuracy", 3.0),
            ],
        );
    }

    const RECALL: Quantity = Quantity::share("recall", "recall", 3);
    const ERROR: Quantity = Quantity::percentage("error", "error (%)", 1);

    fn figure(quantity: Quantity, values: &[(u64, f64)]) -> Figure {
        let mut figure = Figure::new(quantity);
        values.iter().for_each(|(seed, value)| figure.push(*seed, *value));
        figure
    }

    /// With Student's interval, the first would be 0.363 ± 2.185.
    #[test]
    fn the_interval_of_a_quantity_with_bounds_stays_within_them() {
        let check = |quantity, values: &[(u64, f64)], text: &str| {
            assert_eq!(figure(quantity, values).to_text().unwrap(), text);
        };
        check(RECALL, &[(0, 0.191), (1, 0.535)], "0.363 [0.000, 1.000]");
        check(RECALL, &[(0, 0.4), (1, 0.5), (2, 0.6)], "0.500 [0.270, 0.730]");
        check(RECALL, &[(0, 1.0), (1, 1.0)], "1.000");
        check(RECALL, &[(0, 0.25)], "0.250");
        check(ERROR, &[(0, 40.0), (1, 50.0), (2, 60.0)], "50.0 [27.0, 73.0]");
        // Student's interval would begin below 0.
        check(COUNT, &[(0, 1.0), (1, 5.0), (2, 9.0)], "5 [1, 36]");
        // Two draws of each of three seeds are three values.
        let draws = [(0, 0.3), (0, 0.5), (1, 0.4), (1, 0.6), (2, 0.5), (2, 0.7)];
        check(RECALL, &draws, "0.500 [0.270, 0.730]");
        let mut entered = BTreeMap::new();
        figure(RECALL, &draws).enter(&mut entered, "g").unwrap();
        let names: Vec<&str> =
            entered.keys().map(String::as_str).filter(|name| !name.contains("seed")).collect();
        assert_eq!(names, ["g/recall", "g/recall_ci95_high", "g/recall_ci95_low", "g/recall_std"]);
        assert!((entered["g/recall_ci95_low"] - 0.270191).abs() < 1e-6);
        let beyond = figure(RECALL, &[(0, 1.5), (1, 1.7)]).to_text();
        assert!(matches!(beyond, Err(EvaluationError::Metric { .. })), "{beyond:?}");
    }

    #[test]
    fn every_column_of_a_table_has_the_same_kind_of_interval() {
        let mut figures = Figures::default();
        for (seed, value) in [(0, 0.4), (1, 0.5), (2, 0.6)] {
            figures.push(seed, &RECALL, value);
            figures.push(seed, &COUNT, 10.0 * value);
        }
        let table = figures.by_seed("t".into(), String::new()).unwrap();
        assert_eq!(table.rows[3], ["mean", "0.500 [0.270, 0.730]", "5 [3, 8]"]);
    }

    #[test]
    fn a_seed_has_the_mean_of_its_draws_and_the_spread_is_over_all_draws() {
        let drawn = figures(&[(7, 1.0), (7, 2.0), (7, 6.0)]);
        assert_eq!(drawn.cells(&[ACCURACY, COUNT]).unwrap(), ["3.00 [-3.57, 9.57]", "–"]);
        assert_eq!(drawn.get(&ACCURACY).unwrap().of_first_seed(), Some(3.0));
        let mut entered = BTreeMap::new();
        drawn.enter(&mut entered, "g").unwrap();
        assert_eq!((entered["g/seed7/accuracy"], entered["g/accuracy_std"]), (3.0, 7f64.sqrt()));
    }

    #[test]
    fn a_seed_without_a_value_has_a_dash() {
        let mut figures = figures(&[(0, 1.0), (1, 3.0)]);
        figures.push(1, &COUNT, 4.0);
        let table = figures.by_seed("t".into(), String::new()).unwrap();
        assert_eq!(
            table.rows,
            [vec!["0", "1.00", "–"], vec!["1", "3.00", "4"], vec!["mean", "2.00 [-10.71, 14.71]", "4"]]
        );
        assert_eq!(Figure::new(COUNT).to_text().unwrap(), "–");
    }

    #[test]
    fn nothing_and_nonsense_are_errors() {
        let nothing = Figures::default().by_seed("t".into(), String::new());
        assert!(matches!(nothing, Err(EvaluationError::NoSeeds)));
        let error = figures(&[(0, 1.0), (1, f64::NAN)]).by_seed("t".into(), String::new()).unwrap_err();
        assert!(error.to_string().starts_with("cannot compute the figures of accuracy: "), "{error}");
    }
}
