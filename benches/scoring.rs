//! Reconstruction errors of the `ecg` model: one row, and many. Beside the chain, libtorch does the same work.

use ae_models::{Autoencoder, DataSummary, ModelConfig};
use ae_tensor::{Device, Noise, array, tch};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

const WIDTH: i64 = 140;
const ROWS: i64 = 100_000;

fn mean_absolute(row: &[f32], rebuilt: &[f32]) -> f64 {
    let sum: f64 = row.iter().zip(rebuilt).map(|(x, y)| f64::from((x - y).abs())).sum();
    sum / row.len() as f64
}

fn scoring(c: &mut Criterion) {
    let noise = Noise::new(0, 0, Device::Cpu);
    let data = DataSummary { shape: vec![WIDTH], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
    let model =
        ModelConfig::Ecg(Default::default()).build(&data, &noise).expect("the preset's model is built");
    let autoencoder: &dyn Autoencoder = model.as_autoencoder().expect("ecg is an autoencoder");
    let chain = autoencoder.dense_chain().expect("ecg is dense");
    let rows = noise.uniform("rows", &[ROWS, WIDTH]);
    let values = array::to_array(&rows).into_dimensionality().expect("two dimensions were asked for");

    let mut group = c.benchmark_group("ecg, one row");
    let mut scratch = chain.scratch();
    let row: Vec<f32> = values.row(0).to_vec();
    group.bench_function("chain", |b| {
        b.iter(|| mean_absolute(black_box(&row), chain.row(black_box(&row), &mut scratch)));
    });
    let one = rows.narrow(0, 0, 1);
    group.bench_function("libtorch", |b| {
        b.iter(|| tch::no_grad(|| (autoencoder.reconstruct(&one) - &one).abs().mean(None).double_value(&[])));
    });
    group.finish();

    let mut group = c.benchmark_group("ecg, 100,000 rows");
    group
        .throughput(Throughput::Elements(ROWS as u64))
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    group.bench_function("chain", |b| {
        b.iter_batched(|| (), |()| chain.rows(values.view()), BatchSize::PerIteration);
    });
    group.bench_function("libtorch", |b| {
        b.iter(|| tch::no_grad(|| autoencoder.reconstruct(&rows)));
    });
    group.finish();
}

criterion_group!(benches, scoring);
criterion_main!(benches);
