//! Small generated data and a context for the tests of this crate, offline and in a temporary folder.

use crate::context::{Context, Wanted};
use ae_datasets::{Column, Sources};
use ae_models::ModelConfig;
use ae_records::seed::stream_rng;
use ae_tensor::DeviceChoice;
use ae_training::{BatchSize, Experiment, TrainingConfig};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

/// A temporary folder with data and runs.
pub(crate) struct Bench {
    folder: TempDir,
    sources: Sources,
    pub(crate) stop: AtomicBool,
}

impl Bench {
    pub(crate) fn new() -> Self {
        // Results are bit-identical only with the same number of threads.
        ae_tensor::device::set_threads(1);
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources { offline: true, ..Sources::new(folder.path().join("cache")) };
        Bench { folder, sources, stop: AtomicBool::new(false) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Calls a task with a context; its runs lie in `runs`.
    pub(crate) fn with<T>(&self, seeds: &[u64], task: impl FnOnce(&mut Context<'_>) -> T) -> T {
        self.observed(&mut (), seeds, task)
    }

    /// The same, under an observer.
    pub(crate) fn observed<T>(
        &self,
        observer: &mut dyn ae_training::Observer,
        seeds: &[u64],
        task: impl FnOnce(&mut Context<'_>) -> T,
    ) -> T {
        task(&mut Context {
            sources: &self.sources,
            device: DeviceChoice::Cpu,
            runs: &self.path("runs"),
            seeds: seeds.into(),
            progress: &mut ae_fetch::Silent,
            observer,
            stop: &self.stop,
            subject: crate::Subject::default(),
        })
    }

    /// Waves of 16 points, one in four inverted. The label is in the last column.
    pub(crate) fn waves(&self, labelled: bool) -> PathBuf {
        let mut rng = stream_rng(0, "waves", 0);
        let mut text = String::new();
        for row in 0..80 {
            let is_normal = row % 4 != 0;
            for point in 0..16 {
                let wave = (f64::from(point) / 16.0 * std::f64::consts::TAU).sin();
                let noise = unit(&mut rng) * 0.2;
                write!(text, "{:.5},", if is_normal { wave } else { -wave } + noise).unwrap();
            }
            let label = if is_normal { "normal" } else { "odd" };
            writeln!(text, "{}", if labelled { label } else { "0.5" }).unwrap();
        }
        let path = self.path(if labelled { "waves.csv" } else { "bare.csv" });
        fs::write(&path, text).unwrap();
        path
    }

    /// 40 grey images of 12 by 12 pixels in [0, 1], each with a bright bar at a random place.
    pub(crate) fn bars(&self) -> PathBuf {
        self.bars_of(12)
    }

    /// [`Self::bars`] with another side length, in pixels.
    pub(crate) fn bars_of(&self, side: usize) -> PathBuf {
        let mut rng = stream_rng(0, "bars", 0);
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        let head = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': (40, 1, {side}, {side}), }}");
        // The data begin at a multiple of 64 bytes.
        let head = format!("{head:<117}\n");
        bytes.extend((head.len() as u16).to_le_bytes());
        bytes.extend(head.bytes());
        for _ in 0..40 {
            let place = (unit(&mut rng) * (side - 2) as f64) as usize;
            for pixel in 0..side * side {
                let value = if (place..place + 3).contains(&(pixel % side)) { 1.0f32 } else { 0.0 };
                bytes.extend(value.to_le_bytes());
            }
        }
        let path = self.path("bars.npy");
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Folders under `runs/<name>`.
    pub(crate) fn runs(&self, name: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("runs").join(name)).into_iter().flatten();
        let mut runs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        runs.sort();
        runs
    }
}

/// 200 labelled grey images of 8 by 8 pixels in [0, 1], each with a bright stripe `across` or `down` at a
/// random place.
pub(crate) fn stripes(bench: &Bench) -> ae_datasets::DataConfig {
    stripes_of(bench, 8)
}

/// [`stripes`] with another side length, in pixels.
pub(crate) fn stripes_of(bench: &Bench, side: usize) -> ae_datasets::DataConfig {
    let mut rng = stream_rng(0, "stripes", 0);
    let mut text = String::new();
    for row in 0..200 {
        let (is_across, place) = (row % 2 == 0, (unit(&mut rng) * (side - 1) as f64) as usize);
        for pixel in 0..side * side {
            let at = if is_across { pixel / side } else { pixel % side };
            let bright = if (place..place + 2).contains(&at) { 0.9 } else { 0.0 };
            write!(text, "{:.3},", bright + 0.1 * unit(&mut rng)).unwrap();
        }
        writeln!(text, "{}", if is_across { "across" } else { "down" }).unwrap();
    }
    let path = bench.path("stripes.csv");
    fs::write(&path, text).unwrap();
    ae_datasets::DataConfig {
        set: path.display().to_string(),
        scale: ae_datasets::Scale::None,
        test: 0.4,
        label: Some(Column::Index(-1)),
        shape: Some(vec![1, side, side]),
        ..Default::default()
    }
}

/// A short experiment on generated data.
pub(crate) fn wanted(name: &str, model: &str, data: &Path, epochs: u64, seed: u64) -> Wanted {
    let model: ModelConfig =
        ModelConfig::all().into_iter().find(|config| config.name() == model).expect("a variant");
    let is_table = data.extension().is_some_and(|ending| ending == "csv");
    let labelled = data.file_stem().is_some_and(|stem| stem == "waves");
    let data = ae_datasets::DataConfig {
        set: data.display().to_string(),
        scale: if is_table { ae_datasets::Scale::MinMax } else { ae_datasets::Scale::None },
        test: 0.4,
        label: labelled.then_some(Column::Index(-1)),
        normal_label: labelled.then(|| "normal".into()),
        ..Default::default()
    };
    let batch = BatchSize::Samples(8);
    let training = TrainingConfig { seed, epochs, batch, learning_rate: 0.01, ..Default::default() };
    let experiment = Experiment { data, training, ..Experiment::of(model) };
    let command = format!("ae train {name} --seed {seed}");
    Wanted { name: name.into(), experiment, command, run: None }
}

/// The same with all classes in training, not only the normal one.
pub(crate) fn labelled(mut wanted: Wanted) -> Wanted {
    wanted.experiment.data.normal_label = None;
    wanted
}

fn unit(rng: &mut impl rand::Rng) -> f64 {
    f64::from(rng.next_u32()) / f64::from(u32::MAX)
}
