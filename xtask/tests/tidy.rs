//! House rules that the compiler does not check: how files begin and end, how long they are, which crate uses
//! which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Longer files must be split.
const MAX_LINES: usize = 400;

/// Which of our crates each crate may use. A new entry changes the design: say why in ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("ae-records", &[]),
    ("ae-link", &[]),
    ("ae-fetch", &["ae-records"]),
    ("ae-network", &[]),
    ("ae-catalogue", &["ae-records"]),
    ("ae-coding", &["ae-network"]),
    ("ae-kernels", &["ae-network"]),
    ("ae-tensor", &["ae-kernels", "ae-link", "ae-network", "ae-records"]),
    ("ae-models", &["ae-coding", "ae-kernels", "ae-link", "ae-network", "ae-records", "ae-tensor"]),
    ("ae-metrics", &["ae-records"]),
    ("ae-intake", &["ae-records"]),
    ("ae-datasets", &["ae-fetch", "ae-intake", "ae-records"]),
    (
        "ae-training",
        &[
            "ae-datasets",
            "ae-fetch",
            "ae-intake",
            "ae-link",
            "ae-metrics",
            "ae-models",
            "ae-records",
            "ae-tensor",
        ],
    ),
    (
        "ae-anomaly",
        &[
            "ae-datasets",
            "ae-intake",
            "ae-link",
            "ae-metrics",
            "ae-models",
            "ae-records",
            "ae-tensor",
            "ae-training",
        ],
    ),
    ("ae-report", &["ae-records"]),
    (
        "ae-evaluation",
        &[
            "ae-anomaly",
            "ae-catalogue",
            "ae-coding",
            "ae-datasets",
            "ae-fetch",
            "ae-intake",
            "ae-link",
            "ae-metrics",
            "ae-models",
            "ae-records",
            "ae-report",
            "ae-tensor",
            "ae-training",
        ],
    ),
    ("xtask", &["ae-fetch", "ae-records"]),
    // The top: these may use all libraries.
    ("autoencoders", &["*"]),
    ("ae-cli", &["*"]),
];

/// Crates that build on a machine without libtorch.
const WITHOUT_LIBTORCH: &[&str] = &[
    "ae-catalogue",
    "ae-coding",
    "ae-datasets",
    "ae-fetch",
    "ae-fuzz",
    "ae-intake",
    "ae-kernels",
    "ae-link",
    "ae-metrics",
    "ae-network",
    "ae-records",
    "ae-report",
    "xtask",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the checkout")
}

/// All files of the project with this ending.
fn files(ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if entry.file_type().unwrap().is_dir() {
                let foreign =
                    name.starts_with('.') || ["target", "runs", "cache", "node_modules"].contains(&&*name);
                if !foreign {
                    walk(&path, ending, found);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(root(), ending, &mut found);
    found.sort();
    assert!(found.len() > 10, "where is the project? {}", root().display());
    found
}

fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The violations in a source file, each with its line.
fn complaints(text: &str, unsafe_is_allowed: bool) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("//! ") {
        found.push("1: begins without a `//!` line that says what it is for".to_string());
    }
    if !text.ends_with('\n') || text.ends_with("\n\n") {
        found.push(format!("{}: should end with one newline", text.lines().count()));
    }
    // Put together here, so that this file does not complain about itself.
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["HA", "CK"]].map(|halves| halves.concat());
    let macros = [["db", "g!("], ["to", "do!("], ["unimpl", "emented!("]].map(|halves| halves.concat());
    let doors =
        ["fn", "{", "impl", "extern", "trait"].map(|door| format!("{} {door}", ["un", "safe"].concat()));
    for (index, line) in text.lines().enumerate() {
        let mut complain = |what: String| found.push(format!("{}: {what}", index + 1));
        if line.contains('\t') {
            complain("a tab".into());
        }
        if line.ends_with([' ', '\r']) {
            complain("trailing whitespace".into());
        }
        let mut parts = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        if let Some(word) = parts.find(|part| words.iter().any(|word| word == part)) {
            complain(format!("{word}: do it, or open an issue"));
        }
        if let Some(name) = macros.iter().find(|name| line.contains(name.as_str())) {
            complain(format!("{name}…) left in"));
        }
        let code = line.split("//").next().unwrap_or_default();
        let constant = code.split_once("const ").and_then(|(_, behind)| behind.split_once([':', '_']));
        if constant.is_some_and(|(first, _)| first == "MOST" || first == "LEAST") {
            complain("a constant is a noun with a unit, or begins with MAX_ or MIN_".into());
        }
        if !unsafe_is_allowed && doors.iter().any(|door| code.contains(door.as_str())) {
            complain("unsafe code lives in crates/kernels and crates/tensor alone".into());
        }
    }
    if text.lines().count() > MAX_LINES {
        found.push(format!("{}: more than {MAX_LINES} lines; split it", text.lines().count()));
    }
    found
}

