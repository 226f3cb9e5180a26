//! Alters model files of every variant: each is refused, or reconstructs rows without a panic; none allocates
//! much memory.
//!
//! `AE_FUZZ=10000 cargo test -p ae-training --test hostile` runs more random changes.

mod alter;

use ae_datasets::Preprocessing;
use ae_models::ModelConfig;
use ae_records::seed::stream_rng;
use ae_tensor::{Device, Noise, tch};
use ae_training::{Build, DataDescription, ModelFileError, PortableModel};
use alter::{JUNK, MIB, Parts, altered, cases, enlarged, peak, small_models};
use serde_json::{Value, json};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Random changes of each model, unless the environment says otherwise.
const CASES: u64 = 60;

fn save(config: &ModelConfig, shape: &[i64], path: &Path) -> Parts {
    let data = DataDescription {
        name: "rows".into(),
        summary: alter::summary(shape),
        preprocessing: Preprocessing::Identity,
        label_names: ["a", "b", "c"].map(String::from).into(),
        feature_names: (0..shape.iter().product()).map(|feature: i64| feature.to_string()).collect(),
        sentinels: [("0".to_string(), vec![-999.0])].into(),
        channel_ranges: Vec::new(),
    };
    config.build(&data, 3).unwrap().save(path).unwrap();
    Parts::of(&fs::read(path).unwrap())
}

/// Loads a file and, if that succeeds, uses the model in every way that it has.
fn is_accepted(path: &Path) -> bool {
    let Ok(loaded) = PortableModel::load::<ModelConfig>(path, Device::Cpu) else { return false };
    let noise = Noise::new(0, 0, Device::Cpu);
    let x = noise.uniform("rows", &[&[2], loaded.metadata.shape.as_slice()].concat());
    tch::no_grad(|| {
        if let Some(autoencoder) = loaded.as_autoencoder() {
            assert_eq!(autoencoder.reconstruct(&x).size(), x.size());
        }
        if let Some(generator) = loaded.as_generator() {
            assert_eq!(generator.sample(2, &noise).size(), x.size());
        }
        if let Some(classifier) = loaded.as_classifier() {
            assert_eq!(classifier.predict(&x).size(), [2]);
        }
    });
    true
}

/// Writes a file, tries it, and checks that it neither panics nor takes much memory.
fn try_file(path: &Path, bytes: &[u8], before: u64, what: &str) -> bool {
    fs::write(path, bytes).unwrap();
    let accepted = catch_unwind(AssertUnwindSafe(|| is_accepted(path)));
    let accepted = accepted.unwrap_or_else(|_| panic!("{what} panics"));
    let grown = peak().saturating_sub(before);
    assert!(grown < MIB, "{what} takes {grown} MiB");
    accepted
}

#[test]
fn models_of_every_kind_are_refused_or_harmless_if_altered() {
    ae_tensor::device::set_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    for (kind, (config, shape)) in small_models().into_iter().enumerate() {
        let (name, parts) = (config.name(), save(&config, &shape, &path));
        let bytes = parts.bytes();
        let before = peak();
        assert!(try_file(&path, &bytes, before, name), "{name}: the file itself is accepted");
        for part in ["/model", "/shape"] {
            for settings in enlarged(parts.content.pointer(part).unwrap()) {
                let mut large = parts.clone();
                *large.content.pointer_mut(part).unwrap() = settings.clone();
                let settings = settings.to_string();
                let what = format!("{name} with {part} = {settings:.200}");
                try_file(&path, &large.bytes(), before, &what);
                let junk = large.with_junk("model.junk", JUNK).bytes();
                assert!(!try_file(&path, &junk, before, &what), "{what} and junk");
            }
        }
        let mut refused = 0;
        let cases = cases(CASES);
        for case in 0..cases {
            let mut rng = stream_rng(case, "changes", kind as u64);
            let accepted =
                try_file(&path, &altered(&bytes, &mut rng), before, &format!("case {case} of {name}"));
            refused += u64::from(!accepted);
        }
        // Some changes have no effect, such as those to names.
        assert!(refused * 3 > cases, "{refused} of {cases} changed files of {name} are refused");
    }
}

#[test]
fn an_unknown_format_and_tensors_that_belong_to_nothing_are_refused_by_name() {
    ae_tensor::device::set_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let (config, shape) = small_models().swap_remove(1);
    let parts = save(&config, &shape, &path);
    let refused = |parts: &Parts| {
        fs::write(&path, parts.bytes()).unwrap();
        PortableModel::load::<ModelConfig>(&path, Device::Cpu).err().unwrap()
    };
    // Nothing else of another format is looked at.
    for content in [json!({ "format": 2 }), json!({ "format": 0, "model": 3 })] {
        let error = refused(&Parts { content, ..parts.clone() });
        assert!(matches!(error, ModelFileError::Format { .. }), "{error}");
        assert!(error.to_string().contains("this version reads format 1; train the model again"), "{error}");
    }
    let mut other = parts.clone();
    other.content["format"] = Value::Null;
    assert!(matches!(refused(&other), ModelFileError::File(_)));
    for (name, expected) in [
        ("model.junk", "the tensor `junk` does not belong to the model"),
        ("golden.junk", "the tensor `golden.junk` belongs to nothing"),
        ("junk", "the tensor `junk` belongs to nothing"),
    ] {
        let error = refused(&parts.clone().with_junk(name, 4)).to_string();
        assert!(error.contains(expected), "{error}");
    }
}
