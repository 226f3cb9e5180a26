//! Fuzzes detector files with thousands of random changes. Each is refused, or judges rows without a panic;
//! none allocates much memory.
//!
//! `AE_FUZZ=100000 cargo test -p ae-anomaly --test hostile` runs more cases.

use ae_anomaly::{Detector, FitConfig, FitReport, Score, Store};
use ae_intake::{InputConfig, ReadOptions, Reader, Table};
use ae_records::seed::stream_rng;
use ae_training::{BatchSize, TrainingConfig};
use rand::{Rng, RngExt};
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Changed copies per file.
const CASES: u64 = 400;
/// How much memory the process may gain, in MiB; a detector in these tests takes less than 1.
const MIB: u64 = 256;

fn rows(n: usize) -> String {
    let mut rng = stream_rng(3, "rows", 0);
    let mut text = String::from("a,b,kind\n");
    for row in 0..n {
        let x: f64 = rng.random_range(-1.0..1.0);
        let b = if row % 9 == 0 { String::new() } else { format!("{:.4}", 2.0 * x) };
        text.push_str(&format!("{x:.4},{b},{}\n", ["one", "two"][row % 2]));
    }
    text
}

/// A detector file's header, its only metadata entry, and its tensors.
struct Parts {
    header: Value,
    entry: String,
    metadata: Value,
    tensors: Vec<u8>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let entries = header["__metadata__"].as_object().unwrap();
        let (entry, text) = entries.iter().next().unwrap();
        let metadata = serde_json::from_str(text.as_str().unwrap()).unwrap();
        Parts { entry: entry.clone(), metadata, tensors: bytes[8 + length..].into(), header }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut header = self.header.clone();
        if let Some(entries) = header.get_mut("__metadata__").and_then(Value::as_object_mut) {
            entries.insert(self.entry.clone(), self.metadata.to_string().into());
        }
        let header = header.to_string();
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &self.tensors].concat()
    }
}

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

/// Changes one random value of a JSON document.
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
/// truncation.
fn altered(bytes: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..=3) {
        match rng.random_range(0..6) {
            0..=2 => {
                let mut parts = Parts::of(&bytes);
                change(&mut parts.metadata, rng);
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
                return bytes;
            }
        }
    }
    bytes
}

/// Peak memory of this process in MiB; 0 if the system does not report it.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Loads a file and, if that succeeds, judges and explains rows. Returns whether the whole file could be
/// read.
fn is_accepted(path: &Path, text: &str) -> bool {
    let Ok(detector) = Detector::load(path) else { return false };
    if let Ok(mut reader) = Reader::new(text.as_bytes(), detector.schema(), &ReadOptions::default())
        && let Ok(block) = reader.read_all()
    {
        let _ = detector.judge_encoded(&block.samples, &block.rows);
        if !block.samples.is_empty() {
            let _ = detector.explain(&block.samples, 0, 3);
        }
    }
    // The report that `inspect` shows.
    FitReport::of(&detector).is_ok()
}

#[test]
fn a_changed_file_is_refused_or_harmless() {
    ae_tensor::device::set_threads(1);
    let cases = std::env::var("AE_FUZZ").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector.safetensors");
    let (text, few) = (rows(150), rows(12));
    let training = TrainingConfig { epochs: 2, batch: BatchSize::Samples(32), ..TrainingConfig::default() };
    let base = FitConfig { training: Some(training), ..FitConfig::default() };
    let windows = InputConfig { window: Some(8), stride: 2, ..InputConfig::default() };
    let series: String = std::iter::once("time,value\n".to_string())
        .chain((0..400).map(|at| format!("{at},{:.4}\n", (f64::from(at) * 0.4).sin())))
        .collect();
    let kinds = [
        (FitConfig { score: Some(Score::Standardised), ..base.clone() }, &text),
        (FitConfig { score: Some(Score::Mahalanobis), members: 2, ..base.clone() }, &text),
        (FitConfig { score: Some(Score::LatentNeighbours { k: 2 }), ..base.clone() }, &text),
        (FitConfig { variant: Some("vae".into()), ..base.clone() }, &text),
        (FitConfig { store: Store::Neighbours, ..base.clone() }, &text),
        (FitConfig { store: Store::IsolationForest, ..base.clone() }, &text),
        (FitConfig { store: Store::Pca, input: windows, ..base }, &series),
    ];
    for (kind, (config, text)) in kinds.iter().enumerate() {
        let table = Table::parse(text.as_bytes(), "rows.csv", &config.input).unwrap();
        Detector::fit(&table, config).unwrap().save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(is_accepted(&path, &few), "the file itself is accepted");
        let (before, mut refused) = (peak(), 0);
        for case in 0..cases {
            let mut rng = stream_rng(case, "changes", kind as u64);
            std::fs::write(&path, altered(&bytes, &mut rng)).unwrap();
            let accepted = catch_unwind(AssertUnwindSafe(|| is_accepted(&path, &few)));
            let accepted = accepted.unwrap_or_else(|_| panic!("case {case} of detector {kind} panics"));
            refused += u64::from(!accepted);
            let grown = peak().saturating_sub(before);
            assert!(grown < MIB, "case {case} of detector {kind} takes {grown} MiB");
        }
        // Some changes have no effect, such as those to the report.
        assert!(refused * 2 > cases, "{refused} of {cases} changed files of detector {kind} are refused");
    }
}