#[test]
fn source_files_are_tidy() {
    let complaints = files(".rs").into_iter().flat_map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let unsafe_is_allowed =
            ["crates/kernels/", "crates/tensor/"].iter().any(|folder| name.starts_with(folder));
        complaints(&text, unsafe_is_allowed).into_iter().map(move |what| format!("{name}:{what}"))
    });
    none(complaints.collect());
}

#[test]
fn the_rules_see_what_they_should() {
    let check = |text: &str, expected: &[&str]| {
        let found = complaints(text, false);
        assert_eq!(found.len(), expected.len(), "{text:?}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{text:?}: {found:?}");
        }
    };
    check("//! Good.\nfn main() {}\n", &[]);
    check("fn main() {}\n", &["1: begins without"]);
    check("//! Good.\n\n", &["one newline"]);
    check("//! Good.", &["one newline"]);
    check("//! Good.\n\tlet a; \n", &["2: a tab", "2: trailing whitespace"]);
    check(&format!("//! Good.\n// {}{}: more\n", "TO", "DO"), &["do it, or open an issue"]);
    check(&format!("//! Good.\n{}{}!(x);\n", "db", "g"), &["left in"]);
    check("//! Good.\nconst MAX_ROWS: usize = 1;\nconst MOSTLY: f64 = 0.9;\n", &[]);
    check("//! Good.\nconst MOST: usize = 1;\n", &["2: a constant is a noun"]);
    check("//! Good.\npub const MOST_ROWS: usize = 1;\n", &["2: a constant is a noun"]);
    check(&format!("//! Good.\n{}{} {{ f() }}\n", "un", "safe"), &["crates/tensor alone"]);
    check(&format!("//! Good.\n// {}{} {{ f() }}\n", "un", "safe"), &[]);
    check(&format!("//! Good.\n{}", "x\n".repeat(400)), &["split it"]);
}

/// Dependencies of a package: those of its library or program, and those of its tests.
struct Package {
    uses: BTreeSet<String>,
    tests_use: BTreeSet<String>,
}

fn packages() -> BTreeMap<String, Package> {
    let manifests = files("Cargo.toml");
    let read = |path: &PathBuf| {
        let table: toml::Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let name = table.get("package")?.get("name")?.as_str()?.to_string();
        let keys = |section: &str| -> BTreeSet<String> {
            let section = table.get(section).and_then(|section| section.as_table());
            section.map(|section| section.keys().cloned().collect()).unwrap_or_default()
        };
        assert!(
            !table.contains_key("target"),
            "{name}: this test does not check platform-specific dependencies"
        );
        let uses = &keys("dependencies") | &keys("build-dependencies");
        Some((name, Package { tests_use: keys("dev-dependencies"), uses }))
    };
    manifests.iter().filter_map(read).collect()
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    let arrows = BTreeMap::from_iter(ARROWS.iter().copied());
    let mut complaints = Vec::new();
    for (name, package) in &packages {
        let Some(allowed) = arrows.get(name.as_str()) else {
            // Benches, examples and fuzz targets stand outside; nothing may use them.
            continue;
        };
        let ours = package.uses.union(&package.tests_use).filter(|used| packages.contains_key(*used));
        let wrong = ours.filter(|used| !allowed.contains(&"*") && !allowed.contains(&used.as_str()));
        complaints.extend(wrong.map(|used| format!("{name} uses {used}")));
        let outside = package
            .uses
            .iter()
            .filter(|used| packages.contains_key(*used) && !arrows.contains_key(used.as_str()));
        complaints.extend(outside.map(|used| format!("{name} uses {used}, which no crate may")));
    }
    for name in arrows.keys().filter(|name| !packages.contains_key(**name)) {
        complaints.push(format!("{name} is in the list of arrows, but not in the workspace"));
    }
    none(complaints);
}

#[test]
fn what_needs_no_libtorch_does_not_link_it() {
    let packages = packages();
    let mut complaints = Vec::new();
    for &name in WITHOUT_LIBTORCH {
        let mut seen = BTreeSet::from([name.to_string()]);
        // The tests of the package itself count, those of its dependencies do not.
        let mut open: Vec<String> =
            packages[name].tests_use.iter().cloned().chain([name.to_string()]).collect();
        while let Some(next) = open.pop() {
            if next == "tch" || next == "torch-sys" {
                complaints.push(format!("{name} links libtorch: {seen:?}"));
            }
            let used = packages.get(&next).map(|package| package.uses.iter().cloned()).into_iter().flatten();
            open.extend(used.filter(|used| seen.insert(used.clone())));
        }
    }
    none(complaints);
}

#[test]
fn every_package_has_the_lints_of_the_workspace() {
    let without = files("Cargo.toml").into_iter().filter(|path| {
        let table: toml::Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let lints =
            table.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        let tensor = path.ends_with("crates/tensor/Cargo.toml");
        table.contains_key("package") && lints != Some(true) && !tensor
    });
    none(without.map(|path| format!("{} lacks `[lints] workspace = true`", path.display())).collect());
}
