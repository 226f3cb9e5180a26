//! Rows of synthetic tables whose columns follow a few factors.

use ae_records::seed::stream_rng;
use rand::{Rng, RngExt};
use std::fmt::Write as _;

/// A normal draw (Box & Muller).
pub(crate) fn normal(rng: &mut impl Rng) -> f64 {
    let (radius, angle): (f64, f64) = (rng.random_range(1e-12..1.0), rng.random_range(0.0..1.0));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// A draw from Student's t distribution with 4 degrees of freedom.
pub(crate) fn heavy(rng: &mut impl Rng) -> f64 {
    let squares: f64 = (0..4).map(|_| normal(rng).powi(2)).sum();
    normal(rng) / (squares / 4.0).sqrt()
}

/// A kind of table: numbers driven by a few factors, and perhaps a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// Five sensors driven by two factors.
    Sensors,
    /// Twenty columns driven by three factors, and a category that follows the first factor.
    Wide,
    /// Six columns driven by two factors, all with heavy tails, one of them skewed.
    Heavy,
}

/// A row: its numbers, and the place of its category among [`LEVELS`].
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) numbers: Vec<f64>,
    pub(crate) level: Option<usize>,
}

pub(crate) const LEVELS: [&str; 3] = ["low", "middle", "high"];

impl Data {
    pub(crate) fn columns(self) -> usize {
        match self {
            Data::Sensors => 5,
            Data::Wide => 20,
            Data::Heavy => 6,
        }
    }

    fn draw(self, rng: &mut impl Rng) -> f64 {
        if self == Data::Heavy { heavy(rng) } else { normal(rng) }
    }

    pub(crate) fn rows(self, n: usize, purpose: &str) -> Vec<Row> {
        let factors = if self == Data::Wide { 3 } else { 2 };
        let mut rng = stream_rng(11, "weights", self as u64);
        let weights: Vec<Vec<f64>> =
            (0..self.columns()).map(|_| (0..factors).map(|_| normal(&mut rng)).collect()).collect();
        let mut rng = stream_rng(11, purpose, self as u64);
        let mut row = || {
            let of_factors: Vec<f64> = (0..factors).map(|_| self.draw(&mut rng)).collect();
            let mut numbers = Vec::with_capacity(self.columns());
            for weights in &weights {
                let sum: f64 = weights.iter().zip(&of_factors).map(|(weight, factor)| weight * factor).sum();
                numbers.push(sum + 0.3 * self.draw(&mut rng));
            }
            if self == Data::Heavy {
                numbers[4] = (numbers[4] / 2.0).exp();
            }
            let follows = of_factors[0] + 0.2 * normal(&mut rng);
            let level = usize::from(follows > -0.6) + usize::from(follows > 0.6);
            Row { numbers, level: (self == Data::Wide).then_some(level) }
        };
        (0..n).map(|_| row()).collect()
    }
}

pub(crate) fn text(rows: &[Row]) -> String {
    let mut text: String = (0..rows[0].numbers.len()).map(|column| format!("c{column},")).collect();
    text.push_str(if rows[0].level.is_some() { "mode\n" } else { "\n" });
    if rows[0].level.is_none() {
        text = text.replace(",\n", "\n");
    }
    for row in rows {
        let cells: Vec<String> = row.numbers.iter().map(|number| format!("{number:.5}")).collect();
        let level = row.level.map(|level| format!(",{}", LEVELS[level])).unwrap_or_default();
        writeln!(text, "{}{level}", cells.join(",")).unwrap();
    }
    text
}

/// The standard deviation of each column.
pub(crate) fn spread(rows: &[Row]) -> Vec<f64> {
    let of_column = |column: usize| {
        let values = rows.iter().map(|row| row.numbers[column]);
        let mean = values.clone().sum::<f64>() / rows.len() as f64;
        (values.map(|value| (value - mean).powi(2)).sum::<f64>() / rows.len() as f64).sqrt()
    };
    (0..rows[0].numbers.len()).map(of_column).collect()
}
