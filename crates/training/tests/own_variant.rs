//! Tests that a variant outside the registry trains, saves and loads through the same calls as those in it, and once it is
//! registered also where files name variants.

use ae_datasets::{Dataset, Samples, Scale, Sources};
use ae_fetch::Silent;
use ae_models::blocks::{dense, point::PointAutoencoder};
use ae_models::variants::vanilla;
use ae_models::{DataSummary, Model, ModelConfig, ModelError, Variant, register};
use ae_records::run_dir::RunDir;
use ae_records::seed::stream_rng;
use ae_tensor::{Activation, Device, DeviceChoice, Kind, Noise, ReconstructionLoss, Tensor, array};
use ae_training::experiment::{self, Request};
use ae_training::{
    BatchSize, Build, EarlyStopping, Experiment, ModelFileError, PortableModel, Splits, TrainError,
    TrainingConfig, TrainingData, train,
};
use ndarray::Array2;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A dense autoencoder with tanh units on both sides of the code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Hourglass {
    waist: i64,
}

impl Default for Hourglass {
    fn default() -> Self {
        Hourglass { waist: 2 }
    }
}

impl Variant for Hourglass {
    const NAME: &'static str = "hourglass";
    const ABOUT: &'static str = "wide, narrow, wide";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let down = dense::encoder(&[8, self.waist], Activation::Tanh, Activation::Identity);
        let up = dense::decoder(&[8], Activation::Tanh, &data.shape);
        let loss = ReconstructionLoss::MeanSquared;
        Ok(Box::new(PointAutoencoder::new(down, up, Activation::Identity, loss, data, noise)?))
    }
}

/// Another variant, which takes the same settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Vase(Hourglass);

impl Variant for Vase {
    const NAME: &'static str = "vase";
    const ABOUT: &'static str = "narrow, wide, narrow";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        Variant::initialise(&self.0, data, noise)
    }
}

fn rows(n: usize) -> Array2<f32> {
    let mut rng = stream_rng(4, "rows", 0);
    Array2::from_shape_simple_fn((n, 6), || rng.random_range(-2.0..3.0))
}

fn config() -> TrainingConfig {
    TrainingConfig { epochs: 2, batch: BatchSize::Samples(16), ..TrainingConfig::default() }
}

fn reconstruct(model: &PortableModel, rows: &Tensor) -> Vec<f64> {
    array::to_vec(&model.as_autoencoder().unwrap().reconstruct(rows))
}

/// A trained model of the custom variant, saved to a file.
fn saved(path: &Path) -> PortableModel {
    ae_tensor::device::set_threads(1);
    let data = Dataset::from_rows(rows(90)).unwrap().hold_out(0.1, 0.1, 0).unwrap();
    let data = data.scaled(Scale::Standard).unwrap();
    let model = Hourglass { waist: 3 }.build(&data.summary(), 7).unwrap();
    let before = model.parameters()[0].1.detach().copy();
    let outcome = train(&model, &data, &config()).unwrap();
    assert_eq!((outcome.epochs, outcome.steps), (2, 2 * 73_u64.div_ceil(16)));
    assert_ne!(model.parameters()[0].1.detach(), before, "training moves the weights of the model at hand");
    assert_eq!(model.metadata.preprocessing, data.preprocessing);
    model.save(path).unwrap();
    model
}

#[test]
fn it_trains_saves_loads_and_reconstructs_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let model = saved(&path);
    let loaded = PortableModel::load::<Hourglass>(&path, Device::Cpu).unwrap();
    assert_eq!(loaded.metadata, model.metadata);
    assert_eq!(loaded.metadata.model.name(), "hourglass");
    assert_eq!(loaded.metadata.model.parse::<Hourglass>().unwrap(), Hourglass { waist: 3 });
    let new = array::from_array(rows(5));
    assert_eq!(reconstruct(&loaded, &new), reconstruct(&model, &new));
    // What was saved can be saved again: the same bytes.
    let again = folder.path().join("again.safetensors");
    loaded.save(&again).unwrap();
    assert!(std::fs::read(&path).unwrap() == std::fs::read(&again).unwrap());
}

