//! Your own data, from a file or folder to a split, scaled data set, and the errors if that fails.

use ae_datasets::{DataConfig, Dataset, Preprocessing, SampleShape, Sources, load, read};
use ae_fetch::Silent;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn config(folder: &Path, set: &str, more: &str) -> DataConfig {
    let mut config: DataConfig = toml::from_str(more).unwrap();
    config.set = folder.join(set).to_str().unwrap().to_owned();
    if let Some(labels) = &config.labels {
        config.labels = Some(folder.join(labels));
    }
    config
}

fn load_from(folder: &TempDir, set: &str, more: &str) -> Result<Dataset, String> {
    let config = config(folder.path(), set, more);
    load(&config, &Sources::new(folder.path()), 1, &mut Silent).map_err(|error| error.to_string())
}

/// The whole message, with the folder's path cut out.
fn check_error(folder: &TempDir, set: &str, more: &str, expected: &str) {
    let error = load_from(folder, set, more).unwrap_err();
    let place = format!("{}/", folder.path().display());
    assert_eq!(error.replace(&place, ""), expected, "{set} {more}");
}

fn with(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

/// 100 rows: `x` has each number once, `y` is constant, the label is `bad` in every tenth.
fn table() -> String {
    let rows = (0..100).map(|i| format!("{},7,{}\n", i ^ 1, if i % 10 == 0 { "bad" } else { "good" }));
    format!("x,y,kind\n{}", rows.collect::<String>())
}

#[test]
fn a_table_is_split_by_label_and_standardised_on_its_training_rows() {
    let folder = with(&[("a.csv", table().as_bytes())]);
    let data = load_from(&folder, "a.csv", "label = 'kind'\nvalidation = 0.25").unwrap();
    assert_eq!(data.shape, SampleShape::Vector { features: 2 });
    assert_eq!(data.label_names, ["bad", "good"]);
    assert_eq!(data.feature_names, ["x", "y"]);
    assert_eq!(data.test.label_counts(2), [2, 18]);
    assert_eq!(data.validation.label_counts(2), [2, 18]);
    assert_eq!(data.train.label_counts(2), [6, 54]);
    let mean = data.train.values.mean_axis(ndarray::Axis(0)).unwrap();
    assert!(mean.iter().all(|m| m.abs() < 1e-5), "{mean}");
    let Preprocessing::Standardise { constant, .. } = &data.preprocessing else {
        panic!("{}", data.preprocessing)
    };
    assert_eq!(constant, &[1]);
    assert_eq!(data.anomalies(&data.test), None);
    // Every row is in one part, once: undo the scale and look at `x`.
    let mut all = Vec::new();
    for part in [&data.train, &data.validation, &data.test] {
        let mut values = part.values.clone();
        data.preprocessing.invert(&mut values);
        all.extend(values.column(0).iter().map(|x| x.round() as i32));
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..100));
}

#[test]
fn only_normal_rows_are_trained_on() {
    let folder = with(&[("a.csv", table().as_bytes())]);
    let more = "label = 'kind'\nnormal_label = 'good'\nvalidation = 0.5\ntest = 0.5\nmax_train = 10";
    let data = load_from(&folder, "a.csv", more).unwrap();
    assert_eq!(data.normal_label, Some(1));
    assert_eq!(data.train.label_counts(2), [0, 10]);
    assert_eq!(data.validation.label_counts(2), [0, 23]);
    assert_eq!(data.test.label_counts(2), [5, 45]);
    assert_eq!(data.anomalies(&data.test).unwrap().iter().filter(|a| **a).count(), 5);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let folder = with(&[("a.csv", table().as_bytes())]);
    let config = config(folder.path(), "a.csv", "label = 'kind'\nvalidation = 0.2\nmax_train = 30");
    let load = |seed| load(&config, &Sources::new(folder.path()), seed, &mut Silent).unwrap();
    assert_eq!(load(3), load(3));
    assert_ne!(load(3).train, load(4).train);
    // Golden, so that a split is the same in the next release too.
    let mut values = load(3).test.values;
    load(3).preprocessing.invert(&mut values);
    let x: Vec<i32> = values.column(0).iter().map(|x| x.round() as i32 ^ 1).collect();
    assert_eq!(x, GOLDEN_TEST_ROWS);
}
/// From `tests/golden/orders.py`.
const GOLDEN_TEST_ROWS: [i32; 20] =
    [6, 13, 14, 15, 19, 20, 22, 24, 25, 28, 51, 53, 63, 70, 74, 75, 77, 79, 82, 91];

