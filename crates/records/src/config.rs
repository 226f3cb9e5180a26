//! Reads configurations, TOML text with `--set key=value` overrides, into any type that serde can read.
//!
//! The text is read alone first, so that its errors name their lines. Then the overrides are applied one by
//! one to the *complete* configuration, and their errors name the `--set`. Structs should have
//! `#[serde(default, deny_unknown_fields)]`, and choices should be externally tagged enums in `snake_case`:
//! `[model.vae]` chooses the variant `vae` and holds its settings.

mod decode;
mod error;
mod overrides;

pub use error::{ConfigError, Names, Place};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a configuration. `origin` is what messages call the text: a file's path or a preset's name.
///
/// The error of a type that checks itself (`serde(try_from)`) should begin with `must be …`, as it follows
/// the key.
///
/// Each override is `key.path=value`. The value is TOML; if it is not valid TOML, or if text is expected, it
/// is taken literally (`data.set=mnist`). Arrays and tables replace what is there. The name of a variant
/// chooses it with its default settings (`model=vae`); if it is already chosen, nothing changes.
///
/// # Errors
/// The first mistake, with its place, its full key and what is expected.
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
/// If the type holds what TOML cannot express (an absent value inside a list, a map whose keys are not text).
/// That is a mistake in the type, not in the user's input.
pub fn to_toml<T: Serialize>(config: &T) -> String {
    toml::to_string(config).expect("a configuration type holds only what TOML can say")
}
