//! Benchmarks one training step of each variant at the presets' size (MNIST or ECG5000 shapes, batch 128),
//! and drawing noise, which all share. `cargo xtask bench`.

use ae_models::{Batch, DataSummary, Group, ModelConfig, Pass};
use ae_tensor::{Device, Kind, Noise, Optimizer, OptimizerConfig, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn step(c: &mut Criterion) {
    ae_tensor::device::tune_allocator();
    let mut group = c.benchmark_group("training step, batch 128");
    group.sample_size(40);
    for config in ModelConfig::all() {
        let shape = match config {
            ModelConfig::Ecg(_) | ModelConfig::Lstm(_) | ModelConfig::Tcn(_) => vec![140],
            ModelConfig::Colouring(_) => vec![3, 32, 32],
            _ => vec![1, 28, 28],
        };
        let data = DataSummary { shape: shape.clone(), mean: 0.13, low: 0.0, high: 1.0, classes: 10 };
        let model = config.initialise(&data, &Noise::new(0, 0, Device::Cpu)).expect("presets build");
        let optimizer = |group: Group| {
            let parameters: Vec<Tensor> = group.parameters.into_iter().map(|p| p.1).collect();
            Optimizer::new(OptimizerConfig::default(), &parameters).expect("Adam")
        };
        let mut optimizers: Vec<Optimizer> = model.groups().into_iter().map(optimizer).collect();
        let values = Tensor::rand([&[128], shape.as_slice()].concat(), (Kind::Float, Device::Cpu));
        let labels = Tensor::randint(10, [128], (Kind::Int64, Device::Cpu));
        let batch = Batch { values, labels: Some(labels), observed: None, given: None };
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

fn noise(c: &mut Criterion) {
    let noise = Noise::new(0, 0, Device::Cpu);
    c.bench_function("noise, 128 × 784 normals", |b| {
        b.iter(|| black_box(noise.normal("bench", &[128, 784])))
    });
}

criterion_group!(benches, step, noise);
criterion_main!(benches);
