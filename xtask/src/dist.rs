//! `cargo xtask dist` and `cargo xtask install`: the program with the libtorch that it needs, in one folder that can be moved.

mod archive;
mod libraries;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::Usage;
use crate::recipe::LICENCES;
use crate::setup;
use crate::workspace::{self, Workspace};

/// Where the libraries lie, relative to the folder that holds `bin`: one of the places where the program looks for them.
const LIBRARIES: &str = "lib/autoencoders";
/// Set while the program is built: no path of this machine gets into it (see `crates/link`).
const PORTABLE: &str = "AE_PORTABLE";

const HELP_DIST: &str = "\
Pack the program, with the libtorch that it needs, into an archive that runs from any folder

Usage: cargo xtask dist [--out DIR]

  --out DIR   Folder for the archive and its SHA256SUMS [default: target/dist]

The archive runs on Linux of the same architecture with the same or a newer glibc, with nothing else installed. Before it is
kept, it is unpacked into a temporary folder, and the program is tried there in an empty environment.";

const HELP_INSTALL: &str = "\
Install the program, with the libtorch that it needs; it runs without this checkout

Usage: cargo xtask install [--root DIR]

  --root DIR   Folder that gets bin/ and lib/autoencoders/ [env: CARGO_INSTALL_ROOT] [default: that of cargo, ~/.cargo]";

