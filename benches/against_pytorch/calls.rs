//! Inference: calls of a model that `ae train` saved, by what a program that loads it would call, and of its twin.

use crate::options::{Options, Subject};
use crate::results::Results;
use crate::sides::{Bench, Length};
use crate::table::{Measured, Runs};
use crate::work;
use ae_benches::call;
use ae_models::{Batch, ModelConfig};
use ae_tensor::{DenseChain, Device, Noise, array, device, tch};
use ae_training::PortableModel;
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

/// What this program is started with to make the calls, in a process of their own: the model's file, the samples of a
/// call, seconds, and threads.
pub(crate) const FLAG: &str = "--calls-of";
/// Calls before the first one that counts, as in `peers.py`.
const WARM_UP: usize = 10;
/// Training rows of the model that is called; what it has learned does not change how fast it is.
const TRAINED_ON: usize = 256;

/// Measures calls of one preset, round by round.
pub(crate) fn measure(
    bench: &Bench,
    options: &Options,
    subject: &Subject,
    results: &mut Results,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let run = folder.path().join("run");
    let trained = Subject { preset: subject.preset.clone(), batch: TRAINED_ON / 2 };
    let (_, record) = bench.train(&trained, Length { epochs: 1, rows: Some(TRAINED_ON) }, &run)?;
    let file = run.join("model.safetensors");
    let model = PortableModel::load::<ModelConfig>(&file, Device::Cpu)?;
    let config = config(&model)?;
    let runs = |name: &str| Runs { name: name.into(), samples_per_second: Vec::new(), peak_mib: None };
    let measured = Measured {
        preset: subject.preset.clone(),
        batch: subject.batch,
        work: work::of_call(&config, model.model.as_ref(), subject.batch),
        ours: runs("ours"),
        pytorch: options.modes.iter().map(|mode| runs(mode.name())).collect(),
    };
    let ours = || bench.our_calls(&file, subject.batch, options.seconds);
    let theirs = |index: usize| bench.their_calls(subject, options.modes[index], options.seconds);
    crate::rounds(options, &record, measured, results, ours, theirs)
}

fn config(model: &PortableModel) -> anyhow::Result<ModelConfig> {
    Ok(model.metadata.model.parse::<ModelConfig>()?)
}

/// Makes the calls that [`FLAG`] is followed by: samples per second.
pub(crate) fn make(words: &[OsString]) -> anyhow::Result<f64> {
    let [file, samples, seconds, threads] = words else {
        bail!("{FLAG} takes a model's file, the samples of a call, seconds, and threads");
    };
    let number = |word: &OsString| word.to_string_lossy().parse::<f64>().context("not a number");
    let (samples, seconds, threads) = (number(samples)? as i64, number(seconds)?, number(threads)? as usize);
    device::tune_allocator();
    device::set_threads(threads);
    let model = PortableModel::load::<ModelConfig>(Path::new(file), Device::Cpu)?;
    let config = config(&model)?;
    let size = [&[samples], model.metadata.shape.as_slice()].concat();
    let noise = Noise::new(0, 0, Device::Cpu);
    let batch = Batch { values: noise.uniform("samples", &size), labels: None, observed: None, given: None };
    let calls_per_second = match (samples == 1).then(|| chain(&model)).flatten() {
        Some(chain) => {
            let (row, mut scratch) = (array::to_array(&batch.values.flatten(0, -1)), chain.scratch());
            let row = row.as_slice().expect("one dimension");
            time(seconds, || {
                black_box(chain.row(black_box(row), &mut scratch));
            })
        }
        None => time(seconds, || {
            let _ = black_box(tch::no_grad(|| call(&config, model.model.as_ref(), black_box(&batch))));
        }),
    };
    Ok(calls_per_second * samples as f64)
}

/// The model without tensors, where it has only dense layers: what it offers for a single row.
fn chain(model: &PortableModel) -> Option<DenseChain> {
    model.model.as_autoencoder()?.dense_chain()
}

/// Calls per second, made for this long.
fn time(seconds: f64, mut call: impl FnMut()) -> f64 {
    for _ in 0..WARM_UP {
        call();
    }
    let (begun, length) = (Instant::now(), Duration::from_secs_f64(seconds));
    let (mut calls, mut at_once) = (0u64, 1u64);
    loop {
        let before = Instant::now();
        for _ in 0..at_once {
            call();
        }
        calls += at_once;
        let elapsed = begun.elapsed();
        if elapsed >= length {
            return calls as f64 / elapsed.as_secs_f64();
        }
        // The clock is asked every millisecond or so.
        if before.elapsed() < Duration::from_millis(1) {
            at_once *= 2;
        }
    }
}
