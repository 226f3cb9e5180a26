//! Tests of framing and resuming; `tests/tensorboard.rs` uses TensorBoard's own reader.

use super::*;

/// What TensorBoard's own `RecordWriter` writes; made by `tests/tensorboard_golden.py`.
const GOLDEN_VERSION: &str =
    "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c";
const GOLDEN_SCALAR: &str =
    "2100000000000000017becf609000000000000044010ac022a130a110a0a747261696e2f6c6f737315cdcccc3ddf1092ac";

fn check_frame(event: Event, golden: &str) {
    let hex: String = frame(&event).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden, "{event:?}");
}

#[test]
fn records_are_those_of_tensorboard() {
    check_frame(Event::version(1.5), GOLDEN_VERSION);
    check_frame(Event::scalar(300, "train/loss", 0.1, 2.5), GOLDEN_SCALAR);
}

/// CRC-32C of 32 zero bytes is 0x8a9136aa (RFC 3720, appendix B.4).
#[test]
fn the_checksum_is_castagnoli_and_masked() {
    assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
    let masked = 0x8a91_36aa_u32.rotate_right(15).wrapping_add(0xa282_ead8);
    assert_eq!(masked_crc(&[0; 32]), masked.to_le_bytes());
}

fn write(folder: &Path, steps: std::ops::RangeInclusive<u64>) -> PathBuf {
    let mut writer = EventWriter::create(folder, 1_700_000_000.25).unwrap();
    for step in steps {
        writer.scalar(step, "train/loss", step as f64, 0.0).unwrap();
        writer.scalar(step, "train/kl", 0.0, 0.0).unwrap();
    }
    writer.flush().unwrap();
    writer.path().to_owned()
}

/// Steps of the scalars in a file, which must be intact to its last byte.
fn steps(path: &Path) -> Vec<i64> {
    let bytes = fs::read(path).unwrap();
    let (mut rest, mut steps) = (bytes.as_slice(), Vec::new());
    while let Some(record) = read_record(&mut rest.take(u64::MAX), rest.len() as u64).unwrap() {
        let event = Event::decode(&record[12..record.len() - 4]).unwrap();
        assert_eq!(
            event.file_version.is_some(),
            rest.len() == bytes.len(),
            "the version comes first and once"
        );
        steps.extend(event.summary.map(|_| event.step));
        rest = &rest[record.len()..];
    }
    assert!(rest.is_empty(), "{} bytes are not a record", rest.len());
    steps
}

#[track_caller]
fn check_resumed(damage: impl FnOnce(&Path), step: u64, expected: &[i64]) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), 1..=3);
    damage(&path);
    let mut writer = EventWriter::append_after(folder.path(), step).unwrap();
    assert_eq!(writer.path(), path);
    writer.scalar(9, "train/loss", 0.0, 0.0).unwrap();
    writer.flush().unwrap();
    assert_eq!(steps(&path), expected);
}

fn cut(bytes: u64) -> impl FnOnce(&Path) {
    move |path| {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
    }
}

#[test]
fn resuming_drops_later_events() {
    check_resumed(|_| (), 2, &[1, 1, 2, 2, 9]);
    check_resumed(|_| (), 3, &[1, 1, 2, 2, 3, 3, 9]);
    check_resumed(|_| (), u64::MAX, &[1, 1, 2, 2, 3, 3, 9]);
    check_resumed(|_| (), 0, &[9]);
}

#[test]
fn a_torn_last_record_is_cut_wherever_it_tore() {
    for bytes in [1, 4, 5, 20, 28] {
        check_resumed(cut(bytes), 3, &[1, 1, 2, 2, 3, 9]);
    }
    check_resumed(|path| fs::write(path, b"").unwrap(), 3, &[9]);
    check_resumed(|path| fs::write(path, [7; 300]).unwrap(), 3, &[9]);
}

#[test]
fn a_length_that_lies_is_not_believed() {
    let lie = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let length = (1_u64 << 60).to_le_bytes();
        bytes.extend([&length[..], &masked_crc(&length), &[0; 100]].concat());
        fs::write(path, bytes).unwrap();
    };
    check_resumed(lie, 3, &[1, 1, 2, 2, 3, 3, 9]);
}

#[test]
fn a_flipped_bit_ends_the_file_there() {
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let last = bytes.len() - 6;
        bytes[last] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    check_resumed(flip, 3, &[1, 1, 2, 2, 3, 9]);
}

#[test]
fn a_folder_without_events_gets_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::append_after(&folder.path().join("new"), 5).unwrap();
    writer.scalar(6, "a", 1.0, 0.0).unwrap();
    writer.flush().unwrap();
    assert_eq!(steps(writer.path()), [6]);
}

#[test]
fn a_file_that_is_there_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1..=1);
    let error = EventWriter::create(folder.path(), 1_700_000_000.75).unwrap_err().to_string();
    assert!(error.starts_with("cannot create ") && error.contains("tfevents.1700000000"), "{error}");
}
