//! Alters detector files, by thousands of random changes and by settings that ask for much memory. Each is
//! refused, or judges and explains rows without a panic; none allocates much memory.
//!
//! `AE_FUZZ=100000 cargo test -p ae-anomaly --test hostile` runs more random changes.

#[path = "../../training/tests/hostile/alter.rs"]
mod alter;

use ae_anomaly::{
    Detector, FitConfig, FitReport, ModelDescription, NormalRows, Rule, Saved, Score, Store, TrainedModel,
    load,
};
use ae_intake::{InputConfig, ReadOptions, Reader, Samples, Table};
use ae_models::ModelConfig;
use ae_records::arrays::StoredArray;
use ae_records::seed::stream_rng;
use ae_tensor::{Device, Noise, array};
use ae_training::{BatchSize, TrainingConfig};
use alter::{JUNK, MIB, Parts, altered, cases, enlarged, peak, small_models};
use rand::RngExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Random changes of each file, unless the environment says otherwise.
const CASES: u64 = 200;

/// Rows of two numbers and a category; one in nine of the second has a gap, if there are gaps.
fn rows(n: usize, gaps: bool) -> String {
    let mut rng = stream_rng(3, "rows", 0);
    let mut text = String::from("a,b,kind\n");
    for row in 0..n {
        let x: f64 = rng.random_range(-1.0..1.0);
        let b = if gaps && row % 9 == 0 { String::new() } else { format!("{:.4}", 2.0 * x) };
        text.push_str(&format!("{x:.4},{b},{}\n", ["one", "two"][row % 2]));
    }
    text
}

fn series() -> String {
    let step = |at: u32| format!("{at},{:.4}\n", (f64::from(at) * 0.4).sin());
    std::iter::once("time,value\n".to_string()).chain((0..400).map(step)).collect()
}

/// Configurations of one detector for each kind of scorer and of model, with the rows that they are fitted
/// to.
fn kinds() -> Vec<(FitConfig, String)> {
    let training = TrainingConfig { epochs: 1, batch: BatchSize::Samples(32), ..TrainingConfig::default() };
    let base = FitConfig { training: Some(training), ..FitConfig::default() };
    let windows = FitConfig {
        input: InputConfig { window: Some(8), stride: 2, ..InputConfig::default() },
        ..base.clone()
    };
    let score = |score| FitConfig { score: Some(score), ..base.clone() };
    let store = |store| FitConfig { store, ..base.clone() };
    let with_gaps = [
        score(Score::Standardised),
        FitConfig { members: 2, ..score(Score::Mahalanobis) },
        score(Score::LatentNeighbours { k: 2 }),
        FitConfig { variant: Some("vae".into()), ..score(Score::ReconstructionProbability { draws: 4 }) },
        store(Store::Autoencoder),
        store(Store::Median),
        store(Store::Neighbours),
        store(Store::IsolationForest),
    ];
    let mut kinds: Vec<(FitConfig, String)> =
        with_gaps.into_iter().map(|config| (config, rows(150, true))).collect();
    kinds.push((FitConfig { store: Store::Pca, ..windows.clone() }, series()));
    kinds.push((windows.clone(), series()));
    let grouped = InputConfig { group: Some("kind".into()), ..InputConfig::default() };
    let threshold = Some(Rule::FalseAlarmRate { rate: 0.1 });
    kinds.push((FitConfig { input: grouped, store: Store::Pca, threshold, ..base.clone() }, rows(150, true)));
    for variant in ["linear", "hinton", "sparse", "contractive", "beta_vae", "aae"] {
        kinds.push((FitConfig { variant: Some(variant.into()), ..base.clone() }, rows(150, false)));
    }
    for text in [
        r#"{"lstm":{"units":4}}"#,
        r#"{"tcn":{"channels":3,"kernel":3,"dilations":[1,2],"pool":2,"code_channels":2}}"#,
        r#"{"vq_vae":{"entries":5,"width":3,"hidden":[8],"places":2,"output":"identity"}}"#,
    ] {
        kinds.push((
            FitConfig { model: Some(serde_json::from_str(text).unwrap()), ..windows.clone() },
            series(),
        ));
    }
    kinds
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

/// Runs what must neither panic nor take much memory.
fn harmless<T>(what: &str, before: u64, run: impl FnOnce() -> T) -> T {
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| panic!("{what} panics"));
    let grown = peak().saturating_sub(before);
    assert!(grown < MIB, "{what} takes {grown} MiB");
    result
}

