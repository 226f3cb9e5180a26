//! `ae doctor`: checks the machine. In a checkout, `cargo xtask doctor` checks the tools as well.

use super::sources;
use crate::cli::{Cli, SourceArgs};
use crate::failure::Failure;
use crate::output;
use ae_tensor::{Device, Kernels, device};
use serde::Serialize;
use std::path::{Path, PathBuf};
use sysinfo::Disks;

#[derive(Serialize)]
struct Finding {
    what: &'static str,
    found: String,
    advice: Option<String>,
}

pub(crate) fn run(args: &SourceArgs, cli: &Cli) -> Result<(), Failure> {
    let sources = sources(args);
    let cuda = match device::cuda_devices() {
        Ok(0) => ("the driver lists no device".into(), None),
        Ok(n) => (format!("{n} devices"), None),
        Err(reason) => (format!("none: {reason}"), None),
    };
    let missing: Vec<String> =
        ae_datasets::list(&sources).into_iter().filter(|set| !set.cached).map(|set| set.name).collect();
    let advice = (!missing.is_empty()).then(|| {
        format!(
            "not downloaded: {}; run `ae data fetch`, or let the first use download them",
            missing.join(", ")
        )
    });
    let findings = [
        ("ae", (env!("CARGO_PKG_VERSION").to_string(), None)),
        ("libtorch", (device::libtorch_version(), None)),
        ("cuda", cuda),
        ("threads", (format!("{} of {} cores", device::threads(), cores()), None)),
        ("kernels", (Kernels::chosen().in_use(Device::Cpu), None)),
        ("data", (sources.cache.display().to_string(), advice)),
        ("free disk", free(&sources.cache)),
    ]
    .map(|(what, (found, advice))| Finding { what, found, advice });
    if cli.json {
        output::json(&findings);
        return Ok(());
    }
    output::columns(findings.into_iter().map(|Finding { what, found, advice }| {
        let advice = advice.map_or(String::new(), |advice| format!("\n→ {advice}"));
        [what.to_string(), found + &advice]
    }));
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Free space for the data; a gigabyte is enough for every set and many runs.
fn free(cache: &Path) -> (String, Option<String>) {
    let there =
        cache.ancestors().find_map(|path| path.canonicalize().ok()).unwrap_or_else(|| PathBuf::from("."));
    let disks = Disks::new_with_refreshed_list();
    let disk = disks
        .iter()
        .filter(|disk| there.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len());
    let Some(bytes) = disk.map(|disk| disk.available_space()) else { return ("unknown".into(), None) };
    let advice = (bytes < 1 << 30)
        .then(|| "less than 1 GB: free some, or point AE_DATA_CACHE to another disk".to_string());
    (format!("{:.1} GB", bytes as f64 / 1e9), advice)
}
