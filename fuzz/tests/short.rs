//! Runs every committed input, and seeded mutations of them, through every target: the same inputs each time.

mod mutation;

use ae_fuzz::{MAX_INPUT_BYTES, TARGETS, Target};
use ae_records::seed::{stream_rng, stream_seed};
use mutation::Mutator;
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Mutated inputs for each target; `cargo xtask fuzz` runs millions.
const RUNS: usize = 10_000;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The committed inputs of a target, in a fixed order.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder("corpus").join(target.name)).expect("each target has a corpus");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Runs an input; one that fails is kept in a file, which the message names.
fn run(target: &Target, input: &[u8]) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| target.check(input))) else { return };
    let message = panic.downcast_ref::<String>().cloned();
    let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_string()));
    let number = stream_seed(0, &String::from_utf8_lossy(input), 0);
    let path = std::env::temp_dir().join(format!("ae-fuzz-{}-{number:016x}", target.name));
    fs::write(&path, input).unwrap();
    panic!(
        "target `{}` fails on {}: {}; once it is fixed, add the file to fuzz/corpus/{}/",
        target.name,
        path.display(),
        message.unwrap_or_default(),
        target.name
    );
}

/// One test, because the allocations of all threads are counted.
#[test]
fn every_target_holds_on_its_corpus_and_on_mutations_of_it() {
    let tokens = mutation::tokens(&fs::read_to_string(folder("tokens.dict")).unwrap());
    for target in TARGETS {
        let corpus = corpus(target);
        corpus.iter().for_each(|input| run(target, input));
        let mut mutator = Mutator::new(&corpus, &tokens, stream_rng(1, target.name, 0));
        for _ in 0..RUNS {
            run(target, mutator.next_input());
        }
    }
}

#[test]
fn every_folder_of_the_corpus_is_of_a_target_and_its_files_are_short() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_string()).collect();
    assert_eq!(targets.len(), TARGETS.len(), "a name is used twice");
    let folders = fs::read_dir(folder("corpus")).unwrap();
    let folders: BTreeSet<String> =
        folders.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(folders, targets);
    for target in TARGETS {
        let corpus = corpus(target);
        assert!(!corpus.is_empty(), "{} has no inputs", target.name);
        assert!(corpus.iter().all(|input| input.len() <= MAX_INPUT_BYTES), "{}: too long", target.name);
    }
}
