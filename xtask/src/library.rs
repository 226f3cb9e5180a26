//! `cargo xtask test --library`: makes a crate outside of the checkout whose only dependency is `autoencoders`, and builds and
//! runs it as a newcomer would, without what this checkout's own configuration sets. It compiles everything for that crate,
//! in a target folder of its own, so CI does without; a second time it takes seconds.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};

use crate::setup;
use crate::workspace::{self, Workspace};

/// The program: it names types of other crates through `autoencoders` alone.
const PROGRAM: &str = r#"//! Made by `cargo xtask test --library`.

use autoencoders::models::variants::vae;
use autoencoders::ndarray::Array2;
use autoencoders::prelude::*;
use autoencoders::{serde_json, tch};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows: Array2<f32> = Array2::from_shape_fn((60, 8), |(row, i)| ((row % 8) as f32 - i as f32).powi(2));
    let data = Dataset::from_rows(rows)?.hold_out(0.1, 0.2, 0)?.scaled(Scale::MinMax)?;
    let model = vae::Config { latent: 2, ..Default::default() }.build(&data.summary(), 0)?;
    let outcome = train(&model, &data, &TrainingConfig { epochs: 2, ..Default::default() })?;
    let tensor: tch::Tensor = model.parameters()[0].1.shallow_clone();
    let settings: serde_json::Value = serde_json::to_value(&model.metadata)?;
    println!("{} epochs, {:?}, {}", outcome.epochs, tensor.size(), settings["preset"]);
    Ok(())
}
"#;
/// The build script that the documentation tells to paste.
const BUILD_SCRIPT: &str = r#"fn main() {
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", std::env::var("DEP_AUTOENCODERS_LIBTORCH").unwrap());
}
"#;
const EXPECTED: &str = "2 epochs, [400, 8], \"vae\"";

pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    setup::ensure(workspace, None)?;
    let readme = workspace.root.join("README.md");
    let text = fs::read_to_string(&readme).with_context(|| format!("cannot read {}", readme.display()))?;
    ensure!(
        text.contains(BUILD_SCRIPT),
        "README.md no longer shows the build script that this test pastes:\n{BUILD_SCRIPT}"
    );

    let folder = env::temp_dir().join(format!("autoencoders-newcomer-{}", std::process::id()));
    let result = build_and_run(workspace, &folder);
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    result?;
    println!("a crate with `autoencoders` as its only dependency builds and runs");
    Ok(ExitCode::SUCCESS)
}

fn build_and_run(workspace: &Workspace, folder: &Path) -> anyhow::Result<()> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    fs::create_dir_all(folder.join("src")).with_context(|| format!("cannot create {}", folder.display()))?;
    let dependency = workspace.root.join("crates/autoencoders");
    write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"newcomer\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nautoencoders = {{ path = {dependency:?} }}\n\n\
             # No part of another workspace, wherever this folder lies.\n[workspace]\n"
        ),
    )?;
    // The versions that the checkout has fetched, so that nothing is downloaded.
    let lock = workspace.root.join("Cargo.lock");
    fs::copy(&lock, folder.join("Cargo.lock")).with_context(|| format!("cannot copy {}", lock.display()))?;
    write("src/main.rs", PROGRAM)?;

    let cargo = |task: &str| {
        let mut cargo = workspace.cargo([task, "--offline", "--quiet"]);
        cargo.current_dir(folder).env("CARGO_TARGET_DIR", workspace.output().join("library"));
        cargo.env_remove("LD_LIBRARY_PATH").env_remove("DYLD_LIBRARY_PATH");
        if env::var_os("LIBTORCH").is_none() && env::var_os("LIBTORCH_USE_PYTORCH").is_none() {
            cargo.env("LIBTORCH", workspace.root.join(".libtorch/libtorch"));
        }
        cargo
    };
    said(&mut cargo("run"), "`cargo run` without a build script")?;

    write("build.rs", BUILD_SCRIPT)?;
    ensure!(
        workspace::status(&mut cargo("build"))?.success(),
        "the crate with a build script does not build"
    );
    let program =
        workspace.output().join("library/debug").join(format!("newcomer{}", env::consts::EXE_SUFFIX));
    let mut alone = Command::new(program);
    alone.env_remove("LD_LIBRARY_PATH").env_remove("DYLD_LIBRARY_PATH").env_remove("LIBTORCH");
    said(&mut alone, "the program by itself, with the build script")
}

/// Checks what a command writes.
fn said(command: &mut Command, what: &str) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{what} cannot be started"))?;
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{what} failed:\n{errors}");
    ensure!(text.trim() == EXPECTED, "{what} wrote {text:?} instead of {EXPECTED:?}");
    Ok(())
}
