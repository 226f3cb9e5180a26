//! Benchmarks reading the input of a detector, a table of 140 columns of numbers, in megabytes per second: in
//! blocks (parsed in parallel and scaled) and line by line.

use ae_intake::{InputConfig, ReadOptions, Reader, Schema, Table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::fmt::Write;
use std::hint::black_box;

const COLUMNS: usize = 140;

fn table(rows: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        for column in 0..COLUMNS {
            let value = ((row * 31 + column) as f64 * 0.137).sin() * 3.0;
            let end = if column + 1 == COLUMNS { '\n' } else { ',' };
            write!(text, "{value:.8}{end}").expect("a text can grow");
        }
    }
    text
}

fn read(c: &mut Criterion) {
    let text = table(20_000);
    let few = &text[..text.len() / 100];
    let few = &few[..few.rfind('\n').map_or(0, |end| end + 1)];
    let train = Table::parse(few.as_bytes(), "train.csv", &InputConfig::default()).expect("it is a table");
    let schema = Schema::learn(&train, &train.normal_rows()).expect("it varies").schema;
    let open = |text| Reader::new(text, &schema, &ReadOptions::default()).expect("it fits");
    let mut group = c.benchmark_group("intake");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("blocks", |b| {
        b.iter(|| {
            let mut reader = open(text.as_bytes());
            while let Some(block) = reader.next_block().expect("memory can be read") {
                black_box(block);
            }
        });
    });
    group.throughput(Throughput::Bytes(few.len() as u64));
    group.bench_function("line by line", |b| {
        b.iter(|| {
            let mut reader = open(few.as_bytes());
            while let Some(block) = reader.next_line().expect("memory can be read") {
                black_box(block);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