#[test]
fn another_variant_is_an_error_that_names_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    saved(&path);
    let check = |error: ModelFileError, expected: &str| {
        assert!(matches!(error, ModelFileError::Settings { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let error = PortableModel::load::<Vase>(&path, Device::Cpu).unwrap_err();
    check(error, "it is a `hourglass`, not a `vase`");
    let error = PortableModel::load::<ModelConfig>(&path, Device::Cpu).unwrap_err();
    check(error, "unknown variant `hourglass`");
}

#[test]
fn once_registered_it_has_runs_like_those_of_the_registry() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("rows.csv");
    let line =
        |row: ndarray::ArrayView1<'_, f32>| row.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = rows(60).outer_iter().map(line).collect();
    std::fs::write(&table, lines.join("\n")).unwrap();
    let configured = |settings: &str| {
        let data = format!("[data]\nset = {table:?}\ntest = 0.1\n[training]\nepochs = 2\nbatch = 16\n");
        ae_records::config::load::<Experiment>("mine", &format!("[model.vase]\n{settings}\n{data}"), &[])
    };
    let error = configured("waist = 3").unwrap_err().to_string();
    assert!(error.contains("vase"), "{error}");
    register::<Vase>().unwrap();
    let error = configured("waste = 3").unwrap_err().to_string();
    assert!(error.contains("waist"), "{error}");
    let experiment = configured("waist = 3").unwrap();
    assert_eq!(experiment.model, ModelConfig::own(Vase(Hourglass { waist: 3 })).unwrap());

    let dir = RunDir::new(folder.path().join("run"));
    let request = Request {
        name: "mine".into(),
        experiment: experiment.clone(),
        run: dir.clone(),
        resume: false,
        device: DeviceChoice::Cpu,
        sources: Sources::from_env(),
        command: "a test".into(),
        workers: None,
    };
    let run = experiment::run(request, &mut Silent, &mut (), &AtomicBool::new(false)).unwrap();
    assert_eq!(run.record.variant, "vase");
    let text = std::fs::read_to_string(dir.config()).unwrap();
    assert_eq!(ae_records::config::load::<Experiment>("config.toml", &text, &[]).unwrap(), experiment);
    let loaded = PortableModel::load::<ModelConfig>(dir.model(), Device::Cpu).unwrap();
    let new = array::from_array(rows(5));
    let trained = run.model.as_autoencoder().unwrap().reconstruct(&new);
    assert_eq!(loaded.as_autoencoder().unwrap().reconstruct(&new), trained);
}

#[test]
fn a_variant_of_the_registry_is_loaded_by_its_name_and_from_the_registry() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let data = Dataset::from_rows(rows(40)).unwrap().scaled(Scale::MinMax).unwrap();
    let config = vanilla::Config { code: 3, ..Default::default() };
    let model = config.build(&data.summary(), 0).unwrap();
    train(&model, &data, &self::config()).unwrap();
    model.save(&path).unwrap();
    let new = Tensor::rand([4, 6], (Kind::Float, Device::Cpu));
    let expected = reconstruct(&model, &new);
    let one = PortableModel::load::<vanilla::Config>(&path, Device::Cpu).unwrap();
    let any = PortableModel::load::<ModelConfig>(&path, Device::Cpu).unwrap();
    assert_eq!([reconstruct(&one, &new), reconstruct(&any, &new)], [expected.clone(), expected]);
}

#[test]
fn a_file_that_describes_more_than_it_holds_is_refused_before_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut model = saved(&path);
    let huge = Hourglass { waist: i64::from(i32::MAX) }; // 8 · 2³¹ weights on each side: 128 GiB
    model.metadata.model = ae_training::NamedSettings::of(&huge);
    model.save(&path).unwrap();
    let error = PortableModel::load::<Hourglass>(&path, Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("it holds 36507222117 numbers, but at most"), "{error}");
}

#[test]
fn missing_values_are_never_learned_as_zeros() {
    let values = rows(30);
    let observed = values.mapv(|value| value > -1.5);
    let samples = || Samples::complete(values.clone()).with_observed(observed.clone());
    let splits = Splits::of(samples(), samples()).unwrap();
    let stopping = EarlyStopping { patience: 1, min_delta: 0.0 };
    let config = TrainingConfig { early_stopping: Some(stopping), ..config() };
    let model = Hourglass::default().build(&splits.summary(), 0).unwrap();
    train(&model, &splits, &config).unwrap();
    // A variant that treats the placeholder of a missing value as a value.
    let labelled = DataSummary { classes: 2, low: 0.0, high: 1.0, ..splits.summary.clone() };
    let classifier = ModelConfig::Stacked(Default::default());
    let classifier = classifier.initialise(&labelled, &Noise::new(0, 0, Device::Cpu)).unwrap();
    let error = train(&classifier, &splits, &config).unwrap_err();
    assert!(matches!(error, TrainError::Missing), "{error}");
}
