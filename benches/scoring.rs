//! Benchmarks scores of the `ecg` model, mean absolute error, for one row and for a million: by the
//! detector's scorer and by libtorch. `pytorch/scoring.py` does the same in Python.

use ae_anomaly::{ModelDescription, NormalRows, Score, Scorer, TrainedModel};
use ae_datasets::Samples;
use ae_models::{Autoencoder, DataSummary, ModelConfig};
use ae_tensor::{Device, Noise, array, tch};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

const WIDTH: i64 = 140;
const ROWS: i64 = 1_000_000;

fn scoring(c: &mut Criterion) {
    let noise = Noise::new(0, 0, Device::Cpu);
    let data = DataSummary { shape: vec![WIDTH], mean: 0.5, low: 0.0, high: 1.0, classes: 0 };
    let config = ModelConfig::Ecg(Default::default());
    let model = config.initialise(&data, &noise).expect("the preset's model is built");
    let autoencoder: &dyn Autoencoder = model.as_autoencoder().expect("ecg is an autoencoder");
    let trained = TrainedModel::new(&ModelDescription::new(&config, &data), model.as_ref());
    let rows = noise.uniform("rows", &[ROWS, WIDTH]);
    let values = array::to_array(&rows).into_dimensionality().expect("two dimensions were asked for");
    let samples = Samples::complete(values);
    let few = samples.select(&[0, 1]);
    let normal = NormalRows { train: &few, validation: &few, seed: 0 };
    let scorer: Box<dyn Scorer> = Score::MeanAbsolute
        .fit(trained.expect("ecg reconstructs"), &normal)
        .expect("plain errors need no fitting");

    let mut group = c.benchmark_group("ecg, one row");
    let one = samples.select(&[0]);
    group.bench_function("scorer", |b| {
        b.iter(|| scorer.scores(black_box(&one)).expect("finite rows have scores"))
    });
    let row = rows.narrow(0, 0, 1);
    let by_libtorch = |rows: &_| {
        tch::no_grad(|| (autoencoder.reconstruct(rows) - rows).abs().mean_dim([1i64].as_slice(), false, None))
    };
    group.bench_function("libtorch", |b| b.iter(|| by_libtorch(black_box(&row)).double_value(&[0])));
    group.finish();

    let mut group = c.benchmark_group("ecg, a million rows");
    group
        .throughput(Throughput::Elements(ROWS as u64))
        .sample_size(10)
        .measurement_time(Duration::from_secs(8));
    group.bench_function("scorer", |b| b.iter(|| scorer.scores(&samples).expect("finite rows have scores")));
    group.bench_function("libtorch", |b| b.iter(|| by_libtorch(&rows)));
    group.finish();
}

criterion_group!(benches, scoring);
criterion_main!(benches);
