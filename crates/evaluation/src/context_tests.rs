//! Tests of which runs are used again, resumed or trained.

use super::*;
use crate::testing::{Bench, wanted};
use std::sync::atomic::Ordering;

fn weights(run: &Run) -> Vec<f64> {
    run.model.parameters().iter().flat_map(|(_, tensor)| ae_tensor::array::to_vec(tensor)).collect()
}

#[test]
fn a_finished_run_is_reused_only_for_the_same_settings_and_seed() {
    let bench = Bench::new();
    let data = bench.waves(true);
    let get = |epochs, seed| {
        bench.with(&[0], |context| context.trained(&wanted("toy", "ecg", &data, epochs, seed)).unwrap())
    };
    let first = get(2, 0);
    assert!(first.dir.report().exists(), "a run has its own report");
    let again = get(2, 0);
    assert_eq!((again.dir.root(), weights(&again)), (first.dir.root(), weights(&first)));
    assert_eq!(again.splits.train.values(), first.splits.train.values());
    assert_eq!(bench.runs("toy").len(), 1);
    for (n_runs, (epochs, seed)) in [(2, (2, 1)), (3, (3, 0))] {
        assert_ne!(weights(&get(epochs, seed)), weights(&first));
        assert_eq!(bench.runs("toy").len(), n_runs);
    }
}

#[test]
fn a_damaged_model_or_changed_data_lead_to_a_new_run() {
    let bench = Bench::new();
    let data = bench.waves(true);
    let get = || bench.with(&[0], |context| context.trained(&wanted("toy", "ecg", &data, 1, 0)).unwrap());
    let model = get().dir.model();
    fs::write(model, "nonsense").unwrap();
    let second = get();
    assert_eq!(bench.runs("toy").len(), 2);
    let text = fs::read_to_string(&data).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&data, lines[4..].join("\n")).unwrap();
    assert_ne!(get().dir, second.dir);
    fs::write(bench.path("runs/toy/litter"), "no run").unwrap();
    get();
    assert_eq!(bench.runs("toy").len(), 4, "three runs and the litter");
}

#[test]
fn a_run_of_another_version_is_not_taken_for_one_of_this() {
    let bench = Bench::new();
    let data = bench.waves(true);
    let get = || bench.with(&[0], |context| context.trained(&wanted("toy", "ecg", &data, 1, 0)).unwrap());
    let first = get().dir;
    assert_eq!(get().dir, first);
    let mut record = Record::read(&first.record()).unwrap();
    record.versions.insert("autoencoders".into(), "0.0.1".into());
    // Neither is a finished run taken, nor one that was interrupted resumed.
    for status in [Status::Finished, Status::Interrupted] {
        record.status = status;
        record.write(&first.record()).unwrap();
        let other = get().dir;
        assert_ne!(other, first);
        fs::remove_dir_all(other.root()).unwrap();
    }
}

#[test]
fn an_interrupted_or_killed_run_is_resumed_to_the_same_weights() {
    let (bench, other) = (Bench::new(), Bench::new());
    let data = bench.waves(true);
    let get = |bench: &Bench| bench.with(&[0], |c| c.trained(&wanted("toy", "ecg", &data, 3, 0)));
    let expected = weights(&get(&other).unwrap());
    for is_killed in [false, true] {
        let bench = Bench::new();
        bench.stop.store(true, Ordering::Relaxed);
        let error = get(&bench).unwrap_err();
        assert!(matches!(error, EvaluationError::Interrupted(_)), "{error}");
        bench.stop.store(false, Ordering::Relaxed);
        let dir = RunDir::new(&bench.runs("toy")[0]);
        if is_killed {
            let record = Record { status: Status::Running, ..Record::read(&dir.record()).unwrap() };
            record.write(&dir.record()).unwrap();
            // A run that another process holds is left alone.
            let lock = dir.reopen().unwrap();
            assert_ne!(get(&bench).unwrap().dir, dir);
            drop(lock);
            fs::remove_dir_all(&bench.runs("toy")[1]).unwrap();
        }
        let resumed = get(&bench).unwrap();
        assert_eq!(resumed.dir, dir);
        assert_eq!(weights(&resumed), expected);
    }
}

#[test]
fn presets_take_overrides_and_record_their_command() {
    let wanted = Wanted::preset("ecg", &["data.protocol=ucr"], 3).unwrap();
    assert_eq!(wanted.experiment.training.seed, 3);
    assert_eq!(wanted.experiment.data.protocol, ae_datasets::Protocol::Ucr);
    assert_eq!(wanted.command, "ae train ecg --set data.protocol=ucr --seed 3");
    let wanted = Wanted::preset("ecg", &["data.set=it's mine.csv"], 0).unwrap();
    assert_eq!(wanted.command, r"ae train ecg --set 'data.set=it'\''s mine.csv' --seed 0");
    assert!(matches!(Wanted::preset("nothing", &[], 0), Err(EvaluationError::Preset(_))));
    assert!(matches!(Wanted::preset("ecg", &["data.nothing=1"], 0), Err(EvaluationError::Config(_))));
}

#[test]
fn seeds_are_at_least_one_and_each_counts_once() {
    let bench = Bench::new();
    let check = |seeds: &[u64]| bench.with(seeds, |context| context.check_seeds());
    assert!(check(&[3, 1]).is_ok());
    assert!(matches!(check(&[]), Err(EvaluationError::NoSeeds)));
    assert!(matches!(check(&[1, 2, 1]), Err(EvaluationError::SeedTwice(1))));
}

#[test]
fn a_folder_that_another_process_claims_first_is_left_to_it() {
    let runs = tempfile::tempdir().unwrap();
    let taken = new_run_dir(runs.path(), "classifier", 0);
    let mut others = None;
    let ours = in_a_free_folder(
        || if taken.root().exists() { new_run_dir(runs.path(), "classifier", 0) } else { taken.clone() },
        |dir| {
            others.get_or_insert_with(|| taken.create().unwrap());
            dir.create()?;
            Ok(dir)
        },
    );
    assert_ne!(ours.unwrap(), taken);
    let error = in_a_free_folder(
        || taken.clone(),
        |dir| Err::<(), _>(RunDirError::NotARun(dir.root().into()).into()),
    );
    assert!(matches!(error, Err(RunError::Folder(RunDirError::NotARun(_)))));
}
