//! Says what to do if libtorch is gone; the loader would only name a file.

use crate::failure::Failure;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `ae-compute` looks for libtorch: paths from its build, separated by colons.
const PLACES: Option<&str> = option_env!("AE_LIBTORCH_PLACES");

/// That the program can be loaded.
///
/// # Errors
/// libtorch is in none of the places where it looks.
pub(super) fn check(program: &Path) -> Result<(), Failure> {
    let (Some(places), Some(folder)) = (PLACES, program.parent()) else { return Ok(()) };
    let variables = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"].into_iter().filter_map(env::var_os);
    let of_user = variables.flat_map(|paths| env::split_paths(&paths).collect::<Vec<_>>());
    let mut places: Vec<PathBuf> = places.split(':').map(|place| resolved(place, folder)).collect();
    places.extend(of_user);
    // The loader knows further places, so it has the last word.
    if is_in(&places) || !program.is_file() || runs(program) {
        Ok(())
    } else {
        Err(Failure::new(gone(folder)))
    }
}

/// A place of the loader as a path; `folder` is that of the program.
fn resolved(place: &str, folder: &Path) -> PathBuf {
    let beside = ["$ORIGIN", "@loader_path"].into_iter().find_map(|origin| place.strip_prefix(origin));
    beside.map_or_else(|| place.into(), |rest| folder.join(rest.trim_start_matches('/')))
}

fn is_in(places: &[PathBuf]) -> bool {
    let library = format!("{}torch_cpu{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    places.iter().any(|place| place.join(&library).is_file())
}

fn runs(program: &Path) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn gone(folder: &Path) -> String {
    let beside = folder.parent().unwrap_or(folder).join("lib/autoencoders");
    format!(
        "cannot find libtorch, which `ae` computes with: it is no longer where `ae` was built, and not in {}; \
         `cargo xtask install` in a checkout installs `ae` with a libtorch of its own there, or put the libraries of libtorch \
         2.11.0 there",
        beside.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_loader() {
        let folder = Path::new("/opt/ae/bin");
        assert_eq!(resolved("$ORIGIN/../lib", folder), Path::new("/opt/ae/bin/../lib"));
        assert_eq!(resolved("@loader_path/../lib", folder), Path::new("/opt/ae/bin/../lib"));
        assert_eq!(resolved("/torch/lib", folder), Path::new("/torch/lib"));
        let home = tempfile::tempdir().unwrap();
        assert!(!is_in(&[home.path().into()]));
        let library = format!("{}torch_cpu{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
        std::fs::write(home.path().join(library), "").unwrap();
        assert!(is_in(&["/nowhere".into(), home.path().into()]));
        assert!(gone(folder).contains("/opt/ae/lib/autoencoders"));
    }

    #[test]
    fn this_build_knows_its_places() {
        assert!(PLACES.unwrap().contains("$ORIGIN/../lib/autoencoders") || cfg!(target_os = "macos"));
    }
}
