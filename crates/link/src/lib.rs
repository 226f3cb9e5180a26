//! For build scripts: lets every binary and test of a crate find libtorch without an environment variable.
//!
//! `cargo:rustc-link-arg` reaches only the crate whose build script prints it, so each crate that links
//! libtorch has a `build.rs` of one line that calls [`rpaths`]:
//!
//! ```
//! // in build.rs
//! ae_link::rpaths();
//! ```

#![expect(clippy::print_stdout, reason = "a build script speaks to cargo on standard output")]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Where libtorch is looked for, relative to what is linked: `target/release/ae`, `target/debug/deps/test-…`, and
/// `bin/ae` beside `lib/` or `lib/autoencoders/`.
const RELATIVE: [&str; 4] =
    ["../../.libtorch/libtorch/lib", "../../../.libtorch/libtorch/lib", "../lib/autoencoders", "../lib"];

/// Set by whoever builds a program to pass it on: no path of the machine that built it gets into it.
const PORTABLE: &str = "AE_PORTABLE";

/// Writes run-time search paths into everything that this crate links: first relative to the binary, so that a
/// checkout and an installation can be moved, then the folder of libtorch that the build used. With
/// `AE_PORTABLE=1` in the environment the latter is left out: such a program runs with libtorch in one of the
/// relative places, or on the loader's own path, and says nothing about where it was built.
///
/// The crate must depend on `torch-sys` directly: cargo tells only direct dependents where libtorch is. If it
/// does not, because features leave libtorch out or only documentation is built, nothing is written.
pub fn rpaths() {
    search_and_keep("cargo:rustc-link-arg");
}

/// [`rpaths`] for a package with several programs, of which `program` alone needs libtorch: the others get it only if
/// they use it.
pub fn rpaths_for(program: &str) {
    search_and_keep(&format!("cargo:rustc-link-arg-bin={program}"));
}

/// Tells the package at compile time, in the variable `AE_LIBTORCH_PLACES`, where its programs will look for libtorch: the
/// paths that [`rpaths`] writes, separated by colons. It is unset where nothing is linked.
pub fn tell_places() {
    let Some((lib, is_portable)) = of_build() else { return };
    let target = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    println!("cargo:rustc-env=AE_LIBTORCH_PLACES={}", search_paths(&target, &lib, is_portable).join(":"));
}

/// libtorch's folder of the build, and whether it is to be forgotten; `None` if nothing is linked.
fn of_build() -> Option<(PathBuf, bool)> {
    let lib = PathBuf::from(env::var_os("DEP_TCH_LIBTORCH_LIB")?);
    let lib = lib.canonicalize().unwrap_or(lib);
    Some((lib, env::var_os(PORTABLE).is_some_and(|value| !value.is_empty() && value != "0")))
}

/// Writes the search paths for everything, and what keeps libtorch linked as the instruction `keep`.
fn search_and_keep(keep: &str) {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    println!("cargo:rerun-if-env-changed={PORTABLE}");
    let Some((lib, is_portable)) = of_build() else { return };
    let target = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    for path in search_paths(&target, &lib, is_portable) {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{path}");
    }
    if target == "linux" {
        // Registration of libtorch's kernels happens when the library is loaded: it must stay linked even if
        // none of its symbols is used.
        println!("{keep}=-Wl,--no-as-needed");
        println!("{keep}=-ltorch");
    }
}

/// For the build script of a library that others depend on: with this, `cargo run`, `cargo test` and `cargo bench` find
/// libtorch in their packages, too, without a build script there.
///
/// Cargo adds the library search paths of build scripts to those of the loader, but only if they lie in its target folder.
/// So this makes a folder there, with links to the libraries of libtorch, and gives its path. It needs `torch-sys` as a
/// direct dependency, as [`rpaths`] does. On Windows it does nothing.
///
/// # Errors
/// If the folder cannot be written.
pub fn under_cargo() -> io::Result<()> {
    let (Some(lib), Some(out)) = (env::var_os("DEP_TCH_LIBTORCH_LIB"), env::var_os("OUT_DIR")) else {
        return Ok(());
    };
    let beside = Path::new(&out).join("libtorch");
    if link_libraries(Path::new(&lib), &beside)? {
        println!("cargo:rustc-link-search=native={}", beside.display());
    }
    Ok(())
}

/// For the build script of a package with a `links` key: the build scripts of packages that depend on it directly get
/// libtorch's folder as the variable `DEP_<links>_LIBTORCH`.
pub fn pass_on() {
    if let Some(lib) = env::var_os("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:libtorch={}", Path::new(&lib).display());
    }
}

