//! Configuration files: TOML text and `--set key=value` overrides into any type that serde can read.
//!
//! The text is read alone first, so that its errors name their lines; then the overrides are laid over the
//! *complete* configuration that the text stands for, one after the other, and their errors name the `--set`.
//! Structs should say `#[serde(default, deny_unknown_fields)]`, and choices be externally tagged enums in
//! `snake_case`: `[model.vae]` chooses the variant `vae` and holds its settings.

mod decode;
mod error;
mod overrides;

pub use error::{ConfigError, Names, Place};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a configuration. `origin` is what messages call the text: a file's path or a preset's name.
///
/// A type that checks itself (`serde(try_from)`) should say `must be …`: its words then follow the key.
///
/// Each override is `key.path=value`. The value is TOML; what is not TOML, or stands where text is expected,
/// is taken as it is (`data.set=mnist`). Arrays and tables replace what is there. The name of a variant chooses
/// it with its default settings (`model=vae`), unless it is chosen already, when nothing changes.
///
/// # Errors
/// The first mistake, with its place, its full key and what would be right.
pub fn load<T: DeserializeOwned + Serialize>(
    origin: &str,
    text: &str,
    overrides: &[String],
) -> Result<T, ConfigError> {
    let config = decode::text::<T>(origin, text)?;
    overrides::apply(config, overrides)
}

/// The complete configuration as TOML, every default written out; [`load`] of it gives the same value back.
///
/// # Panics
/// Where the type holds what TOML cannot say (an absent value inside a list, a map whose keys are not text):
/// that is a mistake in the type, not in the user's input.
pub fn to_toml<T: Serialize>(config: &T) -> String {
    toml::to_string(config).expect("a configuration type holds only what TOML can say")
}
