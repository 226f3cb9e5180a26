//! Altered tensor files, and a small model of every kind to alter; for the tests of model files here and of
//! detector files in `ae-anomaly`.

#![allow(dead_code, reason = "each test uses only some of it")]

use ae_models::{DataSummary, ModelConfig};
use ae_records::arrays;
use rand::{Rng, RngExt};
use serde_json::{Value, json};

/// How much memory the process may gain, in MiB. The files take less than 1; a forward pass from a file may
/// take 128, and a batch of rows about 256.
pub(crate) const MIB: u64 = 512;
/// Numbers in a tensor that belongs to nothing.
pub(crate) const JUNK: usize = 100_000;

/// A file's header, the content of its only metadata entry, and its tensors.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) header: Value,
    pub(crate) entry: String,
    pub(crate) content: Value,
    pub(crate) tensors: Vec<u8>,
}

impl Parts {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let entries = header["__metadata__"].as_object().unwrap();
        let (entry, text) = entries.iter().next().unwrap();
        let mut metadata: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        let content = metadata["content"].take();
        Parts { entry: entry.clone(), content, tensors: bytes[8 + length..].into(), header }
    }

    /// The file, with the checksum of what it holds now.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut header = self.header.clone();
        if let Some(entries) = header.get_mut("__metadata__").and_then(Value::as_object_mut) {
            let text = format!("{{\"sha256\":\"{}\",\"content\":{}}}", "0".repeat(64), self.content);
            entries.insert(self.entry.clone(), text.into());
        }
        let header = header.to_string();
        signed([&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &self.tensors].concat())
    }

    /// The same file with `numbers` zeros more, as a tensor of this name; none for 0 numbers.
    pub(crate) fn with_junk(mut self, name: &str, numbers: usize) -> Self {
        if numbers > 0 {
            let (start, end) = (self.tensors.len(), self.tensors.len() + 4 * numbers);
            self.header[name] = json!({ "dtype": "F32", "shape": [numbers], "data_offsets": [start, end] });
            self.tensors.resize(end, 0);
        }
        self
    }
}

/// The same bytes with a valid checksum, if they still have a place for one.
fn signed(mut bytes: Vec<u8>) -> Vec<u8> {
    let _has_a_place = arrays::sign(&mut bytes);
    bytes
}

/// How many values a document holds, at any depth.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(places).sum::<usize>(),
        Value::Object(values) => values.values().map(places).sum(),
        _ => 0,
    }
}

/// The value at a position, counted from the top.
fn at<'v>(value: &'v mut Value, place: &mut usize) -> Option<&'v mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(values) => values.iter_mut().find_map(|value| at(value, place)),
        Value::Object(values) => values.values_mut().find_map(|value| at(value, place)),
        _ => None,
    }
}

/// Copies of a document, each with one number or one list of numbers replaced by others: huge ones, more of
/// them, many small ones.
pub(crate) fn enlarged(document: &Value) -> Vec<Value> {
    let numbers = [json!(0), json!(7), json!(65_536), json!(1_000_000_000), json!(i64::MAX)];
    let lists = [
        json!([5_000_000]),
        json!([100_000, 100_000]),
        json!([1_000_000_000]),
        json!(vec![1; 300]),
        json!(vec![2; 20_000]),
    ];
    let mut all = Vec::new();
    for place in 0..places(document) {
        let (mut probe, mut left) = (document.clone(), place);
        let others = match at(&mut probe, &mut left) {
            Some(Value::Number(_)) => &numbers,
            Some(Value::Array(values)) if values.iter().all(Value::is_number) => &lists,
            _ => continue,
        };
        for other in others {
            let (mut copy, mut left) = (document.clone(), place);
            if let Some(found) = at(&mut copy, &mut left) {
                *found = other.clone();
            }
            all.push(copy);
        }
    }
    all
}

/// Changes one random value of a document.
fn change(value: &mut Value, rng: &mut impl Rng) {
    let mut place = rng.random_range(0..places(value));
    let Some(found) = at(value, &mut place) else { return };
    let others = [
        json!(null),
        json!(0),
        json!(-1),
        json!(3),
        json!(65_536),
        json!(u32::MAX),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(-1e-300),
        json!(0.5),
        json!(true),
        json!(""),
        json!("deep"),
        json!("x".repeat(5000)),
        json!([]),
        json!([1, 2]),
        json!({}),
    ];
    match (found, rng.random_range(0..4)) {
        (Value::Number(number), 0 | 1) => {
            let by = [0.0, -1.0, 2.0, 1e9][rng.random_range(0..4)] * number.as_f64().unwrap_or(1.0);
            *number = serde_json::Number::from_f64(by).unwrap_or_else(|| 7.into());
        }
        (Value::Array(values), 0) if !values.is_empty() => {
            drop(values.remove(rng.random_range(0..values.len())))
        }
        (Value::Array(values), 1) if !values.is_empty() => {
            let again = values[rng.random_range(0..values.len())].clone();
            values.push(again);
        }
        (Value::Object(values), 0) if !values.is_empty() => {
            let key = values.keys().nth(rng.random_range(0..values.len())).unwrap().clone();
            values.remove(&key);
        }
        (found, _) => *found = others[rng.random_range(0..others.len())].clone(),
    }
}

