//! Checks the published packages: the oldest Rust that builds them, and their metadata for crates.io.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The parts of `cargo metadata` that are used here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    /// The oldest Rust that builds it, `1.89` or `1.89.0`; many do not say.
    rust_version: Option<String>,
    /// `None` for packages of this checkout.
    source: Option<String>,
    /// Registries that it may be published to; `None` means any.
    publish: Option<Vec<String>>,
    manifest_path: PathBuf,
    description: Option<String>,
    license: Option<String>,
    repository: Option<String>,
    readme: Option<PathBuf>,
    keywords: Vec<String>,
    categories: Vec<String>,
    dependencies: Vec<Dependency>,
    metadata: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
}

impl Package {
    fn is_ours(&self) -> bool {
        self.source.is_none()
    }

    fn is_published(&self) -> bool {
        self.is_ours() && self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }

    fn folder(&self) -> &Path {
        self.manifest_path.parent().expect("a manifest lies in a folder")
    }
}

/// Every package that a build on this machine uses.
fn packages() -> Vec<Package> {
    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let about = String::from_utf8(rustc.stdout).unwrap();
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Metadata>(&output.stdout).unwrap().packages
}

fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// `1.89` and `1.89.0` are the same.
fn release(version: &str) -> Vec<u64> {
    let mut parts: Vec<u64> = version.split('.').map(|part| part.parse().expect("a number")).collect();
    parts.resize(3, 0);
    parts
}

#[test]
fn no_dependency_needs_a_newer_rust_than_we_promise() {
    let packages = packages();
    let promised = packages.iter().find(|package| package.name == "xtask").expect("this package is there");
    let promised = promised.rust_version.clone().expect("the workspace says which Rust it needs");
    let mut complaints = Vec::new();
    for Package { name, version, rust_version, .. } in &packages {
        if let Some(needed) = rust_version
            && release(needed) > release(&promised)
        {
            complaints.push(format!("{name} {version} needs Rust {needed}, and we promise {promised}"));
        }
    }
    none(complaints);
}

#[test]
fn versions_are_compared_by_number() {
    assert!(release("1.100") > release("1.89.0"));
    assert_eq!(release("1.89"), release("1.89.0"));
}

/// The entries of https://crates.io/category_slugs that suit crates of this workspace.
const CATEGORIES: &[&str] = &[
    "algorithms",
    "command-line-utilities",
    "compression",
    "config",
    "data-structures",
    "development-tools::build-utils",
    "encoding",
    "filesystem",
    "mathematics",
    "multimedia::images",
    "parser-implementations",
    "science",
    "visualization",
    "web-programming::http-client",
];

/// What a package lacks for crates.io or docs.rs.
fn shortcomings(package: &Package) -> Vec<String> {
    let mut found = Vec::new();
    let mut require = |holds: bool, what: &str| {
        if !holds {
            found.push(format!("{}: {what}", package.name));
        }
    };
    require(package.description.is_some(), "has no description");
    require(package.license.is_some(), "has no licence");
    require(package.repository.is_some(), "has no repository");
    require((1..=5).contains(&package.keywords.len()), "has no keywords, or more than five");
    require((1..=5).contains(&package.categories.len()), "has no categories, or more than five");
    let is_keyword = |word: &String| {
        word.len() <= 20
            && word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-+".contains(c))
    };
    require(package.keywords.iter().all(is_keyword), "has a keyword that crates.io refuses");
    let is_category = |category: &String| CATEGORIES.contains(&category.as_str());
    require(
        package.categories.iter().all(is_category),
        "has a category that is not in the list of this test",
    );
    let file = |name: &Path| package.folder().join(name).is_file();
    require(package.readme.as_deref().is_some_and(file), "has no readme");
    let licences = ["LICENSE-APACHE", "LICENSE-MIT"].map(Path::new);
    require(licences.into_iter().all(file), "lacks the texts of its licences");
    let links_libtorch = package.dependencies.iter().any(|dependency| dependency.name == "torch-sys");
    let built_for_docs = package.metadata.as_ref().and_then(|metadata| {
        metadata
            .pointer("/docs/rs/features")?
            .as_array()
            .map(|features| features.contains(&"doc-only".into()))
    });
    require(
        !links_libtorch || built_for_docs == Some(true),
        "needs libtorch on docs.rs, which does not have it",
    );
    found
}

#[test]
fn published_packages_say_what_they_are() {
    let packages = packages();
    let published = packages.iter().filter(|package| package.is_published());
    none(published.flat_map(shortcomings).collect());
}

#[test]
fn the_lean_features_of_the_facade_do_without_libtorch() {
    let uses_libtorch = |features: &str| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--package", "autoencoders", "--edges", "normal,build", "--prefix", "none"])
            .args(["--locked", "--no-default-features", "--features", features])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().any(|line| line.starts_with("torch-sys "))
    };
    assert!(!uses_libtorch("datasets,intake,metrics,network,report"));
    assert!(uses_libtorch("models"), "the tree is read as it should be");
}
