//! Whether libtorch is where a build will look for it. Shared by the build script and its tests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment variables that decide.
pub(crate) const VARIABLES: [&str; 5] =
    ["DOCS_RS", "LIBTORCH", "LIBTORCH_INCLUDE", "LIBTORCH_LIB", "LIBTORCH_USE_PYTORCH"];

/// What to do.
pub(crate) const REMEDY: &str = "in a checkout of autoencoders, `cargo xtask setup` installs it; elsewhere set LIBTORCH to the folder \
                                 of libtorch 2.11.0 (pytorch.org), or LIBTORCH_USE_PYTORCH=1 where Python has torch 2.11.0, or \
                                 enable the feature `download-libtorch`";

/// What is missing, by the rules of the build script of `torch-sys`; `None` if libtorch is there, or not needed.
pub(crate) fn missing(
    target: &str,
    variable: impl Fn(&str) -> Option<OsString>,
    is_file: impl Fn(&Path) -> bool,
) -> Option<String> {
    if ["DOCS_RS", "LIBTORCH_USE_PYTORCH"].into_iter().any(|name| variable(name).is_some()) {
        return None;
    }
    let named = variable("LIBTORCH").map(PathBuf::from);
    let everywhere =
        (target == "linux" && is_file(Path::new("/usr/lib/libtorch.so"))).then(|| PathBuf::from("/usr"));
    let Some(root) = named.or(everywhere) else {
        return Some("libtorch is needed, and LIBTORCH does not say where it is".into());
    };
    let part = |name: &str| variable(name).map_or_else(|| root.clone(), PathBuf::from);
    let library = match target {
        "windows" => "torch_cpu.lib",
        "macos" => "libtorch_cpu.dylib",
        _ => "libtorch_cpu.so",
    };
    let header = part("LIBTORCH_INCLUDE").join("include/torch/csrc/api/include/torch/torch.h");
    let wanted = [part("LIBTORCH_LIB").join("lib").join(library), header];
    let absent = wanted.iter().find(|path| !is_file(path))?;
    Some(format!("libtorch is needed, and {} is not there", absent.display()))
}
