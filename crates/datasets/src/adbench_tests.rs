//! Archives, good, bad and hostile.

use super::{parse as parse_named, *};
use crate::npy::tests::npy;
use ae_records::seed::stream_rng;
use rand_chacha::rand_core::Rng;
use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An archive of this `X` and this `y`.
fn table(x: Vec<u8>, y: Vec<u8>) -> Vec<u8> {
    archive(&[("X.npy", x), ("y.npy", y)])
}

fn labels(labels: &[i64]) -> Vec<u8> {
    let bytes: Vec<u8> = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    npy("<i8", false, &format!("({},)", labels.len()), &bytes)
}

/// Six numbers as `(3, 2)`, column by column.
fn six(descr: &str, data: &[u8]) -> Vec<u8> {
    npy(descr, true, "(3, 2)", data)
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn parse(content: &[u8]) -> Result<LabelledRows, String> {
    parse_named(content, "name", Vec::new())
}

fn check(content: &[u8], expected: &str) {
    let error = parse(content).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn tables_of_every_type_and_order_are_read() {
    let check = |x: Vec<u8>| {
        let LabelledRows { name, values, is_anomalous, .. } = parse(&table(x, labels(&[0, 1, 0]))).unwrap();
        assert_eq!((name.as_str(), &values), ("name", &ndarray::array![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]));
        assert!(values.is_standard_layout());
        assert_eq!(is_anomalous, [false, true, false]);
    };
    let whole = [1u8, 2, 3, 4, 5, 6];
    check(six("|u1", &whole));
    check(six("<i2", &whole.map(|x| i16::from(x).to_le_bytes()).concat()));
    check(six("<i8", &whole.map(|x| i64::from(x).to_le_bytes()).concat()));
    check(six("<f8", &doubles(&whole.map(f64::from))));
    check(npy("<f8", false, "(3, 2)", &doubles(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0])));
}

#[test]
fn values_keep_their_precision_and_labels_may_be_of_any_type() {
    let x = [0.1, 1e-300, -1.0 / 3.0];
    for y in [npy("|b1", false, "(3,)", &[1, 0, 1]), npy("<f8", false, "(3,)", &doubles(&[1.0, 0.0, 1.0]))] {
        let rows = parse(&table(npy("<f8", false, "(3, 1)", &doubles(&x)), y)).unwrap();
        assert_eq!(rows.values.column(0).to_vec(), x);
        assert_eq!(rows.is_anomalous, [true, false, true]);
    }
}

#[test]
fn what_is_no_table_is_said() {
    let (x, y) = (six("|u1", &[1, 2, 3, 4, 5, 6]), labels(&[0, 1, 0]));
    check(b"", "invalid Zip archive");
    check(b"\x93NUMPY\x01\x00", "invalid Zip archive");
    check(&archive(&[("y.npy", y.clone())]), "it has no array `X`, which would be its member X.npy");
    check(&archive(&[("X.npy", x.clone()), ("Y.npy", y.clone())]), "it has no array `y`");
    check(&archive(&[("a/X.npy", x.clone()), ("y.npy", y.clone())]), "it has no array `X`");
    check(&table(x.clone(), labels(&[0, 1])), "the shape of its `y` is [2]; for its `X`, it should be [3]");
    check(&table(x.clone(), npy("|u1", false, "(3, 1)", &[0, 1, 0])), "the shape of its `y` is [3, 1]");
    check(&table(npy("|u1", false, "(6,)", &[0; 6]), y.clone()), "`X` is [6]; it should be [N, D]");
    check(
        &table(npy("|u1", false, "(3, 2, 1)", &[0; 6]), y.clone()),
        "`X` is [3, 2, 1]; it should be [N, D]",
    );
    check(&table(npy("|u1", false, "(0, 2)", &[]), labels(&[])), "`X` is [0, 2]; there is nothing in it");
    check(&table(npy("|u1", false, "(3, 0)", &[]), y.clone()), "`X` is [3, 0]; there is nothing in it");
    check(
        &table(x.clone(), labels(&[0, 1, 2])),
        "its `y` has 2 in row 2, counted from 0; labels are 0 and 1",
    );
    check(&table(x.clone(), labels(&[0, -1, 1])), "its `y` has -1 in row 1");
    let half = npy("<f8", false, "(3,)", &doubles(&[0.0, 0.5, f64::NAN]));
    check(&table(x.clone(), half), "its `y` has 0.5 in row 1");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let x = six("<f8", &doubles(&[1.0, 2.0, 3.0, 4.0, value, 6.0]));
        check(&table(x, y.clone()), &format!("its `X` has {value} in row 1, column 1, counted from 0"));
    }
    let objects = npy("|O", false, "(3, 2)", b"cos\nsystem\n");
    check(&table(objects, y.clone()), "its array `X` is not usable: its values are of type '|O'");
    check(&table(b"1,2\n".to_vec(), y), "its array `X` is not usable: it does not start with NumPy's");
    check(&table(x, b"\x93NUMPY".to_vec()), "its array `y` is not usable: ");
}

