//! The figures of a comparison, from what was measured; nothing here measures.

use crate::options::{Subject, What};
use crate::peaks::Peaks;
use crate::sides::Sample;
use crate::work::Work;
use serde::Serialize;
use std::fmt::Write;

/// All measurements of one preset.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) preset: String,
    pub(crate) batch: usize,
    pub(crate) work: Work,
    pub(crate) ours: Runs,
    /// One for each mode of PyTorch, at least one.
    pub(crate) pytorch: Vec<Runs>,
}

/// The runs of one side.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Runs {
    /// `ours`, or the mode of PyTorch.
    pub(crate) name: String,
    /// Samples per second of each round, at least one.
    pub(crate) samples_per_second: Vec<f64>,
    /// The most memory that a process held which had the whole data set, in MiB.
    pub(crate) peak_mib: Option<f64>,
}

impl Runs {
    /// Takes in one more run.
    pub(crate) fn add(&mut self, sample: &Sample) {
        self.samples_per_second.push(sample.samples_per_second);
        self.peak_mib = [self.peak_mib, sample.peak_mib].into_iter().flatten().reduce(f64::max);
    }
}

/// Median, least and greatest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// What the table says of a preset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) preset: String,
    pub(crate) batch: usize,
    /// Samples per second.
    pub(crate) ours: Spread,
    /// Samples per second of each mode, in the order of the measurements.
    pub(crate) pytorch: Vec<Spread>,
    /// The mode with the greater median.
    pub(crate) faster_mode: String,
    /// Our median over that of the faster mode; above 1, ours is faster.
    pub(crate) ratio: f64,
    /// Least and greatest ratio to the faster mode of the runs of one round.
    pub(crate) ratio_range: [f64; 2],
    /// Milliseconds of a step.
    pub(crate) ours_ms: f64,
    /// The same of the faster mode.
    pub(crate) pytorch_ms: f64,
    /// The least milliseconds of a step on this machine, as its work is counted; absent where its peaks are not known.
    pub(crate) floor_ms: Option<f64>,
    /// MiB.
    pub(crate) ours_peak: Option<f64>,
    /// MiB of the mode that takes less.
    pub(crate) pytorch_peak: Option<f64>,
}

impl Spread {
    /// Of at least one figure.
    fn of(figures: &[f64]) -> Self {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
        Spread { median, min: sorted[0], max: sorted[n - 1] }
    }
}

impl Row {
    pub(crate) fn of(measured: &Measured, peaks: Option<&Peaks>) -> Self {
        let ours = Spread::of(&measured.ours.samples_per_second);
        let pytorch: Vec<Spread> =
            measured.pytorch.iter().map(|runs| Spread::of(&runs.samples_per_second)).collect();
        let faster = (0..pytorch.len()).max_by(|&a, &b| pytorch[a].median.total_cmp(&pytorch[b].median));
        let faster = faster.expect("PyTorch ran in at least one mode");
        let rounds =
            measured.ours.samples_per_second.iter().zip(&measured.pytorch[faster].samples_per_second);
        let ratios = Spread::of(&rounds.map(|(ours, theirs)| ours / theirs).collect::<Vec<f64>>());
        let ms = |samples_per_second| step_ms(measured.batch, samples_per_second);
        Row {
            preset: measured.preset.clone(),
            batch: measured.batch,
            faster_mode: measured.pytorch[faster].name.clone(),
            ratio: ours.median / pytorch[faster].median,
            ratio_range: [ratios.min, ratios.max],
            ours_ms: ms(ours.median),
            pytorch_ms: ms(pytorch[faster].median),
            floor_ms: peaks.map(|peaks| 1e3 * peaks.floor_seconds(&measured.work)),
            ours_peak: measured.ours.peak_mib,
            pytorch_peak: measured.pytorch.iter().filter_map(|runs| runs.peak_mib).min_by(f64::total_cmp),
            ours,
            pytorch,
        }
    }

    /// Milliseconds of a step at this many samples per second.
    pub(crate) fn ms(&self, samples_per_second: f64) -> f64 {
        step_ms(self.batch, samples_per_second)
    }

    /// Name of the row: the batch is said where it is not the usual one.
    pub(crate) fn name(&self) -> String {
        Subject { preset: self.preset.clone(), batch: self.batch }.to_string()
    }
}