#[test]
fn a_changed_file_is_refused_or_harmless() {
    ae_tensor::device::set_threads(1);
    let cases = cases(CASES);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector.safetensors");
    for (kind, (config, text)) in kinds().iter().enumerate() {
        let table = Table::parse(text.as_bytes(), "rows.csv", &config.input).unwrap();
        Detector::fit(&table, config).unwrap().save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let few: String = text.lines().take(13).flat_map(|line| [line, "\n"]).collect();
        assert!(is_accepted(&path, &few), "detector {kind}: the file itself is accepted");
        let before = peak();
        let try_file = |bytes: &[u8], what: &str| {
            std::fs::write(&path, bytes).unwrap();
            harmless(what, before, || is_accepted(&path, &few))
        };
        let mut refused = 0;
        for case in 0..cases {
            let mut rng = stream_rng(case, "changes", kind as u64);
            let bytes = altered(&bytes, &mut rng);
            refused += u64::from(!try_file(&bytes, &format!("case {case} of detector {kind}")));
        }
        // Some changes have no effect, such as those to the report.
        assert!(refused * 3 > cases, "{refused} of {cases} changed files of detector {kind} are refused");
        let parts = Parts::of(&bytes);
        for settings in enlarged(&parts.content["scorer"]) {
            let mut large = parts.clone();
            large.content["scorer"] = settings;
            let settings = large.content["scorer"].to_string();
            let what = format!("detector {kind} with {settings:.300}");
            try_file(&large.bytes(), &what);
            let junk = large.with_junk("scorer.model.junk", JUNK).bytes();
            assert!(!try_file(&junk, &what), "{what} and junk");
        }
        for name in ["junk", "golden.junk", "scorer.junk", "scorer.member.0.model.junk"] {
            let junk = parts.clone().with_junk(name, JUNK).bytes();
            assert!(!try_file(&junk, name), "detector {kind} with {name}");
        }
    }
}

/// Every variant that reconstructs, images included, with each score that uses more of it than its
/// reconstruction.
#[test]
fn scorers_of_every_variant_are_refused_or_harmless_if_enlarged() {
    ae_tensor::device::set_threads(1);
    let mut scorers = 0;
    for (config, shape) in small_models() {
        let data = alter::summary(&shape);
        let model = config.initialise(&data, &Noise::new(2, 0, Device::Cpu)).unwrap();
        if model.as_autoencoder().is_none() {
            continue;
        }
        let width: i64 = shape.iter().product();
        let values = Noise::new(5, 0, Device::Cpu).uniform("rows", &[12, width]);
        let rows = Samples::complete(array::to_array(&values).into_dimensionality().unwrap());
        for score in [
            Score::MeanSquared,
            Score::LatentNeighbours { k: 2 },
            Score::ReconstructionProbability { draws: 2 },
        ] {
            let description = ModelDescription::new(&config, &data);
            let trained = TrainedModel::new(&description, model.as_ref()).unwrap();
            let normal = NormalRows { train: &rows, validation: &rows, seed: 0 };
            // Only variational models have probabilities.
            let Ok(scorer) = score.fit(trained, &normal) else { continue };
            scorers += 1;
            check_enlarged(&config, &scorer.save(), &rows);
        }
    }
    assert!(scorers >= 2 * 18, "{scorers} scorers");
}

fn check_enlarged(config: &ModelConfig, saved: &Saved, rows: &Samples) {
    let before = peak();
    let is_accepted = |saved: &Saved| {
        let Ok(scorer) = load(saved) else { return false };
        let _ = scorer.scores(rows);
        let _ = scorer.contributions(rows);
        let _ = scorer.reconstruct(rows);
        true
    };
    assert!(is_accepted(saved), "{}: the scorer itself is accepted", config.name());
    for settings in enlarged(&saved.settings) {
        let text = settings.to_string();
        let what = format!("{} with {text:.300}", config.name());
        let mut large = Saved { settings, arrays: saved.arrays.clone() };
        harmless(&what, before, || is_accepted(&large));
        large.arrays.push(("model.junk".into(), StoredArray::of_f32(&[JUNK], vec![0.0; JUNK])));
        assert!(!harmless(&what, before, || is_accepted(&large)), "{what} and junk");
    }
}
