//! Ends a build that needs libtorch at once, with what to do, if it is not there: otherwise the compiler would say so after a
//! minute, on two pages.

#[path = "src/missing.rs"]
mod missing;

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/missing.rs");
    for name in missing::VARIABLES {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let has = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if !has("LIBTORCH") || has("DOC_ONLY") || has("DOWNLOAD_LIBTORCH") {
        return;
    }
    let target = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if let Some(what) = missing::missing(&target, |name| env::var_os(name), |path| path.is_file()) {
        println!("cargo:error={what}; {}", missing::REMEDY);
        std::process::exit(1);
    }
}
