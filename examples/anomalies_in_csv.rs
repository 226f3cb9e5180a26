//! Finds anomalous rows in your own table: learns from normal rows, holds some of them out for the threshold,
//! and lists the rows of a second table that score above it.
//!
//! `cargo run --release -p ae-examples --example anomalies_in_csv -- normal.csv new.csv`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use autoencoders::prelude::*;

fn main() -> anyhow::Result<()> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [normal, new] = paths.as_slice() else {
        anyhow::bail!("give two tables: one of normal rows, and one to search for anomalies");
    };
    for (line, judgement) in anomalies(normal, new)? {
        println!("line {line}: {judgement}");
    }
    Ok(())
}

/// The lines of `new` that are flagged.
fn anomalies(normal: &str, new: &str) -> anyhow::Result<Vec<(u64, Judgement)>> {
    let detector = Detector::fit(&Table::from_csv(normal)?, &FitConfig::default())?;
    println!("threshold: {}", detector.calibration().threshold());

    let new = Table::from_csv(new)?;
    let judged = new.lines.iter().copied().zip(detector.judge_table(&new)?);
    Ok(judged.filter(|(_, judgement)| matches!(judgement, Judgement::Anomalous(_))).collect())
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
        // Six columns that depend on one hidden number.
        let row = |i: usize| {
            let t = (i as f64 * 0.618).fract() * 6.0;
            [t.sin(), t.cos(), t.sin() * 2.0, -t.cos(), t.sin() + t.cos(), t.sin() - t.cos()]
        };
        let normal: Vec<_> = (0..600).map(row).collect();
        let mut new: Vec<_> = (600..620).map(row).collect();
        new[7] = [1.0, 1.0, -2.0, 1.0, -1.0, 1.0];
        let found = anomalies(&write("normal.csv", &normal), &write("new.csv", &new)).unwrap();
        // The first line names the columns.
        assert!(found.iter().any(|(line, _)| *line == 9), "{found:?}");
        assert!(found.len() <= 3, "{found:?}");
    }
}