/// `cargo xtask dist`.
pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let Some(out) = parse(args, "dist", "out")? else {
        println!("{HELP_DIST}");
        return Ok(ExitCode::SUCCESS);
    };
    let out = out.unwrap_or_else(|| workspace.root.join("target/dist"));
    let built = build(workspace)?;
    let name = format!("autoencoders-{}-{}", env!("CARGO_PKG_VERSION"), target());
    fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;
    let work = out.join("unpacked");
    workspace::remove(&work)?;
    let folder = work.join(&name);
    assemble(&built, &folder)?;
    describe(workspace, &built, &folder)?;
    let archive = out.join(format!("{name}.tar.gz"));
    let fresh = out.join(format!("{name}.tar.gz.new"));
    println!("packing {}", archive.display());
    archive::pack(&folder, &fresh)?;
    workspace::remove(&work)?;
    // What is tried is what is handed out: the archive, unpacked elsewhere.
    let elsewhere = work.join("another place");
    archive::unpack(&fresh, &elsewhere)?;
    try_out(&elsewhere.join(&name))?;
    workspace::remove(&work)?;
    fs::rename(&fresh, &archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let sum = archive::write_sum(&archive, &out.join("SHA256SUMS"))?;
    println!("{}\n{sum}", archive.display());
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask install`.
pub(crate) fn install(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let Some(root) = parse(args, "install", "root")? else {
        println!("{HELP_INSTALL}");
        return Ok(ExitCode::SUCCESS);
    };
    let root = root.or_else(of_cargo).context("there is no home folder; give --root DIR")?;
    let built = build(workspace)?;
    // Libraries first: an old program runs with the libtorch of the new one, not the other way round.
    assemble(&built, &root)?;
    try_out(&root)?;
    println!("installed {}", root.join("bin/ae").display());
    if !std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|at| at == root.join("bin")))
    {
        println!("{} is not on the PATH: add it, to run `ae` by its name", root.join("bin").display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder that `--option` names; `None` if help is asked for.
fn parse(args: Vec<OsString>, task: &str, option: &str) -> anyhow::Result<Option<Option<PathBuf>>> {
    let usage = |error: lexopt::Error| Usage(format!("{error}; see `cargo xtask {task} --help`"));
    let mut folder = None;
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(usage)? {
        match arg {
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(None),
            lexopt::Arg::Long(name) if name == option => folder = Some(parser.value().map_err(usage)?.into()),
            other => return Err(usage(other.unexpected()).into()),
        }
    }
    Ok(Some(folder))
}

/// Where cargo installs programs.
fn of_cargo() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    named("CARGO_INSTALL_ROOT")
        .or_else(|| named("CARGO_HOME"))
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

fn target() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// What was built, and what it was built with.
#[derive(Debug)]
struct Built {
    /// The folder of the programs.
    programs: PathBuf,
    /// The folder of libtorch.
    libtorch: PathBuf,
}

/// Builds both programs without a path of this machine, in a target folder of their own.
fn build(workspace: &Workspace) -> anyhow::Result<Built> {
    if std::env::consts::OS != "linux" {
        anyhow::bail!(
            "this works on Linux only; ARCHITECTURE.md, section libtorch, says what to do elsewhere"
        );
    }
    let found = setup::ensure(workspace, None)?;
    let libtorch = found.path.context(
        "the libtorch of a Python environment cannot be packed; unset LIBTORCH_USE_PYTORCH, and run `cargo xtask setup`",
    )?;
    let output = workspace.root.join("target/portable");
    let mut cargo =
        workspace.cargo(["build", "--release", "--locked", "--package", "ae-cli", "--target-dir"]);
    let built = workspace::status(cargo.arg(&output).env(PORTABLE, "1"))?;
    anyhow::ensure!(
        built.success(),
        "cannot build the program; run `cargo xtask doctor` to see what is missing"
    );
    Ok(Built { programs: output.join("release"), libtorch })
}

/// Puts programs and libraries into a folder. Files that are in use are replaced, not written to.
fn assemble(built: &Built, root: &Path) -> anyhow::Result<()> {
    let (bin, lib) = (root.join("bin"), root.join(LIBRARIES));
    for folder in [&bin, &lib] {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    for library in libraries::needed(&built.programs.join("ae-compute"), &built.libtorch.join("lib"))? {
        replace(&library.path, &lib.join(&library.name))?;
    }
    for program in ["ae-compute", "ae"] {
        replace(&built.programs.join(program), &bin.join(program))?;
    }
    Ok(())
}

fn replace(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut fresh = to.as_os_str().to_owned();
    fresh.push(".new");
    fs::copy(from, &fresh)
        .and_then(|_| fs::rename(&fresh, to))
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// Adds licences, and what one should know of the archive.
fn describe(workspace: &Workspace, built: &Built, folder: &Path) -> anyhow::Result<()> {
    for file in ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md"] {
        replace(&workspace.root.join(file), &folder.join(file))?;
    }
    let licences = built.libtorch.join(LICENCES);
    anyhow::ensure!(
        licences.is_dir(),
        "{} lacks the licences of libtorch, which an archive must have; run `cargo xtask setup --force`",
        built.libtorch.display()
    );
    copy_folder(&licences, &folder.join(LICENCES))?;
    let text = include_str!("dist/README.txt").replace("{glibc}", &libraries::glibc()?);
    fs::write(folder.join("README.txt"), text).context("cannot write README.txt")
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() { copy_folder(&path, &place)? } else { replace(&path, &place)? }
    }
    Ok(())
}

/// Runs the program in an empty environment: every library must come from beside it or be a part of glibc, and a model is
/// trained.
fn try_out(root: &Path) -> anyhow::Result<()> {
    let own = root.canonicalize().with_context(|| format!("cannot find {}", root.display()))?;
    for library in libraries::loaded(&own.join("bin/ae-compute"))? {
        let path = library.path.canonicalize().unwrap_or_else(|_| library.path.clone());
        anyhow::ensure!(
            path.starts_with(&own) || libraries::is_of_glibc(&library.name),
            "{} would be loaded from {}, not from the folder of the program; is it missing from {LIBRARIES}?",
            library.name,
            path.display()
        );
    }
    let work = root.join("trial");
    workspace::remove(&work)?;
    fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
    let rows: String = (0..60).map(|row| format!("{row},{},{}\n", row % 7, (row * row) % 11)).collect();
    fs::write(work.join("table.csv"), format!("a,b,c\n{rows}"))
        .context("cannot write a table to try the program on")?;
    let commands: [&[&str]; 2] =
        [&["--version"], &["detect", "fit", "table.csv", "--out", "detector", "--quiet"]];
    for args in commands {
        let mut program = Command::new(own.join("bin/ae"));
        let output = program.args(args).env_clear().current_dir(&work).output();
        let output = output.with_context(|| format!("cannot run {}", own.join("bin/ae").display()))?;
        anyhow::ensure!(
            output.status.success(),
            "`ae {}` fails in an empty environment: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    workspace::remove(&work)
}
