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

use std::env;
use std::path::Path;

/// Writes run-time search paths into everything that this crate links: first relative to the binary, so that a
/// checkout and an installation can be moved, then the folder of libtorch that the build used.
///
/// The crate must depend on `torch-sys` directly: cargo tells only direct dependents where libtorch is. If it
/// does not, because features leave libtorch out or only documentation is built, nothing is written.
pub fn rpaths() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let Some(lib) = env::var_os("DEP_TCH_LIBTORCH_LIB") else { return };
    let target = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target == "windows" {
        return; // Windows looks for libraries beside the program
    }
    let origin = if target == "macos" { "@loader_path" } else { "$ORIGIN" };
    // target/release/ae, target/debug/deps/test-…, and bin/ae beside lib/ or lib/autoencoders/.
    for beside in
        ["../../.libtorch/libtorch/lib", "../../../.libtorch/libtorch/lib", "../lib/autoencoders", "../lib"]
    {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{origin}/{beside}");
    }
    let lib = Path::new(&lib);
    let lib = lib.canonicalize().unwrap_or_else(|_| lib.to_path_buf());
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    if target == "linux" {
        // Registration of libtorch's kernels happens when the library is loaded: it must stay linked even if
        // none of its symbols is used.
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
        println!("cargo:rustc-link-arg=-ltorch");
    }
}
