//! A model of one's own, from its definition to a detector: a layer, a variant, a run with its report, and a detector.
//!
//! `cargo run --release -p ae-examples --example own_model`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use autoencoders::anomaly::Store;
use autoencoders::evaluation::pictures;
use autoencoders::fetch::Silent;
use autoencoders::models::{
    CustomLayer, Group, Layer, LayerRule, Losses, ModelError, Network, Pass, register,
};
use autoencoders::ndarray::{Array2, array};
use autoencoders::network::{Init, TensorSpec};
use autoencoders::prelude::*;
use autoencoders::records::run_dir::RunDir;
use autoencoders::serde::{Deserialize, Serialize};
use autoencoders::tensor::{Activation, ReconstructionLoss};
use autoencoders::training::experiment::{self, Request};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// `y = gain · x`, with a learned gain for each feature: a layer that the library does not have.
#[derive(Debug)]
struct Gain;

impl LayerRule for Gain {
    fn name(&self) -> String {
        "gain".into()
    }

    fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>, String> {
        if input.len() == 1 { Ok(input.to_vec()) } else { Err("a gain takes a vector [D]".into()) }
    }

    fn tensors(&self, input: &[i64]) -> Vec<TensorSpec> {
        vec![TensorSpec::trained("weight", input, Init::Ones)]
    }
}

impl CustomLayer for Gain {
    fn forward(&self, x: &Tensor, tensors: &[Tensor], _training: Option<&Pass>) -> Tensor {
        x * &tensors[0]
    }
}

/// The settings: what `[model.gained]` holds in a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "autoencoders::serde", default, deny_unknown_fields)]
struct Config {
    /// Width of the hidden layers.
    hidden: i64,
    /// Width of the code.
    code: i64,
    /// Probability with which a hidden value is dropped in training.
    dropout: f64,
    /// Weight of the mean absolute code.
    weight: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { hidden: 16, code: 2, dropout: 0.05, weight: 1e-3 }
    }
}

impl Variant for Config {
    const NAME: &'static str = "gained";
    const ABOUT: &'static str = "a dense autoencoder with a gain on its code";

    fn initialise(&self, data: &DataSummary, noise: &Noise) -> Result<Box<dyn Model>, ModelError> {
        let hidden = || {
            let (dense, dropout) =
                (Layer::Dense { units: self.hidden }, Layer::Dropout { rate: self.dropout });
            [dense, Layer::Activation(Activation::Tanh), dropout]
        };
        let mut encoder = vec![Layer::Flatten];
        encoder.extend(hidden());
        encoder.extend([Layer::Dense { units: self.code }, Gain.into_layer()]);
        let mut decoder = hidden().to_vec();
        decoder.extend([Layer::Dense { units: data.numel() }, Layer::Reshape(data.shape.clone())]);
        let encoder = Network::new("encoder", encoder, &data.shape, noise)?;
        let decoder = Network::new("decoder", decoder, encoder.output_shape(), noise)?;
        Ok(Box::new(Gained { encoder, decoder, weight: self.weight }))
    }
}

/// The model.
struct Gained {
    encoder: Network,
    decoder: Network,
    weight: f64,
}

impl Model for Gained {
    fn networks(&self) -> Vec<(&'static str, &Network)> {
        vec![("encoder", &self.encoder), ("decoder", &self.decoder)]
    }

    // The default, written out: a model with several optimizers has several groups.
    fn groups(&self) -> Vec<Group> {
        vec![Group { name: "autoencoder", parameters: self.parameters() }]
    }

    fn objective(&self) -> &'static str {
        "mse"
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Vec<Losses> {
        let code = self.encoder.forward_in(batch.input(), pass);
        let output = self.decoder.forward_in(&code, pass);
        let mse = ReconstructionLoss::MeanSquared.mean(&output, Activation::Identity, &batch.values, None);
        let figure = mse.detach();
        let penalty = code.abs().mean(Kind::Float) * self.weight;
        let losses = Losses::new(vec![("reconstruction", mse), ("penalty", penalty)]);
        vec![losses.with_figure("mse", &figure)]
    }

