//! Small files, and models, that ask for much memory.

use super::common::{self, Place};
use super::{FIT, measured, own_memory};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::fmt::Write as _;
use std::io::Write as _;

/// Memory that any input may take, and that each of its bytes may take in addition.
const BASE_BYTES: u64 = 200_000_000;
const PER_BYTE: u64 = 64;

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A black PNG of `side` times `side` grey pixels: a few hundred bytes for each million.
fn png(side: u32) -> Vec<u8> {
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::best());
    let row = vec![0; side as usize + 1];
    (0..side).for_each(|_| rows.write_all(&row).unwrap());
    let mut header = [side.to_be_bytes(), side.to_be_bytes()].concat();
    header.extend([8, 0, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", rows.finish().unwrap()), (b"IEND", Vec::new())] {
        let body = [kind.as_slice(), &data].concat();
        let mut sum = flate2::Crc::new();
        sum.update(&body);
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(body);
        bytes.extend(sum.sum().to_be_bytes());
    }
    bytes
}

/// A number that looks random.
fn scrambled(n: usize) -> usize {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % 1009
}

/// `n` lines, each made from its number.
fn lines(n: usize, line: impl Fn(usize) -> String) -> String {
    (0..n).fold(String::new(), |mut text, row| {
        writeln!(text, "{}", line(row)).unwrap();
        text
    })
}

/// A file takes little memory for its size, and the command ends with `code` and says `expected`.
#[track_caller]
fn check_small(place: &Place, own: u64, bytes: u64, arguments: &str, code: i32, expected: &str) {
    let (ran, peak) = measured(place, place.ae(arguments));
    assert_eq!(ran.code, Some(code), "{arguments}: {}{}", ran.stdout, ran.stderr);
    let told = ran.stdout + &ran.stderr;
    assert!(told.contains(expected), "{arguments}: {expected}\n{told}");
    let taken = peak.saturating_sub(own);
    let most = BASE_BYTES + PER_BYTE * bytes;
    assert!(taken <= most, "{arguments}: {bytes} bytes took {taken}, more than {most}");
}

#[test]
fn tables_take_memory_in_proportion_or_are_refused() {
    let place = Place::new();
    let own = own_memory(&place);
    let fit = |name: &str, content: &[u8], code, expected: &str| {
        place.write(name, content);
        let arguments = format!("detect fit {name} {FIT}");
        check_small(&place, own, content.len() as u64, &arguments, code, expected);
    };
    let keys = lines(30_000, |row| format!("{{\"k{row}\":{},\"a\":0.5}}", row % 7));
    fit("keys.jsonl", keys.as_bytes(), 1, "allow more with input.max_memory_mb");
    let names: String = (0..250).map(|column| format!("k{column},")).collect();
    let cells = |row| (0..250).map(|column| format!("v{},", scrambled(row * 250 + column) % 256)).collect();
    let categories = format!(
        "{names}z\n{}",
        lines(512, |row| format!(
            "{}{}",
            {
                let c: String = cells(row);
                c
            },
            scrambled(row)
        ))
    );
    fit("categories.csv", categories.as_bytes(), 0, "are treated as one");
    let wide = lines(200, |row| {
        let cell = |column| format!("{:.2}", scrambled(row * 4001 + column) as f64 / 1009.0);
        (0..4000).map(cell).collect::<Vec<_>>().join(",")
    });
    fit("wide.csv", wide.as_bytes(), 0, "stored:");
    let narrow = lines(400_000, |row| format!("{},{}", row % 7, row % 3));
    fit("narrow.csv", narrow.as_bytes(), 0, "stored:");
    let series = lines(60_000, |row| format!("{}", scrambled(row)));
    place.write("series.csv", &series);
    let windows = format!("detect fit series.csv {FIT} --set input.layout=windows --set input.window=5000");
    check_small(&place, own, series.len() as u64, &windows, 0, "are used, evenly spaced");
    fit(
        "bomb.csv.gz",
        &gz("1,2,3\n".repeat(20_000_000).as_bytes()),
        1,
        "allow more with input.max_memory_mb",
    );
    // Lines that cannot be read are kept to be reported; a file of little else is refused before.
    let bad = format!("a,b\n1,2\n{}", "x\n".repeat(3_000_000));
    fit("bad.csv", bad.as_bytes(), 1, "lines that cannot be read");
    fit("deep.jsonl", "[".repeat(200_000).as_bytes(), 1, "error: ");
    fit("quotes.csv", "\"\",".repeat(4_000_000).as_bytes(), 1, "error: ");
    fit("header.csv", "a,".repeat(200_000).as_bytes(), 1, "error: ");
}

#[test]
fn arrays_and_images_take_memory_in_proportion_or_are_refused() {
    let place = Place::new();
    let own = own_memory(&place);
    let train = |name: &str, bytes: u64, code, expected: &str| {
        let arguments = format!("train mine.toml --threads 1 --out runs/{name} --set data.set={name}");
        check_small(&place, own, bytes, &arguments, code, expected);
    };
    let mut idx = common::idx(&[100_000, 40, 40], &[]);
    idx.resize(idx.len() + 160_000_000, 0);
    let bomb = gz(&idx);
    place.write("bomb.idx.gz", &bomb);
    train("bomb.idx.gz", bomb.len() as u64, 1, "allow more with data.max_memory_mb");
    let image = png(16_000);
    place.write("images/a.png", &image);
    place.write("images/b.png", &image);
    train("images", 2 * image.len() as u64, 1, "512000000 pixel values");
    let line = format!("\"{}\n1,2\n", "\"\",".repeat(3_000_000));
    place.write("line.csv", &line);
    train("line.csv", line.len() as u64, 1, "error: ");
    let bad = "x\n".repeat(10_000_000);
    place.write("bad.csv", &bad);
    train("bad.csv", bad.len() as u64, 1, "error: ");
}

/// Settings that ask for more memory than any machine has are refused before anything is made.
#[test]
fn models_larger_than_memory_are_refused() {
    let place = Place::new();
    for settings in ["model.vanilla.code=1000000000", "training.batch=1 --set model.vanilla.code=2000000000"]
    {
        let arguments = format!("train mine.toml --threads 1 --out huge --set {settings}");
        place.check_refused(&arguments, 2, &["memory"]);
    }
    assert!(!place.path("huge").exists());
}
