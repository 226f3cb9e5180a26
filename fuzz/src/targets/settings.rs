//! Settings as TOML, with overrides.

use ae_datasets::DataConfig;
use ae_intake::InputConfig;
use ae_records::config;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A line of this separates the text from the overrides, one a line.
const SEPARATOR: &str = "\n---\n";

/// What is read can be written, and read back as the same; a mistake has a message.
pub(crate) fn load(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (text, overrides) = text.split_once(SEPARATOR).unwrap_or((text, ""));
    let overrides: Vec<String> = overrides.lines().map(str::to_owned).collect();
    if let Some(config) = check::<InputConfig>(text, &overrides) {
        let _ = config.validate();
        let _ = config.is_normal(text);
    }
    if let Some(config) = check::<DataConfig>(text, &overrides) {
        let _ = config.validate();
    }
}

fn check<T: DeserializeOwned + Serialize>(text: &str, overrides: &[String]) -> Option<T> {
    match config::load::<T>("fuzz.toml", text, overrides) {
        Ok(config) => {
            let written = config::to_toml(&config);
            let again = config::load::<T>("fuzz.toml", &written, &[]).expect("what was written is read");
            assert_eq!(config::to_toml(&again), written);
            Some(config)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}
