//! The shared libraries that a program loads.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// A library by its name in the program, and the file that is loaded for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Library {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// What must lie beside `program`: all that it loads, from `libtorch` or from this system, except for glibc, which belongs to
/// the kernel and the loader of each system.
pub(super) fn needed(program: &Path, libtorch: &Path) -> anyhow::Result<Vec<Library>> {
    let mut command = tracing(program);
    command.env("LD_LIBRARY_PATH", libtorch);
    let needed = read(&mut command, program)?;
    Ok(needed.into_iter().filter(|library| !is_of_glibc(&library.name)).collect())
}

/// What `program` loads in an empty environment.
pub(super) fn loaded(program: &Path) -> anyhow::Result<Vec<Library>> {
    read(&mut tracing(program), program)
}

/// The loader lists what it would load, and does not start the program; `ldd` is a script that does the same.
fn tracing(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LD_TRACE_LOADED_OBJECTS", "1");
    command
}

fn read(command: &mut Command, program: &Path) -> anyhow::Result<Vec<Library>> {
    let output = command.output().with_context(|| format!("cannot run {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).with_context(|| format!("cannot list the libraries of {}", program.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<Library>> {
    let mut libraries = Vec::new();
    for line in text.lines() {
        // "libm.so.6 => /lib/libm.so.6 (0x…)"; the loader itself and the kernel's part have no arrow.
        let Some((name, found)) = line.trim().split_once(" => ") else { continue };
        let path = found.rsplit_once(" (").map_or(found, |(path, _)| path);
        anyhow::ensure!(!path.starts_with("not found"), "{name} is not found");
        libraries.push(Library { name: name.to_string(), path: path.into() });
    }
    anyhow::ensure!(!libraries.is_empty(), "the loader lists none");
    Ok(libraries)
}

/// Whether a library is a part of glibc.
pub(super) fn is_of_glibc(name: &str) -> bool {
    let parts = [
        "libc.so",
        "libm.so",
        "libdl.so",
        "librt.so",
        "libpthread.so",
        "libutil.so",
        "libresolv.so",
        "ld-linux",
    ];
    parts.iter().any(|part| {
        name.starts_with(part) || name.rsplit('/').next().is_some_and(|file| file.starts_with(part))
    })
}

/// The version of glibc here, the oldest that what is built here is known to run with.
pub(super) fn glibc() -> anyhow::Result<String> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let output = output.context("cannot ask for the version of glibc: getconf does not run")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.trim().strip_prefix("glibc ").map(String::from);
    version.context("cannot tell the version of glibc: this system has another C library")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_list_is_read() {
        let text = "\tlinux-vdso.so.1 (0x1)\n\tlibc10.so => /a b/libc10.so (0x2)\n\tlibm.so.6 => /lib/libm.so.6 (0x3)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x4)\n";
        let found = parse(text).unwrap();
        assert_eq!(found[0], Library { name: "libc10.so".into(), path: "/a b/libc10.so".into() });
        assert_eq!(found.iter().map(|library| is_of_glibc(&library.name)).collect::<Vec<_>>(), [false, true]);
        let missing = parse("\tlibtorch_cpu.so => not found\n").unwrap_err();
        assert_eq!(missing.to_string(), "libtorch_cpu.so is not found");
        assert!(parse("").is_err());
    }

    #[test]
    fn this_test_loads_glibc() {
        let here = std::env::current_exe().unwrap();
        let loaded = loaded(&here).unwrap();
        assert!(loaded.iter().any(|library| library.name.starts_with("libc.so")), "{loaded:?}");
        assert!(
            needed(&here, Path::new("/nowhere")).unwrap().iter().all(|library| !is_of_glibc(&library.name))
        );
    }
}