/// The table in Markdown, ending with a line feed.
pub(crate) fn markdown(rows: &[Row], modes: &[&str], what: What) -> String {
    let mut text = String::from("| preset | ours, samples/s |");
    for mode in modes {
        let _ = write!(text, " {mode} |");
    }
    let once = what.once();
    let _ = write!(
        text,
        " ratio | ms a {once} | PyTorch's | floor | of the floor | PyTorch's | peak MiB | PyTorch's |\n|---|"
    );
    text.push_str(&"---:|".repeat(modes.len() + 9));
    text.push('\n');
    for row in rows {
        let _ = write!(text, "| {} | {} |", row.name(), spread(&row.ours));
        for mode in &row.pytorch {
            let _ = write!(text, " {} |", spread(mode));
        }
        let [low, high] = row.ratio_range;
        let _ = write!(text, " {:.2} ({low:.2}-{high:.2}) |", row.ratio);
        let floor = row.floor_ms.map_or("-".into(), ms);
        let _ = write!(text, " {} | {} | {floor} |", ms(row.ours_ms), ms(row.pytorch_ms));
        let share = |ms: f64| row.floor_ms.map_or("-".into(), |floor| format!("{:.0} %", 100.0 * floor / ms));
        let _ = write!(text, " {} | {} |", share(row.ours_ms), share(row.pytorch_ms));
        let peak = |mib: Option<f64>| mib.map_or("-".into(), |mib| format!("{mib:.0}"));
        let _ = writeln!(text, " {} | {} |", peak(row.ours_peak), peak(row.pytorch_peak));
    }
    text
}

fn step_ms(batch: usize, samples_per_second: f64) -> f64 {
    1e3 * batch as f64 / samples_per_second
}

/// Milliseconds, with the more decimals the fewer there are.
fn ms(ms: f64) -> String {
    match ms {
        10.0.. => format!("{ms:.1}"),
        0.1.. => format!("{ms:.3}"),
        _ => format!("{ms:.5}"),
    }
}

/// The median, and the range behind it.
fn spread(of: &Spread) -> String {
    format!("{} ({}-{})", thousands(of.median), thousands(of.min), thousands(of.max))
}

/// Rounded, with commas between thousands.
fn thousands(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peaks::Bandwidth;

    fn runs(name: &str, samples_per_second: &[f64], peak_mib: f64) -> Runs {
        Runs { name: name.into(), samples_per_second: samples_per_second.to_vec(), peak_mib: Some(peak_mib) }
    }

    /// Ours takes 2 ms a step, eager 4 ms, compile 3.2 ms; the floor is 1 ms.
    fn measured() -> Measured {
        Measured {
            preset: "conv".into(),
            batch: 100,
            work: Work { flops: 1e8, bytes: 1.0, held: 1.0 },
            ours: runs("ours", &[20_000.0, 50_000.0, 60_000.0], 150.4),
            pytorch: vec![
                runs("eager", &[25_000.0, 24_000.0, 26_000.0], 400.0),
                runs("compile", &[31_250.0, 30_000.0, 40_000.0], 600.0),
            ],
        }
    }

    fn peaks() -> Peaks {
        let bandwidth = vec![Bandwidth { mib: 1, gb_per_second: 100.0 }];
        Peaks { threads: 2, gemm_one_thread: 50.0, gemm: 100.0, bandwidth }
    }

    #[test]
    fn the_ratio_is_ours_over_the_faster_mode() {
        let row = Row::of(&measured(), Some(&peaks()));
        assert_eq!(row.faster_mode, "compile");
        assert_eq!(row.ratio, 50_000.0 / 31_250.0);
        assert_eq!(row.ratio_range, [20_000.0 / 31_250.0, 50_000.0 / 30_000.0]);
        // Where ours is slower, the ratio is below 1.
        let mut slow = measured();
        slow.ours.samples_per_second = vec![15_625.0; 3];
        assert_eq!(Row::of(&slow, Some(&peaks())).ratio, 0.5);
    }

    #[test]
    fn times_floor_and_memory_follow_from_the_measurements() {
        let row = Row::of(&measured(), Some(&peaks()));
        assert_eq!(row.ours, Spread { median: 50_000.0, min: 20_000.0, max: 60_000.0 });
        assert_eq!((row.ours_ms, row.pytorch_ms, row.floor_ms), (2.0, 3.2, Some(1.0)));
        assert_eq!((row.ours_peak, row.pytorch_peak), (Some(150.4), Some(400.0)));
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
    }

    #[test]
    fn the_table_reads_so() {
        let row = Row::of(&measured(), Some(&peaks()));
        let expected = "\
| preset | ours, samples/s | eager | compile | ratio | ms a training step | PyTorch's | floor | of the floor | PyTorch's | peak MiB | PyTorch's |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
| conv@100 | 50,000 (20,000-60,000) | 25,000 (24,000-26,000) | 31,250 (30,000-40,000) | 1.60 (0.64-1.67) | 2.000 | 3.200 | \
1.000 | 50 % | 31 % | 150 | 400 |
";
        assert_eq!(markdown(&[row], &["eager", "compile"], What::Training), expected);
    }
}
