//! `ae search`: a user's own documents and pictures.

mod common;

use common::{AE, Place, idx};
use ndarray::Array3;
use serde_json::Value;
use std::fmt::Write;

const TICKETS: &str = "\
number,body
T1,\"The printer on the second floor does not print, error 404\"
T2,Cannot log in: the password was changed
T3,\"Printer prints blank pages after the update\"
T4,
T5,The coffee machine leaks
T6,Cannot log in: the password was changed
T7,42 !!
";

/// Documents on three subjects, each with eight of the twenty words of its subject.
fn subjects(n: usize) -> String {
    let mut table = String::from("id\tsubject\ttext\n");
    for row in 0..n {
        let subject = ["sea", "sky", "sun"][row % 3];
        let word = |at: usize| format!("{subject}{}x", (row / 3 * 7 + at * 3 + at * at) % 20);
        let words: Vec<String> = (0..8).map(word).collect();
        writeln!(table, "D{row}\t{subject}\t{} all{}", words.join(" "), row % 9).unwrap();
    }
    table
}

fn json(place: &Place, arguments: &[&str]) -> Value {
    let mut command = place.command(AE);
    command.args(arguments).arg("--json");
    serde_json::from_str(&common::check(command, 0, &[]).stdout).unwrap()
}

fn ids(found: &Value) -> Vec<&str> {
    found["documents"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect()
}

#[test]
fn documents_are_found_by_words_with_the_words_that_speak_for_them() {
    let place = Place::new();
    place.write("tickets.csv", TICKETS);
    place.check(
        "search build tickets.csv --text body --id number",
        0,
        &["6 documents, ", "ranked by bm25", ": tickets.index", "1 row without text left out"],
    );
    let found = json(&place, &["search", "query", "printers PRINT 404 zebra", "--index", "tickets.index"]);
    assert_eq!((ids(&found), &found["unknown"]), (vec!["T1", "T3"], &serde_json::json!(["zebra"])));
    let first = &found["documents"][0];
    assert_eq!((&first["line"], &first["because"][0]["word"]), (&2.into(), &"404".into()), "{first}");
    let parts: f64 =
        first["because"].as_array().unwrap().iter().map(|word| word["weight"].as_f64().unwrap()).sum();
    assert!((parts - first["score"].as_f64().unwrap()).abs() < 1e-4, "all words together are the score");

    // Equal texts take one line.
    let found = json(&place, &["search", "query", "password", "--index", "tickets.index", "-k", "5"]);
    assert_eq!((ids(&found), &found["documents"][0]["same"]), (vec!["T2"], &serde_json::json!(["T6"])));
    place.check(
        "search query password --index tickets.index",
        0,
        &["T2 (= T6)", "Cannot log in", "password"],
    );
    let like = json(&place, &["search", "query", "--like", "T1", "--index", "tickets.index"]);
    assert_eq!(ids(&like)[0], "T3");
    assert!(!ids(&like).contains(&"T1"), "a document is not like itself");
    place.write("question.txt", "why does my coffee machine leak?");
    place.check("search query --like question.txt --index tickets.index", 0, &["T5"]);
    for by in ["tf-idf", "bm25"] {
        let found = json(&place, &["search", "query", "coffee", "--index", "tickets.index", "--by", by]);
        assert_eq!(ids(&found), ["T5"], "{by}");
    }

    place.check("search query zebra --index tickets.index", 0, &["in no document: `zebra`", "nothing found"]);
    place.check_refused("search query ? --index tickets.index", 2, &["no word of two letters or more"]);
    place.check_refused("search query --like T9 --index tickets.index", 2, &["nothing called `T9`"]);
    place.check_refused(
        "search query printer --index tickets.index --by code",
        2,
        &["build it again with --by code", "built with --by bm25"],
    );
    place.check_refused("search query printer --index tickets.index --by pca", 2, &["one of documents"]);
}

#[test]
fn what_cannot_be_indexed_is_told() {
    let place = Place::new();
    place.write("tickets.csv", TICKETS);
    let refused = |arguments: &str, code, expected: &[&str]| {
        place.check_refused(&format!("search build {arguments}"), code, expected);
    };
    refused("tickets.csv", 2, &["--text"]);
    refused(
        "tickets.csv --text bodi",
        1,
        &["no text column `bodi`", "`number`, `body`", "did you mean `body`"],
    );
    refused("tickets.csv --text body --id nr", 1, &["no name column `nr`", "`number`, `body`"]);
    refused("tickets.csv --text body --id body", 2, &["two documents are called", "--id"]);
    refused("tickets.csv --text body --by pixels", 2, &["--by pixels is for pictures"]);
    refused("tickets.csv --text body --by code", 2, &["give at least 100", "--by bm25"]);
    refused("tickets.csv --text body --out tickets.csv --force", 2, &["is the input"]);
    refused("nothing.csv --text body", 1, &["nothing.csv"]);
    place.write("empty.csv", "id,body\n1,\n2,\n");
    refused("empty.csv --text body", 2, &["has no text in any of its 2 rows"]);
    place.write("marks.csv", "id,body\n1,?!\n2,7\n");
    refused("marks.csv --text body", 2, &["has no word of two letters or more"]);
    place.write("picture.csv", b"\x89PNG\r\n\x1a\n\0\0");
    refused("picture.csv --text body", 1, &["picture.csv"]);
    assert!(!place.path("tickets.index").exists() && !place.path("empty.index").exists());

    // One document, and one in another encoding.
    place.write("one.csv", "id,body\n1,only this one\n");
    place.check("search build one.csv --text body", 0, &["1 document, "]);
    place.check("search query one --index one.index", 0, &["only this one"]);
    place.check_refused("search build one.csv --text body", 2, &["one.index exists already", "--force"]);
    let western = (0..30).flat_map(|row| [format!("{row},Die Stra").as_bytes(), b"\xdfe\n"].concat());
    place.write("western.csv", [b"id,body\n".to_vec(), western.collect()].concat());
    place.check("search build western.csv --text body --language german", 0, &["30 documents", "1252"]);
    place.check("search query Straße --index western.index -k 1", 0, &["Die Straße", "…)"]);
}

#[test]
fn a_damaged_or_foreign_index_is_refused() {
    let place = Place::new();
    place.write("tickets.csv", TICKETS);
    place.check("search build tickets.csv --text body --id number", 0, &[]);
    let whole = place.read("tickets.index");
    let refused = |content: &[u8], expected: &[&str]| {
        place.write("bad.index", content);
        place.check_refused(
            "search query printer --index bad.index",
            if expected.len() > 1 { 2 } else { 1 },
            expected,
        );
    };
    refused(&whole[..whole.len() / 2], &["bad.index is not a usable search index", "ae search build"]);
    refused(TICKETS.as_bytes(), &["bad.index is not a usable search index", "ae search build"]);
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    refused(&flipped, &["bad.index is damaged: its content has the SHA-256"]);
    // Counts that no document can have: those of the words that are there once, last in the file's floats.
    let once = 1f32.to_le_bytes().repeat(4);
    let at = whole.windows(once.len()).rposition(|part| part == once).unwrap();
    let mut negative = whole.clone();
    negative[at..at + 4].copy_from_slice(&(-1f32).to_le_bytes());
    ae_records::arrays::sign(&mut negative);
    refused(&negative, &["it counts words less than once", "ae search build"]);
    // A model is no index, and an index of a later version is not read.
    place.check("train mine.toml --threads 1 --out run", 0, &[]);
    refused(&place.read("run/model.safetensors"), &["it holds something else", "ae search build"]);
    // Contents that contradict each other, with a right checksum.
    for (from, to) in [
        (r#"\"format\":1"#, r#"\"format\":2"#),
        (r#"\"by\":\"bm25\""#, r#"\"by\":\"code\""#),
        (r#"\"printer\""#, r#"\"print\""#),
        (r#""U32","shape":["#, r#""I32","shape":["#),
    ] {
        let at = whole.windows(from.len()).position(|part| part == from.as_bytes());
        let at = at.unwrap_or_else(|| panic!("{from} is in the file"));
        let mut changed = whole.clone();
        if from.len() == to.len() {
            changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        } else {
            let padded = format!("{to:<width$}", width = from.len());
            changed[at..at + padded.len()].copy_from_slice(padded.as_bytes());
        }
        ae_records::arrays::sign(&mut changed);
        refused(&changed, &["is not a usable search index", "ae search build"]);
    }
}

#[test]
fn text_of_documents_cannot_control_the_terminal() {
    let place = Place::new();
    place.write("a.csv", "id,body\n\u{1b}[31m1,printer \u{1b}]0;owned\u{7} \u{202e}back\n");
    place.check("search build a.csv --text body --id id", 0, &[]);
    let ran = place.check("search query printer --index a.index", 0, &["printer"]);
    assert!(!ran.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", ran.stdout);
}

#[test]
fn documents_are_found_by_what_is_learned_from_them() {
    let place = Place::new();
    place.write("subjects.tsv", subjects(120));
    for by in ["lsa", "code", "bits"] {
        let build =
            format!("search build subjects.tsv --text text --id id --threads 1 --out {by}.index --by {by}");
        place.check(&build, 0, &["120 documents", by]);
        let index = format!("{by}.index");
        let found = json(&place, &["search", "query", "sea1x sea4x sea8x", "--index", &index, "-k", "20"]);
        let right =
            ids(&found).iter().filter(|id| id[1..].parse::<usize>().unwrap().is_multiple_of(3)).count();
        // A third is by chance.
        assert!(right >= 14, "{by}: {right} of 20 are on the subject");
        assert!(!found["documents"][0]["because"].as_array().unwrap().is_empty(), "{by}: {found}");
        let scores: Vec<f64> =
            found["documents"].as_array().unwrap().iter().map(|it| it["score"].as_f64().unwrap()).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b) && scores[0] <= 1.0 + 1e-6, "{scores:?}");
        let words = json(&place, &["search", "query", "sea1x", "--index", &index, "--by", "bm25", "-k", "1"]);
        assert_eq!(words["by"], "bm25");
        place.check(
            &format!("search query nowhere --index {index}"),
            0,
            &["not among the words that", "nothing found"],
        );
        if by == "lsa" {
            let first = place.read(&index);
            place.check(&format!("{build} --force"), 0, &[]);
            assert!(place.read(&index) == first, "{by}: equal seeds give equal bytes");
        }
    }
}

fn picture(place: &Place, name: &str, tone: [f32; 3], height: usize) {
    std::fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
    let pixels = Array3::from_shape_fn((3, height, 40), |(channel, row, column)| {
        tone[channel] * (0.7 + 0.3 * ((row + 2 * column) % 7) as f32 / 7.0)
    });
    ae_report::picture::image(&place.path(name), pixels.view()).unwrap();
}

#[test]
fn pictures_are_found_by_pictures() {
    let place = Place::new();
    for at in 0..6 {
        let shade = 1.0 - 0.05 * at as f32;
        picture(&place, &format!("photos/red{at}.png"), [shade, 0.1, 0.1], 30 + at);
        picture(&place, &format!("photos/more/blue{at}.png"), [0.1, 0.1, shade], 50);
    }
    place.write("photos/broken.jpg", "no picture");
    picture(&place, "query.png", [0.1, 0.1, 0.9], 60);
    place.check(
        "search build photos/",
        0,
        &[
            "12 pictures, compared by pca",
            ": photos.index",
            "1 picture cannot be read and left out",
            "broken.jpg",
        ],
    );
    place.check("search build photos --by pixels --out pixels.index", 0, &["compared by pixels"]);
    let pixels: Vec<u8> = (0..60 * 64).map(|i| (i / 64 % 7 * 30 + i % 8 * 8) as u8).collect();
    place.write("pictures-idx3-ubyte", idx(&[60, 8, 8], &pixels));
    place.check(
        "train mine.toml --threads 1 --out run --set data.set=pictures-idx3-ubyte --set data.scale=pixels",
        0,
        &[],
    );
    place.check("search build photos --by code --model run --out code.index", 0, &["compared by code"]);
    let found = |index: &str, like: &str| {
        let found = json(&place, &["search", "query", "--like", like, "--index", index, "-k", "5"]);
        let all = found["pictures"].as_array().unwrap().clone();
        assert_eq!(all.len(), 5, "{index}");
        all.iter().map(|it| it["picture"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for index in ["photos.index", "pixels.index"] {
        assert!(found(index, "red2.png").iter().all(|name| name.starts_with("red")), "{index}");
        let run = place.check(
            &format!("search query query.png --index {index} -k 6"),
            0,
            &["photos/more/blue0.png"],
        );
        assert!(!run.stdout.contains("red"), "{}", run.stdout);
    }
    assert!(!found("code.index", "red2.png").contains(&"red2.png".into()));
    let itself = json(&place, &["search", "query", "photos/red3.png", "--index", "photos.index", "-k", "1"]);
    assert_eq!(itself["pictures"][0]["picture"], "red3.png");
    assert!(itself["pictures"][0]["distance"].as_f64().unwrap() < 0.01, "{itself}");

    place.check_refused("search query words --index photos.index", 1, &["words"]);
    place.check_refused(
        "search query --like red9.png --index photos.index",
        2,
        &["nothing called `red9.png`"],
    );
    place.check_refused(
        "search query query.png --index photos.index --by pixels",
        2,
        &["compares pictures by pca"],
    );
    place.check_refused("search build photos --by code --out x.index", 2, &["--model"]);
    place.check_refused("search build photos --model run --out x.index", 2, &["pca needs no model"]);
    place.check_refused("search build photos --by bm25 --out x.index", 2, &["--by bm25 is for documents"]);
    place.check_refused("search build photos --text body --out x.index", 2, &["is a folder"]);
    std::fs::create_dir(place.path("none")).unwrap();
    place.check_refused("search build none", 1, &["no PNG or JPEG images in the folder or below it"]);
    place.write("only/broken.png", "no picture");
    place.check_refused(
        "search build only",
        2,
        &["none of the 1 pictures in only can be read", "broken.png"],
    );
    place.check("train mine.toml --threads 1 --out rows", 0, &[]);
    place.check_refused(
        "search build photos --by code --model rows --out x.index",
        2,
        &["has no code for pictures", "ae train conv"],
    );
}
