//! Downloads by URL from a server that misbehaves.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Reply, Server, Told, artifact, content, files, impatient, sha256};
use ae_fetch::{Artifact, Digest, FetchError, Fetcher, Fields, Silent, Source, SourceError};

/// Fetches from a server with these replies: the file must come, after requests with these ranges.
fn check_comes(folder: &Path, replies: Vec<Reply>, ranges: &[&str]) -> Told {
    let server = Server::start(replies);
    let artifact = artifact(folder, vec![Source::Url(server.url.clone())]);
    let mut told = Told::default();
    let fetched = impatient().fetch(&artifact, &mut told).unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), content());
    assert_eq!((fetched.source, fetched.already_there), (server.url.clone(), false));
    assert_eq!(fetched.sha256, sha256(&content()));
    assert_eq!(server.ranges(), ranges);
    assert_eq!(files(&folder.join("sub")), ["numbers.bin"], "nothing else may stay");
    assert_eq!((told.last, told.ended), (3_000_000, 1));
    told
}

/// Fetches from a server with these replies: it must fail, for a reason that contains this.
fn check_fails(replies: Vec<Reply>, reason: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(replies);
    let artifact = artifact(folder.path(), vec![Source::Url(server.url.clone())]);
    let message = impatient().fetch(&artifact, &mut Silent).unwrap_err().to_string();
    assert!(message.contains(reason), "{message}");
    assert!(message.contains(&server.url), "{message}");
    assert!(!artifact.destination.exists());
    server.ranges()
}

#[test]
fn a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    check_comes(folder.path(), vec![Reply::Content(content())], &[""]);
}

#[test]
fn a_truncated_body_is_resumed_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let replies = vec![Reply::Truncated(content(), 1_200_000), Reply::Content(content())];
    let told = check_comes(folder.path(), replies, &["", "bytes=1200000-"]);
    assert!(told.notes[0].contains("trying again"), "{:?}", told.notes);
}

#[test]
fn what_an_interrupted_process_left_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(vec![Reply::Truncated(content(), 500_000), Reply::Status("500 No")]);
    let artifact = artifact(folder.path(), vec![Source::Url(server.url)]);
    impatient().fetch(&artifact, &mut Silent).unwrap_err();
    let left = files(&folder.path().join("sub"));
    assert!(left.len() == 1 && left[0].ends_with(".part"), "{left:?}");
    // The same URL is served anew: the part's name depends on it, so put it under the new one's name.
    let again = Server::start(vec![Reply::Content(content())]);
    let part = folder.path().join("sub").join(part_name(&again.url));
    fs::rename(folder.path().join("sub").join(&left[0]), part).unwrap();
    let artifact = ae_fetch::Artifact { sources: vec![Source::Url(again.url.clone())], ..artifact };
    impatient().fetch(&artifact, &mut Silent).unwrap();
    assert_eq!(again.ranges(), ["bytes=500000-"]);
    assert_eq!(files(&folder.path().join("sub")), ["numbers.bin"]);
}

fn part_name(url: &str) -> String {
    format!(".numbers.bin.{}.part", &sha256(url.as_bytes())[..8])
}

/// Something lies in the part file: the right file must come all the same, after requests with these ranges.
fn check_leftover(leftover: &[u8], replies: fn() -> Vec<Reply>, ranges: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(replies());
    let artifact = artifact(folder.path(), vec![Source::Url(server.url.clone())]);
    fs::create_dir_all(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("sub").join(part_name(&server.url)), leftover).unwrap();
    impatient().fetch(&artifact, &mut Silent).unwrap();
    assert_eq!(fs::read(&artifact.destination).unwrap(), content());
    assert_eq!(server.ranges(), ranges);
    assert_eq!(files(&folder.path().join("sub")), ["numbers.bin"]);
}

