//! Bounds on the memory of a model, checked before any tensor is made: for a model that a file describes, for
//! the rows of a batch, and for training.
//!
//! A description of a few bytes can ask for any amount of memory, in two ways: through weights, which are
//! compared with those that the file stores, and through the values of a forward pass, which have a limit of
//! their own. What remains is libtorch itself, which panics on what it cannot compute or allocate; see
//! [`guarded`].

use crate::error::ModelError;
use crate::model::{DataSummary, Model};
use crate::registry::ModelSettings;
use ae_network::MAX_SIZE;
use ae_tensor::{Noise, tch};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Most values of one sample's forward pass in a model from a file: 256 MiB in double precision.
pub const MAX_ACTIVATIONS: i64 = 1 << 25;
/// About how many values the forward passes of a batch may make when a model is used: 256 MiB in double
/// precision.
pub const MAX_BATCH_VALUES: i64 = 1 << 25;

/// Builds the model that a file describes. `stored` are the shapes of the tensors that the file holds for it,
/// named as in [`Model::state`]. The model's tensors have exactly these names and shapes, and still have
/// their initial values.
///
/// # Errors
/// Settings or a sample shape out of range, tensors that are missing, that have another shape or that do not
/// belong to the model, or a forward pass of more than [`MAX_ACTIVATIONS`] values. Nothing larger than the
/// stored tensors is allocated.
pub fn build_stored(
    settings: &impl ModelSettings,
    data: &DataSummary,
    noise: &Noise,
    stored: &BTreeMap<String, Vec<i64>>,
) -> Result<Box<dyn Model>, ModelError> {
    let values = data.shape.iter().try_fold(1i64, |n, &d| if d < 1 { None } else { n.checked_mul(d) });
    if values.is_none_or(|values| values > MAX_ACTIVATIONS) {
        let shape = &data.shape;
        return Err(stored_error(format!(
            "a sample of shape {shape:?} does not hold between 1 and {MAX_ACTIVATIONS} values"
        )));
    }
    if !(0..=MAX_SIZE).contains(&data.classes) {
        return Err(stored_error(format!("{} classes are not between 0 and {MAX_SIZE}", data.classes)));
    }
    let model = guarded(|| settings.initialise(data, noise))??;
    for name in described(model.as_ref()) {
        if !stored.contains_key(&name) {
            return Err(missing(&name));
        }
    }
    model.check_size(stored.values().map(|shape| product(shape)).fold(0, i64::saturating_add))?;
    model.check_activations(MAX_ACTIVATIONS)?;
    let state = guarded(|| model.state())?;
    for (name, tensor) in &state {
        check_tensor(name, &tensor.size(), stored)?;
    }
    match stored.keys().find(|name| state.iter().all(|(known, _)| known != *name)) {
        Some(name) => Err(stored_error(format!("the tensor `{name}` does not belong to the model"))),
        None => Ok(model),
    }
}

fn check_tensor(name: &str, expected: &[i64], stored: &BTreeMap<String, Vec<i64>>) -> Result<(), ModelError> {
    match stored.get(name) {
        None => Err(missing(name)),
        Some(shape) if shape != expected => {
            Err(stored_error(format!("`{name}` has shape {shape:?} instead of {expected:?}")))
        }
        Some(_) => Ok(()),
    }
}

/// Names of the tensors of a model's networks, none of which is made.
fn described(model: &dyn Model) -> Vec<String> {
    let mut names = Vec::new();
    for (network_name, network) in model.networks() {
        let tensors = network.architecture().tensors();
        names.extend(tensors.into_iter().map(|(leaf, _)| format!("{network_name}.{leaf}")));
    }
    names
}

fn missing(name: &str) -> ModelError {
    stored_error(format!("the weights `{name}` are missing"))
}

fn stored_error(reason: String) -> ModelError {
    ModelError::Stored { reason }
}

fn product(shape: &[i64]) -> i64 {
    shape.iter().fold(1, |product, &size| product.saturating_mul(size))
}

