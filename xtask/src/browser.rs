//! `cargo xtask test --browser [REPORT…]`: opens reports in a headless Chromium, by default those of a made-up run and
//! evaluation. It takes what the machine has (Chromium, Node.js), and says what to install where something is missing; two
//! packages come from the npm registry. CI does without: installing a browser takes minutes.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::workspace::{self, Workspace};

/// What drives the browser, and what looks for barriers to readers who use other means than a screen.
const PACKAGES: [(&str, &str); 2] = [("playwright-core", "1.65.1"), ("axe-core", "4.14.1")];
/// Names of the browser, in the order in which they are tried.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

pub(crate) fn run(workspace: &Workspace, reports: &[OsString]) -> anyhow::Result<ExitCode> {
    let browser = match env::var_os("CHROMIUM") {
        Some(path) => PathBuf::from(path),
        None => BROWSERS.iter().find_map(|name| on_path(name)).context(
            "no Chromium here; install one (Debian: `apt-get install chromium`), or name its program in the variable CHROMIUM",
        )?,
    };
    let node =
        on_path("node").context("no Node.js here; install it (Debian: `apt-get install nodejs npm`)")?;
    let folder = workspace.output().join("browser");
    install(&folder)?;
    let mut reports: Vec<PathBuf> = reports.iter().map(PathBuf::from).collect();
    if reports.is_empty() {
        let mut cargo =
            workspace.cargo(["run", "--quiet", "--package", "ae-report", "--example", "sample_report", "--"]);
        anyhow::ensure!(
            workspace::status(cargo.arg(folder.join("sample")))?.success(),
            "the sample reports were not written"
        );
        reports =
            ["run", "evaluation"].map(|name| folder.join("sample").join(name).join("report.html")).into();
    }
    println!("with {}; screenshots: {}", browser.display(), folder.join("screenshots").display());
    let mut check = Command::new(node);
    check.arg(workspace.root.join("crates/report/tests/browser/check.mjs"));
    check.arg(browser).arg(&folder).arg(folder.join("screenshots")).args(reports);
    Ok(workspace::code(workspace::status(&mut check)?))
}

/// Installs the packages into a folder, unless they are there.
fn install(folder: &Path) -> anyhow::Result<()> {
    let is_there = |(name, version): (&str, &str)| {
        let manifest = std::fs::read_to_string(folder.join("node_modules").join(name).join("package.json"));
        manifest.is_ok_and(|text| text.contains(&format!("\"version\": \"{version}\"")))
    };
    if PACKAGES.into_iter().all(is_there) {
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let npm = on_path("npm").context("no npm here; install it (Debian: `apt-get install npm`)")?;
    let mut npm = Command::new(npm);
    npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--silent", "--prefix"])
        .arg(folder);
    npm.args(PACKAGES.map(|(name, version)| format!("{name}@{version}")));
    anyhow::ensure!(workspace::status(&mut npm)?.success(), "npm could not install what drives the browser");
    Ok(())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.is_file())
}