#[test]
fn leftovers_of_every_kind_are_survived() {
    let whole = || vec![Reply::Content(content())];
    check_leftover(b"", whole, &[""]);
    // Complete, but killed before it got its name.
    check_leftover(&content(), whole, &["bytes=3000000-"]);
    // The beginning of another file.
    check_leftover(&[7; 1000], whole, &["bytes=1000-", ""]);
    // Longer than the file.
    check_leftover(&[7; 4_000_000], whole, &["bytes=4000000-", ""]);
    // A server that cannot resume.
    check_leftover(&content()[..1000], || vec![Reply::NoRanges(content())], &["bytes=1000-"]);
}

#[test]
fn a_server_in_trouble_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let replies = vec![
        Reply::Status("503 Service Unavailable"),
        Reply::Status("429 Too Many Requests"),
        Reply::Silence,
        Reply::Content(content()),
    ];
    check_comes(folder.path(), replies, &["", "", "", ""]);
}

#[test]
fn what_cannot_be_helped_fails_at_once() {
    let missing = check_fails(vec![Reply::Status("404 Not Found")], "answered 404 (not found)");
    assert_eq!(missing.len(), 1, "a missing file is not asked for twice");
    let trouble = check_fails(vec![Reply::Status("500 Oops")], "answered 500 (server error)");
    assert_eq!(trouble.len(), 4);
    check_fails(vec![Reply::Silence], "(4 tries)");
}

#[test]
fn a_wrong_checksum_deletes_the_file_and_says_both() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(vec![Reply::Content(b"an error page".to_vec())]);
    let artifact = artifact(folder.path(), vec![Source::Url(server.url)]);
    let message = impatient().fetch(&artifact, &mut Silent).unwrap_err().to_string();
    for part in [sha256(&content()), sha256(b"an error page"), "13 bytes".into(), "deleted".into()] {
        assert!(message.contains(&part), "{part} in {message}");
    }
    assert!(files(&folder.path().join("sub")).is_empty());
}

#[test]
fn an_endless_answer_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(vec![Reply::Content(content())]);
    let mut artifact = artifact(folder.path(), vec![Source::Url(server.url)]);
    artifact.accepted = vec![Digest::with_bytes(sha256(b"small"), 5)];
    let message = impatient().fetch(&artifact, &mut Silent).unwrap_err().to_string();
    assert!(message.contains("more than the expected 5 bytes"), "{message}");
    assert!(files(&folder.path().join("sub")).is_empty());
}

#[test]
fn a_refused_connection_and_a_nonsense_address_are_named_and_the_next_source_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/x", listener.local_addr().unwrap())
    };
    let server = Server::start(vec![Reply::Content(content())]);
    let urls = [refused.clone(), "not an address".into(), server.url.clone()];
    let artifact = artifact(folder.path(), urls.map(Source::Url).to_vec());
    let mut told = Told::default();
    let fetched = impatient().fetch(&artifact, &mut told).unwrap();
    assert_eq!(fetched.source, server.url);
    let notes = told.notes.join("\n");
    assert!(notes.contains(&format!("{refused}: connection refused")), "{notes}");
    assert!(notes.contains("not an address: not a valid address"), "{notes}");
}

#[test]
fn all_failures_are_listed_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(vec![Reply::Status("404 Not Found")]);
    let sources = vec![Source::File("/no/such/mirror/file".into()), Source::Url(server.url.clone())];
    let artifact = artifact(folder.path(), sources);
    let error = impatient().fetch(&artifact, &mut Silent).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("no source has the numbers\n  /no/such/mirror/file: no such file\n"),
        "{message}"
    );
    assert!(message.contains("mirror folder"), "{message}");
    assert!(files(&folder.path().join("sub")).is_empty(), "an empty part is removed");
    let FetchError::AllFailed { failures, .. } = error else { panic!("{message}") };
    assert!(matches!(failures[0].reason, SourceError::NoSuchFile));
    assert!(matches!(failures[1].reason, SourceError::Status { status: 404 }));
}

