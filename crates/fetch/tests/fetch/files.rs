//! Destinations and mirror folders.

use std::fs;

use crate::common::{Told, artifact, content, files, sha256};
use ae_fetch::{Digest, FetchError, Silent, Source, sha256_file, unpack_zip};

#[test]
fn a_mirror_file_is_copied_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror.bin");
    fs::write(&mirror, content()).unwrap();
    let mut artifact = artifact(folder.path(), vec![Source::File(mirror.clone())]);
    artifact.accepted.insert(0, Digest::with_bytes(sha256(b"other"), 5));
    let mut told = Told::default();
    let first = ae_fetch::fetch(&artifact, &mut told).unwrap();
    assert_eq!((first.already_there, first.source), (false, mirror.display().to_string()));
    assert_eq!(told.begun, [("the numbers".into(), Some(5))]);
    assert_eq!(fs::read(&artifact.destination).unwrap(), content());
    fs::remove_file(&mirror).unwrap();
    let second = ae_fetch::fetch(&artifact, &mut told).unwrap();
    assert!(second.already_there);
    assert_eq!(told.begun.len(), 1, "what is there is not announced");
}

#[test]
fn a_damaged_file_at_the_destination_is_replaced_or_reported() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror.bin");
    let artifact = artifact(folder.path(), vec![Source::File(mirror.clone())]);
    fs::create_dir_all(artifact.destination.parent().unwrap()).unwrap();
    fs::write(&artifact.destination, b"damaged").unwrap();
    let message = ae_fetch::fetch(&artifact, &mut Silent).unwrap_err().to_string();
    assert!(message.contains(&sha256(b"damaged")) && message.contains(&sha256(&content())), "{message}");
    assert!(!artifact.destination.exists());
    fs::write(&artifact.destination, b"damaged").unwrap();
    fs::write(&mirror, content()).unwrap();
    assert!(!ae_fetch::fetch(&artifact, &mut Silent).unwrap().already_there);
    assert_eq!(fs::read(&artifact.destination).unwrap(), content());
}

#[test]
fn an_artifact_that_cannot_be_verified_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let artifact = artifact(folder.path(), vec![]);
    let check = |accepted: Vec<Digest>, expected: &str| {
        let artifact = ae_fetch::Artifact { accepted, ..artifact.clone() };
        let message = ae_fetch::fetch(&artifact, &mut Silent).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(vec![], "has no checksum");
    check(vec![Digest::new("abc")], "\"abc\", but a SHA-256 has 64 hexadecimal digits");
    check(vec![Digest::new(sha256(b""))], "none is known");
}

#[test]
fn upper_case_checksums_are_right_too() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror.bin");
    fs::write(&mirror, content()).unwrap();
    let mut artifact = artifact(folder.path(), vec![Source::File(mirror)]);
    artifact.accepted = vec![Digest::new(sha256(&content()).to_uppercase())];
    ae_fetch::fetch(&artifact, &mut Silent).unwrap();
}

#[test]
fn a_destination_that_cannot_be_written_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror.bin");
    fs::write(&mirror, content()).unwrap();
    let mut artifact = artifact(folder.path(), vec![Source::File(mirror.clone())]);
    artifact.destination = mirror.join("below a file");
    let error = ae_fetch::fetch(&artifact, &mut Silent).unwrap_err();
    assert!(matches!(&error, FetchError::Local(file) if file.action == "create"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_says_what_to_do() {
    // `/dev/full` answers every write with "no space left on device".
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror.bin");
    fs::write(&mirror, content()).unwrap();
    let artifact = artifact(folder.path(), vec![Source::File(mirror)]);
    let above = artifact.destination.parent().unwrap();
    fs::create_dir_all(above).unwrap();
    std::os::unix::fs::symlink("/dev/full", above.join(".numbers.bin.part")).unwrap();
    let message = ae_fetch::fetch(&artifact, &mut Silent).unwrap_err().to_string();
    assert!(message.ends_with("; free some space, or choose another folder"), "{message}");
}

#[test]
fn checksums_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty");
    fs::write(&path, b"").unwrap();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(sha256_file(&path).unwrap(), (empty.into(), 0));
    fs::write(&path, b"abc").unwrap();
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256_file(&path).unwrap(), (abc.into(), 3));
    sha256_file(&folder.path().join("none")).unwrap_err();
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_zip_is_unpacked_where_told_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.whl");
    fs::write(&archive, zip_of(&[("torch/lib/a.so", b"a"), ("torch/b.py", b"b")])).unwrap();
    let out = folder.path().join("out");
    let only_lib = |name: &str| name.strip_prefix("torch/lib/").map(|name| format!("lib/{name}").into());
    assert_eq!(unpack_zip(&archive, &out, only_lib).unwrap(), 1);
    assert_eq!(files(&out), ["lib"]);
    assert_eq!(fs::read(out.join("lib/a.so")).unwrap(), b"a");
    let outside = unpack_zip(&archive, &out, |_| Some("../evil".into())).unwrap_err().to_string();
    assert!(outside.contains("would be written outside"), "{outside}");
    assert!(!folder.path().join("evil").exists());
    fs::write(&archive, &zip_of(&[("torch/lib/a.so", &[1; 5000])])[..60]).unwrap();
    let broken = unpack_zip(&archive, &out, only_lib).unwrap_err().to_string();
    assert!(broken.starts_with("cannot unpack "), "{broken}");
}
