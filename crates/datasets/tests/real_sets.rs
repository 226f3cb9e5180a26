//! The real sets. They are downloaded if they are not cached, so these tests run only on request:
//! `cargo test -p ae-datasets --test real_sets -- --ignored`.

use ae_datasets::{Dataset, FileState, Preprocessing, Sources, fetch_set, load, verify_set};
use ae_fetch::Silent;

fn load_set(config: &str, seed: u64) -> Dataset {
    load(&toml::from_str(config).unwrap(), &Sources::from_env(), seed, &mut Silent).unwrap()
}

fn check(config: &str, shape: &str, train: &[usize], validation: usize, test: &[usize]) -> Dataset {
    let data = load_set(config, 1);
    let n = data.label_names.len();
    assert_eq!(data.shape.to_string(), shape);
    assert_eq!(data.train.label_counts(n), train, "{config}");
    assert_eq!(data.validation.len(), validation, "{config}");
    assert_eq!(data.test.label_counts(n), test, "{config}");
    data
}

const MNIST_TEST: [usize; 10] = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009];

/// Counts, first labels and mean as published everywhere; the mean of pixel / 255 is 0.1306605.
#[test]
#[ignore = "downloads MNIST"]
fn mnist() {
    let counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
    let data = check("set = 'mnist'", "1x28x28", &counts, 0, &MNIST_TEST);
    assert_eq!(data.train.labels.as_ref().unwrap()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    let mean = data.train.values.iter().map(|&x| f64::from(x)).sum::<f64>() / data.train.values.len() as f64;
    assert!((mean - 0.130_660_5).abs() < 1e-6, "{mean}");
    let counts = [5331, 6068, 5362, 5518, 5258, 4879, 5326, 5638, 5266, 5354];
    check("set = 'mnist'\nvalidation = 0.1", "1x28x28", &counts, 6000, &MNIST_TEST);
    let few = load_set("set = 'mnist'\nmax_train = 500\nmax_test = 100", 1);
    assert_eq!((few.train.len(), few.test.len()), (500, 100));
    let zeros = load_set("set = 'mnist'\nnormal_label = '0'", 1);
    assert_eq!((zeros.train.len(), zeros.normal_label), (5923, Some(0)));
    let files = verify_set("mnist", &Sources::from_env()).unwrap();
    assert!(files.iter().all(|file| file.state == FileState::Ok), "{files:?}");
    assert!(fetch_set("mnist", &Sources::from_env(), &mut Silent).unwrap().cached);
}

#[test]
#[ignore = "downloads Fashion-MNIST"]
fn fashion_mnist() {
    let data = check("set = 'fashion-mnist'", "1x28x28", &[6000; 10], 0, &[1000; 10]);
    assert_eq!(data.label_names[9], "ankle boot");
    assert_eq!(data.train.labels.as_ref().unwrap()[0], 9);
}

#[test]
#[ignore = "downloads ECG5000"]
fn ecg5000() {
    let test = [2627, 1590, 86, 175, 22];
    let data = check("set = 'ecg5000'", "140x1", &[292, 0, 0, 0, 0], 0, &test);
    assert_eq!(data.anomalies(&data.test).unwrap().iter().filter(|a| **a).count(), 4500 - 2627);
    check("set = 'ecg5000'\nshape = [140]\nvalidation = 0.25", "140", &[219, 0, 0, 0, 0], 73, &test);

    // 2919 normal beats in all; the two parts of the article's split hold each once.
    let article = "set = 'ecg5000'\nprotocol = 'article'";
    let data = load_set(article, 1);
    let normal = data.test.label_counts(5)[0];
    assert_eq!((data.test.len(), data.train.len()), (1000, 2919 - normal));
    assert_eq!(data, load_set(article, 1));
    assert_ne!(data.test, load_set(article, 2).test);
    // The range is that of all training beats, so that the normal ones need not fill it.
    let Preprocessing::MinMax { min, max } = data.preprocessing else { panic!("{}", data.preprocessing) };
    assert!(min < -5.0 && max > 4.5, "{min} {max}");
    assert!(data.train.values.iter().all(|x| (0.0..=1.0).contains(x)));
}

/// Counts as published with the set (Tavallaee et al., 2009).
#[test]
#[ignore = "downloads NSL-KDD"]
fn nsl_kdd() {
    use ae_datasets::nsl_kdd::{self, Family};
    let data = nsl_kdd::load(&Sources::from_env(), &mut Silent).unwrap();
    let count = |rows: &nsl_kdd::Connections| {
        Family::ALL.map(|family| rows.families.iter().filter(|f| **f == family).count())
    };
    assert_eq!(count(&data.train), [67343, 45927, 11656, 995, 52]);
    assert_eq!(count(&data.test), [9711, 7460, 2421, 2885, 67]);
    let services: std::collections::BTreeSet<_> = data.train.symbols.iter().map(|s| &s[1]).collect();
    assert_eq!(services.len(), 70);
}

#[test]
#[ignore = "downloads series of the Numenta Anomaly Benchmark"]
fn nab() {
    let series = ae_datasets::nab::load(&Sources::from_env(), &mut Silent).unwrap();
    let summary: Vec<_> = series.iter().map(|s| (s.name.as_str(), s.len(), s.anomalies.len())).collect();
    let expected = [
        ("ambient_temperature_system_failure", 7267, 2),
        ("ec2_request_latency_system_failure", 4032, 3),
        ("nyc_taxi", 10320, 5),
        ("rogue_agent_key_updown", 5315, 2),
    ];
    assert_eq!(summary, expected);
    for series in series {
        assert!(series.anomalies.iter().all(|a| a.start >= series.n_train), "{}", series.name);
    }
}

#[test]
#[ignore = "downloads most series of the Numenta Anomaly Benchmark"]
fn nab_corpus() {
    let series = ae_datasets::nab::load_corpus(&Sources::from_env(), &mut Silent).unwrap();
    let windows: usize = series.iter().map(|s| s.anomalies.len()).sum();
    let points: usize = series.iter().map(|s| s.len()).sum();
    let calm = series.iter().filter(|s| s.anomalies.is_empty()).count();
    assert_eq!((series.len(), windows, points, calm), (55, 109, 322_931, 6));
    for series in series {
        assert!(series.anomalies.iter().all(|a| a.start >= series.n_train), "{}", series.name);
    }
}

#[test]
#[ignore = "downloads a series of the UCR anomaly archive"]
fn ucr_anomaly() {
    let series = ae_datasets::ucr_anomaly::load(&Sources::from_env(), &mut Silent).unwrap().remove(0);
    assert_eq!((series.len(), series.n_train, series.anomalies.len()), (7501, 1200, 1));
    assert_eq!(series.anomalies[0], 4186..4199);
}

/// Counts of anomalous points by folder. One series of `other` has a fault among its training points.
#[test]
#[ignore = "downloads the Skoltech Anomaly Benchmark"]
fn skab() {
    let series = ae_datasets::skab::load(&Sources::from_env(), &mut Silent).unwrap();
    let count = |folder: &str| {
        let of_folder = series.iter().filter(|s| s.name.starts_with(folder));
        of_folder.fold((0, 0, 0, 0), |(n, points, anomalous, stretches), s| {
            let labelled = s.labels().iter().filter(|label| **label).count();
            (n + 1, points + s.len(), anomalous + labelled, stretches + s.anomalies.len())
        })
    };
    assert_eq!(count("valve1-"), (16, 18_160, 6309, 16));
    assert_eq!(count("other-"), (14, 14_929, 5241, 14));
    assert_eq!(count("anomaly-free"), (1, 9405, 0, 0));
    let early: Vec<_> = series.iter().filter(|s| s.anomalies.iter().any(|a| a.start < s.n_train)).collect();
    assert_eq!((early.len(), early[0].name.as_str(), &early[0].anomalies[0]), (1, "other-2", &(104..488)));
    assert!(series.iter().all(|s| s.values.ncols() == 8 && s.times.as_ref().unwrap().is_sorted()));
}

/// Rows, features and anomalies of each table.
#[test]
#[ignore = "downloads the tables of ADBench"]
fn adbench() {
    let expected = [
        ("ALOI", 49_534, 27, 1508),
        ("breastw", 683, 9, 239),
        ("cardio", 1831, 21, 176),
        ("celeba", 202_599, 39, 4547),
        ("donors", 619_326, 10, 36_710),
        ("glass", 214, 7, 9),
        ("http", 567_498, 3, 2211),
        ("Ionosphere", 351, 32, 126),
        ("letter", 1600, 32, 100),
        ("magic.gamma", 19_020, 10, 6688),
        ("mnist", 7603, 100, 700),
        ("optdigits", 5216, 64, 150),
        ("pendigits", 6870, 16, 156),
        ("satellite", 6435, 36, 2036),
        ("shuttle", 49_097, 9, 3511),
        ("smtp", 95_156, 3, 30),
        ("Stamps", 340, 9, 31),
        ("vertebral", 240, 6, 30),
        ("Waveform", 3443, 21, 100),
        ("WDBC", 367, 30, 10),
        ("wine", 129, 13, 10),
        ("yeast", 1484, 8, 507),
    ];
    for (name, (expected, rows, features, anomalies)) in
        ae_datasets::adbench::names().into_iter().zip(expected)
    {
        let table = ae_datasets::adbench::load(name, &Sources::from_env(), &mut Silent).unwrap();
        assert_eq!((name, table.values.dim()), (expected, (rows, features)));
        assert_eq!(table.is_anomalous.iter().filter(|label| **label).count(), anomalies, "{name}");
    }
    assert_eq!(ae_datasets::adbench::names().len(), expected.len());
}

#[test]
#[ignore = "downloads 20 Newsgroups and Reuters-21578"]
fn documents() {
    for (name, train, test, topics) in
        [("20newsgroups", 11_293, 7528, 20), ("reuters-r8", 5485, 2189, 8), ("reuters-r52", 6532, 2568, 52)]
    {
        let corpus = ae_datasets::documents::load(name, &Sources::from_env(), &mut Silent).unwrap();
        let lengths = (corpus.train.texts.len(), corpus.test.texts.len(), corpus.topics.len());
        assert_eq!(lengths, (train, test, topics), "{name}");
    }
}
