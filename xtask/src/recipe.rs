//! Reads `libtorch.toml`: which wheels provide libtorch on which machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ae_fetch::{Artifact, Digest, Source};
use anyhow::Context;
use serde::Deserialize;

/// Where the licences of the wheels lie in the layout, in a folder for each wheel.
pub(crate) const LICENCES: &str = "licences";

/// All recipes for installing one version of libtorch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipes {
    pub(crate) version: String,
    #[serde(rename = "recipe")]
    pub(crate) recipes: Vec<Recipe>,
}

/// One way to install it on one kind of machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    /// Description for messages and for the stamp.
    pub(crate) name: String,
    pub(crate) os: String,
    pub(crate) arch: String,
    /// `cpu` or `cuda`.
    pub(crate) flavour: String,
    /// Whether it has been tested on such a machine.
    pub(crate) verified: bool,
    #[serde(rename = "wheel")]
    pub(crate) wheels: Vec<Wheel>,
    /// Links to make: path in the layout, and what it points to.
    #[serde(default)]
    pub(crate) links: BTreeMap<PathBuf, PathBuf>,
}

/// One wheel, and the files to take from it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wheel {
    /// The requirement for pip, with `platform` and, if the wheel has one, the Python version.
    pub(crate) requirement: Option<String>,
    #[serde(default = "any_python")]
    pub(crate) python: String,
    pub(crate) platform: Option<String>,
    /// Download address.
    pub(crate) url: Option<String>,
    /// Its file name, also in a mirror folder.
    pub(crate) file: String,
    pub(crate) sha256: String,
    pub(crate) bytes: Option<u64>,
    /// Whether to take the C++ headers.
    #[serde(default)]
    pub(crate) include: bool,
    /// File names of the libraries to take; `*` takes all except those that need Python.
    pub(crate) libraries: Vec<String>,
}

fn any_python() -> String {
    "3.12".into()
}

impl Recipes {
    pub(crate) fn built_in() -> anyhow::Result<Self> {
        toml::from_str(include_str!("../libtorch.toml")).context("cannot parse xtask/libtorch.toml")
    }

    /// The recipes for this machine.
    pub(crate) fn for_machine(&self, os: &str, arch: &str, flavour: &str) -> Vec<&Recipe> {
        let fits = |recipe: &&Recipe| recipe.os == os && recipe.arch == arch && recipe.flavour == flavour;
        self.recipes.iter().filter(fits).collect()
    }
}

impl Wheel {
    /// The artifact to fetch into `folder`; a mirror is tried first.
    pub(crate) fn artifact(&self, folder: &Path, mirror: Option<&Path>) -> Artifact {
        let mut sources = Vec::new();
        if let Some(mirror) = mirror {
            sources.push(Source::File(mirror.join("libtorch").join(&self.file)));
        }
        if let (Some(requirement), Some(platform)) = (&self.requirement, &self.platform) {
            let (requirement, python) = (requirement.clone(), self.python.clone());
            sources.push(Source::Wheel { requirement, python, platform: platform.clone() });
        }
        sources.extend(self.url.clone().map(Source::Url));
        Artifact {
            name: self.file.split('-').take(2).collect::<Vec<_>>().join(" "),
            destination: folder.join(&self.file),
            accepted: vec![Digest { sha256: self.sha256.clone(), bytes: self.bytes }],
            sources,
        }
    }

    /// The path of a member of the wheel in the layout; `None` if it is not taken.
    pub(crate) fn place(&self, member: &str) -> Option<PathBuf> {
        if let Some(header) = member.strip_prefix("torch/include/") {
            return self.include.then(|| Path::new("include").join(header));
        }
        let (folder, name) = member.rsplit_once('/')?;
        // Whoever hands the libraries on must hand on their licences.
        if let Some(package) = folder.strip_suffix(".dist-info/licenses") {
            return Some(Path::new(LICENCES).join(package).join(name));
        }
        let is_library = name.contains(".so") || name.contains(".dylib");
        if !is_library
            || !(folder.ends_with("/lib") || folder.ends_with(".libs") || folder.ends_with("/.dylibs"))
        {
            return None;
        }
        let wanted = self.libraries.iter().any(|library| match library.as_str() {
            "*" => !["libtorch_python", "libshm"].iter().any(|python| name.starts_with(python)),
            library => library == name,
        });
        wanted.then(|| Path::new("lib").join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_recipes_are_sound() {
        let recipes = Recipes::built_in().unwrap();
        // Crates that cannot read the recipes name the version in their messages.
        for text in [
            include_str!("../../crates/link/src/missing.rs"),
            include_str!("../../crates/cli/src/hand_over/libtorch.rs"),
        ] {
            assert!(text.contains(&recipes.version), "a message names another version of libtorch");
        }
        for recipe in &recipes.recipes {
            assert!(recipe.wheels.iter().any(|wheel| wheel.include), "{recipe:?}");
            for wheel in &recipe.wheels {
                let artifact = wheel.artifact(Path::new("x"), None);
                assert!(!artifact.sources.is_empty(), "{wheel:?}");
                assert!(wheel.sha256.len() == 64 && wheel.file.ends_with(".whl"), "{wheel:?}");
                assert_eq!(wheel.requirement.is_some(), wheel.platform.is_some(), "{wheel:?}");
            }
        }
        for (os, arch) in [("linux", "x86_64"), ("linux", "aarch64"), ("macos", "aarch64")] {
            assert!(!recipes.for_machine(os, arch, "cpu").is_empty());
        }
        assert!(recipes.for_machine("plan9", "x86_64", "cpu").is_empty());
    }

    #[test]
    fn members_go_where_they_belong() {
        let wheel = |libraries: &[&str], include| Wheel {
            requirement: None,
            python: any_python(),
            platform: None,
            url: None,
            file: String::new(),
            sha256: String::new(),
            bytes: None,
            include,
            libraries: libraries.iter().map(ToString::to_string).collect(),
        };
        let check = |wheel: &Wheel, member: &str, expected: Option<&str>| {
            assert_eq!(wheel.place(member), expected.map(PathBuf::from), "{member}");
        };
        let few = wheel(&["libc10.so"], true);
        check(&few, "torch/include/ATen/ATen.h", Some("include/ATen/ATen.h"));
        check(&few, "torch/lib/libc10.so", Some("lib/libc10.so"));
        check(&few, "torch/lib/libtorch_cuda.so", None);
        check(&few, "torch/lib/libc10.so.py", None);
        check(&few, "torch/__init__.py", None);
        check(&few, "torch-2.11.0.dist-info/licenses/NOTICE", Some("licences/torch-2.11.0/NOTICE"));
        check(&few, "torch-2.11.0.dist-info/METADATA", None);
        let all = wheel(&["*"], false);
        check(&all, "nvidia/cu13/lib/libcudart.so.13", Some("lib/libcudart.so.13"));
        check(&all, "torch/lib/libc10.dylib", Some("lib/libc10.dylib"));
        check(&all, "torch/lib/libtorch_python.so", None);
        check(&all, "torch/include/ATen/ATen.h", None);
        check(&all, "torch/_C.cpython-312-x86_64-linux-gnu.so", None);
    }
}
