//! Finds the libtorch that this checkout uses, and checks its files.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// A libtorch that can be built against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Libtorch {
    /// Its folder; `None` if it belongs to a Python environment.
    pub(crate) path: Option<PathBuf>,
    pub(crate) version: String,
    /// `cpu` or `cuda`.
    pub(crate) flavour: String,
    /// Description of where it came from.
    pub(crate) source: String,
}

/// `.libtorch/stamp.toml`: what setup installed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stamp {
    pub(crate) version: String,
    pub(crate) flavour: String,
    pub(crate) source: String,
    /// Bytes of each library, so that a damaged layout is noticed.
    pub(crate) libraries: BTreeMap<String, u64>,
}

/// The libtorch that the user chose by environment variables, if any. The line in `.cargo/config.toml` that
/// points `LIBTORCH` to this checkout's own folder does not count.
pub(crate) fn of_user(root: &Path, version: &str) -> anyhow::Result<Option<Libtorch>> {
    if env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        return from_python(version).map(Some);
    }
    match env::var_os("LIBTORCH").map(PathBuf::from) {
        Some(path) if !same(&path, &root.join(".libtorch/libtorch")) => at(&path, version).map(Some),
        _ => Ok(None),
    }
}

fn same(a: &Path, b: &Path) -> bool {
    let absolute = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).ok();
    a.as_os_str().is_empty() || absolute(a) == absolute(b)
}

fn from_python(version: &str) -> anyhow::Result<Libtorch> {
    let mut python = Command::new(if env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" });
    let output = python.args(["-c", "import torch; print(torch.__version__)"]).output();
    let output = output.context("LIBTORCH_USE_PYTORCH is set, but Python cannot be run")?;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_string();
    if !output.status.success() {
        anyhow::bail!(
            "LIBTORCH_USE_PYTORCH is set, but Python has no torch; unset it, or install torch {version}"
        );
    }
    require_version(&found, version, "LIBTORCH_USE_PYTORCH is set, but Python's torch")?;
    Ok(Libtorch {
        path: None,
        flavour: flavour_of(&found).into(),
        version: found,
        source: "the Python environment, because LIBTORCH_USE_PYTORCH is set".into(),
    })
}

fn flavour_of(version: &str) -> &'static str {
    if version.ends_with("+cpu") { "cpu" } else { "cuda" }
}

/// A libtorch that the user named.
fn at(path: &Path, version: &str) -> anyhow::Result<Libtorch> {
    let named = format!("LIBTORCH is set to {}", path.display());
    if let Some(missing) = missing_in(path) {
        anyhow::bail!("{named}, but there is no {missing} in it; correct the path, or unset LIBTORCH");
    }
    let found = version_in(path).with_context(|| {
        format!("{named}, which has neither build-version nor version.py; unset LIBTORCH")
    })?;
    require_version(&found, version, &format!("{named}, which"))?;
    let flavour = if has_cuda(path) { "cuda" } else { "cpu" };
    Ok(Libtorch {
        path: Some(path.to_path_buf()),
        version: found,
        flavour: flavour.into(),
        source: "named by LIBTORCH".into(),
    })
}

fn require_version(found: &str, version: &str, what: &str) -> anyhow::Result<()> {
    if found.split('+').next() == Some(version) || env::var_os("LIBTORCH_BYPASS_VERSION_CHECK").is_some() {
        return Ok(());
    }
    anyhow::bail!("{what} is version {found}, but {version} is needed; unset it, and run `cargo xtask setup`")
}

/// The version of the libtorch, or of the installed Python package, in this folder.
fn version_in(path: &Path) -> Option<String> {
    if let Ok(text) = fs::read_to_string(path.join("build-version")) {
        return Some(text.trim().to_string());
    }
    let text = fs::read_to_string(path.join("version.py")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "))?;
    Some(line.trim().trim_matches(['\'', '"']).to_string())
}

fn has_cuda(path: &Path) -> bool {
    path.join("lib").join(library("torch_cuda")).is_file()
}

fn library(name: &str) -> String {
    format!("{}{name}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX)
}

/// The first missing file of a libtorch, if any.
fn missing_in(path: &Path) -> Option<String> {
    let headers =
        ["include/ATen/ATen.h", "include/c10/core/Device.h", "include/torch/csrc/api/include/torch/torch.h"];
    let libraries = ["c10", "torch_cpu", "torch"].map(|name| format!("lib/{}", library(name)));
    let expected = headers.into_iter().map(String::from).chain(libraries);
    // Broken links and empty files count as missing.
    let absent =
        |file: &String| !path.join(file).metadata().is_ok_and(|data| data.is_file() && data.len() > 0);
    expected.into_iter().find(absent)
}

/// The libtorch in `<root>/.libtorch`; `None` if there is no complete one of this version.
pub(crate) fn of_checkout(root: &Path, version: &str) -> Option<Libtorch> {
    let path = root.join(".libtorch/libtorch");
    let found = version_in(&path)?;
    if missing_in(&path).is_some() || found.split('+').next() != Some(version) {
        return None;
    }
    let stamp = fs::read_to_string(root.join(".libtorch/stamp.toml")).ok();
    let (flavour, source) = match stamp.and_then(|text| toml::from_str::<Stamp>(&text).ok()) {
        Some(stamp) if stamp.libraries == libraries_in(&path) => (stamp.flavour, stamp.source),
        Some(_) => return None,
        // Installed by hand. Without its CUDA companions libtorch_cpu cannot be loaded.
        None if !loadable(&path) => return None,
        None => (if has_cuda(&path) { "cuda" } else { "cpu" }.into(), "installed by hand".into()),
    };
    Some(Libtorch { path: Some(path), version: found, flavour, source })
}

/// Whether `libtorch_cpu` can be loaded: that of the CUDA build is linked against further libraries.
fn loadable(path: &Path) -> bool {
    let lib = path.join("lib");
    let whole = |name: &str| lib.join(name).metadata().is_ok_and(|data| data.len() > 0);
    let big_enough = lib.join(library("torch_cpu")).metadata().is_ok_and(|data| data.len() > 50_000_000);
    let companions = ["libcudart.so.13", "libcupti.so.13"].map(whole);
    big_enough && (companions == [true, true] || !is_cuda_build(path))
}

/// Whether this is the CUDA build, by a header that only its build writes.
fn is_cuda_build(path: &Path) -> bool {
    path.join("include/c10/cuda/impl/cuda_cmake_macros.h").is_file()
}

/// The files in `lib` with their sizes; links count as what they point to.
pub(crate) fn libraries_in(path: &Path) -> BTreeMap<String, u64> {
    let entries = fs::read_dir(path.join("lib")).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let size = fs::metadata(entry.path()).ok().filter(fs::Metadata::is_file)?.len();
            Some((entry.file_name().to_string_lossy().into_owned(), size))
        })
        .collect()
}
