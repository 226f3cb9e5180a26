//! What this machine is and has, where the system says so.

use std::fs;

/// The processor's name, or `unknown`.
pub(crate) fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split(':').nth(1)).map_or("unknown".into(), |name| name.trim().into())
}

/// Memory that this process can still get, in bytes: the least of what is free in the machine, in its control
/// group, and in its own address space. `None` if the system does not say.
pub(crate) fn available_memory() -> Option<u64> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let free = kilobytes(&read("/proc/meminfo"), "MemAvailable:");
    let group = read("/sys/fs/cgroup/memory.max").trim().parse::<u64>().ok();
    let group = group.map(|most| most.saturating_sub(number(&read("/sys/fs/cgroup/memory.current"))));
    let space = address_space(&read("/proc/self/limits"));
    let used = kilobytes(&read("/proc/self/status"), "VmSize:").unwrap_or(0);
    [free, group, space.map(|most| most.saturating_sub(used))].into_iter().flatten().min()
}

fn number(text: &str) -> u64 {
    text.trim().parse().unwrap_or(0)
}

/// `MemAvailable:   123456 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.saturating_mul(1024))
}

/// `Max address space   8000000000   unlimited   bytes`: the first number, unless it is unlimited.
fn address_space(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read() {
        assert_eq!(kilobytes("MemTotal: 9 kB\nMemAvailable:    12 kB\n", "MemAvailable:"), Some(12 * 1024));
        let limits = "Limit  Soft  Hard  Units\nMax address space         8000 unlimited  bytes\n";
        assert_eq!(address_space(limits), Some(8000));
        assert_eq!(address_space("Max address space   unlimited   unlimited   bytes"), None);
        if cfg!(target_os = "linux") {
            assert!(available_memory().unwrap() > 1 << 20);
        }
    }
}
