//! Benchmarks the exact search among a million rows of 64 numbers and of 64 bits, one query at a time and many at once, and
//! reading these numbers from a file, which a query on the command line has to do first. The rows are made up: the time does
//! not depend on what they hold.

use ae_evaluation::scan::{Gallery, best};
use ae_records::arrays;
use ae_tensor::{Device, Noise, Tensor, array};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

const ROWS: i64 = 1_000_000;
const WIDTH: i64 = 64;
const FOUND: usize = 10;

fn found(gallery: &Gallery, queries: &Tensor) -> usize {
    let mut n = 0;
    let count = |_: usize, scores: &[f32]| {
        n += best(scores, FOUND).len();
        Ok(())
    };
    gallery.search(queries, count).expect("counting cannot fail");
    n
}

fn search(c: &mut Criterion) {
    let noise = Noise::new(0, 0, Device::Cpu);
    let rows = noise.normal("rows", &[ROWS, WIDTH]);
    let queries = noise.normal("queries", &[16, WIDTH]);
    let mut group = c.benchmark_group("ten nearest of a million");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (name, gallery, queries) in [
        ("64 numbers", Gallery::euclid(&rows), queries.shallow_clone()),
        ("64 bits", Gallery::hamming(&rows.sign()), queries.sign()),
    ] {
        let one = queries.narrow(0, 0, 1);
        group.bench_function(format!("{name}, one query"), |b| b.iter(|| found(&gallery, black_box(&one))));
        group.bench_function(format!("{name}, 16 queries"), |b| {
            b.iter(|| found(&gallery, black_box(&queries)))
        });
    }
    let file = tempfile::NamedTempFile::new().expect("there is room for a file");
    let stored = vec![("rows".to_owned(), array::to_stored(&rows))];
    arrays::write(file.path(), &stored, &"made up").expect("256 MB are written");
    let read = || arrays::read::<String>(file.path()).expect("what was written is read").0.len();
    group.bench_function("64 numbers, reading the file", |b| b.iter(read));
    group.finish();
}

criterion_group!(benches, search);
criterion_main!(benches);
