//! How much memory a piece of work takes, where the system tells: on Linux.

use std::fs;

const KIB_IN_MIB: f64 = 1024.0;

/// The resident memory of this process before a piece of work.
pub(super) struct Before(Option<f64>);

impl Before {
    /// From now on.
    pub(super) fn now() -> Self {
        // Forgets the peak of what came before; see `man 5 proc_pid_clear_refs`.
        let forgotten = fs::write("/proc/self/clear_refs", "5");
        Before(forgotten.ok().and_then(|()| resident_mib("VmRSS:")))
    }

    /// What the work has added at its peak, in MiB; `None` where the system does not tell.
    pub(super) fn added_mib(&self) -> Option<f64> {
        Some((resident_mib("VmHWM:")? - self.0?).max(0.0))
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
    fn the_peak_is_told_after_the_memory_was_given_back() {
        let before = Before::now();
        if before.0.is_none() {
            return; // This system does not tell.
        }
        let large = vec![1u8; 64 << 20];
        assert!(large.iter().all(|&byte| byte == 1));
        drop(large);
        let added = before.added_mib().unwrap();
        assert!(added > 60.0, "{added}");
    }
}
