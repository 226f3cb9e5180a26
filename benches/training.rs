//! Benchmarks each variant with its default settings, at the presets' size (MNIST or ECG5000 shapes; short sequences for
//! the forecasters): one training step on a batch of 128, and one call of what it is for on 1, 128 and 1024 samples.
//! And drawing noise, which all share. `cargo xtask bench`; `cargo xtask bench --bench training -- inference/conv` for a part.

use ae_benches::call;
use ae_models::{Batch, DataSummary, Group, Model, ModelConfig, Pass};
use ae_tensor::{Device, Kind, Noise, Optimizer, OptimizerConfig, Tensor, device, tch};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

/// Samples of a training step.
const BATCH: i64 = 128;
/// Samples of a call.
const CALLS: [i64; 3] = [1, 128, 1024];

/// Shape of one sample.
fn shape(config: &ModelConfig) -> Vec<i64> {
    match config {
        ModelConfig::Ecg(_) | ModelConfig::Lstm(_) | ModelConfig::Tcn(_) => vec![140],
        ModelConfig::Colouring(_) => vec![3, 32, 32],
        ModelConfig::Composite(_) => vec![4, 64],
        ModelConfig::ConvLstm(_) => vec![2, 1, 16, 16],
        _ => vec![1, 28, 28],
    }
}

fn model(config: &ModelConfig) -> Box<dyn Model> {
    let data = DataSummary { shape: shape(config), mean: 0.13, low: 0.0, high: 1.0, classes: 10 };
    config.initialise(&data, &Noise::new(0, 0, Device::Cpu)).expect("presets build")
}

fn batch(config: &ModelConfig, samples: i64) -> Batch {
    let values = Tensor::rand([&[samples], shape(config).as_slice()].concat(), (Kind::Float, Device::Cpu));
    let labels = Tensor::randint(10, [samples], (Kind::Int64, Device::Cpu));
    Batch { values, labels: Some(labels), observed: None, given: None }
}

fn step(c: &mut Criterion) {
    device::tune_allocator();
    let mut group = c.benchmark_group(format!("training step, batch {BATCH}"));
    group.sample_size(40);
    for config in ModelConfig::all() {
        let model = model(&config);
        let optimizer = |group: Group| {
            let parameters: Vec<Tensor> = group.parameters.into_iter().map(|p| p.1).collect();
            Optimizer::new(OptimizerConfig::default(), &parameters).expect("Adam")
        };
        let mut optimizers: Vec<Optimizer> = model.groups().into_iter().map(optimizer).collect();
        let batch = batch(&config, BATCH);
        let mut index = 0;
        group.bench_function(config.name(), |b| {
            b.iter(|| {
                let noise = Noise::new(0, index, Device::Cpu);
                let losses = model.losses(&batch, &Pass::training(noise, index, u64::MAX));
                for (optimizer, losses) in optimizers.iter_mut().zip(&losses) {
                    optimizer.zero_gradients().expect("zero");
                    if let Some(total) = losses.total() {
                        optimizer.backward(&total, true).expect("backward");
                        optimizer.step(1e-3).expect("step");
                    }
                }
                index += 1;
            });
        });
    }
    group.finish();
}

fn inference(c: &mut Criterion) {
    device::tune_allocator();
    let mut group = c.benchmark_group("inference");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    for config in ModelConfig::all() {
        let model = model(&config);
        for samples in CALLS {
            let batch = batch(&config, samples);
            group.bench_function(BenchmarkId::new(config.name(), samples), |b| {
                b.iter(|| tch::no_grad(|| call(&config, model.as_ref(), black_box(&batch))));
            });
        }
    }
    group.finish();
}

fn noise(c: &mut Criterion) {
    let noise = Noise::new(0, 0, Device::Cpu);
    c.bench_function("noise, 128 × 784 normals", |b| {
        b.iter(|| black_box(noise.normal("bench", &[128, 784])))
    });
}

criterion_group!(benches, step, inference, noise);
criterion_main!(benches);
