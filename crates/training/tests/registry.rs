//! Tests what the loop guarantees for every variant of the registry: the same seed
//! gives the same bytes, and so does a run that was interrupted and resumed.

use ae_datasets::{SampleShape, Samples};
use ae_models::{Model, ModelConfig};
use ae_records::run_dir::RunDir;
use ae_tensor::{Device, Noise};
use ae_training::{BatchSize, Observer, Progress, Splits, TrainOptions, TrainingConfig, train_with};
use ndarray::Array2;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const STEPS: u64 = 8;
const CLASSES: usize = 3;

fn splits(shape: SampleShape) -> Splits {
    let numel = shape.numel();
    let waves = |n: usize, shift: f32| {
        let values = Array2::from_shape_fn((n, numel), |(row, i)| {
            0.5 + 0.45 * ((row as f32 * 0.7 + shift).sin() * (i as f32 * 0.05 + row as f32 * 0.1).cos())
        });
        Samples::complete(values).with_labels((0..n).map(|row| (row % CLASSES) as u32).collect::<Vec<_>>())
    };
    Splits::of(waves(23, 0.0), waves(6, 0.3)).unwrap().shaped(shape)
}

/// Table rows if the variant takes them, otherwise images or videos.
fn data_for(config: &ModelConfig) -> Splits {
    let shapes = [
        SampleShape::Vector { features: 12 },
        SampleShape::Image { channels: 1, height: 28, width: 28 },
        SampleShape::Image { channels: 3, height: 8, width: 8 },
        SampleShape::Video { steps: 4, channels: 1, height: 8, width: 8 },
    ];
    let takes = |splits: &Splits| config.initialise(&splits.summary, &Noise::new(0, 0, Device::Cpu)).is_ok();
    shapes
        .map(splits)
        .into_iter()
        .find(takes)
        .unwrap_or_else(|| panic!("{} takes none of them", config.name()))
}

/// Asks to stop at a step.
struct Stops<'a>(u64, &'a AtomicBool);

impl Observer for Stops<'_> {
    fn on_log(&mut self, progress: &Progress) {
        self.1.store(progress.step >= self.0, Ordering::Relaxed);
    }
}

/// Trains in a folder, from its checkpoint if there is one, otherwise from weights that start from `seed`.
fn attempt(config: &ModelConfig, data: &Splits, folder: &Path, seed: u64, until: u64) -> Box<dyn Model> {
    let training = TrainingConfig {
        seed: 5,
        epochs: 2,
        batch: BatchSize::Samples(6),
        log_every: 1,
        ..TrainingConfig::default()
    };
    let model = config.initialise(&data.summary, &Noise::new(seed, 0, Device::Cpu)).unwrap();
    let (run, stop) = (RunDir::new(folder), AtomicBool::new(false));
    let mut observer = Stops(until, &stop);
    let options = TrainOptions {
        run: Some(&run),
        resume: true,
        observer: Some(&mut observer),
        stop: Some(&stop),
        ..TrainOptions::default()
    };
    train_with(&model, data, &training, options).unwrap();
    model
}

/// Everything that a run leaves: its curves, and all values of the model.
fn outcome(folder: &Path, model: &dyn Model) -> (String, Vec<Vec<f64>>) {
    let numbers = model.state().iter().map(|(_, tensor)| ae_tensor::array::to_vec(tensor)).collect();
    (fs::read_to_string(RunDir::new(folder).metrics()).unwrap(), numbers)
}

#[test]
fn every_variant_repeats_itself_and_resumes_bit_for_bit() {
    ae_tensor::device::set_threads(1);
    for mut config in ModelConfig::all() {
        match &mut config {
            // Its default is as wide as the paper's.
            ModelConfig::Composite(composite) => composite.units = 16,
            ModelConfig::ConvLstm(lstm) => lstm.channels = vec![8, 6],
            _ => {}
        }
        let data = data_for(&config);
        let root = tempfile::tempdir().unwrap();
        let run = |name: &str, stops: &[u64]| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            let mut model = None;
            for (attempts, &until) in stops.iter().chain(&[u64::MAX]).enumerate() {
                // On resuming, the initial weights must not matter.
                model = Some(attempt(&config, &data, &folder, attempts as u64, until));
            }
            outcome(&folder, model.unwrap().as_ref())
        };
        let whole = run("whole", &[]);
        assert_eq!(whole.0.lines().filter(|line| line.contains("train")).count() as u64, STEPS);
        assert!(whole == run("again", &[]), "{}: the same seed, other numbers", config.name());
        let resumed = run("resumed", &[1, 3, 6]);
        assert_eq!(whole.0, resumed.0, "{}", config.name());
        assert!(whole.1 == resumed.1, "{}: resumed, other weights", config.name());
    }
}