#[test]
fn fewer_rows_are_kept_where_asked_for_and_the_seed_chooses_them() {
    let folder = with(&[("a.csv", table().as_bytes())]);
    let load = |more: &str, seed| {
        let config = config(folder.path(), "a.csv", &format!("label = 'kind'\nscale = 'none'\n{more}"));
        load(&config, &Sources::new(folder.path()), seed, &mut Silent).unwrap()
    };
    let all = load("", 0);
    let few = load("max_train = 7\nmax_test = 5", 0);
    assert_eq!((few.train.len(), few.test.len()), (7, 5));
    assert_eq!(few, load("max_train = 7\nmax_test = 5", 0));
    // Rows of their own parts, each once, and labels stay with their rows.
    for (few, all) in [(&few.train, &all.train), (&few.test, &all.test)] {
        let places: Vec<usize> = few
            .values
            .rows()
            .into_iter()
            .map(|row| all.values.rows().into_iter().position(|other| other == row).expect("a row of all"))
            .collect();
        let mut distinct = places.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), places.len());
        let labels = |part: &ae_datasets::Samples| part.labels.clone().unwrap();
        assert_eq!(labels(few), places.iter().map(|&place| labels(all)[place]).collect::<Vec<_>>());
    }
    // One limit leaves the other part as it was; more than there are is all of them, in their order.
    assert_eq!(load("max_test = 5", 0).train, all.train);
    assert_eq!(load("max_train = 1000\nmax_test = 1000", 0), all);
}

#[test]
fn tables_that_cannot_be_used_are_named_with_the_reason() {
    let folder = with(&[
        ("one.csv", b"a,b\n1,2\n"),
        ("three.csv", b"a,b,c\n1,2,x\n3,4,x\n5,6,y\n"),
        ("same.csv", b"5,5\n5,5\n"),
        ("thing.parquet", b"PAR1"),
    ]);
    check_error(
        &folder,
        "one.csv",
        "",
        "one.csv has 1 usable rows; at least 2 are needed to train and test a model",
    );
    check_error(
        &folder,
        "three.csv",
        "label = 'd'",
        "three.csv: there is no label column `d`; columns: `a`, `b`, `c`",
    );
    check_error(
        &folder,
        "three.csv",
        "label = 'c'\nnormal_label = 'z'",
        "no training row has the normal label `z`; labels: x, y",
    );
    check_error(
        &folder,
        "three.csv",
        "ignore = ['c']\nnormal_label = 'z'",
        "normal_label = `z` needs labels, and three.csv has none; name a label column or a file of labels",
    );
    check_error(
        &folder,
        "three.csv",
        "label = 'c'\nshape = [3, 1]",
        "shape = [3, 1] has 3 numbers, but a row of three.csv has 2",
    );
    check_error(
        &folder,
        "same.csv",
        "scale = 'min-max'",
        "same.csv: every value of the training rows is 5; there is nothing to scale by and nothing to learn",
    );
    check_error(
        &folder,
        "thing.parquet",
        "",
        "cannot tell what thing.parquet is; give a table (.csv, .tsv, .json, .xlsx, .ods), a .npy or idx file, or a folder of \
         PNG or JPEG images",
    );
    check_error(&folder, "gone.csv", "", "cannot read gone.csv: no such file or folder");
    check_error(
        &folder,
        "three.csv",
        "validation = 2.0",
        "data.validation = 2 is out of range: give a share of the rows, from 0 to below 1",
    );
}

