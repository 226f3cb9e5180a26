//! The inputs that the fuzz targets begin with, read by the program.

use super::common::{self, Place};
use super::{measured, own_memory};
use std::fs;

/// Every input that the fuzz targets begin with, through every command that reads such a file: an answer or an error,
/// never a panic.
#[test]
fn no_input_of_the_corpus_is_a_bug() {
    let place = Place::new();
    own_memory(&place);
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut tried = 0;
    for name in common::files(&corpus) {
        let content = fs::read(corpus.join(&name)).unwrap();
        let commands: &[(&str, &str)] = match name.split('/').next().unwrap_or_default() {
            "cell" | "stamp" => &[("csv", "detect score X --model d.safetensors --out s.csv --force")],
            "table" | "windows" => &[
                ("csv", "detect fit X --threads 1 --out o.safetensors --force --set training.epochs=1"),
                ("csv", "detect score X --model d.safetensors --out s.csv --force"),
            ],
            "number_table" | "content" => &[
                ("csv", "detect score X --model d.safetensors --out s.csv --force"),
                ("csv", "train mine.toml --threads 1 --out run --set training.epochs=1 --set data.set=X"),
            ],
            "json_lines" => &[
                ("jsonl", "detect fit X --threads 1 --out o.safetensors --force --set training.epochs=1"),
                ("jsonl", "detect score X --model d.safetensors --out s.csv --force"),
            ],
            "npy" => &[("npy", "train mine.toml --threads 1 --out run --set data.set=X")],
            // Read only if it is the catalogue's, byte for byte.
            "npz" => &[],
            "idx" => &[("idx", "train mine.toml --threads 1 --out run --set data.set=X")],
            "settings" => &[
                ("toml", "train X --out run --offline --threads 1"),
                ("toml", "detect fit few.csv --config X --out o2 --force --set training.epochs=1"),
            ],
            "tensors" | "checkpoint" => &[
                ("safetensors", "detect inspect X"),
                ("safetensors", "detect watch --model d.safetensors --state X"),
            ],
            "schema" | "window_state" => &[("json", "detect watch --model d.safetensors --state X")],
            other => panic!("say how the program reads the inputs of `{other}`"),
        };
        for (ending, command) in commands {
            let file = format!("input.{ending}");
            place.write(&file, &content);
            let (ran, _) = measured(&place, place.ae(&command.replace("X", &file)));
            assert!(matches!(ran.code, Some(0..=2)), "{name}: {command}: {ran:?}");
            let _ = fs::remove_dir_all(place.path("run"));
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried} commands");
}
