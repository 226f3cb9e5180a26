//! Tests that workers that share a batch compute what one process computes: losses, gradients and buffers of every variant.

mod common;

use ae_models::{Batch, Losses, ModelConfig, Pass};
use ae_tensor::workers::{Part, Workers, thread_workers};
use ae_tensor::{Device, Noise, Tensor, array, tch};
use common::{batch, build, shapes, variants};
use std::sync::Arc;
use std::thread;

/// Rows of the batch: for three workers two, two and three; for two workers three and four.
const ROWS: usize = 7;
const STEPS: u64 = 400;
/// Single precision, in another order of summation: relative to the largest number of a tensor, and to all tensors' largest
/// for one that is almost zero.
const TOLERANCE: f64 = 2e-4;

/// Losses, then one gradient for each parameter, then the buffers.
struct Step {
    names: Vec<String>,
    values: Vec<Vec<f64>>,
}

/// A step on the rows of this worker, or on all; sums over the workers.
fn step(
    config: &ModelConfig,
    whole: &Batch,
    shape: &[i64],
    at: u64,
    workers: Option<&Arc<dyn Workers>>,
) -> Step {
    let model = build(config, shape, 0);
    let noise = Noise::new(7, at, Device::Cpu);
    let (batch, pass, weight) = match workers {
        None => (rows(whole, 0, ROWS), Pass::training(noise, at, STEPS), 1.0),
        Some(workers) => {
            let part = Part::new(Arc::clone(workers), ROWS);
            let own = part.share_of(workers.rank());
            let (start, len) = (own.rows.start, own.rows.len());
            let pass = Pass::training(noise.of_rows(start, len, ROWS), at, STEPS);
            (rows(whole, start, len), Pass { part: Some(part), ..pass }, own.weight)
        }
    };
    let all = |mut tensor: Tensor| {
        if let Some(workers) = workers {
            workers.sum(&mut tensor).unwrap();
        }
        array::to_vec(&tensor)
    };
    let losses = model.losses(&batch, &pass);
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (name, value) in losses.iter().flat_map(|losses| losses.terms.iter().chain(&losses.figures)) {
        names.push(format!("loss {name}"));
        values.push(all(value.detach() * weight));
    }
    for (group, losses) in model.groups().into_iter().zip(&losses) {
        let Some(total) = Losses::total(losses).map(|total| total * weight) else { continue };
        let (named, parameters): (Vec<_>, Vec<_>) = group.parameters.into_iter().unzip();
        let gradients = Tensor::f_run_backward(&[total], &parameters, true, false).unwrap();
        for (name, gradient) in named.into_iter().zip(gradients) {
            names.push(format!("gradient of {name}"));
            values.push(all(gradient));
        }
    }
    if let Some(part) = &pass.part {
        part.check().unwrap();
    }
    for (name, buffer) in model.buffers() {
        names.push(format!("buffer {name}"));
        values.push(array::to_vec(&buffer));
    }
    Step { names, values }
}

fn rows(batch: &Batch, start: usize, len: usize) -> Batch {
    let narrow = |tensor: &Tensor| tensor.narrow(0, start as i64, len as i64);
    Batch {
        values: narrow(&batch.values),
        labels: batch.labels.as_ref().map(narrow),
        observed: batch.observed.as_ref().map(narrow),
        given: None,
    }
}

fn check(config: &ModelConfig, shape: &[i64], whole: &Batch, at: u64, size: usize) {
    let name = serde_json::to_string(config).unwrap();
    let expected = step(config, whole, shape, at, None);
    let steps: Vec<Step> = thread::scope(|scope| {
        let start = |worker| {
            let whole = rows(whole, 0, ROWS);
            scope.spawn(move || {
                let workers: Arc<dyn Workers> = Arc::new(worker);
                step(config, &whole, shape, at, Some(&workers))
            })
        };
        let running: Vec<_> = thread_workers(size).into_iter().map(start).collect();
        running.into_iter().map(|thread| thread.join().expect("a worker")).collect()
    });
    let most = |values: &[f64]| values.iter().fold(0f64, |most, value| most.max(value.abs()));
    let scale = expected.values.iter().map(|values| most(values)).fold(0f64, f64::max);
    for obtained in steps {
        assert_eq!(obtained.names, expected.names, "{name}");
        for ((what, obtained), expected) in obtained.names.iter().zip(obtained.values).zip(&expected.values) {
            let off = obtained.iter().zip(expected).fold(0f64, |off, (a, b)| off.max((a - b).abs()));
            let allowed = TOLERANCE * most(expected) + 1e-5 * scale;
            assert!(
                off <= allowed,
                "{what} is off by {off:e} of {:e}; step {at} of {name}, {shape:?}",
                most(expected)
            );
        }
    }
}

/// A batch with the last values of some rows missing, not equally many in each part.
fn with_gaps(shape: &[i64]) -> Batch {
    let Batch { values, labels, .. } = batch(shape, ROWS as i64);
    let observed = values.ones_like();
    for row in 0..3 {
        let flat = observed.flatten(1, -1);
        let _ = tch::no_grad(|| flat.narrow(0, row, 1).narrow(1, 0, row + 2).fill_(0.0));
    }
    Batch { values: values * &observed, labels, observed: Some(observed), given: None }
}

#[test]
fn workers_that_share_a_batch_compute_what_one_process_does() {
    ae_tensor::device::set_threads(1);
    let more = [
        r#"{"vae":{"kl":{"free_bits":0.05}}}"#,
        r#"{"vae":{"kl":{"capacity":{"nats":3.0,"rise":{"steps":1}}}}}"#,
        r#"{"sparse":{"code_activation":"sigmoid","sparsity":{"rate":{"rate":0.1,"weight":0.3}}}}"#,
        r#"{"vq_vae":{"prior":{}}}"#,
        r#"{"aae":{}}"#,
        r#"{"restoring":{"corruption":{"watermark":{}},"mirror":true}}"#,
        r#"{"contractive":{"jacobian":{"estimate":{"probes":2}}}}"#,
    ];
    let more = more.map(|text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}")));
    for config in variants().into_iter().chain(more) {
        let shape = shapes(&config).swap_remove(0);
        let whole = batch(&shape, ROWS as i64);
        // Variants that learn in stages are in another one later.
        for (at, size) in [(0, 3), (STEPS - 1, 2)] {
            check(&config, &shape, &whole, at, size);
        }
        if build(&config, &shape, 0).masks_missing() {
            check(&config, &shape, &with_gaps(&shape), 0, 3);
        }
    }
}