#[test]
fn a_table_may_be_gz_and_rows_may_be_sequences() {
    use std::io::Write;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(b"1\t2\t3\t4\n5\t6\t7\t8\n").unwrap();
    let folder = with(&[("a.tsv.gz", &gz.finish().unwrap())]);
    let data = load_from(&folder, "a.tsv.gz", "shape = [2, 2]\ntest = 0.0").unwrap();
    assert_eq!(data.shape, SampleShape::Sequence { steps: 2, features: 2 });
    assert_eq!(
        data.preprocessing,
        Preprocessing::MinMaxChannels {
            min: vec![1.0, 2.0, 1.0, 2.0],
            max: vec![7.0, 8.0, 7.0, 8.0],
            constant: vec![]
        }
    );
    assert!(data.test.is_empty() && data.label_names.is_empty());
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

#[test]
fn arrays_are_vectors_or_images_and_may_have_labels() {
    let folder = with(&[
        ("v.npy", &npy("<f4", "(4, 2)", &[0; 32])),
        ("i.npy", &npy("|u1", "(4, 1, 2)", &[0, 255, 51, 0, 0, 0, 0, 0])),
        ("c.npy", &npy("|u1", "(4, 3, 1, 2)", &[9; 24])),
        (
            "l.npy",
            &npy("<i8", "(4,)", &[[10, 0, 0, 0, 0, 0, 0, 0], [9, 0, 0, 0, 0, 0, 0, 0]].concat().repeat(2)),
        ),
        ("short.npy", &npy("|u1", "(3,)", &[1, 2, 3])),
        ("inf.npy", &npy("<f4", "(2, 2)", &[1.0, 2.0, 3.0, f32::INFINITY].map(f32::to_le_bytes).concat())),
        ("five.npy", &npy("|u1", "(2, 2, 1, 1, 2)", &[0; 8])),
        ("six.npy", &npy("|u1", "(2, 2, 1, 1, 2, 1)", &[0; 8])),
        ("series.npy", &npy("|u1", "(2, 5, 2)", &[0; 20])),
        ("images.idx", &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, 102, 255]),
        ("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 4, 3]),
        ("liar.idx", &[0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
    ]);
    let shape = |set, more| read(&config(folder.path(), set, more)).unwrap().shape.to_string();
    assert_eq!(shape("v.npy", ""), "2");
    assert_eq!(shape("i.npy", ""), "1x1x2");
    assert_eq!(shape("c.npy", ""), "3x1x2");
    assert_eq!(shape("c.npy", "shape = [2, 3]"), "2x3");
    let rows = read(&config(folder.path(), "i.npy", "labels = 'l.npy'")).unwrap();
    assert_eq!(
        (rows.samples.labels, rows.label_names),
        (Some(vec![1, 0, 1, 0]), vec!["9".into(), "10".into()])
    );
    assert_eq!(rows.files.len(), 2);
    let data = load_from(&folder, "images.idx", "labels = 'train-labels-idx1-ubyte'\ntest = 0.5").unwrap();
    assert_eq!(data.preprocessing, Preprocessing::Divide { divisor: 255.0 });
    assert_eq!(data.label_names, ["3", "4"]);
    let mut values: Vec<f32> = data.train.values.iter().chain(&data.test.values).copied().collect();
    values.sort_by(f32::total_cmp);
    assert_eq!(values, [0.0, 0.2, 0.4, 1.0]);
    check_error(&folder, "i.npy", "labels = 'short.npy'", "short.npy has 3 labels for 4 rows");
    check_error(&folder, "inf.npy", "", "inf.npy has inf in row 1, position 1; remove or replace it");
    check_error(
        &folder,
        "six.npy",
        "",
        "six.npy is not a usable array file: its shape is [2, 2, 1, 1, 2, 1]; give [N, D], [N, H, W], [N, C, H, W] or \
         [N, T, C, H, W] without zeros, or the shape of one sample as data.shape",
    );
    check_error(&folder, "six.npy", "shape = [3]", "shape = [3] has 3 numbers, but a row of six.npy has 4");
    let shape = |name: &str, more: &str| load_from(&folder, name, more).unwrap().shape.dims();
    assert_eq!(shape("six.npy", "shape = [4]"), [4]);
    assert_eq!(shape("five.npy", "shape = [2, 2]"), [2, 2]);
    assert_eq!(shape("five.npy", ""), [2, 1, 1, 2]);
    assert_eq!(shape("series.npy", ""), [5, 2]);
    check_error(
        &folder,
        "liar.idx",
        "",
        "liar.idx is not a usable idx file: its header states [4294967295, 4294967295, 4294967295], so more values \
         than can be counted, but 1 follow",
    );
}