#[test]
fn an_archive_that_inflates_to_more_than_a_table_is_refused() {
    // 17 MB of zeros in a few kB: in memory, they would be eight times as many.
    let (n_rows, y) = ((1 << 24) / 16 + 1, labels(&[0]));
    let zeros = npy("|u1", false, &format!("({n_rows}, 16)"), &vec![0; n_rows * 16]);
    let bomb = table(zeros, y.clone());
    assert!(bomb.len() < 40_000, "{}", bomb.len());
    check(&bomb, "its array `X` is not usable: it has 16777232 numbers; at most 16777216 are supported");

    // A header that states few numbers, and 140 MB behind it.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("X.npy", SimpleFileOptions::default()).unwrap();
    zip.write_all(&six("|u1", &[])).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..134).for_each(|_| zip.write_all(&zeros).unwrap());
    let bomb = zip.finish().unwrap().into_inner();
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    check(&bomb, "its array `X` is not usable: it inflates to more than 134221824 bytes");
}

#[test]
fn a_member_whose_content_is_damaged_is_refused() {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("X.npy", six("|u1", &[1, 2, 3, 4, 5, 6])), ("y.npy", labels(&[0, 1, 0]))] {
        zip.start_file(name, options).unwrap();
        zip.write_all(&content).unwrap();
    }
    let mut zip = zip.finish().unwrap().into_inner();
    parse(&zip).unwrap();
    let at = zip.windows(6).position(|bytes| bytes == [1, 2, 3, 4, 5, 6]).unwrap();
    zip[at] = 7;
    check(&zip, "its array `X` is not usable: Invalid checksum");
    // The method is in the entry of the directory: bzip2.
    let entry = zip.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    zip[entry + 10] = 12;
    check(&zip, "its array `X` is not usable: compression method not supported");
    zip.truncate(zip.len() - 30);
    check(&zip, "invalid Zip archive");
}

#[test]
fn damaged_archives_never_panic() {
    let mut rng = stream_rng(1, "npz fuzz", 0);
    let good = table(six("|u1", &[1, 2, 3, 4, 5, 6]), labels(&[0, 1, 0]));
    assert_eq!(ZipArchive::new(Cursor::new(&good)).unwrap().len(), 2);
    for round in 0..5000 {
        let mut bytes = good.clone();
        for _ in 0..1 + rng.next_u32() % 4 {
            let at = rng.next_u32() as usize % bytes.len();
            bytes[at] = rng.next_u32() as u8;
        }
        if round % 5 == 0 {
            bytes.truncate(rng.next_u32() as usize % bytes.len());
        }
        if let Ok(rows) = parse(&bytes) {
            assert_eq!((rows.values.dim(), rows.is_anomalous.len()), ((3, 2), 3));
        }
    }
}

#[test]
fn tables_are_found_by_name() {
    let names = names();
    assert_eq!((names.len(), names[0], names[1], names[9]), (22, "ALOI", "breastw", "magic.gamma"));
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "each name is used once");
    let folder = tempfile::tempdir().unwrap();
    let mut sources = Sources::new(folder.path());
    sources.offline = true;
    let error = |name: &str| load(name, &sources, &mut ae_fetch::Silent).unwrap_err().to_string();
    assert!(error("cardo").contains("`cardo`; did you mean `cardio`?; sets: ALOI, breastw, cardio, "));
    assert!(error("6_cardio").contains("is called `6_cardio`"));
    assert!(error("cardio").starts_with("`6_cardio.npz` of the set adbench is not in "));
}
