//! What can be named on the command line: the presets, and the tasks of `ae eval` with their options. Links no tensor
//! library, so a program can list, check and complete names without one.
//!
//! ```
//! assert!(ae_catalogue::presets::Preset::find("vae").is_ok());
//! assert!(ae_catalogue::tasks::TASKS.iter().any(|task| task.name == "anomaly"));
//! ```

pub mod presets;
pub mod tasks;

/// The default side of the tiles that pictures are restored in, in pixels, without their margin.
pub const TILE: i64 = 256;
