//! Benchmarks the start of the program until its help text. Needs `cargo build --release` first.

use criterion::{Criterion, criterion_group, criterion_main};
use std::path::Path;
use std::process::{Command, Stdio};

fn help(c: &mut Criterion) {
    let ae = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/ae");
    assert!(ae.exists(), "{} is missing; run `cargo build --release` first", ae.display());
    c.bench_function("ae --help", |b| {
        b.iter(|| Command::new(&ae).arg("--help").stdout(Stdio::null()).status().expect("ae runs"));
    });
}

criterion_group!(benches, help);
criterion_main!(benches);
