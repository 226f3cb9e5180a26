//! `cargo xtask readmes`: writes each crate's README.md, which crates.io shows, from the first page of its
//! documentation.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::Usage;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    if let Some(word) = args.first() {
        return Err(Usage(format!("readmes takes no arguments, got {}", word.display())).into());
    }
    for (path, text) in all(&workspace.root)? {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails if a README.md differs from the documentation.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for (path, text) in all(&workspace.root)? {
        if fs::read_to_string(&path).unwrap_or_default() != text {
            stale.push(path.strip_prefix(&workspace.root).unwrap_or(&path).display().to_string());
        }
    }
    anyhow::ensure!(stale.is_empty(), "differ from the documentation: {}", stale.join(", "));
    Ok(())
}

/// Path and text of each README.md.
fn all(root: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let crates = root.join("crates");
    let mut folders: Vec<PathBuf> = fs::read_dir(&crates)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .with_context(|| format!("cannot read {}", crates.display()))?;
    folders.sort();
    let mut found = Vec::new();
    for folder in folders {
        let read = |name: &str| fs::read_to_string(folder.join(name));
        let Ok(manifest) = read("Cargo.toml") else { continue };
        let manifest: toml::Table =
            toml::from_str(&manifest).with_context(|| format!("{} is not TOML", folder.display()))?;
        let name = manifest.get("package").and_then(|package| package.get("name")?.as_str());
        let name = name.with_context(|| format!("{} is not a package", folder.display()))?;
        let source = read("src/lib.rs").or_else(|_| read("src/main.rs"));
        let source = source.with_context(|| format!("{} has no documentation", folder.display()))?;
        found.push((folder.join("README.md"), readme(name, &source)));
    }
    Ok(found)
}

/// The documentation at the top of a source file as a page of its own.
fn readme(name: &str, source: &str) -> String {
    let mut page = format!("# {name}\n\n");
    let mut in_code = false;
    let mut in_rust = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        if let Some(language) = line.strip_prefix("```") {
            in_rust = !in_code && matches!(language, "" | "ignore" | "no_run" | "should_panic");
            in_code = !in_code;
            page.push_str(if in_rust { "```rust" } else { line });
        } else if in_code {
            // Documentation hides lines that begin with `# `.
            if in_rust && (line == "#" || line.starts_with("# ")) {
                continue;
            }
            page.push_str(line);
        } else if line.starts_with('#') {
            page.push('#');
            page.push_str(line);
        } else {
            page.push_str(&without_links(line));
        }
        page.push('\n');
    }
    page.push_str(&format!(
        "\nPart of [autoencoders]({}), under the MIT or the Apache-2.0 licence.\n",
        env!("CARGO_PKG_REPOSITORY")
    ));
    page
}

/// Replaces links to items of the crate, which work only in documentation, by their text.
pub(crate) fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        let Some((shown, behind)) = after.split_once(']') else {
            text.push('[');
            rest = after;
            continue;
        };
        let target = behind.strip_prefix('(').and_then(|target| target.split_once(')'));
        rest = match target {
            Some((target, end)) if target.contains("://") => {
                text.push_str(&format!("[{shown}]({target})"));
                end
            }
            Some((_, end)) => {
                text.push_str(shown);
                end
            }
            None if shown.starts_with('`') => {
                text.push_str(shown);
                behind
            }
            None => {
                text.push_str(&format!("[{shown}]"));
                behind
            }
        };
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_documentation_without_what_only_that_shows() {
        let source = "//! Says [`Thing`] and [more](crate::more).\n//!\n//! # Use\n//!\n//! ```\n//! # use a::b;\n\
                      //! let x = 1; // [`x`]\n//! ```\n//!\n//! ```toml\n//! # A comment.\n//! ```\n\n//! not this\n";
        let page = readme("ae-x", source);
        let expected = "# ae-x\n\nSays `Thing` and more.\n\n## Use\n\n```rust\nlet x = 1; // [`x`]\n```\n\n```toml\n\
                        # A comment.\n```\n\nPart of [autoencoders]";
        assert!(page.starts_with(expected), "{page}");
    }

    #[test]
    fn links_to_pages_and_shapes_stay() {
        let check = |line: &str, expected: &str| assert_eq!(without_links(line), expected);
        check("a [page](https://x.org/y) of [`fit`](Self::fit)", "a [page](https://x.org/y) of `fit`");
        check("values `[B, D]`, or [B", "values `[B, D]`, or [B");
        check("[`A`], [`B`]", "`A`, `B`");
    }
}