/// Makes one to three changes: to the settings, the shapes of tensors, their numbers, any bytes, or by
/// truncation. The checksum is that of the changed file, so that the change is not refused for it.
pub(crate) fn altered(bytes: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..=3) {
        match rng.random_range(0..6) {
            0..=2 => {
                let mut parts = Parts::of(&bytes);
                change(&mut parts.content, rng);
                bytes = parts.bytes();
            }
            3 => {
                let mut parts = Parts::of(&bytes);
                let metadata = parts.header.as_object_mut().unwrap().remove("__metadata__").unwrap();
                change(&mut parts.header, rng);
                if let Some(header) = parts.header.as_object_mut() {
                    header.insert("__metadata__".into(), metadata);
                }
                // Stop here: the changed header may no longer parse.
                return parts.bytes();
            }
            4 => {
                let mut parts = Parts::of(&bytes);
                let numbers = [f32::NAN, f32::INFINITY, 1e30, -1.0, 0.0];
                let number = numbers[rng.random_range(0..numbers.len())].to_le_bytes();
                let place = rng.random_range(0..parts.tensors.len() / 4) * 4;
                parts.tensors[place..place + 4].copy_from_slice(&number);
                bytes = parts.bytes();
            }
            _ => {
                if rng.random() {
                    bytes.truncate(rng.random_range(0..bytes.len()));
                } else {
                    let place = rng.random_range(0..bytes.len().min(4000));
                    bytes[place] = rng.random();
                }
                return signed(bytes);
            }
        }
    }
    bytes
}

/// Peak memory of this process in MiB; 0 if the system does not report it.
pub(crate) fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Random changes of each file: as many as the variable `AE_FUZZ` says, or `usually`.
pub(crate) fn cases(usually: u64) -> u64 {
    std::env::var("AE_FUZZ").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usually)
}

/// Data of three classes between 0 and 1.
pub(crate) fn summary(shape: &[i64]) -> DataSummary {
    DataSummary { shape: shape.to_vec(), mean: 0.3, low: 0.0, high: 1.0, classes: 3 }
}

/// A small model of every variant, with the shape of its samples.
pub(crate) fn small_models() -> Vec<(ModelConfig, Vec<i64>)> {
    let (vector, sequence, image) = (&[12][..], &[12, 1][..], &[1, 8, 8][..]);
    let in_colour = &[3, 8, 8][..];
    let video = &[4, 1, 4, 4][..];
    let dense = r#""encoder":{"dense":{"hidden":[8]}}"#;
    let sizes = [
        ("linear", r#""code":3"#.to_string(), vector),
        ("vanilla", r#""code":3"#.into(), vector),
        ("deep", r#""hidden":[8],"code":3"#.into(), vector),
        ("hinton", r#""hidden":[8,6],"code":3"#.into(), vector),
        ("sparse", r#""code":8,"sparsity":{"top_k":{"k":2}}"#.into(), vector),
        ("contractive", r#""code":4"#.into(), vector),
        ("denoising", r#""channels":[4,4]"#.into(), image),
        ("conv", r#""channels":[4,3],"unpool":"indices""#.into(), image),
        ("vae", format!("{dense},\"latent\":2"), vector),
        ("beta_vae", format!("{dense},\"latent\":2"), vector),
        ("iwae", format!("{dense},\"latent\":2,\"samples\":2"), vector),
        ("cvae", format!("{dense},\"latent\":2"), vector),
        ("ecg", r#""hidden":[8],"code":3"#.into(), vector),
        ("classifier", r#""channels":[4,4],"features":6"#.into(), image),
        ("gan", r#""latent":3,"channels":[4,4]"#.into(), image),
        ("aae", format!("{dense},\"latent\":2,\"discriminator\":[6]"), vector),
        ("vae_gan", r#""latent":2,"channels":[4,4]"#.into(), image),
        (
            "vq_vae",
            r#""entries":5,"width":3,"channels":[4],"residual_blocks":1,"residual_channels":2"#.into(),
            image,
        ),
        ("factorised", r#""channels":4,"residual_blocks":1,"latent":2"#.into(), image),
        ("stacked", r#""hidden":[8,6]"#.into(), vector),
        ("lstm", r#""units":4"#.into(), sequence),
        ("tcn", r#""channels":3,"kernel":3,"dilations":[1,2],"pool":2,"code_channels":2"#.into(), sequence),
        (
            "mae",
            r#""width":8,"depth":1,"heads":2,"decoder_width":8,"decoder_depth":1,"decoder_heads":2"#.into(),
            image,
        ),
        ("autorec", r#""hidden":4"#.into(), vector),
        ("mult_vae", r#""hidden":[8],"latent":2"#.into(), vector),
        ("mult_dae", r#""code":4"#.into(), vector),
        ("text", r#""hidden":[8],"code":4"#.into(), vector),
        ("restoring", r#""channels":[4,4]"#.into(), image),
        ("colouring", r#""channels":[4,4]"#.into(), in_colour),
        ("composite", r#""units":4,"layers":2"#.into(), sequence),
        ("conv_lstm", r#""channels":[3],"kernel":3,"patch":2"#.into(), video),
    ];
    let mut all = Vec::new();
    for (name, settings, shape) in sizes {
        let text = format!("{{\"{name}\":{{{settings}}}}}");
        let config: ModelConfig =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        all.push((config, shape.to_vec()));
    }
    let names = |models: &[ModelConfig]| models.iter().map(ModelConfig::name).collect::<Vec<_>>();
    let configs: Vec<ModelConfig> = all.iter().map(|(config, _)| config.clone()).collect();
    assert_eq!(names(&configs), names(&ModelConfig::all()), "a small model of every variant");
    all
}
