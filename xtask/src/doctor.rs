//! `cargo xtask doctor`: checks this machine, and says how to fix what is missing. Changes nothing.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use indicatif::HumanBytes;

use crate::Usage;
use crate::setup;
use crate::workspace::Workspace;

/// One line of the answer.
struct Finding {
    what: &'static str,
    /// What was found, or why it was not.
    found: Result<String, String>,
    /// What to do if it was not found.
    advice: &'static str,
    /// Whether it is required.
    needed: bool,
}

/// Free space in bytes that a build with its test binaries needs.
const SPACE_NEEDED: u64 = 8 << 30;

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    if let Some(word) = args.first() {
        return Err(Usage(format!("doctor takes no arguments, got {}", word.display())).into());
    }
    let findings = findings(&workspace.root);
    for finding in &findings {
        match &finding.found {
            Ok(found) => println!("ok       {:<14} {found}", finding.what),
            Err(why) => {
                let mark = if finding.needed { "MISSING " } else { "absent  " };
                println!("{mark} {:<14} {why}\n{:24}{}", finding.what, "", finding.advice);
            }
        }
    }
    let missing = findings.iter().filter(|finding| finding.needed && finding.found.is_err()).count();
    if missing > 0 {
        anyhow::bail!(
            "{missing} required {} missing; see above",
            if missing == 1 { "item is" } else { "items are" }
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn findings(root: &Path) -> Vec<Finding> {
    let libtorch = libtorch(root);
    // pip is needed only to download libtorch or data from a package index.
    let python_needed = libtorch.is_err();
    vec![
        Finding {
            what: "cargo",
            found: first_line("cargo", &["--version"]),
            advice: "install Rust from https://rustup.rs",
            needed: true,
        },
        Finding {
            what: "rustc",
            found: first_line("rustc", &["--version"]),
            advice: "install Rust from https://rustup.rs; 1.89 or newer",
            needed: true,
        },
        Finding {
            what: "C++ compiler",
            found: compiler(),
            advice: "install g++ or clang++ (Debian, Ubuntu: apt-get install g++), or name one in CXX",
            needed: true,
        },
        Finding {
            what: "Python's pip",
            found: pip(),
            advice: "downloads libtorch and some data (Debian, Ubuntu: apt-get install python3-pip)",
            needed: python_needed,
        },
        Finding {
            what: "npm",
            found: first_line("npm", &["--version"]),
            advice: "downloads some data if their servers are out of reach (Debian, Ubuntu: apt-get install npm)",
            needed: false,
        },
        Finding { what: "libtorch", found: libtorch, advice: "cargo xtask setup", needed: true },
        Finding {
            what: "CUDA driver",
            found: first_line("nvidia-smi", &["--query-gpu=name,driver_version", "--format=csv,noheader"]),
            advice: "needed only for training on a GPU, with `cargo xtask setup --cuda`",
            needed: false,
        },
        Finding { what: "CPU", found: Ok(processors()), advice: "", needed: false },
        Finding {
            what: "data cache",
            found: cache(root),
            advice: "data are downloaded when first needed; `cargo xtask data fetch` downloads all",
            needed: false,
        },
        Finding {
            what: "free disk",
            found: space(root),
            advice: "libtorch and a full build take about 8 GB; `cargo clean` removes old builds",
            needed: false,
        },
    ]
}

/// The first line that a program prints.
fn first_line(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.map_err(|_| format!("{program} is not on the PATH"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) if output.status.success() => Ok(line.trim().to_string()),
        _ => Err(format!("{program} failed: {}", output.status)),
    }
}

/// The compiler that the build will use.
fn compiler() -> Result<String, String> {
    let named = std::env::var("CXX").ok().filter(|name| !name.is_empty());
    let candidates =
        named.map_or_else(|| vec!["c++".into(), "g++".into(), "clang++".into()], |name| vec![name]);
    let found = candidates.iter().find_map(|name| first_line(name, &["--version"]).ok());
    found.ok_or_else(|| format!("none of {} works", candidates.join(", ")))
}

fn pip() -> Result<String, String> {
    let pip = ae_fetch::pip().map_err(|error| error.to_string())?;
    let args: Vec<&str> = pip[1..].iter().copied().chain(["--version"]).collect();
    let line = first_line(pip[0], &args)?;
    Ok(line.split(" from ").next().unwrap_or(&line).to_string())
}

fn libtorch(root: &Path) -> Result<String, String> {
    match setup::look(root) {
        Ok(Some(found)) => {
            let place = found.path.map_or(String::new(), |path| format!(", {}", path.display()));
            Ok(format!("{} ({}), {}{place}", found.version, found.flavour, found.source))
        }
        Ok(None) => Err("not set up in this checkout".into()),
        Err(error) => Err(format!("{error:#}")),
    }
}

fn processors() -> String {
    let cores = sysinfo::System::physical_core_count();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let limit =
        std::env::var("OMP_NUM_THREADS").map(|n| format!(", OMP_NUM_THREADS={n}")).unwrap_or_default();
    match cores {
        Some(cores) => format!("{cores} cores, {threads} threads usable{limit}"),
        None => format!("{threads} threads usable{limit}"),
    }
}

fn cache(root: &Path) -> Result<String, String> {
    let named = std::env::var_os("AE_DATA_CACHE").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = named.unwrap_or_else(|| root.join("data/cache"));
    match size_of(&folder) {
        (0, _) => Err(format!("{} is empty", folder.display())),
        (files, bytes) => Ok(format!("{files} files, {}, {}", HumanBytes(bytes), folder.display())),
    }
}

fn size_of(folder: &Path) -> (u64, u64) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.fold((0, 0), |(files, bytes), entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => {
            let (more, size) = size_of(&entry.path());
            (files + more, bytes + size)
        }
        Ok(_) => (files + 1, bytes + entry.metadata().map_or(0, |data| data.len())),
        Err(_) => (files, bytes),
    })
}

fn space(root: &Path) -> Result<String, String> {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let disks = sysinfo::Disks::new_with_refreshed_list();
    let mounted = disks.iter().filter(|disk| root.starts_with(disk.mount_point()));
    match mounted.max_by_key(|disk| disk.mount_point().as_os_str().len()) {
        Some(disk) if disk.available_space() < SPACE_NEEDED => {
            Err(format!("only {} left", HumanBytes(disk.available_space())))
        }
        Some(disk) => {
            Ok(format!("{} on {}", HumanBytes(disk.available_space()), disk.mount_point().display()))
        }
        None => Ok("unknown".into()),
    }
}