    fn as_autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

impl Autoencoder for Gained {
    fn encode(&self, x: &Tensor) -> Code {
        Code::Point(self.encoder.forward(x))
    }

    fn decode(&self, code: &Tensor) -> Tensor {
        self.decoder.forward(code)
    }

    fn code_size(&self) -> i64 {
        self.encoder.output_shape().iter().product()
    }
}

/// 300 rows of a machine: pressure and temperature follow the speed.
fn rows() -> Array2<f32> {
    let speed = |row: usize| (row as f32 * 0.618).fract();
    Array2::from_shape_fn((300, 3), |(row, column)| match column {
        0 => speed(row),
        1 => 2.0 * speed(row).powi(2),
        _ => 20.0 + 30.0 * speed(row),
    })
}

fn main() -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("own-model-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = show(&folder);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn show(folder: &Path) -> anyhow::Result<()> {
    // Files that say `gained` can be read from now on: configurations, models, detectors.
    register::<Config>()?;

    // A run, as `ae train` makes it: checkpoints, curves, the record and the model file in one folder.
    let table = folder.join("rows.csv");
    let lines =
        rows().outer_iter().map(|row| format!("{},{},{}\n", row[0], row[1], row[2])).collect::<String>();
    std::fs::write(&table, format!("speed,pressure,temperature\n{lines}"))?;
    let configuration = format!(
        "model.gained = {{ code = 1 }}\n\
         data = {{ set = {table:?}, validation = 0.1, test = 0.1 }}\n\
         training = {{ epochs = 30, batch = 16, learning_rate = 0.01 }}\n"
    );
    let run = RunDir::new(folder.join("run"));
    let request = Request {
        name: "gained".into(),
        experiment: autoencoders::records::config::load("my configuration", &configuration, &[])?,
        run: run.clone(),
        resume: false,
        device: DeviceChoice::Cpu,
        sources: Sources::from_env(),
        command: "cargo run --example own_model".into(),
        workers: None,
    };
    let trained = experiment::run(request, &mut Silent, &mut (), &AtomicBool::new(false))?;
    println!("mean squared error of held-out rows: {:.4}", trained.record.metrics["test/mse"]);
    let report = pictures::write(&trained)?;
    println!("report: {} bytes", std::fs::metadata(&report)?.len());

    // The model file knows the variant, its settings and the preprocessing.
    let model = PortableModel::load::<ModelConfig>(run.model(), Device::Cpu)?;
    let own = PortableModel::load::<Config>(run.model(), Device::Cpu)?; // the same, without register
    let values = array::from_array(rows());
    let values = &values.narrow(0, 0, 5);
    let reconstruct = |model: &dyn Model| model.as_autoencoder().map(|model| model.reconstruct(values));
    anyhow::ensure!(
        reconstruct(&*model) == reconstruct(&*trained.model) && reconstruct(&*own) == reconstruct(&*model)
    );
    let again = folder.join("again.safetensors");
    model.save(&again)?;
    anyhow::ensure!(
        std::fs::read(&again)? == std::fs::read(run.model())?,
        "the same model has the same bytes"
    );

    // A detector whose network is this model.
    let config = FitConfig {
        model: Some(ModelConfig::own(Config { code: 1, ..Config::default() })?),
        store: Store::Autoencoder,
        training: Some(TrainingConfig {
            epochs: 30,
            batch: 16.into(),
            learning_rate: 0.01,
            ..Default::default()
        }),
        ..FitConfig::default()
    };
    let table = Table::from_array(rows().view(), &["speed", "pressure", "temperature"])?;
    let detector = Detector::fit(&table, &config)?;
    let path = folder.join("detector.safetensors");
    detector.save(&path)?;
    let new = array![[0.5, 0.5, 35.0], [0.9, 0.1, 47.0]];
    let judgements = detector.judge(new.view())?;
    anyhow::ensure!(Detector::load(&path)?.judge(new.view())? == judgements);
    for judgement in &judgements {
        println!("{judgement}");
    }
    anyhow::ensure!(matches!(judgements[..], [Judgement::Normal(_), Judgement::Anomalous(_)]));
    Ok(())
}

#[test]
fn it_runs() {
    autoencoders::tensor::device::set_threads(1);
    main().unwrap();
}
