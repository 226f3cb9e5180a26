//! How much memory a piece of work takes, where the system tells: on Linux.

use std::fs;
use std::sync::OnceLock;

const KIB_IN_MIB: f64 = 1024.0;

/// The resident memory of this process before the first piece of work.
static AT_FIRST: OnceLock<Option<f64>> = OnceLock::new();

/// A piece of work that begins.
pub(super) struct Work(());

impl Work {
    /// Begins now; the peak of what came before is forgotten.
    pub(super) fn begin() -> Self {
        AT_FIRST.get_or_init(|| resident_mib("VmRSS:"));
        // Where that fails, `VmHWM` is that of the whole process, which is not less; see `man 5 proc_pid_clear_refs`.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Work(())
    }

    /// What the process holds at the peak of the work beyond what it held before the first one, in MiB: at least what the
    /// work takes, because memory that earlier work gave back may still be the process's. `None` where the system does not
    /// tell.
    pub(super) fn peak_mib(&self) -> Option<f64> {
        let at_first = AT_FIRST.get().copied().flatten()?;
        Some((resident_mib("VmHWM:")? - at_first).max(0.0))
    }
}

fn resident_mib(field: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / KIB_IN_MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_in_use_is_told() {
        let work = Work::begin();
        if resident_mib("VmHWM:").is_none() {
            return; // This system does not tell.
        }
        let large = vec![1u8; 256 << 20];
        assert!(large.iter().all(|&byte| byte == 1));
        // Other tests in this process give memory back.
        let added = work.peak_mib().unwrap();
        assert!(added > 60.0, "{added}");
        drop(large);
    }
}