#[test]
fn a_server_that_drips_is_given_up_and_continued_later() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(vec![Reply::Drip(content()), Reply::Content(content())]);
    let artifact = artifact(folder.path(), vec![Source::Url(server.url.clone())]);
    let fetcher = Fetcher { total_timeout: Duration::from_secs(1), ..impatient() };
    let begun = Instant::now();
    let error = fetcher.fetch(&artifact, &mut Silent).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(30), "the whole file would take eight hours");
    let message = error.to_string();
    assert!(
        message.contains("not complete after 1 s, with ") && message.contains("continues where it stopped")
    );
    let FetchError::AllFailed { failures, .. } = error else { panic!("{message}") };
    let SourceError::TooSlow { bytes, .. } = failures[0].reason else { panic!("{message}") };
    assert!((1..1000).contains(&bytes), "{bytes}");
    assert_eq!(server.ranges(), [""], "no second try");
    assert!(folder.path().join("sub").join(part_name(&server.url)).exists());
    impatient().fetch(&artifact, &mut Silent).unwrap();
    assert_eq!(server.ranges(), [String::new(), format!("bytes={bytes}-")]);
    assert_eq!(fs::read(&artifact.destination).unwrap(), content());
}

#[test]
fn no_longer_wait_is_begun_than_there_is_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(vec![Reply::Status("503 Service Unavailable")]);
    let artifact = artifact(folder.path(), vec![Source::Url(server.url.clone())]);
    let day = Duration::from_secs(86_400);
    let fetcher = Fetcher { total_timeout: Duration::from_secs(60), wait: day, ..impatient() };
    let message = fetcher.fetch(&artifact, &mut Silent).unwrap_err().to_string();
    assert!(message.contains("not complete after 60 s, with 0 bytes"), "{message}");
    let unlimited = Fetcher { total_timeout: Duration::MAX, ..impatient() };
    let message = unlimited.fetch(&artifact, &mut Silent).unwrap_err().to_string();
    assert!(message.contains("answered 503"), "{message}");
}

#[test]
fn two_at_once_download_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(vec![Reply::Content(content())]);
    let artifact = artifact(folder.path(), vec![Source::Url(server.url.clone())]);
    let fetched: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| impatient().fetch(&artifact, &mut Silent).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(fetched.iter().filter(|fetched| !fetched.already_there).count(), 1);
    assert_eq!(server.ranges().len(), 1);
    assert_eq!(files(&folder.path().join("sub")), ["numbers.bin"]);
}

#[test]
fn a_member_of_an_archive() {
    let content = b"1::a::9\n2::b::8\n";
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("set/lines.dat", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(content).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    let first = Fields { separator: "::".into(), first: 2 };
    let cases = [("set/lines.dat", None, &content[..]), ("set/lines.dat", Some(first), b"1::a\n2::b\n")];
    for (member, fields, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        // The first answer breaks off; the download goes on where it stopped.
        let server = Server::start(vec![Reply::Truncated(zip.clone(), 40), Reply::Content(zip.clone())]);
        let source = Source::Zip { url: server.url.clone(), member: member.into(), fields };
        let accepted = vec![Digest::with_bytes(sha256(expected), expected.len() as u64)];
        let artifact = Artifact { accepted, ..artifact(folder.path(), vec![source]) };
        let fetched = impatient().fetch(&artifact, &mut Silent).unwrap();
        assert_eq!(fs::read(&fetched.path).unwrap(), expected);
        assert_eq!(server.ranges(), ["", "bytes=40-"]);
        assert_eq!(files(&folder.path().join("sub")), ["numbers.bin"], "the archive does not stay");
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(vec![Reply::Content(zip)]);
    let source = Source::Zip { url: server.url, member: "set/other.dat".into(), fields: None };
    let error =
        impatient().fetch(&artifact(folder.path(), vec![source]), &mut Silent).unwrap_err().to_string();
    assert!(error.contains("has no member set/other.dat"), "{error}");
    assert!(files(&folder.path().join("sub")).is_empty());
}
