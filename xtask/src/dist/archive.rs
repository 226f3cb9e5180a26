//! Packs a folder, so that the same files give the same bytes.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Writes `folder` with its name into a `.tar.gz`: sorted, without times and owners.
pub(super) fn pack(folder: &Path, to: &Path) -> anyhow::Result<()> {
    let file = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    let mut archive = tar::Builder::new(GzEncoder::new(BufWriter::new(file), Compression::default()));
    archive.mode(tar::HeaderMode::Deterministic);
    let base = folder.parent().unwrap_or(folder);
    for path in files_in(folder)? {
        let name = path.strip_prefix(base).context("a file lies outside the folder")?;
        archive
            .append_path_with_name(&path, name)
            .with_context(|| format!("cannot pack {}", path.display()))?;
    }
    let file =
        archive.into_inner().and_then(GzEncoder::finish).and_then(|mut file| file.flush().map(|()| file));
    file.and_then(|file| file.get_ref().sync_all()).with_context(|| format!("cannot write {}", to.display()))
}

fn files_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() { files.extend(files_in(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

/// Unpacks an archive of [`pack`].
pub(super) fn unpack(archive: &Path, into: &Path) -> anyhow::Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    tar::Archive::new(GzDecoder::new(BufReader::new(file)))
        .unpack(into)
        .with_context(|| format!("cannot unpack {} into {}", archive.display(), into.display()))
}

/// Writes the checksum of a file as `sha256sum` does; the line.
pub(super) fn write_sum(of: &Path, to: &Path) -> anyhow::Result<String> {
    let (digest, _) = ae_fetch::sha256_file(of).with_context(|| format!("cannot read {}", of.display()))?;
    let name = of.file_name().unwrap_or_default().to_string_lossy();
    let line = format!("{digest}  {name}");
    fs::write(to, format!("{line}\n")).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = [1, 2].map(|copy| {
            let place = folder.path().join(copy.to_string()).join("name");
            fs::create_dir_all(place.join("bin")).unwrap();
            // Another order of creation; times differ anyway.
            let mut files = ["bin/ae", "a.txt", "b.txt"];
            if copy == 2 {
                files.reverse();
            }
            for file in files {
                fs::write(place.join(file), file).unwrap();
            }
            let archive = folder.path().join(format!("{copy}.tar.gz"));
            pack(&place, &archive).unwrap();
            fs::read(archive).unwrap()
        });
        assert_eq!(bytes[0], bytes[1]);
        let out = folder.path().join("out");
        unpack(&folder.path().join("1.tar.gz"), &out).unwrap();
        assert_eq!(fs::read_to_string(out.join("name/bin/ae")).unwrap(), "bin/ae");
        let line = write_sum(&folder.path().join("1.tar.gz"), &out.join("SHA256SUMS")).unwrap();
        assert!(line.ends_with("  1.tar.gz") && line.len() == 64 + 10, "{line}");
    }
}
