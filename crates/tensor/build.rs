//! Compiles the shim in `native/` against libtorch's headers, unless only documentation is built.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    ae_link::rpaths();
    ae_link::under_cargo().expect("cargo's target folder can be written");
    println!("cargo:rerun-if-changed=native/shim.cpp");
    println!("cargo:rerun-if-changed=native/operation.cpp");
    println!("cargo:rerun-if-changed=native/shim.h");
    println!("cargo:rerun-if-env-changed=DOCS_RS");
    if env::var_os("CARGO_FEATURE_DOC_ONLY").is_some() || env::var_os("DOCS_RS").is_some() {
        println!("cargo:rustc-env=AE_LIBTORCH_VERSION=unknown");
        return;
    }
    // torch-sys says where the libraries are; the headers lie beside them in every distribution of libtorch.
    let lib = PathBuf::from(env::var_os("DEP_TCH_LIBTORCH_LIB").expect("torch-sys says where libtorch is"));
    let include = env::var_os("LIBTORCH_INCLUDE")
        .map(|root| Path::new(&root).join("include"))
        .unwrap_or_else(|| lib.parent().expect("libtorch/lib lies in a folder").join("include"));
    let version = std::fs::read_to_string(lib.parent().unwrap_or(&lib).join("build-version"));
    println!("cargo:rustc-env=AE_LIBTORCH_VERSION={}", version.as_deref().unwrap_or("unknown").trim());
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".into());
    cc::Build::new()
        .cpp(true)
        .pic(true)
        .warnings(false)
        .std("c++17")
        .opt_level(2)
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .file("native/operation.cpp")
        .file("native/shim.cpp")
        .compile("ae_tensor_native");
    if env::var_os("CARGO_FEATURE_DISTRIBUTED").is_some() {
        distributed(&include, &abi);
    }
}

/// Compiles the exchange between processes. libtorch contains Gloo, but not its headers.
fn distributed(include: &Path, abi: &str) {
    println!("cargo:rerun-if-changed=native/distributed.cpp");
    println!("cargo:rerun-if-changed=native/distributed.h");
    println!("cargo:rerun-if-env-changed=GLOO_INCLUDE");
    let named = env::var_os("GLOO_INCLUDE").map(PathBuf::from);
    let usual = ["/usr/include", "/usr/local/include"].map(PathBuf::from);
    let gloo = named.iter().chain(&usual).find(|folder| folder.join("gloo/rendezvous/store.h").is_file());
    let Some(gloo) = gloo else {
        println!(
            "cargo:error=the feature `distributed` needs the headers of Gloo, which libtorch does not bring: install \
             libgloo-dev (Debian, Ubuntu), or set GLOO_INCLUDE to the folder that holds gloo/rendezvous/store.h"
        );
        std::process::exit(1);
    };
    let mut build = cc::Build::new();
    if named.is_some() {
        build.include(gloo);
    }
    build
        .cpp(true)
        .pic(true)
        .warnings(false)
        .std("c++20")
        .opt_level(2)
        .include(include)
        .include(include.join("torch/csrc/api/include"))
        .define("_GLIBCXX_USE_CXX11_ABI", abi)
        .define("USE_C10D_GLOO", None)
        .file("native/distributed.cpp")
        .compile("ae_tensor_distributed");
}
