//! Checks that every crate can be published: packs and unpacks them, then builds them from the packages
//! alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::workspace::{self, Workspace};

/// Members of the workspace that are not published.
const NOT_PUBLISHED: [&str; 4] = ["ae-benches", "ae-examples", "ae-fuzz", "xtask"];

/// Packs all crates and checks what was packed.
///
/// `cargo package` would build each crate with all its dependencies, libtorch's bindings included, in a
/// folder of its own, which takes many minutes. Here the unpacked crates form one workspace that reuses the
/// dependencies already compiled for the checkout.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let packed = workspace.output().join("package");
    for package in packages(&packed)? {
        fs::remove_file(&package).with_context(|| format!("cannot remove {}", package.display()))?;
    }
    let mut cargo = workspace.cargo(["package", "--workspace", "--no-verify", "--allow-dirty", "--quiet"]);
    cargo.args(NOT_PUBLISHED.iter().flat_map(|name| ["--exclude", name]));
    cargo.arg("--target-dir").arg(workspace.output());
    anyhow::ensure!(workspace::status(&mut cargo)?.success(), "cargo package failed");

    let place = packed.join("unpacked");
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    for package in packages(&packed)? {
        let mut tar = Command::new("tar");
        // `-m`: all files in a package have one fixed time, so that cargo would not notice changes.
        tar.args(["-x", "-z", "-m", "-f"]).arg(&package).arg("-C").arg(&place);
        anyhow::ensure!(workspace::status(&mut tar)?.success(), "cannot unpack {}", package.display());
    }
    let folders = folders(&place)?;
    for folder in &folders {
        for file in ["README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
            anyhow::ensure!(folder.join(file).is_file(), "{file} is missing in {}", folder.display());
        }
    }
    fs::write(place.join("Cargo.toml"), manifest(&workspace.root, &folders)?)?;
    fs::copy(workspace.root.join("Cargo.lock"), place.join("Cargo.lock"))?;
    let mut cargo = workspace.cargo(["check", "--workspace", "--quiet"]);
    cargo.current_dir(&place).arg("--target-dir").arg(workspace.output());
    anyhow::ensure!(workspace::status(&mut cargo)?.success(), "the packages do not build by themselves");
    Ok(())
}

/// The `.crate` files in a folder.
fn packages(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "crate")).collect())
}

fn folders(place: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(place).with_context(|| format!("cannot read {}", place.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The manifest of a workspace in which the unpacked crates use one another. It has the checkout's profiles,
/// so that dependencies compiled with these are reused.
fn manifest(root: &Path, folders: &[PathBuf]) -> anyhow::Result<String> {
    let text = fs::read_to_string(root.join("Cargo.toml")).context("cannot read Cargo.toml")?;
    let root: toml::Table = toml::from_str(&text).context("Cargo.toml is not TOML")?;
    let mut patches = toml::Table::new();
    for folder in folders {
        let name =
            folder.file_name().and_then(|name| name.to_str()).context("a package's folder has no name")?;
        let (package, _version) =
            name.rsplit_once('-').context("a package's folder does not end in a version")?;
        let path = toml::Table::from_iter([("path".to_string(), name.into())]);
        patches.insert(package.into(), path.into());
    }
    let members: Vec<toml::Value> = patches.values().filter_map(|patch| patch.get("path").cloned()).collect();
    let workspace = toml::Table::from_iter([
        ("members".to_string(), members.into()),
        ("resolver".to_string(), root["workspace"]["resolver"].clone()),
    ]);
    let mut manifest = toml::Table::new();
    manifest.insert("workspace".into(), workspace.into());
    manifest.insert("profile".into(), root["profile"].clone());
    manifest
        .insert("patch".into(), toml::Table::from_iter([("crates-io".to_string(), patches.into())]).into());
    Ok(toml::to_string(&manifest)?)
}
