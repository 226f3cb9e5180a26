//! Finds anomalous rows in a table of your own: trains on rows that are known to be normal, calibrates the
//! threshold on others that are, and lists the rows of a second table that lie above it.
//!
//! `cargo run --release -p ae-examples --example anomalies_in_csv -- normal.csv new.csv`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use autoencoders::anomaly::threshold::Rule;
use autoencoders::anomaly::{Detector, NormalRows, Score};
use autoencoders::datasets;
use autoencoders::models::variants::deep;
use autoencoders::prelude::*;
use autoencoders::tensor::Activation;

fn main() -> anyhow::Result<()> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [normal, new] = paths.as_slice() else {
        anyhow::bail!("give two tables: one of normal rows, one to look through");
    };
    for (row, score) in anomalies(normal, new)? {
        println!("row {}: score {score:.3}", row + 1);
    }
    Ok(())
}

/// Rows of `new` (counted from 0) that are anomalous, with their scores.
fn anomalies(normal: &str, new: &str) -> anyhow::Result<Vec<(usize, f64)>> {
    // A quarter of the normal rows is kept out of training: a threshold from rows the model has seen is too low.
    let config = DataConfig { set: normal.into(), validation: 0.25, test: 0.0, ..DataConfig::default() };
    let data = datasets::load(&config, &Sources::from_env(), 0, &mut autoencoders::fetch::Silent)?;
    let device = Device::Cpu;
    let splits = Splits::new(data, device)?;

    let features = splits.summary.numel();
    let config = ModelConfig::Deep(deep::Config {
        hidden: vec![32],
        code: (features / 3).max(1),
        code_activation: Activation::Identity,
        output: Activation::Identity, // the columns are standardised, not scaled to [0, 1]
        ..Default::default()
    });
    let model = config.initialise(&splits.summary, &Noise::new(0, 0, device))?;
    let training =
        TrainingConfig { epochs: 100, batch: 32.into(), learning_rate: 3e-3, ..Default::default() };
    train(&model, &splits, &training)?;

    let autoencoder = model.as_autoencoder().expect("`deep` reconstructs");
    let detector = Detector { score: Score::MeanSquared, rule: Rule::Quantile { q: 0.99 } };
    let fitted = detector.fit(autoencoder, NormalRows::HeldOut(splits.validation.values()))?;
    println!("threshold: {}", fitted.threshold());

    // New rows go through the preprocessing that was fitted on the training rows.
    let mut rows = datasets::read(&DataConfig { set: new.into(), ..DataConfig::default() })?.part.values;
    splits.dataset.preprocessing.apply(&mut rows);
    let scores = fitted.scores(&array::from_array(rows))?.into_iter().enumerate();
    Ok(scores.filter(|(_, score)| fitted.threshold().is_anomalous(*score)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn a_row_that_breaks_the_pattern_is_found() {
        autoencoders::tensor::device::set_threads(1);
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, rows: &[[f64; 6]]| {
            let mut text = String::from("a,b,c,d,e,f\n");
            for row in rows {
                writeln!(text, "{}", row.map(|x| x.to_string()).join(",")).unwrap();
            }
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        // Six columns that follow from one hidden number.
        let row = |i: usize| {
            let t = (i as f64 * 0.618).fract() * 6.0;
            [t.sin(), t.cos(), t.sin() * 2.0, -t.cos(), t.sin() + t.cos(), t.sin() - t.cos()]
        };
        let normal: Vec<_> = (0..600).map(row).collect();
        let mut new: Vec<_> = (600..620).map(row).collect();
        new[7] = [1.0, 1.0, -2.0, 1.0, -1.0, 1.0];
        let found = anomalies(&write("normal.csv", &normal), &write("new.csv", &new)).unwrap();
        assert!(found.iter().any(|(row, _)| *row == 7), "{found:?}");
        assert!(found.len() <= 3, "{found:?}");
    }
}
