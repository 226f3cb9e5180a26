//! Tests on real files, as a user would give them. The files are in the folder named by `AE_DATA_MIRROR`, so
//! these tests run only on request: `cargo test -p ae-intake --test real_files -- --ignored`.

use ae_intake::{FieldKind, Layout, ReadOptions, Reader, Schema, Table};
use std::path::PathBuf;

fn mirror() -> PathBuf {
    std::env::var_os("AE_DATA_MIRROR").expect("set AE_DATA_MIRROR to the folder of the data sets").into()
}

/// `expected`: layout, rows, normal rows and sample width of the first file; rows of the second.
fn check(
    train: &str,
    new: &str,
    config: &str,
    expected: (Layout, usize, usize, usize, usize),
) -> (Table, Schema) {
    let table = Table::from_csv_with(mirror().join(train), &toml::from_str(config).unwrap()).unwrap();
    let normal = table.normal_rows();
    let schema = Schema::learn(&table, &normal).unwrap().schema;
    let mut reader = Reader::open(&mirror().join(new), &schema, &ReadOptions::default()).unwrap();
    let block = reader.read_all().unwrap();
    assert_eq!((table.bad.len(), block.bad.len()), (0, 0), "{train}");
    let got = (table.layout, table.len(), normal.len(), schema.width(), block.rows.len());
    assert_eq!(got, expected, "{train}: {}", table.layout_because);
    (table, schema)
}

#[test]
#[ignore = "needs AE_DATA_MIRROR"]
fn beats_are_series() {
    let (train, test) = ("ecg5000/ECG5000_TRAIN.tsv", "ecg5000/ECG5000_TEST.tsv");
    check(train, test, "label = 0\nnormal = 1", (Layout::Series, 500, 292, 140, 4500));
}

/// Counts as published: 67,343 normal training rows, 22,544 test rows.
#[test]
#[ignore = "needs AE_DATA_MIRROR"]
fn connections_are_a_table() {
    let (train, test) = ("nsl-kdd/KDDTrain+.txt.gz", "nsl-kdd/KDDTest+.txt.gz");
    let config = "label = -2\nignore = [-1]\nnormal = 'normal'";
    let (table, schema) = check(train, test, config, (Layout::Table, 125_973, 67_343, 77, 22_544));
    assert_eq!(table.columns.len(), 41);
    let FieldKind::Category { levels, .. } = &schema.fields[1].kind else { panic!("{:?}", schema.fields[1]) };
    assert_eq!(levels.join(" "), "icmp tcp udp");
    // Bytes and counts have long tails and repeated extremes, but no value stands for a missing one.
    assert!(schema.fields.iter().all(|field| field.sentinels.is_empty() && field.format.is_plain()));
}

#[test]
#[ignore = "needs AE_DATA_MIRROR"]
fn long_series_are_cut_into_windows() {
    let nab = "nab/data/realKnownCause/ec2_request_latency_system_failure.csv";
    let (_, schema) = check(nab, nab, "window = 32", (Layout::Windows, 4032, 4032, 32, 4032));
    assert_eq!(schema.timestamp.unwrap().step, Some(300.0));
    let config = "label = 'anomaly'\nnormal = 0\nignore = ['changepoint']\nwindow = 10";
    check("skab/data/valve1/1.csv", "skab/data/valve1/2.csv", config, (Layout::Windows, 1145, 743, 80, 1075));
    let ucr = "ucr-anomaly/135_UCR_Anomaly_InternalBleeding16_1200_4187_4199.txt";
    check(ucr, ucr, "window = 100", (Layout::Windows, 7501, 7501, 100, 7501));
    // NumPy also finds the highest peak of the autocorrelation at 183.
    let (_, schema) = check(ucr, ucr, "", (Layout::Windows, 7501, 7501, 183, 7501));
    assert_eq!(schema.windows.unwrap().length, 183);
}