/// Computes with libtorch what a file describes. A panic, which is how libtorch says that it cannot compute
/// or allocate something, becomes an error, and gradients are tracked afterwards as before; meanwhile they
/// are not.
///
/// # Errors
/// The first line of what libtorch says.
pub fn guarded<T>(compute: impl FnOnce() -> T) -> Result<T, ModelError> {
    // A panic inside `no_grad` leaves gradients disabled; dropping this guard restores them.
    let _restores = tch::no_grad_guard();
    catch_unwind(AssertUnwindSafe(compute))
        .map_err(|panic| ModelError::Torch { reason: first_line(panic.as_ref()) })
}

fn first_line(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

/// How many rows a forward pass takes at a time, so that it makes about `values` values at most, such as
/// [`MAX_BATCH_VALUES`]: between 1 and `most`.
pub fn rows_per_batch(model: &dyn Model, most: usize, values: i64) -> usize {
    let one = model.activations().saturating_add(model.workspace()).max(1);
    usize::try_from(values / one).unwrap_or(most).clamp(1, most.max(1))
}

/// About how many bytes training takes, besides the data: weights, gradients and the two moments of an
/// adaptive optimizer, and the values of a batch's forward pass with their gradients. Saturates at
/// `u64::MAX`.
pub fn training_bytes(model: &dyn Model, batch: usize) -> u64 {
    const FLOAT: u64 = 4;
    const PER_WEIGHT: u64 = 4;
    const PER_ACTIVATION: u64 = 2;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let weights = count(model.numel()).saturating_mul(PER_WEIGHT);
    let activations = count(model.activations()).saturating_mul(PER_ACTIVATION).saturating_mul(batch as u64);
    weights.saturating_add(activations).saturating_mul(FLOAT)
}

/// Refuses a model whose training takes more than `available` bytes, before any of its tensors is made.
///
/// # Errors
/// Names both, and what to change.
pub fn check_training(model: &dyn Model, batch: usize, available: u64) -> Result<(), ModelError> {
    let needed = training_bytes(model, batch);
    if needed <= available { Ok(()) } else { Err(ModelError::Memory { needed, available }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::ModelConfig;
    use ae_tensor::{Device, Tensor};

    fn data(shape: &[i64]) -> DataSummary {
        DataSummary { shape: shape.to_vec(), mean: 0.3, low: 0.0, high: 1.0, classes: 3 }
    }

    fn config(text: &str) -> ModelConfig {
        serde_json::from_str(text).expect(text)
    }

    fn noise() -> Noise {
        Noise::new(0, 0, Device::Cpu)
    }

    fn build(text: &str, shape: &[i64]) -> Box<dyn Model> {
        config(text).initialise(&data(shape), &noise()).unwrap()
    }

    fn shapes(model: &dyn Model) -> BTreeMap<String, Vec<i64>> {
        model.state().into_iter().map(|(name, tensor)| (name, tensor.size())).collect()
    }

    #[test]
    fn only_the_tensors_of_the_model_are_accepted() {
        let small = r#"{"vq_vae":{"hidden":[6],"entries":5,"places":2,"width":3}}"#;
        let stored = shapes(build(small, &[8]).as_ref());
        let check = |text: &str, stored: &BTreeMap<String, Vec<i64>>, expected: &str| {
            let error = build_stored(&config(text), &data(&[8]), &noise(), stored).err();
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected) && error.is_empty() == expected.is_empty(), "{error}");
        };
        check(small, &stored, "");
        let with = |name: &str, shape: &[i64]| {
            let mut stored = stored.clone();
            stored.insert(name.into(), shape.to_vec());
            stored
        };
        for shape in [&[1000, 1000][..], &[0]] {
            check(small, &with("junk", shape), "the tensor `junk` does not belong to the model");
        }
        check(small, &with("encoder.1.bias", &[7]), "`encoder.1.bias` has shape [7] instead of [6]");
        check(small, &with("codebook.sums", &[3, 5]), "`codebook.sums` has shape [3, 5] instead of [5, 3]");
        let mut missing = stored.clone();
        missing.remove("decoder.1.weight");
        check(small, &missing, "the weights `decoder.1.weight` are missing");
        // Junk does not make room for a larger model.
        let large = r#"{"vq_vae":{"hidden":[6],"entries":500000,"places":2,"width":3}}"#;
        check(large, &stored, "it holds 3500");
        check(
            large,
            &with("junk", &[4_000_000]),
            "`codebook.entries` has shape [5, 3] instead of [500000, 3]",
        );
    }

    #[test]
    fn samples_and_forward_passes_are_bounded() {
        let check = |text: &str, shape: &[i64], classes: i64, expected: &str| {
            let (config, data) = (config(text), DataSummary { classes, ..data(shape) });
            // All the names, and junk that makes room for any number of weights.
            let model = guarded(|| config.initialise(&data, &noise())).ok().and_then(Result::ok);
            let names = model.map(|model| described(model.as_ref())).unwrap_or_default();
            let mut stored: BTreeMap<_, _> = names.into_iter().map(|name| (name, vec![1])).collect();
            stored.insert("junk".into(), vec![1 << 40]);
            let error = build_stored(&config, &data, &noise(), &stored).err().expect(text);
            assert!(error.to_string().contains(expected), "{error}");
        };
        for shape in [&[0][..], &[-3, 4], &[1 << 13, 1 << 13], &[i64::MAX, 3]] {
            check(r#"{"vanilla":{}}"#, shape, 0, "does not hold between 1 and 33554432 values");
        }
        check(r#"{"vanilla":{}}"#, &[4], -1, "-1 classes");
        check(r#"{"cvae":{}}"#, &[4], i64::MAX, "classes are not between");
        let tcn = r#"{"tcn":{"channels":2,"kernel":3,"dilations":[5000000],"pool":2,"code_channels":1}}"#;
        check(tcn, &[12, 1], 0, "values in a forward pass, but at most 33554432 are allowed");
        check(r#"{"tcn":{"pool":2000000000}}"#, &[12, 1], 0, "values in a forward pass");
        check(r#"{"mae":{"patch":1}}"#, &[1, 100, 100], 0, "values in a forward pass");
        check(r#"{"vq_vae":{"entries":20000000}}"#, &[12], 0, "values in a forward pass");
    }

    #[test]
    fn a_batch_shrinks_as_its_forward_pass_grows() {
        let rows =
            |text: &str, shape: &[i64]| rows_per_batch(build(text, shape).as_ref(), 1024, MAX_BATCH_VALUES);
        assert_eq!(rows(r#"{"deep":{}}"#, &[41]), 1024);
        assert_eq!(rows(r#"{"vanilla":{"code":1000000}}"#, &[41]), 16);
        assert_eq!(rows(r#"{"vanilla":{"code":1000000000}}"#, &[41]), 1);
    }

    #[test]
    fn training_memory_is_known_before_any_tensor_is_made() {
        let model = build(r#"{"vanilla":{"code":1000000000}}"#, &[784]);
        let weights: u64 = 2 * 784_000_000_000 + 1_000_000_000 + 784;
        // The sample, the code before and after its activation, and the reconstruction.
        let activations: u64 = 784 + 2 * 1_000_000_000 + 784;
        assert_eq!(training_bytes(model.as_ref(), 32), 4 * (4 * weights + 2 * 32 * activations));
        let error = check_training(model.as_ref(), 32, 8 << 30).unwrap_err().to_string();
        assert!(error.contains("about 25616.0 GB") && error.contains("the machine has 8.6 GB"), "{error}");
        check_training(build(r#"{"vanilla":{}}"#, &[784]).as_ref(), 128, 8 << 30).unwrap();
    }

    #[test]
    fn a_panic_becomes_an_error_and_gradients_are_tracked_again() {
        let panics =
            || tch::no_grad(|| Tensor::zeros([2, 3], (ae_tensor::Kind::Float, Device::Cpu)).view([7]));
        let error = guarded(panics).unwrap_err().to_string();
        assert!(error.starts_with("libtorch cannot compute it: "), "{error}");
        let ones = Tensor::ones([1], (ae_tensor::Kind::Float, Device::Cpu)).set_requires_grad(true);
        assert!((ones * 2.0).requires_grad());
        assert_eq!(guarded(|| 3).unwrap(), 3);
    }
}
