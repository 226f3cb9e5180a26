//! A small disk that can be filled: a file system in memory, if this process may mount one.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

/// Size of the disk, in MiB: holds any run here, and is filled in no time.
const SIZE_MIB: u64 = 64;

/// What fills the disk.
const FILLER: &str = "filler";

/// A folder to work in, on a disk of its own if possible. Unmounted when dropped.
pub(super) struct Disk {
    place: PathBuf,
    /// Why it is an ordinary folder, which must not be filled.
    refused: Option<String>,
}

impl Disk {
    /// At `place`, which is created. What an earlier process mounted there and left is unmounted.
    pub(super) fn new(place: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(place).with_context(|| format!("cannot create {}", place.display()))?;
        while is_mounted(place) && call("umount", &["-l".as_ref(), place.as_os_str()]).is_ok() {}
        let size = format!("size={SIZE_MIB}m,mode=0700");
        let words = ["-t", "tmpfs", "-o", &size, "tmpfs"].map(AsRef::as_ref);
        let refused = call("mount", &[&words[..], &[place.as_os_str()]].concat()).err();
        Ok(Disk { place: place.to_path_buf(), refused })
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.place
    }

    /// Why the disk cannot be filled; `None` if it can.
    pub(super) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Writes a file until not a byte is free.
    pub(super) fn fill(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.refused.is_none(), "only a disk of its own is filled");
        let path = self.place.join(FILLER);
        let mut file = fs::File::create(&path).context("cannot create the file that fills the disk")?;
        // Large pieces first, then small ones for what is left.
        for piece in [vec![0u8; 1 << 20], vec![0; 1 << 12], vec![0; 1]] {
            loop {
                match file.write_all(&piece) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error).context("cannot fill the disk"),
                }
            }
        }
        Ok(())
    }

    /// Removes the file of [`Self::fill`].
    pub(super) fn free(&self) -> anyhow::Result<()> {
        fs::remove_file(self.place.join(FILLER)).context("cannot free the disk")
    }

    /// Mounts the disk again with twice its size, or with its own, while it is in use.
    pub(super) fn remount(&self, larger: bool) -> anyhow::Result<()> {
        let size = format!("remount,size={}m", if larger { 2 * SIZE_MIB } else { SIZE_MIB });
        call("mount", &["-o".as_ref(), size.as_ref(), self.place.as_os_str()])
            .map_err(|why| anyhow::anyhow!("cannot mount {} again: {why}", self.place.display()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.refused.is_none() {
            // Lazily: a process that just ended may not have let go of it.
            let _ = call("umount", &["-l".as_ref(), self.place.as_os_str()]);
        }
    }
}

fn is_mounted(place: &Path) -> bool {
    let place = place.canonicalize().unwrap_or_else(|_| place.to_path_buf());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts.lines().filter_map(|line| line.split(' ').nth(1)).any(|mount| Path::new(mount) == place)
}

/// Runs a program; what it says if it fails.
fn call(program: &str, words: &[&std::ffi::OsStr]) -> Result<(), String> {
    let output = Command::new(program).args(words).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(said.lines().next().map_or_else(|| output.status.to_string(), str::to_string))
        }
        Err(error) => Err(format!("{program}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_of_its_own_is_filled_and_freed() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("disk");
        let disk = Disk::new(&place).unwrap();
        if disk.refused().is_some() {
            assert!(disk.fill().is_err(), "an ordinary folder is never filled");
            return;
        }
        let write = || fs::write(place.join("some"), [7u8; 8192]).map_err(|error| error.kind());
        assert_eq!(write(), Ok(()));
        fs::remove_file(place.join("some")).unwrap();
        disk.fill().unwrap();
        assert_eq!(write(), Err(io::ErrorKind::StorageFull));
        disk.remount(true).unwrap();
        assert_eq!(write(), Ok(()));
        disk.free().unwrap();
        disk.remount(false).unwrap();
        // One that was left mounted is replaced.
        std::mem::forget(disk);
        drop(Disk::new(&place).unwrap());
        assert!(!is_mounted(&place));
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
    }
}