/// Fills the folder `beside` with links to the shared libraries in `lib`; false where there are no such links.
#[cfg(unix)]
fn link_libraries(lib: &Path, beside: &Path) -> io::Result<bool> {
    if beside.exists() {
        fs::remove_dir_all(beside)?;
    }
    fs::create_dir_all(beside)?;
    let lib = lib.canonicalize()?;
    for entry in fs::read_dir(lib)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_shared = name.to_str().is_some_and(|name| name.contains(".so") || name.ends_with(".dylib"));
        if is_shared {
            std::os::unix::fs::symlink(entry.path(), beside.join(&name))?;
        }
    }
    Ok(true)
}

#[cfg(not(unix))]
fn link_libraries(_lib: &Path, _beside: &Path) -> io::Result<bool> {
    Ok(false)
}

/// The run-time search paths on the system `target`, in order; `lib` is libtorch's folder of the build.
fn search_paths(target: &str, lib: &Path, is_portable: bool) -> Vec<String> {
    let origin = match target {
        "windows" => return Vec::new(), // it looks for libraries beside the program
        "macos" => "@loader_path",
        _ => "$ORIGIN",
    };
    let mut paths: Vec<String> = RELATIVE.iter().map(|beside| format!("{origin}/{beside}")).collect();
    if !is_portable {
        paths.push(lib.display().to_string());
    }
    paths
}

#[cfg(test)]
mod missing;

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    #[test]
    fn a_build_without_libtorch_says_what_is_missing() {
        let lib = "/opt/libtorch/lib/libtorch_cpu.so";
        let header = "/opt/libtorch/include/torch/csrc/api/include/torch/torch.h";
        let check = |set: &[(&str, &str)], there: &[&str]| {
            let variable =
                |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
            missing::missing("linux", variable, |path| there.iter().any(|there| Path::new(there) == path))
        };
        let named = [("LIBTORCH", "/opt/libtorch")];
        assert_eq!(check(&named, &[lib, header]), None);
        let absent = check(&named, &[lib]).unwrap();
        assert_eq!(absent, format!("libtorch is needed, and {header} is not there"));
        assert!(check(&named, &[header]).unwrap().contains(lib));
        assert_eq!(check(&[], &[]).unwrap(), "libtorch is needed, and LIBTORCH does not say where it is");
        // Elsewhere than expected, but said so, or found by others.
        let parts =
            [("LIBTORCH", "/x"), ("LIBTORCH_LIB", "/opt/libtorch"), ("LIBTORCH_INCLUDE", "/opt/libtorch")];
        assert_eq!(check(&parts, &[lib, header]), None);
        for name in ["LIBTORCH_USE_PYTORCH", "DOCS_RS"] {
            assert_eq!(check(&[(name, "1")], &[]), None);
        }
        assert!(missing::VARIABLES.is_sorted() && missing::REMEDY.contains("cargo xtask setup"));
    }

    #[cfg(unix)]
    #[test]
    fn shared_libraries_are_linked_once_more_whenever_the_script_runs() {
        let folder = env::temp_dir().join(format!("ae-link-{}", std::process::id()));
        let (lib, beside) = (folder.join("lib"), folder.join("beside"));
        fs::create_dir_all(&lib).unwrap();
        for name in ["libtorch_cpu.so", "libgomp-1.so.1", "libc10.dylib", "libtch.a"] {
            fs::write(lib.join(name), name).unwrap();
        }
        fs::create_dir_all(&beside).unwrap();
        fs::write(beside.join("old.so"), "").unwrap();
        for _ in 0..2 {
            assert!(link_libraries(&lib, &beside).unwrap());
            let names =
                fs::read_dir(&beside).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.collect();
            names.sort();
            assert_eq!(names, ["libc10.dylib", "libgomp-1.so.1", "libtorch_cpu.so"]);
            assert_eq!(fs::read_to_string(beside.join("libgomp-1.so.1")).unwrap(), "libgomp-1.so.1");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_portable_program_has_relative_paths_only() {
        let lib = Path::new("/home/someone/libtorch/lib");
        for (target, origin) in [("linux", "$ORIGIN/../"), ("macos", "@loader_path/../")] {
            let portable = search_paths(target, lib, true);
            assert!(portable.iter().all(|path| path.starts_with(origin)), "{portable:?}");
            let own = search_paths(target, lib, false);
            // What was built here runs from anywhere, and prefers the libtorch that it was moved with.
            assert_eq!(own.split_last().unwrap(), (&lib.display().to_string(), &portable[..]));
        }
        assert_eq!(search_paths("windows", lib, false), [""; 0]);
    }
}
