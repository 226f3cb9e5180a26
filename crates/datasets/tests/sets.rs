//! Sets by name: the errors if they cannot be fetched. Their content is tested in `real_sets.rs`.

use ae_datasets::{DataConfig, FileState, Sources, fetch_set, list, load, verify_set};
use ae_fetch::Silent;
use std::fs;
use std::path::Path;

fn offline(cache: &Path) -> Sources {
    Sources { cache: cache.join("cache"), mirror: Some(cache.join("mirror")), offline: true }
}

fn check_error(folder: &Path, config: &str, expected: &str) {
    let config: DataConfig = toml::from_str(config).unwrap();
    let error = load(&config, &offline(folder), 1, &mut Silent).unwrap_err().to_string();
    assert_eq!(error.replace(&folder.display().to_string(), "HERE"), expected);
}

#[test]
fn offline_and_not_there_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    check_error(
        folder.path(),
        "set = 'mnist'",
        "`train-images-idx3-ubyte.gz` of the set mnist is not in HERE/cache/mnist, and downloads are off; fetch it \
         while online, or set AE_DATA_MIRROR to a folder that holds mnist/train-images-idx3-ubyte.gz",
    );
    check_error(
        folder.path(),
        "set = 'mnist'\nprotocol = 'article'",
        "the set mnist has no protocol `article`; leave `protocol` out",
    );
}

#[test]
fn a_file_with_the_right_length_and_wrong_content_is_not_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("cache/ecg5000");
    fs::create_dir_all(&set).unwrap();
    fs::write(set.join("ECG5000_TRAIN.tsv"), vec![b'1'; 786_687]).unwrap();
    fs::write(set.join("ECG5000_TEST.tsv"), vec![b'1'; 7_083_836]).unwrap();
    check_error(
        folder.path(),
        "set = 'ecg5000'",
        "HERE/cache/ecg5000/ECG5000_TRAIN.tsv has the wrong content: expected sha256 \
         df86ac15d7e283e731db6be7865f5004b65bc639014cb8b9753c26e24a9092a1, got \
         902e5fcdf38dfca3dfbdbd401c3a1c3919f15c333782da3ca054b4a3a7e4ce9b; delete it and fetch it again",
    );
    let files = verify_set("ecg5000", &offline(folder.path())).unwrap();
    let FileState::Wrong { expected, got } = &files[0].state else { panic!("{files:?}") };
    assert!(expected.starts_with("df86ac15") && got.len() == 64, "{expected} {got}");
}

#[test]
fn a_wrong_file_in_the_mirror_is_named_with_both_checksums() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror/ecg5000");
    fs::create_dir_all(&mirror).unwrap();
    fs::write(mirror.join("ECG5000_TRAIN.tsv"), "1\t2\n").unwrap();
    let config = DataConfig { set: "ecg5000".into(), ..Default::default() };
    let error = load(&config, &offline(folder.path()), 1, &mut Silent).unwrap_err().to_string();
    let at = mirror.join("ECG5000_TRAIN.tsv").display().to_string();
    assert!(error.starts_with("cannot get `ECG5000_TRAIN.tsv` of the set ecg5000: "), "{error}");
    assert!(error.contains(&at) && error.contains("df86ac15"), "{error}");
    assert!(!folder.path().join("cache/ecg5000/ECG5000_TRAIN.tsv").exists());
}

#[test]
fn sets_are_listed_and_what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let sources = offline(folder.path());
    let sets = list(&sources);
    let names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
    let images_and_rows = [
        "mnist",
        "fashion-mnist",
        "moving-mnist",
        "cifar10",
        "cifar10-subset",
        "olivetti",
        "lfw-subset",
        "photographs",
        "ecg5000",
        "nsl-kdd",
    ];
    let benchmarks = ["nab", "nab-corpus", "ucr-anomaly", "skab", "adbench"];
    let sparse = ["movielens-100k", "movielens-1m", "20newsgroups", "reuters-r8", "reuters-r52"];
    assert_eq!(names, [&images_and_rows[..], &benchmarks, &sparse].concat());
    assert!(sets.iter().all(|set| !set.cached && set.bytes > 100_000 && !set.files.is_empty()));
    let files = verify_set("fashion-mnist", &sources).unwrap();
    assert!(files.len() == 4 && files.iter().all(|file| file.state == FileState::Missing));
    assert!(verify_set("fashion", &sources).is_err());
    assert!(fetch_set("fashion-mnist", &sources, &mut Silent).is_err());
}

#[test]
fn sets_of_another_form_say_where_they_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let check = |set: &str, instead: &str| {
        let expected = format!("the set {set} does not consist of plain rows to train on; {instead}");
        check_error(folder.path(), &format!("set = '{set}'"), &expected);
    };
    for set in ["nsl-kdd", "nab", "ucr-anomaly"] {
        check(set, &format!("use it with `ae eval anomaly --data {set}`"));
    }
    for set in ["movielens-100k", "movielens-1m"] {
        check(set, "its rows are sparse: train `autorec` or `mult_vae` on it");
    }
    check("moving-mnist", "its sequences are made on demand: train `composite` or `conv_lstm` on it");
    check("nab-corpus", "use it with `ae eval benchmark --suite series`");
    check("skab", "use it with `ae eval benchmark --suite series`");
    check("adbench", "use it with `ae eval benchmark --suite tabular`");
}

/// Both sets of the benchmark keep their files in one folder, which the error names.
#[test]
fn a_set_that_extends_another_one_shares_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let sources = offline(folder.path());
    let error = ae_datasets::nab::load_corpus(&sources, &mut Silent).unwrap_err().to_string();
    assert_eq!(
        error.replace(&folder.path().display().to_string(), "HERE"),
        "`labels/combined_windows.json` of the set nab-corpus is not in HERE/cache/nab, and downloads are off; fetch \
         it while online, or set AE_DATA_MIRROR to a folder that holds nab/labels/combined_windows.json"
    );
    let sets = list(&sources);
    let of = |name: &str| sets.iter().find(|set| set.name == name).unwrap();
    assert_eq!((&of("nab-corpus").folder, of("nab").files.len()), (&folder.path().join("cache/nab"), 5));
    let paths = |set: &str| -> Vec<_> {
        verify_set(set, &sources).unwrap().into_iter().map(|file| file.path).collect()
    };
    assert!(paths("nab-corpus").starts_with(&paths("nab")));
}
